//! The dense slices of one plan, gathered side by side, with an optimiser state of their own for fine-tuning.

use std::ops::Range;

use rayon::prelude::*;

use super::adagrad::Adagrad;
use crate::ops::{Gradients, Program};

/// A copy of a plan's dense parameters, laid out as its programs read them. Training it leaves the store as it was.
#[derive(Clone, Debug, Default)]
pub struct Weights {
    pub(crate) values: Vec<f32>,
    /// Adagrad's sums of the trained ones, laid out as the gradients; empty until the first update.
    state: Vec<f32>,
}

impl Weights {
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The values of one of the plan's dense parameters, row-major at its active shape.
    pub fn param(&self, program: &Program, param: usize) -> &[f32] {
        &self.values[program.weights[param].clone()]
    }

    /// Forgets the optimiser state.
    pub(crate) fn renew(&mut self, len: usize) {
        self.values.resize(len, 0.0);
        self.state.clear();
    }

    /// Updates this copy in place, with a state that started fresh when it was gathered. Rows of tables are
    /// not part of it and stay as they are.
    pub fn apply(&mut self, program: &Program, gradients: &Gradients, rule: Adagrad, scale: f32) {
        self.apply_part(program, 0..program.gradients_len, gradients, rule, scale);
    }

    /// As [`Weights::apply`], only to parameters whose gradients lie in this part.
    pub(crate) fn apply_part(
        &mut self,
        program: &Program,
        part: Range<usize>,
        gradients: &Gradients,
        rule: Adagrad,
        scale: f32,
    ) {
        self.state.resize(program.gradients_len, 0.0);
        let inside = |span: &Range<usize>| !span.is_empty() && part.start <= span.start && span.end <= part.end;
        for (place, span) in program.weights.iter().zip(&program.gradients).filter(|(_, span)| inside(span)) {
            let values = self.values[place.clone()].par_chunks_mut(1 << 14);
            let state = self.state[span.clone()].par_chunks_mut(1 << 14);
            values
                .zip(state)
                .zip(gradients.dense[span.clone()].par_chunks(1 << 14))
                .for_each(|((values, state), gradients)| rule.update(scale, gradients, values, state));
        }
    }
}
