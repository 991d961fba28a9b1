//! How many dense parameters an architecture has: the more, the better. Tables are left out, as all that read a column
//! have the same.

use super::Untrained;
use crate::backend::Backend;

pub(super) fn judge<B: Backend>() -> Untrained<B> {
    Untrained { name: "parameters", by: |_, plan| Ok(-(plan.costs().dense_params as f64)) }
}
