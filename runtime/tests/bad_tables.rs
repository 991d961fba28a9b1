//! Tables that are no good, of as many kinds as people have: each is refused in words that say what it is, or its bad rows are
//! counted and the first of them is shown. None makes anything panic that looks at tables.

use std::fs;
use std::io::Write;

use nasrec_compiler::recipe::{self, By, Source};
use nasrec_runtime::data::survey::survey;
use nasrec_runtime::data::{Dataset, infer, locate};
use nasrec_runtime::{Silent, Stop};

use crate::data::{Place, Recorder, gzip, recipe};
use crate::tables::written;

/// Rows of the table that the cases spoil.
const ROWS: u32 = 60;

const SCHEMA: &str = "schema t {
    format csv
    label click
    dense price | log1p
    sparse user: int | modulo(rows: 100)
    sparse city: text | hash(rows: 100)
    sparse member: bool
    sparse weekday from day: \"%Y-%m-%d\" | weekday
  }";

/// What becomes of a table.
enum Becomes {
    /// It is refused, with this in what is said.
    Refused(&'static str),
    /// So many rows are left out, and this is said of the first.
    Loses(u64, &'static str),
}

use Becomes::{Loses, Refused};

struct Case {
    what: &'static str,
    schema: String,
    files: Vec<(&'static str, Vec<u8>)>,
    /// What a recipe names.
    names: Vec<&'static str>,
    by: By,
    becomes: Becomes,
    /// What is said beside that.
    said: String,
}

impl Case {
    /// One file, read with [`SCHEMA`].
    fn new(what: &'static str, bytes: impl Into<Vec<u8>>, becomes: Becomes) -> Self {
        let (schema, files, names) = (SCHEMA.to_owned(), vec![("t.csv", bytes.into())], vec!["t.csv"]);
        Self { what, schema, files, names, by: By::Chance, becomes, said: String::new() }
    }

    /// Where what is said is no constant.
    fn saying(self, said: String) -> Self {
        Self { said, ..self }
    }

    /// With another schema.
    fn by(self, schema: impl Into<String>) -> Self {
        Self { schema: schema.into(), ..self }
    }

    /// With a second file, behind the first.
    fn and(mut self, name: &'static str, bytes: impl Into<Vec<u8>>) -> Self {
        self.files.push((name, bytes.into()));
        self.names.push(name);
        self
    }

    /// Where a recipe names something else.
    fn named(self, names: &[&'static str]) -> Self {
        Self { names: names.to_vec(), ..self }
    }
}

/// A row in which nothing is wrong.
fn row(index: u32) -> String {
    let (click, city) = (u8::from(index.is_multiple_of(3)), ["ulm", "bonn", "kiel"][index as usize % 3]);
    let member = ["true", "no", "1", ""][index as usize % 4];
    format!("{click},{}.5,{},{city},{member},2024-03-{:02}\n", index % 9, 1_000 + index, 1 + index % 28)
}

const HEADER: &str = "click,price,user,city,member,day\n";

/// A sound table.
fn sound() -> String {
    (0..ROWS).map(row).fold(HEADER.to_owned(), |text, row| text + &row)
}

/// A sound table with these lines among the others, before the last one.
fn with(lines: &[&str]) -> String {
    let text = sound();
    let (all, last) = text.split_at(text.len() - row(ROWS - 1).len());
    format!("{all}{}\n{last}", lines.join("\n"))
}

/// The text behind a first line of its own.
fn under(header: &str) -> String {
    sound().replacen(HEADER, header, 1)
}

fn zst(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).expect("memory")
}

fn utf16(text: &str, order: fn(u16) -> [u8; 2], mark: bool) -> Vec<u8> {
    let mark = if mark { "\u{feff}" } else { "" };
    format!("{mark}{text}").encode_utf16().flat_map(order).collect()
}

/// What is no text.
fn other_files() -> Vec<Case> {
    let starts = |what, first: &[u8], words| Case::new(what, [first, &[7; 600]].concat(), Refused(words));
    let mut tar = vec![b'a'; 600];
    tar[257..262].copy_from_slice(b"ustar");
    let quoted = sound().replace("ulm", "\"ulm\"");
    vec![
        Case::new(
            "UTF-16",
            utf16(&sound(), u16::to_le_bytes, true),
            Refused("t.csv is a text in UTF-16; expected lines"),
        ),
        Case::new(
            "UTF-16, high bytes first",
            utf16(&sound(), u16::to_be_bytes, true),
            Refused("iconv -f UTF-16 -t UTF-8"),
        ),
        Case::new("UTF-16 without a mark, high first", utf16(&sound(), u16::to_be_bytes, false), Refused("in UTF-16")),
        Case::new(
            "UTF-16 that is packed",
            gzip_of(&utf16(&sound(), u16::to_le_bytes, true)),
            Refused("a text in UTF-16"),
        ),
        Case::new(
            "lines of old Macs",
            sound().replace('\n', "\r"),
            Refused("lines end as on old Macs; expected lines"),
        ),
        Case::new("packed twice", gzip_of(&gzip(&sound())), Refused("t.csv is packed twice")),
        Case::new(
            "a workbook that is packed",
            zst(b"PK\x03\x04\x14\0\0\0[Content_Types].xml"),
            Refused("an Excel workbook"),
        ),
        starts(
            "xz",
            b"\xfd7zXZ\0",
            "packed with xz; expected lines of text, packed with gzip or zstd or not: unpack it",
        ),
        starts("lz4", b"\x04\x22\x4d\x18", "packed with lz4"),
        starts("7-Zip", b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
        starts("ZIP", b"PK\x03\x04\x14\0\0\0t.csv", "a ZIP archive"),
        starts("an old workbook", b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
        starts("Feather", b"ARROW1\0\0", "an Arrow (Feather) file"),
        starts("ORC", b"ORC\0", "an ORC file"),
        starts("Avro", b"Obj\x01", "an Avro file"),
        starts("HDF5", b"\x89HDF\r\n", "an HDF5 file"),
        starts("NumPy", b"\x93NUMPY", "a NumPy array"),
        starts("a pickle", b"\x80\x04\x95", "a Python pickle"),
        starts("SQLite", b"SQLite format 3\0", "an SQLite database"),
        Case::new("a tar archive", tar, Refused("a tar archive")),
        Case::new("zeros", vec![0; 4_000], Refused("t.csv has no column \"click\"; its header names \"\\0\\0")),
        Case::new(
            "an image",
            [&b"\x89PNG\r\n\x1a\n"[..], &[200; 900]].concat(),
            Refused("t.csv has no column \"click\""),
        ),
        Case::new(
            "a page of the web",
            "<!DOCTYPE html>\n<html><body>Not found</body></html>\n",
            Refused("no column \"click\""),
        ),
        Case::new(
            "JSON",
            "{\"click\": 1, \"price\": 2}\n{\"click\": 0, \"price\": 1}\n",
            Refused("no column \"click\""),
        ),
        Case::new(
            "a quote that is never closed",
            sound() + "1,1,\"2",
            Refused(
                "t.csv has a quote that nothing closes, in the row that begins with \"1,1,\\\"2\": all behind it is lost",
            ),
        ),
        Case::new(
            "a quote that is never closed in a long file",
            format!("{quoted}1,1,2,\"{}", sound().repeat(1_500)),
            Refused("has a line, or a value in quotes, of more than 1048576 bytes"),
        ),
        Case::new(
            "a line without an end",
            format!("{}{}", sound(), "1,".repeat(1 << 20)),
            Refused("more than 1048576 bytes"),
        ),
        Case::new("a header without an end", "click,".repeat(1 << 18), Refused("more than 1048576 bytes")),
    ]
}

fn gzip_of(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// What was packed, and harmed.
fn packed() -> Vec<Case> {
    let (gz, zs) = (gzip(&sound()), zst(sound().as_bytes()));
    let turned = |bytes: &[u8], at: usize| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 0xff;
        bytes
    };
    vec![
        Case::new("gzip cut short", &gz[..gz.len() / 2], Refused("cannot unpack")),
        Case::new("gzip without its checksum", &gz[..gz.len() - 8], Refused("cannot unpack")),
        Case::new("gzip with another checksum", turned(&gz, gz.len() - 6), Refused("cannot unpack")),
        Case::new("gzip with a damaged middle", turned(&gz, gz.len() / 2), Refused("cannot unpack")),
        Case::new("gzip, and text behind it", [&gz[..], b"1,2,3\n"].concat(), Refused("cannot unpack")),
        Case::new("gzip cut short in its second member", [&gz[..], &gz[..40]].concat(), Refused("cannot unpack")),
        Case::new("gzip of nothing", gzip(""), Refused("t.csv is empty; expected a line a sample")),
        Case::new("only the magic of gzip", b"\x1f\x8b".to_vec(), Refused("cannot unpack")),
        Case::new("zstd cut short", &zs[..zs.len() / 2], Refused("cannot unpack")),
        Case::new("zstd with a damaged middle", turned(&zs, zs.len() / 2), Refused("cannot unpack")),
        Case::new("zstd, and text behind it", [&zs[..], b"1,2,3,4,5,6\n"].concat(), Refused("cannot unpack")),
        Case::new("zstd of nothing", zst(b""), Refused("t.csv is empty; expected a line a sample")),
    ]
}

/// What has another shape than the schema says.
fn shapes() -> Vec<Case> {
    let tsv = SCHEMA.replace("csv", "tsv(header: on)");
    let plain = SCHEMA.replace("csv", "csv(header: off)");
    let tabs = sound().replace(',', "\t");
    vec![
        Case::new(
            "CSV read as TSV",
            sound(),
            Refused(
                "the header of t.csv has no tab, but has a comma between its names: say `format csv` in the schema",
            ),
        )
        .by(&*tsv),
        Case::new("TSV read as CSV", &*tabs, Refused("say `format tsv(header: on)` in the schema")),
        Case::new("pipes read as commas", sound().replace(',', "|"), Refused("say `format csv(separator: \"|\")`")),
        Case::new(
            "a header where none is expected",
            sound(),
            Loses(1, "line 1, column 1 (click): found \"click\", expected 0 or 1"),
        )
        .by(plain),
        Case::new("no header where one is", sound().replacen(HEADER, "", 1), Refused("t.csv has no column \"click\"")),
        Case::new("a title above the header", "Visits of 2024\n".to_owned() + &sound(), Refused("no column \"click\"")),
        Case::new(
            "the header twice",
            with(&[HEADER.trim_end()]),
            Loses(1, "line 61, column 1 (click): found \"click\""),
        ),
        Case::new(
            "names in capitals",
            under("CLICK,PRICE,USER,CITY,MEMBER,DAY\n"),
            Refused("t.csv has no column \"click\""),
        ),
        Case::new(
            "one name twice",
            under("click,price,user,city,price,day\n"),
            Refused("two columns \"price\", 2 and 5"),
        ),
        Case::new("a column without a name", under("click,price,user,city,,day\n"), Refused("no column \"member\"")),
        Case::new(
            "a column too few",
            with(&["1,2,3,ulm,1"]),
            Loses(1, "line 61, found 5 columns, expected 6 with a comma"),
        ),
        Case::new(
            "a column too many",
            with(&["1,2,3,ulm,1,2024-03-01,"]),
            Loses(1, "line 61, found 7 columns, expected 6"),
        ),
        Case::new(
            "an index that has no name",
            sound().replace("\n", "\n7,"),
            Refused("line 2, found 7 columns, expected 6"),
        ),
        Case::new(
            "a last line that was cut",
            &sound()[..sound().len() - 14],
            Loses(1, "line 61, found 4 columns, expected 6"),
        ),
        Case::new("a comment", with(&["# until here as of Monday"]), Loses(1, "line 61, found 1 column, expected 6")),
        Case::new(
            "a total below",
            with(&["Total,300,,,,"]),
            Loses(1, "column 1 (click): found \"Total\", expected 0 or 1"),
        ),
        Case::new(
            "only a header",
            HEADER,
            Refused("t.csv has a header and nothing behind it; expected a line a sample"),
        ),
        Case::new("only the mark of UTF-8", "\u{feff}", Refused("t.csv is empty; expected a line a sample")),
        Case::new("only empty lines", "\n\n\n", Refused("t.csv has no column \"click\"")),
        Case::new(
            "a mark in the middle",
            with(&["\u{feff}1,2,3,ulm,1,2024-03-01"]),
            Loses(1, "column 1 (click): found \"\\u{feff}1\""),
        ),
        Case::new(
            "a quote behind a value in quotes",
            with(&["1,2,3,\"ulm\" \"x\",1"]),
            Loses(1, "line 61, found 5 columns"),
        ),
        Case::new(
            "a separator that is escaped, and no `escape`",
            with(&["1,2,3,u\\,lm,1,2024-03-01"]),
            Loses(1, "found 7 columns"),
        ),
        Case::new(
            "a value over two lines without quotes",
            with(&["1,2,3,u", "lm,1,2024-03-01"]),
            Loses(2, "line 61, found 4 columns"),
        ),
        Case::new(
            "TSV with quotes that mean nothing",
            tabs.replacen("ulm", "\"ulm\tneu\"", 1),
            Loses(1, "line 2, found 7 columns"),
        )
        .by(tsv),
    ]
}

/// Values of a column that are none of its type.
struct Misfits {
    /// Its place, from 1.
    column: usize,
    name: &'static str,
    expected: &'static str,
    /// What each is, and its text.
    found: &'static [(&'static str, &'static str)],
}

const VALUES: [Misfits; 4] = [
    Misfits {
        column: 2,
        name: "price",
        expected: "a number",
        found: &[
            ("thousands with commas", "1,234"),
            ("a decimal comma", "1,5"),
            ("thousands with blanks", "1 234"),
            ("a currency", "$5"),
            ("a unit", "5kg"),
            ("a share", "5%"),
            ("infinity", "inf"),
            ("infinity by its name", "-Infinity"),
            ("not a number", "nan"),
            ("a mark that the schema does not name", "NA"),
            ("a number beyond all", "1e400"),
            ("a number by sixteen digits", "0x1f"),
            ("a minus of typesetters", "−5"),
            ("digits of full width", "１２"),
            ("a reference that a program could not follow", "#REF!"),
        ],
    },
    Misfits {
        column: 3,
        name: "user",
        expected: "a whole number of 64 bits or nothing",
        found: &[
            ("a whole number beyond 64 bits", "18446744073709551616"),
            ("a fraction", "3.5"),
            ("a whole number with an exponent", "1e3"),
            ("a text for a number", "u3"),
        ],
    },
    Misfits { column: 5, name: "member", expected: "true or false", found: &[("neither true nor false", "maybe")] },
    Misfits {
        column: 6,
        name: "day",
        expected: "a time as its pattern says",
        found: &[
            ("a date of another format", "01/03/2024"),
            ("a day that there is not", "2024-02-30"),
            ("a date with a time", "2024-03-01 10:00:00"),
            ("a year of two digits", "24-03"),
        ],
    },
];

fn values() -> Vec<Case> {
    let of_column = |&Misfits { column, name, expected, found }: &Misfits| {
        let case = move |&(what, value): &(&'static str, &'static str)| {
            let mut row = ["1", "2", "3", "ulm", "1", "2024-03-01"].map(str::to_owned);
            row[column - 1] = if value.contains(',') { format!("\"{value}\"") } else { value.to_owned() };
            let said = format!("t.csv, line 61, column {column} ({name}): found \"{value}\", expected {expected}");
            Case::new(what, with(&[&row.join(",")]), Loses(1, "")).saying(said)
        };
        found.iter().map(case).collect::<Vec<_>>()
    };
    let bytes = |what, price: &[u8], words| {
        let line = [&b"1,"[..], price, b",3,ulm,1,2024-03-01\n"].concat();
        Case::new(what, [sound().into_bytes(), line].concat(), Loses(1, words))
    };
    let others = [
        bytes(
            "a number that is none any more after its steps",
            b"-1",
            "found \"-1\", expected a number that is finite after the column's transforms",
        ),
        bytes("Latin letters of another encoding", b"f\xfcnf", "found \"f\u{fffd}nf\", expected a number"),
        bytes("zero bytes", b"\0\0", "found \"\\0\\0\", expected a number"),
    ];
    VALUES.iter().flat_map(of_column).chain(others).collect()
}

/// Labels of which nothing can be learnt.
fn labels() -> Vec<Case> {
    let words = sound().replace("\n1,", "\nyes please,").replace("\n0,", "\nno thanks,");
    let of = |label: &str| SCHEMA.replace("label click", label);
    let of_value = |what, value: &str| {
        let case = Case::new(what, with(&[&format!("{value},2,3,ulm,1,2024-03-01")]), Loses(1, ""));
        case.saying(format!("(click): found \"{value}\", expected 0 or 1"))
    };
    vec![
        Case::new(
            "all rows are clicks",
            sound(),
            Refused("label 1 in all 60 rows; expected both labels 0 and 1 in column click"),
        )
        .by(of("label click >= 0")),
        Case::new("no row is a click", sound(), Refused("label 0 in all 60 rows")).by(of("label click > 1")),
        Case::new("a label that no row has", sound(), Refused("label 0 in all 60 rows"))
            .by(of("label city == \"rom\"")),
        Case::new("labels in words", words, Refused("found \"yes please\", expected 0 or 1")),
        Case::new(
            "a text that is compared with a number",
            sound(),
            Refused("column 4 (city): found \"ulm\", expected a number"),
        )
        .by(of("label city >= 4")),
        Case::new(
            "a row without a label",
            with(&[",2,3,ulm,1,2024-03-01"]),
            Loses(1, "(click): found nothing, expected 0 or 1"),
        ),
        of_value("a label of 2", "2"),
        of_value("a label of -1", "-1"),
        of_value("a label of a half", "0.5"),
    ]
}

/// Files that do not go together, or of which there are too few.
fn files() -> Vec<Case> {
    let both = |what, second: Vec<u8>, words| Case::new(what, sound(), Refused(words)).and("u.csv", second);
    let columns =
        |what, bytes: &[u8], words| Case::new(what, bytes, Refused(words)).by(SCHEMA.replace("csv", "parquet"));
    let address = |what, name: &'static str, words| {
        let said = format!("`{name}` is an address, and data is read from files, folders and pipes: ");
        Case::new(what, sound(), Refused(words)).named(&[name]).saying(said)
    };
    let few = HEADER.to_owned() + &row(0) + &row(1);
    let parts = SCHEMA.replacen("label click", "label click\n part city", 1);
    vec![
        both(
            "a second file of other names",
            under("click,price,user,town,member,day\n").into_bytes(),
            "u.csv has no column \"city\"",
        ),
        both(
            "a second file with another separator",
            sound().replace(',', ";").into_bytes(),
            "the header of u.csv has no comma, but has a semicolon",
        ),
        both("a second file of nothing", Vec::new(), "u.csv is empty"),
        both("a second file of columns", b"PAR1\x15\x04\x15\x10PAR1".to_vec(), "u.csv is a Parquet file"),
        both("a second file that is cut", gzip(&sound())[..100].to_vec(), "cannot unpack"),
        Case::new(
            "a second file of another order, and a row too many",
            sound(),
            Loses(1, "u.csv, line 2, found 2 columns"),
        )
        .and("u.csv", "price,click,user,city,member,day\n1,2\n"),
        Case::new("the same file, gone", sound(), Refused("there is no data file")).named(&["t.csv", "gone.csv"]),
        address("an address of a bucket", "s3://clicks/day=1/*.parquet", "aws s3 cp"),
        address("an address of the web", "https://example.org/clicks.csv", "curl -s ADDRESS | nasrecc"),
        address("an address of a disk", "file:///data/clicks.csv", "say `/data/clicks.csv`"),
        address("an address of who knows what", "hdfs://node/clicks", "fetch it first"),
        Case::new("a pattern of no file", sound(), Refused("no file matches `u*.csv`")).named(&["u*.csv"]),
        Case::new("too few rows to share out", few, Refused("2 rows split 8:1:1 leave no row for")),
        Case {
            by: By::Part,
            ..Case::new("parts that are none", sound(), Refused("(city): found \"ulm\", expected the row's part"))
        }
        .by(parts),
        columns("lines said to be columns", sound().as_bytes(), "t.csv is text, and no Parquet file"),
        columns("an encrypted file of columns", b"PARE\x15\x04PARE", "an encrypted Parquet file"),
        columns(
            "a file of columns with an end beyond its beginning",
            b"PAR1\x15\x04\x15\x10\xff\xff\xff\x7fPAR1",
            "its last part, of 2147483647 bytes, is longer than it may be",
        ),
        columns(
            "a file of columns with an end of nonsense",
            b"PAR1\x15\x04\x15\x10\xff\xff\xff\x7f\x08\0\0\0PAR1",
            "is not a sound Parquet file",
        ),
    ]
}

fn all() -> Vec<Case> {
    [other_files(), packed(), shapes(), values(), labels(), files()].into_iter().flatten().collect()
}

/// What is not as a case expects.
fn wrong(case: &Case) -> Option<String> {
    let files: Vec<(&str, &[u8])> = case.files.iter().map(|(name, bytes)| (*name, &bytes[..])).collect();
    let place = Place::new(&files);
    let names: Vec<String> = case.names.iter().map(|&name| name.to_owned()).collect();
    let (schema, cache) = (written(&case.schema), place.path().join("cache"));
    let prepare = |max_malformed| {
        let recipe =
            recipe::Data { by: case.by, max_malformed, stratified: false, ..recipe(Source::Files(names.clone())) };
        Dataset::prepare(&schema, &recipe, place.path(), &cache, &Recorder::default(), &Stop::new())
    };
    // Whatever else looks at it gives an answer, too.
    if let Ok(located) = locate(place.path(), &names) {
        let _answer = survey(&schema, &located, 0.0, &Silent, &Stop::new());
        for one in &located {
            let _answer = infer(one, Some("click"), None);
        }
    }
    let strict = prepare(0.0).map(|data| data.rows()).map_err(|error| error.to_string());
    let Err(message) = strict else { return Some(format!("it is read: {} rows", strict.unwrap_or_default())) };
    // Of rows that were sound but too few, the cache stays.
    let count = fs::read_dir(place.path()).map_or(0, Iterator::count);
    if count != case.files.len() + usize::from(cache.exists()) {
        return Some("something is left behind".to_owned());
    }
    let words = match case.becomes {
        Refused(words) | Loses(_, words) => words,
    };
    if !message.contains(words) || !message.contains(&case.said) {
        return Some(message);
    }
    match (&case.becomes, prepare(0.5)) {
        (Loses(expected, _), Ok(data)) => {
            let found = (data.malformed().malformed, data.malformed().lines - data.rows() as u64);
            (found != (*expected, *expected)).then(|| format!("{found:?} rows are lost: {message}"))
        }
        (Loses(..), Err(error)) => Some(format!("is refused: {error}")),
        (Refused(_), Ok(data)) => Some(format!("{} rows are read, with {}", data.rows(), data.malformed().malformed)),
        (Refused(_), Err(_)) => None,
    }
}

#[test]
fn bad_tables_are_told_or_their_bad_rows_counted() {
    let cases = all();
    assert!(cases.len() >= 100, "{} cases", cases.len());
    let mut names: Vec<&str> = cases.iter().map(|case| case.what).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), cases.len(), "two cases of one name");
    let wrong: Vec<String> =
        cases.iter().filter_map(|case| wrong(case).map(|what| format!("== {}: {what}", case.what))).collect();
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn the_table_that_is_spoiled_is_sound() {
    let place = Place::new(&[("t.csv", sound().as_bytes())]);
    let recipe = recipe::Data { max_malformed: 0.0, ..recipe(Source::Files(vec!["t.csv".to_owned()])) };
    let cache = place.path().join("cache");
    let data = Dataset::prepare(&written(SCHEMA), &recipe, place.path(), &cache, &Recorder::default(), &Stop::new());
    assert_eq!(data.expect("sound").rows(), ROWS as usize);
}
