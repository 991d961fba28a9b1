//! Files of a run that are damaged while nobody runs it. What goes on with it finds that, or makes anew what was damaged:
//! it never hands over other results in silence.

use std::fs;
use std::path::{Path, PathBuf};

use nasrec_compiler::streams::Streams;
use rand::RngExt;

use super::bench::{Bench, Case, End, Go, files_in};
use super::modes::Fault;
use super::{all_well, asked_for, in_parallel};

/// Damages of each file that the suite tries.
const DAMAGES: u64 = 4;
const SECTOR: usize = 512;
const BLOCK: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Damage {
    FlippedBit,
    RandomSpan,
    Truncated,
    Appended,
    ZeroedSector,
    SwappedBlocks,
    Emptied,
    Deleted,
    Replaced,
}

const ALL: [Damage; 9] = [
    Damage::FlippedBit,
    Damage::RandomSpan,
    Damage::Truncated,
    Damage::Appended,
    Damage::ZeroedSector,
    Damage::SwappedBlocks,
    Damage::Emptied,
    Damage::Deleted,
    Damage::Replaced,
];

impl Damage {
    /// What is in the file after it; nothing where it is gone. `others` are the other files of the run.
    fn of(self, bytes: &[u8], others: &[PathBuf], rng: &mut impl RngExt) -> Option<Vec<u8>> {
        let mut damaged = bytes.to_vec();
        let length = bytes.len();
        match self {
            Self::Deleted => return None,
            Self::Emptied => damaged.clear(),
            Self::Replaced => return fs::read(&others[rng.random_range(0..others.len())]).ok(),
            Self::Appended => damaged.extend((0..rng.random_range(1..600)).map(|_| rng.random::<u8>())),
            // The rest needs something to be damaged.
            _ if length == 0 => {}
            Self::FlippedBit => damaged[rng.random_range(0..length)] ^= 1 << rng.random_range(0..8),
            Self::RandomSpan => {
                let start = rng.random_range(0..length);
                let end = rng.random_range(start..length) + 1;
                damaged[start..end].iter_mut().for_each(|byte| *byte = rng.random());
            }
            Self::Truncated => damaged.truncate(rng.random_range(0..length)),
            Self::ZeroedSector => {
                let start = rng.random_range(0..length.div_ceil(SECTOR)) * SECTOR;
                damaged[start..(start + SECTOR).min(length)].fill(0);
            }
            Self::SwappedBlocks => {
                let blocks = length / BLOCK;
                if blocks > 1 {
                    let first = rng.random_range(0..blocks - 1);
                    let second = rng.random_range(first + 1..blocks);
                    let (left, right) = damaged.split_at_mut(second * BLOCK);
                    left[first * BLOCK..][..BLOCK].swap_with_slice(&mut right[..BLOCK]);
                }
            }
        }
        Some(damaged)
    }
}

/// A run as it was left, and what to call it.
struct Left<'a> {
    name: String,
    case: Case<'a>,
}

/// A finished run, and runs that were stopped a quarter, a half and three quarters through the calls of a search.
fn left(bench: &Bench) -> Vec<Left<'_>> {
    let calls = bench.calls().len() as u64;
    let stopped = (1..4).map(|part| {
        // Behind its last look for a request a phase goes on, and the last one to the end.
        let stop = |at| {
            let case = bench.case();
            (case.run(Go::Start, Some(&Fault::at("interrupt", at))).end() == Ok(End::Stopped)).then_some(case)
        };
        // On a busy machine a request may come too late to be seen, wherever it comes.
        let case = (0..12).find_map(|_| (1..=calls * part / 4).rev().find_map(stop)).expect("a stop");
        Left { name: format!("stopped after {part} of 4"), case }
    });
    let case = bench.case();
    assert_eq!(case.run(Go::Start, None).end(), Ok(End::Done));
    stopped.chain([Left { name: "finished".to_owned(), case }]).collect()
}

/// Damages a file of a copy of the run and goes on with that.
fn attempt(left: &Left<'_>, file: &Path, number: u64) -> Result<(), String> {
    let case = left.case.copy();
    let name = file.display().to_string();
    let place = case.run_dir().join(file);
    let others: Vec<PathBuf> = files_in(&case.run_dir()).into_iter().filter(|other| *other != place).collect();
    let mut rng = Streams::new(number).rng(&format!("{}/{name}", left.name), 0);
    let before = fs::read(&place).expect("a file");
    // One that changes something: there are files that are empty, and sectors that are zero.
    let (damage, after) = loop {
        let damage = ALL[rng.random_range(0..ALL.len())];
        let after = damage.of(&before, &others, &mut rng);
        if after.as_ref() != Some(&before) {
            break (damage, after);
        }
    };
    match after {
        Some(bytes) => fs::write(&place, bytes).expect("written"),
        None => fs::remove_file(&place).expect("removed"),
    }
    let ran = case.run(Go::Resume, None);
    let file_name = file.file_name().expect("a name").to_string_lossy();
    let judged = ran.end().and_then(|end| match end {
        // What a finished search needs no more is not trained again, which may take hours: that is said.
        End::Done
            if ran.said.lines().any(|line| line.contains(&*file_name) && line.ends_with("goes on without it")) =>
        {
            case.sound_but(&name)
        }
        End::Done => case.sound(),
        End::Refused if ran.said.lines().any(|line| line.starts_with("error: ") && line.contains(&*file_name)) => {
            Ok(())
        }
        End::Refused => Err(format!("names no {file_name}: {}", ran.said)),
        end => Err(format!("ended as {end:?}: {}", ran.said)),
    });
    judged.map_err(|wrong| format!("{}, {name}, {damage:?} ({number}): {wrong}", left.name))
}

#[test]
fn no_damage_changes_results_in_silence() {
    let bench = Bench::new();
    let left = left(&bench);
    let mut all = Vec::new();
    for left in &left {
        for file in files_in(&left.case.run_dir()) {
            let file = file.strip_prefix(left.case.run_dir()).expect("inside").to_owned();
            all.extend((0..asked_for("DAMAGE").unwrap_or(DAMAGES)).map(|number| (left, file.clone(), number)));
        }
    }
    let wrong = in_parallel(&all, |(left, file, number)| attempt(left, file, *number));
    all_well("damages", all.len(), &wrong);
}
