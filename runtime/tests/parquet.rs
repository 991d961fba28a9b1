//! Parquet files: read as the same rows are that are written as text, or told what is wrong with them.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use nasrec_compiler::loader::Memory;
use nasrec_compiler::recipe::{self, Source};
use nasrec_compiler::schema::Schema;
use nasrec_compiler::{ItemKind, Program};
use nasrec_runtime::backend::Tiled;
use nasrec_runtime::data::survey::survey;
use nasrec_runtime::data::{Dataset, expected_rows, infer, locate};
use nasrec_runtime::run::{Job, Origin, Run};
use nasrec_runtime::search::search;
use nasrec_runtime::{Silent, Stop};
use parquet::basic::{Compression, Encoding, GzipLevel, ZstdLevel};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, FloatType, Int32Type,
    Int64Type, Int96, Int96Type,
};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder, WriterVersion};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;

use crate::data::{Place, Recorder, files, gzip, recipe};
use crate::tables::written;

pub(crate) const ROWS: usize = 20_000;

/// All kinds of columns, and one that the schema does not name.
const MESSAGE: &str = "message t {
    required int64 click;
    optional binary user (STRING);
    required int32 item (INTEGER(16,true));
    optional double price;
    required float share;
    required int64 big (INTEGER(64,false));
    optional int64 at (TIMESTAMP(MICROS,false));
    required int32 day (DATE);
    required int32 cost (DECIMAL(9,2));
    required fixed_len_byte_array(4) code;
    optional boolean member;
    required int96 seen;
    optional double visits;
    required group rest { required int32 a; required int32 b; }
  }";

pub(crate) const SCHEMA: &str = "schema t {
    format csv
    label click
    dense price | missing(mean) | standardise
    dense share, cost
    dense visits: int | log1p
    sparse user: text | vocabulary(min_count: 2, rows: 2_000)
    sparse user_hash from user: text | hash(rows: 1_000)
    sparse item: int | modulo(rows: 1_000)
    sparse big: int | hash(rows: 1_000, seed: 3)
    sparse hour from at: \"%Y-%m-%d %H:%M:%S\" | hour
    sparse moment from at: \"%Y-%m-%d %H:%M:%S\" | quantiles(30)
    sparse month from day: \"%Y-%m-%d\" | month
    sparse weekday from seen: \"%Y-%m-%d %H:%M:%S\" | weekday
    sparse code: text | vocabulary
    sparse member: bool
    sparse price_step from price: number | quantiles(9)
    sparse visit from visits: int | modulo(rows: 7)
  }";

/// A number from 0 below `most` that has little to do with the row.
fn draw(row: usize, of: u64, most: u64) -> u64 {
    (row as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ of.wrapping_mul(0xd1b5_4a32_d192_ed03)).rotate_left(29) % most
}

/// One row, as a person would say it.
struct Row {
    click: i64,
    user: Option<String>,
    item: i32,
    price: Option<f64>,
    share: f32,
    big: u64,
    /// Seconds.
    at: Option<i64>,
    day: i32,
    cost: i32,
    code: String,
    member: Option<bool>,
    seen: i64,
    visits: Option<f64>,
}

fn row(row: usize) -> Row {
    let draw = |of, most| draw(row, of, most);
    Row {
        click: i64::from(draw(1, 4) == 0),
        user: (draw(2, 10) > 0).then(|| format!("user, {}", draw(3, 3_000))),
        item: draw(4, 2_000) as i32 - 1_000,
        price: (draw(5, 8) > 0).then(|| draw(6, 1_000_000) as f64 / 700.0),
        share: draw(7, 1_000) as f32 / 900.0,
        big: u64::MAX - draw(8, 5_000) * 12_345_678_901,
        at: (draw(9, 9) > 0).then(|| 1_400_000_000 + draw(10, 100_000_000) as i64),
        day: 15_000 + draw(11, 2_000) as i32,
        cost: draw(12, 100_000) as i32 - 50_000,
        code: format!("{:04}", draw(13, 300)),
        member: (draw(14, 6) > 0).then(|| draw(15, 2) == 0),
        seen: 1_500_000_000 + draw(16, 1_000_000) as i64,
        visits: (draw(17, 5) > 0).then(|| draw(18, 90) as f64),
    }
}

