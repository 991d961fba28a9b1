//! How many encodings of one space are encodings of another.
//!
//! An encoding of A is in B when B has the same choices under it: every choice that exists in A exists in B with that
//! value, by name and by label, and nothing else exists in B. So both spell the same `arch` body. It *extends* to B when B
//! may decide more: every choice that exists in A exists in B with that value.

use num_bigint::BigUint;
use num_traits::{One, Zero};

use super::choices::inside;
use crate::ir::{ChoiceId, NodeKind, SpaceGraph, Word};
use crate::space::{Tally, of_sets};

/// What two spaces share.
#[derive(Clone, Debug, PartialEq)]
pub struct Overlap {
    /// Encodings of both, before constraints; why that is unknown where choices cannot be compared.
    pub raw: Result<BigUint, String>,
    /// Encodings of the first that extend to one of the second, and the other way round; before constraints.
    pub extends: (Result<BigUint, String>, Result<BigUint, String>),
    /// Those of both that the constraints of both allow.
    pub valid: Result<BigUint, String>,
    /// Why an encoding of both may not compute the same in both: the first node that differs.
    pub differs: Option<String>,
}

/// Counts what two spaces share; without regard to which comes first.
pub fn overlap(a: &SpaceGraph, b: &SpaceGraph) -> Overlap {
    let raw = Shared { a, b, more: false }.count();
    let extends = (Shared { a, b, more: true }.count(), Shared { a: b, b: a, more: true }.count());
    let valid = match &raw {
        Err(why) => Err(why.clone()),
        Ok(raw) => valid(a, b, raw),
    };
    Overlap { raw, extends, valid, differs: differs(a, b) }
}

struct Shared<'a> {
    a: &'a SpaceGraph,
    b: &'a SpaceGraph,
    /// B may have choices beyond those of A.
    more: bool,
}

impl Shared<'_> {
    fn count(&self) -> Result<BigUint, String> {
        // Which choice of B each of A is: names are unique in a space.
        let mut known: Vec<Option<BigUint>> = vec![None; self.a.choices.len()];
        for index in (0..known.len()).rev() {
            let choice = &self.a.choices[index];
            let Some(other) = self.b.choices.iter().position(|other| other.name == choice.name) else { continue };
            if inside(self.a, choice) != inside(self.b, &self.b.choices[other])
                && choice.parent.is_some() == self.b.choices[other].parent.is_some()
            {
                return Err(format!("`{}` is inside of something else", choice.name));
            }
            known[index] = Some(self.ways(index, other, &known)?);
        }
        Ok(self.product(&known, None, None))
    }

    /// Ways that both have to decide this choice and what is inside of it.
    fn ways(&self, index: usize, other: usize, known: &[Option<BigUint>]) -> Result<BigUint, String> {
        let (p, q) = (&self.a.choices[index].offer, &self.b.choices[other].offer);
        // A choice of one thing and one of a set are not written alike.
        if p.word() != q.word() || p.counts().is_some() != q.counts().is_some() {
            return Ok(BigUint::zero());
        }
        let (of_p, of_q) = (p.labels(), q.labels());
        let mut both: Vec<BigUint> = Vec::new();
        for (at, label) in of_p.iter().enumerate() {
            if of_p[..at].contains(label) {
                return Err(format!("`{}` offers `{label}` twice", self.a.choices[index].name));
            }
            if let Some(at_q) = of_q.iter().position(|other| other == label) {
                both.push(self.product(known, Some((index, at)), Some((other, at_q))));
            }
        }
        // It is the same set in both, so that it must be of a size that both allow.
        let ((lo_p, hi_p), (lo_q, hi_q)) = (p.takes().range(), q.takes().range());
        let (lo, hi) = (lo_p.max(lo_q), hi_p.min(hi_q));
        Ok(if lo > hi { BigUint::zero() } else { of_sets((lo, hi), both.into_iter()) })
    }

    /// The product over the choices that exist under a position of their parent; zero where the two spaces do not have
    /// the same ones there.
    fn product(
        &self,
        known: &[Option<BigUint>],
        of_a: Option<(usize, usize)>,
        of_b: Option<(usize, usize)>,
    ) -> BigUint {
        let below = |graph: &SpaceGraph, place: Option<(usize, usize)>| -> Vec<usize> {
            let here = |&index: &usize| match (graph.choices[index].parent, place) {
                (None, None) => true,
                (Some((parent, positions)), Some((index, at))) => {
                    parent == ChoiceId(index as u32) && at < 64 && positions >> at & 1 == 1
                }
                _ => false,
            };
            (0..graph.choices.len()).filter(here).collect()
        };
        let (in_a, in_b) = (below(self.a, of_a), below(self.b, of_b));
        let name_b = |index: usize| self.b.choices[index].name.as_str();
        let same = (self.more || in_a.len() == in_b.len())
            && in_a.iter().all(|&index| in_b.iter().any(|&other| name_b(other) == self.a.choices[index].name));
        if !same {
            return BigUint::zero();
        }
        in_a.iter().fold(BigUint::one(), |product, &index| match &known[index] {
            Some(ways) => product * ways,
            None => BigUint::zero(),
        })
    }
}

