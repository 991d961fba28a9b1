//! The language server: a scripted editor talks to the real command.

mod client;

use client::{Client, after, at, position};
use serde_json::{Value, json};

const LIBRARY: &str = "/// Twice as wide.\nop double(x: dense, grow: switch = on) -> dense = linear(x, 2 * x.width)\n";
const MAIN: &str = r#"import "lib.nasrec" { double }
import "std/ctr.nasrec" { fc }

/// A tower.
space tower(widths = [16, 64]) {
  input numeric: dense
  input fields: categorical

  block b[1..2] after stem { dense = numeric; sparse = embed(fields, 8) } {
    width w in widths
    let x = concat(pick 1..2 from earlier.dense)
    /// What the block decides.
    let d = choose { fc(x, w); other: relu(linear(x, w)) }
    out dense = d
    out sparse = earlier_one(w)
  }

  let wide = double(b[2].dense, grow: off)
  logit = linear(wide, 1)
}

arch one of tower {
  b[1] { w: 16; x: [stem]; d: other }
  b[2] { w: 64; x: [b[1]]; d: fc }
}
"#;

/// `MAIN` without its mistake.
fn sound() -> String {
    MAIN.replace("    out sparse = earlier_one(w)\n", "    out sparse = concat(pick 1..1 from earlier.sparse)\n")
        .replace("x: [stem]; d: other", "x: [stem]; sparse: [stem]; d: other")
        .replace("x: [b[1]]; d: fc", "x: [b[1]]; sparse: [stem]; d: fc")
}

fn labels(items: &Value) -> Vec<String> {
    let items = items["items"].as_array().expect("a list of items");
    items.iter().map(|item| item["label"].as_str().expect("a label").to_owned()).collect()
}

fn item<'a>(items: &'a Value, label: &str) -> &'a Value {
    let mut all = items["items"].as_array().expect("a list of items").iter();
    all.find(|item| item["label"] == label).unwrap_or_else(|| panic!("no `{label}` in {:?}", labels(items)))
}

#[test]
fn imports_stay_in_what_the_editor_has_open() {
    let outside = tempfile::tempdir().expect("a folder");
    std::fs::write(outside.path().join("lib.nasrec"), LIBRARY).expect("it can be written");
    let path = outside.path().canonicalize().expect("it is there");
    let text = format!(
        "import \"{}/lib.nasrec\" {{ double }}\nimport \"/dev/zero\"\nop f(x: dense) -> dense = double(x)\n",
        path.display()
    );
    let codes = |client: &mut Client| {
        let uri = client.open("main.nasrec", &text);
        let found = client.findings(&uri);
        found.iter().map(|one| one["code"].as_str().expect("a code").to_owned()).collect::<Vec<_>>()
    };
    let mut client = Client::start();
    assert_eq!(codes(&mut client), ["E0205", "E0205"]);
    // The person allows another folder: a device is still none that is read.
    let mut client = Client::silent();
    let options = json!({ "allowImport": [path.to_str(), "/dev"] });
    let params = json!({ "rootUri": client.uri(""), "capabilities": {}, "initializationOptions": options });
    client.request("initialize", params);
    assert_eq!(codes(&mut client), ["E0203"]);
    // A folder of the workspace is one too.
    let mut client = Client::start();
    let added = json!([{ "uri": format!("file://{}", path.display()), "name": "lib" }]);
    client.notify("workspace/didChangeWorkspaceFolders", json!({ "event": { "added": added, "removed": [] } }));
    assert_eq!(codes(&mut client), ["E0205"]);
}

#[test]
fn a_document_nested_without_end_is_answered() {
    let mut client = Client::start();
    let start = std::time::Instant::now();
    let parts =
        ["(", "[", "{", "f(", "if x { ", "not ", "-", "a.b", "x + ", "choose { a: ", "block b[1] {\n", "\"", "/"];
    for (at, part) in parts.iter().enumerate() {
        for count in [75_000, 300_000] {
            let uri =
                client.open(&format!("deep{at}.nasrec"), &format!("space s {{\n  let x = {}", part.repeat(count)));
            assert!(!client.findings(&uri).is_empty(), "{part}");
            let end = position(9_000_000, 0);
            client.ask("textDocument/completion", &uri, end.clone());
            client.ask("textDocument/hover", &uri, end);
            client.request("textDocument/documentSymbol", json!({ "textDocument": { "uri": uri } }));
            client.request(
                "textDocument/formatting",
                json!({ "textDocument": { "uri": uri }, "options": { "tabSize": 2, "insertSpaces": true } }),
            );
            client.close(&uri);
        }
    }
    assert!(start.elapsed() < std::time::Duration::from_secs(120), "{:?}", start.elapsed());
}

