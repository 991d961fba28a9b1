//! Samples that count more or less than once.

use std::sync::Arc;

use super::sketch::{self, Sketch};
use crate::backend::{Backend, Task, Tiled, Trainable, Update};
use crate::data::Batch;
use crate::supernet::Store;
use nasrec_compiler::primitives::Axis;

/// The samples of a batch with these numbers, one after the other.
fn picked(batch: &Batch, samples: &[usize]) -> Batch {
    let column = |values: &[f32]| samples.iter().map(|&sample| values[sample]).collect::<Vec<_>>();
    let ids = |values: &[u32]| samples.iter().map(|&sample| values[sample]).collect::<Vec<_>>();
    Batch {
        rows: samples.len(),
        numeric: batch.numeric.chunks_exact(batch.rows).flat_map(column).collect(),
        ids: batch.ids.chunks_exact(batch.rows).flat_map(ids).collect(),
        labels: column(&batch.labels),
        ..Batch::default()
    }
}

#[test]
fn a_weight_counts_a_sample_so_many_times() {
    let mut sketch = Sketch::new(1, false);
    let x = sketch.numeric(5);
    let x = sketch.linear(x, Axis::Last, 3, true);
    let plan = sketch.close(x);
    let backend = Tiled::new(2).unwrap();
    let program = backend.compile(Task::training(Arc::clone(&plan), &Trainable::all(&plan)).unwrap()).unwrap();
    let all = sketch::batch(&plan, 4, 1);
    let after = |batch: &Batch| {
        let mut params = Store::new(sketch::defs(&plan), 5).unwrap();
        let told = backend.step(&program, &mut params, batch, Update::adagrad(0.05, 1e-2, None)).unwrap();
        (
            told.map_or(0.0, |told| told.loss),
            backend.logits(&program, &backend.copies(&program, &params).unwrap(), &params, &all).unwrap(),
        )
    };
    let weighted = after(&Batch { weights: vec![2.0, 0.0, 1.0, 1.0], ..all.clone() });
    let repeated = after(&picked(&all, &[0, 0, 2, 3]));
    assert!((weighted.0 - repeated.0).abs() < 1e-6, "{} {}", weighted.0, repeated.0);
    for (a, b) in weighted.1[0].iter().zip(&repeated.1[0]) {
        assert!((a - b).abs() < 1e-5, "{a} {b}");
    }
    assert_ne!(after(&all).1, weighted.1);
}
