//! What a choice may still be while a space is divided, and what sizes and conditions may be with it.

use crate::ir::{
    Choice, ChoiceId, Cond, CondId, MAX_SIZE, Made, Relation, SchemaSizes, Size, SizeId, SpaceGraph, Takes, Word,
};
use crate::plan::Cost;

/// What one choice may still be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Domain {
    /// A width: positions in the order of its values, both ends in.
    Widths(u32, u32),
    /// One of these positions.
    One(u64),
    /// A set that has all of `must`, and beyond them only positions of `may`.
    Set { must: u64, may: u64 },
}

/// What does not change of a choice while its domain does.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// Values and their positions, the least first.
    Width(Vec<(i64, u32)>),
    One,
    Set {
        lo: u32,
        hi: u32,
    },
}

pub(super) fn kind(choice: &Choice) -> (Kind, Domain) {
    let offer = &choice.offer;
    match offer.takes() {
        Takes::One if offer.word() == Word::Width => {
            let mut ranked: Vec<(i64, u32)> = offer.numbers().iter().copied().zip(0..).collect();
            ranked.sort_unstable();
            let last = ranked.len() as u32 - 1;
            (Kind::Width(ranked), Domain::Widths(0, last))
        }
        Takes::One => (Kind::One, Domain::One(offer.all())),
        Takes::Set { lo, hi } => {
            let kind = Kind::Set { lo: lo as u32, hi: hi as u32 };
            let domain = kind.settled(Domain::Set { must: 0, may: offer.all() });
            (kind, domain)
        }
    }
}

impl Kind {
    /// A set that is as large as it may be has no more; one that needs all that is left has it.
    pub fn settled(&self, domain: Domain) -> Domain {
        match (self, domain) {
            (Kind::Set { hi, .. }, Domain::Set { must, .. }) if must.count_ones() >= *hi => {
                Domain::Set { must, may: must }
            }
            (Kind::Set { lo, .. }, Domain::Set { may, .. }) if may.count_ones() <= *lo => {
                Domain::Set { must: may, may }
            }
            _ => domain,
        }
    }

    /// Its value, where only one is left.
    pub fn decided(&self, domain: Domain) -> Option<Made> {
        match (self, domain) {
            (Kind::Width(ranked), Domain::Widths(from, to)) if from == to => Some(Made::One(ranked[from as usize].1)),
            (_, Domain::One(mask)) if mask.count_ones() == 1 => Some(Made::One(mask.trailing_zeros())),
            (_, Domain::Set { must, may }) if must == may => Some(Made::Set(must)),
            _ => None,
        }
    }

    pub fn of(&self, made: Made) -> Domain {
        match (self, made) {
            (Kind::Width(ranked), Made::One(position)) => {
                let rank = ranked.iter().position(|&(_, p)| p == position).unwrap_or(0) as u32;
                Domain::Widths(rank, rank)
            }
            (_, Made::One(position)) => Domain::One(1 << position),
            (_, Made::Set(set)) => Domain::Set { must: set, may: set },
        }
    }

    /// Smaller domains that make it up together; `towards` is divided from the rest first.
    pub fn parts(&self, domain: Domain, towards: Made) -> Vec<Domain> {
        match domain {
            Domain::Widths(from, to) => {
                let Domain::Widths(rank, _) = self.of(towards) else { return vec![domain] };
                // An end by itself; else halves.
                let middle = match rank {
                    rank if rank == from => from + 1,
                    rank if rank == to => to,
                    _ => from + (to - from).div_ceil(2),
                };
                vec![Domain::Widths(from, middle - 1), Domain::Widths(middle, to)]
            }
            Domain::One(mask) => bits(mask).map(|bit| Domain::One(1 << bit)).collect(),
            Domain::Set { must, may } => {
                let open = may & !must;
                if matches!(self, Kind::Set { lo: 1, hi: 1 }) {
                    return bits(open).map(|bit| Domain::Set { must: 1 << bit, may: 1 << bit }).collect();
                }
                // One that is taken, if any is: then either it is in, or it is not.
                let Made::Set(set) = towards else { return vec![domain] };
                let bit = if open & set != 0 { open & set } else { open }.trailing_zeros();
                let inside = self.settled(Domain::Set { must: must | 1 << bit, may });
                let outside = self.settled(Domain::Set { must, may: may & !(1 << bit) });
                vec![inside, outside]
            }
        }
    }
}

