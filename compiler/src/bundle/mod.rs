//! Items of a program, and all that they need, as one text that stands alone.
//!
//! Lives here: which items are needed, what each is called in one scope, and its text under that name. Every item is as
//! its author wrote it, laid out. Never: what a name means (`names`), or where the text is written.

mod items;
mod naming;

use std::collections::HashSet;

use crate::check::{Item, ItemKind, Program};
use crate::diagnostics::{Diagnostic, FileId};
use crate::format::{ArchSource, Refusal, format_arch, format_source};
use crate::loader::Memory;
use crate::names::{Index, Symbol, builtin};
use crate::space::Architecture;
use items::Texts;
use naming::Naming;

/// Items as one text without imports, which any file may hold.
///
/// An operator that cannot keep its name, because another one of the text has it or the language does, is called
/// otherwise, and so are the parts of paths that a call of it makes: a plan is then the same but for names of nodes and
/// parameters. Labels of alternatives are kept, and every other plan is the same to the byte.
///
/// ```
/// use nasrec_compiler::bundle::Bundle;
/// use nasrec_compiler::loader::Memory;
/// use nasrec_compiler::{ItemKind, Program};
///
/// let parts = "op wide(x: dense) = linear(x, units)\nconst units = 8\n";
/// let entry = "import \"parts.nasrec\" { wide }\nspace s { input x: dense; logit = linear(wide(x), 1) }\n";
/// let files = Memory::new([("parts.nasrec", parts), ("entry.nasrec", entry)]);
/// let (program, _) = Program::load("entry.nasrec", &files);
/// let space = program.find(ItemKind::Space, "s").expect("the file defines it");
/// let bundle = Bundle::of(&program, &[space]).expect("it has no mistakes");
/// assert_eq!(
///     bundle.text(),
///     "const units = 8\n\nop wide(x: dense) = linear(x, units)\n\n\
///      space s { input x: dense; logit = linear(wide(x), 1) }\n"
/// );
/// ```
#[derive(Clone, Debug)]
pub struct Bundle {
    text: String,
    /// What the items that were asked for are called, in their order.
    roots: Vec<String>,
    /// What all items are called.
    names: HashSet<String>,
}

impl Bundle {
    /// These items of a program and what they need; what they need stands before them.
    ///
    /// # Errors
    /// A text does not parse, or is not laid out; never for items that the checker accepts.
    pub fn of(program: &Program, roots: &[Item]) -> Result<Self, Refusal> {
        let index = Index::new(program);
        let roots: Option<Vec<Symbol>> = roots.iter().map(|root| symbol(&index, root)).collect();
        let roots = roots.ok_or(Refusal::Unproved("an item has no place in the index of its file"))?;
        let items = items::needed(&index, &roots);
        let texts = Texts::new(program, &index, &items);
        let naming = Naming::new(&index, &roots, &items, &texts);
        let all: Vec<String> = items.iter().map(|&item| texts.renamed(&index, item, &naming)).collect();
        Ok(Self {
            text: format_source(FileId(0), &all.join("\n\n"))?,
            roots: roots.iter().map(|&root| naming.name(&index, root).to_owned()).collect(),
            names: items.iter().map(|&item| naming.name(&index, item).to_owned()).collect(),
        })
    }

    /// The items as source, laid out, with a line break at the end.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What the items that were asked for are called in it, in their order: as they were, except where two of them had
    /// one name or something calls the language's by it.
    pub fn roots(&self) -> &[String] {
        &self.roots
    }

    /// This name, or one that reads like it, which no item of the text has.
    pub fn free(&self, wanted: &str) -> String {
        fresh(wanted, |name| self.names.contains(name) || builtin::is_callable(name))
    }

    /// The text and an architecture of one of its spaces, as a file. `source` says what the architecture is called, if
    /// that is free, and what its space and schema are called here; its items and imports are this text and none.
    ///
    /// # Errors
    /// The findings, where the space is not sound with these arguments.
    pub fn with_arch(&self, source: ArchSource<'_>, architecture: &Architecture) -> Result<String, Vec<Diagnostic>> {
        const FILE: &str = "bundle.nasrec";
        let name = self.free(source.name);
        let source = ArchSource { name: &name, imports: Vec::new(), items: self.text.clone(), ..source };
        // The space says what its choices are called: a path may go through an operator of another name.
        let mut open = format_arch(&source, &[], &Architecture::new(Vec::new()));
        open.truncate(open.trim_end_matches(['}', '\n']).len());
        open.push_str(".. }\n");
        let (program, found) = Program::load(FILE, &Memory::new([(FILE, &open)]));
        let item = program.items().into_iter().find(|item| item.kind == ItemKind::Arch && item.name == name);
        let checked = program.arch(&item.ok_or(found)?)?;
        Ok(format_arch(&source, &checked.space.graph.choices, architecture))
    }
}

/// Where the index has an item.
fn symbol(index: &Index, item: &Item) -> Option<Symbol> {
    let here = |d: &crate::names::Definition| d.owner.is_none() && d.span.start == item.span.start as usize;
    let definition = index.file(item.span.file).definitions.iter().position(here)?;
    Some(Symbol { file: item.span.file, definition })
}

/// This name, or the first of `name_2`, `name_3` … that is not taken.
fn fresh(wanted: &str, taken: impl Fn(&str) -> bool) -> String {
    let mut name = wanted.to_owned();
    let mut number = 1;
    while taken(&name) {
        number += 1;
        name = format!("{wanted}_{number}");
    }
    name
}
