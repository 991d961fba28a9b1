//! What an editor wants to know: the shape of every name that is bound while a space or an operator is written out.
//!
//! Off unless it is asked for. A name in a block is bound once an instance; what is told of it holds for all of them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::Overrides;
use super::elaborate::Elaborator;
use super::program::{ItemKind, Program};
use super::values::Value;
use crate::diagnostics::{Diagnostic, Span};
use crate::ir::{CheckedSpace, Interval, Size, SizeId, TensorKind};
use crate::syntax::MAX_FINDINGS;
use crate::syntax::tree::Name;

/// Longest size that is written out.
const MAX_WORDS: usize = 32;
/// Most sizes that are looked into for one name: enough for what a person would read.
const MAX_DEPTH: u32 = 64;

/// What is known of one name over all choices.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shape {
    /// `dense`, `sparse`, `square`, or a word for something that is no tensor.
    pub kind: &'static str,
    /// Whether it is a tensor.
    pub tensor: bool,
    /// Each size as the source would write it, where that is short and the same wherever the name is bound.
    pub sizes: Vec<Option<String>>,
    /// The smallest and the largest value of each size, where it does not depend on data.
    pub ranges: Vec<Option<(f64, f64)>>,
}

impl Shape {
    /// As a type, such as `dense[w]`; `_` is a size that depends on data, or has no short name.
    pub fn as_type(&self) -> String {
        let sizes = self
            .sizes
            .iter()
            .zip(&self.ranges)
            .map(|(size, range)| size.clone().or_else(|| range.map(|(lo, hi)| span_words(lo, hi, ".."))));
        let sizes: Vec<Option<String>> = sizes.collect();
        if sizes.iter().all(Option::is_none) {
            return self.kind.to_owned();
        }
        let sizes: Vec<String> = sizes.into_iter().map(|size| size.unwrap_or_else(|| "_".to_owned())).collect();
        format!("{}[{}]", self.kind, sizes.join(", "))
    }

    /// In words, such as `dense, width 16 to 1024`; nothing where no size is known.
    pub fn in_words(&self) -> Option<String> {
        let names: &[&str] = match (self.tensor, self.kind) {
            (false, _) => &[""],
            (true, "sparse") => &["fields ", "dim "],
            (true, "square") => &["fields ", "fields "],
            (true, _) => &["width "],
        };
        let said = names.iter().zip(&self.ranges).filter_map(|(name, range)| {
            let (lo, hi) = (*range)?;
            Some(format!("{name}{}", span_words(lo, hi, " to ")))
        });
        let said: Vec<String> = said.collect();
        (!said.is_empty()).then(|| format!("{}, {}", self.kind, said.join(", ")))
    }
}

fn span_words(lo: f64, hi: f64, to: &str) -> String {
    if lo == hi { lo.to_string() } else { format!("{lo}{to}{hi}") }
}

/// The findings of a program, and what was seen on the way.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    pub diagnostics: Vec<Diagnostic>,
    /// By the place of the name.
    pub shapes: HashMap<Span, Shape>,
    /// The spaces of the entry file that are sound, by the place of their names.
    pub spaces: HashMap<Span, CheckedSpace>,
}

/// Shapes while they are collected.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    shapes: HashMap<Span, Shape>,
    /// Names of sizes about which only their origin is known.
    names: HashMap<SizeId, String>,
    /// What each size can be over all choices.
    intervals: HashMap<SizeId, Interval>,
}

impl Program {
    /// Checks the entry file as [`Program::check`] does, and keeps what an editor can show.
    pub(crate) fn check_and_record(&self) -> Recorded {
        let _limited = self.meter.limited(self.steps());
        let mut recorded = Recorded::default();
        let mut constants = Elaborator::new(self);
        for item in self.items() {
            let recorder = Rc::new(RefCell::new(Recorder::default()));
            let mut elaborator = Elaborator::new(self);
            elaborator.recorder = Some(Rc::clone(&recorder));
            let found = match item.kind {
                ItemKind::Op => elaborator.check_op(&item),
                ItemKind::Space => {
                    let space = elaborator.space(&item, &[], &Overrides::new());
                    let sound = space.filter(|_| elaborator.failures == 0);
                    recorded.spaces.extend(sound.map(|space| (item.span, space)));
                    std::mem::take(&mut elaborator.diagnostics)
                }
                _ => self.check_item(&item, &mut constants),
            };
            recorded.diagnostics.extend(found);
            recorded.shapes.extend(std::mem::take(&mut recorder.borrow_mut().shapes));
            if recorded.diagnostics.len() >= MAX_FINDINGS {
                break;
            }
        }
        Diagnostic::sort(&mut recorded.diagnostics);
        recorded
    }
}

