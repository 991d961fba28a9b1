//! Architectures: values for the choices of a space.

use super::program::{Item, Program};
use super::recipe::unbound;
use super::{CheckedArch, Overrides};
use crate::diagnostics::{Code, Diagnostic, Span, nearest};
use crate::ir::{Assignment, CheckedSpace, Choice, Made, SchemaSizes, Takes, Word};
use crate::plan::Cost;
use crate::schema::Schema;
use crate::space::{Architecture, Space};
use crate::syntax::tree::{Expr, ExprKind, Name};

impl Program {
    /// Checks an architecture: each value against the choice that it names, and that no live choice is left out.
    ///
    /// # Errors
    /// The findings.
    pub fn arch(&self, item: &Item) -> Result<CheckedArch, Vec<Diagnostic>> {
        let tree = self.arch_item(item);
        let mut diagnostics = Vec::new();
        let space = self.referenced_space(&tree.space, &Overrides::new(), &[], &mut diagnostics);
        let schema = tree.schema.as_ref().and_then(|name| self.referenced_schema(name, &mut diagnostics));
        let Some(mut space) = space else {
            Diagnostic::sort(&mut diagnostics);
            return Err(diagnostics);
        };
        match &schema {
            Some(schema) => space = space.over(schema),
            None if space.graph.awaited().next().is_some() => {
                let unknown = columns_unknown(&space, &tree.space.name);
                diagnostics.extend(unknown.filter(|_| tree.schema.is_none()));
                Diagnostic::sort(&mut diagnostics);
                return Err(diagnostics);
            }
            None => {}
        }
        if let (Some(schema), Some(name)) = (&schema, &tree.schema) {
            diagnostics.extend(unbound(&space, schema, name));
        }
        let choices = &space.graph.choices;
        let mut made: Vec<Option<Made>> = vec![None; choices.len()];
        let mut places: Vec<Option<Span>> = vec![None; choices.len()];
        for entry in &tree.made {
            let Some(at) = choices.iter().position(|choice| choice.name == entry.choice) else {
                // What is decided elsewhere is not what is meant.
                let open = choices.iter().map(|c| c.name.as_str()).filter(|c| tree.made.iter().all(|m| m.choice != *c));
                let near = nearest(&entry.choice, open);
                diagnostics.push(
                    Diagnostic::error(Code::Choice, format!("`{}` has no choice `{}`", space.name, entry.choice))
                        .label(entry.span, "not a choice of this space")
                        .did_you_mean(entry.span, &entry.choice, near),
                );
                continue;
            };
            if let Some(first) = places[at] {
                diagnostics.push(
                    Diagnostic::error(Code::Duplicate, format!("`{}` is decided twice", entry.choice))
                        .label(entry.span, "again here")
                        .label(first, "first here"),
                );
                continue;
            }
            places[at] = Some(entry.span);
            match read(&choices[at], &entry.value, self) {
                Ok(value) => made[at] = value,
                Err(diagnostic) => diagnostics.push(diagnostic.label(choices[at].span, "the choice")),
            }
        }
        let architecture = Architecture::new(made);
        // What is live does not depend on the schema's sizes in any way that matters for a missing value.
        if diagnostics.is_empty() && !tree.open && !tree.incomplete {
            let sizes = schema.as_ref().map_or(SchemaSizes::ONE, |schema| space.graph.sizes_of(schema));
            let missing: Vec<&Choice> =
                space.graph.missing(&architecture, sizes).into_iter().map(|choice| &choices[choice.index()]).collect();
            diagnostics.extend(left_out(&tree.name, missing));
        }
        if diagnostics.is_empty() && !tree.incomplete {
            diagnostics.extend(disallowed(&tree.name, &space, schema.as_ref(), &architecture));
        }
        if diagnostics.is_empty() && !tree.incomplete {
            Ok(CheckedArch { name: tree.name.text.clone(), space, schema, architecture, open: tree.open })
        } else {
            Diagnostic::sort(&mut diagnostics);
            Err(diagnostics)
        }
    }
}

