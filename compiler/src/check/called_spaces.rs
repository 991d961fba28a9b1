//! A space that another one calls: its logit, written out where it is called, over inputs of the same kind.

use petgraph::graph::NodeIndex;

use super::elaborate::Elaborator;
use super::program::Item;
use super::scope::Scope;
use super::space::implied_normalise;
use super::values::{Binding, Value};
use crate::diagnostics::{Code, Diagnostic, Span};
use crate::ir::{InputId, InputKind};
use crate::syntax::tree::{Arg, Expr, Logit, Name, SpaceItem, Statement};

impl Elaborator<'_> {
    /// `deepfm(dim: w)`: the logit of a space, which has parameters and choices of its own at each call.
    pub(super) fn called_space(
        &mut self,
        scope: &mut Scope,
        (callee, item): (&Name, &Item),
        args: &[Arg],
        (span, named): (Span, bool),
    ) -> Option<Value> {
        if self.generic || self.calls.len() > self.called_spaces.len() {
            let message = format!("`{}` is a space, and an operator calls none", callee.text);
            return self.fail(
                Diagnostic::error(Code::Kind, message)
                    .label(callee.span, "called here")
                    .help("a space reads the data itself: call it in a space, and give the operator what it says"),
            );
        }
        if self.called_spaces.contains(&item.span) {
            return self.fail(
                Diagnostic::error(Code::Recursion, format!("`{}` calls itself", callee.text))
                    .label(span, "this call never ends")
                    .label(item.span, "defined here"),
            );
        }
        let space = self.program.space_item(item);
        let value = self.one_logit(callee, space)?;
        let mut inner = Scope::new(item.span.file);
        let normalise = self.normalise;
        let found = self.space_arguments(scope, (callee, item), space, args, span, &mut inner).and_then(|()| {
            if let Some(Binding { value: Value::Truth(cond), .. }) = inner.get("normalise") {
                self.normalise = cond;
            }
            inner.enter();
            let before = self.enter(&callee.text, named);
            self.calls.push((item.span, span));
            self.called_spaces.push(item.span);
            for statement in &space.body {
                self.statement(&mut inner, statement);
            }
            self.path.push("logit".to_owned());
            let value = self.eval(&mut inner, value);
            self.path.pop();
            self.called_spaces.pop();
            self.calls.pop();
            self.path.truncate(before);
            value
        });
        self.normalise = normalise;
        found
    }

    /// The value of its only logit, of a space that is nothing but tensors.
    fn one_logit<'s>(&mut self, callee: &Name, space: &'s SpaceItem) -> Option<&'s Expr> {
        let mut logits = Vec::new();
        let mut beyond = None;
        for statement in &space.body {
            match statement {
                Statement::Logit(logit) => logits.push(logit),
                Statement::Block(block) => beyond = beyond.or(Some(("has blocks", block.name.span))),
                Statement::Demand(demand) => {
                    let at = demand.conditions.first().map_or(callee.span, |condition| condition.span);
                    beyond = beyond.or(Some(("requires something of its choices", at)));
                }
                _ => {}
            }
        }
        let several = match &logits[..] {
            [Logit { auxiliary: false, .. }] => None,
            [_, second, ..] => Some(("has several logits", second.span)),
            _ => Some(("has no logit", callee.span)),
        };
        if let Some((what, at)) = beyond.or(several) {
            let message = format!("`{}` {what}, and cannot be called", callee.text);
            return self.fail(
                Diagnostic::error(Code::Kind, message)
                    .label(callee.span, "called here")
                    .label(at, "this")
                    .help("what is called is a space of one logit, such as a published model; what several spaces share is an `op`"),
            );
        }
        logits.first().map(|logit| &logit.value)
    }

    /// Binds its parameters; arguments are of the caller.
    fn space_arguments(
        &mut self,
        scope: &mut Scope,
        (callee, item): (&Name, &Item),
        space: &SpaceItem,
        args: &[Arg],
        span: Span,
        inner: &mut Scope,
    ) -> Option<()> {
        let implied = implied_normalise(space);
        let params: Vec<&(Name, Expr)> = implied.iter().chain(&space.params).collect();
        // All have values; those that are given go by their names, as where a search names its space.
        let known: Vec<(&str, bool)> = params.iter().map(|(name, _)| (name.text.as_str(), false)).collect();
        if let Some(arg) = args.iter().find(|arg| arg.name.is_none()) {
            let listed: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            return self.fail(
                Diagnostic::error(Code::Arguments, "a space takes named arguments")
                    .label(arg.value.span, "which parameter is this?")
                    .help(format!("`{}` has the parameters {}", callee.text, listed.join(", "))),
            );
        }
        let slots = self.matched(callee, &known, args, span)?;
        let mut sound = true;
        for ((name, default), slot) in params.into_iter().zip(slots) {
            let value = match slot {
                Some(expr) => self.eval(scope, expr),
                None => {
                    self.calls.push((item.span, span));
                    self.called_spaces.push(item.span);
                    let value = self.eval(inner, default);
                    self.called_spaces.pop();
                    self.calls.pop();
                    value
                }
            };
            let at = slot.map_or(default.span, |expr| expr.span);
            match value.and_then(|value| self.parameter_value(value, at)) {
                Some(value) => inner.set(&name.text, Binding { value, span: name.span }),
                None => sound = false,
            }
        }
        sound.then_some(())
    }

    /// What an input is bound to that reads what an input of this kind reads already.
    pub(super) fn known_input(&self, kind: InputKind, from: &[String]) -> Option<Value> {
        let at = self.inputs.iter().position(|input| input.kind == kind && *input.from == *from)?;
        let id = InputId(at as u8);
        match kind {
            InputKind::Dense => {
                let reads = |node: &NodeIndex| self.graph[*node].reads == Some(id);
                self.graph.node_indices().find(reads).map(Value::Tensor)
            }
            InputKind::Categorical => Some(Value::Categorical(id)),
            InputKind::Sequence => Some(Value::Sequence(id)),
        }
    }
}
