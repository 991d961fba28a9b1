//! Binding a checked space to a schema fixes what depends on the data: widths of inputs, largest forms, and with
//! them every stored parameter.

use std::collections::HashMap;
use std::sync::Arc;

use smallvec::SmallVec;

use super::Space;
use super::count::{Diagram, Validity};
use super::draw::PROBES;
use crate::diagnostics::Span;
use crate::ir::{
    Bounds, CheckedSpace, Cond, CondId, Constraint, Given, Input, InputKind, MAX_SIZE, NodeKind, SchemaSizes,
    SpaceGraph, SpaceHead, TemplateKind, Wiring,
};
use crate::plan::{Head, Layout, Lookup, Param, ParamKind};
use crate::schema::{Label, Schema};

/// Why a space and a schema do not fit.
#[derive(Clone, Debug, PartialEq)]
pub struct BindError {
    said: String,
    /// What of the space asks for something that is not there, and what it is called.
    pub(crate) at: Option<(Span, &'static str)>,
}

impl std::fmt::Display for BindError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.said)
    }
}

fn refused(said: String) -> BindError {
    BindError { said, at: None }
}

impl std::error::Error for BindError {}

/// What an input reads of a schema.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    /// Indices into [`Schema::dense`] or [`Schema::sparse`].
    pub read: Vec<usize>,
    /// Of a lookup: see [`Node::lookups`](crate::plan::Node::lookups).
    pub lookups: Vec<Lookup>,
    /// Of numbers: see [`Node::columns`](crate::plan::Node::columns).
    pub numbers: Vec<usize>,
}

impl Columns {
    fn of(input: &Input, read: Vec<usize>, schema: &Schema) -> Self {
        let lookups = match input.kind {
            InputKind::Dense => Vec::new(),
            InputKind::Categorical => Lookup::of(&read, schema),
            InputKind::Sequence => Lookup::of_sequence(read[0], read.len()),
        };
        let whole = read.len() == schema.dense.len() && read.is_sorted();
        let numbers = if input.kind.is_looked_up() || whole { Vec::new() } else { read.clone() };
        Self { read, lookups, numbers }
    }

    /// What a node reads of it, and what its tables are looked up for: all, or one column.
    pub fn of_node(&self, column: Option<usize>) -> (&[usize], &[Lookup]) {
        let Some(at) = column else { return (&self.read, &self.lookups) };
        (self.read.get(at..=at).unwrap_or_default(), self.lookups.get(at..=at).unwrap_or_default())
    }
}

/// Which nodes the logit of some architecture may be computed from: those that it is connected with, but for branches that this
/// table never takes. What else there is was asked for its size, or is read by nobody.
fn reached(graph: &SpaceGraph, wiring: &Wiring, sizes: SchemaSizes) -> Vec<bool> {
    let mut reached = vec![false; graph.graph.node_count()];
    let mut expressions = None;
    let mut left = vec![graph.logit];
    while let Some(node) = left.pop() {
        if std::mem::replace(&mut reached[node.index()], true) {
            continue;
        }
        let operands = wiring.of(node);
        let known = match graph.graph[node].kind {
            NodeKind::Branch(cond) => {
                let expressions = expressions.get_or_insert_with(|| graph.expressions.clone());
                let left = expressions.restrict(cond, &graph.choices, Given::Schema(sizes));
                if let Cond::Known(holds) = *expressions.cond(left) { Some(usize::from(!holds)) } else { None }
            }
            _ => None,
        };
        match known {
            Some(taken) => left.push(operands[taken].1),
            None => left.extend(operands.iter().map(|&(_, operand)| operand)),
        }
    }
    reached
}

