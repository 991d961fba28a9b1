//! Trains one weight-sharing supernet over a checked space, searches it, and retrains the best.
//!
//! The folders in the order data flows: `data` (tables to batches), `ops` (what each primitive computes), `supernet` (the
//! parameter store), `backend` (where plans are executed), `train`, `search`, `interop`. Operator names never reach
//! this crate: it executes primitives.

pub mod backend;
pub mod data;
mod error;
pub mod interop;
pub mod machine;
mod observe;
mod ops;
pub mod search;
mod simd;
pub mod supernet;
pub mod train;

pub use error::{Error, ProgramError, Result, WeightsError};
pub use observe::{Observer, Silent, Stage, Stop};
