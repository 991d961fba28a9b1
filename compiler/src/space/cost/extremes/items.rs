//! What costs something when its region is live: what is counted of it, and by which sizes and how many operands.

use smallvec::SmallVec;

use super::super::meter::Weights;
use super::domains::{Domain, Kind, Ranges, bits};
use crate::cost::value_bytes;
use crate::ir::{ChoiceId, SizeId};
use crate::plan::pooled;
use crate::primitives::Primitive;

pub(super) type Sizes = SmallVec<[SizeId; 2]>;

/// Something that costs when its region is live. None costs less for larger sizes, or for more operands.
pub(super) enum Item {
    /// Products of matrices.
    Products { primitive: Primitive, input: Sizes, output: Sizes },
    /// All arithmetic of a node, with what its lookups take for each number of a row.
    Arithmetic { primitive: Primitive, operands: Operands, input: Sizes, output: Sizes, pooling: u64 },
    /// Parameters.
    Weights(Weights),
    /// A value; a join of one operand is that operand.
    Value { shape: Sizes, joins: Option<Operands> },
}

impl Item {
    /// The sizes that it is counted by.
    pub fn sizes(&self) -> impl Iterator<Item = SizeId> + '_ {
        let (first, second): (&[SizeId], &[SizeId]) = match self {
            Item::Products { input, output, .. } | Item::Arithmetic { input, output, .. } => (input, output),
            Item::Weights(weights) => (&weights.axes, &[]),
            Item::Value { shape, .. } => (shape, &[]),
        };
        first.iter().chain(second).copied()
    }

    /// The choices that decide how many operands it has.
    pub fn choices(&self) -> impl Iterator<Item = ChoiceId> + '_ {
        let operands = match self {
            Item::Arithmetic { operands, .. } => Some(operands),
            Item::Value { joins, .. } => joins.as_ref(),
            Item::Products { .. } | Item::Weights(_) => None,
        };
        operands.into_iter().flat_map(|operands| operands.gates.iter().map(|gate| gate.choice))
    }

    /// The least or the most that it costs.
    pub fn cost(&self, ranges: &Ranges<'_>, kinds: &[Kind], domains: &[Domain], most: bool) -> u64 {
        let sized =
            |sizes: &Sizes| -> SmallVec<[usize; 2]> { sizes.iter().map(|&size| ranges.size(size, most)).collect() };
        match self {
            Item::Products { primitive, input, output } => primitive.macs(&sized(input), &sized(output)),
            Item::Arithmetic { primitive, operands, input, output, pooling } => {
                let (operands, output) = (operands.count(kinds, domains, most), sized(output));
                let own = primitive.ops(operands as usize, &sized(input), &output);
                own.saturating_add(pooled(*pooling, &output))
            }
            Item::Weights(weights) => weights.count(weights.axes.iter().map(|&size| ranges.size(size, most))),
            Item::Value { shape, joins } => match joins {
                Some(operands) if operands.count(kinds, domains, most) < 2 => 0,
                _ => value_bytes(&sized(shape)),
            },
        }
    }
}

/// How many operands a node has.
#[derive(Clone, Debug, Default)]
pub(super) struct Operands {
    /// Those that are there in any case.
    pub always: u32,
    pub gates: Vec<Gated>,
}

/// Operands that a choice decides on.
#[derive(Clone, Debug)]
pub(super) struct Gated {
    pub choice: ChoiceId,
    /// How many of them each position brings: several where what was picked is read more than once.
    pub each: Vec<u32>,
}

impl Operands {
    /// One more operand, which is there where the choice takes this position.
    pub fn gate(&mut self, choice: ChoiceId, position: u32) {
        let at = self.gates.iter().position(|gate| gate.choice == choice).unwrap_or_else(|| {
            self.gates.push(Gated { choice, each: Vec::new() });
            self.gates.len() - 1
        });
        let (each, position) = (&mut self.gates[at].each, position as usize);
        each.resize(each.len().max(position + 1), 0);
        each[position] += 1;
    }

    /// The least or the most that it can have.
    fn count(&self, kinds: &[Kind], domains: &[Domain], most: bool) -> u32 {
        let of = |gate: &Gated| gate.count(&kinds[gate.choice.index()], domains[gate.choice.index()], most);
        self.always + self.gates.iter().map(of).sum::<u32>()
    }
}

impl Gated {
    /// Positions that must be taken bring theirs. Of the others as many are taken as can be, those that bring the most; or
    /// as few, those that bring the least.
    fn count(&self, kind: &Kind, domain: Domain, most: bool) -> u32 {
        let (must, may) = domain.ends();
        let (lo, hi) = match kind {
            Kind::Set { lo, hi } => (*lo, *hi),
            _ => (1, 1),
        };
        let brings = |position: u32| self.each.get(position as usize).copied().unwrap_or(0);
        let certain: u32 = bits(must).map(brings).sum();
        let mut open: SmallVec<[u32; 8]> = bits(may & !must).map(brings).collect();
        open.sort_unstable();
        let left = if most { hi } else { lo }.saturating_sub(must.count_ones()) as usize;
        let some: u32 = if most { open.iter().rev().take(left).sum() } else { open.iter().take(left).sum() };
        certain + some
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operands_are_counted_at_both_ends() {
        let choice = ChoiceId(0);
        // What is picked first is read twice, what is picked second once; a third position brings nothing here.
        let mut operands = Operands { always: 1, gates: Vec::new() };
        operands.gate(choice, 0);
        operands.gate(choice, 1);
        operands.gate(choice, 0);
        let ends = |kind: Kind, domain: Domain| {
            [false, true].map(|most| operands.count(std::slice::from_ref(&kind), &[domain], most))
        };
        let set = |lo: u32, hi: u32| Kind::Set { lo, hi };
        for (kind, domain, expected) in [
            (set(1, 1), Domain::Set { must: 0, may: 0b11 }, [2, 3]),
            (set(1, 2), Domain::Set { must: 0, may: 0b11 }, [2, 4]),
            (set(0, 2), Domain::Set { must: 0, may: 0b111 }, [1, 4]),
            (set(1, 2), Domain::Set { must: 0, may: 0b111 }, [1, 4]),
            (set(2, 2), Domain::Set { must: 0, may: 0b111 }, [2, 4]),
            (set(1, 2), Domain::Set { must: 0b01, may: 0b11 }, [3, 4]),
            (set(1, 2), Domain::Set { must: 0b01, may: 0b01 }, [3, 3]),
            (set(1, 3), Domain::Set { must: 0b100, may: 0b101 }, [1, 3]),
            (Kind::One, Domain::One(0b11), [2, 3]),
            (Kind::One, Domain::One(0b110), [1, 2]),
            (Kind::One, Domain::One(0b01), [3, 3]),
        ] {
            assert_eq!(ends(kind.clone(), domain), expected, "{kind:?} {domain:?}");
        }
    }
}
