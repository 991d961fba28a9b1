//! What a size can be when what decides it is known in part: interval arithmetic over size expressions.
//!
//! A caller says what it knows ([`Knowledge`]): what widths, data and costs may be, which positions of a choice are taken in any
//! case or may be, which conditions are settled. It keeps the intervals of operands too, and hands them in. With less known an
//! interval is wider, never another one.
//!
//! An interval holds every finite value that the size has under any assignment that agrees with what is known, and says
//! whether it always has one. Two expressions may have none: a quotient by zero, and the root of a negative number. The
//! language evaluates both as floating point does, so that `min(64 / (w - 8), 32)` is 32 where `w` is 8; an architecture in
//! which a tensor's size is no finite number has no plan. So:
//!
//! - where a divisor may be zero, and is a whole number as every size of a tensor is, the quotient's finite values are those by
//!   divisors of at least 1 in magnitude. They bound the largest form of what is divided by the size of another tensor, which
//!   is at least 1 wherever it has a plan, although its interval may reach down to zero;
//! - where a divisor may be zero and may be a fraction, nothing is known: everything is possible;
//! - what takes part in a comparison and may be no finite number settles nothing.

#[cfg(test)]
mod tests;

use smallvec::SmallVec;

use super::choices::{ChoiceId, SchemaSizes};
use super::offers::Offer;
use super::sizes::{Cond, CondId, Expressions, Relation, Size, SizeId};
use crate::plan::Cost;

/// How many `and`s deep an equality is looked for.
const NARROWING: u32 = 6;

/// The finite values that a number can have: from `lo` to `hi`, both in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub lo: f64,
    pub hi: f64,
    /// Whether it is a finite number in any case.
    pub finite: bool,
}

impl Interval {
    /// Nothing is known: any number, or none.
    pub const ANYTHING: Self = Self { lo: f64::NEG_INFINITY, hi: f64::INFINITY, finite: false };

    /// A finite number from `lo` to `hi`.
    pub fn new(lo: f64, hi: f64) -> Self {
        Self { lo, hi, finite: true }
    }

    /// This number.
    pub fn just(value: f64) -> Self {
        Self::new(value, value)
    }

    /// The numbers of an offer.
    pub fn of_numbers(offer: &Offer) -> Self {
        offer.ends().map_or(Self::ANYTHING, |(lo, hi)| Self::new(lo as f64, hi as f64))
    }

    /// The one value that it has.
    pub fn decided(self) -> Option<f64> {
        (self.finite && self.lo == self.hi).then_some(self.lo)
    }

    /// The least that holds both.
    pub fn or(self, other: Self) -> Self {
        Self { lo: self.lo.min(other.lo), hi: self.hi.max(other.hi), finite: self.finite && other.finite }
    }

    fn and_finite(self, finite: bool) -> Self {
        Self { finite: self.finite && finite, ..self }
    }

    fn plus(self, other: Self) -> Self {
        Self { lo: self.lo + other.lo, hi: self.hi + other.hi, finite: self.finite && other.finite }
    }

    fn times(self, factor: f64) -> Self {
        let (a, b) = (self.lo * factor, self.hi * factor);
        Self { lo: a.min(b), hi: a.max(b), finite: self.finite }
    }

    /// What a function that is monotone in both operands makes of their ends.
    fn corners(self, other: Self, f: impl Fn(f64, f64) -> f64) -> Self {
        // An end at infinity stands for finite numbers without end: nothing times any of them is nothing.
        let at = |x: f64, y: f64| Some(f(x, y)).filter(|value| !value.is_nan()).unwrap_or(0.0);
        let all = [at(self.lo, other.lo), at(self.lo, other.hi), at(self.hi, other.lo), at(self.hi, other.hi)];
        let least = all.iter().copied().fold(f64::INFINITY, f64::min);
        let most = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Self { lo: least, hi: most, finite: self.finite && other.finite }
    }

