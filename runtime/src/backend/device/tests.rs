//! What moves between the host and the device, that nothing is lost there and back, and steps held to the tiled backend's.

use std::path::Path;
use std::sync::Arc;

use nasrec_compiler::plan::{ParamKind, Plan};
use nasrec_compiler::primitives::Dropout;
use nasrec_compiler::recipe::{Counts, Decay, Storage};
use nasrec_compiler::streams::{self, Streams};
use nasrec_compiler::{ItemKind, Space};

use super::loss::WINDOW;
use super::{Candle, Params, Program};
use crate::backend::tests::sketch::{self, Sketch};
use crate::backend::{Backend, Stepped, Task, Tiled, Trainable, Update};
use crate::data::Batch;
use crate::supernet::{Average, Keep, ParamDef, Rule, Store, Stored};
use crate::{Error, WeightsError};

#[path = "../../../../tests/support/mod.rs"]
mod support;

/// A table that fits the shipped spaces, with as many columns as Criteo's and few rows.
const SCHEMA: &str = "schema criteo { label click; dense I[1..13]; sparse C[1..26]: int | modulo(rows: 30) }";

/// A GPU in a build for one, else the CPU in its place.
fn device() -> Candle {
    if cfg!(feature = "cuda") { Candle::cuda(0).expect("a GPU") } else { Candle::portable() }
}

fn nasrec_small() -> Space {
    let program = support::load(&format!(
        "import \"nasrec_small.nasrec\" {{ nasrec_small }}\n{SCHEMA}\n\
         search s on nasrec_small() with criteo {{ data {{ files: \"none\" }} }}"
    ));
    let item = program.items().into_iter().find(|item| item.kind == ItemKind::Search).unwrap();
    let search = program.search(&item, &[]).unwrap();
    Space::bind(&search.space, &search.schema).unwrap()
}

fn paths(space: &Space, count: u64) -> Vec<Arc<Plan>> {
    let path =
        |index| Arc::new(space.plan(&space.sample(Counts::Uniform, &mut Streams::new(3).rng("path", index))).unwrap());
    (0..count).map(path).collect()
}

fn training(backend: &Candle, plan: &Arc<Plan>) -> Program {
    backend.compile(Task::training(plan.clone(), &Trainable::all(plan)).unwrap()).unwrap()
}

/// One of each kind, in step `step`.
fn rules(step: u64) -> [Rule; 8] {
    [
        Rule::Adagrad { lr: 0.05, eps: 1e-2, rowwise: false },
        Rule::Adagrad { lr: 0.05, eps: 1e-2, rowwise: true },
        Rule::Adam { lr: 0.01, beta1: 0.9, beta2: 0.99, eps: 1e-4, step, decay: Decay::None },
        Rule::Sgd { lr: 0.1, momentum: 0.8, decay: Decay::None },
        Rule::Sgd { lr: 0.1, momentum: 0.0, decay: Decay::None },
        Rule::Adam { lr: 0.01, beta1: 0.9, beta2: 0.99, eps: 1e-4, step, decay: Decay::L2(0.1) },
        Rule::Adam { lr: 0.01, beta1: 0.9, beta2: 0.99, eps: 1e-4, step, decay: Decay::Decoupled(0.5) },
        Rule::Sgd { lr: 0.1, momentum: 0.8, decay: Decay::L2(0.1) },
    ]
}

/// A step of each kind, of stores kept in each way.
fn ways() -> impl Iterator<Item = (Keep, usize)> {
    [Storage::F32, Storage::Bf16].into_iter().flat_map(|storage| {
        rules(0).into_iter().enumerate().map(move |(which, rule)| {
            // Averages are kept of every other kind.
            (Keep { memory: rule.memory(), storage, average: which.is_multiple_of(2) }, which)
        })
    })
}

fn update(which: usize, step: u64) -> Update {
    Update {
        rule: rules(step)[which],
        clip: (step != 2).then_some(0.5),
        clamp: (step == 2).then_some(1e-3),
        l2: 1e-2,
        positive_weight: if step == 1 { 3.0 } else { 1.0 },
        whole_tables: step == 3,
        average: Some(Average { decay: 0.7, step }),
        noise: streams::below([7; 32], step),
    }
}

