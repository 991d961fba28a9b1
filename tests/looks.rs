//! Looking at spaces and architectures: pictures, stages written out, draws, counts, costs, differences.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What a command prints on stdout and on stderr; it must succeed.
fn ran(arguments: &[&str]) -> (String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_nasrecc"))
        .current_dir(root())
        .args(arguments)
        .output()
        .expect("nasrecc starts");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert!(output.status.success(), "nasrecc {}: {err}", arguments.join(" "));
    (out, err)
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&ran(arguments).0).expect("JSON")
}

/// A command that cannot do its work: what it says.
fn refused(arguments: &[&str]) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_nasrecc")).current_dir(root()).args(arguments).output().expect("it starts");
    assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    String::from_utf8(output.stderr).expect("text")
}

/// The commands that docs/looking.md shows.
fn shown() -> Vec<Vec<String>> {
    let page = std::fs::read_to_string(root().join("docs/looking.md")).expect("the page is there");
    page.lines()
        .filter_map(|line| line.strip_prefix("nasrecc "))
        .map(|line| {
            // Words in quotation marks are one argument.
            let parts: Vec<&str> = line.split('\'').collect();
            let mut words = Vec::new();
            for (at, part) in parts.iter().enumerate() {
                if at % 2 == 0 {
                    words.extend(part.split_whitespace().map(str::to_owned));
                } else {
                    words.push((*part).to_owned());
                }
            }
            words
        })
        .collect()
}

#[test]
fn the_pictures_of_the_page_are_what_its_commands_draw() {
    let mut pictures = 0;
    for command in shown() {
        let mut words: Vec<&str> = command.iter().map(String::as_str).collect();
        match words.iter().position(|word| *word == "-o") {
            Some(at) => {
                let path = root().join(words[at + 1]);
                words.drain(at..at + 2);
                let drawn = ran(&words).0;
                if std::env::var_os("NASREC_BLESS").is_some() {
                    std::fs::write(&path, &drawn).expect("it can be written");
                }
                let known = std::fs::read_to_string(&path).unwrap_or_default();
                assert!(known == drawn, "{}: draw it again with NASREC_BLESS=1", path.display());
                pictures += 1;
            }
            None => drop(ran(&words)),
        }
    }
    assert_eq!(pictures, 3);
}

