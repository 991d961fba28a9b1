//! What a body asks: rows, column by column.
//!
//! Lives here: the two forms that rows come in, tensors (`tensors`) and objects (`objects`), and what is wrong with them. Never: how a
//! body came here, or what a value becomes for a model. What is read here is a stranger's: memory is taken for what is there, never for
//! what is claimed.

mod objects;
mod tensors;
mod written;

use std::fmt::{self, Write};

use crate::tensor::Values;

pub use objects::objects;
pub use tensors::tensors;

/// Rows to predict.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// How many.
    pub rows: usize,
    /// The values of each input, in the order of the inputs.
    pub columns: Vec<Values>,
    /// What the answer is to say it answers.
    pub id: Option<String>,
    /// In which form the answer is wanted.
    pub form: Form,
}

/// The form of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// Tensors, one an output that was asked for.
    Tensors(Vec<Told>),
    /// The probabilities of the one row, or of each of a list.
    Rows {
        /// Whether there was no list.
        one: bool,
    },
}

/// An output that is told as a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Index among the model's outputs.
    pub output: usize,
    /// Whether its values are bytes behind the JSON.
    pub binary: bool,
}

/// What is wrong with JSON, no longer than a message takes: it quotes a text that stands where none is expected, however long that is.
fn told(error: &serde_json::Error) -> String {
    const LONGEST: usize = 250;
    struct Short(String);
    impl Write for Short {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let left = LONGEST - self.0.len();
            self.0.push_str(&text[..text.floor_char_boundary(left)]);
            if text.len() <= left { Ok(()) } else { Err(fmt::Error) }
        }
    }
    let mut short = Short(String::new());
    match write!(short, "{error}") {
        Ok(()) => short.0,
        Err(_) => format!("{}… at line {} column {}", short.0, error.line(), error.column()),
    }
}
