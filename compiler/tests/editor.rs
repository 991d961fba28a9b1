//! The index of names, and what is asked of it, without a protocol.

use nasrec_compiler::Program;
use nasrec_compiler::editor::{Analysis, Project, hints, hover, outline};
use nasrec_compiler::library;
use nasrec_compiler::loader::{Memory, Shipped};
use nasrec_compiler::names::{FileIndex, Index, Kind, Meaning};

fn memory(text: &str) -> Memory {
    Memory::new([("test.nasrec", text)])
}

fn index(text: &str) -> (Program, Index) {
    let (program, _) = Program::load("test.nasrec", &memory(text));
    let index = Index::new(&program);
    (program, index)
}

/// Where the definition starts of the name that ends where `before` does.
fn defined(text: &str, before: &str) -> Option<(Kind, usize)> {
    let (program, index) = index(text);
    let at = text.find(before).expect("it is there") + before.len();
    match index.at(program.entry()?, at)?.0 {
        Meaning::Symbol(symbol) => {
            let definition = index.definition(symbol);
            Some((definition.kind, definition.span.start))
        }
        _ => None,
    }
}

fn place(text: &str, part: &str) -> usize {
    text.find(part).expect("it is there")
}

#[test]
fn inner_names_hide_outer_ones_from_their_end_on() {
    let text = "op f(x: dense) -> dense {\n  let y = relu(x)\n  let x2 = if on { let y = relu(y); y } else { y }\n  x2 + y\n}\n";
    let outer = place(text, "y = relu(x)");
    let inner = place(text, "y = relu(y)");
    assert_eq!(defined(text, "relu(y"), Some((Kind::Let, outer)), "a value does not see its own name");
    assert_eq!(defined(text, "relu(y); y"), Some((Kind::Let, inner)));
    assert_eq!(defined(text, "else { y"), Some((Kind::Let, outer)));
    assert_eq!(defined(text, "x2 + y"), Some((Kind::Let, outer)));
    assert_eq!(defined(text, "let y = relu(x"), Some((Kind::OpParam, place(text, "x: dense"))));
}

#[test]
fn shared_calls_numbers_and_blocks_of_their_own_are_known() {
    let text = "/// A cell.\nblock cell(widths) {\n  width w in widths\n  let d = relu(earlier.one)\n  out one = linear(d, w)\n}\n\n\
                space s {\n  input a: dense\n  shared p = linear(_, 8)\n  block b[i in 1..2] of cell(widths: [8 * i]) after stem { one = p(a) }\n  \
                block c[j in 1..2] { width v in [j, 8]\n let e = choose { relu(a); sigmoid(a) }\n out two = linear(e, v * j) }\n  \
                require all(c[k].v <= k for k in 1..2) implies c[1].e == relu\n  \
                logit = linear(p(a), 1)\n}\n\ntest s { raw(s) == 1 }\n";
    assert_eq!(defined(text, "logit = linear(p"), Some((Kind::Shared, place(text, "p = linear"))));
    assert_eq!(defined(text, "of cell"), Some((Kind::Pattern, place(text, "cell(widths)"))));
    assert_eq!(defined(text, "of cell(widths"), Some((Kind::SpaceParam, place(text, "widths) {"))));
    assert_eq!(defined(text, "width w in widths"), Some((Kind::SpaceParam, place(text, "widths) {"))));
    assert_eq!(defined(text, "linear(d, w"), Some((Kind::Width, place(text, "w in widths"))));
    assert_eq!(defined(text, "v * j"), Some((Kind::Number, place(text, "j in 1..2"))));
    assert_eq!(defined(text, "all(c[k"), Some((Kind::Number, place(text, "k in 1..2"))));
    assert_eq!(defined(text, "<= k"), Some((Kind::Number, place(text, "k in 1..2"))));
    assert_eq!(defined(text, "c[k].v"), Some((Kind::Width, place(text, "v in [j"))));
    assert_eq!(defined(text, "c[1].e"), Some((Kind::Let, place(text, "e = choose"))));
    assert_eq!(defined(text, "raw(s"), Some((Kind::Space, place(text, "s {\n  input"))));
    let (program, index) = index(text);
    let names: Vec<(Kind, String)> =
        outline(index.file(program.entry().expect("read"))).into_iter().map(|item| (item.kind, item.name)).collect();
    let expected = [(Kind::Pattern, "cell"), (Kind::Space, "s"), (Kind::Test, "s")];
    assert_eq!(names, expected.map(|(kind, name)| (kind, name.to_owned())));
}

