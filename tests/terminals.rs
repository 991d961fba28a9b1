//! Stdout and stderr that are closed, full or read by nobody; signals; and what may not reach a terminal.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// A shell runs a line, in which `nasrecc` is the command, in a folder.
fn shell(folder: &Path, line: &str) -> Output {
    Command::new("bash")
        .current_dir(folder)
        .args(["-c", &format!("nasrecc() {{ '{}' \"$@\"; }}; {line}", env!("CARGO_BIN_EXE_nasrecc"))])
        .env("RUST_BACKTRACE", "0")
        .output()
        .expect("a shell")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

const SPACE: &str = "space s(widths = [4, 8]) {\n  input n: dense\n  width w in widths\n  logit = linear(linear(n, w), 1)\n}\n\n\
                     arch a of s with criteo { w: 4 }\n\ntest t { raw(s) == 2 }\n";

/// A search that takes a second or so.
const TINY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/searches/tiny.nasrec");

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("s.nasrec"), format!("import \"schemas.nasrec\" {{ criteo }}\n\n{SPACE}"))
        .expect("written");
    fs::write(folder.path().join("wrong.nasrec"), "space s {\n  logit = nothing\n}\n").expect("written");
    folder
}

/// Commands that write to stdout.
const WRITERS: [&str; 12] = [
    "check --message-format json wrong.nasrec",
    "check --message-format sarif wrong.nasrec",
    "check --message-format github wrong.nasrec",
    "fmt - < s.nasrec",
    "test s.nasrec",
    "compile s.nasrec",
    "compile s.nasrec --emit ast",
    "count s.nasrec --name s",
    "cost s.nasrec --name a",
    "sample s.nasrec --name s --with criteo",
    "explain E0401",
    "--help",
];

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_and_a_reader_that_has_gone_is_none() {
    let folder = folder();
    for line in WRITERS {
        let full = shell(folder.path(), &format!("nasrecc {line} >/dev/full"));
        assert_eq!(full.status.code(), Some(2), "{line}: {}", text(&full.stderr));
        let said = text(&full.stderr);
        assert!(said.ends_with("error: stdout cannot be written: No space left on device\n"), "{line}: {said}");

        // The reader has ended before anything is written.
        let gone = shell(folder.path(), &format!("{{ sleep 0.2; nasrecc {line}; echo $? >status; }} 2>err | true"));
        assert!(gone.status.success());
        let status = fs::read_to_string(folder.path().join("status")).expect("a status");
        assert_eq!(status, "141\n", "{line}");
        let said = fs::read_to_string(folder.path().join("err")).expect("what was said");
        assert!(!said.contains("panicked") && !said.contains("error: "), "{line}: {said}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_stderr_that_takes_nothing_changes_no_status() {
    let folder = folder();
    let more = [
        "check s.nasrec",
        "check wrong.nasrec",
        "check --message-format short wrong.nasrec",
        "check no.nasrec",
        "fmt --check wrong.nasrec",
        "diff s.nasrec s.nasrec --name-a s --name-b s",
        "import nasrec no.json --space nasrec_full",
        "search s.nasrec",
        "lsp </dev/null",
        "--no-such-option",
        "",
    ];
    for line in WRITERS.iter().copied().chain(more) {
        let expected = shell(folder.path(), &format!("nasrecc {line}"));
        for stderr in ["2>/dev/full", "2>&-", "2> >(true)"] {
            let ran = shell(folder.path(), &format!("nasrecc {line} {stderr}"));
            assert_eq!(ran.status.code(), expected.status.code(), "{line} {stderr}");
            assert_eq!(text(&ran.stdout), text(&expected.stdout), "{line} {stderr}");
        }
        let closed = shell(folder.path(), &format!("nasrecc {line} >&- 2>&-"));
        assert_eq!(closed.status.code(), expected.status.code(), "{line}");
    }
}

#[test]
fn a_search_goes_on_without_a_reader() {
    let folder = folder();
    let line = format!("{{ sleep 0.2; nasrecc search '{TINY}' --out run; echo $? >status; }} 2>&1 | true");
    let ran = shell(folder.path(), &line);
    assert!(ran.status.success());
    let status = fs::read_to_string(folder.path().join("status")).expect("a status");
    assert_eq!(status, "0\n");
    assert!(folder.path().join("run/report.txt").exists() && folder.path().join("run/best.nasrec").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_that_was_ignored_stays_ignored_and_others_stop() {
    let folder = folder();
    let start = |out: &str, epochs: u32, ignored: &str, signal: &str| {
        // The shell sends the signal once the search runs, and ends as the search does.
        let line = format!(
            "trap '' {ignored}; '{}' search '{TINY}' --set train.epochs={epochs} --out {out} 2>{out}.err & child=$!; \
             for i in $(seq 600); do [ -s {out}/data.cache ] && break; sleep 0.05; done; sleep 0.3; \
             kill -{signal} $child; wait $child; exit $?",
            env!("CARGO_BIN_EXE_nasrecc")
        );
        let ran = Command::new("bash").current_dir(folder.path()).args(["-c", &line]).output().expect("a shell");
        (ran.status.code(), fs::read_to_string(folder.path().join(format!("{out}.err"))).expect("what was said"))
    };
    for signal in ["HUP", "TERM"] {
        let (status, said) = start(&format!("stopped-{signal}"), 3000, "USR1", signal);
        assert_eq!(status, Some(130), "{signal}: {said}");
        assert!(said.contains("stopping at the next step") && said.contains("--resume"), "{signal}: {said}");
    }
    for signal in ["HUP", "INT"] {
        let (status, said) = start(&format!("ignored-{signal}"), 30, signal, signal);
        assert_eq!(status, Some(0), "{signal}: {said}");
        assert!(!said.contains("stopping"), "{signal}: {said}");
    }
}

/// What a terminal obeys or does not show: controls but line ends and tabs, and marks of direction.
fn raw(text: &str) -> Option<char> {
    text.chars().find(|&c| {
        c.is_control() && c != '\n' && c != '\t'
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    })
}

/// Names that a stranger chose: of a file, of a directory, and in a journal.
#[test]
fn no_name_begins_a_line_of_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let name = "a\nerror: type this";
    fs::create_dir(folder.path().join(name)).expect("made");
    fs::write(folder.path().join(format!("{name}/run.json")), "{}").expect("written");
    let space = format!("import \"{name}\" {{ y }}\n");
    fs::write(folder.path().join("s.nasrec"), &space).expect("written");
    fs::write(folder.path().join(format!("{name}.nasrec")), "space   s {\n}\n").expect("written");
    let file = format!("{name}.nasrec");
    for command in [
        vec!["search", "--resume", name],
        vec!["search", "s.nasrec", "--out", name],
        vec!["pack", name],
        vec!["check", "--color", "never", "s.nasrec"],
        vec!["check", "--color", "never", "--message-format", "short", &file],
        vec!["check", "--color", "never", &file],
        vec!["fmt", "--check", &file],
        vec!["search", &file],
    ] {
        let ran = Command::new(env!("CARGO_BIN_EXE_nasrecc")).current_dir(folder.path()).args(&command).output();
        let ran = ran.expect("it starts");
        let said = text(&ran.stderr);
        assert_ne!(ran.status.code(), Some(0), "{command:?}: {said}");
        assert!(!said.lines().any(|line| line.starts_with("error: type this")), "{command:?}: {said}");
    }
}

#[test]
fn nothing_of_a_file_reaches_a_terminal_raw() {
    let folder = tempfile::tempdir().expect("a folder");
    const BAD: &str = "\u{1b}]0;t\u{7}\u{1b}[2J\u{7f}\u{9b}\u{202e}\u{2066}\u{61c}\u{2028}z";
    let texts = [
        // A wrong token, a comment beside it, a wrong import, a name that nobody has, a layout to correct.
        format!("space s {{\n  logit = {BAD} // {BAD}\n}}\n"),
        format!("import \"x{BAD}.nasrec\" {{ y }}\n"),
        format!("// {BAD}\nspace s {{\n  input n: dense // {BAD}\n  logit = linear(m, 1)\n}}\n"),
        format!("/// {BAD}\nspace   s {{\n  input n: dense // {BAD}\n    logit = linear(n, 1)\n}}\n"),
    ];
    let (mut lines, mut escaped) = (0, 0);
    for (at, source) in texts.iter().enumerate() {
        let name = format!("{at}\u{1b}[31m\u{202e}.nasrec");
        fs::write(folder.path().join(&name), source).expect("written");
        let mut commands: Vec<Vec<&str>> = ["human", "short", "json", "github", "sarif"]
            .map(|format| vec!["check", "--color", "never", "--message-format", format, &name])
            .to_vec();
        commands.push(vec!["fmt", "--check", &name]);
        commands.push(vec!["compile", "--emit", "ast", &name]);
        commands.push(vec!["compile", "--emit", "ast", "--format", "json", &name]);
        commands.push(vec!["compile", "--emit", "svg", &name]);
        commands.push(vec!["count", "--name", BAD, &name]);
        commands.push(vec!["compile", "--emit", BAD, &name]);
        commands.push(vec![BAD]);
        for command in commands {
            let ran = Command::new(env!("CARGO_BIN_EXE_nasrecc")).current_dir(folder.path()).args(&command).output();
            let ran = ran.expect("it starts");
            for stream in [text(&ran.stdout), text(&ran.stderr)] {
                assert_eq!(raw(&stream), None, "{command:?}: {stream:?}");
                lines += stream.lines().count();
                escaped += stream.matches("\\u").count();
            }
        }
    }
    assert!(lines > 100 && escaped > 50, "{lines} {escaped}");
    // A program stays the program that it is.
    let name = "3\u{1b}[31m\u{202e}.nasrec";
    let ran = shell(folder.path(), &format!("nasrecc fmt - < '{name}'"));
    assert!(text(&ran.stdout).contains(BAD), "{ran:?}");
}
