//! The main job: train a supernet over a space, search it, retrain the best, and keep the evidence.
//!
//! Lives here: the phases of a run in the order they happen. Never: how a step is taken, or how a plan is executed
//! (`backend`), which files a run has (`run`), or anything drawn on a terminal.
//!
//! Every random draw is a pure function of the seed, a stream's name and an index, and every phase records what it
//! has done at step boundaries, so a run that was stopped anywhere ends like one that was not.

mod agreement;
mod bar;
mod boosted;
mod budget;
mod candidate;
mod clock;
mod curve;
mod fit;
mod paths;
mod phase;
mod pilot;
mod programs;
mod ranking;
mod repeated;
mod report;
mod retrain;
mod run;
mod searching;
mod seeds;
mod settled;
pub mod strategies;
mod supernet;
mod surrogate;
mod trials;
mod tuning;
mod unseen;
mod winner;

pub use budget::{check as check_memory, check_disk, expected_rows, needs};
pub use phase::Phase;
pub use ranking::{Agreement, Estimate, Ranked, Regret, Time, Truth, rank, rank_within};
pub use report::{Attainable, Nothing, Report, Row, Setting, Size, Usage};
pub use run::{search, search_by, search_within};
pub use strategies::Strategy;
pub use surrogate::Expected;
