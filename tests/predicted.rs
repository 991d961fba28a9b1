//! What `predict` writes and `evaluate` compares: Parquet, a stop that leaves nothing behind, two models on the same rows.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::predicting::{FILE, json, refused, table, trained, well};

/// Nothing that a test waits for takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn what_is_written_as_parquet_is_read_again() {
    let (_folder, alone) = trained();
    let at = alone.path();
    let (text, _) = well(at, &["predict", "model", "--data", "new.csv", "--keep", "id"]);
    let keep = "id,click,user,price,city,site";
    let (none, said) = well(at, &["predict", "model", "--data", "new.csv", "--keep", keep, "-o", "new.parquet"]);
    assert!(none.is_empty() && said.contains("wrote new.parquet"), "{said}");
    // Texts are what they were, so each row is said the same of; what is kept of Parquet is what was kept of text.
    let (again, _) = well(at, &["predict", "model", "--data", "new.parquet", "--keep", "id"]);
    assert_eq!(again, text);
    well(at, &["predict", "model", "--data", "new.parquet", "--keep", keep, "-o", "again.parquet", "--threads", "1"]);
    let bytes = |name: &str| fs::read(at.join(name)).expect("written");
    assert_eq!(bytes("again.parquet"), bytes("new.parquet"));
    let judged = |data: &str| json(&well(at, &["evaluate", "model", "--data", data, "--format", "json"]).0);
    assert_eq!(judged("new.parquet")["log_loss"], judged("new.csv")["log_loss"]);
    // What cannot be read keeps its place.
    fs::write(at.join("bad.csv"), "id,price,city,site\n1,2.5,a,f\n2,dear,a,f\n3,1.5,a,f\n").expect("written");
    let bad =
        ["predict", "model", "--data", "bad.csv", "--malformed", "empty", "--keep", "id,price", "-o", "bad.parquet"];
    let (_, said) = well(at, &bad);
    assert!(said.contains("1 row has no probability"), "{said}");
    assert!(bytes("bad.parquet").starts_with(b"PAR1") && bytes("bad.parquet").ends_with(b"PAR1"));
    assert!(beside(at).is_empty());
}

/// Files that are begun, and have no name yet.
fn beside(folder: &Path) -> Vec<fs::DirEntry> {
    let all = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    all.filter(|entry| entry.file_name().to_string_lossy().ends_with(".new")).collect()
}

/// The command, reading rows from a pipe that stays open behind them, until the other one ends.
fn waiting(at: &Path, args: &[&str], rows: &str) -> (Child, JoinHandle<ChildStdin>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_nasrecc"))
        .current_dir(at)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let (mut pipe, rows) = (child.stdin.take().expect("a pipe"), rows.to_owned());
    let writing = thread::spawn(move || {
        // Whoever was stopped reads no more of it.
        let _gone = pipe.write_all(rows.as_bytes());
        pipe
    });
    (child, writing)
}

fn until(what: &str, done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
#[cfg(unix)]
fn a_stop_leaves_nothing_behind() {
    let (_folder, alone) = trained();
    let at = alone.path();
    let rows = table(0..90_000);
    fs::write(at.join("was.csv"), "as it was").expect("written");
    for (name, signal) in [("new.out.csv", "-INT"), ("new.out.parquet", "-TERM"), ("was.csv", "-INT")] {
        let (child, writing) = waiting(at, &["predict", "model", "--data", "-", "-o", name], &rows);
        // Of Parquet the rows of a group wait for it to be whole.
        let least = if name.ends_with(".csv") { 1 } else { 0 };
        let begun = || beside(at).iter().any(|file| file.metadata().is_ok_and(|known| known.len() >= least));
        until("it begins to write", begun);
        let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill");
        assert!(sent.success());
        // The pipe is still open: the wait for more ends.
        let output = child.wait_with_output().expect("it ends");
        drop(writing.join().expect("a pipe"));
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(130), "{told}");
        assert!(told.contains("stopped; nothing was written"), "{told}");
        assert!(output.stdout.is_empty() && beside(at).is_empty(), "{name}");
        assert_eq!(at.join(name).exists(), name == "was.csv");
    }
    assert_eq!(fs::read_to_string(at.join("was.csv")).expect("there"), "as it was");
    // To stdout the rows before are said, and no half of one.
    let (mut child, writing) = waiting(at, &["predict", "model", "--data", "-", "--keep", "id"], &rows);
    let mut stdout = child.stdout.take().expect("a pipe");
    let mut begun = [0; 64];
    std::io::Read::read_exact(&mut stdout, &mut begun).expect("rows");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill").success());
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut stdout, &mut rest).expect("text");
    let output = child.wait_with_output().expect("it ends");
    drop(writing.join().expect("a pipe"));
    assert_eq!(output.status.code(), Some(130));
    assert!(String::from_utf8_lossy(&output.stderr).contains("stopped; the rows after these were not read"));
    let said = String::from_utf8_lossy(&begun).into_owned() + &rest;
    assert!(said.starts_with("id,probability\nrow 0,0.") && said.ends_with('\n'), "{said}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_told() {
    let (_folder, alone) = trained();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("a device");
    let output = Command::new(env!("CARGO_BIN_EXE_nasrecc"))
        .current_dir(alone.path())
        .args(["predict", "model", "--data", "new.csv"])
        .stdout(full)
        .output()
        .expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("error: stdout cannot be written: No space left on device"), "{told}");
}

