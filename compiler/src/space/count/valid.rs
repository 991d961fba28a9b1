//! The architectures that the constraints on choices allow, as a decision diagram: one variable for each choice that
//! they mention or that decides whether such a choice exists, in source order; one node for each state, which is what
//! is left of the constraints and which of the later variables do not exist. What they do not mention stays outside
//! and multiplies.

use std::collections::{HashMap, HashSet};

use num_bigint::BigUint;
use num_traits::{One, Zero};
use rand::{Rng, RngExt};

use crate::ir::{ChoiceId, Cond, CondId, Expressions, Given, Made, SchemaSizes, SpaceGraph, Takes};
use crate::recipe::Counts;
use crate::space::architecture::Architecture;

/// Most variables of a diagram.
const MAX_VARIABLES: usize = 2_000;
/// Most nodes of a diagram.
const MAX_NODES: usize = 200_000;
/// Most values of one of its variables.
const MAX_OPTIONS: u64 = 20_000;
/// Most operands of conditions that are looked at while one is built: what bounds its time and its memory.
const MAX_STEPS: usize = 2_000_000;

/// Why there is no diagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intractable {
    /// Too many choices are coupled, or too many states would have to be told apart.
    TooLarge,
    /// Graphs do not reveal every choice, so that different ways of counting lead to the same one.
    Unrevealed,
}

impl std::fmt::Display for Intractable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Intractable::TooLarge => "too many choices are coupled to count them one state at a time",
            Intractable::Unrevealed => "graphs do not reveal every choice, so that only a bound is known",
        })
    }
}

impl std::error::Error for Intractable {}

impl SpaceGraph {
    /// How many encodings the constraints on choices allow, over a table of these sizes.
    ///
    /// # Errors
    /// The constraints couple too many choices.
    pub fn valid_count(&self, sizes: SchemaSizes) -> Result<BigUint, Intractable> {
        self.valid_work(sizes).0
    }

    /// The same, and what it took, in operands that were looked at.
    pub(crate) fn valid_work(&self, sizes: SchemaSizes) -> (Result<BigUint, Intractable>, usize) {
        let conds: Vec<CondId> =
            self.constraints.iter().filter(|constraint| constraint.costs.is_empty()).map(|c| c.holds).collect();
        if conds.is_empty() {
            return (Ok(self.raw_count()), self.choices.len());
        }
        match Diagram::build(self, sizes, &conds) {
            Ok(None) => (Ok(BigUint::ZERO), 0),
            Ok(Some(diagram)) => (Ok(diagram.count()), diagram.taken),
            Err(error) => (Err(error), MAX_STEPS),
        }
    }
}

/// A decision diagram over the choices that constraints mention.
#[derive(Clone, Debug)]
pub struct Diagram {
    /// Choices that the diagram decides, in order.
    variables: Vec<ChoiceId>,
    /// By position; an edge leads to a later node. The first is where everything is decided.
    nodes: Vec<Node>,
    root: usize,
    /// Ways to decide the choices outside that exist whatever the variables are.
    outside: BigUint,
    /// For each node, its ways.
    ways: Vec<BigUint>,
    /// What it took, in operands that were looked at.
    taken: usize,
}

#[derive(Clone, Debug, Default)]
struct Node {
    /// Index into the variables.
    variable: usize,
    edges: Vec<Edge>,
}

#[derive(Clone, Debug)]
struct Edge {
    made: Made,
    /// Ways to decide the choices outside that exist by this.
    ways: BigUint,
    to: usize,
}

/// A choice inside of a variable.
#[derive(Clone, Copy)]
struct Inner {
    choice: ChoiceId,
    /// Its position among the variables, if it is one.
    variable: Option<usize>,
    /// The positions of what is around it at which it exists.
    positions: u64,
}

/// Where everything is decided.
const END: usize = 0;

struct Builder<'a> {
    graph: &'a SpaceGraph,
    ex: &'a mut Expressions,
    /// Restrictions of these expressions before.
    before: usize,
    variables: Vec<ChoiceId>,
    /// For each choice, the ways inside it (language rule 8).
    inside: &'a [BigUint],
    options: Vec<Vec<Made>>,
    /// For each variable, the choices directly inside of it.
    inner: Vec<Vec<Inner>>,
    /// For each condition that was met, the choices that it mentions.
    mentioned: HashMap<CondId, HashSet<ChoiceId>>,
    nodes: Vec<Node>,
    known: HashMap<(usize, CondId, Vec<bool>), Option<usize>>,
    steps: usize,
    max_steps: usize,
}

