//! What is drawn as one thing: the nodes of a graph folded by the names on their paths.

use std::collections::{BTreeMap, HashMap, HashSet};

use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use super::words::{self, Line};
use super::{Detail, Drawing, Role};
use crate::ir::{Bounds, ChoiceId, Gate, NodeKind, SpaceGraph, SpaceNode, TensorKind, Word};
use crate::primitives::Primitive;
use crate::space::{Live, PlanError};

/// One thing in the picture.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// What the paths of its nodes start with.
    pub path: String,
    /// Index of its block instance.
    pub block: Option<usize>,
    pub role: Role,
    /// What it is called, with the operator that it calls.
    pub title: String,
    pub(super) lines: Vec<Line>,
    /// The node that hands on.
    pub out: NodeIndex,
    /// Of what it hands on, as far as it fits.
    pub shape: String,
    pub tensor: TensorKind,
    pub tooltip: String,
    /// Whether the architecture uses it; everything is live where there is none.
    pub live: bool,
}

/// What is handed from one part to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub from: usize,
    pub to: usize,
    pub tensor: TensorKind,
    /// A choice opens it.
    pub gated: bool,
    pub live: bool,
}

/// A choice that is no node of the graph.
#[derive(Clone, Debug)]
pub(super) struct Pill {
    pub block: Option<usize>,
    pub line: Line,
    pub tooltip: String,
    /// Whether anything of its block is live.
    pub live: bool,
}

/// A graph, folded.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    pub parts: Vec<Part>,
    pub(super) links: Vec<Link>,
    pub(super) pills: Vec<Pill>,
    pub(super) blocks: Vec<String>,
}

impl Figure {
    /// # Errors
    /// The architecture leaves a live choice open.
    pub fn new(drawing: &Drawing<'_>) -> Result<Figure, PlanError> {
        let graph = drawing.graph;
        let live = match (drawing.architecture, drawing.schema) {
            (Some(architecture), Some(schema)) => Some(graph.live(architecture, schema)?),
            _ => None,
        };
        let groups = Groups::new(graph, drawing.detail);
        let bounds = drawing.schema.map(|schema| Bounds::new(&graph.expressions, &graph.choices, schema));
        let mut figure = Figure {
            parts: Vec::new(),
            links: groups.links(graph, live.as_ref()),
            pills: Vec::new(),
            blocks: graph.blocks.iter().map(|(name, _)| name.clone()).collect(),
        };
        let mut shown: HashSet<ChoiceId> = HashSet::new();
        for members in &groups.members {
            let part = groups.part(drawing, members, live.as_ref(), bounds.as_ref(), &mut shown);
            figure.parts.push(part);
        }
        for (index, choice) in graph.choices.iter().enumerate() {
            let id = ChoiceId(index as u32);
            if !shown.contains(&id) {
                let block = choice.block.as_ref().and_then(|block| figure.blocks.iter().position(|b| b == block));
                let line = words::pill(drawing, id);
                let live = figure.parts.iter().any(|part| part.block == block && part.live);
                figure.pills.push(Pill { block, line, tooltip: words::choice(drawing, id), live });
            }
        }
        Ok(figure)
    }
}

/// Which nodes are drawn as one.
struct Groups {
    /// For each node, its group.
    of: Vec<usize>,
    keys: Vec<String>,
    members: Vec<Vec<NodeIndex>>,
}

impl Groups {
    fn new(graph: &SpaceGraph, detail: Detail) -> Groups {
        let opening: HashSet<&str> = graph
            .choices
            .iter()
            .filter(|choice| matches!(choice.offer.word(), Word::Choose | Word::Repeat))
            .map(|choice| choice.name.as_str())
            .collect();
        let alone = |index: NodeIndex| {
            detail == Detail::Primitives || matches!(graph.graph[index].kind, NodeKind::Choose(_) | NodeKind::Pick(_))
        };
        let mut keys: Vec<String> = graph
            .graph
            .node_indices()
            .map(|index| {
                let node = &graph.graph[index];
                if alone(index) { format!("{}#{}", node.path, index.index()) } else { key(node, &opening) }
            })
            .collect();
        // A stem hands several tensors on under one name: each is a part of its own.
        let groups = Groups::of_keys(graph, &keys);
        for members in &groups.members {
            let out = groups.outputs(graph, members);
            if out.iter().any(|&a| graph.graph[a].tensor != graph.graph[out[0]].tensor) {
                for &index in members {
                    let (path, key) = (&graph.graph[index].path, &keys[index.index()]);
                    keys[index.index()] = longer(path, key.len()).to_owned();
                }
            }
        }
        // Calls that share parameters are called alike, so a group may read what it hands on: it is drawn as its nodes.
        let groups = Groups::of_keys(graph, &keys);
        let mut quotient: DiGraph<(), ()> = DiGraph::new();
        for _ in &groups.members {
            quotient.add_node(());
        }
        for link in groups.links(graph, None) {
            quotient.add_edge(NodeIndex::new(link.from), NodeIndex::new(link.to), ());
        }
        for circle in tarjan_scc(&quotient).into_iter().filter(|circle| circle.len() > 1) {
            for index in circle.into_iter().flat_map(|group| &groups.members[group.index()]) {
                keys[index.index()] = format!("{}#{}", graph.graph[*index].path, index.index());
            }
        }
        Groups::of_keys(graph, &keys)
    }