fn time(seconds: i64) -> String {
    let time = jiff::Timestamp::from_second(seconds).expect("in this age").to_zoned(jiff::tz::TimeZone::UTC);
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The rows as text, as pandas would write them.
pub(crate) fn text(rows: std::ops::Range<usize>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let names = "click user item price share big at day cost code member seen visits";
    writer.write_record(names.split(' ')).expect("memory");
    for row in rows.map(row) {
        let or_nothing = |value: Option<String>| value.unwrap_or_default();
        let record = [
            row.click.to_string(),
            or_nothing(row.user),
            row.item.to_string(),
            or_nothing(row.price.map(|price| format!("{price:?}"))),
            format!("{:?}", row.share),
            row.big.to_string(),
            or_nothing(row.at.map(time)),
            time(i64::from(row.day) * 86_400)[..10].to_owned(),
            format!("{}{}.{:02}", if row.cost < 0 { "-" } else { "" }, row.cost.abs() / 100, row.cost.abs() % 100),
            row.code,
            or_nothing(row.member.map(|member| if member { "True" } else { "False" }.to_owned())),
            time(row.seen),
            or_nothing(row.visits.map(|visits| format!("{visits:?}"))),
        ];
        writer.write_record(record).expect("memory");
    }
    String::from_utf8(writer.into_inner().expect("memory")).expect("text")
}

/// The same with tabs between values, for a table without quotes.
pub(crate) fn with_tabs(text: &str) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().delimiter(b'\t').from_writer(Vec::new());
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    reader.byte_records().for_each(|record| writer.write_byte_record(&record.expect("sound")).expect("memory"));
    writer.into_inner().expect("memory")
}

/// The values of a column that are there, and which are.
fn present<T>(values: Vec<Option<T>>) -> (Vec<T>, Vec<i16>) {
    let levels = values.iter().map(|value| i16::from(value.is_some())).collect();
    (values.into_iter().flatten().collect(), levels)
}

macro_rules! put {
    ($group:expr, $kind:ty, $values:expr) => {{
        let (values, levels) = present($values);
        let mut column = $group.next_column().expect("sound").expect("one more");
        column.typed::<$kind>().write_batch(&values, Some(&levels), None).expect("memory");
        column.close().expect("memory");
    }};
}

fn put_rows(mut group: SerializedRowGroupWriter<Vec<u8>>, rows: std::ops::Range<usize>) {
    fn all<T>(rows: &std::ops::Range<usize>, of: impl Fn(Row) -> Option<T>) -> Vec<Option<T>> {
        rows.clone().map(|index| of(row(index))).collect()
    }
    let seen = |seconds: i64| {
        let (days, nanos) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400) * 1_000_000_000);
        let mut value = Int96::new();
        value.set_data(nanos as u32, (nanos >> 32) as u32, (days + 2_440_588) as u32);
        value
    };
    put!(group, Int64Type, all(&rows, |row| Some(row.click)));
    put!(group, ByteArrayType, all(&rows, |row| row.user.map(|user| ByteArray::from(user.into_bytes()))));
    put!(group, Int32Type, all(&rows, |row| Some(row.item)));
    // What is missing is not a number, as pandas has it; or not there.
    put!(group, DoubleType, all(&rows, |row| if row.item % 2 == 0 { row.price.or(Some(f64::NAN)) } else { row.price }));
    put!(group, FloatType, all(&rows, |row| Some(row.share)));
    put!(group, Int64Type, all(&rows, |row| Some(row.big.cast_signed())));
    put!(group, Int64Type, all(&rows, |row| row.at.map(|at| at * 1_000_000)));
    put!(group, Int32Type, all(&rows, |row| Some(row.day)));
    put!(group, Int32Type, all(&rows, |row| Some(row.cost)));
    let code = |row: Row| Some(FixedLenByteArray::from(row.code.into_bytes()));
    put!(group, FixedLenByteArrayType, all(&rows, code));
    put!(group, BoolType, all(&rows, |row| row.member));
    put!(group, Int96Type, all(&rows, |row| Some(seen(row.seen))));
    put!(group, DoubleType, all(&rows, |row| row.visits));
    put!(group, Int32Type, all(&rows, |_| Some(1)));
    put!(group, Int32Type, all(&rows, |_| Some(2)));
    group.close().expect("memory");
}

