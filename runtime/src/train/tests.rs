//! Training as a whole: it learns, and a run on a device's executor does the same as the CPU's.

use candle_core::Device;
use nasrec_compiler::recipe::Schedule;

use super::{Cosine, Trainer, Update, evaluate};
use crate::ops::sketch::{self, Sketch};
use crate::ops::{Executor, Program, Trainable};
use crate::supernet::Store;

fn run(executor: &Executor, steps: u64) -> (Vec<f64>, f64) {
    let plan = Sketch::random(21, true, 7);
    let mut store = Store::new(sketch::defs(&plan), 4).unwrap();
    let program = Program::training(plan.clone(), Trainable::all(&plan)).unwrap();
    let schedule = Cosine { lr: 0.1, warmup: steps / 10, total: steps, shape: Schedule::Cosine };
    let mut trainer = Trainer::new(executor);
    let mut batch = sketch::batch(&plan, 256, 1);
    // A label that the first field decides.
    for sample in 0..batch.rows {
        batch.labels[sample] = f32::from(batch.ids[sample].is_multiple_of(3));
    }
    let losses = (0..steps)
        .map(|step| {
            let update = Update::adagrad(schedule.at(step), 1e-2, Some(5.0));
            trainer.step(&program, &mut store, &batch, update).unwrap().loss
        })
        .collect();
    let evaluating = Program::evaluating(plan).unwrap();
    let weights = store.gather(&evaluating).unwrap();
    let metrics = evaluate(executor, &evaluating, &weights, &store, [Ok(&batch)]).unwrap();
    (losses, metrics.auc)
}

#[test]
fn training_learns_what_a_field_decides() {
    let (losses, auc) = run(&Executor::cpu(2).unwrap(), 150);
    assert!(losses[149] < 0.1 && losses[0] > 0.5, "{} {}", losses[0], losses[149]);
    assert!(auc > 0.99, "{auc}");
}

#[test]
fn both_executors_train_alike() {
    let (tiled, _) = run(&Executor::cpu(2).unwrap(), 12);
    let (portable, _) = run(&Executor::on(Device::Cpu), 12);
    for (step, (a, b)) in tiled.iter().zip(&portable).enumerate() {
        assert!((a - b).abs() < 2e-3, "step {step}: {a} {b}");
    }
}

#[test]
fn a_loss_that_is_not_finite_updates_nothing() {
    let executor = Executor::cpu(1).unwrap();
    let plan = Sketch::random(3, false, 5);
    let mut store = Store::new(sketch::defs(&plan), 1).unwrap();
    let program = Program::training(plan.clone(), Trainable::all(&plan)).unwrap();
    let before = store.gather(&program).unwrap();
    let mut batch = sketch::batch(&plan, 30, 1);
    batch.numeric[0] = f32::NAN;
    let update = Update::adagrad(0.1, 1e-2, None);
    let loss = Trainer::new(&executor).step(&program, &mut store, &batch, update).unwrap().loss;
    assert!(loss.is_nan());
    assert_eq!(store.gather(&program).unwrap().values(), before.values());
}
