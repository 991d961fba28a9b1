//! Drawing architectures and paths, and mutating them.

use std::sync::Arc;

use num_bigint::BigUint;
use rand::{Rng, RngExt};

use super::uniform::{Different, Uniform, below};
use crate::ir::{ChoiceId, Made, NodeKind, Takes, Word};
use crate::recipe::Counts;
use crate::space::count::{Intractable, Numbered, Validity, prior};
use crate::space::{Architecture, Space};

/// Draws of a space whose constraints couple too many choices, before one that is known to be allowed is taken.
pub(in crate::space) const PROBES: usize = 10_000;

/// How a path is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// How many sources a pick takes.
    pub counts: Counts,
    /// The probability of each coin of the full path: one for all connections, one for each block's operators, tossed
    /// independently.
    pub full_path: f64,
}

impl Space {
    /// Draws an architecture: alternatives, widths and `maybe`s uniformly, picks by count and then uniformly.
    pub fn sample(&self, counts: Counts, rng: &mut impl Rng) -> Architecture {
        let mut architecture = Architecture::new(vec![None; self.choices().len()]);
        match &*self.validity {
            Validity::Free => {}
            Validity::Diagram(diagram) => {
                let prior = |choice, made| prior(&self.graph, counts, choice, made);
                let drawn = diagram.draw(&prior, &|_| None, rng);
                for (choice, made) in drawn.into_iter().flatten() {
                    architecture.set(choice, Some(made));
                }
            }
            Validity::Rejection(witness) => {
                return self
                    .drawn_again(rng, |rng| {
                        let mut drawn = Architecture::new(vec![None; self.choices().len()]);
                        self.complete(&mut drawn, counts, rng);
                        drawn
                    })
                    .unwrap_or_else(|| witness.clone());
            }
        }
        self.complete(&mut architecture, counts, rng);
        architecture
    }

    /// The first of many draws that is allowed.
    fn drawn_again<R: Rng>(&self, rng: &mut R, mut draw: impl FnMut(&mut R) -> Architecture) -> Option<Architecture> {
        (0..PROBES).map(|_| draw(rng)).find(|drawn| self.broken(drawn, None).is_none())
    }

    /// An architecture that is allowed, where a fixed stream of draws comes to one.
    pub(in crate::space) fn witness(&self) -> Option<Architecture> {
        let mut rng = crate::streams::Streams::new(0).rng("witness", 0);
        self.drawn_again(&mut rng, |rng| {
            let mut drawn = Architecture::new(vec![None; self.choices().len()]);
            self.complete(&mut drawn, Counts::Uniform, rng);
            drawn
        })
    }

    /// One of the encodings that the constraints on choices allow, each as likely as any other.
    ///
    /// # Errors
    /// The constraints couple too many choices.
    pub fn sample_valid(&self, rng: &mut impl Rng) -> Result<Architecture, Intractable> {
        Numbered::new(self)?.draw(rng).ok_or(Intractable::TooLarge)
    }

    /// One of the architectures that differ among those that the constraints on choices allow, each as likely as any
    /// other, whatever number of encodings has its graph.
    ///
    /// # Errors
    /// There are too many states to count them, or graphs do not reveal every choice and the space is too large to build
    /// each.
    pub fn sample_distinct(&self, rng: &mut impl Rng) -> Result<Architecture, Intractable> {
        Ok(self.drawn_distinct(rng)?.0)
    }

