//! Expressions: precedence and the tree.

use std::sync::LazyLock;

use nasrec_grammar::Rule;
use pest::iterators::Pair;
use pest::pratt_parser::{Assoc, Op, PrattParser};

use super::tree::{Alternative, Arg, Binary, Body, Expr, ExprKind, Name, Statement, Unary};
use super::{Parts, Reader};
use crate::diagnostics::{Code, Diagnostic, Span};

/// From loosest to tightest; `maybe` binds tighter than `+`, `-` before a number tighter still.
static PRECEDENCE: LazyLock<PrattParser<Rule>> = LazyLock::new(|| {
    PrattParser::new()
        .op(Op::infix(Rule::implies, Assoc::Right))
        .op(Op::infix(Rule::or, Assoc::Left))
        .op(Op::infix(Rule::and, Assoc::Left))
        .op(Op::prefix(Rule::not))
        .op(Op::infix(Rule::equal, Assoc::Left)
            | Op::infix(Rule::unequal, Assoc::Left)
            | Op::infix(Rule::less, Assoc::Left)
            | Op::infix(Rule::greater, Assoc::Left)
            | Op::infix(Rule::at_most, Assoc::Left)
            | Op::infix(Rule::at_least, Assoc::Left)
            | Op::infix(Rule::within, Assoc::Left))
        .op(Op::infix(Rule::plus, Assoc::Left) | Op::infix(Rule::minus, Assoc::Left))
        .op(Op::infix(Rule::times, Assoc::Left) | Op::infix(Rule::divide, Assoc::Left))
        .op(Op::prefix(Rule::maybe))
        .op(Op::prefix(Rule::negate))
        .op(Op::postfix(Rule::member) | Op::postfix(Rule::index))
});

/// Most operands and operators in one operation, so that trees stay shallow.
const MAX_PARTS: usize = 256;
/// Most conditions in one chain of `if … else if …`.
const MAX_LINKS: usize = 64;

impl Reader {
    pub(super) fn name(&self, pair: &Pair<'_, Rule>, offset: usize) -> Name {
        Name { text: pair.as_str().to_owned(), span: self.span(pair, offset) }
    }

    pub(super) fn expression(&mut self, pair: Pair<'_, Rule>, offset: usize) -> Expr {
        let span = self.span(&pair, offset);
        match pair.as_rule() {
            Rule::expression => {
                let mut inner = pair.parts();
                let first = self.expression(inner.next().expect("an expression has an operation"), offset);
                match inner.next() {
                    None => first,
                    Some(hi) => {
                        let hi = Box::new(self.expression(hi, offset));
                        let step = inner.next().map(|step| Box::new(self.expression(step, offset)));
                        Expr { kind: ExprKind::Range { lo: Box::new(first), hi, step }, span }
                    }
                }
            }
            Rule::operation | Rule::limit => self.operation(pair, offset),
            _ => self.operand(pair, offset),
        }
    }

    fn operation(&mut self, pair: Pair<'_, Rule>, offset: usize) -> Expr {
        let span = self.span(&pair, offset);
        let parts = pair.clone().into_inner().count();
        if parts > MAX_PARTS {
            self.diagnostics.push(
                Diagnostic::error(Code::TooLarge, format!("an expression of {parts} parts"))
                    .label(span, format!("at most {MAX_PARTS} are read"))
                    .help("give parts of it names with `let`"),
            );
            return Expr { kind: ExprKind::Number(0.0), span };
        }
        // The closures of the Pratt parser share the reader.
        let reader = std::cell::RefCell::new(self);
        PRECEDENCE
            .map_primary(|primary| reader.borrow_mut().operand(primary, offset))
            .map_prefix(|operator, operand| {
                let span = reader.borrow().span(&operator, offset).to(operand.span);
                let unary = match operator.as_rule() {
                    Rule::negate => Unary::Negate,
                    Rule::not => Unary::Not,
                    _ => Unary::Maybe,
                };
                Expr { kind: ExprKind::Unary(unary, Box::new(operand)), span }
            })
            .map_postfix(|operand, operator| {
                let mut reader = reader.borrow_mut();
                let span = operand.span.to(reader.span(&operator, offset));
                let member = operator.as_rule() == Rule::member;
                let inner = operator.parts().next().expect("a postfix operator has an operand");
                let kind = if member {
                    ExprKind::Member(Box::new(operand), reader.name(&inner, offset))
                } else {
                    ExprKind::Index(Box::new(operand), Box::new(reader.expression(inner, offset)))
                };
                Expr { kind, span }
            })
            .map_infix(|left, operator, right| {
                let span = left.span.to(right.span);
                let binary = binary(operator.as_rule()).unwrap_or(Binary::Or);
                Expr { kind: ExprKind::Binary(binary, Box::new(left), Box::new(right)), span }
            })
            .parse(pair.into_inner())
    }

