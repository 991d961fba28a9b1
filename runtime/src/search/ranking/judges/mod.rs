//! Ways of judging architectures: whatever says a number of each, the less, the better it is taken to be.
//!
//! Lives here: one file a way, and the lists of them, by what they need. Never: how far they are right, nor what is written
//! down of them.

mod all_weights;
mod another_seed;
mod as_they_are;
mod corrected;
mod few_shot;
mod first_epoch;
mod gradient_norm;
mod head;
mod macs;
mod one_seed;
mod parameters;
mod surrogate;
mod surrogate_of_the_rest;
mod two_shot;

use std::sync::Arc;

use nasrec_compiler::plan::Plan;

use super::super::fit::Workshop;
use super::super::retrain::Course;
use super::drawn::Subject;
use super::intervals::Reading;
use super::trainings::Trainings;
use crate::Result;
use crate::backend::Backend;
use crate::data::Dataset;
use crate::run::Job;

pub(super) use corrected::{NAME as CORRECTED, scores as corrected};

/// A way that asks the weights of a supernet.
pub(super) struct InSupernet<B: Backend> {
    pub name: &'static str,
    /// How many are asked of together.
    pub together: usize,
    /// Whether the others are asked of, too, that models learn from.
    pub of_others: bool,
    /// Whether a recipe says enough to ask.
    pub is_asked: fn(&Job) -> bool,
    pub prepared: for<'a> fn(Setting<'a, B>) -> Result<Ask<'a>>,
}

/// What scores some architectures.
pub(super) type Ask<'a> = Box<dyn FnMut(&[Subject]) -> Result<Vec<f64>> + 'a>;

/// Of each.
fn plans(subjects: &[Subject]) -> Vec<Plan> {
    subjects.iter().map(|subject| subject.plan.clone()).collect()
}

/// A supernet that is asked as a job says.
pub(super) struct Setting<'a, B: Backend> {
    pub shop: Workshop<'a, B>,
    pub job: &'a Job,
    pub data: &'a Arc<Dataset>,
    pub params: &'a B::Params,
}

/// A way that needs nothing trained.
pub(super) struct Untrained<B: Backend> {
    pub name: &'static str,
    pub by: fn(&Course<'_, B>, &Plan) -> Result<f64>,
}

/// A way that goes by trainings alone; nothing where there are too few of them.
pub(super) struct Trained {
    pub name: &'static str,
    pub by: fn(&Trainings<'_>) -> Option<Vec<Reading>>,
}

/// Ways that ask a supernet.
pub(super) fn in_supernet<B: Backend>() -> [InSupernet<B>; 5] {
    [as_they_are::judge(), head::judge(), all_weights::judge(), few_shot::judge(), two_shot::judge()]
}

/// Ways that need nothing trained.
pub(super) fn untrained<B: Backend>() -> [Untrained<B>; 3] {
    [parameters::judge(), macs::judge(), gradient_norm::judge()]
}

/// Ways that go by trainings alone, and what these agree on among themselves.
pub(super) fn trained() -> [Trained; 5] {
    [surrogate::judge(), surrogate_of_the_rest::judge(), first_epoch::judge(), another_seed::judge(), one_seed::judge()]
}

/// Whether copies of a supernet are trained further, which takes a pass over the training part and more for each.
fn further(job: &Job) -> bool {
    job.ranking.as_ref().is_some_and(|ranking| ranking.further)
}

/// What a search goes by, of what a supernet says.
pub(super) fn own<'s>(told: &'s [(&'static str, Vec<f64>)]) -> Option<&'s [f64]> {
    let of = |name: &str| told.iter().find(|(told, _)| *told == name).map(|(_, scores)| scores.as_slice());
    of(head::NAME).or_else(|| of(all_weights::NAME)).or_else(|| of(as_they_are::NAME))
}
