//! Exports that Python runs: each model is written, and one Python process holds all of them against what `predict` says of 1,000 rows.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use nasrec_compiler::schema::{Format, Lines, Schema};
use nasrec_runtime::backend::Tiled;
use nasrec_runtime::data::{Unreadable, locate};
use nasrec_runtime::export::{Exporter, rows};
use nasrec_runtime::model::{Model, Rows};
use nasrec_runtime::{Silent, Stop};

/// As many are compared.
const ROWS: usize = 1_000;

/// Where `.ci/python` puts the packages of a form.
pub fn packages(form: &str) -> PathBuf {
    let form = if form == "triton" { "onnx" } else { form };
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"), PathBuf::from);
    target.join("tools/python").join(form)
}

pub fn python(form: &str, arguments: &[&str]) -> Output {
    let program = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let given = std::env::var_os("PYTHONPATH").unwrap_or_default();
    let path = std::env::join_paths([packages(form)].into_iter().chain(std::env::split_paths(&given)));
    let mut command = Command::new(program);
    command.arg("-B").args(arguments).env("PYTHONPATH", path.expect("folders without colons"));
    // What Zig compiles of a C library it keeps beside itself.
    let cache = packages("wasm").join("cache");
    command.env("ZIG_GLOBAL_CACHE_DIR", &cache).env("ZIG_LOCAL_CACHE_DIR", &cache);
    command.output().unwrap_or_else(|error| panic!("python3 cannot be started: {error}"))
}

/// Whether there is a Python with these modules. Where there is none, says how to get one, and where it has to be there fails.
pub fn is_there(form: &str, modules: &str) -> bool {
    let there = python(form, &["-c", &format!("import {modules}")]).status.success();
    if !there {
        let what = format!(
            "python3 has no {modules}, so that exports as {form} are not tested: `.ci/python {form}` installs them"
        );
        told(form, &what);
    }
    there
}

/// Fails where tests of a form have to run, and otherwise says why they do not; true.
pub fn told(form: &str, what: &str) -> bool {
    let needed = std::env::var("NASREC_PYTHON").unwrap_or_default();
    assert!(!needed.split(' ').any(|needed| needed == form), "{what}");
    // Told on the terminal itself: what a test that passes says is not shown.
    let _told = writeln!(std::io::stderr(), "{what}");
    true
}

/// Exports that are to be held against their models.
pub struct Held {
    form: &'static str,
    place: PathBuf,
    list: String,
    count: usize,
}

impl Held {
    pub fn new(form: &'static str, place: &Path) -> Self {
        Self { form, place: place.to_owned(), list: String::new(), count: 0 }
    }

    /// Writes one, and what its model says.
    pub fn add(&mut self, model: &Model, name: &str) {
        self.put(model, name, None);
    }

    /// The same, which Python trains further: where it writes the weights, and what is said with them.
    pub fn add_trained(&mut self, model: &Model, name: &str) -> [PathBuf; 2] {
        let files = ["safetensors", "json"].map(|kind| self.place.join(format!("trained-{}.{kind}", self.count)));
        self.put(model, name, Some(&files));
        files
    }

    fn put(&mut self, model: &Model, name: &str, trained: Option<&[PathBuf; 2]>) {
        self.count += 1;
        let folder = self.place.join(format!("{}-{}", self.form, self.count));
        let exporter = Exporter::named(self.form).expect("it is known");
        exporter.export(model, &folder).unwrap_or_else(|error| panic!("{name}: {error}"));
        let lines = rows(model, ROWS);
        let tsv = self.place.join(format!("{}-{}.tsv", self.form, self.count));
        fs::write(&tsv, lines.join("\n") + "\n").expect("written");
        let mut said = serde_json::json!({
            "name": name,
            "folder": folder,
            "rows": tsv,
            "plan": model.plan().hash(),
            "expected": expected(model, &self.place, &lines),
        });
        if let Some([weights, says]) = trained {
            said["trained"] = serde_json::json!(weights);
            said["said"] = serde_json::json!(says);
        }
        self.list += &format!("{said}\n");
    }

    /// Has Python compare.
    pub fn hold(&self) {
        let list = self.place.join(format!("{}.list", self.form));
        fs::write(&list, &self.list).expect("written");
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exporting/held.py");
        let output = python(self.form, &[program.to_str().expect("text"), list.to_str().expect("text")]);
        let [said, errors] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
        assert!(output.status.success(), "{}: {said}{errors}", self.form);
        assert!(said.contains(&format!("\n{} models, at most", self.count)), "{said}");
    }
}

/// What `predict` says of rows, in the form of files that the schema names; none of what cannot be read.
pub fn expected(model: &Model, place: &Path, lines: &[String]) -> Vec<Option<f32>> {
    let Schema { columns, format, .. } = model.schema();
    let Format::Lines(Lines { separator, header, .. }) = *format else { panic!("of lines") };
    let mut writer = csv::WriterBuilder::new().delimiter(separator).from_path(place.join("rows")).expect("created");
    if header {
        writer.write_record(columns).expect("written");
    }
    lines.iter().for_each(|line| writer.write_record(line.split('\t')).expect("written"));
    writer.flush().expect("written");
    let located = locate(place, &["rows".to_owned()]).expect("there");
    let tiled = Tiled::new(1).expect("threads");
    let ready = model.clone().ready(&tiled).expect("memory");
    let mut said = Vec::new();
    let rows = Rows { located: &located, keep: &[], stored: false, unreadable: Unreadable::Blank };
    ready
        .predict(rows, &Silent, &Stop::new(), |portion, probabilities| {
            let each = probabilities.iter().enumerate();
            said.extend(each.map(|(row, &one)| (!portion.blank.contains(&(row as u32))).then_some(one)));
            Ok(())
        })
        .expect("readable");
    assert_eq!(said.len(), lines.len());
    assert!(said.iter().flatten().count() > lines.len() / 2, "{} rows can be read", said.iter().flatten().count());
    said
}
