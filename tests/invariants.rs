//! Invariants of docs/architecture.md that a command can show.

use std::process::Command;

/// The packages that `package` depends on, itself included.
fn tree(package: &str) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--edges", "normal", "--prefix", "none", "--package", package])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo writes text")
}

#[test]
fn the_compiler_does_not_know_candle_and_the_grammar_knows_neither() {
    let compiler = tree("nasrec-compiler");
    assert!(compiler.contains("nasrec-grammar"));
    for stranger in ["candle", "nasrec-runtime", "rayon", "safetensors", "memmap2"] {
        assert!(!compiler.contains(stranger), "nasrec-compiler depends on {stranger}");
    }
    assert!(!tree("nasrec-grammar").contains("nasrec-compiler"));
    assert!(tree("nasrec-runtime").contains("candle-core"));
}

/// A pure core: no file is read or written, nothing is printed, no clock is asked.
#[test]
fn the_compiler_does_no_input_or_output() {
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../src"))];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the sources are there") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("sources are text");
            for forbidden in
                ["std::fs", "std::io", "std::net", "std::env", "println!", "eprintln!", "Instant", "SystemTime"]
            {
                assert!(!text.contains(forbidden), "{} has {forbidden}", path.display());
            }
            files += 1;
        }
    }
    assert!(files > 40, "{files} files");
}

/// The runtime executes primitives: the operators of the language's standard library have no name in it.
#[test]
fn the_runtime_does_not_know_operators() {
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../runtime/src"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the sources are there") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("sources are text");
            for operator in ["\"fc\"", "\"gating\"", "\"efc\"", "\"dot\"", "\"plus\"", "\"to_sparse\"", "nasrec_full"] {
                assert!(!text.contains(operator), "{} has {operator}", path.display());
            }
        }
    }
}
