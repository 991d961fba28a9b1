//! Binding a checked space to a schema fixes what depends on the data: widths of inputs, largest forms, and with
//! them every stored parameter.

use std::collections::HashMap;
use std::sync::Arc;

use smallvec::SmallVec;

use super::Space;
use super::count::{Diagram, Validity};
use super::draw::PROBES;
use crate::ir::{Bounds, CheckedSpace, CondId, Constraint, MAX_SIZE, NodeKind, TemplateKind, Wiring};
use crate::plan::{Layout, Lookup, Param, ParamKind};
use crate::primitives::Primitive;
use crate::schema::Schema;

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
                    TemplateKind::Statistic => add(Arc::clone(&template.name), axes, ParamKind::Statistic),
                    TemplateKind::Tables => {
                        for (field, column) in schema.sparse.iter().enumerate() {
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
        let lookups = Lookup::of(schema);
        let mut space = Space {
            name,
            arguments,
            graph,
            wiring,
            bounds,
            sizes,
            params,
            lookups,
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
}
