//! How trees are grown, and what of that may be tuned.

use nasrec_compiler::recipe::Domain;

/// Most leaves that a tuned tree has.
pub(crate) const MOST_LEAVES: usize = 127;

/// How each tree is grown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Growth {
    /// What the values of leaves are multiplied by.
    pub rate: f64,
    /// Most leaves of a tree.
    pub leaves: usize,
    /// The least sum of second derivatives of a leaf: 5 is a few dozen rows.
    pub least: f64,
    /// Added to the sum of second derivatives of a leaf, which so has a smaller value.
    pub l2: f64,
    /// The share of the columns that each tree is grown on.
    pub columns: f64,
}

impl Default for Growth {
    fn default() -> Self {
        Self { rate: 0.05, leaves: 31, least: 5.0, l2: 5.0, columns: 0.5 }
    }
}

impl Growth {
    /// What its numbers are looked for in, in their order.
    pub fn domains() -> [Domain; 5] {
        [
            Domain::Log(0.02, 0.2),
            Domain::Integers(7.0, MOST_LEAVES as f64),
            Domain::Log(1.0, 50.0),
            Domain::Log(0.5, 50.0),
            Domain::Uniform(0.3, 1.0),
        ]
    }

    /// At places from 0 to 1 of each domain.
    pub fn at(places: &[f64]) -> Self {
        let domains = Self::domains();
        let at = |index: usize| domains[index].at(places.get(index).copied().unwrap_or(0.5));
        Self { rate: at(0), leaves: at(1) as usize, least: at(2), l2: at(3), columns: at(4) }
    }

    /// Its numbers by their names, for a person.
    pub fn shown(&self) -> [(&'static str, String); 5] {
        let Self { rate, leaves, least, l2, columns } = self;
        [
            ("rate", format!("{rate:.3}")),
            ("leaves", leaves.to_string()),
            ("least", format!("{least:.1}")),
            ("l2", format!("{l2:.1}")),
            ("columns", format!("{columns:.2}")),
        ]
    }
}
