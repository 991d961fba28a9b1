//! The files of a run directory: what each is called, what it holds, and which of them are nobody else's business.

use std::fmt::Write;

/// What makes a directory that of a run.
pub(crate) const RECORD: &str = "run.json";
pub(crate) const JOURNAL: &str = "journal.jsonl";
pub(crate) const CACHE: &str = "data.cache";
pub(crate) const FOLDS: &str = "data.folds";
pub(crate) const SUPERNET: &str = "supernet.safetensors";
pub(crate) const BEST: &str = "best";
pub(crate) const BEST_SOURCE: &str = "best.nasrec";
pub(crate) const REPORT: &str = "report.json";
const REPORT_TEXT: &str = "report.txt";
pub(crate) const USAGE: &str = "usage.json";
pub(crate) const LOCK: &str = "lock";
pub(crate) const SOURCES: &str = "sources";
pub(crate) const ABOUT: &str = "README.txt";
/// What is there only where something was trained, whatever the journal says.
pub(super) const TRAINED: [&str; 5] = [SUPERNET, BEST, BEST_SOURCE, REPORT, REPORT_TEXT];

/// A file or folder of a run directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// As it is called.
    pub name: &'static str,
    /// What is in it.
    pub holds: &'static str,
    /// What it tells of the table or of the machine, so that it is not passed on without a thought.
    pub private: Option<&'static str>,
}

/// Every file and folder of a run directory that stays.
pub const PARTS: [Part; 12] = [
    part("best", "the model that was found, complete in itself: its schema, plan, weights and figures"),
    part("best.nasrec", "its architecture as a source file that needs no other"),
    part("report.txt", "the table of results"),
    part("report.json", "the same as data"),
    part("journal.jsonl", "what was done, one JSON object a line: every candidate, every training, with its figures"),
    part("supernet.safetensors", "the weights of the trained supernet, and what its optimiser remembers"),
    private("sources", "copies of the .nasrec files that were searched", "they are yours"),
    private("run.json", "what is run, and a checksum of each copy", "it names folders of this machine"),
    private("data.cache", "the table, encoded", "it holds every row"),
    private("data.folds", "the same by what is learnt of other rows, where those judge the best", "it holds every row"),
    part("usage.json", "the most memory that a process of the run has held"),
    part("lock", "nothing: who works here holds it"),
];

const fn part(name: &'static str, holds: &'static str) -> Part {
    Part { name, holds, private: None }
}

const fn private(name: &'static str, holds: &'static str, why: &'static str) -> Part {
    Part { name, holds, private: Some(why) }
}

/// What a run directory says of itself.
pub(crate) fn about() -> String {
    let mut out = String::from(
        "A run of nasrecc. `nasrecc search --resume DIR` goes on with it, and ends like a run that was never stopped;\n\
         `nasrecc pack DIR` makes a file of what may be passed on.\n\n",
    );
    for Part { name, holds, private } in PARTS {
        let _written = write!(out, "{name:<22}{holds}");
        let _written = match private {
            Some(why) => writeln!(out, " (private: {why})"),
            None => writeln!(out),
        };
    }
    out.push_str("\nFiles named NAME-STEP.safetensors are trainings that are not finished.\n");
    out
}
