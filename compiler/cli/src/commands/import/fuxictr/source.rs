//! A configuration as a schema, with a comment where something of it cannot be said.

use std::collections::BTreeMap;
use std::fmt::Write;

use nasrec_compiler::schema::List;
use serde_json::Value;

use super::config::{Dataset, Feature, FeatureMap};

/// How columns are called that are kept as such.
const PARQUET: &str = "parquet";
/// What Avazu's hours are written as.
const HOURS: &str = "\"%y%m%d%H\"";

/// The source, and how much of a configuration it holds.
pub(super) struct Written {
    pub text: String,
    /// Dense and sparse columns.
    pub columns: usize,
    /// Things that a comment tells instead.
    pub left_out: usize,
    /// Of each column that has a vocabulary: how it is written, and whose the vocabulary is.
    owners: BTreeMap<String, (&'static str, String)>,
}

/// The schema of a data set.
pub(super) fn schema(id: &str, dataset: &Dataset, map: Option<&FeatureMap>) -> Written {
    let mut out = Written { text: String::new(), columns: 0, left_out: 0, owners: BTreeMap::new() };
    let files = [("train", &dataset.train_data), ("valid", &dataset.valid_data), ("test", &dataset.test_data)];
    let files: Vec<String> =
        files.iter().filter_map(|(part, file)| Some(format!("///   {part}: {}", plain(file.as_deref()?)))).collect();
    let mut head = format!("nasrec 1\n\n/// FuxiCTR's data set {}", plain(id));
    if files.is_empty() {
        head.push_str(".\n");
    } else {
        // To a text nothing is refused.
        let _written = writeln!(head, ", whose files are\n{}", files.join("\n"));
    }
    let _written = writeln!(head, "schema {} {{", word(id));
    out.text = head;
    let format = match dataset.data_format.as_deref() {
        None | Some("csv") => "csv",
        Some(PARQUET) => PARQUET,
        Some(other) => {
            out.line(format!("// The configuration reads {}: this schema is of the table as CSV.", plain(other)));
            out.left_out += 1;
            "csv"
        }
    };
    out.line(format!("format {format}"));
    for label in dataset.label_col.all() {
        out.line(format!("label {}", written(&label.name.text())));
    }
    let names: Vec<String> =
        dataset.feature_cols.iter().flat_map(|feature| feature.name.all()).map(|name| name.text()).collect();
    for feature in &dataset.feature_cols {
        out.line(String::new());
        for name in feature.name.all() {
            out.column(&name.text(), feature, dataset, map, &names);
        }
    }
    out.text.push_str("}\n");
    out
}

impl Written {
    fn line(&mut self, line: String) {
        let _written = writeln!(self.text, "  {line}");
    }

    fn cannot(&mut self, why: String) {
        self.left_out += 1;
        self.line(format!("// Cannot be said: {why}."));
    }

    fn column(&mut self, name: &str, feature: &Feature, dataset: &Dataset, map: Option<&FeatureMap>, names: &[String]) {
        let quoted = written(name);
        if !feature.active || feature.kind == "meta" {
            let why = if feature.active { "read, and given to no model" } else { "not active" };
            self.line(format!("// {why}"));
            return self.line(format!("skip {quoted}"));
        }
        if let Some(line) = feature.preprocess.as_deref().and_then(|function| of_hours(function, name, names)) {
            self.columns += 1;
            return self.line(line);
        }
        if let Some(function) = &feature.preprocess {
            self.cannot(format!("`preprocess: {}` is a function; this is the column as it stands", plain(function)));
        }
        if let Some(given) = &feature.pretrained_emb {
            self.cannot(format!("`pretrained_emb: {}`; its embeddings are learnt from the start", plain(given)));
        }
        match feature.kind.as_str() {
            "numeric" => {
                let steps = numeric(feature);
                if let Some(other) = feature.normalizer.as_deref().filter(|&name| step_of(name).is_none()) {
                    self.cannot(format!("`normalizer: {}`", plain(other)));
                }
                self.columns += 1;
                self.line(format!("dense {quoted}{steps}"));
            }
            "categorical" | "sequence" => {
                let list = if feature.kind == "sequence" {
                    self.list(name, feature, dataset, map)
                } else {
                    Some(String::new())
                };
                let Some(list) = list else { return self.line(format!("skip {quoted}")) };
                let (kind, rows) = self.table(name, feature, dataset, map);
                self.columns += 1;
                self.line(format!("sparse {quoted}: {kind}{list} | {rows}"));
            }
            other => {
                self.cannot(format!("a column of type `{}`", plain(other)));
                self.line(format!("skip {quoted}"));
            }
        }
    }
}

impl Written {
    /// How the categories of a column are written, and the step that brings them into a table: its own, or that of a column before.
    fn table(
        &mut self,
        name: &str,
        feature: &Feature,
        dataset: &Dataset,
        map: Option<&FeatureMap>,
    ) -> (&'static str, String) {
        if let Some(shared) = &feature.share_embedding {
            if let Some((kind, owner)) = self.owners.get(shared).cloned() {
                let step = format!("same({})", written(&owner));
                self.owners.insert(name.to_owned(), (kind, owner));
                return (kind, step);
            }
            let shared = plain(shared);
            self.cannot(format!(
                "`share_embedding: {shared}`, which has no vocabulary before this; it has a table of its own"
            ));
        }
        let least = feature.min_categr_count.or(dataset.min_categr_count).unwrap_or(1).max(1);
        let rows = map.and_then(|map| map.rows(name)).map(|rows| rows.max(3));
        let given = [(least > 1).then(|| format!("min_count: {least}")), rows.map(|rows| format!("rows: {rows}"))];
        let given: Vec<String> = given.into_iter().flatten().collect();
        let given = if given.is_empty() { String::new() } else { format!("({})", given.join(", ")) };
        let kind = if feature.dtype == "int" { "int" } else { "text" };
        self.owners.insert(name.to_owned(), (kind, name.to_owned()));
        (kind, format!("vocabulary{given}"))
    }

