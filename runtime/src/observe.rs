//! How long work tells of its progress and learns that it should stop.

use std::sync::atomic::{AtomicBool, Ordering};

/// One stretch of work with a known or unknown length.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// What is being done, such as `train supernet`.
    pub name: String,
    /// How many units it takes, where that is known.
    pub total: Option<u64>,
    /// What is counted, such as `steps`, `rows` or `bytes`.
    pub unit: &'static str,
}

/// Receives progress; a terminal draws bars, a log prints lines, tests listen to nothing.
pub trait Observer: Sync {
    /// A stage begins; the one before it has ended.
    fn begin(&self, stage: Stage);
    /// `done` units of the current stage are done; `note` is a short figure such as `log loss 0.4521`.
    fn progress(&self, done: u64, note: &str);
    /// The current stage has ended.
    fn end(&self);
    /// A line for the person, outside any bar.
    fn say(&self, line: &str);
}

/// An observer that says nothing.
pub struct Silent;

impl Observer for Silent {
    fn begin(&self, _: Stage) {}
    fn progress(&self, _: u64, _: &str) {}
    fn end(&self) {}
    fn say(&self, _: &str) {}
}

/// A request to stop at the next step boundary, set by Ctrl-C or a termination signal.
#[derive(Debug, Default)]
pub struct Stop(AtomicBool);

impl Stop {
    /// No stop is requested.
    pub const fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Requests a stop; from any thread, and from a signal handler.
    pub fn request(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether a stop was requested.
    pub fn requested(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// [`crate::Error::Stopped`] once a stop was requested.
    pub fn check(&self) -> crate::Result<()> {
        if self.requested() { Err(crate::Error::Stopped) } else { Ok(()) }
    }
}
