//! What each column is taken for, and why.

use std::collections::BTreeMap;

use nasrec_compiler::diagnostics::nearest;
use nasrec_compiler::schema::{Format, List, Pairs};

use super::look::{BETWEEN, Column, Look, PATTERNS};
use crate::Result;
use crate::data::quote::quote;
use crate::error::DataError;

/// Names that labels have.
const LABELS: [&str; 16] = [
    "label",
    "click",
    "clicked",
    "clk",
    "is_click",
    "is_clicked",
    "target",
    "y",
    "liked",
    "like",
    "conversion",
    "converted",
    "purchase",
    "buy",
    "rating",
    "outcome",
];

/// Most numbers of a list that become columns.
const MOST_NUMBERS: usize = 2_048;

/// Different times from which on rows can be split by them.
const MANY_TIMES: usize = 50;

/// Categories of fewer values are no numbers beside their embeddings.
const MANY_VALUES: usize = 20;
/// Columns whose rates and counts are proposed, at most.
const MOST_WORTH: usize = 6;

/// What a schema of the table would say.
#[derive(Clone, Debug, Default)]
pub struct Guess {
    pub(super) label: (usize, String, String),
    /// Of each column, the lines that are made of it and why; the label's are none.
    pub(super) lines: Vec<Lines>,
}

/// Lines of a schema, and a comment on them.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    pub comment: String,
    /// Lines without their keyword: `dense` or `sparse`, and what follows.
    pub dense: Vec<String>,
    pub sparse: Vec<String>,
    /// Dense lines that may be worth a try beside these: rates and counts of categories.
    pub worth: Vec<String>,
    /// What orders the rows, without its keyword.
    pub time: Option<String>,
}

impl Guess {
    pub(super) fn of(look: &Look, label: Option<&str>) -> Result<Self> {
        let label = label_of(look, label)?;
        let at = label.0;
        let lines = look.columns.iter().enumerate().map(|(index, column)| match () {
            () if index == at => Lines::default(),
            () if !can_be_said(&column.name) => {
                Lines { comment: "no schema can say its name, so that it is not read".to_owned(), ..Lines::default() }
            }
            () if is_label(&column.name) => Lines {
                comment: "may be a label as well, and known no sooner than this one".to_owned(),
                ..Lines::default()
            },
            () => lines_of(look, column),
        });
        let mut guess = Self { label, lines: lines.collect() };
        // One column orders the rows.
        let mut times = guess.lines.iter_mut().filter(|lines| lines.time.is_some()).skip(1);
        times.by_ref().for_each(|lines| lines.time = None);
        // Spaces want a field.
        if guess.columns().1 == 0 {
            for (column, lines) in look.columns.iter().zip(&mut guess.lines) {
                if !lines.dense.is_empty() {
                    let name = source(look, column);
                    lines.sparse.push(format!("{} from {name}: number | quantiles(20)", derived(look, column, "step")));
                }
            }
        }
        Ok(guess)
    }

    /// Numeric and categorical columns.
    pub(super) fn columns(&self) -> (usize, usize) {
        let count = |of: fn(&Lines) -> usize| self.lines.iter().map(of).sum();
        (count(|lines| lines.dense.len()), count(|lines| lines.sparse.len()))
    }

    /// Lines that are worth a try beside those of the schema: click rates and counts of the categories with the most values.
    pub(super) fn worth_a_try(&self, look: &Look) -> Vec<String> {
        let mut columns: Vec<_> =
            look.columns.iter().zip(&self.lines).filter(|(_, lines)| !lines.worth.is_empty()).collect();
        columns.sort_by_key(|(column, _)| std::cmp::Reverse((column.more, column.different())));
        columns.iter().take(MOST_WORTH).flat_map(|(_, lines)| lines.worth.iter().cloned()).collect()
    }

    /// The name of the label, and of each other column what is said of it.
    pub(super) fn left_out(&self, look: &Look) -> (String, Vec<String>) {
        let label = self.label.0;
        let others = look.columns.iter().zip(&self.lines).enumerate().filter(|(at, _)| *at != label);
        let told = others.map(|(_, (column, lines))| format!("{} ({})", quote(column.name.as_bytes()), lines.comment));
        (look.columns[label].name.clone(), told.collect())
    }
}

/// Whether a name is one that labels have.
fn is_label(name: &str) -> bool {
    LABELS.iter().any(|label| name.eq_ignore_ascii_case(label))
}

/// A name as a schema writes it.
pub(super) fn written(name: &str) -> String {
    let word = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if word { name.to_owned() } else { format!("\"{name}\"") }
}

