//! What a space requires of sizes that no choice decides.
//!
//! Every architecture that is built satisfies it, the relaxed ones of a supernet too, as a table either does or is refused. So it is known to all
//! proofs, as the condition of an `if` is to those in its branches: from where the names that it speaks of are known, wherever it stands in its
//! space or block. What is required of choices is not: it can be changed without moving a weight (decisions/constraints.md).

use std::collections::HashMap;

use super::ItemKind;
use super::elaborate::{Elaborator, number_words};
use super::scope::Scope;
use super::tables::Asked;
use super::values::Value;
use crate::diagnostics::{Code, Diagnostic, Span};
use crate::ir::{Cond, CondId};
use crate::syntax::tree::{Binary, Expr, ExprKind, Name, Statement, Unary};

/// A condition of a `require` or a `forbid`, and the statement before which all is known that it speaks of.
pub(super) struct Due<'a> {
    before: usize,
    condition: &'a Expr,
    forbids: bool,
}

/// The names that a statement defines.
fn defined(statement: &Statement) -> Vec<&Name> {
    match statement {
        Statement::Input { name, .. }
        | Statement::Width { name, .. }
        | Statement::Let { name, .. }
        | Statement::Shared { name, .. } => vec![name],
        Statement::Block(block) => block.stem.iter().map(|(stem, _)| stem).chain([&block.name]).collect(),
        _ => Vec::new(),
    }
}

/// The conditions of these statements, the last one first.
pub(super) fn due(statements: &[Statement]) -> Vec<Due<'_>> {
    let mut known: HashMap<&str, usize> = HashMap::new();
    let mut all = Vec::new();
    for (at, statement) in statements.iter().enumerate() {
        if let Statement::Demand(demand) = statement {
            let together = if demand.forbids { Binary::Or } else { Binary::And };
            for condition in demand.conditions.iter().flat_map(|condition| parts(condition, together)) {
                let mut before = 0;
                each_name(condition, &mut |name| before = before.max(known.get(name).map_or(0, |at| at + 1)));
                all.push(Due { before, condition, forbids: demand.forbids });
            }
        }
        known.extend(defined(statement).into_iter().map(|name| (name.text.as_str(), at)));
    }
    all.reverse();
    all.sort_by_key(|due| std::cmp::Reverse(due.before));
    all
}

/// What is joined by `and`, or by `or`.
fn parts(condition: &Expr, together: Binary) -> Vec<&Expr> {
    match &condition.kind {
        ExprKind::Binary(binary, left, right) if *binary == together => {
            [parts(left, together), parts(right, together)].concat()
        }
        _ => vec![condition],
    }
}

/// The names in a condition on sizes.
fn each_name<'a>(expr: &'a Expr, visit: &mut dyn FnMut(&'a str)) {
    match &expr.kind {
        ExprKind::Name(name) => visit(name),
        ExprKind::Member(of, _) | ExprKind::Unary(_, of) => each_name(of, visit),
        ExprKind::Binary(_, left, right) | ExprKind::Index(left, right) => {
            each_name(left, visit);
            each_name(right, visit);
        }
        ExprKind::List(items) => items.iter().for_each(|item| each_name(item, visit)),
        ExprKind::Range { lo, hi, step } => {
            [lo, hi].into_iter().chain(step).for_each(|end| each_name(end, visit));
        }
        ExprKind::Call { args, .. } => args.iter().for_each(|arg| each_name(&arg.value, visit)),
        _ => {}
    }
}

