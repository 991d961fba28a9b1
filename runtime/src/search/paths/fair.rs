//! Strictly fair sampling (FairNAS, arXiv 1907.01845): the options of a choice are dealt from a shuffled deck, which is
//! shuffled anew when it is through, so that none is trained more often than another. There the paths of a deck make one
//! update together; here each makes its own, as with every other way.

use nasrec_compiler::ir::{ChoiceId, Made, Offer, Takes};
use nasrec_compiler::recipe::{Counts, Length};
use nasrec_compiler::space::Sampling;
use nasrec_compiler::streams::{self, Key, Streams};
use nasrec_compiler::{Architecture, Space};
use rand::seq::SliceRandom;

use super::{PathSampling, STREAM, Step};

pub(super) struct Fair {
    /// How long the full path is mixed in.
    pub full_path: Length,
}

impl PathSampling for Fair {
    fn path(&self, space: &Space, step: Step) -> Architecture {
        let mut rng = step.rng();
        let mut path = dealt(space, step.streams, step.at);
        if space.broken(&path, None).is_some() {
            // What is required couples choices, and decks know nothing of each other.
            path = space.sample(Counts::Uniform, &mut rng);
        }
        let full_path = step.full_path(self.full_path);
        space.relaxed(path, Sampling { counts: Counts::Uniform, full_path }, &mut rng)
    }
}

/// The path of a step, every choice from its own deck.
pub(super) fn dealt(space: &Space, streams: Streams, step: u64) -> Architecture {
    let choices = space.choices();
    let mut path = Architecture::new(vec![None; choices.len()]);
    let decks = choices
        .iter()
        .map(|choice| Deck { offer: &choice.offer, key: streams.key(&format!("{STREAM}/fair/{}", choice.name)) });
    let decks: Vec<Deck<'_>> = decks.collect();
    let mut turns: Vec<Option<u64>> = Vec::with_capacity(choices.len());
    // A choice comes after the one that it is inside of.
    for (index, choice) in choices.iter().enumerate() {
        let turn = match choice.parent {
            None => Some(step),
            Some((parent, positions)) => turns
                .get(parent.index())
                .copied()
                .flatten()
                .filter(|_| path.get(parent).is_some_and(|made| made.meets(positions)))
                .and_then(|turn| Some(decks.get(parent.index())?.met_before(positions, turn))),
        };
        turns.push(turn);
        if let (Some(turn), Some(deck)) = (turn, decks.get(index)) {
            path.set(ChoiceId(index as u32), deck.at(turn));
        }
    }
    path
}

/// The options of a choice in an order of its own, one after the other, and again in another order.
struct Deck<'a> {
    offer: &'a Offer,
    key: Key,
}

impl Deck<'_> {
    /// How many cards there are. Where sets are taken, a card is a count and where in a shuffled circle of all positions
    /// the set begins: so each count and each position comes equally often within a deck.
    fn len(&self) -> u64 {
        let positions = self.offer.positions() as u64;
        match self.offer.takes() {
            Takes::One => positions,
            Takes::Set { lo, hi } => (hi - lo + 1) as u64 * positions,
        }
        .max(1)
    }

    /// The cards of the deck that is dealt at a turn, in their order.
    fn shuffled(&self, turn: u64) -> Vec<Made> {
        let mut rng = streams::at(self.key, turn / self.len());
        let positions = self.offer.positions();
        let mut cards: Vec<Made> = match self.offer.takes() {
            Takes::One => (0..positions as u32).map(Made::One).collect(),
            Takes::Set { lo, hi } => {
                let mut circle: Vec<usize> = (0..positions).collect();
                circle.shuffle(&mut rng);
                let set = |count: usize, from: usize| {
                    circle.iter().cycle().skip(from).take(count).fold(0u64, |mask, at| mask | 1 << at)
                };
                (lo..=hi)
                    .flat_map(|count| (0..positions).map(move |from| (count, from)))
                    .map(|(count, from)| Made::Set(set(count, from)))
                    .collect()
            }
        };
        cards.shuffle(&mut rng);
        cards
    }

    fn at(&self, turn: u64) -> Option<Made> {
        self.shuffled(turn).get((turn % self.len()) as usize).copied()
    }

    /// How many cards before this turn take one of these positions: what is inside of them was there so often.
    fn met_before(&self, positions: u64, turn: u64) -> u64 {
        let Some(of_a_deck) = self.met(positions) else {
            // It differs from deck to deck. What is inside is dealt by the turns of the whole then: equally often in the mean.
            return turn;
        };
        let in_this = self.shuffled(turn);
        let dealt = in_this.iter().take((turn % self.len()) as usize);
        turn / self.len() * of_a_deck + dealt.filter(|card| card.meets(positions)).count() as u64
    }

    /// How many cards of any deck take one of these positions, where it is the same of all.
    fn met(&self, positions: u64) -> Option<u64> {
        let all = u64::MAX.checked_shr(64 - self.offer.positions().min(64) as u32).unwrap_or(0);
        let many = u64::from((positions & all).count_ones());
        match self.offer.takes() {
            Takes::One => Some(many),
            Takes::Set { lo, hi } => (many <= 1).then(|| many * (lo..=hi).sum::<usize>() as u64),
        }
    }
}
