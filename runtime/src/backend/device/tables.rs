//! Embedding tables: looking rows up, and the gradients of rows, which a batch may look up many times.

use candle_core::{DType, Result, Tensor};
use nasrec_compiler::plan::{Layout, Lookup, Node, Plan};
use nasrec_compiler::schema::Pool;

use super::bags::{Bag, holds};
use super::loss::select;
use super::params::{Params, State};
use super::slices::{along, set_along};
use super::traffic::Traffic;
use super::update::{Change, advance, followed_rows, squares};
use crate::ops::device::matmul;
use crate::supernet::{Average, Prepared};

/// Most pairs of samples that are compared at a time: 64 MiB of numbers.
const PAIRS: usize = 1 << 24;

/// Neighbouring fields of a lookup whose tables are neighbours of one shape: what is done to one of them is done to all at
/// once. The shipped schemas have one stretch.
#[derive(Debug)]
pub(super) struct Stretch {
    /// The first field of the node.
    pub start: usize,
    pub fields: usize,
    /// The batch's first column of ids for that field.
    column: usize,
    /// Columns of ids of a bag, and how its rows become one.
    bag: Option<(usize, Pool)>,
    bank: usize,
    /// The place of its table there.
    index: usize,
    columns: Layout,
}

/// The ids of a batch on the device, `[columns, B]`, and where those of each field end, where fields have several.
#[derive(Debug)]
pub(super) struct Ids {
    pub all: Tensor,
    pub ends: Vec<usize>,
}

impl Ids {
    /// The first column of a lookup, and how many it has.
    fn of(&self, lookup: Lookup) -> (usize, usize) {
        let field = lookup.field;
        let (start, slots) = match self.ends.get(field) {
            None => (field, 1),
            Some(&end) => {
                let start = field.checked_sub(1).map_or(0, |before| self.ends[before]);
                (start, end - start)
            }
        };
        lookup.place.map_or((start, slots), |place| (start + place, 1))
    }
}

/// The stretches of a lookup, of the tables that are `included`, in the order of its fields. The plan was checked.
pub(super) fn stretches(
    params: &Params,
    plan: &Plan,
    node: &Node,
    ids: &Ids,
    included: impl Fn(usize) -> bool,
) -> Vec<Stretch> {
    let mut all: Vec<Stretch> = Vec::new();
    for (start, &index) in node.params.iter().enumerate().filter(|(_, param)| included(**param)) {
        let param = &plan.params[index];
        let Some(lookup) = node.lookup(&plan.params, start) else { continue };
        let (column, slots) = ids.of(lookup);
        let bag = lookup.pool.map(|pool| (slots, pool));
        let (bank, index) = params.table(param);
        match all.last_mut() {
            Some(last)
                if last.bank == bank
                    && (last.bag, bag) == (None, None)
                    && last.columns == param.axes[1]
                    && [last.start, last.column, last.index].map(|first| first + last.fields)
                        == [start, column, index] =>
            {
                last.fields += 1;
            }
            _ => all.push(Stretch { start, fields: 1, column, bag, bank, index, columns: param.axes[1].clone() }),
        }
    }
    all
}

/// The tables of a plan whose rows have gradients from several places of a sample: of bags, and of several fields.
pub(super) fn shared(plan: &Plan) -> Vec<bool> {
    let mut uses = vec![0; plan.params.len()];
    for node in &plan.nodes {
        for (index, &param) in node.params.iter().enumerate() {
            if let Some(lookup) = node.lookup(&plan.params, index) {
                uses[param] += if lookup.pool.is_some() { 2 } else { 1 };
            }
        }
    }
    uses.iter().map(|&uses| uses > 1).collect()
}

/// Which places of a sequence hold something, 1 or 0: `[B, places]`.
pub(super) fn there(node: &Node, ids: &Ids) -> Result<Tensor> {
    let places = node.lookups.iter().map(|lookup| ids.all.narrow(0, ids.of(*lookup).0, 1));
    holds(&Tensor::cat(&places.collect::<Result<Vec<_>>>()?, 0)?.t()?.contiguous()?, DType::F32)
}

/// The rows that a batch looks up, those of bags pooled: `[B, fields, dim]`.
pub(super) fn look_up(params: &Params, plan: &Plan, node: &Node, ids: &Ids) -> Result<Tensor> {
    let rows = stretches(params, plan, node, ids, |_| true).into_iter().map(|stretch| {
        let ids = stretch.ids(ids)?;
        let values = stretch.looked_up(params, &ids)?;
        match stretch.bag {
            None => Ok(values),
            Some((slots, pool)) => Bag::of(slots, &ids, DType::F32)?.pooled(pool, &values),
        }
    });
    let rows = rows.collect::<Result<Vec<_>>>()?;
    let rows = if let [rows] = rows.as_slice() { rows.clone() } else { Tensor::cat(&rows, 0)? };
    rows.transpose(0, 1)?.contiguous()
}

