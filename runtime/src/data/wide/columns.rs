//! Columns side by side, encoded all at once where their values look as they nearly always do.

use std::sync::Arc;

use nasrec_compiler::schema::{Table, Transform, Type};

use super::digits::{NOTHING, OTHER, TOGETHER};
use super::hashes::Seeds;
use crate::data::table::{Becomes, Cell, Cells, numeric};
use crate::data::text::Line;

/// Integers from 0 whose encoding in every numeric column is worked out once: most of those that a table of counts has.
const TABULATED: usize = 4096;

/// Columns that are read alike, all at once, and make words of a row that lie one behind the other.
pub(super) struct Group {
    /// Index of the first one's cell; those of the others follow.
    pub first: usize,
    pub count: usize,
    /// The first one's word of the row.
    pub word: usize,
    kind: Kind,
}

/// How a category is written.
#[derive(Clone, Copy, PartialEq)]
enum Digits {
    Decimal,
    Hexadecimal,
}

enum Kind {
    /// One list a column: what a missing value is, then the encoded integers, NaN where one cannot be encoded. Columns
    /// with the same transforms share one, which then stays in the processor's first cache.
    Numeric(Vec<Arc<[f32]>>),
    Categorical(Digits, Box<Tables>),
    Hashed(Box<Hashed>),
}

/// Tables whose rows are hashes.
struct Hashed {
    seeds: Seeds,
    divisors: [u64; TOGETHER],
    /// `2^64` over the divisor, rounded down.
    inverses: [u64; TOGETHER],
}

/// What a cell's column is read as.
#[derive(Clone, Copy, PartialEq)]
enum Alike<'c> {
    Numeric(&'c [Transform]),
    Categorical(Digits, u32),
    Hashed { seed: u64, rows: u32 },
}

impl<'c> Alike<'c> {
    /// None where it is read one by one. `marked`: there are words for what is missing.
    fn of(cell: &'c Cell, marked: bool) -> Option<Self> {
        if cell.several.is_some() {
            return None;
        }
        Some(match (&cell.becomes, &cell.kind) {
            (Becomes::Numeric(transforms), Type::Number | Type::Int) => Self::Numeric(transforms),
            (Becomes::Row(Table::Modulo, rows), Type::Hex) => Self::Categorical(Digits::Hexadecimal, *rows),
            (Becomes::Row(Table::Modulo, rows), Type::Int) => Self::Categorical(Digits::Decimal, *rows),
            (Becomes::Row(Table::Hash { seed }, rows), Type::Text) if !marked => {
                Self::Hashed { seed: *seed, rows: *rows }
            }
            _ => return None,
        })
    }

    fn is_beside(self, other: Self) -> bool {
        match (self, other) {
            (Self::Categorical(one, _), Self::Categorical(other, _)) => one == other,
            _ => std::mem::discriminant(&self) == std::mem::discriminant(&other),
        }
    }
}

/// A number for each column; columns that are not there divide by one.
struct Tables {
    divisors: [u32; TOGETHER],
    /// `2^64` over the divisor, rounded up; 0 for 1, whose remainders are all 0.
    inverses: [u64; TOGETHER],
}

impl Group {
    /// Those of a table, and the cells that are in none. Where there are words for what is missing, texts are in no group;
    /// where these may be digits, nothing is.
    pub fn of(cells: &Cells) -> (Vec<Self>, Vec<usize>) {
        let digits = |mark: &Vec<u8>| !mark.is_empty() && mark.iter().all(u8::is_ascii_hexdigit);
        let (marked, as_digits) = (!cells.missing().is_empty(), cells.missing().iter().any(digits));
        let alike = |cell| Alike::of(cell, marked).filter(|_| !as_digits);
        let each: Vec<_> = cells.each().iter().map(|cell| (cell, alike(cell))).collect();
        let (mut groups, mut rest, mut tabulated, mut first) = (Vec::new(), Vec::new(), Tabulated::default(), 0);
        let beside = |(cell, one): &(&Cell, Option<Alike>), (next, other): &(&Cell, Option<Alike>)| match (one, other) {
            (Some(one), Some(other)) => one.is_beside(*other) && next.at == cell.at + 4,
            _ => false,
        };
        for alike in each.chunk_by(beside) {
            for part in alike.chunks(TOGETHER) {
                let of: Vec<Alike> = part.iter().filter_map(|(_, alike)| *alike).collect();
                match Kind::of(&of, &mut tabulated) {
                    Some(kind) => groups.push(Self { first, count: part.len(), word: part[0].0.at / 4, kind }),
                    None => rest.push(first),
                }
                first += part.len();
            }
        }
        (groups, rest)
    }

