//! Folding: chains of nodes that only move values become one node or none.
//!
//! Constants are not folded: what is made of `ones` and `zeros` alone is a few numbers, computed as ever. All other nodes without inputs read the batch
//! (numeric columns or looked-up rows) or a parameter, and numbers such as `eps` are attributes, known before there is a plan.
//! Zeros that a pad appends are no node: the runtime's lowering carries how far
//! a value reaches before its zeros and computes nothing of them. What is left is shape: how values are moved depends
//! on no value, so a pad of a pad, a concatenation inside of another, and a view back to the shape that was there are
//! worked out here.

use super::{Merged, Placed, dead};
use crate::plan::Node;
use crate::primitives::Primitive;

/// Makes one of shape-only nodes that follow each other.
pub fn fold(graph: &mut Merged) {
    graph.rewrite(|kept, mut node| {
        let source = |node: &Node| node.inputs.first().map(|&input| &kept[input]);
        match (node.primitive, source(&node).map(|source| source.primitive)) {
            // Inputs are folded already, so one step looks through a chain.
            (Primitive::Pad(_), Some(Primitive::Pad(_))) => node.inputs = kept[node.inputs[0]].inputs.clone(),
            (Primitive::Flatten(_), Some(Primitive::Rows(_))) => return Placed::As(kept[node.inputs[0]].inputs[0]),
            (Primitive::Rows(_), Some(Primitive::Flatten(_))) => {
                let fields = kept[node.inputs[0]].inputs[0];
                if kept[fields].shape == node.shape {
                    return Placed::As(fields);
                }
            }
            (Primitive::Concat(_), _) => {
                let parts = node.inputs.iter().flat_map(|&input| match kept[input].primitive {
                    Primitive::Concat(_) => kept[input].inputs.to_vec(),
                    _ => vec![input],
                });
                node.inputs = parts.collect();
            }
            _ => {}
        }
        Placed::Kept(node)
    });
    dead(graph);
}
