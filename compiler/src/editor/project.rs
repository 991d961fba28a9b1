//! Many files at once: where a name is used in all of them, and what renaming it changes.

use std::collections::{BTreeSet, HashSet};

use crate::diagnostics::{FileId, SourceFile, Span};
use crate::names::{FileIndex, Index, Kind, Meaning, Role, Symbol, builtin};
use crate::{Loader, Program, syntax};

/// Files that may name one another's items; none of them is checked.
pub struct Project {
    parts: Vec<(Program, Index)>,
}

/// A place in a file of the project.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Located {
    /// The name of the file.
    pub file: String,
    /// Its bytes, from and to.
    pub span: (u32, u32),
}

/// What is renamed, in each part of the project that knows it.
struct Found {
    name: String,
    built_in: bool,
    file: String,
    in_parts: Vec<(usize, Symbol)>,
}

impl Project {
    /// These files and all that they import.
    pub fn new(entries: &[String], loader: &dyn Loader) -> Self {
        let mut parts: Vec<(Program, Index)> = Vec::new();
        let mut known: HashSet<String> = HashSet::new();
        for entry in entries {
            if known.contains(entry) {
                continue;
            }
            let (program, _) = Program::load(entry, loader);
            known.extend(program.sources.files().iter().map(|file| file.name.clone()));
            let index = Index::new(&program);
            parts.push((program, index));
        }
        Self { parts }
    }

