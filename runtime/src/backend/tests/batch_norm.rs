//! Batch normalisation through both backends: by the batch in training, by what was kept elsewhere.

use std::sync::Arc;

use nasrec_compiler::plan::{ParamKind, Plan};
use nasrec_compiler::primitives::{Axis, Relu};

use super::sketch::{self, Sketch};
use crate::backend::{Backend, Candle, Task, Tiled, Trainable, Update};
use crate::data::Batch;
use crate::supernet::{Store, Stored};

/// Numbers, normalised, through two layers with a norm behind each.
fn plan(sliced: bool) -> Arc<Plan> {
    let mut sketch = Sketch::new(1, sliced);
    let mut x = sketch.numeric(6);
    x = sketch.batch_norm(x);
    for _ in 0..2 {
        x = sketch.linear(x, Axis::Last, 9, true);
        x = sketch.batch_norm(x);
        x = sketch.plain(Relu.into(), &[x]);
    }
    sketch.close(x)
}

fn batch(rows: usize, seed: u64) -> Batch {
    sketch::batch(&plan(false), rows, seed)
}

/// What a store holds of its statistics, the first norm's first.
fn statistics(store: &Store) -> Vec<Vec<f32>> {
    let kept = store.defs().iter().zip(&store.params).filter(|(def, _)| def.kind == ParamKind::Statistic);
    let values = kept.map(|(_, stored)| match stored {
        Stored::Dense(dense) => dense.values.clone(),
        Stored::Table(_) => panic!("a statistic is no table"),
    });
    values.collect()
}

fn close(what: &str, a: &[f32], b: &[f32]) {
    assert_eq!(a.len(), b.len(), "{what}");
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() <= 1e-4 * (1.0 + b.abs()), "{what}: {a} but {b}");
    }
}

fn stepped<B: Backend>(backend: &B, plan: &Arc<Plan>, rows: usize) -> Store {
    let program = backend.compile(Task::training(Arc::clone(plan), &Trainable::all(plan)).unwrap()).unwrap();
    let mut params = backend.load(Store::new(sketch::defs(plan), 5).unwrap()).unwrap();
    for step in 0..3 {
        backend.step(&program, &mut params, &batch(rows, step), Update::adagrad(0.05, 1e-2, Some(1.0))).unwrap();
    }
    backend.save(&params).unwrap().into_owned()
}

/// PyTorch's `BatchNorm1d`: 0.9 of what was kept and 0.1 of the batch's mean and unbiased variance, in each step.
#[test]
fn statistics_follow_the_batches() {
    let plan = plan(false);
    for rows in [1, 2, 100, 300] {
        let (mut mean, mut variance) = (vec![0.2f64; 6], vec![1.7f64; 6]);
        for step in 0..3 {
            let batch = batch(rows, step);
            for (column, (mean, variance)) in mean.iter_mut().zip(&mut variance).enumerate() {
                let x: Vec<f64> = batch.numeric[column * rows..][..rows].iter().map(|&x| f64::from(x)).collect();
                let of_batch = x.iter().sum::<f64>() / rows as f64;
                let squares = x.iter().map(|x| (x - of_batch).powi(2)).sum::<f64>();
                *mean = 0.9 * *mean + 0.1 * of_batch;
                *variance = 0.9 * *variance + 0.1 * squares / (rows.max(2) - 1) as f64;
            }
        }
        let stores = [stepped(&Tiled::new(2).unwrap(), &plan, rows), stepped(&Candle::portable(), &plan, rows)];
        for store in &stores {
            let found = statistics(store);
            close("mean", &found[0], &mean.iter().map(|&x| x as f32).collect::<Vec<_>>());
            close("variance", &found[1], &variance.iter().map(|&x| x as f32).collect::<Vec<_>>());
        }
        // Behind trained layers, which round otherwise.
        for (a, b) in statistics(&stores[0]).iter().zip(&statistics(&stores[1])) {
            close("both", a, b);
        }
    }
}

