//! The tests from end to end, as modules of one binary, which is linked once.
//!
//! They share a process: none changes its working folder, its environment or the threads that all use. What does (the
//! command limits its threads and answers Ctrl-C) or what is measured over a whole process (its memory) runs as a child.

mod alone;
mod bad_predictions;
mod book;
mod boosted;
mod bounded;
mod budgets;
mod cli;
mod described;
// What it stands between is glibc and a program.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod faults;
mod finetuning;
mod first_tables;
mod fixes;
mod fuxictr;
mod health;
mod highlighting;
mod identity;
mod invariants;
mod labels;
mod looks;
mod lsp;
mod memory;
mod messages;
mod models;
mod nets;
#[cfg(feature = "object-storage")]
mod objects;
mod operators;
mod papers;
mod parity;
mod predicted;
mod predicting;
mod quickstart;
mod ranking;
mod reading;
mod repeated;
mod resume;
mod runs;
mod sampling;
// Objects, from where their own tests have them.
mod sections;
#[cfg(feature = "object-storage")]
#[path = "../runtime/storage/tests/server/mod.rs"]
#[allow(dead_code, reason = "of its faults these tests take one")]
mod server;
mod serving;
mod stopping;
mod support;
mod surveys;
mod terminals;
mod trainings;
mod trials;
mod tuning;
mod tutorial;
mod ui;
mod written;

#[test]
fn every_file_is_a_module() {
    support::modules::all_named("../../tests/end_to_end.rs", include_str!("end_to_end.rs"));
}
