//! What a name in a condition means: a choice, a cost, a value in scope, or what a choice can take.

use super::{Number, Place, Term};
use crate::check::ItemKind;
use crate::check::elaborate::Elaborator;
use crate::check::values::Value;
use crate::diagnostics::{Code, Diagnostic, Span, nearest};
use crate::ir::Size;
use crate::plan::Cost;
use crate::syntax::tree::{Expr, ExprKind};

impl Elaborator<'_> {
    /// `b[2].d` and the like: a choice, a cost, a value in scope, or else a label.
    pub(super) fn named_term(&mut self, place: &mut Place, expr: &Expr) -> Option<Term> {
        if let ExprKind::Name(name) = &expr.kind
            && let Some((_, term)) = place.loops.iter().rev().find(|(known, _)| known == name)
            && !matches!(term, Term::Label(_))
        {
            return Some(term.clone());
        }
        let path = self.path_words(place, expr)?;
        let within = place.block.as_ref().map(|block| format!("{block}.{path}"));
        if let Some(choice) = within.and_then(|path| self.choice_named(&path)).or_else(|| self.choice_named(&path)) {
            return Some(Term::Choice(choice, path));
        }
        if let Some(cost) = Cost::named(&path) {
            let size = self.ex.atom(Size::Cost(cost));
            return Some(Term::Number(Number { size, exists: self.ex.known(true), bytes: cost.is_bytes() }));
        }
        let missing = self.is_missing_instance(&path);
        match &expr.kind {
            ExprKind::Name(name) => {
                let value = match place.scope.get(name) {
                    Some(binding) => Some(binding.value.clone()),
                    // Every operator sees it, and so does every block (language rule 5).
                    None if name == "normalise" => Some(Value::Truth(self.normalise)),
                    None if self.program.lookup(place.scope.file, name).is_some_and(|i| i.kind == ItemKind::Const) => {
                        Some(self.eval(&mut place.scope, expr)?)
                    }
                    None => None,
                };
                self.value_term(value, path)
            }
            // A block's instance, as a source.
            ExprKind::Index(..) => Some(Term::Label(path)),
            _ if missing => Some(Term::Missing),
            ExprKind::Member(_, member) if matches!(member.text.as_str(), "width" | "fields" | "dim" | "count") => {
                let value = self.eval(&mut place.scope, expr)?;
                self.value_term(Some(value), path)
            }
            _ => self.no_choice(&path, expr.span),
        }
    }

    pub(super) fn no_choice<T>(&mut self, path: &str, span: Span) -> Option<T> {
        // Where something of the space has a mistake, its choices are not all known.
        if self.incomplete || self.program.is_spoilt(span.file, path) {
            return self.already_told();
        }
        let (of, _) = path.rsplit_once('.').unwrap_or((path, ""));
        if self.column_widths.keys().any(|name| name == of || name == path || name.ends_with(&format!(".{of}"))) {
            return self.fail(
                Diagnostic::error(Code::UnknownName, format!("`{path}` is a choice of columns, which a schema tells"))
                    .label(span, "not known when this is settled")
                    .help("what the columns cost together can be required: `params.embedding <= 1M`"),
            );
        }
        let costs = Cost::ALL.map(Cost::words);
        let known = self.choices.iter().map(|choice| choice.name.as_str()).chain(costs);
        let near = nearest(path, known).map(str::to_owned);
        self.fail(
            Diagnostic::error(Code::UnknownName, format!("there is no choice `{path}`"))
                .label(span, "neither a choice nor a cost")
                .did_you_mean(span, path, near.as_deref())
                .help_if(near.is_none().then(|| format!("costs are {}", costs.join(", ")))),
        )
    }

    pub(super) fn value_term(&mut self, value: Option<Value>, path: String) -> Option<Term> {
        let exists = self.ex.known(true);
        Some(match value {
            Some(Value::Size(size)) => Term::Number(Number { size, exists, bytes: false }),
            Some(Value::Truth(cond)) => Term::Truth(cond),
            Some(Value::Range { lo, hi, step }) => Term::Range(lo, hi, step),
            Some(Value::List(items)) => {
                let items = items.iter().map(|item| self.value_term(Some(item.clone()), path.clone()));
                Term::Set(items.collect::<Option<_>>()?)
            }
            Some(Value::Spoilt) => return self.already_told(),
            _ => Term::Label(path),
        })
    }

    /// The words of a name: `b[i + 1].d` is `b[3].d` where `i` is 2.
    pub(super) fn path_words(&mut self, place: &mut Place, expr: &Expr) -> Option<String> {
        match &expr.kind {
            ExprKind::Name(name) => {
                let known = place.loops.iter().rev().find(|(known, _)| known == name);
                Some(match known {
                    Some((_, Term::Label(label))) => label.clone(),
                    _ => name.clone(),
                })
            }
            ExprKind::Member(of, member) => Some(format!("{}.{}", self.path_words(place, of)?, member.text)),
            ExprKind::Index(of, index) => {
                let of = self.path_words(place, of)?;
                let number = self.demanded_number(place, index)?;
                match self.ex.as_constant(number.size) {
                    Some(number) => Some(format!("{of}[{number}]")),
                    None => self.fail(
                        Diagnostic::error(Code::NotConstant, "an index must be a fixed number")
                            .label(index.span, "this varies"),
                    ),
                }
            }
            _ => self.fail(
                Diagnostic::error(Code::Kind, "this does not name a choice")
                    .label(expr.span, "expected a name, such as `b[1].d`"),
            ),
        }
    }

    /// Whether words begin with an instance that a block of this space could have, but has not.
    pub(super) fn is_missing_instance(&self, path: &str) -> bool {
        let Some((family, rest)) = path.split_once('[') else { return false };
        let Some((number, _)) = rest.split_once(']') else { return false };
        let instance = format!("{family}[{number}]");
        let of_family = |name: &str| name.split_once('[').is_some_and(|(block, _)| block == family);
        self.blocks.iter().any(|(name, _)| of_family(name)) && self.blocks.iter().all(|(name, _)| *name != instance)
    }
}
