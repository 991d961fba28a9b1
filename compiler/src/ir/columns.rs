//! Lookups with a choice for each column: once a schema says which columns there are, each is a lookup of its own.
//!
//! `embed(fields, 16, each: width in [0, 8, 16])` is one node until then. A schema makes of it, for each column, an `embed` as wide as a choice
//! says, zeros behind its rows, zeros alone where the width is 0, and a `concat` of all. So whatever counts, bounds, draws, plans or executes
//! sees a space with nothing new in it.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use petgraph::graph::{DiGraph, NodeIndex};
use smallvec::SmallVec;

use super::choices::{Choice, ChoiceId};
use super::graph::{Gate, NodeKind, Operand, SpaceGraph, SpaceNode};
use super::inputs::{InputId, InputKind};
use super::offers::Offer;
use super::sizes::{Relation, Size};
use crate::diagnostics::Span;
use crate::primitives::{Concat, Fill, Pad};
use crate::schema::Schema;
use crate::tensor::TensorKind;

/// Most nodes that choices of columns are written out as, so that a schema of many columns gets an answer, too.
const MAX_WRITTEN: usize = 10_000;
/// Most nodes of one column.
const NODES_OF_A_COLUMN: usize = 3;

/// `each: width in [0, 8, 16]`: what each column of a lookup may have.
#[derive(Clone, Debug, PartialEq)]
pub struct Widths {
    /// Such as `b[1].s`: the choice of a column is this, and its name.
    pub name: String,
    /// The block instance it belongs to.
    pub block: Option<String>,
    /// Where there is a 0 among them, a column may be left out.
    pub values: Vec<i64>,
    /// See [`Choice::parent`].
    pub parent: Option<(ChoiceId, u64)>,
    /// Where they are written.
    pub span: Span,
}

impl SpaceGraph {
    /// What leaves a width open for each column that a schema is yet to name.
    pub fn awaited(&self) -> impl Iterator<Item = &Widths> {
        let mut seen = HashSet::new();
        self.graph
            .node_weights()
            .filter_map(|node| node.widths.as_deref())
            .filter(move |widths| seen.insert(&widths.name))
    }

    /// What a space leaves open first, by name, with its place.
    pub fn first_open(&self) -> Option<(&str, Span)> {
        let choice = self.choices.first().map(|choice| (choice.name.as_str(), choice.span));
        choice.or_else(|| self.awaited().next().map(|widths| (widths.name.as_str(), widths.span)))
    }

    /// The columns that an input looks up, each once; none where the schema cannot fill it.
    fn looked_up(&self, input: InputId, schema: &Schema) -> Vec<usize> {
        let Some(input) = self.inputs.get(input.index()) else { return Vec::new() };
        let mut columns = input.columns(schema).unwrap_or_default();
        columns.dedup();
        columns
    }

    /// Why a graph that has choices for the columns of one schema is none of another one.
    pub(crate) fn of_other_columns(&self, schema: &Schema) -> Option<String> {
        let names = |input| self.looked_up(input, schema).into_iter().map(|column| schema.sparse[column].name.as_str());
        let other = self.columns.iter().find(|(input, known)| !names(*input).eq(known.iter().map(String::as_str)))?;
        let (input, list) = (&self.inputs[other.0.index()].name, other.1.join(", "));
        Some(format!(
            "its choices are those of the columns {list}, and input `{input}` reads others of schema `{}`",
            schema.name
        ))
    }

    /// Whether choices of the columns of this schema would be too many nodes to write out.
    pub(crate) fn has_too_many_columns(&self, schema: &Schema) -> bool {
        let lookups = self.graph.node_weights().filter(|node| node.widths.is_some()).filter_map(|node| node.reads);
        let mut left = MAX_WRITTEN;
        lookups.into_iter().any(|input| {
            let nodes = NODES_OF_A_COLUMN * self.looked_up(input, schema).len() + 2;
            left.checked_sub(nodes).map(|fewer| left = fewer).is_none()
        })
    }

    /// The same with a choice for each column of this schema, behind all others. What already has them stays as it is, and so does
    /// an input that the schema cannot fill, or that has too many columns for that: binding says so.
    pub fn over(&self, schema: &Schema) -> Cow<'_, SpaceGraph> {
        if self.awaited().next().is_none() || self.has_too_many_columns(schema) {
            return Cow::Borrowed(self);
        }
        let mut written = Written {
            graph: SpaceGraph { graph: DiGraph::new(), ..self.clone() },
            choices: HashMap::new(),
            names: self.choices.iter().map(|choice| choice.name.clone()).collect(),
            schema,
        };
        let mut moved: Vec<NodeIndex> = Vec::with_capacity(self.graph.node_count());
        for index in self.graph.node_indices() {
            let node = &self.graph[index];
            let columns = node.widths.as_ref().and(node.reads).and_then(|input| {
                let columns = self.looked_up(input, schema);
                (!columns.is_empty()).then_some((input, columns))
            });
            moved.push(match columns {
                Some((input, columns)) => written.lookup(node, input, &columns),
                None => {
                    let operands = self.operands(index).into_iter();
                    let operands: SmallVec<[_; 4]> =
                        operands.map(|(gate, operand)| (gate, moved[operand.index()])).collect();
                    written.add(node.clone(), &operands)
                }
            });
        }
        let mut graph = written.graph;
        graph.logit = moved[self.logit.index()];
        for out in graph.blocks.iter_mut().flat_map(|(_, outs)| outs) {
            out.1 = moved[out.1.index()];
        }
        Cow::Owned(graph)
    }
}