#[test]
fn turns_blocks_stems_and_outputs_are_known() {
    let text = "space s {\n  input a: dense\n  let r = repeat 1..2 from a as h { let z = relu(h); z }\n  \
                block b[1..2] after stem { one = a } {\n    let q = concat(pick 1 from earlier.one, stem.one)\n    \
                out one = q\n    out two = q\n  }\n  logit = linear(b[2].two + b[1].one, 1)\n}\n";
    assert_eq!(defined(text, "relu(h"), Some((Kind::Turn, place(text, "h {"))));
    let one = Some((Kind::Out, place(text, "one = a")));
    assert_eq!(defined(text, "earlier.one"), one);
    assert_eq!(defined(text, "stem.one"), one);
    assert_eq!(defined(text, "b[1].one"), one, "an output continues the stem's part of its name");
    assert_eq!(defined(text, "b[2].two"), Some((Kind::Out, place(text, "two = q"))));
    assert_eq!(defined(text, "linear(b"), Some((Kind::Block, place(text, "b[1..2]"))));
    assert_eq!(defined(text, "out one = q"), Some((Kind::Let, place(text, "q = concat"))));
}

#[test]
fn what_a_turn_is_given_is_known_whatever_the_first_one_is_given() {
    let text = "space s {\n  input a: dense\n  let r = repeat i in 1..2 from if a.width > 2 { a } else if a.width > 1 { a } else { a + a } as h { relu(h) * i }\n  \
                let t = repeat 2 from choose { one: a; other: { let b = a + a; b } } as g { relu(g) }\n  logit = linear(r + t, 1)\n}\n";
    assert_eq!(defined(text, "relu(h"), Some((Kind::Turn, place(text, "h { relu"))));
    assert_eq!(defined(text, "* i"), Some((Kind::Number, place(text, "i in 1..2"))));
    assert_eq!(defined(text, "relu(g"), Some((Kind::Turn, place(text, "g { relu"))));
    assert_eq!(defined(text, "a + a; b"), Some((Kind::Let, place(text, "b = a + a"))));
}

#[test]
fn what_an_input_reads_is_no_name_of_the_space() {
    let text = "schema t {\n  label y\n  user { sparse user: int | vocabulary; dense age }\n  item {\n    sparse item: int | vocabulary\n  }\n  \
                dense price\n}\nspace s {\n  input user: categorical from user, C[1..2]\n  input price: dense from price\n  \
                logit = linear(concat(price, flatten(embed(user, 8))), 1)\n}\n";
    assert_eq!(defined(text, "embed(user"), Some((Kind::Input, place(text, "user: categorical"))));
    assert_eq!(defined(text, "concat(price"), Some((Kind::Input, place(text, "price: dense"))));
    assert_eq!(defined(text, "from user"), None);
    assert_eq!(defined(text, "dense from price"), None);
    let (program, index) = index(text);
    let file = index.file(program.entry().expect("read"));
    let columns = file.definitions.iter().filter(|known| known.kind == Kind::Column).map(|known| known.name.as_str());
    assert_eq!(columns.collect::<Vec<_>>(), ["y", "user", "age", "item", "price"]);
}

#[test]
fn choices_of_an_architecture_lead_to_the_space() {
    let text = "import \"std/ctr.nasrec\" { fc }\nspace s {\n  input a: dense\n  width w in [8, 16]\n  let d = choose { fc(a, w); two: \
                { let e = choose { fc(a, w); m: relu(linear(a, w)) }; e } }\n  logit = linear(d, 1)\n}\n\
                arch one of s {\n  w: 8\n  d: two\n  d.two.e: m\n}\n";
    assert_eq!(defined(text, "{\n  w"), Some((Kind::Width, place(text, "w in"))));
    assert_eq!(defined(text, "w: 8\n  d"), Some((Kind::Let, place(text, "d = "))));
    assert_eq!(defined(text, "  d: two"), Some((Kind::Alternative, place(text, "two: "))));
    assert_eq!(defined(text, "d.two.e"), Some((Kind::Let, place(text, "e = "))));
    assert_eq!(defined(text, "d.two.e: m"), Some((Kind::Alternative, place(text, "m: relu"))));
}

#[test]
fn a_missing_bracket_costs_little() {
    let text = "space s {\n  input a: dense\n  let x = concat(a, (a\n  let y = relu(x)\n  logit = linear(y, 1\n\n\
                op g(x: dense) = relu(x)\nspace t { input c: dense; logit = linear(g(c), 1) }\n";
    assert_eq!(defined(text, "relu(x"), Some((Kind::Let, place(text, "x = concat"))));
    assert_eq!(defined(text, "linear(y"), Some((Kind::Let, place(text, "y = relu"))));
    assert_eq!(defined(text, "linear(g"), Some((Kind::Op, place(text, "g(x"))));
    let names: Vec<String> = outline(&FileIndex::new(text)).into_iter().map(|one| one.name).collect();
    assert_eq!(names, ["s", "g", "t"]);
}

