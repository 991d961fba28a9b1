//! Whatever it is given, the compiler answers, soon, and in words: no panic, no overflow of the stack, no endless work.

use std::time::{Duration, Instant};

use nasrec_compiler::diagnostics::{Code, Diagnostic, FileId};
use nasrec_compiler::format::format_source;
use nasrec_compiler::library::FILES;
use nasrec_compiler::loader::Shipped;
use nasrec_compiler::streams::Streams;
use nasrec_compiler::{ItemKind, Program, Space};
use rand::RngExt;

use crate::laws;
use crate::memory::{ENTRY, Memory, check};

/// More than any answer takes, several tests at a time on a slow machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Loads and checks a file, and binds what is sound.
fn answer(text: &str) -> Vec<Diagnostic> {
    let start = Instant::now();
    let (program, diagnostics) = check(text);
    laws::places_exist(&diagnostics, &program.sources);
    let schema = "import \"schemas.nasrec\" { criteo }";
    let (schemas, _) = Program::load(ENTRY, &Memory::new([(ENTRY, schema)]));
    let criteo = schemas.visible(ItemKind::Schema).into_iter().find(|item| item.name == "criteo").expect("it ships");
    let criteo = schemas.schema(&criteo).expect("it is sound");
    for item in program.items().iter().filter(|item| item.kind == ItemKind::Space) {
        if let Ok(checked) = program.check_space(item)
            && let Ok(space) = Space::bind(&checked, &criteo)
        {
            let mut rng = Streams::new(1).rng("robustness", 0);
            let architecture = space.sample(nasrec_compiler::recipe::Counts::Uniform, &mut rng);
            // A plan or a reason: neither is a panic.
            drop(space.plan(&architecture));
        }
    }
    let took = start.elapsed();
    assert!(took < PATIENCE, "{took:?} for {} bytes, starting {:?}", text.len(), text.get(..200));
    diagnostics
}

fn codes(text: &str) -> Vec<Code> {
    let mut codes: Vec<Code> = answer(text).iter().map(|diagnostic| diagnostic.code).collect();
    codes.dedup();
    codes
}

/// A space of these statements.
fn space(statements: &str) -> String {
    format!(
        "space s {{\n  input numeric: dense\n  input fields: categorical\n{statements}\n  logit = linear(numeric, 1)\n}}\n"
    )
}

#[test]
fn mutated_files_are_answered() {
    let streams = Streams::new(7);
    let words: Vec<&str> = FILES.iter().flat_map(|(_, text)| text.split_whitespace()).collect();
    for round in 0..2_500u64 {
        let mut rng = streams.rng("mutations", round);
        let (_, source) = FILES[rng.random_range(0..FILES.len())];
        let mut text = source.to_owned();
        for _ in 0..rng.random_range(1..6) {
            let cut = |rng: &mut rand_chacha::ChaCha8Rng, text: &str| {
                let mut at = rng.random_range(0..=text.len());
                while !text.is_char_boundary(at) {
                    at -= 1;
                }
                at
            };
            let (a, b) = (cut(&mut rng, &text), cut(&mut rng, &text));
            let (a, b) = (a.min(b), a.max(b));
            match rng.random_range(0..7) {
                0 => text.truncate(a),
                1 => text.replace_range(a..b.min(a + 40).max(a), ""),
                2 => {
                    let copy = text[a..b].to_owned();
                    text.insert_str(a, &copy[..cut(&mut rng, &copy).min(copy.len())]);
                }
                3 => text.insert_str(a, words[rng.random_range(0..words.len())]),
                4 => text
                    .insert(a, ['{', '}', '(', ')', '[', ']', '"', '\n', ';', '…', '0', '.'][rng.random_range(0..12)]),
                5 => {
                    let (_, other) = FILES[rng.random_range(0..FILES.len())];
                    let (c, d) = (cut(&mut rng, other), cut(&mut rng, other));
                    text.insert_str(a, &other[c.min(d)..c.max(d)]);
                }
                _ => {
                    let from = words[rng.random_range(0..words.len())];
                    text = text.replacen(from, words[rng.random_range(0..words.len())], 2);
                }
            }
        }
        answer(&text);
    }
}

