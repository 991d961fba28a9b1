//! An architecture as a source file.

use std::fmt::Write;

use crate::ir::{Choice, ChoiceKind, Made};
use crate::space::Architecture;

/// What surrounds an architecture in its file.
#[derive(Clone, Debug)]
pub struct ArchSource<'a> {
    pub name: &'a str,
    pub docs: Vec<String>,
    /// Paths and what is imported from each.
    pub imports: Vec<(String, Vec<String>)>,
    /// Other items before the architecture, such as its schema, as source.
    pub items: String,
    pub space: &'a str,
    pub arguments: &'a [(String, String)],
    pub schema: Option<&'a str>,
}

/// Widest line of formatted source.
const WIDTH: usize = 120;

/// Formats an architecture; choices that it leaves open are written `_`.
pub fn format_arch(source: &ArchSource<'_>, choices: &[Choice], architecture: &Architecture) -> String {
    format!("{}{}", header(source), item(source, choices, architecture))
}

/// Formats several architectures of one space, each with its name and its docs.
pub fn format_archs(
    source: &ArchSource<'_>,
    choices: &[Choice],
    all: &[(String, Vec<String>, &Architecture)],
) -> String {
    let items: Vec<String> = all
        .iter()
        .map(|(name, docs, architecture)| {
            item(&ArchSource { name, docs: docs.clone(), ..source.clone() }, choices, architecture)
        })
        .collect();
    format!("{}{}", header(source), items.join("\n"))
}

/// What stands before the architectures.
fn header(source: &ArchSource<'_>) -> String {
    let mut out = String::from("nasrec 1\n\n");
    for (path, names) in &source.imports {
        let _written = writeln!(out, "import \"{path}\" {{ {} }}", names.join(", "));
    }
    if !source.imports.is_empty() {
        out.push('\n');
    }
    if !source.items.is_empty() {
        out.push_str(&source.items);
        out.push('\n');
    }
    out
}

fn item(source: &ArchSource<'_>, choices: &[Choice], architecture: &Architecture) -> String {
    let mut out = String::new();
    for doc in &source.docs {
        let _written = writeln!(out, "/// {doc}");
    }
    out.push_str(&heading(source));
    let mut blocks: Vec<Option<&str>> = Vec::new();
    for choice in choices {
        if !blocks.contains(&choice.block.as_deref()) {
            blocks.push(choice.block.as_deref());
        }
    }
    for block in blocks {
        let entries = choices
            .iter()
            .zip(architecture.made())
            .filter(|(choice, _)| choice.block.as_deref() == block)
            .map(|(choice, made)| format!("{}: {}", choice.key(), value(choice, *made)));
        let entries: Vec<String> = entries.collect();
        match block {
            None => entries.iter().for_each(|entry| out.push_str(&format!("  {entry}\n"))),
            Some(block) => {
                let line = format!("  {block} {{ {} }}\n", entries.join("; "));
                if line.len() <= WIDTH {
                    out.push_str(&line);
                } else {
                    let lines: String = entries.iter().map(|entry| format!("    {entry}\n")).collect();
                    out.push_str(&format!("  {block} {{\n{lines}  }}\n"));
                }
            }
        }
    }
    out.push_str("}\n");
    out
}

fn heading(source: &ArchSource<'_>) -> String {
    let with = source.schema.map(|schema| format!(" with {schema}")).unwrap_or_default();
    let arguments: Vec<String> = source.arguments.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let start = format!("arch {} of {}", source.name, source.space);
    if arguments.is_empty() {
        return format!("{start}{with} {{\n");
    }
    let line = format!("{start}({}){with} {{\n", arguments.join(", "));
    if line.len() <= WIDTH {
        return line;
    }
    let lines: String = arguments.iter().map(|argument| format!("  {argument},\n")).collect();
    format!("{start}(\n{lines}){with} {{\n")
}

/// One value, as the checker reads it back.
pub fn value(choice: &Choice, made: Option<Made>) -> String {
    let Some(made) = made else { return "_".to_owned() };
    match &choice.kind {
        ChoiceKind::Width { values } => values[made.first()].to_string(),
        ChoiceKind::Choose { hi: 1, alternatives, .. } => alternatives[made.first()].clone(),
        ChoiceKind::Choose { alternatives, .. } => {
            let taken: Vec<&str> =
                alternatives.iter().enumerate().filter(|&(i, _)| made.has(i)).map(|(_, a)| a.as_str()).collect();
            format!("[{}]", taken.join(", "))
        }
        ChoiceKind::Repeat { lo, .. } => (lo + made.first()).to_string(),
        ChoiceKind::Maybe => if made.has(1) { "on" } else { "off" }.to_owned(),
        ChoiceKind::Pick { lo, hi, sources } => {
            let taken: Vec<&str> =
                sources.iter().enumerate().filter(|&(i, _)| made.has(i)).map(|(_, s)| s.as_str()).collect();
            // A single source of a single pick needs no brackets.
            if (*lo, *hi) == (1, 1) && sources.len() > 1 { taken.concat() } else { format!("[{}]", taken.join(", ")) }
        }
    }
}
