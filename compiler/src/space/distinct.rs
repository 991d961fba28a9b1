//! How many architectures differ: encodings whose live graphs are the same count once (language.md 6).
//!
//! Dynamic programming backwards from the logit. A state is what is still needed of the graph, with those choices that
//! were made already and matter below; its ways are the different graphs that lead to it. A node that is needed reveals
//! what it takes and how large it is, and only what the graph reveals is told apart: a choice that nothing needed asks for
//! is never made. Where a choice would have to be made that the graph does not reveal, or where two operands between
//! which a choice decides might be the same value, the result is a bound, and says why.

use std::collections::BTreeMap;

use num_bigint::BigUint;
use num_traits::{One, Zero};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::reveal::{Node, Revealing};
use super::valid::{Diagram, Intractable};
use crate::ir::{Assignment, ChoiceId, Cond, CondId, Expressions, Given, Made, Memo, SchemaSizes, SpaceGraph};

/// How many architectures differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Distinct {
    Exactly(BigUint),
    /// No more than this; why it is not known exactly.
    AtMost(BigUint, String),
}

/// Most states at once.
const MAX_STATES: usize = 2_000_000;

/// What is needed, as bits of the nodes that decide something.
type Live = SmallVec<[u64; 4]>;
/// Choices that were made and matter below, ascending.
type Pins = SmallVec<[(ChoiceId, Made); 4]>;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    live: Live,
    pins: Pins,
    /// What is left of the constraints.
    left: CondId,
}

/// Where a node leads: what becomes needed, what is known then, and in how many different ways.
struct Step {
    live: Live,
    pins: Pins,
    left: CondId,
    ways: BigUint,
}

struct Counting<'a> {
    graph: &'a SpaceGraph,
    revealing: Revealing<'a>,
    ex: Expressions,
    sizes: SchemaSizes,
    memo: Memo,
    /// Why the result is only a bound.
    doubt: Option<String>,
}

impl SpaceGraph {
    /// How many architectures differ among those that the constraints on choices allow, over a table of these sizes.
    ///
    /// # Errors
    /// There are too many states to count them.
    pub fn distinct_count(&self, sizes: SchemaSizes) -> Result<Distinct, Intractable> {
        let mut ex = self.expressions.clone();
        let mut all = ex.known(true);
        for constraint in self.constraints.iter().filter(|constraint| constraint.costs.is_empty()) {
            let cond = ex.restrict(constraint.holds, &self.choices, Given::Schema(sizes));
            all = ex.and(all, cond);
        }
        let revealing = Revealing::new(self, sizes);
        let doubt = revealing.doubt.clone();
        let mut counting = Counting { graph: self, revealing, ex, sizes, memo: Memo::default(), doubt };
        let count = counting.run(all)?;
        Ok(match counting.doubt {
            None => Distinct::Exactly(count),
            Some(why) => Distinct::AtMost(count, why),
        })
    }
}