#[test]
fn token_soup_is_answered() {
    const TOKENS: [&str; 64] = [
        "import",
        "op",
        "space",
        "schema",
        "search",
        "arch",
        "block",
        "input",
        "width",
        "let",
        "out",
        "logit",
        "choose",
        "pick",
        "from",
        "maybe",
        "if",
        "else",
        "earlier",
        "with",
        "of",
        "on",
        "off",
        "in",
        "after",
        "and",
        "or",
        "not",
        "step",
        "baseline",
        "nasrec 1",
        "x",
        "y",
        "relu",
        "linear",
        "concat",
        "dense",
        "sparse",
        "(",
        ")",
        "{",
        "}",
        "[",
        "]",
        ",",
        ";",
        ":",
        "=",
        "==",
        "<=",
        "+",
        "-",
        "*",
        "/",
        ".",
        "..",
        "->",
        "|",
        "\n",
        "\n",
        "7",
        "1.5e3",
        "\"std/ctr.nasrec\"",
        "20%",
    ];
    let streams = Streams::new(8);
    for round in 0..3_000u64 {
        let mut rng = streams.rng("soup", round);
        let mut text = String::from(if round % 2 == 0 { "space s {\n" } else { "" });
        for _ in 0..rng.random_range(1..120) {
            text.push_str(TOKENS[rng.random_range(0..TOKENS.len())]);
            text.push(' ');
        }
        answer(&text);
    }
}

