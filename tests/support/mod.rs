//! Programs in memory, over the files that ship.

#![allow(dead_code, reason = "each suite uses its part")]

pub mod modules;

use nasrec_compiler::Program;
use nasrec_compiler::loader::Memory;

/// Loads a text that has no mistakes.
pub fn load(text: &str) -> Program {
    let (program, diagnostics) = Program::load("test.nasrec", &Memory::new([("test.nasrec", text)]));
    assert!(diagnostics.is_empty(), "{diagnostics:#?}");
    program
}
