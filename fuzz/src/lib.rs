//! What the fuzz targets hold the project to: of the compiler the laws of its own tests; of the runtime that whatever a stranger
//! wrote is read, or refused in words.

#[path = "../../compiler/tests/laws/mod.rs"]
pub mod laws;
#[path = "../../compiler/tests/memory/mod.rs"]
#[allow(dead_code, reason = "the targets need the loader alone")]
mod memory;

use std::path::Path;

use nasrec_compiler::loader::Memory;
use nasrec_compiler::{ItemKind, Program};
use tempfile::TempDir;

/// A search for [`set`], and for the seeds.
pub const SEARCH: &str = "schema clicks { label click; dense I; sparse C: int | modulo(rows: 8) }
space small(depth = 2) {
  input numeric: dense
  input fields: categorical
  width w in [2, 4]
  let x = relu(linear(concat(numeric, flatten(embed(fields, 2))), w))
  logit = linear(repeat depth from x as h { linear(h, w) } + maybe linear(x, w), 1)
}
search tiny on small with clicks {
  data { files: \"t.tsv\" }
  train { batch: 32 }
  evaluate { finetune: off; validate: 1; batch: 64 }
  random { samples: 2 }
  retrain { top: 1; batch: 32 }
}
";

/// Calls a reader with a folder that is there for this process alone, in memory where the system has such a one.
pub fn inside(read: impl FnOnce(&Path, &[u8]), bytes: &[u8]) {
    thread_local! {
        static FOLDER: TempDir = {
            let memory = Path::new("/dev/shm");
            let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
            let folder = folder.expect("a folder");
            // The sources that the record of the seeds speaks of.
            std::fs::create_dir_all(folder.path().join("sources/own")).expect("a folder");
            std::fs::write(folder.path().join("sources/own/s.nasrec"), SEARCH).expect("a file");
            folder
        };
    }
    FOLDER.with(|folder| read(folder.path(), bytes));
}

/// What is set on a command line: answered, and a search with it checked.
pub fn set(text: &str) {
    let (mut program, found) = Program::load("s.nasrec", &Memory::new([("s.nasrec", SEARCH)]));
    assert!(found.is_empty());
    let item = program.find(ItemKind::Search, "tiny").expect("the file defines it");
    let settings: Vec<_> = text.lines().take(8).filter_map(|line| program.read_override(line).ok()).collect();
    let _found = program.search(&item, &settings);
    if let Ok(demand) = program.read_condition(text) {
        let _found = program.search_with(&item, &[demand]);
    }
}
