//! The disk itself: each mode does what it says, or what is found on it would say nothing.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::bench::{compile, files_in};

/// What `disk/steps.c` leaves of files `old` and `gone`, as `name=what is in it`, and how it ends.
fn left_by(tools: &Path, variables: &[(&str, &str)]) -> (String, Option<i32>) {
    let folder = tempfile::tempdir_in(tools).expect("a folder");
    let watched = folder.path().join("watched");
    fs::create_dir(&watched).expect("made");
    fs::write(watched.join("old"), "old").expect("written");
    fs::write(watched.join("gone"), "gone").expect("written");
    let ran = Command::new(tools.join("steps"))
        .arg(&watched)
        .env("LD_PRELOAD", tools.join("faults.so"))
        .env("FAULTS_IN", &watched)
        .env("FAULTS_SPOOL", folder.path())
        .env("FAULTS_LOG", folder.path().join("calls"))
        .envs(variables.iter().copied())
        .output()
        .expect("it starts");
    let mut left: Vec<String> = files_in(&watched)
        .iter()
        .map(|file| {
            let name = file.strip_prefix(&watched).expect("inside").display();
            format!("{name}={}", fs::read_to_string(file).expect("a text"))
        })
        .collect();
    if watched.join("made").is_dir() {
        left.push("made/".to_owned());
    }
    if variables.is_empty() {
        let calls = fs::read_to_string(folder.path().join("calls")).expect("a log");
        let expected = "1\tcreate\tnew\n2\twrite\tnew\n3\tsync\tnew\n4\twrite\tnew\n5\tclose\tnew\n6\trename\told\n\
                        7\tunlink\tgone\n8\tmkdir\tmade\n9\topen\t.\n10\tsync\t.\n11\tclose\t.\n12\tcreate\tlast\n\
                        13\tclose\tlast\n";
        assert_eq!(calls, expected);
    }
    (left.join(" "), ran.status.code())
}

#[test]
fn the_disk_does_what_it_says() {
    let tools = tempfile::tempdir().expect("a folder");
    compile("faults.c", &["-fPIC", "-shared", "-ldl", "-lpthread"], &tools.path().join("faults.so"));
    compile("steps.c", &[], &tools.path().join("steps"));
    assert_eq!(left_by(tools.path(), &[]), ("last= old=onetwo made/".to_owned(), Some(0)));
    for (mode, at, left) in [
        ("crash", "2", "gone=gone new= old=old"),
        ("crash-after", "2", "gone=gone new=one old=old"),
        ("torn", "4", "gone=gone new=onet old=old"),
        ("torn-head", "4", "gone=gone new=one\0\0\0 old=old"),
        // What was synced stays, as far as anything leads there.
        ("crash", "5", "gone=gone new=onetwo old=old"),
        ("lost", "5", "gone=gone old=old"),
        ("lost-data", "5", "gone=gone new=one old=old"),
        ("lost-names", "5", "gone=gone old=old"),
        ("lost", "10", "gone=gone old=old"),
        ("lost-data", "10", "old=one made/"),
        ("lost-names", "10", "gone=gone old=old"),
        ("lost", "11", "old=one made/"),
        ("lost-names", "13", "old=onetwo made/"),
    ] {
        let ended = left_by(tools.path(), &[("FAULTS_MODE", mode), ("FAULTS_AT", at)]);
        assert_eq!(ended, (left.to_owned(), Some(86)), "{mode} at {at}");
    }
    for (mode, at, left) in [
        ("eio", "2", "last= old=two made/"),
        ("eio-on", "2", "last= old= made/"),
        ("enospc", "6", "last= new=onetwo old=old made/"),
        ("edquot", "8", "last= old=onetwo"),
        ("eintr", "12", "old=onetwo made/"),
        ("short", "4", "last= old=onet made/"),
        ("half", "4", "last= old=onet made/"),
    ] {
        let ended = left_by(tools.path(), &[("FAULTS_MODE", mode), ("FAULTS_AT", at)]);
        assert_eq!(ended, (left.to_owned(), Some(0)), "{mode} at {at}");
    }
    // The next of its kind, where the number is another's.
    let ended = left_by(tools.path(), &[("FAULTS_MODE", "eio"), ("FAULTS_AT", "3"), ("FAULTS_KIND", "write")]);
    assert_eq!(ended, ("last= old=one made/".to_owned(), Some(0)));
}
