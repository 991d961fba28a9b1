//! What fuzz targets call: each reader of files that strangers write, given bytes as they are, and with the checksums put right
//! over them. Without that, nothing behind a checksum would ever be reached. Only there when it is built to be fuzzed.
//!
//! Each writes into a folder of the caller's and panics where a law is broken.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use nasrec_compiler::plan::{Init, ParamKind};
use nasrec_compiler::recipe::{self, By, Given, Source};
use nasrec_compiler::schema::{DenseColumn, Schema, SparseColumn, Table, Transform, Type};
use smallvec::smallvec;

use crate::backend::Tiled;
use crate::data::{Batch, Dataset, Part};
use crate::model::Model;
use crate::run::{Entry, Journal, Run};
use crate::supernet::{Label, ParamDef, Store};
use crate::{Silent, Stop, files};

/// A message that a person can do something with.
fn told(error: &crate::Error) {
    assert!(error.to_string().len() > 10, "{error:?}");
}

/// The lines of a journal: as they are, and chained.
pub fn journal(folder: &Path, input: &[u8]) {
    let path = folder.join("journal.jsonl");
    let read = |bytes: &[u8]| {
        fs::write(&path, bytes).expect("a folder to write to");
        let mut journal = match Journal::open(&path, "run", "cpu", &Silent) {
            Ok(journal) => journal,
            Err(error) => return told(&error),
        };
        journal.append(Entry::Data { fingerprint: "f".to_owned(), rows: 1 }).expect("room");
        let again = Journal::open(&path, "run", "cpu", &Silent).expect("what was opened once");
        assert_eq!(again.entries().len(), journal.entries().len());
        // Not a number is nothing that equals itself.
        assert_eq!(format!("{again:?}").len(), format!("{journal:?}").len());
    };
    read(input);
    read(&crate::run::chained(input));
}

/// A record, over sources that are there.
pub fn record(folder: &Path, input: &[u8]) {
    let path = folder.join("run.json");
    let read = |bytes: &[u8]| {
        fs::write(&path, bytes).expect("a folder to write to");
        match Run::resume(folder, &Silent) {
            Ok(run) => assert_eq!(run.identity().len(), 64),
            Err(error) => told(&error),
        }
    };
    read(input);
    read(&files::sealed_text(input));
}

/// A file of tensors.
pub fn weights(folder: &Path, input: &[u8]) {
    let path = folder.join("weights.safetensors");
    let label = Label { of: "fuzz".to_owned(), step: 1 };
    let read = |bytes: &[u8]| {
        fs::write(&path, bytes).expect("a folder to write to");
        let mut store = sample_store();
        match store.load(&path, &label) {
            Ok(kept) => assert_eq!(store.save(&path, &label, &kept.notes).expect("room").len(), 64),
            Err(error) => told(&error),
        }
        if let Err(error) = store.import(&path) {
            told(&error);
        }
    };
    read(input);
    read(&Store::resealed(input));
}

/// A store of each kind of parameter, for [`weights`].
pub fn sample_store() -> Store {
    let def = |name: &str, full: [usize; 2], kind| ParamDef {
        name: name.into(),
        full: smallvec![full[0], full[1]],
        kind,
        init: Init::XavierUniform,
    };
    let defs = [
        def("w", [2, 3], ParamKind::Dense),
        def("m", [1, 4], ParamKind::Statistic),
        def("t", [7, 2], ParamKind::Table { field: 0 }),
    ];
    Store::new(defs, 1).expect("memory for 20 numbers")
}

/// A model's two files, a zero byte between them.
pub fn model(folder: &Path, input: &[u8]) {
    let cut = input.iter().position(|&byte| byte == 0).unwrap_or(input.len());
    let (record, weights) = (&input[..cut], input.get(cut + 1..).unwrap_or_default());
    let read = |record: &[u8], weights: &[u8]| {
        fs::write(folder.join("model.json"), record).expect("a folder to write to");
        fs::write(folder.join("weights.safetensors"), weights).expect("a folder to write to");
        let model = match Model::load(folder) {
            Ok(model) => model,
            Err(error) => return told(&error),
        };
        let rows = 3;
        let numeric = vec![0.5; model.schema().numeric_width() * rows];
        let batch = Batch {
            rows,
            numeric,
            ids: vec![1; model.schema().sparse.len() * rows],
            labels: vec![0.0; rows],
            ..Batch::default()
        };
        match model.predict(&Tiled::new(1).expect("a thread"), [Ok(batch)]) {
            Ok(clicks) => assert_eq!(clicks.len(), rows),
            Err(error) => told(&error),
        }
    };
    read(record, weights);
    let weights = Store::resealed(weights);
    let checksum = blake3_of(&weights);
    read(&files::sealed_text(&with_value(record, "\"weights\": \"", &checksum)), &weights);
}

