//! What a ranking comes to, as data.

use serde::{Deserialize, Serialize};

use super::trainings::Trainings;
use crate::run::{Entry, Job, Journal, Ranking, Variant};
use crate::search::agreement::regret_by_chance;

/// How well ways of judging architectures order them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ranked {
    /// What was drawn from.
    pub space: String,
    /// Architectures whose order is measured.
    pub architectures: usize,
    /// Further ones that were drawn for it and are left out, as a training of theirs failed.
    pub failed: usize,
    /// With how many seeds each was trained.
    pub seeds: u64,
    /// Further ones that a model learnt from.
    pub others: usize,
    /// What the architectures are worth.
    pub truth: Truth,
    /// The supernets beside that of the recipe.
    pub variants: Vec<Variant>,
    /// Each way of judging, in the order in which they were asked.
    pub agreements: Vec<Agreement>,
    /// What it took, by what was done. No result, as it differs from run to run, and not in the file.
    #[serde(skip)]
    pub times: Vec<Time>,
}

/// What architectures are worth: the mean over seeds of the log loss on the validation part.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// Of the best.
    pub best: f64,
    /// Of all.
    pub mean: f64,
    /// Standard deviation between architectures.
    pub spread: f64,
    /// Standard deviation between the seeds of one; absent where each was trained once.
    pub luck: Option<f64>,
    /// How far the best of one, or of five, that are drawn without looking are behind the best of all, in the mean.
    pub by_chance: Regret,
}

/// How well one way of judging agrees with what is so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// With the supernet of which variant; none where it is the recipe's, or where there is none.
    pub variant: Option<String>,
    /// What the way is called.
    pub by: String,
    /// Kendall's tau-b. Absent, as the others, where the way says the same of all.
    pub tau: Option<Estimate>,
    /// Spearman's rank correlation.
    pub spearman: Option<Estimate>,
    /// Pearson's correlation.
    pub pearson: Option<Estimate>,
    /// How far those that it takes for the best are behind the best.
    pub regret: Regret,
    /// By how much more tau it agrees than what the recipe's search goes by.
    pub more: Option<Estimate>,
}

/// A figure with its 95 % interval, over the architectures that could have been drawn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Of those that were drawn.
    pub value: f64,
    /// From here; absent where it cannot be told.
    pub low: Option<f64>,
    /// To here.
    pub high: Option<f64>,
}

/// How far the best among some is behind the best of all, by log loss in nats.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Regret {
    /// Among one.
    pub of_1: Option<f64>,
    /// Among five.
    pub of_5: Option<f64>,
}

/// What something took.
#[derive(Clone, Debug, PartialEq)]
pub struct Time {
    /// What.
    pub what: String,
    /// How often it was done.
    pub times: u64,
    /// Seconds, all in all.
    pub seconds: f64,
}

pub(super) fn of(
    job: &Job,
    ranking: &Ranking,
    trained: &Trainings<'_>,
    agreements: Vec<Agreement>,
    journal: &Journal,
) -> Ranked {
    let means = trained.means();
    let mean = means.iter().sum::<f64>() / means.len().max(1) as f64;
    let squares: f64 = means.iter().map(|loss| (loss - mean).powi(2)).sum();
    let by_chance = Regret { of_1: regret_by_chance(&means, 1), of_5: regret_by_chance(&means, 5) };
    let truth = Truth {
        best: means.iter().copied().fold(f64::INFINITY, f64::min),
        mean,
        spread: (squares / means.len().saturating_sub(1).max(1) as f64).sqrt(),
        luck: trained.luck(),
        by_chance,
    };
    Ranked {
        space: job.space.name.clone(),
        architectures: means.len(),
        failed: ranking.architectures - means.len(),
        seeds: ranking.seeds,
        others: ranking.others,
        truth,
        variants: ranking.variants.clone(),
        agreements,
        times: times(journal),
    }
}

/// What each thing took, as the journal tells.
fn times(journal: &Journal) -> Vec<Time> {
    let mut all: Vec<Time> = Vec::new();
    let of = |variant: &Option<String>| variant.as_ref().map_or_else(String::new, |variant| format!(" {variant}"));
    for entry in journal.entries() {
        let (what, seconds) = match entry {
            Entry::Trained { seconds, .. } => ("trainings alone".to_owned(), *seconds),
            Entry::Supernet { variant, seconds, .. } => (format!("supernet{}", of(variant)), *seconds),
            Entry::Judged { by, variant, seconds, .. } => (format!("{by}{}", of(variant)), *seconds),
            _ => continue,
        };
        match all.iter_mut().find(|time| time.what == what) {
            Some(time) => {
                time.times += 1;
                time.seconds += seconds;
            }
            None => all.push(Time { what, times: 1, seconds }),
        }
    }
    all
}
