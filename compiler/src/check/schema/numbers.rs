//! Numeric columns.

use super::categories::separator;
use super::columns::made;
use super::{Reading, Says, called, only, types};
use crate::check::settings::number;
use crate::diagnostics::{Code, Diagnostic, nearest};
use crate::schema::{DenseColumn, Element, Encoding, Fill, Transform, Type};
use crate::syntax::tree::{Arg, ExprKind, Name, SchemaLine};

/// Steps, how they are written at first, and what they do.
pub(crate) const STEPS: [(&str, &str, &str); 10] = [
    ("list", "list(\" \")", "one of several numbers in a value"),
    ("max", "max(0)", "at least a number"),
    ("min", "min(", "at most a number"),
    ("clip", "clip(", "at least one number and at most another"),
    ("log1p", "log1p", "log(1 + x)"),
    ("missing", "missing(mean)", "what stands for a missing number"),
    ("standardise", "standardise", "mean 0 and standard deviation 1 on the training rows"),
    ("min_max", "min_max", "from 0 to 1 on the training rows"),
    ("target", "target(folds: 5, smoothing: 20)", "of a category, its click rate among the training rows"),
    ("count", "count", "of a category, how many training rows have it"),
];

impl Reading {
    pub(super) fn dense(&mut self, line: &SchemaLine) -> Result<(), Diagnostic> {
        only(line, &[Says::From, Says::Written, Says::Steps])?;
        let (list, stages) = match line.stages.split_first() {
            Some((first, others)) if first.0.text == "list" => (Some(first), others),
            _ => (None, line.stages.as_slice()),
        };
        let (encoding, stages) = match stages.split_first() {
            Some((first, others)) => match encoding(first)? {
                Some(encoding) => (Some(encoding), others),
                None => (None, stages),
            },
            None => (None, stages),
        };
        let kind = line.written.as_ref().map(types::read).transpose()?;
        let is_category = match kind {
            Some(Type::Hex | Type::Text) => Some(true),
            Some(Type::Int) => None,
            Some(Type::Number | Type::Bool | Type::Time(_)) | None => Some(false),
        };
        let place = line.written.as_ref().map(|written| &written.name);
        match (place, encoding, is_category) {
            (Some(place), None, Some(true)) => {
                let message = format!("a dense column is a number, and `{}` is none", place.text);
                return Err(Diagnostic::error(Code::Schema, message)
                    .label(place.span, "these are categories")
                    .help("make numbers of them, by `| target` or `| count`; as fields they are `sparse`"));
            }
            (place, Some(encoding), Some(false)) => {
                let step = encoding.name();
                let (message, at, label) = match place {
                    Some(place) => {
                        (format!("`{step}` is of categories, and `{}` is none", place.text), place.span, "not these")
                    }
                    None => (format!("`{step}` is of categories"), line.stages[0].0.span, "how are they written?"),
                };
                return Err(Diagnostic::error(Code::Schema, message)
                    .label(at, label)
                    .help("write `: hex`, `: int` or `: text` behind the column"));
            }
            _ => {}
        }
        if let Some((step, name)) = encoding.and_then(|encoding| {
            let missing = stages.iter().find(|(name, _)| name.text == "missing");
            missing.map(|(name, _)| (encoding.name(), name))
        }) {
            return Err(Diagnostic::error(Code::Schema, format!("behind `{step}` no number is missing"))
                .label(name.span, "does nothing")
                .help("a missing value is a category as any other"));
        }
        let kind = kind.unwrap_or(Type::Number);
        let transforms = stages.iter().map(transform).collect::<Result<Vec<_>, _>>()?.concat();
        let made = made(line)?;
        let separator = list.map(|list| elements(list, &made, &kind, encoding)).transpose()?;
        let of = made.len();
        for (index, (name, from)) in made.into_iter().enumerate() {
            self.mention(std::slice::from_ref(&from));
            let (kind, transforms) = (kind.clone(), transforms.clone());
            let element = separator.clone().map(|separator| Element { separator, index, of });
            self.schema.dense.push(DenseColumn { name, from, kind, encoding, element, transforms });
        }
        Ok(())
    }
}

/// What stands between the numbers of a list, of which each column of a line is one.
fn elements(
    (name, args): &(Name, Vec<Arg>),
    made: &[(String, String)],
    kind: &Type,
    encoding: Option<Encoding>,
) -> Result<String, Diagnostic> {
    let called = called(name, args);
    called.only(&["separator"])?;
    if encoding.is_some() || !matches!(kind, Type::Number | Type::Int) {
        return Err(Diagnostic::error(Code::Schema, "a dense list is of numbers").label(name.span, "these are none"));
    }
    if made.iter().any(|(_, from)| *from != made[0].1) {
        return Err(Diagnostic::error(Code::Schema, "a list is one column of the file")
            .label(name.span, "of several columns")
            .help("name what its values become, and where they stand: `dense v[1..8] from vector | list(\" \")`"));
    }
    separator(&called, &["separator"])
}

/// What makes a number of a category, if a step does.
fn encoding((name, args): &(Name, Vec<Arg>)) -> Result<Option<Encoding>, Diagnostic> {
    const TARGET: [&str; 2] = ["folds", "smoothing"];
    let called = called(name, args);
    match name.text.as_str() {
        "target" => {
            called.only(&TARGET)?;
            let folds = called.whole(&TARGET, "folds", 5)?;
            let smoothing = called.real(&TARGET, "smoothing", 20.0, 0.0, 1e9)?;
            if !(2..=u64::from(Encoding::MOST_FOLDS)).contains(&folds) {
                let place = called.expr(&TARGET, "folds").map_or(name.span, |given| given.span);
                return Err(Diagnostic::error(Code::Schema, format!("{folds} folds are not understood"))
                    .label(place, format!("expected 2 to {}", Encoding::MOST_FOLDS))
                    .help("a training row's number is worked out from the other folds than its own"));
            }
            Ok(Some(Encoding::Target { folds: folds as u32, smoothing }))
        }
        "count" => called.only(&[]).map(|()| Some(Encoding::Count)),
        _ => Ok(None),
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
        "list" => Err(Diagnostic::error(Code::Schema, "`list` comes before other steps")
            .label(name.span, "it says what the numbers are that they are of")),
        "target" | "count" => Err(Diagnostic::error(Code::Schema, format!("`{}` comes before other steps", name.text))
            .label(name.span, "what is here is a number already")),
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