/// The rows as a Parquet file of row groups of so many.
pub(crate) fn packed(rows: std::ops::Range<usize>, group: usize, properties: WriterPropertiesBuilder) -> Vec<u8> {
    let message = Arc::new(parse_message_type(MESSAGE).expect("sound"));
    let mut writer = SerializedFileWriter::new(Vec::new(), message, Arc::new(properties.build())).expect("memory");
    for first in rows.clone().step_by(group) {
        put_rows_of(&mut writer, first..(first + group).min(rows.end));
    }
    writer.into_inner().expect("memory")
}

fn put_rows_of(writer: &mut SerializedFileWriter<Vec<u8>>, rows: std::ops::Range<usize>) {
    put_rows(writer.next_row_group().expect("memory"), rows);
}

/// What a model reads of each row: the bits of its numbers, its ids, its label.
type Encoded = (Vec<u32>, Vec<u32>, Vec<u32>);

fn prepare(schema: &Schema, place: &Path, names: &[&str], limit: f64) -> (nasrec_runtime::Result<Encoded>, Recorder) {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    let recipe = recipe::Data { split: [1, 0, 0], max_malformed: limit, ..recipe(Source::Files(names)) };
    let _none = fs::remove_file(place.join("cache"));
    let observer = Recorder::default();
    let dataset = Dataset::prepare(schema, &recipe, place, &place.join("cache"), &observer, &Stop::new());
    let encoded = dataset.map(|dataset| {
        let rows: Vec<u32> = (0..dataset.rows() as u32).collect();
        let batch = dataset.batch(&rows).expect("there");
        let bits = |numbers: &[f32]| numbers.iter().map(|number| number.to_bits()).collect();
        (bits(&batch.numeric), batch.ids.clone(), bits(&batch.labels))
    });
    (encoded, observer)
}

fn refused(schema: &Schema, name: &str, contents: &[u8]) -> String {
    let place = Place::new(&[(name, contents)]);
    let message = prepare(schema, place.path(), &[name], 0.0).0.map(|_| ()).expect_err("refused").to_string();
    message.replace(&place.path().display().to_string(), "HERE")
}

/// The values that crowd the rows of a table are found in its first rows, however these are written.
#[test]
fn crowded_rows_are_told_of_text_and_of_columns() {
    const FEW: usize = 12_000;
    let whole = text(0..FEW);
    let plain = WriterProperties::builder().set_dictionary_enabled(false);
    let place = Place::new(&[
        ("t.csv", whole.as_bytes()),
        ("t.parquet", &packed(0..FEW, 5_000, WriterProperties::builder())),
        ("plain.parquet", &packed(0..FEW, 5_000, plain)),
    ]);
    let told = |format: &str, name: &str| {
        let schema = written(&SCHEMA.replace("format csv", format));
        prepare(&schema, place.path(), &[name], 0.0).1.warnings()
    };
    let expected = told("format csv", "t.csv");
    let of = |column: &str| {
        expected.iter().any(|line| line.starts_with(&format!("warning: column {column}: in the first rows,")))
    };
    // 90 values in 6 rows, and 3,000 or 5,000 in 999.
    assert!(["visit", "user_hash", "big"].into_iter().all(of), "{expected:?}");
    assert!(!of("code") && !of("hour"), "{expected:?}");
    for name in ["t.parquet", "plain.parquet"] {
        assert_eq!(told("format parquet", name), expected, "{name}");
    }
}