/// Decides conditions on the choices of one space, one after the other, within a number of steps for all of them.
pub(crate) struct Decider<'g> {
    graph: &'g SpaceGraph,
    schema: SchemaSizes,
    ex: Expressions,
    inside: Vec<BigUint>,
    budget: usize,
}

impl<'g> Decider<'g> {
    pub fn new(graph: &'g SpaceGraph, schema: SchemaSizes, budget: usize) -> Self {
        Self { graph, schema, ex: graph.expressions.clone(), inside: graph.ways_inside(), budget }
    }

    /// The expressions that the conditions are of: those of the space, and what has been made of them.
    pub fn expressions(&mut self) -> &mut Expressions {
        &mut self.ex
    }

    /// Whether some encoding satisfies all of these.
    ///
    /// # Errors
    /// It takes more steps than are left, or too large a diagram.
    pub fn is_satisfiable(&mut self, conds: &[CondId]) -> Result<bool, Intractable> {
        if self.budget == 0 {
            return Err(Intractable::TooLarge);
        }
        let before = self.ex.restricted();
        let max_steps = self.budget.min(MAX_STEPS);
        let builder = Builder::new(self.graph, self.schema, conds, (&mut self.ex, &self.inside), max_steps);
        let (found, taken) = match builder {
            Ok((mut builder, all)) => (builder.root(all), builder.taken()),
            Err(error) => (Err(error), 0),
        };
        // What was done before the diagram is quicker than its steps, but not for nothing.
        let prepared = (conds.len() + self.graph.choices.len() + self.ex.restricted() - before) / 16;
        self.budget = self.budget.saturating_sub(taken + prepared);
        self.ex.take_overflow();
        found.map(|root| root.is_some())
    }
}

impl<'a> Builder<'a> {
    /// What is to be built, and the condition at its root.
    fn new(
        graph: &'a SpaceGraph,
        schema: SchemaSizes,
        conds: &[CondId],
        (ex, inside): (&'a mut Expressions, &'a [BigUint]),
        max_steps: usize,
    ) -> Result<(Self, CondId), Intractable> {
        let mut all = ex.known(true);
        for &cond in conds {
            let cond = ex.restrict(cond, &graph.choices, Given::Schema(schema));
            all = ex.and(all, cond);
        }
        let mut relevant = Vec::new();
        ex.mentioned_in(all, &mut relevant);
        let mut variables: HashSet<ChoiceId> = HashSet::new();
        for mut choice in relevant {
            while variables.insert(choice) {
                let Some((parent, _)) = graph.choices[choice.index()].parent else { break };
                choice = parent;
            }
        }
        // An expression that was too deep has been replaced; the recursion below is as deep as there are variables.
        if ex.take_overflow() || variables.len() > MAX_VARIABLES {
            return Err(Intractable::TooLarge);
        }
        let mut variables: Vec<ChoiceId> = variables.into_iter().collect();
        variables.sort_unstable();
        let mut options = Vec::new();
        for &variable in &variables {
            let offer = &graph.choices[variable.index()].offer;
            if offer.option_count() > MAX_OPTIONS {
                return Err(Intractable::TooLarge);
            }
            options.push(offer.options());
        }
        let position = |choice: ChoiceId| variables.binary_search(&choice).ok();
        let mut inner = vec![Vec::new(); variables.len()];
        for (index, choice) in graph.choices.iter().enumerate() {
            let Some((parent, positions)) = choice.parent else { continue };
            if let Some(around) = position(parent) {
                let choice = ChoiceId(index as u32);
                inner[around].push(Inner { choice, variable: position(choice), positions });
            }
        }
        let before = ex.restricted();
        let builder = Builder {
            graph,
            before,
            ex,
            variables,
            inside,
            options,
            inner,
            mentioned: HashMap::new(),
            nodes: vec![Node::default()],
            known: HashMap::new(),
            steps: 0,
            max_steps,
        };
        Ok((builder, all))
    }

    fn root(&mut self, all: CondId) -> Result<Option<usize>, Intractable> {
        let absent = vec![false; self.variables.len()];
        let root = self.node(0, all, &absent)?;
        if self.ex.take_overflow() {
            return Err(Intractable::TooLarge);
        }
        Ok(root)
    }
}

