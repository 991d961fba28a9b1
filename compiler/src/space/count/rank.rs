//! Encodings by number: a bijection between the encodings that the constraints on choices allow and the numbers below
//! their count.

use num_bigint::BigUint;
use num_traits::{One, Zero};
use rand::Rng;

use super::valid::{Intractable, Validity};
use crate::ir::{ChoiceId, Made, Offer, SpaceGraph, Takes};
use crate::space::draw::below;
use crate::space::{Architecture, Space};

/// The choices of a space as a mixed-radix number; choices inside others are digits of theirs.
struct Digits<'a> {
    graph: &'a SpaceGraph,
    /// For each choice, in how many ways it and what is inside of it can be decided.
    ways: Vec<BigUint>,
    /// For each choice, those directly inside of it, with the positions at which they exist.
    inside: Vec<Vec<(u64, ChoiceId)>>,
    /// Choices that a diagram decides: they are no digits.
    apart: Vec<bool>,
}

impl<'a> Digits<'a> {
    fn new(graph: &'a SpaceGraph, variables: &[ChoiceId]) -> Self {
        let mut inside = vec![Vec::new(); graph.choices.len()];
        let mut apart = vec![false; graph.choices.len()];
        variables.iter().for_each(|choice| apart[choice.index()] = true);
        for (index, choice) in graph.choices.iter().enumerate() {
            if let Some((parent, positions)) = choice.parent {
                inside[parent.index()].push((positions, ChoiceId(index as u32)));
            }
        }
        Self { graph, ways: graph.ways_inside(), inside, apart }
    }

    /// The choices that exist around everything, and are digits.
    fn roots(&self) -> Vec<ChoiceId> {
        let all = self.graph.choices.iter().enumerate();
        all.filter(|(index, choice)| choice.parent.is_none() && !self.apart[*index])
            .map(|(index, _)| ChoiceId(index as u32))
            .collect()
    }

    /// The digits that exist when a choice takes this.
    fn below(&self, choice: ChoiceId, exists: impl Fn(u64) -> bool) -> Vec<ChoiceId> {
        let all = self.inside[choice.index()].iter();
        all.filter(|(positions, inner)| exists(*positions) && !self.apart[inner.index()]).map(|&(_, c)| c).collect()
    }

    /// Ways of several digits together.
    fn product(&self, digits: &[ChoiceId]) -> BigUint {
        digits.iter().fold(BigUint::one(), |product, digit| product * &self.ways[digit.index()])
    }

    /// Decides several digits by one number below the product of their ways.
    fn unrank_all(&self, digits: &[ChoiceId], mut rank: BigUint, into: &mut Architecture) {
        for &digit in digits {
            let ways = &self.ways[digit.index()];
            let own = &rank % ways;
            rank /= ways;
            self.unrank(digit, own, into);
        }
    }

    fn rank_all(&self, digits: &[ChoiceId], of: &Architecture) -> Option<BigUint> {
        let mut rank = BigUint::zero();
        for &digit in digits.iter().rev() {
            rank = rank * &self.ways[digit.index()] + self.rank(digit, of)?;
        }
        Some(rank)
    }

    /// Ways of the choices inside position `at` of a set; a choice inside exists with one position.
    fn at(&self, choice: ChoiceId, at: usize) -> (Vec<ChoiceId>, BigUint) {
        let digits = self.below(choice, |positions| positions >> at & 1 == 1);
        let ways = self.product(&digits);
        (digits, ways)
    }

    fn unrank(&self, choice: ChoiceId, mut rank: BigUint, into: &mut Architecture) {
        let offer = &self.graph.choices[choice.index()].offer;
        match offer.takes() {
            Takes::Set { lo, hi } => {
                let table = self.subsets(choice, lo, hi, offer.positions());
                let (mut mask, mut taken) = (0u64, 0);
                for at in 0..offer.positions() {
                    let without = &table[at + 1][taken];
                    if rank < *without {
                        continue;
                    }
                    rank -= without;
                    let (digits, ways) = self.at(choice, at);
                    self.unrank_all(&digits, &rank % &ways, into);
                    rank /= ways;
                    mask |= 1 << at;
                    taken += 1;
                }
                into.set(choice, Some(Made::Set(mask)));
            }
            Takes::One => {
                for made in offer.options() {
                    let digits = self.below(choice, |positions| made.meets(positions));
                    let ways = self.product(&digits);
                    if rank < ways {
                        into.set(choice, Some(made));
                        return self.unrank_all(&digits, rank, into);
                    }
                    rank -= ways;
                }
            }
        }
    }

    fn rank(&self, choice: ChoiceId, of: &Architecture) -> Option<BigUint> {
        let made = of.get(choice)?;
        let offer = &self.graph.choices[choice.index()].offer;
        match offer.takes() {
            Takes::Set { lo, hi } => {
                let table = self.subsets(choice, lo, hi, offer.positions());
                let mut taken = (0..offer.positions()).filter(|&at| made.has(at)).count();
                if !(lo..=hi).contains(&taken) {
                    return None;
                }
                let mut rank = BigUint::zero();
                for at in (0..offer.positions()).rev().filter(|&at| made.has(at)) {
                    taken -= 1;
                    let (digits, ways) = self.at(choice, at);
                    rank = rank * ways + self.rank_all(&digits, of)? + &table[at + 1][taken];
                }
                Some(rank)
            }
            Takes::One => {
                let mut rank = BigUint::zero();
                for option in offer.options() {
                    let digits = self.below(choice, |positions| option.meets(positions));
                    if option == made {
                        return Some(rank + self.rank_all(&digits, of)?);
                    }
                    rank += self.product(&digits);
                }
                None
            }
        }
    }

