//! What fuzz targets call: each reader of files that strangers write, given bytes as they are, and with the checksums put right
//! over them. Without that, nothing behind a checksum would ever be reached. Only there when it is built to be fuzzed.
//!
//! Each writes into a folder of the caller's and panics where a law is broken.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use candle_core::{DType, Device};
use candle_nn::{VarBuilder, VarMap};
use flate2::Compression;
use flate2::write::GzEncoder;
use nasrec_compiler::loader::Memory;
use nasrec_compiler::plan::{Init, Param, ParamKind};
use nasrec_compiler::recipe::{self, By, Given, Source};
use nasrec_compiler::schema::{
    DenseColumn, Encoding, Fill, Format, Lines, Pairs, Schema, SparseColumn, Table, TimeFormat, Transform, Type,
};
use nasrec_compiler::{ItemKind, Program};
use smallvec::smallvec;

use crate::backend::Tiled;
use crate::data::survey::survey;
use crate::data::{Batch, Dataset, Encoder, Part, locate};
use crate::model::{Config, Model, Network};
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
            labels: vec![0.0; rows * model.schema().labels().count()],
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

/// What a network of candle's is told beside its weights.
pub fn network(folder: &Path, input: &[u8]) {
    const MOST: usize = 1 << 20;
    let read = |config: &[u8]| {
        fs::write(folder.join("config.json"), config).expect("a folder to write to");
        let config = match Config::load(folder) {
            Ok(config) => config,
            Err(error) => return told(&error),
        };
        // What is drawn for so large a model is candle's affair.
        let size = |param: &Param| param.full.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
        let sizes = config.plan().params.iter().try_fold(0usize, |sum, param| sum.checked_add(size(param)?));
        if sizes.is_none_or(|sizes| sizes > MOST) {
            return;
        }
        let rows = vec![vec![""; config.schema().columns.len()]; 3];
        let variables = VarMap::new();
        let said = Network::load(VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu), &config)
            .map(|network| config.encode(&rows, &Device::Cpu).map(|rows| network.probabilities(&rows)));
        match said {
            Ok(Ok(Ok(clicks))) => assert_eq!(clicks.dims(), [3]),
            Ok(Err(error)) => told(&error),
            Ok(Ok(Err(error))) | Err(error) => assert!(!error.to_string().is_empty()),
        }
    };
    read(input);
    read(&files::sealed_text(input));
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
    dataset_of(folder, file, &schema())
}