    fn file<'a>(&self, program: &'a Program, name: &str) -> Option<(FileId, &'a SourceFile)> {
        let at = program.sources.files().iter().position(|file| file.name == name)?;
        Some((FileId(at as u32), &program.sources.files()[at]))
    }

    fn find(&self, file: &str, at: usize) -> Result<Found, String> {
        let no_name = || "there is no name here".to_owned();
        let meaning = self.parts.iter().find_map(|(program, index)| {
            let (id, _) = self.file(program, file)?;
            Some((program, index, index.at(id, at)?.0))
        });
        let (program, index, meaning) = meaning.ok_or_else(no_name)?;
        let symbol = match meaning {
            Meaning::Symbol(symbol) => symbol,
            Meaning::BuiltIn(name) | Meaning::Size(name) | Meaning::BuiltInArgument { argument: name, .. } => {
                return Err(format!("`{name}` is part of the language"));
            }
            Meaning::File(_) => return Err("the path of an import is not a name".to_owned()),
        };
        let (name, start) = (index.definition(symbol).name.clone(), index.definition(symbol).span.start);
        let defined = program.sources.file(symbol.file);
        let in_parts = self.parts.iter().enumerate().filter_map(|(part, (program, index))| {
            let (file, _) = self.file(program, &defined.name)?;
            let position = index.file(file).definitions.iter().position(|d| d.span.start == start)?;
            Some((part, Symbol { file, definition: index.file(file).canonical(position) }))
        });
        Ok(Found { name, built_in: defined.built_in, file: defined.name.clone(), in_parts: in_parts.collect() })
    }

    fn located(&self, part: usize, span: Span) -> Located {
        Located { file: self.parts[part].0.sources.file(span.file).name.clone(), span: (span.start, span.end) }
    }

    fn occurrences(&self, found: &Found, definitions: bool) -> BTreeSet<Located> {
        let mut out = BTreeSet::new();
        for &(part, symbol) in &found.in_parts {
            let all = self.parts[part].1.occurrences(symbol);
            let wanted = all.into_iter().filter(|occurrence| definitions || !occurrence.definition);
            out.extend(wanted.map(|occurrence| self.located(part, occurrence.span)));
        }
        out
    }

    /// Every place that names what is named at a place, its definitions only where they are wanted.
    pub fn references(&self, file: &str, at: usize, definitions: bool) -> Vec<Located> {
        self.find(file, at).map(|found| self.occurrences(&found, definitions).into_iter().collect()).unwrap_or_default()
    }

    /// The name at a place, if it can be renamed.
    ///
    /// # Errors
    /// Why it cannot, for a person.
    pub fn renamable(&self, file: &str, at: usize) -> Result<String, String> {
        let found = self.find(file, at)?;
        if found.built_in {
            return Err(format!("`{}` ships with nasrecc in a file that cannot be changed", found.name));
        }
        Ok(found.name)
    }

    /// The places where `new` is to be written instead.
    ///
    /// # Errors
    /// Why the name cannot be given, for a person.
    pub fn rename(&self, file: &str, at: usize, new: &str) -> Result<Vec<Located>, String> {
        self.renamable(file, at)?;
        let found = self.find(file, at)?;
        if !syntax::is_name(new) {
            return Err(format!("`{new}` is not a name: a name is a word that is no keyword"));
        }
        if new == found.name {
            return Ok(Vec::new());
        }
        for &(part, symbol) in &found.in_parts {
            self.free(part, symbol, new)?;
        }
        let places: Vec<Located> = self.occurrences(&found, true).into_iter().collect();
        debug_assert!(places.iter().any(|place| place.file == found.file));
        Ok(places)
    }

    /// Whether everything that names `symbol` can name it `new`, and nothing else comes to mean it.
    fn free(&self, part: usize, symbol: Symbol, new: &str) -> Result<(), String> {
        let (program, index) = &self.parts[part];
        let definition = index.definition(symbol);
        let kind = definition.kind;
        if kind == Kind::Op && builtin::is_callable(new) || new == builtin::NORMALISE {
            return Err(format!("`{new}` is part of the language"));
        }
        let taken = |what: Kind, file: FileId| {
            let name = &program.sources.file(file).name;
            Err(format!("`{new}` is already the name of {} in {name}", article(what)))
        };
        if kind.is_item() {
            for (file, own) in index.files() {
                if !index.items(file).contains(&symbol) {
                    continue;
                }
                if let Some(other) = index.item(file, new) {
                    return taken(index.definition(other).kind, file);
                }
                let hidden = own.uses.iter().enumerate().find_map(|(at, used)| {
                    let names_it = index.meaning(file, at) == Some(Meaning::Symbol(symbol));
                    let local = own.local(used.scope, new, used.span.start);
                    local.filter(|_| names_it && used.role == Role::Value)
                });
                if let Some(local) = hidden {
                    return taken(own.definitions[local].kind, file);
                }
            }
            return Ok(());
        }
        let own = index.file(symbol.file);
        let around = item_around(own, symbol.definition);
        let inside = |at: usize| own.definitions[around].extent.contains(&at);
        let rival = own.definitions.iter().find(|d| {
            d.name == new
                && inside(d.span.start)
                && match kind {
                    Kind::Out | Kind::Alternative | Kind::Column => d.kind == kind && d.owner == definition.owner,
                    _ => !matches!(d.kind, Kind::Out | Kind::Alternative | Kind::Column),
                }
        });
        if let Some(rival) = rival {
            return taken(rival.kind, symbol.file);
        }
        // What the item takes from around it would be hidden.
        let value = !matches!(kind, Kind::Out | Kind::Alternative | Kind::Column);
        let captured =
            own.uses.iter().any(|used| used.name == new && inside(used.span.start) && used.role == Role::Value);
        if let (true, true, Some(other)) = (value, captured, index.item(symbol.file, new)) {
            return taken(index.definition(other).kind, other.file);
        }
        Ok(())
    }
}

/// The item that a definition is part of.
fn item_around(index: &FileIndex, definition: usize) -> usize {
    std::iter::successors(Some(definition), |&at| index.definitions[at].owner).last().unwrap_or(definition)
}

fn article(kind: Kind) -> String {
    let word = kind.word();
    let article = if word.starts_with(['a', 'i', 'o']) { "an" } else { "a" };
    format!("{article} {word}")
}
