//! A model on an empty machine: its directory, copied to a folder with nothing else in it, does all that a model does.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use nasrec_compiler::{ItemKind, Program};
use nasrec_runtime::data::{Dataset, Part};
use nasrec_runtime::export::EXPORTERS;
use nasrec_runtime::model::Model;
use nasrec_runtime::{Silent, Stop};
use serde_json::Value;

use crate::predicting::{json, table, trained, well};
use crate::serving::Served;

/// The lines of the test part of the run, in its order, with the header.
fn test_part(at: &Path) -> String {
    let file = at.join("a.nasrec");
    let file = file.to_str().expect("text");
    let (program, found) = Program::load(file, &nasrec_compiler::loader::Disk::beside(file));
    assert!(found.is_empty(), "{found:?}");
    let train = program.find(ItemKind::Train, "alone").expect("it is there");
    let checked = program.search(&train, &[]).expect("it is sound");
    let cache = at.join("other.cache");
    let data =
        Dataset::prepare(&checked.schema, &checked.recipe.data, at, &cache, &Silent, &Stop::new()).expect("sound");
    let whole = table(0..2_000);
    let lines: Vec<&str> = whole.lines().collect();
    let test = data.part(Part::Test).iter().map(|&row| lines[row as usize + 1]);
    std::iter::once(lines[0]).chain(test).map(|line| format!("{line}\n")).collect()
}

fn names(folder: &Path) -> BTreeSet<String> {
    let names = fs::read_dir(folder).expect("a folder");
    names.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn a_model_on_an_empty_machine_in_every_form() {
    let (folder, alone) = trained();
    let at = alone.path();
    let test = test_part(folder.path());
    let report = json(&fs::read_to_string(folder.path().join("run/report.json")).expect("a report"));
    // Nothing is left of where it came from.
    drop(folder);
    fs::write(at.join("new.csv"), test).expect("written");
    let files: BTreeSet<String> = Model::FILES.map(str::to_owned).into();
    assert_eq!((names(at), names(&at.join("model"))), (["model", "new.csv"].map(str::to_owned).into(), files.clone()));

    // It is judged as the run judged it, to the last digit.
    let said = json(&well(at, &["evaluate", "model", "--data", "new.csv", "--format", "json"]).0);
    let reported = &report["best"][0]["test"];
    assert_eq!(said["rows"], reported["samples"]);
    for figure in ["log_loss", "auc", "group_auc", "normalised_entropy", "calibration", "calibration_error"] {
        assert!(reported[figure].is_number(), "{figure}: {reported}");
        assert_eq!(said[figure], reported[figure], "{figure}");
    }
    let shown = json(&well(at, &["show", "model", "--format", "json"]).0);
    assert_eq!((&shown["name"], &shown["evidence"]["test"]["log_loss"]), (&"dlrm(dim: 4)".into(), &said["log_loss"]));

    // It predicts, and says the same as lines, as Parquet, and over HTTP.
    let (predicted, _) = well(at, &["predict", "model", "--data", "new.csv"]);
    let predicted: Vec<f32> = predicted.lines().skip(1).map(|line| line.parse::<f32>().expect("a number")).collect();
    assert_eq!(Some(predicted.len() as u64), said["rows"].as_u64());
    for (name, separator) in [("out.csv", ','), ("out.tsv", '\t')] {
        well(at, &["predict", "model", "--data", "new.csv", "--keep", "id", "-o", name]);
        let text = fs::read_to_string(at.join(name)).expect("written");
        let numbers = text
            .lines()
            .skip(1)
            .map(|line| line.rsplit(separator).next().expect("one").parse::<f32>().expect("a number"));
        assert!(numbers.eq(predicted.iter().copied()), "{name}");
    }
    well(at, &["predict", "model", "--data", "new.csv", "--keep", "id,user,price,city,site", "-o", "out.parquet"]);
    let (again, _) = well(at, &["predict", "model", "--data", "out.parquet"]);
    assert!(again.lines().skip(1).map(|line| line.parse::<f32>().expect("a number")).eq(predicted.iter().copied()));
    let served = Served::start(at, &["model"]);
    let text = fs::read_to_string(at.join("new.csv")).expect("there");
    let rows: Vec<Value> = text.lines().skip(1).take(100).map(object).collect();
    let answer = served.post("/v2/models/model/rows", &Value::Array(rows));
    assert_eq!(answer.probabilities(), predicted[..100]);
    drop(served);

    // It is exported in every form that there is.
    for exporter in EXPORTERS {
        let (_, said) = well(at, &["export", "model", "--format", exporter.name, "-o", exporter.name]);
        assert!(said.starts_with("wrote ") && said.contains("expected.txt"), "{}: {said}", exporter.name);
        assert!(fs::read_dir(at.join(exporter.name)).expect("a folder").count() > 1, "{}", exporter.name);
    }
    assert_eq!(names(&at.join("model")), files, "nothing of this changes it");
}

/// A line of the table as a row of a request.
fn object(line: &str) -> Value {
    let mut quoted = false;
    let values: Vec<&str> = line
        .split(|byte| {
            quoted ^= byte == '"';
            byte == ',' && !quoted
        })
        .collect();
    let price = values[3].parse::<f64>().map_or(Value::Null, Value::from);
    let city = values[4].strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(values[4]);
    serde_json::json!({ "price": price, "city": city.replace("\"\"", "\""), "site": values[5] })
}
