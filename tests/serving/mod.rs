//! `nasrecc serve`, spoken to over sockets: what it answers, what it refuses, and what becomes of requests while a model, the load or the
//! server changes.
//!
//! Lives here: models that are served, the server as a child, an HTTP client of a few lines. What an answer has to be is what
//! `nasrecc predict` says of the row.

mod answers;
mod badness;
mod changes;
mod client;
mod triton;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub use client::{Answer, Connection, Served, request};
use serde_json::{Value, json};

const FILE: &str = "import \"models/dlrm.nasrec\" { dlrm }

schema visits {
  format csv
  label click
  group user
  missing \"NA\"
  dense price | missing(mean) | standardise
  dense count: int | log1p
  dense picture[1..3] from vector | list(\" \")
  sparse city: text | vocabulary(rows: 20)
  sparse site: hex | modulo(rows: 40)
  sparse item: int | hash(rows: 50)
  sparse tags: text | list(\"|\", most: 3) | vocabulary(rows: 12)
  sparse hour from time: \"%Y-%m-%d %H:%M:%S\" | hour
  sparse member: bool
}

train alone on dlrm(dim: 4) with visits {
  seed: 7
  data { files: \"t.csv\"; split: 8:1:1 }
  retrain { epochs: 1; batch: 128; optimiser: adam(lr: 1e-2) }
}
";

/// A row, as what its columns hold.
pub struct Row {
    number: usize,
}

impl Row {
    fn draws(&self) -> (usize, usize) {
        (self.number.wrapping_mul(2_654_435_761) >> 7, self.number.wrapping_mul(40_503) >> 3)
    }

    /// As a line of the table.
    fn line(&self) -> String {
        let (a, b) = self.draws();
        let click = usize::from((a % 7 + b % 5) % 3 == 0);
        let text = |value: &Value, within: &str| match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            Value::Array(parts) => {
                let parts = parts.iter().map(|part| part.as_str().map_or_else(|| part.to_string(), str::to_owned));
                parts.collect::<Vec<_>>().join(within)
            }
            other => other.to_string(),
        };
        let object = self.object();
        let of = |name: &str, within: &str| text(&object[name], within);
        let city = of("city", "").replace('"', "\"\"");
        format!(
            "{click},u{},{},{},{},\"{city}\",{},{},{},{},{}\n",
            a % 40,
            of("price", ""),
            of("count", ""),
            of("vector", " "),
            of("site", ""),
            of("item", ""),
            of("tags", "|"),
            of("time", ""),
            of("member", "")
        )
    }

    /// As an object of the columns that a model reads.
    pub fn object(&self) -> Value {
        let (a, b) = self.draws();
        let number = |value: f64| if a % 11 == 0 { Value::Null } else { json!(value) };
        json!({
            "price": number((a % 90) as f64 + 0.25),
            "count": if b % 13 == 0 { Value::Null } else { json!(a % 1000) },
            "vector": [(a % 5) as f64 / 8.0, -1.5, b % 3],
            "city": if b % 9 == 0 { json!("a, \"b\"") } else if b % 17 == 1 { Value::Null } else { json!(format!("city {}", b % 25)) },
            "site": format!("{:x}", a % 60),
            "item": (a % 1_000) as i64 - 500,
            "tags": (0..a % 5).map(|tag| format!("t{}", (b + tag) % 14)).collect::<Vec<_>>(),
            "time": format!("2024-03-{:02} {:02}:00:00", 1 + a % 28, b % 24),
            "member": a % 2 == 0,
        })
    }
}

pub const HEADER: &str = "click,user,price,count,vector,city,site,item,tags,time,member\n";

/// Rows that no training saw.
pub fn rows(count: usize) -> Vec<Row> {
    (0..count).map(|number| Row { number: 10_000 + number }).collect()
}

fn table<'r>(rows: impl IntoIterator<Item = &'r Row>) -> String {
    rows.into_iter().fold(HEADER.to_owned(), |mut text, row| {
        let _written = write!(text, "{}", row.line());
        text
    })
}

/// Runs the command, which has to go well: what it writes.
pub fn nasrecc(folder: &Path, args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_nasrecc")).current_dir(folder).args(args).output().expect("it runs");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A folder with two models of one schema, `one` and `two`.
pub struct Models {
    folder: tempfile::TempDir,
}

impl Models {
    pub fn trained() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let at = folder.path();
        let seen: Vec<Row> = (0..1_500).map(|number| Row { number }).collect();
        fs::write(at.join("a.nasrec"), FILE).expect("written");
        fs::write(at.join("t.csv"), table(&seen)).expect("written");
        for (name, seed) in [("one", "1"), ("two", "2")] {
            nasrecc(at, &["train", "a.nasrec", "--seed", seed, "--out", "run"]);
            fs::rename(at.join("run/best"), at.join(name)).expect("moved");
            fs::remove_dir_all(at.join("run")).expect("removed");
        }
        Self { folder }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// What `nasrecc predict` says of rows.
    pub fn predicted(&self, model: &str, rows: &[Row]) -> Vec<f32> {
        fs::write(self.path().join("new.csv"), table(rows)).expect("written");
        let told = nasrecc(self.path(), &["predict", model, "--data", "new.csv"]);
        told.lines().skip(1).map(|line| line.parse().expect("a probability")).collect()
    }

    /// Puts a copy of a model where another is, as a tool does that copies files.
    pub fn put(&self, model: &str, to: &str) {
        let to = self.path().join(to);
        fs::create_dir_all(&to).expect("created");
        for entry in fs::read_dir(self.path().join(model)).expect("a model") {
            let entry = entry.expect("an entry");
            fs::copy(entry.path(), to.join(entry.file_name())).expect("copied");
        }
    }

    /// Serves models with options, on a free port.
    pub fn serve(&self, args: &[&str]) -> Served {
        Served::start(self.path(), args)
    }
}

/// The tensors of rows, in an inference request as JSON.
pub fn tensors(rows: &[Row]) -> Value {
    let objects: Vec<Value> = rows.iter().map(Row::object).collect();
    let column = |name: &str| objects.iter().map(|object| object[name].clone()).collect::<Vec<Value>>();
    let count = rows.len();
    let input = |name: &str, datatype: &str, shape: Value, data: Vec<Value>| json!({ "name": name, "datatype": datatype, "shape": shape, "data": data });
    let tags = column("tags").iter().map(|tags| json!(tags_of(tags))).collect();
    json!({ "inputs": [
        input("price", "FP64", json!([count]), column("price")),
        input("count", "INT32", json!([count, 1]), column("count")),
        input("vector", "FP32", json!([count, 3]), column("vector")),
        input("city", "BYTES", json!([count]), column("city")),
        input("site", "BYTES", json!([count]), column("site")),
        input("item", "INT64", json!([count]), column("item")),
        input("tags", "BYTES", json!([count]), tags),
        input("time", "BYTES", json!([count]), column("time")),
        input("member", "BOOL", json!([count]), column("member")),
    ] })
}

/// A bag as one text.
pub fn tags_of(tags: &Value) -> String {
    tags.as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join("|")
}

/// The same request with the bytes of its tensors behind the JSON: the body, and how long the JSON is.
pub fn binary(rows: &[Row]) -> (Vec<u8>, usize) {
    let mut request = tensors(rows);
    let mut bytes = Vec::new();
    for input in request["inputs"].as_array_mut().expect("inputs") {
        let data = input.as_object_mut().and_then(|input| input.remove("data")).expect("data");
        let before = bytes.len();
        // Whole numbers that are missing have no bytes: they go as numbers that are none.
        if input["name"] == "count" {
            input["datatype"] = json!("FP64");
        }
        for value in flat(&data) {
            let number = || value.as_f64().unwrap_or(f64::NAN);
            match input["datatype"].as_str().expect("a datatype") {
                "FP64" => bytes.extend(number().to_le_bytes()),
                "FP32" => bytes.extend((number() as f32).to_le_bytes()),
                "INT64" => bytes.extend(value.as_i64().expect("a number").to_le_bytes()),
                "BOOL" => bytes.push(u8::from(value == json!(true))),
                "BYTES" => {
                    let text = value.as_str().unwrap_or_default();
                    bytes.extend((text.len() as u32).to_le_bytes());
                    bytes.extend(text.as_bytes());
                }
                other => panic!("{other}"),
            }
        }
        input["parameters"] = json!({ "binary_data_size": bytes.len() - before });
    }
    request["outputs"] = json!([{ "name": "probability", "parameters": { "binary_data": true } }]);
    let json = request.to_string().into_bytes();
    let header = json.len();
    ([json, bytes].concat(), header)
}

fn flat(data: &Value) -> Vec<Value> {
    match data {
        Value::Array(all) => all.iter().flat_map(flat).collect(),
        other => vec![other.clone()],
    }
}

/// Where a file of the repository is.
pub fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}
