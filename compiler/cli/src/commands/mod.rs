//! The subcommands, but for the language server (`lsp/`).
//!
//! Lives here: a file or a folder for each, with its options, what it says, and what nothing else needs. Never: what
//! several of them share, which lies beside this folder; rules of the language, or figures that a library works out.

pub(crate) mod check;
pub(crate) mod compile;
pub(crate) mod cost;
pub(crate) mod count;
pub(crate) mod data;
pub(crate) mod diff;
pub(crate) mod evaluate;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod fmt;
pub(crate) mod import;
pub(crate) mod new;
pub(crate) mod pack;
pub(crate) mod predict;
pub(crate) mod quantise;
pub(crate) mod rank;
pub(crate) mod sample;
pub(crate) mod search;
pub(crate) mod serve;
pub(crate) mod show;
pub(crate) mod test;
pub(crate) mod train;

pub(crate) use crate::outcome::Outcome;
