//! Whether constraints leave anything of a space, where some of them speak of costs: an architecture that they allow, or
//! a proof that there is none.

use std::sync::Arc;

use super::coordinates::Goal;
use super::extremes::{Effort, End, Extreme};
use super::meter::Meter;
use crate::cost::{Cost, grouped};
use crate::ir::{CondId, Constraint, Interval, SpaceGraph};
use crate::recipe::Counts;
use crate::space::count::{Conflict, Diagram, Validity};
use crate::space::{Architecture, Space};
use crate::streams::Streams;

/// Architectures that are drawn first, and most nodes of all of them together.
const DRAWS: u64 = 200;
const MAX_DRAWN_NODES: usize = 2_000_000;
/// Architectures that a search by coordinates looks at from one start, and most nodes of all of them together.
const TRIES: usize = 4_000;
const MAX_TRIED_NODES: usize = 20_000_000;
/// Most encodings of which each is costed, and most nodes of all of them together.
const MAX_COSTED: u64 = 20_000;
const MAX_COSTED_NODES: u64 = 2_000_000;

/// What constraints leave of a space.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// Something, such as this architecture.
    Allowed(Architecture),
    /// Nothing: which constraints nothing satisfies together, and why that is known.
    Empty(Conflict, Proof),
    /// Neither such an architecture nor a proof that there is none was found.
    Open(Tried),
}

/// Why it is known that constraints allow nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Proof {
    /// One of them is false wherever costs are within these ends; and so they are, where the others hold.
    Bounds {
        /// What is needed for it.
        bounds: Vec<Bound>,
        /// Whether there are others.
        others: bool,
    },
    /// Each of so many encodings was costed.
    Counted(u64),
    /// The space was divided until bounds excluded every part of it.
    Divided,
}

impl std::fmt::Display for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Proof::Bounds { bounds, others } => {
                write!(f, "{}{}", if *others { "where the others hold, " } else { "" }, together(bounds))
            }
            Proof::Counted(count) => write!(f, "none of all {} encodings is allowed", grouped(count)),
            Proof::Divided => f.write_str("bounds exclude every part of the space"),
        }
    }
}

/// What no architecture is beyond, whatever constraints on costs say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Of what.
    pub cost: Cost,
    /// On which side.
    pub end: End,
    /// How much.
    pub proved: u64,
    /// The nearest to it that was met, whatever constraints on costs say.
    pub met: Option<u64>,
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let than = if self.end == End::Least { "less" } else { "more" };
        write!(f, "no architecture costs {than} than {}", self.cost.told(self.proved))
    }
}

/// What was tried in vain.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    /// How many architectures were drawn.
    pub drawn: u64,
    /// The least and the most, as far as known, of each cost that constraints speak of.
    pub bounds: Vec<Bound>,
}

impl std::fmt::Display for Tried {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let drawn = grouped(self.drawn);
        write!(
            f,
            "none of {drawn} architectures that were drawn is allowed, nor is what steps from them came to; that none is, was not proved"
        )?;
        match self.bounds.as_slice() {
            [] => Ok(()),
            bounds => write!(f, ": {}", together(bounds)),
        }
    }
}

/// Bounds, in words.
fn together(bounds: &[Bound]) -> String {
    bounds.iter().map(Bound::to_string).collect::<Vec<_>>().join(", and ")
}

impl Standing {
    /// Looks at a region or a size that one answer takes, at most.
    pub(crate) const LOOKS: usize = 30_000_000;
}

impl Space {
    /// Whether the constraints allow anything: looked for in the same way each time, with a fixed effort.
    pub fn standing(&self) -> Standing {
        self.standing_within(&mut Effort::of(Standing::LOOKS))
    }

    /// The same with no more effort than is left: with less, more stays open.
    pub(crate) fn standing_within(&self, effort: &mut Effort) -> Standing {
        match self.decided(effort) {
            Decided::Allowed(architecture) => Standing::Allowed(architecture),
            Decided::Open(tried) => Standing::Open(tried),
            Decided::Empty(proof) => {
                let (conflict, proof) = self.reduced(proof, effort);
                Standing::Empty(conflict, proof)
            }
        }
    }