fn dataset_of(folder: &Path, file: &str, schema: &Schema) -> crate::Result<Dataset> {
    let recipe = recipe::Data {
        source: Source::Files(vec![file.to_owned()]),
        split: [8, 1, 1],
        by: By::Chance,
        given: Given::default(),
        stratified: false,
        folds: 0,
        seed: 7,
        max_malformed: 0.5,
    };
    Dataset::prepare(schema, &recipe, folder, &folder.join("data.cache"), &Silent, &Stop::new())
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

/// Reads a file with a schema, and looks at it as one does before a training.
fn read_as(folder: &Path, file: &str, schema: &Schema) {
    let _none = fs::remove_file(folder.join("data.cache"));
    match dataset_of(folder, file, schema) {
        Ok(data) => {
            let last = data.rows() as u32 - 1;
            assert_eq!(data.batch(&[0, last]).expect("what was read").rows, 2);
        }
        Err(error) => told(&error),
    }
    match locate(folder, &[file.to_owned()]).and_then(|located| survey(schema, &located, 0.5, &Silent, &Stop::new())) {
        Ok(found) => assert!(found.malformed <= found.rows),
        Err(error) => told(&error),
    }
}

/// A schema of a table with all that needs quotes, escapes and what is learnt.
fn mixed(format: Format) -> Schema {
    let dense = |name: &str, from: &str, transforms| DenseColumn {
        from: from.to_owned(),
        ..DenseColumn::new(name, transforms)
    };
    let target = Encoding::Target { folds: 3, smoothing: 2.0 };
    let rate =
        DenseColumn { kind: Type::Text, encoding: Some(target), ..dense("rate", "city", vec![Transform::Standardise]) };
    let day = Type::Time(TimeFormat::Pattern("%Y-%m-%d".to_owned()));
    let both = Table::Cross { of: vec!["city".to_owned(), "step".to_owned()] };
    let mut schema = Schema::tsv(
        "mixed",
        "click",
        vec![dense("price", "price", vec![Transform::Missing(Fill::Median), Transform::MinMax]), rate],
        vec![
            SparseColumn::new("city", Type::Text, Table::Vocabulary { min_count: 1 }, 20),
            SparseColumn::new("user", Type::Int, Table::Hash { seed: 3 }, 30),
            SparseColumn { from: "price".to_owned(), ..SparseColumn::new("step", Type::Number, Table::Quantiles, 6) },
            SparseColumn::new("day", day, Table::Enumerated(nasrec_compiler::schema::Part::Weekday), 8),
            SparseColumn { from: String::new(), ..SparseColumn::new("both", Type::Int, both, 50) },
        ],
    );
    schema.columns = ["click", "price", "city", "user", "day"].map(str::to_owned).to_vec();
    (schema.format, schema.missing) = (format, vec!["NA".to_owned()]);
    schema
}

/// One of some ways to read an input; a little longer, it is read the next way.
fn one_of<T: Copy, const N: usize>(ways: [T; N], input: &[u8]) -> T {
    ways[input.len() % N]
}

/// Lines with a header, in quotes, and escaped or not.
pub fn csv(folder: &Path, input: &[u8]) {
    fs::write(folder.join("t.csv"), input).expect("a folder to write to");
    let escape = one_of([None, Some(b'\\')], input);
    read_as(folder, "t.csv", &mixed(Format::Lines(Lines { escape, ..Lines::CSV })));
}

/// Lines of pairs.
pub fn pairs(folder: &Path, input: &[u8]) {
    fs::write(folder.join("t.svm"), input).expect("a folder to write to");
    let pairs = one_of([Pairs::Libsvm, Pairs::Libffm, Pairs::Libfm], input);
    let mut schema = schema();
    schema.format = Format::Pairs(pairs);
    let number = if pairs == Pairs::Libffm { "2:value" } else { "2" };
    schema.columns = ["click", number, "3", "0"].map(str::to_owned).to_vec();
    schema.dense[0].from = number.to_owned();
    for (column, from) in schema.sparse.iter_mut().zip(["3", "0"]) {
        column.from = from.to_owned();
    }
    schema.group = (pairs == Pairs::Libsvm).then(|| Pairs::QUERY.to_owned());
    schema.columns.extend(schema.group.clone());
    read_as(folder, "t.svm", &schema);
}

/// A file of columns.
pub fn parquet(folder: &Path, input: &[u8]) {
    foreign_panics_are_caught();
    let schema = mixed(Format::Parquet);
    fs::write(folder.join("t.parquet"), input).expect("a folder to write to");
    read_as(folder, "t.parquet", &schema);
}

/// The crate that reads files of columns may panic over one that is not sound, which is caught (`data/columnar`): a fuzzer
/// that ends with any panic must not end with those. Others, ours among them, end it as ever.
fn foreign_panics_are_caught() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let ends = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let foreign = panic.location().is_some_and(|place| place.file().contains("/registry/src/"));
            if !foreign {
                ends(panic);
            }
        }));
    });
}

