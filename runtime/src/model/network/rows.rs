//! Rows of tables: which columns of an input they are in, whether there are such rows, and looking them up.

use std::ops::Range;

use candle_core::{DType, Device, Result, Tensor, bail};
use nasrec_compiler::primitives::Primitive;
use nasrec_compiler::schema::Pool;

use super::Config;
use crate::backend::device::bags::{Bag, holds};
use crate::data::EMPTY;

/// Numbers of 32 bits hold whole numbers up to this exactly.
const EXACT: usize = 1 << 24;

/// The columns of an input.
#[derive(Clone, Debug)]
pub(super) struct Slots {
    /// Columns of numbers, which come first.
    numbers: usize,
    /// Of each other column how many rows its table has.
    heights: Vec<usize>,
    /// And the least number that it takes: -1 of a bag.
    least: Vec<i64>,
    names: Vec<String>,
    /// The two, `[looked up]` in `i64`, where they are compared.
    bounds: [Tensor; 2],
}

/// What a node looks up for a field.
#[derive(Clone, Debug)]
pub(super) struct Looked {
    /// Index of the table among the plan's parameters; none where it is only asked which places hold something.
    table: Option<usize>,
    /// Its columns of rows.
    slots: Range<usize>,
    /// How the rows of a bag become one.
    pool: Option<Pool>,
}

impl Slots {
    /// Those of a model, and what each node of its plan looks up.
    pub fn of(config: &Config, device: &Device) -> Result<(Self, Vec<Vec<Looked>>)> {
        let (schema, plan) = (config.schema(), config.plan());
        let of_field: Vec<Range<usize>> = schema.slots().collect();
        let each = || schema.sparse.iter().flat_map(|column| std::iter::repeat_n(column, column.slots()));
        let mut heights: Vec<usize> = each().map(|column| column.rows).collect();
        let least: Vec<i64> = each().map(|column| if column.list.is_some() { -1 } else { 0 }).collect();
        let mut looked_up = Vec::with_capacity(plan.nodes.len());
        for node in &plan.nodes {
            let mut of_node = Vec::new();
            let tables = node.params.iter().enumerate();
            let tables = tables.filter_map(|(at, &table)| Some((Some(table), node.lookup(&plan.params, at)?)));
            // Nothing is looked up for a mask: it only asks which places hold something.
            let places = node.lookups.iter().filter(|_| matches!(node.primitive, Primitive::Mask(_)));
            for (table, lookup) in tables.chain(places.map(|lookup| (None, *lookup))) {
                let column = schema.sparse.get(lookup.field);
                let (Some(slots), Some(column)) = (of_field.get(lookup.field).cloned(), column) else {
                    bail!(
                        "{} looks up field {}, and schema {} has {}",
                        node.path,
                        lookup.field,
                        schema.name,
                        of_field.len()
                    );
                };
                let pool = column.list.as_ref().map(|list| list.pool);
                let (slots, pool) = match lookup.place {
                    None => (slots, pool),
                    Some(place) => {
                        let Some(slot) = slots.clone().nth(place).filter(|_| pool.is_some()) else {
                            bail!("{} looks up place {place} of {}, which has {}", node.path, column.name, slots.len());
                        };
                        (slot..slot + 1, Some(Pool::Sum))
                    }
                };
                if pool != lookup.pool {
                    bail!("{} pools {:?} what schema {} pools {pool:?}", node.path, lookup.pool, schema.name);
                }
                if let Some(table) = table {
                    let height = plan.params[table].full[0];
                    heights[slots.clone()].iter_mut().for_each(|known| *known = height.min(*known));
                }
                of_node.push(Looked { table, slots, pool });
            }
            looked_up.push(of_node);
        }
        let most: Vec<i64> = heights.iter().map(|&height| height as i64 - 1).collect();
        let bounds = [&least, &most].map(|bounds| Tensor::from_slice(bounds, bounds.len(), device));
        let [lower, upper] = bounds;
        let (numbers, names) = (config.numbers(), config.columns());
        Ok((Self { numbers, heights, least, names, bounds: [lower?, upper?] }, looked_up))
    }

    /// Columns of numbers.
    pub fn numbers(&self) -> usize {
        self.numbers
    }

    /// Columns of rows.
    pub fn looked_up(&self) -> usize {
        self.heights.len()
    }

