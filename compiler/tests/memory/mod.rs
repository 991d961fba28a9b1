//! Files in memory, beside those that ship with the compiler.

use nasrec_compiler::diagnostics::Diagnostic;
pub use nasrec_compiler::loader::Memory;
use nasrec_compiler::schema::Schema;
use nasrec_compiler::{CheckedSpace, ItemKind, Program};

/// The name of the entry file.
pub const ENTRY: &str = "entry.nasrec";

/// Loads and checks one file; everything that was found.
#[allow(dead_code, reason = "each test file uses what it needs")]
pub fn check(text: &str) -> (Program, Vec<Diagnostic>) {
    let (program, mut diagnostics) = Program::load(ENTRY, &Memory::new([(ENTRY, text)]));
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
    let (program, diagnostics) = Program::load(ENTRY, &Memory::new([(ENTRY, text.as_str())]));
    assert_eq!(diagnostics, [], "{name}({arguments})");
    let item = program.items().into_iter().find(|item| item.kind == ItemKind::Search).expect("the search is there");
    let search = program.search(&item, &[]).expect("the search is sound");
    (search.space, search.schema)
}
