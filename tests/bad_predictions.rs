//! What `predict` and `evaluate` are given that cannot be: rows, models and places to write to. Each is told by its name, with what to do,
//! and leaves nothing behind.

use std::fs;
use std::path::Path;

use crate::predicting::{FILE, nasrecc, table, trained, well};

/// What is done to a folder with `model` and `new.csv` in it; what is asked for then; and what is said of it.
struct Case {
    what: &'static str,
    change: Box<dyn Fn(&Path)>,
    args: Vec<&'static str>,
    said: &'static str,
}

fn case(what: &'static str, change: impl Fn(&Path) + 'static, args: &[&'static str], said: &'static str) -> Case {
    Case { what, change: Box::new(change), args: args.to_vec(), said }
}

/// Rows of another text than `new.csv`, as `x.csv`.
fn rows(what: &'static str, text: impl AsRef<[u8]>, said: &'static str) -> Case {
    let text = text.as_ref().to_vec();
    let change = move |at: &Path| fs::write(at.join("x.csv"), &text).expect("written");
    case(what, change, &["predict", "model", "--data", "x.csv", "-o", "out.csv"], said)
}

/// The same for `evaluate`.
fn judged(what: &'static str, text: impl AsRef<[u8]>, said: &'static str) -> Case {
    Case { args: vec!["evaluate", "model", "--data", "x.csv"], ..rows(what, text, said) }
}

/// A copy of the model, `m`, whose file is another.
fn damaged(
    what: &'static str,
    file: &'static str,
    change: impl Fn(Vec<u8>) -> Option<Vec<u8>> + 'static,
    said: &'static str,
) -> Case {
    let change = move |at: &Path| {
        copy(&at.join("model"), &at.join("m"));
        let path = at.join("m").join(file);
        match change(fs::read(&path).expect("there")) {
            Some(bytes) => fs::write(path, bytes).expect("written"),
            None => fs::remove_file(path).expect("removed"),
        }
    };
    case(what, change, &["predict", "m", "--data", "new.csv", "-o", "out.csv"], said)
}

fn copy(from: &Path, to: &Path) {
    let _there = fs::create_dir(to);
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("copied");
    }
}

fn nothing(_: &Path) {}

/// A table with another column in place of one of its own, or without it.
fn with(text: &str, column: usize, change: impl Fn(usize, &str) -> Option<String>) -> String {
    let line = |(row, line): (usize, &str)| {
        let mut quoted = false;
        let values = line.split(|byte| {
            quoted ^= byte == '"';
            byte == ',' && !quoted
        });
        let values = values.enumerate();
        let values =
            values.filter_map(|(at, value)| if at == column { change(row, value) } else { Some(value.to_owned()) });
        values.collect::<Vec<_>>().join(",") + "\n"
    };
    text.lines().enumerate().map(line).collect()
}

/// A record with another text in the first place where `from` is.
fn edited(bytes: &[u8], from: &str, to: &str) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).expect("JSON");
    assert!(text.contains(from), "{from}");
    Some(text.replacen(from, to, 1).into_bytes())
}

