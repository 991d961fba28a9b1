//! The graph of a space, written out for machines and for Graphviz.

use std::fmt::Write;

use petgraph::graph::NodeIndex;
use petgraph::visit::EdgeRef;
use serde_json::{Value, json};

use super::choices::Choice;
use super::graph::{Gate, NodeKind, SpaceGraph};
use super::offers::{Takes, Word};
use super::sizes::{Cond, CondId, Relation, Size, SizeId};

/// Deepest nesting that is written out.
const TEXT_DEPTH: u32 = 12;
/// Longest text of a size or a condition, about: in bytes.
const TEXT_BYTES: usize = 16 << 10;
/// What the nodes of a graph share: of many, each has a shorter text.
const ALL_TEXT_BYTES: usize = 16 << 20;
/// What a part of a text takes beyond the name in it: brackets and signs.
const PART_BYTES: usize = 4;

impl SpaceGraph {
    /// Choices, nodes and edges as JSON.
    pub fn to_json(&self) -> Value {
        let choices: Vec<Value> = self.choices.iter().map(choice_json).collect();
        let nodes: Vec<Value> = self
            .graph
            .node_indices()
            .map(|index| {
                let node = &self.graph[index];
                let shape: Vec<String> = node.axes.iter().map(|axis| self.size_text(axis.size)).collect();
                let params: Vec<&str> = node.params.iter().map(|param| &*param.name).collect();
                json!({
                    "id": index.index(), "path": &*node.path, "kind": self.kind_text(&node.kind),
                    "tensor": node.tensor.word(), "shape": shape, "params": params,
                })
            })
            .collect();
        let edges: Vec<Value> = self
            .graph
            .edge_references()
            .map(|edge| {
                json!({
                    "from": edge.source().index(), "to": edge.target().index(), "port": edge.weight().port,
                    "when": self.gate_text(edge.weight().gate),
                })
            })
            .collect();
        json!({ "choices": choices, "nodes": nodes, "edges": edges, "logit": self.logit.index() })
    }

    /// For `dot`: blocks as boxes, choices as diamonds, edges that a choice opens dashed.
    pub fn to_dot(&self, name: &str) -> String {
        let mut out = format!("digraph \"{name}\" {{\n  rankdir=TB; node [shape=box, fontname=\"Helvetica\"];\n");
        let node_line = |index: NodeIndex| {
            let node = &self.graph[index];
            let shape: Vec<String> = node.axes.iter().map(|axis| self.size_text(axis.size)).collect();
            let style = if matches!(node.kind, NodeKind::Primitive(_)) { "" } else { ", shape=diamond" };
            let (kind, tensor) = (self.kind_text(&node.kind), node.tensor.word());
            format!("n{} [label=\"{kind}\\n{tensor}[{}]\"{style}];\n", index.index(), shape.join(", "))
        };
        for (number, (block, _)) in self.blocks.iter().enumerate() {
            let _written = writeln!(out, "  subgraph cluster_{number} {{ label=\"{block}\";");
            for index in self.graph.node_indices().filter(|&index| self.block_of(index) == Some(number)) {
                let _written = write!(out, "    {}", node_line(index));
            }
            out.push_str("  }\n");
        }
        for index in self.graph.node_indices().filter(|&index| self.block_of(index).is_none()) {
            let _written = write!(out, "  {}", node_line(index));
        }
        for edge in self.graph.edge_references() {
            let style = match edge.weight().gate {
                Gate::Always => String::new(),
                gate => format!(" [style=dashed, label=\"{}\"]", self.gate_text(gate)),
            };
            let _written = writeln!(out, "  n{} -> n{}{style};", edge.source().index(), edge.target().index());
        }
        let _written = writeln!(out, "  logit [shape=plaintext]; n{} -> logit;\n}}", self.logit.index());
        out
    }

