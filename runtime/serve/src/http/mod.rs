//! The protocol over sockets.
//!
//! Lives here: which connections there are and how long one may take (`connections`, `patience`), bodies as they come in (`body`), what
//! each address answers (`routes`, `infer`, `openapi`). Never: what a body says, or what a model does with it.

mod body;
mod connections;
mod infer;
mod openapi;
mod patience;
mod routes;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::sync::Semaphore;

pub(crate) use body::permits;
pub(crate) use connections::serve;

use crate::metrics::Connections;
use crate::models::Models;
use crate::settings::Settings;

/// What all requests share.
pub(crate) struct Shared {
    pub models: Models,
    pub settings: Settings,
    pub connections: Connections,
    /// Of the memory that bodies may take.
    pub bodies: Arc<Semaphore>,
    /// Whether nothing new is taken on any more.
    pub stopping: AtomicBool,
}
