//! Derivatives against finite differences, values worked out by hand, and the backends against each other.

mod bags;
mod batch_norm;
mod cases;
mod derivatives;
mod dropout;
mod heads;
pub(crate) mod sketch;
mod stopping;
mod values;
mod weights;
