//! Comparisons of choices and numbers, and membership.

use super::{Number, Place, Term};
use crate::check::elaborate::Elaborator;
use crate::diagnostics::{Code, Diagnostic, Span};
use crate::ir::{ChoiceId, CondId, Relation};
use crate::syntax::tree::{Binary, Expr};

impl Elaborator<'_> {
    /// `a == b`, `a <= b` and so on.
    pub(super) fn compared(
        &mut self,
        place: &mut Place,
        relation: Binary,
        left: &Expr,
        right: &Expr,
    ) -> Option<CondId> {
        let (a, b) = (self.term(place, left), self.term(place, right));
        let (a, b) = (a?, b?);
        if matches!(a, Term::Missing) || matches!(b, Term::Missing) {
            return Some(self.ex.known(false));
        }
        if let (Some(x), Some(y)) = (self.as_number(&a), self.as_number(&b)) {
            return self.numbers_compared(relation, (x, left.span), (y, right.span));
        }
        let equal = match (&a, &b) {
            (Term::Truth(p), Term::Truth(q)) => {
                let (forth, back) = (self.ex.joined(Binary::Implies, *p, *q), self.ex.joined(Binary::Implies, *q, *p));
                Some((self.ex.and(forth, back), self.ex.known(true)))
            }
            (Term::Choice(x, _), Term::Choice(y, path)) if !self.labels(*x).contains(path) => {
                self.same_choice(*x, *y, left.span.to(right.span))
            }
            (Term::Choice(choice, _), other) if self.as_number(&a).is_none() => {
                self.choice_is(*choice, other, right.span)
            }
            (other, Term::Choice(choice, _)) if self.as_number(&b).is_none() => {
                self.choice_is(*choice, other, left.span)
            }
            (Term::Label(label), _) => return self.no_choice(label, left.span),
            (_, Term::Label(label)) => return self.no_choice(label, right.span),
            _ => {
                let (x, y) = (self.term_words(&a), self.term_words(&b));
                return self.fail(
                    Diagnostic::error(Code::Kind, "these cannot be compared")
                        .label(left.span, format!("this is {x}"))
                        .label(right.span, format!("this is {y}")),
                );
            }
        };
        let (equal, exists) = equal?;
        match relation {
            Binary::Equal => Some(self.ex.and(exists, equal)),
            Binary::Unequal => {
                let differs = self.ex.not(equal);
                Some(self.ex.and(exists, differs))
            }
            _ => self.fail(
                Diagnostic::error(Code::Kind, "only numbers are larger or smaller")
                    .label(left.span.to(right.span), "expected `==`, `!=` or `in`"),
            ),
        }
    }

    pub(super) fn numbers_compared(
        &mut self,
        relation: Binary,
        a: (Number, Span),
        b: (Number, Span),
    ) -> Option<CondId> {
        let ((x, left), (y, right)) = (a, b);
        if x.bytes != y.bytes && !(self.ex.as_constant(x.size) == Some(0.0) || self.ex.as_constant(y.size) == Some(0.0))
        {
            let words = |bytes: bool| if bytes { "a number of bytes" } else { "a number without a unit" };
            return self.fail(
                Diagnostic::error(Code::Kind, "bytes are compared with bytes")
                    .label(left, words(x.bytes))
                    .label(right, words(y.bytes))
                    .help("such as `bytes.activations <= 64KiB`"),
            );
        }
        let exists = self.ex.and(x.exists, y.exists);
        let holds = match relation {
            Binary::Equal | Binary::Unequal => self.ex.compare(Relation::Equal, x.size, y.size),
            Binary::Less => self.ex.compare(Relation::Less, x.size, y.size),
            Binary::Greater => self.ex.compare(Relation::Less, y.size, x.size),
            Binary::AtMost => self.ex.compare(Relation::AtMost, x.size, y.size),
            _ => self.ex.compare(Relation::AtMost, y.size, x.size),
        };
        let holds = if relation == Binary::Unequal { self.ex.not(holds) } else { holds };
        Some(self.ex.and(exists, holds))
    }

    /// Whether a choice takes just this, and whether it exists.
    pub(super) fn choice_is(&mut self, choice: ChoiceId, other: &Term, span: Span) -> Option<(CondId, CondId)> {
        let exists = self.exists(choice);
        let several = self.takes_several(choice);
        match other {
            Term::Set(items) if several => {
                let mut wanted = Vec::new();
                for item in items {
                    match self.label_of(choice, item, span)? {
                        Some(position) => wanted.push(position),
                        None => return Some((self.ex.known(false), exists)),
                    }
                }
                let mut all = self.ex.known(true);
                for position in 0..self.labels(choice).len() {
                    let taken = self.position(choice, position);
                    let right = if wanted.contains(&position) { taken } else { self.ex.not(taken) };
                    all = self.ex.and(all, right);
                }
                Some((all, exists))
            }
            _ if several => {
                let name = self.choices[choice.index()].name.clone();
                self.fail(
                    Diagnostic::error(Code::Kind, format!("`{name}` takes several"))
                        .label(span, "one is expected to be among them, or all of them to be a list")
                        .help(format!("such as `stem in {name}` or `{name} == [stem]`")),
                )
            }
            _ => {
                let equal = match self.label_of(choice, other, span)? {
                    Some(position) => self.position(choice, position),
                    None => self.ex.known(false),
                };
                Some((equal, exists))
            }
        }
    }

    /// Whether two choices take the same, and whether both exist.
    pub(super) fn same_choice(&mut self, x: ChoiceId, y: ChoiceId, span: Span) -> Option<(CondId, CondId)> {
        if self.takes_several(x) != self.takes_several(y) || self.as_number(&Term::Choice(y, String::new())).is_some() {
            return self.fail(
                Diagnostic::error(Code::Kind, "these choices cannot be compared").label(span, "of different kinds"),
            );
        }
        let (mine, theirs) = (self.labels(x), self.labels(y));
        let exactly_one = |choice: ChoiceId| self.choices[choice.index()].offer.takes().range() == (1, 1);
        let sets = !(exactly_one(x) && exactly_one(y));
        let mut same = self.ex.known(sets);
        let all: Vec<&String> = mine.iter().chain(theirs.iter().filter(|label| !mine.contains(label))).collect();
        for label in all {
            let mut taken = |choice, labels: &[String]| match labels.iter().position(|known| known == label) {
                Some(position) => self.position(choice, position),
                None => self.ex.known(false),
            };
            let (a, b) = (taken(x, &mine), taken(y, &theirs));
            let both = self.ex.and(a, b);
            same = if sets {
                let (not_a, not_b) = (self.ex.not(a), self.ex.not(b));
                let neither = self.ex.and(not_a, not_b);
                let alike = self.ex.or(both, neither);
                self.ex.and(same, alike)
            } else {
                self.ex.or(same, both)
            };
        }
        let (a, b) = (self.exists(x), self.exists(y));
        Some((same, self.ex.and(a, b)))
    }

    /// `stem in b[1].x`, `b[1].d in [fc, dot]`, `w in 16..64`.
    pub(super) fn member_of(&mut self, place: &mut Place, left: &Expr, right: &Expr) -> Option<CondId> {
        let set = self.term(place, right)?;
        let one = self.term(place, left)?;
        match &set {
            Term::Missing => Some(self.ex.known(false)),
            Term::Choice(choice, _) => {
                let Some(position) = self.label_of(*choice, &one, left.span)? else {
                    return Some(self.ex.known(false));
                };
                Some(self.takes(*choice, position))
            }
            Term::Set(items) => {
                let mut any = self.ex.known(false);
                for item in items {
                    let equal = match (self.as_number(&one), self.as_number(item)) {
                        (Some(x), Some(y)) => self.numbers_compared(Binary::Equal, (x, left.span), (y, right.span))?,
                        _ => match &one {
                            Term::Choice(choice, _) => {
                                let (equal, exists) = self.choice_is(*choice, item, right.span)?;
                                self.ex.and(exists, equal)
                            }
                            Term::Missing => self.ex.known(false),
                            _ => return self.no_set(&one, left.span, "a choice or a number is expected here"),
                        },
                    };
                    any = self.ex.or(any, equal);
                }
                Some(any)
            }
            Term::Range(lo, hi, step) => {
                let Some(number) = self.as_number(&one) else {
                    return self.no_set(&one, left.span, "a number is expected here");
                };
                let (above, below) = (
                    self.ex.compare(Relation::AtMost, *lo, number.size),
                    self.ex.compare(Relation::AtMost, number.size, *hi),
                );
                let mut within = self.ex.and(above, below);
                if let Some(step) = step {
                    let from = self.ex.add_scaled(number.size, *lo, -1.0);
                    let steps = self.ex.quotient(from, *step);
                    let whole = self.ex.round(steps);
                    let fits = self.ex.compare(Relation::Equal, steps, whole);
                    within = self.ex.and(within, fits);
                }
                Some(self.ex.and(number.exists, within))
            }
            other => self.no_set(other, right.span, "a list, a range or a choice of several is expected here"),
        }
    }

    pub(super) fn no_set<T>(&mut self, term: &Term, span: Span, expected: &str) -> Option<T> {
        if let Term::Label(label) = term {
            return self.no_choice(label, span);
        }
        let what = self.term_words(term);
        self.fail(Diagnostic::error(Code::Kind, expected).label(span, format!("this is {what}")))
    }
}
