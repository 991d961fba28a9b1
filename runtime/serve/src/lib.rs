//! Models behind HTTP, by the Open Inference Protocol (KServe's v2): rows come as tensors, one a column, or as JSON objects; what goes
//! back is the probability of each.
//!
//! Lives here: what requests may say (`inputs`, `tensor`, `request`), models at work and which of them has a name now (`queue`, `working`,
//! `models`), the protocol over sockets (`http`), what is counted (`metrics`). Never: how a row is encoded or what a model computes, which
//! `nasrec_runtime` does as for a table; and nothing here trains, or writes a file.
//!
//! Sockets are looked after by a runtime of tokio's, models compute on threads of their own. Everything that somebody else decides the
//! size of has a bound in [`Settings`], and what is beyond it is refused in words.

#![warn(missing_docs)]

mod error;
#[cfg(any(fuzzing, test))]
pub mod fuzzing;
mod http;
pub mod inputs;
pub mod metrics;
mod models;
mod queue;
mod refusal;
pub mod request;
mod server;
mod settings;
pub mod tensor;
mod working;

pub use error::{Error, Result};
pub use models::Named;
pub use refusal::Refusal;
pub use server::Server;
pub use settings::Settings;
