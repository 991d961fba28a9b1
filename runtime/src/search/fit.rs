//! A training run: steps, checkpoints between them, and the same end wherever it was stopped.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nasrec_compiler::recipe::{Length, Optimiser, Schedule};

use super::directory::RunDir;
use crate::data::{Batches, Prefetch};
use crate::ops::{Executor, Program};
use crate::supernet::{Rule, Store};
use crate::train::{Cosine, Trainer, Update};
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
        Update { rule: Rule::at(self.optimiser, lr, step), clip: self.clip, l2: self.l2 }
    }
}

/// What every phase of a run works with.
#[derive(Clone, Copy)]
pub(super) struct Workshop<'a> {
    pub dir: &'a RunDir,
    pub executor: &'a Executor,
    pub observer: &'a dyn Observer,
    pub stop: &'a Stop,
}

/// Batches that are read ahead of training.
const AHEAD: usize = 4;
/// Steps after which the buffers of a step are given back: they have grown to the largest path so far, and those to come
/// may be small. To have them again is a page fault every 4 KiB, little beside so many steps through all of them.
const RENEW: u64 = 256;
/// Steps without a finite loss after which training has failed.
const MAX_DIVERGED: u64 = 100;
/// A checkpoint is due after this long, and after this many times what the last one took: 3 % of the time at most.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(20);
const CHECKPOINT_SHARE: u32 = 33;
/// Steps over which the shown loss is averaged.
const SHOWN: f64 = 50.0;

/// Trains `store` through the programs that `program` gives for each step. Goes on from the newest checkpoint called
/// `name`; when stopped, leaves one and fails with [`Error::Stopped`].
pub(super) fn fit(
    shop: Workshop<'_>,
    name: &str,
    title: &str,
    regime: &Regime,
    store: &mut Store,
    batches: &Arc<Batches>,
    mut program: impl FnMut(u64) -> Result<Arc<Program>>,
) -> Result<()> {
    let mut from = 0;
    if let Some((step, path)) = shop.dir.checkpoint(name)?.filter(|(step, _)| *step <= regime.steps) {
        store.load(&path)?;
        from = step;
        shop.observer.say(&format!("{title}: going on from step {step} of {}", regime.steps));
    }
    shop.observer.begin(Stage { name: title.to_owned(), total: Some(regime.steps), unit: "steps" });
    let rate = regime.rate();
    let mut trainer = Trainer::new(shop.executor);
    let mut saved = Instant::now();
    let mut due = CHECKPOINT_EVERY;
    let (mut shown, mut diverged) = (f64::NAN, 0);
    let steps: Range<u64> = from..regime.steps;
    let prefetch = Prefetch::start(Arc::clone(batches), steps.clone(), AHEAD)?;
    for (step, batch) in steps.zip(prefetch) {
        if shop.stop.requested() {
            checkpoint(shop.dir, name, step, store)?;
            shop.observer.end();
            return Err(Error::Stopped);
        }
        if step % RENEW == 0 {
            shop.executor.release();
            trainer = Trainer::new(shop.executor);
        }
        let program = program(step)?;
        let stepped = trainer.step(&program, store, &batch, regime.update(rate.at(step), step))?;
        if stepped.loss.is_finite() {
            diverged = 0;
            shown = if shown.is_finite() { shown + (stepped.loss - shown) / SHOWN } else { stepped.loss };
        } else {
            diverged += 1;
            if diverged >= MAX_DIVERGED {
                return Err(Error::Invalid(format!(
                    "{title}: the loss was not finite for {MAX_DIVERGED} steps in a row, at step {step}; \
                     lower the learning rate or turn clipping on"
                )));
            }
        }
        shop.observer.progress(step + 1, &format!("log loss {shown:.4}"));
        if saved.elapsed() >= due && step + 1 < regime.steps {
            let start = Instant::now();
            checkpoint(shop.dir, name, step + 1, store)?;
            due = CHECKPOINT_EVERY.max(start.elapsed() * CHECKPOINT_SHARE);
            saved = Instant::now();
        }
    }
    shop.observer.end();
    shop.executor.release();
    Ok(())
}

fn checkpoint(dir: &RunDir, name: &str, step: u64, store: &Store) -> Result<()> {
    store.save(&dir.checkpoint_path(name, step))?;
    dir.sweep(name, Some(step))
}
