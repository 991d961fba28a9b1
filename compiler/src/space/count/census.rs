//! How large a space is, in all, by block and by choice.

use num_bigint::BigUint;
use num_traits::One;

use super::distinct::Distinct;
use crate::ir::{CondId, SchemaSizes, SpaceGraph};

/// Counts of a space.
#[derive(Clone, Debug, PartialEq)]
pub struct Census {
    /// Every choice that exists, decided in every way.
    pub raw: BigUint,
    /// Those of them that the constraints on choices allow.
    pub valid: Tally,
    /// The architectures among these that differ.
    pub distinct: Tally,
    /// For each block instance, and for what is outside of blocks: its ways, which multiply to all.
    pub blocks: Vec<(Option<String>, BigUint)>,
    /// For each choice, the ways to decide it and what is inside of it, where it exists.
    pub choices: Vec<BigUint>,
}

/// A count, or what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Tally {
    /// The count itself.
    Exactly(BigUint),
    /// No more than this, and why it is not known exactly.
    AtMost(BigUint, String),
    /// No less and no more than this, what draws estimate, and why it is not known exactly.
    Between {
        /// Proved: what was drawn and is allowed.
        least: BigUint,
        /// Proved: all but what was drawn and is not allowed.
        most: BigUint,
        /// What draws say; not cut to what is proved.
        estimate: Estimate,
        /// A clause, as text.
        why: String,
    },
    /// Why it is not known.
    Unknown(String),
}

/// A count that draws estimate, each of what is counted as likely as any other.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// The share of the draws that were allowed, of all.
    pub count: BigUint,
    /// The interval of 95 % confidence: from here,
    pub from: BigUint,
    /// to here.
    pub to: BigUint,
    /// How many were drawn.
    pub draws: u64,
    /// How many of them were allowed.
    pub allowed: u64,
}

impl Tally {
    fn unknown(why: &str) -> Self {
        Self::Unknown(why.to_owned())
    }
}

impl SpaceGraph {
    /// Counts a space, with its constraints on choices; constraints that speak of the inputs' sizes need the schema's.
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
        let valid = self.valid_tally(schema, &raw);
        let distinct = match schema.map(|sizes| self.distinct_count(sizes)) {
            None => Tally::unknown("it depends on the data: bind a schema"),
            Some(Ok(Distinct::Exactly(count))) => Tally::Exactly(count),
            Some(Ok(Distinct::AtMost(count, why))) => Tally::AtMost(count, why),
            Some(Err(why)) => Tally::Unknown(why.to_string()),
        };
        Census { raw, valid, distinct, blocks, choices }
    }

    fn valid_tally(&self, schema: Option<SchemaSizes>, raw: &BigUint) -> Tally {
        let of_choices = self.constraints.iter().filter(|constraint| constraint.costs.is_empty());
        let conds: Vec<CondId> = of_choices.map(|constraint| constraint.holds).collect();
        if conds.is_empty() {
            return Tally::Exactly(raw.clone());
        }
        let sizes = match schema {
            Some(sizes) => sizes,
            None if conds.iter().any(|&cond| self.expressions.depends_on_schema(cond)) => {
                return Tally::unknown("a constraint depends on the data: bind a schema");
            }
            None => SchemaSizes::ONE,
        };
        match self.valid_count(sizes) {
            Ok(count) => Tally::Exactly(count),
            Err(_) => Tally::unknown("the constraints couple too many choices"),
        }
    }
}
