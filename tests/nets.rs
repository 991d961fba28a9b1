//! The six published NASRecNets: the compiler alone finds their cost and their dead blocks, from the files that ship and
//! from the released notation alike.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Name; live and whole multiply-accumulates a sample, in millions; live blocks of 7.
const NETS: [(&str, &str, &str, usize); 6] = [
    ("criteo_small", "2.2078", "2.4154", 6),
    ("avazu_small", "3.0856", "3.1839", 7),
    ("kdd_small", "3.4828", "3.6139", 7),
    ("criteo_full", "1.4483", "3.1619", 4),
    ("avazu_full", "1.8668", "3.7908", 4),
    ("kdd_full", "1.0798", "1.1811", 6),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn nasrecc(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_nasrecc")).args(arguments).output().expect("nasrecc starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "nasrecc {}: {stderr}", arguments.join(" "));
    String::from_utf8(output.stdout).expect("text")
}

/// What `nasrecc compile` sums up after `name`.
fn line<'a>(summary: &'a str, name: &str) -> &'a str {
    let line = summary.lines().find_map(|line| line.trim_start().strip_prefix(name));
    line.unwrap_or_else(|| panic!("no line `{name}` in\n{summary}")).trim()
}

fn expect(file: &Path, live: &str, whole: &str, blocks: usize) -> String {
    let summary = nasrecc(&["compile", file.to_str().expect("a plain path")]);
    assert_eq!(line(&summary, "live blocks"), format!("{blocks} of 7"), "{}", file.display());
    let summary_of_costs: String =
        summary.lines().filter(|line| !line.contains("live blocks")).collect::<Vec<_>>().join("\n");
    assert_eq!(line(&summary_of_costs, "live").split(' ').next(), Some(live), "{}", file.display());
    assert_eq!(line(&summary, "whole").split(' ').next(), Some(whole), "{}", file.display());
    line(&summary, "plan").to_owned()
}

#[test]
fn published_nets_cost_what_was_published() {
    for (name, live, whole, blocks) in NETS {
        expect(&root().join(format!("spaces/nets/{name}.nasrec")), live, whole, blocks);
    }
}

#[test]
fn importing_them_again_gives_the_same_nets() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, live, whole, blocks) in NETS {
        let json = root().join(format!("tests/nasrecnet/{name}.json"));
        let out = folder.path().join(name);
        let space = if name.ends_with("full") { "nasrec_full" } else { "nasrec_small" };
        let (json, target) = (json.to_str().expect("a plain path"), out.to_str().expect("a plain path"));
        nasrecc(&["import", "nasrec", json, "--space", space, "-o", target]);
        let imported = expect(&out.with_extension("nasrec"), live, whole, blocks);
        let shipped = expect(&root().join(format!("spaces/nets/{name}.nasrec")), live, whole, blocks);
        assert_eq!(imported, shipped, "{name}: one plan");
    }
}
