//! A file in Criteo's format: a label, 13 integers and 26 categories of eight hexadecimal digits, as skewed and as
//! often missing as there; about 240 bytes a line. And of its lines a Parquet file, and a CSV with a header of Avazu's shape.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use nasrec_compiler::schema::{
    DenseColumn, Format, Lines, Part, Schema, SparseColumn, Table, TimeFormat, Transform, Type,
};
use nasrec_compiler::streams::Streams;
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

/// Lines drawn from one generator.
const TOGETHER: usize = 10_000;

/// Share of the integers that are missing, and the mean logarithm of the others.
const INTEGERS: [(f64, f64); 13] = [
    (0.45, 0.5),
    (0.0, 2.0),
    (0.21, 1.5),
    (0.21, 1.2),
    (0.03, 7.0),
    (0.22, 3.0),
    (0.04, 1.2),
    (0.0, 1.5),
    (0.04, 3.2),
    (0.45, 0.2),
    (0.04, 0.4),
    (0.77, 0.2),
    (0.21, 1.1),
];

/// Categories of each field, and the share that is missing.
const CATEGORIES: [(f64, f64); 26] = [
    (1.4e3, 0.0),
    (5.8e2, 0.0),
    (1.0e7, 0.03),
    (2.2e6, 0.03),
    (3.0e2, 0.0),
    (2.4e1, 0.12),
    (1.2e4, 0.0),
    (6.3e2, 0.0),
    (3.0e0, 0.0),
    (9.3e4, 0.0),
    (5.6e3, 0.0),
    (8.3e6, 0.03),
    (3.1e3, 0.0),
    (2.7e1, 0.0),
    (1.4e4, 0.0),
    (5.4e6, 0.03),
    (1.0e1, 0.0),
    (5.6e3, 0.0),
    (2.1e3, 0.44),
    (4.0e0, 0.44),
    (7.0e6, 0.03),
    (1.8e1, 0.76),
    (1.5e1, 0.0),
    (2.8e5, 0.03),
    (1.0e2, 0.44),
    (1.4e5, 0.44),
];

/// Criteo's columns, tables of 500,000 rows.
pub fn schema() -> Schema {
    let transforms = || vec![Transform::Max(0.0), Transform::Log1p];
    let dense = (1..=13).map(|i| DenseColumn::new(format!("I{i}"), transforms())).collect();
    let sparse = (1..=26).map(|i| SparseColumn::new(format!("C{i}"), Type::Hex, Table::Modulo, 500_000)).collect();
    Schema::tsv("criteo", "click", dense, sparse)
}

/// Writes a file of so many lines; the same ones each time.
pub fn write(path: &Path, lines: usize) {
    let mut file = BufWriter::new(File::create(path).expect("a file"));
    let streams = Streams::new(10);
    let chunks: Vec<Vec<u8>> = (0..lines.div_ceil(TOGETHER))
        .into_par_iter()
        .map(|chunk| {
            let mut rng = streams.rng("lines", chunk as u64);
            let mut text = Vec::new();
            (0..TOGETHER.min(lines - chunk * TOGETHER)).for_each(|_| line(&mut rng, &mut text));
            text
        })
        .collect();
    chunks.iter().for_each(|text| file.write_all(text).expect("room on the disk"));
    file.flush().expect("room on the disk");
}