impl Diagram {
    /// The diagram of the constraints on choices; `Ok(None)` where nothing satisfies them.
    ///
    /// # Errors
    /// It would be too large.
    pub fn build(graph: &SpaceGraph, schema: SchemaSizes, conds: &[CondId]) -> Result<Option<Diagram>, Intractable> {
        let (mut ex, inside) = (graph.expressions.clone(), graph.ways_inside());
        let (mut builder, all) = Builder::new(graph, schema, conds, (&mut ex, &inside), MAX_STEPS)?;
        let Some(root) = builder.root(all)? else { return Ok(None) };
        let taken = builder.taken();
        let Builder { variables, nodes, .. } = builder;
        let outside = (0..graph.choices.len())
            .filter(|&index| graph.choices[index].parent.is_none())
            .filter(|&index| variables.binary_search(&ChoiceId(index as u32)).is_err())
            .fold(BigUint::one(), |product, index| product * &inside[index]);
        // Nodes are made after those that they lead to.
        let mut ways: Vec<BigUint> = vec![BigUint::one()];
        for node in &nodes[1..] {
            ways.push(node.edges.iter().map(|edge| &edge.ways * &ways[edge.to]).sum());
        }
        Ok(Some(Diagram { variables, nodes, root, outside, ways, taken }))
    }

    /// How many encodings the constraints allow.
    pub fn count(&self) -> BigUint {
        &self.outside * &self.ways[self.root]
    }

    /// The path of this number: each choice with what it takes and the number of what is inside of it.
    pub(super) fn unrank(&self, mut rank: BigUint) -> Vec<(ChoiceId, Made, BigUint)> {
        let mut path = Vec::new();
        let mut at = self.root;
        while at != END {
            let node = &self.nodes[at];
            let mut taken = &node.edges[0];
            for edge in &node.edges {
                taken = edge;
                let ways = &edge.ways * &self.ways[edge.to];
                if rank < ways {
                    break;
                }
                rank -= ways;
            }
            path.push((self.variables[node.variable], taken.made, &rank / &self.ways[taken.to]));
            rank %= &self.ways[taken.to];
            at = taken.to;
        }
        path
    }

    /// The number of the path that these values take, `inner` that of what is inside of a choice.
    pub(super) fn rank(
        &self,
        made: &dyn Fn(ChoiceId) -> Option<Made>,
        inner: &dyn Fn(ChoiceId, Made) -> Option<BigUint>,
    ) -> Option<BigUint> {
        let mut rank = BigUint::zero();
        let mut at = self.root;
        while at != END {
            let node = &self.nodes[at];
            let choice = self.variables[node.variable];
            let value = made(choice)?;
            let taken = node.edges.iter().find(|edge| edge.made == value)?;
            let before = node.edges.iter().take_while(|edge| edge.made != value);
            rank += before.map(|edge| &edge.ways * &self.ways[edge.to]).sum::<BigUint>();
            rank += inner(choice, value)? * &self.ways[taken.to];
            at = taken.to;
        }
        Some(rank)
    }

    /// Draws the variables in proportion to `prior` among what is allowed; `fixed` variables keep their values. `None`
    /// where nothing with these values is allowed.
    pub(crate) fn draw(
        &self,
        prior: &dyn Fn(ChoiceId, Made) -> f64,
        fixed: &dyn Fn(ChoiceId) -> Option<Made>,
        rng: &mut impl Rng,
    ) -> Option<Vec<(ChoiceId, Made)>> {
        let weight = |node: &Node, edge: &Edge| {
            let variable = self.variables[node.variable];
            match fixed(variable) {
                Some(made) => f64::from(u8::from(made == edge.made)),
                None => prior(variable, edge.made),
            }
        };
        let mut mass = vec![1.0];
        for node in &self.nodes[1..] {
            mass.push(node.edges.iter().map(|edge| weight(node, edge) * mass[edge.to]).sum());
        }
        let mut drawn = Vec::new();
        let mut at = self.root;
        while at != END {
            let node = &self.nodes[at];
            if mass[at] <= 0.0 {
                return None;
            }
            let mut left = rng.random::<f64>() * mass[at];
            let possible = node.edges.iter().filter(|edge| weight(node, edge) * mass[edge.to] > 0.0);
            let mut taken = None;
            for edge in possible {
                taken = Some(edge);
                left -= weight(node, edge) * mass[edge.to];
                if left < 0.0 {
                    break;
                }
            }
            let edge = taken?;
            drawn.push((self.variables[node.variable], edge.made));
            at = edge.to;
        }
        Some(drawn)
    }

    /// Whether more than one way of deciding the variables is allowed when `fixed` ones keep their values.
    pub(crate) fn is_open(&self, fixed: &dyn Fn(ChoiceId) -> Option<Made>) -> bool {
        self.ways_with(fixed) > 1
    }

    /// Whether any way of deciding the variables is allowed when `fixed` ones keep their values.
    pub(crate) fn allows(&self, fixed: &dyn Fn(ChoiceId) -> Option<Made>) -> bool {
        self.ways_with(fixed) > 0
    }