/// Found by the fuzzer: a bracket is expected where the text ends, and the walk went one token too far.
#[test]
fn an_item_that_ends_where_a_bracket_is_expected_has_an_index() {
    for start in ["space", "idock", "op", "block"] {
        for end in
            ["import", "fc(", "choose", "repeat 2 from x", "for", "block b[1]", "earlier.", "schema", "arch a of"]
        {
            index(&format!(
                "import \"std/ctr.nasrec\" {{ fc }}\n{start} s {{ input numeric: dense\n logit = fc(numeric, {end}"
            ));
            index(&format!("{start} {end}"));
        }
    }
}

#[test]
fn every_prefix_of_every_shipped_file_has_an_index() {
    for (_, text) in library::FILES {
        for end in (0..text.len()).step_by(53).filter(|&end| text.is_char_boundary(end)) {
            let index = FileIndex::new(&text[..end]);
            assert!(index.definitions.iter().all(|d| d.extent.start <= d.span.start && d.span.end <= d.extent.end));
        }
    }
}

/// What is not understood here is a hole of the index: the shipped files use every name that they name.
#[test]
fn every_name_in_the_shipped_files_is_understood() {
    for (path, _) in library::FILES {
        let (program, findings) = Program::load(path, &Shipped);
        assert!(findings.is_empty(), "{path}: {findings:?}");
        let (index, entry) = (Index::new(&program), program.entry().expect("it was read"));
        for (at, used) in index.file(entry).uses.iter().enumerate() {
            assert!(
                index.meaning(entry, at).is_some(),
                "{path}: `{}` ({:?}) means nothing; a keyword belongs into `WORDS` in names/walk/expressions.rs",
                used.name,
                used.role
            );
        }
    }
}

#[test]
fn shapes_hold_over_all_choices() {
    let text = "import \"std/ctr.nasrec\" { fc }\nspace s {\n  input a: dense\n  width w in [8, 16]\n  let x = concat(fc(a, w), a)\n  \
                let d = choose { fc(a, 4); two: fc(a, 6) }\n  let n = w * 2\n  let e = concat(maybe fc(a, 3), d)\n  \
                logit = linear(concat(x, e), 1)\n}\nop g(x: dense, s: sparse) = linear(x, s.dim + 1)\n\
                op h(x: dense) { let y = linear(x, 2 * x.width); y }\n";
    let analysis = Analysis::new("test.nasrec", &memory(text));
    assert!(analysis.diagnostics.is_empty(), "{:?}", analysis.diagnostics);
    let shown: Vec<String> = hints(&analysis)
        .into_iter()
        .map(|hint| format!("{}{}", &text[..hint.at].rsplit(' ').next().expect("a name"), hint.text))
        .collect();
    assert_eq!(shown, ["x: dense[a.width + w]", "d: dense[4..6]", "e: dense[4..9]", "y: dense[2 * x.width]"]);
}

#[test]
fn a_local_that_would_be_captured_is_not_renamed() {
    let text = "const k = 4\nop f(x: dense) -> dense {\n  let y = linear(x, k)\n  y\n}\n";
    let project = Project::new(&["test.nasrec".to_owned()], &memory(text));
    let at = place(text, "y = linear");
    let refused = project.rename("test.nasrec", at, "k").expect_err("`k` is used there");
    assert!(refused.contains("constant"), "{refused}");
    let of_const = project.rename("test.nasrec", place(text, "k = 4"), "y").map(|_| ());
    assert_eq!(of_const, Ok(()), "`y` is not named before it is there");
    assert_eq!(project.rename("test.nasrec", at, "z").map(|places| places.len()), Ok(2));
}

/// What a model costs is what `nasrecc cost` says: products of matrices, all arithmetic, and parameters.
#[test]
fn hover_tells_what_a_model_costs() {
    let text = "schema t {\n  label click\n  dense I[1..3]\n}\n\nspace s {\n  input x: dense\n  \
                let h = choose { relu: relu(linear(x, 4)); tanh: tanh(linear(x, 2)) }\n  logit = linear(h, 1)\n}\n\n\
                arch a of s with t {\n  h: relu\n}\n";
    let memory = memory(text);
    let analysis = Analysis::new("test.nasrec", &memory);
    let file = analysis.entry().expect("it is read");
    let (said, _) = hover(&analysis, &memory, file, place(text, "a of s")).expect("a name");
    // 12 products and 4 of the logit; of each sum one addition less than products, and one for its bias; 4 comparisons.
    assert!(said.contains("16 MACs a sample, 36 operations in all; 21 dense and 0 embedding parameters."), "{said}");
}
