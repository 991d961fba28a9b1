//! A bundle stands alone and means the same: the plans of its space are those of the files that it was made of.

use nasrec_compiler::bundle::Bundle;
use nasrec_compiler::diagnostics::{Code, Diagnostic};
use nasrec_compiler::format::ArchSource;
use nasrec_compiler::library::FILES;
use nasrec_compiler::loader::Shipped;
use nasrec_compiler::plan::Plan;
use nasrec_compiler::recipe::Counts;
use nasrec_compiler::streams::Streams;
use nasrec_compiler::{Architecture, Item, ItemKind, Program, Space};

use crate::memory::{ENTRY, Memory};
use crate::{generate, laws};

/// Where a bundle is read: nothing is beside it.
const ELSEWHERE: &str = "else/where/best.nasrec";

fn load(files: &[(&str, &str)]) -> Program {
    let (program, mut found) = Program::load(ENTRY, &Memory::new(files.iter().copied()));
    found.extend(program.check());
    assert_eq!(found, [], "{files:?}");
    program
}

fn alone(text: &str) -> (Program, Vec<Diagnostic>) {
    let (program, mut found) = Program::load(ELSEWHERE, &Memory::new([(ELSEWHERE, text)]));
    found.extend(program.check());
    (program, found)
}

/// What a plan computes, without what its nodes and parameters are called.
fn unnamed(mut plan: Plan) -> Plan {
    for node in &mut plan.nodes {
        (node.path, node.place) = ("".into(), nasrec_compiler::plan::Place::outside("").into());
    }
    for param in &mut plan.params {
        param.name = "".into();
    }
    plan
}

/// What was seen of the bundle of a space with a schema.
#[derive(Clone, Copy, PartialEq)]
enum Kept {
    /// Its plans are those of the original.
    Plans,
    /// They are, but for names: an operator is called otherwise.
    ButForNames,
}

/// Holds a bundle of a space and a schema of a program to what is said of it, over some of its architectures.
fn holds(program: &Program, (item, schema): (&Item, &Item), samples: u64) -> Kept {
    let bundle = Bundle::of(program, &[item.clone(), schema.clone()]).expect("it can be written");
    let text = bundle.text();
    assert_eq!(laws::formatted(text).as_deref(), Some(text));
    assert!(text.lines().all(|line| !line.starts_with("import ") && !line.starts_with("nasrec ")), "{text}");
    let table = program.schema(schema).expect("it is sound");
    let checked = program.check_space(item).expect("it is sound");
    let original = Space::bind(&checked, &table).expect("it fits");
    let [name, table_name] = bundle.roots() else { panic!("two roots") };
    let mut kept = Kept::Plans;
    let mut rng = Streams::new(5).rng("bundles", 0);
    for _ in 0..samples {
        let architecture = original.sample(Counts::Uniform, &mut rng);
        let Ok(plan) = original.plan(&architecture) else { continue };
        if original.broken(&architecture, Some(plan.costs())).is_some() {
            continue;
        }
        let source = ArchSource {
            name: "best",
            docs: vec!["The winner.".to_owned()],
            imports: Vec::new(),
            items: String::new(),
            space: name,
            arguments: &[],
            schema: Some(table_name),
        };
        let file = bundle.with_arch(source, &architecture).expect("it is sound");
        assert_eq!(laws::formatted(&file).as_deref(), Some(&*file), "it is not laid out:\n{file}");
        let (read, found) = alone(&file);
        assert_eq!(found, [], "{file}");
        let arch = read.items().into_iter().find(|item| item.kind == ItemKind::Arch).expect("it is there");
        let checked = read.arch(&arch).expect("it was checked");
        let schema = checked.schema.as_ref().expect("it says with what");
        assert_eq!(format!("{:?}", schema.sparse), format!("{:?}", table.sparse));
        let again = Space::bind(&checked.space, schema).expect("it fits");
        let planned = again.plan(&checked.architecture).expect("it has a plan");
        if planned != plan {
            kept = Kept::ButForNames;
            assert_eq!(unnamed(planned), unnamed(plan), "{file}");
        }
        // A bundle of a bundle is that bundle.
        let items = Bundle::of(&read, &[arch]).expect("it can be written");
        assert_eq!(format!("nasrec 1\n\n{}", items.text()), file);
    }
    kept
}

/// The messages of a file about names that hide others.
fn hidden(program: &Program) -> Vec<String> {
    let lints = program.lints(&[]).into_iter();
    lints.filter(|lint| lint.code == Code::Shadowed).map(|lint| lint.message).collect()
}

