//! The plan as a module of PyTorch that a person might have written: a layer for what has weights, a line for each node.

use std::fmt::Write as _;

use nasrec_compiler::plan::{Node, Plan};
use nasrec_compiler::primitives::{Axis, Function, Primitive, Reduction};
use nasrec_compiler::schema::Pool;

use super::names::Names;
use crate::model::Model;

/// The whole file.
pub(super) fn write(model: &Model, names: &Names) -> String {
    let plan = model.plan();
    let writing = Writing { model, plan, names };
    let (layers, lines) = (writing.layers(), writing.lines());
    let schema = model.schema();
    let slots: Vec<String> = schema
        .sparse
        .iter()
        .zip(schema.slots())
        .map(|(column, slots)| match slots.len() {
            1 => format!("{} {}", slots.start, column.name),
            _ => format!("{}-{} {}", slots.start, slots.end - 1, column.name),
        })
        .collect();
    let dense: Vec<&str> = schema.dense.iter().map(|column| column.name.as_str()).collect();
    let scaling = model.scaling().map_or_else(
        || ("1.0".to_owned(), "0.0".to_owned()),
        |scaling| (format!("{:?}", scaling.scale), format!("{:?}", scaling.offset)),
    );
    let pooled = if lines.contains("pooled(self.") { include_str!("parts/pooled.py") } else { "" };
    let placed = if lines.contains("placed(self.") { include_str!("parts/placed.py") } else { "" };
    include_str!("parts/model.py")
        .replace("@NAME@", &text(&model.name))
        .replace("@VERSION@", env!("CARGO_PKG_VERSION"))
        .replace("@PLAN@", &plan.hash())
        .replace("@DENSE@", &text(&dense.join(", ")))
        .replace("@SLOTS@", &text(&slots.join(", ")))
        .replace("@WIDTH@", &schema.numeric_width().to_string())
        .replace("@LOOKED_UP@", &schema.looked_up().to_string())
        .replace("@SCALE@", &scaling.0)
        .replace("@OFFSET@", &scaling.1)
        .replace("@POOLED@\n", &[pooled, placed].concat())
        .replace("@LAYERS@\n", &layers)
        .replace("@LINES@\n", &lines)
}

/// A text inside of a docstring or a comment.
fn text(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "'").replace(['\n', '\r'], " ")
}

struct Writing<'a> {
    model: &'a Model,
    plan: &'a Plan,
    names: &'a Names,
}

