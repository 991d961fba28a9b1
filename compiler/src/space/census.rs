//! How large a space is, in all, by block and by choice.

use num_bigint::BigUint;
use num_traits::{One, Zero};

use super::valid::Diagram;
use crate::ir::{CondId, SchemaSizes, SpaceGraph};

/// Counts of a space. All of them are exact.
#[derive(Clone, Debug, PartialEq)]
pub struct Census {
    /// Every choice that exists, decided in every way.
    pub raw: BigUint,
    /// Those of them that the constraints on choices allow.
    pub valid: Valid,
    /// For each block instance, and for what is outside of blocks: its ways, which multiply to all.
    pub blocks: Vec<(Option<String>, BigUint)>,
    /// For each choice, the ways to decide it and what is inside of it, where it exists.
    pub choices: Vec<BigUint>,
}

/// How many encodings the constraints on choices allow.
#[derive(Clone, Debug, PartialEq)]
pub enum Valid {
    Known(BigUint),
    /// Why it is not known.
    Unknown(&'static str),
}

impl SpaceGraph {
    /// Counts a space; constraints that speak of the inputs' sizes need the schema's.
    pub fn census(&self, schema: Option<SchemaSizes>) -> Census {
        let choices = self.ways_inside();
        let mut blocks: Vec<(Option<String>, BigUint)> = Vec::new();
        for (choice, ways) in self.choices.iter().zip(&choices).filter(|(choice, _)| choice.parent.is_none()) {
            match blocks.iter_mut().find(|(block, _)| *block == choice.block) {
                Some((_, product)) => *product *= ways,
                None => blocks.push((choice.block.clone(), BigUint::one() * ways)),
            }
        }
        let raw = self.raw_count();
        let valid = self.valid_count(schema, &raw);
        Census { raw, valid, blocks, choices }
    }

    fn valid_count(&self, schema: Option<SchemaSizes>, raw: &BigUint) -> Valid {
        let of_choices = self.constraints.iter().filter(|constraint| constraint.costs.is_empty());
        let conds: Vec<CondId> = of_choices.map(|constraint| constraint.holds).collect();
        if conds.is_empty() {
            return Valid::Known(raw.clone());
        }
        let sizes = match schema {
            Some(sizes) => sizes,
            None if conds.iter().any(|&cond| self.expressions.needs_schema(cond)) => {
                return Valid::Unknown("a constraint depends on the data: bind a schema");
            }
            None => SchemaSizes { numeric: 1, fields: 1 },
        };
        match Diagram::build(self, sizes, &conds) {
            Ok(Some(diagram)) => Valid::Known(diagram.count()),
            Ok(None) => Valid::Known(BigUint::zero()),
            Err(_) => Valid::Unknown("the constraints couple too many choices"),
        }
    }
}
