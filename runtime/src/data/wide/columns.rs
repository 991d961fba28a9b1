//! Columns side by side, encoded all at once where their values look as they nearly always do.

use std::sync::Arc;

use nasrec_compiler::schema::{DenseColumn, Schema, SparseColumn, Type};

use super::digits::{NOTHING, OTHER, TOGETHER, Texts};
use crate::data::table::numeric;

/// Integers from 0 whose encoding in every numeric column is worked out once: most of those that a table of counts has.
const TABULATED: usize = 4096;

/// Columns side by side that are read alike, all at once.
pub(super) struct Group {
    /// Counted from 0, the label's.
    pub first: usize,
    pub count: usize,
    kind: Kind,
}

enum Kind {
    /// One list a column: what a missing value is, then the encoded integers, NaN where one cannot be encoded. Columns
    /// with the same transforms share one, which then stays in the processor's first cache.
    Numeric(Vec<Arc<[f32]>>),
    Categorical(Digits, Box<Tables>),
}

/// How a category is written.
#[derive(Clone, Copy)]
enum Digits {
    Decimal,
    Hexadecimal,
}

/// A number for each column; columns that are not there divide by one.
struct Tables {
    divisors: [u32; TOGETHER],
    /// `2^64` over the divisor, rounded up; 0 for 1, whose remainders are all 0.
    inverses: [u64; TOGETHER],
    missing: [u32; TOGETHER],
}

impl Group {
    /// All columns but the label.
    pub fn of(schema: &Schema) -> Vec<Self> {
        let (mut groups, mut first) = (Vec::new(), 1);
        let mut add = |count, kind| {
            groups.push(Self { first, count, kind });
            first += count;
        };
        for tabulated in tabulated(&schema.dense).chunks(TOGETHER) {
            add(tabulated.len(), Kind::Numeric(tabulated.to_vec()));
        }
        for alike in schema.sparse.chunk_by(|one, next| one.kind == next.kind) {
            for columns in alike.chunks(TOGETHER) {
                let digits = if columns[0].kind == Type::Hex { Digits::Hexadecimal } else { Digits::Decimal };
                add(columns.len(), Kind::Categorical(digits, Box::new(Tables::of(columns))));
            }
        }
        groups
    }

    /// Encodes texts that look as they nearly always do, and returns the bits of the others.
    #[inline(always)]
    pub fn encode(&self, texts: &Texts, words: &mut [[u8; 4]]) -> u32 {
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
        }
        others
    }
}

impl Tables {
    fn of(columns: &[SparseColumn]) -> Self {
        let mut tables = Self { divisors: [1; TOGETHER], inverses: [0; TOGETHER], missing: [0; TOGETHER] };
        for (index, column) in columns.iter().enumerate() {
            let divisor = column.rows as u32 - 1;
            tables.divisors[index] = divisor;
            tables.inverses[index] = inverse(divisor);
            tables.missing[index] = column.missing as u32;
        }
        tables
    }

    #[inline(always)]
    fn rows(&self, numbers: &[u64; TOGETHER]) -> [u32; TOGETHER] {
        let mut rows = [0; TOGETHER];
        for (index, row) in rows.iter_mut().enumerate() {
            let number = numbers[index];
            let remainder = remainder(number as u32, self.divisors[index], self.inverses[index]);
            *row = if number == NOTHING { self.missing[index] } else { remainder + 1 };
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

/// For each column what a missing value is, and then the encoded integers from 0 on.
fn tabulated(columns: &[DenseColumn]) -> Vec<Arc<[f32]>> {
    let mut tabulated: Vec<Arc<[f32]>> = Vec::new();
    for (index, column) in columns.iter().enumerate() {
        let alike = columns[..index].iter().position(|other| other.transforms == column.transforms);
        let integers = (0..TABULATED).map(|value| numeric(&column.transforms, Some(value as f64)).unwrap_or(f32::NAN));
        // One that the steps make infinite is read slowly, and told.
        let nothing = numeric(&column.transforms, None).unwrap_or(f32::NAN);
        tabulated.push(match alike {
            Some(other) => Arc::clone(&tabulated[other]),
            None => std::iter::once(nothing).chain(integers).collect(),
        });
    }
    tabulated
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn remainders_are_those_of_a_division(value: u32, bits in 0..32, divisor in 1u32..) {
            for (value, divisor) in [(value >> bits, divisor), (value, divisor >> 20 | 1), (u32::MAX >> bits, 1)] {
                prop_assert_eq!(remainder(value, divisor, inverse(divisor)), value % divisor);
            }
        }
    }
}