/// Every element is closed, text is escaped, and every part says what it is.
fn is_svg(text: &str) {
    let mut open = Vec::new();
    let body = text.split("</style>").nth(1).expect("a style, then what it is for");
    for piece in body.split('<').skip(1) {
        let (tag, _) = piece.split_once('>').expect("a tag ends");
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default().to_owned();
        if tag.starts_with('/') {
            let opened = open.pop();
            assert!(opened.as_ref() == Some(&name) || (opened.is_none() && name == "svg"), "{tag}: {opened:?}");
        } else if !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
    for number in ["NaN", "inf"] {
        assert!(!body.contains(&format!("\"{number}\"")), "{number}");
    }
    assert!(body.matches("<g><title>").count() + body.matches("<g class=\"dead\"><title>").count() > 2);
}

#[test]
fn pictures_of_all_kinds_are_svg() {
    for arguments in [
        vec!["spaces/nasrec_small.nasrec"],
        vec!["spaces/nasrec_full.nasrec", "--with", "criteo"],
        vec!["spaces/autoctr.nasrec"],
        vec!["spaces/models/fibinet.nasrec"],
        vec!["spaces/models/xdeepfm.nasrec", "--with", "avazu"],
        vec!["spaces/nets/criteo_full.nasrec"],
        vec!["spaces/nets/kdd_small.nasrec", "--detail", "primitives"],
        vec!["examples/quickstart.nasrec"],
        vec!["examples/tutorial/space.nasrec"],
    ] {
        let mut all = vec!["compile", "--emit", "svg"];
        all.extend(arguments);
        let (out, _) = ran(&all);
        is_svg(&out);
        assert_eq!(out, ran(&all).0, "{all:?}: one picture");
    }
    let net = ran(&["compile", "spaces/nets/criteo_full.nasrec", "--emit", "svg"]).0;
    for part in
        ["class=\"dead\"", "= [stem, b[1], b[2]]", "w = 768", "64 × 16", "FC: a fully connected layer", "4 of 7"]
    {
        assert!(net.contains(part), "{part}");
    }
    assert!(!ran(&["compile", "spaces/nasrec_full.nasrec", "--emit", "svg"]).0.contains("class=\"dead\""));
}

#[test]
fn stages_are_written_as_text_and_as_json() {
    let small = "spaces/nasrec_small.nasrec";
    let tree = ran(&["compile", small, "--emit", "ast"]).0;
    assert!(tree.starts_with("file\n") && tree.contains("spaces") && tree.contains("pick"), "{tree}");
    let tree = json(&["compile", small, "--emit", "ast", "--format", "json"]);
    assert_eq!(tree["spaces"][0]["name"]["text"], "nasrec_small");
    let checked = ran(&["compile", small, "--emit", "checked"]).0;
    for part in
        ["space nasrec_small", "    blocks: 7", "    b[2].x: pick 1..2 of stem, b[1]", "out dense: dense[b[7].w]"]
    {
        assert!(checked.contains(part), "{part} in {checked}");
    }
    let checked = json(&["compile", small, "--emit", "checked", "--format", "json"]);
    assert_eq!(checked[0]["choices"].as_array().map(Vec::len), Some(49));
    let graph = ran(&["compile", small, "--emit", "graph", "--format", "text"]).0;
    assert!(graph.starts_with("choices\n") && graph.contains("if b[2].x has b[1]"), "{graph}");
    let plan = ran(&["compile", "spaces/nets/criteo_full.nasrec", "--emit", "plan", "--format", "text"]).0;
    assert!(plan.starts_with("node") && plan.contains("1448297 macs"), "{plan}");
    assert!(refused(&["compile", small, "--emit", "svg", "--format", "json"]).contains("--format is for"));
    assert!(refused(&["compile", "spaces/nasrec_small.nasrec", "--emit", "checked", "--name", "x"]).contains("`x`"));
}

#[test]
fn what_is_drawn_checks_and_is_what_was_required() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("drawn.nasrec");
    let out = path.to_str().expect("a plain path");
    let arguments = ["sample", "examples/quickstart.nasrec", "-n", "6", "--require", "macs <= 40K", "-o", out];
    let (_, said) = ran(&arguments);
    assert!(said.contains("6 of ") && said.contains("draws accepted"), "{said}");
    // It was written elsewhere, and imports the space from where that is.
    ran(&["check", "--allow-import", "examples", out]);
    ran(&["fmt", "--check", out]);
    let text = std::fs::read_to_string(&path).expect("it was written");
    assert_eq!(text.matches("\narch drawn_").count(), 6);
    for line in text.lines().filter(|line| line.contains(" macs, ")) {
        let macs: String =
            line.split(" macs").next().unwrap_or_default().chars().filter(char::is_ascii_digit).collect();
        assert!(macs.parse::<u64>().expect("a number") <= 40_000, "{line}");
    }
    let draw = |seed: &str| ran(&["sample", "spaces/nasrec_small.nasrec", "--with", "kdd", "--seed", seed]).0;
    assert!(draw("3") == draw("3") && draw("3") != draw("4"));
    let small = ["sample", "spaces/nasrec_small.nasrec", "--with", "criteo", "-n", "2"];
    let choices = [&small[..], &["--require", "b[1].d == dot", "--format", "json"]].concat();
    let drawn = json(&choices);
    let all = drawn["architectures"].as_array().expect("a list");
    assert!(all.len() == 2 && all.iter().all(|one| one["choices"]["b[1].d"] == "dot"), "{drawn}");
    assert!(all.iter().all(|one| one["costs"]["macs"].as_u64() > Some(0)));
    let impossible = [&small[..], &["--require", "macs <= 1"]].concat();
    let output = Command::new(env!("CARGO_BIN_EXE_nasrecc")).current_dir(root()).args(impossible).output();
    let output = output.expect("it starts");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("no architecture costs less than 7,136 macs"), "{said}");
    assert!(refused(&["sample", "spaces/nasrec_small.nasrec"]).contains("--with SCHEMA"));
}

