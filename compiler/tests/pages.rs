//! Every code has its page, and the pages are true: what they call wrong is found, with that code, and what they call
//! right is clean.

use std::collections::BTreeSet;
use std::path::Path;

use nasrec_compiler::Program;
use nasrec_compiler::diagnostics::{Code, Diagnostic, Severity};
use nasrec_compiler::loader::Disk;

use crate::memory::Memory;

/// An example of a page with the files that it imports.
struct Example {
    wrong: bool,
    text: String,
    others: Vec<(String, String)>,
}

/// The examples of a page; a fence `nasrec,file=NAME` is a file that the next example imports.
fn examples(page: &str) -> Vec<Example> {
    let mut found = Vec::new();
    let mut others = Vec::new();
    for fence in page.split("```nasrec").skip(1) {
        let (marks, rest) = fence.split_once('\n').expect("a fence has a first line");
        let text = rest.split_once("```").expect("a fence ends").0.to_owned();
        if let Some(name) = marks.strip_prefix(",file=") {
            others.push((name.to_owned(), text));
            continue;
        }
        assert!(["", ",wrong"].contains(&marks), "`{marks}` on a fence");
        found.push(Example { wrong: marks == ",wrong", text, others: std::mem::take(&mut others) });
    }
    found
}

fn findings(example: &Example) -> Vec<Diagnostic> {
    let mut files = vec![("main.nasrec", example.text.as_str())];
    files.extend(example.others.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    let (program, mut diagnostics) = Program::load("main.nasrec", &Memory::over(Disk::beside("main.nasrec"), files));
    diagnostics.extend(program.check());
    diagnostics.extend(program.lints(&diagnostics));
    diagnostics
}

#[test]
fn pages_are_one_to_one_with_codes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/errors");
    let pages: BTreeSet<String> = std::fs::read_dir(folder)
        .expect("docs/errors is there")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("names are plain"))
        .collect();
    let codes: BTreeSet<String> = Code::ALL.iter().map(|code| format!("{code}.md")).collect();
    assert_eq!(pages, codes);
}

#[test]
fn pages_have_one_form() {
    for code in Code::ALL {
        let page = code.page();
        assert!(page.starts_with(&format!("# {code}: {}\n\n", code.title())), "{code}: its title");
        let parts = ["\n## Wrong\n", "\n## Why\n", "\n## Right\n"].map(|part| page.find(part));
        assert!(parts.iter().all(Option::is_some) && parts.is_sorted(), "{code}: {parts:?}");
    }
}

#[test]
fn wrong_examples_are_found_and_right_ones_are_clean() {
    let mut report = String::new();
    for code in Code::ALL {
        let examples = examples(code.page());
        for wrong in [true, false] {
            assert!(examples.iter().any(|example| example.wrong == wrong), "{code}: one wrong and one right example");
        }
        for example in &examples {
            // A page about an error may leave open what it is not about.
            let lints = code.as_str().starts_with('W');
            let told = findings(example).into_iter().filter(|found| lints || found.severity == Severity::Error);
            let codes: BTreeSet<Code> = told.map(|finding| finding.code).collect();
            let expected: BTreeSet<Code> = example.wrong.then_some(*code).into_iter().collect();
            if codes != expected {
                report += &format!("{code}: {:?}\n{}\n", findings(example), example.text);
            }
        }
    }
    assert!(report.is_empty(), "{report}");
}
