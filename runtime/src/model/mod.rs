//! A model: everything that it takes to go from rows of a table to click probabilities, and what is known of it.
//!
//! Lives here: what a model is, its directory, what it says of batches, and what it is as a module of candle's (`network`). Never: how one was found or trained (`search`),
//! or what was run (`run`).
//!
//! A model is complete. Its directory alone predicts, on another machine, without the space, the table or the run: the
//! schema says how columns are read and encoded, the plan what is computed, the weights with which numbers. Everything in it
//! is vouched for by checksums.

mod compact;
mod directory;
mod folded;
mod heads;
mod network;
mod ready;
#[cfg(test)]
mod tests;

use nasrec_compiler::plan::{Head, Plan};
use nasrec_compiler::recipe::Storage;
use nasrec_compiler::schema::Schema;
use serde::{Deserialize, Serialize};

pub use crate::error::ModelError;
pub use directory::Tables;
pub use network::{Config, Network};
pub(crate) use ready::probability;
pub use ready::{Ready, Rows};

use crate::Result;
use crate::backend::{Backend, Task};
use crate::data::{Batch, Encoder};
use crate::supernet::Store;
use crate::train::{Figures, Metrics, OfHead, Scaling, Scores, scores};

/// A trained model.
#[derive(Clone, Debug)]
pub struct Model {
    /// What it is called, such as `best-1`.
    pub name: String,
    /// The columns of its table, and how each is encoded.
    schema: Schema,
    /// What the schema learnt of the training rows, where it learns something.
    encoder: Option<Encoder>,
    /// What it computes; every parameter is stored at the shape that it has here.
    plan: Plan,
    store: Store,
    /// The seed of the rows of tables that no training touched: they are drawn, not stored.
    seed: u64,
    /// What is done to its logits, where it is calibrated.
    scaling: Option<Scaling>,
    /// What is known of it.
    pub evidence: Evidence,
}

/// What is known of a model: where it comes from, and how good it was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The search that found it.
    pub search: Option<String>,
    /// A hash of the run that it comes from: of its sources, its recipe and the version of nasrecc.
    pub run: Option<String>,
    /// A hash of every row that it could be trained or judged on.
    pub data: Option<String>,
    /// With the supernet's weights, on the validation part.
    pub in_supernet: Option<Figures>,
    /// Trained on the training part, on the validation part: what it was chosen by.
    pub validation: Option<Figures>,
    /// As it is, trained on both, on the test part.
    pub test: Option<Figures>,
    /// The same on other labels than the first, where it predicts several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<OfHead>,
}

impl Model {
    /// A model of weights that were drawn with `seed` for a plan on its own ([`Plan::standalone`]), and trained since.
    ///
    /// # Errors
    /// The plan, the weights, the schema and what it learnt do not fit together.
    pub fn new(
        name: &str,
        (schema, encoder): (Schema, Option<Encoder>),
        plan: Plan,
        store: Store,
        seed: u64,
        evidence: Evidence,
    ) -> Result<Self> {
        if schema.is_fitted() != encoder.is_some() {
            let what = format!("schema {} learns from training rows, and nothing that it learnt is there", schema.name);
            return Err(ModelError::Unfit { what }.into());
        }
        directory::check(&plan, &schema)?;
        store.check(&plan)?;
        Ok(Self { name: name.to_owned(), schema, encoder, plan, store, seed, scaling: None, evidence })
    }

    /// The same, with outputs that are calibrated.
    #[must_use]
    pub fn calibrated(self, scaling: Option<Scaling>) -> Self {
        Self { scaling, ..self }
    }

    /// The same with other weights, and with what is known of these.
    ///
    /// # Errors
    /// They are of another plan.
    pub(crate) fn with_weights(self, store: Store, evidence: Evidence) -> Result<Self> {
        store.check(&self.plan)?;
        Ok(Self { store, evidence, ..self })
    }

    /// The same with the values of its embedding tables in fewer bits. What is known of how good it is was found out with all of them, and is
    /// left out.
    ///
    /// # Errors
    /// They are stored so already, or in fewer.
    pub fn quantised(self, tables: Storage) -> Result<Self> {
        let storage = self.store.kept_as().storage;
        if storage.bits() <= tables.bits() {
            return Err(ModelError::Quantised { storage: storage.name(), asked: tables.name() }.into());
        }
        let Evidence { search, run, data, .. } = self.evidence;
        let evidence = Evidence { search, run, data, ..Evidence::default() };
        Ok(Self { store: self.store.stored_as(tables), evidence, ..self })
    }

    /// What is done to the logits of its plan before they are probabilities, where it is calibrated.
    pub fn scaling(&self) -> Option<Scaling> {
        self.scaling
    }

    /// The columns of its table, and how each is encoded.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// What its schema learnt of the training rows, where it learns something.
    pub fn encoder(&self) -> Option<&Encoder> {
        self.encoder.as_ref()
    }

    /// What it computes.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Its weights.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The click probability of each sample, batch after batch. Labels are not looked at.
    ///
    /// # Errors
    /// A batch does not fit the schema, or cannot be read.
    pub fn predict(
        &self,
        backend: &impl Backend,
        batches: impl IntoIterator<Item = Result<Batch>>,
    ) -> Result<Vec<f32>> {
        let logits = self.scores(backend, batches)?.logits;
        Ok(logits.into_iter().map(probability).collect())
    }

    /// How good it is on labelled batches.
    ///
    /// # Errors
    /// A batch does not fit the schema, or cannot be read.
    pub fn evaluate(
        &self,
        backend: &impl Backend,
        batches: impl IntoIterator<Item = Result<Batch>>,
    ) -> Result<Metrics> {
        Ok(self.scores(backend, batches)?.metrics())
    }

    /// What it says of the first label of batches, calibrated where it is.
    fn scores(&self, backend: &impl Backend, batches: impl IntoIterator<Item = Result<Batch>>) -> Result<Scores> {
        let program = backend.compile(Task::evaluating(self.plan.clone())?)?;
        let params = backend.load(self.store.clone())?;
        let copies = backend.copies(&program, &params)?;
        let mut each = scores(backend, &program, &copies, &params, batches)?;
        Ok(each.swap_remove(Head::main(&self.plan.heads)).scaled(self.scaling))
    }
}
