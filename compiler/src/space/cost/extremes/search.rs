//! Branch and bound: the domains of the choices are divided where the bound and an architecture near it differ most,
//! until the best architecture that was met is as good as the bound of all that is left, or the work is up.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::hash_map::Entry;

use rustc_hash::FxHashMap;

use super::super::coordinates::Goal;
use super::super::meter::Meter;
use super::domains::{Domain, Kind, Ranges, mentioned};
use super::regions::{LOGIT, RegionId, Regions, Rule};
use super::relax::{Floors, Relaxed, Within};
use super::{Extreme, Witness};
use crate::ir::{Assignment, ChoiceId, Cond, CondId, Interval, Made, Relation, Size};
use crate::plan::Cost;
use crate::recipe::Counts;
use crate::space::count::Validity;
use crate::space::{Architecture, Space};
use crate::streams::Streams;

/// Most work by gaps, and downwards, in looks at a region or a size.
const MAX_WORK: [usize; 2] = [1_500_000, 10_000_000];
/// Most work until any architecture that is allowed is met, or none is left.
const MAX_ANY_WORK: usize = 3_000_000;
/// Most work for what regions cost by themselves; a tenth of it for one of them.
const MAX_FLOOR_WORK: usize = 3_000_000;
/// Most parts of the space that are open at once.
const MAX_OPEN: usize = 6_000;
/// How much likelier a value near the bound is, where constraints leave no other way than to draw.
const UNLIKELY: f64 = 1e-6;
/// Most architectures that a search by coordinates looks at, from so many starts.
const MAX_TRIES: usize = 4_000;
const STARTS: usize = 4;
/// Nodes and choices of a space that is small, and most of those of a large one in all architectures of a search by
/// coordinates, where constraints speak of costs.
const SMALL: usize = 500;
const MAX_TRIED: usize = 1_000_000;

/// A cost that constraints speak of, beside the one whose extreme is looked for.
struct Beside<'a> {
    cost: Cost,
    regions: &'a Regions,
    least: Relaxed,
    most: Relaxed,
}

impl Beside<'_> {
    /// What it is within some domains, whose ranges these are.
    fn within(&mut self, (kinds, domains): (&[Kind], &[Domain]), ranges: &mut Ranges<'_>) -> Interval {
        let within = Within { regions: self.regions, kinds, domains };
        let [least, most] = [&mut self.least, &mut self.most].map(|relaxed| relaxed.bound(within, ranges));
        Interval::new(self.cost.counted(least) as f64, self.cost.counted(most) as f64)
    }
}

pub(super) struct Search<'a> {
    space: &'a Space,
    cost: Cost,
    most: bool,
    regions: &'a Regions,
    beside: Vec<Beside<'a>>,
    kinds: &'a [Kind],
    ranges: Ranges<'a>,
    relaxed: Relaxed,
    /// The relaxation of one architecture, which is what it costs.
    exact: Relaxed,
    meter: Meter<'a>,
    /// Whether this is about whole architectures, and not about a region and what it needs.
    whole: bool,
    floors: Floors,
    /// Choices that constraints speak of.
    coupled: Vec<ChoiceId>,
    /// What parts that were met have left to pay, with the least that any of them had paid.
    met: FxHashMap<Vec<u64>, u64>,
    work: usize,
    /// What all of it may take, where that is less than it may by itself.
    pub most_work: usize,
    any: bool,
    /// Whether choices are divided by from the logit on.
    downwards: bool,
    /// Whether constraints speak of costs, and so of what is paid already.
    of_costs: bool,
    best: Option<Witness>,
    /// The least bound of what could not be divided, of a region.
    undivided: Option<u64>,
    made: u64,
}

/// A part of the space that is not done.
struct Open {
    bound: u64,
    most: bool,
    depth: u32,
    number: u64,
    domains: Vec<Domain>,
    /// The choice to divide it by, and towards what.
    branch: (ChoiceId, Made),
}

impl Ord for Open {
    /// The part with the best bound is the greatest; of equal ones the deepest, then the first.
    fn cmp(&self, other: &Self) -> Ordering {
        let bounds = if self.most { self.bound.cmp(&other.bound) } else { other.bound.cmp(&self.bound) };
        bounds.then(self.depth.cmp(&other.depth)).then(other.number.cmp(&self.number))
    }
}

