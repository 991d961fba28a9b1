//! `embed(fields, 16, each: width in [0, 8, 16])`: what is proved of it before a schema says which columns there are.

use std::rc::Rc;

use super::elaborate::Elaborator;
use super::joins::in_case;
use super::prove::Disproof;
use crate::diagnostics::{Code, Diagnostic, Span};
use crate::ir::{SizeId, Widths};

impl Elaborator<'_> {
    /// The widths that each column of a lookup may have, none of which is beyond its dimension; named by the names around it.
    pub(super) fn column_widths(
        &mut self,
        (values, at): (Rc<Vec<i64>>, Span),
        dim: SizeId,
        call: Span,
    ) -> Option<Widths> {
        let widest = values.iter().copied().max().unwrap_or_default();
        if widest == 0 {
            return self.fail(
                Diagnostic::error(Code::Size, "every column would be left out")
                    .label(at, "0 is the only width")
                    .help("such as `each: width in [0, 8, 16]`"),
            );
        }
        let widest = self.ex.constant(widest as f64);
        let larger = self.ex.max(widest, dim);
        if let Err(disproof) = self.prove_equal(larger, dim) {
            let diagnostic = match disproof {
                Disproof::Counterexample { when, left, right } => {
                    Diagnostic::error(Code::Shape, format!("a column of {left} numbers, in rows of {right}"))
                        .label(at, "a width is at most the dimension")
                        .label(call, in_case(right, &when))
                }
                Disproof::Undecided => {
                    Diagnostic::error(Code::Shape, "these widths cannot be shown to be at most the dimension")
                        .label(at, "depends on too many choices to try them all")
                }
            };
            return self.fail(diagnostic);
        }
        let name = self.path.join(".");
        if name.is_empty() || self.block.as_ref().is_some_and(|block| *block == name) {
            return self.fail(
                Diagnostic::error(Code::Unlabelled, "nothing names these choices")
                    .label(at, "a choice for each column")
                    .help("bind the call with `let`"),
            );
        }
        // The uses of a shared call have the choices of one.
        match self.column_widths.get(&name) {
            Some(&other) if self.sharing.is_none() || other != at => {
                return self.fail(
                    Diagnostic::error(Code::Unlabelled, format!("the widths of two calls would be called `{name}`"))
                        .label(at, "these")
                        .label(other, "and these")
                        .help("bind each of the calls with a `let` of its own"),
                );
            }
            _ => self.column_widths.insert(name.clone(), at),
        };
        Some(Widths {
            name,
            block: self.block.clone(),
            values: values.to_vec(),
            parent: self.parents.last().copied(),
            span: at,
        })
    }
}
