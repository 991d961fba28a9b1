//! C99: one file that reads rows and computes, one file of numbers, nothing else.
//!
//! Lives here: which parts of C a model needs (`parts/`), what is said of its columns (`columns`) and of its plan (`program`), a page for
//! browsers (`page`), and the check with a compiler that is at hand (`verify`).

mod columns;
mod page;
mod pieces;
mod program;
mod verify;

use std::fmt::Write as _;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::example::{EXPECTED, Example, ROWS};
use super::sections::Sections;
use super::{Exported, Exporter, folder, patterns};
use crate::model::Model;
use crate::{Error, Result, files};

const CODE: &str = "model.c";
const WEIGHTS: &str = "model.bin";
const README: &str = "README.md";
const PAGE: &str = "index.html";
const SCRIPT: &str = "model.mjs";
/// What the page says to build beside them.
const BUILT: [&str; 3] = ["model", "model.exe", "model.wasm"];

/// One C file, one file of weights.
pub(super) const EXPORTER: Exporter = Exporter {
    name: "c",
    writes: "one C99 file and one file of weights, without dependencies",
    export,
    verify: verify::verify,
};

/// Where stretches of the weights lie.
struct Places {
    /// Of each parameter of the plan.
    params: Vec<u64>,
    /// Of what columns have learnt.
    columns: columns::Learnt,
}

fn export(model: &Model, folder: &Path) -> Result<Exported> {
    let known = [CODE, WEIGHTS, ROWS, EXPECTED, README, PAGE, SCRIPT];
    folder::is_free(folder, &[&known[..], &BUILT].concat())?;
    patterns::check(model.schema(), "C")?;
    files::create_folder(folder)?;
    let at = |name: &str| folder.join(name);
    let mut written = None;
    files::replace(&at(WEIGHTS), |file| {
        let mut to = Sections::new(BufWriter::with_capacity(1 << 20, file));
        let places = weights(model, &mut to)?;
        let (length, hash) = to.finish()?;
        written = Some((places, length, hash));
        Ok(())
    })?;
    let Some((places, length, hash)) = written else {
        return Err(Error::io("write", at(WEIGHTS))(io::ErrorKind::WriteZero.into()));
    };
    let code = code(model, &places, (length, hash));
    let example = Example::of(model, &at(ROWS))?;
    let texts = [
        (CODE, code),
        (EXPECTED, example.expected()),
        (README, readme(model)),
        (PAGE, page::page(model)),
        (SCRIPT, page::script(model, &example)?),
        (ROWS, example.lines),
    ];
    folder::write(folder, &texts)?;
    Ok(Exported { files: known.map(at).to_vec(), example: example.probabilities.len() })
}

fn weights(model: &Model, to: &mut Sections<impl Write>) -> io::Result<Places> {
    let mut params = Vec::new();
    for index in 0..model.plan().params.len() {
        params.push(to.begin()?);
        model.store().write_values(index, to)?;
    }
    Ok(Places { params, columns: columns::Learnt::write(model, to)? })
}