    /// The same with what the draw took, in words.
    pub(in crate::space) fn drawn_distinct(&self, rng: &mut impl Rng) -> Result<(Architecture, usize), Intractable> {
        let different = self.uniform.get_or_init(|| match Uniform::new(Arc::clone(&self.graph), self.sizes) {
            Ok(uniform) => Ok(Different::Counted(Box::new(uniform))),
            Err(why) => self.different().map(Different::Listed).ok_or(why),
        });
        match different {
            Ok(Different::Counted(uniform)) => {
                let mut drawn = Architecture::new(vec![None; self.choices().len()]);
                let words = uniform.draw(&mut drawn, rng)?;
                self.fill(&mut drawn, rng);
                Ok((drawn, words))
            }
            Ok(Different::Listed(all)) => {
                let at = below(&BigUint::from(all.len()), rng);
                Ok((all[usize::try_from(at).expect("an index")].clone(), 0))
            }
            Err(why) => Err(*why),
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

    /// Draws a training path, which early in training is the full path, or parts of it: a relaxed architecture
    /// (language rule 10).
    pub fn sample_path(&self, sampling: Sampling, rng: &mut impl Rng) -> Architecture {
        let path = self.sample(sampling.counts, rng);
        self.relaxed(path, sampling, rng)
    }

    /// An architecture with the full path, or parts of it, mixed in, as the coins of `sampling` fall.
    pub fn relaxed(&self, mut path: Architecture, sampling: Sampling, rng: &mut impl Rng) -> Architecture {
        if sampling.full_path <= 0.0 {
            return path;
        }
        if rng.random_bool(sampling.full_path.min(1.0)) {
            for (index, choice) in self.choices().iter().enumerate() {
                let offer = &choice.offer;
                // One of several is a pick of its own kind, whose width follows what it takes.
                let (_, most) = offer.takes().range();
                let joins = most > 1 || offer.positions() == 1;
                if offer.word() != Word::Pick || !joins || path.made()[index].is_none() {
                    continue;
                }
                let all = if choice.is_relaxed() || most == offer.positions() {
                    Made::Set(offer.all())
                } else {
                    // A size rests on how many they are.
                    draw_set(most, most, offer.positions(), sampling.counts, rng)
                };
                path.set(ChoiceId(index as u32), Some(all));
            }
        }
        let mut blocks: Vec<Option<&String>> = Vec::new();
        for choice in self.choices() {
            if !blocks.contains(&choice.block.as_ref()) {
                blocks.push(choice.block.as_ref());
            }
        }
        for block in blocks {
            if !rng.random_bool(sampling.full_path.min(1.0)) {
                continue;
            }
            for (index, choice) in self.choices().iter().enumerate() {
                let id = ChoiceId(index as u32);
                if choice.block.as_ref() != block || !self.exists(&path, id) {
                    continue;
                }
                let offer = &choice.offer;
                let full = match offer.word() {
                    Word::Width | Word::Repeat => {
                        let largest = (0..offer.positions()).max_by_key(|&at| offer.numbers()[at]).unwrap_or(0);
                        Made::One(largest as u32)
                    }
                    Word::Choose if self.mixes(id) => Made::Set(offer.all()),
                    Word::Maybe => Made::One(1),
                    Word::Choose | Word::Pick => continue,
                };
                path.set(id, Some(full));
            }
        }
        // What exists inside alternatives that the coins turned on is drawn as usual.
        self.complete(&mut path, sampling.counts, rng);
        path
    }

    /// Resamples `times` choices, each one of a random block.
    pub fn mutate(&self, parent: &Architecture, times: u64, counts: Counts, rng: &mut impl Rng) -> Architecture {
        let mut child = parent.clone();
        for _ in 0..times {
            let mut blocks: Vec<Option<&str>> = Vec::new();
            for choice in self.choices() {
                if !blocks.contains(&choice.block.as_deref()) {
                    blocks.push(choice.block.as_deref());
                }
            }
            if blocks.is_empty() {
                return child;
            }
            let block = blocks[rng.random_range(0..blocks.len())];
            let inside: Vec<ChoiceId> = (0..self.choices().len() as u32)
                .map(ChoiceId)
                .filter(|&id| self.choices()[id.index()].block.as_deref() == block && self.exists(&child, id))
                .collect();
            if inside.is_empty() {
                continue;
            }
            let id = inside[rng.random_range(0..inside.len())];
            self.redraw(&mut child, &inside, id, counts, rng);
        }
        child
    }

    /// Draws one choice again; where constraints leave it no other value, further ones of those that exist with it.
    fn redraw(&self, child: &mut Architecture, inside: &[ChoiceId], id: ChoiceId, counts: Counts, rng: &mut impl Rng) {
        match &*self.validity {
            Validity::Diagram(diagram) if diagram.variables().contains(&id) => {
                let mut freed = vec![id];
                let mut others: Vec<ChoiceId> = diagram.variables().iter().copied().filter(|&v| v != id).collect();
                let parent = child.clone();
                while !diagram.is_open(&|v| parent.get(v).filter(|_| !freed.contains(&v))) && !others.is_empty() {
                    // First those of the same block, so that a mutation stays a small step.
                    let near: Vec<usize> = (0..others.len()).filter(|&at| inside.contains(&others[at])).collect();
                    let at = if near.is_empty() {
                        rng.random_range(0..others.len())
                    } else {
                        near[rng.random_range(0..near.len())]
                    };
                    freed.push(others.swap_remove(at));
                }
                let prior = |choice, made| prior(&self.graph, counts, choice, made);
                let fixed = |v| parent.get(v).filter(|_| !freed.contains(&v));
                for &variable in diagram.variables() {
                    child.set(variable, None);
                }
                for (choice, made) in diagram.draw(&prior, &fixed, rng).into_iter().flatten() {
                    child.set(choice, Some(made));
                }
                self.complete(child, counts, rng);
            }
            Validity::Rejection(_) => {
                let parent = child.clone();
                let drawn = self.drawn_again(rng, |rng| {
                    let mut drawn = parent.clone();
                    drawn.set(id, Some(self.draw(id, counts, rng)));
                    self.complete(&mut drawn, counts, rng);
                    drawn
                });
                *child = drawn.unwrap_or(parent);
            }
            _ => {
                child.set(id, Some(self.draw(id, counts, rng)));
                self.complete(child, counts, rng);
            }
        }
    }

    /// Draws what exists and is open; forgets what does not exist.
    pub(in crate::space) fn complete(&self, architecture: &mut Architecture, counts: Counts, rng: &mut impl Rng) {
        // A choice comes after the alternative that it is inside of.
        for id in (0..self.choices().len() as u32).map(ChoiceId) {
            if !self.exists(architecture, id) {
                architecture.set(id, None);
            } else if architecture.get(id).is_none() {
                let made = self.draw(id, counts, rng);
                architecture.set(id, Some(made));
            }
        }
    }

    /// Whether a choice exists, given what surrounds it (language rule 8).
    pub fn exists(&self, architecture: &Architecture, id: ChoiceId) -> bool {
        match self.choices()[id.index()].parent {
            None => true,
            Some((parent, positions)) => {
                architecture.get(parent).is_some_and(|made| made.meets(positions)) && self.exists(architecture, parent)
            }
        }
    }

    fn draw(&self, id: ChoiceId, counts: Counts, rng: &mut impl Rng) -> Made {
        let offer = &self.choices()[id.index()].offer;
        match offer.takes() {
            Takes::One if offer.word() == Word::Maybe => Made::One(u32::from(rng.random_bool(0.5))),
            Takes::One => Made::One(rng.random_range(0..offer.positions()) as u32),
            Takes::Set { lo, hi } => draw_set(lo, hi, offer.positions(), counts, rng),
        }
    }

    /// Whether the alternatives of a `choose` have one shape throughout, so that several can be added up.
    fn mixes(&self, id: ChoiceId) -> bool {
        let graph = self.graph();
        graph.graph.node_weights().any(|node| {
            node.kind == NodeKind::Choose(id)
                && node.axes.iter().all(|axis| {
                    let mut mentioned = Vec::new();
                    graph.expressions.mentioned(axis.size, &mut mentioned);
                    !mentioned.contains(&id)
                })
        })
    }
}

/// A set of `lo` to `hi` of `all` members: the count first, then which ones uniformly.
fn draw_set(lo: usize, hi: usize, all: usize, counts: Counts, rng: &mut impl Rng) -> Made {
    let count = match counts {
        Counts::Uniform => rng.random_range(lo..=hi),
        Counts::Binomial(p) => lo + (lo..hi).filter(|_| rng.random_bool(p)).count(),
    };
    let mut left: Vec<usize> = (0..all).collect();
    let mut mask = 0u64;
    for _ in 0..count {
        mask |= 1 << left.swap_remove(rng.random_range(0..left.len()));
    }
    Made::Set(mask)
}