#[test]
fn random_bytes_are_answered() {
    let streams = Streams::new(9);
    for round in 0..500u64 {
        let mut rng = streams.rng("bytes", round);
        let bytes: Vec<u8> = (0..rng.random_range(0..400)).map(|_| rng.random()).collect();
        answer(&String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn nesting_is_bounded() {
    for (open, close) in [("(", ")"), ("[", "]"), ("relu(", ")"), ("if on { ", " } else { 1 }"), ("choose { a: ", " }")]
    {
        for depth in [8, 60, 64, 65, 1_000, 100_000] {
            let text = space(&format!("  let x = {}numeric{}", open.repeat(depth), close.repeat(depth)));
            let codes = codes(&text);
            assert!(depth < 65 || codes == [Code::TooLarge], "{open} {depth}: {codes:?}");
        }
    }
    assert_eq!(codes(&space(&format!("  let x = {}numeric", "pick 1 from ".repeat(100_000)))), [Code::TooLarge]);
    assert_eq!(codes(&space(&format!("  let x = {}", "if ".repeat(100_000)))), [Code::TooLarge]);
    let blocks = format!("{}{}", "block b[1..2] {\n".repeat(100_000), "}\n".repeat(100_000));
    assert_eq!(codes(&space(&blocks)), [Code::TooLarge]);
}

#[test]
fn long_expressions_are_bounded() {
    for operator in [" + ", " * ", " and ", " == "] {
        let text = space(&format!("  let x = {}", vec!["numeric"; 10_000].join(operator)));
        assert_eq!(codes(&text), [Code::TooLarge], "{operator}");
    }
    assert_eq!(codes(&space(&format!("  let x = {} on", "not ".repeat(10_000)))), [Code::TooLarge]);
    assert_eq!(codes(&space(&format!("  let x = {}1", "- ".repeat(10_000)))), [Code::TooLarge]);
    assert_eq!(codes(&space(&format!("  let x = numeric{}", ".width".repeat(10_000)))), [Code::TooLarge]);
    let chain = "if numeric.width == 3 { 1 } else ".repeat(5_000);
    assert_eq!(codes(&space(&format!("  let x = {chain}{{ 1 }}"))), [Code::TooLarge]);
    let chain = "if numeric.width == 3 { 1 } else ".repeat(60);
    assert_eq!(codes(&space(&format!("  let x = {chain}{{ 1 }}"))), []);
    let sum = vec!["numeric"; 100].join(" + ");
    assert_eq!(codes(&space(&format!("  let x = {sum}"))), []);
}

#[test]
fn huge_numbers_are_sizes_that_cannot_be() {
    for size in ["1e300", "99999999999999999999999", "17_000_000", "1e999", "9G * 9G", "0 * 1e300 * 1e300", "-1"] {
        let codes = codes(&space(&format!("  let x = linear(numeric, {size})")));
        assert!(codes == [Code::Size], "{size}: {codes:?}");
    }
    assert_eq!(codes(&space("  width w in [1e18]")), [Code::Size]);
    assert_eq!(codes(&space("  width w in 1..1e12")), [Code::Kind]);
    assert_eq!(codes(&space("  let x = concat(pick 1..1e12 from [numeric, numeric])")), []);
    assert_eq!(codes(&space("  let x = concat(pick 1e12..1e13 from [numeric, numeric])")), [Code::Pick]);
    let many = vec!["numeric"; 1000].join(", ");
    assert_eq!(codes(&space(&format!("  let x = concat(pick 1..4 from [{many}])"))), [Code::TooLarge]);
}

#[test]
fn a_million_instances_are_too_many() {
    let block = "  block b[1..1_000_000] after stem { dense = numeric } {\n    out dense = linear(numeric, 4)\n  }";
    assert_eq!(codes(&space(block)), [Code::TooLarge]);
    let sixty_four = block.replace("1_000_000", "64");
    assert_eq!(codes(&space(&sixty_four)), []);
}

#[test]
fn sizes_that_outgrow_everything_are_refused() {
    // Each doubles the width before: beyond any memory after a few dozen.
    let mut doubling = String::from("  let x0 = numeric\n");
    let mut squares = String::from("  width w0 in [2, 4]\n");
    let mut chain = String::from("  width w0 in [2, 4]\n");
    for i in 1..2_000 {
        doubling.push_str(&format!("  let x{i} = concat(x{}, x{})\n", i - 1, i - 1));
        squares.push_str(&format!("  let w{i} = max(w{} * w{}, w{} + {i})\n", i - 1, i - 1, i - 1));
        chain.push_str(&format!("  let w{i} = round(sqrt(w{} + {i}))\n", i - 1));
    }
    assert_eq!(codes(&space(&doubling)), [Code::TooLarge]);
    assert_eq!(codes(&space(&squares)), [Code::TooLarge]);
    assert_eq!(codes(&space(&chain)), [Code::TooLarge]);
    let short: String = squares.lines().take(60).map(|line| format!("{line}\n")).collect();
    let used = format!("{short}  let y = linear(numeric, w58)");
    assert_eq!(codes(&space(&used)), [Code::Size], "a size of 2^(2^58)");
    let conditions: String =
        (1..1_500).map(|i| format!("  let c{i} = (c{j} and w > {i}) or (c{j} and w < {i})\n", j = i - 1)).collect();
    let conditions = format!("  width w in [2, 4]\n  let c0 = w == 2\n{conditions}");
    assert_eq!(codes(&space(&conditions)), [Code::TooLarge]);
}

#[test]
fn thousands_of_lets_are_fine() {
    let mut text = String::from("  let x0 = linear(numeric, 8)\n");
    for i in 1..5_000 {
        text.push_str(&format!("  let x{i} = relu(x{})\n", i - 1));
    }
    assert_eq!(codes(&space(&text)), []);
}

#[test]
fn a_hundred_thousand_lines_are_answered() {
    let one = |line: &str| space(&format!("  {line}\n").repeat(100_000));
    assert!(!codes(&one("let x = linear(numeric, 8)")).is_empty());
    assert!(!codes(&one("lte x = 3")).is_empty());
    assert!(!codes(&one("let x = y")).is_empty());
    assert!(!codes(&one(")")).is_empty());
    assert_eq!(codes(&one("")), []);
    assert_eq!(codes(&one("// nothing")), []);
    let distinct: String = (0..100_000).map(|i| format!("  width w{i} in [1, 2]\n")).collect();
    drop(answer(&space(&distinct)));
    let unknown: String = (0..100_000).map(|i| format!("  let x{i} = y{i}\n")).collect();
    assert_eq!(codes(&space(&unknown)), [Code::UnknownName]);
    let items: String = (0..100_000).map(|i| format!("op f{i}(x: dense) = relu(x)\n")).collect();
    assert_eq!(codes(&items), []);
}

#[test]
fn operators_that_multiply_are_bounded() {
    let ops = |body: &dyn Fn(usize) -> String| -> String {
        (1..60).map(|i| format!("op f{i}(x: dense, w: size) = {}\n", body(i - 1))).collect()
    };
    let nodes = ops(&|below| format!("f{below}(f{below}(x, w), w)"));
    let text = format!("op f0(x: dense, w: size) = relu(x)\n{nodes}{}", space("  let x = f59(numeric, 8)"));
    assert!(codes(&text).contains(&Code::TooLarge));
    let sizes: String = (1..60).map(|i| format!("op g{i}(w: size) = g{j}(w) + g{j}(w)\n", j = i - 1)).collect();
    let text = format!("op g0(w: size) = w + w\n{sizes}{}", space("  let x = linear(numeric, g59(8))"));
    assert!(codes(&text).contains(&Code::TooLarge));
    let deep: String = (1..3_000).map(|i| format!("op h{i}(x: dense) = h{}(x)\n", i - 1)).collect();
    let text = format!("op h0(x: dense) = relu(x)\n{deep}{}", space("  let x = h2999(numeric)"));
    assert!(codes(&text).contains(&Code::TooLarge));
}

#[test]
fn recursion_and_cycles_are_named() {
    assert_eq!(codes("op f(x: dense) = relu(f(x))"), [Code::Recursion]);
    assert_eq!(codes("op f(x: dense) = g(x)\nop g(x: dense) = h(x)\nop h(x: dense) = f(x)"), [Code::Recursion]);
    assert_eq!(codes("op f(x: dense, w: size = f(x)) = linear(x, w)"), [Code::Recursion]);
    let files = [
        ("a.nasrec", "import \"b.nasrec\"\nop a(x: dense) = b(x)"),
        ("b.nasrec", "import \"c.nasrec\"\nop b(x: dense) = c(x)"),
        ("c.nasrec", "import \"a.nasrec\"\nimport \"c.nasrec\"\nop c(x: dense) = relu(x)"),
    ];
    let (program, mut diagnostics) = Program::load("a.nasrec", &Memory::new(files));
    diagnostics.extend(program.check());
    let codes: Vec<Code> = diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
    assert_eq!(codes, [Code::ImportCycle, Code::ImportCycle], "{diagnostics:?}");
}

#[test]
fn a_long_chain_of_imports_is_read() {
    let files: Vec<(String, String)> = (0..500)
        .map(|i| (format!("f{i}.nasrec"), format!("import \"f{}.nasrec\"\nop o{i}(x: dense) = relu(x)", i + 1)))
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let (_, diagnostics) = Program::load("f0.nasrec", &Memory::new(files));
    let codes: Vec<Code> = diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
    assert_eq!(codes, [Code::Import], "only the last one is missing");
}

/// A space of so many widths, each 8 or 16, that requires this.
fn widths(count: usize, required: &str) -> String {
    let widths: String = (0..count).map(|i| format!("  width w{i} in [8, 16]\n")).collect();
    space(&format!("{widths}  {required}"))
}

#[test]
fn requirements_that_couple_everything_are_bounded() {
    let joined =
        |count: usize, join: &str, each: &dyn Fn(usize) -> String| (0..count).map(each).collect::<Vec<_>>().join(join);
    // Each part was looked at twice for every part around it.
    let equal = joined(40, " == ", &|i| format!("(w{i} == 8)"));
    // Every subset has a sum, and a product, of its own.
    let sum = joined(40, " + ", &|i| format!("w{i} * {}.37", i * i + 3));
    let product = joined(40, " * ", &|i| format!("(w{i} + {i})"));
    for required in [
        format!("require {equal}"),
        format!("require {sum} <= 40_000"),
        format!("require {product} > 1e40"),
        format!("require {product} == 0.5"),
        // A sum of very many terms was written out once for each of them.
        "require sum(round(w0 / i) for i in 1..60_000) > 7".to_owned(),
        "require all(w0 * i * j >= 1 for i in 1..60_000 for j in 1..60_000)".to_owned(),
        "require all(on for i in 1..60_000 for j in [])".to_owned(),
    ] {
        drop(answer(&widths(40, &required)));
    }
    let list = joined(1_900, ", ", &|i| format!("w{i}"));
    assert_eq!(codes(&widths(1_900, &format!("require sum(w for w in [{list}]) <= 20_000"))), []);
    assert_eq!(codes(&widths(1_900, &format!("require all(w == 8 for w in [{list}])"))), [Code::TooLarge]);
    let chain = joined(1_899, "\n  ", &|i| format!("require w{i} == 8 implies w{} == 8", i + 1));
    assert_eq!(codes(&widths(1_900, &chain)), []);
    assert_eq!(codes(&space("  width v in 1..20_000\n  width w in 1..20_000\n  require v <= w")), []);
}

/// Loads, checks and lints a file in a time that a person waits for; its codes.
fn soon(what: &str, text: &str) -> Vec<Code> {
    let start = Instant::now();
    let (program, mut found) = Program::load(ENTRY, &Memory::new([(ENTRY, text)]));
    found.extend(program.check());
    found.extend(program.lints(&found));
    // Many times what each takes, on a slow machine that does other things too, and a fraction of what each took before.
    assert!(start.elapsed() < Duration::from_secs(60), "{what}: {:?}", start.elapsed());
    let mut codes: Vec<Code> = found.iter().map(|found| found.code).collect();
    codes.dedup();
    codes
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(|i| line(i) + "\n").collect()
}

#[test]
fn what_is_asked_twice_is_answered_once() {
    // Each is written with the one before twice: two to the number of them.
    let squares =
        lines(120, |i| if i == 0 { "const c0 = 3".to_owned() } else { format!("const c{i} = c{0} * c{0}", i - 1) });
    assert_eq!(soon("squares", &squares), []);
    let lists =
        lines(120, |i| if i == 0 { "const c0 = [1]".to_owned() } else { format!("const c{i} = [c{0}, c{0}]", i - 1) });
    assert_eq!(soon("lists", &lists), []);
    let wrong =
        lines(120, |i| if i == 0 { "const c0 = 1 / 0".to_owned() } else { format!("const c{i} = c{0} * c{0}", i - 1) });
    assert_eq!(soon("squares of a mistake", &wrong), [Code::Size]);
    // Used from elsewhere, too.
    let used = format!("{squares}{}", space("  let x = linear(numeric, c3)"));
    assert_eq!(soon("a use of squares", &used), [Code::Unused]);
}

#[test]
fn what_is_looked_up_is_not_looked_for() {
    let unused = [Code::Unused];
    assert_eq!(soon("lets", &space(&lines(100_000, |i| format!("  let x{i} = {i}")))), unused);
    assert_eq!(
        soon("widths", &space(&lines(40_000, |i| format!("  width w{i} in [1, 2]")))),
        [Code::Unused, Code::DeadWidth]
    );
    let ifs = lines(20_000, |i| format!("  let x{i} = if w == {i} {{ 1 }} else {{ 2 }}"));
    drop(soon("ifs", &space(&format!("  width w in [2, 4]\n{ifs}"))));
    // A requirement sees what its place saw, without a copy of it.
    let between = lines(20_000, |i| format!("  let x{i} = {i}\n  require w < {}", i + 5));
    drop(soon("requirements", &space(&format!("  width w in [1, 2]\n{between}"))));
    let chosen = lines(8_000, |i| format!("  let x{i} = choose {{ a: relu(numeric); b: numeric }}"));
    drop(soon("alternatives", &space(&chosen)));
    let params = (0..40_000).map(|i| format!("a{i}: size")).collect::<Vec<_>>().join(", ");
    let args = (0..40_000).map(|i| format!("a{i}: 1")).collect::<Vec<_>>().join(", ");
    let call = space(&format!("  let _x = f({args})"));
    drop(soon("arguments", &format!("op f({params}) = 1\n{call}")));
    let parameters = (0..40_000).map(|i| format!("a{i} = 1")).collect::<Vec<_>>().join(", ");
    drop(soon("parameters", &format!("space s({parameters}) {{\n  input x: dense\n  logit = linear(x, 1)\n}}\n")));
    let alternatives = lines(60_000, |i| format!("a{i}: numeric"));
    assert_eq!(
        soon("too many alternatives", &space(&format!("  let x = choose {{\n{alternatives}}}"))),
        [Code::TooLarge]
    );
    let outs = lines(2_000, |i| format!("    out o{i} = numeric"));
    let block = space(&format!("  block b[1..64] {{\n{outs}  }}"));
    assert_eq!(soon("outputs", &block), [Code::TooLarge]);
    let long = "a".repeat(300_000);
    assert_eq!(soon("long names", &space(&format!("  let {long} = 1\n  let x = {long}b"))), [Code::UnknownName]);
}

#[test]
fn what_all_items_of_a_file_take_is_bounded() {
    // Each operator is within its limits, and there are many.
    let chain = lines(14, |i| {
        if i == 0 { "op f0(x: size) = x".to_owned() } else { format!("op f{i}(x: size) = f{0}(x) + f{0}(x)", i - 1) }
    });
    let many = lines(5_000, |i| format!("op g{i}(x: size) = f13(x)"));
    assert_eq!(soon("operators", &format!("{chain}{many}")), [Code::TooLarge]);
    // The terms of sums of ever more sizes.
    let sums = lines(20_000, |i| match i {
        0 => "  width w0 in [1, 2]\n  let s0 = w0".to_owned(),
        _ => format!("  width w{i} in [1, 2]\n  let s{i} = s{} + w{i}", i - 1),
    });
    assert_eq!(soon("sums", &space(&sums)), [Code::TooLarge]);
}

#[test]
fn imports_of_one_file_cost_what_one_costs() {
    let library = lines(20_000, |i| format!("op f{i}(x: dense) = relu(x)"));
    let names = (0..20_000).map(|i| format!("f{i}")).collect::<Vec<_>>().join(", ");
    let missing = (0..20_000).map(|i| format!("g{i}")).collect::<Vec<_>>().join(", ");
    let start = Instant::now();
    let load = |text: &str| {
        let (program, mut found) = Program::load(ENTRY, &Memory::new([(ENTRY, text), ("lib.nasrec", &library)]));
        found.extend(program.lints(&found));
        found.first().map(|found| found.code)
    };
    assert_eq!(load(&"import \"lib.nasrec\"\n".repeat(30_000)), Some(Code::UnusedImport));
    assert_eq!(load(&"import \"lib.nasrec\" { f1 }\n".repeat(30_000)), Some(Code::UnusedImport));
    assert_eq!(load(&format!("import \"lib.nasrec\" {{ {names} }}")), Some(Code::UnusedImport));
    assert_eq!(load(&format!("import \"lib.nasrec\" {{ {missing} }}")), Some(Code::UnknownName));
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
    // Names that nobody names are counted, over all files.
    let middle = "import \"lib.nasrec\"\n";
    let files = (0..60).map(|i| (format!("m{i}.nasrec"), middle.to_owned()));
    let entry = lines(60, |i| format!("import \"m{i}.nasrec\""));
    let files = files.chain([(ENTRY.to_owned(), entry), ("lib.nasrec".to_owned(), library.clone())]);
    let found = Program::load(ENTRY, &Memory::new(files)).1;
    assert_eq!(found[0].code, Code::TooLarge, "{found:?}");
}

/// What the fuzz targets have found, once each.
#[test]
fn finds_of_fuzzing_stay_fixed() {
    // A statement that starts with no word at all, in a space without a logit.
    assert_eq!(codes("space s {\n  *\n}"), [Code::Block, Code::Syntax]);
    // Brackets and texts before the first item were passed over.
    for text in ["(x)", "{ x }\n", "[1]; op f(x: dense) = x", "\"text\"", "/// What?\n(x)\nspace s {\n"] {
        assert_eq!(codes(text)[0], Code::Syntax, "{text}");
    }
    assert_eq!(codes(")\nop f(x: dense) = y"), [Code::Unbalanced, Code::UnknownName]);
    // A `;` behind a comma went away, and with it the reason for a layout.
    let long = format!("import \"a\" {{ b, {}; // why\n}}", "c".repeat(110));
    for text in [
        long.as_str(),
        "import \"a\" { b, ;\nc}",
        "import \"a\" { b, c // what\n ; // why\n}",
        "import \"a\" { b, ; }",
        "import \"a\" { b; c, ;; d,\n;e; }",
    ] {
        let formatted = format_source(FileId(0), text).expect("it parses");
        assert_eq!(format_source(FileId(0), &formatted).as_ref(), Ok(&formatted));
    }
    // A pick of none from nothing had no kind.
    assert_eq!(codes(&space("  let x = concat(numeric, pick 0..1 from [])")), [Code::Pick]);
    // Sources that an architecture could not name: twice the same, and with words that ran together.
    for sources in
        ["x, x", "relu(x), relu(x), x", "if on { x } else { relu(x) }, relu(x)", "x, repeat 2 from x as h { h }"]
    {
        let text = format!(
            "space s {{\n  input x: dense\n  let y = concat(pick 2..3 from [{sources}])\n  logit = linear(y, 1)\n}}\n"
        );
        assert_eq!(laws::compile(&text), [], "{text}");
    }
    // Statements that are nothing but separators were formatted to none, and taken for another tree.
    for text in ["block cell {;\n }", "block cell { ; }", "space s {\n  block b[1..2] { ;; }\n}", "block c(x) {\n\n}"] {
        assert!(laws::formatted(text).is_some(), "{text}");
    }
    // `normalise` was unknown to what a block at the top level requires.
    let text = "block c {\n  require normalise or not normalise\n  out d = pick 1 from earlier.d\n}\nspace s {\n  \
                input x: dense\n  block b[1..2] of c after stem { d = x }\n  logit = linear(b[2].d, 1)\n}\n";
    assert_eq!(laws::compile(text), [], "{text}");
    // An open pick of all 64 sources: a set of so many was shifted too far.
    let sources: Vec<String> = (1..=64).map(|width| format!("linear(numeric, {width})")).collect();
    let pick = space(&format!("  let y = concat(pick 64 from [{}])", sources.join(", ")));
    let pick = pick.replace("linear(numeric, 1)\n}", "linear(y, 1)\n}\narch a of s { }");
    assert_eq!(codes(&pick), [Code::Missing], "{pick}");
    // The comma that formatting adds took a line beyond its width.
    for width in 1..40 {
        let text = format!(
            "op f(x: dense) = layer_norm(f(left: x, right: x, w: 3) - (repeat 2..4 from (linear(x, 3)) as h {{ let {} = \
             linear(h, max(x.width, 2)); h }}))\n",
            "y".repeat(width)
        );
        let formatted = format_source(FileId(0), &text).expect("it parses");
        assert_eq!(format_source(FileId(0), &formatted).as_ref(), Ok(&formatted));
    }
}

#[test]
fn everything_that_ships_is_sound() {
    for (path, _) in FILES {
        let (program, mut diagnostics) = Program::load(path, &Shipped);
        diagnostics.extend(program.check());
        assert_eq!(diagnostics, [], "{path}");
    }
}
