//! Requirements that no architecture satisfies, told before any schema is known.

use crate::diagnostics::{Code, Diagnostic, Span};
use crate::ir::{CheckedSpace, SchemaSizes};
use crate::space::Verdict;

/// The finding for a space, or a space together with its search, whose constraints on choices exclude everything. Without a schema those
/// that depend on the sizes of one are left out.
pub(super) fn conflict(space: &CheckedSpace, schema: Option<SchemaSizes>) -> Option<Diagnostic> {
    let constraints = &space.graph.constraints;
    // Without these there is nothing new to say with a schema.
    let by_schema = constraints.iter().any(|constraint| space.graph.expressions.depends_on_schema(constraint.holds));
    if schema.is_some() && !by_schema {
        return None;
    }
    let Verdict::Conflict(conflict) = space.graph.verdict(schema) else { return None };
    // A constraint in a block is there once for each instance, at one place.
    let mut places: Vec<(Span, Vec<&str>)> = Vec::new();
    for &at in &conflict.members {
        let constraint = &constraints[at];
        let instance = constraint.block.as_deref();
        match places.iter_mut().find(|(span, _)| *span == constraint.span) {
            Some((_, instances)) => instances.extend(instance),
            None => places.push((constraint.span, Vec::from_iter(instance))),
        }
    }
    let several = conflict.members.len() > 1;
    let these = if several { "these requirements" } else { "this requirement" };
    let with = if schema.is_some() { " with this schema" } else { "" };
    let mut diagnostic =
        Diagnostic::error(Code::Conflict, format!("no architecture of `{}` satisfies {these}{with}", space.name));
    for (number, (span, instances)) in places.iter().enumerate() {
        let role = match (several, number) {
            (false, _) => "nothing satisfies this",
            (true, 0) => "this",
            (true, _) => "together with this",
        };
        let names: Vec<String> = instances.iter().map(|name| format!("`{name}`")).collect();
        let of = if names.is_empty() { String::new() } else { format!(", in {}", super::listed(&names)) };
        diagnostic = diagnostic.label(*span, format!("{role}{of}"));
    }
    Some(diagnostic.help(match (several, conflict.irreducible) {
        (false, _) => "drop it, or change what it asks for",
        (true, true) => "without any one of them the others can be satisfied: drop or change one",
        (true, false) => "drop or change one of them",
    }))
}
