//! A dense parameter: values and what the optimiser remembers of them, all at the largest shape.

use nasrec_compiler::plan::{Init, Param};
use nasrec_compiler::streams::{Streams, at};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use super::average::Average;
use super::optimiser::{Memory, Prepared};
use super::slices::{self, Stretch};
use super::store::Keep;
use crate::{Result, WeightsError};

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Dense {
    pub values: Vec<f32>,
    /// What the optimiser remembers, each as long as the values or empty.
    pub memory: [Vec<f32>; 2],
    /// The means of a moving average, as many as there are values or none.
    pub average: Vec<f32>,
}

impl Dense {
    /// Draws the initial values from the stream of the parameter's name.
    pub(crate) fn drawn(streams: Streams, name: &str, full: &[usize], init: Init, keep: Keep) -> Result<Self> {
        let len = full.iter().try_fold(1usize, |len, &size| len.checked_mul(size));
        let mut values = Vec::new();
        // What cannot be had is an error, not the end of the process.
        let Some(len) = len.filter(|&len| values.try_reserve_exact(len).is_ok()) else {
            return Err(WeightsError::Memory { parameter: name.to_owned(), shape: full.to_vec() }.into());
        };
        values.resize(len, 0.0);
        draw(init, full, &mut at(streams.key(name), 0), &mut values);
        Ok(Self::of(values, keep))
    }

    /// These values, before any step.
    pub(crate) fn of(values: Vec<f32>, keep: Keep) -> Self {
        let len = values.len();
        Self { values, memory: fresh(keep.memory, len), average: vec![0f32; if keep.average { len } else { 0 }] }
    }

    /// Only the active part.
    pub(crate) fn sliced(&self, param: &Param) -> Self {
        let cut = |full: &Vec<f32>| {
            let mut active = vec![0f32; if full.is_empty() { 0 } else { param.len() }];
            if !full.is_empty() {
                slices::gather(param, full, &mut active);
            }
            active
        };
        Self { values: cut(&self.values), memory: self.memory.each_ref().map(cut), average: cut(&self.average) }
    }

    /// Updates the active part in place.
    pub(crate) fn apply(&mut self, param: &Param, gradients: &[f32], rule: &Prepared) {
        let [first, second] = &mut self.memory;
        let all = Stretch { gradients, values: &mut self.values, first, second };
        slices::update(param, all, &|part: Stretch| {
            rule.update(part.gradients, part.values, part.first, part.second);
        });
    }

    /// Moves the means, where there are any, as the end of a step does.
    pub(crate) fn follow(&mut self, average: Average) {
        average.follow(&mut self.average, &self.values, 1);
    }

    /// The averages alone; the values, where there are none.
    pub(crate) fn averaged(&self, average: Average) -> Self {
        let values = match average.unbias().filter(|_| !self.average.is_empty()) {
            Some(by) => self.average.iter().map(|mean| by * mean).collect(),
            None => self.values.clone(),
        };
        Self { values, memory: Default::default(), average: Vec::new() }
    }

    /// Forgets what the optimiser remembers, and the average.
    pub(crate) fn renew(&mut self) {
        self.memory.iter_mut().chain([&mut self.average]).for_each(|memory| memory.fill(0.0));
    }
}

/// What an optimiser remembers of so many values before its first step.
pub(crate) fn fresh(memory: Memory, len: usize) -> [Vec<f32>; 2] {
    [0, 1].map(|which| vec![0f32; if which < memory.of_value() { len } else { 0 }])
}

/// Fills `values` with draws for a parameter of this full shape, `[fan_out, fan_in]`.
pub(crate) fn draw(init: Init, full: &[usize], rng: &mut ChaCha8Rng, values: &mut [f32]) {
    let fans = full[0] + full.get(1).copied().unwrap_or(1);
    match init {
        Init::Constant(value) => values.fill(value as f32),
        Init::XavierUniform => within((6.0 / fans as f64).sqrt(), rng, values),
        Init::LecunUniform => within((3.0 / (fans - full[0]) as f64).sqrt(), rng, values),
        Init::XavierNormal => {
            let deviation = (2.0 / fans as f64).sqrt() as f32;
            values.iter_mut().for_each(|value| *value = rng.sample::<f32, _>(StandardNormal) * deviation);
        }
        Init::Normal(deviation) => {
            values.iter_mut().for_each(|value| *value = rng.sample::<f32, _>(StandardNormal) * deviation as f32);
        }
    }
}

/// Draws that are uniform from minus `bound` to it.
fn within(bound: f64, rng: &mut ChaCha8Rng, values: &mut [f32]) {
    values.iter_mut().for_each(|value| *value = (2.0 * rng.random::<f32>() - 1.0) * bound as f32);
}
