//! An architecture as a source file.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::ir::{Choice, Made};
use crate::space::Architecture;

/// What surrounds an architecture in its file.
#[derive(Clone, Debug)]
pub struct ArchSource<'a> {
    /// What the architecture is called.
    pub name: &'a str,
    /// The lines of its `///` comment, without the slashes.
    pub docs: Vec<String>,
    /// Paths and what is imported from each.
    pub imports: Vec<(String, Vec<String>)>,
    /// Other items before the architecture, such as its schema, as source.
    pub items: String,
    /// The name of its space, which is imported or among `items`.
    pub space: &'a str,
    /// The arguments of the space: names and values as source; no parentheses where there are none.
    pub arguments: &'a [(String, String)],
    /// What stands behind `with`.
    pub schema: Option<&'a str>,
}

/// Widest line of formatted source.
const WIDTH: usize = 120;

/// Formats an architecture; choices that it leaves open are written `_`.
pub fn format_arch(source: &ArchSource<'_>, choices: &[Choice], architecture: &Architecture) -> String {
    let mut out = header(source);
    Items::new(source, choices).write(&mut out, source.name, &source.docs, architecture);
    out
}

/// Formats several architectures of one space, each with its name and its docs.
pub fn format_archs(
    source: &ArchSource<'_>,
    choices: &[Choice],
    all: &[(String, Vec<String>, &Architecture)],
) -> String {
    let mut out = header(source);
    let items = Items::new(source, choices);
    for (at, (name, docs, architecture)) in all.iter().enumerate() {
        if at > 0 {
            out.push('\n');
        }
        items.write(&mut out, name, docs, architecture);
    }
    out
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

/// Choices with their numbers.
type Members<'a> = Vec<(usize, &'a Choice)>;

/// What all architectures of a space have in common.
struct Items<'a> {
    source: &'a ArchSource<'a>,
    /// The choices of each block instance, and those outside of all.
    blocks: Vec<(Option<&'a str>, Members<'a>)>,
}

impl<'a> Items<'a> {
    fn new(source: &'a ArchSource<'a>, choices: &'a [Choice]) -> Self {
        let mut blocks: Vec<(Option<&str>, Members<'_>)> = Vec::new();
        for (index, choice) in choices.iter().enumerate() {
            match blocks.iter_mut().find(|(block, _)| *block == choice.block.as_deref()) {
                Some((_, members)) => members.push((index, choice)),
                None => blocks.push((choice.block.as_deref(), vec![(index, choice)])),
            }
        }
        Self { source, blocks }
    }

    fn write(&self, out: &mut String, name: &str, docs: &[String], architecture: &Architecture) {
        for doc in docs {
            let _written = writeln!(out, "/// {doc}");
        }
        out.push_str(&heading(self.source, name));
        if self.blocks.is_empty() {
            out.truncate(out.trim_end().len());
            out.push_str(" }\n");
            return;
        }
        for (block, members) in &self.blocks {
            let Some(block) = block else {
                self.entries(out, members, architecture, "  ", "\n");
                continue;
            };
            let start = out.len();
            let _written = write!(out, "  {block} {{ ");
            self.entries(out, members, architecture, "", "; ");
            out.truncate(out.len() - "; ".len());
            out.push_str(" }\n");
            if out.len() - start > WIDTH {
                out.truncate(start);
                let _written = writeln!(out, "  {block} {{");
                self.entries(out, members, architecture, "    ", "\n");
                out.push_str("  }\n");
            }
        }
        out.push_str("}\n");
    }

    /// `key: value` of each choice, with this before and after.
    fn entries(
        &self,
        out: &mut String,
        members: &[(usize, &Choice)],
        architecture: &Architecture,
        before: &str,
        after: &str,
    ) {
        for &(index, choice) in members {
            let _written =
                write!(out, "{before}{}: {}{after}", choice.key(), value(choice, architecture.made()[index]));
        }
    }
}

fn heading(source: &ArchSource<'_>, name: &str) -> String {
    let with = source.schema.map(|schema| format!(" with {schema}")).unwrap_or_default();
    let arguments: Vec<String> = source.arguments.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let start = format!("arch {name} of {}", source.space);
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

/// One value, as the checker reads it back; `_` where it is open.
pub fn value(choice: &Choice, made: Option<Made>) -> String {
    made.map_or_else(|| "_".to_owned(), |made| choice.offer.written(made))
}

/// The values of an architecture by the names of their choices; what it leaves open is left out.
pub fn named(choices: &[Choice], architecture: &Architecture) -> BTreeMap<String, String> {
    let made = choices.iter().zip(architecture.made()).filter(|(_, made)| made.is_some());
    made.map(|(choice, &made)| (choice.name.clone(), value(choice, made))).collect()
}
