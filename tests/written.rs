//! `-o FILE`: what becomes of files that are there.

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

/// How a command ended, and what it said.
fn nasrecc(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let ran = Command::new(env!("CARGO_BIN_EXE_nasrecc")).current_dir(folder).args(arguments).output();
    let ran = ran.expect("it starts");
    (ran.status.code(), String::from_utf8(ran.stderr).expect("text"))
}

const SPACE: &str = "import \"part.nasrec\" { double }\n\nspace s {\n  input n: dense\n  width w in [4, 8]\n  \
                     logit = linear(double(linear(n, w)), 1)\n}\n";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("part.nasrec"), "op double(x: dense) -> dense = x + x\n").expect("written");
    fs::write(folder.path().join("s.nasrec"), SPACE).expect("written");
    symlink("s.nasrec", folder.path().join("link.nasrec")).expect("a link");
    folder
}

#[test]
fn what_is_read_is_not_overwritten() {
    let folder = folder();
    for out in ["s.nasrec", "./s.nasrec", "link.nasrec", "part.nasrec"] {
        for command in [
            vec!["sample", "s.nasrec", "--with", "criteo"],
            vec!["count", "s.nasrec"],
            vec!["cost", "s.nasrec", "--with", "criteo"],
            vec!["compile", "s.nasrec", "--emit", "checked"],
            vec!["diff", "s.nasrec", "s.nasrec"],
        ] {
            let (status, said) = nasrecc(folder.path(), &[command.as_slice(), &["-o", out]].concat());
            assert_eq!(status, Some(2), "{command:?} -o {out}: {said}");
            assert!(said.contains(&format!("error: -o {out} would overwrite what is read")), "{said}");
            assert!(said.contains("choose another name"), "{said}");
        }
    }
    assert_eq!(fs::read_to_string(folder.path().join("s.nasrec")).expect("still there"), SPACE);
    let net = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/nasrecnet/criteo_small.json");
    fs::copy(net, folder.path().join("net.nasrec")).expect("copied");
    let (status, said) =
        nasrecc(folder.path(), &["import", "nasrec", "net.nasrec", "--space", "nasrec_small", "-o", "net"]);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("would overwrite what is read"), "{said}");
}

#[test]
fn a_file_keeps_its_permissions_and_a_link_its_target() {
    let folder = folder();
    let old = folder.path().join("old.txt");
    fs::write(&old, "old").expect("written");
    fs::set_permissions(&old, fs::Permissions::from_mode(0o640)).expect("set");
    symlink("old.txt", folder.path().join("to_old.txt")).expect("a link");
    let (status, said) = nasrecc(folder.path(), &["count", "s.nasrec", "-o", "to_old.txt"]);
    assert_eq!((status, said.as_str()), (Some(0), "wrote to_old.txt\n"));
    assert!(fs::read_to_string(&old).expect("text").starts_with("space s\n"));
    assert_eq!(fs::metadata(&old).expect("there").permissions().mode() & 0o777, 0o640);
    assert!(folder.path().join("to_old.txt").is_symlink());
    let left: Vec<_> =
        fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.expect("an entry").file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().ends_with(".new")), "{left:?}");
}

#[test]
fn what_cannot_be_written_is_said_in_words() {
    let folder = folder();
    fs::create_dir(folder.path().join("inside")).expect("made");
    for (out, words) in [
        ("no/such.txt", "error: cannot write no/such.txt: there is no folder no; make it first\n"),
        ("inside", "error: cannot write inside: is a directory; expected a file\n"),
        ("/dev/full", "error: cannot write /dev/full: No space left on device\n"),
    ] {
        let (status, said) = nasrecc(folder.path(), &["count", "s.nasrec", "-o", out]);
        assert_eq!((status, said.as_str()), (Some(2), words));
    }
    let (status, said) = nasrecc(folder.path(), &["import", "nasrec", "inside", "--space", "nasrec_full"]);
    assert_eq!((status, said.as_str()), (Some(2), "error: cannot read inside: it is a directory\n"));
    let (status, said) = nasrecc(folder.path(), &["check", "--message-format", "short", "inside"]);
    assert_eq!(status, Some(1));
    assert_eq!(said, "error[E0203]: cannot read `inside`: it is a directory\n");
    let (status, said) = nasrecc(folder.path(), &["fmt", "no.nasrec"]);
    assert_eq!(status, Some(2));
    assert_eq!(said, "error: no.nasrec cannot be read: there is no such file\n");
}

/// `/dev/shm` is a folder like others.
#[cfg(target_os = "linux")]
#[test]
fn a_file_in_memory_is_a_file() {
    let folder = folder();
    let Ok(shared) = tempfile::tempdir_in("/dev/shm") else { return };
    let out = shared.path().join("out.txt");
    let shown = out.to_str().expect("a path");
    for _ in 0..2 {
        let (status, said) = nasrecc(folder.path(), &["count", "s.nasrec", "-o", shown]);
        assert_eq!((status, said), (Some(0), format!("wrote {shown}\n")));
        assert_eq!(fs::read_to_string(&out).expect("text").matches("space s\n").count(), 1);
    }
}

#[test]
fn a_stream_is_written_to() {
    let folder = folder();
    let ran = Command::new("bash")
        .current_dir(folder.path())
        .args([
            "-c",
            &format!("echo kept >log; '{}' count s.nasrec -o /dev/stdout >>log", env!("CARGO_BIN_EXE_nasrecc")),
        ])
        .status();
    assert!(ran.expect("a shell").success());
    let log = fs::read_to_string(folder.path().join("log")).expect("a log");
    assert!(log.starts_with("kept\nspace s\n"), "{log}");
    let ran = Command::new("bash")
        .current_dir(folder.path())
        .args(["-c", &format!("mkfifo p; cat p >copy & '{}' count s.nasrec -o p; wait", env!("CARGO_BIN_EXE_nasrecc"))])
        .status();
    assert!(ran.expect("a shell").success());
    assert!(fs::read_to_string(folder.path().join("copy")).expect("a copy").starts_with("space s\n"));
}
