//! What a graph reveals of the choices that led to it: what each node takes, and the sizes that do not follow from its
//! operands'.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use petgraph::graph::NodeIndex;
use smallvec::SmallVec;

use super::alike::Alike;
use crate::ir::{
    Assignment, ChoiceId, Cond, CondId, Gate, Made, NodeKind, SchemaSizes, Size, SizeId, SpaceGraph, Undecided,
};

/// Most sizes of certain operands that are remembered for one node; forgetting one can only make a result a bound.
const MAX_CERTAIN: usize = 128;
/// Most readers that are followed from one node.
const MAX_READERS: usize = 64;

/// A node at which something is decided.
pub(super) struct Node {
    pub index: NodeIndex,
    /// The choices that it can ask for, ascending.
    pub asks: Vec<ChoiceId>,
}

/// Adds the sizes of `more`, each with the first node that has it.
fn merge(sizes: &mut BTreeMap<SizeId, NodeIndex>, more: &BTreeMap<SizeId, NodeIndex>) {
    for (&size, &first) in more {
        let known = sizes.entry(size).or_insert(first);
        *known = (*known).min(first);
    }
}

/// What a size that a graph shows says of the choice that it asks for first.
enum Shown {
    /// Nothing is open, or it follows from what is shown elsewhere.
    Nothing,
    /// Its value: every value gives another size.
    Wholly(ChoiceId),
    /// Something of it, or of several.
    Partly(ChoiceId),
}

/// The graph, reduced to where something is decided.
pub(super) struct Revealing {
    graph: Arc<SpaceGraph>,
    sizes: SchemaSizes,
    /// In the order of the graph: operands before what is made of them.
    pub nodes: Vec<Node>,
    /// For each graph node, the nodes of `nodes` that are needed when it is: itself, or what it is made of.
    below: Vec<SmallVec<[u64; 4]>>,
    /// For each graph node, the sizes of it and of what it needs in any case, each with the first node that has it.
    certain: Vec<BTreeMap<SizeId, NodeIndex>>,
    /// For each graph node, the sizes that follow from what comes before it, whatever is open.
    given: Vec<BTreeSet<SizeId>>,
    /// For each choice, the first of `nodes` that asks for it: it can be forgotten below that.
    pub last_use: Vec<usize>,
    /// The `if`s whose two sides are never the same.
    apart: BTreeSet<NodeIndex>,
    /// Two values between which a choice decides may be the same.
    pub doubt: Option<String>,
}

impl Revealing {
    pub fn new(graph: Arc<SpaceGraph>, sizes: SchemaSizes) -> Self {
        let count = graph.graph.node_count();
        let mut this = Self {
            graph: Arc::clone(&graph),
            sizes,
            nodes: Vec::new(),
            below: Vec::with_capacity(count),
            certain: Vec::with_capacity(count),
            given: Vec::with_capacity(count),
            last_use: vec![usize::MAX; graph.choices.len()],
            apart: BTreeSet::new(),
            doubt: None,
        };
        for index in graph.graph.node_indices() {
            let certain = this.certain_of(index);
            this.certain.push(certain);
        }
        let mut deciding = Vec::new();
        for index in graph.graph.node_indices() {
            let given = this.given_to(index);
            this.given.push(given);
            if this.decides(index) {
                deciding.push(index);
            }
        }
        let words = deciding.len().div_ceil(64).max(1);
        for index in graph.graph.node_indices() {
            let mut below: SmallVec<[u64; 4]> = SmallVec::from_elem(0, words);
            if let Ok(at) = deciding.binary_search(&index) {
                below[at / 64] |= 1 << (at % 64);
                let asks = this.asks(index);
                for choice in &asks {
                    let last = &mut this.last_use[choice.index()];
                    *last = (*last).min(this.nodes.len());
                }
                this.nodes.push(Node { index, asks });
            } else {
                for (_, operand) in graph.operands(index) {
                    below.iter_mut().zip(&this.below[operand.index()]).for_each(|(mine, more)| *mine |= more);
                }
            }
            this.below.push(below);
        }
        this.doubt = this.ambiguity();
        let mut alike = Alike::new(&graph);
        let branches = graph.graph.node_indices().filter(|&at| matches!(graph.graph[at].kind, NodeKind::Branch(_)));
        let differ = branches.filter(|&at| {
            let sides = graph.operands(at);
            !alike.may_be(sides[0].1, sides[1].1)
        });
        this.apart = differ.collect();
        this
    }