/// A sound file of columns, for [`parquet`].
pub fn sample_parquet(dictionaries: bool) -> crate::Result<Vec<u8>> {
    use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
    let broken = |error: parquet::errors::ParquetError| crate::Error::Invalid(error.to_string());
    let message = "message t { required int64 click; optional double price; optional binary city (STRING);
                   required int32 user; required int32 day (DATE); }";
    let message = Arc::new(parquet::schema::parser::parse_message_type(message).map_err(broken)?);
    let properties =
        parquet::file::properties::WriterProperties::builder().set_dictionary_enabled(dictionaries).build();
    let mut writer =
        parquet::file::writer::SerializedFileWriter::new(Vec::new(), message, Arc::new(properties)).map_err(broken)?;
    let mut group = writer.next_row_group().map_err(broken)?;
    let rows = 0..24;
    let levels: Vec<i16> = rows.clone().map(|row| i16::from(row % 5 > 0)).collect();
    macro_rules! put {
        ($kind:ty, $values:expr, $levels:expr) => {{
            let values: Vec<_> = $values.collect();
            if let Some(mut column) = group.next_column().map_err(broken)? {
                column.typed::<$kind>().write_batch(&values, $levels, None).map_err(broken)?;
                column.close().map_err(broken)?;
            }
        }};
    }
    let there = || rows.clone().filter(|row| row % 5 > 0);
    put!(Int64Type, rows.clone().map(|row| i64::from(row % 3 == 0)), None);
    put!(DoubleType, there().map(f64::from), Some(&levels));
    put!(ByteArrayType, there().map(|row| ByteArray::from(["ulm", "bonn"][row as usize % 2])), Some(&levels));
    put!(Int32Type, rows.clone(), None);
    put!(Int32Type, rows.clone().map(|row| 19_000 + row), None);
    group.close().map_err(broken)?;
    writer.into_inner().map_err(broken)
}

/// A table that nobody has described: what is printed for it is a schema, which the table is read with.
pub fn infer(folder: &Path, input: &[u8]) {
    foreign_panics_are_caught();
    fs::write(folder.join("t.any"), input).expect("a folder to write to");
    let located = match locate(folder, &["t.any".to_owned()]) {
        Ok(located) => located,
        Err(error) => return told(&error),
    };
    let inferred = match crate::data::infer(&located[0], None, None) {
        Ok(inferred) => inferred,
        Err(error) => return told(&error),
    };
    // Of a table with nothing to learn from, there is a schema that skips all; the compiler says so.
    if inferred.columns == (0, 0) {
        return;
    }
    let source = inferred.source.as_str();
    let (program, found) = Program::load("s.nasrec", &Memory::new([("s.nasrec", source)]));
    assert!(found.is_empty(), "{source}\n{found:?}");
    let item = program.find(ItemKind::Schema, &inferred.name).expect("it is called so");
    let schema = program.schema(&item).unwrap_or_else(|found| panic!("{source}\n{found:?}"));
    assert_eq!((schema.dense.len(), schema.sparse.len()), inferred.columns, "{source}");
    let _none = fs::remove_file(folder.join("data.cache"));
    match dataset_of(folder, "t.any", &schema) {
        Ok(data) => assert!(data.rows() > 0),
        Err(error) => told(&error),
    }
}

/// What was learnt of training rows.
pub fn encoder(_: &Path, input: &[u8]) {
    let schema = mixed(Format::TSV);
    match Encoder::from_bytes(input, &schema) {
        Ok(encoder) => {
            for (column, sparse) in schema.sparse.iter().enumerate() {
                assert!(encoder.rows(column).is_none_or(|rows| rows <= sparse.rows));
            }
            let bytes = encoder.to_bytes(&schema).expect("what was read");
            let again = Encoder::from_bytes(&bytes, &schema).expect("what was written");
            assert_eq!(again.to_bytes(&schema).expect("what was read"), bytes);
        }
        Err(error) => told(&error),
    }
}

/// What rows of a table teach, for [`encoder`].
pub fn sample_encoder(folder: &Path) -> crate::Result<Vec<u8>> {
    let row =
        |i: u32| format!("{},{},u{},{i},2024-03-{:02}\n", u8::from(i.is_multiple_of(3)), i % 7, i % 9, 1 + i % 28);
    let text = (0..40).fold("click,price,city,user,day\n".to_owned(), |text, i| text + &row(i));
    fs::write(folder.join("t.csv"), text).map_err(crate::Error::io("write", folder))?;
    let schema = mixed(Format::Lines(Lines::CSV));
    let learnt = dataset_of(folder, "t.csv", &schema)?.encoder(&schema)?;
    learnt.unwrap_or_default().to_bytes(&schema)
}
