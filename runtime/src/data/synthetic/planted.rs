//! The planted logit: columns alone, pairs and triples of columns, each part scaled to its standard deviation.

use std::ops::Range;

use nasrec_compiler::recipe::Synthetic;
use nasrec_compiler::schema::Schema;
use nasrec_compiler::streams::{Streams, at};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use super::columns::{Columns, Seen};
use super::hidden::{ALONE, Effects, Hidden, PAIR, TRIPLE};
use super::noise::{Noise, sigmoid};
use crate::data::batch::EMPTY;
use crate::data::rows::shuffle;

/// Rows that means and deviations are measured on; a stream of their own, so they are no rows of the table.
const SAMPLE: u64 = 20_000;

/// A planted click model over the columns of a schema.
#[derive(Debug)]
pub(super) struct Planted {
    key: [u8; 32],
    columns: Columns,
    hidden: Hidden,
    /// Numbers act in proportion to their standard score, by these effects.
    numbers: Vec<Loading>,
    /// Mean effects of each field, taken off so that a pair is no column acting alone in disguise.
    means: Vec<Effects>,
    terms: Vec<Term>,
    /// What the labels beside the first are made of.
    others: Vec<Other>,
    /// Of each field the places that a record has for it.
    slots: Vec<usize>,
    bias: f64,
    deviation: f64,
    noise: Noise,
}

/// A label beside the first: as far as [`RELATED`] it hangs on what that hangs on, and else on terms of its own.
#[derive(Debug)]
struct Other {
    terms: Vec<Term>,
    bias: f64,
}

/// The correlation of the logit of another label with that of the first.
const RELATED: f64 = 0.6;

#[derive(Debug)]
struct Loading {
    mean: f64,
    deviation: f64,
    effects: Effects,
}

/// `weight * (sum over components of the product over columns of the columns' effects - centre)`
#[derive(Debug)]
struct Term {
    /// Numeric columns first, then fields.
    columns: Vec<usize>,
    components: Range<usize>,
    weight: f64,
    centre: f64,
}

impl Term {
    fn new(columns: Vec<usize>, components: Range<usize>) -> Self {
        Self { columns, components, weight: 1.0, centre: 0.0 }
    }

    fn value(&self, effects: &[Effects]) -> f64 {
        let product = |component: usize| self.columns.iter().map(|&column| effects[column][component]).product::<f64>();
        self.weight * (self.components.clone().map(product).sum::<f64>() - self.centre)
    }
}