/// Whether a schema can say a name.
pub(super) fn can_be_said(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c == '"' || c.is_control())
}

/// A name of a column that is made of another, which no column of the file has.
fn derived(look: &Look, column: &Column, part: &str) -> String {
    if let Some((name, _)) = numbered(look, column) {
        return format!("{name}_{part}");
    }
    let plain = |column: &Column| -> String {
        column.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
    };
    let mut name = plain(column);
    // Two that are alike but for their signs are told apart.
    if look.columns.iter().filter(|other| plain(other) == name).count() > 1 {
        let place = look.columns.iter().position(|other| other.name == column.name).unwrap_or_default();
        name = format!("{name}_{}", place + 1);
    }
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        name = format!("c_{name}");
    }
    if !name.to_ascii_lowercase().ends_with(part) {
        name = format!("{name}_{part}");
    }
    while look.columns.iter().any(|other| other.name == name && other.name != column.name) {
        name.push('_');
    }
    name
}

/// A name for a column that is called by a number, and that number.
fn numbered<'c>(look: &Look, column: &'c Column) -> Option<(String, &'c str)> {
    let letter = match look.format {
        Format::Pairs(Pairs::Libsvm) => 'x',
        Format::Pairs(Pairs::Libffm) => 'f',
        _ => return None,
    };
    let (number, value) = column.name.strip_suffix(Pairs::VALUE).map_or((&*column.name, ""), |number| (number, "v"));
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| (format!("{letter}{number}{value}"), number))
}

/// Where a line finds a column of the file.
fn source(look: &Look, column: &Column) -> String {
    numbered(look, column).map_or_else(|| written(&column.name), |(_, number)| number.to_owned())
}

/// The label: its column, what a schema says of it, and why.
fn label_of(look: &Look, wanted: Option<&str>) -> Result<(usize, String, String)> {
    let names = || look.columns.iter().map(|column| column.name.as_str());
    let unknown = |what: String| {
        let listed = names().take(30).collect::<Vec<_>>().join(", ");
        let more = if look.columns.len() > 30 { ", …" } else { "" };
        DataError::WhichLabel { what, columns: format!("{listed}{more}") }
    };
    if let Some(wanted) = wanted {
        let Some(index) = names().position(|name| name == wanted) else {
            let near = nearest(wanted, names()).map(|near| format!(" (did you mean {near}?)")).unwrap_or_default();
            return Err(unknown(format!("there is no column {wanted}{near}")).into());
        };
        if !can_be_said(wanted) {
            return Err(unknown(format!("no schema can say the name {}", quote(wanted.as_bytes()))).into());
        }
        let (line, why) = condition(&look.columns[index])
            .ok_or_else(|| unknown(format!("column {wanted} has values of which none can be told to be a click")))?;
        return Ok((index, line, why));
    }
    let lower = |index: usize| look.columns[index].name.to_ascii_lowercase();
    let named = LABELS.iter().find_map(|label| (0..look.columns.len()).find(|&index| lower(index) == *label));
    let truth = |&index: &usize| look.columns[index].is.truth && look.columns[index].different() == 2;
    let found = named.or_else(|| (!look.header()).then_some(0).filter(truth));
    let Some(index) = found else {
        return Err(unknown("nothing tells which column is to be predicted".to_owned()).into());
    };
    let line = condition(&look.columns[index]);
    let (line, why) = line.ok_or_else(|| unknown(format!("column {} has one value only", look.columns[index].name)))?;
    Ok((index, line, why))
}

/// What a schema says of a label, and why.
fn condition(column: &Column) -> Option<(String, String)> {
    let name = written(&column.name);
    let total = column.count.max(1) as f64;
    if column.different() < 2 {
        return None;
    }
    if column.is.truth {
        let is_click =
            |text: &str| matches!(text.to_ascii_lowercase().as_str(), "1" | "1.0" | "true" | "yes" | "t" | "y");
        let clicks: u64 = column.by_count().iter().filter(|(text, _)| is_click(text)).map(|(_, count)| count).sum();
        return Some((name, format!("{:.1} % of the rows", 100.0 * clicks as f64 / total)));
    }
    if column.is.number && !column.more {
        let mut values: Vec<(f64, u64)> =
            column.by_count().iter().filter_map(|(text, count)| Some((text.trim().parse().ok()?, *count))).collect();
        values.sort_by(|a, b| a.0.total_cmp(&b.0));
        // The least value from which on no more than six in ten rows are.
        let mut above = total;
        for (value, count) in &values {
            if above <= 0.6 * total {
                return Some((
                    format!("{name} >= {value}"),
                    format!(
                        "{} to {}; from {value} on {:.1} % of the rows",
                        column.least,
                        column.greatest,
                        100.0 * above / total
                    ),
                ));
            }
            above -= *count as f64;
        }
        let last = values.last()?;
        return Some((format!("{name} >= {}", last.0), "its greatest value".to_owned()));
    }
    let values = column.by_count();
    let (rarest, count) = values.last()?;
    (values.len() == 2 && can_be_said(rarest)).then(|| {
        (
            format!("{name} == \"{rarest}\""),
            format!("the rarer of two values: {:.1} % of the rows", 100.0 * *count as f64 / total),
        )
    })
}