#[test]
fn findings_come_as_one_types_and_go_with_the_document() {
    let mut client = Client::start();
    client.write("lib.nasrec", LIBRARY);
    let uri = client.open("main.nasrec", MAIN);
    let found = client.findings(&uri);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((&found[0]["code"], &found[0]["source"]), (&json!("E0201"), &json!("nasrecc")));
    assert_eq!(found[0]["range"]["start"], at(MAIN, "earlier_one"));
    let text = sound();
    client.change(&uri, &text);
    assert_eq!(client.findings(&uri), Vec::<Value>::new());
    client.change(&uri, "space s { }");
    assert_eq!(client.findings(&uri)[0]["code"], "E0404");
    client.close(&uri);
    assert_eq!(client.findings(&uri), Vec::<Value>::new(), "cleared when the document is closed");
    client.stop();
}

#[test]
fn labels_elsewhere_are_related_information() {
    let mut client = Client::start();
    client.write("lib.nasrec", LIBRARY);
    let text = "import \"lib.nasrec\"\nspace s { input fields: categorical\n logit = double(embed(fields, 8)) }\n";
    let uri = client.open("main.nasrec", text);
    let found = client.findings(&uri);
    assert_eq!(found[0]["code"], "E0301", "{found:?}");
    let related = found[0]["relatedInformation"].as_array().expect("a list");
    assert!(related.iter().any(|r| r["location"]["uri"] == client.uri("lib.nasrec")), "{related:?}");
    // A mistake that a shipped operator makes of what it is given is shown at the call.
    let text = "import \"std/ctr.nasrec\"\nspace s { input numeric: dense\n logit = fc(numeric, 2) }\n";
    client.change(&uri, text);
    assert_eq!(client.findings(&uri)[0]["code"], "E0401");
    client.stop();
}

#[test]
fn many_changes_are_checked_once_and_by_parts() {
    let mut client = Client::start();
    let uri = client.open("main.nasrec", "// ü𝄞\nconst a = 1\n");
    assert_eq!(client.findings(&uri), Vec::<Value>::new());
    for (version, text) in [(2, "b"), (3, "c"), (4, "cd")] {
        let range = json!({ "start": { "line": 1, "character": 6 }, "end": { "line": 1, "character": 7 } });
        let change = json!({ "range": range, "text": text });
        let document = json!({ "uri": uri, "version": version });
        client.notify("textDocument/didChange", json!({ "textDocument": document, "contentChanges": [change] }));
    }
    // Behind the two letters that take three units in UTF-16.
    let range = json!({ "start": { "line": 0, "character": 6 }, "end": { "line": 0, "character": 6 } });
    let change = json!({ "range": range, "text": "\nconst cd = 2" });
    let document = json!({ "uri": uri, "version": 5 });
    client.notify("textDocument/didChange", json!({ "textDocument": document, "contentChanges": [change] }));
    let published = client.published(&uri);
    assert_eq!(published["version"], 5, "one check for all: {published}");
    assert_eq!(published["diagnostics"][0]["code"], "E0202", "{published}");
    client.stop();
}

#[test]
fn unsaved_text_comes_before_files() {
    let mut client = Client::start();
    client.write("lib.nasrec", "op old(x: dense) = relu(x)\n");
    let main =
        "import \"lib.nasrec\" { fresh }\nspace s { input numeric: dense\n logit = linear(fresh(numeric), 1) }\n";
    let uri = client.open("main.nasrec", main);
    assert_eq!(client.findings(&uri)[0]["code"], "E0201");
    let lib = client.open("lib.nasrec", "op fresh(x: dense) = relu(x)\n");
    assert_eq!(client.findings(&uri), Vec::<Value>::new());
    client.close(&lib);
    assert_eq!(client.findings(&uri)[0]["code"], "E0201", "the file on disk is back");
    client.stop();
}

