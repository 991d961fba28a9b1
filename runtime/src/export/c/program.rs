//! The plan as statements of C, one a node.

use std::fmt::Write;

use nasrec_compiler::plan::{Node, Plan};
use nasrec_compiler::primitives::{Axis, Function, Primitive, Reduction};
use nasrec_compiler::schema::Pool;

use super::comment;
use super::pieces::Pieces;
use crate::model::Model;

/// The function, and how many numbers of room it takes.
pub(super) struct Compute {
    pub text: String,
    pub work: usize,
}

/// `places`: where each parameter lies among the weights.
pub(super) fn compute(model: &Model, places: &[u64], pieces: &mut Pieces) -> Compute {
    let plan = model.plan();
    let mut writing = Writing { model, plan, places, pieces, work: 0, text: String::new() };
    for index in 0..plan.nodes.len() {
        writing.node(index);
    }
    let Writing { work, text, .. } = writing;
    let used = |what: &str| text.contains(what);
    let unused = [("model", "floats(model"), ("ids", "ids +"), ("numbers", "= numbers"), ("work", "work +")];
    let unused = unused.iter().filter(|(_, what)| !used(what)).map(|(name, _)| format!("    (void){name};\n"));
    let unused: String = unused.collect();
    let text = format!(
        "/* From numbers and rows of tables to the logit. Values are named by their node; a sparse one has fields times numbers. */\n\
         static float compute(const struct nasrec_model *model, const float *numbers, const uint32_t *ids, float *work) {{\n\
         {unused}{text}    return v{}[0];\n}}\n\n",
        plan.logit
    );
    Compute { text, work }
}

struct Writing<'a, 'p> {
    model: &'a Model,
    plan: &'a Plan,
    places: &'a [u64],
    pieces: &'p mut Pieces,
    work: usize,
    text: String,
}

impl Writing<'_, '_> {
    fn node(&mut self, index: usize) {
        let node = &self.plan.nodes[index];
        let shape: Vec<String> = node.shape.iter().map(ToString::to_string).collect();
        let _written =
            writeln!(self.text, "    /* {}: {} [{}] */", comment(&node.path), node.primitive.name(), shape.join(", "));
        let alias = match node.primitive {
            Primitive::Numeric(_) if node.columns.is_empty() => Some("numbers".to_owned()),
            Primitive::Weight(_) => Some(self.param(node, 0)),
            Primitive::Dropout(_) | Primitive::StopGradient(_) | Primitive::Flatten(_) | Primitive::Rows(_) => {
                Some(format!("v{}", node.inputs[0]))
            }
            _ => None,
        };
        if let Some(alias) = alias {
            let _written = writeln!(self.text, "    const float *v{index} = {alias};");
            return;
        }
        let size: usize = node.shape.iter().product();
        let place = self.take(size);
        let _written = writeln!(self.text, "    float *v{index} = work + {place};");
        for (to, from) in node.columns.iter().enumerate() {
            let _written = writeln!(self.text, "    v{index}[{to}] = numbers[{from}];");
        }
        let calls = self.calls(index, node, size);
        calls.iter().for_each(|call| self.text.extend(["    ", call, ";\n"]));
    }

    /// Room for so many numbers.
    fn take(&mut self, size: usize) -> usize {
        self.work += size;
        self.work - size
    }

    fn param(&mut self, node: &Node, at: usize) -> String {
        self.pieces.need("floats");
        node.params.get(at).map_or("NULL".to_owned(), |&param| format!("floats(model, {}u)", self.places[param]))
    }

    fn call(&mut self, name: &str, arguments: &[String]) -> Vec<String> {
        self.pieces.need(match name {
            "hyperbolic_tangent" => "tanh",
            other => other,
        });
        vec![format!("{name}({})", arguments.join(", "))]
    }

