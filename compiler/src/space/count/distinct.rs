//! How many architectures differ: encodings whose live graphs are the same count once.
//!
//! Dynamic programming backwards from the logit. A state is what is still needed of the graph, with those choices that
//! were made already and matter below; its ways are the different graphs that lead to it. A node that is needed reveals
//! what it takes and how large it is, and only what the graph reveals is told apart: a choice that nothing needed asks for
//! is never made. Where a choice would have to be made that the graph does not reveal, or where two operands between
//! which a choice decides might be the same value, the result is a bound, and says why.

use std::collections::BTreeMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use num_bigint::BigUint;
use num_traits::{One, Zero};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::reveal::Revealing;
use super::valid::{Decider, Intractable};
use crate::ir::{Assignment, ChoiceId, Cond, CondId, Expressions, Given, Made, Memo, SchemaSizes, SpaceGraph};

/// How many architectures differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Distinct {
    /// So many.
    Exactly(BigUint),
    /// No more than this; why it is not known exactly.
    AtMost(BigUint, String),
}

/// Most that all states and steps take, in words of eight bytes: what bounds the memory of a count, and its time.
const MAX_WORDS: usize = 20_000_000;
/// What a state takes beside its bits and its pins, and what a pin does.
const STATE_WORDS: usize = 24;
const PIN_WORDS: usize = 3;
/// Most operands that are looked at to restrict constraints.
const MAX_RESTRICTED: usize = 4_000_000;
/// Most operands that are looked at to tell which ends are possible.
const MAX_DECIDED: usize = 2_000_000;
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
    /// What states and steps may still take, in words.
    left: usize,
    /// Operands that had been looked at when it was filled up.
    restricted: usize,
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
        self.distinct_work(sizes).0
    }

    /// The same, and what it took, in words.
    pub(crate) fn distinct_work(&self, sizes: SchemaSizes) -> (Result<Distinct, Intractable>, usize) {
        match Counting::new(Arc::new(self.clone()), sizes) {
            Ok(mut counting) => (counting.count(), counting.refill()),
            Err(error) => (Err(error), 0),
        }
    }
}

impl Counting {
    fn count(&mut self) -> Result<Distinct, Intractable> {
        let mut count = BigUint::zero();
        let ends = self.layers(|_, _| {})?;
        let possible = self.possible(&ends)?;
        for (end, ways) in ends {
            if possible[&end.left()] {
                count += ways;
            }
        }
        Ok(match self.doubt.clone() {
            None => Distinct::Exactly(count),
            Some(why) => Distinct::AtMost(count, why),
        })
    }
}

impl State {
    /// What is left of the constraints.
    pub fn left(&self) -> CondId {
        self.left
    }

    /// What it takes, about, in words.
    fn words(&self) -> usize {
        STATE_WORDS + self.live.len() + PIN_WORDS * self.pins.len()
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
        Ok(Self {
            graph,
            revealing,
            ex,
            constraints,
            sizes,
            memo: Memo::default(),
            left: MAX_WORDS,
            restricted: 0,
            doubt,
        })
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
        let mut ends = Layer::default();
        let first = self.first();
        match highest(&first.live) {
            Some(at) => _ = waiting.entry(at).or_default().insert(first, BigUint::one()),
            None => _ = ends.insert(first, BigUint::one()),
        }
        while let Some((at, states)) = waiting.pop_last() {
            visit(at, &states);
            let mut steps = Steps::default();
            for (state, ways) in states {
                for step in self.steps_from(at, &state, &mut steps)? {
                    let next = self.after(at, &state, step);
                    self.take(next.words() + ways.bits() as usize / 64)?;
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
    ///
    /// # Errors
    /// They take more than is left.
    pub fn steps_from<'k>(
        &mut self,
        at: usize,
        state: &State,
        known: &'k mut Steps,
    ) -> Result<&'k [Step], Intractable> {
        let key = (self.split(at, &state.pins).0, state.left);
        Ok(match known.entry(key) {
            Entry::Occupied(steps) => steps.into_mut(),
            Entry::Vacant(new) => {
                let (pins, left) = new.key();
                let steps = self.steps(at, pins, *left)?;
                new.insert(steps)
            }
        })
    }

    /// All of what states and steps may take, again; what they have taken, in words.
    pub fn refill(&mut self) -> usize {
        self.restricted = self.ex.restricted();
        MAX_WORDS - std::mem::replace(&mut self.left, MAX_WORDS)
    }

    fn take(&mut self, words: usize) -> Result<(), Intractable> {
        self.left = self.left.checked_sub(words).ok_or(Intractable::TooLarge)?;
        Ok(())
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

    /// For what is left of the constraints at each end, whether the choices that nothing needs can be made so that it
    /// holds.
    pub fn possible(&self, ends: &Layer) -> Result<FxHashMap<CondId, bool>, Intractable> {
        let mut possible = FxHashMap::default();
        let mut open = Vec::new();
        for end in ends.keys() {
            match self.ex.cond(end.left) {
                Cond::Known(value) => _ = possible.insert(end.left, *value),
                _ => open.push(end.left),
            }
        }
        if open.is_empty() {
            return Ok(possible);
        }
        open.sort_unstable();
        open.dedup();
        let mut graph = SpaceGraph::clone(&self.graph);
        graph.expressions = self.ex.clone();
        let mut decider = Decider::new(&graph, self.sizes, MAX_DECIDED);
        for left in open {
            possible.insert(left, decider.is_satisfiable(&[left])?);
        }
        Ok(possible)
    }

    /// Where the node leads from what is known of the choices that it asks for.
    fn steps(&mut self, at: usize, pins: &Pins, left: CondId) -> Result<Vec<Step>, Intractable> {
        // All choices are laid out to ask a node, which is soon done.
        let asking = STATE_WORDS + self.graph.choices.len() / 16;
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
                    self.take(state.words() + STATE_WORDS)?;
                    grouped.entry(state).or_default().push(known[pins.len()..].iter().copied().collect());
                }
                Err(choice) => {
                    for option in self.graph.choices[choice.index()].offer.options() {
                        if self.ex.restricted() - self.restricted > MAX_RESTRICTED {
                            return Err(Intractable::TooLarge);
                        }
                        let rest = self.ex.restrict(left, &self.graph.choices, Given::Made(choice, option));
                        if *self.ex.cond(rest) == Cond::Known(false) {
                            continue;
                        }
                        let mut known = known.clone();
                        known.push((choice, option));
                        self.take(asking + PIN_WORDS * known.len())?;
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
        Ok(steps)
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