#[test]
fn hover_tells_what_a_name_is() {
    let mut client = Client::start();
    client.write("lib.nasrec", LIBRARY);
    let text = sound();
    let uri = client.open("main.nasrec", &text);
    for (before, parts) in [
        ("space tow", vec!["space tower(widths = [16, 64])", "A tower.", "choices", "encodings"]),
        ("let ", vec!["let x: dense"]),
        ("let d", vec!["let d: dense[w]", "width 16 to 64", "What the block decides."]),
        ("width w", vec!["width w in widths", "16 to 64"]),
        ("logit = lin", vec!["linear(x: tensor, width: size, bias: switch = on)", "A linear layer"]),
        ("wide = doub", vec!["op double(x: dense, grow: switch = on) -> dense", "Twice as wide."]),
        ("choose { f", vec!["op fc(x: dense, w: size) -> dense[w]", "FC: a fully connected layer."]),
        (", gro", vec!["grow: switch = on"]),
        ("after ste", vec!["after stem"]),
        ("b[1] { ", vec!["A choice: one of 16, 64"]),
        ("stem]; d", vec!["A choice: one of fc, other", "What the block decides."]),
    ] {
        let hover = client.ask("textDocument/hover", &uri, after(&text, before));
        let said = hover["contents"]["value"].as_str().unwrap_or_else(|| panic!("nothing for `{before}`: {hover}"));
        for part in parts {
            assert!(said.contains(part), "`{part}` of `{before}` in {said}");
        }
    }
    assert_eq!(client.ask("textDocument/hover", &uri, at(&text, "{\n")), Value::Null);
    client.stop();
}

#[test]
fn definitions_are_found_across_files() {
    let mut client = Client::start();
    client.write("lib.nasrec", LIBRARY);
    let uri = client.open("main.nasrec", MAIN);
    let lib = client.uri("lib.nasrec");
    for (before, target, place) in [
        ("import \"lib", &lib, position(0, 0)),
        ("{ dou", &lib, at(LIBRARY, "double")),
        ("wide = doub", &lib, at(LIBRARY, "double")),
        ("dense, gro", &lib, at(LIBRARY, "grow")),
        ("linear(wi", &uri, at(MAIN, "wide")),
        ("in wid", &uri, at(MAIN, "widths")),
        ("one of tow", &uri, at(MAIN, "tower(")),
        ("\n  b[2] { ", &uri, at(MAIN, "w in widths")),
        ("stem]; d: oth", &uri, at(MAIN, "other:")),
    ] {
        let found = client.ask("textDocument/definition", &uri, after(MAIN, before));
        assert_eq!((&found[0]["uri"], &found[0]["range"]["start"]), (&json!(target), &place), "`{before}`: {found}");
    }
    // An output has the place in the stem that it continues, and its own.
    let found = client.ask("textDocument/definition", &uri, after(MAIN, "b[2].de"));
    let starts: Vec<&Value> = found.as_array().expect("a list").iter().map(|l| &l["range"]["start"]).collect();
    assert_eq!(starts, [&at(MAIN, "dense = numeric"), &at(MAIN, "dense = d\n")]);
    // A shipped file is written out, and can be asked about in turn.
    let found = client.ask("textDocument/definition", &uri, after(MAIN, "choose { f"));
    let shipped = found[0]["uri"].as_str().expect("a URI").to_owned();
    assert!(shipped.contains("nasrecc-") && shipped.ends_with("/std/ctr.nasrec"), "{shipped}");
    let copy = std::fs::read_to_string(shipped.strip_prefix("file://").expect("a path")).expect("it is there");
    assert!(copy.contains("op fc("));
    client.open_uri(&shipped, &copy);
    assert_eq!(client.findings(&shipped), Vec::<Value>::new());
    let refused =
        client.fails("textDocument/rename", &shipped, after(&copy, "op f"), json!({ "newName": "dense_layer" }));
    assert!(refused.contains("ships with nasrecc"), "{refused}");
    client.stop();
}