    pub fn below(&self, node: NodeIndex) -> &SmallVec<[u64; 4]> {
        &self.below[node.index()]
    }

    fn certain_of(&self, index: NodeIndex) -> BTreeMap<SizeId, NodeIndex> {
        let node = &self.graph.graph[index];
        let mut certain = BTreeMap::new();
        let operands = self.graph.operands(index);
        match node.kind {
            NodeKind::Primitive(_) => {
                for (gate, operand) in operands {
                    if gate == Gate::Always && certain.len() < MAX_CERTAIN {
                        merge(&mut certain, &self.certain[operand.index()]);
                    }
                }
            }
            NodeKind::Branch(_) => {
                let (a, b) = (&self.certain[operands[0].1.index()], &self.certain[operands[1].1.index()]);
                certain.extend(a.iter().filter_map(|(size, &x)| Some((*size, x.max(*b.get(size)?)))));
            }
            NodeKind::Choose(_) | NodeKind::Pick(_) => {}
        }
        for axis in &node.axes {
            certain.entry(axis.size).or_insert(index);
        }
        certain
    }

    /// Sizes of earlier nodes that are needed whenever this one is: below it, and below the only node that reads it, the
    /// only one that reads that, and so on. By induction over the order of the graph they are all told apart before.
    fn given_to(&self, index: NodeIndex) -> BTreeSet<SizeId> {
        let mut all = self.certain[index.index()].clone();
        let mut at = index;
        for _ in 0..MAX_READERS {
            let mut readers = self.graph.graph.neighbors_directed(at, petgraph::Direction::Outgoing);
            match (readers.next(), readers.next()) {
                (Some(only), None) if at != self.graph.logit && all.len() < MAX_CERTAIN => at = only,
                _ => break,
            }
            merge(&mut all, &self.certain[at.index()]);
        }
        all.into_iter().filter(|&(_, first)| first < index).map(|(size, _)| size).collect()
    }

    /// The sizes of a node that are given to its primitive: those that may not follow from its operands.
    fn given_sizes(&self, index: NodeIndex) -> SmallVec<[SizeId; 2]> {
        let node = &self.graph.graph[index];
        match node.kind {
            NodeKind::Primitive(primitive) => {
                node.axes[primitive.given(node.axes.len())].iter().map(|axis| axis.size).collect()
            }
            _ => SmallVec::new(),
        }
    }

    fn decides(&self, index: NodeIndex) -> bool {
        let node = &self.graph.graph[index];
        match node.kind {
            NodeKind::Choose(_) | NodeKind::Pick(_) | NodeKind::Branch(_) => true,
            NodeKind::Primitive(_) => {
                let gated = self.graph.operands(index).iter().any(|(gate, _)| *gate != Gate::Always);
                let own = self.given_sizes(index);
                let given = &self.given[index.index()];
                gated || own.iter().any(|&size| !self.follows(size, given, &[]))
            }
        }
    }

    fn asks(&self, index: NodeIndex) -> Vec<ChoiceId> {
        let mut asks = Vec::new();
        let node = &self.graph.graph[index];
        let ex = &self.graph.expressions;
        match node.kind {
            NodeKind::Choose(choice) | NodeKind::Pick(choice) => asks.push(choice),
            NodeKind::Branch(cond) => {
                ex.mentioned_in(cond, &mut asks);
                node.axes.iter().for_each(|axis| ex.mentioned(axis.size, &mut asks));
            }
            NodeKind::Primitive(_) => {
                for (gate, _) in self.graph.operands(index) {
                    if let Gate::Taken(choice, _) = gate {
                        asks.push(choice);
                    }
                }
                self.given_sizes(index).iter().for_each(|&size| ex.mentioned(size, &mut asks));
            }
        }
        asks.sort_unstable();
        asks.dedup();
        asks
    }

