//! Where a file has its columns: by its first line, or as the schema lists them.

use nasrec_compiler::diagnostics::nearest;
use nasrec_compiler::schema::{Format, Lines, Pairs, Schema};

use super::records::{first, first_values, is_plain, whole};
use crate::Result;
use crate::data::quote::quote;
use crate::error::DataError;

/// Names of a header that a message lists.
const LISTED: usize = 30;

/// How the columns of files are found.
pub(in crate::data) struct Heading<'a> {
    schema: &'a Schema,
    lines: Lines,
    /// Index among [`Schema::columns`] of the one that files may lack where columns are told by their place.
    optional: Option<usize>,
}

/// Where a file has the columns of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::data) struct Places {
    /// Of each of [`Schema::columns`], from 0; of one that the file lacks, [`Places::NOWHERE`].
    pub of: Vec<usize>,
    /// How many values a line has.
    pub count: usize,
    /// Lines of the file before its first row.
    pub before: u64,
    /// Columns of the file that the schema does not name.
    pub unread: Vec<String>,
}

impl Places {
    /// Where what is not there is.
    pub const NOWHERE: usize = usize::MAX;
}

impl<'a> Heading<'a> {
    pub fn new(schema: &'a Schema) -> Self {
        let lines = match schema.format {
            Format::Lines(lines) => lines,
            // A line is a row there, whatever it holds.
            Format::Pairs(_) | Format::Parquet => Lines { separator: b' ', ..Lines::TSV },
        };
        Self { schema, lines, optional: None }
    }

    /// The same, of files that may lack this column of the schema where columns are told by their place: by how many values the
    /// first record has.
    pub fn without(self, column: usize) -> Self {
        let told = matches!(self.schema.format, Format::Lines(lines) if !lines.header);
        Self { optional: told.then_some(column), ..self }
    }

    /// How many bytes of a text are whole records, and whether it [is plain](is_plain).
    pub fn whole(&self, text: &[u8]) -> (usize, bool) {
        let plain = is_plain(text, self.lines);
        let end = |at| at + 1;
        (if plain { memchr::memrchr(b'\n', text).map_or(0, end) } else { whole(text, self.lines) }, plain)
    }

    /// The record, at the end of a text that begins with one, in which a quote is open.
    pub fn open<'t>(&self, text: &'t [u8]) -> Option<&'t [u8]> {
        let begins = if self.lines.quotes { whole(text, self.lines) } else { text.len() };
        let rest = &text[begins..];
        // Were it closed, the record would end where a line does.
        let ended = [rest, b"\n"].concat();
        (rest.contains(&b'"') && whole(&ended, self.lines) == 0).then_some(rest)
    }

    /// How many bytes the header takes; none where its end is not in the text.
    pub fn first(&self, text: &[u8], ended: bool) -> Option<usize> {
        if !self.lines.header {
            return Some(0);
        }
        first(text, self.lines).or(ended.then_some(text.len()))
    }

    /// Where the file called `name` has its columns; `text`: what follows its header, of which the first record is whole.
    ///
    /// # Errors
    /// [`DataError::NoColumn`], [`DataError::OneColumn`] and [`DataError::TwoColumns`]: its header does not name them, or twice.
    pub fn places(&self, name: &str, header: &[u8], text: &[u8]) -> Result<Places> {
        let columns = &self.schema.columns;
        let separator = self.lines.separator;
        if !self.lines.header {
            let lacking = self.optional.filter(|_| first_values(text, self.lines).len() + 1 == columns.len());
            let mut of: Vec<usize> = (0..columns.len()).collect();
            if let Some(column) = lacking {
                of.truncate(columns.len() - 1);
                of.insert(column, Places::NOWHERE);
            }
            let count = columns.len() - usize::from(lacking.is_some());
            return Ok(Places { of, count, before: 0, unread: Vec::new() });
        }
        let found = first_values(header, self.lines);
        if found.len() == 1
            && columns.len() > 1
            && let Some(other) = likely_separator(header, separator)
        {
            return Err(DataError::OneColumn {
                name: name.to_owned(),
                expected: separator_name(separator),
                found: separator_name(other),
                format: format_of(other),
            }
            .into());
        }
        // Programs pad names.
        let found: Vec<String> = found.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
        let (of, unread) = named(name, columns, &found)?;
        let before = memchr::memchr_iter(b'\n', header).count().max(1) as u64;
        Ok(Places { of, count: found.len(), before, unread })
    }
}