#[test]
fn references_are_found_in_files_that_are_not_open() {
    let mut client = Client::start();
    client.write("main.nasrec", &sound());
    client.write("deep/other.nasrec", "import \"../lib.nasrec\"\nop twice(x: dense) = double(double(x))\n");
    let lib = client.open("lib.nasrec", LIBRARY);
    let context = json!({ "context": { "includeDeclaration": true } });
    let found = client.ask_with("textDocument/references", &lib, at(LIBRARY, "double"), context);
    let found = found.as_array().expect("a list");
    assert_eq!(found.len(), 5, "one definition, an import, three calls: {found:?}");
    let context = json!({ "context": { "includeDeclaration": false } });
    let found = client.ask_with("textDocument/references", &lib, at(LIBRARY, "double"), context);
    assert_eq!(found.as_array().expect("a list").len(), 4);
    client.stop();
}

#[test]
fn rename_reaches_imports_and_architectures() {
    let mut client = Client::start();
    client.write("lib.nasrec", LIBRARY);
    let text = sound();
    let uri = client.open("main.nasrec", &text);
    let ready = client.ask("textDocument/prepareRename", &uri, after(&text, "wide = doub"));
    assert_eq!(ready["placeholder"], "double");
    let edit = client.ask_with("textDocument/rename", &uri, after(&text, "wide = doub"), json!({ "newName": "twice" }));
    assert_eq!(client.applied(&edit, "lib.nasrec", LIBRARY), LIBRARY.replace("double", "twice"));
    let renamed = client.applied(&edit, "main.nasrec", &text);
    assert_eq!(renamed, text.replace("double", "twice"));
    // A choice is called by its `let`, so architectures follow.
    let edit = client.ask_with("textDocument/rename", &uri, after(&text, "let d"), json!({ "newName": "deep" }));
    let renamed = client.applied(&edit, "main.nasrec", &text);
    let wanted = text.replace("let d ", "let deep ").replace("= d\n", "= deep\n").replace(" d: ", " deep: ");
    assert_eq!(renamed, wanted);
    client.change(&uri, &renamed);
    assert_eq!(client.findings(&uri), Vec::<Value>::new(), "it still checks");
    client.stop();
}

#[test]
fn rename_refuses_what_would_not_do() {
    let mut client = Client::start();
    client.write("lib.nasrec", LIBRARY);
    let uri = client.open("main.nasrec", MAIN);
    for (before, name, said) in [
        ("wide = doub", "fc", "already the name of an operator"),
        ("wide = doub", "let", "is not a name"),
        ("wide = doub", "linear", "part of the language"),
        ("let d", "x", "already the name of a let"),
        ("logit = lin", "y", "`linear` is part of the language"),
        ("choose { f", "y", "ships with nasrecc"),
        ("block b[1..2] aft", "y", "no name here"),
    ] {
        let refused = client.fails("textDocument/rename", &uri, after(MAIN, before), json!({ "newName": name }));
        assert!(refused.contains(said), "`{before}` as {name}: {refused}");
    }
    client.stop();
}