    pub(crate) fn kind_text(&self, kind: &NodeKind) -> String {
        match kind {
            NodeKind::Primitive(primitive) => primitive.name().to_owned(),
            NodeKind::Choose(choice) => format!("choose {}", self.choices[choice.index()].name),
            NodeKind::Pick(choice) => format!("pick {}", self.choices[choice.index()].name),
            NodeKind::Branch(cond) => format!("if {}", self.cond_text(*cond)),
        }
    }

    pub(crate) fn gate_text(&self, gate: Gate) -> String {
        match gate {
            Gate::Always => String::new(),
            Gate::Taken(choice, position) => {
                let choice = &self.choices[choice.index()];
                let takes = match choice.offer.takes() {
                    Takes::One => "=",
                    Takes::Set { .. } => "has",
                };
                format!("{} {takes} {}", choice.name, choice.offer.labels()[position as usize])
            }
        }
    }

    /// A size as an expression over choices.
    pub(crate) fn size_text(&self, size: SizeId) -> String {
        self.size_to(size, self.text_depth(|depth, left| self.size_fits(size, depth, left)))
    }

    /// How deep a text is written out: sizes share parts, so it can be exponentially long, and at any depth as broad
    /// as there are choices.
    fn text_depth(&self, fits: impl Fn(u32, &mut usize) -> bool) -> u32 {
        let most = TEXT_BYTES.min(ALL_TEXT_BYTES / self.graph.node_count().max(1));
        (1..=TEXT_DEPTH).take_while(|&depth| fits(depth, &mut most.clone())).last().unwrap_or(0)
    }

    /// Whether the text of a size, so deep, fits into the bytes that are left.
    fn size_fits(&self, size: SizeId, depth: u32, left: &mut usize) -> bool {
        let size = self.expressions.size(size);
        let name = match size {
            Size::Width(choice) | Size::OneOf(choice, _) | Size::Picked(choice, _) | Size::When(choice, _) => {
                self.choices[choice.index()].name.len()
            }
            _ => 0,
        };
        let Some(rest) = left.checked_sub(name + PART_BYTES) else { return false };
        *left = rest;
        let Some(below) = depth.checked_sub(1) else { return true };
        match size {
            Size::Linear { terms, .. } => terms.iter().all(|&(term, _)| self.size_fits(term, below, left)),
            Size::OneOf(_, all) | Size::Picked(_, all) => all.iter().all(|&size| self.size_fits(size, below, left)),
            Size::Product(a, b) | Size::Quotient(a, b) | Size::Max(a, b) | Size::Min(a, b) => {
                self.size_fits(*a, below, left) && self.size_fits(*b, below, left)
            }
            Size::If(cond, a, b) => {
                self.cond_fits(*cond, below, left) && self.size_fits(*a, below, left) && self.size_fits(*b, below, left)
            }
            Size::Root(a) | Size::Round(a) | Size::When(_, a) => self.size_fits(*a, below, left),
            Size::Numeric | Size::Fields | Size::Columns(_) | Size::Opaque(_) | Size::Width(_) | Size::Cost(_) => true,
        }
    }

    fn cond_fits(&self, cond: CondId, depth: u32, left: &mut usize) -> bool {
        let Some(rest) = left.checked_sub(PART_BYTES) else { return false };
        *left = rest;
        let Some(below) = depth.checked_sub(1) else { return true };
        match *self.expressions.cond(cond) {
            Cond::Known(_) | Cond::Opaque(_) => true,
            Cond::Compare(_, a, b) => self.size_fits(a, below, left) && self.size_fits(b, below, left),
            Cond::Not(a) => self.cond_fits(a, below, left),
            Cond::And(a, b) | Cond::Or(a, b) => self.cond_fits(a, below, left) && self.cond_fits(b, below, left),
        }
    }

