//! A plan for Graphviz.

use std::fmt::Write;

use super::Plan;

impl Plan {
    /// For `dot`: one box a node, with its shape.
    pub fn to_dot(&self, name: &str) -> String {
        let mut out = format!("digraph \"{name}\" {{\n  rankdir=TB; node [shape=box, fontname=\"Helvetica\"];\n");
        for (index, node) in self.nodes.iter().enumerate() {
            let _written = writeln!(
                out,
                "  n{index} [label=\"{}\\n{}\\n{:?}\"];",
                node.path,
                node.primitive.name(),
                node.shape.as_slice()
            );
            for input in &node.inputs {
                let _written = writeln!(out, "  n{input} -> n{index};");
            }
        }
        let _written = writeln!(out, "  logit [shape=plaintext]; n{} -> logit;\n}}", self.logit);
        out
    }
}
