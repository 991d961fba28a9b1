//! What the logits of a plan are of.

use serde::{Deserialize, Serialize};

use super::Plan;
use crate::schema::{Label, Schema};

/// One number of the logit: of which label it is, and how much its loss counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// What the space calls it, where it has several logits or says of which label one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Index into [`Schema::labels`](crate::schema::Schema::labels).
    pub label: usize,
    /// How many times its loss counts beside those of the others.
    pub weight: f64,
    /// Whether it is trained only, and nobody is told what it says: such are behind the others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub auxiliary: bool,
}

impl Head {
    /// What a model of one label has: the first label of the schema.
    pub fn only() -> Vec<Self> {
        vec![Self { name: None, label: 0, weight: 1.0, auxiliary: false }]
    }

    /// Which of them models are compared by: the one of the first label, which a space has.
    pub fn main(heads: &[Self]) -> usize {
        heads.iter().position(|head| head.label == 0 && !head.auxiliary).unwrap_or_default()
    }

    /// What its logit is called: as in the space, or as its label.
    pub fn called<'a>(&'a self, schema: &'a Schema) -> &'a str {
        let label = || schema.labels().nth(self.label).map_or("logit", Label::name);
        self.name.as_deref().unwrap_or_else(label)
    }

    /// Whether a model has no other.
    pub(super) fn is_only(heads: &Vec<Self>) -> bool {
        *heads == Self::only()
    }
}

impl Plan {
    /// The heads that are told, which are the first of all; at least one.
    pub fn told(&self) -> &[Head] {
        let told = self.heads.iter().take_while(|head| !head.auxiliary).count();
        &self.heads[..told]
    }
}
