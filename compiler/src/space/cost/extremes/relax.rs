//! What no architecture within some domains can be below, or above.
//!
//! Every region costs its least, or its most, where it is live, as if all of them could at once. Of a group, the
//! cheapest member that it must take is counted, or the costliest that it can, with what nothing but this member leads
//! to; so nothing is counted twice, and what the true extreme costs is never on the wrong side.

use super::domains::{Domain, Kind, Ranges, bits};
use super::regions::{Group, RegionId, Regions, Rule};
use crate::ir::ChoiceId;

/// Scratch, and what came of it.
pub(super) struct Relaxed {
    most: bool,
    /// The region that is live in any case: the first one, which is the logit's, or one below it by itself.
    root: usize,
    words: usize,
    /// What each region needs for certain, as bits.
    certain: Vec<u64>,
    /// Which regions can be live.
    pub possible: Vec<bool>,
    /// What each region costs by itself.
    pub own: Vec<u64>,
    /// With all that only it leads to.
    below: Vec<u64>,
    /// For each group, the members that were counted, as bits.
    counted: Vec<u64>,
    /// Which regions were counted.
    pub taken: Vec<bool>,
}

/// The least that regions cost by themselves, with all that they need: whatever else is live, no less.
#[derive(Clone, Default)]
pub(super) struct Floors {
    pub known: Vec<(RegionId, u64)>,
    /// For each region, what it can lead to, as bits.
    pub reach: Vec<Vec<u64>>,
}

/// What one relaxation works with.
#[derive(Clone, Copy)]
pub(super) struct Within<'a> {
    pub regions: &'a Regions,
    pub kinds: &'a [Kind],
    pub domains: &'a [Domain],
}

impl Relaxed {
    pub fn new(regions: &Regions, most: bool, root: RegionId) -> Self {
        let count = regions.all.len();
        let words = if regions.small && !most { count.div_ceil(64) } else { 0 };
        Self {
            most,
            root: root as usize,
            words,
            certain: vec![0; words * count],
            possible: vec![false; count],
            own: vec![0; count],
            below: vec![0; count],
            counted: vec![0; regions.groups.len()],
            taken: vec![false; count],
        }
    }

    /// Whether what is needed for certain is known of every region.
    pub fn follows(&self) -> bool {
        self.words > 0
    }

    /// The bound. The ranges are those of the domains.
    pub fn bound(&mut self, within: Within<'_>, ranges: &mut Ranges<'_>) -> u64 {
        let Within { regions, kinds, domains } = within;
        self.reach(within, ranges);
        for region in (0..regions.all.len()).rev() {
            self.own[region] = 0;
            self.below[region] = 0;
            if !self.possible[region] {
                continue;
            }
            self.own[region] = regions.own(region, ranges, kinds, domains, self.most);
            self.needs(region, within, ranges);
            let mut sum = self.own[region];
            for &kid in &regions.all[region].kids {
                if self.counts(region, kid, within) {
                    sum = sum.saturating_add(self.below[kid as usize]);
                }
            }
            for &group in &regions.all[region].groups {
                let (best, counted) = self.group(&regions.groups[group as usize], within, ranges);
                self.counted[group as usize] = counted;
                sum = sum.saturating_add(best);
            }
            self.below[region] = sum;
        }
        self.take(within);
        self.below[self.root]
    }

    /// What the root needs for certain, as bits.
    fn needed(&self) -> &[u64] {
        &self.certain[self.root * self.words..][..self.words]
    }

    /// What cannot be below what is known of one region by itself, with all that is needed and that it cannot lead to.
    pub fn floored(&self, floors: &Floors) -> u64 {
        if self.words == 0 {
            return 0;
        }
        let needed = self.needed();
        let mut most = 0;
        for &(region, floor) in &floors.known {
            if needed[region as usize / 64] >> (region % 64) & 1 == 0 {
                continue;
            }
            let mut sum = floor;
            for (word, (needed, reached)) in needed.iter().zip(&floors.reach[region as usize]).enumerate() {
                for bit in bits(needed & !reached) {
                    sum = sum.saturating_add(self.own[64 * word + bit as usize]);
                }
            }
            most = most.max(sum);
        }
        most
    }

