//! What a subcommand is about: one item of a file, with its space, its schema and its architecture.

use std::cell::OnceCell;
use std::path::Path;

use anyhow::{Result, bail};
use nasrec_compiler::diagnostics::{Diagnostic, Severity};
use nasrec_compiler::loader::Shipped;
use nasrec_compiler::outline;
use nasrec_compiler::schema::Schema;
use nasrec_compiler::{Architecture, CheckedSpace, Item, ItemKind, Program, Space};

use crate::imports::Imports;
use crate::render;

/// A file that has no mistakes.
pub(crate) struct File {
    pub path: String,
    pub program: Program,
}

/// An item of a file, compiled.
pub(crate) struct Subject {
    pub item: Item,
    pub space: CheckedSpace,
    /// The schema that was asked for, else the one that the item names.
    pub schema: Option<Schema>,
    pub architecture: Option<Architecture>,
    /// The parameters of the space, as source, defaults included.
    pub parameters: Vec<(String, String)>,
    /// The space over its schema; bound when it is first asked for.
    bound: OnceCell<Space>,
}

/// The files of a program that are not those that ship.
pub(crate) fn read(program: &Program) -> impl Iterator<Item = &Path> {
    program.sources.files().iter().filter(|file| !file.built_in).map(|file| Path::new(&file.name))
}

impl File {
    /// Reads and checks a file; `None` where it has mistakes, which are shown.
    pub(crate) fn load(path: &str, imports: &Imports, options: render::Options) -> Result<Option<File>> {
        let (program, mut diagnostics) = Program::load(path, &imports.disk(path));
        diagnostics.extend(program.check());
        Diagnostic::sort(&mut diagnostics);
        let mut shown = render::Report::new(options);
        shown.add(&diagnostics, &program.sources)?;
        shown.finish()?;
        let sound = diagnostics.iter().all(|d| d.severity != Severity::Error);
        Ok(sound.then(|| File { path: path.to_owned(), program }))
    }

    /// The files that it is made of, but those that ship.
    pub(crate) fn read(&self) -> impl Iterator<Item = &Path> {
        read(&self.program)
    }

    /// The spaces, searches, trainings and architectures, or the one of this name.
    pub(crate) fn items(&self, name: Option<&str>) -> Result<Vec<Item>> {
        let all = self.program.items().into_iter();
        let items: Vec<Item> = all
            .filter(|item| matches!(item.kind, ItemKind::Space | ItemKind::Search | ItemKind::Train | ItemKind::Arch))
            .filter(|item| name.is_none_or(|name| name == item.name))
            .collect();
        if items.is_empty() {
            let what = name.map_or("a space, a search, a train or an arch".to_owned(), |name| format!("`{name}`"));
            bail!("{} does not define {what}", self.path);
        }
        Ok(items)
    }

    /// The only item, or the one of this name; `option` is how a name is given.
    pub(crate) fn item(&self, name: Option<&str>, option: &str) -> Result<Item> {
        let mut items = self.items(name)?;
        if items.len() > 1 {
            let names: Vec<&str> = items.iter().map(|item| item.name.as_str()).collect();
            bail!("{} defines {}: say which with {option}", self.path, names.join(", "));
        }
        Ok(items.swap_remove(0))
    }

    /// A schema by name: one that the file sees, else one that ships.
    pub(crate) fn schema(&self, name: &str) -> Result<Schema> {
        if let Some(item) = self.program.find(ItemKind::Schema, name) {
            return self.program.schema(&item).map_err(|_| anyhow::anyhow!("schema `{name}` has errors"));
        }
        let (shipped, _) = Program::load("schemas.nasrec", &Shipped);
        let known = shipped.items();
        match known.iter().find(|item| item.name == name) {
            Some(item) => shipped.schema(item).map_err(|_| anyhow::anyhow!("schema `{name}` has errors")),
            None => {
                let names: Vec<&str> = known.iter().map(|item| item.name.as_str()).collect();
                bail!("there is no schema `{name}`; nasrecc ships {}", names.join(", "))
            }
        }
    }

    /// Compiles an item.
    pub(crate) fn subject(&self, item: &Item, with: Option<&str>) -> Result<Subject> {
        let failed = |_| anyhow::anyhow!("`{}` has errors", item.name);
        let given = with.map(|name| self.schema(name)).transpose()?;
        let (space, schema, architecture) = match item.kind {
            ItemKind::Search | ItemKind::Train => {
                let search = self.program.search(item, &[]).map_err(failed)?;
                (search.space, Some(search.schema), search.model.map(|(_, architecture)| architecture))
            }
            ItemKind::Arch => {
                let arch = self.program.arch(item).map_err(failed)?;
                (arch.space, arch.schema, Some(arch.architecture))
            }
            _ => (self.program.check_space(item).map_err(failed)?, None, None),
        };
        let parameters = outline::parameters(&self.program, &space);
        let (item, schema, bound) = (item.clone(), given.or(schema), OnceCell::new());
        let space = match &schema {
            Some(schema) => space.over(schema),
            None => space,
        };
        Ok(Subject { item, space, schema, architecture, parameters, bound })
    }
}

impl Subject {
    /// The architecture, where it is one.
    pub(crate) fn one(&self) -> Option<Architecture> {
        let model = || self.space.graph.first_open().is_none().then(|| Architecture::new(Vec::new()));
        self.architecture.clone().or_else(model)
    }

    /// The space over its schema.
    pub(crate) fn bound(&self) -> Result<&Space> {
        if let Some(bound) = self.bound.get() {
            return Ok(bound);
        }
        let Some(schema) = &self.schema else {
            bail!("{} `{}` names no schema: say --with SCHEMA", self.item.kind.word(), self.item.name)
        };
        let bound = Space::bind(&self.space, schema)?;
        Ok(self.bound.get_or_init(|| bound))
    }

    /// Such as `arch best of nasrec_small with criteo`.
    pub(crate) fn heading(&self) -> String {
        let with = self.schema.as_ref().map_or_else(String::new, |schema| format!(" with {}", schema.name));
        match self.item.kind {
            ItemKind::Search => format!("search {} on {}{with}", self.item.name, self.space.name),
            ItemKind::Train => format!("train {} on {}{with}", self.item.name, self.space.name),
            ItemKind::Arch => format!("arch {} of {}{with}", self.item.name, self.space.name),
            _ => format!("space {}{with}", self.space.name),
        }
    }
}