    fn operand(&mut self, pair: Pair<'_, Rule>, offset: usize) -> Expr {
        let span = self.span(&pair, offset);
        let kind = match pair.as_rule() {
            Rule::number => ExprKind::Number(number(pair.as_str())),
            Rule::bytes => ExprKind::Bytes(bytes(pair.as_str())),
            Rule::duration => ExprKind::Duration(duration(pair.as_str())),
            Rule::percent => ExprKind::Percent(number(pair.as_str().trim_end_matches('%')) / 100.0),
            Rule::text => ExprKind::Text(pair.as_str().trim_matches('"').to_owned()),
            Rule::switch => ExprKind::Switch(matches!(pair.as_str(), "on" | "true")),
            Rule::name => ExprKind::Name(pair.as_str().to_owned()),
            Rule::group => {
                return self.expression(pair.parts().next().expect("a group holds an expression"), offset);
            }
            Rule::list => ExprKind::List(pair.parts().map(|item| self.expression(item, offset)).collect()),
            Rule::call => {
                let mut inner = pair.parts();
                let callee = self.name(&inner.next().expect("a call has a name"), offset);
                let args = inner.next().map(|args| self.arguments(args, offset)).unwrap_or_default();
                ExprKind::Call { callee, args }
            }
            Rule::earlier => {
                ExprKind::Earlier(self.name(&pair.parts().next().expect("`earlier` has a member"), offset))
            }
            Rule::pick => {
                let mut inner = pair.parts();
                let count = Box::new(self.expression(inner.next().expect("a pick has a count"), offset));
                let from = Box::new(self.expression(inner.next().expect("a pick has sources"), offset));
                ExprKind::Pick { count, from }
            }
            Rule::choose => {
                let (count, alternatives): (Vec<_>, Vec<_>) =
                    pair.parts().partition(|part| part.as_rule() == Rule::how_many);
                let count = count.into_iter().next().map(|count| Box::new(self.how_many(count, offset)));
                let alternatives = alternatives.into_iter().map(|alternative| {
                    let span = self.span(&alternative, offset);
                    let mut inner = alternative.parts();
                    let first = inner.next().expect("an alternative has a value");
                    if first.as_rule() == Rule::lost {
                        // A label that no other alternative has.
                        let label = Some(Name { text: format!("({})", span.start), span });
                        return Alternative { label, value: Expr { kind: ExprKind::Lost, span } };
                    }
                    match inner.next() {
                        Some(value) => Alternative {
                            label: Some(self.name(&first, offset)),
                            value: self.expression(value, offset),
                        },
                        None => Alternative { label: None, value: self.expression(first, offset) },
                    }
                });
                ExprKind::Choose { count, alternatives: alternatives.collect() }
            }
            Rule::repeat => {
                let mut inner = pair.parts().peekable();
                let number = inner.next_if(|part| part.as_rule() == Rule::turn);
                let number = number.and_then(|turn| turn.parts().next()).map(|name| self.name(&name, offset));
                let count = Box::new(self.expression(inner.next().expect("a repeat has a count"), offset));
                let from = Box::new(self.expression(inner.next().expect("a repeat has a start"), offset));
                let name = self.name(&inner.next().expect("a repeat names its value"), offset);
                let body = self.body(inner.next().expect("a repeat has a body"), offset);
                ExprKind::Repeat { number, count, from, name, body }
            }
            Rule::widths => {
                let values = pair.parts().next().expect("widths have values");
                ExprKind::Widths(Box::new(self.expression(values, offset)))
            }
            Rule::interval => {
                let mut limits = pair.parts().map(|limit| Box::new(self.expression(limit, offset)));
                let lo = limits.next().expect("an interval has two ends");
                let hi = limits.next().expect("an interval has two ends");
                ExprKind::Range { lo, hi, step: limits.next() }
            }
            Rule::lost => ExprKind::Lost,
            Rule::maybe_body => {
                let body = pair.parts().next().expect("a `maybe` holds a body");
                let value = Expr { span: self.span(&body, offset), kind: ExprKind::Body(self.body(body, offset)) };
                ExprKind::Unary(Unary::Maybe, Box::new(value))
            }
            Rule::body => ExprKind::Body(self.body(pair, offset)),
            Rule::if_else => {
                return self.branches(pair, span, offset);
            }
            rule => unreachable!("{rule:?} is not an operand of the grammar"),
        };
        Expr { kind, span }
    }

