//! A plan, one line a node.

use std::fmt::Write;

use crate::plan::Plan;

/// The nodes of a plan in order: number, shape, primitive, inputs, parameters, multiply-accumulates, path.
pub fn plan_text(plan: &Plan) -> String {
    let mut rows: Vec<[String; 7]> =
        vec![["node", "shape", "primitive", "inputs", "parameters", "macs", "path"].map(str::to_owned)];
    for (index, node) in plan.nodes.iter().enumerate() {
        let numbers = |all: &[usize]| all.iter().map(|i| format!("{i}")).collect::<Vec<_>>().join(" ");
        let params = node.params.iter().map(|&param| {
            let sizes: Vec<String> = plan.params[param].shape().iter().map(ToString::to_string).collect();
            sizes.join("x")
        });
        let params: Vec<String> = params.collect();
        // A table for each field: their number is enough.
        let params = if params.len() > 4 { format!("{} of {} …", params.len(), params[0]) } else { params.join(" ") };
        let shape: Vec<String> = node.shape.iter().map(ToString::to_string).collect();
        rows.push([
            index.to_string(),
            shape.join("x"),
            node.primitive.name().to_owned(),
            numbers(&node.inputs),
            params,
            plan.node_macs(node).to_string(),
            node.path.to_string(),
        ]);
    }
    let widths: Vec<usize> =
        (0..7).map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)).collect();
    let mut out = String::new();
    for row in &rows {
        let mut line = String::new();
        for (column, (text, width)) in row.iter().zip(&widths).enumerate() {
            // Numbers to the right.
            let _written = match column {
                0 | 5 => write!(line, "{text:>width$}  "),
                _ => write!(line, "{text:<width$}  "),
            };
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    let _written = writeln!(
        out,
        "\nlogit: node {}; {} macs, {} dense and {} embedding parameters",
        plan.logit,
        plan.macs(),
        plan.dense_params(),
        plan.embedding_params()
    );
    out
}
