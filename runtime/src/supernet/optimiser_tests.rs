//! Every update rule against its formula in f64, on slices and rows; what each way of keeping a store promises.

use std::sync::Arc;

use nasrec_compiler::plan::{ParamKind, Plan};
use nasrec_compiler::recipe::{Decay, Storage};

use super::store::Stored;
use super::tests::{bits, label, logits, train};
use super::{Average, Keep, Memory, Rule, Store};
use crate::backend::tests::sketch::{self, Sketch};
use crate::backend::{Backend, Task, Tiled, Trainable, Update};

/// One of each kind, in step `step`.
fn rules(step: u64) -> [Rule; 9] {
    [
        Rule::Adagrad { lr: 0.1, eps: 1e-2, rowwise: false },
        Rule::Adagrad { lr: 0.1, eps: 1e-2, rowwise: true },
        Rule::Adam { lr: 0.02, beta1: 0.9, beta2: 0.99, eps: 1e-8, step, decay: Decay::None },
        Rule::Sgd { lr: 0.3, momentum: 0.8, decay: Decay::None },
        Rule::Sgd { lr: 0.3, momentum: 0.0, decay: Decay::None },
        Rule::Adam { lr: 0.02, beta1: 0.9, beta2: 0.99, eps: 1e-8, step, decay: Decay::L2(0.1) },
        Rule::Adam { lr: 0.02, beta1: 0.9, beta2: 0.99, eps: 1e-8, step, decay: Decay::Decoupled(0.5) },
        Rule::Sgd { lr: 0.3, momentum: 0.8, decay: Decay::L2(0.1) },
        Rule::Sgd { lr: 0.3, momentum: 0.0, decay: Decay::L2(0.1) },
    ]
}

/// A parameter as the formulas have it: all of it, with two numbers a value and one a row.
#[derive(Clone)]
struct Reference {
    width: usize,
    values: Vec<f64>,
    first: Vec<f64>,
    second: Vec<f64>,
    of_row: Vec<f64>,
}

impl Reference {
    fn of(values: &[f32], width: usize) -> Self {
        let zeros = vec![0.0; values.len()];
        Self {
            width,
            values: values.iter().map(|&v| f64::from(v)).collect(),
            first: zeros.clone(),
            second: zeros,
            of_row: vec![0.0; values.len() / width],
        }
    }

    /// Moves the given places by their gradients; `rows`: whether one number a row stands for all of its values.
    fn step(&mut self, rule: Rule, places: &[(usize, f64)], rows: bool) {
        if let Rule::Adagrad { lr, eps, rowwise: true } = rule
            && rows
        {
            for group in places.chunk_by(|(a, _), (b, _)| a / self.width == b / self.width) {
                let sum = &mut self.of_row[group[0].0 / self.width];
                *sum += group.iter().map(|(_, g)| g * g).sum::<f64>() / group.len() as f64;
                let sum = *sum;
                group.iter().for_each(|&(at, g)| self.values[at] -= lr * g / (sum.sqrt() + eps));
            }
            return;
        }
        for &(at, g) in places {
            let (value, m, v) = (&mut self.values[at], &mut self.first[at], &mut self.second[at]);
            // As torch's Adam, AdamW and SGD do it.
            let mut g = g;
            match rule {
                Rule::Adam { decay: Decay::L2(by), .. } | Rule::Sgd { decay: Decay::L2(by), .. } => g += by * *value,
                Rule::Adam { lr, decay: Decay::Decoupled(by), .. } => *value -= lr * by * *value,
                _ => {}
            }
            match rule {
                Rule::Adagrad { lr, eps, .. } => {
                    *m += g * g;
                    *value -= lr * g / (m.sqrt() + eps);
                }
                Rule::Adam { lr, beta1, beta2, eps, step, .. } => {
                    let t = step as f64 + 1.0;
                    *m = beta1 * *m + (1.0 - beta1) * g;
                    *v = beta2 * *v + (1.0 - beta2) * g * g;
                    let (m, v) = (*m / (1.0 - beta1.powf(t)), *v / (1.0 - beta2.powf(t)));
                    *value -= lr * m / (v.sqrt() + eps);
                }
                Rule::Sgd { lr, momentum, .. } => {
                    *m = momentum * *m + g;
                    *value -= lr * *m;
                }
            }
        }
    }
}

