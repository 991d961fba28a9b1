//! What each item is called in one scope.
//!
//! An operator's name is part of the paths of what it makes, and so of the names of parameters: operators keep theirs
//! before other items do, whose names nothing but references knows.

use std::collections::{HashMap, HashSet};

use super::fresh;
use super::items::{Texts, references};
use crate::names::{Index, Kind, Meaning, Role, Symbol, builtin};

/// The items that are called otherwise than in their file.
pub(super) struct Naming {
    new: HashMap<Symbol, String>,
}

impl Naming {
    pub fn new(index: &Index, roots: &[Symbol], items: &[Symbol], texts: &Texts<'_>) -> Self {
        let order = |item: &Symbol| match index.definition(*item).kind {
            _ if roots.contains(item) => 0,
            Kind::Op => 1,
            _ => 2,
        };
        let mut claims = items.to_vec();
        claims.sort_by_key(order);
        let elsewhere = Elsewhere::of(index, items);
        let mut taken: HashSet<&str> = HashSet::new();
        let mut renamed = Vec::new();
        for &item in &claims {
            if elsewhere.clashes(index, item) || !taken.insert(&index.definition(item).name) {
                renamed.push(item);
            }
        }
        let mut new: HashMap<Symbol, String> = HashMap::new();
        for item in renamed {
            let known = |name: &str| texts.words.contains(name) || builtin::is_callable(name);
            let name = fresh(&index.definition(item).name, |name| known(name) || new.values().any(|n| n == name));
            new.insert(item, name);
        }
        Self { new }
    }

    /// What an item is called now, where it is renamed.
    pub fn new_name(&self, item: Symbol) -> Option<&str> {
        self.new.get(&item).map(String::as_str)
    }

    pub fn name<'a>(&'a self, index: &'a Index, item: Symbol) -> &'a str {
        self.new_name(item).unwrap_or(&index.definition(item).name)
    }
}

/// Names that mean something else than an item where that item is not known.
struct Elsewhere<'a> {
    /// Called as the language's.
    called: HashSet<&'a str>,
    /// Words of conditions, such as labels, that a constant of their name would be read for; where each stands.
    words: Vec<(Symbol, &'a str)>,
    /// What is defined inside of items, which would hide a constant of its name; where each stands.
    inner: Vec<(Symbol, &'a str)>,
}

impl<'a> Elsewhere<'a> {
    fn of(index: &'a Index, items: &[Symbol]) -> Self {
        let mut found = Self { called: HashSet::new(), words: Vec::new(), inner: Vec::new() };
        for &item in items {
            let file = index.file(item.file);
            let called = references(index, item).filter(|(_, meaning)| matches!(meaning, Meaning::BuiltIn(_)));
            let called = called.map(|(at, _)| &file.uses[at]).filter(|used| used.role == Role::Callee);
            found.called.extend(called.filter(|used| !used.condition).map(|used| used.name.as_str()));
            let extent = &index.definition(item).extent;
            let words = file.uses.iter().filter(|used| used.condition && used.role == Role::Value);
            let words = words.filter(|used| extent.contains(&used.span.start));
            found.words.extend(words.map(|used| (item, used.name.as_str())));
            let inner = file.definitions.iter().filter(|d| d.owner.is_some() && extent.contains(&d.span.start));
            let inner = inner.filter(|d| !matches!(d.kind, Kind::Out | Kind::Alternative | Kind::Column | Kind::Turn));
            found.inner.extend(inner.map(|d| (item, d.name.as_str())));
        }
        found
    }

    /// Whether an item cannot keep its name.
    fn clashes(&self, index: &Index, item: Symbol) -> bool {
        let definition = index.definition(item);
        let name = definition.name.as_str();
        let unknown = |(user, word): &(Symbol, &str)| *word == name && index.item(user.file, name) != Some(item);
        match definition.kind {
            // An error where its file is checked; a file that is imported is not.
            Kind::Op => builtin::is_operator(name),
            Kind::Const => self.called.contains(name) || self.words.iter().chain(&self.inner).any(unknown),
            _ => self.called.contains(name),
        }
    }
}