    /// Whether a size is known when `given` sizes and the choices in `made` are.
    fn follows(&self, size: SizeId, given: &BTreeSet<SizeId>, made: &[Option<Made>]) -> bool {
        if given.contains(&size) {
            return true;
        }
        let below = |size: SizeId| self.follows(size, given, made);
        let value = |choice: ChoiceId| made.get(choice.index()).copied().flatten();
        match self.graph.expressions.size(size) {
            Size::Numeric | Size::Fields | Size::Columns(_) => true,
            Size::Opaque(_) | Size::Cost(_) => false,
            Size::Width(choice) => value(*choice).is_some(),
            Size::Linear { terms, .. } => terms.iter().all(|&(term, _)| below(term)),
            Size::Product(a, b) | Size::Quotient(a, b) | Size::Max(a, b) | Size::Min(a, b) => below(*a) && below(*b),
            Size::Root(a) | Size::Round(a) => below(*a),
            Size::If(cond, a, b) => self.cond_follows(*cond, given, made) && below(*a) && below(*b),
            Size::OneOf(choice, all) => value(*choice).is_some_and(|made| below(all[made.first().min(all.len() - 1)])),
            Size::Picked(choice, all) => value(*choice)
                .is_some_and(|made| all.iter().enumerate().all(|(at, &size)| !made.has(at) || below(size))),
            Size::When(choice, a) => value(*choice).is_some_and(|made| !made.has(1) || below(*a)),
        }
    }

    fn cond_follows(&self, cond: CondId, given: &BTreeSet<SizeId>, made: &[Option<Made>]) -> bool {
        match *self.graph.expressions.cond(cond) {
            Cond::Known(_) => true,
            Cond::Opaque(_) => false,
            Cond::Compare(_, a, b) => self.follows(a, given, made) && self.follows(b, given, made),
            Cond::Not(a) => self.cond_follows(a, given, made),
            Cond::And(a, b) | Cond::Or(a, b) => self.cond_follows(a, given, made) && self.cond_follows(b, given, made),
        }
    }

    /// What a node that is needed needs itself, when `made` is known; else the choice to make first. `doubt` is given a
    /// reason where that choice is told apart although the graph may not reveal it.
    pub fn ask(
        &self,
        index: NodeIndex,
        at: &Assignment<'_>,
        made: &[Option<Made>],
        doubt: &mut Option<String>,
    ) -> Result<SmallVec<[u64; 4]>, ChoiceId> {
        let words = self.below[index.index()].len();
        let mut live: SmallVec<[u64; 4]> = SmallVec::from_elem(0, words);
        let mut need = |node: NodeIndex| {
            live.iter_mut().zip(&self.below[node.index()]).for_each(|(mine, more)| *mine |= more);
        };
        let operands = self.graph.operands(index);
        let value = |choice: ChoiceId| made[choice.index()].ok_or(choice);
        match self.graph.graph[index].kind {
            NodeKind::Choose(choice) => {
                let made = value(choice)?;
                operands.iter().enumerate().filter(|&(i, _)| made.has(i)).for_each(|(_, &(_, node))| need(node));
            }
            NodeKind::Pick(choice) => need(operands[value(choice)?.first()].1),
            NodeKind::Branch(cond) => {
                // What it yields is what it takes, so its own sizes are shown.
                let given = &self.given[index.index()];
                for axis in &self.graph.graph[index].axes {
                    if let Shown::Wholly(choice) = self.shown(axis.size, given, at, made) {
                        return Err(choice);
                    }
                }
                match self.graph.expressions.holds(cond, &self.graph.choices, at) {
                    Ok(holds) => need(operands[usize::from(!holds)].1),
                    Err(Undecided(open)) => {
                        let side = |at_side: usize| self.settled(self.below(operands[at_side].1), at, made);
                        if self.cond_follows(cond, given, made) && side(0) == side(1) {
                            // Whichever it is, the graph shows it, and both need the same.
                            return Ok(side(0));
                        }
                        if !self.shows(index, cond, open, made) {
                            doubt.get_or_insert_with(|| self.unrevealed(open));
                        }
                        return Err(open);
                    }
                }
            }
            NodeKind::Primitive(_) => {
                for &(gate, node) in &operands {
                    match gate {
                        Gate::Always => need(node),
                        Gate::Taken(choice, position) => {
                            if value(choice)?.has(position as usize) {
                                need(node);
                            }
                        }
                    }
                }
                for size in self.given_sizes(index) {
                    match self.shown(size, &self.given[index.index()], at, made) {
                        Shown::Nothing => {}
                        Shown::Wholly(choice) => return Err(choice),
                        Shown::Partly(choice) => {
                            doubt.get_or_insert_with(|| self.unrevealed(choice));
                            return Err(choice);
                        }
                    }
                }
            }
        }
        Ok(live)
    }

