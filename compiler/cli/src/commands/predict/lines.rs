//! Predictions as lines of CSV or TSV.

use std::io::{self, Write};

use nasrec_runtime::data::Portion;

/// The name of the column that is predicted.
pub(super) const PROBABILITY: &str = "probability";

/// Writes lines, many at a time.
pub(super) struct Lines<'a> {
    out: &'a mut dyn Write,
    separator: u8,
    begun: bool,
    text: Vec<u8>,
}

impl<'a> Lines<'a> {
    pub fn new(out: &'a mut dyn Write, separator: u8) -> Self {
        Self { out, separator, begun: false, text: Vec::new() }
    }

    /// Writes the header, unless it is there.
    pub fn header(&mut self, keep: &[String]) -> io::Result<()> {
        if std::mem::replace(&mut self.begun, true) {
            return Ok(());
        }
        self.text.clear();
        keep.iter().for_each(|name| self.value(name.as_bytes()));
        self.text.extend_from_slice(PROBABILITY.as_bytes());
        self.text.push(b'\n');
        self.out.write_all(&self.text)
    }

    /// Writes rows.
    pub fn add(&mut self, portion: &Portion, probabilities: &[f32]) -> io::Result<()> {
        self.text.clear();
        let mut blank = portion.blank.iter().peekable();
        for (row, probability) in probabilities.iter().enumerate() {
            portion.kept.row(row).for_each(|text| self.value(text));
            if blank.next_if(|&&blank| blank as usize == row).is_none() {
                write!(self.text, "{probability}")?;
            }
            self.text.push(b'\n');
        }
        self.out.write_all(&self.text)?;
        self.out.flush()
    }

    /// A value and what separates it from the next; in quotes where it could be taken for something else.
    fn value(&mut self, text: &[u8]) {
        let special = |byte: &u8| *byte == self.separator || matches!(byte, b'"' | b'\n' | b'\r');
        if text.iter().any(special) {
            self.text.push(b'"');
            for &byte in text {
                if byte == b'"' {
                    self.text.push(b'"');
                }
                self.text.push(byte);
            }
            self.text.push(b'"');
        } else {
            self.text.extend_from_slice(text);
        }
        self.text.push(self.separator);
    }
}
