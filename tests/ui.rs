//! What the compiler says about wrong files, word for word: `ui/<topic>/<case>.nasrec` and, beside each, what `nasrecc
//! check` writes to stderr about it. Files named `_….nasrec` are imported by cases and are none themselves.
//!
//! `NASREC_BLESS=1 cargo test --release -p nasrecc --test end_to_end ui` rewrites the expected output of every case, and
//! the gallery of them, `docs/gallery.md`.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use nasrec_compiler::diagnostics::Code;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/ui")
}

/// The cases, as paths relative to the folder.
fn cases() -> Vec<PathBuf> {
    let folder = folder();
    let mut cases = Vec::new();
    for topic in std::fs::read_dir(&folder).expect("tests/ui is there") {
        let topic = topic.expect("a folder entry").path();
        for file in std::fs::read_dir(&topic).expect("a topic is a folder") {
            let file = file.expect("a folder entry").path();
            let name = file.file_name().and_then(|name| name.to_str()).expect("names are plain").to_owned();
            if name.ends_with(".nasrec") && !name.starts_with('_') {
                cases.push(file.strip_prefix(&folder).expect("inside the folder").to_owned());
            }
        }
    }
    cases.sort();
    cases
}

/// What `nasrecc check` says about a case, and its exit status.
fn said(case: &Path) -> (String, Option<i32>) {
    let output = Command::new(env!("CARGO_BIN_EXE_nasrecc"))
        .current_dir(folder())
        .arg("check")
        .arg(case)
        .output()
        .expect("nasrecc starts");
    assert!(output.stdout.is_empty(), "{}: findings belong on stderr", case.display());
    let stderr = String::from_utf8(output.stderr).expect("text");
    // Trailing blanks carry no meaning, and editors remove them.
    let lines: Vec<&str> = stderr.lines().map(str::trim_end).collect();
    (format!("{}\n", lines.join("\n").trim_end()), output.status.code())
}

fn expected_at(case: &Path) -> PathBuf {
    folder().join(case).with_extension("stderr")
}

/// The lines of both, `-` before what was expected only and `+` before what was said only.
fn diff(expected: &str, said: &str) -> String {
    let (a, b): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), said.lines().collect());
    let mut common = vec![vec![0usize; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            common[i][j] = if a[i] == b[j] { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut out) = (0, 0, String::new());
    while i < a.len() || j < b.len() {
        let (mark, line) = if i < a.len() && j < b.len() && a[i] == b[j] {
            (i, j) = (i + 1, j + 1);
            (' ', a[i - 1])
        } else if j == b.len() || i < a.len() && common[i + 1][j] >= common[i][j + 1] {
            i += 1;
            ('-', a[i - 1])
        } else {
            j += 1;
            ('+', b[j - 1])
        };
        writeln!(out, "  {mark} {line}").expect("a string takes it");
    }
    out
}

#[test]
fn every_case_says_what_is_expected() {
    let bless = std::env::var_os("NASREC_BLESS").is_some_and(|value| value == "1");
    let mut report = String::new();
    let mut differ = 0;
    for case in cases() {
        let (said, status) = said(&case);
        // Warnings alone do not make a file wrong.
        let expected = i32::from(!case.starts_with("lints"));
        assert_eq!(status, Some(expected), "{}: a wrong file ends with status {expected}\n{said}", case.display());
        if bless {
            std::fs::write(expected_at(&case), &said).expect("the expected output can be written");
            continue;
        }
        let expected = std::fs::read_to_string(expected_at(&case)).unwrap_or_default();
        if expected != said {
            differ += 1;
            writeln!(report, "\n{}\n{}", case.display(), diff(&expected, &said)).expect("a string takes it");
        }
    }
    assert!(differ == 0, "{differ} cases differ (NASREC_BLESS=1 accepts what is said now):\n{report}");
}

/// The page of all cases: by the code that is told first, the files and what is said of them.
fn gallery() -> String {
    let mut page = String::from(
        "# Gallery of findings\n\nEvery wrong or odd file of `tests/ui/` and what `nasrecc check` says about it, by the code that \
         it says first. The tests write this page, and fail where it is not what the compiler says. `nasrecc explain CODE` \
         tells more of a code; files whose names start with `_` are imported by others.\n",
    );
    let cases: Vec<(PathBuf, String)> = cases().into_iter().map(|case| (case.clone(), said(&case).0)).collect();
    for code in Code::ALL {
        let of_code: Vec<_> = cases.iter().filter(|(_, said)| said.starts_with(code.as_str())).collect();
        let all = cases.iter().filter(|(_, said)| said.lines().any(|line| line == code.as_str())).count();
        write!(page, "\n## {code}: {}\n\n[Its page](errors/{code}.md).", code.title()).expect("a string takes it");
        if all > of_code.len() {
            write!(page, " {} more below other codes.", all - of_code.len()).expect("a string takes it");
        }
        page.push('\n');
        for (case, said) in of_code {
            let text = std::fs::read_to_string(folder().join(case)).expect("a case is text");
            // A file that is built to break limits is no reading.
            let cut = |line: &str| line.chars().take(160).collect::<String>();
            let name = case.with_extension("").display().to_string().replace('_', " ");
            writeln!(page, "\n### {name}\n\n```nasrec").expect("a string takes it");
            text.lines().take(40).for_each(|line| writeln!(page, "{}", cut(line)).expect("a string takes it"));
            writeln!(page, "```\n\n```text").expect("a string takes it");
            said.lines().for_each(|line| writeln!(page, "{}", cut(line)).expect("a string takes it"));
            writeln!(page, "```").expect("a string takes it");
        }
    }
    page
}

#[test]
fn the_gallery_is_current() {
    let bless = std::env::var_os("NASREC_BLESS").is_some_and(|value| value == "1");
    let at = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/gallery.md");
    if bless {
        std::fs::write(at, gallery()).expect("the gallery can be written");
        return;
    }
    let same = std::fs::read_to_string(at).is_ok_and(|page| page == gallery());
    assert!(same, "docs/gallery.md is not what the cases say (NASREC_BLESS=1 writes it)");
}

#[test]
fn every_case_says_the_same_twice() {
    for case in cases().iter().step_by(7) {
        assert_eq!(said(case), said(case), "{}", case.display());
    }
}

#[test]
fn every_code_has_a_case() {
    let told: String = cases().iter().map(|case| said(case).0).collect();
    let missing: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).filter(|code| !told.contains(code)).collect();
    assert!(missing.is_empty(), "no case produces {}", missing.join(", "));
}

#[test]
fn every_expectation_has_its_case() {
    let cases: BTreeSet<PathBuf> = cases().iter().map(|case| expected_at(case)).collect();
    for topic in std::fs::read_dir(folder()).expect("tests/ui is there") {
        for file in std::fs::read_dir(topic.expect("a folder entry").path()).expect("a topic is a folder") {
            let file = file.expect("a folder entry").path();
            if file.extension().is_some_and(|extension| extension == "stderr") {
                assert!(cases.contains(&file), "{} belongs to no case", file.display());
            }
        }
    }
}
