//! The numbers of dense columns before their steps: read in the file, or made of categories.

use nasrec_compiler::schema::{Encoding, Schema};

use super::categories::Categories;
use super::encoder::{Encoder, code_at, number_at};
use super::tally::{Draw, Seen, Tally};
use crate::data::table::{Cells, Dictionaries, Dictionary};

/// Where the number of a dense column comes from.
pub(super) enum Source<'a> {
    /// It lies at this byte of a row.
    Number(usize),
    /// A category lies there.
    Category(Category<'a>),
}

/// How the codes of a dictionary become numbers.
pub(super) struct Category<'a> {
    at: usize,
    encoding: Encoding,
    /// Of all training rows.
    rate: f64,
    /// Of each code, and last of what is missing.
    numbers: Vec<f64>,
    /// Of these codes; for rows that are in one of its folds.
    tally: Option<&'a Tally>,
}

impl Source<'_> {
    /// The number of a row: of one that is learnt from with what says which fold it is in.
    pub fn number(&self, row: &[u8], draw: Option<Draw>) -> Option<f64> {
        match self {
            Self::Number(at) => number_at(row, *at),
            Self::Category(category) => {
                let code = code_at(row, category.at).map_or(category.numbers.len() - 1, |code| code as usize);
                Some(match (category.tally, draw) {
                    (Some(tally), Some(draw)) => number(category.encoding, tally.others(code, draw), category.rate),
                    _ => category.numbers[code],
                })
            }
        }
    }
}

impl Category<'_> {
    /// Extends what is known of the codes of a dictionary, which is that of this dense column.
    pub fn extend(&mut self, known: &Categories, dictionary: &Dictionary) {
        let missing = self.numbers.pop();
        let seen =
            (self.numbers.len() as u32..dictionary.len() as u32).map(|code| known.seen(Some(dictionary.value(code))));
        self.numbers.extend(seen.map(|seen| number(self.encoding, seen, self.rate)));
        self.numbers.extend(missing);
    }

    /// Forgets all codes.
    pub fn forget(&mut self) {
        self.numbers.drain(..self.numbers.len().saturating_sub(1));
    }
}

/// Of each dense column that something is learnt of, with no code known yet.
pub(super) fn sources<'a>(
    schema: &Schema,
    cells: &Cells,
    encoder: &Encoder,
    tallies: Option<&'a Tallies>,
) -> Vec<Option<Source<'a>>> {
    let each = schema.dense.iter().enumerate().map(|(column, dense)| {
        let at = cells.source_of_dense(column)?;
        let (Some(encoding), Some(_)) = (dense.encoding, cells.dictionary_of_dense(column)) else {
            return Some(Source::Number(at));
        };
        let known = encoder.categories_of(schema, column)?;
        let rate = known.all().rate();
        let numbers = vec![number(encoding, known.seen(None), rate)];
        let tally = match encoding {
            Encoding::Target { folds, .. } => {
                tallies.and_then(|tallies| tallies.of(cells.dictionary_of_dense(column), folds))
            }
            // A row counts itself: that says nothing of its label.
            Encoding::Count => None,
        };
        Some(Source::Category(Category { at, encoding, rate, numbers, tally }))
    });
    each.collect()
}

/// Extends what sources know of the codes of a dictionary of the cells.
pub(super) fn extend(
    sources: &mut [Option<Source>],
    (schema, cells, encoder): (&Schema, &Cells, &Encoder),
    (index, dictionary): (usize, &Dictionary),
) {
    for (column, source) in sources.iter_mut().enumerate() {
        if let Some(Source::Category(category)) = source
            && cells.dictionary_of_dense(column) == Some(index)
            && let Some(known) = encoder.categories_of(schema, column)
        {
            category.extend(known, dictionary);
        }
    }
}

fn number(encoding: Encoding, seen: Seen, rate: f64) -> f64 {
    encoding.of(seen.rows, seen.clicks, rate)
}

/// The tallies of the training rows, one for all columns that need the same.
#[derive(Default)]
pub(super) struct Tallies(pub Vec<(Needed, Tally)>);

/// What a tally is of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Needed {
    pub dictionary: usize,
    /// Byte of a row where its codes lie.
    pub at: usize,
    pub folds: u32,
}

impl Tallies {
    /// Empty ones, for all that a schema makes of categories.
    pub fn wanted(schema: &Schema, cells: &Cells, dictionaries: &Dictionaries) -> Self {
        let mut wanted = Self::default();
        for (column, dense) in schema.dense.iter().enumerate() {
            let (Some(dictionary), Some(at)) = (cells.dictionary_of_dense(column), cells.source_of_dense(column))
            else {
                continue;
            };
            let folds = match dense.encoding {
                Some(Encoding::Target { folds, .. }) => folds,
                Some(Encoding::Count) => 1,
                None => continue,
            };
            let needed = Needed { dictionary, at, folds };
            if wanted.0.iter().all(|(known, _)| *known != needed) {
                // What is missing is the last category.
                wanted.0.push((needed, Tally::new(dictionaries[dictionary].len() + 1, folds)));
            }
        }
        wanted
    }

    /// Of the codes of a dictionary, in so many folds.
    pub fn of(&self, dictionary: Option<usize>, folds: u32) -> Option<&Tally> {
        let fits = |needed: &Needed| Some(needed.dictionary) == dictionary && needed.folds == folds;
        self.0.iter().find(|(needed, _)| fits(needed)).map(|(_, tally)| tally)
    }

    /// Of the codes of a dictionary, in whatever folds.
    pub fn any_of(&self, dictionary: usize) -> Option<&Tally> {
        self.0.iter().find(|(needed, _)| needed.dictionary == dictionary).map(|(_, tally)| tally)
    }
}
