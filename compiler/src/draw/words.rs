//! What is written in the picture.

use petgraph::graph::NodeIndex;

use super::{Detail, Drawing, Role};
use crate::format::value;
use crate::ir::{Assignment, Bounds, ChoiceId, NodeKind, SpaceGraph, SpaceNode, Takes, Word};

/// One line of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub text: String,
    /// What the architecture makes of a choice.
    pub made: bool,
}

impl Line {
    fn plain(text: String) -> Line {
        Line { text, made: false }
    }
}

/// Longest line of a part, in characters.
const WIDEST: usize = 34;
/// Longest shape that is written out.
const WIDEST_SHAPE: usize = 26;
/// Most lines that the values of one choice take.
const MOST_LINES: usize = 3;

/// The title of a part, and what it is made of.
pub(super) fn title(
    graph: &SpaceGraph,
    path: &str,
    block: Option<usize>,
    members: &[NodeIndex],
    role: Role,
    detail: Detail,
) -> (String, Vec<Line>) {
    let start = block.map_or(0, |block| graph.blocks[block].0.len() + 1);
    let own = &path[start..];
    if let NodeKind::Choose(choice) | NodeKind::Pick(choice) = graph.graph[members[0]].kind {
        return (graph.choices[choice.index()].name[start..].to_owned(), Vec::new());
    }
    if detail == Detail::Primitives {
        let kind = match &graph.graph[members[0]].kind {
            NodeKind::Primitive(primitive) => primitive.name(),
            _ => "if",
        };
        return (kind.to_owned(), vec![Line::plain(elided(own, WIDEST))]);
    }
    let mut inside: Vec<&str> = Vec::new();
    for member in members {
        let rest = graph.graph[*member].path.get(path.len() + 1..).unwrap_or_default();
        let name = rest.split('.').next().unwrap_or_default();
        if !name.is_empty() && name != "if" && !inside.contains(&name) {
            inside.push(name);
        }
    }
    if role == Role::Input {
        let kind = members.iter().find_map(|&member| match graph.graph[member].kind {
            NodeKind::Primitive(primitive) => Some(primitive.name()),
            _ => None,
        });
        return (kind.unwrap_or(own).to_owned(), Vec::new());
    }
    let is_out = |(_, node): &(String, NodeIndex)| members.contains(node);
    if let Some(block) = block
        && graph.blocks[block].1.iter().any(|out| out.0 == own && is_out(out))
    {
        return (format!("out {own}"), vec![Line::plain(elided(&inside.join(" · "), WIDEST))]);
    }
    // Outside of blocks a part is what a `let` calls: its line says which.
    if let (None, Some((first, last))) = (block, own.split_once('.')) {
        let mut lines = vec![Line::plain(elided(first, WIDEST))];
        if inside.len() > 1 {
            lines.push(Line::plain(elided(&inside.join(" · "), WIDEST)));
        }
        return (last.to_owned(), lines);
    }
    // An alternative is called as its operator; what it calls inside is told below.
    let own = if matches!(role, Role::Operator) { own.rsplit_once('.').map_or(own, |(_, last)| last) } else { own };
    match inside.as_slice() {
        _ if role == Role::Pick => (own.to_owned(), Vec::new()),
        [] => (own.to_owned(), Vec::new()),
        [only] if *only == own => (own.to_owned(), Vec::new()),
        [only] => (format!("{own} = {only}"), Vec::new()),
        several => (own.to_owned(), vec![Line::plain(elided(&several.join(" · "), WIDEST))]),
    }
}

/// A choice at its part: what it offers, and what an architecture takes.
pub(super) fn lines(drawing: &Drawing<'_>, choice: ChoiceId, role: Role) -> Vec<Line> {
    let graph = drawing.graph;
    let offer = &graph.choices[choice.index()].offer;
    let word = offer.word();
    let mut lines = match (word, offer.ends()) {
        (Word::Maybe, _) => vec![Line::plain("there or not".to_owned())],
        (Word::Repeat, Some((lo, hi))) => vec![Line::plain(format!("repeat {lo} to {hi} times"))],
        _ => {
            let takes = if offer.takes().range() == (1, 1) { Takes::One } else { offer.takes() };
            let mut lines = vec![Line::plain(format!("{} {takes} of", word.text()))];
            lines.extend(wrapped(offer.labels()));
            lines
        }
    };
    // Where several choices meet in one part, each says its name.
    if !matches!(role, Role::Choose | Role::Pick | Role::Repeat | Role::Maybe) {
        lines.truncate(1);
        lines[0].text = format!("{}: {}", graph.choices[choice.index()].key(), lines[0].text);
    }
    if let Some(architecture) = drawing.architecture
        && let Some(made) = architecture.get(choice)
    {
        let text = value(&graph.choices[choice.index()], Some(made));
        lines.push(Line { text: elided(&text, WIDEST), made: true });
    }
    lines
}

/// What is open for each column of a lookup, before a schema says which these are.
pub(super) fn widths(node: &SpaceNode) -> Option<Line> {
    let widths = node.widths.as_ref()?;
    let all: Vec<String> = widths.values.iter().map(ToString::to_string).collect();
    Some(Line::plain(elided(&format!("each {}", all.join(", ")), WIDEST)))
}

