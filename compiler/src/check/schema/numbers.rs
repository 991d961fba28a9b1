//! Numeric columns.

use super::columns::made;
use super::{Reading, Says, called, only, types};
use crate::check::settings::number;
use crate::diagnostics::{Code, Diagnostic, nearest};
use crate::schema::{DenseColumn, Fill, Transform, Type};
use crate::syntax::tree::{Arg, ExprKind, Name, SchemaLine};

/// Steps, how they are written at first, and what they do.
pub(crate) const STEPS: [(&str, &str, &str); 7] = [
    ("max", "max(0)", "at least a number"),
    ("min", "min(", "at most a number"),
    ("clip", "clip(", "at least one number and at most another"),
    ("log1p", "log1p", "log(1 + x)"),
    ("missing", "missing(mean)", "what stands for a missing number"),
    ("standardise", "standardise", "mean 0 and standard deviation 1 on the training rows"),
    ("min_max", "min_max", "from 0 to 1 on the training rows"),
];

impl Reading {
    pub(super) fn dense(&mut self, line: &SchemaLine) -> Result<(), Diagnostic> {
        only(line, &[Says::From, Says::Written, Says::Steps])?;
        let kind = match &line.written {
            None => Type::Number,
            Some(written) => match types::read(written)? {
                Type::Hex | Type::Text => {
                    let message = format!("a dense column is a number, and `{}` is none", written.name.text);
                    return Err(Diagnostic::error(Code::Schema, message)
                        .label(written.name.span, "no encoding is wanted here")
                        .help("categories are `sparse`"));
                }
                kind => kind,
            },
        };
        let transforms = line.stages.iter().map(transform).collect::<Result<Vec<_>, _>>()?.concat();
        for (name, from) in made(line)? {
            self.mention(std::slice::from_ref(&from));
            self.schema.dense.push(DenseColumn { name, from, kind: kind.clone(), transforms: transforms.clone() });
        }
        Ok(())
    }
}

fn transform((name, args): &(Name, Vec<Arg>)) -> Result<Vec<Transform>, Diagnostic> {
    let takes =
        |most: &str| Diagnostic::error(Code::Schema, format!("`{}` takes {most}", name.text)).label(name.span, "here");
    let numbers: Vec<Option<f64>> = args.iter().map(|arg| number(&arg.value).filter(|_| arg.name.is_none())).collect();
    if let Some(at) = numbers.iter().position(Option::is_none)
        && name.text != "missing"
    {
        return Err(Diagnostic::error(Code::Schema, format!("`{}` is not understood", name.text))
            .label(args[at].span(), "expected a number"));
    }
    let numbers: Vec<f64> = numbers.into_iter().flatten().collect();
    let one = |make: fn(f64) -> Transform| match numbers[..] {
        [one] => Ok(vec![make(one)]),
        _ => Err(takes("one number")),
    };
    let none = |transform| if args.is_empty() { Ok(vec![transform]) } else { Err(takes("no argument")) };
    match name.text.as_str() {
        "max" => one(Transform::Max),
        "min" => one(Transform::Min),
        "clip" => match numbers[..] {
            [lo, hi] if lo <= hi => Ok(vec![Transform::Max(lo), Transform::Min(hi)]),
            _ => Err(takes("two numbers, the smaller first")),
        },
        "log1p" => none(Transform::Log1p),
        "standardise" => none(Transform::Standardise),
        "min_max" => none(Transform::MinMax),
        "missing" => fill(name, args),
        other => {
            let known = STEPS.map(|(name, ..)| name);
            let near = nearest(other, known);
            Err(Diagnostic::error(Code::Schema, format!("there is no step `{other}` for numbers"))
                .label(name.span, format!("expected {}", known.join(", ")))
                .did_you_mean(name.span, other, near))
        }
    }
}

fn fill(name: &Name, args: &[Arg]) -> Result<Vec<Transform>, Diagnostic> {
    const ARGS: [&str; 1] = ["with"];
    let called = called(name, args);
    called.only(&ARGS)?;
    let given = called.expr(&ARGS, "with");
    let fill = given.and_then(|given| match &given.kind {
        ExprKind::Name(name) if name == "mean" => Some(Fill::Mean),
        ExprKind::Name(name) if name == "median" => Some(Fill::Median),
        _ => number(given).map(Fill::Constant),
    });
    fill.map(|fill| vec![Transform::Missing(fill)]).ok_or_else(|| {
        Diagnostic::error(Code::Schema, "what stands for a missing number?")
            .label(given.map_or(name.span, |given| given.span), "expected a number, `mean` or `median`")
            .help("without this step a missing number is 0 after all others")
    })
}
