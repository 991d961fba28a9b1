//! Tables that nobody has described: what is printed for them is read, trained on, and says why.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn nasrecc(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_nasrecc")).current_dir(folder).args(args).output().expect("it runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A shop's table: text categories, missing prices, truths, dates, and free text.
fn shop(rows: u32) -> String {
    let mut text = "order id,bought,city,price,member,time,note\n".to_owned();
    for row in 0..rows {
        let price = if row.is_multiple_of(9) { "NA".to_owned() } else { format!("{}.5", row * 7 % 90) };
        let (city, member) = (["ulm", "bonn", "kiel"][row as usize % 3], row.is_multiple_of(2));
        let (day, hour) = (1 + row % 28, row % 24);
        text += &format!(
            "{},{},{city},{price},{member},2024-03-{day:02} {hour:02}:00:00,\"note, {row}\"\n",
            9000 + row,
            u8::from(row % 5 < 2)
        );
    }
    text
}

#[test]
fn a_schema_is_printed_for_a_table_and_a_search_runs_on_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    fs::write(at.join("shop.csv"), shop(400)).expect("written");
    let refused = nasrecc(at, &["data", "schema", "shop.csv"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        text(&refused.stderr).contains(
            "nothing tells which column is to be predicted; say which column is the label, of order id, bought"
        )
    );
    let wrong = nasrecc(at, &["data", "schema", "shop.csv", "--label", "boughts"]);
    assert!(
        text(&wrong.stderr).contains("there is no column boughts (did you mean bought?)"),
        "{}",
        text(&wrong.stderr)
    );
    let made = nasrecc(at, &["data", "schema", "shop.csv", "--label", "bought", "--name", "shop", "-o", "shop.nasrec"]);
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    assert!(
        text(&made.stderr).contains("looked at 400 rows: 1 numeric and 4 categorical columns"),
        "{}",
        text(&made.stderr)
    );
    let schema = fs::read_to_string(at.join("shop.nasrec")).expect("there");
    for line in [
        "  format csv\n",
        "  missing \"NA\"\n",
        "  // 40.0 % of the rows\n  label bought\n",
        "  skip \"order id\"\n",
        "  sparse city: text | vocabulary(rows: 9)\n",
        "  dense price | missing(mean) | standardise\n",
        "  sparse member: bool\n",
        "  sparse time_hour from time: \"%Y-%m-%d %H:%M:%S\" | hour\n",
        "  skip note\n",
    ] {
        assert!(schema.contains(line), "{line} in\n{schema}");
    }
    let search = "import \"shop.nasrec\" { shop }\nspace s { input numeric: dense; input fields: categorical; width w in [4, 8]; \
                  logit = linear(relu(linear(concat(numeric, flatten(embed(fields, 4))), w)), 1) }\n\
                  search tiny on s with shop { data { files: \"shop.csv\" }; random { samples: 2 }; retrain { top: 1 } }\n";
    fs::write(at.join("tiny.nasrec"), search).expect("written");
    let ran = nasrecc(at, &["search", "tiny.nasrec", "--out", "run"]);
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
    assert!(at.join("run/best/encoder.safetensors").exists(), "what was learnt of the table is kept with the model");
    let packed = text(&nasrecc(at, &["pack", "run"]).stderr);
    assert!(packed.contains("best/encoder.safetensors holds values of your table"), "{packed}");
}

/// Between the elements of Parquet's lists there is a character that in a text is one as any other.
#[test]
fn control_characters_in_a_text_are_no_lists() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let mut table = "label,what\n".to_owned();
    (0..60).for_each(|row| table += &format!("{},a{}\u{1f}b\n", row % 2, row % 7));
    fs::write(at.join("t.csv"), table).expect("written");
    let said = nasrecc(at, &["data", "schema", "t.csv"]);
    assert!(said.status.success(), "{}", text(&said.stderr));
    assert!(text(&said.stdout).contains("sparse what: text | vocabulary"), "{}", text(&said.stdout));
    fs::write(at.join("s.nasrec"), text(&said.stdout)).expect("written");
    assert!(nasrecc(at, &["data", "check", "t.csv", "--schema", "s.nasrec"]).status.success());
}

