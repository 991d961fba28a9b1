//! The graph of a space, reduced to what its choices can switch on and off: regions of nodes that are live together, and
//! the edges between them on which something is decided.

use petgraph::algo::dominators::simple_fast;
use petgraph::graph::{DiGraph, NodeIndex};

use super::super::meter::Weights;
use super::domains::{Domain, Kind, Ranges, mentioned};
use super::items::{Item, Operands, Sizes};
use crate::cost::Cost;
use crate::ir::{ChoiceId, CondId, Gate, NodeKind, SizeId, TemplateKind};
use crate::space::Space;
use crate::space::select::computes;

/// Most regions of which is known what each needs for certain; of more, less is proved.
const MAX_REGIONS: usize = 4_096;

pub(super) type RegionId = u32;

/// The region of the logit.
pub(super) const LOGIT: RegionId = 0;

/// Positions and nodes.
type Positions = Vec<(u32, usize)>;

/// What decides which members of a group are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rule {
    Choice(ChoiceId),
    /// Position 0 where it holds, else 1.
    Branch(CondId),
}

/// Regions of which a choice or a condition takes some.
pub(super) struct Group {
    pub owner: RegionId,
    pub rule: Rule,
    /// Positions, and what each leads to and nothing else does; with the size of what it gives.
    pub members: Vec<(u32, RegionId, Option<SizeId>)>,
    /// Regions that only members lead to: several of them, by position in `members` as bits.
    pub attached: Vec<(RegionId, u64)>,
}

#[derive(Default)]
pub(super) struct Region {
    items: Vec<Item>,
    /// Regions that are needed whenever this one is.
    pub certain: Vec<RegionId>,
    pub groups: Vec<u32>,
    /// Regions that nothing but this one leads to, and that are in no group.
    pub kids: Vec<RegionId>,
    /// The choices that its costs depend on, and those that decide what it leads to.
    pub touches: Vec<ChoiceId>,
}

/// Regions, each before those that it leads to: the first is the logit's.
pub(super) struct Regions {
    pub all: Vec<Region>,
    pub groups: Vec<Group>,
    /// Where a region's needs can be followed through all that it leads to.
    pub small: bool,
}

/// An edge from a region.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum To {
    Node(usize),
    Shared(usize),
}

