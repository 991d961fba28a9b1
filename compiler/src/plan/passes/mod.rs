//! Passes over the graph of one plan or of several.
//!
//! Lives here: one file a pass, the graph that they rewrite, and what must hold after each of them ([`verify`]). Never:
//! how a node is computed. Kernels that do several nodes at once are the runtime's: its lowering
//! (`runtime/src/backend/tiled/lowering.rs`) has concatenations, pads and changes of shape as views, and the triangle of a gram
//! matrix is computed without the matrix (`runtime/src/ops/lower_triangle.rs`), so there is no pass for fusion here.
//!
//! Two rules hold for every pass. No result changes in a single bit. And what training changes stays as it is: a node
//! that an owned parameter reaches is never merged, moved or left out, so its gradients are added up in the order of
//! its plan.
//!
//! `Space::plan` runs none of them: its hash counts architectures by their live graphs, and it has no dead node to
//! begin with. They run where several plans are executed together.

mod cse;
mod dead;
mod fold;
mod identity;
mod merge;

use std::collections::{HashMap, HashSet};

use smallvec::SmallVec;

use super::sound::{self, Damage};
use super::{Head, Node, PLAN_VERSION, Param, Plan};

pub use cse::cse;
pub use dead::dead;
pub use fold::fold;
pub use identity::identity;
pub use merge::{merge, together};

/// The graph of one plan, or of several that share what they have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct Merged {
    /// In execution order: a node's inputs come before it.
    pub nodes: Vec<Node>,
    /// Each slice once. Two slices of one stored parameter are two parameters.
    pub params: Vec<Param>,
    /// For each parameter that is trained: the output that has it for itself, by index into `outputs`. Shared ones are
    /// only read.
    pub owners: Vec<Option<usize>>,
    /// The logit of each plan.
    pub outputs: Vec<usize>,
    /// What the numbers of each of these are of.
    pub heads: Vec<Head>,
}

impl Default for Merged {
    /// Nothing, for plans of one label.
    fn default() -> Self {
        let (nodes, params, owners, outputs) = Default::default();
        Self { nodes, params, owners, outputs, heads: Head::only() }
    }
}

impl Merged {
    /// The graph of one plan, of which the parameters that `trained` says change.
    pub fn of(plan: &Plan, trained: impl Fn(usize) -> bool) -> Self {
        Self {
            nodes: plan.nodes.clone(),
            params: plan.params.clone(),
            owners: (0..plan.params.len()).map(|param| trained(param).then_some(0)).collect(),
            outputs: vec![plan.logit],
            heads: plan.heads.clone(),
        }
    }

    /// Multiply-accumulates a sample, each node counted once.
    pub fn macs(&self) -> u64 {
        super::macs(&self.nodes)
    }

    /// The nodes and parameters as a plan, whose logit is the first of the outputs, for what reads nodes and
    /// parameters alone.
    pub fn into_plan(self) -> Plan {
        let logit = self.outputs.first().copied().unwrap_or(0);
        Plan { version: PLAN_VERSION, nodes: self.nodes, params: self.params, logit, heads: self.heads }
    }

    /// Which nodes an owned parameter reaches.
    fn owned(&self) -> Vec<bool> {
        let mut owned = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let own = node.params.iter().any(|&param| self.owners[param].is_some());
            owned.push(own || node.inputs.iter().any(|&input| owned[input]));
        }
        owned
    }

    /// Rebuilds the graph node by node, in order. `place` sees the nodes that were kept so far and the next one, its
    /// inputs among them, and says whether that is kept or is one that is there already. Owned nodes are kept unseen.
    fn rewrite(&mut self, mut place: impl FnMut(&[Node], Node) -> Placed) {
        let owned = self.owned();
        let mut kept: Vec<Node> = Vec::with_capacity(self.nodes.len());
        let mut moved = Vec::with_capacity(self.nodes.len());
        for (node, owned) in std::mem::take(&mut self.nodes).into_iter().zip(owned) {
            let inputs: SmallVec<[usize; 4]> = node.inputs.iter().map(|&input| moved[input]).collect();
            let node = Node { inputs, ..node };
            match if owned { Placed::Kept(node) } else { place(&kept, node) } {
                Placed::Kept(node) => {
                    kept.push(node);
                    moved.push(kept.len() - 1);
                }
                Placed::As(known) => moved.push(known),
            }
        }
        self.nodes = kept;
        self.outputs.iter_mut().for_each(|output| *output = moved[*output]);
    }
}

/// Where a rewritten node's value is.
enum Placed {
    Kept(Node),
    As(usize),
}

/// What holds after every pass: nodes in order and of the shapes that their primitives define, every node needed by an
/// output, every parameter used, listed once and under its own name, and each owned one by its output alone.
///
/// # Errors
/// What does not hold, in words.
pub fn verify(graph: &Merged) -> Result<(), Damage> {
    sound::check(&graph.nodes, &graph.params, &graph.outputs, &graph.heads)?;
    let fault = |what: String| Err(Damage(what));
    if graph.owners.len() != graph.params.len() {
        return fault("it does not say of every parameter whose it is".into());
    }
    let mut used = vec![false; graph.params.len()];
    for (i, node) in graph.nodes.iter().enumerate() {
        if node.path.is_empty() {
            return fault(format!("node {i} has no name"));
        }
        node.params.iter().for_each(|&param| used[param] = true);
    }
    if let Some(i) = dead::needed(graph).iter().position(|needed| !needed) {
        return fault(format!("node {i} ({}) is needed by no output", graph.nodes[i].path));
    }
    let (mut listed, mut names, mut ids) = (HashSet::new(), HashMap::new(), HashMap::new());
    for ((param, owner), used) in graph.params.iter().zip(&graph.owners).zip(used) {
        let name = &param.name;
        if !used {
            return fault(format!("no node uses parameter {name}"));
        }
        if !listed.insert((param.id, &param.axes, owner)) {
            return fault(format!("parameter {name} is listed twice"));
        }
        if *ids.entry(name).or_insert(param.id) != param.id || *names.entry(param.id).or_insert(name) != name {
            return fault(format!("parameter {name} is not the only one of its name, or has two"));
        }
    }
    one_owner_each(graph)
}

/// Nothing that one output trains reaches another.
fn one_owner_each(graph: &Merged) -> Result<(), Damage> {
    let mut reached: Vec<Option<usize>> = Vec::with_capacity(graph.nodes.len());
    for node in &graph.nodes {
        let own = node.params.iter().filter_map(|&param| graph.owners[param]);
        let mut owners = own.chain(node.inputs.iter().filter_map(|&input| reached[input]));
        let first = owners.next();
        if owners.any(|owner| Some(owner) != first) {
            return Err(Damage(format!("two outputs train what {} reads", node.path)));
        }
        reached.push(first);
    }
    for (which, &output) in graph.outputs.iter().enumerate() {
        if reached[output].is_some_and(|owner| owner != which) {
            return Err(Damage(format!("output {which} reads what another trains")));
        }
    }
    Ok(())
}
