//! What merging candidates saves: `cargo run --release -p nasrec-runtime --example merging -- [FAMILIES] [STEPS] [PASSES]`.
//!
//! Over random families of NASRec-Full and NASRec-Small on Criteo's columns, a parent and 8 children with one mutation
//! each: multiply-accumulates of the merged graph over those of all plans, and the wall time of an evaluation (STEPS
//! steps of fine-tuning the head and PASSES validation batches, all of 512 rows) merged over one by one. Lowering and
//! gathering weights, once a candidate, is left out of it, for a search takes hundreds of steps. The two are timed one
//! after the other for each family, the first of them alternating.

#![allow(clippy::print_stdout, reason = "a study prints what it found")]

#[path = "../tests/families/mod.rs"]
mod families;

use std::collections::VecDeque;
use std::time::Instant;

use families::{batch, family, space};
use nasrec_compiler::plan::Plan;
use nasrec_compiler::plan::passes::{Merged, together};
use nasrec_compiler::recipe::Counts;
use nasrec_compiler::streams::Streams;
use nasrec_compiler::{Architecture, Space};
use nasrec_runtime::backend::{Backend, Task, Tiled, Trainable, Update};
use nasrec_runtime::data::Batch;
use nasrec_runtime::supernet::{ParamDef, Store};
use nasrec_runtime::train::evaluate_each;
use rand::RngExt;

const CHILDREN: usize = 8;
const ROWS: usize = 512;
const NUMERIC: usize = 13;
const UPDATE: Update = Update::adagrad(0.04, 1e-2, Some(5.0));

fn main() {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<u64>().expect("a number"));
    let mut number = |otherwise| numbers.next().unwrap_or(otherwise);
    let (count, steps, passes) = (number(100), number(3), number(3));
    let backend = Tiled::new(2).expect("threads");
    println!("{count} families, {steps} steps and {passes} validation batches of {ROWS} rows, 2 threads");
    for name in ["nasrec_full", "nasrec_small"] {
        let space = space(name, "", true);
        let shares: Vec<f64> = (0..count).map(|index| share(&family(&space, index, CHILDREN))).collect();
        print("macs, families", name, &shares);
        print("macs, children alone", name, &each_generation(&space, count, true));
        print("macs, generations of a search", name, &each_generation(&space, count, false));

        let batches: Vec<Batch> = (0..steps + passes).map(|index| batch(&space, NUMERIC, ROWS, index)).collect();
        let study = Study { store: touched(&space, &backend, &batches), backend: &backend, batches, steps };
        let strangers =
            |index| (0..=CHILDREN as u64).map(|i| family(&space, 1000 + 9 * index + i, 0).remove(0)).collect();
        let times = |plans: &dyn Fn(u64) -> Vec<Plan>, count| -> Vec<f64> {
            (0..count).map(|index| study.ratio(&plans(index), index)).collect()
        };
        print("wall time, nine strangers", name, &times(&strangers, count.div_ceil(10)));
        print("wall time, families", name, &times(&|index| family(&space, index, CHILDREN), count));
    }
}

/// Multiply-accumulates of the merged graph over those of all plans, each head its own.
fn share(plans: &[Plan]) -> f64 {
    let graph = |plan: &Plan| {
        let head = Trainable::head(plan);
        Merged::of(plan, |param| head.contains(param))
    };
    let merged = together(plans.iter().map(graph).collect()).expect("sound");
    merged.macs() as f64 / plans.iter().map(Plan::macs).sum::<u64>() as f64
}

