//! Random histories of a run directory: whatever happens to a search, in whatever order, the results are those of one that
//! nothing happened to.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nasrec_compiler::streams::Streams;
use rand::RngExt;
use rand::seq::IndexedRandom;

use super::bench::{Bench, Case, End, Go, Running};
use super::modes::{Call, Effect, Fault, MODES, mode};
use super::{all_well, asked_for, in_parallel};

/// Histories that the suite goes through.
const SIMULATIONS: u64 = 100;
/// Events of a history at most, before the search is left alone.
const EVENTS: usize = 10;
/// Longer than a search of the bench takes.
const A_WHILE: u64 = 40;

/// What happens while a process works on a run directory.
#[derive(Clone, Debug)]
enum Event {
    /// `kill -9` after so many milliseconds.
    Kill { after: u64 },
    /// A signal that asks it to stop, so many milliseconds in.
    Signal { name: &'static str, after: u64 },
    /// Something at a call.
    Fault(Fault),
    /// A second process on the same directory, started while the first is in the middle of a call.
    Second { at: u64, go: Go },
    /// Another version of the command finds the run.
    Upgrade,
}

impl Event {
    fn draw(calls: &[Call], rng: &mut impl RngExt) -> Self {
        let after = rng.random_range(0..A_WHILE);
        let at = rng.random_range(1..=calls.len() as u64);
        match rng.random_range(0..11) {
            0 => Self::Kill { after },
            1 => Self::Signal { name: ["-INT", "-TERM", "-HUP"].choose(rng).expect("three"), after },
            10 => Self::Upgrade,
            2 | 3 => Self::Second { at, go: if rng.random_bool(0.8) { Go::Resume } else { Go::Start } },
            _ => {
                let all: Vec<Fault> = MODES.choose(rng).expect("modes").at_each(calls).collect();
                Self::Fault(all.choose(rng).expect("a call").clone())
            }
        }
    }

    /// How a process may end that meets it, besides at its end or with a message: it may also have been the wrong command.
    fn may_end(&self) -> &'static [End] {
        match self {
            Self::Kill { .. } => &[End::Died],
            // Before it listens for signals, one is its end.
            Self::Signal { .. } => &[End::Stopped, End::Died],
            Self::Fault(fault) => match mode(fault.mode).effect {
                Effect::Ends => &[End::Died],
                Effect::Stops => &[End::Stopped, End::Died],
                Effect::Fails | Effect::Nothing => &[],
            },
            Self::Second { .. } | Self::Upgrade => &[],
        }
    }

    /// Lets the command meet it.
    fn happen(&self, case: &Case<'_>, go: Go) -> Result<End, String> {
        let ran = match self {
            Self::Fault(fault) => case.run(go, Some(fault)),
            Self::Kill { after } => {
                let mut running = case.start("only", go, None);
                std::thread::sleep(Duration::from_millis(*after));
                running.child.kill().expect("a process of ours");
                running.wait()
            }
            Self::Signal { name, after } => {
                let running = case.start("only", go, None);
                std::thread::sleep(Duration::from_millis(*after));
                let sent = Command::new("kill").arg(name).arg(running.child.id().to_string()).output();
                sent.expect("kill runs");
                running.wait()
            }
            Self::Second { at, go: second } => {
                let first = paused_at(case, go, *at);
                if case.paused().exists() {
                    // Before the first has locked the directory, the second may have it.
                    let ran = case.start("second", *second, None).wait();
                    let end = ran.end().map_err(|wrong| format!("the second: {wrong}"))?;
                    match end {
                        End::Done => case.sound().map_err(|wrong| format!("the second: {wrong}"))?,
                        End::Refused => {}
                        end => return Err(format!("the second ended as {end:?}: {}", ran.said)),
                    }
                    std::fs::remove_file(case.paused()).expect("removed");
                }
                first.wait()
            }
            Self::Upgrade => return upgraded(case),
        };
        let end = ran.end()?;
        let may = [End::Done, End::Refused].contains(&end) || self.may_end().contains(&end);
        if may { Ok(end) } else { Err(format!("ended as {end:?}: {}", ran.said)) }
    }
}

