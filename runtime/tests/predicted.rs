//! What is kept of rows that were predicted, as Parquet: with the types that it had, or as texts.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use nasrec_runtime::backend::Tiled;
use nasrec_runtime::data::{Kinds, Portion, Unreadable, Written, locate};
use nasrec_runtime::model::{Model, Rows};
use nasrec_runtime::{Result, Silent, Stop};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::Type;

use crate::data::Place;
use crate::parquet::{ROWS, SCHEMA, packed, text};
use crate::predicting::{drawn, said};

/// Predicts files, and writes what is kept of them to `out.parquet`.
fn write(model: &Model, place: &Path, names: &[&str], keep: &[&str], threads: usize) -> Result<Vec<u8>> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let keep: Vec<String> = keep.iter().map(|name| (*name).to_owned()).collect();
    let located = locate(place, &names)?;
    let kinds = Kinds::of(model.schema(), &located, &keep)?;
    let path = place.join("out.parquet");
    let mut written =
        Written::begin(File::create(&path).expect("a file"), kinds, &["p".to_owned()], "a test").expect("room");
    let tiled = Tiled::new(threads)?;
    let ready = model.clone().ready(&tiled)?;
    let rows = Rows { located: &located, keep: &keep, stored: true, unreadable: Unreadable::Refused };
    let make = |portion: &mut Portion, said: Vec<f32>| (std::mem::take(&mut portion.kept), said);
    ready.predict_as(rows, &Silent, &Stop::new(), make, |(kept, said)| {
        written.add(&kept, &said, &[]).expect("room");
        Ok(())
    })?;
    written.end().expect("room");
    Ok(std::fs::read(path).expect("written"))
}

/// Of each column its type, without whether it may be missing, and how often it is.
fn columns(bytes: &[u8]) -> Vec<(String, i64)> {
    let reader = SerializedFileReader::new(bytes::Bytes::from(bytes.to_vec())).expect("sound");
    let metadata = reader.metadata();
    let schema = metadata.file_metadata().schema_descr();
    let of = |at: usize| {
        let column = schema.column(at);
        let nulls = metadata.row_groups().iter().map(|group| {
            let statistics = group.column(at).statistics().expect("they are written");
            statistics.null_count_opt().unwrap_or(0) as i64
        });
        let Type::PrimitiveType { basic_info, physical_type, type_length, scale, precision } = column.self_type()
        else {
            panic!("a group")
        };
        let (logical, converted) = (basic_info.logical_type_ref(), basic_info.converted_type());
        let name = basic_info.name();
        (format!("{name} {physical_type} {type_length} {scale} {precision} {logical:?} {converted}"), nulls.sum())
    };
    (0..schema.num_columns()).map(of).collect()
}

const KEEP: [&str; 13] =
    ["at", "user", "item", "price", "share", "big", "day", "cost", "code", "member", "seen", "visits", "click"];

#[test]
fn values_of_parquet_keep_their_types() {
    let whole = text(0..ROWS);
    let source = packed(0..ROWS, 3_333, WriterProperties::builder());
    let place = Place::new(&[("t.csv", whole.as_bytes()), ("t.parquet", &source)]);
    let (model, _) = drawn(SCHEMA, place.path(), "t.csv");
    let expected = said(&model, place.path(), "t.parquet", &KEEP, Unreadable::Refused).expect("sound");
    let bytes = write(&model, place.path(), &["t.parquet"], &KEEP, 2).expect("sound");
    // All of it is there again: each text, each probability, each type, and what was missing.
    let again = said(&model, place.path(), "out.parquet", &KEEP, Unreadable::Refused).expect("sound");
    assert!(again == expected);
    let (found, known) = (columns(&bytes), columns(&source));
    assert_eq!(found.len(), KEEP.len() + 1);
    for (name, found) in KEEP.iter().zip(&found) {
        let known = known.iter().find(|(known, _)| known.starts_with(&format!("{name} "))).expect("it is there");
        assert_eq!(found, known);
    }
    assert!(found[KEEP.len()].0.starts_with("p FLOAT"), "{found:?}");
    assert_eq!(
        write(&model, place.path(), &["t.parquet"], &KEEP, 1).expect("sound"),
        bytes,
        "with any number of threads"
    );
    // Of text there are texts.
    let bytes = write(&model, place.path(), &["t.csv"], &KEEP, 2).expect("sound");
    let kinds = columns(&bytes);
    assert!(
        kinds[..KEEP.len()]
            .iter()
            .all(|(kind, nulls)| kind.contains("BYTE_ARRAY") && kind.contains("String") && *nulls == 0)
    );
}

