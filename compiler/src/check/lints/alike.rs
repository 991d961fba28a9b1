//! Alternatives that compute the same: the same primitives over the same operands, up to the names of their own
//! parameters and choices.

use std::collections::{HashMap, HashSet};

use petgraph::graph::NodeIndex;

use super::observed::Observed;
use crate::diagnostics::{Code, Diagnostic, Span};
use crate::ir::{ChoiceId, Gate, NodeKind, SpaceGraph, Takes};

pub(super) fn alternatives(observed: &Observed<'_>) -> Vec<Diagnostic> {
    let graph = &observed.space.graph;
    let mut found = Vec::new();
    // Of each place, in every block instance.
    let mut all: HashMap<Span, Vec<(NodeIndex, ChoiceId)>> = HashMap::new();
    for node in graph.graph.node_indices() {
        if let NodeKind::Choose(choice) = graph.graph[node].kind {
            all.entry(graph.choices[choice.index()].span).or_default().push((node, choice));
        }
    }
    for (span, written) in observed.chooses() {
        let Some(nodes) = all.get(&span) else { continue };
        for second in 1..written.len() {
            let first = (0..second).find(|&first| {
                nodes.iter().all(|&(node, choice)| Comparison::of(graph, node, choice, (first, second)).is_same())
            });
            let Some(first) = first else { continue };
            let (a, b) = (&written[first].value, &written[second].value);
            let text = |expr: &crate::syntax::tree::Expr| {
                observed.program.sources.text(expr.span).split_whitespace().collect::<String>()
            };
            // With other parameters they may differ.
            if text(a) != text(b) && (observed.is_parametric(a) || observed.is_parametric(b)) {
                continue;
            }
            let alternatives = graph.choices[nodes[0].1.index()].offer.labels();
            let (one, other) = (&alternatives[first], &alternatives[second]);
            found.push(
                Diagnostic::warning(Code::Alike, format!("the alternatives `{one}` and `{other}` are the same"))
                    .label(b.span, "the same layers over the same operands")
                    .label(a.span, "as here")
                    .help("leave one of them out"),
            );
        }
    }
    found
}

/// Two alternatives of a `choose` of one, walked side by side.
struct Comparison<'g> {
    graph: &'g SpaceGraph,
    /// What the names of the nodes of each begin with.
    own: [String; 2],
    roots: Option<(NodeIndex, NodeIndex)>,
}

impl<'g> Comparison<'g> {
    fn of(graph: &'g SpaceGraph, node: NodeIndex, choice: ChoiceId, (first, second): (usize, usize)) -> Self {
        let choice = &graph.choices[choice.index()];
        let operands = graph.operands(node);
        match choice.offer.takes() {
            Takes::One => Self {
                graph,
                own: [first, second].map(|at| format!("{}.{}", choice.name, choice.offer.labels()[at])),
                roots: Some((operands[first].1, operands[second].1)),
            },
            // A sum of two equal layers is another one.
            Takes::Set { .. } => Self { graph, own: [String::new(), String::new()], roots: None },
        }
    }

    fn is_own(&self, side: usize, path: &str) -> bool {
        path.strip_prefix(&self.own[side]).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    fn is_same(&self) -> bool {
        let Some(roots) = self.roots else { return false };
        let graph = &self.graph.graph;
        let (mut there, mut back) = (HashMap::new(), HashMap::new());
        let mut choices: HashMap<ChoiceId, ChoiceId> = HashMap::new();
        let mut same_choice = |a: ChoiceId, b: ChoiceId| {
            let (of_a, of_b) = (&self.graph.choices[a.index()], &self.graph.choices[b.index()]);
            a == b
                || self.is_own(0, &of_a.name)
                    && self.is_own(1, &of_b.name)
                    && of_a.offer == of_b.offer
                    && *choices.entry(a).or_insert(b) == b
        };
        let mut done = HashSet::new();
        let mut left = vec![roots];
        while let Some((a, b)) = left.pop() {
            if a == b || !done.insert((a, b)) {
                continue;
            }
            let (of_a, of_b) = (&graph[a], &graph[b]);
            // One node here is one node there, so that what is shared here is shared there.
            let paired = *there.entry(a).or_insert(b) == b && *back.entry(b).or_insert(a) == a;
            if !paired || !self.is_own(0, &of_a.path) || !self.is_own(1, &of_b.path) {
                return false;
            }
            let same_kind = match (&of_a.kind, &of_b.kind) {
                (NodeKind::Choose(a), NodeKind::Choose(b)) | (NodeKind::Pick(a), NodeKind::Pick(b)) => {
                    same_choice(*a, *b)
                }
                (a, b) => a == b,
            };
            let same_params = of_a.params.len() == of_b.params.len()
                && of_a
                    .params
                    .iter()
                    .zip(&of_b.params)
                    .all(|(a, b)| (&a.axes, a.init, a.kind) == (&b.axes, b.init, b.kind));
            if !same_kind
                || !same_params
                || (&of_a.reads, &of_a.widths, of_a.column) != (&of_b.reads, &of_b.widths, of_b.column)
                || of_a.tensor != of_b.tensor
                || of_a.axes != of_b.axes
            {
                return false;
            }
            let (mine, theirs) = (self.graph.operands(a), self.graph.operands(b));
            if mine.len() != theirs.len() {
                return false;
            }
            for (&(gate, a), &(other, b)) in mine.iter().zip(&theirs) {
                let same_gate = match (gate, other) {
                    (Gate::Taken(a, at), Gate::Taken(b, there)) => at == there && same_choice(a, b),
                    (gate, other) => gate == other,
                };
                if !same_gate {
                    return false;
                }
                left.push((a, b));
            }
        }
        true
    }
}
