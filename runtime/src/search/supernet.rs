//! Training the supernet: each step one path of the space, its slices of the store trained as if it stood alone.

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Instant;

use super::fit::{MAX_DIVERGED, Regime, Trained, Training, Workshop, fit};
use super::paths;
use super::programs::Programs;
use crate::backend::Backend;
use crate::data::{Batches, Dataset, Part};
use crate::error::RunError;
use crate::run::{Entry, Job, Journal, SUPERNET};
use crate::supernet::{Keep, ParamDef, Store};
use crate::{Error, Result, files};

/// What its checkpoints are called, and its streams.
const NAME: &str = "supernet";

/// The trained supernet, brought to where it is used when it is first asked for: a run that only writes its report again
/// needs none.
pub(super) struct Supernet<'a, B: Backend> {
    shop: Workshop<'a, B>,
    job: &'a Job,
    data: &'a Arc<Dataset>,
    /// What its checkpoints are called.
    name: String,
    /// Of its file, as the journal says.
    checksum: String,
    params: OnceCell<B::Params>,
}

impl<'a, B: Backend> Supernet<'a, B> {
    /// Trains it, unless the journal says that it was trained.
    pub fn trained(shop: Workshop<'a, B>, job: &'a Job, data: &'a Arc<Dataset>, journal: &mut Journal) -> Result<Self> {
        Self::trained_as(None, shop, job, data, journal)
    }

    /// The same of a variant of the recipe, which `job` has. Its file takes the place of that of the supernet before it.
    pub fn trained_as(
        variant: Option<&str>,
        shop: Workshop<'a, B>,
        job: &'a Job,
        data: &'a Arc<Dataset>,
        journal: &mut Journal,
    ) -> Result<Self> {
        let name = variant.map_or_else(|| NAME.to_owned(), |variant| format!("{NAME}-{variant}"));
        let known = journal.entries().iter().find_map(|entry| match entry {
            Entry::Supernet { checksum, variant: of, .. } if of.as_deref() == variant => Some(checksum.clone()),
            _ => None,
        });
        let (checksum, params) = match known {
            Some(checksum) => (checksum, OnceCell::new()),
            None => {
                let start = Instant::now();
                let made = make(shop, job, data, &name)?;
                let seconds = start.elapsed().as_secs_f64();
                let Made { params, checksum, curve, steps } = made;
                let variant = variant.map(str::to_owned);
                journal.append(Entry::Supernet { variant, steps, checksum: checksum.clone(), curve, seconds })?;
                (checksum, OnceCell::from(params))
            }
        };
        shop.dir().sweep(&name, None)?;
        Ok(Self { shop, job, data, name, checksum, params })
    }

    /// Says so where its file is not what it was, for a run that needs it no more.
    pub fn say_damage(&self) -> Result<()> {
        let path = self.shop.dir().file(SUPERNET);
        let why = match Store::checksum_of(&path) {
            Ok(checksum) if checksum == self.checksum => return Ok(()),
            Ok(_) => format!("{} is not the one that the journal speaks of", path.display()),
            Err(error) if files::is_missing(&error) => format!("{} is not there any more", path.display()),
            Err(error @ (Error::Weights(_) | Error::File(_))) => error.to_string(),
            Err(error) => return Err(error),
        };
        self.shop.observer.say(&format!("{why}; the search is over and goes on without it"));
        Ok(())
    }

    /// Its parameters: from its file; where that is lost or damaged, trained once more, which gives the same.
    pub fn params(&self) -> Result<&B::Params> {
        if let Some(params) = self.params.get() {
            return Ok(params);
        }
        let path = self.shop.dir().file(SUPERNET);
        let (mut store, regime, _) = plan(self.job, self.data)?;
        let loaded = match store.load(&path, &self.shop.label(&self.name, regime.steps)) {
            Ok(kept) if kept.checksum == self.checksum => Ok(()),
            Ok(_) => Err(format!("{} is not the one that the journal speaks of", path.display())),
            Err(error) if files::is_missing(&error) => Err(format!("{} is not there any more", path.display())),
            Err(error @ (Error::Weights(_) | Error::File(_))) => Err(error.to_string()),
            Err(error) => return Err(error),
        };
        let params = match loaded {
            Ok(()) => self.shop.backend.load(store)?,
            Err(why) => {
                self.shop.observer.say(&format!("{why}; the supernet is trained once more"));
                let made = make(self.shop, self.job, self.data, &self.name)?;
                if made.checksum != self.checksum {
                    return Err(RunError::OtherMachine { path }.into());
                }
                self.shop.dir().sweep(&self.name, None)?;
                made.params
            }
        };
        Ok(self.params.get_or_init(|| params))
    }
}

struct Made<P> {
    params: P,
    checksum: String,
    curve: crate::run::Curve,
    steps: u64,
}

/// A store with nothing learnt, and what it is to be trained by, on which batches.
fn plan(job: &Job, data: &Arc<Dataset>) -> Result<(Store, Regime, Arc<Batches>)> {
    let recipe = &job.recipe.train;
    let keep = Keep::for_optimiser(recipe.optimiser, job.recipe.embeddings.storage);
    let store = Store::kept(job.space.params().iter().map(ParamDef::from), job.seed_of(NAME), keep)?;
    let rows = data.part(Part::Train).clone();
    let batches = Batches::shuffled(Arc::clone(data), rows, recipe.batch, &job.streams(), "supernet/batches")?;
    let regime = Regime {
        steps: recipe.epochs * batches.per_epoch(),
        optimiser: recipe.optimiser,
        warmup: recipe.warmup,
        schedule: recipe.schedule,
        clip: recipe.clip,
        l2: job.recipe.embeddings.l2,
        ema: None,
    };
    Ok((store, regime, Arc::new(batches)))
}

/// Trains it, and writes it down.
fn make<B: Backend>(shop: Workshop<'_, B>, job: &Job, data: &Arc<Dataset>, name: &str) -> Result<Made<B::Params>> {
    let (store, regime, batches) = plan(job, data)?;
    let paths = paths::of(&job.recipe.train);
    let streams = job.streams();
    let mut programs = Programs::new(job, shop.backend);
    let title = match name.strip_prefix(NAME) {
        Some("") | None => "train supernet".to_owned(),
        Some(variant) => format!("train supernet {}", variant.trim_start_matches('-')),
    };
    let title = title.as_str();
    let training = Training { name, noise: NAME, title, regime: &regime, label_smoothing: 0.0, positive_weight: 1.0 };
    let distill = job.recipe.train.distill;
    let Trained { params, curve, given_up, .. } =
        fit(shop, &training, None, store, &batches, |step, params, batch| {
            let step = paths::Step { at: step, of: regime.steps, streams };
            let path = paths.path(&job.space, step);
            if distill > 0.0
                && let Some(teacher) = paths.teacher(&job.space, step).filter(|teacher| *teacher != path)
            {
                programs.teach(teacher, distill, params, batch)?;
            }
            programs.training(path)
        })?;
    if let Some(step) = given_up {
        let remedy = match regime.clip {
            Some(_) => "lower the learning rate, or look for numbers far from 0 in the data",
            None => "lower the learning rate or turn clipping on",
        };
        return Err(RunError::Diverged { title: title.to_owned(), step, steps: MAX_DIVERGED, remedy }.into());
    }
    shop.dir().still_here()?;
    let path = shop.dir().file(SUPERNET);
    let checksum = shop.backend.save(&params)?.save(&path, &shop.label(name, regime.steps), "")?;
    Ok(Made { params, checksum, curve, steps: regime.steps })
}