/// Trains everything of a plan for some steps, on batches with many repeated rows.
fn train<B: Backend>(backend: &B, plan: &Arc<Plan>, params: &mut B::Params, which: usize, steps: u64) {
    let program = backend.compile(Task::training(plan.clone(), &Trainable::all(plan)).unwrap()).unwrap();
    for step in 0..steps {
        let mut batch = sketch::batch(plan, 70, step);
        if step == 2 {
            batch.weights = (0..70u8).map(|sample| f32::from(sample % 5) / 2.0).collect();
        }
        backend.step(&program, params, &batch, update(which, step)).unwrap();
    }
}

/// Everything that a store holds, bit by bit: of tables the touched rows.
fn bits(store: &Store) -> Vec<(usize, Vec<u32>)> {
    let mut all = Vec::new();
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    for stored in &store.params {
        match stored {
            Stored::Dense(dense) => {
                all.push((0, bits(&dense.values)));
                all.extend(dense.memory.iter().chain([&dense.average]).map(|memory| (0, bits(memory))));
            }
            Stored::Table(table) => {
                all.extend(table.records().map(|(row, values, memory)| (row, [bits(values), bits(memory)].concat())))
            }
        }
    }
    all
}

/// Values and memories as numbers, of all rows, touched or not.
fn numbers(store: &Store) -> Vec<f32> {
    let mut all = Vec::new();
    for stored in &store.params {
        match stored {
            Stored::Dense(dense) => {
                all.extend_from_slice(&dense.values);
                dense.memory.iter().chain([&dense.average]).for_each(|memory| all.extend_from_slice(memory));
            }
            Stored::Table(table) => {
                (0..table.rows).for_each(|row| all.extend(table.row(row)));
                table.records().for_each(|(.., memory)| all.extend_from_slice(memory));
            }
        }
    }
    all
}

fn close(what: &str, a: &[f32], b: &[f32], tolerance: f32) {
    assert_eq!(a.len(), b.len(), "{what}");
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        assert!((a - b).abs() <= tolerance * (1.0 + b.abs()), "{what}[{i}]: {a} but {b}");
    }
}

#[test]
fn a_step_moves_the_batch_and_two_numbers_every_few_steps() {
    let space = nasrec_small();
    let backend = device();
    let store = Store::new(space.params().iter().map(ParamDef::from), 5).unwrap();
    let mut params = backend.load(store).unwrap();
    let (rows, told_bytes) = (24, 2 * size_of::<f64>() as u64);
    let [numeric, ids, labels] = [13, 26, 1].map(|columns| columns * 4 * rows as u64);
    let update = Update { l2: 1e-3, ..Update::adagrad(0.01, 1e-2, Some(1.0)) };
    let mut kept = Vec::new();
    let paths = paths(&space, 6);
    for (step, plan) in (1..).zip(paths.iter().cycle().take(WINDOW as usize)) {
        let batch = sketch::batch(plan, rows, step);
        let ([up, down], before) = (backend.traffic.moved(), backend.indices.bytes());
        let program = training(&backend, plan);
        let told = backend.step(&program, &mut params, &batch, update).unwrap();
        let [up_now, down_now] = backend.traffic.moved();
        assert_eq!(up_now - up, numeric + ids + labels, "step {step}");
        assert_eq!(down_now - down, if step == WINDOW { told_bytes } else { 0 }, "step {step}");
        assert_eq!(told.is_some(), step == WINDOW, "step {step}");
        kept.push(backend.indices.bytes() - before);
    }
    // Positions are sent when they are first needed and stay: no more than those of all the sizes that there are.
    assert!(kept.iter().sum::<usize>() < 1 << 17, "{kept:?}");
    assert_eq!(kept[paths.len()..].iter().sum::<usize>(), 0, "{kept:?}");

    for plan in &paths {
        let program = backend.compile(Task::evaluating(plan.clone()).unwrap()).unwrap();
        let copies = backend.copies(&program, &params).unwrap();
        let [up, down] = backend.traffic.moved();
        let logits = backend.logits(&program, &copies, &params, &sketch::batch(plan, rows, 99)).unwrap();
        assert_eq!(logits[0].len(), rows);
        assert_eq!(backend.traffic.moved(), [up + numeric + ids, down + 4 * rows as u64]);
    }
}

