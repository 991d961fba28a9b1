//! Trains one weight-sharing supernet over a checked space, searches it, and retrains the best.
//!
//! A [`search::Job`] is what a search does; [`search::search`] does it on a [`backend::Backend`], in a directory from
//! which it goes on after a stop, and tells an [`Observer`] how far it is.
//!
//! ```
//! use nasrec_compiler::loader::Memory;
//! use nasrec_compiler::{ItemKind, Program};
//! use nasrec_runtime::backend::Tiled;
//! use nasrec_runtime::search::{Job, RunDir, search};
//! use nasrec_runtime::{Silent, Stop};
//!
//! let text = "
//! schema clicks { label click; dense I[1..3]; sparse C[1..4]: int | modulo(rows: 40) }
//! space towers {
//!   input numeric: dense
//!   input fields: categorical
//!   width w in [4, 8]
//!   logit = linear(relu(linear(concat(numeric, flatten(embed(fields, 4))), w)) + maybe linear(numeric, w), 1)
//! }
//! search small on towers with clicks {
//!   data { synthetic { rows: 2_000 } }
//!   random { samples: 3 }
//!   evaluate { finetune: off }
//!   retrain { top: 1 }
//! }";
//! let (program, findings) = Program::load("small.nasrec", &Memory::new([("small.nasrec", text)]));
//! assert!(findings.is_empty());
//! let small = program.find(ItemKind::Search, "small").expect("the file defines it");
//! let job = Job::new(&program.search(&small, &[]).expect("it has no mistakes"), ".")?;
//!
//! let folder = tempfile::tempdir()?;
//! let dir = RunDir::create(&folder.path().join("run"))?;
//! let report = search(&job, &dir, &Tiled::new(1)?, &Silent, &Stop::new())?;
//! assert_eq!(report.candidates, 3);
//! assert!(report.best[0].validation.rank() < 1.0, "log loss of the best, trained from scratch");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The folders in the order data flows: `data` (tables to batches), `ops` (what each primitive computes), `supernet` (the
//! parameter store), `backend` (where plans are executed), `train`, `search`, `interop`. This crate executes
//! primitives, and asks for no operator's name.

#![warn(missing_docs)]

pub mod backend;
pub mod data;
mod error;
pub mod interop;
pub mod machine;
mod observe;
mod ops;
pub mod search;
mod simd;
pub mod supernet;
pub mod train;

pub use error::{Error, ProgramError, Result, WeightsError};
pub use observe::{Observer, Silent, Stage, Stop};
