//! The compiler's tests, as modules of one binary, which is linked once.

mod arithmetic;
mod budgets;
mod bundles;
mod columns;
mod conflicts;
mod constraints;
mod costs;
mod counts;
mod distinct;
mod docs;
mod editor;
mod format;
mod formatter;
mod full_paths;
mod generate;
mod generated;
mod given;
mod inputs;
mod instances;
mod laws;
mod lints;
mod memory;
mod pages;
mod passes;
mod plans;
mod required;
mod robustness;
mod rules;
mod small_spaces;
#[path = "../../tests/support/mod.rs"]
mod support;

#[test]
fn every_file_is_a_module() {
    support::modules::all_named("tests/suite.rs", include_str!("suite.rs"));
}