/// The places of a parameter's active values in its full shape, in order.
fn places(plan: &Plan, param: usize, rows: Option<&[u32]>) -> Vec<usize> {
    let param = &plan.params[param];
    let width = *param.full.last().unwrap();
    let columns: Vec<usize> = param.axes.last().unwrap().positions().collect();
    let rows: Vec<usize> = match rows {
        Some(rows) => rows.iter().map(|&row| row as usize).collect(),
        None if param.axes.len() == 2 => param.axes[0].positions().collect(),
        None => vec![0],
    };
    rows.iter().flat_map(|row| columns.iter().map(move |column| row * width + column)).collect()
}

fn whole(store: &Store, param: usize) -> Vec<f32> {
    match &store.params[param] {
        Stored::Dense(dense) => dense.values.clone(),
        Stored::Table(table) => (0..table.rows).flat_map(|row| table.row(row)).collect(),
    }
}

/// Trains slices for some steps, some of which it sits out, and compares everything with the masked formulas.
#[test]
fn slices_and_rows_move_as_the_masked_formulas_say() {
    let backend = Tiled::new(2).unwrap();
    let plan = Sketch::random(4, true, 9);
    assert!(plan.params.iter().any(|p| p.axes.iter().any(|axis| axis.runs().len() > 1)));
    let program = backend.compile(Task::training(plan.clone(), &Trainable::all(&plan)).unwrap()).unwrap();
    for kind in 0..rules(0).len() {
        let keep = Keep { memory: rules(0)[kind].memory(), ..Keep::default() };
        let mut store = Store::kept(sketch::defs(&plan), 5, keep).unwrap();
        let start: Vec<Vec<f32>> = (0..store.params.len()).map(|id| whole(&store, id)).collect();
        let width = |id: usize| *store.defs()[id].full.last().unwrap();
        let mut references: Vec<Reference> =
            start.iter().enumerate().map(|(id, values)| Reference::of(values, width(id))).collect();
        // What is not trained in a step stays, and so do its moments; the global step goes on.
        for step in [0, 1, 2, 7] {
            let (rule, batch) = (rules(step)[kind], sketch::batch(&plan, 150, step));
            let (_, gradients) = backend.gradients(&program, &store, &batch).unwrap();
            let scale = 0.7;
            let scaled = |at: &[usize], gradients: &[f32]| -> Vec<(usize, f64)> {
                at.iter().zip(gradients).map(|(&at, &g)| (at, f64::from(g) * f64::from(scale))).collect()
            };
            for (index, param) in plan.params.iter().enumerate() {
                if param.kind == ParamKind::Dense {
                    let moved = scaled(&places(&plan, index, None), gradients.dense(index));
                    references[param.id].step(rule, &moved, false);
                }
            }
            for table in gradients.tables() {
                let moved = scaled(&places(&plan, table.param, Some(&table.rows)), &table.values);
                references[plan.params[table.param].id].step(rule, &moved, true);
            }
            store.apply(&plan, &gradients, rule, scale).unwrap();
        }
        let (mut moved, mut still) = (0, 0);
        for (id, reference) in references.iter().enumerate() {
            for ((&now, &expected), &then) in whole(&store, id).iter().zip(&reference.values).zip(&start[id]) {
                let tolerance = 2e-5 * expected.abs().max(0.1);
                assert!(
                    (f64::from(now) - expected).abs() < tolerance,
                    "{kind} {}: {now} {expected}",
                    store.defs()[id].name
                );
                // Nothing that the mask excludes moves at all.
                if expected == f64::from(then) {
                    assert_eq!(now.to_bits(), then.to_bits());
                    still += 1;
                } else {
                    moved += 1;
                }
            }
        }
        assert!(moved > 100 && still > 100, "{moved} {still}");
    }
}

