//! A training run: steps, checkpoints between them, and the same end wherever it was stopped.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nasrec_compiler::recipe::{Length, Optimiser, Schedule};
use nasrec_compiler::streams::{self, Key};

use super::curve::Drawn;
use crate::backend::{Backend, Update};
use crate::data::{Batches, Prefetch};
use crate::error::{FileError, WeightsError};
use crate::run::{Curve, Run, RunDir};
use crate::supernet::{Label, Rule, Store};
use crate::train::Cosine;
use crate::{Error, Observer, Result, Stage, Stop};

/// How a model is trained.
#[derive(Clone, Copy, Debug)]
pub(super) struct Regime {
    pub steps: u64,
    pub optimiser: Optimiser,
    pub warmup: Length,
    pub schedule: Schedule,
    pub clip: Option<f64>,
    /// See [`Update::l2`].
    pub l2: f64,
}

impl Regime {
    pub fn rate(&self) -> Cosine {
        let warmup = self.warmup.steps(self.steps);
        Cosine { lr: self.optimiser.lr(), warmup, total: self.steps, shape: self.schedule }
    }

    /// What step `step` does with gradients, at this learning rate.
    pub fn update(&self, lr: f64, step: u64) -> Update {
        Update { rule: Rule::at(self.optimiser, lr, step), clip: self.clip, l2: self.l2, noise: Key::default() }
    }
}

/// What every phase of a run works with.
pub(super) struct Workshop<'a, B> {
    pub run: &'a Run,
    pub backend: &'a B,
    pub observer: &'a dyn Observer,
    pub stop: &'a Stop,
}

// Derived ones would ask the same of the backend.
impl<B> Clone for Workshop<'_, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B> Copy for Workshop<'_, B> {}

impl<'a, B> Workshop<'a, B> {
    pub fn dir(&self) -> &'a RunDir {
        self.run.dir()
    }

    /// Of weights of this run, after so many steps of a training.
    pub fn label(&self, training: &str, step: u64) -> Label {
        Label { of: format!("{training} of run {}", self.run.identity()), step }
    }
}

/// What a training comes to.
pub(super) struct Trained<P> {
    pub params: P,
    pub curve: Curve,
    /// Steps whose loss was not finite.
    pub failed: u64,
    /// The step at which it was given up, after too many of those in a row.
    pub given_up: Option<u64>,
}

/// Batches that are read ahead of training.
const AHEAD: usize = 4;
/// Steps after which the buffers of a step are given back: they have grown to the largest path so far, and those to come
/// may be small. To have them again is a page fault every 4 KiB, little beside so many steps through all of them.
const RENEW: u64 = 256;
/// Steps in a row without a finite loss after which a training has failed.
pub(super) const MAX_DIVERGED: u64 = 100;
/// A checkpoint is due after this long, and after this many times what the last one took: 3 % of the time at most.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(20);
const CHECKPOINT_SHARE: u32 = 33;
/// Steps over which the shown loss is averaged.
const SHOWN: f64 = 50.0;

/// Trains the parameters of `store` through the programs that `program` gives for each step, and leaves them where they were
/// trained. Goes on from the newest checkpoint called `name`; when stopped, leaves one and fails with [`Error::Stopped`].
/// Steps whose loss is not finite are counted and said; after too many of them in a row it ends.
pub(super) fn fit<B: Backend>(
    shop: Workshop<'_, B>,
    name: &str,
    title: &str,
    regime: &Regime,
    mut store: Store,
    batches: &Arc<Batches>,
    mut program: impl FnMut(u64) -> Result<Arc<B::Program>>,
) -> Result<Trained<B::Params>> {
    let (mut from, mut curve) = (0, Drawn::default());
    if let Some((step, path)) = shop.dir().checkpoint(name)? {
        let kept = store.load(&path, &shop.label(name, step)).map_err(refused)?;
        curve = serde_json::from_str(&kept.notes)?;
        from = step;
        shop.observer.say(&format!("{title}: going on from step {step} of {}", regime.steps));
    }
    shop.observer.begin(Stage { name: title.to_owned(), total: Some(regime.steps), unit: "steps" });
    let (rate, noise) = (regime.rate(), shop.run.job().streams().key(&format!("{name}/noise")));
    let backend = shop.backend;
    let mut params = backend.load(store)?;
    let mut saved = Instant::now();
    let mut due = CHECKPOINT_EVERY;
    let (mut shown, mut told_any, mut given_up) = (f64::NAN, false, None);
    let steps: Range<u64> = from..regime.steps;
    let prefetch = Prefetch::start(Arc::clone(batches), steps.clone(), AHEAD)?;
    for (step, batch) in steps.zip(prefetch) {
        if shop.stop.requested() {
            checkpoint(shop, name, step, &*backend.save(&params)?, &curve)?;
            shop.observer.end();
            return Err(Error::Stopped);
        }
        if step % RENEW == 0 {
            backend.release();
        }
        let (program, batch) = (program(step)?, batch?);
        let update = Update { noise: streams::below(noise, step), ..regime.update(rate.at(step), step) };
        let told = backend.step(&program, &mut params, &batch, update)?;
        curve.step(step + 1, regime.steps, told.as_ref());
        if let Some(stepped) = told {
            told_any = true;
            if stepped.loss.is_finite() {
                let share = (stepped.steps as f64 / SHOWN).min(1.0);
                shown = if shown.is_finite() { shown + (stepped.loss - shown) * share } else { stepped.loss };
            }
        }
        shop.observer.progress(
            step + 1,
            &match curve.failed() {
                // A device tells its first loss after some steps.
                0 if !told_any => String::new(),
                0 => format!("log loss {shown:.4}"),
                failed => format!("log loss not finite in {failed} steps"),
            },
        );
        if curve.failed_in_a_row() >= MAX_DIVERGED {
            given_up = Some(step);
            break;
        }
        if saved.elapsed() >= due && step + 1 < regime.steps {
            let start = Instant::now();
            checkpoint(shop, name, step + 1, &*backend.save(&params)?, &curve)?;
            due = CHECKPOINT_EVERY.max(start.elapsed() * CHECKPOINT_SHARE);
            saved = Instant::now();
        }
    }
    shop.observer.end();
    backend.release();
    let failed = curve.failed();
    if failed > 0 {
        let (steps, gave_up) = match given_up {
            Some(step) => (step + 1, "; it was given up"),
            None => (regime.steps, ""),
        };
        shop.observer.say(&format!("{title}: the loss was not finite in {failed} of {steps} steps{gave_up}"));
    }
    Ok(Trained { params, curve: curve.ended(), failed, given_up })
}

fn checkpoint<B>(shop: Workshop<'_, B>, name: &str, step: u64, store: &Store, curve: &Drawn) -> Result<()> {
    let dir = shop.dir();
    dir.still_here()?;
    store.save(&dir.checkpoint_path(name, step), &shop.label(name, step), &serde_json::to_string(curve)?)?;
    dir.sweep(name, Some(step))
}

/// What to do about a checkpoint that cannot be gone on from.
fn refused(error: Error) -> Error {
    match error {
        Error::Weights(WeightsError::File { path, what }) => {
            let remedy = "put it back as it was; or remove it, and what it is of is trained from the beginning";
            FileError::Changed { path, what, remedy: remedy.to_owned() }.into()
        }
        error => error,
    }
}
