//! The names that an expression can see.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::values::{Binding, Source};
use crate::diagnostics::FileId;
use crate::syntax::tree::Demand;

/// What stands before a block's instance, by output: the stem and the instances before it.
pub(super) type Earlier = Rc<Vec<(String, Rc<Vec<Source>>)>>;

/// The names that an expression can see.
pub(super) struct Scope {
    /// Where the expression is written: its operators are those that this file sees.
    pub file: FileId,
    frames: Vec<Frame>,
    /// In a block: what `earlier` means.
    pub earlier: Option<Earlier>,
}

/// Names with their order. They are only ever added, so that what a place saw is the first so many of them.
struct Frame {
    names: Rc<RefCell<HashMap<String, (usize, Binding)>>>,
    seen: usize,
}

impl Frame {
    fn new() -> Self {
        Self { names: Rc::default(), seen: usize::MAX }
    }

    fn get(&self, name: &str) -> Option<Binding> {
        let names = self.names.borrow();
        names.get(name).filter(|(order, _)| *order < self.seen).map(|(_, binding)| binding.clone())
    }
}

impl Scope {
    pub fn new(file: FileId) -> Self {
        Self { file, frames: vec![Frame::new()], earlier: None }
    }

    /// What can be seen now, whatever is defined later on.
    pub fn snapshot(&self) -> Self {
        let frame =
            |frame: &Frame| Frame { names: Rc::clone(&frame.names), seen: frame.seen.min(frame.names.borrow().len()) };
        Self { file: self.file, frames: self.frames.iter().map(frame).collect(), earlier: self.earlier.clone() }
    }

    /// Names from here on are known until the scope is left again.
    pub fn enter(&mut self) {
        self.frames.push(Frame::new());
    }

    pub fn leave(&mut self) {
        self.frames.pop();
    }

    pub fn get(&self, name: &str) -> Option<Binding> {
        self.frames.iter().rev().find_map(|frame| frame.get(name))
    }

    /// What a name means in the innermost scope.
    pub fn innermost(&self, name: &str) -> Option<Binding> {
        self.frames.last()?.get(name)
    }

    /// Gives a name its meaning in the innermost scope.
    pub fn set(&mut self, name: &str, binding: Binding) {
        if let Some(frame) = self.frames.last() {
            let mut names = frame.names.borrow_mut();
            let order = names.len();
            names.insert(name.to_owned(), (order, binding));
        }
    }

    pub fn names(&self) -> Vec<String> {
        let names = |frame: &Frame| {
            let names = frame.names.borrow();
            names.iter().filter(|(_, (order, _))| *order < frame.seen).map(|(name, _)| name.clone()).collect::<Vec<_>>()
        };
        self.frames.iter().flat_map(names).collect()
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