    fn decided(&self, effort: &mut Effort) -> Decided {
        let costs = self.costs_required();
        let mut looking = Looking { space: self, meter: self.meter() };
        let (nearest, drawn) = match looking.drawn(effort) {
            Ok(found) => return Decided::Allowed(found),
            Err(drawn) => drawn,
        };
        if let Some(found) = nearest.and_then(|nearest| looking.from(&nearest)) {
            return Decided::Allowed(found);
        }
        // What is so of all that constraints on choices allow is so of what costs as it may.
        let free = self.without_costs();
        let mut bounds = Vec::new();
        for end in [End::Least, End::Most] {
            let mut starts = Vec::new();
            for &cost in &costs {
                let Some(Extreme { proved, witness }) = free.extreme_within(cost, end, effort) else { continue };
                bounds.push(Bound { cost, end, proved, met: witness.as_ref().map(|witness| witness.value) });
                starts.extend(witness.map(|witness| witness.architecture));
            }
            if self.breaks(&bounds) {
                return Decided::Empty(Proof::Bounds { bounds: self.needed(bounds), others: false });
            }
            if let Some(found) = starts.iter().find_map(|start| looking.from(start)) {
                return Decided::Allowed(found);
            }
        }
        if let Some(known) = self.each_costed() {
            return known;
        }
        for end in [End::Least, End::Most] {
            for &cost in &costs {
                match self.any_within(cost, end, effort) {
                    None => return Decided::Empty(Proof::Divided),
                    Some(Some(witness)) => return Decided::Allowed(witness.architecture),
                    Some(None) => {}
                }
            }
        }
        Decided::Open(Tried { drawn, bounds })
    }

    /// Whether some constraint is false for all choices where costs are within these bounds.
    fn breaks(&self, bounds: &[Bound]) -> bool {
        let ranges: Vec<(Cost, Interval)> =
            self.costs_required().into_iter().map(|cost| (cost, range(cost, bounds))).collect();
        let constraints: Vec<&Constraint> = self.graph.constraints.iter().collect();
        self.conditions_hold(&constraints, &ranges) == Some(false)
    }

    /// Those of the bounds without which no constraint would be false.
    fn needed(&self, mut bounds: Vec<Bound>) -> Vec<Bound> {
        let mut at = 0;
        while at < bounds.len() {
            let without: Vec<Bound> =
                bounds.iter().enumerate().filter(|&(other, _)| other != at).map(|(_, b)| *b).collect();
            if self.breaks(&without) { bounds = without } else { at += 1 }
        }
        bounds
    }

    /// What costing each encoding of a small space comes to.
    fn each_costed(&self) -> Option<Decided> {
        if !self.has_at_most(MAX_COSTED, MAX_COSTED_NODES) {
            return None;
        }
        let mut looking = Looking { space: self, meter: self.meter() };
        let mut costed = 0;
        for architecture in self.encodings().ok()? {
            if looking.allows(&architecture) {
                return Some(Decided::Allowed(architecture));
            }
            costed += 1;
        }
        Some(Decided::Empty(Proof::Counted(costed)))
    }

    /// The fewest of the constraints that were found to allow nothing by themselves: one of them, else what is left when
    /// one after the other is left out.
    fn reduced(&self, proof: Proof, effort: &mut Effort) -> (Conflict, Proof) {
        let constraints = &self.graph.constraints;
        let mut members: Vec<usize> = (0..constraints.len()).collect();
        for &at in members.iter().filter(|&&at| !constraints[at].costs.is_empty()) {
            if let Some(Decided::Empty(proof)) = self.only(&[at]).map(|alone| alone.decided(effort)) {
                return (Conflict { members: vec![at], irreducible: true }, proof);
            }
        }
        let (mut proof, mut irreducible, mut at) = (proof, true, 0);
        while at < members.len() {
            let mut rest = members.clone();
            rest.remove(at);
            match self.only(&rest).map(|rest| rest.decided(effort)) {
                Some(Decided::Empty(of_rest)) => (members, proof) = (rest, of_rest),
                known => {
                    irreducible &= matches!(known, Some(Decided::Allowed(_)));
                    at += 1;
                }
            }
        }
        let proof = match proof {
            Proof::Bounds { bounds, .. } => Proof::Bounds { bounds, others: members.len() > 1 },
            other => self.of_others(&members, effort).unwrap_or(other),
        };
        (Conflict { members, irreducible }, proof)
    }

