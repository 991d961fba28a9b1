//! Reading Criteo's format, the same as Parquet, and a CSV of Avazu's shape: `cargo bench -p nasrec-runtime --bench input -- [ROUNDS] [LINES] [FILE | tsv | csv | parquet]`.
//!
//! Contenders take turns, round after round, on two threads: a loop of the `csv` crate over the records of the file (one
//! thread), one of the `parquet` crate over the values of its columns (row groups side by side), a first preparation (the file parsed, encoded, and hashed; the cache written;
//! the rows split), a later one from the cache, a shuffled epoch of training batches from it, read ahead, and the same file predicted by two
//! models, its probabilities written. Without
//! FILE, the file is drawn; with the name of a format, only what that takes is measured. The floor is the bytes that each must move over the bandwidth of memory, measured between
//! the rounds. `docs/performance.md` explains the figures.

#![allow(clippy::print_stdout, reason = "a benchmark prints what it found")]

mod floor;
mod predicting;
mod table;

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use csv::{ByteRecord, ReaderBuilder};
use floor::{Machine, median};
use nasrec_compiler::recipe::{self, By, Given, Source};
use nasrec_compiler::schema::Schema;
use nasrec_compiler::streams::Streams;
use nasrec_runtime::backend::Tiled;
use nasrec_runtime::data::{Batches, Dataset, Part, Prefetch};
use nasrec_runtime::{Silent, Stop};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::file::reader::{FileReader, SerializedFileReader};
use rayon::prelude::*;

