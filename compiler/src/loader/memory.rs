//! Files in memory, over those of another loader.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::{Loader, SHIPPED, Shipped, beside, normal};
use crate::diagnostics::SourceFile;

/// Files in memory; what is not among them is read by another loader: [`Shipped`] unless another is given.
///
/// ```
/// use nasrec_compiler::Program;
/// use nasrec_compiler::loader::{Disk, Memory};
///
/// let text = "
/// import \"models/dcnv2.nasrec\" { dcnv2 }
/// import \"schemas.nasrec\" { criteo }
/// search tuned on dcnv2 with criteo { data { files: \"day.tsv\" } }";
/// let (_, findings) = Program::load("tuned.nasrec", &Memory::new([("tuned.nasrec", text)]));
/// assert!(findings.is_empty());
/// // The same, where `models/dcnv2.nasrec` may also lie in the current folder.
/// let disk = Disk::beside("tuned.nasrec");
/// let (_, findings) = Program::load("tuned.nasrec", &Memory::over(disk, [("tuned.nasrec", text)]));
/// assert!(findings.is_empty());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Memory<L = Shipped> {
    /// By their names, without `.` and `..`.
    files: HashMap<PathBuf, SourceFile>,
    beside: L,
}

impl Memory {
    /// Files by their names, over those that ship.
    pub fn new<N: Into<String>, T: AsRef<str>>(files: impl IntoIterator<Item = (N, T)>) -> Self {
        Self::over(Shipped, files)
    }
}

impl<L: Loader> Memory<L> {
    /// Files by their names, over those of `beside`: a file here hides one of the same name there.
    pub fn over<N: Into<String>, T: AsRef<str>>(beside: L, files: impl IntoIterator<Item = (N, T)>) -> Self {
        let files = files.into_iter().map(|(name, text)| {
            let name = name.into();
            SourceFile { built_in: name.starts_with(SHIPPED), name, text: text.as_ref().into() }
        });
        Self { files: files.map(|file| (normal(Path::new(&file.name)), file)).collect(), beside }
    }
}

impl<L> Memory<L> {
    fn file(&self, importer: Option<&str>, path: &str) -> Option<&SourceFile> {
        // What ships sees what ships, whatever else has its name.
        let sees_these = !importer.is_some_and(|name| name.starts_with(SHIPPED));
        self.files.get(&normal(&beside(importer, path))).filter(|_| sees_these)
    }
}

impl<L: Loader> Loader for Memory<L> {
    fn allows(&self, importer: Option<&str>, path: &str) -> bool {
        self.file(importer, path).is_some() || self.beside.allows(importer, path)
    }

    fn load(&self, importer: Option<&str>, path: &str) -> Result<Option<SourceFile>, String> {
        match self.file(importer, path) {
            Some(file) => Ok(Some(file.clone())),
            None => self.beside.load(importer, path),
        }
    }
}