/// The whole file.
fn code(model: &Model, places: &Places, (length, hash): (u64, u64)) -> String {
    let schema = model.schema();
    let mut pieces = pieces::Pieces::default();
    let encode = columns::encode(model, &places.columns, &mut pieces);
    let compute = program::compute(model, &places.params, &mut pieces);
    let mut out = String::new();
    let _written = writeln!(
        out,
        "/* The model {} of nasrecc {}: from a row of schema {} to its click probability. C99; README.md says how to compile it.\n   \
         Made by a program: whatever is changed here is lost with the next export. */\n",
        comment(&model.name),
        env!("CARGO_PKG_VERSION"),
        comment(&schema.name),
    );
    out.push_str("#include <float.h>\n#include <math.h>\n#include <stdint.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n\n");
    let _written = writeln!(
        out,
        "enum {{\n    NASREC_COLUMNS = {}, /* fields of a row */\n    NASREC_WORK = {}, /* numbers of room that a row takes */\n    \
         NASREC_UNREADABLE = -1, /* there is no such file of weights */\n    NASREC_OTHER_WEIGHTS = -2 /* it is damaged, of another model, or there is no memory for it */\n}};\n",
        schema.columns.len(),
        compute.work.max(1),
    );
    out.push_str(
        "struct nasrec_model {\n    unsigned char *bytes;\n};\n\n/* 0, or one of the numbers above. */\nint nasrec_load(struct nasrec_model *model, const char *path);\n\
         void nasrec_free(struct nasrec_model *model);\n\
         /* The same of weights that are in memory, at a multiple of 8: they stay there while the model is used, and are the caller's to free. */\n\
         int nasrec_open(struct nasrec_model *model, void *bytes, size_t length);\n\
         /* The probability of a row: its fields in the order of the schema's columns, each ended by a zero byte; what is missing may be\n   \
         NULL. 0, or the number of the column, from 1, that cannot be read. Threads may share a model, each with room of its own. */\n\
         int nasrec_predict(const struct nasrec_model *model, const char *const *fields, float *work, float *probability);\n\n",
    );
    let names: Vec<String> = schema.columns.iter().map(|name| literal(name)).collect();
    let marks: Vec<String> = schema.missing.iter().map(|mark| literal(mark)).chain(["NULL".to_owned()]).collect();
    let _written = writeln!(out, "#define WEIGHTS_LENGTH {length}u\n#define WEIGHTS_HASH 0x{hash:016x}u\n");
    let _written = writeln!(
        out,
        "/* What is a missing value beside an empty one. */\nstatic const char *const MARKS[] = {{{}}};\n",
        marks.join(", ")
    );
    pieces.need("load");
    pieces.need("logistic");
    out.push_str(&pieces.text());
    out.push_str(&encode);
    out.push_str(&compute.text);
    let scaled = model.scaling().map_or_else(String::new, |scaling| {
        format!("    logit = (float)({:?} * (double)logit + {:?}); /* calibrated */\n", scaling.scale, scaling.offset)
    });
    let (numbers, looked_up) = (schema.numeric_width(), schema.looked_up().max(1));
    let _written = writeln!(
        out,
        "int nasrec_predict(const struct nasrec_model *model, const char *const *fields, float *work, float *probability) {{\n    \
         float numbers[{numbers}] = {{0.0f}};\n    uint32_t ids[{looked_up}] = {{0}};\n    \
         int wrong = encode(model, fields, numbers, ids);\n    if (wrong != 0) return wrong;\n    \
         float logit = compute(model, numbers, ids, work);\n{scaled}    \
         *probability = (float)logistic((double)logit);\n    return 0;\n}}\n",
    );
    out.push_str(&include_str!("parts/main.c").replace("@NAMES@", &names.join(", ")));
    out
}

/// A text as a literal of C.
fn literal(text: &str) -> String {
    let mut out = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
            // Three octal digits: what follows is not taken for one more. `?` might begin a trigraph.
            b' '..=b'~' if byte != b'?' => out.push(char::from(byte)),
            other => {
                let _written = write!(out, "\\{other:03o}");
            }
        }
    }
    out.push('"');
    out
}

/// A text in a comment.
fn comment(text: &str) -> String {
    text.replace("*/", "* /").replace("/*", "/ *").replace(['\n', '\r', '\\'], " ")
}

fn readme(model: &Model) -> String {
    let columns: Vec<&str> = model.schema().columns.iter().map(String::as_str).collect();
    let text = include_str!("parts/README.md");
    text.replace("@NAME@", &model.name)
        .replace("@VERSION@", env!("CARGO_PKG_VERSION"))
        .replace("@COLUMNS@", &columns.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_literals_and_comments_that_end_where_they_should() {
        assert_eq!(literal("a\"b\\c\té?"), "\"a\\\"b\\\\c\\011\\303\\251\\077\"");
        assert_eq!(comment("a*/b/*c\nd"), "a* /b/ *c d");
    }
}
