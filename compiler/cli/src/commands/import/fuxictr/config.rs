//! What a configuration says: keys that mean something for a schema, each as FuxiCTR's documentation has it.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// One data set.
#[derive(Deserialize)]
pub(super) struct Dataset {
    pub data_root: Option<String>,
    pub data_format: Option<String>,
    pub train_data: Option<String>,
    pub valid_data: Option<String>,
    pub test_data: Option<String>,
    #[serde(default)]
    pub min_categr_count: Option<u64>,
    pub feature_cols: Vec<Feature>,
    pub label_col: OneOrMore<Label>,
}

/// One column, or several that are read alike.
#[derive(Deserialize)]
pub(super) struct Feature {
    pub name: OneOrMore<Scalar>,
    #[serde(default = "yes")]
    pub active: bool,
    #[serde(default)]
    pub dtype: String,
    #[serde(rename = "type", default)]
    pub kind: String,
    pub preprocess: Option<String>,
    pub fill_na: Option<Scalar>,
    pub normalizer: Option<String>,
    pub splitter: Option<String>,
    pub max_len: Option<u64>,
    pub padding: Option<String>,
    /// Where it is said that there is none, too.
    #[serde(default, alias = "encoder", deserialize_with = "given")]
    pub feature_encoder: Option<Value>,
    pub min_categr_count: Option<u64>,
    pub share_embedding: Option<String>,
    pub pretrained_emb: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Label {
    pub name: Scalar,
}

/// YAML that is written without its brackets where it is one.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMore<T> {
    More(Vec<T>),
    One(T),
}

impl<T> OneOrMore<T> {
    pub fn all(&self) -> &[T] {
        match self {
            Self::More(all) => all,
            Self::One(one) => std::slice::from_ref(one),
        }
    }
}

/// A text, or what YAML takes for something else.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Scalar {
    Truth(bool),
    Number(serde_json::Number),
    Text(String),
}

impl Scalar {
    pub fn text(&self) -> String {
        match self {
            Self::Truth(truth) => truth.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }

    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => number.as_f64(),
            Self::Text(text) => text.trim().parse().ok(),
            Self::Truth(_) => None,
        }
    }
}

fn given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

fn yes() -> bool {
    true
}

/// The data sets of a file, by their ids.
///
/// # Errors
/// It is no YAML, or asks for more memory than a configuration needs.
pub(super) fn datasets(text: &str) -> Result<BTreeMap<String, Value>> {
    // What anchors and nesting may come to is bounded by the reader.
    let all: BTreeMap<String, Value> =
        serde_saphyr::from_str(text).map_err(|error| anyhow::anyhow!("it is no YAML of data sets: {error}"))?;
    Ok(all.into_iter().filter(|(_, described)| described.get("feature_cols").is_some()).collect())
}

impl Dataset {
    pub fn of(described: Value) -> Result<Self> {
        serde_json::from_value(described).context("it is no description of a data set")
    }
}

/// What FuxiCTR counted.
pub(super) struct FeatureMap {
    /// Rows of the table of each column.
    rows: BTreeMap<String, u64>,
    /// The longest sequence of a column.
    lengths: BTreeMap<String, u64>,
}

impl FeatureMap {
    /// Of version 2, a list of objects with one name each; of version 1, an object.
    pub fn read(text: &str) -> Result<Self> {
        let whole: Value = serde_json::from_str(text).context("it is no JSON")?;
        let (mut rows, mut lengths) = (BTreeMap::new(), BTreeMap::new());
        let mut add = |features: &serde_json::Map<String, Value>| {
            for (name, spec) in features {
                for (key, found) in [("vocab_size", &mut rows), ("max_len", &mut lengths)] {
                    if let Some(number) = spec.get(key).and_then(Value::as_u64) {
                        found.insert(name.clone(), number);
                    }
                }
            }
        };
        for features in ["features", "feature_specs"].into_iter().filter_map(|key| whole.get(key)) {
            features.as_object().into_iter().for_each(&mut add);
            let listed = features.as_array().into_iter().flatten();
            listed.filter_map(Value::as_object).for_each(&mut add);
        }
        Ok(Self { rows, lengths })
    }

    pub fn length(&self, column: &str) -> Option<u64> {
        self.lengths.get(column).copied()
    }

    pub fn rows(&self, column: &str) -> Option<u64> {
        self.rows.get(column).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_map_of_either_version_is_read() {
        let two = r#"{"dataset_id": "d", "features": [{"user": {"type": "categorical", "vocab_size": 12}}, {"price": {"type": "numeric"}}]}"#;
        let one = r#"{"feature_specs": {"user": {"vocab_size": 12, "max_len": 7}, "price": {"type": "numeric"}}}"#;
        assert_eq!(FeatureMap::read(one).expect("a map").length("user"), Some(7));
        for text in [two, one] {
            let map = FeatureMap::read(text).expect("a map");
            assert_eq!((map.rows("user"), map.rows("price")), (Some(12), None));
        }
    }

    #[test]
    fn what_grows_without_end_is_refused() {
        let mut text = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n".to_owned();
        for level in 1..12 {
            let before = format!("*a{}", level - 1);
            text += &format!("a{level}: &a{level} [{}]\n", [before.as_str(); 10].join(", "));
        }
        assert!(datasets(&text).is_err());
        assert!(datasets(&"[".repeat(100_000)).is_err());
    }
}