fn lines_of(look: &Look, column: &Column) -> Lines {
    let from = source(look, column);
    let name = numbered(look, column).map_or_else(|| from.clone(), |(name, _)| format!("{name} from {from}"));
    // Of the index and the value of a field, one is a category and one a number.
    let is_index = match look.format {
        Format::Pairs(Pairs::Libfm) => true,
        Format::Pairs(Pairs::Libffm) => !column.name.ends_with(Pairs::VALUE),
        _ => false,
    };
    let is_value = column.name.ends_with(Pairs::VALUE) && numbered(look, column).is_some();
    let share = column.share_missing(look.rows);
    let missing = match share {
        0.0 => String::new(),
        share if share < 0.001 => "; hardly any missing".to_owned(),
        share => format!("; {:.1} % missing", 100.0 * share),
    };
    let different = column.different();
    let counted = if column.more { format!("more than {different}") } else { different.to_string() };
    let say = |comment: String| Lines { comment: format!("{comment}{missing}"), ..Lines::default() };
    let dense = |comment: String, line: String| Lines { dense: vec![line], ..say(comment) };
    let sparse = |comment: String, kind: &str| {
        let number = |(of, steps): (&str, &str)| {
            let made = derived(look, column, of);
            let line = format!("dense {made} from {from}: {kind} | {steps} | standardise | clip(-2.5, 2.5)");
            look.columns.iter().all(|other| other.name != made).then_some(line)
        };
        // Of few values an embedding tells as much.
        let many = column.more || different >= MANY_VALUES;
        let made =
            [("rate", "target(folds: 5, smoothing: 20)"), ("seen", "count | log1p")].into_iter().filter(|_| many);
        let worth = made.filter_map(number).collect();
        Lines { sparse: vec![format!("{name}: {kind} | {}", vocabulary(column))], worth, ..say(comment) }
    };
    if different < 2 && !column.more {
        return say(if different == 0 { "nothing in it" } else { "always the same" }.to_owned());
    }
    if is_index && column.is.whole {
        return sparse(format!("{counted} categories"), "int");
    }
    if is_value && column.is.number {
        return dense(
            format!("values of field {from}, {} to {}", column.least, column.greatest),
            format!("{name} | {}", steps(column)),
        );
    }
    if let Some((format, hours, why)) = time_of(column) {
        let part = |part: &str| format!("{} from {from}: {format} | {part}", derived(look, column, part));
        let parts = if hours { vec![part("hour"), part("weekday")] } else { vec![part("weekday")] };
        // Of a day of birth rows are no older.
        let lower = column.name.to_ascii_lowercase();
        let of_row = !["birth", "dob", "expir", "release"].iter().any(|part| lower.contains(part));
        let many = column.more || different >= MANY_TIMES;
        let time = (of_row && many && column.missing == 0).then(|| format!("{name}: {format}"));
        return Lines { sparse: parts, time, ..say(why) };
    }
    if column.is.truth && !column.is.number {
        return Lines { sparse: vec![format!("{name}: bool")], ..say("true or false".to_owned()) };
    }
    let own = !column.more && different as u64 * 10 >= column.count * 9
        || column.more && column.values.len() as u64 * 2 > look.rows;
    if column.is.number {
        let range = format!("{} to {}", column.least, column.greatest);
        if column.is.whole {
            let is_own = own && look.rows > 100 && is_id(&column.name);
            return match () {
                () if is_own => say(format!("{range}, a value of its own in nearly every row: it tells rows apart")),
                () if is_id(&column.name)
                    || look.header() && is_category(&column.name)
                    || is_spread(column)
                    || is_numbered(column) =>
                {
                    sparse(format!("{counted} numbers that name something"), "int")
                }
                () if different <= 20 && !is_amount(&column.name) => {
                    sparse(format!("{counted} whole numbers, {range}"), "int")
                }
                () => dense(format!("whole numbers, {range}"), format!("{name} | {}", steps(column))),
            };
        }
        return dense(format!("numbers, {range}"), format!("{name} | {}", steps(column)));
    }
    let within = List::WITHIN.as_bytes()[0];
    // That of lists of a file of columns; in a text it is a character as any other, which no schema can say.
    let is_list = |at: usize| match BETWEEN[at] == within {
        true => look.format == Format::Parquet && column.lists[at] > 0,
        false => column.lists[at] * 5 > column.count,
    };
    if let Some(at) = (0..BETWEEN.len()).find(|&at| is_list(at)) {
        let between = char::from(BETWEEN[at]);
        if let Some(of) = vector(column, between) {
            let made = if name.starts_with('"') { derived(look, column, "number") } else { name.clone() };
            return dense(format!("{of} numbers in each"), format!("{made}[1..{of}] from {name} | list"));
        }
        let (comment, line) = bag(column, between, &name);
        return Lines { sparse: vec![line], ..say(comment) };
    }
    if own && look.rows > 100 {
        return say("a value of its own in nearly every row: free text, or what tells rows apart".to_owned());
    }
    if column.is.hex {
        return sparse(format!("{counted} hexadecimal numbers"), "hex");
    }
    sparse(format!("{counted} texts"), "text")
}