    /// The step of a sequence that makes a bag of it; none where nobody can say what is between its values.
    fn list(&mut self, name: &str, feature: &Feature, dataset: &Dataset, map: Option<&FeatureMap>) -> Option<String> {
        let mut said = Vec::new();
        match feature.splitter.as_deref() {
            // A file of columns has lists as such.
            None if dataset.data_format.as_deref() == Some(PARQUET) => {}
            given => {
                let between = given.unwrap_or("^");
                if between.is_empty() || between.len() > 8 || between.contains(|c: char| c == '"' || c.is_control()) {
                    self.cannot(format!("a sequence with `{}` between its values", plain(between)));
                    return None;
                }
                said.push(format!("\"{between}\""));
            }
        }
        // Without a length FuxiCTR reads as many as the longest row of the training part has.
        let given = feature.max_len.filter(|&most| most > 0);
        // Where the padding stands before, it is the last ones that are left of a longer one.
        let which = if feature.padding.as_deref() == Some("pre") { "last" } else { "most" };
        match given.or_else(|| map.and_then(|map| map.length(name))).filter(|&most| most > 0) {
            Some(most) => {
                let slots = List::MOST_SLOTS as u64;
                if most > slots {
                    self.cannot(format!("`max_len: {most}`; {slots} are read"));
                }
                said.push(format!("{which}: {}", most.min(slots)));
            }
            None => {
                if which == "last" {
                    said.push(format!("last: {}", List::MOST));
                }
                self.cannot(format!(
                    "a sequence as long as the longest of all rows; {} are read: `nasrecc data check` tells whether that cuts any, and \
                     `{which}` in `list` reads more",
                    List::MOST
                ));
            }
        }
        match &feature.feature_encoder {
            None => {}
            Some(Value::String(encoder)) if encoder == "layers.MaskedAveragePooling()" => {}
            Some(Value::String(encoder)) if encoder == "layers.MaskedSumPooling()" => said.push("pool: sum".to_owned()),
            Some(other) => {
                let encoder = other.as_str().map_or_else(|| other.to_string(), plain);
                self.cannot(format!("`feature_encoder: {encoder}`; embeddings are pooled by their mean"));
            }
        }
        Some(if said.is_empty() { " | list".to_owned() } else { format!(" | list({})", said.join(", ")) })
    }
}

/// What the functions that FuxiCTR's Avazu is read with make of its hours.
fn of_hours(function: &str, name: &str, names: &[String]) -> Option<String> {
    let part = function.strip_prefix("convert_").filter(|part| matches!(*part, "hour" | "weekday" | "weekend"))?;
    let from = if part == "hour" { name } else { "hour" };
    if !names.iter().any(|known| known == from) {
        return None;
    }
    let from = if name == from { String::new() } else { format!(" from {}", written(from)) };
    Some(format!("sparse {}{from}: {HOURS} | {part}", written(name)))
}

/// The steps of a numeric column.
fn numeric(feature: &Feature) -> String {
    let missing = feature.fill_na.as_ref().and_then(|fill| fill.number()).filter(|fill| *fill != 0.0);
    let missing = missing.map(|fill| format!("missing({fill})"));
    let step = feature.normalizer.as_deref().and_then(step_of).map(str::to_owned);
    missing.into_iter().chain(step).map(|step| format!(" | {step}")).collect()
}

fn step_of(normalizer: &str) -> Option<&'static str> {
    match normalizer {
        "StandardScaler" => Some("standardise"),
        "MinMaxScaler" => Some("min_max"),
        _ => None,
    }
}

/// A name as a schema writes it.
fn written(name: &str) -> String {
    if is_word(name) { name.to_owned() } else { format!("\"{name}\"") }
}

fn is_word(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A name for the schema.
fn word(id: &str) -> String {
    let word: String = id.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if is_word(&word) { word } else { format!("table_{word}") }
}

/// A text on one line.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}
