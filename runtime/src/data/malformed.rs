//! The lines that could not be read: how many there were, the first of them, and whether so many are tolerated.

use nasrec_compiler::schema::{Format, Lines, Pairs, Schema};
use serde::{Deserialize, Serialize};

use super::text::separator_name;
use crate::Result;
use crate::error::DataError;

/// How many malformed lines are described; the rest are counted.
pub(super) const DESCRIBED: usize = 5;

/// Columns that a message lists.
const LISTED: usize = 6;

/// Most columns of a file that are looked at.
pub(super) const MOST_COLUMNS: usize = 100_000;

/// Lines read before a table can be given up half-way.
const ENOUGH: u64 = 1_000;

/// What reading the lines of a table came across.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Malformed {
    /// All lines read, malformed ones included.
    pub lines: u64,
    /// How many of them were malformed, and left out.
    pub malformed: u64,
    /// The first of these, one sentence each: file, line, column, what was found, what was expected.
    pub first: Vec<String>,
}

impl Malformed {
    /// Adds what the lines after these came across.
    pub(super) fn extend(&mut self, later: Malformed) {
        self.lines += later.lines;
        self.malformed += later.malformed;
        self.first.extend(later.first);
        self.first.truncate(DESCRIBED);
    }

    /// Whether more than the share `limit` of the lines is malformed.
    fn too_many(&self, limit: f64) -> bool {
        self.malformed as f64 > limit * self.lines as f64
    }

    /// Gives a table up half-way when what is left can hardly make up for what was read: far more malformed lines than
    /// the limit allows, so that a bad stretch at the start of a good table does not stop it.
    pub(super) fn check_early(&self, limit: f64, schema: &Schema) -> Result<()> {
        let hopeless = 2.0 * limit * self.lines as f64 + DESCRIBED as f64;
        if self.lines >= ENOUGH && self.malformed as f64 > hopeless && self.too_many(limit) {
            return Err(self.error(true, limit, schema).into());
        }
        Ok(())
    }

    /// # Errors
    /// [`DataError::Malformed`], naming the lines, when more than the share `limit` of all lines is malformed.
    pub(super) fn check(&self, limit: f64, schema: &Schema) -> Result<()> {
        if self.too_many(limit) { Err(self.error(false, limit, schema).into()) } else { Ok(()) }
    }

    /// What to tell the person when malformed lines were tolerated.
    pub(super) fn warning(&self) -> Option<String> {
        (self.malformed > 0).then(|| {
            let left_out = if self.malformed == 1 { "is malformed and left out" } else { "are malformed and left out" };
            format!("warning: {} of {} lines {left_out}\n{}", self.malformed, self.lines, self.listing())
        })
    }

    fn listing(&self) -> String {
        // A cache that somebody else wrote tells them.
        let one_line = |text: &String| format!("  {}", text.replace('\n', "\\n"));
        let mut text: Vec<String> = self.first.iter().map(one_line).collect();
        match self.malformed - self.first.len() as u64 {
            0 => {}
            more => text.push(format!("  and {more} more")),
        }
        text.join("\n")
    }

    fn error(&self, half_way: bool, tolerated: f64, schema: &Schema) -> DataError {
        let described = self.refused(half_way, tolerated, schema);
        DataError::Malformed { lines: self.lines, malformed: self.malformed, half_way, tolerated, described }
    }

    /// What to tell the person when they were too many.
    fn refused(&self, half_way: bool, tolerated: f64, schema: &Schema) -> String {
        let share = 100.0 * self.malformed as f64 / self.lines as f64;
        let verb = if self.malformed == 1 { "is" } else { "are" };
        let lines = if half_way { "lines read so far" } else { "lines" };
        format!(
            "{} of {} {lines} {verb} malformed ({share:.3} %); `max_malformed` tolerates {:.3} %\n{}\nExpected {}. \
             Correct the lines or the schema, or raise `max_malformed` to leave such lines out.",
            self.malformed,
            self.lines,
            100.0 * tolerated,
            self.listing(),
            expected(schema),
        )
    }
}

/// What a schema expects of every line.
fn expected(schema: &Schema) -> String {
    let label = &schema.label.column;
    let (separator, header) = match schema.format {
        Format::Lines(Lines { separator, header, .. }) => (separator, header),
        Format::Pairs(Pairs::Libsvm) => return format!("on every line {label} and `index:value`, with blanks between"),
        Format::Pairs(Pairs::Libffm) => {
            return format!("on every line {label} and `field:index:value`, with blanks between");
        }
        Format::Pairs(Pairs::Libfm) => (b' ', false),
        Format::Parquet => {
            return format!("in {label} and the other columns of schema {} values as it says", schema.name);
        }
    };
    let between = separator_name(separator);
    if header {
        return format!(
            "below a header with {} and the other columns of schema {}: as many values, with a {between} between them",
            label, schema.name
        );
    }
    let columns = schema.columns.len();
    let listed: Vec<&str> = schema.columns.iter().take(LISTED).map(String::as_str).collect();
    let more = if columns > LISTED { ", …" } else { "" };
    format!(
        "on every line, without a header, {columns} values with a {between} between them: {}{more}, the label being {label}",
        listed.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::dataset::testing::schema;

    fn report(lines: u64, malformed: u64) -> Malformed {
        let first = (0..malformed).take(DESCRIBED).map(|index| format!("line {index}")).collect();
        Malformed { lines, malformed, first }
    }

    #[test]
    fn only_the_first_are_described() {
        let mut all = report(10, 3);
        all.extend(report(10, 4));
        assert_eq!((all.lines, all.malformed), (20, 7));
        assert_eq!(all.first, ["line 0", "line 1", "line 2", "line 0", "line 1"]);
        let warning = all.warning().expect("malformed lines are told");
        assert!(warning.starts_with("warning: 7 of 20 lines are malformed and left out\n  line 0\n"), "{warning}");
        assert!(warning.ends_with("\n  and 2 more"), "{warning}");
        assert_eq!(report(10, 0).warning(), None);
    }

    #[test]
    fn the_limit_is_a_share_of_all_lines() {
        let schema = schema();
        assert!(report(1000, 10).check(0.01, &schema).is_ok());
        assert!(report(1000, 11).check(0.01, &schema).is_err());
        assert!(report(1000, 0).check(0.0, &schema).is_ok());
        let error = report(3, 1).check(0.0, &schema).expect_err("nothing is tolerated").to_string();
        assert_eq!(
            error,
            "1 of 3 lines is malformed (33.333 %); `max_malformed` tolerates 0.000 %\n  line 0\nExpected on every line, \
             without a header, 5 values with a tab between them: click, I1, I2, C1, C2, the label being click. Correct the \
             lines or the schema, or raise `max_malformed` to leave such lines out."
        );
    }

    #[test]
    fn a_table_is_given_up_early_only_when_it_is_hopeless() {
        let schema = schema();
        assert!(report(999, 999).check_early(0.01, &schema).is_ok(), "too few lines to tell");
        assert!(report(1000, 15).check_early(0.01, &schema).is_ok(), "the rest may make up for these");
        let error = report(1000, 26).check_early(0.01, &schema).expect_err("hopeless").to_string();
        assert!(error.starts_with("26 of 1000 lines read so far are malformed"), "{error}");
        assert!(report(1000, 1000).check_early(1.0, &schema).is_ok(), "everything is tolerated");
    }
}
