//! Summaries that a person wants to read.

use std::fmt::Write;

use anyhow::Result;
use nasrec_compiler::ir::Word;
use nasrec_compiler::plan::ParamKind;
use nasrec_compiler::schema::Schema;
use nasrec_compiler::space::Effort;
use nasrec_compiler::{Architecture, CheckedSpace, Item, ItemKind, Space};

use crate::bounds::Bounds;
use crate::output::{grouped, mmacs};

pub(super) fn space(
    item: &Item,
    checked: &CheckedSpace,
    bound: Option<&Space>,
    schema: Option<&Schema>,
    effort: &mut Effort,
) -> String {
    let graph = &checked.graph;
    let mut out = String::new();
    let mut line = |name: &str, value: String| {
        let _written = writeln!(out, "  {name:<12} {value}");
    };
    let heading = match (item.kind, schema) {
        (ItemKind::Search, Some(schema)) => format!("search {} on {} with {}", item.name, checked.name, schema.name),
        (_, Some(schema)) => format!("space {} with {}", checked.name, schema.name),
        (_, None) => format!("space {}", checked.name),
    };
    if !checked.arguments.is_empty() {
        let given: Vec<String> = checked.arguments.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        line("parameters", given.join(", "));
    }
    line("blocks", graph.blocks.len().to_string());
    line("choices", choices(checked));
    let open = graph.awaited().next().is_some();
    let encodings = if open {
        "depends on the data: bind a schema with --with".to_owned()
    } else {
        format!("{} (raw)", grouped(graph.raw_count()))
    };
    line("encodings", encodings);
    for constraint in &graph.constraints {
        line("constraint", constraint.text.clone());
    }
    line("graph", format!("{} nodes, {} edges", grouped(graph.graph.node_count()), grouped(graph.graph.edge_count())));
    match bound {
        None => line("cost", "depends on the data: bind a schema with --with".to_owned()),
        Some(space) => {
            let bounds = Bounds::within(space, effort).lines();
            if bounds.is_empty() && !effort.is_spent() {
                line("cost", "none: the constraints allow no architecture".to_owned());
            }
            for bound in bounds {
                line("cost", bound);
            }
            if effort.is_spent() {
                line("cost", "less tightly bounded than alone, as others came before: say --name".to_owned());
            }
            let stored = |of_kind: fn(ParamKind) -> bool| {
                let params = space.params().iter().filter(|param| of_kind(param.kind));
                grouped(params.map(|param| param.len() as u64).sum::<u64>())
            };
            let (dense, tables) = (stored(|kind| kind == ParamKind::Dense), stored(ParamKind::is_table));
            line("parameters", format!("{dense} dense, {tables} embedding (whole store)"));
        }
    }
    format!("{heading}\n{out}")
}

/// Choices by kind, such as `14 widths, 28 picks`.
fn choices(checked: &CheckedSpace) -> String {
    let all = &checked.graph.choices;
    let kinds = [Word::Choose, Word::Pick, Word::Width, Word::Maybe, Word::Repeat]
        .map(|word| (all.iter().filter(|choice| choice.offer.word() == word).count(), word.text()));
    let parts: Vec<String> = kinds.iter().filter(|(n, _)| *n > 0).map(|(n, kind)| format!("{n} {kind}")).collect();
    let awaited: Vec<String> =
        checked.graph.awaited().map(|widths| format!("a width for each column of `{}`", widths.name)).collect();
    let decided = (!all.is_empty()).then(|| format!("{} ({})", all.len(), parts.join(", ")));
    let said: Vec<String> = decided.into_iter().chain(awaited).collect();
    if said.is_empty() { "none: one architecture".to_owned() } else { said.join(", and ") }
}

/// An architecture that ends in `..`: what it leaves open.
pub(super) fn open(name: &str, space: &Space, architecture: &Architecture) -> String {
    let decided = architecture.made().iter().flatten().count();
    let live: Vec<&str> =
        space.missing(architecture).iter().map(|id| space.choices()[id.index()].name.as_str()).collect();
    let all = space.choices().len();
    format!(
        "arch {name} of {} (open)\n  decided      {decided} of {all} choices\n  open         {} that its logit may need, the first {}\n",
        space.name,
        live.len(),
        live.first().copied().unwrap_or_default(),
    )
}

pub(super) fn architecture(heading: &str, space: &Space, architecture: &Architecture) -> Result<String> {
    let plan = space.plan(architecture)?;
    let mut out = String::new();
    writeln!(out, "{heading}")?;
    let mut line = |name: &str, value: String| {
        let _written = writeln!(out, "  {name:<12} {value}");
    };
    line("live", format!("{} a sample", mmacs(plan.macs())));
    // Known only where dead choices are decided too.
    if let Ok(whole) = space.whole_plan(architecture) {
        line("whole", format!("{} with dead blocks and branches", mmacs(whole.macs())));
    }
    let blocks = space.blocks().count();
    if blocks > 0 {
        line("live blocks", format!("{} of {blocks}", plan.live_blocks()));
    }
    let (dense, embedding) = (grouped(plan.dense_params()), grouped(plan.embedding_params()));
    line("parameters", format!("{dense} dense, {embedding} embedding"));
    line("plan", format!("{} nodes, {}", plan.nodes.len(), plan.hash()));
    Ok(out)
}
