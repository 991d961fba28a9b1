//! What a caller gives from outside of the files: arguments of a space, conditions.

use nasrec_compiler::diagnostics::{Code, Diagnostic};
use nasrec_compiler::loader::{Disk, Loader, Memory, Shipped};
use nasrec_compiler::recipe::Counts;
use nasrec_compiler::schema::Schema;
use nasrec_compiler::streams::Streams;
use nasrec_compiler::{ItemKind, Program, Space};

use crate::memory::{self, ENTRY};

fn shipped(file: &str) -> Program {
    let (program, found) = Program::load(file, &Shipped);
    assert_eq!(found, []);
    program
}

fn criteo() -> Schema {
    let schemas = shipped("schemas.nasrec");
    let criteo = schemas.find(ItemKind::Schema, "criteo").expect("it ships");
    schemas.schema(&criteo).expect("it is sound")
}

fn told(found: &[Diagnostic]) -> (Code, &str) {
    (found[0].code, &found[0].message)
}

#[test]
fn a_space_with_arguments_is_that_of_a_search_with_them() {
    for (name, arguments, written) in [
        ("nasrec_small", &[("blocks", "3"), ("widths", "[16, 32]")][..], "blocks: 3, widths: [16, 32]"),
        ("nasrec_full", &[("normalise", "off"), ("blocks", "2")], "blocks: 2, normalise: off"),
        ("autoctr", &[], ""),
    ] {
        let given = shipped(&format!("{name}.nasrec")).space(name, arguments, &criteo()).expect("it is sound");
        let (checked, schema) = memory::space(name, written, "criteo");
        let searched = Space::bind(&checked, &schema).expect("it fits");
        let offers = |space: &Space| -> Vec<_> {
            space.choices().iter().map(|choice| (choice.name.clone(), choice.offer.clone())).collect()
        };
        assert_eq!(offers(&given), offers(&searched), "{name}");
        let mut rng = Streams::new(7).rng("sample", 0);
        let drawn = given.sample(Counts::Uniform, &mut rng);
        assert_eq!(given.plan(&drawn).expect("a plan"), searched.plan(&drawn).expect("a plan"), "{name}");
    }
}

#[test]
fn what_is_wrong_with_an_argument_is_told() {
    let mut program = shipped("nasrec_small.nasrec");
    let schema = criteo();
    let mut wrong = |name: &str, argument| program.space(name, &[argument], &schema).expect_err("it is wrong");
    assert_eq!(
        told(&wrong("nasrec_small", ("block", "2"))),
        (Code::Arguments, "space `nasrec_small` has no parameter `block`")
    );
    assert_eq!(told(&wrong("nasrec_small", ("blocks", "2 +"))).0, Code::Syntax);
    assert_eq!(told(&wrong("nasrec_small", ("blocks", "wide"))).0, Code::UnknownName);
    assert_eq!(told(&wrong("nasrec", ("blocks", "2"))), (Code::UnknownName, "there is no space `nasrec`"));
    let deep = "(".repeat(500);
    assert_eq!(told(&wrong("nasrec_small", ("blocks", &deep))).0, Code::TooLarge);
}

#[test]
fn conditions_narrow_a_space() {
    let mut program = shipped("nasrec_small.nasrec");
    let item = program.find(ItemKind::Space, "nasrec_small").expect("it ships");
    let cheap = program.read_condition("macs <= 1M, b[1].d == dot").expect("it is sound");
    let space = program.space_with(&item, &[cheap], &criteo()).expect("some architectures meet it");
    let mut rng = Streams::new(7).rng("sample", 0);
    let drawn: Vec<_> = (0..20).map(|_| space.sample(Counts::Uniform, &mut rng)).collect();
    assert!(drawn.iter().any(|one| space.broken(one, Some(space.costs(one).expect("a plan"))).is_some()));
    for lines in ["macs <= 2M,\n dense_params <= 1M", "macs <= 2M // small"] {
        assert!(program.read_condition(lines).is_ok(), "{lines}");
    }
    assert_eq!(program.read_condition("(macs <= 2M").expect_err("nothing closes it").code, Code::Unbalanced);
    assert_eq!(program.read_condition("macs <=").expect_err("nothing follows").code, Code::Syntax);
}

