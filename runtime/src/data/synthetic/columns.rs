//! What a model sees of a synthetic row: its numbers and its categories.

use nasrec_compiler::schema::Schema;
use nasrec_compiler::streams::Streams;
use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal, Zipf};

use super::hidden::Hidden;

/// Share of the values of each column that are missing.
const MISSING: f64 = 0.03;

/// How much of the spread of a number that follows a field is due to the category.
const FOLLOWS: f64 = 0.5;

/// How the columns of a schema are drawn.
#[derive(Debug)]
pub(super) struct Columns {
    numbers: Vec<Number>,
    fields: Vec<Field>,
}

/// `ln(1 + v)` of a log-normal `v`: skewed, and in the range that a transformed count has.
#[derive(Debug)]
struct Number {
    mean: f64,
    deviation: f64,
    /// The field that it follows, if any.
    follows: Option<usize>,
}

#[derive(Debug)]
struct Field {
    largest: u32,
    missing: u32,
    /// Places of a bag; 1 of any other.
    slots: usize,
    /// None where there is one category only.
    ranks: Option<Zipf<f64>>,
}

/// The encoded columns of one row.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Seen {
    pub numeric: Vec<f32>,
    /// One a field: of a bag its first.
    pub ids: Vec<u32>,
    /// What bags hold beside it, each with its field, one field after the other.
    pub others: Vec<(usize, u32)>,
}

impl Seen {
    /// The categories of a field.
    pub fn of(&self, field: usize) -> impl Iterator<Item = u32> {
        let others = self.others.iter().filter(move |(of, _)| *of == field).map(|&(_, id)| id);
        std::iter::once(self.ids[field]).chain(others)
    }
}

impl Columns {
    pub fn new(schema: &Schema, tail: f64, streams: &Streams) -> Self {
        let numbers = (0..schema.dense.len()).map(|index| {
            let mut rng = streams.rng("synthetic/numbers", index as u64);
            let (mean, deviation) = (2.0 * rng.random::<f64>(), 0.7 + 0.8 * rng.random::<f64>());
            // Every second number follows a field, so that some columns tell of others and some do not.
            let fields = schema.sparse.len();
            let follows = (index % 2 == 1 && fields > 0).then(|| (rng.random::<f64>() * fields as f64) as usize);
            Number { mean, deviation, follows }
        });
        let fields = schema.sparse.iter().map(|column| {
            let largest = (column.rows - 1) as u32;
            let (missing, slots) = (column.missing as u32, column.slots());
            Field { largest, missing, slots, ranks: Zipf::new(f64::from(largest), tail).ok() }
        });
        Self { numbers: numbers.collect(), fields: fields.collect() }
    }

    pub fn draw(&self, hidden: &Hidden, rng: &mut impl Rng) -> Seen {
        let draw_id = |field: &Field, rng: &mut _| match &field.ranks {
            Some(ranks) => (ranks.sample(rng) as u32).clamp(1, field.largest),
            None => 1,
        };
        let mut others = Vec::new();
        let mut ids = Vec::with_capacity(self.fields.len());
        for (at, field) in self.fields.iter().enumerate() {
            let missing = rng.random::<f64>() < MISSING;
            ids.push(if missing { field.missing } else { draw_id(field, rng) });
            // A bag holds any number of categories.
            let more = if missing || field.slots == 1 { 0 } else { rng.random_range(0..field.slots) };
            others.extend((0..more).map(|_| (at, draw_id(field, rng))));
        }
        let draw_number = |number: &Number, rng: &mut _| {
            let missing = RngExt::random::<f64>(rng) < MISSING;
            let own: f64 = StandardNormal.sample(rng);
            let level = match number.follows {
                Some(field) => FOLLOWS.sqrt() * hidden.of(field, ids[field]).shift + (1.0 - FOLLOWS).sqrt() * own,
                None => own,
            };
            if missing { 0.0 } else { (number.mean + number.deviation * level).exp().ln_1p() as f32 }
        };
        let numeric = self.numbers.iter().map(|number| draw_number(number, rng)).collect();
        Seen { numeric, ids, others }
    }
}
