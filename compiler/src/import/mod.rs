//! Architectures from elsewhere, as values for the choices of one of our spaces.
//!
//! Lives here: foreign notations and the names that foreign weights have. Never: reading files, tensors.

mod nasrec;

pub use nasrec::{ImportError, NasrecNet};
