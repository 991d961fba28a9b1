//! A linear layer for each field.

use candle_core::{Result, Tensor};
use nasrec_compiler::primitives::LinearEach;

use super::device::{Back, Forward, Vjp, matmul};
use super::kernels::linear::{Product, backward_bias};
use super::tiled::{Here, Kernel, Lowered, Out, ParamGradients, Site, Stretch};
use super::{Op, Reads};

impl Op for LinearEach {
    fn reads(&self) -> Reads {
        Reads::OPERANDS
    }

    fn lower(&self, site: &Site<'_>) -> Lowered {
        site.step(Each { input: site.input(0)[1], out: site.node.shape[1] })
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        let (fields, out) = (at.node.shape[0], at.node.shape[1]);
        let weight = at.params[0].reshape((fields, out, ()))?;
        let y = matmul(&by_field(at.inputs[0])?, &weight.transpose(1, 2)?)?;
        let y = by_field(&y)?;
        match at.params.get(1) {
            Some(bias) => y.broadcast_add(&bias.reshape((fields, out))?),
            None => Ok(y),
        }
    }

    fn backward(&self, at: &Back<'_>) -> Result<Vjp> {
        let (_, fields, out) = at.dy.dims3()?;
        let (x, dy) = (by_field(at.input(0)?)?, by_field(at.dy)?);
        let dx = by_field(&matmul(&dy, &at.params[0].reshape((fields, out, ()))?)?)?;
        let dw = matmul(&dy.transpose(1, 2)?, &x)?.reshape(at.params[0].shape())?;
        let db = self.bias.then(|| at.dy.sum(0)?.flatten_all()).transpose()?;
        Ok(Vjp::with(dx, std::iter::once(dw).chain(db)))
    }
}

/// Fields first, samples second; or back.
fn by_field(x: &Tensor) -> Result<Tensor> {
    x.transpose(0, 1)?.contiguous()
}

/// The layers as seen in memory: of each field `W [out, in]` times `[in, t]`.
#[derive(Clone, Copy, Debug)]
struct Each {
    input: usize,
    out: usize,
}

impl Each {
    fn products<'a>(&self, here: &'a dyn Here) -> impl Iterator<Item = Product<'a>> {
        let weights = here.weight(0).unwrap_or(&[]).chunks_exact(self.input * self.out);
        let (out, samples) = (self.out, here.samples());
        weights.map(move |weight| Product { outer: 1, out, inner: 1, samples, weight, swapped: None })
    }
}

impl Kernel for Each {
    fn reads(&self, weight_trained: bool) -> Reads {
        if weight_trained { Reads::OPERANDS } else { Reads::NOTHING }
    }

    fn forward(&self, here: &dyn Here, out: Out<'_>) {
        let t = here.samples();
        let inputs = here.operand(0).chunks_exact(self.input * t);
        let biases = here.weight(1).unwrap_or(&[]);
        for (field, ((product, x), y)) in
            self.products(here).zip(inputs).zip(out.y.chunks_exact_mut(self.out * t)).enumerate()
        {
            let bias = biases.get(field * self.out..).filter(|bias| !bias.is_empty()).map(|bias| &bias[..self.out]);
            product.forward(bias, &[(0, x)], y);
        }
    }

    fn backward_params(&self, here: &dyn Here, dy: &[f32], gradients: &mut ParamGradients<'_>) {
        let t = here.samples();
        if let Some((dw, accumulate)) = gradients.get(0) {
            let inputs = here.operand(0).chunks_exact(self.input * t).zip(dy.chunks_exact(self.out * t));
            let each = self.products(here).zip(inputs).zip(dw.chunks_exact_mut(self.input * self.out));
            for ((product, (x, dy)), dw) in each {
                product.backward_weight(&[(0, x)], dy, dw, accumulate);
            }
        }
        if let Some(db) = gradients.take(1) {
            backward_bias(t, dy, db);
        }
    }

    fn writes(&self, index: usize) -> bool {
        index == 0
    }

    fn backward(&self, here: &dyn Here, stretch: Stretch, dy: &[f32], dx: &mut [f32], accumulate: bool) {
        let t = here.samples();
        let (mut at, mut rest) = (stretch.from, dx);
        // A stretch may begin and end within a field.
        while !rest.is_empty() {
            let (field, from) = (at / self.input, at % self.input);
            let len = (self.input - from).min(rest.len() / t);
            let (part, after) = rest.split_at_mut(len * t);
            let Some(product) = self.products(here).nth(field) else { return };
            product.backward_input(from, &dy[field * self.out * t..][..self.out * t], part, accumulate);
            (at, rest) = (at + len, after);
        }
    }
}
