//! What an editor asks of the compiler: what a name is and where else it is, what could be written here, shapes beside
//! the source.
//!
//! Lives here: hover, completion, rename, symbols and hints over what names mean; places are byte ranges. Never: a
//! protocol, lines and columns, files on disk (a `Loader` reads), what a name means (`names`), or a rule of the language
//! (`check` has them).

mod analysis;
mod completion;
mod hints;
mod hover;
mod project;
mod symbols;

pub use analysis::Analysis;
pub use completion::{Candidate, Completion, Sort, complete};
pub use hints::{Hint, hints};
pub use hover::hover;
pub use project::{Located, Project};
pub use symbols::{Outline, outline};
