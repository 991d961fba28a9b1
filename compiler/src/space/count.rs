//! How many encodings a space has.

use num_bigint::BigUint;
use num_traits::One;

use crate::ir::{ChoiceId, ChoiceKind, SpaceGraph};

impl SpaceGraph {
    /// The number of raw encodings, exactly: every choice that exists, decided in every way (language rule 8).
    pub fn raw_count(&self) -> BigUint {
        // Choices inside an alternative come after it, so one pass backwards meets them first.
        let mut ways: Vec<BigUint> = vec![BigUint::one(); self.choices.len()];
        let mut inside: Vec<Vec<(u32, ChoiceId)>> = vec![Vec::new(); self.choices.len()];
        for (index, choice) in self.choices.iter().enumerate() {
            if let Some((parent, position)) = choice.parent {
                inside[parent.index()].push((position, ChoiceId(index as u32)));
            }
        }
        for index in (0..self.choices.len()).rev() {
            let under = |position: u32| {
                inside[index]
                    .iter()
                    .filter(|(at, _)| *at == position)
                    .fold(BigUint::one(), |product, (_, child)| product * &ways[child.index()])
            };
            ways[index] = match &self.choices[index].kind {
                ChoiceKind::Width { values } => BigUint::from(values.len()),
                ChoiceKind::Pick { lo, hi, sources } => (*lo..=*hi).map(|k| binomial(sources.len(), k)).sum(),
                ChoiceKind::Choose { alternatives } => (0..alternatives.len() as u32).map(under).sum(),
                ChoiceKind::Maybe => BigUint::one() + under(1),
            };
        }
        let roots = self.choices.iter().zip(&ways).filter(|(choice, _)| choice.parent.is_none());
        roots.fold(BigUint::one(), |product, (_, ways)| product * ways)
    }
}

fn binomial(n: usize, k: usize) -> BigUint {
    (0..k).fold(BigUint::one(), |c, i| c * BigUint::from(n - i) / BigUint::from(i + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binomials() {
        assert_eq!(binomial(7, 0), BigUint::one());
        assert_eq!((1..=4).map(|k| binomial(7, k)).sum::<BigUint>(), BigUint::from(98u32));
    }
}
