//! Calls: arguments matched to parameters, operators written out, primitives built.

use std::collections::HashMap;

use petgraph::graph::NodeIndex;
use smallvec::SmallVec;

use super::elaborate::{Elaborator, number_words};
use super::joins::Of;
use super::joins::in_case;
use super::program::{Item, ItemKind};
use super::prove::Disproof;
use super::scope::Scope;
use super::values::{Binding, Value};
use crate::diagnostics::{Code, Diagnostic, Span, nearest};
use crate::elsewhere;
use crate::ir::{AxisRef, Cond, Demanded, Gate, MAX_SIZE, NodeKind, ParamTemplate, Size, SizeId, Symbolic, TensorKind};
use crate::primitives::{
    self, Applied, Constant, Constants, DEVIATION, Default, Demand, EACH, Map, Numeric, OF_BOTH, Operand, Primitive,
    Signature, Wants,
};
use crate::syntax::tree::{Arg, Expr, Name, TypeOf};
use crate::tensor::Init;

/// Functions of numbers.
pub(crate) const FUNCTIONS: [(&str, usize); 4] = [("round", 1), ("sqrt", 1), ("max", 2), ("min", 2)];

/// What an operator's parameter accepts.
fn wants(kind: &TypeOf) -> Option<Wants> {
    Some(match kind.name.text.as_str() {
        "dense" => Wants::Dense,
        "sparse" => Wants::Sparse,
        "square" => Wants::Square,
        "tensor" => Wants::Tensor,
        "size" => Wants::Size,
        "switch" => Wants::Switch,
        "number" => Wants::Number,
        _ => return None,
    })
}

const TYPES: [&str; 7] = ["dense", "sparse", "square", "tensor", "size", "switch", "number"];

