//! Architectures drawn from a space, and changed by chance.
//!
//! Lives here: draws of paths, of encodings, of architectures that differ and of those within a budget, and mutation. Never: a generator that is
//! kept, or which draw is wanted next.

mod sample;
mod uniform;
mod walk;

pub(super) use sample::PROBES;
pub use sample::Sampling;
pub(super) use uniform::{Different, below};
pub use walk::Walk;
