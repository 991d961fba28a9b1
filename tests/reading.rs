//! What is read, and what is not: of a file that somebody else wrote, and of one that a person names.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use nasrec_compiler::{ItemKind, Program, loader::Disk};
use serde_json::{Value, json};

/// More than reading to a limit takes.
const PATIENCE: Duration = Duration::from_secs(20);
const SECRET: &str = "root hunter2 secret";
const TOWER: &str = "op tower(x: dense) -> dense = relu(linear(x, 16))\n";

fn ran(folder: &Path, arguments: &[&str]) -> Output {
    let start = Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_nasrecc"))
        .current_dir(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("nasrecc starts");
    assert!(start.elapsed() < PATIENCE, "{arguments:?}");
    output
}

/// What `check` says of a file, a finding a line.
fn told(folder: &Path, arguments: &[&str]) -> String {
    let output = ran(folder, &[&["check", "--message-format", "short"], arguments].concat());
    String::from_utf8([output.stdout, output.stderr].concat()).expect("text")
}

/// A folder with a project in it, and things beside the project.
fn project(main: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in [("project/main.nasrec", main), ("outside/secret", SECRET), ("outside/tower.nasrec", TOWER)] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("it can be written");
    }
    folder
}

#[test]
fn imports_stay_in_the_folder_of_the_file_that_is_read() {
    let folder = project("");
    let project = folder.path().join("project");
    let outside = folder.path().join("outside");
    fs::create_dir(project.join("below")).expect("a folder");
    fs::write(
        project.join("below/inner.nasrec"),
        "import \"../own.nasrec\" { own }\nimport \"../../outside/secret\"\n",
    )
    .expect("it can be written");
    fs::write(project.join("own.nasrec"), "op own(x: dense) = relu(x)\n").expect("it can be written");
    let absolute = outside.join("secret").display().to_string();
    let mut paths = vec![absolute, "../outside/secret".to_owned(), "below/../../outside/secret".to_owned()];
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("../outside/secret", project.join("link")).expect("a link");
        std::os::unix::fs::symlink("../outside/nothing", project.join("loose")).expect("a link");
        std::os::unix::fs::symlink("../outside", project.join("folder")).expect("a link");
        std::os::unix::fs::symlink("circle", project.join("circle")).expect("a link");
        paths.extend(["link", "loose", "folder/secret", "folder/nothing", "circle"].map(str::to_owned));
    }
    // What is not there is told of in the same words.
    paths.extend(["../outside/nothing".to_owned(), "/nothing/at/all".to_owned()]);
    for path in &paths {
        fs::write(project.join("main.nasrec"), format!("import \"{path}\"\n")).expect("it can be written");
        let told = told(&project, &["main.nasrec"]);
        assert!(told.contains(&format!("error[E0205]: `{path}` may not be imported")), "{path}: {told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
    fs::write(project.join("main.nasrec"), "import \"below/inner.nasrec\"\n").expect("it can be written");
    let told = told(&project, &["main.nasrec"]);
    assert!(told.contains("inner.nasrec:2:8: error[E0205]") && !told.contains("own.nasrec"), "{told}");
}

#[test]
fn another_folder_is_allowed_by_every_subcommand() {
    let main = "import \"../outside/tower.nasrec\" { tower }\nimport \"schemas.nasrec\" { criteo }\n\nspace s {\n  \
                input x: dense\n  width w in [8, 16]\n  logit = linear(relu(linear(tower(x), w)), 1)\n}\n\nsearch find on s \
                with criteo {\n  data { files: \"nowhere.tsv\" }\n}\n\narch a of s with criteo {\n  w: 8\n}\n";
    let folder = project(main);
    let project = folder.path().join("project");
    let of = "--name";
    for arguments in [
        vec!["check", "main.nasrec"],
        vec!["test", "main.nasrec"],
        vec!["count", "main.nasrec", of, "s", "--with", "criteo"],
        vec!["cost", "main.nasrec", of, "s", "--with", "criteo"],
        vec!["sample", "main.nasrec", of, "s", "--with", "criteo"],
        vec!["compile", "main.nasrec", of, "a"],
        vec!["diff", "main.nasrec", "main.nasrec", "--name-a", "s", "--name-b", "s", "--with", "criteo"],
        vec!["search", "main.nasrec"],
    ] {
        let refused = ran(&project, &arguments);
        assert!(String::from_utf8_lossy(&refused.stderr).contains("E0205"), "{arguments:?}");
        assert!(!refused.status.success(), "{arguments:?}");
        let allowed = ran(&project, &[arguments.as_slice(), &["--allow-import", "../outside"]].concat());
        let said = String::from_utf8_lossy(&allowed.stderr).into_owned();
        assert!(!said.contains("E0205"), "{arguments:?}: {said}");
        // The search finds no table; everything else is done.
        assert!(allowed.status.success() || said.contains("nowhere.tsv"), "{arguments:?}: {said}");
    }
    // The same for who calls the library.
    let entry = project.join("main.nasrec");
    let entry = entry.to_str().expect("a plain path");
    assert_eq!(Program::load(entry, &Disk::beside(entry)).1.len(), 1);
    let (program, found) = Program::load(entry, &Disk::beside(entry).allowing(&folder.path().join("outside")));
    assert!(found.is_empty() && program.find(ItemKind::Op, "tower").is_some(), "{found:?}");
}

#[cfg(unix)]
#[test]
fn nothing_but_a_regular_file_is_imported() {
    let folder = project("import \"pipe\"\nimport \"inner\"\nimport \"long\"\nimport \"/dev/zero\"\n");
    let project = folder.path().join("project");
    assert!(Command::new("mkfifo").arg(project.join("pipe")).status().expect("it is there").success());
    fs::create_dir(project.join("inner")).expect("a folder");
    // Three gigabytes that take no room.
    fs::File::create(project.join("long")).and_then(|file| file.set_len(3 << 30)).expect("a file");
    let told = told(&project, &["main.nasrec", "--allow-import", "/dev"]);
    for expected in [
        "cannot read `pipe`: it is a named pipe; expected a regular file",
        "cannot read `inner`: it is a directory",
        "cannot read `long`: it has more than 16 MiB",
        "cannot read `/dev/zero`: it is a device; expected a regular file",
    ] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
}

#[cfg(unix)]
#[test]
fn what_a_person_names_may_be_a_pipe_and_is_read_to_the_limit() {
    let folder = project("");
    let fed = |arguments: &[&str], text: &str| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_nasrecc"))
            .current_dir(folder.path())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("nasrecc starts");
        let mut input = child.stdin.take().expect("a pipe");
        std::io::Write::write_all(&mut input, text.as_bytes()).expect("it is read");
        drop(input);
        let output = child.wait_with_output().expect("it ends");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    assert!(fed(&["check", "/dev/stdin"], TOWER).contains("1 item checked"));
    assert_eq!(fed(&["fmt", "-"], TOWER), TOWER);
    for (arguments, expected) in [
        (["check", "/dev/zero"], "cannot read `/dev/zero`: it has more than 16 MiB"),
        (["fmt", "/dev/zero"], "/dev/zero cannot be read: it has more than 16 MiB"),
        (["check", "project"], "cannot read `project`: it is a directory"),
        (["fmt", "project"], "project cannot be read: it is a directory"),
        (["fmt", "nothing"], "nothing cannot be read: there is no such file"),
    ] {
        let output = ran(folder.path(), &arguments);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains(expected), "{arguments:?}: {told}");
    }
    let output = ran(folder.path(), &["import", "nasrec", "/dev/zero", "--space", "nasrec_full"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("cannot read /dev/zero: it has more than 16 MiB"), "{told}");
}

/// An architecture in NASRec's notation, with these fields changed.
fn net(changes: &[(&str, Value)]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/parity/full_03.json");
    let mut net: Value = serde_json::from_str(&fs::read_to_string(path).expect("it is there")).expect("JSON");
    for (key, value) in changes {
        net[key] = value.clone();
    }
    net.to_string()
}

/// What importing this JSON prints and says.
fn imported(folder: &Path, json: &str, more: &[&str]) -> (String, String) {
    fs::write(folder.join("net.json"), json).expect("it can be written");
    let output = ran(folder, &[&["import", "nasrec", "net.json", "--space", "nasrec_full"], more].concat());
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (text(output.stdout), text(output.stderr))
}

#[test]
fn no_text_of_a_net_becomes_source() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut texts = vec![
        "x\"\nimport \"/etc/passwd".to_owned(),
        "x of s { }\nimport \"/etc/passwd\"\narch y".to_owned(),
        "a\n".to_owned(),
        "a b".to_owned(),
        "let".to_owned(),
        "nasrec_full".to_owned(),
        String::new(),
        "n\u{0}".to_owned(),
        "9".to_owned(),
    ];
    let streams = nasrec_compiler::streams::Streams::new(3);
    let pieces =
        ["\"", "\n", "import \"x\"", "{", "}", "//", "/*", "a", "arch", " of ", "\r", "\\", "é", "\u{1b}[2J", ";"];
    for round in 0..40 {
        let mut rng = streams.rng("names", round);
        let count = rand::RngExt::random_range(&mut rng, 1..6);
        texts.push((0..count).map(|_| pieces[rand::RngExt::random_range(&mut rng, 0..pieces.len())]).collect());
    }
    let mut refused = 0;
    for text in &texts {
        for key in ["name", "dataset", "node_names"] {
            let value = if key == "node_names" { json!(vec![text; 6]) } else { json!(text) };
            let (printed, said) = imported(folder.path(), &net(&[(key, value)]), &[]);
            if printed.is_empty() {
                assert!(said.contains("error"), "{text:?}");
                refused += 1;
                continue;
            }
            let loader = nasrec_compiler::loader::Memory::new([("net.nasrec", printed.as_str())]);
            let (program, found) = Program::load("net.nasrec", &loader);
            assert!(found.is_empty(), "{text:?}: {found:?}");
            let kinds: Vec<ItemKind> = program.items().iter().map(|item| item.kind).collect();
            assert_eq!(kinds, [ItemKind::Schema, ItemKind::Arch], "{text:?}: {printed}");
            assert_eq!(program.imports.iter().filter(|(importer, ..)| importer.0 == 0).count(), 1, "{printed}");
        }
    }
    assert!(refused > texts.len() / 2, "{refused}");
    let (printed, said) = imported(folder.path(), &net(&[("name", json!("x\"\nimport \"y"))]), &[]);
    assert_eq!(printed, "");
    assert!(said.contains("`name` in net.json is \"x\\\"\\nimport \\\"y\", which is no name"), "{said}");
    let (printed, _) = imported(folder.path(), &net(&[("name", json!("x\"\nimport \"y"))]), &["--name", "mine"]);
    assert!(printed.contains("\narch mine of nasrec_full"), "{printed}");
}

