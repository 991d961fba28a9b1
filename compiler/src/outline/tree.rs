//! A syntax tree.

use serde_json::{Map, Value};

use crate::syntax::tree::File;

/// The tree as a value: places are the bytes from and to.
pub fn tree(file: &File) -> Value {
    serde_json::to_value(file).unwrap_or_default()
}

/// The tree as indented lines, without places and without what is empty.
pub fn tree_text(tree: &Value) -> String {
    let mut out = String::new();
    lines("file", tree, 0, &mut out);
    out
}

fn lines(name: &str, value: &Value, depth: usize, out: &mut String) {
    let mut line = |text: &str| {
        out.push_str(&"  ".repeat(depth));
        out.push_str(text);
        out.push('\n');
    };
    if let Some(text) = scalar(value) {
        if !text.is_empty() {
            line(&format!("{name}: {text}"));
        }
        return;
    }
    match value {
        Value::Array(all) => {
            if all.is_empty() {
                return;
            }
            if let Some(texts) = all.iter().map(scalar).collect::<Option<Vec<_>>>() {
                return line(&format!("{name}: {}", texts.join(", ")));
            }
            line(name);
            all.iter().for_each(|one| lines("-", one, depth + 1, out));
        }
        Value::Object(fields) => match expression(fields) {
            Some(kind) => lines(name, kind, depth, out),
            None => match variant(fields) {
                Some((kind, content)) => {
                    if let Some(text) = scalar(content) {
                        return line(&format!("{name}: {kind} {text}"));
                    }
                    let called = ["name", "callee"].iter().find_map(|field| content.get(field)).and_then(scalar);
                    line(format!("{name}: {kind} {}", called.unwrap_or_default()).trim_end());
                    inside(content, depth, out);
                }
                None => {
                    let title = fields.get("name").and_then(scalar).unwrap_or_default();
                    line(format!("{name} {title}").trim_end());
                    inside(value, depth, out);
                }
            },
        },
        _ => {}
    }
}

/// What is below a line, without the name that the line already has.
fn inside(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Object(fields) if expression(fields).is_none() && variant(fields).is_none() => {
            for (name, field) in fields.iter().filter(|(name, _)| !["name", "callee", "span"].contains(&name.as_str()))
            {
                lines(name, field, depth + 1, out);
            }
        }
        Value::Array(all) => all.iter().for_each(|one| lines("-", one, depth + 1, out)),
        other => lines("-", other, depth + 1, out),
    }
}

/// What fits into one line: numbers, texts, names. Nothing, `false` and places say nothing.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Null | Value::Bool(false) => Some(String::new()),
        Value::Bool(true) => Some("yes".to_owned()),
        Value::Number(number) => Some(number.as_f64().map_or_else(|| number.to_string(), |n| n.to_string())),
        Value::String(text) => Some(text.clone()),
        Value::Object(fields) => match (fields.get("text"), fields.len()) {
            (Some(Value::String(text)), 2) => Some(text.clone()),
            _ => match expression(fields).map(|kind| (kind, kind.as_object().and_then(variant))) {
                Some((_, Some((_, content)))) => match content {
                    Value::Number(_) | Value::String(_) => scalar(content),
                    Value::Bool(on) => Some(if *on { "on" } else { "off" }.to_owned()),
                    _ => None,
                },
                Some((kind, None)) => scalar(kind),
                None => None,
            },
        },
        Value::Array(_) => None,
    }
}

/// What an expression is: it has a kind and a place.
fn expression(fields: &Map<String, Value>) -> Option<&Value> {
    fields.get("kind").filter(|_| fields.len() == 2 && fields.contains_key("span"))
}

/// One of several forms: an object of one field whose name is the form's.
fn variant(fields: &Map<String, Value>) -> Option<(&String, &Value)> {
    fields.iter().next().filter(|_| fields.len() == 1)
}
