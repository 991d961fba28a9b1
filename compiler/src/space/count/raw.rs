//! How many encodings a space has.

use num_bigint::BigUint;
use num_traits::One;

use crate::ir::{ChoiceId, SpaceGraph};

impl SpaceGraph {
    /// The number of raw encodings, exactly: every choice that exists, decided in every way (language rule 8).
    pub fn raw_count(&self) -> BigUint {
        let ways = self.ways_inside();
        let roots = self.choices.iter().zip(&ways).filter(|(choice, _)| choice.parent.is_none());
        roots.fold(BigUint::one(), |product, (_, ways)| product * ways)
    }

    /// For each choice, in how many ways it and the choices inside of it can be decided, where it exists.
    pub(crate) fn ways_inside(&self) -> Vec<BigUint> {
        // Choices inside an alternative come after it, so one pass backwards meets them first.
        let mut ways: Vec<BigUint> = vec![BigUint::one(); self.choices.len()];
        let mut inside: Vec<Vec<(u64, ChoiceId)>> = vec![Vec::new(); self.choices.len()];
        for (index, choice) in self.choices.iter().enumerate() {
            if let Some((parent, positions)) = choice.parent {
                inside[parent.index()].push((positions, ChoiceId(index as u32)));
            }
        }
        for index in (0..self.choices.len()).rev() {
            let under = |position: usize| {
                inside[index]
                    .iter()
                    .filter(|(positions, _)| positions >> position & 1 == 1)
                    .fold(BigUint::one(), |product, (_, child)| product * &ways[child.index()])
            };
            let offer = &self.choices[index].offer;
            ways[index] = of_sets(offer.takes().range(), (0..offer.positions()).map(under));
        }
        ways
    }
}

/// The sum over all sets of `lo` to `hi` members of the product of their ways: elementary symmetric polynomials.
pub(crate) fn of_sets((lo, hi): (usize, usize), ways: impl Iterator<Item = BigUint>) -> BigUint {
    let mut of_size = vec![BigUint::one()];
    of_size.resize(hi + 1, BigUint::ZERO);
    for ways in ways {
        for size in (1..=hi).rev() {
            let with = &of_size[size - 1] * &ways;
            of_size[size] += with;
        }
    }
    of_size[lo..].iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_multiply_what_is_inside() {
        // Of three alternatives with 2, 3 and 5 ways: one, or two of them.
        let ways = || [2u32, 3, 5].into_iter().map(BigUint::from);
        assert_eq!(of_sets((1, 1), ways()), BigUint::from(10u32));
        assert_eq!(of_sets((1, 2), ways()), BigUint::from(10u32 + 6 + 10 + 15));
        assert_eq!(of_sets((2, 3), ways()), BigUint::from(31u32 + 30));
    }

    #[test]
    fn sets_of_nothing_more_are_binomials() {
        let seven = || vec![BigUint::one(); 7].into_iter();
        assert_eq!(of_sets((0, 0), seven()), BigUint::one());
        assert_eq!(of_sets((1, 4), seven()), BigUint::from(98u32));
    }
}
