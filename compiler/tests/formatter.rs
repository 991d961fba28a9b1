//! Formatting changes layout and nothing else, and formatting twice changes nothing more. `tests/fmt/` holds files before
//! (`.in.nasrec`) and after (`.out.nasrec`); `NASREC_BLESS=1` rewrites the latter.

use std::path::{Path, PathBuf};

use nasrec_compiler::diagnostics::FileId;
use nasrec_compiler::format::{Refusal, format_source};
use nasrec_compiler::streams::Streams;
use rand::{Rng, RngExt};

use crate::laws::{formatted as format, tree};

/// Texts that are tried in all, however many files there are to begin from.
const SHAKEN: usize = 2_500;
const CHANGES: usize = 6_000;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every `.nasrec` file below a folder, with its text.
fn files(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the folder is there") {
            let path = entry.expect("a folder entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "nasrec") {
                let text = std::fs::read_to_string(&path).expect("it is text");
                found.push((path, text));
            }
        }
    }
    found.sort();
    found
}

fn shipped() -> Vec<(PathBuf, String)> {
    ["spaces", "examples", "tests/searches"].into_iter().flat_map(files).collect()
}

#[test]
fn cases_are_formatted_as_expected() {
    let bless = std::env::var_os("NASREC_BLESS").is_some();
    let mut count = 0;
    for (path, source) in files("tests/fmt") {
        let Some(name) = path.to_str().and_then(|path| path.strip_suffix(".in.nasrec")) else { continue };
        let expected_at = PathBuf::from(format!("{name}.out.nasrec"));
        let formatted = format(&source).unwrap_or_else(|| panic!("{name} does not parse"));
        if bless {
            std::fs::write(&expected_at, &formatted).expect("it can be written");
        }
        let expected = std::fs::read_to_string(&expected_at).expect("NASREC_BLESS=1 writes it");
        assert_eq!(formatted, expected, "{name}");
        count += 1;
    }
    assert!(count >= 4, "{count} cases");
}

#[test]
fn shipped_files_are_formatted() {
    for (path, source) in shipped() {
        assert_eq!(format(&source).as_ref(), Some(&source), "{}", path.display());
    }
}

#[test]
fn every_case_that_parses_can_be_formatted() {
    let formatted = files("tests/ui").iter().filter_map(|(_, source)| format(source)).count();
    assert!(formatted >= 80, "{formatted} cases parse");
}

#[test]
fn examples_of_the_documentation_are_formatted() {
    for page in ["docs/language.md", "docs/formatting.md"] {
        let text = std::fs::read_to_string(root().join(page)).expect("it is there");
        for example in text.split("```nasrec\n").skip(1) {
            let example = example.split_once("```").expect("an example ends").0;
            assert_eq!(format(example).as_deref(), Some(example), "{page}");
        }
    }
}

#[test]
fn a_file_with_a_mistake_is_refused() {
    for source in ["space s {\n", "nasrec 1\n\nspace s {\n  lte x = 1\n}\n", "nasrec 99\n"] {
        assert!(matches!(format_source(FileId(0), source), Err(Refusal::Syntax(_))), "{source}");
    }
}

#[test]
fn small_texts() {
    assert_eq!(format("").as_deref(), Some(""));
    assert_eq!(format("\n \n").as_deref(), Some(""));
    assert_eq!(format("\n\n// alone").as_deref(), Some("// alone\n"));
    assert_eq!(format("nasrec 1;\r\n\r\n\r\n\r\n// end  \r\n").as_deref(), Some("nasrec 1\n\n// end\n"));
    // A name that ends like an operator does not continue its line.
    let source = "op f(x: dense) -> dense { let one_or = x; let two_and = one_or; two_and }\n";
    assert_eq!(format(source).as_deref(), Some(source));
    let lines = "op f(x: dense) -> dense {\n  let one_or = x\n  let b = one_or\n  b\n}\n";
    assert_eq!(format(lines).as_deref(), Some(lines));
}

