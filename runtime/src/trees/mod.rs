//! Gradient-boosted trees over an encoded table: what a network has to beat, above all where rows are few.
//!
//! Lives here: what the columns of a table become for trees, how one tree is grown, and how many are. Never: which rows they
//! learn from and are told on, or what is written down of them (`search`).
//!
//! Trees are grown leaf by leaf on histograms (Ke et al., LightGBM, NIPS 2017), each on some of the columns. Numbers are taken as
//! the schema has them; of a category trees see its click rate among the training rows, out of fold, and the logarithm of how
//! many these are (`data`'s tallies, by which `target` and `count` of a schema come about as well). All sums are
//! taken in the order of the rows, one column by one thread: the same rows and seed give the same trees, whatever the threads.

mod boost;
mod columns;
mod grow;
mod growth;

pub(crate) use boost::{Boosting, Until, memory};
pub(crate) use growth::{Growth, MOST_LEAVES};