const THREADS: usize = 2;
const BATCH: usize = 512;
/// As a run reads ahead.
const AHEAD: usize = 4;
/// Bytes of a record: 39 values of four bytes, and the label.
const RECORD: f64 = 157.0;
/// And of one of Avazu's shape: 22 values.
const AVAZU_RECORD: f64 = 89.0;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let number = |at: usize, otherwise| arguments.get(at).map_or(otherwise, |text| text.parse().expect("a number"));
    let (rounds, lines) = (number(0, 7), number(1, 600_000));
    rayon::ThreadPoolBuilder::new().num_threads(THREADS).build_global().expect("threads");

    let folder = tempfile::tempdir().expect("a folder");
    let only = arguments.get(2).filter(|name| ["tsv", "csv", "parquet"].contains(&name.as_str()));
    let wanted = |format: &str| only.is_none_or(|only| only == format);
    let file = match arguments.get(2).filter(|_| only.is_none()) {
        Some(file) => std::path::absolute(file).expect("a path"),
        None => {
            let file = folder.path().join("table.tsv");
            table::write(&file, lines);
            file
        }
    };
    let bytes = file.metadata().expect("a file").len() as f64;
    let packed = file.extension().is_some_and(|extension| extension == "gz");
    let [avazu, columns] = ["avazu.csv", "table.parquet"].map(|name| folder.path().join(name));
    if !packed {
        table::write_avazu(&file, &avazu);
        table::write_parquet(&file, &columns);
    }
    let [place, avazu, columns] =
        [(file, table::schema()), (avazu, table::avazu()), (columns, table::parquet_schema())].map(|(file, schema)| {
            let cache = folder.path().join("cache").with_extension(file.extension().unwrap_or_default());
            Place { file, cache, schema }
        });
    let rows = place.prepare().rows();
    println!("{rows} rows, {:.1} bytes a line in the file, {rounds} rounds, {THREADS} threads", bytes / rows as f64);

    let tiled = Tiled::new(THREADS).expect("threads");
    let ready = |place: &Place, file, name| {
        let model = predicting::trained(&tiled, file, name, &place.schema, &place.prepare());
        model.ready(&tiled).expect("memory")
    };
    let models = |format: &str, place: &Place| match wanted(format) && !packed {
        true => [("linear", "linear_model"), ("dcnv2", "dcnv2")].map(|(file, name)| Some(ready(place, file, name))),
        false => [None, None],
    };
    let (of_lines, of_columns, of_avazu) = (models("tsv", &place), models("parquet", &columns), models("csv", &avazu));
    for place in [&avazu, &columns] {
        // Made for the models alone.
        let _none = std::fs::remove_file(&place.cache);
    }
    let out = folder.path().join("predicted.csv");

    let mut machine = Machine::new(THREADS);
    let mut contenders = [
        // Everything is read once; a first preparation also writes the records, and reads them to verify them.
        Contender::new("csv loop, one thread", bytes),
        Contender::new("from the file", bytes + 2.0 * RECORD * rows as f64),
        Contender::new("opening the cache", RECORD * rows as f64),
        Contender::new("epoch from the cache", 2.0 * RECORD * rows as f64),
        Contender::new("opening and epoch", 3.0 * RECORD * rows as f64),
        Contender::new("parquet loop, two threads", columns.size()),
        Contender::new("from Parquet", columns.size() + 2.0 * RECORD * rows as f64),
        Contender::new("csv loop, Avazu", avazu.size()),
        Contender::new("Avazu's shape", avazu.size() + 2.0 * AVAZU_RECORD * rows as f64),
        Contender::new("predicted, linear_model", bytes),
        Contender::new("predicted, dcnv2", bytes),
        Contender::new("Parquet, linear_model", columns.size()),
        Contender::new("Parquet, dcnv2", columns.size()),
        Contender::new("Avazu, linear_model", avazu.size()),
        Contender::new("Avazu, dcnv2", avazu.size()),
    ];
    let mut bandwidths = Vec::new();
    for _ in 0..rounds {
        for (first, place, models) in [(9, &place, &of_lines), (11, &columns, &of_columns), (13, &avazu, &of_avazu)] {
            for (at, ready) in models.iter().enumerate() {
                let Some(ready) = ready else { continue };
                contenders[first + at].time(rows, || {
                    assert_eq!(predicting::predicted(ready, &place.file, &out), rows as u64);
                });
            }
        }
        if !packed {
            if wanted("tsv") {
                contenders[0].time(rows, || assert_eq!(csv_loop(&place.file, b'\t', false), rows));
            }
            if wanted("parquet") {
                contenders[5].time(rows, || assert_eq!(parquet_loop(&columns.file), rows));
                contenders[6].time(rows, || columns.prepare());
                std::fs::remove_file(&columns.cache).expect("a cache");
            }
            if wanted("csv") {
                contenders[7].time(rows, || assert_eq!(csv_loop(&avazu.file, b',', true), rows));
                contenders[8].time(rows, || avazu.prepare());
                std::fs::remove_file(&avazu.cache).expect("a cache");
            }
        }
        if !wanted("tsv") {
            bandwidths.push(machine.bandwidth());
            continue;
        }
        std::fs::remove_file(&place.cache).expect("a cache");
        contenders[1].time(rows, || place.prepare());
        let opened = contenders[2].time(rows, || place.prepare());
        let read = contenders[3].epoch(&opened);
        let both = contenders[2].seconds.last().unwrap_or(&0.0) / rows as f64 * read as f64
            + contenders[3].seconds.last().unwrap_or(&0.0);
        contenders[4].add(read, both);
        bandwidths.push(machine.bandwidth());
    }
    let bandwidth = bandwidths.iter().copied().fold(0.0, f64::max);
    println!("copying between arrays: {:.1} GB/s", bandwidth / 1e9);
    let peer = contenders[0].best();
    for contender in &contenders {
        contender.report(peer, rows, bandwidth);
    }
}

/// What takes its turn.
struct Contender {
    name: &'static str,
    /// That all rows move through memory at least.
    bytes: f64,
    seconds: Vec<f64>,
    rates: Vec<f64>,
    /// Seconds of processor that all threads took together, and rows.
    processor: f64,
    rows: usize,
}

impl Contender {
    fn new(name: &'static str, bytes: f64) -> Self {
        Self { name, bytes, seconds: Vec::new(), rates: Vec::new(), processor: 0.0, rows: 0 }
    }

    fn add(&mut self, rows: usize, seconds: f64) {
        self.seconds.push(seconds);
        self.rates.push(rows as f64 / seconds);
    }

    fn time<T>(&mut self, rows: usize, one: impl FnOnce() -> T) -> T {
        let (start, before) = (Instant::now(), processor());
        let outcome = one();
        self.add(rows, start.elapsed().as_secs_f64());
        self.processor += processor() - before;
        self.rows += rows;
        outcome
    }

