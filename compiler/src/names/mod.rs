//! What the names of a program mean: where each is defined, and which definition a use of it leads to.
//!
//! Lives here: the lexical index of a file (made of tokens, so that a file with mistakes has one too), names resolved
//! across files as the checker resolves them, and what the language itself names. Places are byte ranges. Never: what
//! is done with the answer (`editor`, `bundle`), or whether a program is sound (`check`).

pub(crate) mod builtin;
mod index;
mod resolve;
mod walk;

pub(crate) use index::{Base, Definition, Role};
pub use index::{FileIndex, Kind};
pub use resolve::{Index, Meaning, Symbol};
pub(crate) use walk::code;
