//! A guess as source.

use std::fmt::Write;

use super::guess::{Guess, written};
use super::look::Look;

/// A schema, with a comment a column.
pub(super) fn write(look: &Look, guess: &Guess, name: &str, file: &str) -> String {
    let rows = if look.all { format!("{} rows", look.rows) } else { format!("the first {} rows", look.rows) };
    let mut out = format!("/// As {rows} of {} suggest.\nschema {name} {{\n", plain(file));
    let mut line = |line: String| {
        // To a text nothing is refused.
        let _written = writeln!(out, "  {line}");
    };
    let format = match look.lines.map(|lines| (lines.separator, lines.header, lines.quotes)) {
        None => "parquet".to_owned(),
        Some((b',', true, _)) => "csv".to_owned(),
        Some((b',', false, _)) => "csv(header: off)".to_owned(),
        Some((b'\t', header, quotes)) => {
            let said = [(header, "header: on"), (quotes, "quotes: on")];
            let said: Vec<&str> = said.iter().filter(|(holds, _)| *holds).map(|(_, said)| *said).collect();
            if said.is_empty() { "tsv".to_owned() } else { format!("tsv({})", said.join(", ")) }
        }
        Some((separator, header, _)) => {
            let off = if header { "" } else { ", header: off" };
            format!("csv(separator: \"{}\"{off})", char::from(separator))
        }
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
        if lines.dense.is_empty() && lines.sparse.is_empty() {
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

/// A text without line ends.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}