impl Domain {
    /// Positions of which exactly one is taken; `None` where several can be.
    pub fn one_of(self, kind: &Kind) -> Option<u64> {
        match (self, kind) {
            (Domain::One(mask), _) => Some(mask),
            (Domain::Set { must, may }, Kind::Set { lo: 1, hi: 1 }) => Some(if must != 0 { must } else { may }),
            _ => None,
        }
    }

    /// Positions that are taken in any case, and those that can be.
    pub fn ends(self) -> (u64, u64) {
        match self {
            Domain::One(mask) if mask.count_ones() == 1 => (mask, mask),
            Domain::One(mask) => (0, mask),
            Domain::Set { must, may } => (must, may),
            Domain::Widths(..) => (0, 0),
        }
    }
}

pub(super) fn bits(mask: u64) -> impl Iterator<Item = u32> {
    let mut left = mask;
    std::iter::from_fn(move || {
        let bit = left.trailing_zeros();
        left &= left.wrapping_sub(1);
        (bit < 64).then_some(bit)
    })
}

/// The least and the most that a number can be.
pub(super) type Range = (f64, f64);

/// Anything: nothing is known.
const ANY: Range = (f64::NEG_INFINITY, f64::INFINITY);

/// How many `and`s deep an equality is looked for.
const NARROWING: u32 = 6;

/// The ranges of a space's sizes, and what is known of its conditions.
pub(super) struct Ranges<'a> {
    graph: &'a SpaceGraph,
    kinds: &'a [Kind],
    schema: SchemaSizes,
    /// Those that anything asks for, operands first.
    order: Vec<SizeId>,
    sizes: Vec<Range>,
    /// Whether a size depends on costs: then nothing is known of it but by [`Ranges::condition`].
    of_costs: Vec<bool>,
    conds: Vec<Option<Option<bool>>>,
}

impl<'a> Ranges<'a> {
    /// For these sizes and conditions.
    pub fn new(
        graph: &'a SpaceGraph,
        kinds: &'a [Kind],
        schema: SchemaSizes,
        asked: (Vec<SizeId>, Vec<CondId>),
    ) -> Self {
        let ex = &graph.expressions;
        let count = ex.size_count();
        let mut wanted = vec![false; count];
        let (mut sizes, mut conds) = asked;
        let mut seen = std::collections::HashSet::new();
        loop {
            if let Some(size) = sizes.pop() {
                if !std::mem::replace(&mut wanted[size.0 as usize], true) {
                    ex.size(size).for_each_operand(|size| sizes.push(size), |cond| conds.push(cond));
                }
            } else if let Some(cond) = conds.pop() {
                if seen.insert(cond) {
                    match *ex.cond(cond) {
                        Cond::Known(_) | Cond::Opaque(_) => {}
                        Cond::Compare(_, a, b) => sizes.extend([a, b]),
                        Cond::Not(a) => conds.push(a),
                        Cond::And(a, b) | Cond::Or(a, b) => conds.extend([a, b]),
                    }
                }
            } else {
                break;
            }
        }
        let order: Vec<SizeId> = (0..count as u32).map(SizeId).filter(|size| wanted[size.0 as usize]).collect();
        let mut of_costs = vec![false; count];
        for &size in &order {
            let mut depends = matches!(ex.size(size), Size::Cost(_));
            ex.size(size).for_each_operand(|operand| depends |= of_costs[operand.0 as usize], |_| {});
            of_costs[size.0 as usize] = depends;
        }
        let conds = vec![None; ex.cond_count()];
        Self { graph, kinds, schema, order, sizes: vec![ANY; count], of_costs, conds }
    }

    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Ranges with these domains.
    pub fn update(&mut self, domains: &[Domain]) {
        self.conds.fill(None);
        for at in 0..self.order.len() {
            let id = self.order[at];
            let range = if self.of_costs[id.0 as usize] { ANY } else { self.range(id, domains, None) };
            self.sizes[id.0 as usize] = range;
        }
    }

