//! `nasrecc check --fix`: what it corrects is gone afterwards, and nothing else is touched.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Runs `nasrecc check` in a folder; its exit status, stdout and stderr.
fn check(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_nasrecc"))
        .current_dir(folder)
        .arg("check")
        .args(arguments)
        .output()
        .expect("nasrecc starts");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// The code and message of each finding in a file that has a fix.
fn fixable(folder: &Path, file: &str) -> Vec<(Value, Value)> {
    let (_, out, _) = check(folder, &["--message-format", "json", file]);
    let findings = out.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let fixable = findings.filter(|finding| !finding["fix"].is_null());
    fixable.map(|finding| (finding["code"].clone(), finding["message"].clone())).collect()
}

/// A folder with one file.
fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mine.nasrec");
    std::fs::write(&path, text).expect("it can be written");
    (folder, path)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("it is there")
}

#[test]
fn every_fix_of_the_wrong_files_works() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/ui");
    let mut count = 0;
    for topic in std::fs::read_dir(&cases).expect("tests/ui is there") {
        let topic = topic.expect("an entry").path();
        let folder = tempfile::tempdir().expect("a folder");
        let mut names = Vec::new();
        for file in std::fs::read_dir(&topic).expect("a topic is a folder") {
            let file = file.expect("an entry").path();
            if file.extension().is_some_and(|extension| extension == "nasrec") {
                let name = file.file_name().and_then(|name| name.to_str()).expect("plain names").to_owned();
                std::fs::copy(&file, folder.path().join(&name)).expect("it can be copied");
                names.push(name);
            }
        }
        names.sort();
        for name in names.iter().filter(|name| !name.starts_with('_')) {
            let path = folder.path().join(name);
            let (before, text) = (fixable(folder.path(), name), read(&path));
            let (_, _, said) = check(folder.path(), &["--fix", name]);
            let after = fixable(folder.path(), name);
            assert!(after.is_empty(), "{}/{name}\n{said}", topic.display());
            if before.is_empty() {
                assert_eq!(read(&path), text, "{}/{name} has nothing to fix", topic.display());
            } else {
                count += 1;
                assert!(said.contains("fixed: "), "{said}");
            }
        }
        let left = std::fs::read_dir(folder.path()).expect("it is there").count();
        assert_eq!(left, names.len(), "nothing is left beside the files");
    }
    assert!(count >= 20, "{count} cases have a fix");
}

#[test]
fn several_fixes_make_a_file_sound() {
    let (folder, path) = written(
        "// Mine.\nnasrec 1\n\nspace s {\n  input numeric: dens\n  width w in [8, 16]\n  \
         let x fc(numerc, w)\n  let y = gating(x, linear(x, w), w)\n  logit = linaer(y, 1)\n}\n",
    );
    let (status, out, said) = check(folder.path(), &["--fix", "mine.nasrec"]);
    assert_eq!((status, out.as_str()), (Some(0), ""), "{said}");
    assert_eq!(
        read(&path),
        "// Mine.\nnasrec 1\n\nimport \"std/ctr.nasrec\" { gating, fc }\n\nspace s {\n  input numeric: dense\n  \
         width w in [8, 16]\n  let x = fc(numeric, w)\n  let y = gating(x, linear(x, w), w)\n  \
         logit = linear(y, 1)\n}\n"
    );
    assert!(said.contains("mine.nasrec: 6 fixes made"), "{said}");
}

#[test]
fn imports_are_added_below_the_others() {
    let (folder, path) = written(
        "import \"schemas.nasrec\" { criteo }\n\nsearch t on nasrec_small with criteo {\n  data { files: \"day.tsv\" }\n}\n",
    );
    let (status, _, said) = check(folder.path(), &["--fix", "mine.nasrec"]);
    assert_eq!(status, Some(0), "{said}");
    let start = "import \"schemas.nasrec\" { criteo }\nimport \"nasrec_small.nasrec\" { nasrec_small }\n\nsearch";
    assert!(read(&path).starts_with(start), "{}", read(&path));
}

#[test]
fn a_sound_file_is_left_alone() {
    let (folder, path) = written("op f(x: dense) -> dense = relu(x)\n");
    let before = std::fs::metadata(&path).expect("it is there").modified().expect("a time");
    let (status, _, said) = check(folder.path(), &["--fix", "mine.nasrec"]);
    assert_eq!(status, Some(0));
    assert!(said.contains("0 fixes made"), "{said}");
    assert_eq!(std::fs::metadata(&path).expect("it is there").modified().expect("a time"), before);
}