/// A run that another version began is refused, and left as it is.
fn upgraded(case: &Case<'_>) -> Result<End, String> {
    let record = case.run_dir().join("run.json");
    let this = concat!("\"nasrecc\": \"", env!("CARGO_PKG_VERSION"), "\"");
    let Some(text) = std::fs::read_to_string(&record).ok().filter(|text| text.contains(this)) else {
        return Ok(End::Refused);
    };
    std::fs::write(&record, text.replace(this, "\"nasrecc\": \"0.0.9\"")).expect("written");
    let before = case.everything();
    let ran = case.run(Go::Resume, None);
    if ran.end()? != End::Refused || !ran.said.contains("was started by nasrecc 0.0.9") {
        return Err(format!("another version's run: {}", ran.said));
    }
    if case.everything() != before {
        return Err("another version's run was changed".to_owned());
    }
    std::fs::write(&record, text).expect("written");
    Ok(End::Stopped)
}

/// A process that waits at a call, or ended before it came there.
fn paused_at(case: &Case<'_>, go: Go, at: u64) -> Running {
    let mut running = case.start("only", go, Some(&Fault::at("pause", at)));
    let started = Instant::now();
    while !case.paused().exists() && running.child.try_wait().expect("a process of ours").is_none() {
        assert!(started.elapsed() < Duration::from_secs(60), "it neither waits nor ends");
        std::thread::sleep(Duration::from_millis(1));
    }
    running
}

/// One history, which is a function of its number but for what time does to it.
fn history(bench: &Bench, calls: &[Call], number: u64, events: &AtomicUsize) -> Result<(), String> {
    let mut rng = Streams::new(number).rng("history", 0);
    let case = bench.case();
    let mut told = Vec::new();
    let mut go = Go::Start;
    let fails = |wrong: String, told: &[String]| format!("SIMULATION={number}, {}: {wrong}", told.join(", "));
    for _ in 0..rng.random_range(1..=EVENTS) {
        let event = Event::draw(calls, &mut rng);
        told.push(format!("{go:?} with {event:?}"));
        events.fetch_add(1, Ordering::Relaxed);
        match event.happen(&case, go).map_err(|wrong| fails(wrong, &told))? {
            End::Done => {
                case.sound().map_err(|wrong| fails(wrong, &told))?;
                break;
            }
            // By the fault, or because there is a run already, or none yet.
            End::Refused => go = if go == Go::Start { Go::Resume } else { Go::Start },
            End::Stopped | End::Died => go = Go::Resume,
        }
    }
    case.ends_well().map_err(|wrong| fails(wrong, &told))
}

#[test]
fn any_history_ends_with_the_same_results() {
    let bench = Bench::new();
    let numbers: Vec<u64> = match asked_for("SIMULATION") {
        Some(number) => vec![number],
        None => (0..asked_for("SIMULATIONS").unwrap_or(SIMULATIONS)).collect(),
    };
    let calls = bench.calls();
    let events = AtomicUsize::new(0);
    let wrong = in_parallel(&numbers, |&number| history(&bench, &calls, number, &events));
    eprintln!("histories: {} events", events.into_inner());
    all_well("histories", numbers.len(), &wrong);
}

#[test]
fn a_second_process_is_refused_and_disturbs_nothing() {
    let bench = Bench::new();
    let calls = bench.calls();
    let locked = calls.iter().find(|call| call.kind == "lock").expect("a lock").number;
    let at: Vec<u64> = (locked + 1..=calls.len() as u64).step_by(7).collect();
    let wrong = in_parallel(&at, |&at| {
        let case = bench.case();
        let first = paused_at(&case, Go::Start, at);
        for go in [Go::Resume, Go::Start] {
            let second = case.start("second", go, None).wait();
            if case.paused().exists() && second.end()? != End::Refused {
                return Err(format!("at {at}: the second ended as {second:?}"));
            }
        }
        if case.paused().exists() {
            std::fs::remove_file(case.paused()).expect("removed");
        }
        let first = first.wait();
        if first.end()? != End::Done {
            return Err(format!("at {at}: the first ended as {first:?}"));
        }
        case.sound().map_err(|wrong| format!("at {at}: {wrong}"))
    });
    all_well("second processes", at.len(), &wrong);
}
