//! Dense slices of one plan, gathered side by side, with an optimiser's memory of their own for fine-tuning.

use std::ops::Range;
use std::sync::Arc;

use nasrec_compiler::plan::{Param, Plan};

use super::buffer::{lengthen, side_by_side};
use super::dense::fresh;
use super::direct::Direct;
use super::gradients::Gradients;
use super::optimiser::{Memory, Rule};
use super::slices::Stretch;
use super::store::follow;
use super::table::Table;

/// Copies of those dense parameters of a plan that are not read where they lie. Training them leaves the store as it was.
#[derive(Clone, Debug, Default)]
pub struct Weights {
    pub(crate) values: Vec<f32>,
    /// Where each of the plan's parameters lies among the values; empty for what was not copied.
    pub(crate) spans: Vec<Range<usize>>,
    /// What the optimiser remembers of the trained ones, laid out as the gradients; nothing until the first update.
    memory: Option<(Memory, [Vec<f32>; 2])>,
    /// Of parameters by their number in the plan, those with two axes that were [swapped](Self::swap).
    swapped: Vec<Vec<f32>>,
    /// Of tables by their number in the plan, those whose rows are read [directly](Self::read_directly).
    direct: Vec<Option<Arc<Direct>>>,
}

impl Weights {
    /// All values, in the order of the parameters.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The values of one of the plan's dense parameters, row-major at its active shape; of others, and what was not
    /// copied, none.
    pub fn param(&self, param: usize) -> &[f32] {
        self.spans.get(param).map_or(&[], |span| &self.values[span.clone()])
    }

    /// Holds a parameter of the plan, `[rows, columns]`, once more as `[columns, rows]`, for what reads it that way. What trains the parameter
    /// must not do so.
    pub(crate) fn swap(&mut self, param: usize, values: &[f32], rows: usize) {
        if self.swapped.len() <= param {
            self.swapped.resize_with(param + 1, Vec::new);
        }
        let columns = values.len() / rows.max(1);
        self.swapped[param] = (0..values.len()).map(|i| values[i % rows * columns + i / rows]).collect();
    }

    /// A parameter that was swapped.
    pub(crate) fn swapped(&self, param: usize) -> Option<&[f32]> {
        self.swapped.get(param).map(Vec::as_slice).filter(|values| !values.is_empty())
    }

    /// Has the rows of a table of the plan read without its index from now on, where that is worth its memory. What trains the table must
    /// not do so.
    pub(crate) fn read_directly(&mut self, param: usize, table: &Table) {
        if self.direct.len() <= param {
            self.direct.resize(param + 1, None);
        }
        self.direct[param] = Direct::of(table).map(Arc::new);
    }

    /// A table whose rows are read directly.
    pub(crate) fn direct(&self, param: usize) -> Option<&Direct> {
        self.direct.get(param)?.as_deref()
    }

    /// Moves the copy of a statistic this share of the way to what was found.
    pub(crate) fn follow(&mut self, param: usize, found: &[f32], share: f32) {
        if let Some(span) = self.spans.get(param) {
            follow(&mut self.values[span.clone()], found, share);
        }
    }

    /// Whether all that has a gradient is among them.
    pub(crate) fn cover(&self, gradients: &[Range<usize>]) -> bool {
        let mut trained = gradients.iter().enumerate().filter(|(_, span)| !span.is_empty());
        trained.all(|(param, span)| self.param(param).len() == span.len())
    }

    /// Makes room for those of the plan's dense parameters, and forgets what the optimiser remembers.
    pub(crate) fn renew(&mut self, plan: &Plan, copied: impl Fn(usize, &Param) -> bool) {
        let (spans, len) = side_by_side(plan, copied);
        self.spans = spans;
        lengthen(&mut self.values, len);
        self.memory = None;
    }

    /// Updates parameters whose gradients lie in this part, with a memory that started fresh when they were gathered or
    /// when the kind of rule changed.
    pub(crate) fn apply(&mut self, part: Range<usize>, gradients: &Gradients, rule: Rule, scale: f32) {
        let (wanted, len) = (rule.memory(), gradients.dense.len());
        if self.memory.as_ref().is_none_or(|(known, _)| *known != wanted) {
            self.memory = Some((wanted, fresh(wanted, len)));
        }
        let Some((_, memories)) = &mut self.memory else { return };
        // A program that trains more than the one before starts the rest afresh.
        memories.iter_mut().filter(|memory| !memory.is_empty()).for_each(|memory| memory.resize(len, 0.0));
        let [first, second] = memories;
        let rule = rule.prepared(scale);
        let within = |memory: &[f32], span: &Range<usize>| if memory.is_empty() { 0..0 } else { span.clone() };
        let inside = |span: &Range<usize>| !span.is_empty() && part.start <= span.start && span.end <= part.end;
        for (place, span) in self.spans.iter().zip(&gradients.spans).filter(|(_, span)| inside(span)) {
            let (in_first, in_second) = (within(first, span), within(second, span));
            let all = Stretch {
                gradients: &gradients.dense[span.clone()],
                values: &mut self.values[place.clone()],
                first: &mut first[in_first],
                second: &mut second[in_second],
            };
            all.shared_out(&|part: Stretch| rule.update(part.gradients, part.values, part.first, part.second));
        }
    }
}
