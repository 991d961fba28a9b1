//! The runtime's tests, as modules of one binary, which is linked once.

mod bad_tables;
mod bags;
mod columns;
mod data;
mod encodings;
mod exporting;
mod families;
mod folds;
mod merging;
mod pairs;
mod parquet;
mod predicted;
mod predicting;
mod tables;

#[test]
fn every_file_is_a_module() {
    families::support::modules::all_named("tests/suite.rs", include_str!("suite.rs"));
}