/// Two models, one of which reads other columns and calls the same rows clicks.
#[test]
fn two_models_are_compared_on_the_same_rows() {
    let (folder, alone) = trained();
    let (run, at) = (folder.path(), alone.path());
    let other = FILE.replace("  group user\n", "").replace("  sparse city: text | vocabulary(rows: 20)\n", "");
    fs::write(run.join("b.nasrec"), other).expect("written");
    well(run, &["train", "b.nasrec", "--out", "less"]);
    fs::create_dir(at.join("less")).expect("made");
    for entry in fs::read_dir(run.join("less/best")).expect("a model") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), at.join("less").join(entry.file_name())).expect("copied");
    }
    // As many rows as have both labels in each of a hundred blocks.
    fs::write(at.join("more.csv"), table(2_000..7_000)).expect("written");
    let of = |models: &[&str], more: &[&str]| {
        let args = [&["evaluate"], models, &["--data", "more.csv", "--format", "json"], more].concat();
        json(&well(at, &args).0)
    };
    let both = of(&["model", "less"], &["--bootstrap", "200"]);
    let alone = [of(&["model"], &[]), of(&["less"], &[])];
    let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{value}"));
    for (index, alone) in alone.iter().enumerate() {
        for figure in ["rows", "log_loss", "auc", "normalised_entropy", "calibration_error"] {
            assert_eq!(both["models"][index][figure], alone[figure], "{figure}");
        }
    }
    assert!(alone[0]["group_auc"].is_number() && alone[1].get("group_auc").is_none_or(Value::is_null));
    // The first is ahead by the difference, which lies within its intervals; turned around, it is behind by as much.
    let turned = of(&["less", "model"], &[]);
    for (figure, sign) in [("log_loss", -1.0), ("auc", 1.0)] {
        let [first, second] = alone.each_ref().map(|alone| number(&alone[figure]));
        let ahead = &both["ahead"][figure];
        let difference = number(&ahead["difference"]);
        assert!((difference - sign * (first - second)).abs() < 1e-9, "{both}");
        assert!(number(&ahead["low"]) <= difference && difference <= number(&ahead["high"]), "{ahead}");
        assert!((number(&turned["ahead"][figure]["difference"]) + difference).abs() < 1e-9, "{turned}");
    }
    assert_eq!(both, of(&["model", "less"], &["--bootstrap", "200"]), "the same each time");
    assert_eq!(both, of(&["model", "less"], &["--bootstrap", "200", "--threads", "1"]), "with any number of threads");
    let (text, _) = well(at, &["evaluate", "model", "less", "--data", "more.csv"]);
    assert!(text.contains("model") && text.contains("less"), "{text}");
}

/// A quarter of the room, and what that costs is told by the command that compares two models.
#[test]
fn tables_take_less_room_and_what_that_loses_can_be_told() {
    let (_folder, alone) = trained();
    let at = alone.path();
    let (_, said) = well(at, &["quantise", "model", "--tables", "int8", "-o", "small"]);
    assert!(said.contains("wrote small: its tables in int8"), "{said}");
    let show = json(&well(at, &["show", "small", "--format", "json"]).0);
    assert_eq!((show["tables"].as_str(), &show["evidence"]["test"]), (Some("int8"), &Value::Null));
    let whole = json(&well(at, &["show", "model", "--format", "json"]).0);
    assert_eq!((whole["tables"].as_str(), &whole["plan"]), (Some("f32"), &show["plan"]));
    let compared = json(&well(at, &["evaluate", "small", "model", "--data", "new.csv", "--format", "json"]).0);
    let loss = |at: usize| compared["models"][at]["log_loss"].as_f64().expect("a log loss");
    assert!((loss(0) - loss(1)).abs() < 0.01 && loss(0) != loss(1), "{compared}");
    let said = |tables: &[&str]| well(at, &[&["predict", "small", "--data", "new.csv"], tables].concat()).0;
    assert_eq!(said(&["--map-tables"]), said(&[]));
    // Without norms there is nothing to fold.
    assert_eq!(said(&["--fold-norms"]), said(&[]));
    // Wherever it goes it says what it says here.
    well(at, &["export", "small", "--format", "c", "-o", "small_c", "--verify"]);
    let again = refused(at, &["quantise", "small", "--tables", "bf16", "-o", "smaller"]);
    assert!(again.contains("stored in int8 already"), "{again}");
    let same = refused(at, &["quantise", "model", "--tables", "bf16", "-o", "./model"]);
    assert!(same.contains("where the model is"), "{same}");
}