#[test]
fn random_programs_of_several_files_mean_the_same_in_one() {
    let (mut kept, mut renamed, mut collisions) = (0, 0, 0);
    let factor: u64 = std::env::var("NASREC_CASES").ok().and_then(|given| given.parse().ok()).unwrap_or(1);
    for case in 0..200 * factor {
        let files = generate::files::program(Streams::new(23).rng("files", case));
        let all = || {
            let own = files.all.iter().map(|(name, text)| (name.as_str(), text.as_str()));
            own.chain([("table.nasrec", laws::TABLE)])
        };
        let (program, mut found) = Program::load(&files.entry, &Memory::new(all()));
        found.extend(program.check());
        let shown = || all().map(|(name, text)| format!("--- {name}\n{text}")).collect::<String>();
        assert_eq!(found, [], "case {case}\n{}", shown());
        let table = program.find(ItemKind::Schema, "table").expect("it is imported");
        for space in program.visible(ItemKind::Space) {
            match holds(&program, (&space, &table), 3) {
                Kept::Plans => kept += 1,
                Kept::ButForNames => renamed += 1,
            }
            let bundle = Bundle::of(&program, &[space]).expect("it can be written");
            collisions += u64::from(bundle.text().contains("_2"));
            let told = hidden(&alone(bundle.text()).0);
            let before: Vec<String> =
                all().flat_map(|(name, _)| hidden(&Program::load(name, &Memory::new(all())).0)).collect();
            assert!(told.iter().all(|message| before.contains(message)), "{told:?} {before:?}\n{}", bundle.text());
        }
    }
    assert!(
        kept >= 200 && renamed >= 10 && collisions >= 50,
        "{kept} kept, {renamed} renamed, {collisions} collisions"
    );
}

#[test]
fn what_ships_means_the_same_alone() {
    let (schemas, _) = Program::load("schemas.nasrec", &Shipped);
    let tables = schemas.items();
    let mut bundled = 0;
    for (path, _) in FILES {
        let (own, _) = Program::load(path, &Shipped);
        for space in own.items().into_iter().filter(|item| item.kind == ItemKind::Space) {
            // With the first that it takes, each time from another one on.
            for table in tables.iter().cycle().skip(bundled).take(tables.len()) {
                let table = &table.name;
                let entry =
                    format!("import \"{path}\" {{ {} }}\nimport \"schemas.nasrec\" {{ {table} }}\n", space.name);
                let (program, found) = Program::load(ENTRY, &Memory::new([(ENTRY, &entry)]));
                assert_eq!(found, []);
                let space = program.find(ItemKind::Space, &space.name).expect("it is imported");
                let table = program.find(ItemKind::Schema, table).expect("it is imported");
                let checked = program.check_space(&space).expect("it is sound");
                if Space::bind(&checked, &program.schema(&table).expect("it is sound")).is_err() {
                    continue;
                }
                assert!(holds(&program, (&space, &table), 3) == Kept::Plans, "{path} {}", space.name);
                let bundle = Bundle::of(&program, &[space, table]).expect("it can be written");
                let (read, found) = alone(bundle.text());
                assert_eq!(read.lints(&found), [], "{}", bundle.text());
                bundled += 1;
                break;
            }
        }
    }
    assert!(bundled >= 40, "{bundled}");
}

/// The text of the bundle of the entry's space `s` and of its schema `t`, which is held to what is said of bundles.
fn bundled(files: &[(&str, &str)], kept: Kept) -> String {
    let program = load(files);
    let space = program.find(ItemKind::Space, "s").expect("it is there");
    let table = program.find(ItemKind::Schema, "t").expect("it is there");
    assert!(holds(&program, (&space, &table), 4) == kept, "names of nodes");
    Bundle::of(&program, &[space, table]).expect("it can be written").text().to_owned()
}

const T: &str = "schema t { label click; dense I[1..2]; sparse C[1..3]: int | modulo(rows: 10) }\n";

