//! Bags, sequences and tables that fields share: derivatives against finite differences, and the backends against each other.

use std::sync::Arc;

use nasrec_compiler::plan::{Init, Lookup, ParamKind, Plan};
use nasrec_compiler::primitives::{Axis, Concat, Embed, Fill, Flatten, Mask, Mul, Scale, SumFields, Tanh};
use nasrec_compiler::schema::Pool;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::sketch::{self, Sketch};
use crate::backend::{Backend, Candle, Task, Tiled, Trainable, Update};
use crate::data::{Batch, EMPTY};
use crate::supernet::{Average, Keep, Store, Stored, TableGradient};

const ROWS: usize = 7;
const DIM: usize = 3;
/// Places of each field: one that has a category, and bags; the second and the third share a table with the first.
const SLOTS: [usize; 5] = [1, 4, 3, 3, 2];
const POOLS: [Option<Pool>; 5] = [None, Some(Pool::Sum), Some(Pool::Mean), Some(Pool::Max), Some(Pool::Mean)];

fn plan() -> Arc<Plan> {
    let mut sketch = Sketch::new(3, false);
    let mut table = |field| sketch.param(&[ROWS, DIM], Init::XavierNormal, ParamKind::Table { field });
    let [first, second, third] = [table(0), table(3), table(4)];
    let embedded = sketch.node(Embed.into(), &[], &[first, first, first, second, third], &[5, DIM]);
    sketch.plan.nodes[embedded].lookups =
        (0..).zip(POOLS).map(|(field, pool)| Lookup { field, pool, slots: SLOTS[field], place: None }).collect();
    let flat = sketch.node(Flatten.into(), &[embedded], &[], &[5 * DIM]);
    // The second field again, as a sequence: its places one by one, each as much as the one before it.
    let places = Lookup::of_sequence(1, SLOTS[1]);
    let sequence = sketch.node(Embed.into(), &[], &[first; SLOTS[1]], &[SLOTS[1], DIM]);
    sketch.plan.nodes[sequence].lookups.clone_from(&places);
    let mask = sketch.node(Mask.into(), &[], &[], &[SLOTS[1]]);
    sketch.plan.nodes[mask].lookups = places;
    let weighed = sketch.node(Scale.into(), &[sequence, mask], &[], &[SLOTS[1], DIM]);
    let seen = sketch.node(SumFields.into(), &[weighed], &[], &[DIM]);
    let twice = sketch.node(Fill { value: 2.0 }.into(), &[], &[], &[DIM]);
    let seen = sketch.node(Mul.into(), &[seen, twice], &[], &[DIM]);
    let in_order = sketch.node(Flatten.into(), &[sequence], &[], &[SLOTS[1] * DIM]);
    let width = 5 * DIM + DIM + SLOTS[1] + SLOTS[1] * DIM;
    let flat = sketch.node(Concat.into(), &[flat, seen, mask, in_order], &[], &[width]);
    let hidden = sketch.linear(flat, Axis::Last, 6, true);
    let hidden = sketch.node(Tanh.into(), &[hidden], &[], &[6]);
    sketch.close(hidden)
}

/// With empty places anywhere, bags of nothing, and rows that a bag has twice.
fn batch(rows: usize, seed: u64) -> Batch {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut ids = Vec::new();
    for slots in SLOTS {
        for _ in 0..slots * rows {
            let empty = slots > 1 && rng.random_bool(0.4);
            ids.push(if empty { EMPTY } else { rng.random_range(0..ROWS as u32) });
        }
    }
    let ends = SLOTS.iter().scan(0, |end, slots| {
        *end += slots;
        Some(*end)
    });
    let labels = (0..rows).map(|_| f32::from(rng.random_bool(0.4))).collect();
    Batch { rows, ids, ends: ends.collect(), labels, ..Batch::default() }
}

