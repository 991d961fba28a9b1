//! Searches on a disk that fails: whatever a machine does to a run directory, a search either ends with the results of one
//! that nothing happened to, or says in words why it does not, and goes on when it is asked to.
//!
//! Lives here: the disk (`disk/faults.c`, loaded before libc), a search of a few milliseconds on it, and what is done to them.
//! Never: how a run directory is laid out. All of it speaks to the command and compares what a user reads.
//!
//! The suite runs a sample. What runs more: `FAULTS=all` every fault at every call, `SIMULATIONS=1000` so many histories
//! (`SIMULATION=17` the one of that number), `DAMAGE=100` so many damages of each file; `--nocapture` shows the counts.

#![allow(clippy::print_stderr, reason = "what was counted is shown where it is asked for")]

mod bench;
mod damage;
mod disk;
mod every_call;
mod modes;
mod simulation;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The number that a variable of the environment says.
fn asked_for(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text}: expected a number")))
}

/// Tries all on all cores; what went wrong, as told.
fn in_parallel<T: Sync>(all: &[T], attempt: impl Fn(&T) -> Result<(), String> + Sync) -> Vec<String> {
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(what) = attempt(one) {
                        wrong.lock().expect("no worker panics").push(what);
                    }
                }
            });
        }
    });
    let mut wrong = wrong.into_inner().expect("no worker panics");
    wrong.sort();
    wrong
}

/// Fails with what went wrong, and says how much did not.
fn all_well(what: &str, runs: usize, wrong: &[String]) {
    eprintln!("{what}: {runs} runs, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "{what}: {} of {runs} runs went wrong:\n{}", wrong.len(), wrong.join("\n"));
}
