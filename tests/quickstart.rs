//! The quickstart ends as the pages say.

use std::path::Path;
use std::process::Command;

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
    std::fs::read_to_string(path).expect("the page is there")
}

/// What a search prints at its end, without the memory it took: that differs from run to run.
fn lasting(printed: &str) -> Vec<&str> {
    printed.lines().filter(|line| !line.starts_with("The search took up to ")).collect()
}

/// What is shown on a page as text, behind the first place that says `about`.
fn shown<'a>(page: &'a str, about: &str) -> Vec<&'a str> {
    let (_, rest) = page.split_once(about).unwrap_or_else(|| panic!("the page does not say {about:?}"));
    let (_, rest) = rest.split_once("```text\n").expect("something is shown");
    lasting(rest.split_once("```").expect("it ends").0)
}

/// Lanes of 32 bits in which products of matrices are summed on this machine, where a page shows what comes of it.
#[cfg(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu"))]
fn lanes() -> Option<usize> {
    if is_x86_feature_detected!("avx512f") { Some(16) } else { is_x86_feature_detected!("fma").then_some(8) }
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu")))]
fn lanes() -> Option<usize> {
    None
}

/// The winner's file means the same wherever it lies: nothing is read beside it, and no other file says its space.
fn the_winner_stands_alone(best: &Path) {
    let nasrecc = |folder: &Path, arguments: &[&str]| {
        let command = Command::new(env!("CARGO_BIN_EXE_nasrecc")).current_dir(folder).args(arguments).output();
        let output = command.expect("nasrecc starts");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    let plan = |folder: &Path, file: &str| nasrecc(folder, &["compile", file, "--name", "best", "--emit", "plan"]);
    let elsewhere = tempfile::tempdir().expect("a folder");
    std::fs::copy(best, elsewhere.path().join("best.nasrec")).expect("it is copied");
    // What a file beside it defines is not what it means.
    std::fs::write(elsewhere.path().join("schemas.nasrec"), "schema criteo { label click }\n").expect("it is written");
    nasrecc(elsewhere.path(), &["check", "--deny-warnings", "best.nasrec"]);
    nasrecc(elsewhere.path(), &["fmt", "--check", "best.nasrec"]);

    // The same architecture, of the files that were searched.
    let text = std::fs::read_to_string(best).expect("it is there");
    assert!(!text.contains("import"), "{text}");
    let (_, arch) = text.split_once("\narch best of ").expect("it ends in the architecture");
    let whole = format!(
        "import \"nasrec_small.nasrec\" {{ nasrec_small }}\nimport \"quickstart.nasrec\" {{ clicks }}\narch best of {arch}"
    );
    let original = tempfile::tempdir().expect("a folder");
    let quickstart = include_str!("../examples/quickstart.nasrec");
    std::fs::write(original.path().join("quickstart.nasrec"), quickstart).expect("it is written");
    std::fs::write(original.path().join("whole.nasrec"), whole).expect("it is written");
    assert_eq!(plan(elsewhere.path(), "best.nasrec"), plan(original.path(), "whole.nasrec"));
}

#[test]
fn the_quickstart_ends_as_the_pages_say() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new(env!("CARGO_BIN_EXE_nasrecc"))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .args(["search", "examples/quickstart.nasrec", "--out"])
        .arg(folder.path().join("run"))
        .output()
        .expect("nasrecc starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).expect("text");
    let printed = lasting(&printed);
    the_winner_stands_alone(&folder.path().join("run/best.nasrec"));

    let (readme, results) = (page("README.md"), page("docs/results.md"));
    let pages = [(8, shown(&readme, "## Try it")), (16, shown(&results, "## The quickstart"))];
    for (of, shown) in &pages {
        assert!(lanes() != Some(*of) || printed == *shown, "with {of} lanes it ends with\n{}", printed.join("\n"));
    }
    // Whatever the order of sums, it ends with a winner that was worth the search.
    for (of, told) in pages.iter().map(|(of, shown)| (*of, shown)).chain([(0, &printed)]) {
        let told = told.join("\n");
        let winner =
            told.split("│ 1        ┆ ").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("a winner");
        for sure in [
            "\n304 candidates evaluated in the supernet.".to_owned(),
            "\nOn the test part the planted probabilities have log loss 0.4132, the best constant 0.5630.".to_owned(),
            format!("\n{winner} beats dlrm(dim: 8) by 0.0"),
            format!("\n{winner} beats linear_model by 0.1"),
        ] {
            assert!(told.contains(&sure), "{of}: no {sure:?} in\n{told}");
        }
    }
}
