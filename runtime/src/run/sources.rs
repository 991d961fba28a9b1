//! The files that a program was read from, copied into a run directory: byte for byte, each under a name of its own, and
//! each import with the file that it led to. So the copies give the same program wherever the directory lies, whatever has
//! become of the files, and whichever two of them had one name.

use std::collections::{HashMap, HashSet};
use std::path::{Component, Path, PathBuf};

use nasrec_compiler::Program;
use nasrec_compiler::diagnostics::{Diagnostic, SourceFile};
use nasrec_compiler::loader::{Loader, MAX_FILES, MAX_PROGRAM_BYTES, SHIPPED};
use serde::{Deserialize, Serialize};

use super::directory::RunDir;
use super::layout::SOURCES;
use crate::error::{FileError, RunError};
use crate::{Observer, Result, files};

/// No source file is longer.
const LONGEST: u64 = 16 << 20;
/// What all copies of a program hold at most: the entry, and what its imports may bring.
const LONGEST_PROGRAM: u64 = LONGEST + MAX_PROGRAM_BYTES as u64;

/// The copies of a program's files.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Copies {
    /// Which of the files is the entry.
    entry: usize,
    files: Vec<Copy>,
    imports: Vec<Import>,
}

/// A source file and its copy in the directory.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Copy {
    /// As it was called, from where the run was started.
    name: String,
    /// Where it lay, if it lay on a disk.
    original: Option<PathBuf>,
    /// Path from the run directory.
    copy: String,
    blake3: String,
    built_in: bool,
}

/// Which file an import led to.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Import {
    importer: usize,
    path: String,
    file: usize,
}

impl Copies {
    /// Of a program's files; nothing is written yet.
    pub fn of(program: &Program) -> Result<Self> {
        // A text of a command line is no file.
        let is_file = |file: &SourceFile| !file.built_in || file.name.starts_with(SHIPPED);
        let all = program.sources.files();
        let read: Vec<&SourceFile> = all.iter().filter(|file| is_file(file)).collect();
        let root = common_root(read.iter().filter(|file| !file.built_in).map(|file| Path::new(&file.name)));
        let mut taken = HashSet::new();
        let files: Vec<Copy> = read
            .iter()
            .map(|file| {
                let shipped = file.name.strip_prefix(SHIPPED).map(Path::new);
                let inside = shipped.unwrap_or_else(|| {
                    let path = Path::new(&file.name);
                    path.strip_prefix(&root).unwrap_or(path)
                });
                let folder = if shipped.is_some() { "shipped" } else { "own" };
                // A program may come from memory, under the name of something else.
                let is_read =
                    |path: &PathBuf| files::read(path, LONGEST).is_ok_and(|text| text == file.text.as_bytes());
                let original = Path::new(&file.name).canonicalize().ok();
                Copy {
                    name: file.name.clone(),
                    original: original.filter(|path| shipped.is_none() && is_read(path)),
                    copy: format!("{SOURCES}/{folder}/{}", free_name(inside, folder, &mut taken)),
                    blake3: blake3::hash(file.text.as_bytes()).to_hex().to_string(),
                    built_in: file.built_in,
                }
            })
            .collect();
        let place = |id| {
            let name = &program.sources.file(id).name;
            files.iter().position(|file| file.name == *name).ok_or(RunError::NoSources)
        };
        let imports = program.imports.iter().map(|(importer, path, file)| {
            Ok(Import { importer: place(*importer)?, path: path.clone(), file: place(*file)? })
        });
        let imports = imports.collect::<Result<_, RunError>>()?;
        let entry = place(program.entry().ok_or(RunError::NoSources)?)?;
        Ok(Self { entry, files, imports })
    }

    /// Where the files lay that lay on a disk.
    pub fn originals(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().filter_map(|file| file.original.as_deref())
    }