/// The checksum that a file of tensors carries.
fn blake3_of(weights: &[u8]) -> String {
    let mark: &[u8] = br#"\"checksum\":\""#;
    let at = memchr::memmem::find(weights, mark).map(|at| at + mark.len());
    let digits = at.and_then(|at| weights.get(at..at + 64)).unwrap_or_default();
    String::from_utf8_lossy(digits).into_owned()
}

/// A text with this many digits behind a mark replaced.
fn with_value(text: &[u8], mark: &str, value: &str) -> Vec<u8> {
    let mut text = text.to_vec();
    if let Some(at) = memchr::memmem::find(&text, mark.as_bytes()).map(|at| at + mark.len())
        && text.len() >= at + value.len()
    {
        text[at..at + value.len()].copy_from_slice(value.as_bytes());
    }
    text
}

/// The columns of the tables of [`cache`], [`table`] and [`gzip`].
pub fn schema() -> Schema {
    let sparse = |name, kind| SparseColumn::new(name, kind, Table::Modulo, 11);
    let dense = vec![DenseColumn::new("I", vec![Transform::Max(0.0), Transform::Log1p])];
    Schema::tsv("t", "click", dense, vec![sparse("C", Type::Hex), sparse("D", Type::Int)])
}

/// Reads a table of these files, or what a cache holds of them.
pub fn dataset(folder: &Path, file: &str) -> crate::Result<Dataset> {
    let recipe = recipe::Data {
        source: Source::Files(vec![file.to_owned()]),
        split: [8, 1, 1],
        by: By::Chance,
        given: Given::default(),
        stratified: false,
        seed: 7,
        max_malformed: 0.5,
    };
    Dataset::prepare(&schema(), &recipe, folder, &folder.join("data.cache"), &Silent, &Stop::new())
}

fn read_table(folder: &Path, file: &str) {
    match dataset(folder, file) {
        Ok(data) => {
            let rows = Arc::new(data).part(Part::Train).len();
            assert!(rows > 0);
        }
        Err(error) => told(&error),
    }
}

/// A data cache whose source is gone.
pub fn cache(folder: &Path, input: &[u8]) {
    let path = folder.join("data.cache");
    for bytes in [input.to_vec(), crate::data::resealed(input)] {
        fs::write(&path, bytes).expect("a folder to write to");
        match dataset(folder, "t.tsv") {
            Ok(data) => {
                let last = data.rows() as u32 - 1;
                match data.batch(&[0, last]) {
                    Ok(batch) => {
                        assert!(batch.labels.iter().all(|label| [0.0, 1.0].contains(label)), "{:?}", batch.labels);
                    }
                    // Who sealed it may have written a category that no table has.
                    Err(error) => told(&error),
                }
            }
            Err(error) => told(&error),
        }
    }
}

/// Lines of a table.
pub fn table(folder: &Path, input: &[u8]) {
    fs::write(folder.join("t.tsv"), input).expect("a folder to write to");
    let _none = fs::remove_file(folder.join("data.cache"));
    read_table(folder, "t.tsv");
}

/// A packed table: as it is, and packed soundly with the first bytes cut off or doubled.
pub fn gzip(folder: &Path, input: &[u8]) {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(input).expect("memory");
    let packed = packed.finish().expect("memory");
    let cut = input.first().map_or(0, |&byte| usize::from(byte) % packed.len());
    for bytes in [input.to_vec(), packed.clone(), [&packed[..], &packed[..cut]].concat()] {
        fs::write(folder.join("t.tsv.gz"), bytes).expect("a folder to write to");
        let _none = fs::remove_file(folder.join("data.cache"));
        read_table(folder, "t.tsv.gz");
    }
}