#[test]
fn one_name_of_two_files_is_two_names() {
    let a = "/// Ours.\nop cross(x: dense) -> dense { relu(linear(x, k)) } // wide\nconst k = 8\n";
    let b = "import \"parts.nasrec\" { k }\nop cross(x: dense) -> dense { sigmoid(linear(x, k)) }\n\
             op twice(x: dense) -> dense { cross(cross(x)) }\n";
    let c = "// Of the other folder.\nconst k = [4, 12]\n";
    let entry = format!(
        "import \"a/parts.nasrec\" {{ cross }}\nimport \"b/use.nasrec\" {{ twice }}\nimport \"b/parts.nasrec\"\n{T}\
         space s(widths = k) {{\n  input x: dense\n  width w in widths\n  \
         let d = choose {{ cross(x); twice(x) }}\n  require d == cross implies w <= 4\n  \
         logit = linear(concat(d, linear(x, w)), 1)\n}}\n"
    );
    let number = "const k = 12\n";
    let files = [("a/parts.nasrec", a), ("b/use.nasrec", b), ("b/parts.nasrec", c), (ENTRY, &*entry)];
    let program = Program::load(ENTRY, &Memory::new(files)).0;
    // `k` of `b/parts.nasrec` is a list, which is no width.
    assert!(program.find(ItemKind::Space, "s").is_some_and(|space| program.check_space(&space).is_err()));
    let b = b.replace("\"parts.nasrec\"", "\"number.nasrec\"");
    let files = [
        ("a/parts.nasrec", a),
        ("b/use.nasrec", &*b),
        ("b/parts.nasrec", c),
        ("b/number.nasrec", number),
        (ENTRY, &*entry),
    ];
    let text = bundled(&files, Kept::ButForNames);
    let expected = "\
// Of the other folder.
const k = [4, 12]

const k_2 = 8

/// Ours.
op cross(x: dense) -> dense { relu(linear(x, k_2)) } // wide

const k_3 = 12

op cross_2(x: dense) -> dense { sigmoid(linear(x, k_3)) }

op twice(x: dense) -> dense { cross_2(cross_2(x)) }

space s(widths = k) {
  input x: dense
  width w in widths
  let d = choose { cross(x); twice(x) }
  require d == cross implies w <= 4
  logit = linear(concat(d, linear(x, w)), 1)
}

schema t { label click; dense I[1..2]; sparse C[1..3]: int | modulo(rows: 10) }
";
    assert_eq!(text, expected);
}

