//! `test` items: claims about spaces and architectures, which `nasrecc test` puts to the proof.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use num_bigint::{BigInt, BigUint};
use num_traits::{ToPrimitive, Zero};

use super::Overrides;
use super::program::{Item, ItemKind, Program};
use super::tables::SCHEMAS;
use crate::diagnostics::{Code, Diagnostic, FileId, Span, nearest};
use crate::ir::CheckedSpace;
use crate::plan::Cost;
use crate::schema::Schema;
use crate::space::{Distinct, Intractable, Space, Tally};
use crate::syntax::tree::{Arg, Binary, Expr, ExprKind, Name, Reference, Unary};

/// A claim of a test, and whether it holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// As it was written.
    pub text: String,
    /// Where it stands in its file.
    pub span: Span,
    /// Whether it is true.
    pub holds: bool,
    /// What both sides of a comparison are.
    pub sides: Option<(String, String)>,
}

/// What became of a claim.
struct Proof {
    holds: bool,
    sides: Option<(String, String)>,
}

/// What counts of a space are called.
const COUNTS: [&str; 3] = ["raw", "valid", "distinct"];

/// What a step of a file's allowance is in a count of architectures: so many words of states. In one of encodings it is an
/// operand that is looked at.
const WORDS_OF_A_STEP: usize = 8;
/// What a count under constraints on costs takes of it: so much for each node of the graph, up to the most.
const STEPS_OF_A_COSTED_NODE: usize = 500;
const MAX_COSTED_STEPS: usize = 1_500_000;

/// What was counted for claims: by the file and the texts of a space and its schema, and whether `valid` or `distinct`.
#[derive(Debug, Default)]
pub(super) struct Counted(Mutex<HashMap<Written, HashMap<bool, Counts>>>);

/// The file of a claim, and how it writes what it counts.
type Written = (FileId, Vec<String>);

/// The different counts over all schemas that are in question, or why there is none.
type Counts = Result<Vec<BigUint>, String>;

/// What a claim computes with. Counts are exact, however large.
#[derive(Clone, Debug)]
enum Known {
    Whole(BigInt),
    Real(f64),
    Truth(bool),
}

impl Program {
    /// Puts every claim of a test to the proof.
    ///
    /// # Errors
    /// Claims that mean nothing.
    pub fn test(&self, item: &Item) -> Result<Vec<Claim>, Vec<Diagnostic>> {
        let mut claims = Vec::new();
        let mut diagnostics = Vec::new();
        for written in &self.test_item(item).claims {
            let text = self.sources.text(written.span).split_whitespace().collect::<Vec<_>>().join(" ");
            match self.claim(written) {
                Ok(Proof { holds, sides }) => claims.push(Claim { text, span: written.span, holds, sides }),
                Err(found) => diagnostics.extend(found),
            }
        }
        if diagnostics.is_empty() { Ok(claims) } else { Err(diagnostics) }
    }

    fn claim(&self, written: &Expr) -> Result<Proof, Vec<Diagnostic>> {
        if let ExprKind::Binary(relation, left, right) = &written.kind
            && is_relation(*relation)
        {
            let (a, b) = (self.known(left)?, self.known(right)?);
            let holds = compared(*relation, &a, &b).ok_or_else(|| vec![odd(written.span, "two numbers")])?;
            return Ok(Proof { holds, sides: Some((a.words(), b.words())) });
        }
        match self.known(written)? {
            Known::Truth(holds) => Ok(Proof { holds, sides: None }),
            _ => Err(vec![odd(written.span, "a comparison, such as `raw(space) == 128`")]),
        }
    }