#[test]
fn a_penalty_on_rows_is_part_of_the_gradient_that_is_clipped() {
    let backend = Tiled::new(1).unwrap();
    let plan = Sketch::random(4, true, 7);
    let program = backend.compile(Task::training(plan.clone(), &Trainable::all(&plan)).unwrap()).unwrap();
    let batch = sketch::batch(&plan, 90, 1);
    let rule = Rule::Sgd { lr: 1.0, momentum: 0.0, decay: Decay::None };
    let keep = Keep { memory: Memory::Nothing, ..Keep::default() };
    let mut store = Store::kept(sketch::defs(&plan), 5, keep).unwrap();
    let start: Vec<Vec<f32>> = (0..store.params.len()).map(|id| whole(&store, id)).collect();
    let (_, gradients) = backend.gradients(&program, &store, &batch).unwrap();
    let (clip, l2) = (0.05, 0.5);
    let plain = gradients.norm();
    let mut expected: Vec<Vec<f64>> =
        start.iter().map(|values| values.iter().map(|&v| f64::from(v)).collect()).collect();
    let mut moves = Vec::new();
    for table in gradients.tables() {
        let id = plan.params[table.param].id;
        for (at, &g) in places(&plan, table.param, Some(&table.rows)).into_iter().zip(&table.values) {
            moves.push((id, at, f64::from(g) + l2 * f64::from(start[id][at])));
        }
    }
    assert!(!moves.is_empty());
    let dense: f64 = (0..plan.params.len()).flat_map(|p| gradients.dense(p)).map(|&g| f64::from(g).powi(2)).sum();
    let norm = (dense + moves.iter().map(|(_, _, g)| g * g).sum::<f64>()).sqrt();
    assert!((norm - plain).abs() > 1e-3, "the penalty shows in the norm");
    let scale = (clip / (norm + 1e-6)).min(1.0);
    moves.into_iter().for_each(|(id, at, g)| expected[id][at] -= scale * g);
    let update = Update { rule, l2, ..Update::adagrad(0.0, 0.0, Some(clip)) };
    backend.step(&program, &mut store, &batch, update).unwrap();
    for (id, expected) in expected.iter().enumerate().filter(|&(id, _)| store.defs()[id].kind != ParamKind::Dense) {
        for (now, expected) in whole(&store, id).iter().zip(expected) {
            assert!((f64::from(*now) - expected).abs() < 1e-6, "{now} {expected}");
        }
    }
}

/// Every way to keep a store, with an update for step 0.
fn ways() -> Vec<(Keep, Update)> {
    let both = [Storage::F32, Storage::Bf16];
    let each = |storage: Storage, rule: Rule, average: bool| {
        let keep = Keep { memory: rule.memory(), storage, average };
        let average = average.then_some(Average { decay: 0.9, step: 0 });
        (keep, Update { rule, average, l2: 1e-3, ..Update::adagrad(0.0, 0.0, Some(0.5)) })
    };
    let all = both.iter().flat_map(|&storage| {
        let of_rule = |rule| [false, true].map(|average| each(storage, rule, average));
        rules(0).into_iter().flat_map(of_rule).collect::<Vec<_>>()
    });
    all.collect()
}

#[test]
fn subnets_and_checkpoints_go_on_alike_however_a_store_is_kept() {
    let backend = Tiled::new(2).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.safetensors");
    let plan = Sketch::random(5, true, 9);
    let alone = Arc::new(plan.standalone());
    for (keep, update) in ways() {
        let mut store = Store::kept(sketch::defs(&plan), 9, keep).unwrap();
        train(&backend, &plan, &mut store, 0..3, update);
        store.save(&path, &label(), "").unwrap();
        let mut other = Store::kept(sketch::defs(&plan), 9, keep).unwrap();
        train(&backend, &plan, &mut other, 0..5, update);
        other.load(&path, &label()).unwrap();
        assert_eq!(bits(&other), bits(&store), "{keep:?}");
        let mut extracted = store.extract(&plan).unwrap();
        assert_eq!(logits(&backend, &plan, &store), logits(&backend, &alone, &extracted), "{keep:?}");
        let expected = train(&backend, &plan, &mut store, 3..6, update);
        assert_eq!(train(&backend, &plan, &mut other, 3..6, update), expected, "{keep:?}");
        assert_eq!(train(&backend, &alone, &mut extracted, 3..6, update), expected, "{keep:?}");
        assert_eq!(bits(&store.extract(&plan).unwrap()), bits(&extracted), "{keep:?}");
        // Neither another optimiser nor another storage can go on from there.
        for (other_keep, other_update) in ways() {
            let mut wrong = Store::kept(sketch::defs(&plan), 9, other_keep).unwrap();
            let before = bits(&wrong);
            assert_eq!(wrong.load(&path, &label()).is_ok(), keep == other_keep, "{keep:?} {other_keep:?}");
            assert!(keep == other_keep || bits(&wrong) == before);
            if other_keep.memory != keep.memory {
                let program = backend.compile(Task::training(plan.clone(), &Trainable::all(&plan)).unwrap()).unwrap();
                let step = backend.step(&program, &mut store, &sketch::batch(&plan, 9, 1), other_update);
                assert!(step.unwrap_err().to_string().contains("the rule needs"));
            }
        }
    }
}