fn of_rows() -> Vec<Case> {
    let text = table(2_000..2_100);
    let header = text.lines().next().expect("a header").to_owned() + "\n";
    let body = text[header.len()..].to_owned();
    let named = |value: &'static str| {
        move |row: usize, old: &str| Some(if row == 3 { value.to_owned() } else { old.to_owned() })
    };
    let lines = text.lines().count();
    assert_eq!(lines, 101);
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    vec![
        rows(
            "a column is missing",
            with(&text, 4, |_, _| None),
            "error: x.csv has no column \"city\"; its header names \"id\", \"click\", \"user\", \"price\", \
             \"site\"; add the column, or give this name to the one that holds it",
        ),
        rows(
            "a column has nearly the name",
            header.replace("site", "sites") + &body,
            "error: x.csv has no column \"site\" (did you mean \"sites\"?)",
        ),
        rows(
            "two columns have one name",
            header.replace("user", "city") + &body,
            "error: x.csv has two columns \"city\", 3 and 5; give one of them another name",
        ),
        rows(
            "there is no header",
            &body,
            "none of the columns that are read is there: is this the table, and does it begin with their names?",
        ),
        rows(
            "a number is a word",
            with(&text, 3, named("dear")),
            "error: x.csv, line 4, column 4 (price): found \"dear\", expected a number or nothing; correct the row",
        ),
        rows(
            "an identifier is no hexadecimal number",
            with(&text, 5, named("site-9")),
            "error: x.csv, line 4, column 6 (site): found \"site-9\", expected at most 16 hexadecimal digits or \
             nothing; correct the row",
        ),
        rows(
            "a row has fewer values",
            format!("{text}row,1\n"),
            "error: x.csv, line 102, found 2 columns, expected 6 with a comma between them; correct the row",
        ),
        rows(
            "a row has more values",
            format!("{text}row,1,u1,2,city,f,more\n"),
            "error: x.csv, line 102, found 7 columns, expected 6 with a comma between them; correct the row",
        ),
        rows(
            "a quote is not closed",
            format!("{text}row,1,u1,2,\"city,f\n"),
            "error: x.csv has a quote that nothing closes, in the row that begins with \"row,1,u1,2,\\\"city,f",
        ),
        rows("the file is empty", "", "error: x.csv is empty; expected a line a sample"),
        rows(
            "there is only a header",
            &header,
            "error: x.csv has a header and nothing behind it; expected a line a sample",
        ),
        rows(
            "there are only empty lines",
            "\n\n\n",
            "error: x.csv has no column \"price\"; its header names nothing; begin it with the names of its columns",
        ),
        rows(
            "it is packed with bzip2",
            [&b"BZh91AY&SY"[..], &[7; 90]].concat(),
            "error: x.csv is packed with bzip2; expected lines of text, packed with gzip or zstd or not: unpack it: \
             bunzip2 FILE",
        ),
        rows(
            "it is a ZIP archive",
            [&b"PK\x03\x04\x14\0\0\0"[..], &[7; 90]].concat(),
            "error: x.csv is a ZIP archive; expected lines of text, packed with gzip or zstd or not: unpack it: \
             unzip FILE",
        ),
        rows(
            "it is a workbook",
            [&b"PK\x03\x04\x14\0\0\0[Content_Types].xml"[..], &[7; 90]].concat(),
            "error: x.csv is an Excel workbook; expected lines of text, packed with gzip or zstd or not: save its \
             sheet as CSV",
        ),
        rows(
            "it is in UTF-16",
            utf16,
            "error: x.csv is a text in UTF-16; expected lines of text, packed with gzip or zstd or not: write it in \
             UTF-8",
        ),
        rows(
            "it is a Parquet file that was torn",
            [&b"PAR1\x15\x04"[..], &[7; 90]].concat(),
            "error: x.csv is not a sound Parquet file: its end is missing; was it written to its end?",
        ),
        rows(
            "it is a torn gzip",
            [&b"\x1f\x8b\x08\0\0\0\0\0\0\x03"[..], &[0x4b; 9]].concat(),
            "error: cannot unpack x.csv: ",
        ),
        rows(
            "a line has no end",
            header.clone() + &"a".repeat(2 << 20),
            "error: x.csv has a line, or a value in quotes, of more than 1048576 bytes; expected lines of values",
        ),
        judged(
            "there is no label",
            with(&text, 1, |_, _| None),
            "error: x.csv has no column \"click\"; its header names \"id\", \"user\", \"price\", \"city\", \
             \"site\"; add the column, or give this name to the one that holds it; `nasrecc evaluate` compares with \
             this label, and `nasrecc predict` needs none",
        ),
        judged(
            "a label is no label",
            with(&text, 1, named("2")),
            "error: x.csv, line 4, column 2 (click): found \"2\", expected 0 or 1; correct the row",
        ),
        judged(
            "a label is missing",
            with(&text, 1, named("")),
            "error: x.csv, line 4, column 2 (click): found nothing, expected 0 or 1; correct the row",
        ),
        judged(
            "the group is missing",
            with(&text, 2, |_, _| None),
            "error: x.csv has no column \"user\"; its header names",
        ),
        judged(
            "there is only a header to judge",
            &header,
            "error: x.csv has a header and nothing behind it; expected a line a sample",
        ),
        case(
            "a file is not there",
            nothing,
            &["predict", "model", "--data", "none.csv", "-o", "out.csv"],
            "error: there is no data file none.csv",
        ),
        case(
            "a pattern matches nothing",
            nothing,
            &["evaluate", "model", "--data", "x*.csv"],
            "error: no file matches `x*.csv`",
        ),
        case(
            "a folder is empty",
            |at| fs::create_dir(at.join("x")).expect("made"),
            &["predict", "model", "--data", "x", "-o", "out.csv"],
            "error: the folder x holds no data files; expected at least one that is not hidden",
        ),
        case(
            "a folder has a folder of a file's name",
            |at| fs::create_dir_all(at.join("x/y.csv")).expect("made"),
            &["predict", "model", "--data", "x/y.csv", "-o", "out.csv"],
            "error: the folder x/y.csv holds no data files",
        ),
        case(
            "it is an address",
            nothing,
            &["predict", "model", "--data", "https://example.org/a.csv", "-o", "out.csv"],
            "error: ",
        ),
    ]
}