impl PartialOrd for Open {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Open {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Open {}

impl<'a> Search<'a> {
    /// With the regions of each cost that constraints speak of, where it is not this one alone.
    pub fn new(
        space: &'a Space,
        (cost, most): (Cost, bool),
        regions: &'a Regions,
        others: &'a [(Cost, Regions)],
        kinds: &'a [Kind],
    ) -> Self {
        Self::below(space, cost, most, (regions, LOGIT), others, kinds)
    }

    /// Of a region and what it needs.
    fn below(
        space: &'a Space,
        cost: Cost,
        most: bool,
        (regions, root): (&'a Regions, RegionId),
        others: &'a [(Cost, Regions)],
        kinds: &'a [Kind],
    ) -> Self {
        let graph = &*space.graph;
        let (mut sizes, mut conds) = regions.asks();
        let relaxed = |regions, most| Relaxed::new(regions, most, LOGIT);
        let mut beside = Vec::new();
        for (cost, regions) in others {
            let asked = regions.asks();
            sizes.extend(asked.0);
            conds.extend(asked.1);
            beside.push(Beside { cost: *cost, regions, least: relaxed(regions, false), most: relaxed(regions, true) });
        }
        let constraints: Vec<CondId> = graph.constraints.iter().map(|constraint| constraint.holds).collect();
        conds.extend(&constraints);
        Self {
            space,
            cost,
            most,
            regions,
            beside,
            kinds,
            ranges: Ranges::new(graph, kinds, space.sizes, (sizes, conds)),
            relaxed: Relaxed::new(regions, most, root),
            exact: Relaxed::new(regions, true, root),
            meter: space.meter(),
            whole: root == LOGIT,
            floors: Floors::default(),
            coupled: if root == LOGIT { mentioned(graph, Vec::new(), constraints) } else { Vec::new() },
            met: FxHashMap::default(),
            work: 0,
            most_work: usize::MAX,
            any: false,
            downwards: false,
            of_costs: graph.constraints.iter().any(|constraint| !constraint.costs.is_empty()),
            best: None,
            undivided: None,
            made: 0,
        }
    }

    /// Any architecture that is allowed will do, and none is looked for but by dividing; from the logit on where needs are
    /// followed, for so each cost that is spoken of is soon as good as known.
    pub fn settle_for_any(&mut self) {
        self.any = true;
        self.downwards = self.relaxed.follows();
        self.most_work = self.most_work.min(MAX_ANY_WORK);
    }

    /// The extreme over some domains, and what it took; `None` where nothing in them is allowed.
    pub fn run(mut self, domains: Vec<Domain>) -> (Option<Extreme>, usize) {
        let left = self.divide(domains.clone());
        let mut taken = self.work;
        // By gaps it is mostly done at once. What is not may have many parts with the same left to pay.
        let left = match left {
            Some(bound) if self.relaxed.follows() && !self.of_costs && taken < self.most_work => {
                self.downwards = true;
                self.work = 0;
                self.most_work -= taken;
                self.met.clear();
                let of_floors;
                (self.floors, of_floors) = self.floors_of(&domains);
                let again = self.divide(domains);
                taken += self.work + of_floors;
                again.map(|again| if self.better(again, bound) { bound } else { again })
            }
            left => left,
        };
        let found = match left {
            Some(proved) => Some(Extreme { proved, witness: self.best }),
            None => self.best.map(|witness| Extreme { proved: witness.value, witness: Some(witness) }),
        };
        (found, taken)
    }

    /// The least that regions cost by themselves, from those that need nothing up: each is found with those before. And
    /// what that took.
    fn floors_of(&mut self, domains: &[Domain]) -> (Floors, usize) {
        let regions = self.regions;
        let mut readers = vec![0u32; regions.all.len()];
        for region in 0..regions.all.len() as u32 {
            regions.next(region).for_each(|to| readers[to as usize] += 1);
        }
        let mut floors = Floors { known: Vec::new(), reach: regions.reach() };
        let mut work = 0;
        for region in (1..regions.all.len() as u32).rev() {
            let (own, next) = (&regions.all[region as usize], regions.next(region).next());
            // What one alone leads to is a part of that one.
            if readers[region as usize] < 2 || own.groups.is_empty() && next.is_none() || work > MAX_FLOOR_WORK {
                continue;
            }
            let mut search = Search::below(self.space, self.cost, self.most, (regions, region), &[], self.kinds);
            search.downwards = true;
            search.work = MAX_WORK[1] - MAX_FLOOR_WORK / 10;
            search.floors = floors;
            let left = search.divide(domains.to_vec());
            let found = left.or(search.best.map(|best| best.value)).unwrap_or(0);
            let floor = search.undivided.map_or(found, |undivided| found.min(undivided));
            work += search.work + MAX_FLOOR_WORK / 10 - MAX_WORK[1];
            floors = search.floors;
            if floor > 0 {
                floors.known.push((region, floor));
            }
        }
        (floors, work)
    }

    /// Divides the domains until nothing helps any more, or the work is up: then the bound of what is left.
    fn divide(&mut self, domains: Vec<Domain>) -> Option<u64> {
        let mut open = BinaryHeap::new();
        open.extend(self.part(domains, 0));
        if !open.is_empty() && !self.downwards && !self.any {
            self.improve();
        }
        while let Some(part) = open.pop() {
            if !self.helps(part.bound) || self.any && self.best.is_some() {
                break;
            }
            if self.work > MAX_WORK[usize::from(self.downwards)].min(self.most_work) || open.len() > MAX_OPEN {
                return Some(part.bound);
            }
            let (choice, towards) = part.branch;
            for domain in self.kinds[choice.index()].parts(part.domains[choice.index()], towards) {
                let mut domains = part.domains.clone();
                domains[choice.index()] = domain;
                open.extend(self.part(domains, part.depth + 1).filter(|part| self.helps(part.bound)));
            }
        }
        None
    }

    fn better(&self, new: u64, old: u64) -> bool {
        if self.most { new > old } else { new < old }
    }

    /// Whether something of this bound can be better than what was met.
    fn helps(&self, bound: u64) -> bool {
        self.best.as_ref().is_none_or(|best| self.better(bound, best.value))
    }

    /// A part of the space with its bound, where it holds anything that is still worth a look.
    fn part(&mut self, domains: Vec<Domain>, depth: u32) -> Option<Open> {
        self.work += self.ranges.len() + self.regions.all.len() * (1 + self.regions.all.len() / 256);
        self.ranges.update(&domains);
        let within = Within { regions: self.regions, kinds: self.kinds, domains: &domains };
        let mut bound = self.relaxed.bound(within, &mut self.ranges);
        if !self.most && self.downwards {
            bound = bound.max(self.relaxed.floored(&self.floors));
        }
        if !self.whole {
            return self.part_below(domains, bound, depth);
        }
        if let Some(limit) = self.limit() {
            bound = if self.most { bound.min(limit) } else { bound.max(limit) };
        }
        if !self.helps(bound) || self.forbidden(&domains, bound) {
            return None;
        }
        if self.known(within) {
            return None;
        }
        let mut guess = self.relaxed.guess(within, &self.ranges, self.most);
        for id in (0..self.kinds.len() as u32).map(ChoiceId) {
            if !self.space.exists(&guess, id) {
                guess.set(id, None);
            }
        }
        let constrained = matches!(&*self.space.validity, Validity::Diagram(_));
        if constrained && self.space.broken(&guess, None).is_some() {
            guess = self.allowed(&domains, &guess)?;
        }
        self.work += 4 * self.paid();
        self.consider(&guess);
        if !self.helps(bound) {
            return None;
        }
        let branch = self.branch(&domains, &guess)?;
        self.made += 1;
        Some(Open { bound, most: self.most, depth, number: self.made, domains, branch })
    }

    /// The same for a region and what it needs: its choices are taken to exist, and no constraint is looked at.
    fn part_below(&mut self, domains: Vec<Domain>, bound: u64, depth: u32) -> Option<Open> {
        let within = Within { regions: self.regions, kinds: self.kinds, domains: &domains };
        if !self.helps(bound) || self.known(within) {
            return None;
        }
        let guess = self.relaxed.guess(within, &self.ranges, self.most);
        let decided = |(kind, made): (&Kind, &Option<Made>)| kind.of(made.expect("a guess says something of each"));
        let decided: Vec<Domain> = self.kinds.iter().zip(guess.made()).map(decided).collect();
        self.ranges.update(&decided);
        let value = self.exact.bound(Within { domains: &decided, ..within }, &mut self.ranges);
        self.ranges.update(&domains);
        if self.helps(value) {
            self.best = Some(Witness { architecture: guess.clone(), value });
        }
        if !self.helps(bound) {
            return None;
        }
        let Some(branch) = self.branch(&domains, &guess) else {
            // What is left undivided is no less than this.
            self.undivided = Some(self.undivided.map_or(bound, |known| known.min(bound)));
            return None;
        };
        self.made += 1;
        Some(Open { bound, most: self.most, depth, number: self.made, domains, branch })
    }

    /// Whether another part has the same left to pay, and has paid no more.
    fn known(&mut self, within: Within<'_>) -> bool {
        if self.of_costs {
            return false;
        }
        let Some((key, paid)) = self.relaxed.rest(within, &mut self.ranges, &self.coupled) else { return false };
        match self.met.entry(key) {
            Entry::Occupied(known) if *known.get() <= paid => true,
            Entry::Occupied(mut known) => {
                known.insert(paid);
                false
            }
            Entry::Vacant(new) => {
                new.insert(paid);
                false
            }
        }
    }

    /// What an architecture that constraints on costs are asked about takes beyond what is counted of it, in a large
    /// space: each node is paid for, and each choice made.
    fn paid(&self) -> usize {
        let size = self.space.graph.graph.node_count() + self.kinds.len();
        if self.of_costs { size.saturating_sub(SMALL) } else { 0 }
    }

    /// Keeps an architecture that is allowed and better than what was met.
    fn consider(&mut self, architecture: &Architecture) {
        self.work += self.regions.all.len();
        let Ok(costs) = self.meter.costs(architecture) else { return };
        let value = costs.of(self.cost);
        if self.helps(value) && self.space.broken(architecture, Some(costs)).is_none() {
            self.best = Some(Witness { architecture: architecture.clone(), value });
        }
    }

    /// What a constraint says of the cost itself: no more, or no less, than this.
    fn limit(&self) -> Option<u64> {
        let ex = &self.space.graph.expressions;
        let mut conds: Vec<CondId> = self.space.graph.constraints.iter().map(|constraint| constraint.holds).collect();
        let mut limit: Option<u64> = None;
        while let Some(cond) = conds.pop() {
            match *ex.cond(cond) {
                Cond::And(a, b) => conds.extend([a, b]),
                Cond::Compare(relation, a, b) => {
                    let of_cost = |size| *ex.size(size) == Size::Cost(self.cost);
                    let (side, value) = match (ex.as_constant(a), ex.as_constant(b)) {
                        (None, Some(value)) if of_cost(a) => (true, value),
                        (Some(value), None) if of_cost(b) => (false, value),
                        _ => continue,
                    };
                    let strict = f64::from(u8::from(relation == Relation::Less));
                    // Costs are whole numbers.
                    let bound = match (self.most, side, relation) {
                        (true, true, _) | (true, false, Relation::Equal) => {
                            if strict > 0.0 {
                                value.ceil() - 1.0
                            } else {
                                value.floor()
                            }
                        }
                        (false, false, _) | (false, true, Relation::Equal) => {
                            if strict > 0.0 {
                                value.floor() + 1.0
                            } else {
                                value.ceil()
                            }
                        }
                        _ => continue,
                    };
                    let bound = bound.max(0.0) as u64;
                    limit = Some(limit.map_or(bound, |limit| if self.better(bound, limit) { limit } else { bound }));
                }
                _ => {}
            }
        }
        limit
    }

    /// Whether a constraint holds for nothing in these domains: by the bound, and where that does not tell, by those of
    /// all costs.
    fn forbidden(&mut self, domains: &[Domain], bound: u64) -> bool {
        let own = match self.most {
            true => Interval::new(0.0, bound as f64),
            false => Interval::new(bound as f64, f64::INFINITY),
        };
        let mut known = vec![(self.cost, own)];
        if self.breaks(domains, &known) {
            return true;
        }
        if self.beside.is_empty() {
            return false;
        }
        for at in 0..self.beside.len() {
            self.work += 2 * self.beside[at].regions.all.len();
            let beside = &mut self.beside[at];
            let range = beside.within((self.kinds, domains), &mut self.ranges);
            match known.iter_mut().find(|(cost, _)| *cost == beside.cost) {
                Some((_, own)) => *own = Interval::new(own.lo.max(range.lo), own.hi.min(range.hi)),
                None => known.push((beside.cost, range)),
            }
        }
        self.breaks(domains, &known)
    }

    /// Whether a constraint is false wherever each cost is in its range.
    fn breaks(&mut self, domains: &[Domain], known: &[(Cost, Interval)]) -> bool {
        let of = |of: Cost| {
            let known = known.iter().find(|(cost, _)| *cost == of);
            known.map_or(Interval::new(0.0, f64::INFINITY), |&(_, range)| range)
        };
        let space = self.space;
        space.graph.constraints.iter().any(|c| self.ranges.condition(c.holds, domains, &of) == Some(false))
    }

    /// An encoding near a guess that the constraints on choices allow; `None` where what is decided allows none.
    fn allowed(&self, domains: &[Domain], guess: &Architecture) -> Option<Architecture> {
        let Validity::Diagram(diagram) = &*self.space.validity else { return None };
        let decided = |choice: ChoiceId| self.kinds[choice.index()].decided(domains[choice.index()]);
        let prior = |choice: ChoiceId, made: Made| if guess.get(choice) == Some(made) { 1.0 } else { UNLIKELY };
        let mut rng = Streams::new(0).rng("extremes", 0);
        // What is decided of a choice that does not exist is no matter, and the diagram leaves such choices out.
        if !diagram.allows(&decided) {
            return None;
        }
        // Of so many unlikely values that they cannot be told from nothing, none is drawn.
        let Some(drawn) = diagram.draw(&prior, &decided, &mut rng) else { return Some(guess.clone()) };
        let mut allowed = guess.clone();
        for &variable in diagram.variables() {
            allowed.set(variable, None);
        }
        for (choice, made) in drawn {
            allowed.set(choice, Some(made));
        }
        self.space.complete(&mut allowed, Counts::Uniform, &mut rng);
        Some(allowed)
    }

    /// The choice to divide the domains by: where the bound and the guess differ most.
    fn branch(&mut self, domains: &[Domain], guess: &Architecture) -> Option<(ChoiceId, Made)> {
        let Self { regions, kinds, .. } = *self;
        let of_guess: Vec<Domain> = (0..kinds.len())
            .map(|choice| match guess.get(ChoiceId(choice as u32)) {
                Some(made) => kinds[choice].of(made),
                None => domains[choice],
            })
            .collect();
        self.work += self.ranges.len() + regions.all.len();
        let towards = |choice: ChoiceId| -> Option<(ChoiceId, Made)> {
            if kinds[choice.index()].decided(domains[choice.index()]).is_some() {
                return None;
            }
            Some((
                choice,
                guess.get(choice).unwrap_or_else(|| value_in(&kinds[choice.index()], domains[choice.index()])),
            ))
        };
        if self.downwards {
            let within = Within { regions, kinds, domains };
            if let Some(found) = self.relaxed.downwards(within, &mut self.ranges).and_then(towards) {
                return Some(found);
            }
        }
        self.ranges.update(&of_guess);
        let within = Within { regions, kinds, domains: &of_guess };
        self.exact.bound(within, &mut self.ranges);
        let (relaxed, exact) = (&self.relaxed, &self.exact);
        let live = &exact.possible;
        let mut widest: Option<(u64, usize)> = None;
        for (region, &live) in live.iter().enumerate() {
            let bound = if relaxed.taken[region] { relaxed.own[region] } else { 0 };
            let found = if live { exact.own[region] } else { 0 };
            let gap = if self.most { bound.saturating_sub(found) } else { found.saturating_sub(bound) };
            if gap > 0 && widest.is_none_or(|(known, _)| gap > known) {
                widest = Some((gap, region));
            }
        }
        let found = widest.and_then(|(_, region)| {
            if relaxed.taken[region] && live[region] {
                self.ranges.update(domains);
                return regions.open_cost(region, &mut self.ranges, kinds, domains).and_then(towards);
            }
            // Up to the nearest region that both have: what leads from it there is open.
            let (from, within) = if self.most { (live, &relaxed.possible) } else { (&relaxed.taken, live) };
            between(self.space, regions, region, (from, within), &towards)
        });
        if !self.whole {
            return found;
        }
        found.or_else(|| {
            // Anything that is open and asked for.
            let space = self.space;
            let at = Assignment::new(guess.made(), space.sizes);
            let asked = space.wiring.needed(&space.graph, &[space.graph.logit], &at).ok()?;
            for node in asked {
                for axis in &space.graph.graph[node].axes {
                    let _size = space.graph.expressions.evaluate(axis.size, &space.graph.choices, &at);
                }
            }
            let asked = at.into_asked();
            let asked = (0..asked.len() as u32).map(ChoiceId).filter(|choice| asked[choice.index()]);
            asked.chain(self.coupled.iter().copied()).find_map(towards)
        })
    }

    /// Changes one choice of the best architecture at a time, while that helps; of a drawn one, where none was met.
    fn improve(&mut self) {
        let most_tries = MAX_TRIES.min(MAX_TRIED / (1 + self.paid()));
        let mut tries = most_tries;
        let goal = Goal::Extreme(self.cost, self.most);
        let mut rng = Streams::new(0).rng("extremes", 1);
        for _ in 0..STARTS {
            let from = match &self.best {
                Some(best) => best.architecture.clone(),
                None => self.space.sample(Counts::Uniform, &mut rng),
            };
            let met = self.best.is_some();
            if let Some((architecture, costs)) = self.space.climb(&from, goal, &mut self.meter, &mut tries)
                && self.helps(costs.of(self.cost))
            {
                self.best = Some(Witness { architecture, value: costs.of(self.cost) });
            }
            if met {
                break;
            }
        }
        self.work += (most_tries - tries) * self.regions.all.len();
    }
}

/// The first open choice on a way up to `region` from one of `from`, through regions of `within`.
fn between(
    space: &Space,
    regions: &Regions,
    region: usize,
    (from, within): (&[bool], &[bool]),
    towards: &dyn Fn(ChoiceId) -> Option<(ChoiceId, Made)>,
) -> Option<(ChoiceId, Made)> {
    let ex = &space.graph.expressions;
    // Which regions lead to it. Each region comes before those that it leads to.
    let mut leads = vec![false; region + 1];
    leads[region] = true;
    for at in (0..region).rev() {
        if !within[at] && !from[at] {
            continue;
        }
        leads[at] = regions.next(at as u32).any(|to| (to as usize) <= region && leads[to as usize]);
        if !leads[at] || !from[at] {
            continue;
        }
        for &group in &regions.all[at].groups {
            let group = &regions.groups[group as usize];
            if !group.members.iter().any(|&(_, to, _)| (to as usize) <= region && leads[to as usize]) {
                continue;
            }
            let found = match group.rule {
                Rule::Choice(choice) => towards(choice),
                Rule::Branch(cond) => {
                    let mut open = Vec::new();
                    ex.mentioned_in(cond, &mut open);
                    open.into_iter().find_map(towards)
                }
            };
            if found.is_some() {
                return found;
            }
        }
    }
    None
}

fn value_in(kind: &Kind, domain: Domain) -> Made {
    match (kind, domain) {
        (Kind::Width(ranked), Domain::Widths(from, _)) => Made::One(ranked[from as usize].1),
        (_, Domain::One(mask)) => Made::One(mask.trailing_zeros()),
        (_, Domain::Set { must, may }) => Made::Set(if must == 0 { may } else { must }),
        (_, Domain::Widths(from, _)) => Made::One(from),
    }
}
