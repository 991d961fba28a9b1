//! How many architectures differ: encodings whose live graphs are the same count once.
//!
//! Dynamic programming backwards from the logit. A state is what is still needed of the graph, with those choices that
//! were made already and matter below; its ways are the different graphs that lead to it. A node that is needed reveals
//! what it takes and how large it is, and only what the graph reveals is told apart: a choice that nothing needed asks for
//! is never made. Where a choice would have to be made that the graph does not reveal, or where two operands between
//! which a choice decides might be the same value, the result is a bound, and says why.

use std::collections::BTreeMap;
use std::sync::Arc;

use num_bigint::BigUint;
use num_traits::{One, Zero};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::reveal::Revealing;
use super::valid::{Diagram, Intractable};
use crate::ir::{Assignment, ChoiceId, Cond, CondId, Expressions, Given, Made, Memo, SchemaSizes, SpaceGraph};

/// How many architectures differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Distinct {
    /// So many.
    Exactly(BigUint),
    /// No more than this; why it is not known exactly.
    AtMost(BigUint, String),
}

/// Most states at once.
const MAX_STATES: usize = 1_000_000;
/// Most steps from all states.
const MAX_STEPS: usize = 30_000_000;
/// Most operands that are looked at to restrict constraints.
const MAX_RESTRICTED: usize = 4_000_000;
/// Most values of one choice.
const MAX_OPTIONS: u64 = 20_000;
/// Largest graph whose architectures are told apart.
const MAX_NODES: usize = 20_000;

/// What is needed, as bits of the nodes that decide something.
type Live = SmallVec<[u64; 4]>;
/// Choices that were made and matter below, ascending.
pub(in crate::space) type Pins = SmallVec<[(ChoiceId, Made); 4]>;

/// Steps from states, by what they depend on.
pub(in crate::space) type Steps = FxHashMap<(Pins, CondId), Vec<Step>>;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::space) struct State {
    live: Live,
    pins: Pins,
    /// What is left of the constraints.
    left: CondId,
}

/// Where a node leads: what becomes needed, what is known then, and what the choices that are made here can be for that.
#[derive(Clone, Debug)]
pub(in crate::space) struct Step {
    live: Live,
    pins: Pins,
    left: CondId,
    pub made: Vec<Pins>,
}

pub(in crate::space) struct Counting {
    graph: Arc<SpaceGraph>,
    revealing: Revealing,
    ex: Expressions,
    /// The constraints on choices.
    constraints: CondId,
    sizes: SchemaSizes,
    memo: Memo,
    /// Why the result is only a bound.
    pub doubt: Option<String>,
}

/// The states that decide at one node.
pub(in crate::space) type Layer = FxHashMap<State, BigUint>;

impl SpaceGraph {
    /// How many architectures differ among those that the constraints on choices allow, over a table of these sizes.
    ///
    /// # Errors
    /// There are too many states to count them.
    pub fn distinct_count(&self, sizes: SchemaSizes) -> Result<Distinct, Intractable> {
        let mut counting = Counting::new(Arc::new(self.clone()), sizes)?;
        let mut count = BigUint::zero();
        for (end, ways) in counting.layers(|_, _| {})? {
            if counting.satisfiable(&end)? {
                count += ways;
            }
        }
        Ok(match counting.doubt {
            None => Distinct::Exactly(count),
            Some(why) => Distinct::AtMost(count, why),
        })
    }
}

impl Counting {
    /// # Errors
    /// The graph is too large.
    pub fn new(graph: Arc<SpaceGraph>, sizes: SchemaSizes) -> Result<Self, Intractable> {
        let options = graph.choices.iter().map(|choice| choice.offer.option_count());
        if graph.graph.node_count() > MAX_NODES || options.into_iter().any(|options| options > MAX_OPTIONS) {
            return Err(Intractable::TooLarge);
        }
        let mut ex = graph.expressions.clone();
        let mut constraints = ex.known(true);
        for constraint in graph.constraints.iter().filter(|constraint| constraint.costs.is_empty()) {
            let cond = ex.restrict(constraint.holds, &graph.choices, Given::Schema(sizes));
            constraints = ex.and(constraints, cond);
        }
        let revealing = Revealing::new(Arc::clone(&graph), sizes);
        let doubt = revealing.doubt.clone();
        Ok(Self { graph, revealing, ex, constraints, sizes, memo: Memo::default(), doubt })
    }

    /// The logit is needed, and nothing is decided.
    pub fn first(&self) -> State {
        let live = self.revealing.below(self.graph.logit).clone();
        State { live, pins: Pins::new(), left: self.constraints }
    }

