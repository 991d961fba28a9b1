//! Sparse tensors. Each is bound by a `let`, so that its sizes have names.

use super::{Generator, Scope, Sparse, Table};

/// An expression with its fields and its dimension; empty where only the name will say.
type Way = fn(&mut Generator, &mut Scope, &Sparse) -> (String, String, String);

const SPARSE: Table<Way> = &[
    (3, |g, s, of| {
        let fields = g.size(s);
        (format!("linear_fields({}, {fields})", of.name), fields, of.dim.clone())
    }),
    (1, |g, s, of| {
        // Two heads must divide it.
        let dim = format!("2 * ({})", g.size(s));
        (format!("linear_each({}, {dim})", of.name), of.fields.clone(), dim)
    }),
    (2, |g, _, of| {
        let dim = g.number();
        (format!("linear({}, {dim}, bias: off)", of.name), of.fields.clone(), dim)
    }),
    (2, |g, s, of| {
        let fields = g.size(s);
        (format!("efc({}, {fields})", of.name), fields, of.dim.clone())
    }),
    (2, |g, _, of| {
        let op = g.one(&["relu", "layer_norm", "batch_norm", "layer_norm_fields", "square"]);
        (format!("{op}({})", of.name), of.fields.clone(), of.dim.clone())
    }),
    (1, |g, _, of| {
        let one = g.one(&[
            "2 * OF",
            "1 - OF",
            "-OF",
            "OF / 3 + 1",
            "softmax(OF)",
            "softmax_fields(OF)",
            "exp(-square(OF))",
            "sqrt(1 + square(OF))",
            "log(2 + square(OF))",
            "OF / (1 + square(OF))",
        ]);
        (one.replace("OF", &of.name), of.fields.clone(), of.dim.clone())
    }),
    (1, |_, _, of| {
        (format!("matmul(softmax(matmul({0}, transpose({0}))), {0})", of.name), of.fields.clone(), of.dim.clone())
    }),
    (1, |_, _, of| {
        (format!("{0} * weight_fields({1}, {2})", of.name, of.fields, of.dim), of.fields.clone(), of.dim.clone())
    }),
    (1, |_, _, of| (format!("{0} + linear({0}, {1})", of.name, of.dim), of.fields.clone(), of.dim.clone())),
    (1, |_, _, of| (format!("multi_head_attention({}, heads: 2)", of.name), of.fields.clone(), of.dim.clone())),
    (1, |_, _, of| (format!("scale({0}, mean_last({0}))", of.name), of.fields.clone(), of.dim.clone())),
    (1, |_, _, of| (format!("concat({0}, {0})", of.name), String::new(), of.dim.clone())),
    (1, |_, _, of| {
        (
            format!("field_products(linear_fields({0}, 3), linear_fields({0}, 2))", of.name),
            String::new(),
            of.dim.clone(),
        )
    }),
    (1, |_, _, of| {
        (
            format!("pair_products(linear_fields({0}, 3), linear_fields({0}, 3))", of.name),
            "3".to_owned(),
            of.dim.clone(),
        )
    }),
    (1, |g, s, of| {
        let x = g.one(&s.dense).name;
        (format!("embed_numbers(linear({x}, 3), {0})", of.dim), "3".to_owned(), of.dim.clone())
    }),
    (1, |g, s, of| {
        let x = g.one(&s.dense).name;
        (format!("rows(linear({x}, 3 * {0}), 3, {0})", of.dim), "3".to_owned(), of.dim.clone())
    }),
    (1, |g, s, of| match (s.earlier.clone(), g.take_choice(s)) {
        (Some((_, Some(sparse))), true) => (format!("pick 1 from earlier.{sparse}"), String::new(), String::new()),
        _ => (format!("norm({})", of.name), of.fields.clone(), of.dim.clone()),
    }),
];

impl Generator {
    /// The right side of a `let` and what it is, under the name that it will have.
    pub(super) fn sparse(&mut self, scope: &mut Scope, name: &str) -> (String, Sparse) {
        let known = scope.sparse.clone();
        let (value, fields, dim) = match (&scope.categorical, known.is_empty() || self.chance(30)) {
            (Some(categorical), true) => {
                let (categorical, dim) = (categorical.clone(), self.number());
                let each = match scope.open && self.chance(25) {
                    true => {
                        self.columns = true;
                        let widths = self.one(&["[0, DIM]", "1..DIM", "[DIM]", "0..DIM step 2"]).replace("DIM", &dim);
                        format!(", each: width in {widths}")
                    }
                    false => String::new(),
                };
                (format!("embed({categorical}, {dim}{each})"), String::new(), dim)
            }
            _ => {
                let of = self.one(&known);
                self.pick(SPARSE)(self, scope, &of)
            }
        };
        let or = |size: String, member: &str| if size.is_empty() { format!("{name}.{member}") } else { size };
        (value, Sparse { name: name.to_owned(), fields: or(fields, "fields"), dim: or(dim, "dim") })
    }

    /// A sparse tensor that is there.
    pub(super) fn any_sparse(&mut self, scope: &Scope, _: usize) -> Sparse {
        self.one(&scope.sparse)
    }
}
