//! The files that ship with the compiler.

use super::{Loader, beside, normal};
use crate::diagnostics::SourceFile;
use crate::library;

/// What the names of files that ship with the compiler start with.
pub const SHIPPED: &str = "nasrecc:";

/// The files that ship with the compiler: [`library::FILES`]. What one of them imports is looked up beside it, then from
/// the top; what any other file imports from the top, as it is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shipped;

impl Loader for Shipped {
    fn load(&self, importer: Option<&str>, path: &str) -> Result<Option<SourceFile>, String> {
        let path = path.strip_prefix(SHIPPED).unwrap_or(path);
        let file = |path: &str| {
            let text = library::find(path)?.into();
            Some(SourceFile { name: format!("{SHIPPED}{path}"), text, built_in: true })
        };
        let near = importer.and_then(|name| name.strip_prefix(SHIPPED)).map(|name| normal(&beside(Some(name), path)));
        Ok(near.and_then(|near| file(&near.to_string_lossy())).or_else(|| file(path)))
    }
}
