//! Merged graphs compute what their plans compute, bit for bit, and so do their heads when they are trained together.

use nasrec_compiler::plan::Plan;
use nasrec_compiler::plan::passes::{self, Merged};
use nasrec_compiler::{ItemKind, Space};
use nasrec_runtime::backend::{Backend, Candle, Task, Tiled, Trainable, Update};
use nasrec_runtime::supernet::{ParamDef, Store};
use nasrec_runtime::train::{evaluate_each, scores};

use crate::families::{batch, family, space, support};

const ROWS: usize = 150;
const NUMERIC: usize = 5;
const ARGUMENTS: &str = "blocks: 5, dim: 8, counts: [4, 6, 9], widths: [8, 16, 24, 40]";

/// Each space with and without norms, small, and its supernet after some steps, so that no value is an initial one.
fn cases(backend: &Tiled) -> Vec<(String, Space, Store)> {
    let mut cases = Vec::new();
    for name in ["nasrec_full", "nasrec_small", "interactions"] {
        for normalise in ["on", "off"] {
            let space = space(name, &format!("{ARGUMENTS}, normalise: {normalise}"), false);
            let mut store = Store::new(space.params().iter().map(ParamDef::from), 11).expect("drawable");
            for (step, plan) in family(&space, 1000, 4).into_iter().enumerate() {
                let all = Trainable::all(&plan);
                let program = backend.compile(Task::training(plan, &all).expect("executable")).expect("executable");
                let batch = batch(&space, NUMERIC, 64, step as u64);
                backend.step(&program, &mut store, &batch, UPDATE).expect("a step");
            }
            cases.push((format!("{name}, normalise {normalise}"), space, store));
        }
    }
    cases
}

const UPDATE: Update = Update::adagrad(0.05, 1e-2, Some(0.5));

fn bits(logits: &[f32]) -> Vec<u32> {
    logits.iter().map(|logit| logit.to_bits()).collect()
}

/// The logits of each output of a task on one batch.
fn logits<B: Backend>(backend: &B, store: &Store, task: Task, space: &Space) -> Vec<Vec<u32>> {
    let program = backend.compile(task).expect("executable");
    let params = backend.load(store.clone()).expect("memory");
    let copies = backend.copies(&program, &params).expect("the plan is of this store");
    let batch = batch(space, NUMERIC, ROWS, 77);
    let each = backend.logits(&program, &copies, &params, &batch).expect("the batch fits");
    each.iter().map(|logits| bits(logits)).collect()
}

fn alone<B: Backend>(backend: &B, store: &Store, plan: &Plan, space: &Space) -> Vec<u32> {
    logits(backend, store, Task::evaluating(plan.clone()).expect("executable"), space).remove(0)
}

type Pass = fn(&mut Merged);

#[test]
fn no_pass_changes_a_bit() {
    let backend = Tiled::new(2).expect("threads");
    let mut smaller = 0;
    for (name, space, store) in cases(&backend) {
        for index in 0..12 {
            for plan in family(&space, index, 1) {
                let expected = alone(&backend, &store, &plan, &space);
                let mut graph = Merged::of(&plan, |_| false);
                let passes: [(&str, Pass); 4] = [
                    ("identity", passes::identity),
                    ("fold", passes::fold),
                    ("cse", passes::cse),
                    ("dead", passes::dead),
                ];
                for (pass, run) in passes {
                    let before = graph.nodes.len();
                    run(&mut graph);
                    passes::verify(&graph).unwrap_or_else(|damage| panic!("{name} {index}, {pass}: {damage}"));
                    smaller += usize::from(graph.nodes.len() < before);
                    let task = Task::merged(graph.clone()).expect("executable");
                    let found = logits(&backend, &store, task, &space);
                    assert!(found == [expected.as_slice()], "{name} {index}, {pass}");
                }
            }
        }
    }
    assert!(smaller > 20, "passes found something to do {smaller} times");
}

