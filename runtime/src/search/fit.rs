//! A training run: steps, checkpoints between them, and the same end wherever it was stopped.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nasrec_compiler::recipe::{Clip, L2, Length, Optimiser, Schedule};
use nasrec_compiler::streams::{self, Key};
use serde::{Deserialize, Serialize};

use super::bar::Bar;
use super::curve::Drawn;
use crate::backend::{Backend, Update};
use crate::data::{Batch, Batches, Prefetch};
use crate::error::{FileError, WeightsError};
use crate::run::{Curve, Run, RunDir};
use crate::supernet::{Average, Label, Rule, Store};
use crate::train::{Cosine, Figures, Tested, Watch};
use crate::{Error, Observer, Result, Stage, Stop};

/// How a model is trained.
#[derive(Clone, Copy, Debug)]
pub(super) struct Regime {
    pub steps: u64,
    pub optimiser: Optimiser,
    pub warmup: Length,
    pub schedule: Schedule,
    pub clip: Option<Clip>,
    /// Of embedding tables.
    pub l2: L2,
    /// How much of the moving average of weights stays in a step, where there is one.
    pub ema: Option<f64>,
}

impl Regime {
    pub fn rate(&self) -> Cosine {
        let warmup = self.warmup.steps(self.steps);
        Cosine { lr: self.optimiser.lr(), warmup, total: self.steps, shape: self.schedule }
    }

    /// What step `step` does with gradients, at this learning rate.
    pub fn update(&self, lr: f64, step: u64) -> Update {
        let (l2, whole_tables) = match self.l2 {
            L2::Batch(weight) => (weight, false),
            L2::Tables { table } => (table, true),
        };
        let (clip, clamp) = match self.clip {
            None => (None, None),
            Some(Clip::Norm(norm)) => (Some(norm), None),
            Some(Clip::Value { value }) => (None, Some(value)),
        };
        Update {
            rule: Rule::at(self.optimiser, lr, step),
            clip,
            clamp,
            positive_weight: 1.0,
            l2,
            whole_tables,
            average: self.ema.map(|decay| Average { decay, step }),
            noise: Key::default(),
        }
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

/// A training, as a checkpoint is called and people are told of it.
pub(super) struct Training<'a> {
    pub name: &'a str,
    /// Whose random draws it takes: its own name, or that of another training that it repeats.
    pub noise: &'a str,
    pub title: &'a str,
    pub regime: &'a Regime,
    /// How much of each label is spread over both.
    pub label_smoothing: f64,
    /// How many times the loss of a click counts.
    pub positive_weight: f64,
}

/// What is asked after each epoch: how good the parameters are on the validation part, after so many steps.
pub(super) type Judge<'a, P> = dyn Fn(&P, u64) -> Result<Figures> + 'a;

/// What is asked after an epoch that was better than all before.
pub(super) type Test<'a, P> = dyn Fn(&P, u64, &Figures) -> Result<Tested> + 'a;

/// A training whose learning rate or whose end follows from figures after its epochs.
pub(super) struct Epochs<'a, P> {
    pub watch: Watch,
    /// What ends it before.
    pub bar: Bar,
    /// Steps of one.
    pub steps: u64,
    /// Steps of the first after which it is judged as well.
    pub parts: Vec<u64>,
    /// What says how each epoch did; without one, they have been judged before, and all of them are here.
    pub judge: Option<&'a Judge<'a, P>>,
    /// What says how the best epoch so far does on the test part, where it is not trained again to be told on that: nobody keeps
    /// its weights. Given its figures on the validation part. Nothing is decided by it.
    pub test: Option<&'a Test<'a, P>>,
    pub judged: Vec<Figures>,
    /// Steps to take at most. The schedule is that of the regime, whose last step this need not come to.
    pub until: u64,
}

/// What goes into a checkpoint beside the weights.
#[derive(Default, Serialize, Deserialize)]
struct Notes {
    #[serde(flatten)]
    curve: Drawn,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    judged: Vec<Figures>,
    /// After parts of the first epoch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parts: Vec<Figures>,
    /// How the best of them does on the test part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tested: Option<Tested>,
}

