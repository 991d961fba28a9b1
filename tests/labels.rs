//! Models of several labels from a table to what is served: each label is learnt, told of, predicted and judged.

use std::fs;
use std::path::Path;

use nasrec_runtime::model::Model;
use serde_json::{Value, json};

use crate::predicting::{json as read, refused, well};
use crate::serving::Served;

const FILE: &str = "import \"std/ctr.nasrec\" { fc }

schema visits {
  format csv
  label click
  label liked from rating >= 4
  dense price | missing(mean) | standardise
  sparse city: text | vocabulary(rows: 20)
  sparse site: hex | modulo(rows: 64)
}

space both(dim = 4) {
  input numeric: dense
  input fields: categorical
  let x = concat(numeric, flatten(embed(fields, dim)))
  let h = fc(x, 16)
  logit liked(weight: 0.5) = linear(fc(h, 8), 1)
  logit click = linear(h, 1)
  auxiliary alone(of: liked, weight: 0.1) = linear(fc(x, 5), 1)
}

space one(dim = 4) {
  input numeric: dense
  input fields: categorical
  logit = linear(concat(numeric, flatten(embed(fields, dim))), 1)
}

train together on both with visits {
  seed: 7
  data { train: \"t.csv\"; valid: \"v.csv\"; test: \"new.csv\" }
  retrain { epochs: 10; batch: 128; optimiser: adam(lr: 1e-2) }
  baseline one, trees
}
";

fn table(rows: std::ops::Range<usize>) -> String {
    let mut text = "click,price,rating,city,site\n".to_owned();
    for row in rows {
        let (a, b) = (row.wrapping_mul(2_654_435_761) >> 7, row.wrapping_mul(40_503) >> 3);
        let (click, rating) = (usize::from((a % 60 + b % 9 / 8) % 3 == 0), 1 + b % 15 % 5);
        text += &format!("{click},{}.25,{rating},city {},{:x}\n", a % 90, b % 15, a % 60);
    }
    text
}

fn trained() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    for (name, text) in [
        ("a.nasrec", FILE.to_owned()),
        ("t.csv", table(0..2_000)),
        ("v.csv", table(2_000..2_400)),
        ("new.csv", table(2_400..2_900)),
    ] {
        fs::write(at.join(name), text).expect("written");
    }
    let (_, told) = well(at, &["train", "a.nasrec", "--out", "run"]);
    assert!(told.contains("train both"), "{told}");
    folder
}

fn report(at: &Path) -> Value {
    read(&fs::read_to_string(at.join("run/report.json")).expect("a report"))
}

/// The columns of probabilities, by their names, as `predict` writes them.
fn predicted(at: &Path, model: &str) -> Vec<(String, Vec<f64>)> {
    let told = well(at, &["predict", model, "--data", "new.csv"]).0;
    let mut lines = told.lines();
    let header = lines.next().expect("a header");
    let rows: Vec<Vec<f64>> =
        lines.map(|line| line.split(',').map(|number| number.parse().expect("a number")).collect()).collect();
    let column = |(at, name): (usize, &str)| (name.to_owned(), rows.iter().map(|row| row[at]).collect());
    header.split(',').enumerate().map(column).collect()
}

fn log_loss(probabilities: &[f64], truths: &[bool]) -> f64 {
    let losses = probabilities.iter().zip(truths).map(|(p, &truth)| -(if truth { p.ln() } else { (1.0 - p).ln() }));
    losses.sum::<f64>() / probabilities.len() as f64
}

#[test]
fn every_label_is_told_predicted_and_judged() {
    let folder = trained();
    let at = folder.path();
    let report = report(at);
    let best = &report["best"][0];
    let others = best["others"].as_array().expect("figures of the other label");
    assert_eq!((others.len(), others[0]["name"].as_str()), (1, Some("liked")));
    assert!(report["baselines"].as_array().expect("two").iter().all(|row| row.get("others").is_none()));
    let constant = report["constant"]["test"].as_f64().expect("of the first label");
    assert!(best["test"]["log_loss"].as_f64() < Some(0.9 * constant), "clicks are learnt: {best}");
    assert!(others[0]["auc"].as_f64() > Some(0.9), "and ratings: {others:?}");

    let columns = predicted(at, "run");
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["probability_liked", "probability_click"], "in the order of the space");
    let lines = table(2_400..2_900);
    let rows: Vec<Vec<&str>> = lines.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let liked: Vec<bool> = rows.iter().map(|row| row[2].parse::<u32>().expect("a rating") >= 4).collect();
    let clicked: Vec<bool> = rows.iter().map(|row| row[0] == "1").collect();

    let found = read(&well(at, &["evaluate", "run", "--data", "new.csv", "--format", "json"]).0);
    for (figure, (_, said), truths) in
        [(&found["log_loss"], &columns[1], &clicked), (&found["others"][0]["log_loss"], &columns[0], &liked)]
    {
        let figure = figure.as_f64().expect("a figure");
        assert!((figure - log_loss(said, truths)).abs() < 1e-5, "{figure} {found}");
    }
    // What the run said of the same rows, to the last digit.
    assert_eq!((&found["log_loss"], &found["auc"]), (&best["test"]["log_loss"], &best["test"]["auc"]));
    assert_eq!(found["others"][0]["auc"], others[0]["auc"]);

    // What was only trained is not kept.
    let model = read(&fs::read_to_string(at.join("run/best/model.json")).expect("a model"));
    let params: Vec<&str> =
        model["plan"]["params"].as_array().expect("params").iter().filter_map(|param| param["name"].as_str()).collect();
    assert!(params.iter().any(|name| name.starts_with("logit_liked")), "{params:?}");
    assert!(!params.iter().any(|name| name.contains("auxiliary")), "{params:?}");
    let told = well(at, &["show", "run"]).0;
    assert!(told.contains("of liked: log loss"), "{told}");
}

