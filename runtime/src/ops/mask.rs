//! Which places of a sequence hold something.

use candle_core::{Result, Tensor};
use nasrec_compiler::plan;
use nasrec_compiler::primitives::Mask;

use super::Op;
use super::device::{Back, Forward, Vjp};
use super::tiled::{Here, Kernel, Lowered, Out, Site, Stretch};
use crate::data::EMPTY;

impl Op for Mask {
    fn lower(&self, site: &Site<'_>) -> Lowered {
        site.step(Places { of: site.node.lookups.clone() })
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        Ok(at.inputs[0].clone())
    }

    fn backward(&self, _: &Back<'_>) -> Result<Vjp> {
        Ok(Vjp::of([]))
    }
}

/// The places that it tells of.
#[derive(Clone, Debug)]
struct Places {
    of: Vec<plan::Lookup>,
}

impl Kernel for Places {
    fn forward(&self, here: &dyn Here, out: Out<'_>) {
        for (y, &of) in out.y.chunks_exact_mut(here.samples()).zip(&self.of) {
            y.iter_mut().zip(here.ids(of)).for_each(|(y, &id)| *y = f32::from(id != EMPTY));
        }
    }

    fn backward(&self, _: &dyn Here, _: Stretch, _: &[f32], _: &mut [f32], _: bool) {}
}
