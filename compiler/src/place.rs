//! Where in its space a node was written.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Where a node stands in its space, recorded when the space is written out; its path is for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The block instance, such as `b[2]`; none outside of blocks.
    pub block: Option<Arc<str>>,
    /// What its statement calls first, such as `fc` for `let d = fc(x, w)`: an operator, a label of an alternative, or a
    /// primitive. Of an input, its name.
    pub operator: Arc<str>,
    /// Whether the `logit` statement wrote it.
    pub head: bool,
}

impl Place {
    /// Outside of blocks and of the logit.
    pub fn outside(operator: &str) -> Self {
        Self { block: None, operator: operator.into(), head: false }
    }
}
