//! Merged graphs compute what their plans compute, bit for bit, and so do their heads when they are trained together.

mod families;

use families::{batch, family, space};
use nasrec_compiler::Space;
use nasrec_compiler::plan::Plan;
use nasrec_compiler::plan::passes::{self, Merged};
use nasrec_runtime::ops::{Executor, Program, Trainable};
use nasrec_runtime::supernet::{ParamDef, Store};
use nasrec_runtime::train::{Trainer, Update, evaluate, evaluate_each};

const ROWS: usize = 150;
const NUMERIC: usize = 5;
const ARGUMENTS: &str = "blocks: 5, dim: 8, counts: [4, 6, 9], widths: [8, 16, 24, 40]";

/// Each space with and without norms, small, and its supernet after some steps, so that no value is an initial one.
fn cases(executor: &Executor) -> Vec<(String, Space, Store)> {
    let mut cases = Vec::new();
    for name in ["nasrec_full", "nasrec_small", "interactions"] {
        for normalise in ["on", "off"] {
            let space = space(name, &format!("{ARGUMENTS}, normalise: {normalise}"), false);
            let mut store = Store::new(space.params().iter().map(ParamDef::from), 11).expect("drawable");
            let mut trainer = Trainer::new(executor);
            for (step, plan) in family(&space, 1000, 4).into_iter().enumerate() {
                let all = Trainable::all(&plan);
                let program = Program::training(plan, all).expect("executable");
                let batch = batch(&space, NUMERIC, 64, step as u64);
                trainer.step(&program, &mut store, &batch, UPDATE).expect("a step");
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

/// The logits of each output of a program on one batch.
fn logits(executor: &Executor, store: &Store, program: &Program, space: &Space) -> Vec<Vec<u32>> {
    let weights = store.gather(program).expect("the plan is of this store");
    let params = store.slices(program.plan(), &weights);
    let batch = batch(space, NUMERIC, ROWS, 77);
    let each = executor.each_logits(program, params.inputs(&batch)).expect("the batch fits");
    each.iter().map(|logits| bits(logits)).collect()
}

fn alone(executor: &Executor, store: &Store, plan: &Plan, space: &Space) -> Vec<u32> {
    logits(executor, store, &Program::evaluating(plan.clone()).expect("executable"), space).remove(0)
}

type Pass = fn(&mut Merged);

#[test]
fn no_pass_changes_a_bit() {
    let executor = Executor::cpu(2).expect("threads");
    let mut smaller = 0;
    for (name, space, store) in cases(&executor) {
        for index in 0..12 {
            for plan in family(&space, index, 1) {
                let expected = alone(&executor, &store, &plan, &space);
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
                    let program = Program::merged(graph.clone()).expect("executable");
                    let found = logits(&executor, &store, &program, &space);
                    assert!(found == [expected.as_slice()], "{name} {index}, {pass}");
                }
            }
        }
    }
    assert!(smaller > 20, "passes found something to do {smaller} times");
}

#[test]
fn families_merged_compute_what_each_computes() {
    let executor = Executor::cpu(2).expect("threads");
    let portable = Executor::on(candle_core::Device::Cpu);
    for (name, space, store) in cases(&executor) {
        for index in 0..8 {
            let plans = family(&space, index, 8);
            let merged = Program::together(&plans, Trainable::none).expect("executable");
            let separate: usize = plans.iter().map(|plan| plan.nodes.len()).sum();
            assert!(merged.plan().nodes.len() < separate, "{name} {index} shares something");
            for executor in [&executor, &portable].into_iter().take(if index == 0 { 2 } else { 1 }) {
                let found = logits(executor, &store, &merged, &space);
                for (which, plan) in plans.iter().enumerate() {
                    assert!(found[which] == alone(executor, &store, plan, &space), "{name} {index}, plan {which}");
                }
            }
        }
    }
}

/// What each plan trains.
type Trains = fn(&Plan) -> Trainable;

fn trained_together_as_alone(index: u64, executors: &[&Executor], trains: Trains) {
    for (name, space, store) in cases(executors[0]) {
        let plans = family(&space, index, 8);
        for executor in executors {
            let together = Program::together(&plans, trains).expect("executable");
            let found = finetuned(executor, &store, &space, &together);
            for (which, plan) in plans.iter().enumerate() {
                let alone = Program::training(plan.clone(), trains(plan)).expect("executable");
                let expected = finetuned(executor, &store, &space, &alone).remove(0);
                assert!(found[which] == expected, "{name} {index}, plan {which}");
            }
        }
    }
}

#[test]
fn heads_trained_on_shared_features_are_heads_trained_alone() {
    let executor = Executor::cpu(2).expect("threads");
    let portable = Executor::on(candle_core::Device::Cpu);
    trained_together_as_alone(0, &[&executor, &portable], Trainable::head);
    for index in 1..4 {
        trained_together_as_alone(index, &[&executor], Trainable::head);
    }
}

/// Where each trains all that it has, only lookups are shared.
#[test]
fn whole_plans_trained_together_are_plans_trained_alone() {
    let executor = Executor::cpu(2).expect("threads");
    let portable = Executor::on(candle_core::Device::Cpu);
    trained_together_as_alone(5, &[&executor, &portable], Trainable::all_but_tables);
}

/// For each output: the losses of a few steps, and the log loss and AUC after them.
fn finetuned(executor: &Executor, store: &Store, space: &Space, program: &Program) -> Vec<Vec<u64>> {
    let mut weights = store.gather(program).expect("the plan is of this store");
    let mut trainer = Trainer::new(executor);
    let mut each = vec![Vec::new(); program.outputs()];
    for step in 0..5 {
        let batch = batch(space, NUMERIC, ROWS, 200 + step);
        let steps = trainer.finetune(program, &mut weights, store, &batch, UPDATE).expect("a step");
        each.iter_mut().zip(steps).for_each(|(figures, step)| figures.push(step.loss.to_bits()));
    }
    let batches = (0..2).map(|index| Ok(batch(space, NUMERIC, ROWS, 300 + index)));
    let metrics = evaluate_each(executor, &program.frozen(), &weights, store, batches).expect("figures");
    for (figures, metrics) in each.iter_mut().zip(metrics) {
        figures.extend([metrics.log_loss.to_bits(), metrics.auc.to_bits()]);
    }
    each
}

/// What a program for training computes and its frozen form are one layout of weights.
#[test]
fn a_frozen_program_reads_the_weights_of_the_one_that_trains() {
    let executor = Executor::cpu(1).expect("threads");
    let space = space("nasrec_small", ARGUMENTS, false);
    let store = Store::new(space.params().iter().map(ParamDef::from), 3).expect("drawable");
    let plan = family(&space, 0, 0).remove(0);
    let training = Program::training(plan.clone(), Trainable::head(&plan)).expect("executable");
    let weights = store.gather(&training).expect("of this store");
    let batches = || [Ok(batch(&space, NUMERIC, ROWS, 1))];
    let frozen = evaluate(&executor, &training.frozen(), &weights, &store, batches()).expect("figures");
    let program = Program::evaluating(plan).expect("executable");
    let weights = store.gather(&program).expect("of this store");
    assert_eq!(frozen, evaluate(&executor, &program, &weights, &store, batches()).expect("figures"));
}
