//! Programs in memory, over the files that ship.

#![allow(dead_code, reason = "each suite uses its part")]

pub mod modules;

use nasrec_compiler::diagnostics::SourceFile;
use nasrec_compiler::{Loader, Program, library};

/// One text as the entry file, and the library.
pub struct Shipped(pub String);

impl Loader for Shipped {
    fn load(&self, importer: Option<&str>, path: &str) -> Result<Option<SourceFile>, String> {
        if importer.is_none() {
            return Ok(Some(SourceFile { name: path.into(), text: self.0.as_str().into(), built_in: false }));
        }
        let path = path.trim_start_matches("../");
        Ok(library::find(path).map(|text| SourceFile { name: path.into(), text: text.into(), built_in: true }))
    }
}

/// Loads a text that has no mistakes.
pub fn load(text: &str) -> Program {
    let (program, diagnostics) = Program::load("test.nasrec", &Shipped(text.to_owned()));
    assert!(diagnostics.is_empty(), "{diagnostics:#?}");
    program
}
