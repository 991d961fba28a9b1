//! A model whose norms over the batch are part of the linear layers before them.
//!
//! `(W x + b - mean) / sqrt(variance + eps) * scale + shift` is a linear layer, too, once training has left the statistics
//! (Jacob et al., arXiv 1712.05877, section 3.2): its rows are those of `W` times `scale / sqrt(variance + eps)`.

use std::sync::Arc;

use nasrec_compiler::plan::{Init, Layout, Node, Param, ParamKind, Plan};
use nasrec_compiler::primitives::{Axis, BatchNorm, Linear, LinearEach, Primitive};
use smallvec::smallvec;

use super::Model;
use super::compact::compacted;
use crate::Result;
use crate::supernet::{Dense, Keep, Store, Stored};

impl Model {
    /// The same model with every norm over the batch that follows a linear layer, and nothing else does, computed by that layer; and how many
    /// these are. What it says differs by rounding.
    ///
    /// # Errors
    /// What is left does not fit together.
    pub fn folded(self) -> Result<(Self, usize)> {
        if !self.plan.nodes.iter().any(|node| matches!(node.primitive, Primitive::BatchNorm(_))) {
            return Ok((self, 0));
        }
        let mut folding = Folding::of(&self.plan, self.store);
        let norms: Vec<usize> = (0..self.plan.nodes.len()).filter(|&node| folding.fold(node)).collect();
        let (plan, store) = folding.finish(&norms);
        store.check(&plan)?;
        super::directory::check(&plan, &self.schema)?;
        Ok((Self { plan, store, ..self }, norms.len()))
    }
}

/// A plan and its parameters while norms become part of linear layers.
struct Folding<'a> {
    plan: &'a Plan,
    nodes: Vec<Node>,
    params: Vec<Param>,
    /// What has not yet gone into the folded model.
    stored: Vec<Option<Stored>>,
    /// How many nodes read each node.
    readers: Vec<usize>,
    keep: Keep,
}

impl<'a> Folding<'a> {
    fn of(plan: &'a Plan, store: Store) -> Self {
        let mut readers = vec![0; plan.nodes.len()];
        plan.nodes.iter().flat_map(|node| &node.inputs).for_each(|&input| readers[input] += 1);
        readers[plan.logit] += 1;
        let (nodes, params) = (plan.nodes.clone(), plan.params.clone());
        let (keep, stored) = (store.keep, store.params.into_iter().map(Some).collect());
        Self { plan, nodes, params, stored, readers, keep }
    }

    fn values(&self, param: usize) -> Option<&[f32]> {
        match self.stored.get(param)?.as_ref()? {
            Stored::Dense(dense) => Some(&dense.values),
            Stored::Table(_) => None,
        }
    }

    /// Makes a norm part of the layer before it, where it can be.
    fn fold(&mut self, at: usize) -> bool {
        let Primitive::BatchNorm(norm) = self.nodes[at].primitive else { return false };
        let layer = self.nodes[at].inputs[0];
        let rows = match (self.nodes[layer].primitive, self.nodes[layer].shape.as_slice()) {
            (Primitive::Linear(Linear { axis: Axis::Last, .. }), &[width]) => width,
            (Primitive::LinearEach(_), &[fields, width]) => fields * width,
            _ => return false,
        };
        // Others would read what the norm made of it, or share what it is multiplied with.
        let uses = |param: usize| self.plan.nodes.iter().filter(|node| node.params.contains(&param)).count();
        if self.readers[layer] != 1 || self.nodes[layer].params.iter().any(|&param| uses(param) != 1) {
            return false;
        }
        let Some((factors, offsets)) = self.linear_of(norm, at, rows) else { return false };
        let weight = self.nodes[layer].params[0];
        let bias = self.nodes[layer].params.get(1).copied();
        if let Some(Some(Stored::Dense(dense))) = self.stored.get_mut(weight) {
            let columns = dense.values.len() / rows;
            for (row, &factor) in dense.values.chunks_exact_mut(columns.max(1)).zip(&factors) {
                row.iter_mut().for_each(|value| *value = (f64::from(*value) * factor) as f32);
            }
        }
        match bias.and_then(|bias| self.stored[bias].as_mut()) {
            Some(Stored::Dense(dense)) => {
                for ((value, factor), offset) in dense.values.iter_mut().zip(&factors).zip(&offsets) {
                    *value = (f64::from(*value) * factor + offset) as f32;
                }
            }
            _ => self.give_bias(layer, weight, &offsets),
        }
        true
    }

    /// What a norm multiplies each of its positions with, and what it adds.
    fn linear_of(&self, norm: BatchNorm, at: usize, rows: usize) -> Option<(Vec<f64>, Vec<f64>)> {
        let of: Vec<&[f32]> = self.nodes[at].params.iter().filter_map(|&param| self.values(param)).collect();
        let [scale, shift, mean, variance] = of[..] else { return None };
        if of.iter().any(|values| values.len() != rows) {
            return None;
        }
        let factor = |at: usize| f64::from(scale[at]) / (f64::from(variance[at]) + norm.eps).sqrt();
        let factors: Vec<f64> = (0..rows).map(factor).collect();
        let offset = |at: usize| f64::from(shift[at]) - f64::from(mean[at]) * factors[at];
        let offsets: Vec<f64> = (0..rows).map(offset).collect();
        factors.iter().chain(&offsets).all(|value| value.is_finite()).then_some((factors, offsets))
    }

    /// A layer that had no bias has one.
    fn give_bias(&mut self, layer: usize, weight: usize, offsets: &[f64]) {
        let name = &self.params[weight].name;
        let name: Arc<str> = format!("{}.folded", name.strip_suffix(".weight").unwrap_or(name)).into();
        let (id, len) = (self.params.len(), offsets.len());
        self.params.push(Param {
            id,
            name: Arc::clone(&name),
            full: smallvec![len],
            axes: smallvec![Layout::prefix(len)],
            kind: ParamKind::Dense,
            init: Init::Constant(0.0),
        });
        let values = offsets.iter().map(|&value| value as f32).collect();
        self.stored.push(Some(Stored::Dense(Dense::of(values, self.keep))));
        let node = &mut self.nodes[layer];
        node.params.push(id);
        match &mut node.primitive {
            Primitive::Linear(linear) => linear.bias = true,
            Primitive::LinearEach(LinearEach { bias, .. }) => *bias = true,
            _ => {}
        }
    }

    /// The plan without these norms, and what it still reads.
    fn finish(mut self, norms: &[usize]) -> (Plan, Store) {
        let mut place: Vec<usize> = (0..self.nodes.len()).collect();
        for (at, node) in self.nodes.iter_mut().enumerate() {
            node.inputs.iter_mut().for_each(|input| *input = place[*input]);
            if norms.contains(&at) {
                place[at] = node.inputs[0];
            }
        }
        let logit = place[self.plan.logit];
        let plan = Plan { nodes: self.nodes, params: self.params, logit, ..self.plan.clone() };
        compacted(plan, self.stored, self.keep)
    }
}
