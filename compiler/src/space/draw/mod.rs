//! Architectures drawn from a space, and changed by chance.
//!
//! Lives here: draws of paths, of encodings and of architectures that differ, and mutation. Never: a generator that is
//! kept, or which draw is wanted next.

mod sample;
mod uniform;

pub(super) use sample::PROBES;
pub use sample::Sampling;
pub(super) use uniform::{Different, below};
