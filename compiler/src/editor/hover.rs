//! What a name is, in a few lines of Markdown.

use std::ops::Range;

use super::analysis::Analysis;
use crate::cost::grouped;
use crate::diagnostics::FileId;
use crate::ir::{Offer, Word};
use crate::names::{Kind, Meaning, Role, Symbol, builtin};
use crate::schema::Schema;
use crate::space::Space;
use crate::{Architecture, CheckedSpace, ItemKind, Loader};

/// What is known of the name at a place, and the place of the name.
pub fn hover(analysis: &Analysis, loader: &dyn Loader, file: FileId, at: usize) -> Option<(String, Range<usize>)> {
    if let Some((choice, span)) = choice(analysis, loader, file, at) {
        return Some((choice, span));
    }
    let (meaning, span) = analysis.index.at(file, at)?;
    let text = match meaning {
        Meaning::Symbol(symbol) => symbol_text(analysis, symbol, Some((file, span.start))),
        Meaning::BuiltIn(name) => {
            let head = builtin::signature(&name).unwrap_or_else(|| name.clone());
            code(&head, &[builtin::meaning(&name).to_owned()])
        }
        Meaning::BuiltInArgument { callee, argument } => {
            let word = builtin::params(&callee).into_iter().find(|(name, _)| *name == argument).map(|(_, word)| word);
            let head = word.map_or_else(|| argument.clone(), |word| format!("{argument}: {word}"));
            code(&head, &[format!("An argument of `{callee}`.")])
        }
        Meaning::Size(name) => code(&name, &[builtin::member(&name).to_owned()]),
        Meaning::File(file) => code(&format!("\"{}\"", analysis.program.sources.file(file).name), &[]),
    };
    Some((text, span))
}

/// What a definition is. An output has several places; the one that was pointed at is told of first.
pub(super) fn symbol_text(analysis: &Analysis, symbol: Symbol, pointed: Option<(FileId, usize)>) -> String {
    let index = analysis.index.file(symbol.file);
    let definitions = index.definitions.iter().enumerate();
    let mut places = definitions.filter(|(at, _)| index.canonical(*at) == symbol.definition).map(|(at, _)| at);
    let here = |&at: &usize| pointed == Some((symbol.file, index.definitions[at].span.start));
    let at = places.clone().find(here).or_else(|| places.next_back()).unwrap_or(symbol.definition);
    let symbol = Symbol { definition: at, ..symbol };
    let definition = analysis.index.definition(symbol);
    let (kind, name) = (definition.kind, &definition.name);
    let shape = analysis.shape(symbol);
    let of_type = shape.map(|shape| format!(": {}", shape.as_type())).unwrap_or_default();
    let mut notes = Vec::new();
    let head = match kind {
        Kind::Let | Kind::Out | Kind::Turn | Kind::Input => format!("{} {name}{of_type}", keyword(kind)),
        Kind::Width | Kind::Const | Kind::OpParam | Kind::SpaceParam | Kind::Alternative | Kind::Column => {
            let text = analysis.text(symbol.file).get(definition.extent.clone()).unwrap_or_default();
            let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
            if matches!(kind, Kind::OpParam | Kind::SpaceParam | Kind::Alternative) {
                notes.push(format!("A{} {}.", if kind == Kind::Alternative { "n" } else { "" }, kind.word()));
            }
            line
        }
        Kind::Block | Kind::Stem => {
            let outputs = if kind == Kind::Block { index.outputs(symbol.definition) } else { Vec::new() };
            let names: Vec<String> = outputs.iter().map(|&o| format!("`{}`", index.definitions[o].name)).collect();
            if !names.is_empty() {
                notes.push(format!("Hands on {}.", names.join(", ")));
            }
            format!("{} {name}", keyword(kind))
        }
        _ => analysis.head(symbol.file, definition),
    };
    notes.extend(shape.and_then(|shape| shape.in_words()).map(|words| format!("Over all choices: {words}.")));
    match kind {
        Kind::Space => notes.extend(space_notes(analysis, symbol)),
        Kind::Arch => notes.extend(arch_note(analysis, symbol)),
        Kind::Search => notes.extend(search_note(analysis, symbol)),
        Kind::Train => notes.extend(train_note(analysis, symbol)),
        _ => {}
    }
    notes.extend(analysis.docs(symbol.file, definition));
    code(&head, &notes)
}

fn keyword(kind: Kind) -> &'static str {
    match kind {
        Kind::Turn => "repeat … as",
        Kind::Out => "out",
        Kind::Stem => "after",
        Kind::Shared => "shared",
        Kind::Number => "for",
        other => other.word(),
    }
}

