//! The names that an expression can see.

use std::collections::HashMap;
use std::rc::Rc;

use super::values::{Binding, Source};
use crate::diagnostics::FileId;
use crate::syntax::tree::Demand;

/// The names that an expression can see.
#[derive(Clone)]
pub(super) struct Scope {
    /// Where the expression is written: its operators are those that this file sees.
    pub file: FileId,
    pub frames: Vec<HashMap<String, Binding>>,
    /// In a block: the stem and the earlier instances, by output.
    pub earlier: Option<Vec<(String, Rc<Vec<Source>>)>>,
}

impl Scope {
    pub fn new(file: FileId) -> Self {
        Self { file, frames: vec![HashMap::new()], earlier: None }
    }

    pub fn get(&self, name: &str) -> Option<&Binding> {
        self.frames.iter().rev().find_map(|frame| frame.get(name))
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.frames.iter().flat_map(|frame| frame.keys().map(String::as_str))
    }
}

/// A demand with what it sees.
pub(super) struct Pending {
    pub scope: Scope,
    /// The block instance that it stands in.
    pub block: Option<String>,
    pub demand: Demand,
}

impl Pending {
    /// A demand of a search, which sees the choices of the space and what its file sees.
    pub fn of_search(demand: &Demand) -> Self {
        let file = demand.conditions.first().map_or(FileId(0), |condition| condition.span.file);
        Self { scope: Scope::new(file), block: None, demand: demand.clone() }
    }
}
