//! The configuration of a FuxiCTR data set as a schema.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn nasrecc(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_nasrecc")).current_dir(folder).args(args).output().expect("it runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// In the form of those that FuxiCTR ships.
const CONFIG: &str = "shop_x1:
    data_root: data/
    data_format: csv
    train_data: data/shop/train.csv
    valid_data: data/shop/valid.csv
    test_data: data/shop/test.csv
    min_categr_count: 2
    feature_cols:
        - {name: [user, item], active: True, dtype: int, type: categorical}
        - {name: city, active: True, dtype: str, type: categorical, min_categr_count: 5, fill_na: none}
        - {name: price, active: True, dtype: float, type: numeric, normalizer: StandardScaler, fill_na: 1.5}
        - {name: age, active: True, dtype: float, type: numeric, fill_na: 0, preprocess: convert_to_bucket}
        - {name: note, active: False, dtype: str, type: categorical}
        - {name: seen before, active: True, dtype: str, type: sequence, splitter: '^'}
        - {name: last items, active: True, dtype: str, type: sequence, splitter: '|', max_len: 5, share_embedding: item,
           padding: pre, feature_encoder: null}
        - {name: liked, active: True, dtype: str, type: sequence, share_embedding: last items,
           feature_encoder: layers.MaskedSumPooling()}
        - {name: friend, active: True, dtype: int, type: categorical, share_embedding: user}
        - {name: town, active: True, dtype: str, type: categorical, share_embedding: price}
        - {name: quoted, active: True, dtype: str, type: sequence, splitter: '\"', max_len: 5}
        - {name: hour, active: True, dtype: str, type: categorical, preprocess: convert_hour}
        - {name: weekday, active: True, dtype: str, type: categorical, preprocess: convert_weekday}
    label_col: {name: bought, dtype: float}
other_x1:
    feature_cols: [{name: a, type: categorical}]
    label_col: {name: y}
";

#[test]
fn a_configuration_becomes_a_schema_with_a_comment_where_it_cannot() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    fs::create_dir_all(at.join("config/data/shop_x1")).expect("made");
    fs::write(at.join("config/dataset_config.yaml"), CONFIG).expect("written");
    let map = r#"{"dataset_id": "shop_x1", "features": [{"user": {"type": "categorical", "vocab_size": 812}},
      {"seen before": {"type": "sequence", "vocab_size": 90, "max_len": 20}}]}"#;
    fs::write(at.join("config/data/shop_x1/feature_map.json"), map).expect("written");
    let several = nasrecc(at, &["import", "fuxictr", "config"]);
    assert_eq!(several.status.code(), Some(2));
    assert!(text(&several.stderr).contains("has the data sets other_x1, shop_x1: say which with --dataset"));
    let made = nasrecc(at, &["import", "fuxictr", "config", "--dataset", "shop_x1", "-o", "shop.nasrec"]);
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    let source = fs::read_to_string(at.join("shop.nasrec")).expect("there");
    for line in [
        "///   train: data/shop/train.csv\n",
        "schema shop_x1 {\n  format csv\n  label bought\n",
        "  sparse user: int | vocabulary(min_count: 2, rows: 812)\n",
        "  sparse item: int | vocabulary(min_count: 2)\n",
        "  sparse city: text | vocabulary(min_count: 5)\n",
        "  dense price | missing(1.5) | standardise\n",
        "  // Cannot be said: `preprocess: convert_to_bucket` is a function; this is the column as it stands.\n  dense age\n",
        "  // not active\n  skip note\n",
        "\n\n  sparse \"seen before\": text | list(\"^\", most: 20) | vocabulary(min_count: 2, rows: 90)\n",
        "  // Cannot be said: `feature_encoder: null`; embeddings are pooled by their mean.\n  \
         sparse \"last items\": int | list(\"|\", last: 5) | same(item)\n",
        "  // Cannot be said: a sequence as long as the longest of all rows; 16 are read: `nasrecc data check` tells whether that \
         cuts any, and `most` in `list` reads more.\n  sparse liked: int | list(\"^\", pool: sum) | same(item)\n",
        "\n\n  sparse friend: int | same(user)\n",
        "  // Cannot be said: `share_embedding: price`, which has no vocabulary before this; it has a table of its own.\n  \
         sparse town: text | vocabulary(min_count: 2)\n",
        "  // Cannot be said: a sequence with `\"` between its values.\n  skip quoted\n",
        "  sparse hour: \"%y%m%d%H\" | hour\n",
        "  sparse weekday from hour: \"%y%m%d%H\" | weekday\n",
    ] {
        assert!(source.contains(line), "{line} in\n{source}");
    }
    assert!(text(&made.stderr).contains("12 columns; 5 of the configuration cannot be said"), "{}", text(&made.stderr));
    assert_eq!(nasrecc(at, &["check", "--deny-warnings", "shop.nasrec"]).status.code(), Some(0));
    assert_eq!(nasrecc(at, &["fmt", "--check", "shop.nasrec"]).status.code(), Some(0));
}

/// A file of columns, whose sequences are lists; what is written for it is read with the table.
#[test]
fn the_sequences_of_a_file_of_columns_are_lists() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let config = "seq_x1:
    data_root: ../data/
    data_format: parquet
    feature_cols: [{name: item, dtype: str, type: categorical}, {name: past, dtype: str, type: sequence, max_len: 3, share_embedding: item}]
    label_col: {name: clk, dtype: float}
";
    fs::write(at.join("c.yaml"), config).expect("written");
    let made = nasrecc(at, &["import", "fuxictr", "c.yaml"]);
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    let source = text(&made.stdout);
    for line in [
        "  format parquet\n",
        "  sparse item: text | vocabulary\n",
        "  sparse past: text | list(most: 3) | same(item)\n",
    ] {
        assert!(source.contains(line), "{line} in\n{source}");
    }
    // The same as text, with what FuxiCTR has between values.
    fs::write(at.join("c.yaml"), config.replace("data_format: parquet", "data_format: csv")).expect("written");
    let made = nasrecc(at, &["import", "fuxictr", "c.yaml", "-o", "seq.nasrec"]);
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    let table = "item,past,clk\na,b^c,1.0\nb,a^b^c^a,0.0\nc,,1.0\n";
    fs::write(at.join("t.csv"), table).expect("written");
    let checked = nasrecc(at, &["data", "check", "t.csv", "--schema", "seq.nasrec"]);
    let told = text(&checked.stdout);
    assert!(told.contains("column past: 1 row holds more than 3 categories, of which the first 3 are read"), "{told}");
}

#[test]
fn what_is_no_configuration_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let refused = |args: &[&str]| {
        let output = nasrecc(at, args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        text(&output.stderr)
    };
    assert!(refused(&["import", "fuxictr", "nowhere.yaml"]).contains("there is no nowhere.yaml"));
    for (yaml, said) in [
        ("a: [1, 2", "it is no YAML of data sets"),
        ("a: 1\n", "describes no data set"),
        ("a:\n  feature_cols: 3\n", "it is no description of a data set"),
    ] {
        fs::write(at.join("c.yaml"), yaml).expect("written");
        let told = refused(&["import", "fuxictr", "c.yaml"]);
        assert!(told.contains("c.yaml") && told.contains(said), "{told}");
    }
}
