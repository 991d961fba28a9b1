//! Trains one weight-sharing supernet over a checked space, searches it, and retrains the best.
//!
//! A [`run::Job`] is what a search does; a [`run::Run`] does it in a directory of its own; [`search::search`] does it on a
//! [`backend::Backend`], going on after a stop, and tells an [`Observer`] how far it is. What it finds is a
//! [`model::Model`].
//!
//! ```
//! use nasrec_compiler::loader::Memory;
//! use nasrec_compiler::{ItemKind, Program};
//! use nasrec_runtime::backend::Tiled;
//! use nasrec_runtime::model::Model;
//! use nasrec_runtime::run::{Job, Origin, Run};
//! use nasrec_runtime::search::search;
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
//! let path = folder.path().join("run");
//! let run = Run::start(&path, job, Origin { program: &program, search: "small", settings: &[] })?;
//! let report = search(&run, &Tiled::new(1)?, &Silent, &Stop::new())?;
//! assert_eq!(report.candidates, 3);
//! assert!(report.best[0].validation.rank() < 1.0, "log loss of the best, trained from scratch");
//! let model = Model::load(&path.join("best"))?;
//! assert_eq!(model.evidence.test, report.best[0].test);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The folders in the order data flows: `files` (nothing is lost on a disk), `data` (tables to batches), `ops` (what each
//! primitive computes), `supernet` (the parameter store), `backend` (where plans are executed), `train`, `trees` (what networks have to beat), `model` (what comes
//! out), `export` (what it is elsewhere), `run` (what is on disk meanwhile), `search`, `interop`. This crate executes primitives, and asks for no operator's
//! name.

#![warn(missing_docs)]

pub mod backend;
pub mod data;
mod elementary;
mod error;
pub mod export;
mod files;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod interop;
pub mod machine;
pub mod model;
mod observe;
mod ops;
pub mod run;
pub mod search;
mod simd;
pub mod supernet;
pub mod train;
mod trees;

pub use error::{Error, FileError, ProgramError, Result, WeightsError};
pub use observe::{Observer, Silent, Stage, Stop};