impl Stretch {
    /// Its ids, `[fields, B]`; those of a bag one place after the other, `[1, slots * B]`.
    fn ids(&self, ids: &Ids) -> Result<Tensor> {
        match self.bag {
            None => ids.all.narrow(0, self.column, self.fields),
            Some((slots, _)) => ids.all.narrow(0, self.column, slots)?.contiguous()?.reshape((1, ())),
        }
    }

    /// The active columns of the rows of its ids, `[fields, ids, dim]`; zeros of those that are empty.
    fn looked_up(&self, params: &Params, ids: &Tensor) -> Result<Tensor> {
        along(&self.gather(&params.bank(self.bank).values, ids)?, 2, &self.columns)
    }

    /// Its tables in one tensor of the bank, their active columns: `[fields, rows, dim]`.
    fn active(&self, bank: &Tensor) -> Result<Tensor> {
        let tables = bank.narrow(0, self.index, self.fields)?.contiguous()?;
        // What is remembered of whole rows has one column.
        if tables.dim(2)? == 1 { Ok(tables) } else { along(&tables, 2, &self.columns) }
    }

    /// The rows of these ids in one tensor of the bank, `[fields, B, width]`, in `f32`.
    fn gather(&self, bank: &Tensor, ids: &Tensor) -> Result<Tensor> {
        let rows = bank.narrow(0, self.index, self.fields)?;
        rows.gather(&beside(ids, bank.dim(2)?)?, 1)?.to_dtype(DType::F32)
    }
}

/// Ids repeated for each column of their rows.
fn beside(ids: &Tensor, width: usize) -> Result<Tensor> {
    let (fields, samples) = ids.dims2()?;
    ids.unsqueeze(2)?.broadcast_as((fields, samples, width))?.contiguous()
}

/// The gradients of the rows that a batch looked up in a stretch. A row has its whole gradient at each sample that looked it
/// up, so whichever of them is written last is right.
pub(super) struct RowGradients {
    stretch: Stretch,
    /// `[fields, B]`
    ids: Tensor,
    /// `[fields, B, dim]`
    sums: Tensor,
    /// How many samples looked up the same row, `[fields, B, 1]`.
    times: Tensor,
}

impl RowGradients {
    /// Sums up what each sample says of a stretch without bags, `derivative` being `[B, all fields, dim]`, and adds `l2`
    /// times the values that were looked up, which have the same shape.
    pub fn of_stretch(stretch: Stretch, ids: &Ids, derivative: &Tensor, looked_up: &Tensor, l2: f64) -> Result<Self> {
        let of_fields = |x: &Tensor| x.narrow(1, stretch.start, stretch.fields)?.transpose(0, 1)?.contiguous();
        let (ids, derivative, looked_up) = (stretch.ids(ids)?, of_fields(derivative)?, of_fields(looked_up)?);
        Self::sum(stretch, ids, &derivative, &looked_up, l2)
    }

    /// The same of all that looks up one table, which fields share or is that of a bag: each a stretch of one field, with
    /// the derivative of its node.
    pub fn of_table(params: &Params, uses: Vec<(Stretch, &Tensor)>, ids: &Ids, l2: f64) -> Result<Option<Self>> {
        let (mut all_ids, mut derivatives) = (Vec::new(), Vec::new());
        for (stretch, derivative) in &uses {
            let ids = stretch.ids(ids)?;
            let derivative = derivative.narrow(1, stretch.start, 1)?.transpose(0, 1)?.contiguous()?;
            derivatives.push(match stretch.bag {
                None => derivative,
                Some((slots, pool)) => {
                    Bag::of(slots, &ids, DType::F32)?.shares(pool, &stretch.looked_up(params, &ids)?, &derivative)?
                }
            });
            all_ids.push(ids);
        }
        let Some((stretch, _)) = uses.into_iter().next() else { return Ok(None) };
        let (ids, derivatives) = (Tensor::cat(&all_ids, 1)?, Tensor::cat(&derivatives, 1)?);
        let looked_up = stretch.looked_up(params, &ids)?;
        Self::sum(stretch, ids, &derivatives, &looked_up, l2).map(Some)
    }

