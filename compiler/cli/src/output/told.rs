//! What a command tells of each of several items.

use anyhow::Result;
use serde_json::{Value, json};

use super::Text;

/// Of one item.
pub(crate) enum Told {
    /// For people.
    Text(String),
    /// For machines, with what the item is called.
    Json(String, Value),
}

impl Told {
    /// Of all, one after the other; for machines a list, unless it is one.
    pub(crate) fn all(mut told: Vec<Self>) -> Result<Text> {
        if let [Self::Json(..)] = told[..]
            && let Some(Self::Json(_, value)) = told.pop()
        {
            return super::json(&value);
        }
        let (mut texts, mut values) = (Vec::new(), Vec::new());
        for one in told {
            match one {
                Self::Text(text) => texts.push(text),
                Self::Json(item, mut value) => {
                    if let Value::Object(members) = &mut value {
                        members.insert("item".to_owned(), json!(item));
                    }
                    values.push(value);
                }
            }
        }
        if values.is_empty() { Ok(Text::People(texts.join("\n"))) } else { super::json(&values) }
    }
}
