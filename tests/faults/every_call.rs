//! Every fault at every call: of a search, and of a search that goes on after a fault.

use std::sync::atomic::{AtomicUsize, Ordering};

use nasrec_compiler::streams::Streams;
use rand::RngExt;

use super::bench::{Bench, Case, End, Go};
use super::modes::{Call, Effect, Fault, MODES, Mode, mode};
use super::{all_well, in_parallel};

/// Faults beyond crashes that the suite tries.
const SAMPLE: usize = 300;
/// Faults that the suite lets a search go on after, to meet another.
const FIRST: usize = 180;
/// What may happen to a search that goes on.
const AGAIN: &[&str] = &["crash", "lost", "torn-head", "eio", "enospc", "half"];

fn everything() -> bool {
    std::env::var("FAULTS").is_ok_and(|asked| asked == "all")
}

/// So many of them, in their order.
fn sample<T>(mut all: Vec<T>, count: usize, what: &str) -> Vec<T> {
    let mut rng = Streams::new(1).rng(what, 0);
    while all.len() > count && !everything() {
        all.swap_remove(rng.random_range(0..all.len()));
    }
    all
}

/// Every fault that can happen at one of the calls.
fn faults(modes: impl Iterator<Item = &'static Mode>, calls: &[Call]) -> Vec<Fault> {
    modes.flat_map(|mode| mode.at_each(calls)).collect()
}

/// The command with a fault; whether its end is one that the fault may bring, and its results are right if it has any.
/// That end.
fn outlives(case: &Case<'_>, go: Go, fault: &Fault) -> Result<End, String> {
    let ran = case.run(go, Some(fault));
    let end = ran.end()?;
    let effect = mode(fault.mode).effect;
    let expected = match end {
        End::Done => {
            case.sound()?;
            true
        }
        End::Refused => effect == Effect::Fails,
        // Nothing listens for signals yet when the first files are written.
        End::Died => effect == Effect::Ends || effect == Effect::Stops,
        End::Stopped => effect == Effect::Stops,
    };
    if expected { Ok(end) } else { Err(format!("ended as {end:?}: {}", ran.said)) }
}

/// Of a fault in words: which call it was, as that is what will be looked for.
fn told(fault: &Fault, calls: &[Call]) -> String {
    let call = calls.iter().find(|call| call.number == fault.at);
    let call = call.map_or_else(String::new, |call| format!(" ({} {})", call.kind, call.path));
    format!("{} at {}{call}", fault.mode, fault.at)
}

#[test]
fn a_search_outlives_a_fault_at_any_call() {
    let bench = Bench::new();
    let calls = bench.calls();
    assert!(calls.len() > 100, "{} calls are counted", calls.len());
    assert!(calls.iter().filter(|call| call.kind == "unlink").count() > 3, "no checkpoint is written and removed");
    let mut all = faults(MODES.iter().filter(|mode| mode.name == "crash"), &calls);
    all.extend(sample(faults(MODES.iter().filter(|mode| mode.name != "crash"), &calls), SAMPLE, "faults"));
    let wrong = in_parallel(&all, |fault| {
        let case = bench.case();
        let outlived = outlives(&case, Go::Start, fault).and_then(|end| match end {
            End::Done => Ok(()),
            _ => case.ends_well(),
        });
        outlived.map_err(|wrong| format!("{}: {wrong}", told(fault, &calls)))
    });
    all_well("faults at calls of a search", all.len(), &wrong);
}

/// What a search that goes on after one fault makes of a second, of all that are tried: how many those were, and what was
/// wrong.
fn again(bench: &Bench, before: &Fault) -> Result<(usize, Vec<String>), String> {
    let case = bench.case();
    if outlives(&case, Go::Start, before)? == End::Done {
        return Ok((0, Vec::new()));
    }
    // Once to the end, to see its calls; then with each.
    let whole = case.copy();
    if whole.run(Go::Resume, None).end()? != End::Done {
        return whole.ends_well().map(|()| (0, Vec::new()));
    }
    let calls: Vec<Call> = whole.calls().into_iter().filter(Call::changes).collect();
    let modes: &[&str] = if everything() { &["crash"] } else { AGAIN };
    let mut faults = faults(modes.iter().map(|name| mode(name)), &calls);
    if !everything() && !faults.is_empty() {
        let mut rng = Streams::new(2).rng("second faults", before.at);
        faults = vec![faults.swap_remove(rng.random_range(0..faults.len()))];
    }
    let attempt = |fault: &Fault| {
        let case = case.copy();
        let outlived = outlives(&case, Go::Resume, fault).and_then(|end| match end {
            End::Done => Ok(()),
            _ => case.ends_well(),
        });
        outlived.err().map(|wrong| format!("then {}: {wrong}", told(fault, &calls)))
    };
    Ok((faults.len(), faults.iter().filter_map(attempt).collect()))
}

#[test]
fn a_search_that_goes_on_outlives_a_fault_at_any_call() {
    let bench = Bench::new();
    let calls: Vec<Call> = bench.calls().into_iter().filter(Call::changes).collect();
    // A stop leaves a checkpoint where it trains.
    let first = sample(faults(["crash", "interrupt"].map(mode).into_iter(), &calls), FIRST, "first faults");
    let tried = AtomicUsize::new(0);
    let wrong = in_parallel(&first, |before| {
        let (count, wrong) = again(&bench, before).map_err(|wrong| format!("{}: {wrong}", told(before, &calls)))?;
        tried.fetch_add(count, Ordering::Relaxed);
        let told = |wrong: &String| format!("{}, {wrong}", told(before, &calls));
        if wrong.is_empty() { Ok(()) } else { Err(wrong.iter().map(told).collect::<Vec<_>>().join("\n")) }
    });
    all_well("faults at calls of a search that goes on", tried.into_inner(), &wrong);
}

/// A search that was begun, and has trained nothing, is begun anew: what is cleared away is not needed by then.
#[test]
fn a_search_that_is_begun_anew_outlives_a_fault_at_any_call() {
    let bench = Bench::new();
    let calls = bench.calls();
    let cached = |call: &&Call| call.kind == "rename" && call.path.contains("data.cache");
    let after = calls.iter().find(cached).expect("the table is written down").number;
    let before = mode("crash").at_each(&calls).find(|fault| fault.at > after).expect("it goes on from there");
    let begun = bench.case();
    assert_eq!(outlives(&begun, Go::Start, &before), Ok(End::Died));
    let whole = begun.copy();
    assert_eq!(whole.run(Go::Start, None).end(), Ok(End::Done));
    let calls: Vec<Call> = whole.calls().into_iter().filter(Call::changes).collect();
    let all = sample(faults(AGAIN.iter().map(|name| mode(name)), &calls), FIRST, "begun anew");
    let wrong = in_parallel(&all, |fault| {
        let case = begun.copy();
        let outlived = outlives(&case, Go::Start, fault).and_then(|end| match end {
            End::Done => Ok(()),
            _ => case.ends_well(),
        });
        outlived.map_err(|wrong| format!("{}: {wrong}", told(fault, &calls)))
    });
    all_well("faults at calls of a search that is begun anew", all.len(), &wrong);
}