#[test]
fn labels_are_kept_and_paths_through_a_renamed_operator_follow_it() {
    let shipped = "import \"std/ctr.nasrec\" { fc }\nop head(x: dense) -> dense = fc(x, 8)\n";
    let own = "op fc(x: dense) -> dense {\n  let e = choose { relu(x); sigmoid(x) }\n  linear(e, 8)\n}\n";
    let entry = format!(
        "import \"heads.nasrec\" {{ head }}\nimport \"own.nasrec\" {{ fc }}\n{T}space s {{\n  input x: dense\n  \
         let d = choose {{ head(x); fc(x) }}\n  let h = relu(fc(d))\n  require d == fc implies d.fc.e == relu\n  \
         require h.fc.e == sigmoid\n  logit = linear(h, 1)\n}}\n"
    );
    let files = [("heads.nasrec", shipped), ("own.nasrec", own), (ENTRY, &*entry)];
    let text = bundled(&files, Kept::ButForNames);
    for part in [
        "let d = choose { head(x); fc: fc_2(x) }",
        "let h = relu(fc_2(d))",
        "require d == fc implies d.fc.e == relu",
        "require h.fc_2.e == sigmoid",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
}

#[test]
fn names_of_the_language_and_of_other_scopes_are_left_to_them() {
    // Not checked where it is imported, an operator may have the name of a primitive.
    let op = "op tanh(x: dense) -> dense = linear(x, 4)\nop bent(x: dense) -> dense = tanh(x)\n";
    let gram = "const gram = 4\nconst y = 8\nop wide(x: dense) -> dense = linear(x, gram + y)\n";
    let entry = format!(
        "import \"op.nasrec\" {{ bent }}\nimport \"gram.nasrec\" {{ wide }}\n{T}space s {{\n  input x: dense\n  \
         input f: categorical\n  let y = lower_triangle(gram(embed(f, 4)))\n  \
         logit = linear(concat(tanh(bent(x)), wide(y)), 1)\n}}\n"
    );
    let text = bundled(&[("op.nasrec", op), ("gram.nasrec", gram), (ENTRY, &*entry)], Kept::ButForNames);
    for part in ["= tanh_2(x)", "const gram_2 = 4", "const y_2 = 8", "linear(x, gram_2 + y_2)", "tanh(bent(x))"] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    assert_eq!(alone(&text).0.lints(&[]), []);
}

#[test]
fn a_file_in_the_place_of_a_shipped_one_is_meant() {
    let schemas = "schema criteo { label click; dense J[1..2]; sparse D[1..2]: int | modulo(rows: 5) }\n";
    let cross = "import \"schemas.nasrec\" { criteo }\nop cross_layer(a: dense, x: dense) -> dense = a + relu(x)\n";
    let entry = "import \"std/cross.nasrec\" { cross_layer }\nimport \"models/dcnv2.nasrec\" { dcnv2 }\n\
                 import \"schemas.nasrec\" { criteo }\nspace s { input x: dense; logit = linear(cross_layer(x, x), 1) }\n";
    // The shipped model goes on with the shipped operator.
    let files = [("schemas.nasrec", schemas), ("std/cross.nasrec", cross), (ENTRY, entry)];
    let (program, _) = Program::load(ENTRY, &Memory::new(files));
    let item = |kind, name| program.find(kind, name).expect("it is there");
    let roots = [item(ItemKind::Space, "s"), item(ItemKind::Space, "dcnv2"), item(ItemKind::Schema, "criteo")];
    assert!(holds(&program, (&roots[0], &roots[2]), 2) == Kept::Plans);
    assert!(holds(&program, (&roots[1], &roots[2]), 2) == Kept::Plans);
    let text = Bundle::of(&program, &roots).expect("it can be written");
    assert!(text.text().contains("sparse D[1..2]") && text.text().contains("op cross_layer_2("), "{}", text.text());
}

#[test]
fn the_name_of_an_architecture_is_free() {
    let entry =
        format!("{T}op best(x: dense) -> dense = relu(x)\nspace s {{ input x: dense; logit = linear(best(x), 1) }}\n");
    let text = bundled(&[(ENTRY, &*entry)], Kept::Plans);
    assert!(text.starts_with("op best("), "{text}");
    let program = load(&[(ENTRY, &*entry)]);
    let bundle = Bundle::of(&program, &program.items()).expect("it can be written");
    assert_eq!(
        (bundle.free("best"), bundle.free("first"), bundle.free("relu")),
        ("best_2".into(), "first".into(), "relu_2".into())
    );
    let source = ArchSource {
        name: "best",
        docs: Vec::new(),
        imports: Vec::new(),
        items: String::new(),
        space: "s",
        arguments: &[],
        schema: Some("t"),
    };
    let file = bundle.with_arch(source, &Architecture::new(Vec::new())).expect("it is sound");
    assert!(file.ends_with("\narch best_2 of s with t { }\n"), "{file}");
}

/// The arguments of a search may name what its file defines; as part of a space they do not.
#[test]
fn arguments_do_not_need_the_file_that_wrote_them() {
    let base = "import \"spaces.nasrec\" { s, t }\nconst few = [4, 2 * 4]\nconst most = 3\nconst flag = off\nconst some = 1..most\n\
                search base on s(widths: few, n: max(most, 2), normalise: flag, counts: some, plain: [1_6, 8]) with t { data { files: \"x\" } }\n";
    let spaces = format!(
        "{T}space s(widths = [8], n = 1, counts = 1..2, plain = [8]) {{\n  input x: dense\n  width w in widths\n  \
         width c in counts\n  width p in plain\n  logit = linear(concat(linear(x, w * n), linear(x, c), linear(x, p)), 1)\n}}\n"
    );
    let entry = "import \"a/base.nasrec\" { base }\nsearch mine extends base { seed: 2 }\n";
    let program = load(&[(ENTRY, entry), ("a/base.nasrec", base), ("a/spaces.nasrec", &*spaces)]);
    let item = program.items().remove(0);
    let search = program.search(&item, &[]).expect("it is sound");
    let given: Vec<String> = search.space.arguments.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    assert_eq!(given, ["normalise: off", "widths: [4, 8]", "n: 3", "counts: 1..3", "plain: [1_6, 8]"]);

    let (space, schema) = program.searched_items(&item).expect("it has both, in files that the entry does not import");
    let bundle = Bundle::of(&program, &[space, schema]).expect("it can be written");
    let bound = Space::bind(&search.space, &search.schema).expect("it fits");
    let drawn = bound.sample(Counts::Uniform, &mut Streams::new(1).rng("bundles", 1));
    let source = ArchSource {
        name: "best",
        docs: Vec::new(),
        imports: Vec::new(),
        items: String::new(),
        space: "s",
        arguments: &search.space.arguments,
        schema: Some("t"),
    };
    let file = bundle.with_arch(source, &drawn).expect("it is sound");
    let (read, found) = alone(&file);
    assert_eq!(found, [], "{file}");
    let arch = read.arch(read.items().last().expect("it is there")).expect("it was checked");
    let again = Space::bind(&arch.space, &search.schema).expect("it fits");
    assert_eq!(again.plan(&arch.architecture), bound.plan(&drawn), "{file}");
}
