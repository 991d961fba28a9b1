//! One model, trained by a recipe: what a search would do with it as a baseline, and nothing more.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use nasrec_compiler::ItemKind;
use nasrec_runtime::backend::Tiled;
use nasrec_runtime::model::Model;
use nasrec_runtime::run::{Job, Origin, Run};
use nasrec_runtime::search::search;
use nasrec_runtime::{Error, Silent, Stop};
use serde_json::Value;

use crate::stopping::StopAt;
use crate::support;

const FILE: &str = "import \"nasrec_full.nasrec\" { nasrec_full }
import \"models/dlrm.nasrec\" { dlrm }

schema clicks {
  label click
  dense I[1..3]
  sparse C[1..4]: int | modulo(rows: 40)
}

search both on nasrec_full(blocks: 1, dim: 8, counts: [4], widths: [8]) with clicks {
  seed: 7
  data { synthetic { rows: 3_000; seed: 3 } }
  evaluate { finetune: off; validate: 1 }
  random { samples: 1 }
  retrain { top: 1; epochs: 4; batch: 64; stop: early(patience: 1); optimiser: adam(lr: 1e-2) }
  baseline dlrm(dim: 8)
}

train alone on dlrm(dim: 8) with clicks {
  seed: 7
  data { synthetic { rows: 3_000; seed: 3 } }
  retrain { epochs: 4; batch: 64; stop: early(patience: 1); optimiser: adam(lr: 1e-2) }
}

";

fn nasrecc(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_nasrecc")).current_dir(folder).args(args).output().expect("it runs")
}

fn well(folder: &Path, args: &[&str]) -> (String, String) {
    let output = nasrecc(folder, args);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", text(&output.stderr));
    (text(&output.stdout), text(&output.stderr))
}

fn report(run: &Path) -> Value {
    serde_json::from_slice(&fs::read(run.join("report.json")).expect("a report")).expect("JSON")
}

#[test]
fn a_model_is_trained_as_a_search_trains_it_as_a_baseline() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    fs::write(at.join("a.nasrec"), FILE).expect("written");
    let (table, told) = well(at, &["train", "a.nasrec", "--out", "run"]);
    assert!(table.contains("│ trained ┆ dlrm(dim: 8) ┆"), "{table}");
    assert!(!table.contains("rank") && !table.contains("supernet"), "{table}");
    assert!(told.contains("alone on dlrm(dim: 8) with clicks: run directory run"), "{told}");
    assert!(told.contains("the model dlrm(dim: 8): run/best"), "{told}");
    well(at, &["search", "a.nasrec", "--out", "both"]);
    let (own, other) = (&report(&at.join("run"))["best"][0], &report(&at.join("both"))["baselines"][0]);
    for figures in ["name", "validation", "test", "macs", "dense_params"] {
        assert!(!own[figures].is_null());
        assert_eq!(own[figures], other[figures], "{figures}");
    }
    // Nothing was searched, and all that a run has is there.
    let journal = fs::read_to_string(at.join("run/journal.jsonl")).expect("a journal");
    let events: Vec<Value> = journal.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let events: Vec<&str> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    assert_eq!(events, ["begun", "data", "trained", "trained"]);
    assert!(!at.join("run/supernet.safetensors").exists());
    let source = fs::read_to_string(at.join("run/best.nasrec")).expect("its source");
    assert!(source.contains("/// Trained by `alone`, seed 7."), "{source}");
    well(at, &["check", "run/best.nasrec"]);
    let (cost, _) = well(at, &["cost", "run/best.nasrec", "--name", "best"]);
    assert!(cost.contains("best"), "{cost}");
    // The model says of itself what its source costs.
    let json = |args: &[&str]| serde_json::from_str::<Value>(&well(at, args).0).expect("JSON");
    let cost = json(&["cost", "run/best.nasrec", "--name", "best", "--format", "json"]);
    let shown = json(&["show", "run", "--format", "json"]);
    let said = |of: &Value, what: &str| of[what].as_u64().filter(|&count| count > 0).expect("a number");
    for what in ["macs", "ops"] {
        assert_eq!(said(&shown, what), said(&cost, what), "{what}");
    }
    let (text, operations) = (well(at, &["show", "run"]).0, said(&shown, "ops") as f64 / 1e6);
    assert!(text.contains(&format!(" MMACs a row; {operations:.4} million operations in all\n")), "{text}");
    assert!(well(at, &["pack", "run"]).1.contains("run.tar.gz"));
    // It is whole, and goes on to the same end.
    let before = fs::read(at.join("run/best/weights.safetensors")).expect("weights");
    fs::remove_dir_all(at.join("run/best")).expect("removed");
    well(at, &["train", "--resume", "run"]);
    assert_eq!(fs::read(at.join("run/best/weights.safetensors")).expect("weights"), before);
}