/// A file with a number, a category and a list in each of some rows; the category in 32 bits or in 64.
fn listed(wide: bool) -> Vec<u8> {
    let bits = if wide { 64 } else { 32 };
    let message = format!(
        "message t {{ required double a; required int{bits} c;
           optional group tags (LIST) {{ repeated group list {{ optional binary element (STRING); }} }} }}"
    );
    let message = Arc::new(parse_message_type(&message).expect("sound"));
    let mut writer = SerializedFileWriter::new(Vec::new(), message, Arc::default()).expect("memory");
    let mut group = writer.next_row_group().expect("memory");
    let mut column = group.next_column().expect("memory").expect("one more");
    column.typed::<DoubleType>().write_batch(&[1.5, 2.5, 3.5], None, None).expect("memory");
    column.close().expect("memory");
    let mut column = group.next_column().expect("memory").expect("one more");
    if wide {
        column.typed::<Int64Type>().write_batch(&[1, 2, 3], None, None).expect("memory");
    } else {
        column.typed::<Int32Type>().write_batch(&[1, 2, 3], None, None).expect("memory");
    }
    column.close().expect("memory");
    let mut column = group.next_column().expect("memory").expect("one more");
    let tags = [ByteArray::from("x"), ByteArray::from("y")];
    column.typed::<ByteArrayType>().write_batch(&tags, Some(&[3, 3, 0, 1]), Some(&[0, 1, 0, 0])).expect("memory");
    column.close().expect("memory");
    group.close().expect("memory");
    writer.into_inner().expect("memory")
}

#[test]
fn lists_and_columns_of_two_types_are_no_column_that_is_kept() {
    let schema = "schema t { format csv; label click; dense a; sparse c: int | modulo(rows: 9) }";
    let lines: String = (0..300).map(|row| format!("{},{}.5,{row}\n", row % 2, row % 17)).collect();
    let place = Place::new(&[
        ("t.csv", format!("click,a,c\n{lines}").as_bytes()),
        ("one.parquet", &listed(false)),
        ("two.parquet", &listed(true)),
    ]);
    let (model, _) = drawn(schema, place.path(), "t.csv");
    let kept = said(&model, place.path(), "one.parquet", &["c"], Unreadable::Refused).expect("sound");
    assert_eq!(kept.iter().map(|(kept, _)| &kept[0][..]).collect::<Vec<_>>(), ["1", "2", "3"]);
    let expected =
        "column \"tags\" of one.parquet is lists, which are no value that could be kept; expected a value a row";
    let error = said(&model, place.path(), "one.parquet", &["c", "tags"], Unreadable::Refused).map(drop);
    assert_eq!(error.expect_err("lists").to_string(), expected);
    let refused = |names: &[&str], keep: &[&str]| {
        write(&model, place.path(), names, keep, 1).map(drop).expect_err("it cannot be").to_string()
    };
    assert_eq!(refused(&["one.parquet"], &["tags"]), expected);
    // As texts both go; as one column of Parquet they do not.
    let both = ["one.parquet", "two.parquet"];
    assert!(write(&model, place.path(), &both, &["a"], 1).is_ok());
    assert_eq!(
        refused(&both, &["a", "c"]),
        "column \"c\" has another type in two.parquet than in one.parquet: predictions of both cannot be one Parquet file; predict \
         them one by one, or as CSV"
    );
}
