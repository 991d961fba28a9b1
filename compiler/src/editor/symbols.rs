//! What a file defines, one thing inside the other.

use std::ops::Range;

use crate::names::{FileIndex, Kind};

/// A definition with what it holds.
#[derive(Clone, Debug)]
pub struct Outline {
    /// The name that is defined.
    pub name: String,
    /// What it is the name of.
    pub kind: Kind,
    /// The bytes of the name.
    pub span: Range<usize>,
    /// The bytes of the whole definition, from its keyword to its end.
    pub extent: Range<usize>,
    /// The definitions in it, such as the `let`s of a block.
    pub inside: Vec<Outline>,
}

/// The definitions of a file in source order.
pub fn outline(index: &FileIndex) -> Vec<Outline> {
    inside(index, None)
}

fn inside(index: &FileIndex, owner: Option<usize>) -> Vec<Outline> {
    let of_owner = index.definitions.iter().enumerate().filter(|(_, d)| d.owner == owner);
    of_owner
        .map(|(at, d)| Outline {
            name: d.name.clone(),
            kind: d.kind,
            span: d.span.clone(),
            extent: d.extent.clone(),
            inside: inside(index, Some(at)),
        })
        .collect()
}