    /// Whether the graph of an `if` shows every value of a choice that decides it: the sides differ, and what either of them needs in
    /// any case has the choice for a size where several values lead there.
    fn shows(&self, index: NodeIndex, cond: CondId, open: ChoiceId, made: &[Option<Made>]) -> bool {
        let (ex, mut trial, mut leading) = (&self.graph.expressions, made.to_vec(), [0, 0]);
        for option in self.graph.choices[open.index()].offer.options() {
            trial[open.index()] = Some(option);
            let Ok(holds) = ex.holds(cond, &self.graph.choices, &Assignment::new(&trial, self.sizes)) else {
                return false;
            };
            leading[usize::from(!holds)] += 1;
        }
        let mut sides = leading.into_iter().zip(self.graph.operands(index));
        let of_choice = |size: &SizeId| *ex.size(*size) == Size::Width(open);
        self.apart.contains(&index)
            && sides.all(|(values, (_, side))| values < 2 || self.certain[side.index()].keys().any(of_choice))
    }

    /// What these nodes come down to when those are passed over that decide nothing more.
    fn settled(&self, live: &SmallVec<[u64; 4]>, at: &Assignment<'_>, made: &[Option<Made>]) -> SmallVec<[u64; 4]> {
        let mut live = live.clone();
        for position in (0..self.nodes.len()).rev() {
            let index = self.nodes[position].index;
            if live[position / 64] >> (position % 64) & 1 == 0
                || !matches!(self.graph.graph[index].kind, NodeKind::Primitive(_))
            {
                continue;
            }
            let operands = self.graph.operands(index);
            let given = &self.given[index.index()];
            let nothing = |&size: &SizeId| matches!(self.shown(size, given, at, made), Shown::Nothing);
            if operands.iter().all(|(gate, _)| *gate == Gate::Always) && self.given_sizes(index).iter().all(nothing) {
                live[position / 64] &= !(1 << (position % 64));
                for (_, operand) in operands {
                    live.iter_mut().zip(self.below(operand)).for_each(|(mine, more)| *mine |= more);
                }
            }
        }
        live
    }

    /// What a size that the graph shows says of the choices that are open.
    fn shown(&self, size: SizeId, given: &BTreeSet<SizeId>, at: &Assignment<'_>, made: &[Option<Made>]) -> Shown {
        let ex = &self.graph.expressions;
        let Err(Undecided(open)) = ex.evaluate(size, &self.graph.choices, at) else { return Shown::Nothing };
        if self.follows(size, given, made) {
            return Shown::Nothing;
        }
        let offer = &self.graph.choices[open.index()].offer;
        let mut trial = made.to_vec();
        let mut values = Vec::new();
        for option in offer.options() {
            trial[open.index()] = Some(option);
            match ex.evaluate(size, &self.graph.choices, &Assignment::new(&trial, self.sizes)) {
                Ok(value) => values.push(value.to_bits()),
                // It depends on more than this one.
                Err(_) => return Shown::Partly(open),
            }
        }
        let options = values.len();
        values.sort_unstable();
        values.dedup();
        if values.len() == options { Shown::Wholly(open) } else { Shown::Partly(open) }
    }

    fn unrevealed(&self, choice: ChoiceId) -> String {
        let name = &self.graph.choices[choice.index()].name;
        format!("`{name}` decides what is computed, and different values of it may lead to the same graph")
    }

    /// Why two values between which a choice decides may be the same.
    fn ambiguity(&self) -> Option<String> {
        let mut alike = Alike::new(&self.graph);
        for index in self.graph.graph.node_indices() {
            let operands = self.graph.operands(index);
            let open: Vec<NodeIndex> = match self.graph.graph[index].kind {
                NodeKind::Choose(_) | NodeKind::Pick(_) => operands.iter().map(|&(_, node)| node).collect(),
                NodeKind::Primitive(_) => {
                    operands.iter().filter(|(gate, _)| *gate != Gate::Always).map(|&(_, node)| node).collect()
                }
                NodeKind::Branch(_) => Vec::new(),
            };
            for (i, &a) in open.iter().enumerate() {
                for &b in &open[i + 1..] {
                    if alike.may_be(a, b) {
                        let path = &self.graph.graph[index].path;
                        return Some(format!("two of the values that `{path}` takes may be the same"));
                    }
                }
            }
        }
        None
    }
}