    fn known(&self, expr: &Expr) -> Result<Known, Vec<Diagnostic>> {
        match &expr.kind {
            ExprKind::Number(number) => Ok(match whole(self.sources.text(expr.span)) {
                Some(whole) => Known::Whole(whole),
                None => Known::Real(*number),
            }),
            ExprKind::Percent(number) | ExprKind::Bytes(number) => Ok(Known::Real(*number)),
            ExprKind::Switch(on) => Ok(Known::Truth(*on)),
            ExprKind::Unary(Unary::Negate, operand) => match self.known(operand)? {
                Known::Whole(a) => Ok(Known::Whole(-a)),
                Known::Real(a) => Ok(Known::Real(-a)),
                Known::Truth(_) => Err(vec![odd(operand.span, "a number")]),
            },
            ExprKind::Unary(Unary::Not, operand) => match self.known(operand)? {
                Known::Truth(a) => Ok(Known::Truth(!a)),
                _ => Err(vec![odd(operand.span, "a condition")]),
            },
            ExprKind::Binary(binary, left, right) => {
                let (a, b) = (self.known(left)?, self.known(right)?);
                combined(*binary, &a, &b).ok_or_else(|| vec![odd(expr.span, "numbers, or conditions, on both sides")])
            }
            ExprKind::Call { callee, args } => self.count(callee, args, expr.span),
            ExprKind::Member(..) => self.cost(expr),
            _ => Err(vec![odd(expr.span, "counts of spaces, costs of architectures, numbers and comparisons")]),
        }
    }

    /// `raw(space(…))`
    fn count(&self, callee: &Name, args: &[Arg], span: Span) -> Result<Known, Vec<Diagnostic>> {
        if !COUNTS.contains(&callee.text.as_str()) {
            let near = nearest(&callee.text, COUNTS);
            return Err(vec![
                Diagnostic::error(Code::UnknownName, format!("a claim has no function `{}`", callee.text))
                    .label(callee.span, format!("expected {}", COUNTS.join(" or ")))
                    .did_you_mean(callee.span, &callee.text, near),
            ]);
        }
        let (value, schema) = match args {
            [Arg { name: None, value }] => (value, None),
            [Arg { name: None, value }, Arg { name: None, value: schema }] => (value, Some(schema)),
            _ => {
                return Err(vec![
                    Diagnostic::error(Code::Arguments, format!("`{}` counts one space", callee.text))
                        .label(span, "expected a space, such as `raw(nasrec_full(blocks: 2))`")
                        .help("where the count depends on the data, a schema follows: `distinct(space, criteo)`"),
                ]);
            }
        };
        let space = self.claimed_space(value)?;
        let schema = match schema {
            Some(Expr { kind: ExprKind::Name(name), span }) => {
                let name = Name { text: name.clone(), span: *span };
                let mut diagnostics = Vec::new();
                Some(self.referenced_schema(&name, &mut diagnostics).ok_or(diagnostics)?)
            }
            Some(other) => return Err(vec![odd(other.span, "the name of a schema")]),
            None => None,
        };
        let (space, open) = match &schema {
            Some(schema) => (space.over(schema), false),
            None => {
                let open = space.graph.awaited().next().is_some();
                (space, open)
            }
        };
        if open {
            return Err(vec![depends_on_data(span)]);
        }
        if callee.text == "raw" {
            return Ok(Known::Whole(space.graph.raw_count().into()));
        }
        let of_costs = space.graph.constraints.iter().any(|constraint| !constraint.costs.is_empty());
        if of_costs && schema.is_none() {
            return Err(vec![depends_on_data(span)]);
        }
        // What is written alike in one file is the same space, or schema.
        let texts =
            args.iter().map(|arg| self.sources.text(arg.value.span).split_whitespace().collect::<Vec<_>>().join(" "));
        let of: Written = (span.file, texts.collect());
        let of_valid = callee.text == "valid";
        let mut counted = self.counted.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tallies = counted.entry(of).or_default();
        let counts = match (tallies.get(&of_valid), &schema) {
            (Some(known), _) => known.clone(),
            (None, Some(schema)) if of_costs => {
                self.meter.take((STEPS_OF_A_COSTED_NODE * space.graph.graph.node_count()).min(MAX_COSTED_STEPS));
                let (valid, distinct) = proved(&space, schema);
                tallies.extend([(true, valid.clone()), (false, distinct.clone())]);
                if of_valid { valid } else { distinct }
            }
            (None, _) => {
                let counts = self.counts(&space, schema.as_ref(), of_valid);
                tallies.insert(of_valid, counts.clone());
                counts
            }
        };
        drop(counted);
        let counts = counts.map_err(|why| vec![Diagnostic::error(Code::TooLarge, why).label(span, "this count")])?;
        match counts.as_slice() {
            [count] => Ok(Known::Whole(count.clone().into())),
            _ => Err(vec![depends_on_data(span)]),
        }
    }

