//! What a choice may still be while a space is divided, and what sizes and conditions may be with it.

use crate::ir::{
    Choice, ChoiceId, Cond, CondId, Interval, Knowledge, MAX_SIZE, Made, SchemaSizes, Size, SizeId, SpaceGraph, Taken,
    Takes, Word,
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

/// The ranges of a space's sizes, and what is known of its conditions.
pub(super) struct Ranges<'a> {
    graph: &'a SpaceGraph,
    kinds: &'a [Kind],
    schema: SchemaSizes,
    /// Those that anything asks for, operands first.
    order: Vec<SizeId>,
    sizes: Vec<Interval>,
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
        Self { graph, kinds, schema, order, sizes: vec![Interval::ANYTHING; count], of_costs, conds }
    }

    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Ranges with these domains.
    pub fn update(&mut self, domains: &[Domain]) {
        self.conds.fill(None);
        for at in 0..self.order.len() {
            let id = self.order[at];
            if !self.of_costs[id.0 as usize] {
                let graph = self.graph;
                let range = graph.expressions.interval(id, &mut Known { ranges: self, domains, costs: None });
                self.sizes[id.0 as usize] = range;
            }
        }
    }

    /// The least or the most of a size of a tensor: such sizes are positive.
    pub fn size(&self, id: SizeId, most: bool) -> usize {
        let Interval { lo, hi, .. } = self.sizes[id.0 as usize];
        let bound = if most { hi.floor() } else { lo.ceil() };
        bound.clamp(1.0, MAX_SIZE as f64) as usize
    }

    /// Whether a condition holds, where that is known, when each cost is in its range.
    pub fn condition(&mut self, id: CondId, domains: &[Domain], costs: &dyn Fn(Cost) -> Interval) -> Option<bool> {
        Known { ranges: self, domains, costs: Some(costs) }.condition(id)
    }

    /// The same for a condition of the graph.
    pub fn known(&mut self, id: CondId, domains: &[Domain]) -> Option<bool> {
        Known { ranges: self, domains, costs: None }.condition(id)
    }

    /// A choice that is open and that a size depends on, as its domains are; `None` where its value is known.
    pub fn open_in(&mut self, id: SizeId, domains: &[Domain]) -> Option<ChoiceId> {
        if self.sizes[id.0 as usize].decided().is_some() {
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
}

/// What is known within domains, with each cost in its range where those are given.
struct Known<'r, 'a> {
    ranges: &'r mut Ranges<'a>,
    domains: &'r [Domain],
    costs: Option<&'r dyn Fn(Cost) -> Interval>,
}

impl Knowledge for Known<'_, '_> {
    fn size(&mut self, size: SizeId) -> Interval {
        let graph = self.ranges.graph;
        match self.costs {
            Some(_) if self.ranges.of_costs[size.0 as usize] => graph.expressions.interval(size, self),
            _ => self.ranges.sizes[size.0 as usize],
        }
    }

    fn condition(&mut self, condition: CondId) -> Option<bool> {
        let graph = self.ranges.graph;
        if self.costs.is_some() {
            return graph.expressions.settled(condition, self);
        }
        if let Some(known) = self.ranges.conds[condition.0 as usize] {
            return known;
        }
        let known = graph.expressions.settled(condition, self);
        self.ranges.conds[condition.0 as usize] = Some(known);
        known
    }

    fn width(&self, choice: ChoiceId) -> Interval {
        match (&self.ranges.kinds[choice.index()], self.domains[choice.index()]) {
            (Kind::Width(ranked), Domain::Widths(from, to)) => {
                Interval::new(ranked[from as usize].0 as f64, ranked[to as usize].0 as f64)
            }
            _ => Interval::ANYTHING,
        }
    }

    fn taken(&self, choice: ChoiceId) -> Taken {
        let (must, may) = self.domains[choice.index()].ends();
        let range = match self.ranges.kinds[choice.index()] {
            Kind::Set { lo, hi } => (lo as usize, hi as usize),
            _ => (1, 1),
        };
        Taken { must, may, range }
    }

    fn schema(&self) -> Option<SchemaSizes> {
        Some(self.ranges.schema)
    }

    fn cost(&self, cost: Cost) -> Interval {
        self.costs.map_or(Interval::ANYTHING, |costs| costs(cost))
    }
}

/// The choices that sizes and conditions mention, nearest first.
pub(super) fn mentioned(graph: &SpaceGraph, sizes: Vec<SizeId>, conds: Vec<CondId>) -> Vec<ChoiceId> {
    let mut found = Vec::new();
    graph.expressions.mentioned_below(sizes, conds, &mut found);
    found
}
