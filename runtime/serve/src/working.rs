//! A model at work: threads of its own, each of which encodes the rows of many requests, has them computed together, and hands out what came
//! of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::{self, Builder, JoinHandle};
use std::time::{Duration, Instant};

use nasrec_runtime::backend::{Backend, Tiled};
use nasrec_runtime::data::{Arriving, Intake};
use nasrec_runtime::model::{Model, Ready, Tables};

use crate::error::{Error, Result};
use crate::inputs::{Inputs, shown};
use crate::metrics::Metrics;
use crate::queue::{Job, Queue};
use crate::refusal::Refusal;

/// Threads that take the batches of one model.
const MOST_THREADS: usize = 4;

/// A model that answers, as long as somebody holds it.
pub struct Working {
    /// What tells it from any other: the beginning of its checksum.
    pub version: String,
    /// What it reads.
    pub inputs: Inputs,
    /// What its probabilities are called.
    pub outputs: Vec<String>,
    /// Where rows wait for it.
    pub queue: Arc<Queue>,
    /// What there is to know of it.
    pub about: About,
    thread: Option<JoinHandle<()>>,
}

/// What there is to know of a model.
#[derive(Clone, Debug)]
pub struct About {
    /// What it is called in its own record.
    pub name: String,
    /// The schema of its rows.
    pub schema: String,
    /// The hash of what it computes.
    pub plan: String,
}

/// How a model works.
#[derive(Clone)]
pub struct How {
    /// What it computes with.
    pub backend: Arc<Tiled>,
    /// See [`crate::Settings::tables`].
    pub tables: Tables,
    /// See [`crate::Settings::fold_norms`].
    pub fold_norms: bool,
    /// See [`crate::Settings::most`].
    pub most: usize,
    /// See [`crate::Settings::wait`].
    pub wait: Duration,
    /// See [`crate::Settings::waiting`].
    pub waiting: usize,
    /// What is counted of it.
    pub metrics: Arc<Metrics>,
    /// What people are told.
    pub tell: Arc<dyn Fn(&str) + Send + Sync>,
}

impl Working {
    /// Has a model begin its work.
    ///
    /// # Errors
    /// There is no memory for it, or no thread.
    pub fn begin(model: Model, version: String, how: How) -> Result<Self> {
        let arriving = Arriving::new(model.schema())?;
        let inputs = Inputs::new(model.schema(), arriving.columns());
        let outputs = model.probability_names();
        let (name, schema, plan) =
            (model.name.clone(), model.schema().name.clone(), model.plan().fingerprint().to_string());
        let queue = Arc::new(Queue::new(how.waiting));
        let (own, known) = (Arc::clone(&queue), inputs.clone());
        let (told, ready) = sync_channel(1);
        let work = move || {
            let backend = Arc::clone(&how.backend);
            match model.ready(&*backend) {
                Err(error) => drop(told.send(Err(error))),
                Ok(model) => {
                    drop(told.send(Ok(())));
                    let work = Work { model, arriving: &arriving, inputs: &known, how: &how };
                    // While one computes another encodes; and where batches are small each is one thread's work.
                    thread::scope(|scope| {
                        for _ in 1..backend.threads().min(MOST_THREADS) {
                            let other = Builder::new().name("model".to_owned()).spawn_scoped(scope, || work.work(&own));
                            // Where no more threads are to be had, fewer do as well.
                            let _running = other;
                        }
                        work.work(&own);
                    });
                }
            }
        };
        let thread = Builder::new().name("model".to_owned()).spawn(work).map_err(Error::Thread)?;
        // One that ended without a word has panicked, which it told itself.
        ready.recv().map_err(|_| Error::Thread(std::io::Error::other("it ended")))??;
        Ok(Self { version, inputs, outputs, queue, about: About { name, schema, plan }, thread: Some(thread) })
    }

    /// Waits until everything that was asked of it is done.
    pub fn end(mut self) {
        self.queue.close();
        // What panicked was told.
        let _ended = self.thread.take().map(JoinHandle::join);
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.queue.close();
    }
}

struct Work<'w> {
    model: Ready<'w, Tiled>,
    arriving: &'w Arriving,
    inputs: &'w Inputs,
    how: &'w How,
}

impl Work<'_> {
    fn work(&self, queue: &Queue) {
        let intake = || self.arriving.intake(self.model.encoder());
        let (mut rows, mut jobs) = (intake(), Vec::new());
        while queue.take(self.how.most, self.how.wait, &mut jobs) {
            let done = catch_unwind(AssertUnwindSafe(|| self.answer(&mut rows, &mut jobs)));
            if done.is_err() {
                // Whoever waits learns of it by their answer being dropped.
                rows = intake();
                jobs.clear();
                (self.how.tell)("a batch could not be computed, which is a bug of nasrecc; the server goes on");
            }
        }
    }

    /// Answers requests. Their order in the batch does not matter to what is said of them.
    fn answer(&self, rows: &mut Intake, jobs: &mut Vec<Job>) {
        let now = Instant::now();
        jobs.retain_mut(|job| !job.reply.is_closed() && job.until > now);
        let mut sound = Vec::with_capacity(jobs.len());
        for job in jobs.drain(..) {
            match rows.add(job.rows, |column, row| job.columns[column].given(row)) {
                Ok(()) => sound.push(job),
                Err(wrong) => {
                    let name = shown(&self.inputs.all[wrong.column].name);
                    let (row, found, expected) = (wrong.row, wrong.found, wrong.expected);
                    let message = format!("row {row}, column {name}: found {found}, expected {expected}");
                    // Who waits no longer need not be told.
                    let _heard = job.reply.send(Err(Refusal::bad(message)));
                }
            }
        }
        if sound.is_empty() {
            return;
        }
        let batch = rows.batch();
        self.how.metrics.batches.add(batch.rows as u64);
        match self.model.probabilities(&batch) {
            Ok(probabilities) => {
                let mut first = 0;
                for job in sound {
                    let each = probabilities.chunks_exact(batch.rows).map(|all| &all[first..][..job.rows]);
                    let own: Vec<f32> = each.flatten().copied().collect();
                    first += job.rows;
                    let answer = match own.iter().position(|probability| !probability.is_finite()) {
                        None => Ok(own),
                        Some(at) => Err(Refusal::of(
                            500,
                            format!("row {}: the model says no number, as its weights are none", at % job.rows),
                        )),
                    };
                    let _heard = job.reply.send(answer);
                }
            }
            Err(error) => {
                let refusal = Refusal::of(500, error.to_string());
                sound.into_iter().for_each(|job| drop(job.reply.send(Err(refusal.clone()))));
            }
        }
    }
}
