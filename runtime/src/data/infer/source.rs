//! A guess as source.

use std::fmt::Write;

use nasrec_compiler::schema::{Format, Lines, Pairs};

use super::guess::{Guess, can_be_said, written};
use super::look::Look;

/// A schema, with a comment a column.
pub(super) fn write(look: &Look, guess: &Guess, name: &str, file: &str) -> String {
    let rows = if look.all { format!("{} rows", look.rows) } else { format!("the first {} rows", look.rows) };
    let mut out = format!("/// As {rows} of {} suggest.\nschema {name} {{\n", plain(file));
    let mut line = |line: String| {
        // To a text nothing is refused.
        let _written = writeln!(out, "  {line}");
    };
    let format = match look.format {
        Format::Parquet => "parquet".to_owned(),
        Format::Pairs(Pairs::Libsvm) => "libsvm".to_owned(),
        Format::Pairs(Pairs::Libffm) => "libffm".to_owned(),
        Format::Pairs(Pairs::Libfm) => "libfm".to_owned(),
        Format::Lines(lines) => of_lines(lines),
    };
    line(format!("format {format}"));
    if !look.marks.is_empty() {
        line(format!("missing {}", look.marks.iter().map(|mark| format!("\"{mark}\"")).collect::<Vec<_>>().join(", ")));
    }
    let (label, said, why) = &guess.label;
    let of_label = vec![format!("// {}", plain(why)), format!("label {said}")];
    let of_column = |index: usize| {
        let lines = &guess.lines[index];
        let mut said = vec![format!("// {}", plain(&lines.comment))];
        said.extend(lines.time.iter().map(|time| format!("time {time}")));
        // What nobody names of pairs is not read.
        let by_number = matches!(look.format, Format::Pairs(Pairs::Libsvm | Pairs::Libffm));
        let skipped = !by_number && can_be_said(&look.columns[index].name);
        if lines.dense.is_empty() && lines.sparse.is_empty() && skipped {
            said.push(format!("skip {}", written(&look.columns[index].name)));
        }
        said.extend(lines.dense.iter().map(|dense| format!("dense {dense}")));
        said.extend(lines.sparse.iter().map(|sparse| format!("sparse {sparse}")));
        said
    };
    // Without a header, columns are where the schema lists them.
    let of_each =
        (0..look.columns.len()).map(|index| if index == *label { of_label.clone() } else { of_column(index) });
    let mut parts: Vec<Vec<String>> = of_each.collect();
    if look.header() {
        parts[..=*label].rotate_right(1);
    }
    for (index, part) in parts.into_iter().enumerate() {
        if index > 0 {
            line(String::new());
        }
        part.into_iter().for_each(&mut line);
    }
    out.push_str("}\n");
    out
}

/// Lines as a schema says them.
fn of_lines(Lines { separator, header, quotes, escape }: Lines) -> String {
    let (name, usual) = if separator == b'\t' { ("tsv", Lines::TSV) } else { ("csv", Lines::CSV) };
    let mut said = Vec::new();
    if separator != usual.separator {
        said.push(format!("separator: \"{}\"", char::from(separator)));
    }
    let switch = |holds: bool| if holds { "on" } else { "off" };
    if header != usual.header {
        said.push(format!("header: {}", switch(header)));
    }
    // Where there are none, nothing is said.
    if quotes && !usual.quotes {
        said.push("quotes: on".to_owned());
    }
    said.extend(escape.map(|escape| format!("escape: \"{}\"", char::from(escape))));
    if said.is_empty() { name.to_owned() } else { format!("{name}({})", said.join(", ")) }
}

/// A text without line ends.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}