    /// Counts a space without constraints on costs: over a schema, or over all that it could be, where that differs.
    fn counts(&self, space: &CheckedSpace, schema: Option<&Schema>, valid: bool) -> Counts {
        let sizes = schema.map_or_else(|| SCHEMAS.to_vec(), |schema| vec![space.graph.sizes_of(schema)]);
        let mut counts = Vec::new();
        for sizes in sizes {
            let count = if valid {
                let (count, looks) = space.graph.valid_work(sizes);
                self.meter.take(looks);
                count
            } else {
                let (count, words) = space.graph.distinct_work(sizes);
                self.meter.take(words / WORDS_OF_A_STEP);
                match count {
                    Ok(Distinct::Exactly(count)) => Ok(count),
                    Ok(Distinct::AtMost(..)) => Err(Intractable::Unrevealed),
                    Err(error) => Err(error),
                }
            };
            counts.push(count.map_err(|error| error.to_string())?);
        }
        counts.dedup();
        Ok(counts)
    }

    fn claimed_space(&self, expr: &Expr) -> Result<CheckedSpace, Vec<Diagnostic>> {
        let reference = match &expr.kind {
            ExprKind::Name(text) => Reference { name: Name { text: text.clone(), span: expr.span }, args: Vec::new() },
            ExprKind::Call { callee, args } => Reference { name: callee.clone(), args: args.clone() },
            _ => return Err(vec![odd(expr.span, "a space, with arguments if it takes any")]),
        };
        let mut diagnostics = Vec::new();
        let space = self.referenced_space(&reference, &Overrides::new(), &[], &mut diagnostics);
        space.filter(|_| diagnostics.is_empty()).ok_or(diagnostics)
    }

    /// `best.macs`, `best.params.dense`
    fn cost(&self, expr: &Expr) -> Result<Known, Vec<Diagnostic>> {
        let mut words = Vec::new();
        let mut at = expr;
        while let ExprKind::Member(of, member) = &at.kind {
            words.push(member.text.as_str());
            at = of;
        }
        words.reverse();
        let words = words.join(".");
        let ExprKind::Name(name) = &at.kind else {
            return Err(vec![odd(at.span, "an architecture's name")]);
        };
        let name = Name { text: name.clone(), span: at.span };
        let item = self.resolve(&name, ItemKind::Arch).map_err(Vec::from_iter)?;
        let Some(cost) = Cost::named(&words) else {
            let known = Cost::ALL.map(Cost::words);
            return Err(vec![
                Diagnostic::error(Code::UnknownName, format!("an architecture has no `{words}`"))
                    .label(expr.span, format!("it has {}", known.join(", ")))
                    .did_you_mean(expr.span, &words, nearest(&words, known)),
            ]);
        };
        let arch = self.arch(item)?;
        let Some(schema) = &arch.schema else {
            return Err(vec![
                Diagnostic::error(Code::Unbound, format!("what `{}` costs depends on the data", name.text))
                    .label(name.span, "this architecture names no schema")
                    .label(item.span, "`arch … of … with schema`"),
            ]);
        };
        let costs = Space::bind(&arch.space, schema)
            .map_err(|error| error.to_string())
            .and_then(|space| space.costs(&arch.architecture).map_err(|error| error.to_string()))
            .map_err(|error| vec![Diagnostic::error(Code::Missing, error).label(name.span, "this architecture")])?;
        Ok(Known::Whole(costs.of(cost).into()))
    }
}

/// Both counts of a space with constraints on costs, where they are proved: nothing is drawn for a claim.
fn proved(space: &CheckedSpace, schema: &Schema) -> (Counts, Counts) {
    let census = match Space::bind(space, schema) {
        Ok(space) => space.proved_census(),
        Err(error) => return (Err(error.to_string()), Err(error.to_string())),
    };
    let exact = |tally| match tally {
        Tally::Exactly(count) => Ok(vec![count]),
        Tally::AtMost(_, why) | Tally::Between { why, .. } | Tally::Unknown(why) => Err(why),
    };
    (exact(census.valid), exact(census.distinct))
}