    /// `…` stands for what is nested too deep.
    fn size_to(&self, size: SizeId, depth: u32) -> String {
        let Some(below) = depth.checked_sub(1) else { return "…".to_owned() };
        let name = |choice: super::ChoiceId| self.choices[choice.index()].name.clone();
        let list = |all: &[SizeId]| all.iter().map(|&s| self.size_to(s, below)).collect::<Vec<_>>().join(", ");
        match self.expressions.size(size) {
            Size::Numeric => "numeric".to_owned(),
            Size::Fields => "fields".to_owned(),
            Size::Columns(input) => format!("{}.count", self.inputs[input.index()].name),
            Size::Opaque(n) => format!("?{n}"),
            Size::Width(choice) => name(*choice),
            Size::Linear { constant, terms } => {
                let mut parts: Vec<String> = terms
                    .iter()
                    .map(|&(term, c)| match c.get() {
                        1.0 => self.size_to(term, below),
                        c => format!("{c} {}", self.size_to(term, below)),
                    })
                    .collect();
                if constant.get() != 0.0 || parts.is_empty() {
                    parts.push(constant.get().to_string());
                }
                parts.join(" + ")
            }
            Size::Product(a, b) => format!("({}) ({})", self.size_to(*a, below), self.size_to(*b, below)),
            Size::Quotient(a, b) => format!("({}) / ({})", self.size_to(*a, below), self.size_to(*b, below)),
            Size::Root(a) => format!("sqrt({})", self.size_to(*a, below)),
            Size::Round(a) => format!("round({})", self.size_to(*a, below)),
            Size::Max(a, b) => format!("max({})", list(&[*a, *b])),
            Size::Min(a, b) => format!("min({})", list(&[*a, *b])),
            Size::If(cond, a, b) => {
                format!(
                    "if {} {{ {} }} else {{ {} }}",
                    self.cond_to(*cond, below),
                    self.size_to(*a, below),
                    self.size_to(*b, below)
                )
            }
            Size::OneOf(choice, all) => format!("{}({})", name(*choice), list(all)),
            Size::Picked(choice, all) => format!("sum {}({})", name(*choice), list(all)),
            Size::Cost(cost) => cost.words().to_owned(),
            Size::When(choice, a) => format!("{}({})", name(*choice), self.size_to(*a, below)),
        }
    }

    fn cond_text(&self, cond: CondId) -> String {
        self.cond_to(cond, self.text_depth(|depth, left| self.cond_fits(cond, depth, left)))
    }

    fn cond_to(&self, cond: CondId, depth: u32) -> String {
        let Some(below) = depth.checked_sub(1) else { return "…".to_owned() };
        match *self.expressions.cond(cond) {
            Cond::Known(value) => value.to_string(),
            Cond::Opaque(n) => format!("?{n}"),
            Cond::Compare(relation, a, b) => {
                let sign = match relation {
                    Relation::Equal => "==",
                    Relation::Less => "<",
                    Relation::AtMost => "<=",
                };
                format!("{} {sign} {}", self.size_to(a, below), self.size_to(b, below))
            }
            Cond::Not(a) => format!("not ({})", self.cond_to(a, below)),
            Cond::And(a, b) => format!("({}) and ({})", self.cond_to(a, below), self.cond_to(b, below)),
            Cond::Or(a, b) => format!("({}) or ({})", self.cond_to(a, below), self.cond_to(b, below)),
        }
    }
}

fn choice_json(choice: &Choice) -> Value {
    let (offer, word) = (&choice.offer, choice.offer.word().text());
    let options = match offer.word() {
        Word::Width => json!({ word: offer.numbers() }),
        Word::Repeat => {
            let (lo, hi) = offer.ends().unwrap_or_default();
            json!({ word: { "lo": lo, "hi": hi } })
        }
        Word::Pick | Word::Choose => {
            let (lo, hi) = offer.takes().range();
            json!({ word: { "lo": lo, "hi": hi, "from": offer.labels() } })
        }
        Word::Maybe => json!(word),
    };
    json!({ "name": choice.name, "options": options })
}
