//! Conditions that are the same under every choice: requirements that always hold, `if`s that always take one branch.

use std::collections::BTreeMap;

use super::lines;
use super::observed::Observed;
use crate::diagnostics::{Code, Diagnostic, Fix, Sources, Span};
use crate::ir::{CondId, Constraint, SchemaSizes};
use crate::space::{Decider, Verdict};
use crate::syntax::tree::{Demand, Expr, ExprKind};

/// What does not depend on a schema is the same with any.
const ANY: SchemaSizes = SchemaSizes::ONE;

/// Most steps that may be taken for one space.
const MAX_STEPS: usize = 200_000;

/// Whether no encoding satisfies these. What cannot be decided may be satisfied.
fn impossible(decider: &mut Decider<'_>, conds: &[CondId]) -> bool {
    decider.is_satisfiable(conds) == Ok(false)
}

pub(super) fn constraints(observed: &Observed<'_>) -> Vec<Diagnostic> {
    let graph = &observed.space.graph;
    let judged: Vec<&Constraint> =
        graph.constraints.iter().filter(|constraint| observed.asked(constraint.span).is_some()).collect();
    let mut found = Vec::new();
    let first = judged.iter().find(|constraint| constraint.costs.is_empty());
    if let (Verdict::Undecided, Some(first)) = (&observed.verdict, first) {
        let name = &observed.space.name;
        found.push(
            Diagnostic::warning(
                Code::Undecided,
                format!("whether `{name}` has architectures that satisfy its requirements cannot be decided"),
            )
            .label(first.span, "these requirements couple too many choices")
            .help("architectures are drawn until one satisfies them, which can take long or fail"),
        );
    }
    // In every block instance.
    let mut decider = Decider::new(graph, ANY, MAX_STEPS);
    let mut always: BTreeMap<Span, bool> = BTreeMap::new();
    for constraint in judged {
        let decidable = constraint.costs.is_empty() && !graph.expressions.depends_on_schema(constraint.holds);
        let always = always.entry(constraint.span).or_insert(true);
        if *always {
            let broken = decider.expressions().not(constraint.holds);
            *always = decidable && impossible(&mut decider, &[broken]);
        }
    }
    for (span, _) in always.into_iter().filter(|&(_, always)| always) {
        let Some((condition, demand)) = observed.asked(span) else { continue };
        if observed.is_parametric(condition) {
            continue;
        }
        let (message, label) = if demand.forbids {
            ("this never happens", "no architecture is like this anyway")
        } else {
            ("this always holds", "every architecture is like this anyway")
        };
        found.push(Diagnostic::warning(Code::Always, message).label(span, label).help("leave it out").fix_if(without(
            &observed.program.sources,
            demand,
            span,
        )));
    }
    found
}

/// Takes a condition out of its requirement, and the requirement with it where it is the only one.
fn without(sources: &Sources, demand: &Demand, span: Span) -> Option<Fix> {
    let text = &sources.file(span.file).text;
    let keyword = if demand.forbids { "forbid" } else { "require" };
    let at = demand.conditions.iter().position(|condition| condition.span == span)?;
    let taken = match (demand.conditions.get(at + 1), at) {
        (Some(next), _) => Span { end: next.span.start, ..span },
        (None, 0) => {
            let before = text[..span.start as usize].trim_end();
            let start = before.strip_suffix(keyword)?.len();
            lines::without(text, Span::new(span.file, start, span.end as usize))
        }
        (None, _) => Span { start: demand.conditions[at - 1].span.end, ..span },
    };
    // What is around it in the text, such as brackets, is not known here.
    let cut = &text[taken.start as usize..taken.end as usize];
    let balanced = cut.matches(['(', '[']).count() == cut.matches([')', ']']).count();
    let safe = balanced && !cut.contains("//");
    safe.then(|| Fix::replace(taken, "").titled("leave it out"))
}

/// `if`s of the space itself that take one branch under every choice, though their condition depends on choices.
pub(super) fn branches(observed: &Observed<'_>) -> Vec<Diagnostic> {
    let graph = &observed.space.graph;
    let mut decider = Decider::new(graph, ANY, MAX_STEPS);
    // In every block instance: the same answer, as long as there is one.
    let mut answers: BTreeMap<Span, Option<bool>> = BTreeMap::new();
    for fork in &observed.forks {
        let answer = fork.cond.as_ref().and_then(|(holds, fails, known)| {
            if [holds, fails].into_iter().chain(known).any(|&cond| graph.expressions.depends_on_schema(cond)) {
                return None;
            }
            let with = |cond: CondId| known.iter().copied().chain([cond]).collect::<Vec<_>>();
            // Nothing gets here at all.
            if impossible(&mut decider, known) {
                return None;
            }
            match (impossible(&mut decider, &with(*fails)), impossible(&mut decider, &with(*holds))) {
                (true, false) => Some(true),
                (false, true) => Some(false),
                _ => None,
            }
        });
        let known = answers.entry(fork.span).or_insert(answer);
        if *known != answer {
            *known = None;
        }
    }
    let mut conditions: Vec<&Expr> = Vec::new();
    super::walk::statements(&observed.tree.body, &mut |expr| {
        if let ExprKind::If { condition, .. } = &expr.kind {
            conditions.push(condition);
        }
    });
    let mut found = Vec::new();
    for condition in conditions {
        let Some(answer) = answers.get(&condition.span).copied().flatten() else { continue };
        if observed.is_parametric(condition) {
            continue;
        }
        let (word, other) = if answer { ("true", "else") } else { ("false", "first") };
        found.push(
            Diagnostic::warning(Code::Settled, format!("this condition is {word} under every choice"))
                .label(condition.span, format!("the {other} branch is never taken"))
                .help("write the other branch on its own"),
        );
    }
    found
}
