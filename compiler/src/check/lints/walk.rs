//! Every expression of a statement, outermost first.

use crate::syntax::tree::{Body, Expr, ExprKind, Statement};

pub(super) fn statements<'a>(all: &'a [Statement], visit: &mut dyn FnMut(&'a Expr)) {
    for statement in all {
        match statement {
            Statement::Width { values: value, .. }
            | Statement::Let { value, .. }
            | Statement::Shared { value, .. }
            | Statement::Out { value, .. } => expression(value, visit),
            Statement::Logit(logit) => logit.expressions().for_each(|value| expression(value, visit)),
            Statement::Demand(demand) => demand.conditions.iter().for_each(|condition| expression(condition, visit)),
            Statement::Block(block) => {
                expression(&block.range, visit);
                block.of.iter().flat_map(|of| &of.args).for_each(|arg| expression(&arg.value, visit));
                block.stem.iter().flat_map(|(_, parts)| parts).for_each(|(_, value)| expression(value, visit));
                statements(&block.body, visit);
            }
            Statement::Input { .. } | Statement::Unreadable { .. } => {}
        }
    }
}

fn body<'a>(body: &'a Body, visit: &mut dyn FnMut(&'a Expr)) {
    statements(&body.bindings, visit);
    expression(&body.value, visit);
}

pub(super) fn expression<'a>(expr: &'a Expr, visit: &mut dyn FnMut(&'a Expr)) {
    visit(expr);
    match &expr.kind {
        ExprKind::Number(_)
        | ExprKind::Percent(_)
        | ExprKind::Bytes(_)
        | ExprKind::Duration(_)
        | ExprKind::Text(_)
        | ExprKind::Switch(_)
        | ExprKind::Name(_)
        | ExprKind::Earlier(_)
        | ExprKind::Lost => {}
        ExprKind::List(items) => items.iter().for_each(|item| expression(item, visit)),
        ExprKind::Call { args, .. } => args.iter().for_each(|arg| expression(&arg.value, visit)),
        ExprKind::Member(of, _) | ExprKind::Unary(_, of) | ExprKind::Widths(of) => expression(of, visit),
        ExprKind::Index(a, b) | ExprKind::Binary(_, a, b) | ExprKind::Pick { count: a, from: b } => {
            expression(a, visit);
            expression(b, visit);
        }
        ExprKind::Range { lo, hi, step } => {
            expression(lo, visit);
            expression(hi, visit);
            step.iter().for_each(|step| expression(step, visit));
        }
        ExprKind::Choose { count, alternatives } => {
            count.iter().for_each(|count| expression(count, visit));
            alternatives.iter().for_each(|alternative| expression(&alternative.value, visit));
        }
        ExprKind::Repeat { count, from, body: turn, .. } => {
            expression(count, visit);
            expression(from, visit);
            body(turn, visit);
        }
        ExprKind::Body(inner) => body(inner, visit),
        ExprKind::If { condition, then, otherwise } => {
            expression(condition, visit);
            body(then, visit);
            body(otherwise, visit);
        }
        ExprKind::Each { value, loops } => {
            expression(value, visit);
            loops.iter().for_each(|(_, over)| expression(over, visit));
        }
    }
}

/// The names that an expression is written with: of values, members and outputs.
pub(super) fn words<'a>(expr: &'a Expr) -> Vec<&'a str> {
    let mut words: Vec<&'a str> = Vec::new();
    expression(expr, &mut |part| match &part.kind {
        ExprKind::Name(name) => words.push(name),
        ExprKind::Member(_, name) | ExprKind::Earlier(name) => words.push(&name.text),
        ExprKind::Call { callee, .. } => words.push(&callee.text),
        _ => {}
    });
    words
}
