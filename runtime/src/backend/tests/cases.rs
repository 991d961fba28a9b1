//! Every primitive in a small plan, for tests.

use std::sync::Arc;

use nasrec_compiler::plan::Plan;
use nasrec_compiler::primitives::{
    Add, Affine, Axis, Concat, Dropout, FieldProducts, Fill, Flatten, Function, Gram, LowerTriangle, Map, Matmul, Mul,
    PairProducts, Reduce, Reduction, Relu, Rows, Scale, Sigmoid, Softmax, Square, Sub, SumFields, Tanh, Transpose,
};

use super::sketch::Sketch;

/// One primitive between looked-up rows and the head, `s` sparse `[n, e]`, `x` dense `[n e]`.
pub(crate) fn with_primitive(n: usize, e: usize, build: impl Fn(&mut Sketch, usize, usize) -> usize) -> Arc<Plan> {
    let mut sketch = Sketch::new(1, false);
    let s = sketch.embed(n, e, 7);
    let x = sketch.plain(Flatten.into(), &[s]);
    let out = build(&mut sketch, s, x);
    let mut tail = out;
    if sketch.shape(tail).len() == 2 {
        tail = sketch.plain(Flatten.into(), &[tail]);
    }
    sketch.close(tail)
}

pub(crate) type Build = fn(&mut Sketch, usize, usize) -> usize;

