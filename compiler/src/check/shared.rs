//! `shared p = linear(_, w)`: one set of parameters and choices for several calls (language rule 2).

use std::collections::HashMap;

use super::elaborate::Elaborator;
use super::joins::Of;
use super::scope::Scope;
use super::values::{Binding, Shared, Value};
use crate::diagnostics::{Code, Diagnostic, Span};
use crate::ir::AxisRef;
use crate::syntax::tree::{Arg, Expr, ExprKind, Name};

impl Elaborator<'_> {
    /// The definition: everything but the `_` is evaluated here, once.
    pub(super) fn shared(&mut self, scope: &mut Scope, name: &Name, value: &Expr) -> Option<Value> {
        let ExprKind::Call { callee, args } = &value.kind else {
            return self.fail(
                Diagnostic::error(Code::Kind, "only a call can be shared")
                    .label(value.span, "not a call")
                    .help("such as `shared p = linear(_, 16)`, used as `p(x)`"),
            );
        };
        let mut given = Vec::new();
        self.path.push(name.text.clone());
        for arg in args {
            let hole = matches!(&arg.value.kind, ExprKind::Name(name) if name == "_");
            let value = if hole { None } else { self.eval(scope, &arg.value) };
            if !hole && value.is_none() {
                self.path.pop();
                return None;
            }
            given.push((arg.name.clone(), value, arg.value.span));
        }
        self.path.pop();
        if given.iter().all(|(_, value, _)| value.is_some()) {
            return self.fail(
                Diagnostic::error(Code::Arguments, "nothing is left open in this shared call")
                    .label(value.span, "no `_` among its arguments")
                    .help("`_` stands for what each use gives: `shared p = linear(_, 16)`"),
            );
        }
        let mut path = self.path.clone();
        path.push(name.text.clone());
        Some(Value::Shared(std::rc::Rc::new(Shared {
            callee: callee.clone(),
            args: given,
            file: scope.file,
            path,
            turns: self.turns.clone(),
            part: self.part,
            block: self.block.clone(),
            parents: self.parents.clone(),
        })))
    }

    /// One use: the call with its `_` filled in, written out as if it stood at the definition.
    pub(super) fn use_of_shared(
        &mut self,
        scope: &mut Scope,
        (name, shared): (&Name, &Shared),
        args: &[Arg],
        span: Span,
    ) -> Option<Value> {
        let holes = shared.args.iter().filter(|(_, value, _)| value.is_none()).count();
        if args.len() != holes || args.iter().any(|arg| arg.name.is_some()) {
            let plural = if holes == 1 { "" } else { "s" };
            return self.fail(
                Diagnostic::error(Code::Arguments, format!("`{}` leaves {holes} place{plural} open", name.text))
                    .label(span, format!("{} given", args.len()))
                    .help("each argument fills one `_`, in order"),
            );
        }
        // Values that are known already are handed on under names that nobody can write.
        let mut inner = Scope::new(shared.file);
        let mut filled = Vec::new();
        let mut uses = args.iter();
        for (index, (name, value, at)) in shared.args.iter().enumerate() {
            let (value, at) = match value {
                Some(value) => (value.clone(), *at),
                None => {
                    let arg = uses.next()?;
                    (self.eval(scope, &arg.value)?, arg.value.span)
                }
            };
            let known = format!("#{index}");
            inner.set(&known, Binding { value, span: at });
            filled.push(Arg { name: name.clone(), value: Expr { kind: ExprKind::Name(known), span: at } });
        }
        let key = self.use_key(shared, &inner, filled.len());
        if let Some(known) = key.as_ref().and_then(|key| self.shared_results.get(key)) {
            return Some(Value::Tensor(*known));
        }
        let path = std::mem::replace(&mut self.path, shared.path.clone());
        let turns = std::mem::replace(&mut self.turns, shared.turns.clone());
        let part = std::mem::replace(&mut self.part, shared.part);
        let block = std::mem::replace(&mut self.block, shared.block.clone());
        let parents = std::mem::replace(&mut self.parents, shared.parents.clone());
        // Names inside are counted anew, so that every use comes to the same ones.
        let taken = std::mem::take(&mut self.taken_paths);
        let outer = self.sharing.replace(span);
        let result = self.call(&mut inner, &shared.callee, &filled, span, false);
        (self.path, self.turns, self.part, self.block) = (path, turns, part, block);
        (self.parents, self.taken_paths, self.sharing) = (parents, taken, outer);
        if let (Some(key), Some(Value::Tensor(node))) = (key, &result) {
            self.shared_results.insert(key, *node);
        }
        result
    }

    /// What decides a use's result: the same call of the same tensors is evaluated once.
    fn use_key(&self, shared: &Shared, given: &Scope, count: usize) -> Option<(Vec<String>, Vec<String>)> {
        let mut key = Vec::new();
        for index in 0..count {
            key.push(match given.get(&format!("#{index}"))?.value {
                Value::Tensor(node) => format!("tensor {}", node.index()),
                Value::Size(size) => format!("size {}", size.0),
                Value::Truth(cond) => format!("condition {}", cond.0),
                Value::Categorical(input) | Value::Sequence(input) => format!("input {}", input.index()),
                Value::Widths(..) => "widths".to_owned(),
                _ => return None,
            });
        }
        Some((shared.path.clone(), key))
    }

    /// Gives the parameters that several uses of a shared call have in common one form: the layout that all of them
    /// meet, else first positions (language rule 3).
    pub(super) fn settle_shared(&mut self) {
        let mut shared: HashMap<String, Vec<(petgraph::graph::NodeIndex, usize)>> = HashMap::new();
        for node in self.graph.node_indices() {
            for (index, param) in self.graph[node].params.iter().enumerate() {
                if self.shared_params.contains_key(&*param.name) {
                    shared.entry(param.name.to_string()).or_default().push((node, index));
                }
            }
        }
        let mut names: Vec<&String> = shared.keys().collect();
        names.sort();
        for name in names {
            let places = &shared[name];
            let forms: Vec<_> =
                places.iter().map(|&(node, index)| self.graph[node].params[index].axes.clone()).collect();
            let axes: Vec<AxisRef> = (0..forms[0].len())
                .map(|axis| {
                    let all: Vec<AxisRef> = forms.iter().map(|form| form[axis]).collect();
                    self.ex.shared_axis(all[0].size, &all)
                })
                .collect();
            for &(node, index) in places {
                self.graph[node].params[index].axes = axes.iter().copied().collect();
            }
        }
    }

    /// Says where a parameter of a shared call would have two shapes.
    pub(super) fn one_shape(&mut self, name: &str, axes: &[AxisRef]) -> Option<()> {
        let Some(span) = self.sharing else { return Some(()) };
        let Some((first, known)) = self.shared_params.get(name).cloned() else {
            self.shared_params.insert(name.to_owned(), (span, axes.to_vec()));
            return Some(());
        };
        if known.len() != axes.len() {
            return self.fail(
                Diagnostic::error(Code::Shape, format!("`{name}` would have two shapes"))
                    .label(span, "another kind of tensor here")
                    .label(first, "than here"),
            );
        }
        for (a, b) in known.iter().zip(axes) {
            if let Err(disproof) = self.prove_equal(a.size, b.size) {
                self.disagree(disproof, ("the shapes that a shared parameter meets", Of::Numbers), first, span);
                return None;
            }
        }
        Some(())
    }
}
