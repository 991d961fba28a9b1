//! The command: what it prints, where, and how it ends.

use std::path::{Path, PathBuf};
use std::process::Command;

/// How a command ended, its stdout and its stderr.
struct Ran {
    status: i32,
    out: String,
    err: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn nasrecc(arguments: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_nasrecc"))
        .current_dir(root())
        .args(arguments)
        .output()
        .expect("nasrecc starts");
    Ran {
        status: output.status.code().expect("it was not killed"),
        out: String::from_utf8(output.stdout).expect("text"),
        err: String::from_utf8(output.stderr).expect("text"),
    }
}

#[test]
fn every_subcommand_has_help_with_examples() {
    let whole = nasrecc(&["--help"]);
    assert_eq!(whole.status, 0);
    assert!(whole.out.contains("Examples:"), "{}", whole.out);
    let commands = whole.out.split("Commands:").nth(1).and_then(|rest| rest.split("\n\n").next()).expect("a list");
    let names: Vec<&str> = commands
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(names.contains(&"check") && names.contains(&"compile") && names.contains(&"import"), "{names:?}");
    for name in names {
        let arguments: &[&str] = if name == "import" { &["import", "nasrec", "--help"] } else { &[name, "--help"] };
        let help = nasrecc(arguments);
        assert_eq!(help.status, 0, "{name}");
        assert!(help.out.contains("Examples:\n  nasrecc "), "{name}: {}", help.out);
    }
}

#[test]
fn tests_tell_which_claims_hold_and_what_both_sides_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("claims.nasrec");
    let text = "import \"nasrec_small.nasrec\" { nasrec_small }\n\ntest counts {\n  \
                raw(nasrec_small(blocks: 2, widths: [16, 32], counts: [16, 32])) == 9_216\n  \
                raw(nasrec_small) * 10 + 1 < 10 * raw(nasrec_small)\n}\n";
    std::fs::write(&file, text).expect("written");
    let path = file.to_str().expect("plain");
    let ran = nasrecc(&["test", path]);
    assert_eq!((ran.status, ran.err.as_str()), (1, "1 claim held, 1 failed\n"), "{}", ran.out);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert!(lines[0].starts_with("ok     counts: raw(nasrec_small(blocks: 2"), "{}", ran.out);
    assert!(lines[1].starts_with("FAILED counts: raw(nasrec_small) * 10 + 1"), "{}", ran.out);
    assert!(lines[2].ends_with("1") && lines[3].ends_with("0") && lines[2].len() == lines[3].len(), "{}", ran.out);
    std::fs::write(&file, text.replace(" + 1", " - 1")).expect("written");
    assert_eq!(nasrecc(&["test", path]).status, 0);
    assert_eq!(nasrecc(&["test", "spaces/std/ctr.nasrec"]).status, 0, "no test is no failure");
}

#[test]
fn without_arguments_it_explains_itself() {
    let ran = nasrecc(&[]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("Usage:"), "{}", ran.err);
}

#[test]
fn check_is_0_for_sound_files_and_1_for_findings() {
    let sound = nasrecc(&["check", "spaces/nasrec_full.nasrec", "spaces/std/ctr.nasrec"]);
    assert_eq!((sound.status, sound.out.as_str()), (0, ""));
    assert!(sound.err.contains("spaces/nasrec_full.nasrec: 2 items checked"), "{}", sound.err);
    let wrong = nasrecc(&["check", "tests/ui/names/did_you_mean_name.nasrec", "spaces/schemas.nasrec"]);
    assert_eq!((wrong.status, wrong.out.as_str()), (1, ""));
    assert!(wrong.err.contains("E0201") && wrong.err.contains("1 error"), "{}", wrong.err);
    assert!(
        wrong.err.contains("spaces/schemas.nasrec: 7 items checked"),
        "one wrong file hides no other: {}",
        wrong.err
    );
}

#[test]
fn a_missing_file_is_a_finding() {
    let ran = nasrecc(&["check", "no/such.nasrec"]);
    assert_eq!(ran.status, 1);
    assert!(ran.err.contains("E0203") && ran.err.contains("no/such.nasrec"), "{}", ran.err);
}