impl Regions {
    /// The regions of a space, with what matters for one cost.
    pub fn new(space: &Space, cost: Cost) -> Self {
        let graph = &*space.graph;
        let count = graph.graph.node_count();
        let weights = space.weights();
        // Which nodes the logit can need, and who reads them: a node that one reads in any case is of its region.
        let mut readers = vec![0u32; count];
        let mut always = vec![None; count];
        let mut live = vec![false; count];
        live[graph.logit.index()] = true;
        for index in (0..count).rev().filter(|&index| index <= graph.logit.index()) {
            if !live[index] {
                continue;
            }
            let primitive = matches!(graph.graph[NodeIndex::new(index)].kind, NodeKind::Primitive(_));
            for &(gate, operand) in space.wiring.of(NodeIndex::new(index)) {
                live[operand.index()] = true;
                readers[operand.index()] += 1;
                if primitive && gate == Gate::Always {
                    always[operand.index()] = Some(index);
                }
            }
        }
        let root_of = |root: &[usize], index: usize| match always[index] {
            Some(reader) if readers[index] == 1 => root[reader],
            _ => index,
        };
        let mut root: Vec<usize> = (0..count).collect();
        for index in (0..count).rev().filter(|&index| live[index]) {
            root[index] = root_of(&root, index);
        }
        let mut building = Building::default();
        let mut shared: Vec<Option<Weights>> = Vec::new();
        shared.resize_with(space.params().len(), || None);
        // Readers have larger numbers, so this is an order in which each comes before what it leads to.
        let mut of_node = vec![u32::MAX; count];
        for index in (0..count).rev().filter(|&index| live[index] && root[index] == index) {
            of_node[index] = building.add(index, 0);
        }
        for (index, weights) in weights.into_iter().enumerate().rev().filter(|(index, _)| live[*index]) {
            let node = &graph.graph[NodeIndex::new(index)];
            let region = of_node[root[index]];
            let operands = space.wiring.of(NodeIndex::new(index));
            let mut counted = Operands::default();
            match node.kind {
                NodeKind::Primitive(_) => {
                    for &(gate, operand) in operands {
                        match gate {
                            Gate::Always => {
                                counted.always += 1;
                                if root[operand.index()] == operand.index() {
                                    building.certain.push((region, To::Node(operand.index())));
                                }
                            }
                            Gate::Taken(choice, position) => counted.gate(choice, position),
                        }
                    }
                    for choice in counted.gates.iter().map(|gate| gate.choice) {
                        let members = operands.iter().filter_map(|&(gate, operand)| match gate {
                            Gate::Taken(of, position) if of == choice => Some((position, operand.index())),
                            _ => None,
                        });
                        building.groups.push((region, index, Rule::Choice(choice), members.collect()));
                    }
                }
                NodeKind::Choose(choice) | NodeKind::Pick(choice) => {
                    (0..).zip(operands).for_each(|(position, _)| counted.gate(choice, position));
                    let members = (0..).zip(operands).map(|(position, &(_, operand))| (position, operand.index()));
                    building.groups.push((region, index, Rule::Choice(choice), members.collect()));
                }
                NodeKind::Branch(cond) => {
                    let members = (0..).zip(operands).map(|(position, &(_, operand))| (position, operand.index()));
                    building.groups.push((region, index, Rule::Branch(cond), members.collect()));
                }
            }
            let primitive = computes(&node.kind);
            let shape = |index: NodeIndex| -> Sizes { graph.graph[index].axes.iter().map(|axis| axis.size).collect() };
            let own = NodeIndex::new(index);
            let items = &mut building.regions[region as usize].1;
            let input = || -> Sizes { operands.first().map(|&(_, first)| shape(first)).unwrap_or_default() };
            match cost {
                Cost::Macs => {
                    let input = input();
                    if matches!(node.kind, NodeKind::Primitive(_)) && primitive.multiplies(input.len(), node.axes.len())
                    {
                        items.push(Item::Products { primitive, input, output: shape(own) });
                    }
                }
                Cost::Ops => {
                    let (input, pooling) = (input(), space.pooling(node));
                    if pooling > 0 || primitive.calculates(input.len(), node.axes.len()) {
                        let (operands, output) = (counted, shape(own));
                        items.push(Item::Arithmetic { primitive, operands, input, output, pooling });
                    }
                }
                Cost::ActivationBytes => {
                    let single = matches!(node.kind, NodeKind::Pick(_) | NodeKind::Branch(_));
                    if !single {
                        let joins = primitive.joins().then_some(counted);
                        items.push(Item::Value { shape: shape(own), joins });
                    }
                }
                Cost::DenseParams | Cost::EmbeddingParams | Cost::WeightBytes => {
                    let tables = cost == Cost::EmbeddingParams;
                    let kind = if tables { TemplateKind::Tables } else { TemplateKind::Dense };
                    for weights in weights.into_iter().filter(|weights| weights.kind == kind) {
                        match weights.shared {
                            None => items.push(Item::Weights(weights)),
                            Some(id) => {
                                building.certain.push((region, To::Shared(id)));
                                shared[id] = Some(weights);
                            }
                        }
                    }
                }
            }
        }
        building.finish(space, &of_node, shared)
    }
}

#[derive(Default)]
struct Building {
    /// Where each stands in the order, and what it costs.
    regions: Vec<((usize, u32), Vec<Item>)>,
    certain: Vec<(RegionId, To)>,
    /// Region, node, rule, and the positions and nodes of the members.
    groups: Vec<(RegionId, usize, Rule, Positions)>,
}

impl Building {
    fn add(&mut self, index: usize, step: u32) -> RegionId {
        self.regions.push(((index, step), Vec::new()));
        self.regions.len() as u32 - 1
    }