    /// The quotient; `whole` says that every finite value of the divisor is a whole number.
    fn divided_by(self, divisor: Self, whole: bool) -> Self {
        let by = |lo: f64, hi: f64| self.corners(Self { lo, hi, ..divisor }, |x, y| x / y);
        let quotient = if divisor.lo > 0.0 || divisor.hi < 0.0 {
            by(divisor.lo, divisor.hi)
        } else if whole {
            let above = (divisor.hi > 0.0 || divisor.lo == 0.0).then(|| by(1.0, divisor.hi.max(1.0)));
            let below = (divisor.lo < 0.0).then(|| by(divisor.lo.min(-1.0), -1.0));
            above.into_iter().chain(below).reduce(Self::or).unwrap_or(Self::ANYTHING).and_finite(false)
        } else {
            Self::ANYTHING
        };
        // By what is infinite it is nothing.
        if divisor.finite { quotient } else { quotient.or(Self::just(0.0)) }
    }

    fn root(self) -> Self {
        Self { lo: self.lo.max(0.0).sqrt(), hi: self.hi.max(0.0).sqrt(), finite: self.finite && self.lo >= 0.0 }
    }

    fn rounded(self) -> Self {
        Self { lo: self.lo.round(), hi: self.hi.round(), ..self }
    }

    /// The larger or the smaller of two, as `f` says. Of a number and none it is the number.
    fn extremum(self, other: Self, f: impl Fn(f64, f64) -> f64) -> Self {
        let both = Self { lo: f(self.lo, other.lo), hi: f(self.hi, other.hi), finite: self.finite && other.finite };
        let alone = |of: Self, beside: Self| if beside.finite { both } else { both.or(of) };
        alone(self, other).or(alone(other, self))
    }
}

/// Which positions a value takes, as bit masks, and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// In any case.
    pub must: u64,
    /// Beyond them, where it takes any.
    pub may: u64,
    /// The fewest and the most, those that it must take included.
    pub range: (usize, usize),
}

impl Taken {
    /// Whatever an offer allows.
    pub fn any_of(offer: &Offer) -> Self {
        Self { must: 0, may: offer.all(), range: offer.takes().range() }
    }
}

/// What is known while intervals are computed.
pub trait Knowledge {
    /// The interval of an operand.
    fn size(&mut self, size: SizeId) -> Interval;

    /// Whether a condition holds, where that is known.
    fn condition(&mut self, condition: CondId) -> Option<bool>;

    /// What the value of a width choice may be.
    fn width(&self, choice: ChoiceId) -> Interval;

    /// What a choice may take.
    fn taken(&self, choice: ChoiceId) -> Taken;

    /// What the schema supplies, where there is one.
    fn schema(&self) -> Option<SchemaSizes>;

    /// What a cost may be.
    fn cost(&self, cost: Cost) -> Interval;
}

impl Expressions {
    /// What a size can be.
    pub fn interval(&self, size: SizeId, known: &mut impl Knowledge) -> Interval {
        let of_data = |count: Option<usize>| count.map_or(Interval::ANYTHING, |count| Interval::just(count as f64));
        match self.size(size) {
            Size::Numeric => of_data(known.schema().map(|schema| schema.numeric)),
            Size::Fields => of_data(known.schema().map(|schema| schema.fields)),
            Size::Columns(input) => of_data(known.schema().map(|schema| schema.of(*input))),
            Size::Opaque(_) => Interval::ANYTHING,
            Size::Cost(cost) => known.cost(*cost),
            Size::Width(choice) => known.width(*choice),
            Size::Linear { constant, terms } => terms
                .iter()
                .fold(Interval::just(constant.get()), |sum, &(term, by)| sum.plus(known.size(term).times(by.get()))),
            Size::Product(a, b) => known.size(*a).corners(known.size(*b), |x, y| x * y),
            Size::Quotient(a, b) => known.size(*a).divided_by(known.size(*b), self.is_whole(*b)),
            Size::Root(a) => known.size(*a).root(),
            Size::Round(a) => known.size(*a).rounded(),
            Size::Max(a, b) => known.size(*a).extremum(known.size(*b), f64::max),
            Size::Min(a, b) => known.size(*a).extremum(known.size(*b), f64::min),
            Size::If(condition, a, b) => match known.condition(*condition) {
                Some(true) => known.size(*a),
                Some(false) => known.size(*b),
                None => self.narrowed(*condition, *a, NARROWING, known).or(known.size(*b)),
            },
            Size::OneOf(choice, all) => {
                let may = known.taken(*choice).may;
                let taken = all.iter().enumerate().filter(|&(at, _)| has(may, at));
                taken.map(|(_, &size)| known.size(size)).reduce(Interval::or).unwrap_or(Interval::ANYTHING)
            }
            Size::Picked(choice, all) => {
                let taken = known.taken(*choice);
                sum_over(all, taken, known)
            }
            Size::When(choice, a) => {
                let Taken { must, may, .. } = known.taken(*choice);
                let absent = Interval::just(0.0);
                match (has(must, 1), has(may, 1)) {
                    (true, _) => known.size(*a),
                    (_, true) => known.size(*a).or(absent),
                    _ => absent,
                }
            }
        }
    }