impl Space {
    /// Binds a checked space to a schema.
    ///
    /// # Errors
    /// An input that the schema cannot fill, or a size that is not positive under any assignment.
    pub fn bind(checked: &CheckedSpace, schema: &Schema) -> Result<Space, BindError> {
        if let Some(why) = checked.graph.of_other_columns(schema) {
            return Err(refused(format!("space `{}` was written out for another table: {why}", checked.name)));
        }
        if checked.graph.has_too_many_columns(schema) {
            return Err(refused(format!(
                "a width for each column of schema `{}` makes too many choices of space `{}`",
                schema.name, checked.name
            )));
        }
        let graph = Arc::new(checked.graph.over(schema).into_owned());
        let wiring = Arc::new(Wiring::new(&graph));
        let sizes = graph.sizes_of(schema);
        let reached = reached(&graph, &wiring, sizes);
        let looks_up = |input: usize| {
            graph.graph.node_indices().any(|node| {
                reached[node.index()] && graph.graph[node].reads.is_some_and(|reads| reads.index() == input)
            })
        };
        let mut columns = Vec::with_capacity(graph.inputs.len());
        for input in &graph.inputs {
            let read =
                input.columns(schema).map_err(|said| BindError { said, at: Some((input.span, "this input")) })?;
            if read.is_empty() && input.kind.is_looked_up() && looks_up(columns.len()) {
                return Err(refused(format!(
                    "space `{}` reads categorical fields, and schema `{}` has none",
                    checked.name, schema.name
                )));
            }
            columns.push(Columns::of(input, read, schema));
        }
        let head = |head: &SpaceHead| {
            head.bind(schema).map_err(|said| BindError { said, at: Some((head.span, "this logit")) })
        };
        let heads: Vec<Head> = graph.heads.iter().map(head).collect::<Result<_, _>>()?;
        let told = |head: &&Head| !head.auxiliary;
        for (at, head) in heads.iter().filter(told).enumerate() {
            if heads.iter().filter(told).take(at).any(|before| before.label == head.label) {
                let label = schema.labels().nth(head.label).map_or("", Label::name);
                let said = format!(
                    "two logits of `{}` are of the label `{label}`: what is trained beside one is `auxiliary`",
                    checked.name
                );
                return Err(BindError { said, at: Some((graph.heads[at].span, "the second one")) });
            }
        }
        if !heads.iter().any(|head| head.label == 0 && !head.auxiliary) {
            let (space, schema, label) = (&checked.name, &schema.name, schema.label.name());
            return Err(refused(format!(
                "no logit of `{space}` is of `{label}`, the first label of schema `{schema}`, by which models are compared"
            )));
        }
        let bounds = Arc::new(Bounds::new(&graph.expressions, &graph.choices, sizes));
        let mut params: Vec<Param> = Vec::new();
        let mut of_node = Vec::with_capacity(graph.graph.node_count());
        let mut names: HashMap<Arc<str>, usize> = HashMap::new();
        for (node, reached) in graph.graph.node_weights().zip(&reached) {
            if !reached {
                of_node.push(SmallVec::new());
                continue;
            }
            for axis in &node.axes {
                let largest = bounds.largest(axis.size).max(bounds.full(axis.layout));
                if largest > MAX_SIZE {
                    return Err(refused(format!(
                        "a size of `{}` can become {largest} with schema `{}`; at most {MAX_SIZE} is possible",
                        node.path, schema.name
                    )));
                }
                if bounds.largest(axis.size) == 0 {
                    return Err(refused(format!(
                        "a size of `{}` is never positive with schema `{}`",
                        node.path, schema.name
                    )));
                }
            }
            let mut own = SmallVec::new();
            for template in &node.params {
                let axes: SmallVec<[Layout; 2]> =
                    template.axes.iter().map(|axis| Layout::prefix(bounds.full(axis.layout))).collect();
                let mut add = |name: Arc<str>, axes: SmallVec<[Layout; 2]>, kind| {
                    let full = axes.iter().map(Layout::len).collect();
                    let id = params.len();
                    // Calls that share a parameter name it alike.
                    if let Some(&known) = names.get(&name) {
                        return own.push(known);
                    }
                    names.insert(Arc::clone(&name), id);
                    params.push(Param { id, name, full, axes, kind, init: template.init });
                    own.push(id);
                };
                match template.kind {
                    TemplateKind::Dense => add(Arc::clone(&template.name), axes, ParamKind::Dense),
                    TemplateKind::Statistic => add(Arc::clone(&template.name), axes, ParamKind::Statistic),
                    TemplateKind::Tables => {
                        let read = node.reads.map(|input| columns[input.index()].of_node(node.column));
                        for &field in read.map_or(&[][..], |(fields, _)| fields) {
                            let column = &schema.sparse[field];
                            // One table for columns that are the same, under the name of the first.
                            let owner = schema.owner(field);
                            let mut axes = axes.clone();
                            axes.insert(0, Layout::prefix(column.rows));
                            let name = format!("{}.{}", template.name, schema.sparse[owner].name).into();
                            add(name, axes, ParamKind::Table { field: owner });
                        }
                    }
                }
            }
            of_node.push(own);
        }
        let (name, arguments) = (checked.name.clone(), checked.arguments.clone());
        let validity = Arc::new(Validity::Free);
        let mut space = Space {
            name,
            arguments,
            graph,
            wiring,
            bounds,
            sizes,
            params,
            columns,
            heads,
            of_node,
            validity,
            uniform: Arc::default(),
        };
        let of_choices = |constraint: &&Constraint| constraint.costs.is_empty();
        let conds: Vec<CondId> = space.graph.constraints.iter().filter(of_choices).map(|c| c.holds).collect();
        if !conds.is_empty() {
            space.validity = Arc::new(match Diagram::build(&space.graph, sizes, &conds) {
                Ok(Some(diagram)) => Validity::Diagram(diagram),
                Ok(None) => {
                    return Err(refused(format!(
                        "no architecture of `{}` is what it requires with schema `{}`",
                        checked.name, schema.name
                    )));
                }
                Err(_) => match space.witness() {
                    Some(witness) => Validity::Rejection(witness),
                    None => {
                        return Err(refused(format!(
                            "what `{}` requires couples too many choices, and none of {PROBES} architectures that \
                             were drawn is allowed",
                            checked.name
                        )));
                    }
                },
            });
        }
        Ok(space)
    }
}