#[test]
fn a_file_that_is_not_text_is_a_finding() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("binary.nasrec");
    std::fs::write(&path, [0xff, 0xfe, 0x00]).expect("it can be written");
    let ran = nasrecc(&["check", path.to_str().expect("a plain path")]);
    assert_eq!(ran.status, 1);
    assert!(ran.err.contains("UTF-8"), "{}", ran.err);
}

#[test]
fn files_are_found_beside_the_file_that_imports_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("it can be written");
    write("mine.nasrec", "op twice(x: dense) -> dense = x + x\n");
    write(
        "use.nasrec",
        "import \"mine.nasrec\" { twice }\n\nspace s {\n  input n: dense\n  logit = linear(twice(n), 1)\n}\n",
    );
    let ran = nasrecc(&["check", folder.path().join("use.nasrec").to_str().expect("a plain path")]);
    assert_eq!(ran.status, 0, "{}", ran.err);
}

#[test]
fn compile_sums_a_space_up() {
    let ran = nasrecc(&["compile", "spaces/nasrec_small.nasrec"]);
    assert_eq!(ran.status, 0);
    assert!(ran.out.starts_with("space nasrec_small\n"), "{}", ran.out);
    for part in ["blocks       7", "(7 choose, 14 pick, 14 width, 14 maybe)", "(raw)", "bind a schema with --with"] {
        assert!(ran.out.contains(part), "`{part}` in {}", ran.out);
    }
    let bound = nasrecc(&["compile", "spaces/nasrec_small.nasrec", "--with", "criteo"]);
    assert_eq!(bound.status, 0);
    for part in [
        "space nasrec_small with criteo",
        "cost         macs 7,136 (optimal) to 22,613,856 (optimal)",
        "params.dense 961",
    ] {
        assert!(bound.out.contains(part), "`{part}` in {}", bound.out);
    }
}

#[test]
fn compile_sums_an_architecture_up() {
    let ran = nasrecc(&["compile", "spaces/nets/criteo_full.nasrec"]);
    assert_eq!(ran.status, 0);
    for part in ["arch nasrecnet_criteo_full of nasrec_full with criteo", "1.4483 MMACs", "3.1619 MMACs", "4 of 7"] {
        assert!(ran.out.contains(part), "`{part}` in {}", ran.out);
    }
}