#[test]
fn completion_knows_the_place() {
    let mut client = Client::start();
    client.write("lib.nasrec", LIBRARY);
    let uri = client.open("main.nasrec", MAIN);
    let cut = |from: &str, to: &str| MAIN.replacen(from, to, 1);
    let many: Vec<(String, &str, Vec<&str>, Vec<&str>)> = vec![
        // What is being typed, up to where, what is offered, and what is not.
        (format!("{MAIN}\nspa"), "\nspa", vec!["space", "op", "search"], vec!["let"]),
        (cut("    width w", "    \n    width w"), "8) } {\n    ", vec!["let", "width", "out"], vec!["input", "logit"]),
        (cut("  let wide", "  \n  let wide"), "earlier_one(w)\n  }\n\n  ", vec!["let", "block", "logit"], vec!["out"]),
        (cut("earlier.dense)", "earlier."), "from earlier.", vec!["dense", "sparse"], vec!["width"]),
        (cut("b[2].dense", "b[2]."), "double(b[2].", vec!["dense", "sparse"], vec!["width"]),
        (sound().replace("linear(wide, 1)", "linear(wide, wide.)"), "wide, wide.", vec!["width"], vec!["dim", "dense"]),
        (cut("fc(x, w)", "fc(x, "), "{ fc(x, ", vec!["w", "x", "w:"], vec!["fields", "choose"]),
        (
            cut("earlier_one(w)", "effc("),
            "out sparse = e",
            vec!["efc", "embed", "earlier", "fc", "x", "stem"],
            vec!["numeric_"],
        ),
        (cut("grow: off)", ""), "b[2].dense, ", vec!["grow:"], vec!["x:"]),
        (cut("numeric: dense", "numeric: "), "numeric: ", vec!["dense", "categorical"], vec!["let"]),
        (cut("{ double }", "{ }"), "lib.nasrec\" { ", vec!["double"], vec!["fc"]),
        (sound().replace("d: other", "d: "), "stem]; d: ", vec!["fc", "other"], vec!["w"]),
        (sound().replace("x: [b[1]]", "x: ["), "w: 64; x: [", vec!["stem", "b[1]"], vec!["w"]),
        (format!("{MAIN}op f(x: "), "op f(x: ", vec!["dense", "switch"], vec!["let"]),
        (format!("{MAIN}search s on "), "search s on ", vec!["tower", "nasrec_small"], vec!["criteo"]),
        (format!("{MAIN}search s on tower with "), "tower with ", vec!["criteo"], vec!["tower"]),
        (
            format!("{MAIN}search s on tower with criteo {{\n  "),
            "criteo {\n  ",
            vec!["train", "data", "seed", "baseline"],
            vec!["batch"],
        ),
        (
            format!("{MAIN}search s on tower with criteo {{ train {{ "),
            "train { ",
            vec!["batch", "optimiser"],
            vec!["seed", "train"],
        ),
        (
            format!("{MAIN}search s on tower with criteo {{ train {{ schedule: "),
            "schedule: ",
            vec!["cosine", "constant"],
            vec!["batch"],
        ),
        (format!("{MAIN}schema s {{\n  sparse C[1..2]: "), "C[1..2]: ", vec!["hex", "int"], vec!["log1p"]),
        (format!("{MAIN}schema s {{\n  user {{\n    "), "user {\n    ", vec!["dense", "sparse"], vec!["label"]),
        (cut("numeric: dense", "numeric: dense "), "numeric: dense ", vec!["from"], vec!["let"]),
        (
            format!("{MAIN}schema s {{\n  label y\n  dense price\n}}\nspace q {{\n  input a: dense from "),
            "dense from ",
            vec!["price"],
            vec!["let", "numeric"],
        ),
        (
            format!("{MAIN}space q {{\n  input c: categorical\n  let e = embed(c, 8, "),
            "embed(c, 8, ",
            vec!["each:"],
            vec!["fields:"],
        ),
        (
            format!("{MAIN}space q {{\n  input c: categorical\n  let e = embed(c, 8, each: "),
            "8, each: ",
            vec!["width"],
            vec!["c", "in"],
        ),
        (
            format!("{MAIN}space q {{\n  input c: categorical\n  let e = embed(c, 8, each: width "),
            "each: width ",
            vec!["in"],
            vec!["c", "width"],
        ),
        (
            format!(
                "{MAIN}schema t {{\n  label y\n  sparse user: int | modulo(rows: 9)\n}}\nspace q {{\n  input c: categorical\n  \
                 let e = embed(c, 8, each: width in [0, 8])\n  logit = linear(flatten(e), 1)\n}}\narch a of q with t {{\n  "
            ),
            "with t {\n  ",
            vec!["e.user"],
            vec!["e"],
        ),
        (format!("{MAIN}import \"std/"), "}\nimport \"std/", vec!["std/ctr.nasrec"], vec![]),
        (format!("{MAIN}// spa"), "// spa", vec![], vec!["space"]),
    ];
    for (text, place, offered, not) in many {
        client.change(&uri, &text);
        let found = client.ask("textDocument/completion", &uri, after(&text, place));
        let labels = labels(&found);
        for label in offered {
            assert!(labels.iter().any(|l| l == label), "`{label}` after `{place}` in {labels:?}");
        }
        for label in not {
            assert!(!labels.iter().any(|l| l == label), "`{label}` after `{place}` in {labels:?}");
        }
    }
    // Choices of a block that are still to be made, with what each offers.
    let text = sound().replace("  b[1] { w: 16; x", "  b[1] { x");
    client.change(&uri, &text);
    let found = client.ask("textDocument/completion", &uri, after(&text, "  b[1] { "));
    assert_eq!(item(&found, "w")["detail"], "one of 16, 64");
    client.stop();
}

