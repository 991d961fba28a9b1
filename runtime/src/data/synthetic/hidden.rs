//! The hidden vector of every category: a pure function of (seed, field, id), so no table of them is needed.

use nasrec_compiler::schema::Schema;
use nasrec_compiler::streams::{Streams, at};
use rand_distr::{Distribution, StandardNormal};

/// Components of a hidden vector: one acts alone, the next in pairs, the last in triples.
pub(super) const ALONE: std::ops::Range<usize> = 0..1;
pub(super) const PAIR: std::ops::Range<usize> = 1..4;
pub(super) const TRIPLE: std::ops::Range<usize> = 4..6;
pub(super) const WIDTH: usize = TRIPLE.end;

/// What a column's value contributes to the terms that the column is in.
pub(super) type Effects = [f64; WIDTH];

/// Categories of a field whose vectors are kept: the common ones.
const HEAD: usize = 1 << 12;

/// The rank at which a hidden vector has half its full length. What rare categories do can hardly be learnt, and would
/// only widen the gap between any model and the attainable.
const HALF: f64 = 8.0;

/// Of one category.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vector {
    pub effects: Effects,
    /// Standard normal: where the numbers lie that follow this field.
    pub shift: f64,
}

/// Hidden vectors of all fields.
#[derive(Debug)]
pub(super) struct Hidden {
    /// Of columns that have one table the same.
    keys: Vec<[u8; 32]>,
    heads: Vec<Vec<Vector>>,
}

impl Hidden {
    pub fn new(schema: &Schema, streams: &Streams) -> Self {
        let owners = (0..schema.sparse.len()).map(|field| schema.owner(field));
        let keys: Vec<_> = owners.map(|owner| streams.key(&format!("synthetic/hidden/{owner}"))).collect();
        let heads = keys
            .iter()
            .zip(&schema.sparse)
            .map(|(&key, column)| (0..column.rows.min(HEAD)).map(|id| draw(key, id as u32)).collect());
        Self { heads: heads.collect(), keys }
    }

    /// What the categories of a field have together: the mean of their effects.
    pub fn together(&self, field: usize, ids: impl Iterator<Item = u32>) -> Effects {
        let (mut sum, mut count) = (Effects::default(), 0u32);
        for id in ids {
            let effects = self.of(field, id).effects;
            sum.iter_mut().zip(effects).for_each(|(sum, effect)| *sum += effect);
            count += 1;
        }
        sum.map(|sum| sum / f64::from(count.max(1)))
    }

    pub fn of(&self, field: usize, id: u32) -> Vector {
        match self.heads[field].get(id as usize) {
            Some(vector) => *vector,
            None => draw(self.keys[field], id),
        }
    }
}

fn draw(key: [u8; 32], id: u32) -> Vector {
    let mut rng = at(key, u64::from(id));
    let strength = (1.0 + f64::from(id) / HALF).recip();
    let shift = StandardNormal.sample(&mut rng);
    let effects = std::array::from_fn(|_| {
        let value: f64 = StandardNormal.sample(&mut rng);
        strength * value
    });
    Vector { effects, shift }
}