fn of_models(others: Vec<u8>) -> Vec<Case> {
    vec![
        damaged(
            "the weights are another model's",
            "weights.safetensors",
            move |_| Some(others.clone()),
            "error: m/weights.safetensors cannot be used: ",
        ),
        damaged(
            "the weights are cut",
            "weights.safetensors",
            |bytes| Some(bytes[..bytes.len() / 2].to_vec()),
            "error: m/weights.safetensors cannot be used: ",
        ),
        damaged(
            "the weights are cut within what they say of themselves",
            "weights.safetensors",
            |bytes| Some(bytes[..900].to_vec()),
            "error: m/weights.safetensors cannot be used: it is cut off, or no file of tensors",
        ),
        damaged(
            "the weights are nothing",
            "weights.safetensors",
            |_| Some(Vec::new()),
            "error: m/weights.safetensors cannot be used: it is too short to be a file of tensors; take the model \
             from where it came from again",
        ),
        damaged(
            "the weights are not there",
            "weights.safetensors",
            |_| None,
            "error: m/weights.safetensors cannot be used: it is not there; take the model from where it came from \
             again",
        ),
        damaged(
            "a weight is another",
            "weights.safetensors",
            |mut bytes| {
                let last = bytes.len() - 1;
                bytes[last] ^= 1;
                Some(bytes)
            },
            "error: m/weights.safetensors cannot be used: ",
        ),
        damaged(
            "what was learnt is not there",
            "encoder.safetensors",
            |_| None,
            "error: m/encoder.safetensors cannot be used: it is not there; take the model from where it came from \
             again",
        ),
        damaged(
            "what was learnt is cut",
            "encoder.safetensors",
            |bytes| Some(bytes[..100].to_vec()),
            "error: m/encoder.safetensors cannot be used: it belongs to another model; take the model from where it \
             came from again",
        ),
        damaged(
            "the record is cut",
            "model.json",
            |bytes| Some(bytes[..500].to_vec()),
            "error: m/model.json cannot be used: it has no checksum; take the model from where it came from again",
        ),
        damaged(
            "the record is nothing",
            "model.json",
            |_| Some(Vec::new()),
            "error: m/model.json cannot be used: it has no checksum; take the model from where it came from again",
        ),
        damaged(
            "the record is not there",
            "model.json",
            |_| None,
            "error: m holds no model: there is no model.json in it; name the directory of a run, or of a model such \
             as its `best`",
        ),
        damaged(
            "the plan was edited",
            "model.json",
            |bytes| edited(&bytes, "\"logit\": 15", "\"logit\": 14"),
            "error: m/model.json cannot be used: its checksum is another: it was changed after it was written; take \
             the model from where it came from again",
        ),
        damaged(
            "the hash of the weights was edited",
            "model.json",
            |bytes| edited(&bytes, "\"weights\": \"", "\"weights\": \"0"),
            "error: m/model.json cannot be used: its checksum is another",
        ),
        damaged(
            "another version wrote it",
            "model.json",
            |bytes| edited(&bytes, "\"version\": 2", "\"version\": 9"),
            "whose models have form 9, where this one's have form 2: read it with that version",
        ),
        case(
            "there is no such model",
            nothing,
            &["predict", "none", "--data", "new.csv"],
            "error: none holds no model: there is no model.json in it; name the directory",
        ),
        case(
            "the model is a table",
            nothing,
            &["predict", "new.csv", "--data", "new.csv"],
            "error: new.csv is a file; expected the directory of a run, or of a model such as its `best`",
        ),
        case(
            "the second model is none",
            nothing,
            &["evaluate", "model", "none", "--data", "new.csv"],
            "error: none holds no model: there is no model.json in it",
        ),
        case(
            "two models have other labels",
            |at| {
                // Both labels are in the table, and differ.
                let text = table(2_000..2_100);
                let both = with(&text, 0, |row, _| {
                    Some(if row == 0 { "bought".to_owned() } else { usize::from(row % 3 == 0).to_string() })
                });
                fs::write(at.join("both.csv"), both).expect("written");
                let other = FILE.replace("label click", "label bought").replace("t.csv", "bought.csv");
                fs::write(at.join("bought.nasrec"), other).expect("written");
                let whole = with(&table(0..2_000), 0, |row, _| {
                    Some(if row == 0 { "bought".to_owned() } else { usize::from(row % 3 == 0).to_string() })
                });
                fs::write(at.join("bought.csv"), whole).expect("written");
                well(at, &["train", "bought.nasrec", "--out", "bought"]);
            },
            &["evaluate", "model", "bought", "--data", "both.csv"],
            "error: model and bought/best do not call the same rows clicks: their schemas say another label, and \
             nothing can be compared",
        ),
    ]
}

