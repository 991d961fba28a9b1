//! A training step of the supernet, an evaluation batch and a merged generation, as multiples of their floor:
//! `cargo bench -p nasrec-runtime --bench supernet -- [train|evaluate|merged] [full|small]
//! [ROUNDS [PATHS]]`.
//!
//! Criteo's shape and the method's default sampling, 2 threads. Each round executes 200 sampled paths once, with a
//! matrix product of 512 x 1024 x 1024 after each; planning, lowering, gathering, lookups and the optimiser are part of
//! the time. The floor is the live multiply-accumulates (three times those where it is trained) over the rate of the
//! products. The best round counts for either. `docs/performance.md` explains the figures.

#![allow(clippy::print_stdout, reason = "a benchmark prints what it found")]

mod criteo;
mod floor;

use std::sync::Arc;
use std::time::Instant;

use criteo::families::{family, space};
use criteo::{batch, path, supernet};
use floor::{Machine, median};
use nasrec_compiler::Space;
use nasrec_compiler::plan::Plan;
use nasrec_compiler::primitives::{Attention, Primitive};
use nasrec_runtime::backend::{Backend, Task, Tiled, Trainable, Update};
use nasrec_runtime::data::Batch;
use nasrec_runtime::supernet::Store;
use nasrec_runtime::train::evaluate_each;

const THREADS: usize = 2;
const TRAIN_ROWS: usize = 512;
const EVALUATION_ROWS: usize = 8192;
const UPDATE: Update = Update::adagrad(0.01, 1e-2, Some(5.0));

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let mut numbers = arguments.iter().filter_map(|argument| argument.parse().ok());
    let (rounds, paths) = (numbers.next().unwrap_or(5), numbers.next().unwrap_or(200) as u64);
    // All of a kind, unless some of it are named.
    let wanted = |name: &str, kind: [&str; 3]| {
        !arguments.iter().any(|argument| kind.contains(&argument.as_str())) || arguments.iter().any(|a| a == name)
    };
    let mut machine = Machine::new(THREADS);
    let backend = Tiled::new(THREADS).expect("threads");
    for size in ["full", "small"].into_iter().filter(|size| wanted(size, ["full", "small", ""])) {
        let space = space(&format!("nasrec_{size}"), "", true);
        let mut store = supernet(&space);
        let all = ["train", "evaluate", "merged"];
        let mut study = Study { machine: &mut machine, backend: &backend, space: &space, rounds, paths };
        if wanted("train", all) {
            study.train(&mut store);
        }
        if wanted("evaluate", all) {
            study.evaluate(&store);
        }
        if wanted("merged", all) {
            study.merged(&store);
        }
    }
}

/// Seconds of each path and of the products between them, round by round.
struct Rounds {
    macs: Vec<f64>,
    seconds: Vec<Vec<f64>>,
    products: Vec<f64>,
}

impl Rounds {
    /// Multiply-accumulates a second, in the best round.
    fn rate(&self) -> f64 {
        Machine::product_macs() / self.products.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// Total time over total floor of the chosen paths, in the best round, for `passes` times `rows` samples.
    fn multiple(&self, work: f64, chosen: impl Fn(usize) -> bool) -> f64 {
        let total = |values: &[f64]| (0..values.len()).filter(|&i| chosen(i)).map(|i| values[i]).sum::<f64>();
        let best = self.seconds.iter().map(|seconds| total(seconds)).fold(f64::INFINITY, f64::min);
        best / (work * total(&self.macs) / self.rate())
    }
}

fn attends(plan: &Plan) -> bool {
    plan.nodes.iter().any(|node| matches!(node.primitive, Primitive::Attention(Attention { .. })))
}

struct Study<'a> {
    machine: &'a mut Machine,
    backend: &'a Tiled,
    space: &'a Space,
    rounds: usize,
    paths: u64,
}

