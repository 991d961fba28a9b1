//! Imports and definitions that nothing uses.

use std::collections::HashMap;

use super::names::{Kind, Names};
use crate::check::listed;
use crate::check::program::{ItemKind, Program};
use crate::diagnostics::{Code, Diagnostic, FileId, Fix, Span};
use crate::syntax::tree::Import;

/// Definitions inside of items. A `width` is told by what depends on it.
pub(super) fn definitions(names: &Names<'_>) -> Vec<Diagnostic> {
    let unused = names.definitions.iter().filter(|definition| {
        // Every operator sees `normalise`.
        let seen = definition.kind == Kind::Parameter && definition.name.text == "normalise";
        let told_elsewhere = matches!(definition.kind, Kind::Width | Kind::Block);
        !definition.used && !seen && !told_elsewhere && !definition.name.text.starts_with('_')
    });
    unused
        .map(|definition| {
            let (what, help) = match definition.kind {
                Kind::Let | Kind::Width | Kind::Block => ("nothing uses", "leave it out"),
                Kind::Shared => ("nothing uses the shared call", "leave it out"),
                Kind::Input => ("nothing uses the input", "leave it out"),
                Kind::Parameter => ("nothing uses the parameter", "leave it out"),
                Kind::Number => ("nothing uses the number", "leave it out"),
                Kind::Turn => ("no iteration uses", "use what the iteration before gave"),
            };
            let name = &definition.name;
            Diagnostic::warning(Code::Unused, format!("{what} `{}`", name.text))
                .label(name.span, "defined here")
                .help(format!("{help}, or call it `_{}` if it is meant to stay", name.text))
        })
        .collect()
}

/// Constants, operators and blocks of a file that ends in something: those of a file that only defines are for others.
pub(super) fn items(program: &Program, names: &Names<'_>) -> Vec<Diagnostic> {
    let items = program.items();
    let ends = |kind| matches!(kind, ItemKind::Search | ItemKind::Train | ItemKind::Arch | ItemKind::Test);
    if !items.iter().any(|item| ends(item.kind)) {
        return Vec::new();
    }
    let building = items.iter().filter(|item| matches!(item.kind, ItemKind::Const | ItemKind::Op | ItemKind::Pattern));
    building
        .filter(|item| !names.items.contains(&item.name) && !item.name.starts_with('_'))
        .map(|item| {
            Diagnostic::warning(Code::Unused, format!("nothing uses the {} `{}`", item.kind.word(), item.name))
                .label(item.span, "defined here")
                .help(format!("leave it out, or call it `_{}` if it is meant to stay", item.name))
        })
        .collect()
}

pub(super) fn imports(program: &Program, file: FileId, names: &Names<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let led = program.imports.iter().filter(|(by, ..)| *by == file);
    let led: HashMap<&str, FileId> = led.map(|(_, path, from)| (path.as_str(), *from)).collect();
    let mut used: HashMap<FileId, bool> = HashMap::new();
    for import in &program.tree(file).imports {
        let unused: Vec<usize> =
            (0..import.names.len()).filter(|&at| !names.items.contains(&import.names[at].text)).collect();
        if import.names.is_empty() {
            // All that the file defines: one of it is enough.
            let used = led.get(import.path.text.as_str()).is_none_or(|&from| {
                let any = || program.own_items(from).iter().any(|item| names.items.contains(&item.name));
                *used.entry(from).or_insert_with(any)
            });
            if !used {
                found.push(whole(program, import, "nothing of this file is used".to_owned()));
            }
        } else if unused.len() == import.names.len() {
            let all: Vec<String> = import.names.iter().map(|name| format!("`{}`", name.text)).collect();
            found.push(whole(program, import, format!("nothing uses {}", listed(&all))));
        } else {
            for at in unused {
                let name = &import.names[at];
                // With the comma after it, or before it where it is the last.
                let span = match import.names.get(at + 1) {
                    Some(next) => Span { end: next.span.start, ..name.span },
                    None => Span { start: import.names[at - 1].span.end, ..name.span },
                };
                found.push(
                    Diagnostic::warning(Code::UnusedImport, format!("nothing uses `{}`", name.text))
                        .label(name.span, "imported here")
                        .fix_if(Some(Fix::replace(span, "").titled("do not import it"))),
                );
            }
        }
    }
    found
}

/// An import of which nothing is used.
fn whole(program: &Program, import: &Import, message: String) -> Diagnostic {
    let line = super::lines::without(&program.sources.file(import.span.file).text, import.span);
    Diagnostic::warning(Code::UnusedImport, message)
        .label(import.span, "imported here")
        .fix_if(Some(Fix::replace(line, "").titled("leave this import out")))
}