#[test]
fn a_table_is_the_same_as_text_and_as_columns() {
    let (csv, parquet) = (written(SCHEMA), written(&SCHEMA.replace("format csv", "format parquet")));
    let whole = text(0..ROWS);
    let tabs = with_tabs(&whole);
    let tsv = written(&SCHEMA.replace("format csv", "format tsv(header: on)"));
    let place = Place::new(&[
        ("t.csv", whole.as_bytes()),
        ("t.tsv", &tabs),
        ("t.csv.gz", &gzip(&whole)),
        ("t.csv.zst", &zstd::encode_all(whole.as_bytes(), 1).expect("memory")),
    ]);
    let encoded = |schema: &Schema, names: &[&str]| prepare(schema, place.path(), names, 0.0).0.expect("sound");
    let expected = encoded(&csv, &["t.csv"]);
    assert_eq!(expected.2.len(), ROWS);
    for (schema, name) in [(&tsv, "t.tsv"), (&csv, "t.csv.gz"), (&csv, "t.csv.zst")] {
        assert!(encoded(schema, &[name]) == expected, "{name}");
    }
    let plain = || WriterProperties::builder().set_dictionary_enabled(false);
    let column = |name: &str| ColumnPath::from(name);
    let delta = plain()
        .set_column_encoding(column("user"), Encoding::DELTA_BYTE_ARRAY)
        .set_column_encoding(column("item"), Encoding::DELTA_BINARY_PACKED)
        .set_column_encoding(column("at"), Encoding::DELTA_BINARY_PACKED)
        .set_column_encoding(column("price"), Encoding::BYTE_STREAM_SPLIT);
    let small = || WriterProperties::builder().set_data_page_row_count_limit(777).set_write_batch_size(100);
    let gz = Compression::GZIP(GzipLevel::default());
    for (what, group, properties) in [
        ("one group", ROWS, WriterProperties::builder()),
        ("many groups", 3_333, WriterProperties::builder().set_compression(Compression::SNAPPY)),
        ("small pages", 9_000, small().set_compression(Compression::ZSTD(ZstdLevel::default()))),
        ("the second version", 9_000, small().set_writer_version(WriterVersion::PARQUET_2_0).set_compression(gz)),
        ("no dictionaries", 7_000, plain().set_compression(Compression::LZ4_RAW)),
        ("full dictionaries", ROWS, small().set_dictionary_page_size_limit(2_000)),
        ("differences", 15_000, delta),
    ] {
        fs::write(place.path().join("t.parquet"), packed(0..ROWS, group, properties)).expect("written");
        assert!(encoded(&parquet, &["t.parquet"]) == expected, "{what}");
    }
    // A folder of parts.
    let parts = place.path().join("parts");
    fs::create_dir(&parts).expect("a folder");
    for (index, rows) in [0..5_000, 5_000..5_001, 5_001..ROWS].into_iter().enumerate() {
        let name = format!("part-{index}.parquet");
        fs::write(parts.join(name), packed(rows, 4_000, WriterProperties::builder())).expect("written");
    }
    assert!(encoded(&parquet, &["parts"]) == expected, "a folder of parts");
    let located = locate(place.path(), &["parts".to_owned()]).expect("there");
    assert_eq!(expected_rows(&located), Some(ROWS as u64));
}