    fn finish(mut self, space: &Space, of_node: &[u32], shared: Vec<Option<Weights>>) -> Regions {
        let graph = &*space.graph;
        let mut readers = vec![0u32; self.regions.len()];
        for &(_, to) in &self.certain {
            if let To::Node(node) = to {
                readers[of_node[node] as usize] += 1;
            }
        }
        for (.., members) in &self.groups {
            members.iter().for_each(|&(_, node)| readers[of_node[node] as usize] += 1);
        }
        let mut certain: Vec<(RegionId, RegionId)> = Vec::new();
        let mut of_shared = vec![u32::MAX; shared.len()];
        for (id, weights) in shared.into_iter().enumerate() {
            if let Some(weights) = weights {
                of_shared[id] = self.add(0, 2);
                self.regions[of_shared[id] as usize].1.push(Item::Weights(weights));
            }
        }
        for (from, to) in std::mem::take(&mut self.certain) {
            let to = match to {
                To::Node(node) => of_node[node],
                To::Shared(id) => of_shared[id],
            };
            certain.push((from, to));
        }
        let mut groups = Vec::new();
        for (owner, node, rule, members) in std::mem::take(&mut self.groups) {
            let mut all = Vec::new();
            for (position, operand) in members {
                let to = of_node[operand];
                let size = graph.graph[NodeIndex::new(operand)].axes.first().map(|axis| axis.size);
                // An edge to what others read too is a region of its own, with nothing in it.
                let member = if readers[to as usize] == 1 {
                    to
                } else {
                    let edge = self.add(node, 1);
                    certain.push((edge, to));
                    edge
                };
                all.push((position, member, size));
            }
            groups.push(Group { owner, rule, members: all, attached: Vec::new() });
        }
        // Numbered anew in their order: an edge after the node that it belongs to, shared parameters at the end.
        let mut order: Vec<u32> = (0..self.regions.len() as u32).collect();
        order.sort_by_key(|&id| {
            let ((index, step), _) = self.regions[id as usize];
            (step == 2, std::cmp::Reverse(index), step)
        });
        let mut number = vec![0u32; order.len()];
        order.iter().zip(0..).for_each(|(&old, new)| number[old as usize] = new);
        let mut all: Vec<Region> = Vec::new();
        all.resize_with(order.len(), Region::default);
        for (old, (_, items)) in self.regions.into_iter().enumerate() {
            all[number[old] as usize].items = items;
        }
        for (from, to) in certain {
            all[number[from as usize] as usize].certain.push(number[to as usize]);
        }
        for (at, group) in groups.iter_mut().enumerate() {
            group.owner = number[group.owner as usize];
            group.members.iter_mut().for_each(|(_, member, _)| *member = number[*member as usize]);
            all[group.owner as usize].groups.push(at as u32);
        }
        for region in &mut all {
            region.certain.sort_unstable();
            region.certain.dedup();
            let mut sizes = Vec::new();
            let mut choices = Vec::new();
            for item in &region.items {
                sizes.extend(item.sizes());
                choices.extend(item.choices());
            }
            let found = mentioned(graph, sizes, Vec::new());
            choices.extend(found);
            region.touches = choices;
            let mut conds = Vec::new();
            for &group in &region.groups {
                match groups[group as usize].rule {
                    Rule::Choice(choice) => region.touches.push(choice),
                    Rule::Branch(cond) => conds.push(cond),
                }
            }
            region.touches.extend(mentioned(graph, Vec::new(), conds));
            region.touches.sort_unstable();
            region.touches.dedup();
        }
        let small = all.len() <= MAX_REGIONS;
        let mut regions = Regions { all, groups, small };
        regions.dominate();
        regions
    }
}