#[test]
fn threads_change_nothing_and_slices_are_trained_in_their_places() {
    let bits = |store: &Store| {
        let values = store.params.iter().map(|stored| match stored {
            Stored::Dense(dense) => dense.values.iter().map(|value| value.to_bits()).collect::<Vec<_>>(),
            Stored::Table(_) => Vec::new(),
        });
        values.collect::<Vec<_>>()
    };
    for sliced in [false, true] {
        let plan = plan(sliced);
        let one = stepped(&Tiled::new(1).unwrap(), &plan, 700);
        for threads in [2, 5] {
            assert_eq!(bits(&stepped(&Tiled::new(threads).unwrap(), &plan, 700)), bits(&one), "{threads} threads");
        }
        if sliced {
            // Positions that the plan does not have keep what they had.
            let outside = statistics(&one).concat().iter().filter(|&&x| x == 0.2 || x == 1.7).count();
            assert!(outside > 0);
            let alone = stepped(&Tiled::new(1).unwrap(), &Arc::new(plan.standalone()), 700);
            assert_eq!(statistics(&alone).len(), statistics(&one).len());
        }
    }
}

/// After as many batches as there are, the mean of theirs; whichever backend, and however far the supernet's were.
#[test]
fn copies_are_recalibrated_to_the_mean_of_batches() {
    fn recalibrated<B: Backend>(backend: &B) -> (Vec<f32>, Vec<f32>) {
        let plan = plan(false);
        let program = backend.compile(Task::training(plan.clone(), &Trainable::head(&plan)).unwrap()).unwrap();
        let store = Store::new(sketch::defs(&plan), 5).unwrap();
        let params = backend.load(store.clone()).unwrap();
        let evaluate =
            |copies: &B::Copies| backend.logits(&program, copies, &params, &batch(200, 9)).unwrap().remove(0);
        let mut copies = backend.copies(&program, &params).unwrap();
        let before = evaluate(&copies);
        for seen in 0..4 {
            backend.recalibrate(&program, &mut copies, &params, &batch(150, seen), 1.0 / (seen + 1) as f64).unwrap();
        }
        // The parameters are only read.
        assert_eq!(statistics(&backend.save(&params).unwrap()), statistics(&store));
        (before, evaluate(&copies))
    }
    let (before, after) = recalibrated(&Tiled::new(2).unwrap());
    let device = recalibrated(&Candle::portable());
    close("before", &device.0, &before);
    close("after", &device.1, &after);
    assert!(before.iter().zip(&after).any(|(a, b)| (a - b).abs() > 0.05));
    // On the batch that it was recalibrated on, a plan says what it says in training.
    let (plan, tiled) = (plan(false), Tiled::new(1).unwrap());
    let task = Task::training(plan.clone(), &Trainable::all(&plan)).unwrap();
    let (program, store) = (tiled.compile(task).unwrap(), Store::new(sketch::defs(&plan), 5).unwrap());
    let mut copies = tiled.copies(&program, &store).unwrap();
    let only = batch(5000, 3);
    tiled.recalibrate(&program, &mut copies, &store, &only, 1.0).unwrap();
    let logits = tiled.logits(&program, &copies, &store, &only).unwrap().remove(0);
    let loss = crate::train::log_loss(&logits, &only.labels);
    let in_training = tiled.gradients(&program, &store, &only).unwrap().0[0];
    assert!((loss - in_training).abs() < 1e-4, "{loss} {in_training}");
}

#[test]
fn what_is_not_finite_moves_no_statistics() {
    fn kept<B: Backend>(backend: &B) {
        let plan = plan(true);
        let program = backend.compile(Task::training(plan.clone(), &Trainable::all(&plan)).unwrap()).unwrap();
        let store = Store::new(sketch::defs(&plan), 5).unwrap();
        let mut params = backend.load(store.clone()).unwrap();
        let mut wrong = batch(40, 1);
        wrong.numeric.iter_mut().for_each(|x| *x = f32::NAN);
        backend.step(&program, &mut params, &wrong, Update::adagrad(0.05, 1e-2, None)).unwrap();
        let after = backend.save(&params).unwrap();
        // A relu may hide it: then the loss is finite, and so is what is kept of the norms before it.
        assert_eq!(statistics(&after), statistics(&store));
    }
    kept(&Tiled::new(1).unwrap());
    kept(&Candle::portable());
}
