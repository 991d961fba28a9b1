//! What a search takes of the machine: refused before anything is made where it cannot fit, and told at the end.

use std::path::Path;
use std::process::{Command, Output};

fn nasrecc(folder: &Path, arguments: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_nasrecc")).current_dir(folder).args(arguments).output();
    output.expect("nasrecc starts")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).expect("written");
}

/// A search of one linear layer over a table, with everything else as small as it gets.
fn small(columns: &str, width: &str, recipe: &str) -> String {
    format!(
        "schema clicks {{ label click; {columns} }}
space s {{
  input numeric: dense
  input fields: categorical
  let x = relu(linear(concat(numeric, flatten(embed(fields, 16))), {width}))
  let y = maybe linear(x, {width})
  logit = linear(y + x, 1)
}}
search t on s with clicks {{
  data {{ synthetic {{ rows: 2_000 }} }}
  train {{ batch: 256 }}
  evaluate {{ finetune: off; validate: 1; batch: 256 }}
  random {{ samples: 2 }}
  retrain {{ top: 1; batch: 256; optimiser: adagrad(lr: 0.1) }}
  {recipe}
}}
"
    )
}

#[test]
fn a_layer_that_no_machine_holds_is_refused_with_its_numbers() {
    let folder = tempfile::tempdir().expect("a folder");
    let columns = "dense I[1..2]; sparse C: int | modulo(rows: 40)";
    write(folder.path(), "wide.nasrec", &small(columns, "16_000_000", ""));
    let refused = nasrecc(folder.path(), &["search", "wide.nasrec", "--out", "run"]);
    let text = said(&refused);
    assert_eq!(refused.status.code(), Some(2), "{text}");
    // Two numbers for each of 16,000,000 x 16,000,000 weights.
    assert!(text.contains("this search needs up to ") && text.contains(", and may take "), "{text}");
    let line = |name: &str| text.lines().find(|line| line.trim_start().starts_with(name)).expect("a line").to_owned();
    assert_eq!(line("dense parameters").matches("1.8 PiB").count(), 3, "{text}");
    assert!(text.contains("make layers narrower: the largest parameter is y.linear"), "{text}");
    assert!(text.contains("16000000 x 16000000"), "{text}");
    assert!(!folder.path().join("run").exists(), "refused before a directory is made");
    // Whatever is allowed, it is an error and not the end of the process.
    let allowed = nasrecc(folder.path(), &["search", "wide.nasrec", "--out", "run", "--memory", "10PiB"]);
    assert_eq!(allowed.status.code(), Some(2));
    assert!(said(&allowed).contains("PiB into its run directory, and the disk has room for "), "{}", said(&allowed));
}

#[test]
fn a_budget_holds_before_and_after_the_data_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let columns = "dense I[1..2]; sparse C[1..4]: int | modulo(rows: 10_000_000)";
    let text = small(columns, "8", "").replace("rows: 2_000", "rows: 2_000_000");
    write(folder.path(), "tall.nasrec", &text);
    // What the data cannot touch does not count: ten million rows of four tables would be 5 GiB.
    let refused = nasrecc(folder.path(), &["search", "tall.nasrec", "--out", "run", "--memory", "1GiB"]);
    let text = said(&refused);
    assert_eq!(refused.status.code(), Some(2), "{text}");
    assert!(text.contains(", and may take 1.0 GiB:"), "{text}");
    assert!(text.contains("cap the rows of tables (`modulo(rows: …)`)"), "{text}");
    let tables = text.lines().find(|line| line.trim_start().starts_with("embedding tables")).expect("a line");
    assert!(tables.contains("1.1 GiB"), "{tables}");
    let halved = ["--set", "embeddings.storage=bf16", "--set", "train.optimiser=adagrad(rowwise: on)"];
    let halved = [&halved[..], &["--set", "retrain.optimiser=adagrad(rowwise: on)"]].concat();
    let less = [&["search", "tall.nasrec", "--out", "run", "--memory", "400MiB"][..], &halved].concat();
    let text = said(&nasrecc(folder.path(), &less));
    let tables = text.lines().find(|line| line.trim_start().starts_with("embedding tables")).expect("a line");
    assert!(tables.contains("437.7 MiB"), "{tables}");

    // Of packed files it is known only once they were read.
    let rows: String = (0..3000).map(|i| format!("{}\t{i}\t2\t{i}\n", u8::from(i % 3 == 0))).collect();
    write(folder.path(), "day.tsv", &rows);
    let columns = "dense I[1..2]; sparse C: int | modulo(rows: 5_000)";
    let text = small(columns, "8", "").replace("synthetic { rows: 2_000 }", "files: \"day.tsv\"");
    write(folder.path(), "files.nasrec", &text);
    let refused = nasrecc(folder.path(), &["search", "files.nasrec", "--out", "files", "--memory", "50MB"]);
    assert!(said(&refused).contains("this search needs up to "), "{}", said(&refused));
}

#[test]
fn amounts_that_are_none_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = nasrecc(folder.path(), &["search", "x.nasrec", "--memory", "lots"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).contains("`lots` is not an amount of memory: expected such as 4GiB"), "{}", said(&refused));
}

#[test]
fn the_peak_is_told_and_kept_over_resumes() {
    let folder = tempfile::tempdir().expect("a folder");
    let columns = "dense I[1..2]; sparse C[1..2]: int | modulo(rows: 1_000_000)";
    write(folder.path(), "t.nasrec", &small(columns, "8", ""));
    let ran = nasrecc(folder.path(), &["search", "t.nasrec", "--out", "run", "--memory", "1GiB"]);
    assert_eq!(ran.status.code(), Some(0), "{}", said(&ran));
    let out = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(out.contains("The search took up to ") && out.contains(" MiB of memory."), "{out}");
    let run = folder.path().join("run");
    let usage = || -> u64 {
        let text = std::fs::read(run.join("usage.json")).expect("usage.json");
        serde_json::from_slice::<serde_json::Value>(&text).expect("JSON")["peak_memory"].as_u64().expect("a number")
    };
    // Two tables of a million rows, 244 MiB with what the optimiser remembers, of which few rows are ever touched.
    let peak = usage();
    assert!(peak > 5 << 20 && peak < 200 << 20, "{peak}");
    let report = std::fs::read_to_string(run.join("report.json")).expect("report.json");
    assert!(!report.contains("memory"), "the report says the same on every machine");
    // Writing the report again takes less.
    let again = || assert_eq!(nasrecc(folder.path(), &["search", "--resume", "run"]).status.code(), Some(0));
    again();
    assert_eq!(usage(), peak);
    // What was changed is no figure.
    let text = std::fs::read_to_string(run.join("usage.json")).expect("usage.json");
    write(&run, "usage.json", &text.replace(&peak.to_string(), &(peak + (1 << 40)).to_string()));
    again();
    assert!(usage() <= peak);
}