/// A choice that is no node: `w in 16, 32`.
pub(super) fn pill(drawing: &Drawing<'_>, choice: ChoiceId) -> Line {
    let it = &drawing.graph.choices[choice.index()];
    let made = drawing.architecture.and_then(|architecture| architecture.get(choice));
    match (drawing.architecture, made) {
        (Some(_), Some(made)) => Line { text: format!("{} = {}", it.key(), value(it, Some(made))), made: true },
        _ => {
            let labels = it.offer.labels();
            let all = match labels {
                [first, .., last] if labels.len() > 3 => format!("{first} … {last} ({})", labels.len()),
                _ => labels.join(", "),
            };
            Line::plain(elided(&format!("{} in {all}", it.key()), 30))
        }
    }
}

/// Everything about a choice.
pub(super) fn choice(drawing: &Drawing<'_>, choice: ChoiceId) -> String {
    let it = &drawing.graph.choices[choice.index()];
    let mut text = format!("{}: {}", it.name, it.offer);
    if let Some((parent, _)) = it.parent {
        text.push_str(&format!("; inside of {}", drawing.graph.choices[parent.index()].name));
    }
    if let Some(made) = drawing.architecture.and_then(|architecture| architecture.get(choice)) {
        text.push_str(&format!("; here {}", value(it, Some(made))));
    }
    text
}

/// A shape that fits beside a node: symbols, or numbers where they are known.
pub(super) fn shape(
    drawing: &Drawing<'_>,
    node: NodeIndex,
    block: Option<usize>,
    bounds: Option<&Bounds>,
    exact: bool,
) -> String {
    let graph = drawing.graph;
    let own = block.map(|block| format!("{}.", graph.blocks[block].0));
    let at = match (drawing.architecture, drawing.schema) {
        (Some(architecture), Some(schema)) if exact => Some(Assignment::new(architecture.made(), schema)),
        _ => None,
    };
    let sparse = graph.graph[node].axes.len() > 1;
    let axes = graph.graph[node].axes.iter().map(|axis| {
        if let Some(at) = &at
            && let Ok(size) = graph.expressions.evaluate(axis.size, &graph.choices, at)
        {
            return size.to_string();
        }
        let text = graph.size_text(axis.size);
        let text = own.as_ref().map_or(text.clone(), |own| text.replace(own, ""));
        let known = bounds.map(|bounds| (bounds.smallest(axis.size), bounds.largest(axis.size)));
        match bounds {
            _ if known.is_some_and(|(least, most)| least == most as f64) => known.unwrap_or_default().1.to_string(),
            _ if text.chars().count() <= WIDEST_SHAPE / 2 && sparse && text.contains(' ') => format!("({text})"),
            _ if text.chars().count() <= WIDEST_SHAPE / 2 => text,
            Some(bounds) => format!("{}..{}", bounds.smallest(axis.size), bounds.largest(axis.size)),
            // The tooltip has it in full.
            None => "…".to_owned(),
        }
    });
    axes.collect::<Vec<_>>().join(" × ")
}

pub(super) fn tooltip(
    drawing: &Drawing<'_>,
    path: &str,
    members: &[NodeIndex],
    out: &SpaceNode,
    choices: &[ChoiceId],
) -> String {
    let graph = drawing.graph;
    let mut lines = vec![path.to_owned()];
    for name in path.split('.').chain(graph.graph[members[0]].path.split('.').skip(path.split('.').count()).take(1)) {
        if let Some(doc) = drawing.docs.get(name) {
            lines.push(doc.clone());
        }
    }
    let sizes: Vec<String> = out.axes.iter().map(|axis| elided(&graph.size_text(axis.size), 200)).collect();
    lines.push(format!("{}[{}]", out.tensor.word(), sizes.join(", ")));
    lines.extend(choices.iter().map(|&id| choice(drawing, id)));
    if members.len() > 1 {
        let kinds = members.iter().map(|&member| match &graph.graph[member].kind {
            NodeKind::Primitive(primitive) => primitive.name(),
            _ => "if",
        });
        lines.push(kinds.collect::<Vec<_>>().join(", "));
    }
    let params: Vec<&str> =
        members.iter().flat_map(|&member| &graph.graph[member].params).map(|param| &*param.name).collect();
    if !params.is_empty() {
        lines.push(format!("parameters: {}", params.join(", ")));
    }
    lines.join("\n")
}

/// Labels in lines of bounded width.
fn wrapped(labels: &[String]) -> Vec<Line> {
    let mut lines: Vec<String> = Vec::new();
    for (at, label) in labels.iter().enumerate() {
        let piece = if at + 1 < labels.len() { format!("{label}, ") } else { label.clone() };
        match lines.last_mut() {
            Some(line) if line.chars().count() + piece.chars().count() <= WIDEST => line.push_str(&piece),
            _ => lines.push(piece),
        }
    }
    if lines.len() > MOST_LINES {
        lines.truncate(MOST_LINES);
        lines[MOST_LINES - 1].push('…');
    }
    lines.into_iter().map(|line| Line::plain(line.trim_end().to_owned())).collect()
}

fn elided(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}
