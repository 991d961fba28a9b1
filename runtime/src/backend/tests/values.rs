//! Values worked out by hand, through both backends.

use std::sync::Arc;

use nasrec_compiler::plan::Plan;
use nasrec_compiler::primitives::{Axis, FieldProducts, Flatten, PairProducts, Reduce, Reduction, Rows, Scale, Square};

use super::sketch::{self, Sketch};
use crate::backend::{Backend, Candle, Task, Tiled};
use crate::data::Batch;
use crate::supernet::Store;

/// The value of a node over these numeric columns, read one position at a time by a head of zeros and a one.
fn value(numeric: &[f32], params: &[&[f32]], build: impl Fn(&mut Sketch, usize) -> usize) -> Vec<f32> {
    let mut sketch = Sketch::new(1, false);
    let x = sketch.numeric(numeric.len());
    let mut out = build(&mut sketch, x);
    if sketch.shape(out).len() == 2 {
        out = sketch.plain(Flatten.into(), &[out]);
    }
    let width = sketch.shape(out)[0];
    let head = sketch.linear(out, Axis::Last, 1, false);
    sketch.plan.logit = head;
    let plan: Arc<Plan> = Arc::new(sketch.plan);
    let batch = Batch { rows: 1, numeric: numeric.to_vec(), ids: Vec::new(), labels: vec![0.0], ..Batch::default() };
    let rows = |at: usize| {
        let mut store = Store::new(sketch::defs(&plan), 1).unwrap();
        let mut values: Vec<Vec<f32>> = params.iter().map(|values| values.to_vec()).collect();
        values.push((0..width).map(|i| f32::from(i == at)).collect());
        store.set(&values).unwrap();
        let tiled = only(&Tiled::new(1).unwrap(), &plan, &store, &batch);
        assert_eq!(tiled, only(&Candle::portable(), &plan, &store, &batch));
        tiled
    };
    (0..width).map(rows).collect()
}

/// The logit of the only sample.
fn only<B: Backend>(backend: &B, plan: &Arc<Plan>, store: &Store, batch: &Batch) -> f32 {
    let program = backend.compile(Task::evaluating(Arc::clone(plan)).unwrap()).unwrap();
    let params = backend.load(store.clone()).unwrap();
    let copies = backend.copies(&program, &params).unwrap();
    backend.logits(&program, &copies, &params, batch).unwrap()[0][0]
}

/// The columns as two fields of two.
fn fields(k: &mut Sketch, x: usize) -> usize {
    let n = k.shape(x)[0] / 2;
    k.node(Rows.into(), &[x], &[], &[n, 2])
}

#[test]
fn products_of_fields() {
    let all = value(&[1.0, 2.0, 3.0, 5.0], &[], |k, x| {
        let s = fields(k, x);
        k.plain(FieldProducts.into(), &[s, s])
    });
    assert_eq!(all, [1.0, 4.0, 3.0, 10.0, 3.0, 10.0, 9.0, 25.0]);
    // Field i of the squares times field j of the fields themselves, j < i: (1, 0), (2, 0), (2, 1).
    let below = value(&[1.0, 2.0, 3.0, 5.0, 7.0, 11.0], &[], |k, x| {
        let s = fields(k, x);
        let squares = k.plain(Square.into(), &[s]);
        k.plain(PairProducts.into(), &[squares, s])
    });
    assert_eq!(below, [9.0, 50.0, 49.0, 242.0, 147.0, 605.0]);
}

#[test]
fn numbers_of_rows() {
    let reduce = |by, sparse: bool| {
        value(&[1.0, -2.0, 3.0, 5.0], &[], |k, x| {
            let x = if sparse { fields(k, x) } else { x };
            k.plain(Reduce { by }.into(), &[x])
        })
    };
    assert_eq!(reduce(Reduction::Sum, true), [-1.0, 8.0]);
    assert_eq!(reduce(Reduction::Sum, false), [7.0]);
    assert_eq!(reduce(Reduction::Mean, true), [-0.5, 4.0]);
    assert_eq!(reduce(Reduction::Mean, false), [1.75]);
    assert_eq!(reduce(Reduction::Max, true), [1.0, 5.0]);
    assert_eq!(reduce(Reduction::Max, false), [5.0]);
}

#[test]
fn scaling_and_shifting() {
    let fields = value(&[1.0, 2.0, 3.0, 5.0], &[], |k, x| {
        let s = fields(k, x);
        let sums = k.plain(Reduce { by: Reduction::Sum }.into(), &[s]);
        k.plain(Scale.into(), &[s, sums])
    });
    assert_eq!(fields, [3.0, 6.0, 24.0, 40.0]);
    let dense = value(&[1.0, 2.0, 5.0], &[], |k, x| {
        let sum = k.plain(Reduce { by: Reduction::Sum }.into(), &[x]);
        k.plain(Scale.into(), &[x, sum])
    });
    assert_eq!(dense, [8.0, 16.0, 40.0]);
    assert_eq!(value(&[1.0, 2.0], &[&[0.5, -3.0]], |k, x| k.shift(x)), [1.5, -1.0]);
}