impl Elaborator<'_> {
    /// Remembers what is bound to a name, where somebody listens. An operator's body is told of where it is checked on
    /// its own, not at its calls.
    pub fn record(&mut self, name: &Name, value: &Value) {
        let Some(recorder) = &self.recorder else { return };
        if !self.generic && !self.calls.is_empty() {
            return;
        }
        let (kind, tensor, sizes) = match value {
            Value::Tensor(node) | Value::Optional { node, .. } => {
                let kind = self.tensor(*node);
                let sizes: Vec<SizeId> = self.axes(*node).iter().map(|axis| axis.size).collect();
                (kind.word(), true, sizes)
            }
            Value::Size(size) => ("size", false, vec![*size]),
            Value::Truth(_) => ("switch", false, Vec::new()),
            Value::List(_) => ("list", false, Vec::new()),
            Value::Range { .. } => ("range", false, Vec::new()),
            Value::Picked { sources, .. } => match sources.first().map(|source| self.tensor(source.node)) {
                Some(TensorKind::Sparse) => ("several sparse tensors", false, Vec::new()),
                _ => ("several dense tensors", false, Vec::new()),
            },
            Value::Sources(_) => ("tensors to pick from", false, Vec::new()),
            Value::Categorical(_) => ("categorical", false, Vec::new()),
            Value::Sequence(_) => ("sequence", false, Vec::new()),
            Value::Widths(..) => return,
            Value::Family(_) | Value::Instances(_) | Value::Instance(_) | Value::Shared(_) | Value::Spoilt => return,
        };
        let mut recorder = recorder.borrow_mut();
        let members: &[&str] = match kind {
            "sparse" => &["fields", "dim"],
            "square" => &["fields", "fields"],
            _ => &["width"],
        };
        for (&size, member) in sizes.iter().zip(members) {
            if matches!(self.ex.size(size), Size::Opaque(_) | Size::Numeric) {
                let called = if tensor { format!("{}.{member}", name.text) } else { name.text.clone() };
                recorder.names.entry(size).or_insert(called);
            }
        }
        let words = sizes.iter().map(|&size| self.words(&recorder, size, MAX_DEPTH).filter(|w| w.len() <= MAX_WORDS));
        let sizes_in_words: Vec<Option<String>> = words.collect();
        let known = &mut recorder.intervals;
        let ranges: Vec<_> = sizes.iter().map(|&size| self.range(known, size)).collect();
        let shape = Shape { kind, tensor, sizes: sizes_in_words, ranges };
        match recorder.shapes.get_mut(&name.span) {
            Some(known) if known.kind == shape.kind => {
                for (known, size) in known.sizes.iter_mut().zip(shape.sizes) {
                    if *known != size {
                        *known = None;
                    }
                }
                for (known, range) in known.ranges.iter_mut().zip(shape.ranges) {
                    *known = known.zip(range).map(|((a, b), (c, d))| (a.min(c), b.max(d)));
                }
            }
            Some(_) => {}
            None => {
                recorder.shapes.insert(name.span, shape);
            }
        }
    }

    /// A size as the source would write it.
    fn words(&self, recorder: &Recorder, size: SizeId, depth: u32) -> Option<String> {
        let depth = depth.checked_sub(1)?;
        let of = |id: SizeId| self.words(recorder, id, depth).filter(|words| words.len() <= MAX_WORDS);
        let factor = |id: SizeId| of(id).map(|w| if w.contains(' ') { format!("({w})") } else { w });
        if let Some(name) = recorder.names.get(&size) {
            return Some(name.clone());
        }
        match self.ex.size(size) {
            Size::Width(choice) => Some(self.choices[choice.index()].key().to_owned()),
            Size::Numeric => Some("numeric".to_owned()),
            Size::Fields => Some("fields".to_owned()),
            Size::Columns(input) => Some(format!("{}.count", self.inputs.get(input.index())?.name)),
            Size::Linear { constant, terms } => {
                let mut out = String::new();
                for (term, coefficient) in terms {
                    let coefficient = coefficient.get();
                    let sign = if coefficient < 0.0 { "-" } else { "+" };
                    match (out.is_empty(), sign) {
                        (true, "+") => {}
                        (true, _) => out.push('-'),
                        _ => out.push_str(&format!(" {sign} ")),
                    }
                    if coefficient.abs() != 1.0 {
                        out.push_str(&format!("{} * ", coefficient.abs()));
                    }
                    out.push_str(&factor(*term)?);
                }
                let constant = constant.get();
                if out.is_empty() {
                    return Some(constant.to_string());
                }
                if constant != 0.0 {
                    out.push_str(&format!(" {} {}", if constant < 0.0 { "-" } else { "+" }, constant.abs()));
                }
                Some(out)
            }
            Size::Product(a, b) => Some(format!("{} * {}", factor(*a)?, factor(*b)?)),
            Size::Quotient(a, b) => Some(format!("{} / {}", factor(*a)?, factor(*b)?)),
            Size::Root(a) => Some(format!("sqrt({})", of(*a)?)),
            Size::Round(a) => Some(format!("round({})", of(*a)?)),
            Size::Max(a, b) => Some(format!("max({}, {})", of(*a)?, of(*b)?)),
            Size::Min(a, b) => Some(format!("min({}, {})", of(*a)?, of(*b)?)),
            _ => None,
        }
    }
}
