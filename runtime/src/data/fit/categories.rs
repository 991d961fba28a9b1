//! The categories of a column and what the training rows have of each, as they are kept with a model.

use nasrec_compiler::schema::{DenseColumn, Schema};

use super::tally::{Seen, Tally};
use crate::data::table::Dictionary;

/// What all training rows have of each value of a column.
#[derive(Clone, Debug, Default)]
pub(super) struct Categories {
    /// In the order of their bytes.
    values: Dictionary,
    /// Rows and clicks of each, and last of what is missing.
    seen: Vec<[u32; 2]>,
}

impl Categories {
    /// Those of the codes of a dictionary that some training row has.
    pub fn new(dictionary: &Dictionary, tally: &Tally) -> Self {
        let mut codes: Vec<u32> =
            (0..dictionary.len() as u32).filter(|&code| tally.all(code as usize).rows > 0).collect();
        codes.sort_unstable_by(|&a, &b| dictionary.value(a).cmp(dictionary.value(b)));
        let mut values = Dictionary::default();
        codes.iter().for_each(|&code| {
            // Fewer than those that were there.
            let _known = values.code(dictionary.value(code));
        });
        let all = codes.iter().map(|&code| code as usize).chain([dictionary.len()]);
        let seen = all.map(|code| tally.all(code)).map(|seen| [seen.rows as u32, seen.clicks as u32]).collect();
        Self { values, seen }
    }

    /// What the training rows have of a value, or of what is missing.
    pub fn seen(&self, value: Option<&[u8]>) -> Seen {
        let place = value.map_or(Some(self.values.len()), |value| self.values.find(value).map(|code| code as usize));
        place.and_then(|place| self.seen.get(place)).map_or(Seen::default(), of)
    }

    /// All of them.
    pub fn values(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.values.len() as u32).map(|code| self.values.value(code))
    }

    /// What they have altogether.
    pub fn all(&self) -> Seen {
        self.seen.iter().map(of).sum()
    }

    /// Values, where each ends, and rows and clicks of each and of what is missing.
    pub fn parts(&self) -> (&[u8], &[u32], &[[u32; 2]]) {
        let (bytes, ends) = self.values.parts();
        (bytes, ends, &self.seen)
    }

    /// Of such parts; none where they do not fit each other.
    pub fn of(bytes: &[u8], ends: &[u32], seen: Vec<[u32; 2]>) -> Option<Self> {
        let sound = seen.len() == ends.len() + 1 && seen.iter().all(|[rows, clicks]| clicks <= rows);
        sound.then(|| Dictionary::of(bytes, ends)).flatten().map(|values| Self { values, seen })
    }
}

fn of(&[rows, clicks]: &[u32; 2]) -> Seen {
    Seen { rows: rows.into(), clicks: clicks.into() }
}

/// The columns whose categories are kept: the first one of all that are made of the same.
pub(super) fn kept(schema: &Schema) -> impl Iterator<Item = (usize, &DenseColumn)> {
    schema.dense.iter().enumerate().filter(|(index, column)| kept_for(schema, column) == Some(*index))
}

/// The column whose categories a column is made of.
pub(super) fn kept_for(schema: &Schema, column: &DenseColumn) -> Option<usize> {
    column.encoding?;
    let same =
        |other: &DenseColumn| other.encoding.is_some() && (&other.from, &other.kind) == (&column.from, &column.kind);
    schema.dense.iter().position(same)
}