    /// Goes through all states, those of one node together, and shows them to `visit` with their ways; the ways of the
    /// states in which nothing is needed any more.
    pub fn layers(&mut self, mut visit: impl FnMut(usize, &Layer)) -> Result<Layer, Intractable> {
        let mut waiting: BTreeMap<usize, Layer> = BTreeMap::new();
        let mut taken = 0;
        let mut ends = Layer::default();
        let first = self.first();
        match highest(&first.live) {
            Some(at) => _ = waiting.entry(at).or_default().insert(first, BigUint::one()),
            None => _ = ends.insert(first, BigUint::one()),
        }
        while let Some((at, states)) = waiting.pop_last() {
            if states.len() > MAX_STATES || taken > MAX_STEPS || self.ex.restricted() > MAX_RESTRICTED {
                return Err(Intractable::TooLarge);
            }
            visit(at, &states);
            let mut steps = Steps::default();
            for (state, ways) in states {
                let steps = self.steps_from(at, &state, &mut steps);
                taken += 1 + steps.len();
                for step in steps {
                    let next = self.after(at, &state, step);
                    let more = if step.made.len() == 1 { ways.clone() } else { &ways * step.made.len() };
                    let layer = match highest(&next.live) {
                        Some(next) => waiting.entry(next).or_default(),
                        None => &mut ends,
                    };
                    *layer.entry(next).or_default() += more;
                }
            }
        }
        Ok(ends)
    }

    /// What is known that the node asks for, and the rest.
    fn split(&self, at: usize, pins: &Pins) -> (Pins, Pins) {
        let asks = &self.revealing.nodes[at].asks;
        pins.iter().copied().partition(|(choice, _)| asks.contains(choice))
    }

    /// The node of a state that decides next; `None` where nothing is needed any more.
    pub fn next(state: &State) -> Option<usize> {
        highest(&state.live)
    }

    /// The steps from a state, which depend on less than the whole of it and are kept in `known`.
    pub fn steps_from<'k>(&mut self, at: usize, state: &State, known: &'k mut Steps) -> &'k [Step] {
        let key = (self.split(at, &state.pins).0, state.left);
        if !known.contains_key(&key) {
            let steps = self.steps(at, &key.0, state.left);
            known.insert(key.clone(), steps);
        }
        &known[&key]
    }

    /// The state that a step leads to.
    pub fn after(&self, at: usize, state: &State, step: &Step) -> State {
        let mut live = state.live.clone();
        live[at / 64] &= !(1 << (at % 64));
        live.iter_mut().zip(&step.live).for_each(|(mine, more)| *mine |= more);
        if state.pins.is_empty() && step.pins.is_empty() {
            return State { live, pins: Pins::new(), left: step.left };
        }
        let next = highest(&live);
        let lasts = |(choice, _): &(ChoiceId, Made)| next.is_some_and(|n| self.revealing.last_use[choice.index()] <= n);
        let (_, others) = self.split(at, &state.pins);
        let mut pins: Pins = others.iter().chain(&step.pins).copied().filter(lasts).collect();
        pins.sort_unstable_by_key(|(choice, _)| *choice);
        State { live, pins, left: step.left }
    }

    /// Whether the choices that nothing needs can be made so that what is left of the constraints holds.
    pub fn satisfiable(&self, end: &State) -> Result<bool, Intractable> {
        match self.ex.cond(end.left) {
            Cond::Known(value) => Ok(*value),
            _ => {
                let mut graph = SpaceGraph::clone(&self.graph);
                graph.expressions = self.ex.clone();
                Ok(Diagram::build(&graph, self.sizes, &[end.left])?.is_some())
            }
        }
    }

    /// Where the node leads from what is known of the choices that it asks for.
    fn steps(&mut self, at: usize, pins: &Pins, left: CondId) -> Vec<Step> {
        let mut open = vec![(pins.clone(), left)];
        let mut grouped: FxHashMap<State, Vec<Pins>> = FxHashMap::default();
        while let Some((known, left)) = open.pop() {
            let mut made = vec![None; self.graph.choices.len()];
            for &(choice, value) in &known {
                made[choice.index()] = Some(value);
            }
            match self.ask(at, &made) {
                Ok(live) => {
                    let lasts = |(choice, _): &(ChoiceId, Made)| self.revealing.last_use[choice.index()] < at;
                    let state = State { live, pins: known.iter().copied().filter(lasts).collect(), left };
                    grouped.entry(state).or_default().push(known[pins.len()..].iter().copied().collect());
                }
                Err(choice) => {
                    for option in self.graph.choices[choice.index()].offer.options() {
                        let rest = self.ex.restrict(left, &self.graph.choices, Given::Made(choice, option));
                        if *self.ex.cond(rest) == Cond::Known(false) {
                            continue;
                        }
                        let mut known = known.clone();
                        known.push((choice, option));
                        open.push((known, rest));
                    }
                }
            }
        }
        let mut steps: Vec<Step> = grouped
            .into_iter()
            .map(|(state, made)| Step { live: state.live, pins: state.pins, left: state.left, made })
            .collect();
        // The order of a hash map is no order: draws depend on it.
        steps.sort_unstable_by(|a, b| (&a.live, &a.pins, a.left).cmp(&(&b.live, &b.pins, b.left)));
        steps
    }

    /// What a node needs of the graph, or the choice that has to be made first.
    fn ask(&mut self, at: usize, made: &[Option<Made>]) -> Result<Live, ChoiceId> {
        let index = self.revealing.nodes[at].index;
        let memo = std::mem::take(&mut self.memo);
        let assignment = Assignment::with_memo(made, self.sizes, memo);
        let asked = self.revealing.ask(index, &assignment, made, &mut self.doubt);
        self.memo = assignment.into_memo();
        asked
    }
}

fn highest(live: &Live) -> Option<usize> {
    live.iter()
        .enumerate()
        .rev()
        .find(|(_, word)| **word != 0)
        .map(|(i, word)| 64 * i + 63 - word.leading_zeros() as usize)
}
