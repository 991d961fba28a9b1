//! The published NASRecNets here and in plain PyTorch, in one run:
//! `cargo bench -p nasrec-runtime --bench compare -- [--python PYTHON] [--tables sparse,joined,dense] [NETS] [ROUNDS]`.
//!
//! Each side is a process of its own with two threads, starts from the same weights, and reads the same batches. They
//! take turns, with matrix products of 512 x 1024 x 1024 between the turns, whose rate gives the floor. Before anything
//! is timed their logits must agree, and the losses of a step on each batch: so every row is in memory by then. PyTorch runs `peer.py`; PYTHON
//! must have `torch` and `numpy`. `docs/performance.md` explains the figures.

#![allow(clippy::print_stdout, reason = "a benchmark prints what it found")]

mod contender;
#[path = "../floor/mod.rs"]
mod floor;
mod net;
mod worker;

use std::path::Path;
use std::process::Command;

use contender::Contender;
use floor::{Machine, median};
use net::{EVALUATION_ROWS, NETS, TRAIN_BATCHES, TRAIN_ROWS};

const THREADS: usize = 2;
/// Steps and evaluation batches of one turn.
const TURN: [u32; 2] = [4, 1];
/// Products between two turns.
const PRODUCTS: usize = 4;
/// Differences beyond these mean that the sides do not compute the same.
const LOGITS: f64 = 1e-5;
const LOSSES: f64 = 1e-4;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let option = |name: &str| arguments.iter().position(|a| a == name).map(|at| arguments[at + 1].clone());
    if let Some(name) = option("--worker") {
        return worker::run(&name, THREADS);
    }
    let python = option("--python").unwrap_or_else(|| "python3".to_owned());
    let has_torch = Command::new(&python).args(["-c", "import numpy, torch"]).output();
    if !has_torch.is_ok_and(|output| output.status.success()) {
        println!("{python} has no torch and numpy; nothing is compared. Name one that has with --python.");
        return;
    }
    let tables = option("--tables").unwrap_or_else(|| "sparse,joined".to_owned());
    let tables: Vec<&str> = tables.split(',').collect();
    let named: Vec<&str> = NETS.into_iter().filter(|net| arguments.iter().any(|a| a == net)).collect();
    let rounds = arguments.last().and_then(|rounds| rounds.parse().ok()).unwrap_or(10);
    let mut machine = Machine::new(THREADS);
    for net in if named.is_empty() { NETS.to_vec() } else { named } {
        compare(net, &python, &tables, rounds, &mut machine);
    }
}

fn compare(name: &str, python: &str, tables: &[&str], rounds: usize, machine: &mut Machine) {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = net::plan(name);
    net::write(folder.path(), &plan);
    let mut sides = start(name, python, tables, folder.path());
    agree(&mut sides);

    let mut product = f64::INFINITY;
    for turn in 0..2 * rounds {
        let training = turn < rounds;
        for side in &mut sides {
            if training {
                let seconds = side.figure(&format!("train {}", TURN[0]), "seconds");
                side.train.push(seconds / f64::from(TURN[0]));
            } else {
                let seconds = side.figure(&format!("evaluate {}", TURN[1]), "seconds");
                side.evaluate.push(seconds / f64::from(TURN[1]));
            }
            product = (0..PRODUCTS).map(|_| machine.product()).fold(product, f64::min);
        }
        if turn + 1 == rounds {
            sides.iter_mut().for_each(|side| side.memory[0] = side.gigabytes());
        }
    }
    sides.iter_mut().for_each(|side| side.memory[1] = side.gigabytes());

    let rate = Machine::product_macs() / product;
    let macs = plan.macs() as f64;
    println!("{name}: {:.4} live MMACs a sample; products at {:.1} GMACs/s", macs / 1e6, rate / 1e9);
    let floors = [3.0 * macs * TRAIN_ROWS as f64 / rate, macs * EVALUATION_ROWS as f64 / rate];
    let ours = [best(&sides[0].train), best(&sides[0].evaluate)];
    for side in &sides {
        let cell = |seconds: &[f64], at: usize| {
            let best = best(seconds);
            let median = 1e3 * median(seconds.to_vec());
            let (floor, ratio) = (best / floors[at], best / ours[at]);
            format!("{:8.1} ms (median {median:7.1}), {floor:6.2} x floor, {ratio:5.2} x ours", 1e3 * best)
        };
        println!("  {:24} step of {TRAIN_ROWS}: {}; peak {:.2} GiB", side.name, cell(&side.train, 0), side.memory[0]);
        println!("  {:24} batch of {EVALUATION_ROWS}: {}; peak {:.2} GiB", "", cell(&side.evaluate, 1), side.memory[1]);
    }
}

fn start(name: &str, python: &str, tables: &[&str], folder: &Path) -> Vec<Contender> {
    let this = std::env::current_exe().expect("this program");
    let mut sides = vec![Contender::start("nasrecc", Command::new(this).args(["--worker", name]))];
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/compare/peer.py");
    for kind in tables {
        let mut command = Command::new(python);
        command.arg(&script).arg(folder.join("plan.json")).arg(folder.join("data.safetensors"));
        command.args(["--tables", kind, "--threads", &THREADS.to_string()]);
        // What was set for another library's threads must not hold this one back.
        for variable in ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENBLAS_CORETYPE"] {
            command.env_remove(variable);
        }
        sides.push(Contender::start(&format!("PyTorch, {kind},"), &mut command));
    }
    sides
}

/// Nothing is compared that does not compute the same.
fn agree(sides: &mut [Contender]) {
    let furthest = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let logits: Vec<Vec<f64>> = sides.iter_mut().map(Contender::logits).collect();
    let losses: Vec<Vec<f64>> =
        sides.iter_mut().map(|side| (0..TRAIN_BATCHES).map(|_| side.figure("train 1", "loss")).collect()).collect();
    for (at, side) in sides.iter().enumerate().skip(1) {
        let (logit, loss) = (furthest(&logits[0], &logits[at]), furthest(&losses[0], &losses[at]));
        println!("{}: logits differ by {logit:.1e} at most, losses of {TRAIN_BATCHES} steps by {loss:.1e}", side.name);
        assert!(
            logits[0].len() == TRAIN_ROWS && logit <= LOGITS && loss <= LOSSES,
            "the sides do not compute the same"
        );
    }
}

fn best(seconds: &[f64]) -> f64 {
    seconds.iter().copied().fold(f64::INFINITY, f64::min)
}