impl Planted {
    /// The schema's tables have at least two rows, the parameters are checked.
    pub fn new(schema: &Schema, parameters: &Synthetic) -> Self {
        let (whole, mut read) = (schema, schema.clone());
        read.sparse.retain(|column| !column.is_crossed());
        let schema = &read;
        let streams = Streams::new(parameters.seed);
        let columns = Columns::new(schema, parameters.tail, &streams);
        let hidden = Hidden::new(schema, &streams);
        let key = streams.key("synthetic/sample");
        let sample: Vec<Seen> =
            (0..SAMPLE).into_par_iter().map(|index| columns.draw(&hidden, &mut at(key, index))).collect();

        let numbers = (0..schema.dense.len()).map(|index| {
            let (mean, deviation) = moments(sample.iter().map(|seen| f64::from(seen.numeric[index])));
            let mut rng = streams.rng("synthetic/loadings", index as u64);
            Loading { mean, deviation, effects: std::array::from_fn(|_| StandardNormal.sample(&mut rng)) }
        });
        let means = (0..schema.sparse.len()).map(|field| {
            let mut mean = Effects::default();
            for seen in &sample {
                let effects = hidden.together(field, seen.of(field));
                mean.iter_mut().zip(effects).for_each(|(mean, effect)| *mean += effect / SAMPLE as f64);
            }
            mean
        });
        let mut planted = Self {
            key: streams.key("synthetic/rows"),
            numbers: numbers.collect(),
            means: means.collect(),
            columns,
            hidden,
            terms: Vec::new(),
            others: Vec::new(),
            slots: schema.sparse.iter().map(|column| column.slots()).collect(),
            bias: 0.0,
            deviation: parameters.noise,
            noise: Noise::new(parameters.noise),
        };
        let effects: Vec<Vec<Effects>> = sample.par_iter().map(|seen| planted.effects(seen)).collect();
        let terms_of = |label: u64| {
            let all = schema.dense.len() + schema.sparse.len();
            let parts = [
                ((0..all).map(|column| Term::new(vec![column], ALONE)).collect(), parameters.linear, "alone"),
                (pairs(whole, &streams, label), parameters.pairwise, "pairs"),
                (triples(all, &streams, label), parameters.higher, "triples"),
            ];
            let mut all = Vec::new();
            for (mut terms, deviation, name) in parts {
                let name = if label == 0 { name.to_owned() } else { format!("{name}/{label}") };
                scale(&mut terms, &effects, deviation, &streams, &name);
                all.extend(terms);
            }
            all
        };
        planted.terms = terms_of(0);
        let logits: Vec<f64> = effects.par_iter().map(|effects| planted.logit(effects)).collect();
        planted.bias = bias(&logits, &planted.noise, parameters.click_rate);
        for label in 1..=schema.other_labels.len() as u64 {
            let mut other = Other { terms: terms_of(label), bias: 0.0 };
            let logit = |(effects, &first): (&Vec<Effects>, &f64)| other.logit(effects, first);
            let of_label: Vec<f64> = effects.par_iter().zip(&logits).map(logit).collect();
            other.bias = bias(&of_label, &planted.noise, parameters.click_rate);
            planted.others.push(other);
        }
        planted
    }

    /// The records of these rows.
    pub fn records(&self, rows: Range<u64>) -> Vec<u8> {
        let mut records = Vec::new();
        for row in rows {
            let mut rng = at(self.key, row);
            let seen = self.columns.draw(&self.hidden, &mut rng);
            let effects = self.effects(&seen);
            let logit = self.logit(&effects);
            let mut comes_true = |logit: f64| {
                let unseen: f64 = StandardNormal.sample(&mut rng);
                u8::from(rng.random::<f64>() < sigmoid(logit + self.deviation * unseen))
            };
            let click = comes_true(logit);
            let others = self.others.iter().map(|other| comes_true(other.logit(&effects, logit - self.bias)));
            let others: Vec<u8> = others.collect();
            seen.numeric.iter().for_each(|value| records.extend_from_slice(&value.to_le_bytes()));
            for (field, &slots) in self.slots.iter().enumerate() {
                let ids = seen.of(field).chain(std::iter::repeat(EMPTY));
                ids.take(slots).for_each(|id| records.extend_from_slice(&id.to_le_bytes()));
            }
            records.extend_from_slice(&(self.noise.probability(logit) as f32).to_le_bytes());
            records.extend(others);
            records.push(click);
        }
        records
    }

    /// Of every column, numeric ones first.
    fn effects(&self, seen: &Seen) -> Vec<Effects> {
        let numbers = self.numbers.iter().zip(&seen.numeric).map(|(loading, &value)| {
            let score = (f64::from(value) - loading.mean) / loading.deviation.max(1e-9);
            loading.effects.map(|effect| effect * score)
        });
        let fields = self.means.iter().enumerate().map(|(field, mean)| {
            let effects = self.hidden.together(field, seen.of(field));
            std::array::from_fn(|component| effects[component] - mean[component])
        });
        numbers.chain(fields).collect()
    }

    fn logit(&self, effects: &[Effects]) -> f64 {
        self.bias + self.terms.iter().map(|term| term.value(effects)).sum::<f64>()
    }
}

