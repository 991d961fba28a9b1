//! Dropout through both backends: drawn anew each step, the same wherever it is computed, and nothing where nothing is
//! trained.

use std::sync::Arc;

use nasrec_compiler::plan::Plan;
use nasrec_compiler::primitives::{Axis, Dropout, Relu, Square};
use nasrec_compiler::streams;

use super::sketch::{self, Sketch};
use crate::backend::{Backend, Candle, Task, Tiled, Trainable, Update};
use crate::supernet::Store;

/// Two layers over numbers, with dropout before, between and behind, at these rates; its last layer is the head.
fn plan(rates: [f64; 3]) -> Arc<Plan> {
    let mut sketch = Sketch::new(1, false);
    let mut x = sketch.numeric(6);
    for (at, rate) in rates.into_iter().enumerate() {
        if rate > 0.0 {
            x = sketch.plain(Dropout { rate }.into(), &[x]);
        }
        if at < 2 {
            x = sketch.linear(x, Axis::Last, 9, true);
            x = sketch.plain(if at == 0 { Relu.into() } else { Square.into() }, &[x]);
        }
    }
    sketch.close(x)
}

fn store(plan: &Plan) -> Store {
    Store::new(sketch::defs(plan), 5).unwrap()
}

/// The loss of some steps with draws of their own, and the logits of all samples after them.
fn trained<B: Backend>(backend: &B, plan: &Arc<Plan>, noise: u8) -> (Vec<f64>, Vec<f32>) {
    let program = backend.compile(Task::training(Arc::clone(plan), &Trainable::all(plan)).unwrap()).unwrap();
    let mut params = backend.load(store(plan)).unwrap();
    let batch = sketch::batch(plan, 300, 2);
    let losses = (0..6u64).map(|step| {
        let update = Update { noise: streams::below([noise; 32], step), ..Update::adagrad(0.05, 1e-2, None) };
        backend.step(&program, &mut params, &batch, update).unwrap().map_or(0.0, |told| told.loss)
    });
    let losses = losses.collect();
    let program = backend.compile(Task::evaluating(Arc::clone(plan)).unwrap()).unwrap();
    let copies = backend.copies(&program, &params).unwrap();
    (losses, backend.logits(&program, &copies, &params, &batch).unwrap().remove(0))
}

#[test]
fn backends_and_threads_drop_the_same() {
    let plan = plan([0.1, 0.5, 0.2]);
    let one = trained(&Tiled::new(1).unwrap(), &plan, 1);
    assert_eq!(trained(&Tiled::new(3).unwrap(), &plan, 1), one);
    let device = trained(&Candle::portable(), &plan, 1).1;
    for (a, b) in device.iter().zip(&one.1) {
        assert!((a - b).abs() < 1e-4 * (1.0 + b.abs()), "{a} {b}");
    }
    let other = trained(&Tiled::new(1).unwrap(), &plan, 2);
    assert!(one.0.iter().zip(&other.0).all(|(a, b)| a != b), "another run draws others");
}

#[test]
fn nothing_is_dropped_where_nothing_is_trained() {
    fn logits<B: Backend>(backend: &B, plan: &Arc<Plan>) -> Vec<f32> {
        let program = backend.compile(Task::evaluating(Arc::clone(plan)).unwrap()).unwrap();
        let params = backend.load(store(plan)).unwrap();
        let copies = backend.copies(&program, &params).unwrap();
        backend.logits(&program, &copies, &params, &sketch::batch(plan, 200, 3)).unwrap().remove(0)
    }
    let (with, without) = (plan([0.1, 0.5, 0.2]), plan([0.0; 3]));
    let tiled = Tiled::new(2).unwrap();
    assert_eq!(logits(&tiled, &with), logits(&tiled, &without));
    assert_eq!(logits(&Candle::portable(), &with), logits(&Candle::portable(), &without));
    // Nor does it take a step there.
    let evaluating = |plan: &Arc<Plan>| tiled.compile(Task::evaluating(Arc::clone(plan)).unwrap()).unwrap();
    assert_eq!(evaluating(&with).steps.len(), evaluating(&without).steps.len());
}

/// A head is tuned on what it will read when it is evaluated.
#[test]
fn nothing_is_dropped_where_a_head_is_tuned() {
    fn tuned<B: Backend>(backend: &B, plan: &Arc<Plan>) -> Vec<f32> {
        let task = Task::training(Arc::clone(plan), &Trainable::all(plan)).unwrap();
        let program = backend.compile(task.clone()).unwrap();
        let params = backend.load(store(plan)).unwrap();
        let mut copies = backend.copies(&program, &params).unwrap();
        let batch = sketch::batch(plan, 150, 3);
        for step in 0..4 {
            let update = Update { noise: [step; 32], ..Update::adagrad(0.1, 1e-2, None) };
            backend.finetune(&program, &mut copies, &params, &batch, update).unwrap();
        }
        let program = backend.compile(task.frozen()).unwrap();
        backend.logits(&program, &copies, &params, &batch).unwrap().remove(0)
    }
    let (with, without) = (plan([0.1, 0.5, 0.2]), plan([0.0; 3]));
    let (tiled, device) = (Tiled::new(2).unwrap(), Candle::portable());
    assert_eq!(tuned(&tiled, &with), tuned(&tiled, &without));
    assert_eq!(tuned(&device, &with), tuned(&device, &without));
}