    /// Sums up `derivative` over the same ids, `[fields, ids, dim]`, and adds `l2` times the values that were looked up.
    ///
    /// Ids are compared in pairs, and the sums are products with the ones and zeros that result: one order whatever the
    /// device, and no lock. A gradient that is not finite spreads to the rows of its field.
    fn sum(stretch: Stretch, ids: Tensor, derivative: &Tensor, looked_up: &Tensor, l2: f64) -> Result<Self> {
        let (fields, samples) = ids.dims2()?;
        let rows = (PAIRS / samples).clamp(1, samples);
        let together = (PAIRS / (rows * samples)).clamp(1, fields);
        let (mut sums, mut times) = (Vec::new(), Vec::new());
        for field in (0..fields).step_by(together) {
            let together = together.min(fields - field);
            let (ids, derivative) = (ids.narrow(0, field, together)?, derivative.narrow(0, field, together)?);
            let (mut sum, mut time) = (Vec::new(), Vec::new());
            for row in (0..samples).step_by(rows) {
                let these = ids.narrow(1, row, rows.min(samples - row))?.unsqueeze(2)?;
                let same = these.broadcast_eq(&ids.unsqueeze(1)?)?.to_dtype(derivative.dtype())?;
                sum.push(matmul(&same, &derivative)?);
                time.push(same.sum_keepdim(2)?);
            }
            sums.push(Tensor::cat(&sum, 1)?);
            times.push(Tensor::cat(&time, 1)?);
        }
        let mut sums = Tensor::cat(&sums, 0)?;
        if l2 > 0.0 {
            sums = (sums + (looked_up * l2)?)?;
        }
        Ok(Self { ids, sums, times: Tensor::cat(&times, 0)?, stretch })
    }

    /// Its ids, and of each the whole gradient of its row, of one table.
    pub fn download(&self, traffic: &Traffic) -> Result<(Vec<u32>, Vec<f32>)> {
        Ok((traffic.download(&self.ids)?, traffic.download(&self.sums)?))
    }

    /// Makes something else of its gradients.
    pub fn change(&mut self, by: &Change) -> Result<()> {
        self.sums = by.of(&self.sums)?;
        Ok(())
    }

    /// The sum of the squares of all rows, each once: `[1]` in `f64`.
    pub fn squares(&self) -> Result<Tensor> {
        squares(&self.sums.broadcast_div(&self.times.sqrt()?)?)
    }

    /// Updates the rows where they lie, unless `finite` is zero.
    pub fn apply(&self, params: &Params, rule: &Prepared, average: Option<Average>, finite: &Tensor) -> Result<()> {
        let Stretch { bank, index, fields, columns, .. } = &self.stretch;
        let bank = params.bank(*bank);
        // An id that is all ones is nowhere.
        let nowhere = Tensor::full(u32::MAX, self.ids.shape(), self.ids.device())?;
        let written = select(finite, &self.ids, &nowhere)?;
        let rows = bank.map(|all| self.stretch.gather(all, &self.ids))?;
        let dim = rows.values.dim(2)?;
        let whole = |x: &Tensor| x.dim(2).map(|width| width != dim || columns.len() == dim);
        let active = rows.map(|rows| if whole(rows)? { Ok(rows.clone()) } else { along(rows, 2, columns) })?;
        let next: State = advance(rule, &self.sums, &active)?;
        // As they were: where only some columns are active, these are written into the rows.
        let before = average.map(|_| rows.values.copy()).transpose()?;
        let mut all_next = Vec::new();
        for (rows, next) in rows.tensors().zip(next.tensors()) {
            if whole(rows)? {
                all_next.push(next.clone());
            } else {
                set_along(rows, 2, columns, next)?;
                all_next.push(rows.clone());
            }
        }
        if let (Some(average), Some(before), [.., mean, since]) = (average, &before, rows.memory.as_slice()) {
            all_next.extend(followed_rows(average, [mean, since], [before, &all_next[0]])?);
        }
        for (all, next) in bank.tensors().zip(&all_next) {
            let ids = beside(&written, all.dim(2)?)?;
            all.narrow(0, *index, *fields)?.scatter_set(&ids, &next.to_dtype(all.dtype())?.contiguous()?, 1)?;
        }
        Ok(())
    }
}

/// The gradients of all rows of the tables of a stretch, zeros of those that no sample looked up.
pub(super) struct WholeGradients {
    stretch: Stretch,
    /// `[fields, rows, dim]`
    gradients: Tensor,
}

impl WholeGradients {
    /// Those of the rows that were looked up, at their places; and `l2` times the values of all.
    pub fn of(looked_up: RowGradients, params: &Params, l2: f64) -> Result<Self> {
        let RowGradients { stretch, ids, sums, .. } = looked_up;
        let values = stretch.active(&params.bank(stretch.bank).values)?.to_dtype(DType::F32)?;
        let gradients = values.zeros_like()?;
        gradients.scatter_set(&beside(&ids, values.dim(2)?)?, &sums.contiguous()?, 1)?;
        let gradients = if l2 > 0.0 { (gradients + (values * l2)?)? } else { gradients };
        Ok(Self { stretch, gradients })
    }

