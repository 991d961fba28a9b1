//! Size expressions over choices, kept in a normal form, so that two sizes that are equal for an obvious reason are
//! the same expression (language rule 4).

use std::collections::{BTreeMap, HashMap, HashSet};

use smallvec::SmallVec;

use super::choices::{Assignment, ChoiceId, Undecided};
use super::inputs::InputId;
use super::layouts::{LayoutExpr, LayoutId};
use crate::cost::Cost;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SizeId(pub u32);

/// A condition of one space, such as what a constraint says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CondId(pub(crate) u32);

/// A number that can be compared and hashed: never NaN, and zero has one sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Real(u64);

impl Real {
    pub fn new(value: f64) -> Self {
        Self((if value == 0.0 { 0.0 } else { value }).to_bits())
    }

    pub fn get(self) -> f64 {
        f64::from_bits(self.0)
    }
}

/// One size expression; its operands are earlier ones.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Size {
    /// Number of numeric columns of the schema.
    Numeric,
    /// Number of categorical fields of the schema.
    Fields,
    /// Number of columns of an input that says which it reads.
    Columns(InputId),
    /// A size about which nothing is known: a parameter of an operator that is checked on its own.
    Opaque(u32),
    Width(ChoiceId),
    /// `constant + sum of coefficient * term`, terms ascending.
    Linear {
        constant: Real,
        terms: Vec<(SizeId, Real)>,
    },
    Product(SizeId, SizeId),
    Quotient(SizeId, SizeId),
    Root(SizeId),
    /// To the nearest integer, half away from zero.
    Round(SizeId),
    Max(SizeId, SizeId),
    Min(SizeId, SizeId),
    If(CondId, SizeId, SizeId),
    /// The size of what a `choose` or a `pick 1` takes.
    OneOf(ChoiceId, Vec<SizeId>),
    /// The sum over what a pick takes.
    Picked(ChoiceId, Vec<SizeId>),
    /// The size when the `maybe` is there, else 0.
    When(ChoiceId, SizeId),
    /// What the live graph costs; in constraints only.
    Cost(Cost),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relation {
    Equal,
    Less,
    AtMost,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Cond {
    Known(bool),
    Opaque(u32),
    Compare(Relation, SizeId, SizeId),
    Not(CondId),
    And(CondId, CondId),
    Or(CondId, CondId),
}

/// The hash-consed expressions of one space.
#[derive(Clone, Debug, Default)]
pub struct Expressions {
    pub(super) sizes: Vec<Size>,
    size_ids: HashMap<Size, SizeId>,
    pub(super) conds: Vec<Cond>,
    cond_ids: HashMap<Cond, CondId>,
    pub(super) layouts: Vec<LayoutExpr>,
    pub(super) layout_ids: HashMap<LayoutExpr, LayoutId>,
    /// For each size, whether it is an integer under every assignment, for an obvious reason.
    whole: Vec<bool>,
    /// For each size and each condition, whether it depends on the data: on how many columns there are.
    pub(super) of_data: Vec<bool>,
    pub(super) conds_of_data: Vec<bool>,
    /// How deep each expression is: evaluation is recursive.
    size_depths: Vec<u16>,
    cond_depths: Vec<u16>,
    pub(super) layout_depths: Vec<u16>,
    pub(super) overflow: bool,
    /// Terms of all sums.
    terms: usize,
    /// Operands that restrictions have looked at.
    pub(super) restricted: usize,
}

/// Deepest expression; a deeper one is replaced, and said to be too deep.
pub(super) const MAX_DEPTH: u16 = 1000;

impl Expressions {
    pub fn size(&self, id: SizeId) -> &Size {
        &self.sizes[id.0 as usize]
    }

    pub fn cond(&self, id: CondId) -> &Cond {
        &self.conds[id.0 as usize]
    }

    pub fn size_count(&self) -> usize {
        self.sizes.len()
    }

    /// How many terms all sums have together.
    pub fn term_count(&self) -> usize {
        self.terms
    }

    pub fn cond_count(&self) -> usize {
        self.conds.len()
    }

    fn intern(&mut self, size: Size) -> SizeId {
        if let Some(&id) = self.size_ids.get(&size) {
            return id;
        }
        let (mut operands, mut conds) = (SmallVec::<[SizeId; 8]>::new(), None);
        size.for_each_operand(|operand| operands.push(operand), |cond| conds = Some(cond));
        let below = operands.iter().map(|operand| self.size_depths[operand.0 as usize]);
        let depth = 1 + below.chain(conds.map(|cond| self.cond_depths[cond.0 as usize])).max().unwrap_or(0);
        if depth > MAX_DEPTH {
            self.overflow = true;
            return self.constant(1.0);
        }
        if let Size::Linear { terms, .. } = &size {
            self.terms += terms.len();
        }
        let itself = matches!(size, Size::Numeric | Size::Fields | Size::Columns(_));
        let below = operands.iter().any(|operand| self.of_data[operand.0 as usize]);
        self.of_data.push(itself || below || conds.is_some_and(|cond| self.conds_of_data[cond.0 as usize]));
        let id = SizeId(self.sizes.len() as u32);
        self.whole.push(self.obviously_whole(&size));
        self.size_depths.push(depth);
        self.sizes.push(size.clone());
        self.size_ids.insert(size, id);
        id
    }

    fn intern_cond(&mut self, cond: Cond) -> CondId {
        if let Some(&id) = self.cond_ids.get(&cond) {
            return id;
        }
        let depth = 1 + match cond {
            Cond::Known(_) | Cond::Opaque(_) => 0,
            Cond::Compare(_, a, b) => self.size_depths[a.0 as usize].max(self.size_depths[b.0 as usize]),
            Cond::Not(a) => self.cond_depths[a.0 as usize],
            Cond::And(a, b) | Cond::Or(a, b) => self.cond_depths[a.0 as usize].max(self.cond_depths[b.0 as usize]),
        };
        if depth > MAX_DEPTH {
            self.overflow = true;
            return self.known(true);
        }
        let of_data = |size: SizeId| self.of_data[size.0 as usize];
        self.conds_of_data.push(match cond {
            Cond::Known(_) | Cond::Opaque(_) => false,
            Cond::Compare(_, a, b) => of_data(a) || of_data(b),
            Cond::Not(a) => self.depends_on_schema(a),
            Cond::And(a, b) | Cond::Or(a, b) => self.depends_on_schema(a) || self.depends_on_schema(b),
        });
        let id = CondId(self.conds.len() as u32);
        self.cond_depths.push(depth);
        self.conds.push(cond.clone());
        self.cond_ids.insert(cond, id);
        id
    }

    /// Whether something too deep was replaced since the last call.
    pub fn take_overflow(&mut self) -> bool {
        std::mem::take(&mut self.overflow)
    }

    pub fn constant(&mut self, value: f64) -> SizeId {
        self.intern(Size::Linear { constant: Real::new(value), terms: Vec::new() })
    }

    /// The value of an expression that depends on nothing.
    pub fn as_constant(&self, id: SizeId) -> Option<f64> {
        match self.size(id) {
            Size::Linear { constant, terms } if terms.is_empty() => Some(constant.get()),
            _ => None,
        }
    }

    pub fn atom(&mut self, size: Size) -> SizeId {
        match &size {
            Size::OneOf(_, all) if all.iter().all(|s| *s == all[0]) => all[0],
            Size::If(_, a, b) if a == b => *a,
            Size::Max(a, b) | Size::Min(a, b) if a == b => *a,
            _ => self.intern(size),
        }
    }

    fn linear(&self, id: SizeId) -> (f64, BTreeMap<SizeId, f64>) {
        match self.size(id) {
            Size::Linear { constant, terms } => (constant.get(), terms.iter().map(|&(t, c)| (t, c.get())).collect()),
            _ => (0.0, BTreeMap::from([(id, 1.0)])),
        }
    }

    fn normal_form(&mut self, constant: f64, terms: BTreeMap<SizeId, f64>) -> SizeId {
        let terms: Vec<(SizeId, Real)> =
            terms.into_iter().filter(|&(_, c)| c != 0.0).map(|(t, c)| (t, Real::new(c))).collect();
        match terms.as_slice() {
            [(term, one)] if one.get() == 1.0 && constant == 0.0 => *term,
            _ => self.intern(Size::Linear { constant: Real::new(constant), terms }),
        }
    }

    /// `a + scale * b`
    pub fn add_scaled(&mut self, a: SizeId, b: SizeId, scale: f64) -> SizeId {
        let (mut constant, mut terms) = self.linear(a);
        let (other, more) = self.linear(b);
        constant += scale * other;
        for (term, coefficient) in more {
            *terms.entry(term).or_insert(0.0) += scale * coefficient;
        }
        self.normal_form(constant, terms)
    }

    pub fn sum(&mut self, sizes: &[SizeId]) -> SizeId {
        self.combined(0.0, sizes.iter().map(|&size| (size, 1.0)))
    }

    /// `constant`, and each size times its coefficient, added up at once.
    pub(super) fn combined(&mut self, constant: f64, parts: impl Iterator<Item = (SizeId, f64)>) -> SizeId {
        let mut constant = constant;
        let mut terms: BTreeMap<SizeId, f64> = BTreeMap::new();
        for (size, scale) in parts {
            match self.size(size) {
                Size::Linear { constant: other, terms: more } => {
                    constant += scale * other.get();
                    for &(term, coefficient) in more {
                        *terms.entry(term).or_insert(0.0) += scale * coefficient.get();
                    }
                }
                _ => *terms.entry(size).or_insert(0.0) += scale,
            }
        }
        self.normal_form(constant, terms)
    }

    pub fn product(&mut self, a: SizeId, b: SizeId) -> SizeId {
        let zero = self.constant(0.0);
        match (self.as_constant(a), self.as_constant(b)) {
            (Some(scale), _) => self.add_scaled(zero, b, scale),
            (_, Some(scale)) => self.add_scaled(zero, a, scale),
            _ => self.intern(Size::Product(a.min(b), a.max(b))),
        }
    }

    pub fn quotient(&mut self, a: SizeId, b: SizeId) -> SizeId {
        match (self.as_constant(a), self.as_constant(b)) {
            (Some(x), Some(y)) if y != 0.0 => self.constant(x / y),
            // `16 fields / 2` is `8 fields`.
            (_, Some(y)) if self.divides(y, a) => {
                let Size::Linear { constant, terms } = self.size(a).clone() else { return a };
                let start = self.constant(constant.get() / y);
                terms.iter().fold(start, |sum, (term, factor)| self.add_scaled(sum, *term, factor.get() / y))
            }
            _ => self.intern(Size::Quotient(a, b)),
        }
    }

    /// Whether a sum has whole numbers alone, and a whole number divides all of them.
    fn divides(&self, y: f64, a: SizeId) -> bool {
        let Size::Linear { constant, terms } = self.size(a) else { return false };
        let all = || terms.iter().map(|(_, factor)| factor.get()).chain([constant.get()]);
        y >= 1.0 && y.fract() == 0.0 && all().all(|x| x.abs() < 1e15 && x.fract() == 0.0 && x % y == 0.0)
    }

    pub fn root(&mut self, a: SizeId) -> SizeId {
        match self.as_constant(a) {
            Some(x) if x >= 0.0 => self.constant(x.sqrt()),
            _ => self.intern(Size::Root(a)),
        }
    }

    pub fn round(&mut self, a: SizeId) -> SizeId {
        match self.as_constant(a) {
            Some(x) => self.constant(x.round()),
            None if self.is_whole(a) => a,
            None => self.intern(Size::Round(a)),
        }
    }

    pub fn max(&mut self, a: SizeId, b: SizeId) -> SizeId {
        match (self.as_constant(a), self.as_constant(b)) {
            (Some(x), Some(y)) => self.constant(x.max(y)),
            // max(a, max(a, b)) is max(a, b)
            _ if matches!(*self.size(b), Size::Max(p, q) if p == a || q == a) => b,
            _ if matches!(*self.size(a), Size::Max(p, q) if p == b || q == b) => a,
            _ => self.atom(Size::Max(a.min(b), a.max(b))),
        }
    }

    pub fn min(&mut self, a: SizeId, b: SizeId) -> SizeId {
        match (self.as_constant(a), self.as_constant(b)) {
            (Some(x), Some(y)) => self.constant(x.min(y)),
            _ => self.atom(Size::Min(a.min(b), a.max(b))),
        }
    }

    /// `if cond { a } else { b }`; when the condition says `a == b`, that is `b`.
    pub fn branch(&mut self, cond: CondId, a: SizeId, b: SizeId) -> SizeId {
        match *self.cond(cond) {
            Cond::Known(true) => a,
            Cond::Known(false) => b,
            Cond::Compare(Relation::Equal, p, q) if (p, q) == (a, b) || (p, q) == (b, a) => b,
            _ => self.atom(Size::If(cond, a, b)),
        }
    }

    pub fn known(&mut self, value: bool) -> CondId {
        self.intern_cond(Cond::Known(value))
    }

    pub fn opaque_cond(&mut self, n: u32) -> CondId {
        self.intern_cond(Cond::Opaque(n))
    }

    pub fn compare(&mut self, relation: Relation, a: SizeId, b: SizeId) -> CondId {
        let known = match (relation, self.as_constant(a), self.as_constant(b)) {
            (Relation::Equal | Relation::AtMost, ..) if a == b => Some(true),
            (Relation::Less, ..) if a == b => Some(false),
            (Relation::Equal, Some(x), Some(y)) => Some(x == y),
            (Relation::Less, Some(x), Some(y)) => Some(x < y),
            (Relation::AtMost, Some(x), Some(y)) => Some(x <= y),
            _ => None,
        };
        match known {
            Some(value) => self.known(value),
            None => self.intern_cond(Cond::Compare(relation, a, b)),
        }
    }

    pub fn not(&mut self, a: CondId) -> CondId {
        match *self.cond(a) {
            Cond::Known(value) => self.known(!value),
            Cond::Not(inner) => inner,
            _ => self.intern_cond(Cond::Not(a)),
        }
    }

    pub fn and(&mut self, a: CondId, b: CondId) -> CondId {
        match (self.cond(a).clone(), self.cond(b).clone()) {
            _ if a == b => a,
            (Cond::Known(false), _) | (_, Cond::Known(true)) => a,
            (_, Cond::Known(false)) | (Cond::Known(true), _) => b,
            _ => self.intern_cond(Cond::And(a, b)),
        }
    }

    pub fn or(&mut self, a: CondId, b: CondId) -> CondId {
        let (not_a, not_b) = (self.not(a), self.not(b));
        match (self.cond(a).clone(), self.cond(b).clone()) {
            _ if a == b => a,
            (Cond::Known(_), _) | (_, Cond::Known(_)) => {
                let both = self.and(not_a, not_b);
                self.not(both)
            }
            _ => self.intern_cond(Cond::Or(a, b)),
        }
    }

    /// Whether an expression is an integer under every assignment, for an obvious reason.
    pub fn is_whole(&self, id: SizeId) -> bool {
        self.whole[id.0 as usize]
    }

    fn obviously_whole(&self, size: &Size) -> bool {
        match size {
            Size::Numeric
            | Size::Fields
            | Size::Columns(_)
            | Size::Opaque(_)
            | Size::Width(_)
            | Size::Round(_)
            | Size::Cost(_) => true,
            Size::Linear { constant, terms } => {
                constant.get().fract() == 0.0 && terms.iter().all(|&(t, c)| c.get().fract() == 0.0 && self.is_whole(t))
            }
            Size::Quotient(..) | Size::Root(_) => false,
            Size::Product(a, b) | Size::Max(a, b) | Size::Min(a, b) | Size::If(_, a, b) => {
                self.is_whole(*a) && self.is_whole(*b)
            }
            Size::OneOf(_, all) | Size::Picked(_, all) => all.iter().all(|&s| self.is_whole(s)),
            Size::When(_, a) => self.is_whole(*a),
        }
    }

    /// The choices that an expression mentions, added to `found` once each.
    pub fn mentioned(&self, id: SizeId, found: &mut Vec<ChoiceId>) {
        self.mentioned_below(vec![id], Vec::new(), found);
    }

    pub fn mentioned_in(&self, id: CondId, found: &mut Vec<ChoiceId>) {
        self.mentioned_below(Vec::new(), vec![id], found);
    }

    /// The choices that any of these mention.
    pub(crate) fn mentioned_below(&self, mut sizes: Vec<SizeId>, mut conds: Vec<CondId>, found: &mut Vec<ChoiceId>) {
        let mut known: HashSet<ChoiceId> = found.iter().copied().collect();
        let (mut seen, mut seen_conds) = (HashSet::new(), HashSet::new());
        loop {
            if let Some(id) = sizes.pop() {
                if !seen.insert(id) {
                    continue;
                }
                let size = self.size(id);
                if let Size::Width(choice) | Size::OneOf(choice, _) | Size::Picked(choice, _) | Size::When(choice, _) =
                    size
                    && known.insert(*choice)
                {
                    found.push(*choice);
                }
                // Popped in reverse, so that choices are found in the order of the operands.
                let before = sizes.len();
                size.for_each_operand(|operand| sizes.push(operand), |cond| conds.push(cond));
                sizes[before..].reverse();
            } else if let Some(id) = conds.pop() {
                if !seen_conds.insert(id) {
                    continue;
                }
                match *self.cond(id) {
                    Cond::Known(_) | Cond::Opaque(_) => {}
                    Cond::Compare(_, a, b) => sizes.extend([b, a]),
                    Cond::Not(a) => conds.push(a),
                    Cond::And(a, b) | Cond::Or(a, b) => conds.extend([b, a]),
                }
            } else {
                return;
            }
        }
    }

    /// The value under an assignment; `kinds` tells the values of width choices. Only what the value depends on is
    /// asked for, and nothing is computed twice.
    pub fn evaluate(&self, id: SizeId, kinds: &impl Widths, at: &Assignment<'_>) -> Result<f64, Undecided> {
        if let Some(known) = at.known_size(id) {
            return Ok(known);
        }
        let value = match self.size(id) {
            Size::Numeric => at.schema.numeric as f64,
            Size::Fields => at.schema.fields as f64,
            Size::Columns(input) => at.schema.of(*input) as f64,
            // Never in a space: operators are written out before anything is evaluated.
            Size::Opaque(_) => f64::NAN,
            Size::Cost(cost) => at.cost(*cost),
            Size::Width(choice) => kinds.width(*choice, at.made(*choice)?.first()) as f64,
            Size::Linear { constant, terms } => {
                let mut sum = constant.get();
                for &(term, coefficient) in terms {
                    sum += coefficient.get() * self.evaluate(term, kinds, at)?;
                }
                sum
            }
            Size::Product(a, b) => self.evaluate(*a, kinds, at)? * self.evaluate(*b, kinds, at)?,
            Size::Quotient(a, b) => self.evaluate(*a, kinds, at)? / self.evaluate(*b, kinds, at)?,
            Size::Root(a) => self.evaluate(*a, kinds, at)?.sqrt(),
            Size::Round(a) => self.evaluate(*a, kinds, at)?.round(),
            Size::Max(a, b) => self.evaluate(*a, kinds, at)?.max(self.evaluate(*b, kinds, at)?),
            Size::Min(a, b) => self.evaluate(*a, kinds, at)?.min(self.evaluate(*b, kinds, at)?),
            Size::If(cond, a, b) => {
                let taken = if self.holds(*cond, kinds, at)? { a } else { b };
                self.evaluate(*taken, kinds, at)?
            }
            Size::OneOf(choice, all) => self.evaluate(all[at.made(*choice)?.first()], kinds, at)?,
            Size::Picked(choice, all) => {
                let made = at.made(*choice)?;
                let mut sum = 0.0;
                for (index, &size) in all.iter().enumerate() {
                    if made.has(index) {
                        sum += self.evaluate(size, kinds, at)?;
                    }
                }
                sum
            }
            Size::When(choice, a) => {
                if at.made(*choice)?.has(1) {
                    self.evaluate(*a, kinds, at)?
                } else {
                    0.0
                }
            }
        };
        at.remember_size(id, value);
        Ok(value)
    }

    pub fn holds(&self, id: CondId, kinds: &impl Widths, at: &Assignment<'_>) -> Result<bool, Undecided> {
        if let Some(known) = at.known_cond(id) {
            return Ok(known);
        }
        let value = match *self.cond(id) {
            Cond::Known(value) => value,
            Cond::Opaque(_) => false,
            Cond::Compare(relation, a, b) => {
                let (a, b) = (self.evaluate(a, kinds, at)?, self.evaluate(b, kinds, at)?);
                match relation {
                    Relation::Equal => a == b,
                    Relation::Less => a < b,
                    Relation::AtMost => a <= b,
                }
            }
            Cond::Not(a) => !self.holds(a, kinds, at)?,
            Cond::And(a, b) => self.holds(a, kinds, at)? && self.holds(b, kinds, at)?,
            Cond::Or(a, b) => self.holds(a, kinds, at)? || self.holds(b, kinds, at)?,
        };
        at.remember_cond(id, value);
        Ok(value)
    }
}

impl Size {
    pub(crate) fn for_each_operand(&self, mut size: impl FnMut(SizeId), mut cond: impl FnMut(CondId)) {
        match self {
            Size::Numeric | Size::Fields | Size::Columns(_) | Size::Opaque(_) | Size::Width(_) | Size::Cost(_) => {}
            Size::Linear { terms, .. } => terms.iter().for_each(|&(term, _)| size(term)),
            Size::Product(a, b) | Size::Quotient(a, b) | Size::Max(a, b) | Size::Min(a, b) => {
                size(*a);
                size(*b);
            }
            Size::Root(a) | Size::Round(a) | Size::When(_, a) => size(*a),
            Size::If(condition, a, b) => {
                cond(*condition);
                size(*a);
                size(*b);
            }
            Size::OneOf(_, all) | Size::Picked(_, all) => all.iter().for_each(|&s| size(s)),
        }
    }
}

/// The values of width choices.
pub trait Widths {
    fn width(&self, choice: ChoiceId, position: usize) -> i64;
}

impl Widths for [super::Choice] {
    fn width(&self, choice: ChoiceId, position: usize) -> i64 {
        self[choice.index()].offer.numbers().get(position).copied().unwrap_or(0)
    }
}

impl Widths for Vec<super::Choice> {
    fn width(&self, choice: ChoiceId, position: usize) -> i64 {
        self.as_slice().width(choice, position)
    }
}
