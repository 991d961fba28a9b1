//! The language reference is true: its examples are sound, and it lists every code.

use nasrec_compiler::diagnostics::Code;

use crate::memory::check;

const LANGUAGE: &str = include_str!("../../docs/language.md");

#[test]
fn every_example_is_sound() {
    let examples: Vec<&str> = LANGUAGE
        .split("```nasrec\n")
        .skip(1)
        .map(|rest| rest.split_once("\n```").expect("an example ends").0)
        .collect();
    assert!(examples.len() >= 7, "{} examples", examples.len());
    for example in examples {
        let (program, diagnostics) = check(example);
        assert_eq!(diagnostics, [], "{example}");
        assert!(!program.items().is_empty(), "{example}");
    }
}

#[test]
fn every_code_is_listed_with_its_title() {
    for code in Code::ALL {
        let row = format!("| {code} | {} |", code.title());
        assert!(LANGUAGE.contains(&row), "docs/language.md lacks `{row}`");
    }
}
