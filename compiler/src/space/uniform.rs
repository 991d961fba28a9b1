//! Draws in which every architecture that differs is as likely as any other, however many encodings it has.

use std::sync::{Arc, Mutex, PoisonError};

use num_bigint::BigUint;
use num_traits::{One, Zero};
use rand::Rng;
use rustc_hash::FxHashMap;

use super::architecture::Architecture;
use super::bind::Space;
use super::distinct::{Counting, State, Steps};
use super::rank::below;
use super::valid::{Intractable, Validity, prior};
use crate::recipe::Counts;

/// For each state, in how many different ways it can end.
pub(super) struct Uniform {
    counting: Mutex<Counting>,
    ends: FxHashMap<State, BigUint>,
}

impl std::fmt::Debug for Uniform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Uniform").field("states", &self.ends.len()).finish()
    }
}

impl Uniform {
    fn new(space: &Space) -> Result<Self, Intractable> {
        let mut counting = Counting::new(Arc::clone(&space.graph), space.sizes)?;
        let mut layers: Vec<(usize, Vec<State>)> = Vec::new();
        let last = counting.layers(|at, states| layers.push((at, states.keys().cloned().collect())))?;
        if counting.doubt.is_some() {
            return Err(Intractable::Unrevealed);
        }
        let mut ends: FxHashMap<State, BigUint> = FxHashMap::default();
        for end in last.into_keys() {
            let ways = if counting.satisfiable(&end)? { BigUint::one() } else { BigUint::zero() };
            ends.insert(end, ways);
        }
        // A state leads to states of earlier nodes, which come later.
        for (at, states) in layers.into_iter().rev() {
            let mut known = Steps::default();
            for state in states {
                let steps = counting.steps_from(at, &state, &mut known);
                let ways = steps.iter().map(|step| &ends[&counting.after(at, &state, step)] * step.made.len()).sum();
                ends.insert(state, ways);
            }
        }
        Ok(Self { counting: Mutex::new(counting), ends })
    }

    /// The choices that a graph reveals, drawn so that each graph is as likely as any other.
    fn draw(&self, into: &mut Architecture, rng: &mut impl Rng) {
        let mut counting = self.counting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = counting.first();
        let mut rank = below(&self.ends[&state], rng);
        while let Some(at) = Counting::next(&state) {
            let mut known = Steps::default();
            let mut taken = None;
            let steps = counting.steps_from(at, &state, &mut known);
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
    }
}

impl Space {
    /// One of the architectures that differ among those that the constraints on choices allow, each as likely as any
    /// other, whatever number of encodings has its graph.
    ///
    /// # Errors
    /// There are too many states to count them, or graphs do not reveal every choice and the space is too large to build
    /// each.
    pub fn sample_distinct(&self, rng: &mut impl Rng) -> Result<Architecture, Intractable> {
        match self.uniform.get_or_init(|| Uniform::new(self)) {
            Ok(uniform) => {
                let mut drawn = Architecture::new(vec![None; self.choices().len()]);
                uniform.draw(&mut drawn, rng);
                self.fill(&mut drawn, rng);
                Ok(drawn)
            }
            Err(why) => match self.different() {
                Some(all) => {
                    let at = below(&BigUint::from(all.len()), rng);
                    Ok(all[usize::try_from(at).expect("an index")].clone())
                }
                None => Err(*why),
            },
        }
    }

    /// Makes the choices that the logit does not depend on, as the constraints allow.
    fn fill(&self, architecture: &mut Architecture, rng: &mut impl Rng) {
        if let Validity::Diagram(diagram) = &*self.validity {
            let prior = |choice, made| prior(&self.graph, Counts::Uniform, choice, made);
            let fixed = architecture.clone();
            for (choice, made) in diagram.draw(&prior, &|choice| fixed.get(choice), rng).into_iter().flatten() {
                architecture.set(choice, Some(made));
            }
        }
        self.complete(architecture, Counts::Uniform, rng);
    }
}
