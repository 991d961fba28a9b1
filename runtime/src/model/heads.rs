//! What a model predicts where it has learnt several labels.

use nasrec_compiler::plan::{Head, Plan};
use nasrec_compiler::primitives::Primitive;
use nasrec_compiler::schema::{Label, Schema};
use smallvec::smallvec;

use super::compact::compacted;
use super::{Evidence, Model, ModelError};
use crate::Result;

impl Model {
    /// The same model without the logits that were trained beside those that it predicts, without what only they need, and without labels that
    /// it does not predict.
    ///
    /// # Errors
    /// What is left does not fit together.
    pub fn without_auxiliary(mut self) -> Result<Self> {
        let told = self.plan.told().len();
        if told == self.plan.heads.len() {
            self.drop_labels();
            return Ok(self);
        }
        let (keep, stored) = (self.store.keep, self.store.params.into_iter().map(Some).collect());
        let mut plan = self.plan;
        plan.heads.truncate(told);
        let Plan { nodes, logit, .. } = &mut plan;
        let joined = &mut nodes[*logit];
        // A logit of several heads is all of them side by side.
        if matches!(joined.primitive, Primitive::Concat(_)) {
            joined.inputs.truncate(told);
            joined.shape = smallvec![told];
            if let [only] = joined.inputs[..] {
                *logit = only;
            }
        }
        let (plan, store) = compacted(plan, stored, keep);
        store.check(&plan)?;
        let mut model = Self { plan, store, ..self };
        model.drop_labels();
        super::directory::check(&model.plan, &model.schema)?;
        Ok(model)
    }

    /// Drops labels of the schema that it does not predict: rows that it is judged on need not tell them.
    fn drop_labels(&mut self) {
        let mut used: Vec<usize> = self.plan.heads.iter().map(|head| head.label).collect();
        used.sort_unstable();
        used.dedup();
        let labels: Vec<Label> = self.schema.labels().cloned().collect();
        // The first one is always there.
        self.schema.other_labels = used.iter().skip(1).filter_map(|&label| labels.get(label).cloned()).collect();
        for head in &mut self.plan.heads {
            head.label = used.binary_search(&head.label).unwrap_or_default();
        }
    }

    /// The model of one of the labels that it predicts alone: the label is the first of its schema, and the only one.
    ///
    /// # Errors
    /// It predicts no label of that name; what is left does not fit together.
    pub fn of_label(self, name: &str) -> Result<Self> {
        let Some(head) = self.plan.told().iter().position(|head| head.called(&self.schema) == name) else {
            let known = self.plan.told().iter().map(|head| head.called(&self.schema).to_owned()).collect();
            return Err(ModelError::NoLabel { label: name.to_owned(), known }.into());
        };
        if self.plan.heads.len() == 1 {
            return Ok(self);
        }
        let (keep, stored) = (self.store.keep, self.store.params.into_iter().map(Some).collect());
        let mut plan = self.plan;
        let label = plan.heads[head].label;
        let joined = &plan.nodes[plan.logit];
        if !matches!(joined.primitive, Primitive::Concat(_)) || joined.inputs.len() != plan.heads.len() {
            let what = "its logits are computed as one, and none can be taken alone".to_owned();
            return Err(ModelError::Unfit { what }.into());
        }
        plan.logit = joined.inputs[head];
        plan.heads = Head::only();
        let label = self.schema.labels().nth(label).cloned();
        let first = label.unwrap_or_else(|| self.schema.label.clone());
        let schema = Schema { label: first, other_labels: Vec::new(), ..self.schema };
        let Evidence { search, run, data, .. } = self.evidence;
        let evidence = Evidence { search, run, data, ..Evidence::default() };
        let (plan, store) = compacted(plan, stored, keep);
        store.check(&plan)?;
        super::directory::check(&plan, &schema)?;
        Ok(Self { plan, store, schema, evidence, ..self })
    }

    /// What it predicts, in the order of its logits: of a model of one label one.
    pub fn heads(&self) -> &[Head] {
        &self.plan.heads
    }

    /// What the probabilities are called that it tells: `probability`, or of several logits `probability_` with the name of each.
    pub fn probability_names(&self) -> Vec<String> {
        probability_names(&self.plan, &self.schema)
    }
}

/// See [`Model::probability_names`].
pub(super) fn probability_names(plan: &Plan, schema: &Schema) -> Vec<String> {
    match &plan.heads[..] {
        [_] => vec!["probability".to_owned()],
        heads => heads.iter().map(|head| format!("probability_{}", head.called(schema))).collect(),
    }
}