/// A text with other blanks, line breaks and comments: most of what comes out parses, to what tree ever.
fn shaken(source: &str, rng: &mut impl Rng) -> String {
    let bytes = source.as_bytes();
    let mut out = String::new();
    let mut open: Vec<u8> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &source[at..];
        let listed = matches!(open.last(), Some(b'(' | b'['));
        if rest.starts_with("//") || rest.starts_with('"') {
            let end = match rest.strip_prefix('"') {
                Some(text) => text.find('"').map(|n| n + 2),
                None => rest.find('\n'),
            };
            let end = end.unwrap_or(rest.len());
            out.push_str(&rest[..end]);
            at += end;
            continue;
        }
        let byte = bytes[at];
        if byte.is_ascii_whitespace() {
            let len = rest.find(|c: char| !c.is_ascii_whitespace()).unwrap_or(rest.len());
            let lines = rest[..len].contains('\n');
            out.push_str(&blanks(lines, listed, &open, rng));
            at += len;
            continue;
        }
        match byte {
            b'(' | b'[' | b'{' => open.push(byte),
            b')' | b']' | b'}' => {
                open.pop();
            }
            _ => {}
        }
        let c = rest.chars().next().expect("there is more");
        let sign = matches!(byte, b'(' | b'[' | b',' | b')' | b']' | b'{' | b'}' | b';' | b'+' | b'|');
        if matches!(byte, b')' | b']') && rng.random_bool(0.1) {
            out.push_str(&blanks(false, true, &open, rng));
        }
        out.push(c);
        let inside = matches!(open.last(), Some(b'(' | b'['));
        if sign && rng.random_bool(0.15) && (inside || matches!(byte, b',' | b'+' | b'|' | b'{' | b';')) {
            out.push_str(&blanks(false, true, &open, rng));
        }
        at += c.len_utf8();
    }
    out
}

/// Something else for a run of blanks; `free` is where a line break means nothing.
fn blanks(lines: bool, free: bool, open: &[u8], rng: &mut impl Rng) -> String {
    let indent = " ".repeat(rng.random_range(0..9)) + if rng.random_bool(0.1) { "\t" } else { "" };
    let comment = format!("// note {}", rng.random_range(0..1000));
    match (rng.random_range(0..20), lines || free) {
        (0..3, true) => format!("\n{indent}"),
        (3, true) => format!(" {comment}\n{indent}"),
        (4, true) => format!("\n{indent}{comment}\n\n{indent}"),
        (5, true) => format!("\n\n\n{indent}\n"),
        (6..9, true) if lines && open.last() == Some(&b'{') => format!("{indent};{indent}"),
        (9..13, true) if free => indent,
        (_, _) if lines => format!("\n{indent}"),
        _ => format!(" {indent}"),
    }
}

#[test]
fn whatever_the_layout_was() {
    let cases: Vec<String> = shipped().into_iter().chain(files("tests/fmt")).map(|(_, source)| source).collect();
    let (mut tried, mut parsed) = (0, 0);
    for (i, source) in cases.iter().enumerate() {
        for round in 0..SHAKEN.div_ceil(cases.len()) {
            let mut rng = Streams::new(11).rng("formatter", (i * 1000 + round) as u64);
            tried += 1;
            parsed += usize::from(format(&shaken(source, &mut rng)).is_some());
        }
    }
    assert!(parsed * 3 > tried, "only {parsed} of {tried} parsed");
}

#[test]
fn small_changes_of_layout() {
    let cases: Vec<String> = shipped().into_iter().chain(files("tests/fmt")).map(|(_, source)| source).collect();
    for (i, source) in cases.iter().enumerate() {
        // One blank or line break more, or less, at a time, anywhere.
        let mut rng = Streams::new(12).rng("formatter", i as u64);
        for _ in 0..CHANGES.div_ceil(cases.len()) {
            let at = (0..).map(|_| rng.random_range(0..source.len())).find(|&at| source.is_char_boundary(at));
            let at = at.expect("there is a boundary");
            let inserted = [" ", "\n", ";", " // x\n", "\n// x\n", "\n\n", ","][rng.random_range(0..7)];
            let next = source[at..].chars().next().expect("not at the end");
            let skipped = if next.is_whitespace() && rng.random_bool(0.5) { next.len_utf8() } else { 0 };
            format(&format!("{}{inserted}{}", &source[..at], &source[at + skipped..]));
        }
    }
}

#[test]
fn trees_are_told_apart_by_all_but_places() {
    assert_eq!(tree("import   \"a\"\n\n\nconst b=1"), tree("import \"a\"\nconst b = 1"));
    // Found by the fuzzer: what reads like a place in a printed tree can be text.
    let import = |path: &str| format!("import \"{path}\" {{ x }}\n");
    let paths = [
        "Span",
        "strSpenuoSe {SsSpanut",
        "Span { file: FileId(0), start: 1, end: 2 }",
        "Span { file: FileId(0), start: 1, end: 3 }",
        "\tSpan\t{ }",
        "Span {",
        "\\",
        "\\Span {}\\\\",
        "Span { start }",
        "Span { end }",
    ];
    for (i, path) in paths.into_iter().enumerate() {
        assert_eq!(format(&import(path)), Some(import(path)));
        assert!(tree(&import(path)).contains(&format!("{path:?}")), "{}", tree(&import(path)));
        for other in &paths[..i] {
            assert_ne!(tree(&import(path)), tree(&import(other)));
        }
    }
}