impl Writing<'_> {
    fn shape(&self, node: &Node, at: usize) -> &[usize] {
        &self.plan.nodes[node.inputs[at]].shape
    }

    /// What has weights, or draws.
    fn layers(&self) -> String {
        let (mut out, mut known) = (String::new(), Vec::new());
        for (node, module) in self.plan.nodes.iter().zip(&self.names.modules) {
            if matches!(node.primitive, Primitive::Embed(_)) {
                for &param in &node.params {
                    let (name, shape) = (self.names.table(param), self.plan.params[param].shape());
                    if !known.contains(&name) {
                        known.push(name);
                        let _written = writeln!(out, "        self.{name} = nn.Embedding({}, {})", shape[0], shape[1]);
                    }
                }
                continue;
            }
            let Some(name) = module.as_deref().filter(|name| !known.contains(name)) else { continue };
            known.push(name);
            let _written = writeln!(out, "        self.{name} = {}", self.layer(node));
        }
        if out.is_empty() { "        pass\n".to_owned() } else { out }
    }

    fn layer(&self, node: &Node) -> String {
        let param = |at: usize| self.plan.params[node.params[at]].shape();
        match node.primitive {
            Primitive::Linear(_) => {
                let weight = param(0);
                let bias = if node.params.len() > 1 { "" } else { ", bias=False" };
                format!("nn.Linear({}, {}{bias})", weight[1], weight[0])
            }
            Primitive::LinearEach(_) => {
                let (fields, dim) = (self.shape(node, 0)[0], self.shape(node, 0)[1]);
                let bias = if node.params.len() > 1 { "" } else { ", bias=False" };
                format!("nn.Conv1d({}, {}, 1, groups={fields}{bias})", fields * dim, param(0)[0])
            }
            Primitive::LayerNorm(op) => format!("nn.LayerNorm({}, eps={:?})", param(0)[0], op.eps),
            Primitive::BatchNorm(op) => {
                let size: usize = node.shape.iter().product();
                format!("nn.BatchNorm1d({size}, eps={:?}, momentum={:?})", op.eps, op.momentum)
            }
            Primitive::Attention(op) => {
                format!("nn.MultiheadAttention({}, {}, batch_first=True)", node.shape[1], op.heads)
            }
            Primitive::Dropout(op) => format!("nn.Dropout({:?})", op.rate),
            _ => {
                let shape: Vec<String> = param(0).iter().map(ToString::to_string).collect();
                format!("nn.Parameter(torch.zeros({}))", shape.join(", "))
            }
        }
    }

    /// A line for each node, with a heading where a block begins.
    fn lines(&self) -> String {
        let (mut out, mut block) = (String::new(), "");
        for (index, node) in self.plan.nodes.iter().enumerate() {
            let first = node.path.split('.').next().unwrap_or_default();
            if first != block {
                block = first;
                let _written = writeln!(out, "\n        # {}", text(block));
            }
            let shape: Vec<String> = node.shape.iter().map(ToString::to_string).collect();
            let value = self.value(index, node);
            let _written =
                writeln!(out, "        {} = {value}  # [batch, {}]", self.names.values[index], shape.join(", "));
        }
        let _written = writeln!(out, "        return {}[:, 0]", self.names.values[self.plan.logit]);
        out.trim_start_matches('\n').to_owned()
    }

    fn value(&self, index: usize, node: &Node) -> String {
        let x = |at: usize| self.names.values[node.inputs[at]].as_str();
        let layer = self.names.modules[index].as_deref().unwrap_or_default();
        let fields = |axis: Axis| axis == Axis::Fields && self.shape(node, 0).len() == 2;
        let along = |axis: Axis| match fields(axis) {
            true => format!("self.{layer}({}.transpose(1, 2)).transpose(1, 2)", x(0)),
            false => format!("self.{layer}({})", x(0)),
        };
        let all = |by: &str| (0..node.inputs.len()).map(x).collect::<Vec<_>>().join(by);
        match node.primitive {
            Primitive::Numeric(_) if node.columns.is_empty() => "numbers".to_owned(),
            Primitive::Numeric(_) => format!("numbers[:, {:?}]", node.columns),
            Primitive::Embed(_) => self.lookups(node),
            Primitive::Mask(_) => {
                let places = self.places(node).unwrap_or_default();
                format!("(rows[:, {}:{}] >= 0).to(numbers.dtype)", places.start, places.end)
            }
            Primitive::EmbedNumbers(_) => format!("{}.unsqueeze(2) * self.{layer}", x(0)),
            Primitive::Linear(op) => along(op.axis),
            Primitive::LinearEach(_) => {
                let flat = format!("self.{layer}({}.flatten(1).unsqueeze(2))", x(0));
                format!("{flat}.reshape(-1, {}, {})", node.shape[0], node.shape[1])
            }
            Primitive::LayerNorm(op) => along(op.axis),
            Primitive::BatchNorm(_) if node.shape.len() == 1 => format!("self.{layer}({})", x(0)),
            Primitive::BatchNorm(_) => format!("self.{layer}({}.flatten(1)).view_as({})", x(0), x(0)),
            Primitive::Dropout(_) => format!("self.{layer}({})", x(0)),
            Primitive::StopGradient(_) => format!("{}.detach()", x(0)),
            Primitive::Affine(op) => match (op.scale, op.shift) {
                (1.0, shift) => format!("{} + {shift:?}", x(0)),
                (scale, 0.0) => format!("{scale:?} * {}", x(0)),
                (scale, shift) => format!("{scale:?} * {} + {shift:?}", x(0)),
            },
            Primitive::Map(op) => match op.by {
                Function::Exp => format!("torch.exp({})", x(0)),
                Function::Log => format!("torch.log({})", x(0)),
                Function::Sqrt => format!("torch.sqrt({})", x(0)),
                Function::Reciprocal => format!("{}.reciprocal()", x(0)),
            },
            Primitive::Softmax(op) => {
                let axis = 1 + op.axis.index(node.shape.len());
                format!("torch.softmax({}, dim={axis})", x(0))
            }
            Primitive::Weight(_) => {
                format!("self.{layer}.expand(rows.shape[0], {})", ["-1"; 2][..node.shape.len()].join(", "))
            }
            Primitive::Slice(op) => {
                format!("{}[:, {}:{}]", x(0), op.from, op.from as usize + node.shape[0])
            }
            Primitive::Fill(op) => {
                let shape: Vec<String> = node.shape.iter().map(ToString::to_string).collect();
                format!("numbers.new_full((rows.shape[0], {}), {:?})", shape.join(", "), op.value)
            }
            Primitive::Transpose(_) => format!("{}.transpose(1, 2)", x(0)),
            Primitive::Matmul(_) => format!("{} @ {}", x(0), x(1)),
            Primitive::Relu(_) => format!("torch.relu({})", x(0)),
            Primitive::Sigmoid(_) => format!("torch.sigmoid({})", x(0)),
            Primitive::Tanh(_) => format!("torch.tanh({})", x(0)),
            Primitive::Square(_) => format!("{}.square()", x(0)),
            Primitive::Flatten(_) => format!("{}.flatten(1)", x(0)),
            Primitive::Rows(_) => format!("{}.reshape(-1, {}, {})", x(0), node.shape[0], node.shape[1]),
            Primitive::Pad(_) => {
                let last = node.shape.len() - 1;
                format!("nn.functional.pad({}, (0, {}))", x(0), node.shape[last] - self.shape(node, 0)[last])
            }
            Primitive::Concat(_) => format!("torch.cat([{}], dim=1)", all(", ")),
            Primitive::Add(_) => all(" + "),
            Primitive::Sub(_) => all(" - "),
            Primitive::Mul(_) => all(" * "),
            Primitive::Shift(_) => format!("{} + self.{layer}", x(0)),
            Primitive::Scale(_) if node.shape.len() == 1 => all(" * "),
            Primitive::Scale(_) => format!("{} * {}.unsqueeze(2)", x(0), x(1)),
            Primitive::SumFields(_) => format!("{}.sum(dim=1)", x(0)),
            Primitive::Reduce(op) => {
                let by = match op.by {
                    Reduction::Sum => "sum",
                    Reduction::Mean => "mean",
                    Reduction::Max => "amax",
                };
                let keep = if self.shape(node, 0).len() == 1 { ", keepdim=True" } else { "" };
                format!("{}.{by}(dim=-1{keep})", x(0))
            }
            Primitive::Gram(_) => format!("{} @ {}.transpose(1, 2)", x(0), x(0)),
            Primitive::LowerTriangle(_) => {
                let n = self.shape(node, 0)[0];
                let places = format!("torch.tril_indices({n}, {n}, -1)");
                format!("{}[:, {places}[0], {places}[1]]", x(0))
            }
            Primitive::FieldProducts(_) => {
                format!("({}.unsqueeze(2) * {}.unsqueeze(1)).flatten(1, 2)", x(0), x(1))
            }
            Primitive::PairProducts(_) => {
                let n = self.shape(node, 0)[0];
                let places = format!("torch.tril_indices({n}, {n}, -1)");
                format!("{}[:, {places}[0]] * {}[:, {places}[1]]", x(0), x(1))
            }
            Primitive::Attention(_) => {
                format!("self.{layer}({}, {}, {}, need_weights=False)[0]", x(0), x(0), x(0))
            }
        }
    }

    /// The columns of rows of the sequence that a node reads, where it reads one.
    fn places(&self, node: &Node) -> Option<std::ops::Range<usize>> {
        let first = node.lookups.first().filter(|lookup| lookup.place.is_some())?;
        self.model.schema().slots().nth(first.field)
    }

    /// One row of a table for each field, or those of a bag as one.
    fn lookups(&self, node: &Node) -> String {
        if let (Some(places), [param, ..]) = (self.places(node), node.params.as_slice()) {
            return format!("placed(self.{}, rows[:, {}:{}])", self.names.table(*param), places.start, places.end);
        }
        let slots: Vec<_> = self.model.schema().slots().collect();
        let each = (0..node.params.len()).filter_map(|at| Some((node.params[at], node.lookup(&self.plan.params, at)?)));
        let vectors = each.map(|(param, of)| {
            let (table, slots) = (self.names.table(param), slots[of.field].clone());
            let rows = format!("rows[:, {}:{}]", slots.start, slots.end);
            match of.pool {
                None => format!("self.{table}({rows})"),
                Some(pool) => {
                    let how = match pool {
                        Pool::Sum => "sum",
                        Pool::Mean => "mean",
                        Pool::Max => "max",
                    };
                    format!("pooled(self.{table}, {rows}, \"{how}\")")
                }
            }
        });
        let vectors: Vec<String> = vectors.map(|vector| format!("                {vector},\n")).collect();
        format!("torch.cat(\n            [\n{}            ],\n            dim=1,\n        )", vectors.concat())
    }
}
