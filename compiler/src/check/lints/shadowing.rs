//! Names that hide others.

use super::names::{Hidden, Kind, Names};
use crate::diagnostics::{Code, Diagnostic};

pub(super) fn hidden(names: &Names<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for definition in &names.definitions {
        let Some(hidden) = definition.hides else { continue };
        let name = &definition.name;
        let what = match (hidden, definition.kind) {
            (Hidden::Outer(_), _) => "another definition".to_owned(),
            (Hidden::Item(kind, _), _) => {
                format!("{} {}", if kind.word() == "operator" { "an" } else { "a" }, kind.word())
            }
            (Hidden::Primitive, _) => "a primitive".to_owned(),
        };
        let what_it_is = if definition.kind == Kind::Parameter { "the parameter " } else { "" };
        let diagnostic =
            Diagnostic::warning(Code::Shadowed, format!("{what_it_is}`{}` hides {what} of this name", name.text))
                .label(name.span, "from here on this is meant");
        let diagnostic = match hidden {
            Hidden::Outer(span) | Hidden::Item(_, span) => diagnostic.label(span, "and no longer this"),
            Hidden::Primitive => diagnostic,
        };
        found.push(diagnostic.help("choose another name"));
    }
    found
}
