//! Many graphs of one space as one, in which every shared subgraph is there once: a parent and its mutated children
//! have long beginnings in common.
//!
//! Parameters are the same where the stored parameter and the active slice are; a block whose input grew reads another
//! slice of its weight, and nothing after it is shared. A parameter that a plan trains is its own, and so is all that
//! it reaches.

use super::cse::Consing;
use super::{Merged, fold, identity, verify};
use crate::plan::sound::Damage;

/// One graph that computes the outputs of all, in their order.
pub fn merge<'a>(graphs: impl IntoIterator<Item = &'a Merged>) -> Merged {
    let mut consing = Consing::default();
    graphs.into_iter().for_each(|graph| consing.absorb(graph));
    consing.graph
}

/// All passes, each verified: every graph made plain on its own, then all of them merged.
///
/// # Errors
/// A graph that is damaged before or after a pass.
pub fn together(mut graphs: Vec<Merged>) -> Result<Merged, Damage> {
    for graph in &mut graphs {
        verify(graph)?;
        for pass in [identity, fold] {
            pass(graph);
            verify(graph)?;
        }
    }
    let merged = merge(&graphs);
    verify(&merged)?;
    Ok(merged)
}
