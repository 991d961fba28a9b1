//! Invariants of docs/architecture.md that a command can show.

use std::path::{Path, PathBuf};
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
    for stranger in ["candle", "nasrec-runtime", "rayon", "safetensors"] {
        assert!(!compiler.contains(stranger), "nasrec-compiler depends on {stranger}");
    }
    assert!(!tree("nasrec-grammar").contains("nasrec-compiler"));
    assert!(tree("nasrec-runtime").contains("candle-core"));
}

/// Every source file under a folder, given from this package's manifest: its path and its text.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the sources are there") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = std::fs::read_to_string(&path).expect("sources are text");
                found.push((path, text));
            }
        }
    }
    assert!(found.len() > 40, "{} files", found.len());
    found
}

/// A pure core: the loaders' room reads files, nothing is written or printed, no clock is asked.
#[test]
fn the_compiler_does_no_input_or_output() {
    for (path, text) in
        sources("../src").into_iter().filter(|(path, _)| !path.parent().is_some_and(|room| room.ends_with("loader")))
    {
        for forbidden in
            ["std::fs", "std::io", "std::net", "std::env", "println!", "eprintln!", "Instant", "SystemTime"]
        {
            assert!(!text.contains(forbidden), "{} has {forbidden}", path.display());
        }
    }
}

/// The runtime executes primitives: the operators of the language's standard library have no name in it.
#[test]
fn the_runtime_does_not_know_operators() {
    for (path, text) in sources("../../runtime/src") {
        for operator in ["\"fc\"", "\"gating\"", "\"efc\"", "\"dot\"", "\"plus\"", "\"to_sparse\"", "nasrec_full"] {
            assert!(!text.contains(operator), "{} has {operator}", path.display());
        }
    }
}

/// The fuzz target of the language server reads the rooms of the command from where they lie, and is built only where fuzzing is.
#[test]
fn the_fuzz_target_of_the_server_has_every_room_of_the_command() {
    let rooms = |file: &str| -> Vec<String> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let text = std::fs::read_to_string(path).expect("it is there");
        text.lines().filter_map(|line| Some(line.strip_prefix("mod ")?.strip_suffix(';')?.to_owned())).collect()
    };
    let command = rooms("src/main.rs");
    assert!(command.len() > 5, "{command:?}");
    assert_eq!(rooms("../../fuzz/fuzz_targets/lsp.rs"), command);
}