    /// What one of these constraints is false by, where the others hold, if bounds tell.
    fn of_others(&self, members: &[usize], effort: &mut Effort) -> Option<Proof> {
        members.iter().find_map(|&member| {
            let others: Vec<usize> = members.iter().copied().filter(|&other| other != member).collect();
            let (alone, others) = (self.only(&[member])?, self.only(&others)?);
            let mut bounds = Vec::new();
            for cost in alone.costs_required() {
                for end in [End::Least, End::Most] {
                    let Extreme { proved, witness } = others.extreme_within(cost, end, effort)?;
                    bounds.push(Bound { cost, end, proved, met: witness.map(|witness| witness.value) });
                }
            }
            alone.breaks(&bounds).then(|| Proof::Bounds { bounds: alone.needed(bounds), others: true })
        })
    }

    /// The space with these of its constraints; `None` where they couple too many choices.
    fn only(&self, members: &[usize]) -> Option<Space> {
        let constraints: Vec<Constraint> = members.iter().map(|&at| self.graph.constraints[at].clone()).collect();
        let of_choices = constraints.iter().filter(|constraint| constraint.costs.is_empty());
        let conds: Vec<CondId> = of_choices.map(|constraint| constraint.holds).collect();
        let mut part = self.clone();
        part.validity = Arc::new(match conds.is_empty() {
            true => Validity::Free,
            false => Validity::Diagram(Diagram::build(&self.graph, self.sizes, &conds).ok()??),
        });
        part.graph = Arc::new(SpaceGraph { constraints, ..SpaceGraph::clone(&self.graph) });
        Some(part)
    }
}

/// What is known of all constraints of a space.
enum Decided {
    Allowed(Architecture),
    Empty(Proof),
    Open(Tried),
}

fn range(cost: Cost, bounds: &[Bound]) -> Interval {
    let of = |end| bounds.iter().find(|bound| (bound.cost, bound.end) == (cost, end)).map(|bound| bound.proved as f64);
    Interval::new(of(End::Least).unwrap_or(0.0), of(End::Most).unwrap_or(f64::INFINITY))
}

/// Looks for an architecture that is allowed.
struct Looking<'a> {
    space: &'a Space,
    meter: Meter<'a>,
}

impl Looking<'_> {
    fn allows(&mut self, architecture: &Architecture) -> bool {
        let costs = self.meter.costs(architecture);
        costs.is_ok_and(|costs| self.space.broken(architecture, Some(costs)).is_none())
    }

    /// The first draw that is allowed; else the one that is nearest to that, and how many there were.
    fn drawn(&mut self, effort: &mut Effort) -> Result<Architecture, (Option<Architecture>, u64)> {
        let streams = Streams::new(0);
        let size = self.size();
        let draws = DRAWS.min((MAX_DRAWN_NODES / size) as u64).max(1);
        let mut nearest: Option<(f64, Architecture)> = None;
        for index in 0..draws {
            effort.take(size);
            let drawn = self.space.sample(Counts::Uniform, &mut streams.rng("standing", index));
            let Ok(costs) = self.meter.costs(&drawn) else { continue };
            let Some((short, _)) = self.space.distance(Goal::Allowed, &drawn, costs) else { continue };
            if short == 0.0 {
                return Ok(drawn);
            }
            if nearest.as_ref().is_none_or(|(known, _)| short < *known) {
                nearest = Some((short, drawn));
            }
        }
        Err((nearest.map(|(_, drawn)| drawn), draws))
    }

    /// What steps from here come to, where that is allowed.
    fn from(&mut self, start: &Architecture) -> Option<Architecture> {
        let mut tries = TRIES.min(MAX_TRIED_NODES / self.size());
        let found = self.space.climb(start, Goal::Allowed, &mut self.meter, &mut tries);
        found.map(|(architecture, _)| architecture)
    }

    fn size(&self) -> usize {
        1 + self.space.graph.graph.node_count() + self.space.choices().len()
    }
}