    /// Why these are not the copies of a program, as far as that shows before one is read: there are no more of them than
    /// a program has, and every name leads nowhere but to the folder of the copies.
    pub fn flaw(&self) -> Option<&'static str> {
        let is_inside = |file: &Copy| {
            let mut parts = Path::new(&file.copy).components();
            parts.next() == Some(Component::Normal(SOURCES.as_ref()))
                && parts.clone().next().is_some()
                && parts.all(|part| matches!(part, Component::Normal(_)))
        };
        if self.files.len() > MAX_FILES {
            return Some("it lists more copies than a program has files");
        }
        (!self.files.iter().all(is_inside)).then_some("it names copies outside of the directory")
    }

    /// Writes the copies.
    pub fn write(&self, dir: &RunDir, program: &Program) -> Result<()> {
        for file in &self.files {
            let known = program.sources.files().iter().find(|known| known.name == file.name);
            dir.write(&file.copy, known.ok_or(RunError::NoSources)?.text.as_bytes())?;
        }
        Ok(())
    }

    /// Removes the copies, and the folders that nothing else is in.
    pub fn remove(&self, dir: &RunDir) -> Result<()> {
        for file in &self.files {
            let path = dir.file(&file.copy);
            dir.check_unlinked(path.parent().unwrap_or(dir.path()))?;
            files::remove(&path)?;
            for folder in path.ancestors().skip(1).take_while(|folder| *folder != dir.path()) {
                // Not where something is left in it.
                if std::fs::remove_dir(folder).is_err() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// What the copies are, but for where the originals lay.
    pub fn identity(&self) -> impl Serialize + '_ {
        let files: Vec<_> = self.files.iter().map(|file| (&file.copy, &file.blake3, file.built_in)).collect();
        let imports: Vec<_> =
            self.imports.iter().map(|Import { importer, path, file }| (importer, path, file)).collect();
        (self.entry, files, imports)
    }

    /// Reads the program, from copies that are what they were.
    pub fn load(&self, dir: &RunDir) -> Result<(Program, Vec<Diagnostic>)> {
        let mut left = LONGEST_PROGRAM;
        let read = |file: &Copy| {
            let path = dir.file(&file.copy);
            let changed = |what: &str| FileError::Changed {
                path: path.clone(),
                what: what.to_owned(),
                remedy: "put it back as it was, or start a new run from your own files".to_owned(),
            };
            dir.check_unlinked(path.parent().unwrap_or(dir.path())).map_err(|_| changed("it is behind a link"))?;
            let bytes = match files::read(&path, LONGEST) {
                Err(error) if files::is_missing(&error) => return Err(changed("it is not there any more").into()),
                read => read?,
            };
            if blake3::hash(&bytes).to_hex().as_str() != file.blake3 {
                return Err(changed("it was changed after the run began").into());
            }
            // One copy may be listed again and again.
            left = left
                .checked_sub(bytes.len() as u64)
                .ok_or_else(|| changed("with the copies before it there is more text than a program may have"))?;
            let text = String::from_utf8(bytes).map_err(|_| changed("it is not UTF-8 text"))?;
            Ok(SourceFile { name: path.display().to_string(), text: text.into(), built_in: file.built_in })
        };
        let files = self.files.iter().map(read).collect::<Result<Vec<_>>>()?;
        let entry = files.get(self.entry).ok_or(RunError::NoSources)?.name.clone();
        Ok(Program::load(&entry, &Imports::of(files, &self.imports)))
    }

    /// Says which originals are no longer what was copied.
    pub fn say_changes(&self, dir: &RunDir, observer: &dyn Observer) {
        for file in &self.files {
            let Some(original) = &file.original else { continue };
            let Ok(bytes) = files::read(original, LONGEST) else { continue };
            if blake3::hash(&bytes).to_hex().as_str() != file.blake3 {
                observer.say(&format!(
                    "{} has changed since this run began; it goes on with its copy {}",
                    file.name,
                    dir.file(&file.copy).display()
                ));
            }
        }
    }
}

/// The copies by where the imports of the originals led.
struct Imports<'a> {
    files: Vec<SourceFile>,
    by_name: HashMap<String, usize>,
    /// By the importer, and by the path that it names.
    led: HashMap<(usize, &'a str), usize>,
}

impl<'a> Imports<'a> {
    fn of(files: Vec<SourceFile>, imports: &'a [Import]) -> Self {
        let by_name = files.iter().enumerate().map(|(at, file)| (file.name.clone(), at)).collect();
        let led = imports.iter().map(|import| ((import.importer, import.path.as_str()), import.file)).collect();
        Self { files, by_name, led }
    }
}

impl Loader for Imports<'_> {
    fn load(&self, importer: Option<&str>, path: &str) -> Result<Option<SourceFile>, String> {
        let at = |name: &str| self.by_name.get(name).copied();
        let found = match importer {
            None => at(path),
            Some(importer) => at(importer).and_then(|importer| self.led.get(&(importer, path)).copied()),
        };
        Ok(found.and_then(|file| self.files.get(file)).cloned())
    }
}

