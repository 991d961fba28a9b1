//! Models at work: what `predict`, `evaluate`, `show` and `export` say of a model that lies alone in a folder, and what they refuse.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

pub const FILE: &str = "import \"models/dlrm.nasrec\" { dlrm }

schema visits {
  format csv
  label click
  group user
  dense price | missing(mean) | standardise
  sparse city: text | vocabulary(rows: 20)
  sparse site: hex | modulo(rows: 40)
}

train alone on dlrm(dim: 4) with visits {
  seed: 7
  data { files: \"t.csv\"; split: 8:1:1 }
  retrain { epochs: 2; batch: 128; optimiser: adam(lr: 1e-2) }
}
";

pub fn table(rows: std::ops::Range<usize>) -> String {
    let mut text = "id,click,user,price,city,site\n".to_owned();
    for row in rows {
        let (a, b) = (row.wrapping_mul(2_654_435_761) >> 7, row.wrapping_mul(40_503) >> 3);
        let click = usize::from((a % 7 + b % 5) % 3 == 0);
        let price = if a % 11 == 0 { String::new() } else { format!("{}.25", a % 90) };
        let city = if b % 9 == 0 { "\"a, \"\"b\"\"\"".to_owned() } else { format!("city {}", b % 15) };
        text += &format!("row {row},{click},u{},{price},{city},{:x}\n", row % 40, a % 60);
    }
    text
}

pub fn nasrecc(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_nasrecc")).current_dir(folder).args(args).output().expect("it runs")
}

pub fn well(folder: &Path, args: &[&str]) -> (String, String) {
    let output = nasrecc(folder, args);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", text(&output.stderr));
    (text(&output.stdout), text(&output.stderr))
}

pub fn refused(folder: &Path, args: &[&str]) -> String {
    let output = nasrecc(folder, args);
    assert_eq!(output.status.code(), Some(2), "{args:?}");
    assert!(output.stdout.is_empty(), "{args:?} leaves something on stdout");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    told.lines().find_map(|line| line.strip_prefix("error: ")).unwrap_or_else(|| panic!("{told}")).to_owned()
}

/// A folder with a trained run, and one with nothing but its model and a table.
pub fn trained() -> (tempfile::TempDir, tempfile::TempDir) {
    let (folder, alone) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let at = folder.path();
    fs::write(at.join("a.nasrec"), FILE).expect("written");
    fs::write(at.join("t.csv"), table(0..2_000)).expect("written");
    well(at, &["train", "a.nasrec", "--out", "run"]);
    fs::create_dir(alone.path().join("model")).expect("created");
    for entry in fs::read_dir(at.join("run/best")).expect("a model") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), alone.path().join("model").join(entry.file_name())).expect("copied");
    }
    fs::write(alone.path().join("new.csv"), table(2_000..2_500)).expect("written");
    (folder, alone)
}

pub fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

