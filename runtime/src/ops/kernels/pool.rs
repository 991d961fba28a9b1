//! Bags: the rows of several categories that become one, and what each of them has of the gradient.

use nasrec_compiler::schema::Pool;
use smallvec::SmallVec;

use crate::data::EMPTY;

/// The pooled rows of `t` samples, `[dim, t]`. `slots`: what each sample looks up at each place of the bag, `[t]` each.
/// `look_up` gives the rows of some ids, `[dim, ids]`. A bag that holds nothing is zeros.
pub(crate) fn pooled<'a>(
    pool: Pool,
    slots: impl Iterator<Item = &'a [u32]>,
    look_up: impl Fn(&[u32], &mut [f32]),
    t: usize,
    out: &mut [f32],
) {
    out.fill(if pool == Pool::Max { f32::NEG_INFINITY } else { 0.0 });
    let dim = out.len() / t;
    let mut counts: SmallVec<[u32; 64]> = SmallVec::from_elem(0, t);
    let (mut there, mut ids): (SmallVec<[usize; 64]>, SmallVec<[u32; 64]>) = (SmallVec::new(), SmallVec::new());
    let mut rows: Vec<f32> = Vec::new();
    for slot in slots {
        there.clear();
        ids.clear();
        for (sample, &id) in slot.iter().enumerate().filter(|(_, id)| **id != EMPTY) {
            there.push(sample);
            ids.push(id);
            counts[sample] += 1;
        }
        if there.is_empty() {
            continue;
        }
        rows.resize(dim * there.len(), 0.0);
        look_up(&ids, &mut rows);
        for (out, rows) in out.chunks_exact_mut(t).zip(rows.chunks_exact(there.len())) {
            for (&sample, &value) in there.iter().zip(rows) {
                out[sample] = if pool == Pool::Max { out[sample].max(value) } else { out[sample] + value };
            }
        }
    }
    for out in out.chunks_exact_mut(t) {
        for (out, &count) in out.iter_mut().zip(&counts) {
            match (pool, count) {
                (_, 0) => *out = 0.0,
                (Pool::Mean, count) => *out /= count as f32,
                _ => {}
            }
        }
    }
}

/// What the categories of a bag have of the gradient of the pooled row.
pub(crate) enum Share {
    /// Each has all of it.
    Whole,
    /// Each has as much as any other: of each sample how much.
    Equal(Vec<f32>),
    /// Of each number of a row the first category that has the greatest: `[dim, B]`, its place in the bag.
    Greatest(Vec<u32>),
}

impl Share {
    /// Of a batch of `rows` samples that look up `ids`, `[slots, rows]`, in a table of `dim` columns.
    pub fn of(pool: Option<Pool>, ids: &[u32], rows: usize, dim: usize, look_up: impl Fn(&[u32], &mut [f32])) -> Self {
        match pool {
            None | Some(Pool::Sum) => Self::Whole,
            Some(Pool::Mean) => {
                let count = |sample: usize| ids[sample..].iter().step_by(rows).filter(|&&id| id != EMPTY).count();
                Self::Equal((0..rows).map(|sample| 1.0 / count(sample).max(1) as f32).collect())
            }
            Some(Pool::Max) => {
                let mut winners = vec![0; dim * rows];
                let mut greatest = vec![f32::NEG_INFINITY; dim * rows];
                let mut values = vec![0.0; dim * rows];
                for (slot, ids) in ids.chunks_exact(rows).enumerate() {
                    // What is empty looks up a row that is there, and is passed over.
                    let known: Vec<u32> = ids.iter().map(|&id| if id == EMPTY { 0 } else { id }).collect();
                    look_up(&known, &mut values);
                    let all = winners.chunks_exact_mut(rows).zip(greatest.chunks_exact_mut(rows));
                    for ((winners, greatest), values) in all.zip(values.chunks_exact(rows)) {
                        for (sample, &value) in values.iter().enumerate() {
                            if ids[sample] != EMPTY && value > greatest[sample] {
                                (winners[sample], greatest[sample]) = (slot as u32, value);
                            }
                        }
                    }
                }
                Self::Greatest(winners)
            }
        }
    }

    /// Adds to the gradient of a row what the place `slot` of a sample's bag has of that of the pooled row.
    #[inline]
    pub fn add<'a>(
        &self,
        (slot, sample, rows): (usize, usize, usize),
        pooled: impl Iterator<Item = &'a f32>,
        sum: &mut [f32],
    ) {
        let each = sum.iter_mut().zip(pooled);
        match self {
            Self::Whole => each.for_each(|(sum, value)| *sum += value),
            Self::Equal(shares) => each.for_each(|(sum, value)| *sum += value * shares[sample]),
            Self::Greatest(winners) => {
                let won = winners[sample..].iter().step_by(rows).map(|&winner| winner as usize == slot);
                each.zip(won).filter(|(_, won)| *won).for_each(|((sum, value), _)| *sum += value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of a table: id, then ten times the id, negative for odd ones.
    fn look_up(ids: &[u32], out: &mut [f32]) {
        for (at, &id) in ids.iter().enumerate() {
            out[at] = id as f32;
            out[ids.len() + at] = 10.0 * id as f32 * if id.is_multiple_of(2) { 1.0 } else { -1.0 };
        }
    }

    #[test]
    fn rows_of_a_bag_become_one() {
        // Three samples: 1 and 2; 4 alone; nothing.
        let ids = [1, 4, EMPTY, 2, EMPTY, EMPTY];
        let pooled = |pool| {
            let mut out = [f32::NAN; 6];
            pooled(pool, ids.chunks_exact(3), look_up, 3, &mut out);
            out
        };
        assert_eq!(pooled(Pool::Sum), [3.0, 4.0, 0.0, 10.0, 40.0, 0.0]);
        assert_eq!(pooled(Pool::Mean), [1.5, 4.0, 0.0, 5.0, 40.0, 0.0]);
        assert_eq!(pooled(Pool::Max), [2.0, 4.0, 0.0, 20.0, 40.0, 0.0]);
        let shares = |pool, slot, sample| {
            let mut sum = [0.0; 2];
            Share::of(Some(pool), &ids, 3, 2, look_up).add((slot, sample, 3), [1.0, 1.0].iter(), &mut sum);
            sum
        };
        assert_eq!(shares(Pool::Sum, 1, 0), [1.0, 1.0]);
        assert_eq!(shares(Pool::Mean, 1, 0), [0.5, 0.5]);
        assert_eq!((shares(Pool::Max, 0, 0), shares(Pool::Max, 1, 0)), ([0.0, 0.0], [1.0, 1.0]));
        assert_eq!(shares(Pool::Max, 0, 1), [1.0, 1.0]);
    }
}