#[test]
fn families_merged_compute_what_each_computes() {
    let backend = Tiled::new(2).expect("threads");
    for (name, space, store) in cases(&backend) {
        for index in 0..8 {
            let plans = family(&space, index, 8);
            let merged = Task::together(&plans, Trainable::none).expect("executable");
            let separate: usize = plans.iter().map(|plan| plan.nodes.len()).sum();
            assert!(merged.plan().nodes.len() < separate, "{name} {index} shares something");
            merged_as_alone(&backend, &store, &merged, &plans, &space);
            if index == 0 {
                merged_as_alone(&Candle::portable(), &store, &merged, &plans, &space);
            }
        }
    }
}

fn merged_as_alone<B: Backend>(backend: &B, store: &Store, merged: &Task, plans: &[Plan], space: &Space) {
    let found = logits(backend, store, merged.clone(), space);
    for (which, plan) in plans.iter().enumerate() {
        assert!(found[which] == alone(backend, store, plan, space), "{}, plan {which}", space.name);
    }
}

/// What each plan trains.
type Trains = fn(&Plan) -> Trainable;

fn trained_together_as_alone<B: Backend>(backend: &B, index: u64, trains: Trains) {
    for (name, space, store) in cases(&Tiled::new(2).expect("threads")) {
        let plans = family(&space, index, 8);
        let found = finetuned(backend, &store, &space, Task::together(&plans, trains).expect("executable"));
        for (which, plan) in plans.iter().enumerate() {
            let alone = Task::training(plan.clone(), &trains(plan)).expect("executable");
            let expected = finetuned(backend, &store, &space, alone).remove(0);
            assert!(found[which] == expected, "{name} {index}, plan {which}");
        }
    }
}

#[test]
fn heads_trained_on_shared_features_are_heads_trained_alone() {
    for index in 0..4 {
        trained_together_as_alone(&Tiled::new(2).expect("threads"), index, Trainable::head);
    }
    trained_together_as_alone(&Candle::portable(), 0, Trainable::head);
}

/// Where each trains all that it has, only lookups are shared.
#[test]
fn whole_plans_trained_together_are_plans_trained_alone() {
    trained_together_as_alone(&Tiled::new(2).expect("threads"), 5, Trainable::all_but_tables);
    trained_together_as_alone(&Candle::portable(), 5, Trainable::all_but_tables);
}

