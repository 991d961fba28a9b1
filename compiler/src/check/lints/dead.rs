//! What no architecture's logit depends on: choices, widths, outputs and instances of blocks.

use std::collections::{HashMap, HashSet};

use petgraph::graph::NodeIndex;

use super::observed::Observed;
use crate::check::listed;
use crate::diagnostics::{Code, Diagnostic, Span};
use crate::ir::{Choice, Gate, NodeKind, SpaceGraph, Word};
use crate::syntax::tree::{Block, Statement};

/// The nodes that `roots` can need, under any choice, and the choices that these depend on.
struct Reach {
    nodes: Vec<bool>,
    choices: Vec<bool>,
}

impl Reach {
    fn from(graph: &SpaceGraph, roots: &[NodeIndex]) -> Self {
        let mut nodes = vec![false; graph.graph.node_count()];
        let mut choices = vec![false; graph.choices.len()];
        let mut left = roots.to_vec();
        let (mut sizes, mut conds) = (Vec::new(), Vec::new());
        while let Some(node) = left.pop() {
            if std::mem::replace(&mut nodes[node.index()], true) {
                continue;
            }
            let weight = &graph.graph[node];
            match weight.kind {
                NodeKind::Primitive(_) => {}
                NodeKind::Choose(choice) | NodeKind::Pick(choice) => choices[choice.index()] = true,
                NodeKind::Branch(cond) => conds.push(cond),
            }
            sizes.extend(weight.axes.iter().map(|axis| axis.size));
            sizes.extend(weight.params.iter().flat_map(|param| &param.axes).map(|axis| axis.size));
            for (gate, operand) in graph.operands(node) {
                if let Gate::Taken(choice, _) = gate {
                    choices[choice.index()] = true;
                }
                left.push(operand);
            }
        }
        // What a requirement speaks of ties other choices.
        conds.extend(graph.constraints.iter().map(|constraint| constraint.holds));
        let mut mentioned = Vec::new();
        graph.expressions.mentioned_below(sizes, conds, &mut mentioned);
        mentioned.iter().for_each(|choice| choices[choice.index()] = true);
        Self { nodes, choices }
    }
}

fn blocks<'a>(observed: &Observed<'a>) -> impl Iterator<Item = &'a Block> {
    observed.tree.body.iter().filter_map(|statement| match statement {
        Statement::Block(block) => Some(block),
        _ => None,
    })
}

/// The instances of a block, in order: each one's name and what it hands on.
type Instances<'a> = Vec<(&'a str, &'a [(String, NodeIndex)])>;

/// The instances of all blocks, by the name of the block.
fn instances(graph: &SpaceGraph) -> HashMap<&str, Instances<'_>> {
    let mut all: HashMap<&str, Instances<'_>> = HashMap::new();
    for (name, outs) in &graph.blocks {
        if let Some((family, _)) = name.split_once('[') {
            all.entry(family).or_default().push((name, outs));
        }
    }
    all
}

/// Instances of blocks, and outputs of all of them, that no logit reads.
pub(super) fn outputs(observed: &Observed<'_>) -> Vec<Diagnostic> {
    let graph = &observed.space.graph;
    let live = Reach::from(graph, &[graph.logit]).nodes;
    let mut found = Vec::new();
    let instances = instances(graph);
    for block in blocks(observed) {
        let name = &block.name;
        if name.text.starts_with('_') || observed.is_said_elsewhere(&name.text) {
            continue;
        }
        let all = instances.get(name.text.as_str()).map_or(&[][..], Vec::as_slice);
        let (read, unread): (Vec<_>, Vec<_>) =
            all.iter().copied().partition(|(_, outs)| outs.iter().any(|&(_, node)| live[node.index()]));
        if read.is_empty() {
            found.push(
                Diagnostic::warning(Code::Unread, format!("no logit reads the block `{}`", name.text))
                    .label(name.span, "nothing that it hands on is used")
                    .help("leave it out, or use one of its outputs"),
            );
            continue;
        }
        if !unread.is_empty() {
            let names: Vec<String> = unread.iter().map(|(name, _)| format!("`{name}`")).collect();
            found.push(
                Diagnostic::warning(Code::Unread, format!("no logit reads {}", listed(&names)))
                    .label(block.range.span, "these instances")
                    .help("end the block earlier, or use what they hand on"),
            );
        }
        let outs_read = outs_read(&read, &live);
        let said_earlier = said_earlier(block);
        for statement in &block.body {
            let Statement::Out { name: out, value } = statement else { continue };
            let unread = !outs_read.contains(out.text.as_str());
            // With more instances, or with other parameters, a later one may read it.
            let alone = all.len() == 1 && said_earlier.contains(out.text.as_str());
            if unread && !alone && !out.text.starts_with('_') && !observed.is_said_elsewhere(&out.text) {
                found.push(
                    Diagnostic::warning(Code::Unread, format!("no logit reads the output `{}`", out.text))
                        .label(out.span.to(value.span), format!("of no instance of `{}`", name.text))
                        .help("leave it out, or use it"),
                );
            }
        }
    }
    found
}

