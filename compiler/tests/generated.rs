//! Random programs that mean something are understood, and random changes of them are answered. `NASREC_CASES` says how
//! many times as many are tried.

use nasrec_compiler::diagnostics::Diagnostic;
use nasrec_compiler::streams::Streams;
use nasrec_compiler::{ItemKind, Program};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::memory::{ENTRY, Memory};
use crate::{generate, laws};

fn times(cases: u64) -> u64 {
    let factor = std::env::var("NASREC_CASES").ok().and_then(|given| given.parse().ok()).unwrap_or(1);
    cases * factor
}

fn rng(what: &str, case: u64) -> ChaCha8Rng {
    Streams::new(17).rng(what, case)
}

/// Every construct comes up: this text is in some program.
const CONSTRUCTS: [&str; 55] = [
    "const ",
    "op ",
    "space ",
    "schema ",
    "search ",
    "arch ",
    " extends ",
    "baseline ",
    "require ",
    "block ",
    " after stem",
    "earlier.",
    "pick 1..",
    "pick 1 from",
    "choose {",
    "choose 1..2 {",
    "maybe ",
    "repeat ",
    "width ",
    "if ",
    " else if ",
    " and ",
    " or ",
    "not ",
    " step ",
    " == ",
    "max(",
    "sqrt(",
    " / ",
    "embed(",
    "gram(",
    "multi_head_attention(",
    "rows(",
    "///",
    "// ",
    "synthetic {",
    " with ",
    " -> dense[w]",
    "switch = on",
    "import ",
    "shared ",
    "(_, ",
    "(_, _, ",
    "forbid ",
    " implies ",
    " in 8..64 step 8",
    "count(",
    "sum(",
    "all(",
    "any(",
    " for ",
    "64KiB",
    "[i in 1..blocks] of cell_",
    "test ",
    "raw(",
];

/// Panics where something was found, with the lines that it was found in.
fn understood(case: u64, text: &str, diagnostics: &[Diagnostic]) {
    let Some(first) = diagnostics.first() else { return };
    let lines: Vec<&str> = first
        .labels
        .iter()
        .map(|label| {
            let start = text[..label.span.start as usize].rfind('\n').map_or(0, |at| at + 1);
            text[start..].split_once('\n').map_or(&text[start..], |(line, _)| line)
        })
        .collect();
    panic!("{text}\n--- case {case}: {}\n{:?}\n{}", first.message, first.labels, lines.join("\n"));
}

#[test]
fn sound_programs_are_understood() {
    let mut missing = CONSTRUCTS.to_vec();
    let (mut planned, mut spaces) = (0, 0);
    for case in 0..times(300) {
        let text = generate::program(rng("programs", case));
        understood(case, &text, &laws::compile(&text));
        let formatted = laws::formatted(&text).expect("it parses");
        let (program, mut diagnostics) = Program::load(ENTRY, &Memory::new([(ENTRY, &formatted)]));
        diagnostics.extend(program.check());
        understood(case, &formatted, &diagnostics);
        for item in program.items().iter().filter(|item| item.kind == ItemKind::Space) {
            let checked = program.check_space(item).expect("it was checked");
            spaces += 1;
            planned += u64::from(laws::planned(&formatted, item, &checked));
        }
        missing.retain(|construct| !text.contains(construct));
    }
    assert_eq!(planned, spaces, "every space has plans");
    assert_eq!(missing, [""; 0], "constructs that never came up");
}

#[test]
fn changed_programs_are_answered() {
    for case in 0..times(1_500) {
        let mut rng = rng("changes", case);
        let (a, b) = (rng.random_range(0..100), rng.random_range(0..100));
        let (a, b) = (generate::program(self::rng("programs", a)), generate::program(self::rng("programs", b)));
        let text = generate::mutate::mutated(&a, &b, &mut rng);
        laws::parse(&text);
        laws::format(&text);
        laws::compile(&text);
    }
}

#[test]
fn seeds_of_the_fuzzer_are_sound() {
    let seeds = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/seeds");
    for seed in std::fs::read_dir(seeds).expect("they are there") {
        let text = std::fs::read_to_string(seed.expect("it is there").path()).expect("it is text");
        understood(0, &text, &laws::compile(&text));
    }
}
