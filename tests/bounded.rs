//! Small files that ask for much: what each command takes of time and memory has a bound, whatever a stranger wrote.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

/// Many times what each takes, on a slow machine that does other things too, and a fraction of what each took before.
const LONG: Duration = Duration::from_secs(120);
/// KiB of memory that a command may ask for.
const MEMORY: u32 = 3 << 20;

const SCHEMA: &str = "schema t { label click; dense I[1..4]; sparse C[1..8]: int | modulo(rows: 100) }\n\
                      import \"std/ctr.nasrec\" { fc, gating, fit }\n";

/// A block of many instances, each with sources among all before.
fn blocks(count: usize, most: usize, rest: &str) -> String {
    format!(
        "{SCHEMA}space s {{\n input numeric: dense\n block b[1..{count}] after stem {{ dense = numeric }} {{\n  \
         width w in 8..512 step 8\n  let x = concat(pick 1..{most} from earlier.dense)\n  \
         let d = choose {{ fc(x, w); gating(x, x, w); c: relu(linear(x, w)) }}\n  let m = maybe fc(x, w)\n  \
         out dense = d + m\n }}\n{rest}\n logit = linear(b[{count}].dense, 1)\n}}\n"
    )
}

/// What a command says of a file, in its time and memory, and how it ends.
fn said(text: &str, args: &[&str]) -> (String, Option<i32>) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a.nasrec"), text).expect("written");
    let start = Instant::now();
    let output = Command::new("bash")
        .current_dir(folder.path())
        .args(["-c", &format!("ulimit -v {MEMORY}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_nasrecc")])
        .args(args)
        .output()
        .expect("a shell");
    assert!(start.elapsed() < LONG, "{args:?}: {:?}", start.elapsed());
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    (said, output.status.code())
}

#[test]
fn counting_ends_where_there_is_too_much_to_remember() {
    let mut text = format!("{SCHEMA}space s {{\n input numeric: dense\n");
    for width in 0..40 {
        text += &format!(" width v{width} in [4, 8, 12, 16, 20, 24, 28, 32]\n");
    }
    text += " let x0 = numeric\n";
    for width in 0..40 {
        text += &format!(
            " let x{} = if v{width} > 16 {{ linear(x{width}, v{width}) }} else {{ relu(x{width}) }}\n",
            width + 1
        );
    }
    text += " logit = linear(x40, 1)\n}\n";
    let claims = format!("{text}test m {{ distinct(s, t) > 1 }}\ntest n {{ distinct(s, t) > 2 }}\n");
    let (check, status) = said(&claims, &["check", "a.nasrec"]);
    assert_eq!(status, Some(1), "{check}");
    assert!(check.contains("E0104"), "{check}");
    let (count, status) = said(&text, &["count", "--name", "s", "--with", "t", "a.nasrec"]);
    assert_eq!(status, Some(0), "{count}");
}

#[test]
fn texts_of_sizes_have_a_length() {
    let text = format!(
        "{SCHEMA}space s {{\n input numeric: dense\n block b[1..40] after stem {{ dense = numeric }} {{\n  \
         width w in [8, 16, 24, 32]\n  let x = pick 1 from earlier.dense\n  \
         let d = choose {{ fc(x, w); e: relu(linear(x, w)); f: x }}\n  out dense = d\n }}\n logit = linear(b[40].dense, 1)\n}}\n"
    );
    for emit in ["graph", "checked", "dot", "svg"] {
        let (said, status) = said(&text, &["compile", "a.nasrec", "--name", "s", "--emit", emit]);
        assert_eq!(status, Some(0), "{emit}: {}", said.chars().take(300).collect::<String>());
        assert!(said.len() < 16 << 20, "{emit}: {} bytes", said.len());
    }
}

#[test]
fn costs_that_nothing_meets_are_looked_for_so_long_and_no_longer() {
    let rare = blocks(12, 12, " require macs == 123457");
    let claims = format!("{rare}test k {{ distinct(s, t) > 1; valid(s, t) > 1 }}\n");
    let (check, status) = said(&claims, &["check", "a.nasrec"]);
    assert_eq!(status, Some(1), "{check}");
    assert!(check.contains("constraints on costs are not counted, but drawn"), "{check}");
    let many = blocks(64, 64, " require macs * 2 == 2469137, bytes.activations > 5000B");
    let (count, status) = said(&many, &["count", "--name", "s", "--with", "t", "a.nasrec"]);
    assert_eq!(status, Some(0), "{count}");
    assert!(count.contains(" draws are allowed"), "{count}");
    let (sample, status) = said(&many, &["sample", "--name", "s", "--with", "t", "-n", "1", "a.nasrec"]);
    assert_eq!(status, Some(2), "{sample}");
    assert!(sample.contains("none of "), "{sample}");
}

#[test]
fn what_all_items_of_a_file_are_bounded_by_is_one_effort() {
    let mut text = blocks(64, 64, "");
    for search in 0..150 {
        text += &format!(
            "search q{search} on s with t {{ data {{ synthetic {{ rows: 1000 }} }}; require macs <= {} }}\n",
            1_000_000 + search
        );
    }
    let (compile, status) = said(&text, &["compile", "a.nasrec"]);
    assert_eq!(status, Some(0), "{compile}");
    assert!(compile.contains("less tightly bounded than alone, as others came before: say --name"), "{compile}");
    let (alone, status) = said(&text, &["compile", "a.nasrec", "--name", "q149"]);
    assert_eq!(status, Some(0), "{alone}");
    assert!(!alone.contains("less tightly"), "{alone}");
}