#[test]
fn gradients_of_tables_are_finite_differences() {
    let plan = plan();
    let backend = Tiled::new(2).unwrap();
    let program = backend.compile(Task::training(Arc::clone(&plan), &Trainable::all(&plan)).unwrap()).unwrap();
    // Larger than a tile.
    let batch = batch(150, 1);
    let store = Store::new(sketch::defs(&plan), 5).unwrap();
    let (_, gradients) = backend.gradients(&program, &store, &batch).unwrap();
    let mut params: Vec<usize> = gradients.tables().iter().map(|table| table.param).collect();
    params.sort_unstable();
    assert_eq!(params, [0, 1, 2], "each table has one gradient");
    let loss = |param: usize, row: usize, column: usize, by: f32| {
        let mut store = store.clone();
        let Stored::Table(table) = &mut store.params[param] else { panic!("a table") };
        table.shift(row, column, by);
        backend.gradients(&program, &store, &batch).unwrap().0[0]
    };
    for table in gradients.tables() {
        for (place, &row) in table.rows.iter().enumerate() {
            for column in 0..DIM {
                let step = 1e-2;
                let [more, less] = [step, -step].map(|by| loss(table.param, row as usize, column, by));
                let (found, expected) = (table.values[place * DIM + column], (more - less) / (2.0 * f64::from(step)));
                assert!(
                    (f64::from(found) - expected).abs() < 2e-4,
                    "{found} {expected}: {} {row} {column}",
                    table.param
                );
            }
        }
    }
}

#[test]
fn backends_agree() {
    let plan = plan();
    let (tiled, device) = (Tiled::new(2).unwrap(), Candle::portable());
    let task = || Task::training(Arc::clone(&plan), &Trainable::all(&plan)).unwrap();
    let (ours, theirs) = (tiled.compile(task()).unwrap(), device.compile(task()).unwrap());
    let keep = Keep::default().averaged(true);
    let store = || Store::kept(sketch::defs(&plan), 5, keep).unwrap();
    let (mut here, mut there) = (tiled.load(store()).unwrap(), device.load(store()).unwrap());
    let sorted = |tables: &[TableGradient]| {
        let mut tables = tables.to_vec();
        tables.sort_by_key(|table| table.param);
        tables
    };
    for step in 0..6 {
        let batch = batch(40, step);
        let (loss, gradients) = tiled.gradients(&ours, &here, &batch).unwrap();
        let (other, others) = device.gradients(&theirs, &there, &batch).unwrap();
        assert!((loss[0] - other[0]).abs() < 1e-5, "{loss:?} {other:?}");
        for (one, other) in sorted(gradients.tables()).iter().zip(sorted(others.tables())) {
            assert_eq!((one.param, &one.rows), (other.param, &other.rows));
            for (one, other) in one.values.iter().zip(&other.values) {
                assert!((one - other).abs() < 1e-5, "{one} {other}");
            }
        }
        let update = Update {
            l2: 0.1,
            clip: (step % 2 == 0).then_some(0.2),
            whole_tables: step == 4,
            average: Some(Average { decay: 0.7, step }),
            ..Update::adagrad(0.05, 1e-2, None)
        };
        tiled.step(&ours, &mut here, &batch, update).unwrap();
        device.step(&theirs, &mut there, &batch, update).unwrap();
    }
    let average = Average { decay: 0.7, step: 5 };
    let (here, there) = (tiled.save(&here).unwrap().averaged(average), device.save(&there).unwrap().averaged(average));
    let (here, there) = (tiled.load(here).unwrap(), device.load(there).unwrap());
    let batch = batch(60, 99);
    let logits = tiled.logits(&ours, &tiled.copies(&ours, &here).unwrap(), &here, &batch).unwrap();
    let others = device.logits(&theirs, &device.copies(&theirs, &there).unwrap(), &there, &batch).unwrap();
    for (one, other) in logits[0].iter().zip(&others[0]) {
        assert!((one - other).abs() < 1e-4, "{one} {other}");
    }
}
