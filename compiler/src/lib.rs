//! The compiler of the nasrec language: from source text to a checked [`Space`] and the [`plan::Plan`] of an
//! architecture.
//!
//! The folders in the order data flows: `syntax` (text to tree), `check` (tree to meaning), `ir` (the graph of a
//! space), `space` (architectures, and their selection from it), `plan` (what a runtime executes). `primitives` is what
//! operators are written over, `recipe` and `schema` are data that travels, `format` writes source, `diagnostics`
//! speaks to people, `editor` answers their editors. Pure: no input or output happens here, and no tensor is known.

pub mod check;
pub mod compare;
pub mod cost;
pub mod diagnostics;
pub mod draw;
pub mod editor;
pub mod format;
pub mod import;
pub mod ir;
pub mod library;
pub mod loader;
pub mod outline;
mod place;
pub mod plan;
pub mod primitives;
pub mod recipe;
pub mod schema;
pub mod space;
pub mod streams;
pub mod syntax;
pub mod tensor;

pub use check::{CheckedArch, CheckedSearch, Item, ItemKind, Program};
pub use ir::CheckedSpace;
pub use loader::Loader;
pub use space::{Architecture, Space};