impl Counting<'_> {
    fn run(&mut self, constraints: CondId) -> Result<BigUint, Intractable> {
        let mut waiting: BTreeMap<usize, FxHashMap<State, BigUint>> = BTreeMap::new();
        let mut ends: FxHashMap<CondId, BigUint> = FxHashMap::default();
        let first = State {
            live: self.revealing.below(self.graph.logit).clone(),
            pins: Pins::new(),
            left: constraints,
        };
        match highest(&first.live) {
            Some(at) => _ = waiting.entry(at).or_default().insert(first, BigUint::one()),
            None => _ = ends.insert(first.left, BigUint::one()),
        }
        while let Some((at, states)) = waiting.pop_last() {
            if states.len() > MAX_STATES {
                return Err(Intractable::TooLarge);
            }
            let mut known: FxHashMap<(Pins, CondId), Vec<Step>> = FxHashMap::default();
            for (state, ways) in states {
                let asked = self.revealing.nodes[at].asks.clone();
                let (mine, others): (Pins, Pins) = state.pins.iter().copied().partition(|(choice, _)| asked.contains(choice));
                let key = (mine, state.left);
                if !known.contains_key(&key) {
                    let steps = self.steps(at, &key.0, state.left);
                    known.insert(key.clone(), steps);
                }
                for step in &known[&key] {
                    let mut live = state.live.clone();
                    live[at / 64] &= !(1 << (at % 64));
                    live.iter_mut().zip(&step.live).for_each(|(mine, more)| *mine |= more);
                    let more = if step.ways.is_one() { ways.clone() } else { &ways * &step.ways };
                    let Some(next) = highest(&live) else {
                        *ends.entry(step.left).or_default() += more;
                        continue;
                    };
                    let mut pins: Pins = others
                        .iter()
                        .chain(&step.pins)
                        .copied()
                        .filter(|(choice, _)| self.revealing.last_use[choice.index()] <= next)
                        .collect();
                    pins.sort_unstable_by_key(|(choice, _)| *choice);
                    let state = State { live, pins, left: step.left };
                    *waiting.entry(next).or_default().entry(state).or_default() += more;
                }
            }
        }
        let mut total = BigUint::zero();
        for (left, ways) in ends {
            if self.satisfiable(left)? {
                total += ways;
            }
        }
        Ok(total)
    }

    /// Whether the choices that nothing needs can be made so that what is left of the constraints holds.
    fn satisfiable(&self, left: CondId) -> Result<bool, Intractable> {
        match self.ex.cond(left) {
            Cond::Known(value) => Ok(*value),
            _ => {
                let mut graph = self.graph.clone();
                graph.expressions = self.ex.clone();
                Ok(Diagram::build(&graph, self.sizes, &[left])?.is_some())
            }
        }
    }

    /// Where the node leads from what is known of the choices that it asks for.
    fn steps(&mut self, at: usize, pins: &Pins, left: CondId) -> Vec<Step> {
        let mut open = vec![(pins.clone(), left)];
        let mut grouped: FxHashMap<State, BigUint> = FxHashMap::default();
        while let Some((pins, left)) = open.pop() {
            let mut made = vec![None; self.graph.choices.len()];
            for &(choice, value) in &pins {
                made[choice.index()] = Some(value);
            }
            match self.ask(at, &made) {
                Ok(live) => {
                    let lasting =
                        pins.iter().copied().filter(|(choice, _)| self.revealing.last_use[choice.index()] < at);
                    let state = State { live, pins: lasting.collect(), left };
                    *grouped.entry(state).or_default() += 1u32;
                }
                Err(choice) => {
                    for option in self.graph.choices[choice.index()].kind.options() {
                        let rest = self.ex.restrict(left, &self.graph.choices, Given::Made(choice, option));
                        if *self.ex.cond(rest) == Cond::Known(false) {
                            continue;
                        }
                        let mut pins = pins.clone();
                        pins.push((choice, option));
                        open.push((pins, rest));
                    }
                }
            }
        }
        let mut steps: Vec<Step> = grouped
            .into_iter()
            .map(|(state, ways)| Step { live: state.live, pins: state.pins, left: state.left, ways })
            .collect();
        steps.sort_unstable_by(|a, b| (&a.live, &a.pins, a.left).cmp(&(&b.live, &b.pins, b.left)));
        steps
    }

    /// What a node needs of the graph, or the choice that has to be made first.
    fn ask(&mut self, at: usize, made: &[Option<Made>]) -> Result<Live, ChoiceId> {
        let Node { index, .. } = self.revealing.nodes[at];
        let doubt = &mut self.doubt;
        let memo = std::mem::take(&mut self.memo);
        let assignment = Assignment::with_memo(made, self.sizes, memo);
        let asked = self.revealing.ask(index, &assignment, made, doubt);
        self.memo = assignment.into_memo();
        asked
    }
}

fn highest(live: &Live) -> Option<usize> {
    live.iter().enumerate().rev().find(|(_, word)| **word != 0).map(|(i, word)| 64 * i + 63 - word.leading_zeros() as usize)
}

