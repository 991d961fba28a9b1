//! Values of a file that hold several: bags of categories, and lists of numbers.

use nasrec_compiler::schema::{Element, List};

use super::cell::{Cell, NOTHING};
use super::cells::{Cells, Reading};
use super::dictionary::Dictionary;
use super::value::Value;
use crate::data::batch::EMPTY;

/// How the parts of a value are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::data) enum Several {
    /// Categories, the first so many of them, or the last.
    Bag { separator: Vec<u8>, most: usize, last: bool },
    /// Numbers, exactly so many.
    Numbers { separator: Vec<u8>, of: usize },
}

impl Several {
    pub fn bag(list: &List) -> Self {
        Self::Bag { separator: list.separator.clone().into_bytes(), most: list.most, last: list.last }
    }

    pub fn numbers(element: &Element) -> Self {
        Self::Numbers { separator: element.separator.clone().into_bytes(), of: element.of }
    }

    /// Parts that a row has room for.
    pub fn slots(&self) -> usize {
        match self {
            Self::Bag { most, .. } => *most,
            Self::Numbers { of, .. } => *of,
        }
    }

    /// How many of so many categories are passed over before the first that is read.
    pub fn left_out(&self, count: usize) -> usize {
        match self {
            Self::Bag { most, last: true, .. } => count.saturating_sub(*most),
            _ => 0,
        }
    }

    /// Whether it is the last ones that are read.
    pub fn is_last(&self) -> bool {
        matches!(self, Self::Bag { last: true, .. })
    }

    /// What stands between separators. Numbers may be in brackets and have blanks around them.
    pub fn parts<'t>(&'t self, text: &'t [u8]) -> impl Iterator<Item = &'t [u8]> {
        let (separator, text, numbers) = match self {
            Self::Bag { separator, .. } => (separator, text, false),
            Self::Numbers { separator, .. } => {
                let inside = text.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]"));
                (separator, inside.unwrap_or(text), true)
            }
        };
        // Between numbers several blanks are one.
        let blank = numbers && separator.trim_ascii().is_empty();
        let parts = split(text, separator).map(move |part| if numbers { part.trim_ascii() } else { part });
        parts.filter(move |part| !(blank && part.is_empty()))
    }
}

/// What stands between separators, which are not empty.
fn split<'t>(text: &'t [u8], separator: &'t [u8]) -> impl Iterator<Item = &'t [u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(at) = memchr::memmem::find(text, separator) else { return rest.take() };
        rest = Some(&text[at + separator.len()..]);
        Some(&text[..at])
    })
}

impl Cells {
    /// The categories of a bag, as far as there is room for them; none where the value is missing.
    pub(super) fn categories<'t>(&'t self, several: &'t Several, text: &'t [u8]) -> impl Iterator<Item = &'t [u8]> {
        let text = if self.is_missing(text) { &[] } else { text };
        let parts = || several.parts(text).filter(|part| !self.is_missing(part));
        let left_out = if several.is_last() { several.left_out(parts().count()) } else { 0 };
        parts().skip(left_out).take(several.slots())
    }

    /// Writes the parts of a value, each where it has its place in the row.
    ///
    /// # Errors
    /// What was expected in its place.
    pub(super) fn put_several(
        &self,
        (cell, several): (&Cell, &Several),
        reading: &mut Reading,
        text: &[u8],
        dictionaries: &mut [Dictionary],
        row: &mut [u8],
    ) -> Result<(), &'static str> {
        match several {
            Several::Bag { most, .. } => {
                let mut slot = 0;
                for part in self.categories(several, text) {
                    cell.put(cell.read(part, None)?, dictionaries, row, cell.at + 4 * slot)?;
                    slot += 1;
                }
                if slot == 0 {
                    cell.put(Value::Missing, dictionaries, row, cell.at)?;
                    slot = 1;
                }
                let empty = if cell.is_code() { NOTHING } else { EMPTY };
                let (rest, _) = row[cell.at + 4 * slot..cell.at + 4 * most].as_chunks_mut::<4>();
                rest.fill(empty.to_le_bytes());
            }
            Several::Numbers { of, .. } => {
                let numbers = &mut reading.numbers;
                self.numbers(cell, several, text, numbers)?;
                for (index, &number) in numbers.iter().take(*of).enumerate() {
                    cell.put(
                        number.map_or(Value::Missing, Value::Number),
                        dictionaries,
                        row,
                        cell.at + cell.width() * index,
                    )?;
                }
            }
        }
        Ok(())
    }

    /// The numbers of a list.
    ///
    /// # Errors
    /// What was expected in its place.
    pub(super) fn numbers(
        &self,
        cell: &Cell,
        several: &Several,
        text: &[u8],
        numbers: &mut Vec<Option<f64>>,
    ) -> Result<(), &'static str> {
        let of = several.slots();
        numbers.clear();
        if self.is_missing(text) {
            numbers.resize(of, None);
            return Ok(());
        }
        for part in several.parts(text).take(of + 1) {
            let number = match self.is_missing(part) {
                true => None,
                false => match cell.read(part, None)? {
                    Value::Number(number) => Some(number),
                    _ => None,
                },
            };
            numbers.push(number);
        }
        if numbers.len() == of { Ok(()) } else { Err("a list of as many numbers as the schema says") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_what_stands_between_separators() {
        let parts = |text: &'static str, separator: &'static str| -> Vec<&str> {
            split(text.as_bytes(), separator.as_bytes()).map(|part| std::str::from_utf8(part).expect("text")).collect()
        };
        assert_eq!(parts("a|b|c", "|"), ["a", "b", "c"]);
        assert_eq!(parts("|a||", "|"), ["", "a", "", ""]);
        assert_eq!(parts("", "|"), [""]);
        assert_eq!(parts("a, b,c", ", "), ["a", "b,c"]);
        let list = Several::Numbers { separator: b",".to_vec(), of: 3 };
        assert_eq!(list.parts(b"[1, 2 ,3]").collect::<Vec<_>>(), [&b"1"[..], b"2", b"3"]);
        let list = Several::Numbers { separator: b" ".to_vec(), of: 3 };
        assert_eq!(list.parts(b"[ 1.5   2 3 ]").collect::<Vec<_>>(), [&b"1.5"[..], b"2", b"3"]);
    }
}