/// Every primitive, by name.
pub(crate) fn primitives() -> Vec<(&'static str, Build)> {
    vec![
        ("embed", |_, s, _| s),
        ("numeric", |k, _, x| {
            let numeric = k.numeric(3);
            k.plain(Concat.into(), &[numeric, x])
        }),
        ("some numeric columns", |k, _, x| {
            let (some, all) = (k.numeric_of(&[4, 0, 1]), k.numeric(5));
            k.plain(Concat.into(), &[some, x, all])
        }),
        ("some fields again, in another order", |k, s, _| {
            let (fields, dim) = (k.shape(s)[0], k.shape(s)[1]);
            let some = k.embed_of(&[fields, 0], dim, 7);
            k.plain(Concat.into(), &[some, s])
        }),
        ("embed numbers", |k, _, x| k.embed_numbers(x, 3)),
        ("embed numbers of several places", |k, _, x| {
            let (numeric, padded) = (k.numeric(3), k.pad(x, k.shape(x)[0] + 1));
            let all = k.plain(Concat.into(), &[numeric, padded, x]);
            let vectors = k.embed_numbers(all, 2);
            k.plain(Gram.into(), &[vectors])
        }),
        ("numbers from the third on", |k, _, x| k.slice(x, 2, 2)),
        ("fields from the second on", |k, s, _| {
            let (first, rest) = (k.slice(s, 0, 1), k.slice(s, 1, k.shape(s)[0] - 1));
            k.plain(Concat.into(), &[rest, s, first])
        }),
        ("a number everywhere", |k, _, x| {
            let twos = k.node(Fill { value: 2.0 }.into(), &[], &[], &k.shape(x));
            k.plain(Mul.into(), &[x, twos])
        }),
        ("linear over width", |k, _, x| k.linear(x, Axis::Last, 5, true)),
        ("linear without bias", |k, _, x| k.linear(x, Axis::Last, 3, false)),
        ("linear over embedding", |k, s, _| k.linear(s, Axis::Last, 3, true)),
        ("linear over fields", |k, s, _| k.linear(s, Axis::Fields, 4, true)),
        ("linear over joined fields", |k, s, _| {
            let joined = k.plain(Concat.into(), &[s, s]);
            k.linear(joined, Axis::Fields, 2, false)
        }),
        ("a linear layer a field", |k, s, _| k.linear_each(s, 3, true)),
        ("a linear layer a joined field", |k, s, x| {
            let other = k.linear(s, Axis::Last, k.shape(s)[1], false);
            let joined = k.plain(Concat.into(), &[other, s]);
            let layers = k.linear_each(joined, 2, false);
            let flat = k.plain(Flatten.into(), &[layers]);
            k.plain(Concat.into(), &[flat, x])
        }),
        ("heads of what lies in several places", |k, _, x| {
            let (first, width) = (k.linear(x, Axis::Last, 5, true), k.shape(x)[0]);
            let more = k.pad(x, width + (width + 1) % 2);
            let all = k.plain(Concat.into(), &[first, more]);
            let heads = k.node(Rows.into(), &[all], &[], &[2, k.shape(all)[0] / 2]);
            k.linear_each(heads, 3, true)
        }),
        ("one parameter in two places", |k, _, x| {
            let width = k.shape(x)[0];
            let first = k.linear(x, Axis::Last, width, true);
            let second = k.linear(first, Axis::Last, width, true);
            k.plan.nodes[second].params = k.plan.nodes[first].params.clone();
            k.plan.params.truncate(k.plan.params.len() - 2);
            second
        }),
        ("norm over width", |k, _, x| k.norm(x, Axis::Last)),
        ("norm over embedding", |k, s, _| k.norm(s, Axis::Last)),
        ("norm over fields", |k, s, _| k.norm(s, Axis::Fields)),
        ("norm over the batch", |k, _, x| k.batch_norm(x)),
        ("norms over the batch, one behind the other", |k, s, _| {
            let s = k.batch_norm(s);
            let h = k.linear(s, Axis::Last, 3, false);
            let h = k.batch_norm(h);
            let joined = k.plain(Flatten.into(), &[h]);
            let flat = k.plain(Flatten.into(), &[s]);
            let flat = k.batch_norm(flat);
            k.plain(Concat.into(), &[joined, flat])
        }),
        ("norm over the batch beside other readers", |k, _, x| {
            let padded = k.pad(x, k.shape(x)[0] + 2);
            let normed = k.batch_norm(padded);
            let twice = k.batch_norm(normed);
            let sum = k.plain(Add.into(), &[normed, padded, twice]);
            k.linear(sum, Axis::Last, 3, true)
        }),
        ("relu", |k, _, x| k.plain(Relu.into(), &[x])),
        ("sigmoid", |k, s, _| k.plain(Sigmoid.into(), &[s])),
        ("tanh", |k, s, _| k.plain(Tanh.into(), &[s])),
        ("affine", |k, s, _| k.plain(Affine { scale: -1.5, shift: 0.25 }.into(), &[s])),
        ("affine of what is padded", |k, _, x| {
            let padded = k.pad(x, k.shape(x)[0] + 2);
            let scaled = k.plain(Affine { scale: 2.0, shift: 0.0 }.into(), &[padded]);
            let shifted = k.plain(Affine { scale: 1.0, shift: -1.0 }.into(), &[scaled]);
            k.plain(Concat.into(), &[scaled, shifted])
        }),
        ("exp", |k, s, _| k.plain(Map { by: Function::Exp }.into(), &[s])),
        ("log", |k, _, x| mapped(k, Function::Log, x)),
        ("sqrt", |k, _, x| mapped(k, Function::Sqrt, x)),
        ("reciprocal", |k, _, x| mapped(k, Function::Reciprocal, x)),
        ("softmax of a dense tensor", |k, _, x| k.plain(Softmax { axis: Axis::Last }.into(), &[x])),
        ("softmax of each field", |k, s, _| k.plain(Softmax { axis: Axis::Last }.into(), &[s])),
        ("softmax over fields", |k, s, _| {
            let shares = k.plain(Softmax { axis: Axis::Fields }.into(), &[s]);
            k.plain(Mul.into(), &[shares, s])
        }),
        ("softmax of what lies in several places", |k, _, x| {
            let first = k.linear(x, Axis::Last, 5, true);
            let all = k.plain(Concat.into(), &[first, x]);
            let even = k.pad(all, k.shape(all)[0].next_multiple_of(2));
            let fields = k.node(Rows.into(), &[even], &[], &[2, k.shape(even)[0] / 2]);
            let shares = k.plain(Softmax { axis: Axis::Fields }.into(), &[fields]);
            k.plain(Flatten.into(), &[shares])
        }),
        ("a free dense tensor", |k, _, x| {
            let weight = k.weight(&[k.shape(x)[0]]);
            k.plain(Mul.into(), &[weight, x])
        }),
        ("free fields", |k, s, _| {
            let weight = k.weight(&[2, k.shape(s)[1]]);
            k.plain(Concat.into(), &[weight, s])
        }),
        ("transpose", |k, s, _| {
            let turned = k.plain(Transpose.into(), &[s]);
            k.linear(turned, Axis::Last, 3, true)
        }),
        ("transpose of joined fields", |k, s, _| {
            let other = k.linear(s, Axis::Last, k.shape(s)[1], false);
            let joined = k.plain(Concat.into(), &[other, s]);
            k.plain(Transpose.into(), &[joined])
        }),
        ("product of matrices", |k, s, _| {
            let turned = k.plain(Transpose.into(), &[s]);
            let scores = k.plain(Matmul.into(), &[s, turned]);
            let shares = k.plain(Softmax { axis: Axis::Last }.into(), &[scores]);
            k.plain(Matmul.into(), &[shares, s])
        }),
        ("product of joined matrices", |k, s, _| {
            let other = k.linear(s, Axis::Last, k.shape(s)[1], true);
            let joined = k.plain(Concat.into(), &[other, s]);
            let left = k.linear(joined, Axis::Last, k.shape(joined)[0], false);
            k.plain(Matmul.into(), &[left, joined])
        }),
        ("square", |k, s, _| k.plain(Square.into(), &[s])),
        ("dropout", |k, s, _| k.plain(Dropout { rate: 0.3 }.into(), &[s])),
        ("dropout of what is padded, twice", |k, _, x| {
            let h = k.linear(x, Axis::Last, 5, true);
            let padded = k.pad(h, 7);
            let one = k.plain(Dropout { rate: 0.5 }.into(), &[padded]);
            let two = k.plain(Dropout { rate: 0.1 }.into(), &[one]);
            let both = k.plain(Concat.into(), &[one, two, h]);
            k.linear(both, Axis::Last, 3, false)
        }),
        ("add", |k, s, _| {
            let other = k.linear(s, Axis::Last, k.shape(s)[1], false);
            k.plain(Add.into(), &[s, other, s])
        }),
        ("sub", |k, s, _| {
            let other = k.linear(s, Axis::Fields, k.shape(s)[0], false);
            k.plain(Sub.into(), &[other, s])
        }),
        ("mul", |k, _, x| {
            let other = k.linear(x, Axis::Last, k.shape(x)[0], true);
            k.plain(Mul.into(), &[x, other])
        }),
        ("mul by itself", |k, _, x| k.plain(Mul.into(), &[x, x])),
        ("concat", |k, _, x| {
            let other = k.linear(x, Axis::Last, 2, true);
            let joined = k.plain(Concat.into(), &[x, other, x]);
            k.plain(Square.into(), &[joined])
        }),
        ("pad", |k, _, x| {
            let padded = k.pad(x, k.shape(x)[0] + 3);
            let squared = k.plain(Square.into(), &[padded]);
            let both = k.plain(Concat.into(), &[squared, padded]);
            k.linear(both, Axis::Last, 3, false)
        }),
        ("padded fields", |k, s, _| {
            let padded = k.pad(s, k.shape(s)[1] + 3);
            let squared = k.plain(Square.into(), &[padded]);
            k.plain(Concat.into(), &[squared, padded])
        }),
        ("columns of several widths", |k, s, _| {
            let dim = k.shape(s)[1] + 2;
            let narrow = k.embed_of(&[0], 2, 7);
            let (narrow, whole) = (k.pad(narrow, dim), k.embed_of(&[1], dim, 7));
            let none = k.node(Fill { value: 0.0 }.into(), &[], &[], &[1, dim]);
            let (all, more) = (k.plain(Concat.into(), &[narrow, none, whole, none]), k.pad(s, dim));
            let flat = k.plain(Flatten.into(), &[all]);
            let pairs = k.plain(Concat.into(), &[all, more]);
            let pairs = k.plain(Gram.into(), &[pairs]);
            let pairs = k.plain(LowerTriangle.into(), &[pairs]);
            k.plain(Concat.into(), &[flat, pairs])
        }),
        ("rows", |k, s, x| {
            let shape = k.shape(s);
            let doubled = k.linear(x, Axis::Last, 2 * shape[1], false);
            k.node(Rows.into(), &[doubled], &[], &[2, shape[1]])
        }),
        ("sum of fields", |k, s, _| {
            let sum = k.plain(SumFields.into(), &[s]);
            k.plain(Square.into(), &[sum])
        }),
        ("gram", |k, s, _| k.plain(Gram.into(), &[s])),
        ("triangle of a gram matrix", |k, s, _| {
            let gram = k.plain(Gram.into(), &[s]);
            k.plain(LowerTriangle.into(), &[gram])
        }),
        ("gram matrix read twice", |k, s, _| {
            let gram = k.plain(Gram.into(), &[s]);
            let triangle = k.plain(LowerTriangle.into(), &[gram]);
            let flat = k.plain(Flatten.into(), &[gram]);
            k.plain(Concat.into(), &[triangle, flat])
        }),
        ("triangle of a square", |k, s, _| {
            let n = k.shape(s)[0];
            let square = k.linear(s, Axis::Last, n, true);
            k.plain(LowerTriangle.into(), &[square])
        }),
        ("attention of one head", |k, s, _| k.attention(s, 1)),
        ("attention of width one", |k, s, _| k.attention(s, k.shape(s)[1])),
        ("attention", |k, s, _| k.attention(s, 2)),
        ("field products", |k, s, _| {
            let other = k.linear(s, Axis::Fields, 3, false);
            k.plain(FieldProducts.into(), &[other, s])
        }),
        ("field products with itself", |k, s, _| k.plain(FieldProducts.into(), &[s, s])),
        ("pair products", |k, s, _| {
            let other = k.linear(s, Axis::Last, k.shape(s)[1], false);
            k.plain(PairProducts.into(), &[other, s])
        }),
        ("pair products with itself", |k, s, _| k.plain(PairProducts.into(), &[s, s])),
        ("pair products of joined fields", |k, s, _| {
            let other = k.linear(s, Axis::Last, k.shape(s)[1], true);
            let (left, right) = (k.plain(Concat.into(), &[s, other]), k.plain(Concat.into(), &[other, s]));
            k.plain(PairProducts.into(), &[left, right])
        }),
        ("scaled fields", |k, s, x| {
            let by = k.linear(x, Axis::Last, k.shape(s)[0], true);
            k.plain(Scale.into(), &[s, by])
        }),
        ("a scaled dense tensor", |k, _, x| {
            let by = k.linear(x, Axis::Last, 1, true);
            k.plain(Scale.into(), &[x, by])
        }),
        ("a scaled tensor, padded", |k, _, x| {
            let padded = k.pad(x, k.shape(x)[0] + 2);
            let by = k.linear(x, Axis::Last, 1, false);
            let scaled = k.plain(Scale.into(), &[padded, by]);
            k.linear(scaled, Axis::Last, 2, true)
        }),
        ("a number scaled by itself", |k, _, x| {
            let one = k.linear(x, Axis::Last, 1, false);
            k.plain(Scale.into(), &[one, one])
        }),
        ("sum of a field", |k, s, _| reduced(k, Reduction::Sum, s)),
        ("sum of a dense tensor", |k, _, x| reduced(k, Reduction::Sum, x)),
        ("mean of a field", |k, s, _| reduced(k, Reduction::Mean, s)),
        ("mean of a dense tensor", |k, _, x| reduced(k, Reduction::Mean, x)),
        ("largest of a field", |k, s, _| reduced(k, Reduction::Max, s)),
        ("largest of a dense tensor", |k, _, x| reduced(k, Reduction::Max, x)),
        ("shift", |k, _, x| {
            let shifted = k.shift(x);
            k.plain(Square.into(), &[shifted])
        }),
    ]
}

/// Of numbers above 0.
fn mapped(k: &mut Sketch, by: Function, x: usize) -> usize {
    let squared = k.plain(Square.into(), &[x]);
    let above = k.plain(Affine { scale: 1.0, shift: 0.5 }.into(), &[squared]);
    k.plain(Map { by }.into(), &[above])
}

/// Beside a second reader of what is reduced, so that gradients add up.
fn reduced(k: &mut Sketch, by: Reduction, x: usize) -> usize {
    let reduced = k.plain(Reduce { by }.into(), &[x]);
    let squared = k.plain(Square.into(), &[reduced]);
    let other = if k.shape(x).len() == 2 { k.plain(SumFields.into(), &[x]) } else { x };
    k.plain(Concat.into(), &[squared, other, reduced])
}