impl Regions {
    /// What each region leads to directly.
    pub fn next(&self, region: RegionId) -> impl Iterator<Item = RegionId> + '_ {
        let region = &self.all[region as usize];
        let of_groups = region.groups.iter().flat_map(|&group| &self.groups[group as usize].members);
        region.certain.iter().copied().chain(of_groups.map(|&(_, member, _)| member))
    }

    /// Says of each region which others nothing else leads to.
    fn dominate(&mut self) {
        let mut graph: DiGraph<(), ()> = DiGraph::with_capacity(self.all.len(), 2 * self.all.len());
        self.all.iter().for_each(|_| _ = graph.add_node(()));
        for from in 0..self.all.len() as u32 {
            for to in self.next(from).collect::<Vec<_>>() {
                graph.add_edge(NodeIndex::new(from as usize), NodeIndex::new(to as usize), ());
            }
        }
        let dominators = simple_fast(&graph, NodeIndex::new(0));
        let mut of_group = vec![false; self.all.len()];
        self.groups
            .iter()
            .flat_map(|group| &group.members)
            .for_each(|&(_, member, _)| of_group[member as usize] = true);
        let reach = self.small.then(|| self.reach());
        for region in 1..self.all.len() {
            if of_group[region] {
                continue;
            }
            let Some(owner) = dominators.immediate_dominator(NodeIndex::new(region)) else { continue };
            let owner = owner.index();
            // Where only members of one group lead to it, it goes with them.
            let attached = reach.as_ref().and_then(|reach| {
                let reaches = |from: u32| reach[from as usize][region / 64] >> (region % 64) & 1 == 1;
                if self.all[owner].certain.iter().any(|&to| reaches(to)) {
                    return None;
                }
                let mut found = None;
                for &group in &self.all[owner].groups {
                    let members = self.groups[group as usize].members.iter().enumerate();
                    let mask = members
                        .filter(|&(_, &(_, member, _))| reaches(member))
                        .fold(0u64, |mask, (at, _)| mask | 1 << at.min(63));
                    match (mask, found) {
                        (0, _) => {}
                        (_, None) => found = Some((group, mask)),
                        _ => return None,
                    }
                }
                found
            });
            match attached {
                Some((group, mask)) => self.groups[group as usize].attached.push((region as u32, mask)),
                None => self.all[owner].kids.push(region as u32),
            }
        }
    }

    /// What each region can lead to, as bits.
    pub fn reach(&self) -> Vec<Vec<u64>> {
        let words = self.all.len().div_ceil(64);
        let mut reach = vec![vec![0u64; words]; self.all.len()];
        for region in (0..self.all.len()).rev() {
            let mut own = vec![0u64; words];
            own[region / 64] |= 1 << (region % 64);
            for to in self.next(region as u32).collect::<Vec<_>>() {
                own.iter_mut().zip(&reach[to as usize]).for_each(|(mine, more)| *mine |= more);
            }
            reach[region] = own;
        }
        reach
    }

    /// The sizes and conditions that anything here asks for.
    pub fn asks(&self) -> (Vec<SizeId>, Vec<CondId>) {
        let mut sizes = Vec::new();
        sizes.extend(self.all.iter().flat_map(|region| &region.items).flat_map(Item::sizes));
        sizes.extend(self.groups.iter().flat_map(|group| group.members.iter().filter_map(|&(.., size)| size)));
        let conds = self.groups.iter().filter_map(|group| match group.rule {
            Rule::Branch(cond) => Some(cond),
            Rule::Choice(_) => None,
        });
        (sizes, conds.collect())
    }

    /// A choice that is open and decides what a region costs by itself.
    pub fn open_cost(
        &self,
        region: usize,
        ranges: &mut Ranges<'_>,
        kinds: &[Kind],
        domains: &[Domain],
    ) -> Option<ChoiceId> {
        let open = |choice: &ChoiceId| kinds[choice.index()].decided(domains[choice.index()]).is_none();
        self.all[region].items.iter().find_map(|item| {
            item.choices().find(open).or_else(|| item.sizes().find_map(|size| ranges.open_in(size, domains)))
        })
    }

    /// A choice that is open and decides what a region leads to, or what it costs by itself.
    pub fn open(&self, region: usize, ranges: &mut Ranges<'_>, kinds: &[Kind], domains: &[Domain]) -> Option<ChoiceId> {
        let of_groups = self.all[region].groups.iter().find_map(|&group| match self.groups[group as usize].rule {
            Rule::Choice(choice) => kinds[choice.index()].decided(domains[choice.index()]).is_none().then_some(choice),
            Rule::Branch(cond) => ranges.open_in_cond(cond, domains),
        });
        of_groups.or_else(|| self.open_cost(region, ranges, kinds, domains))
    }

    /// The least or the most that a region costs by itself, where it is live.
    pub fn own(&self, region: usize, ranges: &Ranges<'_>, kinds: &[Kind], domains: &[Domain], most: bool) -> u64 {
        let items = self.all[region].items.iter();
        items.map(|item| item.cost(ranges, kinds, domains, most)).fold(0, u64::saturating_add)
    }
}
