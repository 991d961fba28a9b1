//! What a gradient stops at learns nothing, and says what it says without it.

use std::sync::Arc;

use nasrec_compiler::plan::Plan;
use nasrec_compiler::primitives::{Axis, Concat, Flatten, StopGradient};

use super::sketch::{self, Sketch};
use crate::backend::{Backend, Candle, Task, Tiled, Trainable, Update};
use crate::supernet::{Store, Stored};

/// A layer that is read through a stop, beside one that is not, over the same numbers and fields.
fn plan(stops: bool) -> Arc<Plan> {
    let mut sketch = Sketch::new(2, false);
    let numeric = sketch.numeric(4);
    let fields = sketch.embed(3, 2, 9);
    let fields = sketch.plain(Flatten.into(), &[fields]);
    let x = sketch.plain(Concat.into(), &[numeric, fields]);
    let stopped = sketch.linear(x, Axis::Last, 3, true);
    let other = sketch.linear(numeric, Axis::Last, 3, true);
    let read = if stops { sketch.plain(StopGradient.into(), &[stopped]) } else { stopped };
    let joined = sketch.plain(Concat.into(), &[read, other]);
    sketch.close(joined)
}

/// Which parameters a step moves, tables first, and the logits before it.
fn moved<B: Backend>(backend: &B, stops: bool) -> (Vec<bool>, Vec<f32>) {
    let plan = plan(stops);
    let task = Task::training(Arc::clone(&plan), &Trainable::all(&plan)).unwrap();
    let program = backend.compile(task).unwrap();
    let before = Store::new(sketch::defs(&plan), 5).unwrap();
    let mut params = backend.load(before.clone()).unwrap();
    let batch = sketch::batch(&plan, 150, 3);
    let logits = backend.logits(&program, &backend.copies(&program, &params).unwrap(), &params, &batch).unwrap();
    backend.step(&program, &mut params, &batch, Update::adagrad(0.1, 1e-2, None)).unwrap();
    let after = backend.save(&params).unwrap();
    let differs = |(before, after): (&Stored, &Stored)| match (before, after) {
        (Stored::Dense(before), Stored::Dense(after)) => before.values != after.values,
        (Stored::Table(before), Stored::Table(after)) => (0..9).any(|row| before.row(row) != after.row(row)),
        _ => unreachable!("the same parameters"),
    };
    (before.params.iter().zip(&after.params).map(differs).collect(), logits[0].clone())
}

#[test]
fn what_a_gradient_stops_at_learns_nothing() {
    let with = [moved(&Tiled::new(2).unwrap(), true), moved(&Candle::portable(), true)];
    let without = moved(&Tiled::new(2).unwrap(), false);
    // Three tables, the stopped layer, the other, the head.
    for (moved, logits) in &with {
        assert_eq!(moved, &[false, false, false, false, false, true, true, true, true]);
        for (one, other) in logits.iter().zip(&without.1) {
            assert!((one - other).abs() < 1e-5, "{one} {other}");
        }
    }
    assert_eq!(without.0, [true; 9]);
}