    /// How many ways, up to two.
    fn ways_with(&self, fixed: &dyn Fn(ChoiceId) -> Option<Made>) -> u8 {
        let mut ways = vec![1u8];
        for node in &self.nodes[1..] {
            let fits = |edge: &&Edge| fixed(self.variables[node.variable]).is_none_or(|made| made == edge.made);
            ways.push(
                node.edges.iter().filter(fits).map(|edge| ways[edge.to]).fold(0, |sum, ways| (sum + ways).min(2)),
            );
        }
        ways[self.root]
    }

    /// The choices that the diagram decides.
    pub(crate) fn variables(&self) -> &[ChoiceId] {
        &self.variables
    }
}

impl Builder<'_> {
    /// Steps so far.
    fn taken(&self) -> usize {
        self.steps + (self.ex.restricted() - self.before)
    }

    /// The node that decides the variables from `at` on; `None` where nothing satisfies what is left.
    fn node(&mut self, at: usize, left: CondId, absent: &[bool]) -> Result<Option<usize>, Intractable> {
        let mut at = at;
        while at < self.variables.len() && absent[at] {
            at += 1;
        }
        if *self.ex.cond(left) == Cond::Known(false) {
            return Ok(None);
        }
        if at == self.variables.len() {
            // Nothing is open: the condition has a value.
            return Ok((*self.ex.cond(left) == Cond::Known(true)).then_some(END));
        }
        let key = (at, left, absent[at..].to_vec());
        if let Some(&known) = self.known.get(&key) {
            return Ok(known);
        }
        let variable = self.variables[at];
        let mut edges = Vec::new();
        let ex = &*self.ex;
        let mentioned = self.mentioned.entry(left).or_insert_with(|| {
            let mut mentioned = Vec::new();
            ex.mentioned_in(left, &mut mentioned);
            mentioned.into_iter().collect()
        });
        let matters = mentioned.contains(&variable);
        // The variables that are left are copied for each edge.
        let copied = 1 + (self.variables.len() - at) / 64 + self.inner[at].len();
        for index in 0..self.options[at].len() {
            let made = self.options[at][index];
            self.steps += copied;
            if self.taken() > self.max_steps || self.nodes.len() > MAX_NODES {
                return Err(Intractable::TooLarge);
            }
            let rest =
                if matters { self.ex.restrict(left, &self.graph.choices, Given::Made(variable, made)) } else { left };
            let mut later = absent.to_vec();
            let mut ways = BigUint::one();
            for inner in &self.inner[at] {
                match (inner.variable, made.meets(inner.positions)) {
                    (Some(variable), false) => self.forget(variable, &mut later),
                    (None, true) => ways *= &self.inside[inner.choice.index()],
                    _ => {}
                }
            }
            if let Some(to) = self.node(at + 1, rest, &later)? {
                edges.push(Edge { made, ways, to });
            }
        }
        let node = if edges.is_empty() {
            None
        } else {
            self.nodes.push(Node { variable: at, edges });
            Some(self.nodes.len() - 1)
        };
        self.known.insert(key, node);
        Ok(node)
    }

    /// A variable that does not exist, and with it those inside of it.
    fn forget(&self, variable: usize, absent: &mut [bool]) {
        absent[variable] = true;
        for inner in self.inner[variable].iter().filter_map(|inner| inner.variable) {
            self.forget(inner, absent);
        }
    }
}

/// How a space keeps to its constraints.
#[derive(Clone, Debug)]
pub(in crate::space) enum Validity {
    /// It has none on choices.
    Free,
    Diagram(Diagram),
    /// Too many choices are coupled: what is drawn is drawn again until it is allowed. One that is.
    Rejection(Architecture),
}

/// The probability of a value when a choice is drawn on its own.
pub(in crate::space) fn prior(graph: &SpaceGraph, counts: Counts, choice: ChoiceId, made: Made) -> f64 {
    let offer = &graph.choices[choice.index()].offer;
    let (Takes::Set { lo, hi }, Made::Set(mask)) = (offer.takes(), made) else {
        return 1.0 / offer.option_count() as f64;
    };
    let taken = mask.count_ones() as usize;
    let binomial = |n: usize, k: usize| (0..k).fold(1.0, |c, i| c * (n - i) as f64 / (i + 1) as f64);
    let of_count = match counts {
        Counts::Uniform => 1.0 / (hi - lo + 1) as f64,
        Counts::Binomial(p) => {
            binomial(hi - lo, taken - lo) * p.powi((taken - lo) as i32) * (1.0 - p).powi((hi - taken) as i32)
        }
    };
    of_count / binomial(offer.positions(), taken)
}
