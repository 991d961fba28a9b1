//! Several labels through both backends: what each head says, and what their losses come to together.

use std::sync::Arc;

use nasrec_compiler::plan::{Head, Plan};
use nasrec_compiler::primitives::{Axis, Relu};

use super::derivatives::{check_derivatives, close, compare_backends, gradients};
use super::sketch::{self, Sketch};
use crate::backend::{Backend, Candle, Task, Tiled, Trainable};
use crate::data::Batch;
use crate::supernet::Store;
use crate::train::log_loss;

fn head(label: usize, weight: f64, auxiliary: bool) -> Head {
    Head { name: None, label, weight, auxiliary }
}

/// One layer over numbers and embeddings, shared by the logits of two labels and by one that is trained beside the first.
fn plan() -> Arc<Plan> {
    let mut sketch = Sketch::new(4, false);
    let (numbers, fields) = (sketch.numeric(5), sketch.embed(3, 4, 11));
    let fields = sketch.plain(nasrec_compiler::primitives::Flatten.into(), &[fields]);
    let x = sketch.plain(nasrec_compiler::primitives::Concat.into(), &[numbers, fields]);
    let x = sketch.linear(x, Axis::Last, 9, true);
    let x = sketch.plain(Relu.into(), &[x]);
    sketch.close_with(x, vec![head(0, 1.0, false), head(1, 0.5, false), head(0, 0.25, true)])
}

fn each_logits<B: Backend>(backend: &B, plan: &Arc<Plan>, store: &Store, batch: &Batch) -> Vec<Vec<f32>> {
    let program = backend.compile(Task::evaluating(Arc::clone(plan)).unwrap()).unwrap();
    let params = backend.load(store.clone()).unwrap();
    let copies = backend.copies(&program, &params).unwrap();
    backend.logits(&program, &copies, &params, batch).unwrap()
}

#[test]
fn derivatives_reach_all_heads() {
    check_derivatives(&plan(), 6, 8, 40, false);
}

#[test]
fn backends_agree() {
    for rows in [1, 23, 300] {
        compare_backends(&plan(), rows, 5);
    }
    let (plan, store) = (plan(), Store::new(sketch::defs(&plan()), 5).unwrap());
    let batch = sketch::batch(&plan, 300, 2);
    let one = each_logits(&Tiled::new(1).unwrap(), &plan, &store, &batch);
    assert_eq!((one.len(), one[2].len()), (3, 300));
    assert_eq!(each_logits(&Tiled::new(3).unwrap(), &plan, &store, &batch), one);
    for (theirs, ours) in each_logits(&Candle::portable(), &plan, &store, &batch).iter().zip(&one) {
        close("logits of a head", theirs, ours);
    }
}

/// Losses and gradients are those of each head alone, as often as it counts.
#[test]
fn losses_are_added_up_by_their_weights() {
    let (plan, store) = (plan(), Store::new(sketch::defs(&plan()), 5).unwrap());
    let batch = sketch::batch(&plan, 200, 3);
    assert_ne!(batch.labels_of(0), batch.labels_of(1), "else nothing is seen here");
    let tiled = Tiled::new(2).unwrap();
    let task = Task::training(Arc::clone(&plan), &Trainable::all(&plan)).unwrap();
    let (loss, all) = gradients(&tiled, &task, &store, &batch);
    let each = each_logits(&tiled, &plan, &store, &batch);
    let of_head = |(head, logits): (&Head, &Vec<f32>)| head.weight * log_loss(logits, batch.labels_of(head.label));
    let expected: f64 = plan.heads.iter().zip(&each).map(of_head).sum();
    assert!((loss - expected).abs() < 1e-9 * expected, "{loss} {expected}");

    let mut sums: Vec<Vec<f32>> = plan.params.iter().enumerate().map(|(p, _)| vec![0.0; all.dense(p).len()]).collect();
    for (at, of) in plan.heads.iter().enumerate() {
        let alone = Plan { logit: plan.nodes[plan.logit].inputs[at], heads: Head::only(), ..Plan::clone(&plan) };
        let batch = Batch { labels: batch.labels_of(of.label).to_vec(), ..batch.clone() };
        let task = Task::training(alone, &Trainable::all(&plan)).unwrap();
        let (_, gradients) = gradients(&tiled, &task, &store, &batch);
        for (p, sum) in sums.iter_mut().enumerate() {
            sum.iter_mut().zip(gradients.dense(p)).for_each(|(sum, g)| *sum += of.weight as f32 * g);
        }
    }
    for (p, sum) in sums.iter().enumerate() {
        close(&plan.params[p].name, all.dense(p), sum);
    }
}

#[test]
fn a_batch_has_to_have_all_labels() {
    let (plan, tiled) = (plan(), Tiled::new(1).unwrap());
    let store = Store::new(sketch::defs(&plan), 5).unwrap();
    let program = tiled.compile(Task::training(Arc::clone(&plan), &Trainable::all(&plan)).unwrap()).unwrap();
    let mut batch = sketch::batch(&plan, 10, 3);
    batch.labels.truncate(10);
    let told = tiled.gradients(&program, &store, &batch).unwrap_err().to_string();
    assert!(told.contains("10 labels for 10 rows of 2 labels"), "{told}");
}