/// Whoever predicts with a calibrated model says what was told of it; where it was trained once more, what was fitted before is taken.
#[test]
fn outputs_are_calibrated_on_the_validation_part_and_the_model_keeps_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    // Of labels of which clicks count five times, far too many clicks are expected.
    fs::write(
        at.join("a.nasrec"),
        FILE.replace("baseline dlrm(dim: 8)\n", "baseline dlrm(dim: 8)\n  baseline trees\n"),
    )
    .expect("written");
    let skewed = ["--set", "retrain.positive_weight=5", "--set", "retrain.stop=early(patience: 1, metric: auc)"];
    let trained = |out: &str, more: &[&str]| {
        let arguments = [&["train", "a.nasrec", "--out", out], &skewed[..], more].concat();
        let (table, told) = well(at, &arguments);
        (report(&at.join(out))["best"][0].clone(), table, told)
    };
    let (plain, table, _) = trained("plain", &[]);
    assert!(plain["test"]["calibrated"].is_null() && !table.contains("Calibrated"), "{plain}");
    for (out, refit, how) in [("refit", "on", "platt"), ("alone", "off", "platt"), ("scale", "off", "temperature")] {
        let (calibrate, refit) = (format!("retrain.calibrate={how}"), format!("retrain.refit={refit}"));
        let (found, table, told) = trained(out, &["--set", &calibrate, "--set", &refit]);
        let (validation, test) = (&found["validation"], &found["test"]);
        // What it is chosen and stopped by is as it was; only what stands beside it is new.
        assert_eq!(validation["log_loss"], plain["validation"]["log_loss"], "{out}");
        assert_eq!(validation["calibrated"]["before"]["log_loss"], validation["log_loss"], "{out}");
        assert_eq!(test["calibrated"]["after"]["log_loss"], test["log_loss"], "{out}");
        for fitted in ["scale", "offset"] {
            assert_eq!(validation["calibrated"][fitted], test["calibrated"][fitted], "fitted once: {found}");
        }
        let number =
            |figures: &Value, when: &str, which: &str| figures["calibrated"][when][which].as_f64().expect("a number");
        for part in [validation, test] {
            assert!(number(part, "after", "log_loss") < number(part, "before", "log_loss"), "{out}: {found}");
        }
        if how == "platt" {
            assert!(
                number(test, "after", "calibration_error") < 0.5 * number(test, "before", "calibration_error"),
                "{found}"
            );
        } else {
            assert_eq!(test["calibrated"]["offset"], 0.0, "{found}");
        }
        assert!(told.contains("train dlrm(dim: 8): calibrated on validation, logit * "), "{told}");
        let before = format!("Log loss on test without: dlrm(dim: 8) {:.5}", number(test, "before", "log_loss"));
        assert!(table.contains(&before), "{before} in {table}");
        // The model that is kept is told of as it predicts.
        let model = Model::load(&at.join(out).join("best")).expect("a model");
        let scaling = model.scaling().expect("it is calibrated");
        assert_eq!(Some(scaling.scale), test["calibrated"]["scale"].as_f64());
        assert_eq!(model.evidence.test.and_then(|test| test.log_loss), test["log_loss"].as_f64());
    }
    // Of the same network, the same AUC: the order of samples stays.
    let refit = report(&at.join("refit"))["best"][0]["test"]["auc"].as_f64().expect("both labels");
    assert!((refit - plain["test"]["auc"].as_f64().expect("both labels")).abs() < 1e-6);
    assert_eq!(
        fs::read(at.join("refit/best/weights.safetensors")).expect("weights"),
        fs::read(at.join("plain/best/weights.safetensors")).expect("weights")
    );
    // A search calibrates what it found, its baselines and trees alike.
    let (table, told) = well(at, &["search", "a.nasrec", "--out", "both", "--set", "retrain.calibrate=platt"]);
    let both = report(&at.join("both"));
    // A candidate that was drawn, after few steps: its outputs may tell nothing, and that is said.
    let is_calibrated = !both["best"][0]["test"]["calibrated"].is_null();
    let neither = "train best-1: not calibrated: on the validation part its outputs do not tell clicks from others";
    assert_ne!(told.contains(neither), is_calibrated, "{told}");
    for row in both["baselines"].as_array().expect("two") {
        assert!(row["test"]["calibrated"]["scale"].as_f64().is_some_and(|scale| scale > 0.0), "{row}");
    }
    assert!(told.contains("train trees: calibrated on validation, logit * "), "{told}");
    assert!(table.contains("Calibrated on the validation part, before it was trained on."), "{table}");
}