#[test]
fn completion_brings_its_import() {
    let mut client = Client::start();
    let text = "nasrec 1\n\nspace s {\n  input numeric: dense\n  logit = linear(gati, 1)\n}\n";
    let uri = client.open("main.nasrec", text);
    let found = client.ask("textDocument/completion", &uri, after(text, "(gati"));
    let gating = item(&found, "gating");
    assert_eq!(gating["textEdit"]["newText"], "gating");
    assert_eq!(gating["textEdit"]["range"]["start"], at(text, "gati"));
    let import = &gating["additionalTextEdits"][0];
    assert!(import["newText"].as_str().expect("a text").contains("import \"std/ctr.nasrec\" { gating }"), "{import}");
    client.stop();
}

#[test]
fn symbols_are_nested() {
    let mut client = Client::start();
    let uri = client.open("main.nasrec", MAIN);
    let symbols = client.request("textDocument/documentSymbol", json!({ "textDocument": { "uri": uri } }));
    let names = |list: &Value| -> Vec<String> {
        list.as_array().expect("a list").iter().map(|s| s["name"].as_str().expect("a name").to_owned()).collect()
    };
    assert_eq!(names(&symbols), ["tower", "one"]);
    assert_eq!(names(&symbols[0]["children"]), ["widths", "numeric", "fields", "b", "stem", "wide"]);
    assert_eq!(names(&symbols[0]["children"][3]["children"]), ["dense", "sparse", "w", "x", "d", "dense", "sparse"]);
    client.stop();
}

#[test]
fn formatting_is_that_of_fmt() {
    let mut client = Client::start();
    let text = "op f(x:dense)->dense{ // ü\n    relu( x );\n}\n\n\n";
    let uri = client.open("main.nasrec", text);
    let params = json!({ "textDocument": { "uri": uri }, "options": { "tabSize": 2, "insertSpaces": true } });
    let edits = client.request("textDocument/formatting", params.clone());
    let edit = json!({ "changes": { uri.clone(): edits } });
    let formatted = client.applied(&edit, "main.nasrec", text);
    assert_eq!(formatted, "op f(x: dense) -> dense { // ü\n  relu(x)\n}\n");
    client.change(&uri, &formatted);
    assert_eq!(client.request("textDocument/formatting", params.clone()), json!([]));
    client.change(&uri, "op f(");
    assert_eq!(client.request("textDocument/formatting", params), Value::Null, "a mistake leaves it as it is");
    client.stop();
}

#[test]
fn quick_fixes_correct_names_and_imports() {
    let mut client = Client::start();
    let text =
        "space s {\n  input numeric: dense\n  let wide = gating(numeric, numeric, 4)\n  logit = linear(wid, 1)\n}\n";
    let uri = client.open("main.nasrec", text);
    client.findings(&uri);
    let mut fixed = text.to_owned();
    for _ in 0..2 {
        let range = json!({ "start": position(0, 0), "end": position(9, 0) });
        let params = json!({ "textDocument": { "uri": uri }, "range": range, "context": { "diagnostics": [] } });
        let actions = client.request("textDocument/codeAction", params);
        assert_eq!(actions[0]["kind"], "quickfix", "{actions}");
        assert_eq!(actions[0]["diagnostics"][0]["source"], "nasrecc");
        fixed = client.applied(&actions[0]["edit"], "main.nasrec", &fixed);
        client.change(&uri, &fixed);
        client.findings(&uri);
    }
    assert!(fixed.contains("import \"std/ctr.nasrec\" { gating }") && fixed.contains("linear(wide, 1)"), "{fixed}");
    client.stop();
}

#[test]
fn shapes_are_shown_beside_names() {
    let mut client = Client::start();
    client.write("lib.nasrec", LIBRARY);
    let text = sound();
    let uri = client.open("main.nasrec", &text);
    let range = json!({ "start": position(0, 0), "end": position(99, 0) });
    let hints = client.request("textDocument/inlayHint", json!({ "textDocument": { "uri": uri }, "range": range }));
    let shown = |place: Value| {
        let hint = hints.as_array().expect("a list").iter().find(|hint| hint["position"] == place);
        hint.map(|hint| hint["label"].as_str().expect("a text").to_owned())
    };
    assert_eq!(shown(after(&text, "let d")).as_deref(), Some(": dense[w]"));
    assert_eq!(shown(after(&text, "out dense")).as_deref(), Some(": dense[w]"));
    assert_eq!(shown(after(&text, "let wide")).as_deref(), Some(": dense[2 * w]"));
    client.stop();
}

