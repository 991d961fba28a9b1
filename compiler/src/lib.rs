//! The compiler of the nasrec language.

pub mod plan;
pub mod primitives;
pub mod recipe;
pub mod schema;
pub mod streams;