#[test]
fn a_model_alone_in_a_folder_predicts_and_is_judged() {
    let (folder, alone) = trained();
    let (run, at) = (folder.path(), alone.path());
    fs::copy(at.join("new.csv"), run.join("new.csv")).expect("copied");
    let (told, _) = well(at, &["predict", "model", "--data", "new.csv", "--keep", "id,city"]);
    assert_eq!(told, well(run, &["predict", "run", "--data", "new.csv", "--keep", "id,city"]).0, "the run's best");
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!((lines.len(), lines[0]), (501, "id,city,probability"));
    let quoted = lines.iter().find(|line| line.contains('"')).expect("a city with a comma");
    assert!(quoted.contains(",\"a, \"\"b\"\"\",0."), "{quoted}");
    // To a file, from a pipe, without a label, on one thread.
    let (none, said) = well(at, &["predict", "model", "--data", "new.csv", "-o", "out.tsv", "--threads", "1"]);
    assert!(
        none.is_empty() && said.contains("predicted 500 rows with model in") && said.contains("wrote out.tsv"),
        "{said}"
    );
    let mut child = Command::new(env!("CARGO_BIN_EXE_nasrecc"))
        .current_dir(at)
        .args(["predict", "model", "--data", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let unlabelled: String = table(2_000..2_500)
        .lines()
        .map(|line| {
            line.splitn(3, ',')
                .enumerate()
                .filter(|(at, _)| *at != 1)
                .map(|(_, part)| part)
                .collect::<Vec<_>>()
                .join(",")
                + "\n"
        })
        .collect();
    child.stdin.take().expect("a pipe").write_all(unlabelled.as_bytes()).expect("read");
    let piped = child.wait_with_output().expect("it ends");
    assert_eq!(fs::read(at.join("out.tsv")).expect("written"), piped.stdout);
    let probabilities: Vec<&str> = lines[1..].iter().map(|line| line.rsplit(',').next().expect("the last")).collect();
    assert_eq!(String::from_utf8_lossy(&piped.stdout).lines().skip(1).collect::<Vec<_>>(), probabilities);

    let found =
        json(&well(at, &["evaluate", "model", "--data", "new.csv", "--format", "json", "--bootstrap", "100"]).0);
    assert_eq!(
        (&found["rows"], &found["left_out"], &found["undefined"]),
        (&500.into(), &0.into(), &Value::Array(Vec::new()))
    );
    let figure = |name: &str| found[name].as_f64().unwrap_or_else(|| panic!("{name}: {found}"));
    let labels: Vec<f64> = table(2_000..2_500)
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(1).expect("a label").parse().expect("0 or 1"))
        .collect();
    let losses = probabilities.iter().zip(&labels).map(|(p, y)| {
        let p: f64 = p.parse().expect("a number");
        -(y * p.ln() + (1.0 - y) * (1.0 - p).ln())
    });
    assert!((figure("log_loss") - losses.sum::<f64>() / 500.0).abs() < 1e-5, "{found}");
    let between = &found["bootstrap"]["log_loss"];
    assert!(between["low"].as_f64() < Some(figure("log_loss")) && between["high"].as_f64() > Some(figure("log_loss")));
    let bins = found["bins"].as_array().expect("bins");
    assert_eq!(bins.iter().map(|bin| bin["rows"].as_u64().expect("rows")).sum::<u64>(), 500);
    assert!(figure("group_auc") > 0.0 && figure("auc") > 0.0 && figure("normalised_entropy") > 0.0);
    let (table, _) = well(at, &["evaluate", "model", "--data", "new.csv"]);
    assert!(table.contains("│ model ┆  500 ┆") && table.contains("│ bin 20 ┆"), "{table}");

    // With itself there is no difference; of rows of one label little is defined.
    let both = json(&well(at, &["evaluate", "model", "model", "--data", "new.csv", "--format", "json"]).0);
    assert_eq!(both["ahead"]["log_loss"], serde_json::json!({ "difference": 0.0, "low": 0.0, "high": 0.0 }));
    let clicks: String = self::table(2_000..2_100)
        .lines()
        .filter(|line| !line.contains(",0,u"))
        .map(|line| format!("{line}\n"))
        .collect();
    fs::write(at.join("clicks.csv"), clicks).expect("written");
    let one = json(&well(at, &["evaluate", "model", "--data", "clicks.csv", "--format", "json"]).0);
    assert!(one["auc"].is_null() && one["group_auc"].is_null() && one["log_loss"].is_number(), "{one}");
    assert_eq!(one["undefined"][0], "all rows are clicks: auc and normalised_entropy are not defined");

    let shown = json(&well(at, &["show", "model", "--format", "json"]).0);
    assert_eq!(
        (&shown["name"], &shown["columns"][1]["becomes"]),
        (&"dlrm(dim: 4)".into(), &"vocabulary(rows: 20, min_count: 1), 18 in use".into())
    );
    let (text, _) = well(run, &["show", "run"]);
    assert!(
        text.starts_with("run/best: the model dlrm(dim: 4)\n") && text.contains("│ price ┆ price  ┆ number"),
        "{text}"
    );

    if Command::new("cc").arg("--version").output().is_ok() {
        let (_, said) = well(at, &["export", "model", "--format", "c", "-o", "c", "--verify"]);
        assert!(said.contains("rows of the example came out as expected, to the last bit"), "{said}");
    }
}

#[test]
fn exports_for_python_are_written_and_weights_come_back() {
    let (_folder, alone) = trained();
    let at = alone.path();
    for format in ["onnx", "triton", "torch"] {
        let export = ["export", "model", "--format", format, "-o", format];
        for _ in 0..2 {
            let (_, said) = well(at, &export);
            assert!(said.starts_with("wrote ") && said.contains("expected.txt"), "{said}");
        }
        // What runs it is not there.
        let verified = |python: &str| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_nasrecc"));
            let output =
                command.current_dir(at).args(export).arg("--verify").env("PYTHON", python).output().expect("it runs");
            assert_eq!(output.status.code(), Some(2));
            String::from_utf8_lossy(&output.stderr).into_owned()
        };
        let said = verified("no-such-python");
        assert!(said.contains("no-such-python cannot be started") && said.contains("was not verified"), "{said}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            for (name, script, expected) in [
                ("bare", "#!/bin/sh\nexit 3\n", " is not installed; what was written is there, and was not verified"),
                (
                    "wrong",
                    "#!/bin/sh\necho row 7 is 0.5, expected 0.25 >&2\nexit 1\n",
                    "is not what was expected: row 7 is 0.5, expected 0.25",
                ),
            ] {
                let path = at.join(name);
                fs::write(&path, script).expect("written");
                fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
                let said = verified(path.to_str().expect("text"));
                assert!(said.contains(expected), "{said}");
            }
        }
    }
    fs::write(at.join("onnx/thesis.tex"), "mine").expect("written");
    let error = refused(at, &["export", "model", "--format", "onnx", "-o", "onnx"]);
    assert!(error.starts_with("onnx holds something else than such an export"), "{error}");
    fs::write(at.join("triton/model_repository/other"), "mine").expect("written");
    let error = refused(at, &["export", "model", "--format", "triton", "-o", "triton"]);
    assert!(error.starts_with("triton/model_repository holds something else than such an export"), "{error}");

    let import =
        |weights: &str, out: &str| ["import", "torch", "model", "--weights", weights, "-o", out].map(str::to_owned);
    let arguments = import("torch/weights.safetensors", "back");
    let (_, said) = well(at, &arguments.each_ref().map(String::as_str));
    assert_eq!(said, "wrote back: dlrm(dim: 4) with the weights of torch/weights.safetensors\n");
    let predict = |model: &str| well(at, &["predict", model, "--data", "new.csv"]).0;
    assert_eq!(predict("back"), predict("model"));
    let shown = json(&well(at, &["show", "back", "--format", "json"]).0);
    assert!(shown["evidence"]["test"].is_null() && shown["name"] == "dlrm(dim: 4)", "{shown}");
    for (weights, out, expected) in [
        ("none", "other", "none"),
        ("onnx/model.weights", "other", "onnx/model.weights does not hold the weights that are asked for: it is "),
        (
            "model/weights.safetensors",
            "other",
            "model/weights.safetensors does not hold the weights that are asked for: it has no tensor ",
        ),
        ("torch/weights.safetensors", "model", "-o model is where the model is"),
    ] {
        let arguments = import(weights, out);
        let error = refused(at, &arguments.each_ref().map(String::as_str));
        assert!(error.contains(expected), "{error}");
        assert!(!at.join("other").exists());
    }
}