#[test]
fn a_file_in_memory_hides_one_that_ships_and_no_other() {
    let own = [
        (ENTRY, "import \"models/fm.nasrec\"\nimport \"near/b.nasrec\" { b }"),
        ("models/fm.nasrec", "op own(x: dense) = relu(x)"),
        ("near/b.nasrec", "import \"a.nasrec\" { a }\nimport \"../far.nasrec\" { far }\nop b(x: dense) = a(far(x))"),
        ("near/a.nasrec", "op a(x: dense) = relu(x)"),
        ("far.nasrec", "op far(x: dense) = relu(x)"),
    ];
    let (program, found) = Program::load(ENTRY, &Memory::new(own));
    assert_eq!(found, []);
    let names = ["own", "b"].map(|name| program.find(ItemKind::Op, name).map(|item| item.name));
    assert_eq!(names, [Some("own".to_owned()), Some("b".to_owned())]);
    // A shipped file sees what ships, whatever else has its name.
    let nonsense = [(ENTRY, "import \"autoctr.nasrec\" { autoctr }"), ("std/ctr.nasrec", "nonsense")];
    assert_eq!(Program::load(ENTRY, &Memory::new(nonsense)).1, []);
    for (importer, path) in [("models/dcn.nasrec", "../std/ctr.nasrec"), ("autoctr.nasrec", "std/ctr.nasrec")] {
        let found = Memory::new(nonsense).load(Some(&format!("nasrecc:{importer}")), path);
        let ctr = found.expect("it is read").expect("it ships");
        assert!(ctr.built_in && ctr.name == "nasrecc:std/ctr.nasrec");
    }
}

#[test]
fn a_path_that_leads_nowhere_is_no_file_that_ships() {
    for path in ["../schemas.nasrec", "./schemas.nasrec", "x/../schemas.nasrec", "../../spaces/schemas.nasrec"] {
        let missing = format!("there is no file `{path}`");
        let text = format!("import \"{path}\" {{ criteo }}");
        let (_, found) = Program::load(ENTRY, &Memory::new([(ENTRY, text.as_str())]));
        assert_eq!(told(&found), (Code::Import, missing.as_str()));
        assert_eq!(told(&Program::load(path, &Disk::beside(path)).1), (Code::Import, missing.as_str()));
    }
    // Names are the same however they are written; what lies above is another file.
    let own = [("./a.nasrec", "import \"./b.nasrec\""), ("x/../b.nasrec", "op b(x: dense) = relu(x)")];
    assert_eq!(Program::load("a.nasrec", &Memory::new(own)).1, []);
    let above = [(ENTRY, "import \"../b.nasrec\""), own[1]];
    assert_eq!(told(&Program::load(ENTRY, &Memory::new(above)).1).0, Code::Import);
}

#[test]
fn a_program_has_so_many_files_and_bytes() {
    let chain = |files: usize| -> Vec<(String, String)> {
        let file = |i| (format!("f{i}.nasrec"), format!("import \"f{}.nasrec\"\nop o{i}(x: dense) = relu(x)", i + 1));
        let last = (format!("f{files}.nasrec"), String::new());
        (0..files).map(file).chain([last]).collect()
    };
    assert_eq!(Program::load("f0.nasrec", &Memory::new(chain(900))).1, []);
    let found = Program::load("f0.nasrec", &Memory::new(chain(1_100))).1;
    assert_eq!(told(&found), (Code::TooLarge, "this program has more than 1000 files"));
    // Comments, so that there is nothing to check.
    let long = format!("//{}\n", " ".repeat(12 << 20));
    let mut files: Vec<(String, String)> = (0..6).map(|i| (format!("f{i}.nasrec"), long.clone())).collect();
    let imports = |count: usize| (0..count).map(|i| format!("import \"f{i}.nasrec\"\n")).collect::<String>();
    files.push(("five.nasrec".to_owned(), imports(5)));
    files.push(("six.nasrec".to_owned(), imports(6)));
    // One file by many paths is read each time.
    let again = (0..6).map(|i| format!("import \"{}f0.nasrec\"\n", "./".repeat(i))).collect();
    files.push(("again.nasrec".to_owned(), again));
    let files = Memory::new(files);
    assert_eq!(Program::load("five.nasrec", &files).1, []);
    for entry in ["six.nasrec", "again.nasrec"] {
        let found = Program::load(entry, &files).1;
        assert_eq!(told(&found), (Code::TooLarge, "the files of this program have more than 64 MiB"));
    }
}