/// Which values are dropped is drawn on the host.
#[test]
fn a_step_sends_a_byte_for_each_value_that_may_be_dropped() {
    let backend = device();
    let mut sketch = Sketch::new(1, false);
    let x = sketch.numeric(3);
    let x = sketch.plain(Dropout { rate: 0.2 }.into(), &[x]);
    let plan = sketch.close(x);
    let mut params = backend.load(Store::new(sketch::defs(&plan), 9).unwrap()).unwrap();
    let (program, batch) = (training(&backend, &plan), sketch::batch(&plan, 50, 1));
    let [up, _] = backend.traffic.moved();
    backend.step(&program, &mut params, &batch, Update::adagrad(0.1, 1e-2, None)).unwrap();
    assert_eq!(backend.traffic.moved()[0] - up, 50 * (4 * (3 + 1) + 3));
}

/// candle's constructors from host memory, and comparisons with numbers of the host, which it sends as tensors.
#[test]
fn nothing_else_sends_values_to_the_device() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut read = 0;
    for folder in ["ops", "backend/device"] {
        for entry in std::fs::read_dir(sources.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if !path.is_file() || ["traffic.rs", "tests.rs"].contains(&name) {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            let constants = usize::from(folder == "ops" && name == "device.rs");
            let made = ["Tensor::from_", "Tensor::new(", "Tensor::arange", ".to_device("];
            assert_eq!(made.iter().map(|call| product.matches(call).count()).sum::<usize>(), constants, "{name}");
            for comparison in ["eq", "ne", "lt", "le", "gt", "ge", "maximum", "minimum", "clamp"] {
                for with in product.split(&format!(".{comparison}(")).skip(1) {
                    let number = with.split([')', ',']).next().unwrap();
                    assert!(!number.contains('.') || number.parse::<f64>().is_err(), "{name}: .{comparison}({number})");
                }
            }
            read += 1;
        }
    }
    assert!(read > 25, "{read}");
}

#[test]
fn a_store_comes_back_as_it_went() {
    let backend = device();
    let plan = Sketch::random(5, true, 9);
    for (keep, which) in ways() {
        let tiled = Tiled::new(1).unwrap();
        let mut store = Store::kept(sketch::defs(&plan), 9, keep).unwrap();
        for steps in [0, 3] {
            train(&tiled, &plan, &mut store, which, steps);
            let params = backend.load(store.clone()).unwrap();
            assert_eq!(bits(&backend.save(&params).unwrap()), bits(&store), "{keep:?}");
        }
    }
}

#[test]
fn steps_are_those_of_the_tiled_backend() {
    let (device, tiled) = (device(), Tiled::new(2).unwrap());
    for (seed, sliced) in [(5, true), (6, false), (8, true)] {
        let plan = Sketch::random(seed, sliced, 9);
        for (keep, which) in ways() {
            let store = Store::kept(sketch::defs(&plan), 9, keep).unwrap();
            let mut live = device.load(store.clone()).unwrap();
            let (start, mut expected) = (numbers(&store), store);
            train(&device, &plan, &mut live, which, 5);
            train(&tiled, &plan, &mut expected, which, 5);
            let trained = device.save(&live).unwrap();
            let rows = |store: &Store| bits(store).iter().map(|(row, _)| *row).collect::<Vec<_>>();
            assert_eq!(rows(&trained), rows(&expected));
            assert_ne!(numbers(&expected), start);
            // A value in half precision may round to its neighbour.
            let tolerance = if keep.storage == Storage::Bf16 { 1e-2 } else { 2e-4 };
            close(&format!("plan {seed}, {keep:?}"), &numbers(&trained), &numbers(&expected), tolerance);
        }
    }
}

/// A step that clips nothing and penalises nothing, on tables alone and on all else alone.
#[test]
fn parts_of_a_plan_are_trained_alone() {
    let (device, tiled) = (device(), Tiled::new(1).unwrap());
    let plan = Sketch::random(5, true, 9);
    let store = Store::new(sketch::defs(&plan), 9).unwrap();
    let batch = sketch::batch(&plan, 40, 1);
    for trainable in [Trainable::head(&plan), Trainable::all_but_tables(&plan), Trainable::none(&plan)] {
        let task = || Task::training(plan.clone(), &trainable).unwrap();
        let (mut live, mut expected) = (device.load(store.clone()).unwrap(), store.clone());
        let update = Update::adagrad(0.05, 1e-2, None);
        device.step(&device.compile(task()).unwrap(), &mut live, &batch, update).unwrap();
        tiled.step(&tiled.compile(task()).unwrap(), &mut expected, &batch, update).unwrap();
        let trained = device.save(&live).unwrap();
        close("trained", &numbers(&trained), &numbers(&expected), 2e-4);
        for (stored, trained) in store.params.iter().zip(&trained.params) {
            if let (Stored::Table(stored), Stored::Table(trained)) = (stored, trained) {
                assert_eq!(stored.records().count(), trained.records().count());
            }
        }
    }
}

