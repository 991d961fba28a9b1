//! What holds of every text, whatever it says. The tests and the fuzz targets (`fuzz/`) hold the compiler to the same.

#![allow(dead_code, reason = "each test file uses what it needs")]

use std::sync::LazyLock;

use nasrec_compiler::diagnostics::{Code, Diagnostic, FileId, Label, Sources};
use nasrec_compiler::format::{ArchSource, Refusal, comments, format_arch, format_source};
use nasrec_compiler::ir::Assignment;
use nasrec_compiler::plan::Cost;
use nasrec_compiler::recipe::Counts;
use nasrec_compiler::schema::Schema;
use nasrec_compiler::space::{End, Sampling};
use nasrec_compiler::streams::Streams;
use nasrec_compiler::{Architecture, CheckedSpace, Item, ItemKind, Program, Space, syntax};

use crate::memory::{ENTRY, Memory};

/// A table of two numbers, three categories and a list of them.
pub const TABLE: &str = "schema table {\n  label click\n  label buy\n  dense I[1..2]\n  sparse C[1..3]: int | modulo(rows: 10)\n  sparse S: int | list(\"^\", most: 3) | \
                         modulo(rows: 10)\n}\n";

/// Every place that a finding names is text of a file that was read.
pub fn places_exist(diagnostics: &[Diagnostic], sources: &Sources) {
    for label in diagnostics.iter().flat_map(|diagnostic| &diagnostic.labels) {
        place_exists(label, &sources.file(label.span.file).text);
    }
}

fn place_exists(label: &Label, text: &str) {
    assert!(label.span.start <= label.span.end, "{label:?}");
    assert!(text.get(label.span.start as usize..label.span.end as usize).is_some(), "{label:?} in {text:?}");
}

/// Parsing answers, and what it finds has a place in the text.
pub fn parse(text: &str) {
    let (_, diagnostics) = syntax::parse(FileId(0), text);
    let override_finding = syntax::parse_override(FileId(0), text).err();
    for label in diagnostics.iter().chain(&override_finding).flat_map(|diagnostic| &diagnostic.labels) {
        place_exists(label, text);
    }
}

/// What `{:?}` writes of a tree, with every place taken out. What looks like a place inside of a text is text, and stays.
fn without_places(notation: &str) -> String {
    let mut kept = String::with_capacity(notation.len());
    let mut rest = notation;
    while let Some(at) = rest.find(['"', 'S']) {
        let (before, from) = rest.split_at(at);
        kept.push_str(before);
        let place =
            from.starts_with("Span {") && !kept.ends_with(|before: char| before.is_alphanumeric() || before == '_');
        let end = if place {
            from.find('}').expect("a place ends") + 1
        } else if from.starts_with('"') {
            literal(from)
        } else {
            1
        };
        if !place {
            kept.push_str(&from[..end]);
        }
        rest = &from[end..];
    }
    kept + rest
}