    /// Encodes texts that look as they nearly always do, and returns the bits of the others.
    #[inline(always)]
    pub fn encode(&self, line: &Line, places: &Run, words: &mut [[u8; 4]]) -> u32 {
        let texts = if places.in_order { line.texts(places.of[0]) } else { line.texts_at(&places.of) };
        let Some(texts) = texts else { return u32::MAX >> (32 - self.count) };
        let mut others = 0;
        match &self.kind {
            Kind::Numeric(tabulated) => {
                let numbers = texts.decimal();
                for (index, (word, tabulated)) in words.iter_mut().zip(tabulated).enumerate() {
                    // Nothing is the first, 0 the second.
                    let known = tabulated.get(numbers[index].wrapping_add(1) as usize).copied().unwrap_or(f32::NAN);
                    *word = known.to_le_bytes();
                    others |= u32::from(known.is_nan()) << index;
                }
            }
            Kind::Categorical(digits, tables) => {
                let numbers = match digits {
                    Digits::Hexadecimal => texts.hexadecimal(),
                    Digits::Decimal => texts.decimal(),
                };
                let rows = tables.rows(&numbers);
                for (index, (word, row)) in words.iter_mut().zip(rows).enumerate() {
                    *word = row.to_le_bytes();
                    others |= u32::from(numbers[index] == OTHER) << index;
                }
            }
            Kind::Hashed(tables) => {
                let hashes = tables.seeds.hash(&texts);
                for (index, word) in words.iter_mut().enumerate() {
                    let length = texts.lengths[index];
                    let row = tables.remainder(hashes[index], index) + 1;
                    *word = (if length == 0 { 0 } else { row as u32 }).to_le_bytes();
                    others |= u32::from(length > 8) << index;
                }
            }
        }
        others
    }
}

/// Where the values of a group are in the lines of a file.
pub(super) struct Run {
    pub of: Vec<usize>,
    /// One behind the other, and not the first of a line.
    in_order: bool,
}

impl Run {
    pub fn new(of: Vec<usize>) -> Self {
        let in_order = of.first().is_some_and(|&first| first > 0) && of.windows(2).all(|pair| pair[1] == pair[0] + 1);
        Self { of, in_order }
    }
}

impl Kind {
    /// None where there are no columns.
    fn of<'c>(columns: &[Alike<'c>], tabulated: &mut Tabulated<'c>) -> Option<Self> {
        Some(match columns.first()? {
            Alike::Numeric(_) => {
                let transforms = columns.iter().filter_map(|column| match column {
                    Alike::Numeric(transforms) => Some(*transforms),
                    _ => None,
                });
                Self::Numeric(transforms.map(|transforms| tabulated.of(transforms)).collect())
            }
            Alike::Categorical(digits, _) => {
                let rows = columns.iter().filter_map(|column| match column {
                    Alike::Categorical(_, rows) => Some(*rows),
                    _ => None,
                });
                Self::Categorical(*digits, Box::new(Tables::of(rows)))
            }
            Alike::Hashed { .. } => {
                let tables = columns.iter().filter_map(|column| match column {
                    Alike::Hashed { seed, rows } => Some((*seed, *rows)),
                    _ => None,
                });
                Self::Hashed(Box::new(Hashed::of(&tables.collect::<Vec<_>>())))
            }
        })
    }
}

impl Hashed {
    /// Of tables of a seed and so many rows each.
    fn of(tables: &[(u64, u32)]) -> Self {
        let mut hashed = Self {
            seeds: Seeds::of(tables.iter().map(|(seed, _)| *seed)),
            divisors: [1; TOGETHER],
            inverses: [u64::MAX; TOGETHER],
        };
        for (index, (_, rows)) in tables.iter().enumerate() {
            hashed.divisors[index] = u64::from(rows - 1);
            hashed.inverses[index] = u64::MAX / hashed.divisors[index];
        }
        hashed
    }

