//! Architectures: values for the choices of a space.

use super::program::{Item, ItemKind, Program};
use super::{CheckedArch, Overrides};
use crate::diagnostics::{Code, Diagnostic, Span, nearest};
use crate::ir::{Choice, ChoiceKind, Made};
use crate::space::{Architecture, Space};
use crate::syntax::tree::{Expr, ExprKind};

impl Program {
    /// Checks an architecture: each value against the choice that it names, and that no live choice is left out.
    ///
    /// # Errors
    /// The findings.
    pub fn arch(&self, item: &Item) -> Result<CheckedArch, Vec<Diagnostic>> {
        let tree = self.arch_item(item);
        let mut diagnostics = Vec::new();
        let space = self.referenced_space(&tree.space, &Overrides::new(), &mut diagnostics);
        let schema = match &tree.schema {
            None => None,
            Some(name) => {
                match self.resolve(name, ItemKind::Schema).map_err(|d| vec![d]).and_then(|i| self.schema(i)) {
                    Ok(schema) => Some(schema),
                    Err(found) => {
                        diagnostics.extend(found);
                        None
                    }
                }
            }
        };
        let Some(space) = space else { return Err(diagnostics) };
        let choices = &space.graph.choices;
        let mut made: Vec<Option<Made>> = vec![None; choices.len()];
        let mut places: Vec<Option<Span>> = vec![None; choices.len()];
        for entry in &tree.made {
            let Some(at) = choices.iter().position(|choice| choice.name == entry.choice) else {
                let near = nearest(&entry.choice, choices.iter().map(|c| c.name.as_str()));
                diagnostics.push(
                    Diagnostic::error(Code::Choice, format!("`{}` has no choice `{}`", space.name, entry.choice))
                        .label(entry.span, "not a choice of this space")
                        .help_if(near.map(|near| format!("did you mean `{near}`?"))),
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
        if diagnostics.is_empty() {
            let sizes = schema.as_ref().map_or(crate::ir::SchemaSizes { numeric: 1, fields: 1 }, Space::sizes_of);
            for choice in space.graph.missing(&architecture, sizes) {
                let choice = &choices[choice.index()];
                diagnostics.push(
                    Diagnostic::error(Code::Missing, format!("`{}` is not decided", choice.name))
                        .label(tree.name.span, "in this architecture")
                        .label(choice.span, "this choice is live")
                        .help(format!("add `{}: …`", choice.key())),
                );
            }
        }
        if diagnostics.is_empty() {
            Ok(CheckedArch { name: tree.name.text.clone(), space, schema, architecture })
        } else {
            Diagnostic::sort(&mut diagnostics);
            Err(diagnostics)
        }
    }
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
    match &choice.kind {
        ChoiceKind::Width { values } => match value.kind {
            ExprKind::Number(x) => values.iter().position(|v| *v as f64 == x).map(|at| Some(Made::One(at as u32))),
            _ => None,
        }
        .ok_or_else(|| wrong(format!("one of {}", join(values)))),
        ChoiceKind::Choose { alternatives } => match &value.kind {
            ExprKind::Name(name) => alternatives.iter().position(|a| a == name).map(|at| Some(Made::One(at as u32))),
            _ => None,
        }
        .ok_or_else(|| wrong(format!("one of {}", alternatives.join(", ")))),
        ChoiceKind::Maybe => match value.kind {
            ExprKind::Switch(on) => Ok(Some(Made::One(u32::from(on)))),
            _ => Err(wrong("`on` or `off`".to_owned())),
        },
        ChoiceKind::Pick { lo, hi, sources } => {
            let items: Vec<&Expr> = match &value.kind {
                ExprKind::List(items) => items.iter().collect(),
                _ => vec![value],
            };
            let mut mask = 0u64;
            for item in &items {
                let name = text(item);
                let at = sources
                    .iter()
                    .position(|s| *s == name)
                    .ok_or_else(|| wrong(format!("sources among {}", sources.join(", "))))?;
                mask |= 1 << at;
            }
            if mask.count_ones() as usize != items.len() {
                return Err(wrong("each source once".to_owned()));
            }
            if !(*lo..=*hi).contains(&items.len()) {
                let range = if lo == hi { lo.to_string() } else { format!("{lo} to {hi}") };
                return Err(wrong(format!("{range} of {}", sources.join(", "))));
            }
            Ok(Some(Made::Set(mask)))
        }
    }
}

fn join(values: &[i64]) -> String {
    values.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")
}