    /// `[position][taken]`: ways to decide the positions from there on, when so many are taken already.
    fn subsets(&self, choice: ChoiceId, lo: usize, hi: usize, all: usize) -> Vec<Vec<BigUint>> {
        let end: Vec<BigUint> = (0..=hi).map(|taken| BigUint::from(u8::from(taken >= lo))).collect();
        let mut table = vec![end];
        for at in (0..all).rev() {
            let next = &table[table.len() - 1];
            let (_, ways) = self.at(choice, at);
            let row = (0..=hi).map(|taken| match next.get(taken + 1) {
                Some(with) => &next[taken] + &ways * with,
                None => next[taken].clone(),
            });
            let row = row.collect();
            table.push(row);
        }
        table.reverse();
        table
    }
}

impl Space {
    /// How many encodings the constraints on choices allow.
    ///
    /// # Errors
    /// The constraints couple too many choices.
    pub fn valid_count(&self) -> Result<BigUint, Intractable> {
        match &*self.validity {
            Validity::Free => Ok(self.graph.raw_count()),
            Validity::Diagram(diagram) => Ok(diagram.count()),
            Validity::Rejection(_) => Err(Intractable::TooLarge),
        }
    }

    /// The encoding of this number, below [`Space::valid_count`]; `None` beyond it.
    ///
    /// # Errors
    /// The constraints couple too many choices.
    pub fn unrank(&self, rank: &BigUint) -> Result<Option<Architecture>, Intractable> {
        Ok(Numbered::new(self)?.unrank(rank))
    }

    /// The number of an encoding; `None` where a choice that exists is open, or the constraints forbid it.
    ///
    /// # Errors
    /// The constraints couple too many choices.
    pub fn rank(&self, architecture: &Architecture) -> Result<Option<BigUint>, Intractable> {
        match &*self.validity {
            Validity::Free => {
                let digits = Digits::new(&self.graph, &[]);
                Ok(digits.rank_all(&digits.roots(), architecture))
            }
            Validity::Diagram(diagram) => {
                let digits = Digits::new(&self.graph, diagram.variables());
                let roots = digits.roots();
                let inner = |choice, made: Made| {
                    digits.rank_all(&digits.below(choice, |positions| made.meets(positions)), architecture)
                };
                let path = diagram.rank(&|choice| architecture.get(choice), &inner);
                let outside = digits.rank_all(&roots, architecture);
                Ok(path.zip(outside).map(|(path, outside)| path * digits.product(&roots) + outside))
            }
            Validity::Rejection(_) => Err(Intractable::TooLarge),
        }
    }
}

/// The encodings of a space by number, with what is needed for each of them.
pub(in crate::space) struct Numbered<'a> {
    space: &'a Space,
    digits: Digits<'a>,
    count: BigUint,
}

impl<'a> Numbered<'a> {
    /// # Errors
    /// The constraints couple too many choices.
    pub fn new(space: &'a Space) -> Result<Self, Intractable> {
        let apart = match &*space.validity {
            Validity::Diagram(diagram) => diagram.variables(),
            _ => &[],
        };
        Ok(Self { space, digits: Digits::new(&space.graph, apart), count: space.valid_count()? })
    }

    /// What one encoding takes, in numbers that are looked at.
    pub fn work(&self) -> usize {
        let of = |offer: &Offer| match offer.takes() {
            Takes::Set { hi, .. } => offer.positions() * (1 + hi),
            Takes::One => usize::try_from(offer.option_count()).unwrap_or(usize::MAX),
        };
        self.space.choices().iter().map(|choice| of(&choice.offer)).fold(0, usize::saturating_add)
    }

    /// One of them, each as likely as any other; `None` where there is none.
    pub fn draw(&self, rng: &mut impl Rng) -> Option<Architecture> {
        if self.count.is_zero() { None } else { self.unrank(&below(&self.count, rng)) }
    }

    /// The encoding of this number; `None` where there are fewer.
    pub fn unrank(&self, rank: &BigUint) -> Option<Architecture> {
        if *rank >= self.count {
            return None;
        }
        let digits = &self.digits;
        let roots = digits.roots();
        let mut architecture = Architecture::new(vec![None; self.space.choices().len()]);
        match &*self.space.validity {
            Validity::Diagram(diagram) => {
                let ways = digits.product(&roots);
                digits.unrank_all(&roots, rank % &ways, &mut architecture);
                let path = diagram.unrank(rank / ways);
                for &(choice, made, _) in &path {
                    architecture.set(choice, Some(made));
                }
                for (choice, made, inner) in path {
                    let below = digits.below(choice, |positions| made.meets(positions));
                    digits.unrank_all(&below, inner, &mut architecture);
                }
            }
            _ => digits.unrank_all(&roots, rank.clone(), &mut architecture),
        }
        Some(architecture)
    }
}