/// The same for generations of a regularised evolution (population 128, tournaments of 64) whose score is a random
/// number of the plan; or for children of one random parent, without it.
fn each_generation(space: &Space, count: u64, one_parent: bool) -> Vec<f64> {
    let streams = Streams::new(23);
    if one_parent {
        return (0..count).map(|index| share(&family(space, index, CHILDREN)[1..])).collect();
    }
    let plan = |architecture: &Architecture| space.plan(architecture).expect("a plan");
    let score = |plan: &Plan| streams.rng(&plan.hash(), 0).random::<f64>();
    let scored = |index| {
        let drawn = space.sample(Counts::Uniform, &mut streams.rng("first", index));
        (score(&plan(&drawn)), drawn)
    };
    let mut population: VecDeque<(f64, Architecture)> = (0..128).map(scored).collect();
    let generation = |index| {
        let mut rng = streams.rng("children", index);
        let mut born = Vec::new();
        let mut plans = Vec::new();
        for _ in 0..CHILDREN {
            let drawn = (0..64).map(|_| &population[rng.random_range(0..population.len())]);
            let parent = drawn.min_by(|a, b| a.0.total_cmp(&b.0)).expect("some");
            let child = space.mutate(&parent.1, 1, Counts::Uniform, &mut rng);
            plans.push(plan(&child));
            born.push((score(&plans[plans.len() - 1]), child));
        }
        population.extend(born);
        population.drain(..CHILDREN);
        share(&plans)
    };
    (0..count).map(generation).collect()
}

/// A supernet of which the rows in these batches hold values, as after training.
fn touched(space: &Space, backend: &Tiled, batches: &[Batch]) -> Store {
    let mut store = Store::new(space.params().iter().map(ParamDef::from), 11).expect("drawable");
    let plan = family(space, 1_000_000, 0).remove(0);
    let all = Trainable::all(&plan);
    let program = backend.compile(Task::training(plan, &all).expect("executable")).expect("executable");
    for batch in batches {
        backend.step(&program, &mut store, batch, UPDATE).expect("a step");
    }
    store
}

struct Study<'a> {
    backend: &'a Tiled,
    store: Store,
    batches: Vec<Batch>,
    steps: u64,
}

impl Study<'_> {
    /// The time of the merged evaluation over that of all separate ones.
    fn ratio(&self, plans: &[Plan], index: u64) -> f64 {
        let merged = || self.evaluate(plans);
        let separate = || {
            let each = plans.iter().map(|plan| self.evaluate(std::slice::from_ref(plan)));
            each.reduce(|(seconds, figures), (more, figure)| (seconds + more, [figures, figure].concat()))
                .expect("some")
        };
        let (merged, separate) = if index.is_multiple_of(2) {
            let merged = merged();
            (merged, separate())
        } else {
            let separate = separate();
            (merged(), separate)
        };
        assert_eq!(merged.1, separate.1, "merged and separate figures are the same");
        merged.0 / separate.0
    }

    /// Seconds, and the log loss of each plan.
    fn evaluate(&self, plans: &[Plan]) -> (f64, Vec<f64>) {
        let backend = self.backend;
        let program = backend.compile(Task::together(plans, Trainable::head).expect("executable")).expect("executable");
        let frozen = backend.compile(program.task().frozen()).expect("executable");
        let mut weights = backend.copies(&program, &self.store).expect("of this store");
        let (train, validate) = self.batches.split_at(self.steps as usize);
        let start = Instant::now();
        for batch in train {
            backend.finetune(&program, &mut weights, &self.store, batch, UPDATE).expect("a step");
        }
        let metrics = evaluate_each(backend, &frozen, &weights, &self.store, validate.iter().map(Ok));
        let seconds = start.elapsed().as_secs_f64();
        (seconds, metrics.expect("figures").iter().map(|metrics| metrics.log_loss).collect())
    }
}

fn print(what: &str, name: &str, ratios: &[f64]) {
    let mut sorted = ratios.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share).round() as usize];
    println!(
        "{name}, {what}: mean {:.3}, min {:.3}, quartiles {:.3} {:.3} {:.3}, max {:.3}",
        sorted.iter().sum::<f64>() / sorted.len() as f64,
        at(0.0),
        at(0.25),
        at(0.5),
        at(0.75),
        at(1.0)
    );
}