/// A path for a copy whose parts any system takes, and that no other copy has.
fn free_name(path: &Path, folder: &str, taken: &mut HashSet<String>) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '_' };
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(part) => Some(part.to_string_lossy().chars().map(plain).collect::<String>()),
        _ => None,
    });
    let name = parts.collect::<Vec<_>>().join("/");
    let name = if name.is_empty() { "unnamed.nasrec".to_owned() } else { name };
    let (stem, ending) = name.strip_suffix(".nasrec").map_or((name.as_str(), ""), |stem| (stem, ".nasrec"));
    let numbered = (2u32..).map(|number| format!("{stem}-{number}{ending}"));
    let mut free = std::iter::once(name.clone()).chain(numbered);
    // Some file systems take `A` for `a`.
    let found = free.find(|name| taken.insert(format!("{folder}/{name}").to_ascii_lowercase()));
    found.unwrap_or(name)
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

#[cfg(test)]
mod tests {
    use std::fs;

    use nasrec_compiler::ItemKind;
    use nasrec_compiler::loader::Memory;

    use super::super::record::Record;
    use super::super::{Job, Origin, Run};
    use super::*;
    use crate::Silent;

    const TEXT: &str = "schema clicks { label click; dense I[1..2]; sparse C[1..1]: int | modulo(rows: 4) }\n\
                        space s { input x: dense; logit = linear(x, 1) }\n\
                        search tiny on s with clicks { data { synthetic { rows: 100 } }; random { samples: 1 } }";

    fn started(path: &Path) -> Result<Run> {
        let (program, findings) = Program::load("a.nasrec", &Memory::new([("a.nasrec", TEXT)]));
        assert_eq!(findings, []);
        let item = program.find(ItemKind::Search, "tiny").expect("it is there");
        let job = Job::new(&program.search(&item, &[]).expect("it is sound"), ".")?;
        Run::start(path, job, Origin { program: &program, search: "tiny", settings: &[] })
    }

    #[test]
    fn a_record_that_names_files_elsewhere_is_refused_and_they_stay() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, mine) = (folder.path().join("run"), folder.path().join("mine"));
        fs::write(&mine, "precious").expect("written");
        let absolute = mine.display().to_string();
        for copy in ["../mine", "sources/../../mine", "sources", "sources/", "", "run.json", &absolute] {
            let run = started(&path).expect("begun");
            let mut record: Record = run.record.clone();
            record.sources.files[0].copy = copy.to_owned();
            record.write(run.dir()).expect("written");
            drop(run);
            let error = Run::resume(&path, &Silent).expect_err(copy).to_string();
            assert!(error.contains("run.json") && error.contains("outside of the directory"), "{copy}: {error}");
            started(&path).expect_err(copy);
            assert_eq!(fs::read(&mine).expect("there"), b"precious", "{copy}");
            fs::remove_dir_all(&path).expect("removed");
        }
    }

    #[test]
    fn a_record_that_lists_more_than_a_program_has_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run");
        let run = started(&path).expect("begun");
        let text = " ".repeat(LONGEST as usize);
        run.dir().write("sources/own/b.nasrec", text.as_bytes()).expect("written");
        let blake3 = blake3::hash(text.as_bytes()).to_hex().to_string();
        for (listed, said) in
            [(1_000, "more copies than a program has files"), (6, "more text than a program may have")]
        {
            let mut record: Record = run.record.clone();
            let copy = "sources/own/b.nasrec".to_owned();
            let copy = Copy { copy, blake3: blake3.clone(), ..record.sources.files[0].clone() };
            record.sources.files.extend(vec![copy; listed]);
            record.write(run.dir()).expect("written");
            let error = Record::read(run.dir().path()).and_then(|record| record.sources.load(run.dir()));
            let error = error.map(|_| ()).expect_err(said).to_string();
            assert!(error.contains(said), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_is_behind_a_link_is_not_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, others) = (folder.path().join("run"), folder.path().join("others"));
        drop(started(&path).expect("begun"));
        fs::rename(path.join("sources"), &others).expect("moved");
        std::os::unix::fs::symlink(&others, path.join("sources")).expect("a link");
        let error = started(&path).expect_err("not all of it is of the run").to_string();
        assert!(error.contains("is a link"), "{error}");
        assert_eq!(fs::read_to_string(others.join("own/a.nasrec")).expect("there"), TEXT);
    }
}