impl Other {
    /// `first`: the logit of the first label, without its bias.
    fn logit(&self, effects: &[Effects], first: f64) -> f64 {
        let own = self.terms.iter().map(|term| term.value(effects)).sum::<f64>();
        self.bias + RELATED * first + (1.0 - RELATED * RELATED).sqrt() * own
    }
}

/// Half as many pairs as columns: bags with the columns whose tables they share, the first two of columns that are crossed, then of all
/// kinds in turn, a number and a category, two categories, two numbers.
fn pairs(schema: &Schema, streams: &Streams, label: u64) -> Vec<Term> {
    let read = schema.sparse.iter().filter(|column| !column.is_crossed()).count();
    let (dense, all) = (schema.dense.len(), schema.dense.len() + read);
    let bags = schema.sparse.iter().enumerate().filter(|(_, column)| column.list.is_some() && column.same.is_some());
    let mut terms: Vec<Term> =
        bags.map(|(field, _)| Term::new(vec![dense + schema.owner(field), dense + field], PAIR)).collect();
    let crossed = (0..schema.sparse.len()).map(|field| schema.crossed(field)).filter(|of| of.len() > 1);
    terms.extend(crossed.map(|of| Term::new(vec![dense + of[0].min(of[1]), dense + of[0].max(of[1])], PAIR)));
    let mut left: Vec<(usize, usize)> = (0..all).flat_map(|a| (a + 1..all).map(move |b| (a, b))).collect();
    let mut order: Vec<u32> = (0..left.len() as u32).collect();
    shuffle(&mut order, &mut streams.rng("synthetic/pairs", label));
    left = order.into_iter().map(|index| left[index as usize]).collect();
    left.retain(|&(a, b)| terms.iter().all(|term| term.columns != [a, b]));
    let numbers = |&(a, b): &(usize, usize)| usize::from(a < dense) + usize::from(b < dense);
    for wanted in [1, 0, 1, 0, 2].into_iter().cycle().take(all.div_ceil(2).saturating_sub(terms.len())) {
        if left.is_empty() {
            break;
        }
        // Where a schema has none left of one kind, any other will do.
        let (a, b) = left.remove(left.iter().position(|pair| numbers(pair) == wanted).unwrap_or(0));
        terms.push(Term::new(vec![a, b], PAIR));
    }
    terms
}

/// Disjoint triples of columns, a sixth as many as columns but at least one where there are three columns.
fn triples(all: usize, streams: &Streams, label: u64) -> Vec<Term> {
    let mut order: Vec<u32> = (0..all as u32).collect();
    shuffle(&mut order, &mut streams.rng("synthetic/triples", label));
    let chosen = order.chunks_exact(3).take((all / 6).max(1));
    chosen.map(|columns| Term::new(columns.iter().map(|&column| column as usize).collect(), TRIPLE)).collect()
}

/// Gives the terms weights of like size, and their sum the wanted standard deviation on the sample and mean 0.
fn scale(terms: &mut [Term], sample: &[Vec<Effects>], wanted: f64, streams: &Streams, name: &str) {
    let key = streams.key(&format!("synthetic/weights/{name}"));
    terms.par_iter_mut().enumerate().for_each(|(index, term)| {
        let (mean, deviation) = moments(sample.iter().map(|effects| term.value(effects)));
        let share = 0.5 + at(key, index as u64).random::<f64>();
        (term.centre, term.weight) = (mean, if deviation > 1e-9 { share / deviation } else { 0.0 });
    });
    let sums: Vec<f64> = sample.par_iter().map(|effects| terms.iter().map(|term| term.value(effects)).sum()).collect();
    let (_, deviation) = moments(sums.into_iter());
    let factor = if deviation > 1e-9 { wanted / deviation } else { 0.0 };
    terms.iter_mut().for_each(|term| term.weight *= factor);
}

