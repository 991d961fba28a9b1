//! An architecture that comes near a bound: the members that were counted, the sizes that they were counted with.

use super::domains::{Domain, Kind, Ranges, bits};
use super::regions::{Group, Rule};
use super::relax::{Relaxed, Within};
use crate::ir::Made;
use crate::space::Architecture;

impl Relaxed {
    /// What a bound was counted with, made values within the domains: of choices that do not exist too, and constraints are not
    /// looked at.
    pub fn guess(&self, within: Within<'_>, ranges: &Ranges<'_>, most: bool) -> Architecture {
        let Within { regions, kinds, domains } = within;
        let mut made: Vec<Option<Made>> =
            domains.iter().zip(kinds).map(|(domain, kind)| kind.decided(*domain)).collect();
        // From the logit on: where several groups ask for a choice, the first of them decides.
        for (at, region) in regions.all.iter().enumerate().filter(|&(at, _)| self.possible[at]) {
            let _ = at;
            for &at in &region.groups {
                let group = &regions.groups[at as usize];
                let Rule::Choice(choice) = group.rule else { continue };
                if made[choice.index()].is_none() {
                    made[choice.index()] =
                        self.best(at as usize, group, (&kinds[choice.index()], domains[choice.index()]), ranges, most);
                }
            }
        }
        for (index, (kind, domain)) in kinds.iter().zip(domains).enumerate() {
            made[index].get_or_insert_with(|| first(kind, *domain, most));
        }
        Architecture::new(made)
    }

    fn best(
        &self,
        at: usize,
        group: &Group,
        (kind, domain): (&Kind, Domain),
        ranges: &Ranges<'_>,
        most: bool,
    ) -> Option<Made> {
        let (must, may) = domain.ends();
        let counted = self.counted(at, group);
        // The size that a member gives, then the later ones of equal members: what reads much makes much live.
        let rank = |&(position, member, size): &(u32, u32, Option<crate::ir::SizeId>)| {
            let size = size.map_or(0, |size| ranges.size(size, most)) as u64;
            let taken = counted >> position & 1 == 1 && self.below(member) > 0;
            let all = (taken == most, size, self.below(member), u64::from(position));
            if most { all } else { (!all.0, u64::MAX - all.1, u64::MAX - all.2, u64::MAX - all.3) }
        };
        let mut open: Vec<_> = group.members.iter().filter(|(p, ..)| (may & !must) >> p & 1 == 1).collect();
        open.sort_by_key(|member| std::cmp::Reverse(rank(member)));
        match kind {
            Kind::Width(_) => None,
            Kind::One => {
                let of_members = group.members.iter().fold(0u64, |mask, &(position, ..)| mask | 1 << position);
                let none = bits(may & !of_members).next();
                if counted != 0 {
                    return Some(Made::One(counted.trailing_zeros()));
                }
                none.or(open.first().map(|member| member.0)).map(Made::One)
            }
            Kind::Set { lo: 1, hi: 1 } if counted != 0 && self.matters(group) => {
                Some(Made::Set(1 << counted.trailing_zeros()))
            }
            Kind::Set { lo, hi } => {
                let count = if most { *hi } else { *lo }.saturating_sub(must.count_ones());
                let set = open.iter().take(count as usize).fold(must, |set, member| set | 1 << member.0);
                (set.count_ones() >= *lo).then_some(Made::Set(set))
            }
        }
    }

    /// Whether its members cost differently.
    fn matters(&self, group: &Group) -> bool {
        let mut costs = group.members.iter().map(|&(_, member, _)| self.below(member));
        let first = costs.next();
        costs.any(|cost| Some(cost) != first)
    }
}

/// A value of a domain on which no group asked: the largest, or the least.
fn first(kind: &Kind, domain: Domain, most: bool) -> Made {
    match (kind, domain) {
        (Kind::Width(ranked), Domain::Widths(from, to)) => Made::One(ranked[if most { to } else { from } as usize].1),
        (_, Domain::One(mask)) => Made::One(if most { 63 - mask.leading_zeros() } else { mask.trailing_zeros() }),
        (Kind::Set { lo, hi }, Domain::Set { must, may }) => {
            let count = if most { *hi } else { *lo }.saturating_sub(must.count_ones());
            Made::Set(bits(may & !must).take(count as usize).fold(must, |set, bit| set | 1 << bit))
        }
        (_, Domain::Set { must, .. }) => Made::Set(must),
        (_, Domain::Widths(from, _)) => Made::One(from),
    }
}