    /// Whether a condition holds, where its operands settle it.
    pub fn settled(&self, condition: CondId, known: &mut impl Knowledge) -> Option<bool> {
        match *self.cond(condition) {
            Cond::Known(value) => Some(value),
            Cond::Opaque(_) => None,
            Cond::Compare(relation, a, b) => compared(relation, known.size(a), known.size(b)),
            Cond::Not(a) => known.condition(a).map(|holds| !holds),
            Cond::And(a, b) => match (known.condition(a), known.condition(b)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Cond::Or(a, b) => match (known.condition(a), known.condition(b)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
        }
    }

    /// What a size can be where a condition holds: an equality there bounds both of its sides by each other.
    fn narrowed(&self, condition: CondId, size: SizeId, depth: u32, known: &mut impl Knowledge) -> Interval {
        let within = |a: Interval, b: Interval| Interval {
            lo: a.lo.max(b.lo),
            hi: a.hi.min(b.hi),
            finite: a.finite || b.finite,
        };
        match *self.cond(condition) {
            Cond::Compare(Relation::Equal, p, q) if p == size || q == size => {
                let other = if p == size { q } else { p };
                within(known.size(size), known.size(other))
            }
            Cond::And(a, b) if depth > 0 => {
                within(self.narrowed(a, size, depth - 1, known), self.narrowed(b, size, depth - 1, known))
            }
            _ => known.size(size),
        }
    }
}

/// Whether numbers of these intervals compare so, where that is the same for all of them.
fn compared(relation: Relation, a: Interval, b: Interval) -> Option<bool> {
    if !(a.finite && b.finite) {
        return None;
    }
    match relation {
        Relation::Equal if a.hi < b.lo || b.hi < a.lo => Some(false),
        Relation::Equal if a.lo == a.hi && a == b => Some(true),
        Relation::Less if a.hi < b.lo => Some(true),
        Relation::Less if a.lo >= b.hi => Some(false),
        Relation::AtMost if a.hi <= b.lo => Some(true),
        Relation::AtMost if a.lo > b.hi => Some(false),
        _ => None,
    }
}

/// The sum over what is taken of these sizes, one a position.
fn sum_over(all: &[SizeId], taken: Taken, known: &mut impl Knowledge) -> Interval {
    let Taken { must, may, range: (lo, hi) } = taken;
    let mut sum = Interval::just(0.0);
    let mut open: SmallVec<[Interval; 16]> = SmallVec::new();
    for (position, &size) in all.iter().enumerate() {
        if has(must, position) {
            sum = sum.plus(known.size(size));
        } else if has(may, position) {
            open.push(known.size(size));
        }
    }
    let counted = must.count_ones() as usize;
    let (lo, hi) = (lo.saturating_sub(counted), hi.saturating_sub(counted));
    // Those that add the least, and those that add the most: more than must be only where that helps.
    open.sort_unstable_by(|a, b| a.lo.total_cmp(&b.lo));
    let least = open.iter().take(hi).enumerate().filter(|(at, size)| *at < lo || size.lo < 0.0);
    sum.lo += least.map(|(_, size)| size.lo).sum::<f64>();
    open.sort_unstable_by(|a, b| b.hi.total_cmp(&a.hi));
    let most = open.iter().take(hi).enumerate().filter(|(at, size)| *at < lo || size.hi > 0.0);
    sum.hi += most.map(|(_, size)| size.hi).sum::<f64>();
    sum.and_finite(hi == 0 || open.iter().all(|size| size.finite))
}

/// Whether a position is in a mask.
fn has(mask: u64, position: usize) -> bool {
    position < 64 && mask >> position & 1 == 1
}