#[test]
fn tables_in_bf16_hold_what_is_nearest() {
    let backend = Tiled::new(2).unwrap();
    let plan = Sketch::random(5, true, 9);
    let keep = Keep { storage: Storage::Bf16, ..Keep::default() };
    let exact = Store::new(sketch::defs(&plan), 9).unwrap();
    let mut halved = Store::kept(sketch::defs(&plan), 9, keep).unwrap();
    // The nearest of the numbers whose low 16 bits are zero, the even one of two.
    let nearest = |x: f32| {
        let (below, tail) = (x.to_bits() >> 16, x.to_bits() & 0xffff);
        let up = tail > 0x8000 || tail == 0x8000 && below & 1 == 1;
        f32::from_bits((below + u32::from(up)) << 16)
    };
    let mut rows = 0;
    for id in 0..exact.params.len() {
        let (Stored::Table(exact), Stored::Table(halved)) = (&exact.params[id], &halved.params[id]) else { continue };
        for row in 0..exact.rows {
            assert!(exact.row(row).iter().map(|&x| nearest(x)).eq(halved.row(row)));
            rows += 1;
        }
    }
    assert!(rows > 20);
    let update = Update::adagrad(0.1, 1e-2, Some(0.5));
    train(&backend, &plan, &mut halved, 0..4, update);
    let mut touched = 0;
    for stored in &halved.params {
        let Stored::Table(table) = stored else { continue };
        let values: Vec<f32> = table.records().flat_map(|(row, ..)| table.row(row)).collect();
        assert!(values.iter().all(|&x| nearest(x) == x));
        touched += values.len();
        // A tie goes to the even one: 1 + 2^-8 lies halfway between 1 and 1 + 2^-7.
        let mut table = table.clone();
        table.put(0, &vec![1.0 + 1.0 / 256.0; table.dim]);
        assert!(table.row(0).iter().all(|&x| x == 1.0));
        table.put(0, &vec![1.0 + 3.0 / 256.0; table.dim]);
        assert!(table.row(0).iter().all(|&x| x == 1.0 + 4.0 / 256.0));
    }
    assert!(touched > 0);
}

#[test]
fn what_a_store_says_it_takes_is_what_it_holds() {
    let backend = Tiled::new(2).unwrap();
    let plan = Sketch::random(5, false, 9);
    for (keep, update) in ways() {
        let mut store = Store::kept(sketch::defs(&plan), 9, keep).unwrap();
        train(&backend, &plan, &mut store, 0..2, update);
        for (def, stored) in store.defs().iter().zip(&store.params) {
            let (held, said) = match stored {
                Stored::Dense(dense) => {
                    let beside = dense.memory.iter().chain([&dense.average]);
                    let numbers = dense.values.len() + beside.map(Vec::len).sum::<usize>();
                    (4 * numbers as u64, Store::bytes(def, keep, 0))
                }
                Stored::Table(table) => {
                    let numbers: usize = table.records().map(|(_, values, memory)| values.len() + memory.len()).sum();
                    (4 * numbers as u64, Store::bytes(def, keep, table.records().count() as u64))
                }
            };
            assert!(held <= said && said <= held * 2 + 4096, "{}: {held} {said}", def.name);
        }
    }
}