    /// `2` or `1..2`.
    fn how_many(&mut self, pair: Pair<'_, Rule>, offset: usize) -> Expr {
        let span = self.span(&pair, offset);
        let mut inner = pair.parts();
        let lo = self.expression(inner.next().expect("a count has a number"), offset);
        match inner.next() {
            None => lo,
            Some(hi) => {
                let hi = Box::new(self.expression(hi, offset));
                Expr { kind: ExprKind::Range { lo: Box::new(lo), hi, step: None }, span }
            }
        }
    }

    /// A chain of `if … else if … else`, as conditions nested in the `else` before.
    fn branches(&mut self, pair: Pair<'_, Rule>, span: Span, offset: usize) -> Expr {
        let mut parts: Vec<Pair<'_, Rule>> = pair.parts().collect();
        let links = parts.len() / 2;
        if links > MAX_LINKS {
            self.diagnostics.push(
                Diagnostic::error(Code::TooLarge, format!("{links} conditions in one `if`"))
                    .label(span, format!("at most {MAX_LINKS} are read")),
            );
            return Expr { kind: ExprKind::Number(0.0), span };
        }
        let last = parts.pop().expect("an if has an else");
        let mut otherwise = self.body(last, offset);
        while let (Some(then), Some(condition)) = (parts.pop(), parts.pop()) {
            let condition = Box::new(self.expression(condition, offset));
            let then = self.body(then, offset);
            // An inner link starts at its own condition.
            let span = if parts.is_empty() { span } else { condition.span.to(span) };
            let kind = ExprKind::If { condition, then, otherwise };
            otherwise = Body { bindings: Vec::new(), value: Box::new(Expr { kind, span }) };
        }
        *otherwise.value
    }

    pub(super) fn arguments(&mut self, pair: Pair<'_, Rule>, offset: usize) -> Vec<Arg> {
        pair.parts()
            .map(|argument| {
                let span = self.span(&argument, offset);
                let mut name = None;
                let mut value: Option<Expr> = None;
                let mut loops = Vec::new();
                for part in argument.parts() {
                    match part.as_rule() {
                        Rule::word => name = Some(self.name(&part, offset)),
                        Rule::each => loops.push(self.binding(part, offset)),
                        _ => value = Some(self.expression(part, offset)),
                    }
                }
                let value = value.expect("an argument has a value");
                if loops.is_empty() {
                    return Arg { name, value };
                }
                let span = value.span.to(span);
                Arg { name, value: Expr { kind: ExprKind::Each { value: Box::new(value), loops }, span } }
            })
            .collect()
    }

