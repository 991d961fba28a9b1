//! Tests that the planted interactions can be learnt from few rows: a factorisation machine finds them, a logistic
//! regression cannot.

use nasrec_compiler::recipe::{Source, Synthetic};
use nasrec_compiler::schema::{DenseColumn, Schema, SparseColumn, Table, Type};

use super::noise::sigmoid;
use crate::data::dataset::testing::recipe;
use crate::data::{Batch, Dataset, Part};
use crate::train::Attainable;
use crate::{Silent, Stop};

/// Values that leave a model room to show what it can do: recommended for measurements.
pub(super) fn defaults(rows: u64) -> Synthetic {
    Synthetic { rows, seed: 1, linear: 0.7, pairwise: 1.5, higher: 0.4, noise: 0.4, tail: 1.2, click_rate: 0.25 }
}

pub(super) fn schema(dense: usize, sparse: usize, rows: usize) -> Schema {
    let number = |index| DenseColumn::new(format!("I{index}"), Vec::new());
    let field = |index| SparseColumn::new(format!("C{index}"), Type::Int, Table::Modulo, rows);
    Schema::tsv("synthetic", "click", (1..=dense).map(number).collect(), (1..=sparse).map(field).collect())
}

const RANK: usize = 8;

/// A factorisation machine over one feature a numeric column and one a category, by Adagrad; with `pairs` off it is a
/// logistic regression.
struct Machine {
    pairs: bool,
    offsets: Vec<usize>,
    /// A feature's weight, then its vector; the first feature is the bias.
    weights: Vec<[f32; 1 + RANK]>,
    squares: Vec<[f32; 1 + RANK]>,
}

impl Machine {
    fn new(schema: &Schema, pairs: bool) -> Self {
        let mut offsets = vec![1 + schema.dense.len()];
        schema.sparse.iter().for_each(|column| offsets.push(offsets[offsets.len() - 1] + column.rows));
        let features = offsets[offsets.len() - 1];
        // Any small, varied start will do.
        let start = |feature: usize, k: usize| 0.1 * (((feature * 31 + k * 17) as f32) * 0.7).sin();
        let weights = (0..features)
            .map(|feature| std::array::from_fn(|k| if k == 0 || feature == 0 { 0.0 } else { start(feature, k) }));
        Self { pairs, weights: weights.collect(), squares: vec![[1e-2; 1 + RANK]; features], offsets }
    }

    fn features(&self, batch: &Batch, row: usize) -> Vec<(usize, f32)> {
        let numbers = batch.numeric.iter().skip(row).step_by(batch.rows).enumerate();
        let ids = batch.ids.iter().skip(row).step_by(batch.rows).enumerate();
        std::iter::once((0, 1.0))
            .chain(numbers.map(|(index, &value)| (1 + index, 0.5 * (value - 1.5))))
            .chain(ids.map(|(field, &id)| (self.offsets[field] + id as usize, 1.0)))
            .collect()
    }

    fn score(&self, features: &[(usize, f32)]) -> (f32, [f32; RANK]) {
        let (mut score, mut sums) = (0.0, [0.0; RANK]);
        for &(feature, x) in features {
            let weights = &self.weights[feature];
            score += weights[0] * x;
            for k in 0..if self.pairs { RANK } else { 0 } {
                let part = weights[1 + k] * x;
                sums[k] += part;
                score -= 0.5 * part * part;
            }
        }
        (score + sums.iter().map(|sum| 0.5 * sum * sum).sum::<f32>(), sums)
    }

    fn train(&mut self, batch: &Batch, rate: f32) {
        for row in 0..batch.rows {
            let features = self.features(batch, row);
            let (score, sums) = self.score(&features);
            let slope = sigmoid(f64::from(score)) as f32 - batch.labels[row];
            for (feature, x) in features {
                let (weights, squares) = (&mut self.weights[feature], &mut self.squares[feature]);
                for k in 0..if self.pairs { 1 + RANK } else { 1 } {
                    let inner = if k == 0 { 1.0 } else { sums[k - 1] - weights[k] * x };
                    let gradient = slope * x * inner;
                    squares[k] += gradient * gradient;
                    weights[k] -= rate * gradient / squares[k].sqrt();
                }
            }
        }
    }

    fn log_loss(&self, batch: &Batch) -> f64 {
        let loss = |row| {
            let p = sigmoid(f64::from(self.score(&self.features(batch, row)).0));
            -(if batch.labels[row] == 1.0 { p } else { 1.0 - p }).ln()
        };
        (0..batch.rows).map(loss).sum::<f64>() / batch.rows as f64
    }
}

/// The best validation log loss over a few epochs.
fn learn(dataset: &Dataset, schema: &Schema, pairs: bool) -> f64 {
    let train = dataset.batch(dataset.part(Part::Train)).expect("readable");
    let validation = dataset.batch(dataset.part(Part::Validation)).expect("readable");
    let mut machine = Machine::new(schema, pairs);
    let epoch = |_| {
        machine.train(&train, 0.05);
        machine.log_loss(&validation)
    };
    (0..6).map(epoch).fold(f64::MAX, f64::min)
}

#[test]
#[cfg_attr(debug_assertions, ignore = "slow unless optimised")]
fn interactions_can_be_learnt_from_a_hundred_thousand_rows() {
    let mut schema = schema(8, 12, 50);
    schema
        .sparse
        .iter_mut()
        .zip([50, 100, 200, 1000].into_iter().cycle())
        .for_each(|(column, rows)| column.rows = rows);
    let folder = tempfile::tempdir().expect("a folder");
    let recipe = recipe(Source::Synthetic(defaults(100_000)));
    let cache = folder.path().join("cache");
    let dataset =
        Dataset::prepare(&schema, &recipe, folder.path(), &cache, &Silent, &Stop::new()).expect("sound parameters");
    let attainable =
        Attainable::of(&dataset, dataset.part(Part::Validation)).expect("readable").expect("the data is synthetic");
    let (linear, machine) = (learn(&dataset, &schema, false), learn(&dataset, &schema, true));
    let found = format!("linear {linear:.4}, machine {machine:.4}, {attainable:?}");
    assert!(linear < attainable.base_rate_log_loss - 0.02, "{found}");
    assert!(machine < linear - 0.025, "{found}");
    assert!(attainable.log_loss < machine - 0.005, "{found}");
}
