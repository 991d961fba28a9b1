//! Identities: nodes whose value is their input's, bit for bit.
//!
//! A join of one, a pad to the width that is there, a relu of a relu. A dropout, where nothing before it is trained: what
//! runs passes computes what a trained model says (`Backend::finetune`, `Backend::logits`). A projection to the width that is there is none:
//! it has weights (the standard library's `fit` leaves it out where the language can see that). Nor is the sum of one
//! field or a row of one number: a kernel may start its sum at 0, and 0 + -0 is 0. Nor is adding what was padded with
//! zeros, for the same reason.

use super::{Merged, Placed};
use crate::plan::Node;
use crate::primitives::Primitive;

/// Reads the input where a node would only copy it.
pub fn identity(graph: &mut Merged) {
    graph.rewrite(|kept, node| match node.inputs.as_slice() {
        &[only] if copies(kept, &node, only) => Placed::As(only),
        _ => Placed::Kept(node),
    });
}

fn copies(kept: &[Node], node: &Node, input: usize) -> bool {
    match node.primitive {
        Primitive::Add(_) | Primitive::Concat(_) => true,
        Primitive::Pad(_) => node.shape == kept[input].shape,
        Primitive::Dropout(_) => true,
        Primitive::Relu(_) => matches!(kept[input].primitive, Primitive::Relu(_)),
        _ => false,
    }
}