#[test]
fn compile_of_a_wrong_file_shows_its_findings() {
    let ran = nasrecc(&["compile", "tests/ui/shapes/sum.nasrec"]);
    assert_eq!((ran.status, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("E0401"), "{}", ran.err);
}

#[test]
fn what_cannot_be_done_is_said_with_status_2() {
    for (arguments, said) in [
        (vec!["compile", "spaces/std/ctr.nasrec"], "does not define a space, a search, a train or an arch"),
        (vec!["compile", "spaces/nasrec_full.nasrec", "--name", "other"], "does not define `other`"),
        (
            vec!["compile", "spaces/nasrec_full.nasrec", "--with", "other"],
            "nasrecc ships criteo, avazu, kdd, criteo_x4",
        ),
        (vec!["compile", "spaces/nasrec_full.nasrec", "--emit", "plan"], "a plan is made of an architecture"),
        (vec!["import", "nasrec", "no.json", "--space", "nasrec_full"], "cannot read no.json"),
        (vec!["import", "nasrec", "Cargo.toml", "--space", "nasrec_full"], "not in NASRec's notation"),
    ] {
        let ran = nasrecc(&arguments);
        assert_eq!(ran.status, 2, "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains(said), "{arguments:?}: {}", ran.err);
    }
}

#[test]
fn emitted_json_is_json() {
    let plan = nasrecc(&["compile", "spaces/nets/kdd_small.nasrec", "--emit", "plan"]);
    assert_eq!(plan.status, 0);
    let plan: serde_json::Value = serde_json::from_str(&plan.out).expect("JSON");
    let nodes = plan["nodes"].as_array().expect("nodes");
    assert!(plan["version"] == 2 && nodes.len() > 20 && plan["logit"].as_u64().expect("an index") < nodes.len() as u64);
    let graph = nasrecc(&["compile", "spaces/nasrec_small.nasrec", "--emit", "graph"]);
    let graph: serde_json::Value = serde_json::from_str(&graph.out).expect("JSON");
    let (nodes, edges) = (graph["nodes"].as_array().expect("nodes"), graph["edges"].as_array().expect("edges"));
    let count = nodes.len() as u64;
    assert!(edges.iter().all(|e| e["from"].as_u64() < Some(count) && e["to"].as_u64() < Some(count)));
    assert_eq!(graph["choices"].as_array().expect("choices").len(), 49);
}

/// Statements of Graphviz's language that `--emit dot` uses: balanced, and only between declared nodes.
#[test]
fn emitted_dot_is_dot() {
    for file in ["spaces/nasrec_small.nasrec", "spaces/nets/avazu_small.nasrec", "spaces/models/dlrm.nasrec"] {
        let ran = nasrecc(&["compile", file, "--emit", "dot"]);
        assert_eq!(ran.status, 0, "{file}: {}", ran.err);
        assert!(ran.out.starts_with("digraph \"") && ran.out.trim_end().ends_with('}'), "{file}");
        assert_eq!(ran.out.matches('{').count(), ran.out.matches('}').count(), "{file}");
        assert_eq!(ran.out.matches('"').count() % 2, 0, "{file}");
        let declared: Vec<&str> = ran
            .out
            .lines()
            .filter(|line| line.contains("[label="))
            .filter(|line| !line.contains("->"))
            .filter_map(|line| line.split_whitespace().next())
            .collect();
        for edge in ran.out.lines().filter(|line| line.contains("->") && !line.contains("logit")) {
            let mut ends = edge.split("->").filter_map(|end| end.split_whitespace().next());
            assert!(ends.all(|end| declared.contains(&end.trim_end_matches(';'))), "{file}: {edge}");
        }
    }
}

#[test]
fn import_writes_source_that_checks() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("net");
    let target = out.to_str().expect("a plain path");
    let json = "tests/parity/full_03.json";
    let weights = "tests/parity/full_03.safetensors";
    let ran = nasrecc(&["import", "nasrec", json, "--space", "nasrec_full", "--weights", weights, "-o", target]);
    assert_eq!((ran.status, ran.out.as_str()), (0, ""), "{}", ran.err);
    assert!(out.with_extension("safetensors").is_file());
    let source = out.with_extension("nasrec");
    let checked = nasrecc(&["check", source.to_str().expect("a plain path")]);
    assert_eq!(checked.status, 0, "{}", checked.err);
    // Without -o the source is the output.
    let printed = nasrecc(&["import", "nasrec", json, "--space", "nasrec_full"]);
    assert_eq!(printed.out, std::fs::read_to_string(source).expect("it was written"));
}

#[test]
fn weights_that_cannot_be_imported_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("w.safetensors");
    let weights = path.to_str().expect("a plain path");
    let json = "tests/parity/full_03.json";
    let empty = [8u64.to_le_bytes().as_slice(), b"{}      "].concat();
    for (bytes, why) in [(empty.as_slice(), "the file has no tensor"), (b"nonsense", "header")] {
        std::fs::write(&path, bytes).expect("written");
        let ran = nasrecc(&["import", "nasrec", json, "--space", "nasrec_full", "--weights", weights, "--verify"]);
        assert_eq!(ran.status, 2, "{}", ran.err);
        assert!(ran.err.to_lowercase().contains(why) && ran.err.contains("w.safetensors"), "{}", ran.err);
    }
}

#[test]
fn import_into_the_wrong_space_is_refused() {
    let ran = nasrecc(&["import", "nasrec", "tests/nasrecnet/criteo_full.json", "--space", "nasrec_small"]);
    assert_eq!(ran.status, 2, "the small space has no gating: {}", ran.err);
    let ran = nasrecc(&["import", "nasrec", "tests/nasrecnet/criteo_full.json", "--space", "nasrec_fall"]);
    assert_eq!(ran.status, 2, "no file that could be shown: {}", ran.err);
    assert!(ran.err.contains("no space `nasrec_fall` ships with nasrecc"), "{}", ran.err);
}