/// The bias that makes the mean click probability `rate`, by bisection: the mean rises with the bias.
fn bias(logits: &[f64], noise: &Noise, rate: f64) -> f64 {
    let (mut low, mut high) = (-50.0, 50.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        // Collected before it is summed, so that the order of the sum does not hang on the number of threads.
        let clicks: Vec<f64> = logits.par_iter().map(|logit| noise.probability(logit + middle)).collect();
        if clicks.iter().sum::<f64>() / (clicks.len() as f64) < rate { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// Mean and standard deviation.
fn moments(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / count;
    let variance = values.map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    (mean, variance.sqrt())
}

#[cfg(test)]
mod tests {
    use nasrec_compiler::schema::{Label, List, Pool};

    use super::super::learning::{defaults, schema};
    use super::*;

    fn layout(numeric: usize, fields: usize) -> crate::data::record::Layout {
        crate::data::record::Layout::of(&schema(numeric, fields, 10), true)
    }

    #[test]
    fn parts_have_the_deviations_that_are_asked_for() {
        let parameters = Synthetic { linear: 0.8, pairwise: 1.1, higher: 0.3, ..defaults(1) };
        let planted = Planted::new(&schema(4, 6, 100), &parameters);
        let draw = |row| planted.effects(&planted.columns.draw(&planted.hidden, &mut at(planted.key, row)));
        let effects: Vec<_> = (0..20_000).map(draw).collect();
        for (part, wanted) in [(ALONE, 0.8), (PAIR, 1.1), (TRIPLE, 0.3)] {
            let terms = || planted.terms.iter().filter(|term| term.components == part);
            let (mean, deviation) = moments(effects.iter().map(|row| terms().map(|term| term.value(row)).sum()));
            assert!(mean.abs() < 0.1 * wanted, "mean {mean} of the part of {wanted}");
            assert!((deviation / wanted - 1.0).abs() < 0.1, "{deviation}, {wanted} asked for");
        }
        assert_eq!(planted.terms.iter().map(|term| term.columns.len()).max(), Some(3));
    }

    #[test]
    fn a_row_hangs_on_the_seed_and_its_index_only() {
        let planted = Planted::new(&schema(3, 3, 10_000), &defaults(1));
        let longer = Planted::new(&schema(3, 3, 10_000), &defaults(1_000_000));
        let stride = layout(3, 3).stride();
        let rows = planted.records(0..100);
        assert_eq!(rows.len(), 100 * stride);
        assert_eq!(longer.records(40..100), rows[40 * stride..]);
        let other = Planted::new(&schema(3, 3, 10_000), &Synthetic { seed: 2, ..defaults(1) });
        assert_ne!(other.records(0..100), rows);
    }

    #[test]
    fn pairs_are_of_all_kinds_and_no_two_alike() {
        let pairs = pairs(&schema(5, 15, 10), &Streams::new(3), 0);
        let mut columns: Vec<_> = pairs.iter().map(|term| term.columns.clone()).collect();
        assert_eq!(columns.len(), 10);
        for wanted in 0..3 {
            let kind = |pair: &&Vec<usize>| pair.iter().filter(|&&column| column < 5).count() == wanted;
            assert!(columns.iter().any(|pair| kind(&pair)), "no pair of {wanted} numbers");
        }
        columns.sort();
        columns.dedup();
        assert_eq!(columns.len(), 10);
    }

    /// Bags hold what fits, and one that shares a table acts together with the column that has it.
    #[test]
    fn a_bag_acts_by_what_it_holds() {
        let mut schema = schema(1, 3, 50);
        let list = List { separator: "|".to_owned(), most: 4, last: false, pool: Pool::Mean };
        schema.sparse[2].list = Some(list);
        schema.sparse[2].same = Some(schema.sparse[0].name.clone());
        let planted = Planted::new(&schema, &defaults(1));
        assert!(planted.terms.iter().any(|term| term.columns == [1, 3] && term.components == PAIR));
        let drawn = (0..2_000).map(|row| planted.columns.draw(&planted.hidden, &mut at(planted.key, row)));
        let mut held = [0; 5];
        for seen in drawn {
            let ids: Vec<u32> = seen.of(2).collect();
            held[ids.len()] += 1;
            let shared = planted.hidden.of(0, ids[0]).effects;
            assert_eq!(planted.hidden.of(2, ids[0]).effects, shared, "one category, whichever column has it");
            if ids.len() == 1 {
                let effects = planted.effects(&seen)[3];
                let expected: Vec<f64> =
                    shared.iter().zip(planted.means[2]).map(|(effect, mean)| effect - mean).collect();
                assert_eq!(effects.as_slice(), expected);
            }
        }
        assert!(held[0] == 0 && held[1..].iter().all(|&count| count > 300), "{held:?}");
        let layout = crate::data::record::Layout::of(&schema, true);
        assert_eq!(planted.records(0..10).len(), 10 * layout.stride());
    }

    /// Another label is made of what the first is made of, and of something else; what the first says stays as it is.
    #[test]
    fn labels_are_related() {
        let mut two = schema(4, 6, 100);
        let rows = |schema: &Schema| {
            let layout = crate::data::record::Layout::of(schema, true);
            (Planted::new(schema, &defaults(1)).records(0..4_000), layout)
        };
        let (alone, layout_alone) = rows(&two);
        two.other_labels = vec![Label { called: None, column: "buy".to_owned(), condition: None }];
        let (both, layout) = rows(&two);
        let mut counts = [[0.0; 2]; 2];
        for (record, single) in both.chunks_exact(layout.stride()).zip(alone.chunks_exact(layout_alone.stride())) {
            let (first, second) = (layout.label(record), layout.other_labels(record)[0]);
            assert_eq!(first, layout_alone.label(single), "the first label is what it was");
            counts[usize::from(first)][usize::from(second)] += 1.0;
        }
        let [[neither, second], [first, together]] = counts;
        assert!(together * neither > 1.5 * first * second, "they come true together: {counts:?}");
        assert!(first + second > 400.0, "and each alone: {counts:?}");
    }

    #[test]
    fn the_smallest_schemas_have_a_model_too() {
        for (dense, sparse) in [(0, 1), (1, 0), (0, 2), (2, 0)] {
            let planted = Planted::new(&schema(dense, sparse, 2), &defaults(1));
            let layout = layout(dense, sparse);
            let records = planted.records(0..2_000);
            let clicks = records.chunks_exact(layout.stride()).filter(|record| layout.label(record) == 1).count();
            assert!((300..700).contains(&clicks), "{dense} and {sparse} columns: {clicks} clicks of 2000");
        }
    }

    #[test]
    fn categories_have_a_long_tail_and_some_values_are_missing() {
        let planted = Planted::new(&schema(2, 1, 1000), &defaults(1));
        let draw = |row| planted.columns.draw(&planted.hidden, &mut at(planted.key, row));
        let seen: Vec<Seen> = (0..20_000).map(draw).collect();
        let share = |id| seen.iter().filter(|seen| seen.ids[0] == id).count() as f64 / seen.len() as f64;
        assert!((share(0) - 0.03).abs() < 0.005, "{} of the categories are missing", share(0));
        // Zipf: the first category is twice as frequent as the second, to the power of the exponent.
        let ratio = share(1) / share(2);
        assert!((ratio / 2f64.powf(defaults(1).tail) - 1.0).abs() < 0.15, "{ratio}");
        assert!(seen.iter().any(|seen| seen.ids[0] > 500) && seen.iter().all(|seen| seen.ids[0] < 1000));
        let zeros = seen.iter().filter(|seen| seen.numeric[0] == 0.0).count() as f64 / seen.len() as f64;
        assert!((zeros - 0.03).abs() < 0.005, "{zeros} of the numbers are missing");
        assert!(seen.iter().all(|seen| seen.numeric.iter().all(|number| (0.0..20.0).contains(number))));
    }
}