/// A norm over the batch stands behind other layers in each plan, so each has statistics of its own; and some of what comes
/// behind is tuned.
const NORMED: &str = "schema criteo { label click; dense I[1..5]; sparse C[1..7]: int | modulo(rows: 30) }
space normed {
  input numeric: dense
  input fields: categorical
  let s = batch_norm(embed(fields, 4))
  block b[1..3] after stem { dense = batch_norm(concat(numeric, flatten(s))) } {
    width w in [8, 12, 16]
    let x = concat(pick 1..2 from earlier.dense)
    let d = choose { a: relu(batch_norm(linear(x, w))); b: dropout(tanh(linear(x, w)), 30%) }
    out dense = d
  }
  logit = linear(relu(batch_norm(dropout(linear(batch_norm(b[3].dense), 6), 50%))), 1)
}
search s on normed with criteo { data { files: \"none\" } }";

/// Recalibrated, tuned, recalibrated and evaluated together, as alone.
#[test]
fn statistics_of_merged_plans_are_those_of_each() {
    let program = support::load(NORMED);
    let item = program.items().into_iter().find(|item| item.kind == ItemKind::Search).expect("a search");
    let search = program.search(&item, &[]).expect("it is sound");
    let space = Space::bind(&search.space, &search.schema).expect("the schema fits");
    let tiled = Tiled::new(2).expect("threads");
    let mut store = Store::new(space.params().iter().map(ParamDef::from), 11).expect("drawable");
    for (step, plan) in family(&space, 1000, 4).into_iter().enumerate() {
        let task = Task::training(plan.clone(), &Trainable::all(&plan)).expect("executable");
        let program = tiled.compile(task).expect("executable");
        tiled.step(&program, &mut store, &batch(&space, NUMERIC, 200, step as u64), UPDATE).expect("a step");
    }
    recalibrated_as_alone(&tiled, &store, &space);
    recalibrated_as_alone(&Candle::portable(), &store, &space);
}

fn recalibrated_as_alone<B: Backend>(backend: &B, store: &Store, space: &Space) {
    let figures = |task: Task| {
        assert!(task.keeps_statistics() && task.moves_statistics());
        let (program, frozen) = (backend.compile(task.clone()), backend.compile(task.frozen()));
        let (program, frozen) = (program.expect("executable"), frozen.expect("executable"));
        let params = backend.load(store.clone()).expect("memory");
        let mut copies = backend.copies(&program, &params).expect("of this store");
        let batch = |index| batch(space, NUMERIC, ROWS, index);
        for round in 0..2 {
            for seen in 0..3u32 {
                let share = 1.0 / f64::from(seen + 1);
                backend
                    .recalibrate(&program, &mut copies, &params, &batch(300 + u64::from(seen)), share)
                    .expect("read");
            }
            for step in 0..2 {
                backend.finetune(&program, &mut copies, &params, &batch(400 + round + step), UPDATE).expect("a step");
            }
        }
        let each = backend.logits(&frozen, &copies, &params, &batch(77)).expect("it fits");
        each.iter().map(|logits| bits(logits)).collect::<Vec<_>>()
    };
    for index in 0..3 {
        let plans = family(space, index, 5);
        let together = figures(Task::together(&plans, Trainable::head).expect("executable"));
        for (which, plan) in plans.iter().enumerate() {
            let alone = Task::training(plan.clone(), &Trainable::head(plan)).expect("executable");
            assert!(figures(alone) == [together[which].as_slice()], "{index}, plan {which}");
        }
    }
}

/// For each output: the log loss and AUC after each of a few steps.
fn finetuned<B: Backend>(backend: &B, store: &Store, space: &Space, task: Task) -> Vec<Vec<u64>> {
    let program = backend.compile(task.clone()).expect("executable");
    let frozen = backend.compile(task.frozen()).expect("executable");
    let params = backend.load(store.clone()).expect("memory");
    let mut copies = backend.copies(&program, &params).expect("the plan is of this store");
    let mut each = vec![Vec::new(); task.outputs().len()];
    for step in 0..5 {
        let batch = batch(space, NUMERIC, ROWS, 200 + step);
        backend.finetune(&program, &mut copies, &params, &batch, UPDATE).expect("a step");
        let metrics = evaluate_each(backend, &frozen, &copies, &params, [Ok(&batch)]).expect("figures");
        for (figures, metrics) in each.iter_mut().zip(metrics) {
            figures.extend([metrics.log_loss.to_bits(), metrics.auc.to_bits()]);
        }
    }
    each
}

/// What a program for training computes and its frozen form are one layout of weights.
#[test]
fn a_frozen_program_reads_the_weights_of_the_one_that_trains() {
    let backend = Tiled::new(1).expect("threads");
    let space = space("nasrec_small", ARGUMENTS, false);
    let store = Store::new(space.params().iter().map(ParamDef::from), 3).expect("drawable");
    let plan = family(&space, 0, 0).remove(0);
    let task = Task::training(plan.clone(), &Trainable::head(&plan)).expect("executable");
    let training = backend.compile(task.clone()).expect("executable");
    let copies = backend.copies(&training, &store).expect("of this store");
    let batches = || [Ok(batch(&space, NUMERIC, ROWS, 1))];
    let frozen = backend.compile(task.frozen()).expect("executable");
    let frozen = scores(&backend, &frozen, &copies, &store, batches()).expect("figures")[0].metrics();
    let program = backend.compile(Task::evaluating(plan).expect("executable")).expect("executable");
    let copies = backend.copies(&program, &store).expect("of this store");
    assert_eq!(frozen, scores(&backend, &program, &copies, &store, batches()).expect("figures")[0].metrics());
}