fn lost(mut batch: Batch) -> Batch {
    batch.numeric[3] = f32::INFINITY;
    batch.numeric[4] = f32::NAN;
    batch
}

#[test]
fn what_is_not_finite_updates_nothing() {
    let device = device();
    let plan = Sketch::random(5, true, 9);
    for (keep, which) in ways() {
        let mut live = device.load(Store::kept(sketch::defs(&plan), 9, keep).unwrap()).unwrap();
        train(&device, &plan, &mut live, which, 2);
        let before = device.save(&live).unwrap().into_owned();
        let program = training(&device, &plan);
        let batch = lost(sketch::batch(&plan, 70, 1));
        device.step(&program, &mut live, &batch, Update { average: None, ..update(which, 2) }).unwrap();
        assert_eq!(bits(&device.save(&live).unwrap()), bits(&before), "{keep:?}");
        // Another batch moves it.
        device.step(&program, &mut live, &sketch::batch(&plan, 70, 1), update(which, 2)).unwrap();
        assert_ne!(bits(&device.save(&live).unwrap()), bits(&before), "{keep:?}");
    }
}

#[test]
fn losses_are_told_as_the_mean_of_a_window() {
    let (device, tiled) = (device(), Tiled::new(1).unwrap());
    let plan = Sketch::random(5, false, 6);
    let store = Store::new(sketch::defs(&plan), 9).unwrap();
    let (mut live, mut expected) = (device.load(store.clone()).unwrap(), store);
    let program = training(&device, &plan);
    let task = Task::training(plan.clone(), &Trainable::all(&plan)).unwrap();
    let tiled_program = tiled.compile(task).unwrap();
    let update = Update::adagrad(0.01, 1e-2, None);
    let window = |live: &mut Params, batch: &dyn Fn(u64) -> Batch| {
        let told: Vec<Option<Stepped>> =
            (0..WINDOW).map(|step| device.step(&program, live, &batch(step), update).unwrap()).collect();
        let (last, before) = told.split_last().unwrap();
        assert!(before.iter().all(Option::is_none));
        last.unwrap()
    };
    let batch = |step: u64| {
        let batch = sketch::batch(&plan, 20, step);
        if step % 5 == 2 { lost(batch) } else { batch }
    };
    let mut losses = Vec::new();
    for step in 0..WINDOW {
        let told = tiled.step(&tiled_program, &mut expected, &batch(step), update).unwrap().unwrap();
        losses.extend(Some(told.loss).filter(|loss| loss.is_finite()));
    }
    assert!(losses.len() < WINDOW as usize);
    let told = window(&mut live, &batch);
    assert_eq!(told.steps, WINDOW);
    let mean = losses.iter().sum::<f64>() / losses.len() as f64;
    assert!((told.loss - mean).abs() < 1e-4 * mean, "{} {mean}", told.loss);
    let told = window(&mut live, &|step| lost(sketch::batch(&plan, 20, step)));
    assert!(told.steps == WINDOW && told.loss.is_nan());
    assert!(window(&mut live, &|step| sketch::batch(&plan, 20, step)).loss.is_finite());
}