#[test]
fn one_label_is_exported_alone() {
    let folder = trained();
    let at = folder.path();
    let told = refused(at, &["export", "run", "--format", "c", "-o", "c"]);
    assert_eq!(told, "the model predicts liked, click, and an export predicts one label; say which, with --label");
    let told = refused(at, &["export", "run", "--format", "c", "--label", "like", "-o", "c"]);
    assert_eq!(told, "the model predicts no label called like; it predicts liked, click");
    let columns = predicted(at, "run");
    for (label, (_, expected)) in [("liked", &columns[0]), ("click", &columns[1])] {
        let model = Model::load(&at.join("run/best")).expect("a model").of_label(label).expect("it predicts that");
        model.save(&at.join(label)).expect("saved");
        let alone = predicted(at, label);
        assert_eq!((alone.len(), alone[0].0.as_str()), (1, "probability"));
        assert_eq!(&alone[0].1, expected, "{label}, to the last bit");
        let folder = format!("{label}_c");
        let (_, told) = well(at, &["export", "run", "--format", "c", "--label", label, "-o", &folder, "--verify"]);
        assert!(told.contains("came out as expected"), "{told}");
    }
    let of = |folder: &str| fs::metadata(at.join(folder).join("model.bin")).expect("weights").len();
    assert!(of("click_c") < of("liked_c"), "what only the other label needs is left out");
}

#[test]
fn a_server_tells_of_all_labels() {
    let folder = trained();
    let at = folder.path();
    let columns = predicted(at, "run");
    let served = Served::start(at, &["two=run"]);
    let about = served.get("/v2/models/two").json();
    let outputs: Vec<&str> =
        about["outputs"].as_array().expect("outputs").iter().filter_map(|output| output["name"].as_str()).collect();
    assert_eq!(outputs, ["probability_liked", "probability_click"]);
    let lines = table(2_400..2_900);
    let rows: Vec<Value> = lines
        .lines()
        .skip(1)
        .map(|line| {
            let of: Vec<&str> = line.split(',').collect();
            json!({ "price": of[1].parse::<f64>().expect("a price"), "city": of[3], "site": of[4] })
        })
        .collect();
    let answer = served.post("/v2/models/two/rows", &json!(rows)).json();
    let numbers = |told: &Value| -> Vec<f32> {
        told.as_array().expect("a list").iter().map(|number| number.as_f64().expect("a number") as f32).collect()
    };
    for (name, expected) in &columns {
        let expected: Vec<f32> = expected.iter().map(|&p| p as f32).collect();
        assert_eq!(numbers(&answer[name]), expected, "{name}");
    }
    let alone = served.post("/v2/models/two/rows", &rows[0]).json();
    assert_eq!(alone["probability_click"].as_f64().map(|p| p as f32), Some(columns[1].1[0] as f32));

    // Tensors: one output of two, as bytes.
    let request = json!({
        "inputs": [
            { "name": "price", "datatype": "FP64", "shape": [2], "data": [rows[0]["price"], rows[1]["price"]] },
            { "name": "city", "datatype": "BYTES", "shape": [2], "data": [rows[0]["city"], rows[1]["city"]] },
            { "name": "site", "datatype": "BYTES", "shape": [2], "data": [rows[0]["site"], rows[1]["site"]] },
        ],
        "outputs": [{ "name": "probability_click" }],
    });
    let told = served.post("/v2/models/two/infer", &request).json();
    assert_eq!(told["outputs"].as_array().map(Vec::len), Some(1), "{told}");
    assert_eq!(numbers(&told["outputs"][0]["data"]), [columns[1].1[0] as f32, columns[1].1[1] as f32]);
    let mut all = request.clone();
    all.as_object_mut().expect("an object").remove("outputs");
    let told = served.post("/v2/models/two/infer", &all).json();
    assert_eq!(told["outputs"].as_array().map(Vec::len), Some(2), "{told}");
    let mut unknown = request;
    unknown["outputs"][0]["name"] = json!("probability");
    let error = served.post("/v2/models/two/infer", &unknown).error();
    assert!(error.contains("a model here has `probability_liked`, `probability_click`"), "{error}");
}