/// The outputs that the logit reads of one of these instances.
fn outs_read<'a>(instances: &[(&str, &'a [(String, NodeIndex)])], live: &[bool]) -> HashSet<&'a str> {
    let outs = instances.iter().flat_map(|(_, outs)| outs.iter());
    outs.filter(|(_, node)| live[node.index()]).map(|(name, _)| name.as_str()).collect()
}

/// The outputs that a block reads of what stands before.
fn said_earlier(block: &Block) -> HashSet<&str> {
    use crate::syntax::tree::ExprKind;
    let mut said = HashSet::new();
    super::walk::statements(&block.body, &mut |expr| {
        if let ExprKind::Earlier(name) = &expr.kind {
            said.insert(name.text.as_str());
        }
    });
    said
}

/// Choices of the space itself that no logit depends on, in any instance.
pub(super) fn choices(observed: &Observed<'_>) -> Vec<Diagnostic> {
    let graph = &observed.space.graph;
    // What an output that nothing reads depends on goes with it.
    let live = Reach::from(graph, &[graph.logit]).nodes;
    let mut roots = vec![graph.logit];
    let instances = instances(graph);
    for block in blocks(observed) {
        let all = instances.get(block.name.text.as_str()).map_or(&[][..], Vec::as_slice);
        let outs_read = outs_read(all, &live);
        for (_, outs) in all {
            let read = outs.iter().any(|&(_, node)| live[node.index()]);
            let gone = outs.iter().filter(|(out, _)| !read || !outs_read.contains(out.as_str()));
            roots.extend(gone.map(|&(_, node)| node));
        }
    }
    let needed = Reach::from(graph, &roots).choices;
    let places = observed.places();
    let mut dead: HashMap<Span, Vec<&Choice>> = HashMap::new();
    let mut alive: HashSet<Span> = HashSet::new();
    for (index, choice) in graph.choices.iter().enumerate() {
        // What is inside of a dead choice is dead with it.
        let inside = choice.parent.is_some_and(|(parent, _)| !needed[parent.index()]);
        if needed[index] || inside {
            alive.insert(choice.span);
        } else if places.contains(&choice.span) {
            dead.entry(choice.span).or_default().push(choice);
        }
    }
    dead.retain(|span, _| !alive.contains(span));
    let own_name = |choice: &Choice| choice.key().rsplit('.').next().unwrap_or_default().to_owned();
    dead.into_iter()
        .filter(|(_, choices)| {
            let name = own_name(choices[0]);
            !name.starts_with('_') && !observed.is_said_elsewhere(&name)
        })
        .map(|(span, choices)| {
            let name = match choices.as_slice() {
                [only] => &only.name,
                [first, ..] => first.key(),
                [] => "",
            };
            if choices[0].offer.word() == Word::Width {
                Diagnostic::warning(Code::DeadWidth, format!("nothing is as wide as `{name}`"))
                    .label(span, "no shape and no condition depends on it")
                    .help("leave it out, or use it")
            } else {
                Diagnostic::warning(Code::DeadChoice, format!("no logit depends on the choice `{name}`"))
                    .label(span, "whatever is taken here, the model is the same")
                    .help("leave it out, or use what it gives")
            }
        })
        .collect()
}
