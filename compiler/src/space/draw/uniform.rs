//! Draws in which every architecture that differs is as likely as any other, however many encodings it has.

use std::sync::{Arc, Mutex, PoisonError};

use num_bigint::BigUint;
use num_traits::{One, Zero};
use rand::Rng;
use rustc_hash::FxHashMap;

use crate::ir::{SchemaSizes, SpaceGraph};
use crate::space::architecture::Architecture;
use crate::space::count::{Counting, Intractable, State, Steps};

/// The architectures of a space that differ, to draw from.
#[derive(Debug)]
pub(in crate::space) enum Different {
    /// They are counted.
    Counted(Box<Uniform>),
    /// There are few: one encoding of each.
    Listed(Vec<Architecture>),
}

/// For each state, in how many different ways it can end.
pub(in crate::space) struct Uniform {
    counting: Mutex<Counting>,
    ends: FxHashMap<State, BigUint>,
}

impl std::fmt::Debug for Uniform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Uniform").field("states", &self.ends.len()).finish()
    }
}

impl Uniform {
    /// # Errors
    /// There are too many states to count them, or graphs do not reveal every choice.
    pub(in crate::space) fn new(graph: Arc<SpaceGraph>, sizes: SchemaSizes) -> Result<Self, Intractable> {
        let mut counting = Counting::new(graph, sizes)?;
        let mut layers: Vec<(usize, Vec<State>)> = Vec::new();
        let last = counting.layers(|at, states| layers.push((at, states.keys().cloned().collect())))?;
        if counting.doubt.is_some() {
            return Err(Intractable::Unrevealed);
        }
        let mut ends: FxHashMap<State, BigUint> = FxHashMap::default();
        let possible = counting.possible(&last)?;
        for end in last.into_keys() {
            let ways = if possible[&end.left()] { BigUint::one() } else { BigUint::zero() };
            ends.insert(end, ways);
        }
        // The same states and steps once more. A state leads to states of earlier nodes, which come later.
        counting.refill();
        for (at, states) in layers.into_iter().rev() {
            let mut known = Steps::default();
            for state in states {
                let steps = counting.steps_from(at, &state, &mut known)?;
                let ways = steps.iter().map(|step| &ends[&counting.after(at, &state, step)] * step.made.len()).sum();
                ends.insert(state, ways);
            }
        }
        Ok(Self { counting: Mutex::new(counting), ends })
    }

    /// The choices that a graph reveals, drawn so that each graph is as likely as any other; what the draw took, in words.
    ///
    /// # Errors
    /// Its steps take more than all of them took before, which none does.
    pub(in crate::space) fn draw(&self, into: &mut Architecture, rng: &mut impl Rng) -> Result<usize, Intractable> {
        let mut counting = self.counting.lock().unwrap_or_else(PoisonError::into_inner);
        counting.refill();
        let mut state = counting.first();
        let mut rank = below(&self.ends[&state], rng);
        while let Some(at) = Counting::next(&state) {
            let mut known = Steps::default();
            let mut taken = None;
            let steps = counting.steps_from(at, &state, &mut known)?;
            for step in steps {
                let next = counting.after(at, &state, step);
                let each = &self.ends[&next];
                let ways = each * step.made.len();
                if rank < ways {
                    taken = Some((step, rank.clone() / each, rank % each, next));
                    break;
                }
                rank -= ways;
            }
            let (step, which, rest, next) = taken.expect("a rank is below the ways of its state");
            let which = usize::try_from(which).expect("as many as there are");
            for &(choice, made) in &step.made[which] {
                into.set(choice, Some(made));
            }
            (rank, state) = (rest, next);
        }
        Ok(counting.refill())
    }
}

/// A number below this one, each as likely as any other.
pub(in crate::space) fn below(bound: &BigUint, rng: &mut impl Rng) -> BigUint {
    let bits = bound.bits();
    let mut bytes = vec![0u8; bits.div_ceil(8) as usize];
    loop {
        rng.fill_bytes(&mut bytes);
        if let Some(last) = bytes.last_mut() {
            *last &= 0xff >> (bits.div_ceil(8) * 8 - bits);
        }
        let drawn = BigUint::from_bytes_le(&bytes);
        if drawn < *bound {
            return drawn;
        }
    }
}
