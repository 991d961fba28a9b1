//! What a space predicts: a logit, or one for each of several labels, and what is trained beside them.

use petgraph::graph::NodeIndex;

use super::elaborate::Elaborator;
use super::scope::Scope;
use super::values::{Part, Value};
use crate::diagnostics::{Code, Diagnostic, nearest};
use crate::ir::{Gate, MAX_HEADS, NodeKind, OfLabel, SpaceHead, TensorKind};
use crate::primitives::Concat;
use crate::syntax::tree::{Arg, Expr, ExprKind, Logit, SpaceItem, Statement};

/// What a logit may say of itself.
const SAYS: [&str; 2] = ["of", "weight"];

/// The logits of a space as far as its statements were read.
#[derive(Default)]
pub(super) struct Logits {
    heads: Vec<(SpaceHead, NodeIndex)>,
    /// Whether one of them was wrong, which has been said.
    failed: bool,
}

impl Elaborator<'_> {
    /// Reads one of them.
    pub(super) fn logit(&mut self, scope: &mut Scope, logit: &Logit, all: &mut Logits) {
        let head = self.head(scope, logit, all);
        let path = match &logit.name {
            Some(name) if logit.auxiliary => format!("auxiliary_{}", name.text),
            Some(name) => format!("logit_{}", name.text),
            None => "logit".to_owned(),
        };
        match (head, self.one_number(scope, &path, &logit.value)) {
            (Some(head), Some(node)) => all.heads.push((head, node)),
            _ => all.failed = true,
        }
    }

    /// All of them as one node, whose value has one number for each: those that are told come first.
    pub(super) fn logits(&mut self, space: &SpaceItem, mut all: Logits) -> Option<(NodeIndex, Vec<SpaceHead>)> {
        let unread = |s: &Statement| match s {
            Statement::Unreadable { words } => words.first().is_some_and(|word| word == "logit" || word == "auxiliary"),
            _ => false,
        };
        if all.failed || space.body.iter().any(unread) {
            return self.already_told();
        }
        all.heads.sort_by_key(|(head, _)| head.auxiliary);
        if all.heads.first().is_none_or(|(head, _)| head.auxiliary) {
            return self.fail(
                Diagnostic::error(Code::Block, format!("space `{}` has no logit", space.name.text))
                    .label(space.name.span, "what it predicts is missing")
                    .help("end it with `logit = linear(…, 1)`"),
            );
        }
        let (heads, nodes): (Vec<SpaceHead>, Vec<NodeIndex>) = all.heads.into_iter().unzip();
        if let [only] = nodes[..] {
            return Some((only, heads));
        }
        let gates = vec![Gate::Always; nodes.len()];
        self.part = Part::Logit;
        let (applied, _) = self.apply(Concat.into(), &nodes, &gates, &[])?;
        let edges: Vec<_> = gates.into_iter().zip(nodes).collect();
        let node = self.add(NodeKind::Primitive(Concat.into()), applied.kind, applied.axes, &edges, "logits");
        self.part = Part::Other;
        Some((node, heads))
    }

    /// What it is of, and how much its loss counts.
    fn head(&mut self, scope: &mut Scope, logit: &Logit, all: &Logits) -> Option<SpaceHead> {
        let Logit { name, auxiliary, args, span, .. } = logit;
        if all.heads.len() == MAX_HEADS {
            let message = format!("more than {MAX_HEADS} logits");
            return self.fail(Diagnostic::error(Code::TooLarge, message).label(*span, "one too many"));
        }
        let alike = all.heads.iter().find(|(head, _)| head.name.as_deref() == name.as_ref().map(|name| &*name.text));
        if let Some((first, _)) = alike {
            let message = match name {
                Some(name) => format!("there are two logits called `{}`", name.text),
                None => "two logits have no name".to_owned(),
            };
            return self.fail(
                Diagnostic::error(Code::Duplicate, message)
                    .label(*span, "a second one")
                    .label(first.span, "the first")
                    .help("of several labels each has its name, `logit click = …` and `logit buy = …`; parts of one logit are added up"),
            );
        }
        let (mut label, mut weight) = (None, 1.0);
        for arg in args {
            match arg.name.as_ref().map(|name| &*name.text) {
                Some("of") => label = Some(self.label(scope, arg)?),
                Some("weight") => weight = self.loss_weight(scope, &arg.value)?,
                _ => return self.fail(unknown(arg)),
            }
        }
        let named = name.as_ref().map(|name| name.text.clone());
        let by_name = named.clone().filter(|_| !auxiliary).map_or(OfLabel::First, OfLabel::Called);
        let label = label.unwrap_or(by_name);
        Some(SpaceHead { name: named, label, weight, auxiliary: *auxiliary, span: *span })
    }

    /// A label of the schema, by its name or its number.
    fn label(&mut self, scope: &mut Scope, arg: &Arg) -> Option<OfLabel> {
        if let ExprKind::Name(name) | ExprKind::Text(name) = &arg.value.kind {
            return Some(OfLabel::Called(name.clone()));
        }
        let number = match self.eval(scope, &arg.value)? {
            Value::Size(size) => self.ex.as_constant(size),
            _ => None,
        };
        match number.filter(|number| *number >= 1.0 && number.fract() == 0.0 && *number <= 1e6) {
            Some(number) => Some(OfLabel::Nth(number as usize)),
            None => self.fail(
                Diagnostic::error(Code::Kind, "a logit is of a label of the schema")
                    .label(arg.value.span, "expected its name or its number, such as `of: click` or `of: 1`"),
            ),
        }
    }

    fn loss_weight(&mut self, scope: &mut Scope, value: &Expr) -> Option<f64> {
        let found = self.eval(scope, value)?;
        let number = match found {
            Value::Size(size) => self.ex.as_constant(size),
            _ => None,
        };
        match number {
            Some(number) if number > 0.0 && number <= 1e6 => Some(number),
            number => {
                let what = match (number, &found) {
                    (Some(number), _) => format!("this is {number}"),
                    (None, Value::Size(_)) => "choices or the data decide this one".to_owned(),
                    (None, other) => format!("this is {}", self.describe(other)),
                };
                self.fail(
                    Diagnostic::error(Code::Kind, "a loss counts a number of times that nothing is to decide")
                        .label(value.span, format!("expected a number above 0, such as `0.5`; {what}")),
                )
            }
        }
    }

    /// The value of a logit, which is one number a sample.
    fn one_number(&mut self, scope: &mut Scope, path: &str, value: &Expr) -> Option<NodeIndex> {
        self.path.push(path.to_owned());
        self.part = Part::Logit;
        let result = self.eval(scope, value);
        self.part = Part::Other;
        self.path.pop();
        let node = self.expect_tensor(result?, value.span)?;
        let one = self.ex.constant(1.0);
        let axes = self.axes(node);
        if self.tensor(node) != TensorKind::Dense || self.ex.as_constant(axes[0].size) != Some(1.0) {
            let proved = self.tensor(node) == TensorKind::Dense && self.prove_equal(axes[0].size, one).is_ok();
            if !proved {
                let what = self.shape_words(node);
                // Of fields `linear` makes fields.
                let help = match self.tensor(node) {
                    TensorKind::Sparse => "`flatten` makes numbers of fields first: end with `linear(flatten(…), 1)`",
                    TensorKind::Square => {
                        "`lower_triangle` makes numbers of pairs first: end with `linear(lower_triangle(…), 1)`"
                    }
                    TensorKind::Dense => "end with `linear(…, 1)`: one number says both, a click and none",
                };
                return self.fail(
                    Diagnostic::error(Code::Shape, "a logit is one number a sample")
                        .label(value.span, format!("this is {what}"))
                        .help(help),
                );
            }
        }
        Some(node)
    }
}

/// What is said of something that a logit does not say of itself.
fn unknown(arg: &Arg) -> Diagnostic {
    match &arg.name {
        Some(name) => Diagnostic::error(Code::Arguments, format!("a logit says nothing called `{}`", name.text))
            .label(name.span, "expected `of` or `weight`")
            .did_you_mean(name.span, &name.text, nearest(&name.text, SAYS)),
        None => Diagnostic::error(Code::Arguments, "what a logit says of itself has names")
            .label(arg.value.span, "expected `of: label` or `weight: 0.5`"),
    }
}