#[test]
fn rows_that_cannot_be_read_are_left_out_and_told() {
    let schema = |format: &str| {
        let text = "schema t { format csv; label click; dense price | max(100); sparse user: hex | modulo(rows: 9) }";
        written(&text.replace("csv", format))
    };
    // The label of every row is 0 or 1; three users of four are no hexadecimal number.
    let message = Arc::new(
        parse_message_type("message t { required int64 click; optional binary user; required double price; }")
            .expect("sound"),
    );
    let file = |dictionary: bool| {
        let properties = WriterProperties::builder().set_dictionary_enabled(dictionary).build();
        let mut writer =
            SerializedFileWriter::new(Vec::new(), Arc::clone(&message), Arc::new(properties)).expect("memory");
        let mut group = writer.next_row_group().expect("memory");
        let clicks = [0, 1, 2, 0, 1, 1];
        let users = [Some("a"), Some("x"), Some("z"), None, Some("ff"), Some("7")];
        let prices = [1.0, 2.0, 3.0, 4.0, f64::INFINITY, 5.0];
        put!(group, Int64Type, clicks.map(Some).to_vec());
        put!(group, ByteArrayType, users.map(|user| user.map(ByteArray::from)).to_vec());
        put!(group, DoubleType, prices.map(Some).to_vec());
        group.close().expect("memory");
        writer.into_inner().expect("memory")
    };
    let text = "click,user,price\n0,a,1.0\n1,x,2.0\n2,z,3.0\n0,,4.0\n1,ff,inf\n1,7,5.0\n";
    let place = Place::new(&[("t.csv", text.as_bytes()), ("a.parquet", &file(true)), ("b.parquet", &file(false))]);
    let (expected, of_text) = prepare(&schema("csv"), place.path(), &["t.csv"], 0.9);
    let expected = expected.expect("half of it");
    assert_eq!(expected.2.len(), 3);
    let told =
        |observer: &Recorder| observer.lines().into_iter().filter(|line| line.contains("found ")).collect::<Vec<_>>();
    let by_row = |line: &String| {
        let line = line.replace("t.csv, line 3", "row 2").replace("t.csv, line 4", "row 3");
        line.replace("t.csv, line 6", "row 5")
    };
    let of_text: Vec<String> = told(&of_text).iter().map(by_row).collect();
    assert_eq!(of_text.len(), 3, "{of_text:?}");
    for name in ["a.parquet", "b.parquet"] {
        let (encoded, observer) = prepare(&schema("parquet"), place.path(), &[name], 0.9);
        assert!(encoded.expect("half of it") == expected, "{name}");
        let told: Vec<String> = told(&observer).iter().map(|line| line.replace(&format!("{name}, "), "")).collect();
        assert_eq!(told, of_text);
    }
    let message = refused(&schema("parquet"), "t.parquet", &file(true));
    assert!(message.starts_with("3 of 6 lines are malformed"), "{message}");
    assert!(message.contains("t.parquet, row 3, column 1 (click): found \"2\", expected 0 or 1"), "{message}");
}

#[test]
fn what_is_no_parquet_file_is_told() {
    let (csv, parquet) = (written(SCHEMA), written(&SCHEMA.replace("format csv", "format parquet")));
    let sound = packed(0..50, 50, WriterProperties::builder());
    assert_eq!(
        refused(&csv, "t.csv", &sound),
        "HERE/t.csv is a Parquet file; expected lines of text, packed with gzip or zstd or not: say `format parquet` in the \
         schema"
    );
    let of = |contents: &[u8]| refused(&parquet, "t.parquet", contents);
    assert_eq!(
        of(b"a,b\n1,2\n"),
        "HERE/t.parquet is text, and no Parquet file: say `format csv` or `format tsv` in the schema"
    );
    assert_eq!(of(&gzip("a")), "HERE/t.parquet is packed with gzip, and no Parquet file: unpack it: gunzip FILE");
    assert_eq!(of(b""), "HERE/t.parquet is empty; expected a line a sample");
    let torn = "HERE/t.parquet is not a sound Parquet file: its end is missing; was it written to its end?";
    assert_eq!(of(&sound[..sound.len() - 9]), torn);
    assert_eq!(of(&sound[..6]), torn);
    let misspelt = written("schema t { format parquet; label click; sparse users: text | hash(rows: 9) }");
    let message = refused(&misspelt, "t.parquet", &sound);
    assert!(message.starts_with("t.parquet has no column \"users\" (did you mean \"user\"?)"), "{message}");
    let nested = written("schema t { format parquet; label click; dense rest }");
    assert_eq!(
        refused(&nested, "t.parquet", &sound),
        "column \"rest\" of t.parquet is a map or a structure; expected a value a row"
    );
    let recipe = files(&["-"]);
    let place = Place::new(&[]);
    let piped = Dataset::prepare(
        &parquet,
        &recipe,
        place.path(),
        &place.path().join("cache"),
        &Recorder::default(),
        &Stop::new(),
    );
    let message = piped.map(|_| ()).expect_err("a pipe").to_string();
    assert_eq!(
        message,
        "- cannot be read as Parquet, whose columns are found by what is at its end: write it to a file, and name that"
    );
}

