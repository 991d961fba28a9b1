//! A dense parameter: values and optimiser state, both at the largest shape.

use nasrec_compiler::plan::Init;
use nasrec_compiler::streams::{Streams, at};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Dense {
    pub values: Vec<f32>,
    /// Adagrad's sums.
    pub state: Vec<f32>,
}

impl Dense {
    /// Draws the initial values from the stream of the parameter's name.
    pub(crate) fn drawn(streams: Streams, name: &str, full: &[usize], init: Init) -> Self {
        let len = full.iter().product();
        let mut values = vec![0f32; len];
        draw(init, full, &mut at(streams.key(name), 0), &mut values);
        Self { values, state: vec![0f32; len] }
    }
}

/// Fills `values` with draws for a parameter of this full shape, `[fan_out, fan_in]`.
pub(crate) fn draw(init: Init, full: &[usize], rng: &mut ChaCha8Rng, values: &mut [f32]) {
    let fans = full[0] + full.get(1).copied().unwrap_or(1);
    match init {
        Init::Constant(value) => values.fill(value as f32),
        Init::XavierUniform => {
            let bound = (6.0 / fans as f64).sqrt() as f32;
            values.iter_mut().for_each(|value| *value = (2.0 * rng.random::<f32>() - 1.0) * bound);
        }
        Init::XavierNormal => {
            let deviation = (2.0 / fans as f64).sqrt() as f32;
            values.iter_mut().for_each(|value| *value = rng.sample::<f32, _>(StandardNormal) * deviation);
        }
    }
}
