//! A copy of a supernet that is trained further on some of its paths only.

use std::sync::Arc;

use nasrec_compiler::Architecture;
use nasrec_compiler::recipe::{Length, Train};
use nasrec_compiler::streams;

use super::super::candidate::{Judge, TOGETHER};
use super::super::fit::Regime;
use super::super::paths::{self, PathSampling, Step};
use super::super::programs::Programs;
use super::drawn::Subject;
use super::judges::Setting;
use crate::Result;
use crate::backend::Backend;
use crate::data::{Batches, Part};
use crate::train::Figures;

/// The learning rate that it begins with, of that of the supernet, whose own fell to nearly nothing.
const RATE: f64 = 0.5;
/// What its batches and draws are named by.
const STREAM: &str = "ranking/further";

/// One pass over the training part.
pub(super) struct Further<'a, B: Backend> {
    setting: Setting<'a, B>,
    batches: Batches,
    regime: Regime,
    paths: Box<dyn PathSampling>,
}

impl<'a, B: Backend> Further<'a, B> {
    pub fn new(setting: Setting<'a, B>) -> Result<Self> {
        let (job, data) = (setting.job, setting.data);
        let recipe = &job.recipe.train;
        let rows = data.part(Part::Train).clone();
        let name = format!("{STREAM}/batches");
        let batches = Batches::shuffled(Arc::clone(data), rows, recipe.batch, &job.streams(), &name)?;
        let regime = Regime {
            steps: batches.per_epoch(),
            optimiser: recipe.optimiser.with_lr(RATE * recipe.optimiser.lr()),
            warmup: Length::Steps(0),
            schedule: recipe.schedule,
            clip: recipe.clip,
            l2: job.recipe.embeddings.l2,
            ema: None,
        };
        // However long the full path was mixed in.
        let paths = paths::of(&Train { full_path: Length::Steps(0), ..recipe.clone() });
        Ok(Self { setting, batches, regime, paths })
    }

    /// Draws a path as the supernet's training did in the end, the full path left out.
    pub fn path(&self, draw: u64) -> Architecture {
        let (job, of) = (self.setting.job, self.regime.steps);
        self.paths.path(&job.space, Step { at: of + draw, of, streams: job.streams() })
    }

    /// A copy that was trained on these paths, told of with `note`.
    pub fn trained(&self, note: &str, mut path: impl FnMut(u64) -> Architecture) -> Result<B::Params> {
        let Setting { shop, job, params, .. } = self.setting;
        let backend = shop.backend;
        let mut own = backend.load(backend.save(params)?.into_owned())?;
        let mut programs = Programs::new(job, backend);
        let (rate, noise) = (self.regime.rate(), job.streams().key(&format!("{STREAM}/noise")));
        for step in 0..self.regime.steps {
            shop.stop.check()?;
            let program = programs.training(path(step))?;
            let update = self.regime.update(rate.at(step), step);
            let update = crate::backend::Update { noise: streams::below(noise, step), ..update };
            backend.step(&program, &mut own, &self.batches.step(step)?, update)?;
            shop.observer.progress(0, &format!("{note}: step {} of {}", step + 1, self.regime.steps));
        }
        backend.release();
        Ok(own)
    }

    /// What the recipe's evaluation says of each with these parameters.
    pub fn judged(&self, params: &B::Params, subjects: &[&Subject]) -> Result<Vec<f64>> {
        let Setting { shop, job, data, .. } = self.setting;
        let judge = Judge::new(shop, job, data, params)?;
        let mut scores = Vec::with_capacity(subjects.len());
        for together in subjects.chunks(TOGETHER) {
            let plans: Vec<_> = together.iter().map(|subject| subject.plan.clone()).collect();
            scores.extend(judge.evaluate(&plans)?.iter().map(Figures::rank));
        }
        Ok(scores)
    }

    /// The supernet itself, as it was trained.
    pub fn setting(&self) -> &Setting<'a, B> {
        &self.setting
    }
}
