//! Requirements that no architecture satisfies: those on choices are told before any schema is known, those on costs with
//! it.

use super::elaborate::number_words;
use super::program::Program;
use crate::diagnostics::{Code, Diagnostic, Label, Span};
use crate::ir::{Assignment, CheckedSpace, Cond, Constraint, Relation, SchemaSizes};
use crate::space::{Bound, Conflict, Effort, End, Proof, Space, Standing, Verdict};

/// Looks at a region or a size that take as long as a step of writing out.
const LOOKS_OF_A_STEP: usize = 16;

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
    let mut diagnostic = told(&space.name, constraints, &conflict, schema.is_some(), None);
    if let (&[only], Some(schema)) = (&conflict.members[..], schema)
        && let Some(sides) = sides(space, &constraints[only], schema)
        && let Some(label) = diagnostic.labels.first_mut()
    {
        label.text = format!("this is {sides}");
    }
    Some(diagnostic)
}

/// Both sides of a comparison of numbers that no choice decides, such as `7 == 26`.
fn sides(space: &CheckedSpace, constraint: &Constraint, schema: SchemaSizes) -> Option<String> {
    let ex = &space.graph.expressions;
    if !ex.is_of_columns(constraint.holds) {
        return None;
    }
    let (cond, signs) = match *ex.cond(constraint.holds) {
        Cond::Not(cond) => (cond, ["!=", ">=", ">"]),
        _ => (constraint.holds, ["==", "<", "<="]),
    };
    let Cond::Compare(relation, a, b) = *ex.cond(cond) else { return None };
    let sign = match relation {
        Relation::Equal => signs[0],
        Relation::Less => signs[1],
        Relation::AtMost => signs[2],
    };
    let at = Assignment::new(&[], schema);
    let value = |size| ex.evaluate(size, &space.graph.choices, &at).ok().map(number_words);
    Some(format!("{} {sign} {}", value(a)?, value(b)?))
}

/// A finding about a space over a schema, said where that is named: before all else where the space is of another file.
pub(super) fn with_schema_at(mut diagnostic: Diagnostic, named: Span, label: &str) -> Diagnostic {
    let is_elsewhere = diagnostic.labels.first().is_some_and(|first| first.span.file != named.file);
    let at = if is_elsewhere { 0 } else { diagnostic.labels.len() };
    diagnostic.labels.insert(at, Label { span: named, text: label.to_owned() });
    diagnostic
}

impl Program {
    /// The finding for a space over a schema whose constraints on costs exclude everything, with the proof; nothing where
    /// something is allowed, or where no proof is found within the effort of one answer and half of what is left for all
    /// items of a file, which is not to be refused for want of proofs.
    pub(super) fn exhausted(&self, space: &Space) -> Option<Diagnostic> {
        let constraints = &space.graph().constraints;
        if constraints.iter().all(|constraint| constraint.costs.is_empty()) {
            return None;
        }
        let looks = Standing::LOOKS.min((self.meter.left() / 2).saturating_mul(LOOKS_OF_A_STEP));
        let mut effort = Effort::of(looks);
        let standing = space.standing_within(&mut effort);
        self.meter.take(effort.taken_of(looks) / LOOKS_OF_A_STEP);
        let Standing::Empty(conflict, proof) = standing else { return None };
        Some(told(&space.name, constraints, &conflict, true, Some(&proof)))
    }
}

/// Says of each of these constraints where it is, and why nothing satisfies them.
fn told(
    space: &str,
    constraints: &[Constraint],
    conflict: &Conflict,
    with_schema: bool,
    proof: Option<&Proof>,
) -> Diagnostic {
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
    let with = if with_schema { " with this schema" } else { "" };
    let mut diagnostic =
        Diagnostic::error(Code::Conflict, format!("no architecture of `{space}` satisfies {these}{with}"));
    let why = proof.map(Proof::to_string);
    for (number, (span, instances)) in places.iter().enumerate() {
        let role = match (several, number, &why) {
            (false, _, Some(why)) => why,
            (false, _, None) => "nothing satisfies this",
            (true, 0, _) => "this",
            (true, ..) => "together with this",
        };
        let names: Vec<String> = instances.iter().map(|name| format!("`{name}`")).collect();
        let of = if names.is_empty() { String::new() } else { format!(", in {}", super::listed(&names)) };
        diagnostic = diagnostic.label(*span, format!("{role}{of}"));
    }
    let remedy = match (several, conflict.irreducible) {
        (false, _) => "drop it, or change what it asks for",
        (true, true) => "without any one of them the others can be satisfied: drop or change one",
        (true, false) => "drop or change one of them",
    };
    diagnostic.help(match (proof, &why) {
        (Some(Proof::Bounds { bounds, .. }), _) if !several => room(bounds).unwrap_or_else(|| remedy.to_owned()),
        (Some(_), Some(why)) if several => format!("{why}; {remedy}"),
        _ => remedy.to_owned(),
    })
}

/// What one bound leaves room for.
fn room(bounds: &[Bound]) -> Option<String> {
    let [Bound { cost, end, met: Some(met), .. }] = bounds else { return None };
    let which = if *end == End::Least { "or more" } else { "or less" };
    Some(format!("allow {} {which}, or change the space", cost.told(*met)))
}