/// The length of the text in quotes that this starts with. Quotes inside of it stand behind a backslash.
fn literal(notation: &str) -> usize {
    let mut escaped = true;
    for (at, sign) in notation.char_indices() {
        match sign {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    panic!("a text does not end in {notation}");
}

/// The tree of a text without its places, built by the compiler's own parser.
pub fn tree(source: &str) -> String {
    let (tree, diagnostics) = syntax::parse(FileId(0), source);
    assert_eq!(diagnostics, [], "{source}");
    without_places(&format!("{tree:?}"))
}

/// Formatting keeps the tree and the comments, and formatting twice changes nothing more. `None` for a text that does
/// not parse.
pub fn formatted(source: &str) -> Option<String> {
    let formatted = match format_source(FileId(0), source) {
        Ok(formatted) => formatted,
        Err(Refusal::Syntax(_)) => return None,
        Err(Refusal::Unproved(what)) => panic!("{what}:\n{source}"),
    };
    assert_eq!(tree(&formatted), tree(source), "{source}\n--- became\n{formatted}");
    assert!(comments(source).eq(comments(&formatted)), "{source}\n--- became\n{formatted}");
    let twice = format_source(FileId(0), &formatted).expect("it parsed before");
    assert_eq!(twice, formatted, "formatting twice changes something of\n{source}");
    assert!(formatted.is_empty() || formatted.ends_with('\n') && !formatted.ends_with("\n\n"), "{formatted}");
    assert!(!formatted.contains("\n\n\n"), "{formatted}");
    assert!(formatted.lines().all(|line| line.trim_end() == line), "{formatted}");
    Some(formatted)
}

pub fn format(source: &str) {
    formatted(source);
}

static BOUND_TO: LazyLock<Schema> = LazyLock::new(|| {
    let (program, diagnostics) = Program::load(ENTRY, &Memory::new([(ENTRY, TABLE)]));
    assert_eq!(diagnostics, []);
    program.schema(&program.items()[0]).expect("it is sound")
});

/// A program is answered, and a sound one has plans. What was found.
pub fn compile(text: &str) -> Vec<Diagnostic> {
    let (program, mut diagnostics) = Program::load(ENTRY, &Memory::new([(ENTRY, text)]));
    diagnostics.extend(program.check());
    places_exist(&diagnostics, &program.sources);
    if diagnostics.is_empty() {
        for item in program.items().iter().filter(|item| item.kind == ItemKind::Space) {
            let checked = program.check_space(item).expect("a checked program's spaces are sound");
            planned(text, item, &checked);
        }
        for item in program.items().iter().filter(|item| item.kind == ItemKind::Test) {
            program.test(item).expect("a checked program's claims mean something");
        }
    }
    diagnostics
}

/// Draws and changes of what a space with constraints on choices offers are allowed.
fn keeps_to_its_constraints(text: &str, space: &Space) {
    let counts = Counts::Binomial(0.5);
    let mut rng = Streams::new(2).rng("laws", 0);
    let mut parent = space.sample(counts, &mut rng);
    for _ in 0..3 {
        let broken = |architecture| space.broken(architecture, None).map(|constraint| &constraint.text);
        assert_eq!(broken(&parent), None, "{parent:?} of\n{text}");
        assert_eq!(space.missing(&parent), [], "{parent:?} of\n{text}");
        let child = space.mutate(&parent, 1, counts, &mut rng);
        assert_eq!(broken(&child), None, "{parent:?} became {child:?} of\n{text}");
        parent = space.sample(counts, &mut rng);
    }
}

/// Where a space is refused for what it requires, no architecture that is drawn without it is allowed.
fn refused(text: &str, checked: &CheckedSpace) {
    let constraints = &checked.graph.constraints;
    let mut free = checked.clone();
    free.graph.constraints.clear();
    let Ok(space) = Space::bind(&free, &BOUND_TO) else { return };
    assert!(!constraints.is_empty(), "{text}");
    let mut rng = Streams::new(3).rng("laws", 0);
    for _ in 0..10 {
        let drawn = space.sample(Counts::Uniform, &mut rng);
        let at = Assignment::new(drawn.made(), space.schema_sizes());
        assert!(checked.graph.broken(&at).is_some(), "nothing is said to be allowed, but {drawn:?} of\n{text}");
    }
}

/// What a meter says is what plans say, and no architecture that is allowed is beyond what is proved of all.
fn costed(text: &str, space: &Space, drawn: &[Architecture]) {
    let mut meter = space.meter();
    let ends =
        [(Cost::Macs, End::Most), (Cost::Ops, End::Least), (Cost::Ops, End::Most), (Cost::ActivationBytes, End::Least)];
    let bounds = ends.map(|(cost, end)| (cost, end, space.extreme(cost, end)));
    let mut all = drawn.to_vec();
    let mut rng = Streams::new(4).rng("laws", 0);
    all.extend((0..10).map(|_| space.sample(Counts::Uniform, &mut rng)));
    for (at, architecture) in all.iter().enumerate() {
        let plan = space.plan(architecture);
        let costs = plan.map(|plan| plan.costs());
        assert_eq!(meter.costs(architecture), costs, "{architecture:?} of\n{text}");
        let Ok(costs) = costs else { continue };
        // A relaxed architecture, the second one, is none of the space.
        if at == 1 || space.broken(architecture, Some(costs)).is_some() {
            continue;
        }
        for (cost, end, found) in &bounds {
            let found = found.as_ref().expect("this one is allowed");
            let within = match end {
                End::Least => costs.of(*cost) >= found.proved,
                End::Most => costs.of(*cost) <= found.proved,
            };
            assert!(within, "{} {end:?} {found:?}, but {costs:?} of {architecture:?} of\n{text}", cost.words());
        }
    }
}

/// An architecture of a space has a plan or a reason, and is read back as it was printed. Whether it has a plan: a space
/// that does not suit the table, or whose sizes do not suit each other over it, has none.
pub fn planned(text: &str, item: &Item, checked: &CheckedSpace) -> bool {
    let Ok(space) = Space::bind(checked, &BOUND_TO) else {
        refused(text, checked);
        return false;
    };
    if !checked.graph.constraints.is_empty() {
        keeps_to_its_constraints(text, &space);
    }
    let mut rng = Streams::new(1).rng("laws", 0);
    let architecture = space.sample(Counts::Uniform, &mut rng);
    // A relaxed one has a plan or a reason, too.
    let path = space.sample_path(Sampling { counts: Counts::Uniform, full_path: 0.5 }, &mut rng);
    drop(space.plan(&path));
    let planned = space.plan(&architecture);
    let Ok(plan) = planned else { return false };
    assert!(plan.logit < plan.nodes.len());
    assert_eq!(plan.nodes[plan.logit].shape.as_slice(), [plan.heads.len()], "{text}");
    costed(text, &space, &[architecture.clone(), path]);
    let canonical = space.canonical(&architecture).expect("it has a plan");
    assert_eq!(space.plan(&canonical).as_ref(), Ok(&plan), "{text}");

    // What the table's sizes leave dead is left out, so it is read over the same table.
    let (drawn, table) = match item.name.as_str() {
        "drawn" => ("drawn_too", "table"),
        "table" => return true,
        _ => ("drawn", "table"),
    };
    let source = ArchSource {
        name: drawn,
        docs: vec![],
        imports: vec![(ENTRY.to_owned(), vec![item.name.clone()]), ("table.nasrec".to_owned(), vec![table.to_owned()])],
        items: String::new(),
        space: &item.name,
        arguments: &checked.arguments,
        schema: Some(table),
    };
    let printed = format_arch(&source, space.choices(), &canonical);
    let (program, mut diagnostics) = Program::load(
        "drawn.nasrec",
        &Memory::new([("drawn.nasrec", &*printed), (ENTRY, text), ("table.nasrec", TABLE)]),
    );
    diagnostics.extend(program.check());
    if space.broken(&canonical, Some(plan.costs())).is_some() {
        // It costs more, or less, than it may.
        let codes: Vec<Code> = diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
        assert_eq!(codes, [Code::Disallowed], "{printed}\n--- of\n{text}");
        return true;
    }
    assert_eq!(diagnostics, [], "{printed}\n--- of\n{text}");
    let read = program.arch(&program.items()[0]).expect("it was checked").architecture;
    assert_eq!(read, canonical, "{printed}\n--- of\n{text}");
    true
}