#[test]
fn damaged_files_are_told_and_not_trusted() {
    let schema = written(&SCHEMA.replace("format csv", "format parquet"));
    let place = Place::new(&[]);
    let path = place.path().join("t.parquet");
    for (round, compression) in [Compression::UNCOMPRESSED, Compression::SNAPPY].into_iter().enumerate() {
        let sound = packed(0..300, 100, WriterProperties::builder().set_compression(compression));
        for case in 0..400 {
            let mut damaged = sound.clone();
            // The end, which says where all else is, is damaged as often as the rest.
            let from = if case % 2 == 0 { sound.len() * 3 / 4 } else { 0 };
            for of in 0..1 + case as u64 % 3 {
                let at = from + draw(case, 100 + of + 10 * round as u64, (sound.len() - from) as u64) as usize;
                damaged[at] ^= 1 << draw(case, 200 + of, 8);
            }
            fs::write(&path, &damaged).expect("written");
            if let Err(error) = prepare(&schema, place.path(), &["t.parquet"], 0.5).0 {
                assert!(error.to_string().len() > 20, "{error}");
            }
        }
    }
}

/// A header of a page is read field by field, and what nobody knows is passed over. One that claims two billion values of eight
/// bytes claims more than the file has.
#[test]
fn a_header_that_claims_more_than_the_file_has_ends_where_the_file_does() {
    let message =
        Arc::new(parse_message_type("message t { required int64 click; required int64 age; }").expect("sound"));
    let properties = Arc::new(WriterProperties::builder().set_dictionary_enabled(false).build());
    let mut writer = SerializedFileWriter::new(Vec::new(), message, properties).expect("memory");
    let mut group = writer.next_row_group().expect("memory");
    put!(group, Int64Type, (0..20).map(|row| Some(row % 2)).collect());
    put!(group, Int64Type, (0..20).map(Some).collect());
    group.close().expect("memory");
    let mut file = writer.into_inner().expect("memory");
    // Behind which kind of page it is and its two sizes.
    let fourth = file.iter().position(|&byte| byte == 0x2c).expect("what a page of data says of itself");
    // A field of a number that no page has: a list, its length in the bytes behind, of numbers of eight bytes.
    let claim = [0xf9, 0xf7, 0xff, 0xff, 0xff, 0xff, 0x07];
    file[fourth..fourth + claim.len()].copy_from_slice(&claim);
    let (sent, told) = std::sync::mpsc::channel();
    let schema = written("schema t { format parquet; label click; dense age }");
    std::thread::spawn(move || sent.send(refused(&schema, "t.parquet", &file)));
    let message = told.recv_timeout(std::time::Duration::from_secs(60)).expect("it says so within a minute");
    assert!(message.starts_with("HERE/t.parquet is not a sound Parquet file: "), "{message}");
}

#[test]
fn a_schema_is_inferred_from_types_and_values() {
    let place = Place::new(&[("visits.parquet", &packed(0..ROWS, 9_000, WriterProperties::builder()))]);
    let located = locate(place.path(), &["visits.parquet".to_owned()]).expect("there");
    let inferred = infer(&located[0], None, None).expect("a label by its name");
    assert_eq!((inferred.rows, inferred.all), (ROWS as u64, true));
    for line in
        ["format parquet", "label click", "sparse at_hour from at: \"%Y-%m-%d %H:%M:%S\" | hour", "sparse member: bool"]
    {
        assert!(inferred.source.contains(line), "{line} in {}", inferred.source);
    }
    assert!(!inferred.source.contains("rest"), "no schema can name a structure: {}", inferred.source);
    let (encoded, _) = prepare(&written(&inferred.source), place.path(), &["visits.parquet"], 0.0);
    assert_eq!(encoded.expect("as it was inferred").2.len(), ROWS);
}

