//! The C program as WebAssembly, compiled by Clang as Zig brings it, and run by Node.js: the same bits as natively, and a page that says them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use nasrec_runtime::export::Exporter;
use nasrec_runtime::model::Model;

use super::{each, python, reworked};
use crate::data::Place;

/// Runs a script of these tests.
fn node(script: &str, arguments: &[&Path]) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exporting").join(script);
    let mut command = Command::new("node");
    command.arg("--no-warnings").arg(script).args(arguments);
    command.output().unwrap_or_else(|error| panic!("node cannot be started: {error}"))
}

pub fn is_there() -> bool {
    let node = Command::new("node").arg("--version").output().is_ok_and(|output| output.status.success());
    python::is_there("wasm", "ziglang") && (node || !python::told("wasm", "there is no node, which runs WebAssembly"))
}

/// The program of an export as WebAssembly: as one that reads rows, or as what a page calls.
pub fn compiled(folder: &Path, flags: &[&str]) -> PathBuf {
    let to = folder.join("model.wasm");
    let (code, out) = (folder.join("model.c"), to.display().to_string());
    let warnings = ["-Wall", "-Wextra", "-pedantic", "-Werror"];
    let begin = ["-m", "ziglang", "cc", "-target", "wasm32-wasi", "-O2", "-s"];
    let end = ["-o", &out, code.to_str().expect("text")];
    let output = python::python("wasm", &[&begin[..], &warnings, flags, &end].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    to
}

pub fn exported(model: &Model, place: &Path) -> (PathBuf, String) {
    let folder = place.join("c");
    Exporter::named("c").expect("it is known").export(model, &folder).expect("exported");
    reworked(model, &folder);
    let expected = fs::read_to_string(folder.join("expected.txt")).expect("there");
    (folder, expected)
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).expect("text")
}

#[test]
fn as_web_assembly_it_says_the_same_bits() {
    if !is_there() {
        return;
    }
    let place = Place::new(&[]);
    let mut count = 0;
    each(false, |name, model| {
        let (folder, expected) = exported(model, place.path());
        compiled(&folder, &["-DNASREC_MAIN"]);
        let said = said(&node("wasm.mjs", &[&folder]));
        let row = said.lines().zip(expected.lines()).position(|(said, expected)| said != expected);
        assert_eq!(row, None, "{name}");
        assert_eq!(said.lines().count(), expected.lines().count(), "{name}");
        count += 1;
    });
    assert!(count >= 20, "{count} models");
}

/// The page's module, loaded by Node.js: what it says of rows, and the form that it makes.
#[test]
fn a_page_says_the_same_bits() {
    if !is_there() {
        return;
    }
    let place = Place::new(&[]);
    let (schema, table) = super::encodings();
    let (_table, models) = super::models(schema, super::NET, &table, 2);
    for model in &models {
        let (folder, expected) = exported(model, place.path());
        compiled(&folder, &["-mexec-model=reactor", "-DNASREC_WASM"]);
        let said = said(&node("page.mjs", &[&folder]));
        assert_eq!(said, expected);
    }
}
