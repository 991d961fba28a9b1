//! A page for browsers, which reads `model.wasm` and `model.bin` and says what the model says of a row that is typed into a form.

use serde_json::{Value, json};

use crate::Result;
use crate::data::Arriving;
use crate::export::example::Example;
use crate::model::Model;

/// The page: a form, and the script.
pub(super) fn page(model: &Model) -> String {
    let name = model.name.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    include_str!("parts/index.html").replace("@NAME@", &name)
}

/// The module that the page loads, and any other program in JavaScript may.
pub(super) fn script(model: &Model, example: &Example) -> Result<String> {
    let arriving = Arriving::new(model.schema())?;
    let row: Vec<&str> = example.lines.lines().next().unwrap_or_default().split('\t').collect();
    let values: [(&str, Value); 3] = [
        ("@COLUMNS@", json!(model.schema().columns)),
        ("@READ@", json!(arriving.columns())),
        ("@EXAMPLE@", json!(row)),
    ];
    // One behind the other: a name may look like a mark.
    let (mut text, mut rest) = (String::new(), include_str!("parts/model.mjs"));
    for (mark, value) in values {
        let (before, behind) = rest.split_once(mark).unwrap_or((rest, ""));
        text.extend([before, &serde_json::to_string(&value)?]);
        rest = behind;
    }
    Ok(text + rest)
}
