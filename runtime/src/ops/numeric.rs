//! The numeric columns of a batch.

use candle_core::{Result, Tensor};
use nasrec_compiler::primitives::Numeric;

use super::Op;
use super::device::{Back, Forward, Vjp};
use super::tiled::{Here, Kernel, Lowered, Out, Site, Stretch};

impl Op for Numeric {
    fn lower(&self, site: &Site<'_>) -> Lowered {
        site.step(Columns { which: site.node.columns.clone() })
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        Ok(at.inputs[0].clone())
    }

    fn backward(&self, _: &Back<'_>) -> Result<Vjp> {
        Ok(Vjp::of([]))
    }
}

/// The columns that it yields; all of them where it names none.
#[derive(Clone, Debug)]
struct Columns {
    which: Vec<usize>,
}

impl Kernel for Columns {
    fn forward(&self, here: &dyn Here, out: Out<'_>) {
        for (i, y) in out.y.chunks_exact_mut(here.samples()).enumerate() {
            y.copy_from_slice(here.column(self.which.get(i).copied().unwrap_or(i)));
        }
    }

    fn backward(&self, _: &dyn Here, _: Stretch, _: &[f32], _: &mut [f32], _: bool) {}
}
