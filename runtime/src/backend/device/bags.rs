//! Bags: the rows that a sample looks up in one table, of which some may not be there, made one row.

use candle_core::{DType, Result, Tensor};
use nasrec_compiler::schema::Pool;

use crate::data::EMPTY;

/// The bags of a batch, one place after the other.
pub(crate) struct Bag {
    slots: usize,
    /// Whether each place holds something, 1 or 0: `[slots, B, 1]`.
    there: Tensor,
    /// How many places hold something, at least 1: `[B, 1]`.
    counts: Tensor,
}

/// Whether each place holds something, 1 or 0.
pub(crate) fn holds(ids: &Tensor, dtype: DType) -> Result<Tensor> {
    ids.ne(&Tensor::full(EMPTY, ids.shape(), ids.device())?)?.to_dtype(dtype)
}

impl Bag {
    /// Of ids `[1, slots * B]`, for rows of a type of numbers.
    pub fn of(slots: usize, ids: &Tensor, dtype: DType) -> Result<Self> {
        let there = holds(ids, dtype)?.reshape((slots, (), 1))?;
        let counts = (there.sum(0)? + there.max(0)?.affine(-1.0, 1.0)?)?;
        Ok(Self { slots, there, counts })
    }

    /// Rows `[1, slots * B, dim]` place by place, `[slots, B, dim]`.
    fn by_place(&self, rows: &Tensor) -> Result<Tensor> {
        rows.reshape((self.slots, (), rows.dim(2)?))
    }

    /// What is not there, far below anything else.
    fn sunk(&self, rows: &Tensor) -> Result<Tensor> {
        rows.broadcast_add(&((&self.there - 1.0)? * 1e30)?)
    }

    /// The rows of each bag as one: `[1, B, dim]`.
    pub fn pooled(&self, pool: Pool, rows: &Tensor) -> Result<Tensor> {
        let rows = self.by_place(rows)?;
        let pooled = match pool {
            Pool::Sum => rows.sum(0)?,
            Pool::Mean => rows.sum(0)?.broadcast_div(&self.counts)?,
            // A bag that holds nothing is zeros.
            Pool::Max => self.sunk(&rows)?.max(0)?.broadcast_mul(&self.there.max(0)?)?,
        };
        pooled.unsqueeze(0)
    }

    /// What each place has of the gradient of the pooled rows, `[1, B, dim]`: `[1, slots * B, dim]`.
    pub fn shares(&self, pool: Pool, rows: &Tensor, derivative: &Tensor) -> Result<Tensor> {
        let shares = match pool {
            Pool::Sum => derivative.broadcast_mul(&self.there)?,
            Pool::Mean => derivative.broadcast_div(&self.counts.unsqueeze(0)?)?.broadcast_mul(&self.there)?,
            Pool::Max => {
                // The first place that has the greatest has it all.
                let rows = self.sunk(&self.by_place(rows)?)?;
                let greatest = rows.broadcast_eq(&rows.max_keepdim(0)?)?.to_dtype(rows.dtype())?;
                let first = greatest.eq(&greatest.cumsum(0)?)?.to_dtype(rows.dtype())?;
                (greatest * first)?.broadcast_mul(&self.there)?.broadcast_mul(derivative)?
            }
        };
        let dim = shares.dim(2)?;
        shares.reshape((1, (), dim))
    }
}
