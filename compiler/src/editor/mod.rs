//! What an editor asks of the compiler: what a name is and where else it is, what could be written here, shapes beside
//! the source.
//!
//! Lives here: the lexical index of a file (made of tokens, so that a file with mistakes has one too), names resolved
//! across files, and hover, completion, rename, symbols and hints over them; places are byte ranges. Never: a protocol,
//! lines and columns, files on disk (a `Loader` reads), or a rule of the language (`check` has them).

mod analysis;
mod builtin;
mod completion;
mod hints;
mod hover;
mod index;
mod project;
mod resolve;
mod symbols;
mod walk;

pub use analysis::Analysis;
pub use completion::{Candidate, Completion, Sort, complete};
pub use hints::{Hint, hints};
pub use hover::hover;
pub use index::{FileIndex, Kind};
pub use project::{Located, Project};
pub use resolve::{Index, Meaning, Symbol};
pub use symbols::{Outline, outline};
