//! What `check` and `stats` share: which table, which schema, and the pass over the one with the other.

use std::path::Path;

use anyhow::{Result, bail};
use nasrec_compiler::diagnostics::{Diagnostic, Severity};
use nasrec_compiler::schema::Schema;
use nasrec_compiler::{Item, ItemKind, Program};
use nasrec_runtime::Stop;
use nasrec_runtime::data::survey::{Survey, survey};

use crate::imports::Imports;
use crate::output::Format;
use crate::render;
use crate::rows;
use crate::running::Progress;

/// A table and what describes it.
#[derive(clap::Args)]
pub(crate) struct Table {
    /// The table: files, folders or patterns, as `data.files` of a recipe has them, or - for standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<String>,
    /// A file with a schema, and its name where the file knows several
    #[arg(long, value_name = "FILE[:NAME]")]
    schema: String,
    /// The share of malformed rows that is tolerated, as `data.max_malformed` of a recipe
    #[arg(long, value_name = "SHARE", default_value_t = 0.001)]
    max_malformed: f64,
    /// How it is written
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    #[command(flatten)]
    imports: Imports,
}

impl Table {
    /// Reads all of it; `None` where the file of the schema has mistakes, which are shown.
    pub(crate) fn survey(&self) -> Result<Option<Survey>> {
        let Some(schema) = self.schema()? else { return Ok(None) };
        let located = rows::files(&self.files)?;
        let progress = Progress::new();
        Ok(Some(survey(&schema, &located, self.max_malformed, &progress, &Stop::new())?))
    }

    fn schema(&self) -> Result<Option<Schema>> {
        // A path may hold a colon.
        let split = self.schema.rsplit_once(':').filter(|_| !Path::new(&self.schema).exists());
        let (file, name) = split.map_or((self.schema.as_str(), None), |(file, name)| (file, Some(name)));
        let (program, mut found) = Program::load(file, &self.imports.disk(file));
        let mut schema = None;
        if found.iter().all(|finding| finding.severity != Severity::Error) {
            match program.schema(&the_one(&program, file, name)?) {
                Ok(sound) => schema = Some(sound),
                Err(more) => found.extend(more),
            }
        }
        Diagnostic::sort(&mut found);
        render::show(&found, &program.sources)?;
        Ok(schema)
    }
}

/// The schema of this name, else the only one that the file defines, else the only one that it knows.
fn the_one(program: &Program, file: &str, name: Option<&str>) -> Result<Item> {
    let known = program.visible(ItemKind::Schema);
    let own: Vec<Item> = program.items().into_iter().filter(|item| item.kind == ItemKind::Schema).collect();
    let names = |items: &[Item]| items.iter().map(|item| item.name.as_str()).collect::<Vec<_>>().join(", ");
    if let Some(name) = name {
        return match known.iter().find(|item| item.name == name) {
            Some(item) => Ok(item.clone()),
            None if known.is_empty() => bail!("{file} has no schema"),
            None => bail!("{file} has no schema `{name}`; it has {}", names(&known)),
        };
    }
    match if own.is_empty() { &known } else { &own }.as_slice() {
        [only] => Ok(only.clone()),
        [] => bail!("{file} has no schema: `nasrecc data schema TABLE` writes one"),
        several => bail!("{file} has the schemas {}: say which with --schema {file}:NAME", names(several)),
    }
}