    /// The remainder of a hash out of products: a division would take as long as the hash. What the inverse lacks of its fraction
    /// makes the quotient too small by one at most.
    #[inline(always)]
    fn remainder(&self, hash: u64, index: usize) -> u64 {
        let (divisor, inverse) = (self.divisors[index], self.inverses[index]);
        let quotient = ((u128::from(hash) * u128::from(inverse)) >> 64) as u64;
        let rest = hash - quotient * divisor;
        // The smaller one, as what is below nothing wraps: which of them it is, no processor foresees.
        rest.min(rest.wrapping_sub(divisor))
    }
}

impl Tables {
    /// Of tables of so many rows.
    fn of(rows: impl Iterator<Item = u32>) -> Self {
        let mut tables = Self { divisors: [1; TOGETHER], inverses: [0; TOGETHER] };
        for (index, rows) in rows.enumerate() {
            tables.divisors[index] = rows - 1;
            tables.inverses[index] = inverse(rows - 1);
        }
        tables
    }

    #[inline(always)]
    fn rows(&self, numbers: &[u64; TOGETHER]) -> [u32; TOGETHER] {
        let mut rows = [0; TOGETHER];
        for (index, row) in rows.iter_mut().enumerate() {
            let number = numbers[index];
            let remainder = remainder(number as u32, self.divisors[index], self.inverses[index]);
            *row = if number == NOTHING { 0 } else { remainder + 1 };
        }
        rows
    }
}

/// What [`remainder`] multiplies by.
fn inverse(divisor: u32) -> u64 {
    (u64::MAX / u64::from(divisor)).wrapping_add(1)
}

/// `value % divisor` out of products: a division would take as long as reading the digits. The inverse times `value`,
/// modulo `2^64`, is the fraction of the quotient, exact enough for 32 bits (Lemire, Kaser and Kurz, "Faster remainder by
/// direct computation", 2019).
#[inline(always)]
fn remainder(value: u32, divisor: u32, inverse: u64) -> u32 {
    let (fraction, divisor) = (inverse.wrapping_mul(u64::from(value)), u64::from(divisor));
    // The upper half of a product of 96 bits, by halves, as vectors have products of 32 bits.
    let low = (fraction & 0xffff_ffff) * divisor;
    (((fraction >> 32) * divisor + (low >> 32)) >> 32) as u32
}

/// For lists of transforms what a missing value becomes, and then the integers from 0 on.
#[derive(Default)]
struct Tabulated<'c> {
    known: Vec<(&'c [Transform], Arc<[f32]>)>,
}

impl<'c> Tabulated<'c> {
    fn of(&mut self, transforms: &'c [Transform]) -> Arc<[f32]> {
        if let Some((_, known)) = self.known.iter().find(|(other, _)| *other == transforms) {
            return Arc::clone(known);
        }
        // One that the steps make infinite is read slowly, and told.
        let encoded = |number| numeric(transforms, number).unwrap_or(f32::NAN);
        let made: Arc<[f32]> =
            std::iter::once(None).chain((0..TABULATED).map(|i| Some(i as f64))).map(encoded).collect();
        self.known.push((transforms, Arc::clone(&made)));
        made
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn remainders_of_hashes_are_those_of_a_division(hash: u64, rows in 2u32.., bits in 0..64) {
            for (hash, rows) in [(hash, rows), (u64::MAX >> bits, rows), (hash, rows >> 20 | 2), (u64::MAX, 2), (hash, 2)] {
                prop_assert_eq!(Hashed::of(&[(0, rows)]).remainder(hash, 0), hash % u64::from(rows - 1));
            }
        }

        #[test]
        fn remainders_are_those_of_a_division(value: u32, bits in 0..32, divisor in 1u32..) {
            for (value, divisor) in [(value >> bits, divisor), (value, divisor >> 20 | 1), (u32::MAX >> bits, 1)] {
                prop_assert_eq!(remainder(value, divisor, inverse(divisor)), value % divisor);
            }
        }
    }
}
