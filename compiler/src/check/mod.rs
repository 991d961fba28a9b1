//! From trees to meaning: names resolved across files, operators written out at each call, every kind and size checked
//! over all choices, and the graph of the space built on the way.
//!
//! Lives here: the rules of the language, one idea a file, and what each says when it is broken. Never: text
//! or brackets (`syntax/`), and nothing that depends on data or on an architecture's values (`space/`).

mod arch;
mod arithmetic;
mod blame;
mod block;
mod called_spaces;
mod calls;
mod claims;
mod column_widths;
mod conflicts;
mod data;
mod demands;
mod elaborate;
mod expressions;
mod given;
mod imports;
mod joins;
mod lints;
mod loading;
mod logits;
mod meter;
mod methods;
mod program;
mod prove;
mod ranges;
mod recipe;
mod recorder;
mod repeat;
mod required;
mod schema;
mod scope;
mod settings;
mod shared;
mod slices;
mod space;
mod tables;
mod tuning;
mod values;

pub(crate) use calls::FUNCTIONS;
pub use claims::Claim;
pub use program::{Item, ItemKind, Program};
pub(crate) use recipe::setting_keys;
pub(crate) use recorder::{Recorded, Shape};
pub(crate) use schema::{CROSS, DENSE_STEPS, FORMATS, KEYWORDS, SPARSE_STEPS, TYPES};

use std::collections::HashMap;

use crate::diagnostics::Diagnostic;
use crate::ir::CheckedSpace;
use crate::space::Architecture;

/// A checked search: what to search, on which data, how. Or a training, which is a search of one model.
#[derive(Clone, Debug)]
pub struct CheckedSearch {
    /// As its item is called.
    pub name: String,
    /// What is searched, with its arguments and the demands of the search among its constraints.
    pub space: CheckedSpace,
    /// The table that it is searched on.
    pub schema: crate::schema::Schema,
    /// How: all settings, the defaults of those that were not written among them.
    pub recipe: crate::recipe::Recipe,
    /// The one model that a `train` trains, with its name: nothing is searched then.
    pub model: Option<(String, Architecture)>,
    /// What is found is compared with these.
    pub baselines: Vec<Baseline>,
}

/// A model that what a search finds is compared with.
#[derive(Clone, Debug)]
pub enum Baseline {
    /// A space without choices, trained the same way.
    Space(Box<CheckedSpace>),
    /// Gradient-boosted trees: [`Baseline::TREES`], unless a file calls something of its own so.
    Trees,
}

impl Baseline {
    /// What is written for trees.
    pub const TREES: &str = "trees";

    /// With its arguments, where some are given.
    pub fn title(&self) -> String {
        match self {
            Self::Space(space) => space.title(),
            Self::Trees => Self::TREES.to_owned(),
        }
    }
}

/// A checked architecture.
#[derive(Clone, Debug)]
pub struct CheckedArch {
    /// As its item is called.
    pub name: String,
    /// The space that it is of, with its arguments.
    pub space: CheckedSpace,
    /// What stands behind `with`; `None` where nothing does.
    pub schema: Option<crate::schema::Schema>,
    /// A value, or none, for each choice of the space, in the order of the space's choices.
    pub architecture: Architecture,
    /// It ends in `..`: what it does not decide stays open.
    pub open: bool,
}

/// Values given from outside, such as by `--set space.blocks=2`: the path after `space.`, and the source of the value.
pub(crate) type Overrides = HashMap<String, crate::syntax::tree::Expr>;

/// `a`, `b` and `c`, in words.
fn listed(words: &[String]) -> String {
    match words {
        [rest @ .., last] if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => words.concat(),
    }
}

impl Program {
    /// Everything that the entry file defines, checked; the findings of all of it.
    pub fn check(&self) -> Vec<Diagnostic> {
        let _limited = self.meter.limited(self.steps());
        let mut diagnostics = Vec::new();
        let mut constants = elaborate::Elaborator::new(self);
        for item in self.items() {
            diagnostics.extend(self.check_item(&item, &mut constants));
            if diagnostics.len() >= crate::syntax::MAX_FINDINGS {
                break;
            }
        }
        Diagnostic::sort(&mut diagnostics);
        diagnostics
    }
}
