//! The TextMate grammar highlights the keywords of the language, all of them and nothing else.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

fn text(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The words of the grammar: `kw_…` rules, what is reserved, and the operators that are words.
fn keywords() -> BTreeSet<String> {
    let grammar = text("grammar/src/nasrec.pest");
    let mut words = BTreeSet::new();
    let mut reserved = false;
    for line in grammar.lines().filter(|line| !line.trim_start().starts_with("//")) {
        let quoted = line.split('"').skip(1).step_by(2);
        let keyword = line.starts_with("kw_") || line.contains("~ !word_char }");
        reserved |= line.starts_with("reserved");
        if reserved || keyword {
            let word = |text: &&str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            words.extend(quoted.filter(word).filter(|text| *text != "_").map(str::to_owned));
        }
        reserved &= !line.contains('}');
    }
    words
}

/// The words of `\b(a|b)\b`.
fn alternatives(pattern: &Value) -> BTreeSet<String> {
    let pattern = pattern.as_str().expect("a pattern");
    let inside = pattern.strip_prefix("\\b(").and_then(|rest| rest.split(')').next());
    inside.unwrap_or_else(|| panic!("`{pattern}` is no list of words")).split('|').map(str::to_owned).collect()
}

#[test]
fn every_keyword_is_highlighted_and_nothing_else() {
    let grammar: Value = serde_json::from_str(&text("editors/nasrec.tmLanguage.json")).expect("JSON");
    let rules = &grammar["repository"];
    let keywords = keywords();
    assert!(keywords.contains("choose") && keywords.contains("extends") && keywords.contains("off"), "{keywords:?}");
    let mut shown = alternatives(&rules["keyword"]["match"]);
    shown.extend(alternatives(&rules["constant"]["match"]));
    let missing: Vec<&String> = keywords.difference(&shown).collect();
    let foreign: Vec<&String> = shown.difference(&keywords).collect();
    assert!(
        missing.is_empty() && foreign.is_empty(),
        "editors/nasrec.tmLanguage.json: add {missing:?} to the words of `repository.keyword.match` (a value such as \
         `on` to `repository.constant.match`), and take {foreign:?} out"
    );
    // A word before a name that is being defined is highlighted as the keyword that it is.
    let defining = alternatives(&rules["definition"]["match"]);
    assert!(defining.is_subset(&shown), "`repository.definition.match` has words that are no keywords: {defining:?}");
}

#[test]
fn the_extension_packs_this_grammar() {
    let package: Value = serde_json::from_str(&text("editors/vscode/package.json")).expect("JSON");
    let grammar: Value = serde_json::from_str(&text("editors/nasrec.tmLanguage.json")).expect("JSON");
    let offered = &package["contributes"]["grammars"][0];
    assert_eq!(offered["scopeName"], grammar["scopeName"]);
    let copied = package["scripts"]["vscode:prepublish"].as_str().expect("a command");
    assert!(copied.contains("'../nasrec.tmLanguage.json', 'nasrec.tmLanguage.json'"), "{copied}");
    assert_eq!(offered["path"], "./nasrec.tmLanguage.json");
    serde_json::from_str::<Value>(&text("editors/vscode/language-configuration.json")).expect("JSON");
}
