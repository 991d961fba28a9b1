//! Files in memory, beside those that ship with the compiler.

use std::path::{Component, Path, PathBuf};

use nasrec_compiler::diagnostics::{Diagnostic, SourceFile};
use nasrec_compiler::schema::Schema;
use nasrec_compiler::{CheckedSpace, ItemKind, Loader, Program, library};

/// The name of the entry file.
pub const ENTRY: &str = "entry.nasrec";

/// Names and texts; the first is the entry.
pub struct Memory<'a>(pub &'a [(&'a str, &'a str)]);

impl Loader for Memory<'_> {
    fn load(&self, importer: Option<&str>, path: &str) -> Result<Option<SourceFile>, String> {
        let own = self.0.iter().find(|(name, _)| *name == path);
        if let Some((name, text)) = own {
            return Ok(Some(SourceFile { name: (*name).to_owned(), text: (*text).into(), built_in: false }));
        }
        let folder = importer.and_then(|importer| Path::new(importer).parent()).unwrap_or(Path::new(""));
        let mut beside = PathBuf::new();
        for part in folder.join(path).components() {
            match part {
                Component::ParentDir => {
                    beside.pop();
                }
                part => beside.push(part),
            }
        }
        let beside = beside.to_string_lossy().into_owned();
        let shipped = |path: &str| {
            let text = library::find(path)?;
            Some(SourceFile { name: path.to_owned(), text: text.into(), built_in: true })
        };
        Ok(shipped(&beside).or_else(|| shipped(path)))
    }
}

/// Loads and checks one file; everything that was found.
#[allow(dead_code, reason = "each test file uses what it needs")]
pub fn check(text: &str) -> (Program, Vec<Diagnostic>) {
    let (program, mut diagnostics) = Program::load(ENTRY, &Memory(&[(ENTRY, text)]));
    diagnostics.extend(program.check());
    Diagnostic::sort(&mut diagnostics);
    (program, diagnostics)
}

/// A shipped space with these arguments, such as `blocks: 2`, and the schema of that name.
#[allow(dead_code, reason = "each test file uses what it needs")]
pub fn space(name: &str, arguments: &str, schema: &str) -> (CheckedSpace, Schema) {
    let text = format!(
        "import \"{name}.nasrec\" {{ {name} }}\nimport \"schemas.nasrec\" {{ {schema} }}\n\
         search s on {name}({arguments}) with {schema} {{ data {{ files: \"none\" }} }}\n"
    );
    let (program, diagnostics) = Program::load(ENTRY, &Memory(&[(ENTRY, &text)]));
    assert_eq!(diagnostics, [], "{name}({arguments})");
    let item = program.items().into_iter().find(|item| item.kind == ItemKind::Search).expect("the search is there");
    let search = program.search(&item, &[]).expect("the search is sound");
    (search.space, search.schema)
}
