//! Dead code: nodes that no output needs, and parameters that no node uses.
//!
//! A plan has none, for it is built backwards from its logit (`space/select.rs`); other passes leave some.

use super::Merged;

/// Drops what no output needs.
pub fn dead(graph: &mut Merged) {
    let needed = needed(graph);
    let places = places(&needed);
    let mut keep = needed.iter();
    graph.nodes.retain(|_| keep.next().copied().unwrap_or(false));
    let mut used = vec![false; graph.params.len()];
    for node in &mut graph.nodes {
        node.inputs.iter_mut().for_each(|input| *input = places[*input]);
        node.params.iter().for_each(|&param| used[param] = true);
    }
    graph.outputs.iter_mut().for_each(|output| *output = places[*output]);

    let places = self::places(&used);
    let (mut params, mut owners) = (used.iter(), used.iter());
    graph.params.retain(|_| params.next().copied().unwrap_or(false));
    graph.owners.retain(|_| owners.next().copied().unwrap_or(false));
    graph.nodes.iter_mut().flat_map(|node| &mut node.params).for_each(|param| *param = places[*param]);
}

/// Which nodes some output needs.
pub(super) fn needed(graph: &Merged) -> Vec<bool> {
    let mut needed = vec![false; graph.nodes.len()];
    graph.outputs.iter().for_each(|&output| needed[output] = true);
    for (i, node) in graph.nodes.iter().enumerate().rev() {
        if needed[i] {
            node.inputs.iter().for_each(|&input| needed[input] = true);
        }
    }
    needed
}

/// Where each of those that stay comes to lie.
fn places(stay: &[bool]) -> Vec<usize> {
    let mut next = 0;
    stay.iter()
        .map(|&stays| {
            next += usize::from(stays);
            next - usize::from(stays)
        })
        .collect()
}