/// The finding for an architecture that a constraint of its space excludes.
pub(super) fn disallowed(
    arch: &Name,
    space: &CheckedSpace,
    schema: Option<&Schema>,
    architecture: &Architecture,
) -> Option<Diagnostic> {
    let sizes = schema.map_or(SchemaSizes::ONE, |schema| space.graph.sizes_of(schema));
    let costs = schema.and_then(|schema| Space::bind(space, schema).ok()?.costs(architecture).ok());
    let at = Assignment::new(architecture.made(), sizes).with_costs(costs);
    let broken = space.graph.broken(&at)?;
    let cost = |cost: &Cost| costs.map(|costs| format!("{} {}", costs.of(*cost), cost.words()));
    let costs: Vec<String> = broken.costs.iter().filter_map(cost).collect();
    Some(
        Diagnostic::error(Code::Disallowed, format!("`{}` does not allow this architecture", space.name))
            .label(arch.span, "this architecture")
            .label(broken.span, format!("`{}`", broken.text))
            .help_if((!costs.is_empty()).then(|| format!("it costs {}", costs.join(", ")))),
    )
}

/// The finding for a space whose choices are known with a schema only.
fn columns_unknown(space: &CheckedSpace, named: &Name) -> Option<Diagnostic> {
    let widths = space.graph.awaited().next()?;
    Some(
        Diagnostic::error(Code::Unbound, format!("`{}` leaves a width open for each column", widths.name))
            .label(named.span, "no schema says which columns there are")
            .label(widths.span, "the widths")
            .help(format!("name one: `arch … of {} with …`", space.name)),
    )
}

/// Most choices that one finding names.
const MAX_NAMED: usize = 6;

/// One finding for all live choices that an architecture leaves out.
fn left_out(arch: &Name, mut missing: Vec<&Choice>) -> Option<Diagnostic> {
    missing.sort_by_key(|choice| choice.span);
    let first = missing.first()?;
    let mut names: Vec<String> = missing.iter().take(MAX_NAMED).map(|choice| format!("`{}`", choice.name)).collect();
    if missing.len() > MAX_NAMED {
        names.push(format!("{} more", missing.len() - MAX_NAMED));
    }
    let (last, rest) = names.split_last()?;
    let listed = if rest.is_empty() { last.clone() } else { format!("{} and {last}", rest.join(", ")) };
    let (are, choices) = if missing.len() == 1 { ("is", "this choice is live") } else { ("are", "the first of them") };
    Some(
        Diagnostic::error(Code::Missing, format!("{listed} {are} not decided"))
            .label(arch.span, "in this architecture")
            .label(first.span, choices)
            .help(format!(
                "add `{}: …`; what the logit does not depend on may be left out, and `..` leaves the rest open",
                first.key()
            )),
    )
}

/// The value of one choice; `None` for `_`, which leaves a dead choice open.
fn read(choice: &Choice, value: &Expr, program: &Program) -> Result<Option<Made>, Diagnostic> {
    if matches!(&value.kind, ExprKind::Name(name) if name == "_") {
        return Ok(None);
    }
    let text = |expr: &Expr| program.sources.text(expr.span).replace(' ', "");
    let wrong = |expected: String| {
        Diagnostic::error(Code::Choice, format!("`{}` cannot be `{}`", choice.name, text(value)))
            .label(value.span, format!("expected {expected}"))
    };
    let offer = &choice.offer;
    match offer.takes() {
        Takes::One => {
            let at = match &value.kind {
                ExprKind::Number(x) => offer.numbers().iter().position(|&number| number as f64 == *x),
                ExprKind::Name(name) => offer.position(name),
                ExprKind::Switch(on) => offer.position(if *on { "on" } else { "off" }),
                _ => None,
            };
            let expected = || match (offer.word(), offer.ends()) {
                (Word::Maybe, _) => "`on` or `off`".to_owned(),
                (Word::Repeat, Some((lo, hi))) => format!("a whole number from {lo} to {hi}"),
                _ => format!("{} of {}", offer.takes(), offer.labels().join(", ")),
            };
            at.map(|at| Some(Made::One(at as u32))).ok_or_else(|| wrong(expected()))
        }
        Takes::Set { lo, hi } => {
            let items: Vec<&Expr> = match &value.kind {
                ExprKind::List(items) => items.iter().collect(),
                _ => vec![value],
            };
            let all = || offer.labels().join(", ");
            let mut mask = 0u64;
            for item in &items {
                mask |= 1 << offer.position(&text(item)).ok_or_else(|| wrong(format!("a list of {}", all())))?;
            }
            if mask.count_ones() as usize != items.len() {
                return Err(wrong("each one once".to_owned()));
            }
            if !(lo..=hi).contains(&items.len()) {
                return Err(wrong(format!("{} of {}", offer.takes(), all())));
            }
            Ok(Some(Made::Set(mask)))
        }
    }
}