/// Where the file called `file` has columns among those that are `found` there, and the names of the others.
///
/// # Errors
/// [`DataError::NoColumn`] and [`DataError::TwoColumns`].
pub(in crate::data) fn named(file: &str, columns: &[String], found: &[String]) -> Result<(Vec<usize>, Vec<String>)> {
    let mut of = Vec::with_capacity(columns.len());
    for column in columns {
        let mut places = found.iter().enumerate().filter(|(_, name)| *name == column).map(|(place, _)| place);
        match (places.next(), places.next()) {
            (Some(place), None) => of.push(place),
            (Some(first), Some(second)) => {
                let (file, column) = (file.to_owned(), column.clone());
                return Err(DataError::TwoColumns { file, column, first: first + 1, second: second + 1 }.into());
            }
            (None, _) => {
                let near = nearest(column, found.iter().map(String::as_str));
                let near = near.map(|near| format!(" (did you mean {}?)", quote(near.as_bytes()))).unwrap_or_default();
                let (file, column, header) = (file.to_owned(), column.clone(), listed(found));
                let nothing = found.iter().all(String::is_empty);
                let none = columns.len() > 1 && columns.iter().all(|column| !found.contains(column));
                let remedy = match (nothing, none) {
                    (true, _) => "begin it with the names of its columns",
                    (false, true) => {
                        "none of the columns that are read is there: is this the table, and does it begin with their names?"
                    }
                    (false, false) => "add the column, or give this name to the one that holds it",
                };
                let header = if nothing { "nothing".to_owned() } else { header };
                return Err(DataError::NoColumn { file, column, near, header, remedy }.into());
            }
        }
    }
    let others = found.iter().enumerate().filter(|(place, _)| !of.contains(place)).map(|(_, name)| name.clone());
    let unread = others.collect();
    Ok((of, unread))
}

/// The first names of a header.
fn listed(names: &[String]) -> String {
    let mut shown: Vec<String> = names.iter().take(LISTED).map(|name| quote(name.as_bytes())).collect();
    if names.len() > LISTED {
        shown.push(format!("and {} more", names.len() - LISTED));
    }
    shown.join(", ")
}

/// What stands between values in a line that has no `separator`.
pub(in crate::data) fn likely_separator(line: &[u8], separator: u8) -> Option<u8> {
    let count = |byte: &u8| memchr::memchr_iter(*byte, line).count();
    if count(&separator) > 0 {
        return None;
    }
    [b'\t', b',', b';', b'|'].into_iter().filter(|byte| count(byte) > 0).max_by_key(count)
}

/// What a column of the schema is called, as a person finds it in a line; `place`: where it is, from 0.
pub(in crate::data) fn place_of(schema: &Schema, column: usize, place: usize) -> String {
    let name = schema.columns.get(column).map_or("", String::as_str);
    let called = |what: &str, number: &str| match number.strip_suffix(Pairs::VALUE) {
        Some(number) => format!("the value of {what} {number}"),
        None if number.bytes().all(|byte| byte.is_ascii_digit()) => format!("{what} {number}"),
        None => number.to_owned(),
    };
    match schema.format {
        Format::Pairs(Pairs::Libsvm) => called("index", name),
        Format::Pairs(Pairs::Libffm) => called("field", name),
        _ => format!("column {} ({name})", place + 1),
    }
}

/// What a separator is called.
pub(in crate::data) fn separator_name(separator: u8) -> String {
    match separator {
        b'\t' => "tab".to_owned(),
        b',' => "comma".to_owned(),
        b';' => "semicolon".to_owned(),
        b' ' => "blank".to_owned(),
        other => format!("`{}`", char::from(other)),
    }
}

/// What a schema says for such lines with a header.
pub(in crate::data) fn format_of(separator: u8) -> String {
    match separator {
        b'\t' => "format tsv(header: on)".to_owned(),
        b',' => "format csv".to_owned(),
        other => format!("format csv(separator: \"{}\")", char::from(other)),
    }
}