impl Elaborator<'_> {
    pub fn call(&mut self, scope: &mut Scope, callee: &Name, args: &[Arg], span: Span, named: bool) -> Option<Value> {
        let name = callee.text.as_str();
        match scope.get(name).map(|binding| binding.value) {
            Some(Value::Shared(shared)) => return self.use_of_shared(scope, (callee, &shared), args, span),
            Some(Value::Spoilt) => return self.already_told(),
            _ => {}
        }
        if name == "concat" {
            let mut values = Vec::new();
            for arg in args {
                if let Some(name) = &arg.name {
                    let message = "`concat` takes tensors, not named arguments";
                    return self.fail(Diagnostic::error(Code::Arguments, message).label(name.span, "named here"));
                }
                values.push((self.eval(scope, &arg.value)?, arg.value.span));
            }
            return self.concat(values, span);
        }
        if let Some(&(_, arity)) = FUNCTIONS.iter().find(|(function, _)| *function == name) {
            return self.function(scope, callee, args, arity);
        }
        let program = self.program;
        match program.lookup(scope.file, name) {
            Some(item) if item.kind == ItemKind::Op => return self.op(scope, callee, item, args, span, named),
            Some(item) if item.kind == ItemKind::Space => {
                return self.called_space(scope, (callee, item), args, (span, named));
            }
            Some(item) => {
                let defined = item.span;
                return self.fail(
                    Diagnostic::error(Code::Kind, format!("`{name}` cannot be called here"))
                        .label(callee.span, "an operator or a space is expected")
                        .label(defined, "defined here"),
                );
            }
            None => {}
        }
        if primitives::find(name).is_none() && program.is_spoilt(scope.file, name) {
            return self.already_told();
        }
        if let Some(signature) = primitives::find(name) {
            return self.primitive(scope, callee, signature, args, span, named);
        }
        let ops = program.callable(scope.file);
        let primitives = primitives::names().chain(["concat"]);
        let known = ops.iter().map(|op| op.as_str() as &str).chain(primitives.map(|p| p as &str));
        let near = nearest(name, known);
        let shipped = crate::library::FILES
            .iter()
            .find(|(_, text)| ["op", "space"].iter().any(|item| text.contains(&format!("\n{item} {name}("))))
            .map(|(path, _)| program.import_of(callee, path));
        // What is called exactly so goes before what is called nearly so.
        let known = elsewhere::operator(name).filter(|_| shipped.is_none());
        let near = near.filter(|near| shipped.is_none() && (known.is_none() || near.eq_ignore_ascii_case(name)));
        self.fail(
            Diagnostic::error(Code::UnknownName, format!("there is no operator `{name}` here"))
                .label(callee.span, "neither defined in this file nor imported")
                .help_if(known.map(str::to_owned))
                .did_you_mean(callee.span, name, near)
                .fix_if(shipped),
        )
    }

    fn function(&mut self, scope: &mut Scope, callee: &Name, args: &[Arg], arity: usize) -> Option<Value> {
        if args.len() != arity || args.iter().any(|arg| arg.name.is_some()) {
            let plural = if arity == 1 { "" } else { "s" };
            return self.fail(
                Diagnostic::error(Code::Arguments, format!("`{}` takes {arity} number{plural}", callee.text))
                    .label(callee.span, format!("{} given", args.len())),
            );
        }
        let of_tensors = OF_BOTH.iter().find(|(name, _)| *name == callee.text);
        let a = match (self.eval(scope, &args[0].value)?, of_tensors) {
            (Value::Size(size), _) => size,
            (tensor, Some(&(_, by))) if tensor.is_tensor() => {
                return self.of_one(Map { by }.into(), (tensor, args[0].value.span));
            }
            (other, _) => return self.no_number(&other, args[0].value.span),
        };
        let b = match args.get(1) {
            Some(arg) => self.number(scope, &arg.value)?,
            None => a,
        };
        if callee.text == "sqrt" && self.ex.as_constant(a).is_some_and(|x| x < 0.0) {
            let message = "a square root of a negative number";
            return self.fail(Diagnostic::error(Code::Size, message).label(args[0].value.span, "below 0"));
        }
        Some(Value::Size(match callee.text.as_str() {
            "round" => self.ex.round(a),
            "sqrt" => self.ex.root(a),
            "max" => self.ex.max(a, b),
            _ => self.ex.min(a, b),
        }))
    }

    /// Which argument each parameter gets.
    pub(super) fn matched<'a>(
        &mut self,
        callee: &Name,
        params: &[(&str, bool)],
        args: &'a [Arg],
        span: Span,
    ) -> Option<Vec<Option<&'a Expr>>> {
        let mut slots: Vec<Option<&Expr>> = vec![None; params.len()];
        let mut next = 0;
        let named = args.iter().any(|arg| arg.name.is_some());
        let places = params.iter().enumerate().rev().take(if named { params.len() } else { 0 });
        let places: HashMap<&str, usize> = places.map(|(at, (name, _))| (*name, at)).collect();
        let listed = || params.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let takes = format!("`{}` takes ({})", callee.text, listed());
        for arg in args {
            let at = match &arg.name {
                None => {
                    next += 1;
                    next - 1
                }
                Some(name) => match places.get(name.text.as_str()).copied() {
                    Some(at) => at,
                    None => {
                        let known = elsewhere::parameter(&name.text);
                        let near = nearest(&name.text, params.iter().map(|(param, _)| *param));
                        let near = near.filter(|_| known.is_none());
                        return self.fail(
                            Diagnostic::error(
                                Code::Arguments,
                                format!("`{}` has no parameter `{}`", callee.text, name.text),
                            )
                            .label(name.span, "not a parameter")
                            .help_if(known.map(|known| format!("{takes}; {known}")))
                            .did_you_mean(name.span, &name.text, near)
                            .help_if(Some(takes)),
                        );
                    }
                },
            };
            if at >= slots.len() {
                let message = format!("too many arguments for `{}`", callee.text);
                return self
                    .fail(Diagnostic::error(Code::Arguments, message).label(arg.span(), "one too many").help(takes));
            }
            if slots[at].is_some() {
                let message = format!("`{}` is given twice", params[at].0);
                return self.fail(Diagnostic::error(Code::Arguments, message).label(arg.span(), "again here"));
            }
            slots[at] = Some(&arg.value);
        }
        let missing: Vec<&str> = params
            .iter()
            .zip(&slots)
            .filter(|((_, required), slot)| *required && slot.is_none())
            .map(|((name, _), _)| *name)
            .collect();
        if !missing.is_empty() {
            return self.fail(
                Diagnostic::error(Code::Arguments, format!("`{}` misses `{}`", callee.text, missing.join("` and `")))
                    .label(span, format!("no `{}` here", missing.join("`, no `")))
                    .help(takes),
            );
        }
        Some(slots)
    }

    /// Enters the scope of names of a call; the returned length restores it.
    pub(super) fn enter(&mut self, callee: &str, named: bool) -> usize {
        let before = self.path.len();
        if !named {
            let prefix = self.path.join(".");
            let mut own = callee.to_owned();
            let mut ordinal = 1;
            while !self.taken_paths.insert(format!("{prefix}.{own}")) {
                ordinal += 1;
                own = format!("{callee}_{ordinal}");
            }
            self.path.push(own);
        }
        before
    }

    fn op(
        &mut self,
        scope: &mut Scope,
        callee: &Name,
        item: &Item,
        args: &[Arg],
        span: Span,
        named: bool,
    ) -> Option<Value> {
        let program = self.program;
        let op = program.op(item);
        if self.calls.iter().any(|&(defined, _)| defined == item.span) {
            return self.fail(
                Diagnostic::error(Code::Recursion, format!("`{}` calls itself", callee.text))
                    .label(span, "this call never ends")
                    .label(item.span, "defined here"),
            );
        }
        let params: Vec<(&str, bool)> = op.params.iter().map(|p| (p.name.text.as_str(), p.default.is_none())).collect();
        let slots = self.matched(callee, &params, args, span)?;
        let mut inner = Scope::new(item.span.file);
        let mut sound = true;
        for (param, slot) in op.params.iter().zip(slots) {
            let (value, at) = match (slot, &param.default) {
                (Some(expr), _) => (self.eval(scope, expr), expr.span),
                (None, Some(default)) => {
                    self.calls.push((item.span, span));
                    let value = self.eval(&mut inner, default);
                    self.calls.pop();
                    (value, default.span)
                }
                (None, None) => (None, span),
            };
            let (Some(value), Some(wants)) = (value, wants(&param.kind)) else {
                sound = false;
                continue;
            };
            match self.of_kind(value, wants, at, &param.name) {
                Some(value) => {
                    inner.set(&param.name.text, Binding { value, span: param.name.span });
                }
                None => sound = false,
            }
        }
        if !sound {
            return None;
        }
        let before = self.enter(&callee.text, named);
        self.calls.push((item.span, span));
        let value = self.body(&mut inner, &op.body).and_then(|value| self.result(&mut inner, op, value));
        self.calls.pop();
        self.path.truncate(before);
        value
    }

    /// Checks what an operator computes against what it promises.
    fn result(&mut self, scope: &mut Scope, op: &crate::syntax::tree::Op, value: Value) -> Option<Value> {
        let Some(promised) = &op.result else { return Some(value) };
        let Some(kind) = wants(promised) else { return Some(value) };
        let at = op.body.value.span;
        let optional = matches!(value, Value::Optional { .. } | Value::Picked { .. });
        if !optional && !self.is_of_kind(&value, kind) {
            let what = self.describe(&value);
            return self.fail(
                Diagnostic::error(Code::Kind, format!("this operator promises {}", kind.words()))
                    .label(at, format!("this is {what}"))
                    .label(promised.name.span, "promised here"),
            );
        }
        let value = self.of_kind(value, kind, at, &promised.name)?;
        let Value::Tensor(node) = value else { return Some(value) };
        let axes = self.axes(node);
        if !promised.sizes.is_empty() && promised.sizes.len() != axes.len() {
            let plural = if axes.len() == 1 { "" } else { "s" };
            let message = format!("a {} tensor has {} size{plural}", self.tensor(node).word(), axes.len());
            return self.fail(
                Diagnostic::error(Code::Arguments, message)
                    .label(promised.name.span, format!("{} given", promised.sizes.len())),
            );
        }
        for (axis, size) in axes.iter().zip(&promised.sizes) {
            let wanted = self.number(scope, size)?;
            if let Err(disproof) = self.prove_equal(axis.size, wanted) {
                self.disagree(disproof, ("the size of the result and the size promised", Of::Numbers), at, size.span);
                return None;
            }
        }
        Some(value)
    }

    fn is_of_kind(&self, value: &Value, wants: Wants) -> bool {
        match (value, wants) {
            (Value::Tensor(node), Wants::Dense) => self.tensor(*node) == TensorKind::Dense,
            (Value::Tensor(node), Wants::Sparse) => self.tensor(*node) == TensorKind::Sparse,
            (Value::Tensor(node), Wants::Square) => self.tensor(*node) == TensorKind::Square,
            (Value::Tensor(node), Wants::Tensor) => self.tensor(*node) != TensorKind::Square,
            (Value::Tensor(node), Wants::Matrix) => self.tensor(*node) != TensorKind::Dense,
            (Value::Categorical(_) | Value::Sequence(_), Wants::Categorical)
            | (Value::Sequence(_), Wants::Sequence)
            | (Value::Widths(..), Wants::Widths)
            | (Value::Size(_), Wants::Size | Wants::Number | Wants::Share | Wants::Positive)
            | (Value::Truth(_), Wants::Switch) => true,
            _ => false,
        }
    }

    /// The value, where it is of the wanted kind.
    fn of_kind(&mut self, value: Value, wants: Wants, at: Span, param: &Name) -> Option<Value> {
        let fits = self.is_of_kind(&value, wants);
        if fits {
            if let Value::Size(size) = value
                && wants == Wants::Size
            {
                return self.whole(size, at).map(Value::Size);
            }
            return Some(value);
        }
        if matches!(value, Value::Optional { .. } | Value::Picked { .. })
            && matches!(wants, Wants::Dense | Wants::Sparse | Wants::Square | Wants::Matrix | Wants::Tensor)
        {
            return self.expect_tensor(value, at).map(Value::Tensor);
        }
        let what = self.describe(&value);
        let mut diagnostic = Diagnostic::error(Code::Kind, format!("`{}` wants {}", param.text, wants.words()))
            .label(at, format!("this is {what}"));
        if param.span != at {
            diagnostic = diagnostic.label(param.span, format!("{} is expected", wants.words()));
        }
        match (&value, wants) {
            (Value::Tensor(node), Wants::Dense | Wants::Tensor) if self.tensor(*node) == TensorKind::Square => {
                diagnostic = diagnostic
                    .help("`lower_triangle(g)` takes the products of pairs out of a square tensor, as a dense one: `relu(lower_triangle(g))`");
            }
            (Value::Tensor(_), Wants::Dense) => {
                diagnostic = diagnostic.help("`flatten(s)` makes a sparse tensor dense")
            }
            (Value::Tensor(_), Wants::Sparse) => {
                diagnostic = diagnostic.help("`rows(x, fields, dim)` views a dense tensor as fields");
            }
            (Value::Range { .. } | Value::List(_), Wants::Dense | Wants::Sparse | Wants::Tensor) => {
                diagnostic = diagnostic.help(
                    "widths to choose from are a list, `[16, 32, 64]`, or a range with even steps, `16..256 step 16`",
                );
            }
            (_, Wants::Widths) => {
                diagnostic = diagnostic.help(format!("such as `{EACH}: width in [0, 8, 16]`; 0 leaves a column out"));
            }
            (Value::Widths(..), _) => {
                diagnostic =
                    diagnostic.help("a width that is left open is a statement, `width w in [16, 32]`, used as `w`");
            }
            (Value::Categorical(_), Wants::Sequence) => {
                diagnostic = diagnostic
                    .help("an input of one column with several values a row is `input history: sequence from history`");
            }
            (Value::Categorical(_) | Value::Sequence(_), _) => {
                diagnostic = diagnostic.help("`embed(fields, dim)` looks categories up");
            }
            _ => {}
        }
        self.fail(diagnostic)
    }

    /// A size that is a whole number under every assignment, and positive where that can be seen.
    pub(super) fn whole(&mut self, size: SizeId, at: Span) -> Option<SizeId> {
        if self.ex.as_constant(size).is_none_or(f64::is_finite)
            && let Err(when) = self.prove_whole(size)
        {
            return self.fail(
                Diagnostic::error(Code::Size, "a size must be a whole number")
                    .label(at, when.map_or("may have a fraction".to_owned(), |(when, value)| in_case(value, &when)))
                    .help("say how it is rounded: `round(…)`"),
            );
        }
        if let Some(value) = self.ex.as_constant(size)
            && !(1.0..=MAX_SIZE as f64).contains(&value)
        {
            let message = format!("a size of {}", number_words(value));
            let diagnostic = Diagnostic::error(Code::Size, message);
            return self.fail(diagnostic.label(at, format!("sizes go from 1 to {MAX_SIZE}")));
        }
        if let Err((when, value)) = self.prove_possible(size) {
            let help = if value < 1.0 {
                "a size is at least 1 under every choice: `max(1, …)`".to_owned()
            } else {
                format!("a size is at most {MAX_SIZE}")
            };
            return self.fail(
                Diagnostic::error(Code::Size, format!("this size can become {}", number_words(value)))
                    .label(at, in_case(value, &when))
                    .help(help),
            );
        }
        Some(size)
    }

    fn primitive(
        &mut self,
        scope: &mut Scope,
        callee: &Name,
        signature: &'static Signature,
        args: &[Arg],
        span: Span,
        named: bool,
    ) -> Option<Value> {
        let names: Vec<(&str, bool)> =
            signature.params.iter().map(|(name, _, default)| (*name, *default == Default::Required)).collect();
        let slots = self.matched(callee, &names, args, span)?;
        let mut constants = Constants(Vec::new());
        let mut operands: Vec<(Gate, NodeIndex)> = Vec::new();
        let mut sizes: Vec<SizeId> = Vec::new();
        let mut reads = None;
        let mut widths = None;
        for (&(name, wants, default), slot) in signature.params.iter().zip(slots) {
            let Some(expr) = slot else {
                constants.0.push(match default {
                    Default::Switch(on) => (name, Constant::Switch(on)),
                    Default::Number(number) => (name, Constant::Number(number)),
                    Default::Absent => continue,
                    Default::Required => return None,
                });
                continue;
            };
            let value = self.eval(scope, expr)?;
            let param = Name { text: name.to_owned(), span: expr.span };
            match self.of_kind(value, wants, expr.span, &param)? {
                Value::Tensor(node) => operands.push((Gate::Always, node)),
                Value::Categorical(input) | Value::Sequence(input) => {
                    reads = Some(input);
                    sizes.push(self.count_of(input));
                }
                Value::Truth(cond) => {
                    let on = match *self.ex.cond(cond) {
                        Cond::Known(on) => on,
                        _ if self.generic => true,
                        _ => {
                            return self.fail(
                                Diagnostic::error(Code::NotConstant, format!("`{name}` must not depend on choices"))
                                    .label(expr.span, "differs between architectures")
                                    .help("write both cases: `if … { … } else { … }`"),
                            );
                        }
                    };
                    constants.0.push((name, Constant::Switch(on)));
                }
                Value::Size(size) if wants.is_number() => {
                    let number = match self.ex.as_constant(size) {
                        Some(number) if !wants.takes(number) => {
                            let such = if wants == Wants::Share { "such as `20%`, or `0.2`" } else { "such as `0.01`" };
                            return self.fail(
                                Diagnostic::error(Code::Arguments, format!("`{name}` wants {}", wants.words()))
                                    .label(expr.span, format!("this is {}", number_words(number)))
                                    .help(such),
                            );
                        }
                        Some(number) => number,
                        None if self.generic => f64::from(wants != Wants::Share),
                        None => {
                            return self.fail(
                                Diagnostic::error(Code::NotConstant, format!("`{name}` must not depend on choices"))
                                    .label(expr.span, "differs between architectures")
                                    .help(format!(
                                        "a choice is between calls, each with a number of its own: `choose {{ one: …({name}: …); other: …({name}: …) }}`"
                                    )),
                            );
                        }
                    };
                    constants.0.push((name, Constant::Number(number)));
                }
                Value::Size(size) => sizes.push(size),
                Value::Widths(values, at) => widths = Some((values, at)),
                _ => return None,
            }
        }
        let widths = match (widths, sizes.last()) {
            (Some(widths), Some(&dim)) => Some(Box::new(self.column_widths(widths, dim, span)?)),
            _ => None,
        };
        let given: Vec<AxisRef> = sizes.into_iter().map(|size| self.ex.prefix(size)).collect();
        let primitive = (signature.make)(&constants);
        if let (true, &[(_, only)]) = (primitive.is_identity(), operands.as_slice()) {
            return Some(Value::Tensor(only));
        }
        let nodes: Vec<NodeIndex> = operands.iter().map(|&(_, node)| node).collect();
        let (applied, demands) = self.apply(primitive, &nodes, &[], &given)?;
        for (demand, a, b) in demands {
            if let Err(disproof) = self.prove_equal(a, b) {
                return self.primitive_refuses(demand, disproof, span);
            }
        }
        let has_params = !applied.params.is_empty();
        let before = self.path.len();
        if has_params {
            self.enter(&callee.text, named);
        }
        let node = {
            // The node's own path ends in its primitive, whether or not it has parameters.
            let path = self.path.join(".");
            let own = self.add(NodeKind::Primitive(primitive), applied.kind, applied.axes, &operands, &callee.text);
            if has_params {
                self.graph[own].path = path.into();
            }
            self.graph[own].reads = reads;
            self.graph[own].widths = widths;
            own
        };
        let prefix = self.path.join(".");
        let templates: Vec<ParamTemplate> = applied
            .params
            .into_iter()
            .map(|param| ParamTemplate {
                name: format!("{prefix}.{}", param.name).into(),
                axes: param.axes,
                init: match (constants.number(param.name), constants.number(DEVIATION)) {
                    (Some(value), _) => Init::Constant(value),
                    (None, Some(deviation)) => Init::Normal(deviation),
                    (None, None) => param.init,
                },
                kind: param.kind,
            })
            .collect();
        let sound = self.params(node, templates);
        self.path.truncate(before);
        sound.map(|()| Value::Tensor(node))
    }

    /// A primitive's shape rule over these nodes, and what it demands of sizes; `gates` say when each takes part.
    pub(super) fn apply(
        &mut self,
        primitive: Primitive,
        nodes: &[NodeIndex],
        gates: &[Gate],
        given: &[AxisRef],
    ) -> Option<(Applied<AxisRef>, Vec<Demanded>)> {
        let operands: Vec<Operand<AxisRef>> =
            nodes.iter().map(|&node| Operand { kind: self.tensor(node), axes: self.axes(node) }).collect();
        let mut symbolic = Symbolic::new(&mut self.ex, &self.choices, gates);
        let applied = primitive.apply(&mut symbolic, &operands, given)?;
        Some((applied, symbolic.demands))
    }

    /// Says which demand of a primitive its operands break.
    pub(super) fn primitive_refuses(&mut self, demand: Demand, disproof: Disproof, span: Span) -> Option<Value> {
        let refused = match (demand, &disproof) {
            (Demand::Heads(heads), Disproof::Counterexample { when, right, .. }) => {
                Some((format!("{heads} heads do not divide the embedding dimension"), in_case(*right, when)))
            }
            (Demand::NoNarrower, Disproof::Counterexample { when, left, right }) => {
                Some((format!("`pad` makes nothing narrower: {left} to {right}"), in_case(*left, when)))
            }
            (Demand::Inside, Disproof::Counterexample { when, left, right }) => {
                Some((format!("{left} is beyond the end: there are {right}"), in_case(*left, when)))
            }
            _ => None,
        };
        match refused {
            Some((message, label)) => self.fail(Diagnostic::error(Code::Shape, message).label(span, label)),
            None => {
                let what = match demand {
                    Demand::Equal(what) => what,
                    Demand::NoNarrower => "the width and the width padded to",
                    Demand::Inside => "the end of what is cut out and that of the whole",
                    Demand::Heads(_) => "heads times their dimension, and the dimension",
                };
                self.disagree(disproof, (what, Of::Numbers), span, span);
                None
            }
        }
    }

    /// Checks an operator on its own: its names and kinds, whatever its arguments.
    pub fn check_op(mut self, item: &Item) -> Vec<Diagnostic> {
        self.generic = true;
        let program = self.program;
        let op = program.op(item);
        if primitives::find(&op.name.text).is_some()
            || op.name.text == "concat"
            || FUNCTIONS.iter().any(|(name, _)| *name == op.name.text)
        {
            self.report(
                Diagnostic::error(Code::Duplicate, format!("`{}` is a primitive of the language", op.name.text))
                    .label(op.name.span, "choose another name"),
            );
        }
        let mut scope = Scope::new(item.span.file);
        let mut opaque = 0;
        self.normalise = self.ex.opaque_cond(u32::MAX);
        for param in &op.params {
            let Some(wants) = wants(&param.kind) else {
                let near = nearest(&param.kind.name.text, TYPES);
                self.report(
                    Diagnostic::error(Code::Kind, format!("there is no type `{}`", param.kind.name.text))
                        .label(param.kind.name.span, format!("expected one of {}", TYPES.join(", ")))
                        .did_you_mean(param.kind.name.span, &param.kind.name.text, near),
                );
                return self.diagnostics;
            };
            let mut axis = || {
                opaque += 1;
                let size = self.ex.atom(Size::Opaque(opaque));
                self.ex.prefix(size)
            };
            let value = match wants {
                Wants::Size | Wants::Number | Wants::Share | Wants::Positive => Value::Size(axis().size),
                Wants::Switch | Wants::Categorical | Wants::Sequence => {
                    opaque += 1;
                    Value::Truth(self.ex.opaque_cond(opaque))
                }
                tensor => {
                    let (kind, axes): (TensorKind, SmallVec<[AxisRef; 2]>) = match tensor {
                        Wants::Sparse => (TensorKind::Sparse, [axis(), axis()].into_iter().collect()),
                        Wants::Square => {
                            let side = axis();
                            (TensorKind::Square, [side, side].into_iter().collect())
                        }
                        _ => (TensorKind::Dense, [axis()].into_iter().collect()),
                    };
                    let kind_of_node = NodeKind::Primitive(Numeric.into());
                    Value::Tensor(self.add(kind_of_node, kind, axes, &[], &param.name.text))
                }
            };
            if let Some(default) = &param.default {
                self.calls.push((item.span, op.name.span));
                let _checked = self.eval(&mut scope, default);
                self.calls.pop();
            }
            self.bind(&mut scope, &param.name, value);
        }
        if let Some(result) = &op.result
            && wants(result).is_none()
        {
            let near = nearest(&result.name.text, TYPES);
            self.report(
                Diagnostic::error(Code::Kind, format!("there is no type `{}`", result.name.text))
                    .label(result.name.span, format!("expected one of {}", TYPES.join(", ")))
                    .did_you_mean(result.name.span, &result.name.text, near),
            );
        }
        self.calls.push((item.span, op.name.span));
        self.path.push(op.name.text.clone());
        scope.enter();
        if let Some(value) = self.body(&mut scope, &op.body) {
            let _checked = self.result(&mut scope, op, value);
        }
        self.diagnostics
    }
}
