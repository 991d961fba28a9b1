//! Training as a whole: it learns, and both backends do the same.

use nasrec_compiler::recipe::Schedule;

use super::{Cosine, log_loss, scores};
use crate::backend::tests::sketch::{self, Sketch};
use crate::backend::{Backend, Candle, Task, Tiled, Trainable, Update};
use crate::supernet::Store;

/// The loss before each step, on the batch that all of them are taken on, and the AUC after the last.
fn run<B: Backend>(backend: &B, steps: u64) -> (Vec<f64>, f64) {
    let plan = Sketch::random(21, true, 7);
    let mut params = backend.load(Store::new(sketch::defs(&plan), 4).unwrap()).unwrap();
    let program = backend.compile(Task::training(plan.clone(), &Trainable::all(&plan)).unwrap()).unwrap();
    let evaluating = backend.compile(Task::evaluating(plan.clone()).unwrap()).unwrap();
    let schedule = Cosine { lr: 0.1, warmup: steps / 10, total: steps, shape: Schedule::Cosine };
    let mut batch = sketch::batch(&plan, 256, 1);
    // A label that the first field decides.
    for sample in 0..batch.rows {
        batch.labels[sample] = f32::from(batch.ids[sample].is_multiple_of(3));
    }
    let mut losses = Vec::new();
    for step in 0..steps {
        let copies = backend.copies(&evaluating, &params).unwrap();
        let logits = backend.logits(&evaluating, &copies, &params, &batch).unwrap();
        losses.push(log_loss(&logits[0], &batch.labels));
        let update = Update::adagrad(schedule.at(step), 1e-2, Some(5.0));
        backend.step(&program, &mut params, &batch, update).unwrap();
    }
    let copies = backend.copies(&evaluating, &params).unwrap();
    let metrics = scores(backend, &evaluating, &copies, &params, [Ok(&batch)]).unwrap()[0].metrics();
    (losses, metrics.auc)
}

#[test]
fn training_learns_what_a_field_decides() {
    let (losses, auc) = run(&Tiled::new(2).unwrap(), 150);
    assert!(losses[149] < 0.1 && losses[0] > 0.5, "{} {}", losses[0], losses[149]);
    assert!(auc > 0.99, "{auc}");
}

#[test]
fn both_backends_train_alike() {
    let (tiled, _) = run(&Tiled::new(2).unwrap(), 12);
    let (candle, _) = run(&Candle::portable(), 12);
    for (step, (a, b)) in tiled.iter().zip(&candle).enumerate() {
        assert!((a - b).abs() < 2e-3, "step {step}: {a} {b}");
    }
}

#[test]
fn a_loss_that_is_not_finite_updates_nothing() {
    let backend = Tiled::new(1).unwrap();
    let plan = Sketch::random(3, false, 5);
    let mut store = Store::new(sketch::defs(&plan), 1).unwrap();
    let program = backend.compile(Task::training(plan.clone(), &Trainable::all(&plan)).unwrap()).unwrap();
    let before = backend.copies(&program, &store).unwrap();
    let mut batch = sketch::batch(&plan, 30, 1);
    batch.numeric[0] = f32::NAN;
    let update = Update::adagrad(0.1, 1e-2, None);
    let stepped = backend.step(&program, &mut store, &batch, update).unwrap().unwrap();
    assert!(stepped.loss.is_nan());
    assert_eq!(backend.copies(&program, &store).unwrap().values(), before.values());
}
