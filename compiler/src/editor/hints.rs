//! Shapes beside the names that have them.

use super::analysis::Analysis;
use crate::names::{Kind, Symbol};

/// A text to show behind a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The byte of the entry file that it stands behind: the end of a name.
    pub at: usize,
    /// A type with its colon, such as `: dense[64]`.
    pub text: String,
    /// More of it, for who asks.
    pub tooltip: Option<String>,
}

/// The inferred shapes of the `let`s and outputs of the entry file that are tensors.
pub fn hints(analysis: &Analysis) -> Vec<Hint> {
    let Some(file) = analysis.entry() else { return Vec::new() };
    let definitions = analysis.index.file(file).definitions.iter().enumerate();
    let named = definitions.filter(|(_, d)| matches!(d.kind, Kind::Let | Kind::Out));
    named
        .filter_map(|(definition, d)| {
            let shape = analysis.shape(Symbol { file, definition }).filter(|shape| shape.tensor)?;
            Some(Hint { at: d.span.end, text: format!(": {}", shape.as_type()), tooltip: shape.in_words() })
        })
        .collect()
}
