//! What a run directory is to its owner: found again from anywhere, never somebody else's files, refused with a way out.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const SEARCH: &str = "schema clicks { label click; dense I[1..2]; sparse C[1..2]: int | modulo(rows: 8) }
space small {
  input numeric: dense
  input fields: categorical
  width w in [2, 4]
  let x = relu(linear(concat(numeric, flatten(embed(fields, 2))), w))
  logit = linear(x + maybe linear(x, w), 1)
}
search tiny on small with clicks {
  data { files: \"table.tsv\" }
  train { batch: 32 }
  evaluate { finetune: off; validate: 1; batch: 64 }
  random { samples: 3 }
  retrain { top: 1; batch: 32 }
}
";

/// A folder with a table of 300 rows.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("table.tsv"), table(300)).expect("written");
    folder
}

fn table(rows: usize) -> String {
    let row = |i: usize| format!("{}\t{}\t{}\t{}\t{}\n", usize::from(i.is_multiple_of(3)), i % 7, i % 5, i % 3, i % 8);
    (0..rows).map(row).collect()
}

fn nasrecc(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nasrecc"));
    command.args(args).current_dir(folder).stdin(Stdio::null()).output().expect("nasrecc starts")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What a command says that does well.
fn well(folder: &Path, args: &[&str]) -> String {
    let output = nasrecc(folder, args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", said(&output));
    said(&output)
}

/// What a command says that cannot do its work.
fn refused(folder: &Path, args: &[&str]) -> String {
    let output = nasrecc(folder, args);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {}", said(&output));
    said(&output)
}

/// A file of the owner that has the name of one that ships, and a file that ships and needs the other.
#[test]
fn a_file_of_ones_own_and_one_that_ships_may_have_one_name() {
    let folder = folder();
    let at = folder.path();
    fs::create_dir(at.join("std")).expect("made");
    // What ships as `std/cross.nasrec` is something else, and `models/dcnv2.nasrec` needs that.
    fs::write(at.join("std/cross.nasrec"), "op cross(x: dense, y: dense) = x * y + x\n").expect("written");
    let own = SEARCH
        .replace(
            "schema clicks",
            "import \"std/cross.nasrec\" { cross }\nimport \"models/dcnv2.nasrec\" { dcnv2 }\nschema clicks",
        )
        .replace("let x = relu(", "let y = relu(")
        .replace("  logit", "  let x = cross(y, y)\n  logit")
        .replace("retrain { top: 1; batch: 32 }", "retrain { top: 1; batch: 32 }\n  baseline dcnv2(dim: 2)");
    fs::write(at.join("s.nasrec"), own).expect("written");
    well(at, &["search", "s.nasrec", "--out", "run"]);
    let run = at.join("run");
    assert!(
        run.join("sources/own/std/cross.nasrec").is_file() && run.join("sources/shipped/std/cross.nasrec").is_file()
    );
    let plan = |file: &str| well_out(at, &["compile", file, "--name", "best", "--emit", "plan"]);
    let before = (plan("run/best.nasrec"), fs::read(run.join("report.json")).expect("there"));
    // From the copies alone, from another folder, the originals gone.
    let elsewhere = at.join("elsewhere");
    fs::create_dir(&elsewhere).expect("made");
    fs::remove_file(at.join("s.nasrec")).expect("removed");
    fs::remove_dir_all(at.join("std")).expect("removed");
    fs::rename(&run, elsewhere.join("moved")).expect("moved");
    for name in ["best.nasrec", "report.json"] {
        fs::remove_file(elsewhere.join("moved").join(name)).expect("removed");
    }
    well(&elsewhere, &["search", "--resume", "moved"]);
    assert_eq!(fs::read(elsewhere.join("moved/report.json")).expect("there"), before.1);
    assert_eq!(plan("elsewhere/moved/best.nasrec"), before.0);
}

fn well_out(folder: &Path, args: &[&str]) -> String {
    let output = nasrecc(folder, args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", said(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_name_with_any_character_is_copied_under_one_that_any_system_takes() {
    let folder = folder();
    let at = folder.path();
    for name in ["my \"best\" one.nasrec", "a\nb.nasrec", "'quoted'.nasrec", "ö.nasrec", "-o.nasrec"] {
        fs::write(at.join(name), SEARCH).expect("written");
        let path = format!("./{name}");
        well(at, &["search", &path, "--out", "run"]);
        well(at, &["search", "--resume", "run"]);
        well(at, &["check", "run/best.nasrec"]);
        let copies: Vec<_> = fs::read_dir(at.join("run/sources/own")).expect("there").flatten().collect();
        let copy = copies[0].file_name().into_string().expect("plain");
        assert!(copy.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)), "{copy}");
        fs::remove_dir_all(at.join("run")).expect("removed");
    }
}

#[test]
fn what_a_run_goes_on_from_is_what_it_began_with() {
    let folder = folder();
    let at = folder.path();
    fs::write(at.join("s.nasrec"), SEARCH).expect("written");
    well(at, &["search", "s.nasrec", "--out", "run"]);
    // The owner's file may change: the run has its copy, and says so.
    fs::write(at.join("s.nasrec"), SEARCH.replace("samples: 3", "samples: 9")).expect("written");
    let text = well(at, &["search", "--resume", "run"]);
    assert!(
        text.contains("s.nasrec has changed since this run began; it goes on with its copy run/sources/own/s.nasrec"),
        "{text}"
    );
    // The copy may not.
    let copy = at.join("run/sources/own/s.nasrec");
    let kept = fs::read(&copy).expect("there");
    fs::write(&copy, SEARCH.replace("samples: 3", "samples: 4")).expect("written");
    let text = refused(at, &["search", "--resume", "run"]);
    assert!(
        text.contains("run/sources/own/s.nasrec cannot be used: it was changed after the run began; put it back"),
        "{text}"
    );
    fs::write(&copy, kept).expect("written");
    // Nor the version, nor the device.
    let record = fs::read_to_string(at.join("run/run.json")).expect("there");
    fs::write(at.join("run/run.json"), record.replace("\"nasrecc\": \"", "\"nasrecc\": \"9.")).expect("written");
    let text = refused(at, &["search", "--resume", "run"]);
    assert!(
        text.contains("run was started by nasrecc 9.") && text.contains("go on with that version, or start anew"),
        "{text}"
    );
    fs::write(at.join("run/run.json"), record.replace("train", "tram")).expect("written");
    let text = refused(at, &["search", "--resume", "run"]);
    assert!(text.contains("run/run.json cannot be used: its checksum is another"), "{text}");
    fs::write(at.join("run/run.json"), record).expect("written");
    let text = refused(at, &["search", "--resume", "run", "--device", "cpu:portable"]);
    assert!(
        text.contains("computes on cpu, and this is cpu:portable: go on with --device cpu, or start anew"),
        "{text}"
    );
    well(at, &["search", "--resume", "run"]);
}

#[test]
fn a_start_that_failed_is_no_run_yet() {
    let folder = folder();
    let at = folder.path();
    fs::write(at.join("s.nasrec"), SEARCH.replace(": int", ": hex")).expect("written");
    fs::write(at.join("table.tsv"), table(300).replace("\t2\t", "\tzz\t")).expect("written");
    let text = refused(at, &["search", "s.nasrec", "--out", "run"]);
    assert!(text.contains("malformed"), "{text}");
    fs::write(at.join("table.tsv"), table(300)).expect("written");
    fs::write(at.join("s.nasrec"), SEARCH).expect("written");
    well(at, &["search", "s.nasrec", "--out", "run"]);
    let text = refused(at, &["search", "s.nasrec", "--out", "run"]);
    assert!(text.contains("run holds a run already: continue it with `--resume run`"), "{text}");
}

#[cfg(unix)]
#[test]
fn no_link_leads_out_of_a_run() {
    use std::os::unix::fs::symlink;
    let folder = folder();
    let at = folder.path();
    fs::write(at.join("s.nasrec"), SEARCH).expect("written");
    well(at, &["search", "s.nasrec", "--out", "run"]);
    fs::write(at.join("mine"), "precious").expect("written");
    let run = at.join("run");
    for name in ["lock", "journal.jsonl", "run.json", "data.cache", "supernet.safetensors", "best/model.json"] {
        let kept = at.join("kept");
        fs::rename(run.join(name), &kept).expect("moved");
        for target in [at.join("mine"), at.join("none")] {
            symlink(&target, run.join(name)).expect("a link");
            let output = nasrecc(at, &["search", "--resume", "run"]);
            // What is written again replaces the link; what is read is refused.
            let text = said(&output);
            assert!(output.status.success() || text.contains(&format!("run/{name} is a link")), "{name}: {text}");
            assert_eq!(fs::read(at.join("mine")).expect("there"), b"precious");
            assert!(!at.join("none").exists(), "{name}");
            let _gone = fs::remove_file(run.join(name));
        }
        fs::rename(&kept, run.join(name)).expect("moved");
    }
    for name in ["report.json", "report.txt", "usage.json", "best.nasrec", "README.txt"] {
        fs::remove_file(run.join(name)).expect("removed");
        symlink(at.join("mine"), run.join(name)).expect("a link");
        well(at, &["search", "--resume", "run"]);
        assert_eq!(fs::read(at.join("mine")).expect("there"), b"precious", "{name}");
    }
    fs::rename(run.join("sources"), at.join("sources")).expect("moved");
    symlink(at.join("sources"), run.join("sources")).expect("a link");
    let text = refused(at, &["search", "--resume", "run"]);
    assert!(text.contains("it is behind a link"), "{text}");
    fs::remove_file(run.join("sources")).expect("removed");
    fs::rename(at.join("sources"), run.join("sources")).expect("moved");
    // A model of the owner's is no place for that of a run, whether the run has one to keep or makes one.
    fs::rename(run.join("best"), at.join("model")).expect("moved");
    symlink(at.join("model"), run.join("best")).expect("a link");
    fs::write(at.join("model/weights.safetensors"), "precious").expect("written");
    for journal in [true, false] {
        if !journal {
            fs::remove_file(run.join("journal.jsonl")).expect("removed");
        }
        let text = refused(at, &["search", "--resume", "run"]);
        assert!(
            text.contains("run/best is a link; expected a folder of the run itself: put that in its place"),
            "{text}"
        );
        assert_eq!(fs::read(at.join("model/weights.safetensors")).expect("there"), b"precious");
    }
}

/// Whatever a process that was ended has written down, the command that began it begins it again.
#[test]
fn a_start_that_was_ended_anywhere_is_started_again() {
    let folder = folder();
    let at = folder.path();
    fs::write(at.join("s.nasrec"), SEARCH).expect("written");
    well(at, &["search", "s.nasrec", "--out", "whole/."]);
    let written = ["lock", ".run.json.nasrecc-unfinished", "run.json", "README.txt", "sources/own/s.nasrec"];
    for count in 1..=written.len() {
        let begun = at.join("begun");
        fs::create_dir_all(begun.join("sources/own")).expect("made");
        for name in &written[..count] {
            let whole = at.join("whole").join(name);
            fs::write(begun.join(name), fs::read(whole).unwrap_or_default()).expect("written");
        }
        if count < written.len() {
            fs::remove_dir_all(begun.join("sources")).expect("removed");
        }
        well(at, &["search", "s.nasrec", "--out", "begun"]);
        fs::remove_dir_all(begun).expect("removed");
    }
}

#[test]
fn a_run_whose_journal_is_lost_is_not_begun_anew() {
    let folder = folder();
    let at = folder.path();
    fs::write(at.join("s.nasrec"), SEARCH).expect("written");
    well(at, &["search", "s.nasrec", "--out", "run"]);
    let results = ["best", "best.nasrec", "report.txt", "report.json", "supernet.safetensors"];
    let hidden = at.join("hidden");
    fs::create_dir(&hidden).expect("made");
    for name in results {
        fs::rename(at.join("run").join(name), hidden.join(name)).expect("moved");
    }
    // One of them is enough.
    for name in results {
        fs::rename(hidden.join(name), at.join("run").join(name)).expect("moved");
        for journal in [Some(""), None] {
            match journal {
                Some(text) => fs::write(at.join("run/journal.jsonl"), text).expect("written"),
                None => fs::remove_file(at.join("run/journal.jsonl")).expect("removed"),
            }
            let text = refused(at, &["search", "s.nasrec", "--out", "run"]);
            assert!(text.contains("run holds a run already: continue it with `--resume run`"), "{name}: {text}");
            assert!(at.join("run").join(name).exists(), "{name}");
        }
        fs::rename(at.join("run").join(name), hidden.join(name)).expect("moved");
    }
    well(at, &["search", "s.nasrec", "--out", "run"]);
}

#[test]
fn a_directory_that_holds_something_else_stays_as_it_is() {
    let folder = folder();
    let at = folder.path();
    fs::write(at.join("s.nasrec"), SEARCH).expect("written");
    fs::create_dir(at.join("theirs")).expect("made");
    fs::write(at.join("theirs/run.json"), "{\"a\": 1}").expect("written");
    fs::write(at.join("theirs/.a.nasrecc-unfinished"), "x").expect("written");
    for command in ["search s.nasrec --out theirs", "search --resume theirs", "pack theirs -o theirs.tar.gz"] {
        let text = refused(at, &command.split(' ').collect::<Vec<_>>());
        assert!(text.contains("theirs/run.json cannot be used: it has no checksum"), "{command}: {text}");
        let mut left: Vec<_> =
            fs::read_dir(at.join("theirs")).expect("there").flatten().map(|one| one.file_name()).collect();
        left.sort();
        assert_eq!(left, [".a.nasrecc-unfinished", "run.json"], "{command}");
    }
    assert!(!at.join("theirs.tar.gz").exists());
}

/// Nothing is written where a run is packed: its directory may be read-only.
#[cfg(unix)]
#[test]
fn packing_writes_nothing_into_the_run() {
    let folder = folder();
    let at = folder.path();
    fs::write(at.join("s.nasrec"), SEARCH).expect("written");
    well(at, &["search", "s.nasrec", "--out", "run"]);
    fs::remove_file(at.join("run/lock")).expect("removed");
    fs::write(at.join("run/.a.nasrecc-unfinished"), "x").expect("written");
    well(at, &["pack", "run"]);
    assert!(!at.join("run/lock").exists() && at.join("run/.a.nasrecc-unfinished").exists());
    let lock = fs::File::create(at.join("run/lock")).expect("made");
    lock.lock().expect("locked");
    assert!(refused(at, &["pack", "run"]).contains("another nasrecc works in run"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_cannot_be_written_down_is_said_before_anything_is_made() {
    use std::os::unix::ffi::OsStrExt;
    let folder = folder();
    let at = folder.path().join(std::ffi::OsStr::from_bytes(b"a\xff"));
    fs::create_dir(&at).expect("made");
    fs::write(at.join("s.nasrec"), SEARCH).expect("written");
    fs::copy(folder.path().join("table.tsv"), at.join("table.tsv")).expect("copied");
    let text = refused(&at, &["search", "s.nasrec", "--out", "run"]);
    assert!(
        text.contains(r"a\xFF") && text.contains("is not UTF-8, and a run could not write it down: rename it"),
        "{text}"
    );
    assert!(!at.join("run").exists());
}

#[test]
fn searches_that_start_together_have_a_directory_each() {
    let folder = folder();
    let at = folder.path();
    fs::write(at.join("s.nasrec"), SEARCH).expect("written");
    let start = |_| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nasrecc"));
        command.args(["search", "s.nasrec"]).current_dir(at).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("nasrecc starts")
    };
    let children: Vec<_> = (0..8).map(start).collect();
    assert!(children.into_iter().all(|mut child| child.wait().expect("it ends").success()));
    let mut found: Vec<_> = fs::read_dir(at.join("runs"))
        .expect("there")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    found.sort();
    assert_eq!(found, (1..=8).map(|number| format!("tiny-{number}")).collect::<Vec<_>>());
    assert!(found.iter().all(|name| at.join("runs").join(name).join("best/model.json").is_file()));
}

#[test]
fn what_is_packed_is_what_may_be_passed_on() {
    let folder = folder();
    let at = folder.path();
    fs::write(at.join("s.nasrec"), SEARCH).expect("written");
    well(at, &["search", "s.nasrec", "--out", "run"]);
    let text = well(at, &["pack", "run"]);
    assert!(text.contains("left out data.cache: private, it holds every row"), "{text}");
    assert!(text.contains("left out sources: private, they are yours"), "{text}");
    let listed = |archive: &str| {
        let output = Command::new("tar").args(["-tzf", archive]).current_dir(at).output().expect("tar runs");
        assert!(output.status.success());
        String::from_utf8(output.stdout).expect("names").lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let names = [
        "README.txt",
        "best/model.json",
        "best/weights.safetensors",
        "best.nasrec",
        "report.txt",
        "report.json",
        "journal.jsonl",
    ];
    assert_eq!(listed("run.tar.gz"), names.map(|name| format!("run/{name}")));
    let packed = fs::read(at.join("run.tar.gz")).expect("there");
    let here = at.to_str().expect("a path");
    let unpacked = Command::new("tar").args(["-xzOf", "run.tar.gz"]).current_dir(at).output().expect("tar runs");
    assert!(!String::from_utf8_lossy(&unpacked.stdout).contains(here), "it names a folder of this machine");
    well(at, &["pack", "run", "-o", "again.tar.gz", "--with", "sources"]);
    assert!(listed("again.tar.gz").contains(&"run/sources/own/s.nasrec".to_owned()));
    well(at, &["pack", "run"]);
    assert_eq!(fs::read(at.join("run.tar.gz")).expect("there"), packed, "the same run, the same bytes");
    let text = refused(at, &["pack", "run", "--with", "secrets"]);
    assert!(text.contains("a run has no part `secrets`; it has best, best.nasrec"), "{text}");
    assert!(refused(at, &["pack", "nowhere"]).contains("there is no directory nowhere"));
}

/// What is not of the run, and the run itself, stay what they were wherever the archive is written.
#[test]
fn an_archive_replaces_no_part_of_the_run_and_no_device() {
    use std::os::unix::fs::FileTypeExt;

    let folder = folder();
    let at = folder.path();
    fs::write(at.join("s.nasrec"), SEARCH).expect("written");
    well(at, &["search", "s.nasrec", "--out", "run"]);
    fs::write(at.join("run/notes"), "mine").expect("written");
    well(at, &["pack", "run", "-o", "run.tar.gz"]);
    let packed = fs::read(at.join("run.tar.gz")).expect("there");
    std::os::unix::fs::symlink("run/best/model.json", at.join("link")).expect("a link");
    for (out, part) in
        [("run/journal.jsonl", "journal.jsonl"), ("run/sources/own/s.nasrec", "sources"), ("link", "best")]
    {
        let before = fs::read(at.join(out)).expect("there");
        let text = refused(at, &["pack", "run", "-o", out]);
        assert!(text.contains(&format!("-o {out} would change {part} of the run itself")), "{text}");
        assert_eq!(fs::read(at.join(out)).expect("there"), before);
    }
    for (out, part) in [("run/best/new.tar.gz", "best"), ("run/x-5.safetensors", "x-5.safetensors")] {
        let text = refused(at, &["pack", "run", "-o", out]);
        assert!(text.contains(&format!("-o {out} would change {part} of the run itself")), "{text}");
        assert!(!at.join(out).exists());
    }
    // A device of this test's own needs the rights to make one; a pipe is none of its own kind here.
    let ran = Command::new("bash")
        .current_dir(at)
        .args(["-c", &format!("mkfifo p; cat p >copy & '{}' pack run -o p; wait", env!("CARGO_BIN_EXE_nasrecc"))])
        .output();
    assert!(ran.expect("a shell").status.success());
    assert!(at.join("p").metadata().expect("there").file_type().is_fifo());
    assert_eq!(fs::read(at.join("copy")).expect("there"), packed);
    assert_eq!(
        refused(at, &["pack", "run", "-o", "no/such"]).lines().next(),
        Some("error: cannot write no/such: there is no folder no; make it first")
    );
}