/// What is told of a table before a training is the same, however it is written.
#[test]
fn a_survey_of_columns_is_that_of_text() {
    let place = Place::new(&[
        ("t.csv", text(0..9_000).as_bytes()),
        ("t.parquet", &packed(0..9_000, 4_000, WriterProperties::builder())),
    ]);
    let told = |format: &str, name: &str| {
        let schema = written(&SCHEMA.replace("format csv", format));
        let located = locate(place.path(), &[name.to_owned()]).expect("there");
        let survey = survey(&schema, &located, 0.001, &Silent, &Stop::new()).expect("read");
        let mut trouble = survey.trouble.clone();
        for example in trouble.iter_mut().flat_map(|trouble| &mut trouble.examples) {
            example.place.clear();
        }
        (survey.rows, survey.malformed, survey.clicks, survey.click_rate, survey.columns, trouble)
    };
    let (of_text, of_columns) = (told("format csv", "t.csv"), told("format parquet", "t.parquet"));
    assert_eq!(of_text.0, 9_000);
    assert_eq!(of_columns, of_text);
    let lacking =
        written("schema t { format parquet; label click; dense price; dense prize; sparse rest: text | vocabulary }");
    let located = locate(place.path(), &["t.parquet".to_owned()]).expect("there");
    let refused = survey(&lacking, &located, 0.0, &Silent, &Stop::new()).expect_err("a structure").to_string();
    assert!(refused.contains("is a map or a structure"), "{refused}");
    let lacking = written("schema t { format parquet; label click; dense price; dense prize }");
    let found = survey(&lacking, &located, 0.0, &Silent, &Stop::new()).expect("the others are there");
    let first = &found.trouble[0];
    assert_eq!((first.kind, first.column.as_deref()), ("missing_column", Some("prize")));
    assert_eq!(found.rows, 9_000);
}

/// A model of the rows in a file, trained from its first draw on: the bytes of its weights, and of what its columns learnt.
fn trained(place: &Path, format: &str, file: &str) -> [Vec<u8>; 2] {
    let source = format!(
        "{}\nspace small {{ input numeric: dense; input fields: categorical
           logit = linear(relu(linear(concat(numeric, flatten(embed(fields, 4))), 8)), 1) }}
         train one on small with t {{
           seed: 5
           data {{ files: \"{file}\" }}
           retrain {{ epochs: 1; batch: 64; optimiser: adam(lr: 1e-2) }}
         }}",
        SCHEMA.replace("format csv", format)
    );
    let (program, found) = Program::load("t.nasrec", &Memory::new([("t.nasrec", source.as_str())]));
    assert_eq!(found, []);
    let item = program.find(ItemKind::Train, "one").expect("it is there");
    let job = Job::new(&program.search(&item, &[]).expect("sound"), place).expect("the schema fits");
    let run = place.join(format!("run of {file}"));
    let started = Run::start(&run, job, Origin { program: &program, search: "one", settings: &[] }).expect("a new one");
    search(&started, &Tiled::new(1).expect("a thread"), &Silent, &Stop::new()).expect("a training");
    ["weights.safetensors", "encoder.safetensors"].map(|name| fs::read(run.join("best").join(name)).expect(name))
}

#[test]
fn the_same_rows_give_the_same_weights_however_they_are_written() {
    let rows = 0..3_000;
    let text = text(rows.clone());
    let place = Place::new(&[
        ("t.csv", text.as_bytes()),
        ("t.tsv", &with_tabs(&text)),
        ("t.csv.gz", &gzip(&text)),
        ("t.csv.zst", &zstd::encode_all(text.as_bytes(), 3).expect("memory")),
        ("t.parquet", &packed(rows, 1_000, WriterProperties::builder())),
    ]);
    let expected = trained(place.path(), "format csv", "t.csv");
    for (format, file) in [
        ("format tsv(header: on)", "t.tsv"),
        ("format csv", "t.csv.gz"),
        ("format csv", "t.csv.zst"),
        ("format parquet", "t.parquet"),
    ] {
        assert!(trained(place.path(), format, file) == expected, "{file}");
    }
}
