//! What a run is, written into its directory: enough to go on with it, or to repeat it, on its own.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nasrec_compiler::Program;
use nasrec_compiler::diagnostics::SourceFile;
use nasrec_compiler::loader::Loader;
use nasrec_compiler::recipe::Recipe;
use nasrec_runtime::search::RunDir;
use serde::{Deserialize, Serialize};

/// Version of `run.json`.
const VERSION: u32 = 1;

/// `run.json`
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RunRecord {
    version: u32,
    /// Version of nasrecc that started the run.
    pub nasrecc: String,
    /// Name of the search.
    pub search: String,
    /// The entry file, by name.
    entry: String,
    /// As given with `--set`.
    pub overrides: Vec<String>,
    /// Where relative paths of data start.
    pub base: PathBuf,
    /// The whole recipe, defaults included.
    pub recipe: Recipe,
    sources: Vec<Copy>,
    imports: Vec<Import>,
}

/// A source file and its copy in the directory.
#[derive(Debug, Serialize, Deserialize)]
struct Copy {
    name: String,
    copy: String,
    built_in: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Import {
    importer: String,
    path: String,
    file: String,
}

const FILE: &str = "run.json";

impl RunRecord {
    /// Copies the sources into the directory and writes the record, last, so that a directory with a record is whole.
    pub fn write(
        dir: &RunDir,
        program: &Program,
        search: &str,
        overrides: &[String],
        base: &Path,
        recipe: &Recipe,
    ) -> Result<()> {
        let entry = program.entry().context("the program has no file")?;
        let name = |id| program.sources.file(id).name.clone();
        let read: Vec<&SourceFile> = program.sources.files().iter().filter(|file| file.name != "--set").collect();
        let root = common_root(read.iter().filter(|file| !file.built_in).map(|file| Path::new(&file.name)));
        let mut sources = Vec::new();
        for file in read {
            let inside = match file.name.split_once(':') {
                Some((_, shipped)) if file.built_in => PathBuf::from(shipped),
                _ => Path::new(&file.name).strip_prefix(&root).unwrap_or(Path::new(&file.name)).to_owned(),
            };
            let copy = format!("sources/{}", inside.display());
            dir.write(&copy, file.text.as_bytes())?;
            sources.push(Copy { name: file.name.clone(), copy, built_in: file.built_in });
        }
        let imports = program.imports.iter().map(|(importer, path, file)| Import {
            importer: name(*importer),
            path: path.clone(),
            file: name(*file),
        });
        let record = RunRecord {
            version: VERSION,
            nasrecc: env!("CARGO_PKG_VERSION").to_owned(),
            search: search.to_owned(),
            entry: name(entry),
            overrides: overrides.to_vec(),
            base: base.to_owned(),
            recipe: recipe.clone(),
            sources,
            imports: imports.collect(),
        };
        dir.write(FILE, &serde_json::to_vec_pretty(&record)?)?;
        Ok(())
    }

    pub fn read(dir: &RunDir) -> Result<Self> {
        let path = dir.file(FILE);
        let text = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let record: Self =
            serde_json::from_slice(&text).with_context(|| format!("{} is not the record of a run", path.display()))?;
        if record.version != VERSION {
            bail!("{} has version {}, and this nasrecc reads version {VERSION}", path.display(), record.version);
        }
        Ok(record)
    }

    /// The program, from the copies.
    pub fn load(&self, dir: &RunDir) -> Result<(Program, Vec<nasrec_compiler::diagnostics::Diagnostic>)> {
        let mut files = HashMap::new();
        for source in &self.sources {
            let path = dir.file(&source.copy);
            let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let file = SourceFile { name: source.name.clone(), text: text.into(), built_in: source.built_in };
            files.insert(source.name.clone(), file);
        }
        Ok(Program::load(&self.entry, &Copies { files, imports: &self.imports }))
    }

    /// The path from the run directory to the copy of a source.
    pub fn copy_of(&self, name: &str) -> Option<&str> {
        self.sources.iter().find(|source| source.name == name).map(|source| source.copy.as_str())
    }
}

struct Copies<'a> {
    files: HashMap<String, SourceFile>,
    imports: &'a [Import],
}

impl Loader for Copies<'_> {
    fn load(&self, importer: Option<&str>, path: &str) -> Result<Option<SourceFile>, String> {
        let Some(importer) = importer else { return Ok(self.files.get(path).cloned()) };
        let import = self.imports.iter().find(|import| import.importer == importer && import.path == path);
        Ok(import.and_then(|import| self.files.get(&import.file)).cloned())
    }
}

/// The deepest folder that all files are in.
fn common_root<'a>(mut files: impl Iterator<Item = &'a Path>) -> PathBuf {
    let mut root = files.next().and_then(Path::parent).unwrap_or(Path::new("")).to_owned();
    for file in files {
        while !file.starts_with(&root) {
            if !root.pop() {
                break;
            }
        }
    }
    root
}
