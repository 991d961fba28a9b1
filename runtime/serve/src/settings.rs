//! What a server may take, and how long it waits.

use std::time::Duration;

use nasrec_runtime::model::Tables;

/// Bounds of a server.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Threads that models compute with; all of them share these.
    pub threads: usize,
    /// How long the first row of a batch waits for others.
    pub wait: Duration,
    /// Rows that are computed together; a request that has more is a batch of its own.
    pub most: usize,
    /// Rows of a request.
    pub rows: usize,
    /// Bytes of a body.
    pub body: usize,
    /// Bytes of all bodies that are here at one time.
    pub bodies: usize,
    /// Rows that wait for a model; more are refused.
    pub waiting: usize,
    /// Connections at one time.
    pub connections: usize,
    /// From the head of a request to its answer; then for the answer to be taken.
    pub timeout: Duration,
    /// From the last answer, or the beginning, of a connection to the whole head of its next request.
    pub idle: Duration,
    /// Between two looks at the directories of models.
    pub look: Duration,
    /// How models have their embedding tables.
    pub tables: Tables,
    /// Whether batch norms are computed as part of the linear layers before them.
    pub fold_norms: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            wait: Duration::ZERO,
            most: 1024,
            rows: 16_384,
            body: 16 << 20,
            bodies: 256 << 20,
            waiting: 65_536,
            connections: 1024,
            timeout: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            look: Duration::from_secs(1),
            tables: Tables::Read,
            fold_norms: false,
        }
    }
}
