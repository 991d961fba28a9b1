//! The page for who has a table and nothing else is true: its commands run, and say what it quotes.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const PAGE: &str = include_str!("../docs/first_tables.md");

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Blocks of text that begin with a command: the command, and what it says.
fn commands() -> Vec<(&'static str, &'static str)> {
    let blocks = PAGE.split("```text\n$ nasrecc ").skip(1).filter_map(|rest| rest.split("\n```").next());
    blocks.filter_map(|block| block.split_once('\n')).collect()
}

/// The models of a table at the end of a run, found ones under one name: which of them was better depends on the processor.
fn models(told: &str) -> Vec<&str> {
    let rows = told.lines().filter_map(|line| line.split('┆').nth(1).map(str::trim));
    let mut models: Vec<&str> = rows.map(|name| name.split_once('-').map_or(name, |(found, _)| found)).collect();
    models.sort_unstable();
    models
}

#[test]
fn every_command_says_what_the_page_quotes() {
    let folder = tempfile::tempdir().expect("a folder");
    let tables = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/tables");
    for table in fs::read_dir(tables).expect("tables") {
        let table = table.expect("an entry").path();
        fs::copy(&table, folder.path().join(table.file_name().expect("a name"))).expect("copied");
    }
    let commands = commands();
    assert_eq!(commands.len(), 6, "two for each of three tables");
    for (command, quoted) in commands {
        let mut nasrecc = Command::new(env!("CARGO_BIN_EXE_nasrecc"));
        let ran = nasrecc.current_dir(folder.path()).args(command.split(' ')).output().expect("it starts");
        let Output { status, stdout, stderr } = ran;
        let (stdout, stderr) = (text(&stdout), text(&stderr));
        assert!(status.success(), "{command}: {stderr}");
        if command.starts_with("new ") {
            assert_eq!(format!("{stdout}{stderr}").trim_end(), quoted, "{command}");
            continue;
        }
        // How its rows are shared out, and what was trained.
        let parts = quoted.lines().find(|line| line.starts_with("rows: ")).expect("it is quoted");
        assert!(stderr.contains(parts), "{command}: {parts} in\n{stderr}");
        assert!(models(quoted).len() > 3, "{quoted}");
        assert_eq!(models(&stdout), models(quoted), "{command}");
    }
    let (_, rest) = PAGE.split_once("```nasrec,file=shop\n").expect("a schema is quoted");
    let quoted = rest.split_once("\n```").expect("it ends").0;
    assert_eq!(fs::read_to_string(folder.path().join("shop/schema.nasrec")).expect("there").trim_end(), quoted);
}
