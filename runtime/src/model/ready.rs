//! A model whose plan is compiled and whose weights are where they are computed with.

use std::path::Path;

use super::{Evidence, Model};
use crate::backend::{Backend, Task};
use crate::data::{Asked, Batch, Encoder, Located, Malformed, Portion, Unreadable, stream};
use crate::elementary::logistic;
use crate::train::{Scaling, Scores};
use crate::{Observer, Result, Stop};
use nasrec_compiler::plan::Head;
use nasrec_compiler::schema::Schema;

/// Rows that are read and computed together: tiles for a few threads, and little memory.
const TOGETHER: usize = 4096;

/// A model that is ready to say what it predicts.
pub struct Ready<'b, B: Backend> {
    backend: &'b B,
    program: B::Program,
    copies: B::Copies,
    params: B::Params,
    schema: Schema,
    encoder: Option<Encoder>,
    scaling: Option<Scaling>,
    heads: Vec<Head>,
    /// What the model is called.
    pub name: String,
    /// What is known of it.
    pub evidence: Evidence,
}

/// Which rows a model is to look at.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// Where they are.
    pub located: &'a [Located],
    /// See [`Asked::keep`].
    pub keep: &'a [String],
    /// See [`Asked::stored`].
    pub stored: bool,
    /// What becomes of a row that cannot be read.
    pub unreadable: Unreadable,
}

impl Model {
    /// Brings its weights to where a backend computes.
    ///
    /// # Errors
    /// The backend has no memory for them.
    pub fn ready<B: Backend>(self, backend: &B) -> Result<Ready<'_, B>> {
        let Self { name, schema, encoder, plan, store, scaling, evidence, .. } = self;
        let heads = plan.heads.clone();
        let program = backend.compile(Task::evaluating(plan)?)?;
        let params = backend.load(store)?;
        let copies = backend.settled(&program, &params)?;
        Ok(Ready { backend, program, copies, params, schema, encoder, scaling, heads, name, evidence })
    }

    /// The directory of a model: the one that is named, or that of the best model where it is a run's.
    pub fn directory(path: &Path) -> std::path::PathBuf {
        let best = path.join("best");
        let is_model = |path: &Path| path.join(super::directory::RECORD).is_file();
        if !is_model(path) && (is_model(&best) || path.join("run.json").is_file()) { best } else { path.to_owned() }
    }
}

impl<B: Backend> Ready<'_, B> {
    /// The columns of its table, and how each is encoded.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// What its schema learnt of the training rows, where it learns something.
    pub fn encoder(&self) -> Option<&Encoder> {
        self.encoder.as_ref()
    }

    /// What each of its logits is of.
    pub fn heads(&self) -> &[Head] {
        &self.heads
    }

    /// The probability of each sample, `[heads, rows]`.
    ///
    /// # Errors
    /// The batch does not fit the schema.
    pub fn probabilities(&self, batch: &Batch) -> Result<Vec<f32>> {
        let mut logits = self.logits(batch)?;
        logits.iter_mut().for_each(|logit| *logit = probability(*logit));
        Ok(logits)
    }

    /// The logit of each sample, `[heads, rows]`, calibrated where the model is.
    ///
    /// # Errors
    /// The batch does not fit the schema.
    pub fn logits(&self, batch: &Batch) -> Result<Vec<f32>> {
        let mut each = self.backend.logits(&self.program, &self.copies, &self.params, batch)?;
        let mut logits = if each.len() == 1 { each.swap_remove(0) } else { each.concat() };
        if let Some(scaling) = self.scaling {
            logits.iter_mut().for_each(|logit| *logit = scaling.of(*logit));
        }
        Ok(logits)
    }

    /// Gives the probability of every row of a table, `[heads, rows]`, to `each`, some rows at a time and in their order, in constant memory. Labels need
    /// not be there.
    ///
    /// # Errors
    /// Those of [`stream`].
    pub fn predict(
        &self,
        rows: Rows,
        observer: &dyn Observer,
        stop: &Stop,
        mut each: impl FnMut(&Portion, &[f32]) -> Result<()>,
    ) -> Result<Malformed> {
        let make = |portion: &mut Portion, probabilities| (std::mem::take(portion), probabilities);
        self.predict_as(rows, observer, stop, make, |(portion, probabilities): (Portion, Vec<f32>)| {
            each(&portion, &probabilities)
        })
    }

    /// The same; `make` makes of the rows, of which it may take what it needs, and their probabilities what `each` is given, on several
    /// threads.
    ///
    /// # Errors
    /// Those of [`stream`].
    pub fn predict_as<T: Send>(
        &self,
        rows: Rows,
        observer: &dyn Observer,
        stop: &Stop,
        make: impl Fn(&mut Portion, Vec<f32>) -> T + Sync,
        each: impl FnMut(T) -> Result<()>,
    ) -> Result<Malformed> {
        let make = |portion: &mut Portion| {
            let probabilities = self.probabilities(&portion.batch)?;
            Ok(make(portion, probabilities))
        };
        stream(&self.asked(rows, false), observer, stop, (self.backend.threads(), make), each)
    }

    /// What it says of all rows of a table, and what came true: of each of its heads.
    ///
    /// # Errors
    /// Those of [`stream`].
    pub fn scores(&self, rows: Rows, observer: &dyn Observer, stop: &Stop) -> Result<(Vec<Scores>, Malformed)> {
        let mut scores = vec![Scores::default(); self.heads.len()];
        let make = |portion: &mut Portion| {
            let logits = self.logits(&portion.batch)?;
            let Batch { rows, labels, groups, .. } = &mut portion.batch;
            Ok((*rows, logits, std::mem::take(labels), std::mem::take(groups)))
        };
        let asked = self.asked(rows, true);
        let each = |(rows, logits, labels, groups): (usize, Vec<f32>, Vec<f32>, Vec<u64>)| {
            for ((scores, head), logits) in scores.iter_mut().zip(&self.heads).zip(logits.chunks_exact(rows)) {
                scores.logits.extend_from_slice(logits);
                scores.labels.extend_from_slice(&labels[head.label * rows..][..rows]);
                scores.groups.extend_from_slice(&groups);
            }
            Ok(())
        };
        let malformed = stream(&asked, observer, stop, (self.backend.threads(), make), each)?;
        Ok((scores, malformed))
    }

    fn asked<'a>(&'a self, rows: Rows<'a>, labelled: bool) -> Asked<'a> {
        let Rows { located, keep, stored, unreadable } = rows;
        let (schema, encoder) = (&self.schema, self.encoder.as_ref());
        Asked { schema, encoder, located, keep, stored, labelled, unreadable, rows: TOGETHER }
    }
}

/// What a logit says.
pub(crate) fn probability(logit: f32) -> f32 {
    logistic(f64::from(logit)) as f32
}
