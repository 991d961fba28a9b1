//! What is told of models on the rows of a table, as data.

use std::path::PathBuf;

use nasrec_runtime::data::Malformed;
use nasrec_runtime::train::{Bin, Blocks, Figures, Interval, OfHead, Resampled, Resamples, Scores};
use serde::Serialize;

/// What a model says of the rows.
pub(super) struct Found {
    pub name: String,
    pub directory: PathBuf,
    /// Whether its schema has groups.
    pub groups: bool,
    /// Of the first label.
    pub scores: Scores,
    /// Of the others that it predicts, by their names.
    pub others: Vec<(String, Scores)>,
    pub malformed: Malformed,
}

/// Of one model its figures; of two also by how much the first is ahead.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Compared {
    One(Evaluated),
    Two { models: Vec<Evaluated>, ahead: Ahead },
}

#[derive(Serialize)]
pub(super) struct Evaluated {
    pub model: String,
    pub directory: String,
    /// Rows that figures are of.
    pub rows: usize,
    /// Rows that could not be read, and are in no figure.
    pub left_out: u64,
    /// Share of clicks.
    pub click_rate: Option<f64>,
    pub log_loss: Option<f64>,
    pub auc: Option<f64>,
    /// There where the schema has a group; then null where no group has both labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_auc: Option<Option<f64>>,
    pub normalised_entropy: Option<f64>,
    pub calibration: Option<f64>,
    pub calibration_error: Option<f64>,
    pub bins: Vec<Shown>,
    /// Of the other labels that the model predicts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<OfHead>,
    /// Why figures are null.
    pub undefined: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bootstrap: Option<Intervals<Resampled>>,
}

/// Rows whose predictions are near each other.
#[derive(Serialize)]
pub(super) struct Shown {
    pub rows: usize,
    /// The mean of their probabilities, and the share of clicks.
    pub predicted: f64,
    pub clicked: f64,
}

/// Of log loss and AUC.
#[derive(Serialize)]
pub(super) struct Intervals<T> {
    pub log_loss: Option<T>,
    pub auc: Option<T>,
}

/// By how much the first model is ahead: its log loss is lower, its AUC higher.
#[derive(Serialize)]
pub(super) struct Ahead {
    /// With intervals over blocks of rows.
    #[serde(flatten)]
    pub by: Intervals<Interval>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bootstrap: Option<Intervals<Resampled>>,
}

impl Compared {
    pub fn of(found: &[Found], resamples: Option<&Resamples>) -> Self {
        let of = |(at, found)| Evaluated::of(found, resamples.map(|resamples| intervals(resamples.of_model(at))));
        let mut models: Vec<Evaluated> = found.iter().enumerate().map(of).collect();
        let [own, other] = found else { return Self::One(models.swap_remove(0)) };
        let (mine, theirs) = (Blocks::of(&own.scores), Blocks::of(&other.scores));
        let difference = |of: fn(&Evaluated) -> Option<f64>| Some(of(&models[0])? - of(&models[1])?);
        let by = Intervals {
            log_loss: difference(|one| one.log_loss).and_then(|ahead| mine.ahead_in_log_loss(&theirs, -ahead, &[])),
            auc: difference(|one| one.auc).and_then(|ahead| mine.ahead_in_auc(&theirs, ahead)),
        };
        let bootstrap = resamples.map(|resamples| intervals(resamples.ahead(0, 1)));
        Self::Two { models, ahead: Ahead { by, bootstrap } }
    }
}

fn intervals([log_loss, auc]: [Option<Resampled>; 2]) -> Intervals<Resampled> {
    Intervals { log_loss, auc }
}

fn of_head((name, scores): &(String, Scores)) -> OfHead {
    OfHead { name: name.clone(), figures: scores.metrics().into() }
}

impl Evaluated {
    fn of(found: &Found, bootstrap: Option<Intervals<Resampled>>) -> Self {
        let Scores { logits, labels, .. } = &found.scores;
        let figures = Figures::from(found.scores.metrics());
        let rows = labels.len();
        let clicks = labels.iter().filter(|&&label| label > 0.5).count();
        let share = |count: f64, of: usize| count / of.max(1) as f64;
        let bins = Bin::all(logits, labels).into_iter().map(|Bin { samples, expected, clicks }| Shown {
            rows: samples,
            predicted: share(expected, samples),
            clicked: share(clicks, samples),
        });
        let finite = logits.iter().all(|logit| logit.is_finite());
        let mut undefined = Vec::new();
        match clicks {
            _ if !finite => undefined.push(
                "the model says of some rows what is no number: nothing that rests on all of them is defined"
                    .to_owned(),
            ),
            0 => {
                undefined.push("no row is a click: auc, normalised_entropy and calibration are not defined".to_owned())
            }
            _ if clicks == rows => {
                undefined.push("all rows are clicks: auc and normalised_entropy are not defined".to_owned());
            }
            _ => {}
        }
        if found.groups && figures.group_auc.is_none() && finite {
            undefined.push("no group has both a click and another row: group_auc is not defined".to_owned());
        }
        Self {
            model: found.name.clone(),
            directory: found.directory.display().to_string(),
            rows,
            left_out: found.malformed.malformed,
            click_rate: (rows > 0).then(|| share(clicks as f64, rows)),
            log_loss: figures.log_loss,
            auc: figures.auc,
            group_auc: found.groups.then_some(figures.group_auc),
            normalised_entropy: figures.normalised_entropy,
            calibration: figures.calibration,
            calibration_error: figures.calibration_error,
            others: found.others.iter().map(of_head).collect(),
            bins: if finite { bins.collect() } else { Vec::new() },
            undefined,
            bootstrap,
        }
    }
}
