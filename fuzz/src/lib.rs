//! What the fuzz targets hold the compiler to: the laws of its own tests.

#[path = "../../compiler/tests/laws/mod.rs"]
pub mod laws;
#[path = "../../compiler/tests/memory/mod.rs"]
#[allow(dead_code, reason = "the targets need the loader alone")]
mod memory;
