//! Field `i` of one tensor times field `j` of another for `j < i`, element by element.

use candle_core::{Result, Tensor};
use nasrec_compiler::primitives::PairProducts;

use super::device::{Back, Forward, Positions, Vjp, to_square};
use super::field_products::OfPairs;
use super::kernels::products::Pairs;
use super::tiled::{Lowered, Site};
use super::{Op, Reads};

impl Op for PairProducts {
    fn reads(&self) -> Reads {
        Reads::OPERANDS
    }

    fn lower(&self, site: &Site<'_>) -> Lowered {
        site.step(OfPairs { pairs: Pairs::Below { n: site.input(0)[0] }, e: site.input(0)[1] })
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        let (a, b) = (at.inputs[0], at.inputs[1]);
        let n = a.dim(1)?;
        let (rows, columns) = (at.indices.get(Positions::Row, n)?, at.indices.get(Positions::Column, n)?);
        a.index_select(&rows, 1)? * b.index_select(&columns, 1)?
    }

    /// Sums over a square, of which the triangle is the gradient: in one order, whatever the device.
    fn backward(&self, at: &Back<'_>) -> Result<Vjp> {
        let (a, b) = (at.input(0)?, at.input(1)?);
        let (samples, n, e) = a.dims3()?;
        let square = to_square(at.indices, n, at.dy)?.reshape((samples, n, n, e))?;
        let da = square.broadcast_mul(&b.unsqueeze(1)?)?.sum(2)?;
        let db = square.broadcast_mul(&a.unsqueeze(2)?)?.sum(1)?;
        Ok(Vjp::of([da, db]))
    }
}