/// How many numbers each list of a column has, where it has as many everywhere, and the file has them as lists.
fn vector(column: &Column, between: char) -> Option<usize> {
    if between.to_string() != List::WITHIN {
        return None;
    }
    let all = column.by_count();
    let mut lengths = all.iter().map(|(text, _)| text.split(between).count());
    let of = lengths.next().filter(|of| (2..=MOST_NUMBERS).contains(of))?;
    let numbers = || all.iter().flat_map(|(text, _)| text.split(between));
    let whole = numbers().all(|part| part.parse::<i64>().is_ok());
    (!whole && lengths.all(|length| length == of) && numbers().all(|part| part.parse::<f64>().is_ok())).then_some(of)
}

/// A column of lists: what is said of it, and its line.
fn bag(column: &Column, between: char, name: &str) -> (String, String) {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let mut longest = 1;
    let all = column.by_count();
    for (text, count) in &all {
        let parts = || text.split(between).filter(|part| !part.is_empty());
        longest = longest.max(parts().count());
        parts().for_each(|part| *counts.entry(part).or_default() += count);
    }
    let kind = if counts.keys().all(|part| part.parse::<i64>().is_ok()) { "int" } else { "text" };
    let most = match longest {
        0..=List::MOST => String::new(),
        _ => format!(", most: {}", longest.min(List::MOST_SLOTS)),
    };
    let (different, more) = (counts.len(), if column.more { "more than " } else { "" });
    let comment = format!("lists of up to {longest} of {more}{different} categories");
    let vocabulary = rows_of(different, counts.values().filter(|&&count| count > 1).count(), column.more);
    let separator = if between.to_string() == List::WITHIN { String::new() } else { format!("\"{between}\"") };
    let list = match (separator + &most).trim_start_matches(", ") {
        "" => "list".to_owned(),
        said => format!("list({said})"),
    };
    (comment, format!("{name}: {kind} | {list} | {vocabulary}"))
}

/// How a column of times is written, whether it tells hours, and why it is one.
fn time_of(column: &Column) -> Option<(String, bool, String)> {
    if let Some(at) = column.is.patterns.iter().position(|&holds| holds) {
        let pattern = PATTERNS[at];
        return Some((format!("\"{pattern}\""), pattern.contains("%H"), "times".to_owned()));
    }
    let named = ["time", "date", "hour", "stamp"].iter().any(|part| column.name.to_ascii_lowercase().contains(part))
        || column.name.eq_ignore_ascii_case("ts");
    if !column.is.number || !named {
        return None;
    }
    if column.is.hours {
        return Some(("\"%y%m%d%H\"".to_owned(), true, "hours, as year, month, day and hour".to_owned()));
    }
    // From 1990 to 2100.
    let seconds = 6.3e8..4.2e9;
    if seconds.contains(&column.least) && seconds.contains(&column.greatest) {
        return Some(("seconds".to_owned(), true, "seconds since 1970".to_owned()));
    }
    let thousand = |number: f64| seconds.contains(&(number / 1e3));
    (thousand(column.least) && thousand(column.greatest))
        .then(|| ("milliseconds".to_owned(), true, "milliseconds since 1970".to_owned()))
}

