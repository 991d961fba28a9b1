//! An architecture written as source and read back is the same architecture.

use nasrec_compiler::diagnostics::FileId;
use nasrec_compiler::format::{ArchSource, format_arch, format_source};
use nasrec_compiler::recipe::Counts;
use nasrec_compiler::streams::Streams;
use nasrec_compiler::{Architecture, ItemKind, Space};

use crate::memory::{check, space};

/// Formats an architecture, reads it back and formats that.
fn there_and_back(
    name: &str,
    arguments: &[(String, String)],
    space: &Space,
    architecture: &Architecture,
) -> Architecture {
    let source = ArchSource {
        name: "random",
        docs: vec!["Drawn at random.".to_owned()],
        imports: vec![
            (format!("{name}.nasrec"), vec![name.to_owned()]),
            ("schemas.nasrec".to_owned(), vec!["criteo".to_owned()]),
        ],
        items: String::new(),
        space: name,
        arguments,
        schema: Some("criteo"),
    };
    let text = format_arch(&source, space.choices(), architecture);
    assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
    assert_eq!(format_source(FileId(0), &text).as_ref(), Ok(&text), "`nasrecc fmt` has nothing to change");
    let (program, diagnostics) = check(&text);
    assert_eq!(diagnostics, [], "{text}");
    let item = program.items().into_iter().find(|item| item.kind == ItemKind::Arch).expect("it is there");
    let read = program.arch(&item).expect("it was checked").architecture;
    assert_eq!(format_arch(&source, space.choices(), &read), text, "formatting twice changes nothing");
    read
}

fn round_trips(name: &str, arguments: &[(&str, &str)], samples: u64) {
    let given: Vec<(String, String)> = arguments.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let written: Vec<String> = given.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let (checked, criteo) = space(name, &written.join(", "), "criteo");
    let bound = Space::bind(&checked, &criteo).expect("it binds");
    for i in 0..samples {
        let architecture = bound.sample(Counts::Uniform, &mut Streams::new(5).rng("format", i));
        assert_eq!(there_and_back(name, &given, &bound, &architecture), architecture);
        // Dead choices are written `_`.
        let canonical = bound.canonical(&architecture).expect("it has a canonical form");
        assert_eq!(there_and_back(name, &given, &bound, &canonical), canonical);
    }
}

#[test]
fn architectures_of_nasrec_full_round_trip() {
    round_trips("nasrec_full", &[], 12);
}

#[test]
fn architectures_of_nasrec_small_round_trip() {
    round_trips("nasrec_small", &[], 12);
}

#[test]
fn arguments_round_trip() {
    let arguments =
        [("blocks", "3"), ("dim", "8"), ("normalise", "off"), ("counts", "[4, 8]"), ("widths", "[8, 24, 40]")];
    round_trips("nasrec_full", &arguments, 12);
}

#[test]
fn published_architectures_are_formatted_already() {
    for (path, text) in nasrec_compiler::library::FILES.iter().filter(|(path, _)| path.starts_with("nets/")) {
        let (program, diagnostics) = check(text);
        assert_eq!(diagnostics, [], "{path}");
        let item = program.items().into_iter().find(|item| item.kind == ItemKind::Arch).expect("it is there");
        let arch = program.arch(&item).expect("it was checked");
        let schema = arch.schema.as_ref().expect("it names one");
        let docs = text.lines().filter_map(|line| line.strip_prefix("/// ")).map(str::to_owned).collect();
        let source = ArchSource {
            name: &arch.name,
            docs,
            imports: vec![
                (format!("{}.nasrec", arch.space.name), vec![arch.space.name.clone()]),
                ("schemas.nasrec".to_owned(), vec![schema.name.clone()]),
            ],
            items: String::new(),
            space: &arch.space.name,
            arguments: &arch.space.arguments,
            schema: Some(&schema.name),
        };
        assert_eq!(format_arch(&source, &arch.space.graph.choices, &arch.architecture), *text, "{path}");
    }
}
