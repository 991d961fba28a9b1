//! Our side: a net trained and evaluated on command, in a process of its own, so that its peak of memory is its own.

use std::io::{BufRead, Write};
use std::time::Instant;

use nasrec_runtime::backend::{Backend, Task, Tiled, Trainable, Update};
use nasrec_runtime::data::Batch;
use nasrec_runtime::supernet::Store;
use nasrec_runtime::train::scores;
use serde_json::{Value, json};

use super::net;

/// As `peer.py` has it. So small a rate that steps do not overshoot, which would let what is rounded otherwise grow.
const UPDATE: Update = Update::adagrad(1e-4, 1e-2, Some(5.0));

/// Answers the commands that `peer.py` lists.
pub fn run(name: &str, threads: usize) {
    let plan = net::plan(name);
    let (train, evaluate) = net::batches(&plan);
    let backend = Tiled::new(threads).expect("threads");
    let mut store = Store::standalone(&plan, net::SEED).expect("drawable");
    let training =
        backend.compile(Task::training(plan.clone(), &Trainable::all(&plan)).expect("executable")).expect("executable");
    let evaluating = backend.compile(Task::evaluating(plan).expect("executable")).expect("executable");
    let mut steps = train.iter().cycle();
    let answer = |answer: Value| {
        println!("{answer}");
        std::io::stdout().flush().expect("somebody listens");
    };
    answer(json!({ "ready": "" }));
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("text");
        let mut words = line.split_whitespace();
        let command = words.next().unwrap_or_default();
        let count: usize = words.next().map_or(1, |count| count.parse().expect("a number"));
        let start = Instant::now();
        let seconds = || start.elapsed().as_secs_f64();
        let of = |store: &Store, batch: &Batch| {
            let weights = backend.copies(&evaluating, store).expect("of this store");
            scores(&backend, &evaluating, &weights, store, [Ok(batch)]).expect("logits").swap_remove(0).logits
        };
        match command {
            "train" => {
                let mut loss = f64::NAN;
                for batch in steps.by_ref().take(count) {
                    loss = backend.step(&training, &mut store, batch, UPDATE).expect("a step").expect("told").loss;
                }
                answer(json!({ "seconds": seconds(), "loss": loss }));
            }
            "evaluate" => {
                let mut mean = f64::NAN;
                for _ in 0..count {
                    let logits = of(&store, &evaluate);
                    mean = logits.iter().map(|&logit| f64::from(logit)).sum::<f64>() / logits.len() as f64;
                }
                answer(json!({ "seconds": seconds(), "mean": mean }));
            }
            "logits" => answer(json!({ "logits": of(&store, &train[0]) })),
            "memory" => answer(json!({ "bytes": peak() })),
            _ => panic!("there is no command `{command}`"),
        }
    }
}

/// The peak of resident memory in bytes, where Linux tells it.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(1024 * line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?)
}
