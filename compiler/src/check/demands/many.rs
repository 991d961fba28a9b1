//! Functions over several values: `all`, `any`, `sum`, `count`.

use super::{Number, Place, Term};
use crate::check::elaborate::Elaborator;
use crate::diagnostics::{Code, Diagnostic, Span, nearest};
use crate::ir::{SizeId, Word};
use crate::syntax::tree::{Arg, Binary, Expr, ExprKind, Name};

impl Elaborator<'_> {
    /// `all(… for i in 1..7)`, `any`, `sum`, `count`; `count(x)` of a choice; `max`, `min`, `round`, `sqrt`.
    pub(super) fn over_many(&mut self, place: &mut Place, callee: &Name, args: &[Arg], span: Span) -> Option<Term> {
        let name = callee.text.as_str();
        let [Arg { name: None, value: first }, rest @ ..] = args else {
            return self.many_of_what(callee, span);
        };
        match (name, &first.kind, rest) {
            ("count", kind, []) if !matches!(kind, ExprKind::Each { .. }) => match self.term(place, first)? {
                Term::Missing => self.as_number(&Term::Missing).map(Term::Number),
                Term::Choice(choice, _) if !self.labels(choice).is_empty() => {
                    let mut size = self.ex.constant(0.0);
                    let one = self.ex.constant(1.0);
                    let from = usize::from(self.choices[choice.index()].offer.word() == Word::Maybe);
                    for position in from..self.labels(choice).len() {
                        let taken = self.position(choice, position);
                        let zero = self.ex.constant(0.0);
                        let mark = self.ex.branch(taken, one, zero);
                        size = self.ex.add_scaled(size, mark, 1.0);
                    }
                    Some(Term::Number(Number { size, exists: self.exists(choice), bytes: false }))
                }
                other => {
                    self.no_set(&other, first.span, "`count` counts what a choice takes, or what holds `for` each")
                }
            },
            ("all" | "any" | "count" | "sum", ExprKind::Each { value, loops }, []) => {
                let mut parts = Vec::new();
                self.each(place, loops, &mut |this, place| {
                    let part = match name {
                        "sum" => this.demanded_number(place, value)?,
                        _ => {
                            let cond = this.demanded(place, value)?;
                            let (one, zero) = (this.ex.constant(1.0), this.ex.constant(0.0));
                            Number { size: this.ex.branch(cond, one, zero), exists: cond, bytes: false }
                        }
                    };
                    parts.push(part);
                    Some(())
                })?;
                let truth = |this: &mut Self, all: bool| {
                    let start = this.ex.known(all);
                    let join = if all { Binary::And } else { Binary::Or };
                    parts.iter().fold(start, |cond, part| this.ex.joined(join, cond, part.exists))
                };
                Some(match name {
                    "all" => Term::Truth(truth(self, true)),
                    "any" => Term::Truth(truth(self, false)),
                    _ => {
                        let sizes: Vec<SizeId> = parts.iter().map(|part| part.size).collect();
                        let exists = if name == "sum" { truth(self, true) } else { self.ex.known(true) };
                        let bytes = name == "sum" && parts.iter().any(|part| part.bytes);
                        Term::Number(Number { size: self.ex.sum(&sizes), exists, bytes })
                    }
                })
            }
            ("round" | "sqrt", _, []) => {
                let number = self.demanded_number(place, first)?;
                let size = if name == "round" { self.ex.round(number.size) } else { self.ex.root(number.size) };
                Some(Term::Number(Number { size, ..number }))
            }
            ("max" | "min", _, [Arg { name: None, value: second }]) => {
                let (a, b) = (self.demanded_number(place, first)?, self.demanded_number(place, second)?);
                let size = if name == "max" { self.ex.max(a.size, b.size) } else { self.ex.min(a.size, b.size) };
                Some(Term::Number(Number { size, exists: self.ex.and(a.exists, b.exists), bytes: a.bytes || b.bytes }))
            }
            _ => self.many_of_what(callee, span),
        }
    }

    pub(super) fn many_of_what<T>(&mut self, callee: &Name, span: Span) -> Option<T> {
        let known = ["all", "any", "sum", "count", "max", "min", "round", "sqrt"];
        if !known.contains(&callee.text.as_str()) {
            let near = nearest(&callee.text, known);
            return self.fail(
                Diagnostic::error(Code::UnknownName, format!("a condition has no function `{}`", callee.text))
                    .label(callee.span, format!("expected one of {}", known.join(", ")))
                    .did_you_mean(callee.span, &callee.text, near),
            );
        }
        self.fail(
            Diagnostic::error(Code::Arguments, format!("`{}` is not given what it takes", callee.text))
                .label(span, "not understood")
                .help("such as `count(b[i].d == fc for i in 1..7)`, `sum(b[i].w for i in 1..7)`, `max(a, b)`"),
        )
    }

    /// Runs `visit` for every value of the loops' names.
    pub(super) fn each(
        &mut self,
        place: &mut Place,
        loops: &[(Name, Expr)],
        visit: &mut dyn FnMut(&mut Self, &mut Place) -> Option<()>,
    ) -> Option<()> {
        let Some(((name, over), rest)) = loops.split_first() else { return visit(self, place) };
        let terms = match self.term(place, over)? {
            Term::Set(terms) => terms,
            Term::Range(lo, hi, step) => {
                let step = step.map_or(Some(1.0), |step| self.ex.as_constant(step));
                let bounds = self.ex.as_constant(lo).zip(self.ex.as_constant(hi)).zip(step);
                let Some(((lo, hi), step)) = bounds.filter(|(_, step)| *step > 0.0) else {
                    return self.fail(
                        Diagnostic::error(Code::NotConstant, "`for` goes over fixed numbers")
                            .label(over.span, "this varies"),
                    );
                };
                let count = ((hi - lo) / step).floor();
                if count > 65_536.0 {
                    let message = "`for` goes over too many numbers";
                    return self.fail(Diagnostic::error(Code::TooLarge, message).label(over.span, "at most 65,536"));
                }
                let mut terms = Vec::new();
                for at in 0..=count.max(-1.0) as i64 {
                    terms.push(self.fixed(lo + at as f64 * step, false));
                }
                terms
            }
            // The instances of a block.
            Term::Label(family) if self.blocks.iter().any(|(name, _)| is_of(name, &family)) => self
                .blocks
                .iter()
                .filter(|(name, _)| is_of(name, &family))
                .map(|(n, _)| Term::Label(n.clone()))
                .collect(),
            other => {
                return self.no_set(&other, over.span, "`for` goes over a range, a list or a block");
            }
        };
        for term in terms {
            place.loops.push((name.text.clone(), term));
            let visited = self.each(place, rest, visit);
            place.loops.pop();
            visited?;
        }
        Some(())
    }
}

/// Whether an instance is one of this block: `b[2]` of `b`.
fn is_of(instance: &str, block: &str) -> bool {
    instance.split_once('[').is_some_and(|(name, _)| name == block)
}