/// Exact where neither space has constraints on choices, or where one space is inside of the other and the other's
/// constraints are among its own.
fn valid(a: &SpaceGraph, b: &SpaceGraph, raw: &BigUint) -> Result<BigUint, String> {
    let texts = |graph: &SpaceGraph| -> Vec<String> {
        graph.constraints.iter().map(|constraint| constraint.text.clone()).collect()
    };
    let (of_a, of_b) = (texts(a), texts(b));
    if raw.is_zero() || (of_a.is_empty() && of_b.is_empty()) {
        return Ok(raw.clone());
    }
    let speaks_of_costs = a.constraints.iter().chain(&b.constraints).any(|constraint| !constraint.costs.is_empty());
    if speaks_of_costs {
        return Err("a constraint speaks of costs".to_owned());
    }
    for (graph, own, others) in [(a, &of_a, &of_b), (b, &of_b, &of_a)] {
        if graph.raw_count() == *raw && others.iter().all(|text| own.contains(text)) {
            return match graph.census(None).valid {
                Tally::Exactly(valid) => Ok(valid),
                Tally::AtMost(_, why) | Tally::Between { why, .. } | Tally::Unknown(why) => Err(why),
            };
        }
    }
    Err("the constraints of the two spaces differ".to_owned())
}

/// The first node, by path, that both spaces have and that is another primitive, or has another shape, in the second.
fn differs(a: &SpaceGraph, b: &SpaceGraph) -> Option<String> {
    let describe = |graph: &SpaceGraph, index: petgraph::graph::NodeIndex| {
        let node = &graph.graph[index];
        // What a choice offers is compared elsewhere, and so are sizes that follow from it.
        match &node.kind {
            NodeKind::Primitive(primitive) => (primitive.name(), node.tensor.word()),
            NodeKind::Choose(choice) | NodeKind::Pick(choice) => match graph.choices[choice.index()].offer.word() {
                Word::Repeat => ("repeat", node.tensor.word()),
                _ => ("choice", node.tensor.word()),
            },
            NodeKind::Branch(_) => ("if", node.tensor.word()),
        }
    };
    let mut of_b: std::collections::HashMap<&str, Vec<_>> = std::collections::HashMap::new();
    for index in b.graph.node_indices() {
        of_b.entry(&b.graph[index].path).or_default().push(describe(b, index));
    }
    let mut of_a: std::collections::HashMap<&str, Vec<_>> = std::collections::HashMap::new();
    for index in a.graph.node_indices() {
        of_a.entry(&a.graph[index].path).or_default().push(describe(a, index));
    }
    let first = a
        .graph
        .node_weights()
        .find(|node| of_b.get(&*node.path).is_some_and(|others| of_a.get(&*node.path).is_none_or(|own| own != others)));
    first.map(|node| node.path.to_string())
}
