//! What each rule of the grammar accepts and rejects: `corpus/RULE.txt`, one file a rule, snippets separated by `--`.
//!
//! A snippet is accepted by a rule that matches all of it.

use std::path::Path;

use nasrec_grammar::{NasrecParser, Rule};
use pest::Parser;

fn rule(name: &str) -> Rule {
    *Rule::all_rules()
        .iter()
        .find(|rule| format!("{rule:?}") == name)
        .unwrap_or_else(|| panic!("corpus/{name}.txt names no rule of the grammar"))
}

fn accepts(rule: Rule, snippet: &str) -> bool {
    NasrecParser::parse(rule, snippet)
        .ok()
        .and_then(|mut pairs| pairs.next())
        .is_some_and(|pair| pair.as_str().trim_end() == snippet.trim_end())
}

#[test]
fn every_rule_accepts_and_rejects_its_corpus() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut wrong = Vec::new();
    let mut files = 0;
    for file in std::fs::read_dir(folder).expect("the corpus is there") {
        let file = file.expect("a folder entry").path();
        let name = file.file_stem().and_then(|name| name.to_str()).expect("names are plain").to_owned();
        let text = std::fs::read_to_string(&file).expect("text");
        let (accepted, rejected) = text
            .strip_prefix("== accepted\n")
            .and_then(|text| text.split_once("\n== rejected\n"))
            .unwrap_or_else(|| panic!("{name}: two parts are expected"));
        let rejected = rejected.strip_suffix('\n').unwrap_or(rejected);
        files += 1;
        for (part, expected) in [(accepted, true), (rejected, false)] {
            let snippets: Vec<&str> = part.split("\n--\n").collect();
            assert!(snippets.len() > usize::from(!expected), "{name} has too few snippets");
            for snippet in snippets {
                if accepts(rule(&name), snippet) != expected {
                    let verb = if expected { "rejects" } else { "accepts" };
                    wrong.push(format!("{name} {verb} `{snippet}`"));
                }
            }
        }
    }
    assert!(files >= 20, "{files} files");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What an "expected …" list says is never a rule's own name.
#[test]
fn rules_are_described_in_words() {
    for &rule in Rule::all_rules() {
        if let Some(words) = nasrec_grammar::describe(rule) {
            assert!(!words.contains("kw_") && !words.contains('_'), "{rule:?}: {words}");
        }
    }
}
