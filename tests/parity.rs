//! Twelve random architectures with weights, inputs, logits, loss and gradients that the released implementation
//! computed: importing and executing them gives the same numbers, and a wrong weight is noticed.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const CASES: [&str; 12] = [
    "full_00", "full_01", "small_02", "full_03", "full_04", "small_05", "full_06", "full_07", "small_08", "full_09",
    "full_10", "small_11",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/parity")
}

fn verify(case: &str, weights: &Path) -> Output {
    verify_on("cpu", case, weights)
}

fn verify_on(device: &str, case: &str, weights: &Path) -> Output {
    let space = if case.starts_with("full") { "nasrec_full" } else { "nasrec_small" };
    let json = folder().join(format!("{case}.json"));
    Command::new(env!("CARGO_BIN_EXE_nasrecc"))
        .args(["import", "nasrec"])
        .arg(json)
        .args(["--space", space, "--verify", "--device", device, "--weights"])
        .arg(weights)
        .output()
        .expect("nasrecc starts")
}

fn shown(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn all_twelve_agree() {
    for case in CASES {
        let output = verify(case, &folder().join(format!("{case}.safetensors")));
        assert_eq!(output.status.code(), Some(0), "{case}: {}", shown(&output));
        assert!(shown(&output).contains("\n  agrees\n"), "{case}: {}", shown(&output));
    }
}

/// What other devices run, on the one that is here: logits and loss within 1e-4 of the recorded ones.
#[test]
fn all_twelve_agree_out_of_portable_operations() {
    for case in CASES {
        let output = verify_on("cpu:portable", case, &folder().join(format!("{case}.safetensors")));
        assert_eq!(output.status.code(), Some(0), "{case}: {}", shown(&output));
        assert!(shown(&output).contains("\n  agrees\n"), "{case}: {}", shown(&output));
    }
}

/// The file with `change` applied to the first value of a tensor.
fn with_changed(case: &str, tensor: &str, change: impl Fn(f32) -> f32) -> Vec<u8> {
    let mut bytes = std::fs::read(folder().join(format!("{case}.safetensors"))).expect("the figures are there");
    let header_len = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + header_len]).expect("a header");
    let start = header[tensor]["data_offsets"][0].as_u64().unwrap_or_else(|| panic!("no {tensor}")) as usize;
    let at = 8 + header_len + start;
    let value = f32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    bytes[at..at + 4].copy_from_slice(&change(value).to_le_bytes());
    bytes
}

#[test]
fn a_wrong_number_is_noticed() {
    let temporary = tempfile::tempdir().expect("a folder");
    let path = temporary.path().join("wrong.safetensors");
    for (case, tensor) in [("full_00", "param._final.weight"), ("small_02", "logit"), ("small_05", "grad._final.bias")]
    {
        std::fs::write(&path, with_changed(case, tensor, |value| value + 0.5)).expect("it can be written");
        let output = verify(case, &path);
        assert_eq!(output.status.code(), Some(1), "{case} {tensor}: {}", shown(&output));
        assert!(shown(&output).contains("does not agree"), "{case} {tensor}: {}", shown(&output));
    }
}

#[test]
fn what_is_not_a_number_agrees_with_nothing() {
    let temporary = tempfile::tempdir().expect("a folder");
    let path = temporary.path().join("nan.safetensors");
    for (case, tensor) in [("full_01", "param._final.weight"), ("small_05", "grad._final.bias"), ("full_03", "loss")] {
        std::fs::write(&path, with_changed(case, tensor, |_| f32::NAN)).expect("it can be written");
        assert_eq!(verify(case, &path).status.code(), Some(1), "{case} {tensor}");
    }
}

#[test]
fn a_file_that_is_none_is_a_failure_of_the_tool() {
    let temporary = tempfile::tempdir().expect("a folder");
    let path = temporary.path().join("torn.safetensors");
    let whole = std::fs::read(folder().join("full_00.safetensors")).expect("the figures are there");
    std::fs::write(&path, &whole[..whole.len() / 2]).expect("it can be written");
    assert_eq!(verify("full_00", &path).status.code(), Some(2));
    assert_eq!(verify("full_00", &temporary.path().join("missing")).status.code(), Some(2));
}

/// What a file that was imported could not be checked with later is refused, with the reason.
#[test]
fn what_cannot_be_imported_from_is_refused_in_words() {
    let folder = tempfile::tempdir().expect("a folder");
    let json = folder.path().join("net.json");
    std::fs::copy(self::folder().join("small_02.json"), &json).expect("a copy");
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spaces/nasrec_small.nasrec");
    std::fs::copy(shipped, folder.path().join("own.nasrec")).expect("a copy");
    std::fs::write(folder.path().join("mine.nasrec"), "import \"own.nasrec\" { nasrec_small }\n").expect("a file");
    for (arguments, code, said) in [
        (["--space", "nasrec_small", "--name", "2023"], 2, "--name is \"2023\", which is no name"),
        (["--space", "mine", "--name", "net"], 2, "`mine.nasrec` does not define a space `mine`"),
        (
            ["--space", "nasrec_small2", "--name", "net"],
            2,
            "it ships autoctr, autoctr_paper, automlp, interactions, nasctr, nasrec_full, nasrec_small, tabular",
        ),
        (["--space", "autoctr", "--name", "net"], 1, "space `autoctr` has no parameter `counts`"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_nasrecc"))
            .current_dir(folder.path())
            .args(["import", "nasrec", "net.json"])
            .args(arguments)
            .output()
            .expect("nasrecc starts");
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", shown(&output));
        assert!(shown(&output).contains(said), "{arguments:?}: {}", shown(&output));
    }
}