    /// The least or the most of a size of a tensor: such sizes are positive.
    pub fn size(&self, id: SizeId, most: bool) -> usize {
        let (lo, hi) = self.sizes[id.0 as usize];
        let bound = if most { hi.floor() } else { lo.ceil() };
        bound.clamp(1.0, MAX_SIZE as f64) as usize
    }

    /// Whether a condition holds, where that is known, when each cost is in its range.
    pub fn condition(&mut self, id: CondId, domains: &[Domain], costs: &dyn Fn(Cost) -> Range) -> Option<bool> {
        self.holds(id, domains, Some(costs))
    }

    /// The same for a condition of the graph.
    pub fn known(&mut self, id: CondId, domains: &[Domain]) -> Option<bool> {
        self.holds(id, domains, None)
    }

    fn value(&mut self, id: SizeId, domains: &[Domain], costs: Option<&dyn Fn(Cost) -> Range>) -> Range {
        match costs {
            Some(_) if self.of_costs[id.0 as usize] => self.range(id, domains, costs),
            _ => self.sizes[id.0 as usize],
        }
    }

    fn holds(&mut self, id: CondId, domains: &[Domain], costs: Option<&dyn Fn(Cost) -> Range>) -> Option<bool> {
        if costs.is_none()
            && let Some(known) = self.conds[id.0 as usize]
        {
            return known;
        }
        let known = match *self.graph.expressions.cond(id) {
            Cond::Known(value) => Some(value),
            Cond::Opaque(_) => None,
            Cond::Compare(relation, a, b) => {
                let (a, b) = (self.value(a, domains, costs), self.value(b, domains, costs));
                match relation {
                    Relation::Equal if a.1 < b.0 || b.1 < a.0 => Some(false),
                    Relation::Equal if a.0 == a.1 && a == b => Some(true),
                    Relation::Less if a.1 < b.0 => Some(true),
                    Relation::Less if a.0 >= b.1 => Some(false),
                    Relation::AtMost if a.1 <= b.0 => Some(true),
                    Relation::AtMost if a.0 > b.1 => Some(false),
                    _ => None,
                }
            }
            Cond::Not(a) => self.holds(a, domains, costs).map(|holds| !holds),
            Cond::And(a, b) => match (self.holds(a, domains, costs), self.holds(b, domains, costs)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Cond::Or(a, b) => match (self.holds(a, domains, costs), self.holds(b, domains, costs)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
        };
        if costs.is_none() {
            self.conds[id.0 as usize] = Some(known);
        }
        known
    }

    fn range(&mut self, id: SizeId, domains: &[Domain], costs: Option<&dyn Fn(Cost) -> Range>) -> Range {
        let graph = self.graph;
        let of = |this: &mut Self, id: SizeId| this.value(id, domains, costs);
        match graph.expressions.size(id) {
            Size::Numeric => (self.schema.numeric as f64, self.schema.numeric as f64),
            Size::Fields => (self.schema.fields as f64, self.schema.fields as f64),
            Size::Opaque(_) => ANY,
            Size::Cost(cost) => costs.map_or(ANY, |costs| costs(*cost)),
            Size::Width(choice) => match (&self.kinds[choice.index()], domains[choice.index()]) {
                (Kind::Width(ranked), Domain::Widths(from, to)) => {
                    (ranked[from as usize].0 as f64, ranked[to as usize].0 as f64)
                }
                _ => ANY,
            },
            Size::Linear { constant, terms } => {
                let mut sum = (constant.get(), constant.get());
                for &(term, coefficient) in terms {
                    let (lo, hi) = of(self, term);
                    let (a, b) = (coefficient.get() * lo, coefficient.get() * hi);
                    sum = (sum.0 + a.min(b), sum.1 + a.max(b));
                }
                sum
            }
            Size::Product(a, b) => corners(of(self, *a), of(self, *b), |x, y| x * y),
            Size::Quotient(a, b) => {
                let (a, b) = (of(self, *a), of(self, *b));
                if b.0 > 0.0 { corners(a, b, |x, y| x / y) } else { ANY }
            }
            Size::Root(a) => {
                let (lo, hi) = of(self, *a);
                (lo.max(0.0).sqrt(), hi.max(0.0).sqrt())
            }
            Size::Round(a) => {
                let (lo, hi) = of(self, *a);
                (lo.round(), hi.round())
            }
            Size::Max(a, b) => {
                let (a, b) = (of(self, *a), of(self, *b));
                (a.0.max(b.0), a.1.max(b.1))
            }
            Size::Min(a, b) => {
                let (a, b) = (of(self, *a), of(self, *b));
                (a.0.min(b.0), a.1.min(b.1))
            }
            Size::If(cond, a, b) => match self.holds(*cond, domains, costs) {
                Some(true) => of(self, *a),
                Some(false) => of(self, *b),
                None => {
                    let then = self.narrowed(*cond, *a, NARROWING);
                    either(then, of(self, *b))
                }
            },
            Size::OneOf(choice, all) => {
                let mut found: Option<Range> = None;
                for bit in bits(domains[choice.index()].ends().1).filter(|&bit| (bit as usize) < all.len()) {
                    let range = of(self, all[bit as usize]);
                    found = Some(found.map_or(range, |found| either(found, range)));
                }
                found.unwrap_or(ANY)
            }
            Size::Picked(choice, all) => {
                let (must, may) = domains[choice.index()].ends();
                let (lo, hi) = match &self.kinds[choice.index()] {
                    Kind::Set { lo, hi } => (*lo, *hi),
                    _ => (1, 1),
                };
                let mut sum = (0.0, 0.0);
                let mut open: smallvec::SmallVec<[Range; 16]> = smallvec::SmallVec::new();
                for (position, &size) in all.iter().enumerate().take(64) {
                    if must >> position & 1 == 1 {
                        let (lo, hi) = of(self, size);
                        sum = (sum.0 + lo, sum.1 + hi);
                    } else if may >> position & 1 == 1 {
                        open.push(of(self, size));
                    }
                }
                let taken = must.count_ones();
                open.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
                sum.0 += open.iter().take(lo.saturating_sub(taken) as usize).map(|range| range.0).sum::<f64>();
                open.sort_unstable_by(|a, b| b.1.total_cmp(&a.1));
                sum.1 += open.iter().take(hi.saturating_sub(taken) as usize).map(|range| range.1.max(0.0)).sum::<f64>();
                sum
            }
            Size::When(choice, a) => {
                let (must, may) = domains[choice.index()].ends();
                let there = of(self, *a);
                match (must >> 1 & 1 == 1, may >> 1 & 1 == 1) {
                    (true, _) => there,
                    (_, true) => either((0.0, 0.0), there),
                    _ => (0.0, 0.0),
                }
            }
        }
    }

    /// A choice that is open and that a size depends on, as its domains are; `None` where its value is known.
    pub fn open_in(&mut self, id: SizeId, domains: &[Domain]) -> Option<ChoiceId> {
        let (lo, hi) = self.sizes[id.0 as usize];
        if lo == hi {
            return None;
        }
        let graph = self.graph;
        let open = |this: &Self, choice: ChoiceId| {
            this.kinds[choice.index()].decided(domains[choice.index()]).is_none().then_some(choice)
        };
        let size = graph.expressions.size(id);
        let (own, taken) = match size {
            Size::Width(choice) => return open(self, *choice),
            Size::OneOf(choice, _) | Size::Picked(choice, _) | Size::When(choice, _) => {
                (open(self, *choice), domains[choice.index()].ends().1)
            }
            Size::If(cond, ..) => (self.open_in_cond(*cond, domains), 0),
            _ => (None, 0),
        };
        if own.is_some() {
            return own;
        }
        match size {
            Size::OneOf(_, all) | Size::Picked(_, all) => {
                bits(taken).filter_map(|bit| all.get(bit as usize)).find_map(|&size| self.open_in(size, domains))
            }
            Size::If(cond, a, b) => match self.known(*cond, domains) {
                Some(true) => self.open_in(*a, domains),
                Some(false) => self.open_in(*b, domains),
                None => self.open_in(*a, domains).or_else(|| self.open_in(*b, domains)),
            },
            _ => {
                let mut operands: smallvec::SmallVec<[SizeId; 8]> = smallvec::SmallVec::new();
                size.for_each_operand(|operand| operands.push(operand), |_| {});
                operands.into_iter().find_map(|operand| self.open_in(operand, domains))
            }
        }
    }

    /// The same for a condition.
    pub fn open_in_cond(&mut self, id: CondId, domains: &[Domain]) -> Option<ChoiceId> {
        if self.known(id, domains).is_some() {
            return None;
        }
        match *self.graph.expressions.cond(id) {
            Cond::Known(_) | Cond::Opaque(_) => None,
            Cond::Compare(_, a, b) => self.open_in(a, domains).or_else(|| self.open_in(b, domains)),
            Cond::Not(a) => self.open_in_cond(a, domains),
            Cond::And(a, b) | Cond::Or(a, b) => self.open_in_cond(a, domains).or_else(|| self.open_in_cond(b, domains)),
        }
    }

    /// The range of a size where a condition holds: an equality there bounds both of its sides by each other.
    fn narrowed(&self, cond: CondId, size: SizeId, depth: u32) -> Range {
        let (mut lo, mut hi) = self.sizes[size.0 as usize];
        match *self.graph.expressions.cond(cond) {
            Cond::Compare(Relation::Equal, p, q) if p == size || q == size => {
                let other = self.sizes[if p == size { q } else { p }.0 as usize];
                (lo, hi) = (lo.max(other.0), hi.min(other.1));
            }
            Cond::And(a, b) if depth > 0 => {
                let (left, right) = (self.narrowed(a, size, depth - 1), self.narrowed(b, size, depth - 1));
                (lo, hi) = (left.0.max(right.0), left.1.min(right.1));
            }
            _ => {}
        }
        (lo, hi)
    }
}

fn either(a: Range, b: Range) -> Range {
    (a.0.min(b.0), a.1.max(b.1))
}

fn corners(a: Range, b: Range, f: impl Fn(f64, f64) -> f64) -> Range {
    // Nothing is known of what is nothing times anything.
    let all = [f(a.0, b.0), f(a.0, b.1), f(a.1, b.0), f(a.1, b.1)];
    if all.iter().any(|x| x.is_nan()) {
        return ANY;
    }
    (all.iter().copied().fold(f64::INFINITY, f64::min), all.iter().copied().fold(f64::NEG_INFINITY, f64::max))
}

/// The choices that sizes and conditions mention, nearest first.
pub(super) fn mentioned(graph: &SpaceGraph, sizes: Vec<SizeId>, conds: Vec<CondId>) -> Vec<ChoiceId> {
    let mut found = Vec::new();
    graph.expressions.mentioned_below(sizes, conds, &mut found);
    found
}