const UNTIDY: &str = "op f(x:dense)->dense{ // why\n\n    relu( x );\n}\n\n\n";
const TIDY: &str = "op f(x: dense) -> dense { // why\n  relu(x)\n}\n";

#[test]
fn fmt_rewrites_files_in_place_and_then_has_nothing_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("untidy.nasrec");
    std::fs::write(&path, UNTIDY).expect("it can be written");
    let file = path.to_str().expect("a plain path");
    let check = nasrecc(&["fmt", "--check", file]);
    assert_eq!((check.status, check.out.as_str()), (1, ""));
    assert!(check.err.contains("is not formatted") && check.err.contains("\n-op f(x:dense)"), "{}", check.err);
    assert_eq!(std::fs::read_to_string(&path).expect("it is there"), UNTIDY, "--check writes nothing");
    for _ in 0..2 {
        let ran = nasrecc(&["fmt", file]);
        assert_eq!((ran.status, ran.out.as_str()), (0, ""), "{}", ran.err);
        assert_eq!(std::fs::read_to_string(&path).expect("it is there"), TIDY);
    }
    let check = nasrecc(&["fmt", "--check", file, "spaces/nasrec_full.nasrec"]);
    assert_eq!((check.status, check.err.as_str()), (0, ""));
    assert_eq!(std::fs::read_dir(folder.path()).expect("it is there").count(), 1, "nothing is left beside the file");
}

#[cfg(unix)]
#[test]
fn fmt_keeps_permissions_and_links() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = tempfile::tempdir().expect("a folder");
    let (path, link) = (folder.path().join("file.nasrec"), folder.path().join("link.nasrec"));
    std::fs::write(&path, UNTIDY).expect("it can be written");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).expect("they can be set");
    symlink("file.nasrec", &link).expect("a link");
    assert_eq!(nasrecc(&["fmt", link.to_str().expect("a plain path")]).status, 0);
    assert_eq!(std::fs::read_to_string(&path).expect("it is there"), TIDY);
    assert_eq!(std::fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o640);
    assert!(std::fs::symlink_metadata(&link).expect("it is there").is_symlink());
}

#[test]
fn fmt_leaves_a_file_with_a_mistake_alone_and_shows_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("wrong.nasrec");
    let text = "op f(x:dense) = relu(x\n";
    std::fs::write(&path, text).expect("it can be written");
    let ran = nasrecc(&["fmt", path.to_str().expect("a plain path")]);
    assert_eq!((ran.status, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("E0102") && ran.err.contains("wrong.nasrec"), "{}", ran.err);
    assert_eq!(std::fs::read_to_string(&path).expect("it is there"), text);
}

#[test]
fn fmt_is_a_filter() {
    use std::io::Write;
    use std::process::Stdio;
    let filter = |arguments: &[&str], text: &str| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_nasrecc"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("nasrecc starts");
        child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("it is read");
        let output = child.wait_with_output().expect("it ends");
        (output.status.code(), String::from_utf8(output.stdout).expect("text"))
    };
    assert_eq!(filter(&["fmt", "-"], UNTIDY), (Some(0), TIDY.to_owned()));
    assert_eq!(filter(&["fmt", "--check", "-"], UNTIDY), (Some(1), String::new()));
    assert_eq!(filter(&["fmt", "-"], "op f("), (Some(1), String::new()));
}

#[test]
fn fmt_needs_files_that_are_there() {
    let none = nasrecc(&["fmt"]);
    assert_eq!(none.status, 2);
    assert!(none.err.contains("Usage:"), "{}", none.err);
    let missing = nasrecc(&["fmt", "no/such.nasrec"]);
    assert_eq!(missing.status, 2);
    assert!(missing.err.contains("no/such.nasrec cannot be read"), "{}", missing.err);
}