#[test]
fn a_space_is_told_by_its_name_or_by_its_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let full = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spaces/nasrec_full.nasrec"));
    let own = full.expect("it is there").replace("space nasrec_full", "space own");
    fs::create_dir(folder.path().join("mine")).expect("a folder");
    fs::write(folder.path().join("mine/spaces.nasrec"), &own).expect("it can be written");
    fs::write(folder.path().join("a\"b.nasrec"), own).expect("it can be written");
    fs::write(folder.path().join("net.json"), net(&[])).expect("it can be written");
    let of = |space: &str, more: &[&str]| {
        let output = ran(folder.path(), &[&["import", "nasrec", "net.json", "--space", space], more].concat());
        (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (printed, said) = of("mine/spaces.nasrec", &[]);
    assert!(printed.contains("import \"mine/spaces.nasrec\" { own }\n"), "{printed}{said}");
    // What is written imports it from where it is written.
    assert_eq!(of("mine/spaces.nasrec", &["-o", "mine/net"]).0, "");
    assert!(told(folder.path(), &["mine/net.nasrec"]).contains("checked"));
    for (space, expected) in [
        ("nasrec_fall", "no space `nasrec_fall` ships with nasrecc, and there is no file `nasrec_fall.nasrec`"),
        ("nothing.nasrec", "--space nothing.nasrec: there is no file `nothing.nasrec`"),
        ("mine/spaces", "expected the name of a space, such as nasrec_full, or a file, FILE.nasrec"),
        ("a\"b.nasrec", "no import can say the path \"a\\\"b.nasrec\""),
        ("std/ctr.nasrec", "`std/ctr.nasrec` defines no space"),
    ] {
        let (printed, said) = of(space, &[]);
        assert!(printed.is_empty() && said.contains(expected), "{space}: {said}");
        // There is no source to quote.
        assert!(!said.contains('│'), "{said}");
    }
}

/// miette counts columns in 16 bits.
#[test]
fn a_finding_on_an_endless_line_is_told_in_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = format!("space s {{\n  let x = {}\n", "a[1].".repeat(75_000));
    fs::write(folder.path().join("s.nasrec"), text).expect("written");
    let command =
        Command::new(env!("CARGO_BIN_EXE_nasrecc")).current_dir(folder.path()).args(["check", "s.nasrec"]).output();
    let output = command.expect("nasrecc starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("s.nasrec:") && said.contains("error[E0"), "{said}");
    assert!(said.len() < 10_000, "{} bytes", said.len());
}