impl Study<'_> {
    /// `one` executes a path and tells its multiply-accumulates and seconds.
    fn run(&mut self, mut one: impl FnMut(u64) -> (u64, f64)) -> Rounds {
        let mut found = Rounds { macs: Vec::new(), seconds: Vec::new(), products: Vec::new() };
        for _ in 0..self.rounds {
            let mut products = 0.0;
            let (macs, seconds) = (0..self.paths)
                .map(|index| {
                    let (macs, seconds) = one(index);
                    products += self.machine.product();
                    (macs as f64, seconds)
                })
                .unzip();
            found.macs = macs;
            found.seconds.push(seconds);
            found.products.push(products / self.paths as f64);
        }
        found
    }

    fn report(&self, what: &str, found: &Rounds, work: f64) {
        let mean = found.macs.iter().sum::<f64>() / self.paths as f64;
        println!(
            "{}, {what}: {:.3} of the floor ({} paths of {:.2} MMACs on average; products at {:.1} GMACs/s)",
            self.space.name,
            found.multiple(work, |_| true),
            self.paths,
            mean / 1e6,
            found.rate() / 1e9
        );
        let attending: Vec<bool> = (0..self.paths).map(|index| attends(&path(self.space, index))).collect();
        let with = attending.iter().filter(|&&attends| attends).count();
        if with > 0 {
            println!(
                "  {} paths without attention: {:.3}; {with} with it: {:.3}",
                attending.len() - with,
                found.multiple(work, |i| !attending[i]),
                found.multiple(work, |i| attending[i])
            );
        }
    }

    fn train(&mut self, store: &mut Store) {
        let (space, backend) = (self.space, self.backend);
        let batches: Vec<Batch> = (0..16).map(|index| batch(space, TRAIN_ROWS, index)).collect();
        let found = self.run(|index| {
            let start = Instant::now();
            let plan = Arc::new(path(space, index));
            let all = Trainable::all(&plan);
            let program =
                backend.compile(Task::training(Arc::clone(&plan), &all).expect("executable")).expect("executable");
            backend.step(&program, store, &batches[index as usize % batches.len()], UPDATE).expect("a step");
            (plan.macs(), start.elapsed().as_secs_f64())
        });
        self.report(&format!("a training step of {TRAIN_ROWS}"), &found, 3.0 * TRAIN_ROWS as f64);
    }

    fn evaluate(&mut self, store: &Store) {
        let (space, backend) = (self.space, self.backend);
        let batches: Vec<Batch> = (100..102).map(|index| batch(space, EVALUATION_ROWS, index)).collect();
        let found = self.run(|index| {
            let start = Instant::now();
            let plan = Arc::new(path(space, index));
            let program =
                backend.compile(Task::evaluating(Arc::clone(&plan)).expect("executable")).expect("executable");
            let weights = backend.copies(&program, store).expect("of this store");
            let batch = &batches[index as usize % batches.len()];
            evaluate_each(backend, &program, &weights, store, [Ok(batch)]).expect("figures");
            (plan.macs(), start.elapsed().as_secs_f64())
        });
        self.report(&format!("an evaluation batch of {EVALUATION_ROWS}"), &found, EVALUATION_ROWS as f64);
    }

    /// Parents and their eight children, evaluated together and one by one in turn.
    fn merged(&self, store: &Store) {
        let (batch, backend) = (batch(self.space, EVALUATION_ROWS, 100), self.backend);
        let run = |plans: &[Plan]| {
            let start = Instant::now();
            let program =
                backend.compile(Task::together(plans, Trainable::none).expect("executable")).expect("executable");
            let weights = backend.copies(&program, store).expect("of this store");
            evaluate_each(backend, &program, &weights, store, [Ok(&batch)]).expect("figures");
            // Nodes of all plans, of which the plan's own count is the sum.
            (program.plan().macs(), start.elapsed().as_secs_f64())
        };
        let (mut shares, mut times) = (Vec::new(), Vec::new());
        for index in 0..self.paths.div_ceil(10) {
            let plans = family(self.space, index, 8);
            let mut best = [f64::INFINITY; 2];
            let mut share = 0.0;
            for _ in 0..self.rounds {
                let (macs, together) = run(&plans);
                let (each, apart): (Vec<u64>, Vec<f64>) = plans.iter().map(|p| run(std::slice::from_ref(p))).unzip();
                best = [best[0].min(together), best[1].min(apart.iter().sum())];
                share = macs as f64 / each.iter().sum::<u64>() as f64;
            }
            shares.push(share);
            times.push(best[0] / best[1] / share);
        }
        println!(
            "{}, {} merged families of nine: {:.3} of their multiply-accumulates; time over that share: \
             median {:.3}, worst {:.3}",
            self.space.name,
            shares.len(),
            median(shares),
            median(times.clone()),
            times.iter().copied().fold(0.0, f64::max)
        );
    }
}