    /// Makes something else of its gradients.
    pub fn change(&mut self, by: &Change) -> Result<()> {
        self.gradients = by.of(&self.gradients)?;
        Ok(())
    }

    /// The sum of the squares of all rows: `[1]` in `f64`.
    pub fn squares(&self) -> Result<Tensor> {
        squares(&self.gradients)
    }

    /// Updates the tables where they lie, unless `finite` is zero.
    pub fn apply(&self, params: &Params, rule: &Prepared, average: Option<Average>, finite: &Tensor) -> Result<()> {
        let Stretch { bank, index, fields, columns, .. } = &self.stretch;
        let bank = params.bank(*bank);
        let before = bank.map(|all| self.stretch.active(all)?.to_dtype(DType::F32))?;
        let after: State = advance(rule, &self.gradients, &before)?;
        // Means are of all columns, active or not, and of the values as they were before these are written.
        let tables = |all: &Tensor| all.narrow(0, *index, *fields)?.to_dtype(DType::F32)?.copy();
        let whole = average.map(|_| tables(&bank.values)).transpose()?;
        for ((all, before), after) in bank.tensors().zip(before.tensors()).zip(after.tensors()) {
            let next = select(finite, after, before)?.to_dtype(all.dtype())?.contiguous()?;
            if all.dim(2)? == next.dim(2)? {
                all.slice_set(&next, 0, *index)?;
            } else {
                set_along(&all.narrow(0, *index, *fields)?, 2, columns, &next)?;
            }
        }
        if let (Some(average), Some(before), [.., mean, since]) = (average, &whole, bank.memory.as_slice()) {
            let after = tables(&bank.values)?;
            let next = followed_rows(average, [&tables(mean)?, &tables(since)?], [before, &after])?;
            for (all, next) in [mean, since].into_iter().zip(next) {
                all.slice_set(&next.contiguous()?, 0, *index)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::supernet::TableGradient;

    /// Small batches have all pairs of several fields at once, large ones part of the pairs of one.
    #[test]
    fn duplicates_are_summed_and_counted_once() {
        for (samples, heights) in [(1, [3, 5]), (700, [40, 3]), (6000, [2000, 900])] {
            let mut rng = ChaCha8Rng::seed_from_u64(samples as u64);
            let dim = 3;
            let ids: Vec<u32> =
                heights.iter().flat_map(|&height| vec![height; samples]).map(|h| rng.random_range(0..h)).collect();
            // The node has one field before these two.
            let derivative: Vec<f32> = (0..samples * 3 * dim).map(|_| rng.random_range(-1.0..1.0)).collect();
            let values: Vec<f32> = derivative.iter().map(|value| value * 2.0).collect();
            let tensor = |values: &[f32]| Tensor::from_slice(values, (samples, 3, dim), &Device::Cpu).unwrap();
            let ids_there = Tensor::from_slice(&ids, (2, samples), &Device::Cpu).unwrap();
            let ids_there = Ids { all: ids_there, ends: Vec::new() };
            let columns = Layout::prefix(dim);
            let stretch = Stretch { start: 1, fields: 2, column: 0, bag: None, bank: 0, index: 0, columns };
            let rows =
                RowGradients::of_stretch(stretch, &ids_there, &tensor(&derivative), &tensor(&values), 0.5).unwrap();
            let sums: Vec<Vec<Vec<f32>>> = rows.sums.to_vec3().unwrap();
            let mut squares = 0.0;
            for field in 0..2 {
                let ids = &ids[field * samples..][..samples];
                let of = |values: &[f32], sample: usize| values[(sample * 3 + 1 + field) * dim..][..dim].to_vec();
                let mut expected = TableGradient::default();
                expected.sum(0, dim, ids.iter().copied(), |sample, sum| {
                    sum.iter_mut().zip(of(&derivative, sample)).for_each(|(sum, value)| *sum += value);
                });
                for (sample, &id) in ids.iter().enumerate() {
                    let row = expected.rows.binary_search(&id).unwrap();
                    let penalty = of(&values, sample);
                    for (column, penalty) in penalty.iter().enumerate() {
                        let expected = expected.values[row * dim + column] + 0.5 * penalty;
                        let found = sums[field][sample][column];
                        assert!((found - expected).abs() < 1e-4, "{found} {expected}");
                    }
                    let times = ids.iter().filter(|other| **other == id).count() as f64;
                    squares += sums[field][sample].iter().map(|&sum| f64::from(sum).powi(2)).sum::<f64>() / times;
                }
            }
            let found = rows.squares().unwrap().to_vec1::<f64>().unwrap()[0];
            assert!((found - squares).abs() < 1e-5 * squares, "{found} {squares}");
        }
    }
}