/// torch's Adam on dense tables with a loss that grows by half of 0.05 times the sum of their squares: every row moves in
/// every step, whether it was looked up or not, and the norm that is clipped is that of all rows.
#[test]
fn a_penalty_on_whole_tables_moves_every_row_in_every_step() {
    let (clip, l2) = (0.3, 0.05);
    let backend = Tiled::new(2).unwrap();
    let plan = Sketch::random(4, true, 7);
    let program = backend.compile(Task::training(plan.clone(), &Trainable::all(&plan)).unwrap()).unwrap();
    for kind in 0..rules(0).len() {
        let keep = Keep { memory: rules(0)[kind].memory(), ..Keep::default() };
        let mut store = Store::kept(sketch::defs(&plan), 5, keep).unwrap();
        let width = |id: usize| *store.defs()[id].full.last().unwrap();
        let mut references: Vec<Reference> =
            (0..store.params.len()).map(|id| Reference::of(&whole(&store, id), width(id))).collect();
        for step in 0..4 {
            let (rule, batch) = (rules(step)[kind], sketch::batch(&plan, 20, step));
            let (_, gradients) = backend.gradients(&program, &store, &batch).unwrap();
            let mut moves = Vec::new();
            for (index, param) in plan.params.iter().enumerate().filter(|(_, param)| param.kind == ParamKind::Dense) {
                let of_param = places(&plan, index, None).into_iter().zip(gradients.dense(index));
                moves.push((param.id, false, of_param.map(|(at, &g)| (at, f64::from(g))).collect::<Vec<_>>()));
            }
            for table in gradients.tables() {
                let id = plan.params[table.param].id;
                let rows: Vec<u32> = (0..store.defs()[id].full[0] as u32).collect();
                let mut all: Vec<(usize, f64)> = places(&plan, table.param, Some(&rows))
                    .into_iter()
                    .map(|at| (at, l2 * references[id].values[at]))
                    .collect();
                for (at, &g) in places(&plan, table.param, Some(&table.rows)).into_iter().zip(&table.values) {
                    let place = all.iter().position(|(other, _)| *other == at).unwrap();
                    all[place].1 += f64::from(g);
                }
                moves.push((id, true, all));
            }
            let norm = moves.iter().flat_map(|(_, _, moves)| moves).map(|(_, g)| g * g).sum::<f64>().sqrt();
            let scale = (clip / (norm + 1e-6)).min(1.0);
            for (id, rows, moves) in moves {
                let scaled: Vec<(usize, f64)> = moves.into_iter().map(|(at, g)| (at, g * scale)).collect();
                references[id].step(rule, &scaled, rows);
            }
            let update = Update { rule, l2, whole_tables: true, ..Update::adagrad(0.0, 0.0, Some(clip)) };
            backend.step(&program, &mut store, &batch, update).unwrap();
        }
        for (id, reference) in references.iter().enumerate() {
            for (&now, &expected) in whole(&store, id).iter().zip(&reference.values) {
                let tolerance = 1e-4 * expected.abs().max(0.1);
                assert!((f64::from(now) - expected).abs() < tolerance, "{kind}: {now} {expected}");
            }
        }
        for table in plan.params.iter().filter(|param| param.kind.is_table()) {
            let Stored::Table(stored) = &store.params[table.id] else { unreachable!() };
            assert_eq!(stored.records().count(), stored.rows, "every row is there");
        }
    }
}

/// The mean of all weights as they were after each step, as the formula has it, in f64: of rows too that most steps leave alone.
#[test]
fn averages_are_those_of_every_step() {
    let backend = Tiled::new(2).unwrap();
    let plan = Sketch::random(4, true, 40);
    let program = backend.compile(Task::training(plan.clone(), &Trainable::all(&plan)).unwrap()).unwrap();
    let decay = 0.8;
    for kind in [1, 2, 3] {
        let keep = Keep { memory: rules(0)[kind].memory(), average: true, ..Keep::default() };
        let mut store = Store::kept(sketch::defs(&plan), 5, keep).unwrap();
        let start: Vec<Vec<f32>> = (0..store.params.len()).map(|id| whole(&store, id)).collect();
        let mut means: Vec<Vec<f64>> = start.iter().map(|values| vec![0.0; values.len()]).collect();
        for step in 0..9 {
            let mut batch = sketch::batch(&plan, 6, step);
            // A step that moves nothing is one all the same.
            if step == 4 {
                batch.numeric[0] = f32::NAN;
            }
            let average = Some(Average { decay, step });
            // Without a clip a random plan of so many nodes may run away.
            let update = Update { rule: rules(step)[kind], average, ..Update::adagrad(0.0, 0.0, Some(1.0)) };
            let stepped = backend.step(&program, &mut store, &batch, update).unwrap().unwrap();
            assert_eq!(stepped.failed, u64::from(step == 4));
            let (mut moved, mut still) = (0, 0);
            let averaged = store.averaged(Average { decay, step: step + 1 });
            for (id, means) in means.iter_mut().enumerate() {
                let (values, found) = (whole(&store, id), whole(&averaged, id));
                for (at, mean) in means.iter_mut().enumerate() {
                    *mean = decay * *mean + (1.0 - decay) * f64::from(values[at]);
                    let expected = *mean / (1.0 - decay.powf(step as f64 + 1.0));
                    assert!((f64::from(found[at]) - expected).abs() < 1e-5, "{kind}, {step}: {} {expected}", found[at]);
                    let same = values[at].to_bits() == start[id][at].to_bits();
                    *(if same { &mut still } else { &mut moved }) += 1;
                }
            }
            assert!(moved > 100 && (still > 100 || step > 4), "{moved} {still}");
        }
    }
}