#[test]
fn counts_are_exact_and_multiply() {
    let counted = json(&["count", "spaces/nasrec_small.nasrec", "--format", "json"]);
    assert_eq!(counted["raw"], "193807946324521274537316188160000");
    assert_eq!(counted["valid"], counted["raw"]);
    let blocks = counted["blocks"].as_array().expect("blocks");
    let product: f64 =
        blocks.iter().map(|b| b["ways"].as_str().expect("text").parse::<f64>().expect("a number")).product();
    assert!((product / 1.938_079_463_245_212_7e32 - 1.0).abs() < 1e-12);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("careful.nasrec");
    std::fs::write(&file, TWO_WIDTHS).expect("it can be written");
    let path = file.to_str().expect("a plain path");
    let counted = json(&["count", path, "--name", "careful", "--format", "json"]);
    assert_eq!((counted["raw"].as_str(), counted["valid"].as_str()), (Some("9"), Some("6")));
    let shown = ran(&["count", path, "--name", "careful"]).0;
    assert!(shown.contains("valid") && shown.contains("outside"), "{shown}");
}

const TWO_WIDTHS: &str = "space careful {\n  input x: dense\n  width a in [1, 2, 3]\n  width b in [1, 2, 3]\n  \
                          require a <= b\n  logit = linear(linear(linear(x, a), b), 1)\n}\n\n\
                          space wider {\n  input x: dense\n  width a in [1, 2, 3, 4]\n  width b in [2, 3]\n  \
                          logit = linear(linear(linear(x, a), b), 1)\n}\n\n\
                          space deeper {\n  input x: dense\n  width a in [1, 2, 3]\n  width b in [1, 2, 3]\n  \
                          width c in [1, 2]\n  logit = linear(linear(linear(linear(x, a), b), c), 1)\n}\n";

#[test]
fn costs_add_up() {
    let cost = json(&["cost", "spaces/nets/criteo_full.nasrec", "--format", "json"]);
    assert_eq!(cost["macs"], 1_448_297);
    for parts in ["by_block", "by_operator", "by_block_and_operator", "nodes"] {
        for (part, whole) in [
            ("macs", &cost["macs"]),
            ("ops", &cost["ops"]),
            ("dense_params", &cost["params"]["dense"]),
            ("embedding_params", &cost["params"]["embedding"]),
        ] {
            let all = cost[parts].as_array().expect("a list");
            let sum: u64 = all.iter().map(|one| one["costs"][part].as_u64().expect("a number")).sum();
            assert_eq!(Some(sum), whole.as_u64(), "{parts} {part}");
        }
    }
    let held = &cost["bytes"]["activations"];
    assert!(held["inference_peak"].as_u64() < held["training"].as_u64() && held["inference_peak"].as_u64() > Some(0));
    let model = ran(&["cost", "spaces/models/dcnv2.nasrec", "--with", "criteo"]).0;
    assert!(model.contains("cross_layer") && model.contains("in inference, at their peak"), "{model}");
    let space = json(&["cost", "examples/quickstart.nasrec", "--samples", "50", "--format", "json"]);
    let quantiles = space["quantiles"]["macs"].as_array().expect("a list");
    assert!(quantiles.windows(2).all(|pair| pair[0]["value"].as_u64() <= pair[1]["value"].as_u64()));
    assert!(refused(&["cost", "spaces/models/dcnv2.nasrec"]).contains("--with SCHEMA"));
}

