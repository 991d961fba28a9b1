//! The graph of a space, one line a node.

use std::fmt::Write;

use crate::ir::{Gate, SpaceGraph};

/// Choices, then nodes with what they read.
pub fn graph_text(graph: &SpaceGraph) -> String {
    let mut out = String::from("choices\n");
    for choice in &graph.choices {
        let _written = writeln!(out, "  {}: {}", choice.name, choice.offer);
    }
    out.push_str("nodes\n");
    for index in graph.graph.node_indices() {
        let node = &graph.graph[index];
        let sizes: Vec<String> = node.axes.iter().map(|axis| graph.size_text(axis.size)).collect();
        let operands: Vec<String> = graph
            .operands(index)
            .iter()
            .map(|&(gate, operand)| match gate {
                Gate::Always => format!("{}", operand.index()),
                gate => format!("{} if {}", operand.index(), graph.gate_text(gate)),
            })
            .collect();
        let _written = writeln!(
            out,
            "  {} {}: {} {}[{}]{}",
            index.index(),
            node.path,
            graph.kind_text(&node.kind),
            node.tensor.word(),
            sizes.join(", "),
            if operands.is_empty() { String::new() } else { format!(" from {}", operands.join(", ")) },
        );
    }
    let _written = writeln!(out, "logit: node {}", graph.logit.index());
    out
}