    /// What a bound for the least still depends on, and what is paid for good. Regions that are needed for certain, of
    /// which nothing is open, are paid. Two parts of a space have the same left to pay where they agree on the choices
    /// that the other regions ask for, and on what of all that these lead to is needed already. `None` where needs are
    /// not followed.
    pub fn rest(&self, within: Within<'_>, ranges: &mut Ranges<'_>, coupled: &[ChoiceId]) -> Option<(Vec<u64>, u64)> {
        if self.words == 0 {
            return None;
        }
        let Within { regions, kinds, domains } = within;
        let needed = self.needed();
        let mut key = vec![0u64; self.words];
        // Which regions are open, or can be led to by one that is.
        let mut open = vec![false; regions.all.len()];
        let mut asked = vec![false; domains.len()];
        coupled.iter().for_each(|choice| asked[choice.index()] = true);
        let mut paid = 0u64;
        for (at, region) in regions.all.iter().enumerate().filter(|&(at, _)| self.possible[at]) {
            let certain = needed[at / 64] >> (at % 64) & 1 == 1;
            let mut closed = |group: &u32| {
                let rule = regions.groups[*group as usize].rule;
                let (must, may) = ends(rule, domains, ranges);
                must == may
            };
            if certain
                && region.groups.iter().all(&mut closed)
                && regions.own(at, ranges, kinds, domains, true) == self.own[at]
            {
                paid = paid.saturating_add(self.own[at]);
            } else {
                open[at] = true;
                region.touches.iter().for_each(|choice| asked[choice.index()] = true);
            }
            if open[at] {
                key[at / 64] |= needed[at / 64] & 1 << (at % 64);
                regions.next(at as u32).for_each(|to| open[to as usize] = true);
            }
        }
        for (at, domain) in domains.iter().enumerate().filter(|&(at, _)| asked[at]) {
            let (a, b) = match *domain {
                Domain::Widths(from, to) => (u64::from(from), u64::from(to)),
                Domain::One(mask) => (mask, 0),
                Domain::Set { must, may } => (must, may),
            };
            key.extend([at as u64, a, b]);
        }
        Some((key, paid))
    }

    /// An open choice of the first region that is needed for certain: in this order parts that have the same left to pay
    /// are met early.
    pub fn downwards(&self, within: Within<'_>, ranges: &mut Ranges<'_>) -> Option<ChoiceId> {
        let Within { regions, kinds, domains } = within;
        let needed = self.needed();
        (0..regions.all.len())
            .filter(|at| needed[at / 64] >> (at % 64) & 1 == 1)
            .find_map(|at| regions.open(at, ranges, kinds, domains))
    }

    /// Which regions can be live.
    fn reach(&mut self, within: Within<'_>, ranges: &mut Ranges<'_>) {
        let Within { regions, domains, .. } = within;
        self.possible.fill(false);
        self.possible[self.root] = true;
        for region in 0..regions.all.len() {
            if !self.possible[region] {
                continue;
            }
            for &to in &regions.all[region].certain {
                self.possible[to as usize] = true;
            }
            for &group in &regions.all[region].groups {
                let group = &regions.groups[group as usize];
                let (_, may) = ends(group.rule, domains, ranges);
                for &(position, member, _) in &group.members {
                    self.possible[member as usize] |= may >> position & 1 == 1;
                }
            }
        }
    }

    /// What a region needs for certain.
    fn needs(&mut self, region: usize, within: Within<'_>, ranges: &mut Ranges<'_>) {
        if self.words == 0 {
            return;
        }
        let Within { regions, kinds, domains } = within;
        let words = self.words;
        // What it leads to comes after it.
        let (head, tail) = self.certain.split_at_mut((region + 1) * words);
        let own = &mut head[region * words..];
        let of = |to: u32| &tail[(to as usize - region - 1) * words..][..words];
        own.fill(0);
        own[region / 64] |= 1 << (region % 64);
        for &to in &regions.all[region].certain {
            own.iter_mut().zip(of(to)).for_each(|(mine, more)| *mine |= more);
        }
        let mut shared: Vec<u64> = Vec::new();
        for &group in &regions.all[region].groups {
            let group = &regions.groups[group as usize];
            let (must, may) = ends(group.rule, domains, ranges);
            for &(position, member, _) in &group.members {
                if must >> position & 1 == 1 {
                    own.iter_mut().zip(of(member)).for_each(|(mine, more)| *mine |= more);
                }
            }
            if must == 0 && takes_any(group, may, kinds) {
                // Whichever it is, this is needed.
                shared.clear();
                shared.resize(words, u64::MAX);
                for &(position, member, _) in &group.members {
                    if may >> position & 1 == 1 {
                        shared.iter_mut().zip(of(member)).for_each(|(mine, more)| *mine &= more);
                    }
                }
                own.iter_mut().zip(&shared).for_each(|(mine, more)| *mine |= more);
            }
        }
    }

    /// Whether a region counts where `by` does, which alone leads to it.
    fn counts(&self, by: usize, region: RegionId, within: Within<'_>) -> bool {
        if self.most {
            self.possible[region as usize]
        } else if self.words > 0 {
            self.certain[by * self.words + region as usize / 64] >> (region % 64) & 1 == 1
        } else {
            within.regions.all[by].certain.contains(&region)
        }
    }

