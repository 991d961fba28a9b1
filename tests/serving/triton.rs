//! NVIDIA's client for the protocol, which others wrote by the same page: `tritonclient[http]`, where `.ci/python serve` has installed it.

use std::fs;
use std::process::Command;

use super::{Models, Row, in_repository, rows};

#[test]
fn the_client_of_others_is_answered() {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| in_repository("target"), Into::into);
    let tools = target.join("tools/python/serve");
    if !tools.is_dir() {
        assert!(
            !std::env::var("NASREC_PYTHON").unwrap_or_default().split(' ').any(|needed| needed == "serve"),
            "{} is not there, where `.ci/python serve` installs it",
            tools.display()
        );
        return;
    }
    let models = Models::trained();
    let rows = rows(37);
    let expected: Vec<f32> = models.predicted("one", &rows);
    let served = models.serve(&["one", "--rows", "100"]);
    let objects: Vec<_> = rows.iter().map(Row::object).collect();
    let given = serde_json::json!({ "address": served.address, "rows": objects, "expected": expected });
    fs::write(models.path().join("given.json"), given.to_string()).expect("written");
    let output = Command::new("python3")
        .arg(in_repository("tests/serving/triton.py"))
        .arg(models.path().join("given.json"))
        .env("PYTHONPATH", &tools)
        .output()
        .expect("python3");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    assert_eq!(text(&output.stdout).trim_end(), "all is well");
}