/// A line of source, then paragraphs.
fn code(head: &str, notes: &[String]) -> String {
    let mut out = format!("```nasrec\n{head}\n```");
    for note in notes.iter().filter(|note| !note.is_empty()) {
        out.push_str("\n\n");
        out.push_str(note);
    }
    out
}

fn space_notes(analysis: &Analysis, symbol: Symbol) -> Option<String> {
    let graph = analysis.space(symbol)?.graph;
    if let Some(widths) = graph.awaited().next() {
        let (name, choices) = (&widths.name, graph.choices.len());
        let beside = if choices == 0 { String::new() } else { format!(", beside {choices} of its own") };
        return Some(format!(
            "A choice for each column of `{name}`{beside}: how many encodings that are, and what they cost, depends on the data."
        ));
    }
    if graph.choices.is_empty() {
        return Some("No choices: one architecture. Costs depend on the data.".to_owned());
    }
    let (choices, ways) = (graph.choices.len(), grouped(graph.raw_count()));
    let plural = if choices == 1 { "" } else { "s" };
    Some(format!("{choices} choice{plural}, {ways} encodings. Costs depend on the data."))
}

fn arch_note(analysis: &Analysis, symbol: Symbol) -> Option<String> {
    let arch = analysis.program.arch(&analysis.item(symbol, ItemKind::Arch)?).ok()?;
    let costs = costs(&arch.space, arch.schema.as_ref()?, &arch.architecture);
    costs.filter(|_| !arch.open)
}

/// What one model of a space costs, in words.
fn costs(space: &CheckedSpace, schema: &Schema, architecture: &Architecture) -> Option<String> {
    let plan = Space::bind(space, schema).ok()?.plan(architecture).ok()?;
    let (macs, ops) = (grouped(plan.macs()), grouped(plan.ops()));
    let (dense, embedding) = (grouped(plan.dense_params()), grouped(plan.embedding_params()));
    Some(format!("{macs} MACs a sample, {ops} operations in all; {dense} dense and {embedding} embedding parameters."))
}

fn search_note(analysis: &Analysis, symbol: Symbol) -> Option<String> {
    let search = analysis.program.search(&analysis.item(symbol, ItemKind::Search)?, &[]).ok()?;
    let ways = grouped(search.space.graph.raw_count());
    Some(format!("{} choices, {ways} encodings.", search.space.graph.choices.len()))
}

fn train_note(analysis: &Analysis, symbol: Symbol) -> Option<String> {
    let search = analysis.program.search(&analysis.item(symbol, ItemKind::Train)?, &[]).ok()?;
    let (name, architecture) = search.model.as_ref()?;
    Some(format!("Trains {name}: {}", costs(&search.space, &search.schema, architecture)?))
}

/// The choice of an architecture at a place.
fn choice(analysis: &Analysis, loader: &dyn Loader, file: FileId, at: usize) -> Option<(String, Range<usize>)> {
    let index = analysis.index.file(file);
    let used = index.uses.iter().find(|used| used.span.start <= at && at <= used.span.end)?;
    let Role::Choice { arch, before } = &used.role else { return None };
    let mut path = before.clone();
    path.push(used.name.clone());
    let path = path.join(".");
    let choices = analysis.choices(*arch, loader);
    let choice = choices.iter().find(|choice| unnumbered(&choice.name) == path)?;
    let docs = match analysis.index.at(file, at) {
        Some((Meaning::Symbol(symbol), _)) => analysis.docs(symbol.file, analysis.index.definition(symbol)),
        _ => None,
    };
    let mut notes = vec![format!("A choice: {}.", offered(&choice.offer))];
    notes.extend(docs);
    Some((code(choice.key(), &notes), used.span.clone()))
}

/// The name of a choice without the number of its block: `b.d` for `b[2].d`.
pub(super) fn unnumbered(name: &str) -> String {
    let mut depth = 0;
    let outside = |c: &char| {
        depth += i32::from(*c == '[');
        let outside = depth == 0;
        depth -= i32::from(*c == ']');
        outside
    };
    name.chars().filter(outside).collect()
}

/// What a choice offers, in words.
pub(super) fn offered(offer: &Offer) -> String {
    match (offer.word(), offer.ends()) {
        (Word::Maybe, _) => "`on` or `off`".to_owned(),
        (Word::Repeat, Some((lo, hi))) => format!("{lo} to {hi} iterations"),
        _ => format!("{} of {}", offer.takes(), offer.labels().join(", ")),
    }
}
