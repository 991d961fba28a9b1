//! `require` and `forbid`: conditions on what an architecture chooses, and on what it costs.
//!
//! They are settled when the whole space is known, so that they may stand anywhere in it. A choice is named as in an
//! `arch`; a comparison with a choice that does not exist is false (language.md, Constraints).

mod compare;
mod many;
mod names;
mod taken;

use super::elaborate::Elaborator;
use super::scope::Scope;
use crate::diagnostics::{Code, Diagnostic};
use crate::ir::{ChoiceId, CondId, Constraint, Size, SizeId, Word};
use crate::syntax::tree::{Binary, Expr, ExprKind, Unary};

/// Where a condition is read.
struct Place {
    scope: Scope,
    block: Option<String>,
    /// The names that `for` gives, innermost last.
    loops: Vec<(String, Term)>,
}

/// What a part of a condition is.
#[derive(Clone, Debug)]
enum Term {
    Truth(CondId),
    Number(Number),
    /// A choice, and the words that name it.
    Choice(ChoiceId, String),
    /// What a choice can take: an alternative or a source.
    Label(String),
    Set(Vec<Term>),
    Range(SizeId, SizeId, Option<SizeId>),
    /// A choice of a block instance that this space does not have.
    Missing,
}

/// A number, and when there is one: a comparison with a choice that does not exist is false.
#[derive(Clone, Copy, Debug)]
struct Number {
    size: SizeId,
    exists: CondId,
    bytes: bool,
}