    /// Takes every training batch of an epoch that is in no memory yet, as a run does; how many rows there were.
    fn epoch(&mut self, dataset: &Arc<Dataset>) -> usize {
        let rows = dataset.part(Part::Train).clone();
        let start = Instant::now();
        let batches = Batches::shuffled(Arc::clone(dataset), rows, BATCH, &Streams::new(1), "train").expect("rows");
        let steps = 0..batches.per_epoch();
        let read = Prefetch::start(Arc::new(batches), steps, AHEAD)
            .expect("a thread")
            .map(|b| black_box(b).expect("readable").rows)
            .sum();
        self.add(read, start.elapsed().as_secs_f64());
        read
    }

    fn best(&self) -> f64 {
        self.rates.iter().copied().fold(0.0, f64::max)
    }

    fn report(&self, peer: f64, rows: usize, bandwidth: f64) {
        if self.rates.is_empty() {
            return;
        }
        let (best, floor) = (self.best(), bandwidth * rows as f64 / self.bytes);
        println!(
            "{:24} best {:6.2}, median {:6.2} million rows/s; {:6.2} x csv; {:6.2} x its floor",
            self.name,
            best / 1e6,
            median(self.rates.clone()) / 1e6,
            best / peer,
            floor / best
        );
        if self.processor > 0.0 {
            println!("{:24} {:.2} µs of processor a row", "", self.processor * 1e6 / self.rows as f64);
        }
    }
}

/// Seconds of processor that this process took so far, as Linux counts them, in hundredths; elsewhere none.
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name, which ends with the last bracket: the 12th and the 13th are of the program and of the system for it.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    fields.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// A file and the cache made from it.
struct Place {
    file: PathBuf,
    cache: PathBuf,
    schema: Schema,
}

impl Place {
    /// Bytes of the file, where there is one.
    fn size(&self) -> f64 {
        self.file.metadata().map_or(0.0, |metadata| metadata.len() as f64)
    }

    fn prepare(&self) -> Arc<Dataset> {
        let recipe = recipe::Data {
            source: Source::Files(vec![self.file.display().to_string()]),
            split: [8, 1, 1],
            by: By::Chance,
            given: Given::default(),
            stratified: true,
            folds: 0,
            seed: 1,
            max_malformed: 0.0,
        };
        let dataset = Dataset::prepare(&self.schema, &recipe, Path::new(""), &self.cache, &Silent, &Stop::new());
        Arc::new(dataset.expect("a sound table"))
    }
}

/// Visits each field of each record; how many records there were.
fn csv_loop(file: &Path, separator: u8, header: bool) -> usize {
    let mut builder = ReaderBuilder::new();
    builder.delimiter(separator).quoting(header).has_headers(header).buffer_capacity(1 << 16);
    let mut reader = builder.from_path(file).expect("readable");
    let mut record = ByteRecord::new();
    let (mut records, mut length) = (0, 0);
    while reader.read_byte_record(&mut record).expect("readable") {
        length += record.iter().map(<[u8]>::len).sum::<usize>();
        records += 1;
    }
    black_box(length);
    records
}

/// Unpacks each value of each column, as the crate gives them; how many rows there were.
fn parquet_loop(file: &Path) -> usize {
    let open = || SerializedFileReader::new(std::fs::File::open(file).expect("readable")).expect("a Parquet file");
    let groups = open().num_row_groups();
    let rows = (0..groups).into_par_iter().map(|group| {
        let reader = open();
        let group = reader.get_row_group(group).expect("a row group");
        let rows = usize::try_from(group.metadata().num_rows()).expect("rows");
        for column in 0..group.num_columns() {
            let read = match group.get_column_reader(column).expect("a column") {
                ColumnReader::Int32ColumnReader(reader) => values(reader),
                ColumnReader::Int64ColumnReader(reader) => values(reader),
                ColumnReader::DoubleColumnReader(reader) => values(reader),
                ColumnReader::ByteArrayColumnReader(reader) => values(reader),
                _ => panic!("a type that the table does not have"),
            };
            assert_eq!(read, rows);
        }
        rows
    });
    rows.sum()
}

fn values<T: DataType>(mut reader: ColumnReaderImpl<T>) -> usize {
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    let mut records = 0;
    loop {
        levels.clear();
        values.clear();
        let (read, _, _) = reader.read_records(8192, Some(&mut levels), None, &mut values).expect("readable");
        black_box(&values);
        records += read;
        if read == 0 {
            return records;
        }
    }
}
