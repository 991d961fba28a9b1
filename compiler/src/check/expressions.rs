//! Expressions: names, numbers, conditions, members; the rest is in `joins` and `calls`.

use std::rc::Rc;

use super::elaborate::Elaborator;
use super::program::{Item, ItemKind};
use super::scope::Scope;
use super::values::{Source, Value};
use crate::diagnostics::{Code, Diagnostic, Span, nearest};
use crate::elsewhere;
use crate::ir::{CondId, Relation, SizeId};
use crate::primitives::{self, Mul, Sub};
use crate::syntax::tree::{Binary, Expr, ExprKind, Name, Unary};

impl crate::ir::Expressions {
    /// `and`, `or` or `implies`.
    pub(super) fn joined(&mut self, binary: Binary, a: CondId, b: CondId) -> CondId {
        match binary {
            Binary::And => self.and(a, b),
            Binary::Implies => {
                let not = self.not(a);
                self.or(not, b)
            }
            _ => self.or(a, b),
        }
    }
}

impl Elaborator<'_> {
    /// The value of an expression, or `None` where a finding has been recorded.
    pub fn eval(&mut self, scope: &mut Scope, expr: &Expr) -> Option<Value> {
        if !self.affordable(expr.span) {
            return None;
        }
        self.depth += 1;
        let value = self.evaluated(scope, expr);
        self.depth -= 1;
        if self.ex.take_overflow() {
            let message = "this depends on too long a chain of sizes";
            return self.fail(Diagnostic::error(Code::TooLarge, message).label(expr.span, "the last link"));
        }
        value
    }

    fn evaluated(&mut self, scope: &mut Scope, expr: &Expr) -> Option<Value> {
        // Only the call that an alternative consists of is named by its label.
        let named = std::mem::take(&mut self.named_by_label);
        match &expr.kind {
            ExprKind::Number(number) | ExprKind::Percent(number) => {
                if !number.is_finite() {
                    return self.fail(
                        Diagnostic::error(Code::Size, "this number is too large").label(expr.span, "not representable"),
                    );
                }
                Some(Value::Size(self.ex.constant(*number)))
            }
            ExprKind::Bytes(_) => self.fail(
                Diagnostic::error(Code::Kind, "a number of bytes has no meaning here").label(expr.span, "unexpected"),
            ),
            ExprKind::Duration(_) => {
                self.fail(Diagnostic::error(Code::Kind, "a time has no meaning here").label(expr.span, "unexpected"))
            }
            ExprKind::Each { .. } => self.fail(
                Diagnostic::error(Code::Kind, "`for` has no meaning here")
                    .label(expr.span, "unexpected")
                    .help("`all`, `any`, `sum` and `count` go over several values, in `require` and `forbid`"),
            ),
            ExprKind::Widths(values) => {
                let widths = self.widths(scope, values, 0)?;
                Some(Value::Widths(Rc::new(widths), expr.span))
            }
            ExprKind::Switch(on) => Some(Value::Truth(self.ex.known(*on))),
            ExprKind::Text(_) => self.fail(
                Diagnostic::error(Code::Kind, "a text has no meaning here")
                    .label(expr.span, "unexpected")
                    .help("what is open is `choose { relu(x); sigmoid(x) }`; what a caller says is a number, a switch (`on`, `off`) or a list of numbers"),
            ),
            ExprKind::Name(name) => self.name(scope, name, expr.span),
            ExprKind::List(items) => {
                let mut values = Vec::with_capacity(items.len());
                for item in items {
                    values.push(self.eval(scope, item)?);
                }
                Some(Value::List(Rc::new(values)))
            }
            ExprKind::Call { callee, args } => self.call(scope, callee, args, expr.span, named),
            ExprKind::Member(of, member) => {
                let of_span = of.span;
                let of = self.eval(scope, of)?;
                self.member(of, of_span, member)
            }
            ExprKind::Index(of, index) => self.index(scope, of, index),
            ExprKind::Unary(Unary::Maybe, operand) => self.maybe(scope, operand, expr.span),
            ExprKind::Unary(Unary::Not, operand) => {
                let cond = self.condition(scope, operand)?;
                Some(Value::Truth(self.ex.not(cond)))
            }
            ExprKind::Unary(Unary::Negate, operand) => match self.eval(scope, operand)? {
                Value::Size(size) => {
                    let zero = self.ex.constant(0.0);
                    Some(Value::Size(self.ex.add_scaled(zero, size, -1.0)))
                }
                tensor => self.affine((-1.0, 0.0), (tensor, operand.span)),
            },
            ExprKind::Binary(binary, left, right) => self.binary(scope, *binary, left, right),
            ExprKind::Range { lo, hi, step } => {
                let lo = self.number(scope, lo)?;
                let hi = self.number(scope, hi)?;
                let step = match step {
                    Some(step) => Some(self.number(scope, step)?),
                    None => None,
                };
                Some(Value::Range { lo, hi, step })
            }
            ExprKind::Pick { count, from } => self.pick(scope, count, from, expr.span),
            ExprKind::Choose { count, alternatives } => self.choose(scope, count.as_deref(), alternatives, expr.span),
            ExprKind::Repeat { number, count, from, name, body } => {
                self.repeat(scope, (number.as_ref(), count), from, (name, body), expr.span)
            }
            ExprKind::Body(body) => self.body(scope, body),
            ExprKind::If { condition, then, otherwise } => self.branch(scope, condition, then, otherwise),
            ExprKind::Lost => self.already_told(),
            ExprKind::Earlier(output) => self.earlier(scope, output, expr.span),
        }
    }

    fn name(&mut self, scope: &Scope, name: &str, span: Span) -> Option<Value> {
        if let Some(binding) = scope.get(name) {
            return match binding.value {
                Value::Spoilt => self.already_told(),
                value => Some(value),
            };
        }
        if name == "normalise" {
            return Some(Value::Truth(self.normalise));
        }
        if let Some(item) = self.program.lookup(scope.file, name) {
            if item.kind == ItemKind::Const {
                return self.constant_item(item, span);
            }
            let defined = item.span;
            return self.fail(
                Diagnostic::error(Code::Kind, format!("`{name}` is not a value"))
                    .label(span, "a value is expected here")
                    .label(defined, "defined here")
                    .help_if(
                        (item.kind == ItemKind::Op).then(|| format!("an operator needs what it is of: `{name}(…)`")),
                    ),
            );
        }
        if self.program.is_spoilt(scope.file, name) {
            return self.already_told();
        }
        if let Some(&later) =
            self.statements.get(name).filter(|later| later.file == span.file && later.start > span.start)
        {
            return self.fail(
                Diagnostic::error(Code::UnknownName, format!("there is no `{name}` here yet"))
                    .label(span, "used here")
                    .label(later, "defined further down")
                    .help("a name is known from its definition on"),
            );
        }
        let names = scope.names();
        let is_operator = primitives::find(name).is_some()
            || self.program.lookup(scope.file, name).is_some_and(|item| item.kind == ItemKind::Op);
        let of_what = is_operator.then(|| format!("`{name}` is an operator, and needs what it is of: `{name}(…)`"));
        let near = nearest(name, names.iter().map(String::as_str)).filter(|_| !is_operator);
        self.fail(
            Diagnostic::error(Code::UnknownName, format!("there is no `{name}` here"))
                .label(span, "not defined")
                .help_if(of_what)
                .help_if(elsewhere::value(name).map(str::to_owned))
                .did_you_mean(span, name, near),
        )
    }

    /// The value of a `const`, evaluated where it is defined.
    pub fn constant_item(&mut self, item: &Item, span: Span) -> Option<Value> {
        if self.calls.iter().any(|&(defined, _)| defined == item.span) {
            return self.fail(
                Diagnostic::error(Code::Recursion, format!("`{}` is defined by itself", item.name))
                    .label(span, "this never ends")
                    .label(item.span, "defined here"),
            );
        }
        let key = (item.span, self.normalise);
        if let Some(known) = self.constants.get(&key) {
            return match known {
                Some(value) => Some(value.clone()),
                None => self.already_told(),
            };
        }
        let value = self.constant_written(item, span);
        self.constants.insert(key, value.clone());
        value
    }

    fn constant_written(&mut self, item: &Item, span: Span) -> Option<Value> {
        let written = &self.program.const_item(item).value;
        self.calls.push((item.span, span));
        let value = self.eval(&mut Scope::new(item.span.file), written);
        self.calls.pop();
        match value? {
            value @ (Value::Size(_) | Value::Truth(_) | Value::List(_) | Value::Range { .. }) => Some(value),
            other => {
                let what = self.describe(&other);
                self.fail(
                    Diagnostic::error(Code::Kind, format!("a constant cannot be {what}"))
                        .label(written.span, "expected a number, a switch, a list or a range"),
                )
            }
        }
    }

    /// A number, which may depend on choices.
    pub fn number(&mut self, scope: &mut Scope, expr: &Expr) -> Option<SizeId> {
        match self.eval(scope, expr)? {
            Value::Size(size) => Some(size),
            other => self.no_number(&other, expr.span),
        }
    }

    pub(super) fn no_number<T>(&mut self, value: &Value, at: Span) -> Option<T> {
        let what = self.describe(value);
        self.fail(Diagnostic::error(Code::Kind, "a number is expected here").label(at, format!("this is {what}")))
    }

    fn condition(&mut self, scope: &mut Scope, expr: &Expr) -> Option<CondId> {
        match self.eval(scope, expr)? {
            Value::Truth(cond) => Some(cond),
            other => {
                let what = self.describe(&other);
                self.fail(
                    Diagnostic::error(Code::Kind, "a condition is expected here")
                        .label(expr.span, format!("this is {what}")),
                )
            }
        }
    }

    fn binary(&mut self, scope: &mut Scope, binary: Binary, left: &Expr, right: &Expr) -> Option<Value> {
        if matches!(binary, Binary::And | Binary::Or | Binary::Implies) {
            let (a, b) = (self.condition(scope, left), self.condition(scope, right));
            let (a, b) = (a?, b?);
            return Some(Value::Truth(self.ex.joined(binary, a, b)));
        }
        if binary == Binary::In {
            return self.within(scope, left, right);
        }
        // Both sides are evaluated before either is missed, so that each tells its own mistake.
        let (a, b) = (self.eval(scope, left), self.eval(scope, right));
        let (a, b) = (a?, b?);
        if let (Value::Size(a), Value::Size(b)) = (&a, &b) {
            if binary == Binary::Div && self.ex.as_constant(*b) == Some(0.0) {
                return self.fail(Diagnostic::error(Code::Size, "a division by zero").label(right.span, "this is 0"));
            }
            return Some(self.arithmetic(binary, *a, *b));
        }
        let (number, tensor) = (|value: &Value| matches!(value, Value::Size(_)), Value::is_tensor);
        let arithmetic = matches!(binary, Binary::Add | Binary::Sub | Binary::Mul | Binary::Div);
        if arithmetic && (number(&a) && tensor(&b) || tensor(&a) && number(&b))
            || binary == Binary::Div && tensor(&a) && tensor(&b)
        {
            return self.mixed(binary, (a, left.span), (b, right.span));
        }
        match binary {
            Binary::Add => self.sum((a, left.span), (b, right.span)),
            Binary::Sub => self.combine((Sub.into(), "difference"), (a, left.span), (b, right.span)),
            Binary::Mul => self.combine((Mul.into(), "product"), (a, left.span), (b, right.span)),
            _ => {
                let (odd, span) = if matches!(a, Value::Size(_)) { (b, right.span) } else { (a, left.span) };
                let what = self.describe(&odd);
                self.fail(
                    Diagnostic::error(Code::Kind, "numbers are expected on both sides")
                        .label(span, format!("this is {what}")),
                )
            }
        }
    }

    fn arithmetic(&mut self, binary: Binary, a: SizeId, b: SizeId) -> Value {
        let ex = &mut self.ex;
        match binary {
            Binary::Add => Value::Size(ex.add_scaled(a, b, 1.0)),
            Binary::Sub => Value::Size(ex.add_scaled(a, b, -1.0)),
            Binary::Mul => Value::Size(ex.product(a, b)),
            Binary::Div => Value::Size(ex.quotient(a, b)),
            Binary::Equal => Value::Truth(ex.compare(Relation::Equal, a, b)),
            Binary::Unequal => {
                let equal = ex.compare(Relation::Equal, a, b);
                Value::Truth(ex.not(equal))
            }
            Binary::Less => Value::Truth(ex.compare(Relation::Less, a, b)),
            Binary::Greater => Value::Truth(ex.compare(Relation::Less, b, a)),
            Binary::AtMost => Value::Truth(ex.compare(Relation::AtMost, a, b)),
            Binary::AtLeast | Binary::And | Binary::Or | Binary::Implies | Binary::In => {
                Value::Truth(ex.compare(Relation::AtMost, b, a))
            }
        }
    }

    /// `w in [16, 32]`: whether a number is one of these.
    fn within(&mut self, scope: &mut Scope, left: &Expr, right: &Expr) -> Option<Value> {
        let size = self.number(scope, left)?;
        let all = self.widths(scope, right, 1)?;
        let mut any = self.ex.known(false);
        for one in all {
            let one = self.ex.constant(one as f64);
            let equal = self.ex.compare(Relation::Equal, size, one);
            any = self.ex.or(any, equal);
        }
        Some(Value::Truth(any))
    }

    fn member(&mut self, of: Value, span: Span, member: &Name) -> Option<Value> {
        let known: Vec<String> = match &of {
            Value::Tensor(node) => {
                let axes = self.axes(*node);
                let (names, sizes): (&[&str], Vec<SizeId>) = match self.tensor(*node) {
                    crate::ir::TensorKind::Dense => (&["width"], vec![axes[0].size]),
                    crate::ir::TensorKind::Sparse => (&["fields", "dim"], vec![axes[0].size, axes[1].size]),
                    crate::ir::TensorKind::Square => (&["fields"], vec![axes[0].size]),
                };
                // The last axis of a sparse tensor is also its width, so that `fit` serves both.
                let size = match names.iter().position(|name| *name == member.text) {
                    Some(at) => Some(sizes[at]),
                    None if member.text == "width" => sizes.last().copied(),
                    None => None,
                };
                if let Some(size) = size {
                    return Some(Value::Size(size));
                }
                names.iter().map(|name| (*name).to_owned()).collect()
            }
            Value::Categorical(input) | Value::Sequence(input) => {
                if member.text == "count" {
                    return Some(Value::Size(self.count_of(*input)));
                }
                vec!["count".to_owned()]
            }
            Value::List(items) => {
                if member.text == "count" {
                    return Some(Value::Size(self.ex.constant(items.len() as f64)));
                }
                vec!["count".to_owned()]
            }
            Value::Instance(outs) => {
                if let Some((_, node)) = outs.iter().find(|(name, _)| *name == member.text) {
                    return Some(Value::Tensor(*node));
                }
                outs.iter().map(|(name, _)| name.clone()).collect()
            }
            Value::Instances(instances) => {
                let mut sources = Vec::new();
                for (number, instance) in instances.iter() {
                    let Value::Tensor(node) = self.member(instance.clone(), span, member)? else { return None };
                    let block = self.program.sources.text(span);
                    let block = block.split('[').next().unwrap_or_default().trim();
                    sources.push(Source { label: format!("{block}[{number}]"), node });
                }
                return Some(Value::Sources(Rc::new(sources)));
            }
            other => {
                let what = self.describe(other);
                return self.fail(
                    Diagnostic::error(Code::Kind, format!("{what} has no members"))
                        .label(member.span, format!("`{}` of what?", member.text)),
                );
            }
        };
        let what = self.describe(&of);
        let near = nearest(&member.text, known.iter().map(String::as_str));
        let near = near.or_else(|| {
            let counts = ["fields", "columns", "width", "length", "size", "len"].contains(&member.text.as_str());
            (counts && matches!(of, Value::Categorical(_) | Value::Sequence(_))).then_some("count")
        });
        let column = (matches!(of, Value::Categorical(_)) && near.is_none()).then(|| {
            format!("some of the columns are an input of their own: `input {0}: categorical from {0}`", member.text)
        });
        self.fail(
            Diagnostic::error(Code::UnknownName, format!("{what} has no `{}`", member.text))
                .label(member.span, format!("it has {}", known.join(", ")))
                .label(span, what)
                .did_you_mean(member.span, &member.text, near)
                .help_if(column),
        )
    }

    fn index(&mut self, scope: &mut Scope, of: &Expr, index: &Expr) -> Option<Value> {
        let value = self.eval(scope, of)?;
        if let (Value::Categorical(_), ExprKind::Text(column)) = (&value, &index.kind) {
            return self.fail(
                Diagnostic::error(Code::Kind, "the columns of an input have no numbers and no names here")
                    .label(index.span, "one of them is asked for")
                    .help(format!(
                        "some of the columns are an input of their own: `input one: categorical from {column}`"
                    )),
            );
        }
        let size = match (&value, self.eval(scope, index)?) {
            (_, Value::Size(size)) => size,
            (&Value::Family(family), Value::Range { lo, hi, step: None }) => {
                return self.instances_of(family, (lo, hi), index.span);
            }
            (tensor, Value::Range { lo, hi, step: None }) if tensor.is_tensor() => {
                return self.slice((value, of.span), (lo, Some(hi)), index.span);
            }
            (_, other) => return self.no_number(&other, index.span),
        };
        if value.is_tensor() {
            return self.slice((value, of.span), (size, None), index.span);
        }
        let Some(at) = self.constant_size(size) else {
            return self.fail(
                Diagnostic::error(Code::NotConstant, "an index must be a fixed number")
                    .label(index.span, "this varies"),
            );
        };
        match &value {
            Value::Family(family) => {
                let instances = &self.families[*family];
                if let Some((_, instance)) = instances.iter().find(|(number, _)| *number as f64 == at) {
                    return Some(instance.clone());
                }
                let known = known_instances(instances);
                self.fail(
                    Diagnostic::error(Code::Block, format!("there is no instance {at} of this block"))
                        .label(index.span, known),
                )
            }
            Value::List(items) => match items.get((at - 1.0) as usize).filter(|_| at >= 1.0 && at.fract() == 0.0) {
                Some(item) => Some(item.clone()),
                None => {
                    let message = format!("a list of {} has no item {at}", items.len());
                    self.fail(Diagnostic::error(Code::Arguments, message).label(index.span, "items count from 1"))
                }
            },
            other => {
                let what = self.describe(other);
                self.fail(
                    Diagnostic::error(Code::Kind, format!("{what} cannot be indexed"))
                        .label(of.span, "expected a tensor, a list or a block"),
                )
            }
        }
    }

    /// `b[1..3]`
    fn instances_of(&mut self, family: usize, (lo, hi): (SizeId, SizeId), at: Span) -> Option<Value> {
        let (Some(lo), Some(hi)) = (self.constant_size(lo), self.constant_size(hi)) else {
            return self.fail(
                Diagnostic::error(Code::NotConstant, "an index must be a fixed number").label(at, "this varies"),
            );
        };
        let all = &self.families[family];
        let wanted = |number: i64| (lo..=hi).contains(&(number as f64));
        let found: Vec<(i64, Value)> = all.iter().filter(|(number, _)| wanted(*number)).cloned().collect();
        if lo.fract() != 0.0 || hi.fract() != 0.0 || found.len() as f64 != (hi - lo + 1.0).max(0.0) {
            let known = known_instances(all);
            return self.fail(
                Diagnostic::error(Code::Block, format!("there are no instances {lo} to {hi} of this block"))
                    .label(at, known),
            );
        }
        Some(Value::Instances(Rc::new(found)))
    }

    fn earlier(&mut self, scope: &Scope, output: &Name, span: Span) -> Option<Value> {
        let Some(earlier) = &scope.earlier else {
            return self.fail(
                Diagnostic::error(Code::Block, "`earlier` belongs in a block")
                    .label(span, "no block around it, so nothing comes before"),
            );
        };
        match earlier.iter().find(|(name, _)| *name == output.text) {
            Some((_, sources)) => Some(Value::Sources(Rc::clone(sources))),
            None => {
                let names = earlier.iter().map(|(name, _)| name.as_str());
                let near = nearest(&output.text, names);
                let known: Vec<&str> = earlier.iter().map(|(name, _)| name.as_str()).collect();
                self.fail(
                    Diagnostic::error(Code::UnknownName, format!("nothing earlier hands on `{}`", output.text))
                        .label(
                            output.span,
                            match known.as_slice() {
                                [] => "the first instance has nothing before it, for the block has no stem".to_owned(),
                                known => format!("the stem has {}", known.join(", ")),
                            },
                        )
                        .did_you_mean(output.span, &output.text, near),
                )
            }
        }
    }
}

/// Which instances of a block there are, in words: inside of the block, those before.
fn known_instances(instances: &[(i64, Value)]) -> String {
    match instances {
        [] => "none comes before this one".to_owned(),
        [(only, _)] => format!("so far it has the instance {only}"),
        [(first, _), .., (last, _)] => format!("it has the instances {first} to {last}"),
    }
}
