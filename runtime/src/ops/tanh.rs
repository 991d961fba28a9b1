//! The hyperbolic tangent, element by element.

use candle_core::{Result, Tensor};
use nasrec_compiler::primitives::Tanh;

use super::device::{Back, Forward, Vjp};
use super::kernels::{elementwise, simd};
use super::tiled::{Here, Kernel, Lowered, Out, Site, Stretch};
use super::{Op, Reads};

/// To within `3e-7` of the value, near 0 too, where `1 - 2 / (e^2x + 1)` loses all digits: there it is a quotient of
/// polynomials, Lambert's continued fraction after its fifth term. Branch-free; NaN stays NaN.
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    let size = x.abs();
    let square = x * x;
    let near = size * (945.0 + square * (105.0 + square)) / (945.0 + square * (420.0 + 15.0 * square));
    let far = 1.0 - 2.0 / (simd::exp(2.0 * size) + 1.0);
    let y = if size < 0.6 { near } else { far };
    y.copysign(x)
}

impl Op for Tanh {
    fn reads(&self) -> Reads {
        Reads::OUTPUT
    }

    fn lower(&self, site: &Site<'_>) -> Lowered {
        site.step(*self).nonzero(site.live[0])
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        at.inputs[0].tanh()
    }

    fn backward(&self, at: &Back<'_>) -> Result<Vjp> {
        let y = at.output()?;
        Ok(Vjp::of([(at.dy * y.sqr()?.affine(-1.0, 1.0)?)?]))
    }
}

impl Kernel for Tanh {
    fn reads(&self, _: bool) -> Reads {
        Op::reads(self)
    }

    fn forward(&self, here: &dyn Here, out: Out<'_>) {
        elementwise::map(out.y, false, here.operand(0), tanh);
    }

    fn backward(&self, here: &dyn Here, _: Stretch, dy: &[f32], dx: &mut [f32], accumulate: bool) {
        elementwise::zip(
            dx,
            accumulate,
            here.value(),
            dy,
            #[inline(always)]
            |y, dy| dy * (1.0 - y * y),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::tanh;

    #[test]
    fn it_is_accurate_keeps_signs_and_nan_and_saturates() {
        for step in -200_000..=200_000 {
            let x = step as f32 * 5e-5;
            let exact = f64::from(x).tanh();
            assert!((f64::from(tanh(x)) - exact).abs() <= 3e-7 * exact.abs(), "{x}: {} {exact}", tanh(x));
        }
        assert!((tanh(1e-30) / 1e-30 - 1.0).abs() <= 3e-7);
        assert_eq!((tanh(f32::INFINITY), tanh(f32::NEG_INFINITY)), (1.0, -1.0));
        assert!(tanh(-0.0).is_sign_negative() && tanh(f32::NAN).is_nan());
    }
}