    /// What a group costs with what is attached to it, and the members that were counted.
    fn group(&self, group: &Group, within: Within<'_>, ranges: &mut Ranges<'_>) -> (u64, u64) {
        let Within { kinds, domains, .. } = within;
        let better = |new: u64, old: u64| if self.most { new > old } else { new < old };
        let (must, may) = ends(group.rule, domains, ranges);
        if let Some(positions) = one_of(group.rule, may, kinds, domains) {
            // One of them, or none where the position that is taken is no member.
            let of_members = group.members.iter().fold(0u64, |mask, &(position, ..)| mask | 1 << position);
            let mut best = (positions & !of_members != 0).then_some((0, 0));
            for (at, &(position, member, _)) in group.members.iter().enumerate() {
                if positions >> position & 1 == 0 {
                    continue;
                }
                let mut sum = self.below[member as usize];
                for &(region, mask) in &group.attached {
                    if mask >> at & 1 == 1 && self.counts(member as usize, region, within) {
                        sum = sum.saturating_add(self.below[region as usize]);
                    }
                }
                if best.is_none_or(|(known, _)| better(sum, known)) {
                    best = Some((sum, 1 << at));
                }
            }
            return best.unwrap_or((0, 0));
        }
        let (mut sum, mut counted) = (0u64, 0u64);
        let mut open: Vec<(u64, usize)> = Vec::new();
        for (at, &(position, member, _)) in group.members.iter().enumerate() {
            if must >> position & 1 == 1 {
                sum = sum.saturating_add(self.below[member as usize]);
                counted |= 1 << at;
            } else if may >> position & 1 == 1 {
                open.push((self.below[member as usize], at));
            }
        }
        let missing = needed_of(group, must, may, kinds, self.most);
        open.sort_by_key(|&(cost, at)| (if self.most { u64::MAX - cost } else { cost }, at));
        for &(cost, at) in open.iter().take(missing) {
            sum = sum.saturating_add(cost);
            counted |= 1 << at;
        }
        for &(region, _) in &group.attached {
            let counts = if self.most {
                self.possible[region as usize]
            } else {
                // By the members that are taken in any case.
                group.members.iter().any(|&(position, member, _)| {
                    must >> position & 1 == 1 && self.counts(member as usize, region, within)
                })
            };
            if counts {
                sum = sum.saturating_add(self.below[region as usize]);
            }
        }
        (sum, counted)
    }

    /// Says which regions were counted.
    fn take(&mut self, within: Within<'_>) {
        let regions = within.regions;
        self.taken.fill(false);
        self.taken[self.root] = true;
        for region in 0..regions.all.len() {
            if !self.taken[region] {
                continue;
            }
            for &kid in &regions.all[region].kids {
                if self.counts(region, kid, within) {
                    self.taken[kid as usize] = true;
                }
            }
            for &at in &regions.all[region].groups {
                let group = &regions.groups[at as usize];
                for bit in bits(self.counted[at as usize]) {
                    let member = group.members[bit as usize].1;
                    self.taken[member as usize] = true;
                    for &(region, mask) in &group.attached {
                        if mask >> bit & 1 == 1 && self.counts(member as usize, region, within) {
                            self.taken[region as usize] = true;
                        }
                    }
                }
            }
        }
    }

    /// The positions of a group that were counted.
    pub fn counted(&self, at: usize, group: &Group) -> u64 {
        bits(self.counted[at]).fold(0, |mask, bit| mask | 1 << group.members[bit as usize].0)
    }

    /// What a member costs with all that only it leads to.
    pub fn below(&self, region: RegionId) -> u64 {
        self.below[region as usize]
    }
}

/// Positions that are taken in any case, and those that can be.
pub(super) fn ends(rule: Rule, domains: &[Domain], ranges: &mut Ranges<'_>) -> (u64, u64) {
    match rule {
        Rule::Choice(choice) => domains[choice.index()].ends(),
        Rule::Branch(cond) => match ranges.known(cond, domains) {
            Some(true) => (1, 1),
            Some(false) => (2, 2),
            None => (0, 3),
        },
    }
}

/// The positions of which exactly one is taken; `None` where several can be.
fn one_of(rule: Rule, may: u64, kinds: &[Kind], domains: &[Domain]) -> Option<u64> {
    match rule {
        Rule::Choice(choice) => domains[choice.index()].one_of(&kinds[choice.index()]),
        Rule::Branch(_) => Some(may),
    }
}

/// How many a group can have beyond those that it must have; or must have, which others may be outside of it.
fn needed_of(group: &Group, must: u64, may: u64, kinds: &[Kind], most: bool) -> usize {
    let Rule::Choice(ChoiceId(choice)) = group.rule else { return 0 };
    let Kind::Set { lo, hi } = kinds[choice as usize] else { return 0 };
    let members = group.members.iter().fold(0u64, |mask, &(position, ..)| mask | 1 << position);
    if most {
        hi.saturating_sub(must.count_ones()) as usize
    } else {
        lo.saturating_sub(must.count_ones() + (may & !must & !members).count_ones()) as usize
    }
}

/// Whether some member is taken in any case.
fn takes_any(group: &Group, may: u64, kinds: &[Kind]) -> bool {
    let members = group.members.iter().fold(0u64, |mask, &(position, ..)| mask | 1 << position);
    let elsewhere = may & !members != 0;
    match group.rule {
        Rule::Branch(_) => true,
        Rule::Choice(ChoiceId(choice)) => match kinds[choice as usize] {
            Kind::Set { lo, .. } => lo > 0 && !elsewhere,
            _ => !elsewhere,
        },
    }
}