impl Elaborator<'_> {
    /// Takes what is required of sizes as known, as far as it speaks of nothing that stands behind this statement.
    pub(super) fn known_before(&mut self, at: usize, due: &mut Vec<Due<'_>>, scope: &Scope) {
        while let Some(next) = due.pop_if(|next| next.before <= at) {
            if !self.is_refuted && self.is_about_sizes(scope, next.condition) {
                self.take_as_known(scope, &next);
            }
        }
    }

    /// Whether a condition speaks of values alone that have sizes: of numbers, switches, tensors and inputs by their names.
    fn is_about_sizes(&self, scope: &Scope, expr: &Expr) -> bool {
        let all = |of: Vec<&Expr>| of.into_iter().all(|one| self.is_about_sizes(scope, one));
        match &expr.kind {
            ExprKind::Number(_) | ExprKind::Percent(_) | ExprKind::Switch(_) => true,
            ExprKind::Name(name) => match scope.get(name) {
                Some(binding) => {
                    matches!(binding.value, Value::Size(_) | Value::Truth(_) | Value::List(_) | Value::Range { .. })
                }
                None => {
                    let constant = self.program.lookup(scope.file, name).is_some_and(|i| i.kind == ItemKind::Const);
                    constant || name == "normalise"
                }
            },
            ExprKind::Member(of, member) => {
                let ExprKind::Name(name) = &of.kind else { return false };
                let value = scope.get(name).map(|binding| binding.value);
                match member.text.as_str() {
                    "width" | "fields" | "dim" => matches!(value, Some(Value::Tensor(_))),
                    "count" => matches!(value, Some(Value::Categorical(_) | Value::Sequence(_) | Value::List(_))),
                    _ => false,
                }
            }
            ExprKind::Unary(Unary::Not | Unary::Negate, of) => self.is_about_sizes(scope, of),
            ExprKind::Binary(_, left, right) => all(vec![left, right]),
            ExprKind::List(items) => all(items.iter().collect()),
            ExprKind::Range { lo, hi, step } => all([lo, hi].into_iter().chain(step).map(|end| &**end).collect()),
            ExprKind::Call { callee, args } => {
                let known = ["max", "min", "round", "sqrt"].contains(&callee.text.as_str());
                known && all(args.iter().map(|arg| &arg.value).collect())
            }
            _ => false,
        }
    }

    fn take_as_known(&mut self, scope: &Scope, due: &Due<'_>) {
        let Some(holds) = self.required_now(scope, due.condition, due.forbids) else { return };
        let at = due.condition.span;
        if *self.ex.cond(holds) == Cond::Known(false) {
            self.is_refuted = true;
            let label = self.sides(scope, due.condition).unwrap_or_else(|| "nothing satisfies this".to_owned());
            let message = format!("no architecture of `{}` satisfies this requirement", self.title);
            return self.report(
                Diagnostic::error(Code::Conflict, message).label(at, label).help("drop it, or change what it asks for"),
            );
        }
        // In a block it is the same in many instances.
        if !self.ex.is_of_columns(holds) || self.facts.contains(&holds) {
            return;
        }
        self.facts.push(holds);
        self.required.push(at);
        if self.has_no_table() {
            self.is_refuted = true;
            self.contradicted();
        }
    }

    /// Both sides of a comparison of fixed numbers, such as `this is 4 >= 8`.
    fn sides(&mut self, scope: &Scope, condition: &Expr) -> Option<String> {
        let ExprKind::Binary(binary, left, right) = &condition.kind else { return None };
        let sign = match binary {
            Binary::Equal => "==",
            Binary::Unequal => "!=",
            Binary::Less => "<",
            Binary::Greater => ">",
            Binary::AtMost => "<=",
            Binary::AtLeast => ">=",
            _ => return None,
        };
        let mut number = |side: &Expr| {
            let mut scope = scope.snapshot();
            match self.eval(&mut scope, side)? {
                Value::Size(size) => self.ex.as_constant(size).map(number_words),
                _ => None,
            }
        };
        Some(format!("this is {} {sign} {}", number(left)?, number(right)?))
    }

    /// Whether no table is found of which all holds that is known.
    fn has_no_table(&mut self) -> bool {
        self.tables(&[], Asked::Several(1)).is_some_and(|tables| tables.is_empty())
    }

    /// Says of the fewest requirements that exclude every table where they are.
    fn contradicted(&mut self) {
        let mut both: Vec<(CondId, Span)> = self.facts.iter().copied().zip(self.required.iter().copied()).collect();
        let all = std::mem::take(&mut self.facts);
        let mut at = 0;
        while at < both.len() && both.len() > 1 {
            let left_out = both.remove(at);
            self.facts = both.iter().map(|&(fact, _)| fact).collect();
            if !self.has_no_table() {
                both.insert(at, left_out);
                at += 1;
            }
        }
        self.facts = all;
        let (these, remedy) = match both.len() {
            1 => ("this requirement", "drop it, or change what it asks for"),
            _ => ("these requirements", "without any one of them the others can be satisfied: drop or change one"),
        };
        let mut diagnostic =
            Diagnostic::error(Code::Conflict, format!("no table satisfies {these} of `{}`", self.title));
        for (number, (_, span)) in both.iter().enumerate() {
            let role = match (both.len(), number) {
                (1, _) => "nothing satisfies this",
                (_, 0) => "this",
                _ => "together with this",
            };
            diagnostic = diagnostic.label(*span, role);
        }
        self.report(diagnostic.help(remedy));
    }
}