/// Whether a name is one of what names something.
fn is_id(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let last = words.last().copied().unwrap_or_default();
    last.ends_with("id")
        || words.iter().any(|word| {
            [
                "user", "item", "movie", "product", "customer", "brand", "code", "category", "cate", "type", "class",
                "campaign", "zip", "tag",
            ]
            .contains(word)
        })
}

/// Whether a name says that its column is a category: `C14`, `cat_3`, `categorical_13`.
fn is_category(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let rest = ["categorical", "category", "cat", "c"].iter().find_map(|start| lower.strip_prefix(start));
    rest.is_some_and(|rest| {
        let number = rest.trim_start_matches(['_', ' ', '-']);
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Whether a name is one of what is counted or measured.
fn is_amount(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    ["age", "price", "count", "num", "amount", "score", "cost", "rate", "len", "size", "year", "gain", "loss", "wage"]
        .iter()
        .any(|word| lower.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| part.starts_with(word)))
        && !lower.contains("country")
}

/// Whether whole numbers lie as numbers of things do, about as many everywhere; what is counted is mostly small.
fn is_spread(column: &Column) -> bool {
    let span = column.greatest - column.least;
    if is_amount(&column.name) || column.least < 0.0 || span < 50.0 || column.different() < 50 {
        return false;
    }
    let mean = column.by_count().iter().filter_map(|(text, _)| text.trim().parse::<f64>().ok()).sum::<f64>()
        / column.different() as f64;
    let filled = column.different() as f64 / (span + 1.0);
    (0.3..0.7).contains(&((mean - column.least) / span)) && filled > 0.3
}

/// Whether whole numbers lie close together far from 0, as those of one column do where all columns are numbered on.
fn is_numbered(column: &Column) -> bool {
    let span = column.greatest - column.least;
    !column.name.to_ascii_lowercase().contains("year")
        && column.least >= 100.0
        && 10.0 * span < column.least
        && column.different() as f64 > 0.3 * span
}

/// What is done to numbers.
fn steps(column: &Column) -> String {
    let mean = column.sum / column.count.max(1) as f64;
    let skewed = column.greatest > 20.0 && column.greatest > 8.0 * mean.abs();
    match () {
        () if skewed && column.least >= 0.0 => "log1p".to_owned(),
        () if skewed && column.least >= -10.0 => "max(0) | log1p".to_owned(),
        () if column.missing > 0 => "missing(mean) | standardise".to_owned(),
        () => "standardise".to_owned(),
    }
}

/// A vocabulary with room for what was seen.
fn vocabulary(column: &Column) -> String {
    rows_of(column.different(), column.counts.iter().filter(|&&count| count > 1).count(), column.more)
}

/// Of so many different values, so many of them there more than once; `more`: there are others.
fn rows_of(different: usize, repeated: usize, more: bool) -> String {
    let rare = different > 200;
    let frequent = if rare { repeated } else { different };
    // Where not all were counted, there is no telling.
    let rows = if more { 1_000_000 } else { roomy(frequent + 2) };
    let rows = grouped(rows);
    if rare { format!("vocabulary(min_count: 2, rows: {rows})") } else { format!("vocabulary(rows: {rows})") }
}

/// A round number with a quarter more.
fn roomy(rows: usize) -> usize {
    let wanted = rows + rows / 4 + 3;
    let digits = wanted.to_string().len() as u32;
    let step = 10usize.pow(digits.saturating_sub(2));
    wanted.div_ceil(step) * step
}

fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push('_');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_names_something() {
        assert!(
            ["user_id", "item", "movieId", "cate_id", "zip code", "class of worker"].iter().all(|name| is_id(name))
        );
        assert!(!["age", "price", "width", "I1", "solid_ground"].iter().any(|name| is_id(name)));
        assert!(["C14", "cat_3", "categorical_13", "category 2"].iter().all(|name| is_category(name)));
        assert!(!["city", "cat", "C1x", "count_3", "I3"].iter().any(|name| is_category(name)));
        assert!(is_label("Click") && !is_label("clicks_before"));
        assert_eq!((roomy(4), roomy(37), roomy(1_002)), (8, 49, 1_300));
        assert_eq!((grouped(999), grouped(1_000_000)), ("999".to_owned(), "1_000_000".to_owned()));
        assert_eq!((written("class of worker"), written("I1")), ("\"class of worker\"".to_owned(), "I1".to_owned()));
    }
}