/// A file with several spaces is told of whole; `--name` takes one.
#[test]
fn several_spaces_of_a_file_are_told_one_after_the_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("two.nasrec");
    let space = |name: &str, widths: &str| {
        format!(
            "space {name} {{\n  input numeric: dense\n  width w in {widths}\n  logit = linear(linear(numeric, w), 1)\n}}\n"
        )
    };
    let text = [space("narrow", "[4, 8]"), space("wide", "[16, 32, 64]")].concat();
    std::fs::write(&path, text).expect("written");
    let file = path.to_str().expect("plain");
    for command in ["cost", "count"] {
        let both = json(&[command, file, "--with", "criteo", "--format", "json"]);
        let items: Vec<&str> = both.as_array().expect("a list").iter().filter_map(|one| one["item"].as_str()).collect();
        assert_eq!(items, ["space narrow with criteo", "space wide with criteo"]);
        let one = json(&[command, file, "--with", "criteo", "--format", "json", "--name", "wide"]);
        assert!(one.is_object() && one["item"].is_null(), "{one}");
        let text = ran(&[command, file, "--with", "criteo"]).0;
        assert!(text.contains("space narrow") && text.contains("space wide"), "{text}");
    }
}

#[test]
fn spaces_are_compared_choice_by_choice() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("two.nasrec");
    std::fs::write(&file, TWO_WIDTHS).expect("it can be written");
    let path = file.to_str().expect("a plain path");
    let diff = |a: &str, b: &str| {
        json(&["diff", path, path, "--name-a", a, "--name-b", b, "--with", "criteo", "--format", "json"])
    };
    let same = diff("careful", "careful");
    assert_eq!(same["choices"].as_array().map(Vec::len), Some(0));
    assert_eq!((&same["common"]["raw"]["known"], &same["common"]["valid"]["known"]), (&"9".into(), &"6".into()));
    let wider = diff("careful", "wider");
    assert_eq!(wider["choices"][0]["values"]["change"], "widened");
    assert_eq!(wider["choices"][1]["values"]["change"], "narrowed");
    assert_eq!(wider["common"]["raw"]["known"], "6", "three widths and two");
    assert!(wider["common"]["valid"]["unknown"].is_string(), "{wider}");
    let fits: Vec<&str> =
        wider["weights"].as_array().expect("a list").iter().filter_map(|w| w["fit"].as_str()).collect();
    assert!(fits.contains(&"grows") && fits.contains(&"same"), "{fits:?}");
    let deeper = diff("careful", "deeper");
    assert_eq!(deeper["common"]["raw"]["known"], "0", "a third width is in no encoding of the first");
    assert_eq!(
        (&deeper["common"]["a_extends_to_b"]["known"], &deeper["common"]["b_extends_to_a"]["known"]),
        (&"9".into(), &"0".into())
    );
    let spaces = ran(&["diff", "spaces/nasrec_small.nasrec", "spaces/nasrec_full.nasrec", "--with", "criteo"]).0;
    assert!(spaces.contains("widened") && spaces.contains("+ gating") && spaces.contains("b[1].left"), "{spaces}");
    let raw = "193,807,946,324,521,274,537,316,188,160,000";
    assert_eq!(spaces.matches(raw).count(), 2, "all of the small space, with further choices: {spaces}");
}

#[test]
fn architectures_are_compared_with_their_costs() {
    let file = "examples/looking.nasrec";
    let names = ["--name-a", "skips", "--name-b", "ends_in_dot"];
    let found = json(&[&["diff", file, file][..], &names[..], &["--format", "json"]].concat());
    let choices: Vec<&str> =
        found["choices"].as_array().expect("a list").iter().filter_map(|one| one["choice"].as_str()).collect();
    assert_eq!(choices, ["b[1].n", "b[3].n", "b[3].d"]);
    assert_eq!((&found["a"]["blocks"]["live"], &found["a"]["blocks"]["of"]), (&2.into(), &3.into()));
    for one in found["common"].as_array().expect("a list") {
        let (shared, a) = (one["shared"].as_u64(), one["used"][0].as_u64());
        assert!(shared <= a && shared <= one["used"][1].as_u64() && shared > Some(0), "{one}");
    }
    let itself = ran(&["diff", file, file, "--name-a", "skips", "--name-b", "skips"]).0;
    assert!(itself.contains("they compute the same") && itself.contains("The choices are the same"), "{itself}");
    assert!(refused(&["diff", file, file, "--name-a", "skips", "--name-b", "three"]).contains("are not alike"));
    assert!(refused(&["diff", file, file]).contains("say which with --name-a"));
}