#[test]
fn merged_plans_are_tuned_each_alone() {
    let (device, tiled) = (device(), Tiled::new(2).unwrap());
    let space = nasrec_small();
    let plans: Vec<Plan> = paths(&space, 3).iter().map(|plan| (**plan).clone()).collect();
    let store = Store::new(space.params().iter().map(ParamDef::from), 5).unwrap();
    let live = device.load(store.clone()).unwrap();
    let task = Task::together(&plans, Trainable::head).unwrap();
    let (program, tiled_program) = (device.compile(task.clone()).unwrap(), tiled.compile(task.clone()).unwrap());
    let mut copies = device.copies(&program, &live).unwrap();
    let mut expected = tiled.copies(&tiled_program, &store).unwrap();
    let batches: Vec<Batch> = (0..4).map(|step| sketch::batch(task.plan(), 30, step)).collect();
    for (step, batch) in batches[..3].iter().enumerate() {
        let update = Update { rule: rules(step as u64)[2], ..Update::adagrad(0.0, 0.0, Some(0.1)) };
        device.finetune(&program, &mut copies, &live, batch, update).unwrap();
        tiled.finetune(&tiled_program, &mut expected, &store, batch, update).unwrap();
    }
    assert_eq!(bits(&device.save(&live).unwrap()), bits(&store));
    let frozen = task.frozen();
    let logits = device.logits(&device.compile(frozen.clone()).unwrap(), &copies, &live, &batches[3]).unwrap();
    let same = tiled.logits(&tiled.compile(frozen).unwrap(), &expected, &store, &batches[3]).unwrap();
    assert_eq!((logits.len(), same.len()), (3, 3));
    logits.iter().zip(&same).for_each(|(a, b)| close("logits", a, b, 1e-3));
    // What was copied for less cannot be tuned, nor can tables.
    let all = Task::together(&plans, Trainable::all_but_tables).unwrap();
    let update = Update::adagrad(0.1, 1e-2, None);
    let mut refused = |task: Task| {
        let program = device.compile(task).unwrap();
        device.finetune(&program, &mut copies, &live, &batches[0], update).unwrap_err().to_string()
    };
    assert!(refused(all).contains("trains less"));
    assert!(refused(Task::together(&plans, Trainable::all).unwrap()).contains("tables"));
}

#[test]
fn copies_stay_as_they_are_while_parameters_are_trained() {
    let device = device();
    for sliced in [false, true] {
        let plan = Sketch::random(5, sliced, 9);
        let mut live = device.load(Store::new(sketch::defs(&plan), 9).unwrap()).unwrap();
        let task = Task::training(plan.clone(), &Trainable::all_but_tables(&plan)).unwrap();
        let program = device.compile(task).unwrap();
        let copies = device.copies(&program, &live).unwrap();
        let values = || -> Vec<Vec<f32>> {
            copies.params.iter().flatten().map(|copy| device.traffic.download(&copy.values).unwrap()).collect()
        };
        let before = values();
        assert!(before.len() > 5);
        train(&device, &plan, &mut live, 0, 2);
        assert_eq!(values(), before);
        let other = device.copies(&program, &live).unwrap();
        let moved = other.params.iter().flatten().zip(&before);
        let mut moved = moved.map(|(copy, before)| device.traffic.download::<f32>(&copy.values).unwrap() != *before);
        assert!(moved.any(|moved| moved));
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let device = device();
    let plan = Sketch::random(5, true, 9);
    let mut live = device.load(Store::new(sketch::defs(&plan), 9).unwrap()).unwrap();
    let program = training(&device, &plan);
    let batch = sketch::batch(&plan, 9, 1);
    let momentum =
        Update { rule: Rule::Sgd { lr: 0.1, momentum: 0.9, decay: Decay::None }, ..Update::adagrad(0.0, 0.0, None) };
    let error = device.step(&program, &mut live, &batch, momentum).unwrap_err().to_string();
    assert!(error.contains("the rule needs"), "{error}");
    let adagrad = Update::adagrad(0.1, 1e-2, None);
    let mut wrong = batch.clone();
    wrong.ids[0] = 11;
    let error = device.step(&program, &mut live, &wrong, adagrad).unwrap_err().to_string();
    assert!(error.contains("row 11"), "{error}");
    let other = training(&device, &Sketch::random(6, false, 12));
    let batch = sketch::batch(other.task.plan(), 9, 1);
    let error = device.step(&other, &mut live, &batch, adagrad).unwrap_err().to_string();
    assert!(error.contains("another space"), "{error}");
    // A table that no kernel could count the places of; its rows are never drawn.
    let mut defs = sketch::defs(&plan);
    let table = defs.iter_mut().find(|def| matches!(def.kind, ParamKind::Table { .. })).unwrap();
    table.full[0] = 1 << 30;
    let Err(error) = device.load(Store::new(defs, 9).unwrap()) else { panic!("it was taken") };
    assert!(matches!(error, Error::Weights(WeightsError::TooLarge { rows, .. }) if rows == 1 << 30), "{error}");
}
