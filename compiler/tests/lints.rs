//! Lints are silent about what ships, and what they say is true of every architecture.

use nasrec_compiler::diagnostics::{Code, Diagnostic, Severity, apply};
use nasrec_compiler::library::FILES;
use nasrec_compiler::loader::Shipped;
use nasrec_compiler::recipe::Counts;
use nasrec_compiler::schema::Schema;
use nasrec_compiler::streams::Streams;
use nasrec_compiler::{ItemKind, Program, Space};
use rand::RngExt;

use crate::generate;
use crate::memory::{ENTRY, Memory};

/// The errors and the lints of a file.
fn told(text: &str) -> (Program, Vec<Diagnostic>, Vec<Diagnostic>) {
    let (program, mut errors) = Program::load(ENTRY, &Memory::new([(ENTRY, text)]));
    errors.extend(program.check());
    let lints = program.lints(&errors);
    (program, errors, lints)
}

#[test]
fn what_ships_is_clean() {
    for (name, _) in FILES {
        let (program, mut found) = Program::load(name, &Shipped);
        found.extend(program.check());
        assert_eq!(found, [], "{name}");
        assert_eq!(program.lints(&found), [], "{name}");
    }
}

#[test]
fn examples_are_clean() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let read = |path: &str| std::fs::read_to_string(folder.join(path)).expect("it is there");
    let table = read("tutorial/space.nasrec");
    let cross = read("tutorial/cross.nasrec");
    for path in [
        "criteo_small.nasrec",
        "models.nasrec",
        "quickstart.nasrec",
        "tutorial/cross.nasrec",
        "tutorial/first.nasrec",
        "tutorial/open.nasrec",
        "tutorial/search.nasrec",
        "tutorial/space.nasrec",
        "tutorial/table.nasrec",
    ] {
        let files = [(ENTRY, &*read(path)), ("space.nasrec", &table), ("cross.nasrec", &cross)];
        let (program, mut found) = Program::load(ENTRY, &Memory::new(files));
        found.extend(program.check());
        assert_eq!(found, [], "{path}");
        assert_eq!(program.lints(&found), [], "{path}");
    }
}

fn schema() -> Schema {
    let text = "schema t { label click; dense I[1..3]; sparse C[1..4]: int | modulo(rows: 10) }";
    let (program, ..) = told(text);
    program.schema(&program.items()[0]).expect("it is sound")
}

#[test]
fn what_is_said_of_random_programs_is_true() {
    let mut codes = std::collections::BTreeMap::new();
    let mut changed = 0;
    for case in 0..150 {
        let text = generate::program(Streams::new(5).rng("programs", case));
        let (program, errors, lints) = told(&text);
        assert_eq!(errors, [], "{text}");
        for lint in &lints {
            assert_eq!(lint.severity, Severity::Warning);
            *codes.entry(lint.code).or_insert(0) += 1;
        }
        // A choice that no logit depends on can be anything.
        let dead = lints.iter().filter(|lint| matches!(lint.code, Code::DeadChoice | Code::DeadWidth));
        let dead: Vec<_> = dead.filter_map(|lint| Some(lint.labels.first()?.span)).collect();
        for item in program.items().iter().filter(|item| item.kind == ItemKind::Space) {
            let checked = program.check_space(item).expect("it was checked");
            let Ok(space) = Space::bind(&checked, &schema()) else { continue };
            let mut rng = Streams::new(6).rng("drawn", case);
            let drawn = space.sample(Counts::Uniform, &mut rng);
            let mut other = drawn.clone();
            for (index, choice) in space.choices().iter().enumerate() {
                let id = nasrec_compiler::ir::ChoiceId(index as u32);
                if dead.contains(&choice.span) && drawn.get(id).is_some() && choice.offer.option_count() < 1_000 {
                    let options = choice.offer.options();
                    other.set(id, Some(options[rng.random_range(0..options.len())]));
                    changed += 1;
                }
            }
            // What a new value brings with it is dead too, and left out.
            assert_eq!(space.plan(&drawn).expect("a plan"), space.plan(&other).expect("the same plan"), "{text}");
        }
    }
    assert!(changed > 20, "{changed} dead choices were changed: {codes:?}");
}

#[test]
fn fixes_leave_what_is_computed() {
    let text = "import \"std/ctr.nasrec\" { dot, fc, gating }\nimport \"std/cross.nasrec\"\n\nspace s {\n  \
                input numeric: dense\n  width w in [8, 16]\n  require w <= 16, w != 12\n  forbid w > 64\n  \
                require w == 8 or w in [16, 24], w <= 8\n  logit = linear(fc(numeric, w), 1)\n}\n";
    let mut text = text.to_owned();
    for _ in 0..10 {
        let (_, errors, lints) = told(&text);
        assert_eq!(errors, [], "{text}");
        let fixes: Vec<_> = lints.iter().filter_map(|lint| lint.fix.as_deref()).collect();
        if fixes.is_empty() {
            break;
        }
        text = apply(&text, fixes).0;
    }
    assert_eq!(
        text,
        "import \"std/ctr.nasrec\" { fc }\n\nspace s {\n  input numeric: dense\n  width w in [8, 16]\n  \
         require w <= 8\n  logit = linear(fc(numeric, w), 1)\n}\n"
    );
}

#[test]
fn names_that_begin_with_a_bar_are_kept() {
    let text = "op f(_x: dense, y: dense) -> dense = relu(y)\nspace s(_depth = 3) {\n  input numeric: dense\n  \
                width _w in [8, 16]\n  let _y = choose { relu(numeric); sigmoid(numeric) }\n  \
                logit = linear(f(numeric, numeric), 1)\n}\n";
    assert_eq!(told(text).2, []);
}