/// A graph while it is written out for a schema.
struct Written<'a> {
    graph: SpaceGraph,
    /// The choice of a table, by the name of the widths and the column that owns the table.
    choices: HashMap<(String, usize), ChoiceId>,
    names: HashSet<String>,
    schema: &'a Schema,
}

impl Written<'_> {
    fn add(&mut self, node: SpaceNode, operands: &[(Gate, NodeIndex)]) -> NodeIndex {
        let node = self.graph.graph.add_node(node);
        for (port, &(gate, operand)) in operands.iter().enumerate() {
            self.graph.graph.add_edge(operand, node, Operand { port: port as u32, gate });
        }
        node
    }

    /// The lookup of all columns, one by one; a sequence is one column.
    fn lookup(&mut self, node: &SpaceNode, input: InputId, columns: &[usize]) -> NodeIndex {
        let Some(widths) = node.widths.as_deref() else { return self.add(node.clone(), &[]) };
        let sequence = self.graph.inputs[input.index()].kind == InputKind::Sequence;
        if self.graph.columns.iter().all(|(known, _)| *known != input) {
            let names = columns.iter().map(|&column| self.schema.sparse[column].name.clone());
            self.graph.columns.push((input, names.collect()));
        }
        let mut all: SmallVec<[(Gate, NodeIndex); 4]> = SmallVec::new();
        let mut nothing = None;
        for (at, &column) in columns.iter().enumerate() {
            let choice = self.choice(widths, self.schema.owner(column));
            let place = if sequence { None } else { Some(at) };
            all.push((Gate::Always, self.column(node, widths, (choice, column, place), &mut nothing)));
        }
        match all.as_slice() {
            [(_, only)] => *only,
            _ => self.add(part(node, NodeKind::Primitive(Concat.into()), "concat"), &all),
        }
    }

    /// What one column is brought to: rows of the dimension of all.
    fn column(
        &mut self,
        node: &SpaceNode,
        widths: &Widths,
        (choice, column, place): (ChoiceId, usize, Option<usize>),
        nothing: &mut Option<NodeIndex>,
    ) -> NodeIndex {
        let name = &self.schema.sparse[column].name;
        let ex = &mut self.graph.expressions;
        let width = ex.atom(Size::Width(choice));
        let (one, own) = (ex.constant(1.0), ex.prefix(width));
        let fields = if place.is_some() { ex.prefix(one) } else { node.axes[0] };
        let dim = node.axes[1];
        let mut embed = SpaceNode { column: place, widths: None, ..node.clone() };
        embed.path = format!("{}.column.{name}", node.path).into();
        embed.axes = [fields, own].into_iter().collect();
        embed.params.iter_mut().for_each(|table| table.axes = [own].into_iter().collect());
        let mut last = self.add(embed, &[]);
        let shaped = |kind: NodeKind, what: &str| SpaceNode {
            axes: [fields, dim].into_iter().collect(),
            ..part(node, kind, what)
        };
        // Where all that are looked up are as wide as the dimension, nothing is behind them.
        let full = self.graph.expressions.as_constant(dim.size);
        if widths.values.iter().any(|&width| width != 0 && Some(width as f64) != full) {
            last = self.add(shaped(NodeKind::Primitive(Pad.into()), &format!("pad.{name}")), &[(Gate::Always, last)]);
        }
        if !widths.values.contains(&0) {
            return last;
        }
        // What has no width looks the same for every column.
        let zeros = NodeKind::Primitive(Fill { value: 0.0 }.into());
        let zeros = *nothing.get_or_insert_with(|| self.add(shaped(zeros, "zeros"), &[]));
        let ex = &mut self.graph.expressions;
        let none = ex.constant(0.0);
        let left_out = ex.compare(Relation::Equal, width, none);
        self.add(
            shaped(NodeKind::Branch(left_out), &format!("if.{name}")),
            &[(Gate::Always, zeros), (Gate::Always, last)],
        )
    }

    /// The choice of a table, which columns that share it have in common.
    fn choice(&mut self, widths: &Widths, owner: usize) -> ChoiceId {
        let key = (widths.name.clone(), owner);
        if let Some(&known) = self.choices.get(&key) {
            return known;
        }
        let column = word(&self.schema.sparse[owner].name);
        let mut name = format!("{}.{column}", widths.name);
        let mut number = 1;
        while !self.names.insert(name.clone()) {
            number += 1;
            name = format!("{}.{column}_{number}", widths.name);
        }
        let choice = ChoiceId(self.graph.choices.len() as u32);
        self.graph.choices.push(Choice {
            name,
            block: widths.block.clone(),
            offer: Offer::width(widths.values.clone()),
            parent: widths.parent,
            span: widths.span,
            is_joined_whole: true,
        });
        self.choices.insert(key, choice);
        choice
    }
}

/// A node beside a lookup, without parameters.
fn part(node: &SpaceNode, kind: NodeKind, name: &str) -> SpaceNode {
    SpaceNode {
        kind,
        tensor: TensorKind::Sparse,
        axes: node.axes.clone(),
        params: SmallVec::new(),
        reads: None,
        column: None,
        widths: None,
        path: format!("{}.{name}", node.path).into(),
        place: node.place.clone(),
    }
}

/// A column's name as an architecture can write it: what is no part of a word becomes `_`.
fn word(column: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' };
    let word: String = column.chars().map(plain).collect();
    if word.starts_with(|c: char| c.is_ascii_digit()) || word.is_empty() { format!("_{word}") } else { word }
}
