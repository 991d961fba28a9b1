//! `repeat`: a value put through the same steps a variable number of times.

use super::elaborate::{Elaborator, MAX_SOURCES};
use super::scope::Scope;
use super::values::{Binding, Value};
use crate::diagnostics::{Code, Diagnostic, Span};
use crate::ir::Offer;
use crate::syntax::tree::{Body, Expr, Name};

impl Elaborator<'_> {
    /// `repeat number in lo..hi from start as name { body }`: iteration `i` owns one set of parameters and choices, used by every
    /// depth of at least `i` (language rule 2).
    pub fn repeat(
        &mut self,
        scope: &mut Scope,
        (number, count): (Option<&Name>, &Expr),
        from: &Expr,
        (name, body): (&Name, &Body),
        span: Span,
    ) -> Option<Value> {
        let (lo, hi) = self.how_many(scope, count, (0, 0))?;
        if hi > MAX_SOURCES {
            let message = format!("{hi} iterations; at most {MAX_SOURCES} are possible");
            return self.fail(Diagnostic::error(Code::TooLarge, message).label(count.span, "too many"));
        }
        if hi - lo >= MAX_SOURCES {
            let message = format!("{} depths; at most {MAX_SOURCES} are possible", hi - lo + 1);
            return self.fail(Diagnostic::error(Code::TooLarge, message).label(count.span, "too many"));
        }
        let start = self.eval(scope, from)?;
        let mut value = self.expect_tensor(start, from.span)?;
        let kind = self.tensor(value);
        // A fixed depth leaves nothing open.
        let choice = if lo == hi { None } else { Some(self.choice(Offer::repeat(lo, hi), None, span)?) };
        let mut depths = Vec::new();
        if lo == 0 {
            depths.push((value, from.span));
        }
        for iteration in 1..=hi {
            let optional = choice.filter(|_| iteration > lo);
            if let Some(choice) = optional {
                let deep_enough = (iteration - lo..=hi - lo).fold(0u64, |mask, position| mask | 1 << position);
                self.parents.push((choice, deep_enough));
            }
            self.turns.push(self.path.len());
            self.path.push(format!("turn_{iteration}"));
            let binding = Binding { value: Value::Tensor(value), span: name.span };
            scope.enter();
            scope.set(&name.text, binding);
            if let Some(number) = number {
                let value = Value::Size(self.ex.constant(iteration as f64));
                self.bind(scope, number, value);
            }
            let result = self.body(scope, body);
            scope.leave();
            self.path.pop();
            self.turns.pop();
            if optional.is_some() {
                self.parents.pop();
            }
            let at = body.value.span;
            let next = result.and_then(|result| self.expect_tensor(result, at))?;
            if self.tensor(next) != kind {
                let (a, b) = (kind.word(), self.tensor(next).word());
                return self.fail(
                    Diagnostic::error(Code::Kind, "an iteration must give what it was given")
                        .label(at, format!("a {b} tensor"))
                        .label(from.span, format!("a {a} tensor")),
                );
            }
            value = next;
            if iteration >= lo {
                depths.push((value, at));
            }
        }
        match choice {
            Some(choice) => self.one_of(choice, &depths, "the results of the iterations"),
            None => Some(Value::Tensor(value)),
        }
    }
}