fn of_places() -> Vec<Case> {
    let mut cases = vec![
        case(
            "the output is the input",
            nothing,
            &["predict", "model", "--data", "new.csv", "-o", "new.csv"],
            "error: -o new.csv would overwrite what is read; choose another name",
        ),
        case(
            "there is no folder to write to",
            nothing,
            &["predict", "model", "--data", "new.csv", "-o", "no/out.csv"],
            "error: cannot write no/out.csv: there is no folder no; make it first",
        ),
        case(
            "a directory has the name of the output",
            |at| fs::create_dir(at.join("x.csv")).expect("made"),
            &["predict", "model", "--data", "new.csv", "-o", "x.csv"],
            "error: cannot write x.csv: is a directory; expected a file",
        ),
        case(
            "the output has another form",
            nothing,
            &["predict", "model", "--data", "new.csv", "-o", "out.json"],
            "error: -o: nothing is known of `.json`; give it a name that ends in .csv, .tsv or .parquet",
        ),
        case(
            "the output is to be packed",
            nothing,
            &["predict", "model", "--data", "new.csv", "-o", "out.csv.gz"],
            "error: predictions are not packed: leave -o out",
        ),
        case(
            "a kept column is not there",
            nothing,
            &["predict", "model", "--data", "new.csv", "-o", "out.csv", "--keep", "id,cities"],
            "error: new.csv has no column \"cities\"",
        ),
        case(
            "a kept column is not there for Parquet",
            nothing,
            &["predict", "model", "--data", "new.csv", "-o", "out.parquet", "--keep", "cities"],
            "error: new.csv has no column \"cities\"",
        ),
        case(
            "a kept column is there twice in Parquet",
            nothing,
            &["predict", "model", "--data", "new.csv", "-o", "out.parquet", "--keep", "id,id"],
            "error: --keep names the column `id` twice, and a Parquet file has one of each name",
        ),
        case(
            "a kept column has the name of what is predicted",
            nothing,
            &["predict", "model", "--data", "new.csv", "-o", "out.csv", "--keep", "probability"],
            "error: the column `probability` is one that is written behind those that are kept; rename yours",
        ),
        case(
            "a text that Parquet cannot hold",
            |at| {
                let text = [table(2_000..2_100).as_bytes(), &b"row \xff,1,u1,2,city,f\n"[..]].concat();
                fs::write(at.join("x.csv"), text).expect("written");
            },
            &["predict", "model", "--data", "x.csv", "-o", "out.parquet", "--keep", "id"],
            "error: cannot write out.parquet: what row 101 has in column id is no text in UTF-8",
        ),
        case(
            "a bad row behind good ones",
            |at| fs::write(at.join("x.csv"), format!("{}row,1,u1,dear,city,f\n", table(0..9_000))).expect("written"),
            &["predict", "model", "--data", "x.csv", "-o", "out.parquet"],
            "error: x.csv, line 9002, column 4 (price): found \"dear\"",
        ),
        case(
            "no threads",
            nothing,
            &["predict", "model", "--data", "new.csv", "--threads", "0"],
            "error: --threads must be at least 1",
        ),
        case(
            "no such device",
            nothing,
            &["predict", "model", "--data", "new.csv", "--device", "tpu"],
            "error: there is no device `tpu`: expected cpu, cpu:portable, cuda or cuda:N",
        ),
        case(
            "few resamples",
            nothing,
            &["evaluate", "model", "--data", "new.csv", "--bootstrap", "3"],
            "error: --bootstrap 3: expected 40 to 100000 resamples",
        ),
        case(
            "two models, and rows that come once",
            nothing,
            &["evaluate", "model", "model", "--data", "-"],
            "error: two models are compared on rows that are read once for each",
        ),
    ];
    if cfg!(unix) {
        cases.push(case(
            "the output is a link to the input",
            |at| {
                #[cfg(unix)]
                std::os::unix::fs::symlink("new.csv", at.join("x.csv")).expect("a link");
                let _ = at;
            },
            &["predict", "model", "--data", "new.csv", "-o", "x.csv"],
            "error: -o x.csv would overwrite what is read, new.csv; choose another name",
        ));
        cases.push(case(
            "the output is read-only",
            |at| {
                let path = at.join("out.csv");
                fs::write(&path, "as it was").expect("written");
                let mut permissions = fs::metadata(&path).expect("there").permissions();
                permissions.set_readonly(true);
                fs::set_permissions(&path, permissions).expect("ours");
            },
            &["predict", "model", "--data", "new.csv", "-o", "out.csv"],
            "error: cannot write out.csv: it is read-only; change that, or choose another name",
        ));
    }
    cases
}

