//! What the logits of a space are of, before a schema says which labels there are.

use crate::diagnostics::{Span, nearest};
use crate::plan::Head;
use crate::schema::Schema;

/// Most logits of a space.
pub const MAX_HEADS: usize = 16;

/// Which label a logit is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OfLabel {
    /// The first of the schema, where a logit has no name.
    First,
    /// The one that is called so.
    Called(String),
    /// This one in the order of the schema, from 1.
    Nth(usize),
}

/// A logit of a space.
#[derive(Clone, Debug, PartialEq)]
pub struct SpaceHead {
    /// Where it has one: of a space that predicts one label, and does not say which, it has none.
    pub name: Option<String>,
    /// The label that it is of.
    pub label: OfLabel,
    /// How much its loss counts.
    pub weight: f64,
    /// Whether it is trained only, and nobody is told what it says.
    pub auxiliary: bool,
    /// Where it is written.
    pub span: Span,
}

impl SpaceHead {
    /// The same with a label of a schema.
    ///
    /// # Errors
    /// The schema has no such label, in words.
    pub(crate) fn bind(&self, schema: &Schema) -> Result<Head, String> {
        let Self { name, label, weight, auxiliary, .. } = self;
        let names = || schema.labels().map(crate::schema::Label::name);
        let known = || names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let (name, label) = match label {
            OfLabel::First => (name.clone(), 0),
            // It goes by what the schema calls it.
            OfLabel::Nth(nth) if *nth <= names().count() => {
                (name.clone().filter(|_| *auxiliary), nth.saturating_sub(1))
            }
            OfLabel::Nth(nth) => {
                let schema = &schema.name;
                return Err(format!("a logit is of label {nth}, and schema `{schema}` has {}", known()));
            }
            OfLabel::Called(label) => match names().position(|name| name == label) {
                Some(found) => (name.clone(), found),
                None => {
                    let near = nearest(label, names()).map(|near| format!("; did you mean `{near}`?"));
                    let (schema, near) = (&schema.name, near.unwrap_or_default());
                    return Err(format!(
                        "a logit is of the label `{label}`, and schema `{schema}` has {}{near}",
                        known()
                    ));
                }
            },
        };
        Ok(Head { name, label, weight: *weight, auxiliary: *auxiliary })
    }
}