fn depends_on_data(span: Span) -> Diagnostic {
    Diagnostic::error(Code::Unbound, "this count depends on the data")
        .label(span, "no schema is named")
        .help("name one: `distinct(space, criteo)`")
}

fn odd(span: Span, expected: &str) -> Diagnostic {
    Diagnostic::error(Code::Kind, "this claim is not understood")
        .label(span, format!("expected {expected}"))
        .help("such as `raw(nasrec_full(blocks: 2)) == 589_824` or `best.macs <= 3M`")
}

fn is_relation(binary: Binary) -> bool {
    matches!(
        binary,
        Binary::Equal | Binary::Unequal | Binary::Less | Binary::Greater | Binary::AtMost | Binary::AtLeast
    )
}

fn compared(relation: Binary, a: &Known, b: &Known) -> Option<bool> {
    let order = match (a, b) {
        (Known::Whole(a), Known::Whole(b)) => a.cmp(b),
        (Known::Truth(a), Known::Truth(b)) if matches!(relation, Binary::Equal | Binary::Unequal) => a.cmp(b),
        (Known::Truth(_), _) | (_, Known::Truth(_)) => return None,
        (a, b) => a.real()?.partial_cmp(&b.real()?)?,
    };
    Some(match relation {
        Binary::Equal => order.is_eq(),
        Binary::Unequal => order.is_ne(),
        Binary::Less => order.is_lt(),
        Binary::Greater => order.is_gt(),
        Binary::AtMost => order.is_le(),
        _ => order.is_ge(),
    })
}

fn combined(binary: Binary, a: &Known, b: &Known) -> Option<Known> {
    if is_relation(binary) {
        return compared(binary, a, b).map(Known::Truth);
    }
    if let (Known::Truth(a), Known::Truth(b)) = (a, b) {
        return Some(Known::Truth(match binary {
            Binary::And => *a && *b,
            Binary::Or => *a || *b,
            Binary::Implies => !a || *b,
            _ => return None,
        }));
    }
    if let (Known::Whole(a), Known::Whole(b)) = (a, b) {
        match binary {
            Binary::Add => return Some(Known::Whole(a + b)),
            Binary::Sub => return Some(Known::Whole(a - b)),
            Binary::Mul => return Some(Known::Whole(a * b)),
            Binary::Div if !b.is_zero() && (a % b).is_zero() => return Some(Known::Whole(a / b)),
            _ => {}
        }
    }
    let (a, b) = (a.real()?, b.real()?);
    Some(Known::Real(match binary {
        Binary::Add => a + b,
        Binary::Sub => a - b,
        Binary::Mul => a * b,
        Binary::Div => a / b,
        _ => return None,
    }))
}

impl Known {
    fn real(&self) -> Option<f64> {
        match self {
            Known::Whole(whole) => whole.to_f64(),
            Known::Real(real) => Some(*real),
            Known::Truth(_) => None,
        }
    }

    fn words(&self) -> String {
        match self {
            Known::Whole(whole) => whole.to_string(),
            Known::Real(real) => real.to_string(),
            Known::Truth(truth) => truth.to_string(),
        }
    }
}

/// A number token that is a whole number, exactly: `9_216`, `3M`, `1e33`.
fn whole(token: &str) -> Option<BigInt> {
    let token = token.trim().replace('_', "");
    let (digits, thousands) = match token.as_bytes().last()? {
        b'K' => (&token[..token.len() - 1], 3),
        b'M' => (&token[..token.len() - 1], 6),
        b'G' => (&token[..token.len() - 1], 9),
        _ => (token.as_str(), 0),
    };
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (digits, 0),
    };
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let shift = exponent + thousands - after.len() as i64;
    // Larger exponents are no counts.
    let zeros = usize::try_from(shift).ok().filter(|&zeros| zeros <= 4096)?;
    format!("{before}{after}{}", "0".repeat(zeros)).parse().ok()
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn whole_numbers_are_read_exactly() {
        assert_eq!(whole("9_216"), Some(BigInt::from(9216)));
        assert_eq!(whole("1.5K"), Some(BigInt::from(1500)));
        assert_eq!(whole("1e33"), "1000000000000000000000000000000000".parse().ok());
        assert_eq!(whole("0.5"), None);
    }
}
