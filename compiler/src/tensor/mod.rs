//! What a tensor and a parameter are, whatever computes them: kinds, axes, shapes, layouts, initial values.
//!
//! Lives here: the ground floor of `primitives`, `ir` and `plan`, each of which says more of the same things. Never:
//! choices, nodes, or where a tensor comes from.

mod kind;
mod layout;
mod param;

pub use kind::{Axis, Shape, TensorKind};
pub use layout::{Layout, Run};
pub use param::{Init, TemplateKind};