/// What a training comes to.
pub(super) struct Trained<P> {
    pub params: P,
    /// Steps that were taken.
    pub steps: u64,
    /// How each epoch did, where they were judged.
    pub judged: Vec<Figures>,
    /// How the first did after parts of it.
    pub parts: Vec<Figures>,
    /// How the best of them does on the test part, where that was asked.
    pub tested: Option<Tested>,
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
/// trained. It is given the parameters before the step and its batch, whose labels it may change: they are what is learnt. Goes on from the newest checkpoint of its name; when stopped, leaves one and fails with [`Error::Stopped`].
/// Steps whose loss is not finite are counted and said; after too many of them in a row it ends.
pub(super) fn fit<B: Backend>(
    shop: Workshop<'_, B>,
    training: &Training<'_>,
    mut epochs: Option<Epochs<'_, B::Params>>,
    mut store: Store,
    batches: &Arc<Batches>,
    mut program: impl FnMut(u64, &B::Params, &mut Batch) -> Result<Arc<B::Program>>,
) -> Result<Trained<B::Params>> {
    let Training { name, noise, title, regime, label_smoothing, positive_weight } = *training;
    let (mut step, mut notes) = (0, Notes::default());
    let end = epochs.as_ref().map_or(regime.steps, |epochs| epochs.until);
    if let Some((at, path)) = shop.dir().checkpoint(name)? {
        let kept = store.load(&path, &shop.label(name, at)).map_err(refused)?;
        notes = serde_json::from_str(&kept.notes)?;
        step = at;
        shop.observer.say(&format!("{title}: going on from step {step} of {end}"));
    } else if let Some(epochs) = &mut epochs {
        notes.judged = std::mem::take(&mut epochs.judged);
    }
    shop.observer.begin(Stage { name: title.to_owned(), total: Some(end), unit: "steps" });
    let (rate, noise) = (regime.rate(), shop.run.job().streams().key(&format!("{noise}/noise")));
    let backend = shop.backend;
    let mut params = backend.load(store)?;
    let mut saved = Instant::now();
    let mut due = CHECKPOINT_EVERY;
    let (mut shown, mut told_any, mut given_up) = (f64::NAN, false, None);
    let mut prefetch = Prefetch::start(Arc::clone(batches), step..end, AHEAD)?;
    let leave = |params: &B::Params, step: u64, notes: &Notes| {
        checkpoint(shop, name, step, &*backend.save(params)?, notes)?;
        shop.observer.end();
        Err(Error::Stopped)
    };
    loop {
        if let Some(Epochs { watch, bar, steps, judge: Some(judge), test, .. }) = &epochs
            && step.is_multiple_of(*steps)
            && step / steps > notes.judged.len() as u64
        {
            // What is kept from step to step is not needed meanwhile.
            backend.release();
            let told = judge(&params, step).and_then(|figures| {
                let is_best = watch.is_best(&notes.judged, &figures);
                let tested = test.filter(|_| is_best).map(|test| test(&params, step, &figures)).transpose()?;
                Ok((figures, tested))
            });
            match told {
                Err(Error::Stopped) => return leave(&params, step, &notes),
                told => {
                    let (figures, tested) = told?;
                    notes.judged.push(figures);
                    notes.tested = tested.or(notes.tested.take());
                }
            }
            backend.release();
            if watch.is_over(&notes.judged) || bar.is_missed(watch, &notes.judged) {
                break;
            }
        }
        if let Some(Epochs { watch, bar, parts, judge: Some(judge), .. }) = &epochs
            && parts.get(notes.parts.len()) == Some(&step)
        {
            backend.release();
            match judge(&params, step) {
                Err(Error::Stopped) => return leave(&params, step, &notes),
                figures => notes.parts.push(figures?),
            }
            backend.release();
            if bar.is_missed_in_part(watch, &notes.parts) {
                break;
            }
        }
        let Some(batch) = prefetch.next() else { break };
        if shop.stop.requested() {
            return leave(&params, step, &notes);
        }
        if step.is_multiple_of(RENEW) {
            backend.release();
        }
        let mut batch = batch?;
        let program = program(step, &params, &mut batch)?;
        if label_smoothing > 0.0 {
            batch.labels.iter_mut().for_each(|label| *label = smoothed(*label, label_smoothing));
        }
        let lr = match &epochs {
            None => rate.at(step),
            Some(Epochs { watch, steps, .. }) => {
                let before = notes.judged.len().min((step / steps) as usize);
                rate.at(step) * watch.rate(&notes.judged[..before])
            }
        };
        let update = Update { noise: streams::below(noise, step), positive_weight, ..regime.update(lr, step) };
        let told = backend.step(&program, &mut params, &batch, update)?;
        step += 1;
        notes.curve.step(step, end, told.as_ref());
        if let Some(stepped) = told {
            told_any = true;
            if stepped.loss.is_finite() {
                let share = (stepped.steps as f64 / SHOWN).min(1.0);
                shown = if shown.is_finite() { shown + (stepped.loss - shown) * share } else { stepped.loss };
            }
        }
        shop.observer.progress(
            step,
            &match notes.curve.failed() {
                // A device tells its first loss after some steps.
                0 if !told_any => String::new(),
                0 => format!("log loss {shown:.4}"),
                failed => format!("log loss not finite in {failed} steps"),
            },
        );
        if notes.curve.failed_in_a_row() >= MAX_DIVERGED {
            given_up = Some(step - 1);
            break;
        }
        if saved.elapsed() >= due && step < end {
            let start = Instant::now();
            checkpoint(shop, name, step, &*backend.save(&params)?, &notes)?;
            due = CHECKPOINT_EVERY.max(start.elapsed() * CHECKPOINT_SHARE);
            saved = Instant::now();
        }
    }
    shop.observer.end();
    backend.release();
    let Notes { curve, judged, parts, tested } = notes;
    let failed = curve.failed();
    if failed > 0 {
        let gave_up = if given_up.is_some() { "; it was given up" } else { "" };
        shop.observer.say(&format!("{title}: the loss was not finite in {failed} of {step} steps{gave_up}"));
    }
    Ok(Trained { params, steps: step, judged, parts, tested, curve: curve.ended(), failed, given_up })
}

/// A label of which this share is spread evenly over both (Szegedy et al., arXiv 1512.00567).
fn smoothed(label: f32, share: f64) -> f32 {
    (f64::from(label) * (1.0 - share) + share / 2.0) as f32
}

fn checkpoint<B>(shop: Workshop<'_, B>, name: &str, step: u64, store: &Store, notes: &Notes) -> Result<()> {
    let dir = shop.dir();
    dir.still_here()?;
    store.save(&dir.checkpoint_path(name, step), &shop.label(name, step), &serde_json::to_string(notes)?)?;
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

#[cfg(test)]
mod tests {
    use super::smoothed;

    #[test]
    fn a_smoothed_label_keeps_its_side() {
        assert_eq!([0.0, 1.0].map(|label| smoothed(label, 0.2)), [0.1, 0.9]);
        assert_eq!([0.0, 1.0].map(|label| smoothed(label, 0.0)), [0.0, 1.0]);
    }
}