    fn calls(&mut self, index: usize, node: &Node, size: usize) -> Vec<String> {
        let plan = self.plan;
        let y = format!("v{index}");
        let x = |at: usize| format!("v{}", node.inputs[at]);
        let shape = |at: usize| plan.nodes[node.inputs[at]].shape.as_slice();
        let of = |at: usize| shape(at).iter().product::<usize>();
        let n = |size: usize| size.to_string();
        let elementwise = |name: &'static str| (name, vec![n(size), x(0), y.clone()]);
        let pairwise = |name: &'static str| (name, vec![n(size), x(0), x(1), y.clone()]);
        let (name, arguments) = match node.primitive {
            Primitive::Numeric(_)
            | Primitive::Weight(_)
            | Primitive::Dropout(_)
            | Primitive::StopGradient(_)
            | Primitive::Flatten(_)
            | Primitive::Rows(_) => {
                return Vec::new();
            }
            Primitive::Affine(op) => {
                let float = |value: f64| format!("{:?}f", value as f32);
                ("affine", vec![n(size), float(op.scale), float(op.shift), x(0), y])
            }
            Primitive::Map(op) => elementwise(match op.by {
                Function::Exp => "map_exp",
                Function::Log => "map_log",
                Function::Sqrt => "map_sqrt",
                Function::Reciprocal => "map_reciprocal",
            }),
            Primitive::Softmax(op) => {
                let (outer, inner) = around(op.axis, shape(0));
                let sizes = [outer, shape(0)[op.axis.index(shape(0).len())], inner].map(n);
                ("softmax", [&sizes[..], &[x(0), y]].concat())
            }
            Primitive::Transpose(_) => ("transpose", vec![n(shape(0)[0]), n(shape(0)[1]), x(0), y]),
            Primitive::Matmul(_) => {
                let sizes = [shape(0)[0], shape(0)[1], shape(1)[1]].map(n);
                ("matmul", [&sizes[..], &[x(0), x(1), y]].concat())
            }
            Primitive::Relu(_) => elementwise("relu"),
            Primitive::Sigmoid(_) => elementwise("sigmoid"),
            Primitive::Tanh(_) => elementwise("hyperbolic_tangent"),
            Primitive::Square(_) => elementwise("square"),
            Primitive::Sub(_) => pairwise("sub"),
            Primitive::Mul(_) => pairwise("mul"),
            Primitive::Add(_) => {
                let mut calls = self.call("add", &[n(size), x(0), x(1), y.clone()]);
                for at in 2..node.inputs.len() {
                    calls.extend(self.call("add", &[n(size), y.clone(), x(at), y.clone()]));
                }
                return calls;
            }
            Primitive::Shift(_) => ("add", vec![n(size), x(0), self.param(node, 0), y]),
            Primitive::Pad(_) => {
                let rows = size / node.shape[node.shape.len() - 1];
                let (live, width) = (of(0) / rows, size / rows);
                let mut calls = Vec::new();
                for row in 0..rows {
                    let from = row * width;
                    let (to, until) = (if from == 0 { y.clone() } else { format!("{y} + {from}") }, from + width);
                    let read = if row == 0 { x(0) } else { format!("{} + {}", x(0), row * live) };
                    calls.push(format!("memcpy({to}, {read}, {live} * sizeof(float))"));
                    if live < width {
                        calls.push(format!("for (size_t i = {}; i < {until}; i++) {y}[i] = 0.0f", from + live));
                    }
                }
                return calls;
            }
            Primitive::Concat(_) => {
                let mut begun = 0;
                let copies = (0..node.inputs.len()).map(|at| {
                    begun += of(at);
                    format!("memcpy({y} + {}, {}, {} * sizeof(float))", begun - of(at), x(at), of(at))
                });
                return copies.collect();
            }
            Primitive::Slice(op) => {
                let from = op.from as usize * (size / node.shape[0]);
                return vec![format!("memcpy({y}, {} + {from}, {size} * sizeof(float))", x(0))];
            }
            Primitive::Fill(op) => {
                return vec![format!("for (size_t i = 0; i < {size}; i++) {y}[i] = {:?}f", op.value as f32)];
            }
            Primitive::Embed(_) => return self.lookups(node, &y),
            Primitive::Mask(_) => {
                let slots: Vec<_> = self.model.schema().slots().collect();
                let places = node.lookups.iter().enumerate().map(|(at, of)| {
                    let slot = slots[of.field].start + of.place.unwrap_or_default();
                    format!("{y}[{at}] = ids[{slot}] == 0xffffffffu ? 0.0f : 1.0f")
                });
                return places.collect();
            }
            Primitive::EmbedNumbers(_) => {
                ("embed_numbers", vec![n(node.shape[0]), n(node.shape[1]), self.param(node, 0), x(0), y])
            }
            Primitive::Linear(op) => {
                let (outer, inner) = around(op.axis, shape(0));
                let at = op.axis.index(shape(0).len());
                let sizes = [outer, shape(0)[at], node.shape[at], inner].map(n);
                let (weight, bias) = (self.param(node, 0), self.param(node, 1));
                ("linear", [&sizes[..], &[weight, bias, x(0), y]].concat())
            }
            Primitive::LinearEach(_) => {
                let sizes = [shape(0)[0], shape(0)[1], node.shape[1]].map(n);
                ("linear_each", [&sizes[..], &[self.param(node, 0), self.param(node, 1), x(0), y]].concat())
            }
            Primitive::LayerNorm(op) => {
                let (outer, inner) = around(op.axis, shape(0));
                let sizes = [outer, shape(0)[op.axis.index(shape(0).len())], inner].map(n);
                let eps = format!("{:?}f", op.eps as f32);
                let (scale, shift) = (self.param(node, 0), self.param(node, 1));
                ("layer_norm", [&sizes[..], &[eps, scale, shift, x(0), y]].concat())
            }
            Primitive::BatchNorm(op) => {
                let params = [0, 1, 2, 3].map(|at| self.param(node, at));
                ("batch_norm", [&[n(size), format!("{:?}", op.eps)][..], &params, &[x(0), y]].concat())
            }
            Primitive::SumFields(_) => ("sum_fields", vec![n(shape(0)[0]), n(shape(0)[1]), x(0), y]),
            Primitive::Scale(_) => ("scale", vec![n(of(1)), n(size / of(1)), x(0), x(1), y]),
            Primitive::Reduce(op) => {
                let width = of(0) / size;
                let by = if op.by == Reduction::Mean { format!("1.0f / {width}.0f") } else { "1.0f".to_owned() };
                match op.by {
                    Reduction::Max => ("reduce_max", vec![n(size), n(width), x(0), y]),
                    Reduction::Sum | Reduction::Mean => ("reduce_sum", vec![n(size), n(width), by, x(0), y]),
                }
            }
            Primitive::Gram(_) => ("gram", vec![n(shape(0)[0]), n(shape(0)[1]), x(0), y]),
            Primitive::LowerTriangle(_) => ("lower_triangle", vec![n(shape(0)[0]), x(0), y]),
            Primitive::FieldProducts(_) => {
                ("field_products", vec![n(shape(0)[0]), n(shape(1)[0]), n(shape(0)[1]), x(0), x(1), y])
            }
            Primitive::PairProducts(_) => ("pair_products", vec![n(shape(0)[0]), n(shape(0)[1]), x(0), x(1), y]),
            Primitive::Attention(op) => {
                let (fields, e) = (shape(0)[0], shape(0)[1]);
                let room = format!("work + {}", self.take(4 * fields * e + fields + e));
                let params = [0, 1, 2, 3].map(|at| self.param(node, at));
                ("attention", [&[n(fields), n(e), n(op.heads)][..], &params, &[x(0), room, y]].concat())
            }
        };
        self.call(name, &arguments)
    }

