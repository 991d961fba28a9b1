//! A suite is one binary whose root names its files. One that it does not name would be run by nobody, and nothing would
//! say so.

use std::path::Path;

/// Fails for a file, or a folder with a `mod.rs`, beside the root of a suite that the root does not name as its module.
/// `root` is the path of the root from the package's manifest, and `text` what is in it.
pub fn all_named(root: &str, text: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(root);
    let mut files = 0;
    for entry in std::fs::read_dir(root.parent().expect("a folder")).expect("the suite is there") {
        let path = entry.expect("an entry").path();
        let is_module =
            if path.is_dir() { path.join("mod.rs").exists() } else { path.extension() == Some("rs".as_ref()) };
        if is_module && path.file_name() != root.file_name() {
            let name = path.file_stem().expect("a name").to_string_lossy();
            assert!(
                text.lines().any(|line| line == format!("mod {name};")),
                "`mod {name};` is not in {}",
                root.display()
            );
            files += 1;
        }
    }
    assert!(files > 1, "{files} files beside {}", root.display());
}
