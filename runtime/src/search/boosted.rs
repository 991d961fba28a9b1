//! What is found is compared with baselines: networks, and trees, which are told and written down as those are.

use std::time::Instant;

use super::retrain::{Contender, Course, calibration, fitted, known, scaling};
use crate::backend::Backend;
use crate::data::{Part, Rows};
use crate::run::{Baseline, Entry, Journal};
use crate::train::{Figures, Tested};
use crate::trees::{Boosting, Growth, Until};
use crate::{Result, Stage};

/// What is trained: a network, or trees.
#[derive(Clone, Debug)]
pub(super) enum Subject {
    Network(Contender),
    Trees { name: String, growth: Growth },
}

impl Subject {
    pub fn of(name: &str, baseline: &Baseline) -> Self {
        match baseline {
            Baseline::Network(plan) => Self::Network(Contender::new(name, plan.clone())),
            Baseline::Trees => Self::Trees { name: name.to_owned(), growth: Growth::default() },
        }
    }

    /// Names its journal entries.
    pub fn name(&self) -> &str {
        match self {
            Self::Network(contender) => &contender.name,
            Self::Trees { name, .. } => name,
        }
    }

    /// What it is called where it is told of.
    pub fn title(&self) -> &str {
        match self {
            Self::Network(contender) => &contender.title,
            Self::Trees { name, .. } => name,
        }
    }
}

impl<B: Backend> Course<'_, B> {
    /// The figures on the validation part.
    pub fn validated_as(&self, subject: &Subject, journal: &mut Journal) -> Result<Figures> {
        match subject {
            Subject::Network(contender) => self.validated(contender, journal),
            Subject::Trees { name, growth } => self.boosted(name, *growth, false, journal),
        }
    }

    /// Trained for the last time, on the test part.
    pub fn tested_as(&self, subject: &Subject, journal: &mut Journal) -> Result<Figures> {
        match subject {
            Subject::Network(contender) => self.tested(contender, journal),
            Subject::Trees { name, growth } => self.boosted(name, *growth, true, journal),
        }
    }

    /// Trees that are trained on the training part and stopped on the validation part, on that; or, for the last time, as many
    /// as were best there, on the test part. What was begun and not finished is begun again: nothing is kept in between.
    fn boosted(&self, name: &str, growth: Growth, last: bool, journal: &mut Journal) -> Result<Figures> {
        if let Some((figures, _)) = known(journal, name, last) {
            return Ok(figures);
        }
        let Self { shop, job, data } = *self;
        let (train, validation) = (data.part(Part::Train), data.part(Part::Validation));
        let refit = last && job.recipe.retrain.refit;
        let rows = if refit { Rows::concat([train, validation]) } else { train.clone() };
        let until = if last { Until::Trees(trees(journal, name)) } else { Until::Best(validation) };
        let how = match (last, refit) {
            (false, _) => "",
            (true, true) => " on train + validation",
            (true, false) => " once more",
        };
        let title = format!("train {name}{how}");
        let start = Instant::now();
        let total = if let Until::Trees(trees) = until { Some(trees as u64) } else { None };
        shop.observer.begin(Stage { name: title.clone(), total, unit: "trees" });
        // One seed for both: of the same rows they are the same trees.
        let boosting = Boosting { data, growth, seed: job.seed_of(&format!("retrain/{name}")), stop: shop.stop };
        let trained = boosting.train(&rows, until, |trees, loss| {
            let note = loss.map_or_else(String::new, |loss| format!("log loss {loss:.5} on validation"));
            shop.observer.progress(trees, &note);
        });
        shop.observer.end();
        let forest = trained?;
        if forest.rows < rows.len() {
            shop.observer.say(&format!("{title}: on {} of {} rows, evenly spaced", forest.rows, rows.len()));
        }
        let scores = forest.scores(data, data.part(if last { Part::Test } else { Part::Validation }), shop.stop)?;
        let calibrate = job.recipe.retrain.calibrate;
        let (figures, blocks) = match last {
            true => {
                let Tested { figures, blocks, .. } = Tested::scaled(scores, scaling(journal, name));
                (figures, blocks)
            }
            false => (Figures::fitted(&scores, calibrate), None),
        };
        if !last {
            shop.observer.say(&format!("{title}: best with {} trees{}", forest.len(), told(&figures)));
            if calibrate.is_some() && figures.log_loss.is_some() {
                shop.observer.say(&format!("{title}: {}", fitted(&figures)));
            }
        } else if let Some(told) = calibration(&figures) {
            shop.observer.say(&format!("{title}: {told}"));
        }
        journal.append(Entry::Trained {
            model: name.to_owned(),
            last,
            figures,
            test: None,
            blocks,
            others: Vec::new(),
            checksum: None,
            failed: 0,
            epochs: Vec::new(),
            parts: Vec::new(),
            best_epoch: None,
            trees: Some(forest.len()),
            curve: forest.curve,
            seconds: start.elapsed().as_secs_f64(),
        })?;
        Ok(figures)
    }
}

fn told(figures: &Figures) -> String {
    figures.log_loss.map_or_else(String::new, |loss| format!(", log loss {loss:.5} on validation"))
}

/// How many trees were best on the validation part.
fn trees(journal: &Journal, name: &str) -> usize {
    let found = journal.entries().iter().find_map(|entry| match entry {
        Entry::Trained { model, last: false, trees, .. } if model == name => *trees,
        _ => None,
    });
    found.unwrap_or_default()
}