    /// One lookup a field.
    fn lookups(&mut self, node: &Node, y: &str) -> Vec<String> {
        let slots: Vec<_> = self.model.schema().slots().collect();
        let (plan, dim) = (self.plan, node.shape[1]);
        let each = (0..node.params.len()).filter_map(|at| Some((at, node.lookup(&plan.params, at)?)));
        let mut calls = Vec::new();
        for (at, of) in each {
            let (table, slots) = (self.param(node, at), slots[of.field].clone());
            let slots = of.place.map_or(slots.clone(), |place| slots.start + place..slots.start + place + 1);
            let to = format!("{y} + {}", at * dim);
            calls.extend(match of.pool {
                None => self.call("look_up", &[table, dim.to_string(), format!("*(ids + {})", slots.start), to]),
                Some(pool) => {
                    let how = match pool {
                        Pool::Sum => "'s'",
                        Pool::Mean => "'m'",
                        Pool::Max => "'x'",
                    };
                    let ids = format!("ids + {}", slots.start);
                    self.call("pool", &[how.to_owned(), table, dim.to_string(), slots.len().to_string(), ids, to])
                }
            });
        }
        calls
    }
}

/// How many stretches there are, and how far values are apart, along an axis.
fn around(axis: Axis, shape: &[usize]) -> (usize, usize) {
    match (axis, shape) {
        (Axis::Last, [n, _]) => (*n, 1),
        (Axis::Fields, [_, e]) => (1, *e),
        _ => (1, 1),
    }
}