    /// The numbers and the rows of an input, these as [`Slots::rows`] has them.
    pub fn parts(&self, xs: &Tensor) -> Result<(Tensor, Tensor)> {
        let columns = self.numbers + self.looked_up();
        if xs.rank() != 2 || xs.dim(1)? != columns {
            bail!(
                "the input is {:?}; expected [batch, {columns}]: {} numbers, then {} rows of tables",
                xs.shape(),
                self.numbers,
                self.looked_up()
            );
        }
        if xs.dim(0)? == 0 {
            bail!("the input has no rows; expected at least one");
        }
        let widest = self.heights.iter().copied().max().unwrap_or_default();
        match xs.dtype() {
            DType::F64 => {}
            DType::F32 if widest <= EXACT => {}
            DType::F32 => bail!(
                "the input is of 32 bits, which do not hold each row of a table of {widest}; expected one of 64 bits, DType::F64"
            ),
            other => bail!("the input is of {other:?}; expected numbers of 64 bits, DType::F64"),
        }
        let rows = xs.narrow(1, self.numbers, self.looked_up())?;
        if self.looked_up() > 0 && !all(&rows.eq(&rows.floor()?)?)? {
            return Err(self.wrong(&rows)?);
        }
        Ok((xs.narrow(1, 0, self.numbers)?, self.rows(&rows.to_dtype(DType::I64)?)?))
    }

    /// Rows `[batch, looked up]` of `i64` in `u32`, what is empty as [`EMPTY`]; fails where one is none of its table.
    pub fn rows(&self, rows: &Tensor) -> Result<Tensor> {
        if rows.rank() != 2 || rows.dim(1)? != self.looked_up() || rows.dtype() != DType::I64 {
            let (shape, dtype) = (rows.shape(), rows.dtype());
            bail!(
                "the rows of tables are {shape:?} of {dtype:?}; expected [batch, {}] of DType::I64",
                self.looked_up()
            );
        }
        if rows.dim(0)? == 0 {
            bail!("the input has no rows; expected at least one");
        }
        if self.looked_up() == 0 {
            return rows.to_dtype(DType::U32);
        }
        let [least, most] = &self.bounds;
        if !all(&(rows.broadcast_ge(least)? * rows.broadcast_le(most)?)?)? {
            return Err(self.wrong(rows)?);
        }
        let (zeros, empty) = (rows.zeros_like()?, Tensor::full(EMPTY, rows.shape(), rows.device())?);
        rows.lt(&zeros)?.where_cond(&empty, &rows.maximum(&zeros)?.to_dtype(DType::U32)?)
    }

    /// What is wrong with some of these, of which one is no row.
    fn wrong(&self, rows: &Tensor) -> Result<candle_core::Error> {
        let rows: Vec<Vec<f64>> = rows.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.to_vec2()?;
        for (at, row) in rows.iter().enumerate() {
            for (slot, &found) in row.iter().enumerate() {
                let (least, height) = (self.least[slot], self.heights[slot]);
                if found.fract() != 0.0 || !(least as f64..height as f64).contains(&found) {
                    let (name, column) = (&self.names[self.numbers + slot], self.numbers + slot);
                    let bag = if least < 0 { ", or -1 where the bag holds fewer" } else { "" };
                    return Ok(candle_core::Error::Msg(format!(
                        "sample {at} has {found} for a row of {name}, column {column}; expected a whole number from 0 to {}{bag}",
                        height - 1
                    )));
                }
            }
        }
        Ok(candle_core::Error::Msg("a row is none of its table".to_owned()))
    }
}

/// Whether all of these are 1.
fn all(ones: &Tensor) -> Result<bool> {
    Ok(ones.to_dtype(DType::F32)?.flatten_all()?.min(0)?.to_scalar::<f32>()? > 0.0)
}

/// The rows of some fields, those of bags pooled: `[batch, fields, dim]`.
pub(super) fn look_up(fields: &[Looked], params: &[Tensor], rows: &Tensor) -> Result<Tensor> {
    let field = |Looked { table, slots, pool }: &Looked| {
        let Some(table) = table.and_then(|table| params.get(table)) else { bail!("a field has no table") };
        let samples = rows.dim(0)?;
        // A bag's columns one after the other.
        let ids = rows.narrow(1, slots.start, slots.len())?.t()?.contiguous()?.flatten_all()?;
        let found = table.index_select(&ids, 0)?;
        match pool {
            None => Ok(found),
            Some(pool) => {
                let bag = Bag::of(slots.len(), &ids.unsqueeze(0)?, table.dtype())?;
                bag.pooled(*pool, &found.unsqueeze(0)?)?.reshape((samples, ()))
            }
        }
    };
    Tensor::stack(&fields.iter().map(field).collect::<Result<Vec<_>>>()?, 1)
}

/// Which of these places hold something, 1 or 0: `[batch, places]`.
pub(super) fn there(places: &[Looked], rows: &Tensor, dtype: DType) -> Result<Tensor> {
    let place = |Looked { slots, .. }: &Looked| rows.narrow(1, slots.start, 1);
    holds(&Tensor::cat(&places.iter().map(place).collect::<Result<Vec<_>>>()?, 1)?, dtype)
}
