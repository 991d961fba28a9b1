//! How findings are told: to people, to editors, to scripts and to code scanning; and what `nasrecc explain` says.

use std::path::{Path, PathBuf};
use std::process::Command;

use nasrec_compiler::diagnostics::Code;
use serde_json::Value;

/// How a command ended, its stdout and its stderr.
struct Ran {
    status: Option<i32>,
    out: String,
    err: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/ui")
}

fn ran(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_nasrecc"))
        .current_dir(folder)
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .envs(variables.iter().copied())
        .args(arguments)
        .output()
        .expect("nasrecc starts");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Ran { status: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

fn nasrecc(arguments: &[&str]) -> Ran {
    ran(&folder(), arguments, &[])
}

#[test]
fn short_is_a_line_a_finding() {
    let short = nasrecc(&["check", "--message-format", "short", "recipes/unknown_key.nasrec"]);
    assert_eq!((short.status, short.out.as_str()), (Some(1), ""));
    assert_eq!(
        short.err,
        "recipes/unknown_key.nasrec:8:11: error[E0502]: there is no setting `train.epoch`\n\
         recipes/unknown_key.nasrec:8:21: error[E0502]: there is no setting `train.bach`\n"
    );
}

#[test]
fn json_is_an_object_a_line() {
    let ran = nasrecc(&["check", "--message-format=json", "recipes/unknown_key.nasrec", "names/member.nasrec"]);
    assert_eq!((ran.status, ran.err.as_str()), (Some(1), ""));
    let found: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(found.len(), 3);
    let first = &found[0];
    assert_eq!((&first["code"], &first["severity"]), (&"E0502".into(), &"error".into()));
    assert_eq!(first["help"], "did you mean `train.epochs`?");
    assert_eq!(first["fix"]["replacement"], "epochs");
    let label = &first["labels"][0];
    assert_eq!((&label["file"], &label["text"]), (&"recipes/unknown_key.nasrec".into(), &"not a setting".into()));
    assert_eq!((&label["start"]["line"], &label["start"]["column"]), (&8.into(), &11.into()));
    let byte = |end: &str| label[end]["byte"].as_u64().expect("a number") as usize;
    let text = std::fs::read_to_string(folder().join("recipes/unknown_key.nasrec")).expect("the case");
    assert_eq!(&text[byte("start")..byte("end")], "epoch");
    assert_eq!(found[2]["labels"].as_array().map(Vec::len), Some(2));
}

#[test]
fn columns_count_characters_and_utf_16() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "import \"nasrec_small.nasrec\" { nasrec_small }\nimport \"schemas.nasrec\" { criteo }\n\
                search s on nasrec_small with criteo {\n  data { files: \"ä\u{1d11e}.tsv\"; sed: 1 }\n}\n";
    std::fs::write(folder.path().join("mine.nasrec"), text).expect("it can be written");
    let json = ran(folder.path(), &["check", "--message-format", "json", "mine.nasrec"], &[]);
    let found: Value = serde_json::from_str(json.out.trim()).expect("one finding");
    let start = &found["labels"][0]["start"];
    assert_eq!((&start["line"], &start["column"], &start["column_utf16"]), (&4.into(), &27.into(), &28.into()));
    assert_eq!(start["byte"].as_u64(), text.find("sed").map(|at| at as u64));
    let sarif = ran(folder.path(), &["check", "--message-format", "sarif", "mine.nasrec"], &[]);
    let document: Value = serde_json::from_str(&sarif.out).expect("JSON");
    let place = &document["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(place["region"]["startColumn"], 28);
}

#[test]
fn sarif_is_one_document() {
    let ran = nasrecc(&["check", "--message-format", "sarif", "archs/values.nasrec", "names/member.nasrec"]);
    assert_eq!((ran.status, ran.err.as_str()), (Some(1), ""));
    let document: Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(document["version"], "2.1.0");
    let run = &document["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    assert_eq!(rules.len(), Code::ALL.len());
    let results = run["results"].as_array().expect("results");
    assert_eq!(results.len(), 7, "of both files");
    for result in results {
        let rule = &rules[result["ruleIndex"].as_u64().expect("an index") as usize];
        assert_eq!(rule["id"], result["ruleId"]);
        assert_eq!(result["level"], "error");
        let place = &result["locations"][0]["physicalLocation"];
        assert!(place["artifactLocation"]["uri"].as_str().is_some_and(|uri| uri.ends_with(".nasrec")), "{result}");
        assert!(place["region"]["startLine"].as_u64() >= Some(1), "{result}");
    }
    let change = &results[6]["fixes"][0]["artifactChanges"][0]["replacements"][0];
    assert_eq!(change["insertedContent"]["text"], "width");
    let sound = nasrecc(&["check", "--message-format", "sarif", "../../spaces/std/ctr.nasrec"]);
    assert_eq!(sound.status, Some(0));
    let document: Value = serde_json::from_str(&sound.out).expect("JSON");
    assert_eq!(document["runs"][0]["results"], Value::Array(Vec::new()));
}

#[test]
fn github_gets_workflow_commands() {
    let ran = nasrecc(&["check", "--message-format", "github", "names/member.nasrec"]);
    assert_eq!(
        ran.out,
        "::error file=names/member.nasrec,line=5,col=35,endLine=5,endColumn=40,title=E0201::\
         a dense tensor has no `widht`%0Ahelp: did you mean `width`?\n"
    );
}

#[test]
fn warnings_are_told_as_such_in_every_format() {
    let said = |format: &str| nasrecc(&["check", "--message-format", format, "lints/only_definitions.nasrec"]);
    let human = said("human");
    assert_eq!(human.status, Some(0));
    assert!(
        human.err.contains("⚠ nothing uses the parameter `by`") && human.err.contains("1 warning\n"),
        "{}",
        human.err
    );
    let short = "lints/only_definitions.nasrec:4:20: warning[W0702]: nothing uses the parameter `by`\n";
    assert!(said("short").err.starts_with(short), "{}", said("short").err);
    let json: Value = serde_json::from_str(said("json").out.trim()).expect("JSON");
    assert_eq!((&json["code"], &json["severity"]), (&"W0702".into(), &"warning".into()));
    let sarif: Value = serde_json::from_str(&said("sarif").out).expect("JSON");
    assert_eq!(sarif["runs"][0]["results"][0]["level"], "warning");
    assert!(said("github").out.starts_with("::warning file=lints/only_definitions.nasrec,line=4,col=20,"));
}

#[test]
fn warnings_are_denied_where_that_is_asked_for() {
    let check = |arguments: &[&str]| nasrecc(&[&["check"], arguments].concat()).status;
    assert_eq!(check(&["lints/imports.nasrec"]), Some(0));
    assert_eq!(check(&["--deny-warnings", "lints/imports.nasrec"]), Some(1));
    assert_eq!(check(&["--deny-warnings", "../../spaces/nasrec_full.nasrec"]), Some(0));
}

#[test]
fn compile_takes_the_same_options() {
    let ran = nasrecc(&["compile", "--message-format", "json", "shapes/sum.nasrec"]);
    assert_eq!(ran.status, Some(1));
    let found: Value = serde_json::from_str(ran.out.trim()).expect("JSON");
    assert_eq!(found["code"], "E0401");
}

#[test]
fn colour_is_asked_for() {
    let coloured = |arguments: &[&str], variables: &[(&str, &str)]| {
        let all: Vec<&str> = ["check", "shapes/sum.nasrec"].iter().chain(arguments).copied().collect();
        ran(&folder(), &all, variables).err.contains('\u{1b}')
    };
    assert!(!coloured(&[], &[]), "no terminal, no colour");
    assert!(coloured(&["--color", "always"], &[("NO_COLOR", "1")]));
    assert!(coloured(&[], &[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&[], &[("CLICOLOR_FORCE", "0")]));
    assert!(!coloured(&[], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(!coloured(&["--color", "never"], &[("CLICOLOR_FORCE", "1")]));
}

#[test]
fn every_format_says_the_same_twice() {
    for format in ["human", "short", "json", "sarif", "github"] {
        let said = || {
            let ran = nasrecc(&["check", "--message-format", format, "archs/values.nasrec", "names/two_items.nasrec"]);
            (ran.out, ran.err)
        };
        assert_eq!(said(), said(), "{format}");
    }
}

#[test]
fn explain_prints_the_page() {
    for code in Code::ALL {
        let ran = nasrecc(&["explain", code.as_str()]);
        assert_eq!((ran.status, ran.out.as_str()), (Some(0), code.page()));
    }
    for written in ["e0204", "0204", "204"] {
        assert_eq!(nasrecc(&["explain", written]).out, Code::ImportCycle.page(), "{written}");
    }
}

#[test]
fn explain_lists_the_codes() {
    let list = nasrecc(&["explain"]);
    assert_eq!((list.status, list.out.lines().count()), (Some(0), Code::ALL.len()));
    assert!(list.out.contains("E0401  shapes that do not agree under every choice\n"), "{}", list.out);
    assert_eq!(nasrecc(&["explain", "w0701"]).out, Code::UnusedImport.page());
    let unknown = nasrecc(&["explain", "E0299"]);
    assert_eq!(unknown.status, Some(2));
    assert!(unknown.err.contains("there is no code `E0299`"), "{}", unknown.err);
    assert!(nasrecc(&["explain", "E02044"]).err.contains("did you mean E0204?"));
}