#[test]
fn an_export_for_candle_is_verified_without_a_tool_and_weights_come_back() {
    let (_folder, alone) = trained();
    let at = alone.path();
    let export = ["export", "model", "--format", "candle", "-o", "candle", "--verify"];
    for _ in 0..2 {
        let (_, said) = well(at, &export);
        assert!(said.starts_with("wrote candle/config.json, candle/weights.safetensors, candle/main.rs, "), "{said}");
        assert!(said.contains("candle on the CPU: ") && said.ends_with(" as expected, within 1e-5\n"), "{said}");
    }
    let (_, said) = well(at, &["import", "candle", "model", "--weights", "candle/weights.safetensors", "-o", "back"]);
    assert_eq!(said, "wrote back: dlrm(dim: 4) with the weights of candle/weights.safetensors\n");
    let predict = |model: &str| well(at, &["predict", model, "--data", "new.csv"]).0;
    assert_eq!(predict("back"), predict("model"));
    let error = refused(at, &["import", "torch", "model", "--weights", "candle/weights.safetensors", "-o", "other"]);
    assert!(error.contains("candle/weights.safetensors does not hold the weights that are asked for"), "{error}");
    fs::write(at.join("candle/thesis.tex"), "mine").expect("written");
    assert!(refused(at, &export).starts_with("candle holds something else than such an export"));
}

