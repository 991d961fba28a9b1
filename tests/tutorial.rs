//! The tutorial is true: what it quotes is what the files in `examples/tutorial/` are, and what the command says of them.

use std::path::{Path, PathBuf};
use std::process::Command;

const PAGE: &str = include_str!("../docs/tutorial.md");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn folder() -> PathBuf {
    root().join("examples/tutorial")
}

/// The exit status, stdout and stderr of `nasrecc`, started at the root of the repository.
fn nasrecc(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_nasrecc"))
        .current_dir(root())
        .args(arguments)
        .output()
        .expect("nasrecc starts");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// The fenced blocks of the page: what is on the fence, and what is in it.
fn blocks() -> Vec<(&'static str, &'static str)> {
    let mut rest = PAGE;
    let mut found = Vec::new();
    while let Some((_, after)) = rest.split_once("\n```") {
        let (mark, after) = after.split_once('\n').expect("a fence has a first line");
        let (block, after) = after.split_once("\n```").expect("a fence ends");
        found.push((mark, block));
        rest = after;
    }
    found
}

fn files() -> Vec<String> {
    let mut files: Vec<String> = std::fs::read_dir(folder())
        .expect("the tutorial's files are there")
        .map(|entry| entry.expect("a folder entry").file_name().into_string().expect("names are plain"))
        .collect();
    files.sort();
    files
}

#[test]
fn every_file_is_quoted_as_it_is() {
    let quoted: Vec<(&str, &str)> =
        blocks().into_iter().filter_map(|(mark, block)| Some((mark.strip_prefix("nasrec,file=")?, block))).collect();
    let mut names: Vec<String> = quoted.iter().map(|(name, _)| (*name).to_owned()).collect();
    names.sort();
    assert_eq!(names, files());
    for (name, block) in quoted {
        let text = std::fs::read_to_string(folder().join(name)).expect("text");
        assert_eq!(text.trim_end(), block, "{name}");
    }
}

#[test]
fn every_file_is_formatted_and_only_the_mistake_is_wrong() {
    for name in files() {
        let file = format!("examples/tutorial/{name}");
        assert_eq!(nasrecc(&["fmt", "--check", &file]).0, Some(0), "{name} is not formatted");
        let (status, _, said) = nasrecc(&["check", &file]);
        assert_eq!(status, Some(i32::from(name == "mistake.nasrec")), "{name}\n{said}");
    }
}

#[test]
fn what_the_commands_say_is_quoted() {
    let lines = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim().to_owned();
    let mut quoted = 0;
    for (mark, block) in blocks() {
        let Some((command, output)) = block.strip_prefix("$ nasrecc ").and_then(|block| block.split_once('\n')) else {
            continue;
        };
        if mark != "text" || command.starts_with("search") {
            continue;
        }
        let (_, out, err) = nasrecc(&command.split_whitespace().collect::<Vec<_>>());
        assert_eq!(lines(output), lines(&(out + &err)), "nasrecc {command}");
        quoted += 1;
    }
    assert!(quoted >= 3, "{quoted} outputs are quoted");
}

#[test]
fn the_search_runs_to_its_end() {
    let out = tempfile::tempdir().expect("a folder");
    let run = out.path().join("run");
    let mut arguments = vec!["search", "examples/tutorial/search.nasrec", "--out", run.to_str().expect("text")];
    for setting in [
        "data.synthetic.rows=2_000",
        "train.epochs=1",
        "evaluate.finetune=off",
        "evaluate.batch=100",
        "evaluate.validate=1",
        "evolve.population=4",
        "evolve.generations=1",
        "evolve.children=2",
        "evolve.tournament=2",
        "retrain.top=1",
    ] {
        arguments.extend(["--set", setting]);
    }
    let (status, _, said) = nasrecc(&arguments);
    assert_eq!(status, Some(0), "{said}");
    let best = std::fs::read_to_string(run.join("best.nasrec")).expect("the best architecture is there");
    assert!(best.contains("arch best of crossed with clicks"), "{best}");
    let (items, _) = best.split_once("/// Found by").expect("it says which search found it");
    assert!(PAGE.contains(items), "the page does not quote what stands before the winner:\n{items}");
}
