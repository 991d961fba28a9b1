//! Blocks: statements written out once an instance, and what each hands on to the later ones.

use std::collections::HashSet;
use std::rc::Rc;

use petgraph::graph::NodeIndex;

use super::elaborate::{Elaborator, MAX_SOURCES, number_words};
use super::program::{Item, ItemKind};
use super::required::due;
use super::scope::Scope;
use super::values::{Binding, Part, Source, Value};
use crate::diagnostics::{Code, Diagnostic};
use crate::ir::MAX_SIZE;
use crate::syntax::tree::{Block, Expr, Logit, Name, Reference, Statement};

/// Most outputs of one block.
const MAX_OUTS: usize = 1_000;

impl Elaborator<'_> {
    /// Writes a block's instances out; `None` where one has a mistake.
    pub(super) fn block(&mut self, scope: &mut Scope, block: &Block) -> Option<()> {
        let pattern = match &block.of {
            None => None,
            Some(reference) => match self.program.resolve(&reference.name, ItemKind::Pattern) {
                Ok(item) => Some((item.clone(), reference)),
                Err(diagnostic) => {
                    self.failures += 1;
                    diagnostic.into_iter().for_each(|diagnostic| self.report(diagnostic));
                    return None;
                }
            },
        };
        if pattern.is_some() && !block.body.is_empty() {
            return self.fail(
                Diagnostic::error(Code::Block, format!("block `{}` has statements twice over", block.name.text))
                    .label(block.name.span, "its own, and those of the block that it is made of")
                    .help("leave one of them out"),
            );
        }
        let (lo, hi) = self.instances(scope, &block.range)?;
        let mut handed_on: Vec<(String, Vec<Source>)> = Vec::new();
        if let Some((stem, parts)) = &block.stem {
            let mut outs = Vec::new();
            for (part, value) in parts {
                self.path.extend([stem.text.clone(), part.text.clone()]);
                self.part = Part::Stem;
                let result = self.eval(scope, value);
                self.part = Part::Other;
                self.path.truncate(self.path.len() - 2);
                let node = result.and_then(|result| self.expect_tensor(result, value.span))?;
                self.record(part, &Value::Tensor(node));
                outs.push((part.text.clone(), node));
                handed_on.push((part.text.clone(), vec![Source { label: stem.text.clone(), node }]));
            }
            self.bind(scope, stem, Value::Instance(Rc::new(outs)));
        }
        // Each instance sees those before it.
        let family = self.families.len();
        self.families.push(Vec::new());
        for index in lo..=hi {
            let name = format!("{}[{index}]", block.name.text);
            scope.enter();
            scope.set(&block.name.text, Binding { value: Value::Family(family), span: block.name.span });
            if let Some(number) = &block.number {
                let value = Value::Size(self.ex.constant(index as f64));
                self.bind(scope, number, value);
            }
            let outs = match &pattern {
                None => self.instance(scope, (&block.name, &block.body), &name, &handed_on),
                Some((item, reference)) => self.instance_of(scope, item, reference, &name, &handed_on),
            };
            scope.leave();
            let outs = outs?;
            for (out, node) in &outs {
                let source = Source { label: name.clone(), node: *node };
                match handed_on.iter_mut().find(|(known, _)| known == out) {
                    Some((_, sources)) => sources.push(source),
                    None => handed_on.push((out.clone(), vec![source])),
                }
            }
            self.blocks.push((name, outs.clone()));
            self.families[family].push((index, Value::Instance(Rc::new(outs))));
        }
        self.bind(scope, &block.name, Value::Family(family));
        Some(())
    }

    /// One instance: its statements in a scope of their own; what it hands on.
    pub(super) fn instance(
        &mut self,
        scope: &mut Scope,
        (block, body): (&Name, &[Statement]),
        name: &str,
        handed_on: &[(String, Vec<Source>)],
    ) -> Option<Vec<(String, NodeIndex)>> {
        scope.enter();
        let earlier = handed_on.iter().map(|(out, sources)| (out.clone(), Rc::new(sources.clone()))).collect();
        let outside = scope.earlier.replace(Rc::new(earlier));
        self.path.push(name.to_owned());
        self.block = Some(name.to_owned());
        let mut outs: Vec<(String, NodeIndex)> = Vec::new();
        let before = self.failures;
        let mut due = due(body);
        for (at, statement) in body.iter().enumerate() {
            self.known_before(at, &mut due, scope);
            if self.is_refuted {
                break;
            }
            match statement {
                Statement::Out { name, value } => {
                    self.path.push(name.text.clone());
                    let result = self.eval(scope, value);
                    self.path.pop();
                    let Some(node) = result.and_then(|result| self.expect_tensor(result, value.span)) else { continue };
                    self.record(name, &Value::Tensor(node));
                    if outs.iter().any(|(known, _)| *known == name.text) {
                        let message = format!("output `{}` is defined twice", name.text);
                        self.report(Diagnostic::error(Code::Duplicate, message).label(name.span, "again here"));
                    }
                    if outs.len() >= MAX_OUTS {
                        let message = format!("a block hands on at most {MAX_OUTS} outputs");
                        self.report(Diagnostic::error(Code::TooLarge, message).label(name.span, "one too many"));
                        break;
                    }
                    outs.push((name.text.clone(), node));
                }
                Statement::Block(inner) => self.report(
                    Diagnostic::error(Code::Block, "a block cannot hold another block")
                        .label(inner.name.span, "this one is inside")
                        .label(block.span, "this one"),
                ),
                Statement::Input { name, .. } => self.report(
                    Diagnostic::error(Code::Block, "an input belongs to the space, not to a block")
                        .label(name.span, "inside a block"),
                ),
                Statement::Logit(Logit { span, .. }) => self.report(
                    Diagnostic::error(Code::Block, "the logit belongs to the space, not to a block")
                        .label(*span, "inside a block"),
                ),
                other => self.statement(scope, other),
            }
        }
        if outs.is_empty() && self.failures == before {
            self.report(
                Diagnostic::error(Code::Block, format!("block `{}` hands nothing on", block.text))
                    .label(block.span, "no `out` in it")
                    .help("add `out name = …`"),
            );
        }
        self.block = None;
        self.path.pop();
        scope.earlier = outside;
        scope.leave();
        (self.failures == before).then_some(outs)
    }

    /// One instance of a block that is written at the top level: it sees its parameters and what its file sees.
    fn instance_of(
        &mut self,
        scope: &mut Scope,
        item: &Item,
        reference: &Reference,
        name: &str,
        handed_on: &[(String, Vec<Source>)],
    ) -> Option<Vec<(String, NodeIndex)>> {
        let program = self.program;
        let pattern = program.pattern(item);
        let params: Vec<(&str, bool)> =
            pattern.params.iter().map(|(name, default)| (name.text.as_str(), default.is_none())).collect();
        let slots = self.matched(&reference.name, &params, &reference.args, reference.name.span)?;
        let mut inner = Scope::new(item.span.file);
        let mut sound = true;
        for ((param, default), slot) in pattern.params.iter().zip(slots) {
            let value = match (slot, default) {
                (Some(given), _) => self.eval(scope, given),
                (None, Some(default)) => self.eval(&mut inner, default),
                (None, None) => None,
            };
            match value {
                Some(value) => {
                    inner.set(&param.text, Binding { value, span: param.span });
                }
                None => sound = false,
            }
        }
        if !sound {
            return None;
        }
        self.calls.push((item.span, reference.name.span));
        let outs = self.instance(&mut inner, (&pattern.name, &pattern.body), name, handed_on);
        self.calls.pop();
        outs
    }

    pub(super) fn instances(&mut self, scope: &mut Scope, range: &Expr) -> Option<(i64, i64)> {
        let value = self.eval(scope, range)?;
        let bounds = match value {
            Value::Range { lo, hi, step: None } => self.ex.as_constant(lo).zip(self.ex.as_constant(hi)),
            _ => None,
        };
        match bounds {
            Some((lo, hi)) if lo.fract() == 0.0 && hi.fract() == 0.0 && lo >= 0.0 && hi >= lo => {
                if hi - lo >= MAX_SOURCES as f64 {
                    let message = format!("{} instances of a block; at most {MAX_SOURCES} are possible", hi - lo + 1.0);
                    return self.fail(Diagnostic::error(Code::TooLarge, message).label(range.span, "too many"));
                }
                Some((lo as i64, hi as i64))
            }
            _ => self.fail(
                Diagnostic::error(Code::NotConstant, "a block's instances are numbered by a fixed range")
                    .label(range.span, "expected a range of whole numbers, such as `1..7`"),
            ),
        }
    }

    /// The values of a `width`: a list or a range of whole numbers from `least` on.
    pub(super) fn widths(&mut self, scope: &mut Scope, expr: &Expr, least: i64) -> Option<Vec<i64>> {
        let value = self.eval(scope, expr)?;
        let numbers: Option<Vec<f64>> = match &value {
            Value::List(items) => items
                .iter()
                .map(|item| match item {
                    Value::Size(size) => self.ex.as_constant(*size),
                    _ => None,
                })
                .collect(),
            Value::Range { lo, hi, step } => {
                let step = step.map_or(Some(1.0), |step| self.ex.as_constant(step));
                self.ex.as_constant(*lo).zip(self.ex.as_constant(*hi)).zip(step).and_then(|((lo, hi), step)| {
                    (step >= 1.0 && hi >= lo && (hi - lo) / step <= 65_536.0)
                        .then(|| std::iter::successors(Some(lo), |x| Some(x + step)).take_while(|x| *x <= hi).collect())
                })
            }
            Value::Size(size) => self.ex.as_constant(*size).map(|one| vec![one]),
            _ => None,
        };
        let Some(numbers) = numbers else {
            let what = self.describe(&value);
            return self.fail(
                Diagnostic::error(Code::Kind, "a width is taken from a list or a range of numbers")
                    .label(expr.span, format!("this is {what}"))
                    .help("such as `[16, 32, 64]` or `16..256 step 16`"),
            );
        };
        if numbers.is_empty() {
            return self.fail(
                Diagnostic::error(Code::Size, "there is no width to choose").label(expr.span, "this list is empty"),
            );
        }
        if let Some(bad) = numbers.iter().find(|x| !(least as f64..=MAX_SIZE as f64).contains(*x) || x.fract() != 0.0) {
            return self.fail(
                Diagnostic::error(Code::Size, format!("{} is not a width", number_words(*bad)))
                    .label(expr.span, format!("expected whole numbers from {least} to {MAX_SIZE}"))
                    .help_if(
                        (*bad == 0.0).then(|| "what may be left out is a `maybe`: `maybe linear(x, w)`".to_owned()),
                    ),
            );
        }
        let mut widths: Vec<i64> = Vec::new();
        let mut seen = HashSet::new();
        for number in numbers {
            if !seen.insert(number as i64) {
                return self.fail(
                    Diagnostic::error(Code::Duplicate, format!("the width {number} is offered twice"))
                        .label(expr.span, "in this list"),
                );
            }
            widths.push(number as i64);
        }
        Some(widths)
    }
}
