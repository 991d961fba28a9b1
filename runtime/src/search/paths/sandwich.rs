//! The sandwich rule (Yu and Huang, arXiv 1903.05134; BigNAS, arXiv 2003.11142): the largest and the smallest path are
//! trained again and again, so that what lies between them is bounded by both, and random ones in between. There all of a
//! round make one update, and smaller ones learn from the largest; here they take turns, and with `distill` they learn from it, too.

use nasrec_compiler::ir::{ChoiceId, Made, Offer, Takes, Word};
use nasrec_compiler::recipe::{Counts, Length};
use nasrec_compiler::space::Sampling;
use nasrec_compiler::{Architecture, Space};
use rand::seq::SliceRandom;
use rand::{Rng, RngExt};

use super::{PathSampling, Step};

pub(super) struct Sandwich {
    /// Random paths of a round, after the largest and the smallest.
    pub random: u64,
    /// How many sources a multi-pick of these takes.
    pub counts: Counts,
    /// How long the full path is mixed in.
    pub full_path: Length,
}

/// What is trained in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slice {
    Largest,
    Smallest,
    Random,
}

impl Sandwich {
    /// Which slice the path of a step is.
    pub(super) fn slice(&self, step: u64) -> Slice {
        match step % self.random.saturating_add(2) {
            0 => Slice::Largest,
            1 => Slice::Smallest,
            _ => Slice::Random,
        }
    }
}

impl PathSampling for Sandwich {
    fn path(&self, space: &Space, step: Step) -> Architecture {
        let mut rng = step.rng();
        let path = match self.slice(step.at) {
            Slice::Random => None,
            // What is required may leave the ends of sizes out.
            slice => Some(end(space, slice, &mut rng)).filter(|path| space.broken(path, None).is_none()),
        };
        let path = path.unwrap_or_else(|| space.sample(self.counts, &mut rng));
        let full_path = step.full_path(self.full_path);
        space.relaxed(path, Sampling { counts: self.counts, full_path }, &mut rng)
    }

    /// The largest of the round, which learns from the labels.
    fn teacher(&self, space: &Space, step: Step) -> Option<Architecture> {
        let round = step.at - step.at % self.random.saturating_add(2);
        (round < step.at).then(|| self.path(space, Step { at: round, ..step }))
    }
}

/// A path with every size at its largest, or its smallest: widths and iterations, whether a `maybe` is there, and how many
/// are taken where several can be. Alternatives have no order of size: which one and which ones are taken is drawn.
fn end(space: &Space, slice: Slice, rng: &mut impl Rng) -> Architecture {
    let mut path = Architecture::new(vec![None; space.choices().len()]);
    // A choice comes after the one that it is inside of.
    for (index, choice) in space.choices().iter().enumerate() {
        let id = ChoiceId(index as u32);
        if space.exists(&path, id) {
            path.set(id, Some(made(&choice.offer, slice == Slice::Largest, rng)));
        }
    }
    path
}

fn made(offer: &Offer, largest: bool, rng: &mut impl Rng) -> Made {
    match (offer.takes(), offer.word()) {
        (Takes::Set { lo, hi }, _) => {
            let mut all: Vec<usize> = (0..offer.positions()).collect();
            all.shuffle(rng);
            Made::Set(all.iter().take(if largest { hi } else { lo }).fold(0, |mask, at| mask | 1 << at))
        }
        (Takes::One, Word::Maybe) => Made::One(u32::from(largest)),
        (Takes::One, Word::Width | Word::Repeat) => {
            let sizes = offer.numbers().iter().zip(0u32..);
            let end = if largest { sizes.max() } else { sizes.min() };
            Made::One(end.map_or(0, |(_, at)| at))
        }
        (Takes::One, Word::Choose | Word::Pick) => Made::One(rng.random_range(0..offer.positions().max(1)) as u32),
    }
}