impl Elaborator<'_> {
    /// The constraints of the space: its own and those of the search that it is elaborated for.
    pub(in crate::check) fn constraints(&mut self) -> Vec<Constraint> {
        self.incomplete = self.failures > 0;
        let mut constraints = Vec::new();
        for pending in std::mem::take(&mut self.demands) {
            let mut place = Place { scope: pending.scope, block: pending.block, loops: Vec::new() };
            let keyword = if pending.demand.forbids { "forbid" } else { "require" };
            for condition in &pending.demand.conditions {
                let Some(mut holds) = self.demanded(&mut place, condition) else { continue };
                if pending.demand.forbids {
                    holds = self.ex.not(holds);
                }
                if self.ex.take_overflow() {
                    let message = "this condition is too deep";
                    self.report(Diagnostic::error(Code::TooLarge, message).label(condition.span, "given up here"));
                }
                let written = self.program.sources.text(condition.span);
                let written = written.split_whitespace().collect::<Vec<_>>().join(" ");
                let instance = place.block.as_ref().map(|block| format!(" in `{block}`")).unwrap_or_default();
                constraints.push(Constraint {
                    holds,
                    text: format!("{keyword} {written}{instance}"),
                    span: condition.span,
                    block: place.block.clone(),
                    costs: self.ex.costs_in(holds),
                });
            }
        }
        constraints
    }

    /// What a condition says where all that it speaks of is known already.
    pub(in crate::check) fn required_now(&mut self, scope: &Scope, condition: &Expr, forbids: bool) -> Option<CondId> {
        let mut place = Place { scope: scope.snapshot(), block: self.block.clone(), loops: Vec::new() };
        let holds = self.demanded(&mut place, condition)?;
        Some(if forbids { self.ex.not(holds) } else { holds })
    }

    /// A whole condition.
    fn demanded(&mut self, place: &mut Place, expr: &Expr) -> Option<CondId> {
        match self.term(place, expr)? {
            Term::Truth(cond) => Some(cond),
            Term::Missing => Some(self.ex.known(false)),
            Term::Choice(choice, _) if self.choices[choice.index()].offer.word() == Word::Maybe => {
                Some(self.takes(choice, 1))
            }
            Term::Label(label) => self.no_choice(&label, expr.span),
            other => {
                let what = self.term_words(&other);
                self.fail(
                    Diagnostic::error(Code::Kind, "a condition is expected here")
                        .label(expr.span, format!("this is {what}")),
                )
            }
        }
    }

    fn term(&mut self, place: &mut Place, expr: &Expr) -> Option<Term> {
        if !self.affordable(expr.span) {
            return None;
        }
        self.depth += 1;
        let term = self.term_of(place, expr);
        self.depth -= 1;
        term
    }

    fn term_of(&mut self, place: &mut Place, expr: &Expr) -> Option<Term> {
        match &expr.kind {
            ExprKind::Number(number) | ExprKind::Percent(number) => Some(self.fixed(*number, false)),
            ExprKind::Bytes(number) => Some(self.fixed(*number, true)),
            ExprKind::Switch(on) => Some(Term::Truth(self.ex.known(*on))),
            ExprKind::Name(_) | ExprKind::Index(..) | ExprKind::Member(..) => self.named_term(place, expr),
            ExprKind::List(items) => {
                let items: Vec<_> = items.iter().map(|item| self.term(place, item)).collect();
                Some(Term::Set(items.into_iter().collect::<Option<_>>()?))
            }
            ExprKind::Range { lo, hi, step } => {
                let (lo, hi) = (self.demanded_number(place, lo)?.size, self.demanded_number(place, hi)?.size);
                let step = match step {
                    Some(step) => Some(self.demanded_number(place, step)?.size),
                    None => None,
                };
                Some(Term::Range(lo, hi, step))
            }
            ExprKind::Unary(Unary::Not, operand) => {
                let cond = self.demanded(place, operand)?;
                Some(Term::Truth(self.ex.not(cond)))
            }
            ExprKind::Unary(Unary::Negate, operand) => {
                let number = self.demanded_number(place, operand)?;
                let zero = self.ex.constant(0.0);
                Some(Term::Number(Number { size: self.ex.add_scaled(zero, number.size, -1.0), ..number }))
            }
            ExprKind::Binary(binary @ (Binary::And | Binary::Or | Binary::Implies), left, right) => {
                let (a, b) = (self.demanded(place, left), self.demanded(place, right));
                let (a, b) = (a?, b?);
                Some(Term::Truth(self.ex.joined(*binary, a, b)))
            }
            ExprKind::Binary(Binary::In, left, right) => self.member_of(place, left, right).map(Term::Truth),
            ExprKind::Binary(binary @ (Binary::Add | Binary::Sub | Binary::Mul | Binary::Div), left, right) => {
                let (a, b) = (self.demanded_number(place, left), self.demanded_number(place, right));
                let (a, b) = (a?, b?);
                let size = match binary {
                    Binary::Add => self.ex.add_scaled(a.size, b.size, 1.0),
                    Binary::Sub => self.ex.add_scaled(a.size, b.size, -1.0),
                    Binary::Mul => self.ex.product(a.size, b.size),
                    _ => self.ex.quotient(a.size, b.size),
                };
                let bytes = a.bytes || b.bytes;
                Some(Term::Number(Number { size, exists: self.ex.and(a.exists, b.exists), bytes }))
            }
            ExprKind::Binary(relation, left, right) => self.compared(place, *relation, left, right).map(Term::Truth),
            ExprKind::Call { callee, args } => self.over_many(place, callee, args, expr.span),
            _ => self.fail(
                Diagnostic::error(Code::Kind, "this is no part of a condition")
                    .label(expr.span, "expected choices, numbers and comparisons")
                    .help("such as `require b[1].d == fc implies b[1].w <= 256`"),
            ),
        }
    }

    fn fixed(&mut self, value: f64, bytes: bool) -> Term {
        Term::Number(Number { size: self.ex.constant(value), exists: self.ex.known(true), bytes })
    }

    fn demanded_number(&mut self, place: &mut Place, expr: &Expr) -> Option<Number> {
        let term = self.term(place, expr)?;
        if let Some(number) = self.as_number(&term) {
            return Some(number);
        }
        if let Term::Label(label) = &term {
            return self.no_choice(label, expr.span);
        }
        let what = self.term_words(&term);
        let mut diagnostic =
            Diagnostic::error(Code::Kind, "a number is expected here").label(expr.span, format!("this is {what}"));
        if let Term::Choice(..) = term {
            diagnostic = diagnostic.help("`count(x)` is how many a choice takes; `==` and `in` compare what it takes");
        }
        self.fail(diagnostic)
    }

    fn as_number(&mut self, term: &Term) -> Option<Number> {
        match term {
            Term::Number(number) => Some(*number),
            Term::Missing => Some(Number { size: self.ex.constant(0.0), exists: self.ex.known(false), bytes: false }),
            Term::Choice(choice, _) => {
                let offer = &self.choices[choice.index()].offer;
                let size = match offer.word() {
                    _ if offer.numbers().is_empty() => return None,
                    Word::Width => Size::Width(*choice),
                    _ => {
                        let numbers = offer.numbers().iter();
                        Size::OneOf(*choice, numbers.map(|&number| self.ex.constant(number as f64)).collect())
                    }
                };
                let size = self.ex.atom(size);
                Some(Number { size, exists: self.exists(*choice), bytes: false })
            }
            _ => None,
        }
    }

    fn term_words(&self, term: &Term) -> String {
        match term {
            Term::Truth(_) => "a condition".to_owned(),
            Term::Number(_) => "a number".to_owned(),
            Term::Choice(choice, _) => {
                let choice = &self.choices[choice.index()];
                let kind = match choice.offer.word() {
                    Word::Width => "a width",
                    Word::Pick => "a pick",
                    Word::Choose => "a `choose`",
                    Word::Repeat => "a depth",
                    Word::Maybe => "a `maybe`",
                };
                format!("{kind}, `{}`", choice.name)
            }
            Term::Label(label) => format!("`{label}`, which is no choice of this space"),
            Term::Set(_) => "a list".to_owned(),
            Term::Range(..) => "a range".to_owned(),
            Term::Missing => "a choice that does not exist".to_owned(),
        }
    }
}
