//! Which items are needed, and the text of each.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::naming::Naming;
use crate::check::Program;
use crate::diagnostics::FileId;
use crate::format::tokens::{self, Token, tokens};
use crate::names::{Index, Kind, Meaning, Role, Symbol};
use crate::syntax::lines;

/// What an item refers to, use by use.
pub(super) fn references(index: &Index, item: Symbol) -> impl Iterator<Item = (usize, Meaning)> {
    let extent = index.definition(item).extent.clone();
    let uses = index.file(item.file).uses.iter().enumerate();
    let inside = uses.filter(move |(_, used)| extent.contains(&used.span.start));
    inside.filter_map(move |(at, _)| Some((at, index.meaning(item.file, at)?)))
}

/// These items and all that they need, each once, behind what it needs.
pub(super) fn needed(index: &Index, roots: &[Symbol]) -> Vec<Symbol> {
    let of = |item: Symbol| -> Vec<Symbol> {
        let symbols = references(index, item).filter_map(|(at, meaning)| match meaning {
            Meaning::Symbol(symbol) if index.definition(symbol).kind.is_item() => {
                let operator = index.definition(symbol).kind == Kind::Op;
                (!(operator && index.is_label(item.file, at))).then_some(symbol)
            }
            _ => None,
        });
        symbols.collect()
    };
    let (mut done, mut seen) = (Vec::new(), HashSet::new());
    for &root in roots {
        // An item with what it still waits for, last first.
        let mut open: Vec<(Symbol, Vec<Symbol>)> = Vec::new();
        let enter = |item: Symbol| (item, of(item).into_iter().rev().collect());
        if seen.insert(root) {
            open.push(enter(root));
        }
        while let Some((item, waits)) = open.last_mut() {
            match waits.pop() {
                Some(next) if seen.insert(next) => open.push(enter(next)),
                Some(_) => {}
                None => {
                    done.push(*item);
                    open.pop();
                }
            }
        }
    }
    done
}

/// One file, as far as texts of its items are taken from it.
struct Source<'a> {
    text: &'a str,
    tokens: Vec<Token<'a>>,
    /// The items, each with its documentation.
    items: Vec<Range<usize>>,
}

/// The texts of items, with their comments.
pub(super) struct Texts<'a> {
    files: HashMap<FileId, Source<'a>>,
    /// Every word of them.
    pub words: HashSet<&'a str>,
}

impl<'a> Texts<'a> {
    pub fn new(program: &'a Program, index: &Index, items: &[Symbol]) -> Self {
        let mut files = HashMap::new();
        for item in items {
            files.entry(item.file).or_insert_with(|| {
                let text: &str = &program.sources.file(item.file).text;
                Source { text, tokens: tokens(text), items: lines::join(text).items }
            });
        }
        let mut texts = Self { files, words: HashSet::new() };
        for &item in items {
            let (range, source) = (texts.range(index, item), &texts.files[&item.file]);
            let inside = source.tokens.iter().filter(|token| range.contains(&token.start));
            texts.words.extend(inside.filter(|token| token.kind == tokens::Kind::Word).map(|token| token.text));
        }
        texts
    }

    /// An item with its documentation, the comment right above it and the one behind it.
    fn range(&self, index: &Index, item: Symbol) -> Range<usize> {
        let (source, extent) = (&self.files[&item.file], &index.definition(item).extent);
        let around = source.items.iter().find(|range| range.contains(&extent.start));
        let start = around.map_or(extent.start, |range| range.start);
        let mut first = source.tokens.partition_point(|token| token.start < start);
        while first > 0 && source.tokens[first].breaks == 1 {
            let above = &source.tokens[first - 1];
            // What stands behind other code belongs to that.
            if !above.is_comment() || above.breaks == 0 && first > 1 {
                break;
            }
            first -= 1;
        }
        let start = source.tokens.get(first).map_or(start, |token| token.start.min(start));
        let behind = source.tokens.get(source.tokens.partition_point(|token| token.start < extent.end));
        let beside = behind.filter(|token| token.is_comment() && token.breaks == 0);
        start..beside.map_or(extent.end, |token| tokens::span(token).end)
    }

    /// The text of an item, in which what is renamed has its new name.
    pub fn renamed(&self, index: &Index, item: Symbol, naming: &Naming) -> String {
        let range = self.range(index, item);
        let mut edits: Vec<(Range<usize>, String)> = Vec::new();
        if let Some(name) = naming.new_name(item) {
            edits.push((index.definition(item).span.clone(), name.to_owned()));
        }
        for (at, meaning) in references(index, item) {
            let Meaning::Symbol(symbol) = meaning else { continue };
            let Some(name) = naming.new_name(symbol) else { continue };
            let (used, definition) = (&index.file(item.file).uses[at], index.definition(symbol));
            if definition.kind == Kind::Op && index.is_label(item.file, at) {
                continue;
            }
            // A choice's name may number the calls.
            let span = used.span.start..used.span.start + definition.name.len();
            let labelled = used.label && used.role == Role::Callee;
            let label = if labelled { format!("{}: ", definition.name) } else { String::new() };
            edits.push((span, format!("{label}{name}")));
        }
        edits.sort_by_key(|(span, _)| span.start);
        let text = self.files[&item.file].text;
        let (mut out, mut at) = (String::new(), range.start);
        for (span, new) in edits {
            out.push_str(&text[at..span.start]);
            out.push_str(&new);
            at = span.end;
        }
        out.push_str(&text[at..range.end]);
        out
    }
}
