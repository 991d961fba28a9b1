//! Pictures of spaces and of architectures in them, as SVG.
//!
//! Lives here: what is drawn as one thing (`fold`), where it stands (`layers`, `lanes`, `place`), and how it looks (`svg`, `ink`).
//! Never: files, or what the graph means.

mod fold;
mod ink;
mod lanes;
mod layers;
mod place;
mod svg;
mod words;

use std::collections::HashMap;

use crate::ir::{SchemaSizes, SpaceGraph};
use crate::space::{Architecture, PlanError};

pub(crate) use fold::Figure;

/// How much is drawn as one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// A `let`, an alternative or an iteration is one node, with what it is made of folded inside.
    Operators,
    /// Every primitive is a node.
    Primitives,
}

/// How a part is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Input,
    Operator,
    /// There or not.
    Maybe,
    Choose,
    Pick,
    Repeat,
    Logit,
}

/// What to draw.
pub struct Drawing<'a> {
    /// The space.
    pub graph: &'a SpaceGraph,
    /// The heading of the picture.
    pub title: String,
    /// A line below it; empty where there is nothing to say.
    pub subtitle: String,
    /// How much of the graph is folded.
    pub detail: Detail,
    /// Sizes become numbers where a schema is known.
    pub schema: Option<SchemaSizes>,
    /// Its live part is highlighted; needs a schema.
    pub architecture: Option<&'a Architecture>,
    /// What operators say of themselves, by name.
    pub docs: HashMap<String, String>,
}

/// Draws a space, with an architecture highlighted where there is one.
///
/// # Errors
/// The architecture leaves a live choice open.
pub fn svg(drawing: &Drawing<'_>) -> Result<String, PlanError> {
    let figure = Figure::new(drawing)?;
    let placed = place::place(&figure);
    Ok(svg::write(drawing, &figure, &placed))
}
