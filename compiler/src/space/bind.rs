//! Binding a checked space to a schema fixes what depends on the data: widths of inputs, largest forms, and with
//! them every stored parameter.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use smallvec::SmallVec;

use super::architecture::Architecture;
use super::sample::PROBES;
use super::uniform::Uniform;
use super::valid::{Diagram, Intractable, Validity};
use crate::ir::{
    Assignment, Bounds, CheckedSpace, Choice, CondId, Constraint, MAX_SIZE, NodeKind, SchemaSizes, SpaceGraph,
    TemplateKind, Wiring,
};
use crate::plan::{Costs, Layout, Param, ParamKind};
use crate::primitives::Primitive;
use crate::schema::Schema;

/// A space over a given table.
#[derive(Clone, Debug)]
pub struct Space {
    pub name: String,
    /// The parameters that it was given, as source.
    pub arguments: Vec<(String, String)>,
    pub(super) graph: Arc<SpaceGraph>,
    pub(super) wiring: Arc<Wiring>,
    pub(super) bounds: Arc<Bounds>,
    pub(super) sizes: SchemaSizes,
    /// Every stored parameter, whole.
    params: Vec<Param>,
    /// For each graph node, the stored parameters that it uses.
    pub(super) of_node: Vec<SmallVec<[usize; 4]>>,
    pub(super) validity: Arc<Validity>,
    /// What draws uniform over different architectures need; made when the first is asked for.
    pub(super) uniform: Arc<OnceLock<Result<Uniform, Intractable>>>,
}

/// Why a space and a schema do not fit.
#[derive(Clone, Debug, PartialEq)]
pub struct BindError(String);

impl std::fmt::Display for BindError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BindError {}

impl Space {
    /// What a schema supplies.
    pub fn sizes_of(schema: &Schema) -> SchemaSizes {
        SchemaSizes { numeric: schema.numeric_width(), fields: schema.sparse.len() }
    }

    /// Binds a checked space to a schema.
    ///
    /// # Errors
    /// An input that the schema cannot fill, or a size that is not positive under any assignment.
    pub fn bind(checked: &CheckedSpace, schema: &Schema) -> Result<Space, BindError> {
        let graph = Arc::new(checked.graph.clone());
        let wiring = Arc::new(Wiring::new(&graph));
        let sizes = Self::sizes_of(schema);
        let bounds = Arc::new(Bounds::new(&graph.expressions, &graph.choices, sizes));
        let mut params: Vec<Param> = Vec::new();
        let mut of_node = Vec::with_capacity(graph.graph.node_count());
        let mut names: HashMap<Arc<str>, usize> = HashMap::new();
        for node in graph.graph.node_weights() {
            if matches!(node.kind, NodeKind::Primitive(Primitive::Embed(_))) && schema.sparse.is_empty() {
                return Err(BindError(format!(
                    "space `{}` reads categorical fields, and schema `{}` has none",
                    checked.name, schema.name
                )));
            }
            for axis in &node.axes {
                let largest = bounds.largest(axis.size).max(bounds.full(axis.layout));
                if largest > MAX_SIZE {
                    return Err(BindError(format!(
                        "a size of `{}` can become {largest} with schema `{}`; at most {MAX_SIZE} is possible",
                        node.path, schema.name
                    )));
                }
                if bounds.largest(axis.size) == 0 {
                    return Err(BindError(format!(
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
                    TemplateKind::Tables => {
                        for (field, column) in schema.sparse.iter().enumerate() {
                            let mut axes = axes.clone();
                            axes.insert(0, Layout::prefix(column.rows));
                            let name = format!("{}.{}", template.name, column.name).into();
                            add(name, axes, ParamKind::Table { field });
                        }
                    }
                }
            }
            of_node.push(own);
        }
        let (name, arguments) = (checked.name.clone(), checked.arguments.clone());
        let validity = Arc::new(Validity::Free);
        let mut space =
            Space { name, arguments, graph, wiring, bounds, sizes, params, of_node, validity, uniform: Arc::default() };
        let of_choices = |constraint: &&Constraint| constraint.costs.is_empty();
        let conds: Vec<CondId> = space.graph.constraints.iter().filter(of_choices).map(|c| c.holds).collect();
        if !conds.is_empty() {
            space.validity = Arc::new(match Diagram::build(&space.graph, sizes, &conds) {
                Ok(Some(diagram)) => Validity::Diagram(diagram),
                Ok(None) => {
                    return Err(BindError(format!(
                        "no architecture of `{}` is what it requires with schema `{}`",
                        checked.name, schema.name
                    )));
                }
                Err(_) => match space.witness() {
                    Some(witness) => Validity::Rejection(witness),
                    None => {
                        return Err(BindError(format!(
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

    /// The first constraint that an architecture breaks; those on costs only where its costs are given.
    pub fn broken(&self, architecture: &Architecture, costs: Option<Costs>) -> Option<&Constraint> {
        let at = Assignment::new(architecture.made(), self.sizes).with_costs(costs);
        self.graph.broken(&at)
    }

    pub fn choices(&self) -> &[Choice] {
        &self.graph.choices
    }

    /// Every stored parameter at its largest shape, in an order that its ids follow.
    pub fn params(&self) -> &[Param] {
        &self.params
    }

    /// Names of the block instances, in order.
    pub fn blocks(&self) -> impl Iterator<Item = &str> {
        self.graph.blocks.iter().map(|(name, _)| name.as_str())
    }

    pub fn graph(&self) -> &SpaceGraph {
        &self.graph
    }

    pub fn schema_sizes(&self) -> SchemaSizes {
        self.sizes
    }
}