#[test]
fn what_cannot_be_is_told_by_its_name() {
    let (folder, alone) = trained();
    let (run, at) = (folder.path(), alone.path());
    let predict = |more: &[&str]| refused(at, &[&["predict", "model", "--data"], more].concat());
    assert!(
        predict(&["new.csv", "--keep", "usr"]).starts_with("new.csv has no column \"usr\" (did you mean \"user\"?)")
    );
    assert_eq!(
        predict(&["new.csv", "-o", "out.json"]),
        "-o: nothing is known of `.json`; give it a name that ends in .csv, .tsv or .parquet"
    );
    assert!(predict(&["new.csv", "-o", "new.csv"]).contains("would overwrite what is read"));
    assert!(predict(&["none.csv"]).starts_with("there is no data file none.csv"));
    assert!(predict(&["new.csv", "--keep", "probability"]).contains("is one that is written behind"));
    fs::write(at.join("bad.csv"), "id,price,city,site\n1,2.5,a,f\n2,dear,a,f\n3,1.5,a,f\n").expect("written");
    let error = "bad.csv, line 3, column 2 (price): found \"dear\", expected a number or nothing; correct the row";
    assert!(predict(&["bad.csv"]).starts_with(error));
    fs::write(at.join("out.csv"), "as it was").expect("written");
    assert!(predict(&["bad.csv", "-o", "out.csv"]).starts_with(error));
    assert_eq!(fs::read_to_string(at.join("out.csv")).expect("there"), "as it was");
    let (kept, said) = well(at, &["predict", "model", "--data", "bad.csv", "--keep", "id", "--malformed", "empty"]);
    let rows: Vec<&str> = kept.lines().collect();
    assert!(rows.len() == 4 && rows[2] == "2," && rows[1].starts_with("1,0.") && rows[3].starts_with("3,0."), "{kept}");
    assert!(said.contains("1 row has no probability, as they cannot be read"), "{said}");
    let evaluate = |more: &[&str]| refused(at, &[&["evaluate", "model"], more].concat());
    assert!(evaluate(&["--data", "bad.csv"]).starts_with("bad.csv has no column \"click\""));
    assert!(
        evaluate(&["model", "--data", "-"]).starts_with("two models are compared on rows that are read once for each")
    );
    assert!(evaluate(&["--data", "new.csv", "--bootstrap", "3"]).contains("expected 40 to 100000 resamples"));
    assert!(refused(at, &["show", "nothing"]).starts_with("nothing holds no model: there is no model.json in it"));
    assert!(refused(at, &["export", "model", "--format", "tensorflow", "-o", "x"]).contains("expected one of c ("));
    // Weights of another model, cut ones, and a record that was changed.
    let weights = at.join("model/weights.safetensors");
    let whole = fs::read(&weights).expect("there");
    fs::write(&weights, &whole[..whole.len() - 9]).expect("written");
    assert!(predict(&["new.csv"]).contains("model/weights.safetensors"));
    well(run, &["train", "a.nasrec", "--out", "other", "--seed", "8"]);
    fs::copy(run.join("other/best/weights.safetensors"), &weights).expect("copied");
    assert!(predict(&["new.csv"]).contains("model/weights.safetensors"));
    fs::write(&weights, &whole).expect("written");
    let record = at.join("model/model.json");
    let text = fs::read_to_string(&record).expect("there");
    fs::write(&record, text.replace("\"standardise\"", "\"log1p\"")).expect("written");
    assert!(predict(&["new.csv"]).contains("model/model.json"));
}