    fn of_keys(graph: &SpaceGraph, keys: &[String]) -> Groups {
        let mut groups = Groups { of: Vec::new(), keys: Vec::new(), members: Vec::new() };
        let mut known: HashMap<&str, usize> = HashMap::new();
        for index in graph.graph.node_indices() {
            let key = &keys[index.index()];
            let group = *known.entry(key).or_insert_with(|| {
                groups.keys.push(key.split('#').next().unwrap_or_default().to_owned());
                groups.members.push(Vec::new());
                groups.keys.len() - 1
            });
            groups.of.push(group);
            groups.members[group].push(index);
        }
        groups
    }

    /// The members that something outside reads; the last one where nothing does.
    fn outputs(&self, graph: &SpaceGraph, members: &[NodeIndex]) -> Vec<NodeIndex> {
        let group = self.of[members[0].index()];
        let read = |index: &NodeIndex| graph.graph.neighbors(*index).any(|reader| self.of[reader.index()] != group);
        let mut out: Vec<NodeIndex> = members.iter().copied().filter(read).collect();
        if out.is_empty() {
            out.extend(members.last());
        }
        out
    }

    fn links(&self, graph: &SpaceGraph, live: Option<&Live>) -> Vec<Link> {
        let mut links: BTreeMap<(usize, usize), Link> = BTreeMap::new();
        for edge in graph.graph.edge_references() {
            let (from, to) = (self.of[edge.source().index()], self.of[edge.target().index()]);
            if from == to {
                continue;
            }
            let tensor = graph.graph[edge.source()].tensor;
            let gated = edge.weight().gate != Gate::Always;
            let used = live.is_none_or(|live| live.reads(edge.source(), edge.target()));
            let link = links.entry((from, to)).or_insert(Link { from, to, tensor, gated: true, live: false });
            link.gated &= gated;
            link.live |= used;
        }
        links.into_values().collect()
    }

    fn part(
        &self,
        drawing: &Drawing<'_>,
        members: &[NodeIndex],
        live: Option<&Live>,
        bounds: Option<&Bounds>,
        shown: &mut HashSet<ChoiceId>,
    ) -> Part {
        let graph = drawing.graph;
        let group = self.of[members[0].index()];
        let path = self.keys[group].clone();
        let block = graph.block_of(members[0]);
        let out = *self.outputs(graph, members).last().unwrap_or(&members[0]);
        let node = &graph.graph[out];
        let mut choices: Vec<ChoiceId> = Vec::new();
        let mut maybe = None;
        for &member in members {
            match graph.graph[member].kind {
                NodeKind::Choose(choice) | NodeKind::Pick(choice) => choices.push(choice),
                _ => {}
            }
            for (gate, _) in graph.operands(member) {
                if let Gate::Taken(choice, _) = gate
                    && graph.choices[choice.index()].offer.word() != Word::Maybe
                {
                    choices.push(choice);
                }
            }
            // A `maybe` is drawn at what it makes there or not.
            for edge in graph.graph.edges(member).filter(|edge| self.of[edge.target().index()] != group) {
                if let Gate::Taken(choice, _) = edge.weight().gate
                    && graph.choices[choice.index()].offer.word() == Word::Maybe
                {
                    choices.push(choice);
                    maybe = Some(choice);
                }
            }
        }
        let mut seen = HashSet::new();
        choices.retain(|choice| seen.insert(*choice));
        shown.extend(&choices);
        let joins = members.iter().all(|&member| {
            matches!(
                graph.graph[member].kind,
                NodeKind::Pick(_) | NodeKind::Primitive(Primitive::Concat(_) | Primitive::Add(_))
            )
        });
        let word = choices.first().map(|choice| graph.choices[choice.index()].offer.word());
        let role = match (&graph.graph[members[0]].kind, word) {
            _ if members.contains(&graph.logit) => Role::Logit,
            (NodeKind::Choose(choice), _) => match graph.choices[choice.index()].offer.word() {
                Word::Repeat => Role::Repeat,
                _ => Role::Choose,
            },
            _ if maybe.is_some() => Role::Maybe,
            (_, Some(Word::Pick)) if joins => Role::Pick,
            (NodeKind::Primitive(Primitive::Numeric(_) | Primitive::Embed(_)), _) if members.len() == 1 => Role::Input,
            _ => Role::Operator,
        };
        let (title, mut lines) = words::title(graph, &path, block, members, role, drawing.detail);
        lines.extend(choices.iter().flat_map(|&choice| words::lines(drawing, choice, role)));
        lines.extend(members.iter().filter_map(|&member| words::widths(&graph.graph[member])));
        let used = live.is_none_or(|live| members.iter().any(|member| live.nodes[member.index()]));
        let shape = words::shape(drawing, out, block, bounds, live.is_some() && used);
        let tooltip = words::tooltip(drawing, &path, members, node, &choices);
        Part { path, block, role, title, lines, out, shape, tensor: node.tensor, tooltip, live: used }
    }
}

/// A node's path up to the `let`, and further where that holds alternatives or iterations. Outside of blocks, where there is
/// less of it, what a `let` calls is a part of its own.
fn key(node: &SpaceNode, opening: &HashSet<&str>) -> String {
    let path = &*node.path;
    let start = node.place.block.as_ref().map_or(0, |block| block.len() + 1);
    let mut taken = longer(path, start);
    while opening.contains(taken) && taken.len() < path.len() {
        taken = longer(path, taken.len());
    }
    if start == 0 {
        taken = longer(path, taken.len());
    }
    taken.to_owned()
}

/// The path up to the end of the name that follows its first `from` bytes.
fn longer(path: &str, from: usize) -> &str {
    if from >= path.len() {
        return path;
    }
    let after = from + usize::from(path[from..].starts_with('.'));
    path[after..].find('.').map_or(path, |end| &path[..after + end])
}