#[test]
fn which_training_is_meant_is_asked_and_the_other_command_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    fs::write(at.join("a.nasrec"), format!("{FILE}train again extends alone {{ seed: 8 }}\n")).expect("written");
    let refused = |args: &[&str]| {
        let output = nasrecc(at, args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let several = refused(&["train", "a.nasrec"]);
    assert!(several.contains("has the trainings alone, again: say which with --name"), "{several}");
    let other = refused(&["search", "a.nasrec", "--name", "alone"]);
    assert!(other.contains("has no search `alone`, but a `train alone`: give it to `nasrecc train`"), "{other}");
    let other = refused(&["train", "a.nasrec", "--name", "both"]);
    assert!(other.contains("has no train `both`, but a `search both`: give it to `nasrecc search`"), "{other}");
    let none = refused(&["train", "a.nasrec", "--name", "nobody"]);
    assert!(none.contains("has no train `nobody`; it has alone, again"), "{none}");
    let set = nasrecc(at, &["train", "a.nasrec", "--name", "again", "--set", "evolve.population=4"]);
    assert_eq!(set.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&set.stderr).contains("a training has no `evolve.population`"));
    let small = refused(&["train", "a.nasrec", "--name", "again", "--memory", "1MiB"]);
    assert!(small.contains("this training needs up to") && !small.contains("supernet"), "{small}");
}

fn started(path: &Path) -> Run {
    let program = support::load(FILE);
    let item = program.find(ItemKind::Train, "alone").expect("it is there");
    let job = Job::new(&program.search(&item, &[]).expect("sound"), ".").expect("the schema fits");
    Run::start(path, job, Origin { program: &program, search: "alone", settings: &[] }).expect("a new directory")
}

#[test]
fn a_training_that_was_stopped_anywhere_ends_like_one_that_was_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let evidence = |path: &Path| {
        ["best/weights.safetensors", "best/model.json", "report.json"]
            .map(|name| fs::read(path.join(name)).expect(name))
    };
    let whole = folder.path().join("whole");
    search(&started(&whole), &Tiled::new(2).expect("threads"), &Silent, &Stop::new()).expect("a run");
    let expected = evidence(&whole);
    for (stage, done) in
        [("train dlrm(dim: 8)", 5), ("train dlrm(dim: 8)", 60), ("train dlrm(dim: 8) on train + validation", 7)]
    {
        let path = folder.path().join(format!("{}-{done}", stage.len()));
        let stop = Stop::new();
        let observer = StopAt::new(stage, done, &stop);
        let stopped = search(&started(&path), &Tiled::new(1).expect("threads"), &observer, &stop);
        assert!(matches!(stopped, Err(Error::Stopped)), "{stage} {done}");
        assert!(!path.join("report.json").exists());
        let run = Run::resume(&path, &Silent).expect("the directory of a stopped run");
        assert!(run.job().model.is_some());
        search(&run, &Tiled::new(2).expect("threads"), &Silent, &Stop::new()).expect("the rest");
        assert!(evidence(&path) == expected, "{stage} {done}");
    }
}

#[test]
fn an_architecture_is_trained_by_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let text = "schema clicks { label click; dense I[1..3]; sparse C[1..2]: int | modulo(rows: 40) }
space tower {
  input numeric: dense
  input fields: categorical
  width w in [4, 8]
  let x = relu(linear(concat(numeric, flatten(embed(fields, 2))), w))
  logit = linear(x + maybe linear(x, w), 1)
}
arch narrow of tower { w: 4; maybe: off }
train t on narrow with clicks { data { synthetic { rows: 500 } }; retrain { batch: 50 } }
";
    let named = text.replace(
        "logit = linear(x + maybe linear(x, w), 1)",
        "let more = maybe linear(x, w)\n  logit = linear(x + more, 1)",
    );
    fs::write(at.join("a.nasrec"), named.replace("maybe: off", "more: off")).expect("written");
    let (table, _) = well(at, &["train", "a.nasrec", "--out", "run"]);
    assert!(table.contains("│ trained ┆ narrow ┆"), "{table}");
    let source = fs::read_to_string(at.join("run/best.nasrec")).expect("its source");
    assert!(source.contains("arch best of tower with clicks") && source.contains("w: 4"), "{source}");
    let (summary, _) = well(at, &["compile", "a.nasrec", "--name", "t"]);
    assert!(summary.contains("train t on tower with clicks"), "{summary}");
    let open = named.replace("maybe: off", "..");
    fs::write(at.join("open.nasrec"), open).expect("written");
    let refused = nasrecc(at, &["train", "open.nasrec"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("`narrow` ends in `..`"));
}