#[test]
fn each_is_told_by_its_name_and_leaves_nothing_behind() {
    let (run, alone) = trained();
    well(run.path(), &["train", "a.nasrec", "--out", "other", "--seed", "8"]);
    let others = fs::read(run.path().join("other/best/weights.safetensors")).expect("a model");
    let cases: Vec<Case> = of_rows().into_iter().chain(of_models(others)).chain(of_places()).collect();
    assert!(cases.len() > 60, "{}", cases.len());
    for Case { what, change, args, said } in cases {
        let folder = tempfile::tempdir().expect("a folder");
        let at = folder.path();
        copy(&alone.path().join("model"), &at.join("model"));
        fs::copy(alone.path().join("new.csv"), at.join("new.csv")).expect("copied");
        change(at);
        let before = listed(at);
        let output = nasrecc(at, &args);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{what}: {told}");
        assert!(output.stdout.is_empty(), "{what} leaves something on stdout");
        assert!(told.contains(said), "{what}: {told}");
        assert!(!told.contains("panicked"), "{what}: {told}");
        assert_eq!(listed(at), before, "{what} leaves something behind");
    }
}

/// What lies in a folder, with what is in it.
fn listed(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(listed(&path).into_iter().map(|(inner, bytes)| (format!("{name}/{inner}"), bytes)));
            found.push((name, Vec::new()));
        } else {
            found.push((name, fs::read(path).expect("readable")));
        }
    }
    found.sort();
    found
}