#[test]
fn a_table_with_nothing_to_learn_from_gets_no_schema() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let mut ids = "id,site,\"a \"\"b\"\"\",label\n".to_owned();
    (0..200).for_each(|row| ids += &format!("u{row},main,1,{}\n", row % 2));
    fs::write(at.join("ids.csv"), ids).expect("written");
    fs::write(at.join("alone.csv"), "label\n1\n0\n1\n").expect("written");
    let said = "error: ids.csv has no column to learn the label label from: \"id\" (a value of its own in nearly every row: free text, \
                or what tells rows apart), \"site\" (always the same), \"a \\\"b\\\"\" (no schema can say its name, so that it is \
                not read); expected one at least whose values several rows share, or that holds numbers: add such columns to the \
                table, say which column is the label (--label), or write a schema by hand that reads one of these all the same\n";
    let alone = "error: alone.csv has the label label and no other column; expected columns that say something of a row before its \
                 label is known: add them to the table\n";
    for (table, said) in [("ids.csv", said), ("alone.csv", alone)] {
        for arguments in [&["data", "schema", table][..], &["new", "project", "--data", table]] {
            let refused = nasrecc(at, arguments);
            assert_eq!((refused.status.code(), text(&refused.stderr).as_str()), (Some(2), said), "{arguments:?}");
            assert!(refused.stdout.is_empty() && !at.join("project").exists());
        }
    }
}

/// Tables of the shapes that published data have, with their headers, gaps and lists and invented values, and the schema that is
/// inferred of each.
#[test]
fn what_is_inferred_of_the_usual_tables_is_written_down() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/inferred");
    let files = fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut tables: Vec<_> = files.filter(|path| path.extension().is_none_or(|end| end != "nasrec")).collect();
    tables.sort();
    assert!(tables.len() >= 10, "{tables:?}");
    let (place_of_new, mut proposed) = (tempfile::tempdir().expect("a folder"), 0);
    for table in tables {
        let name = table.file_name().and_then(|name| name.to_str()).expect("a plain name");
        let mut arguments = vec!["data", "schema", name];
        // Nothing in its header tells.
        if name == "names_with_blanks.csv" {
            let refused = nasrecc(&folder, &arguments);
            assert!(text(&refused.stderr).contains("nothing tells which column is to be predicted"), "{name}");
            arguments.extend(["--label", "income_50k"]);
        }
        let told = nasrecc(&folder, &arguments);
        assert_eq!(told.status.code(), Some(0), "{name}: {}", text(&told.stderr));
        let (told, place) = (text(&told.stdout), table.with_extension("nasrec"));
        if std::env::var_os("NASREC_BLESS").is_some() {
            fs::write(&place, &told).expect("written");
        }
        let expected = fs::read_to_string(&place).unwrap_or_default();
        assert!(told == expected, "{name}: NASREC_BLESS=1 writes down what is inferred now:\n{told}");
        let checked = nasrecc(&folder, &["data", "check", name, "--schema", place.to_str().expect("a plain path")]);
        assert_eq!(checked.status.code(), Some(0), "{name}: {}", text(&checked.stdout));
        // What a project says is worth a try can be put into its schema.
        let project = place_of_new.path().join(name.replace('.', "_"));
        let label = arguments.get(3..).unwrap_or_default();
        let made = [&["new", project.to_str().expect("a plain path"), "--data", name][..], label].concat();
        let made = nasrecc(&folder, &made);
        assert_eq!(made.status.code(), Some(0), "{name}: {}", text(&made.stderr));
        let readme = fs::read_to_string(project.join("README.md")).expect("there");
        let Some((_, rest)) = readme.split_once("```nasrec\n") else { continue };
        let (lines, _) = rest.split_once("```").expect("an end");
        proposed += lines.lines().count();
        let schema = fs::read_to_string(project.join("schema.nasrec")).expect("there");
        let schema = format!("{}{lines}}}\n", schema.trim_end().trim_end_matches('}'));
        fs::write(project.join("schema.nasrec"), schema).expect("written");
        let with = project.join("schema.nasrec");
        let checked = nasrecc(&folder, &["data", "check", name, "--schema", with.to_str().expect("a plain path")]);
        assert_eq!(checked.status.code(), Some(0), "{name}: {}{}", text(&checked.stdout), text(&checked.stderr));
    }
    assert!(proposed > 20, "{proposed} lines are proposed");
}