fn line(rng: &mut impl Rng, text: &mut Vec<u8>) {
    text.push(b'0' + u8::from(rng.random::<f64>() < 0.25));
    for (missing, mean) in INTEGERS {
        text.push(b'\t');
        if rng.random::<f64>() >= missing {
            let deviate: f64 = StandardNormal.sample(rng);
            write!(text, "{}", (mean + 1.3 * deviate).exp() as i64 - i64::from(mean == 2.0)).expect("memory");
        }
    }
    for (field, (count, missing)) in CATEGORIES.into_iter().enumerate() {
        text.push(b'\t');
        if rng.random::<f64>() >= missing {
            let rank = (rng.random::<f64>() * count.ln()).exp() as u64 + ((field as u64) << 32);
            let mixed = rank.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            write!(text, "{:08x}", (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 32).expect("memory");
        }
    }
    text.push(b'\n');
}

/// Rows of a row group.
const GROUP: usize = 100_000;

/// Writes the lines of a file as pandas would write them as Parquet: numbers with a fraction, as some are missing, and texts.
pub fn write_parquet(lines: &Path, path: &Path) {
    let columns = schema().columns;
    let kind = |name: &String| match name.as_bytes()[0] {
        b'c' => "required int64".to_owned(),
        b'I' => "optional double".to_owned(),
        _ => "optional binary".to_owned(),
    };
    let text = |name: &String| if name.starts_with('C') { " (STRING)" } else { "" };
    let fields: String = columns.iter().map(|name| format!("{} {name}{};", kind(name), text(name))).collect();
    let message = Arc::new(parse_message_type(&format!("message t {{ {fields} }}")).expect("sound"));
    let properties = Arc::new(WriterProperties::builder().set_compression(Compression::SNAPPY).build());
    let mut writer = SerializedFileWriter::new(File::create(path).expect("a file"), message, properties).expect("room");
    let all: Vec<String> =
        BufReader::new(File::open(lines).expect("lines")).lines().map(|line| line.expect("text")).collect();
    for lines in all.chunks(GROUP) {
        let rows: Vec<Vec<&str>> = lines.iter().map(|line| line.split('\t').collect()).collect();
        let mut group = writer.next_row_group().expect("room");
        for (at, name) in columns.iter().enumerate() {
            let values = || rows.iter().map(|row| row[at]).filter(|value| !value.is_empty());
            let levels: Vec<i16> = rows.iter().map(|row| i16::from(!row[at].is_empty())).collect();
            let mut column = group.next_column().expect("room").expect("one more");
            match name.as_bytes()[0] {
                b'c' => {
                    let values: Vec<i64> = values().map(|value| value.parse().expect("a number")).collect();
                    column.typed::<Int64Type>().write_batch(&values, None, None)
                }
                b'I' => {
                    let values: Vec<f64> = values().map(|value| value.parse().expect("a number")).collect();
                    column.typed::<DoubleType>().write_batch(&values, Some(&levels), None)
                }
                _ => {
                    let values: Vec<ByteArray> = values().map(ByteArray::from).collect();
                    column.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None)
                }
            }
            .expect("room");
            column.close().expect("room");
        }
        group.close().expect("room");
    }
    writer.close().expect("room");
}

/// Writes the lines of a file as a CSV of Avazu's shape: a header, a long number, a label, an hour, and 21 categories.
pub fn write_avazu(lines: &Path, path: &Path) {
    let mut file = BufWriter::new(File::create(path).expect("a file"));
    writeln!(file, "{}", avazu().columns.join(",")).expect("room");
    let text = BufReader::new(File::open(lines).expect("lines"));
    for (index, line) in text.lines().enumerate() {
        let line = line.expect("text");
        let values: Vec<&str> = line.split('\t').collect();
        let hour = 14_102_100 + index / 10_000 % 24;
        let id = 10_000_000_000_000_000_000 + index as u64 * 7_919;
        writeln!(file, "{id},{},{hour},{}", values[0], values[14..35].join(",")).expect("room");
    }
}

/// Such a table: the hour, and hashed categories.
pub fn avazu() -> Schema {
    let hour = Type::Time(TimeFormat::Pattern("%y%m%d%H".to_owned()));
    let mut sparse = vec![SparseColumn::new("hour", hour, Table::Enumerated(Part::Hour), 25)];
    sparse.extend((1..=21).map(|i| SparseColumn::new(format!("C{i}"), Type::Text, Table::Hash { seed: 0 }, 100_000)));
    let mut schema = Schema::tsv("avazu", "click", Vec::new(), sparse);
    schema.format = Format::Lines(Lines::CSV);
    schema.columns.insert(0, "id".to_owned());
    schema
}

/// Criteo's columns in Parquet.
pub fn parquet_schema() -> Schema {
    Schema { format: Format::Parquet, ..schema() }
}