    pub(super) fn body(&mut self, pair: Pair<'_, Rule>, offset: usize) -> Body {
        let mut bindings = Vec::new();
        let mut value = None;
        let mut parts = pair.parts().peekable();
        while let Some(part) = parts.next() {
            match part.as_rule() {
                Rule::binding | Rule::width | Rule::shared => bindings.push(self.bound(part, offset)),
                Rule::lost if parts.peek().is_some() => {
                    let span = self.span(&part, offset);
                    let names = self.lost_words(span).into_iter().filter(|word| word != "let");
                    bindings.extend(names.map(|text| Statement::Let {
                        name: Name { text, span },
                        value: Expr { kind: ExprKind::Lost, span },
                    }));
                }
                _ => value = Some(Box::new(self.expression(part, offset))),
            }
        }
        Body { bindings, value: value.expect("a body ends in a value") }
    }

    /// A `let`, a `width` or a `shared`.
    pub(super) fn bound(&mut self, pair: Pair<'_, Rule>, offset: usize) -> Statement {
        let rule = pair.as_rule();
        let (name, value) = self.binding(pair, offset);
        match rule {
            Rule::width => Statement::Width { name, values: value },
            Rule::shared => Statement::Shared { name, value },
            _ => Statement::Let { name, value },
        }
    }

    pub(super) fn binding(&mut self, pair: Pair<'_, Rule>, offset: usize) -> (Name, Expr) {
        let mut inner = pair.parts();
        let name = self.name(&inner.next().expect("a binding has a name"), offset);
        (name, self.expression(inner.next().expect("a binding has a value"), offset))
    }
}

/// The number of bytes of a token such as `64KiB`.
fn bytes(token: &str) -> f64 {
    let (digits, unit) = token.split_at(token.find(['K', 'M', 'G', 'B']).unwrap_or(token.len()));
    let scale = match unit {
        "KB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "KiB" => 1024.0,
        "MiB" => 1_048_576.0,
        "GiB" => 1_073_741_824.0,
        _ => 1.0,
    };
    number(digits) * scale
}

/// The number of seconds of a token such as `20min`.
fn duration(token: &str) -> f64 {
    let (digits, unit) = token.split_at(token.find(['m', 'h', 's']).unwrap_or(token.len()));
    let scale = match unit {
        "min" => 60.0,
        "h" => 3600.0,
        _ => 1.0,
    };
    number(digits) * scale
}

/// The value of a number token: `_` separates digits, `K`, `M` and `G` scale by thousands.
pub(super) fn number(token: &str) -> f64 {
    let (digits, scale) = match token.as_bytes().last() {
        Some(b'K') => (&token[..token.len() - 1], 1e3),
        Some(b'M') => (&token[..token.len() - 1], 1e6),
        Some(b'G') => (&token[..token.len() - 1], 1e9),
        _ => (token, 1.0),
    };
    digits.replace('_', "").parse::<f64>().map_or(f64::NAN, |value| value * scale)
}

/// The operator between two operands.
pub(super) fn binary(rule: Rule) -> Option<Binary> {
    Some(match rule {
        Rule::plus => Binary::Add,
        Rule::minus => Binary::Sub,
        Rule::times => Binary::Mul,
        Rule::divide => Binary::Div,
        Rule::equal => Binary::Equal,
        Rule::unequal => Binary::Unequal,
        Rule::less => Binary::Less,
        Rule::greater => Binary::Greater,
        Rule::at_most => Binary::AtMost,
        Rule::at_least => Binary::AtLeast,
        Rule::and => Binary::And,
        Rule::or => Binary::Or,
        Rule::implies => Binary::Implies,
        Rule::within => Binary::In,
        _ => return None,
    })
}