#[test]
fn columns_count_utf16_behind_other_alphabets() {
    let mut client = Client::start();
    // One letter of two bytes, one of four: two and three units before the code.
    let text = "op f(x: dense) = relu(x)\nspace s { input a: dense; let ü = 1; let b = f(a) /* 𝄞 */ }\n// 𝄞ü\n";
    let uri = client.open("näme 𝄞.nasrec", text);
    client.findings(&uri);
    let found = client.ask("textDocument/definition", &uri, after(text, "let b = "));
    assert_eq!(found[0]["range"]["start"], at(text, "f(x"), "{found}");
    assert_eq!(found[0]["uri"], json!(uri));
    let text = "space s {\n  input a: dense\n  let b = fc(\"𝄞\", a)\n}\n";
    client.change(&uri, text);
    let found = client.findings(&uri);
    assert!(found.iter().any(|f| f["range"]["start"] == at(text, "fc(")), "{found:?}");
    let found = client.ask("textDocument/definition", &uri, after(text, "𝄞\", "));
    assert_eq!(found[0]["range"]["start"], at(text, "a: dense"), "{found}");
    client.stop();
}

#[test]
fn a_file_with_mistakes_is_served() {
    let mut client = Client::start();
    let broken =
        "space s {\n  input numeric: dense\n  let x = concat(numeric, (\n  let y = relu(x)\n  logit = linear(y, 1\n";
    let uri = client.open("main.nasrec", broken);
    assert!(!client.findings(&uri).is_empty());
    let found = client.ask("textDocument/definition", &uri, after(broken, "relu("));
    assert_eq!(found[0]["range"]["start"], at(broken, "x = concat"), "{found}");
    let symbols = client.request("textDocument/documentSymbol", json!({ "textDocument": { "uri": uri } }));
    assert_eq!(symbols[0]["children"].as_array().expect("a list").len(), 3, "{symbols}");
    // Any prefix of a file, as it is while one types, has an answer to everything.
    for end in (0..MAIN.len()).step_by(37) {
        client.change(&uri, &MAIN[..end]);
        let place = client.end_of(&MAIN[..end]);
        for method in ["textDocument/completion", "textDocument/hover", "textDocument/definition"] {
            client.ask(method, &uri, place.clone());
        }
    }
    client.stop();
}

#[test]
fn wrong_requests_get_errors_and_the_server_lives() {
    let mut client = Client::start();
    let uri = client.open("main.nasrec", "const a = 1\n");
    assert_eq!(client.error("textDocument/hover", json!({ "no": 1 }))["code"], -32602);
    assert_eq!(client.error("textDocument/nonsense", json!({}))["code"], -32601);
    assert_eq!(client.error("initialize", json!({}))["code"], -32600);
    let closed = json!({ "textDocument": { "uri": "file:///no/such.nasrec" }, "position": position(0, 0) });
    assert_eq!(client.error("textDocument/hover", closed)["code"], -32602);
    client.raw("{ this is not JSON");
    assert_eq!(client.anonymous_error()["code"], -32700);
    client.notify("textDocument/didChange", json!({ "no": 1 }));
    client.notify("$/nonsense", json!(null));
    let far = json!({ "line": 4_000_000, "character": 4_000_000 });
    assert_eq!(client.ask("textDocument/hover", &uri, far), Value::Null);
    assert!(client.ask("textDocument/hover", &uri, position(0, 6)).is_object(), "still there");
    client.stop();
}

#[test]
fn shutdown_and_exit_are_obeyed() {
    let mut client = Client::start();
    assert_eq!(client.request("shutdown", Value::Null), Value::Null);
    assert_eq!(client.error("textDocument/hover", json!({}))["code"], -32600, "nothing is served any more");
    client.notify("exit", Value::Null);
    assert_eq!(client.status(), 0);
    // Without a shutdown, and when the editor is gone, the status says so.
    let mut client = Client::start();
    client.notify("exit", Value::Null);
    assert_eq!(client.status(), 1);
    let mut client = Client::start();
    client.hang_up();
    assert_eq!(client.status(), 1);
    let mut early = Client::silent();
    assert_eq!(early.error("textDocument/hover", json!({}))["code"], -32002, "`initialize` comes first");
}
