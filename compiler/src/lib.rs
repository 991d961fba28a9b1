//! The compiler of the nasrec language: from source text to a checked [`Space`] and the [`plan::Plan`] of an
//! architecture.
//!
//! A [`Program`] is a file and what it imports, read by a [`Loader`]; what it defines is checked when it is asked for,
//! and what is wrong comes as [`diagnostics::Diagnostic`]s. A space over a schema knows its architectures: it counts
//! them, bounds their costs, draws them, and has the plan of each.
//!
//! ```
//! use nasrec_compiler::loader::Memory;
//! use nasrec_compiler::recipe::Counts;
//! use nasrec_compiler::streams::Streams;
//! use nasrec_compiler::{ItemKind, Program};
//!
//! let text = "
//! schema clicks { label click; dense I[1..3]; sparse C[1..4]: int | modulo(rows: 1000) }
//! space towers(dim = 8) {
//!   input numeric: dense
//!   input fields: categorical
//!   width w in [16, 32, 64]
//!   let deep = relu(linear(concat(numeric, flatten(embed(fields, dim))), w))
//!   logit = linear(deep + maybe linear(numeric, w), 1)
//! }";
//! let (mut program, findings) = Program::load("towers.nasrec", &Memory::new([("towers.nasrec", text)]));
//! assert!(findings.is_empty());
//! let clicks = program.find(ItemKind::Schema, "clicks").expect("the file defines it");
//! let clicks = program.schema(&clicks).expect("it has no mistakes");
//!
//! let space = program.space("towers", &[("dim", "16")], &clicks).expect("it fits the schema");
//! assert_eq!(space.choices().len(), 2);
//! let drawn = space.sample(Counts::Uniform, &mut Streams::new(1).rng("sample", 0));
//! let costs = space.costs(&drawn).expect("it has a plan");
//! assert!(costs.macs > 0);
//! assert_eq!(space.plan(&drawn).expect("it has a plan").macs(), costs.macs);
//!
//! // A mistake is a finding with a code and a place, not a panic.
//! let findings = program.space("towers", &[("depth", "2")], &clicks).expect_err("it has no such parameter");
//! assert_eq!(findings[0].message, "space `towers` has no parameter `depth`");
//! ```
//!
//! The folders in the order data flows: `syntax` (text to tree), `check` (tree to meaning), `ir` (the graph of a
//! space), `space` (architectures, and their selection from it), `plan` (what a runtime executes). `primitives` is what
//! operators are written over, `recipe` and `schema` are data that travels, `format` writes source, `names`
//! says what a name means, `bundle` makes items of many files one text, `diagnostics` speaks to people, `editor` answers their editors. Pure, but for a loader that reads files: no other input or output
//! happens here, and no tensor is known.

#![warn(missing_docs)]

pub mod bundle;
pub mod check;
pub mod compare;
mod cost;
pub mod diagnostics;
pub mod draw;
pub mod editor;
mod elsewhere;
pub mod format;
pub mod import;
pub mod ir;
pub mod library;
pub mod loader;
pub mod names;
pub mod outline;
mod place;
pub mod plan;
pub mod primitives;
pub mod recipe;
pub mod schema;
pub mod space;
pub mod streams;
pub mod syntax;
mod tensor;

pub use check::{Baseline, CheckedArch, CheckedSearch, Item, ItemKind, Program};
pub use ir::CheckedSpace;
pub use loader::Loader;
pub use space::{Architecture, Space};
