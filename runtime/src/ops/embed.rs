//! Embedding lookups.

use candle_core::{Result, Tensor};
use nasrec_compiler::primitives::Embed;

use super::Op;
use super::device::{Back, Forward, Vjp};
use super::tiled::{Here, Kernel, Lookup, Lowered, Out, Site, Stretch};

impl Op for Embed {
    fn lower(&self, site: &Site<'_>) -> Lowered {
        let of = (0..site.node.params.len()).filter_map(|index| site.node.lookup(&site.plan.params, index));
        site.step(Lookup { dim: site.node.shape[1], at: site.embedded, of: of.collect() })
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        Ok(at.inputs[0].clone())
    }

    fn backward(&self, _: &Back<'_>) -> Result<Vjp> {
        Ok(Vjp::of([]))
    }
}

impl Kernel for Lookup {
    fn looks_up(&self) -> Option<&Lookup> {
        Some(self)
    }

    fn forward(&self, here: &dyn Here, out: Out<'_>) {
        let fields = out.y.chunks_exact_mut(self.dim * here.samples()).zip(&self.of);
        fields.enumerate().for_each(|(index, (y, &of))| here.look_up(index, of, y));
    }

    fn backward(&self, _: &dyn Here, _: Stretch, _: &[f32], _: &mut [f32], _: bool) {}
}
