//! The memory of each phase of a search, and how it is told.

use std::fmt::Write;

use crate::backend::tiled::Footprint;
use crate::machine::Bytes;

/// What the process takes whatever it does: code, stacks, buffers of files.
const BASE: u64 = 96 << 20;

/// The allocator holds back one part in so many.
const HELD_BACK: u64 = 16;

/// What a phase of a search takes, at most, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phase {
    /// As the table of memory calls it.
    pub name: &'static str,
    /// Dense parameters and what the optimiser remembers of them.
    pub dense: u64,
    /// Rows of embedding tables that the data can touch, and what the optimiser remembers of them.
    pub tables: u64,
    /// What executing takes.
    pub executing: Footprint,
    /// Lists of rows and batches that are held.
    pub data: u64,
    /// Programs of paths that are kept.
    pub programs: u64,
}

const PROGRAMS: &str = "programs of paths";

impl Phase {
    fn parts(&self) -> [(&'static str, u64); 6] {
        [
            ("dense parameters", self.dense),
            ("embedding tables", self.tables),
            ("gradients", self.executing.gradients),
            ("activations", self.executing.activations),
            ("batches, lists of rows", self.data),
            (PROGRAMS, self.programs),
        ]
    }

    /// The name of the largest part that something in a file makes smaller: nothing makes programs smaller or fewer.
    pub(super) fn largest(&self) -> &'static str {
        let parts = self.parts().into_iter().filter(|(name, _)| *name != PROGRAMS);
        parts.max_by_key(|(_, bytes)| *bytes).map_or("", |(name, _)| name)
    }

    /// All of it, with what the process and the allocator take besides.
    pub fn total(&self) -> u64 {
        let parts = self.parts().iter().fold(0u64, |sum, (_, bytes)| sum.saturating_add(*bytes));
        parts.saturating_add(parts / HELD_BACK).saturating_add(BASE)
    }
}

/// What is said of a search that needs more than `budget`.
pub(super) fn described(what: &str, phases: &[Phase], budget: Bytes, advice: &str) -> String {
    let most = phases.iter().map(Phase::total).max().unwrap_or(0);
    let mut text = format!("this {what} needs up to {} of memory, and may take {budget}:\n", Bytes(most));
    let names: String = phases.iter().map(|phase| format!("{:>12}", phase.name)).collect();
    let _written = writeln!(text, "  {:<24}{names}", "");
    for (part, (name, _)) in Phase::default().parts().into_iter().enumerate() {
        let numbers: String = phases.iter().map(|phase| format!("{:>12}", Bytes(phase.parts()[part].1))).collect();
        let _written = writeln!(text, "  {name:<24}{numbers}");
    }
    let totals: String = phases.iter().map(|phase| format!("{:>12}", Bytes(phase.total()))).collect();
    let _written = writeln!(text, "  {:<24}{totals}", "together");
    let _written = write!(text, "{advice}; or let it take more with --memory");
    text
}
