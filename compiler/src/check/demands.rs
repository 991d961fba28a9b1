//! `require` and `forbid`: conditions on what an architecture chooses, and on what it costs.
//!
//! They are settled when the whole space is known, so that they may stand anywhere in it. A choice is named as in an
//! `arch`; a comparison with a choice that does not exist is false (language.md, Constraints).

use super::elaborate::{Elaborator, Scope};
use super::values::Value;
use crate::diagnostics::{Code, Diagnostic, Span, nearest};
use crate::ir::{ChoiceId, ChoiceKind, CondId, Constraint, Relation, Size, SizeId};
use crate::plan::Cost;
use crate::syntax::tree::{Arg, Binary, Demand, Expr, ExprKind, Name, Unary};

/// A demand with what it sees.
pub(super) struct Pending {
    pub scope: Scope,
    /// The block instance that it stands in.
    pub block: Option<String>,
    pub demand: Demand,
}

impl Pending {
    /// A demand of a search, which sees the choices of the space and what its file sees.
    pub fn of_search(demand: &Demand) -> Self {
        let file = demand.conditions.first().map_or(crate::diagnostics::FileId(0), |condition| condition.span.file);
        Self { scope: Scope::new(file), block: None, demand: demand.clone() }
    }
}

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
    pub(super) fn constraints(&mut self) -> Vec<Constraint> {
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
                    of_costs: self.ex.speaks_of_costs(holds),
                });
            }
        }
        constraints
    }

    /// A whole condition.
    fn demanded(&mut self, place: &mut Place, expr: &Expr) -> Option<CondId> {
        match self.term(place, expr)? {
            Term::Truth(cond) => Some(cond),
            Term::Missing => Some(self.ex.known(false)),
            Term::Choice(choice, _) if self.choices[choice.index()].kind == ChoiceKind::Maybe => {
                Some(self.takes(choice, 1))
            }
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

    /// `b[2].d` and the like: a choice, a cost, a value in scope, or else a label.
    fn named_term(&mut self, place: &mut Place, expr: &Expr) -> Option<Term> {
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
                    None if self
                        .program
                        .lookup(place.scope.file, name)
                        .is_some_and(|i| i.kind == super::ItemKind::Const) =>
                    {
                        Some(self.eval(&mut place.scope, expr)?)
                    }
                    None => None,
                };
                self.value_term(value, path)
            }
            // A block's instance, as a source.
            ExprKind::Index(..) => Some(Term::Label(path)),
            _ if missing => Some(Term::Missing),
            ExprKind::Member(_, member) if matches!(member.text.as_str(), "width" | "fields" | "dim") => {
                let value = self.eval(&mut place.scope, expr)?;
                self.value_term(Some(value), path)
            }
            _ => {
                let near = nearest(&path, self.choices.iter().map(|choice| choice.name.as_str()));
                self.fail(
                    Diagnostic::error(Code::UnknownName, format!("there is no choice `{path}`"))
                        .label(expr.span, "neither a choice nor a cost")
                        .did_you_mean(expr.span, &path, near)
                        .help("costs are `macs`, `params.dense`, `params.embedding`, `bytes.activations` and `bytes.weights`"),
                )
            }
        }
    }

    fn value_term(&mut self, value: Option<Value>, path: String) -> Option<Term> {
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
    fn path_words(&mut self, place: &mut Place, expr: &Expr) -> Option<String> {
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
    fn is_missing_instance(&self, path: &str) -> bool {
        let Some((family, rest)) = path.split_once('[') else { return false };
        let Some((number, _)) = rest.split_once(']') else { return false };
        let instance = format!("{family}[{number}]");
        let of_family = |name: &str| name.split_once('[').is_some_and(|(block, _)| block == family);
        self.blocks.iter().any(|(name, _)| of_family(name)) && self.blocks.iter().all(|(name, _)| *name != instance)
    }

    fn demanded_number(&mut self, place: &mut Place, expr: &Expr) -> Option<Number> {
        let term = self.term(place, expr)?;
        if let Some(number) = self.as_number(&term) {
            return Some(number);
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
                let size = match self.choices[choice.index()].kind {
                    ChoiceKind::Width { .. } => self.ex.atom(Size::Width(*choice)),
                    ChoiceKind::Repeat { lo, hi } => {
                        let depths = (lo..=hi).map(|depth| self.ex.constant(depth as f64)).collect();
                        self.ex.atom(Size::OneOf(*choice, depths))
                    }
                    _ => return None,
                };
                Some(Number { size, exists: self.exists(*choice), bytes: false })
            }
            _ => None,
        }
    }

    /// Whether a choice exists: what is around it is taken (language rule 8).
    fn exists(&mut self, choice: ChoiceId) -> CondId {
        match self.choices[choice.index()].parent {
            None => self.ex.known(true),
            Some((parent, positions)) => {
                let around = self.exists(parent);
                let taken = (0..64).filter(|position| positions >> position & 1 == 1);
                let mut any = self.ex.known(false);
                for position in taken {
                    let one = self.position(parent, position);
                    any = self.ex.or(any, one);
                }
                self.ex.and(around, any)
            }
        }
    }

    /// Whether a choice exists and takes this position.
    fn takes(&mut self, choice: ChoiceId, position: usize) -> CondId {
        let exists = self.exists(choice);
        let taken = self.position(choice, position);
        self.ex.and(exists, taken)
    }

    /// Whether a choice, which exists, takes this position.
    fn position(&mut self, choice: ChoiceId, position: usize) -> CondId {
        let (count, set) = match &self.choices[choice.index()].kind {
            ChoiceKind::Width { values } => (values.len(), false),
            ChoiceKind::Choose { hi, alternatives, .. } => (alternatives.len(), *hi > 1),
            ChoiceKind::Pick { hi, sources, .. } => (sources.len(), *hi > 1),
            ChoiceKind::Repeat { lo, hi } => (hi - lo + 1, false),
            ChoiceKind::Maybe => (2, false),
        };
        let one = self.ex.constant(1.0);
        if count <= 1 && !set {
            return self.ex.known(position == 0);
        }
        let marks = (0..count).map(|at| self.ex.constant(f64::from(u8::from(at == position)))).collect();
        let mark = self.ex.atom(if set { Size::Picked(choice, marks) } else { Size::OneOf(choice, marks) });
        self.ex.compare(Relation::Equal, mark, one)
    }

    /// What a choice can take, in words.
    fn labels(&self, choice: ChoiceId) -> Vec<String> {
        match &self.choices[choice.index()].kind {
            ChoiceKind::Choose { alternatives, .. } => alternatives.clone(),
            ChoiceKind::Pick { sources, .. } => sources.clone(),
            ChoiceKind::Maybe => vec!["off".to_owned(), "on".to_owned()],
            ChoiceKind::Width { .. } | ChoiceKind::Repeat { .. } => Vec::new(),
        }
    }

    fn takes_several(&self, choice: ChoiceId) -> bool {
        matches!(
            self.choices[choice.index()].kind,
            ChoiceKind::Choose { hi: 2.., .. } | ChoiceKind::Pick { hi: 2.., .. }
        )
    }

    /// The position of a label among what a choice can take; `None` twice over where there is a mistake.
    fn label_of(&mut self, choice: ChoiceId, term: &Term, span: Span) -> Option<Option<usize>> {
        let label = match term {
            Term::Label(label) | Term::Choice(_, label) => label.clone(),
            Term::Truth(cond) => match *self.ex.cond(*cond) {
                crate::ir::Cond::Known(true) => "on".to_owned(),
                crate::ir::Cond::Known(false) => "off".to_owned(),
                _ => String::new(),
            },
            Term::Missing => return Some(None),
            _ => String::new(),
        };
        let labels = self.labels(choice);
        if let Some(at) = labels.iter().position(|known| *known == label) {
            return Some(Some(at));
        }
        // Another instance may well offer it.
        if label.ends_with(']') && matches!(self.choices[choice.index()].kind, ChoiceKind::Pick { .. }) {
            return Some(None);
        }
        let near = nearest(&label, labels.iter().map(String::as_str)).map(str::to_owned);
        let name = self.choices[choice.index()].name.clone();
        let written = self.program.sources.text(span).to_owned();
        self.fail(
            Diagnostic::error(Code::Choice, format!("`{name}` cannot be `{written}`"))
                .label(span, format!("expected one of {}", labels.join(", ")))
                .label(self.choices[choice.index()].span, "the choice")
                .did_you_mean(span, &label, near.as_deref()),
        )
    }

    /// `a == b`, `a <= b` and so on.
    fn compared(&mut self, place: &mut Place, relation: Binary, left: &Expr, right: &Expr) -> Option<CondId> {
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

    fn numbers_compared(&mut self, relation: Binary, a: (Number, Span), b: (Number, Span)) -> Option<CondId> {
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
    fn choice_is(&mut self, choice: ChoiceId, other: &Term, span: Span) -> Option<(CondId, CondId)> {
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
    fn same_choice(&mut self, x: ChoiceId, y: ChoiceId, span: Span) -> Option<(CondId, CondId)> {
        if self.takes_several(x) != self.takes_several(y) || self.as_number(&Term::Choice(x, String::new())).is_some() {
            return self.fail(
                Diagnostic::error(Code::Kind, "these choices cannot be compared").label(span, "of different kinds"),
            );
        }
        let (mine, theirs) = (self.labels(x), self.labels(y));
        let several = self.takes_several(x);
        let mut same = self.ex.known(several);
        let all: Vec<&String> = mine.iter().chain(theirs.iter().filter(|label| !mine.contains(label))).collect();
        for label in all {
            let mut taken = |choice, labels: &[String]| match labels.iter().position(|known| known == label) {
                Some(position) => self.position(choice, position),
                None => self.ex.known(false),
            };
            let (a, b) = (taken(x, &mine), taken(y, &theirs));
            let both = self.ex.and(a, b);
            same = if several {
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
    fn member_of(&mut self, place: &mut Place, left: &Expr, right: &Expr) -> Option<CondId> {
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

    fn no_set<T>(&mut self, term: &Term, span: Span, expected: &str) -> Option<T> {
        let what = self.term_words(term);
        self.fail(Diagnostic::error(Code::Kind, expected).label(span, format!("this is {what}")))
    }

    /// `all(… for i in 1..7)`, `any`, `sum`, `count`; `count(x)` of a choice; `max`, `min`, `round`, `sqrt`.
    fn over_many(&mut self, place: &mut Place, callee: &Name, args: &[Arg], span: Span) -> Option<Term> {
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
                    let from = usize::from(self.choices[choice.index()].kind == ChoiceKind::Maybe);
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

    fn many_of_what<T>(&mut self, callee: &Name, span: Span) -> Option<T> {
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
    fn each(
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

    fn term_words(&self, term: &Term) -> String {
        match term {
            Term::Truth(_) => "a condition".to_owned(),
            Term::Number(_) => "a number".to_owned(),
            Term::Choice(choice, _) => {
                let choice = &self.choices[choice.index()];
                let kind = match choice.kind {
                    ChoiceKind::Width { .. } => "a width",
                    ChoiceKind::Pick { .. } => "a pick",
                    ChoiceKind::Choose { .. } => "a `choose`",
                    ChoiceKind::Repeat { .. } => "a depth",
                    ChoiceKind::Maybe => "a `maybe`",
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

/// Whether an instance is one of this block: `b[2]` of `b`.
fn is_of(instance: &str, block: &str) -> bool {
    instance.split_once('[').is_some_and(|(name, _)| name == block)
}
