//! The section `tune` of a recipe: what of a training is tuned for each model, and over what.

use super::settings::{Settings, number};
use crate::diagnostics::{Code, Diagnostic};
use crate::recipe::{Domain, KNOBS, Knob, Optimiser, Retrain, SCHEDULES, Schedule, Tune};
use crate::syntax::tree::{Expr, ExprKind};

pub(super) const TUNE: &str = "tune";

/// What is tuned, where the section is there.
pub(super) fn tune(s: &mut Settings, retrain: &Retrain) -> Option<Tune> {
    let opened = s.place(TUNE).filter(|_| s.has_section(TUNE));
    let says_any = KNOBS.iter().any(|(_, name)| s.place(&format!("{TUNE}.{name}")).is_some());
    let (trials, top) = (s.count("tune.trials", 12), s.count("tune.top", 1) as usize);
    let over = KNOBS.into_iter().filter_map(|(knob, name)| {
        let key = format!("{TUNE}.{name}");
        let domain = s.get(&key, None, &expected(knob), |expr| domain(knob, expr).map(Some))?;
        if let Some(why) = idle(knob, retrain) {
            let place = s.place(&key).unwrap_or_else(|| s.owner());
            s.diagnostics
                .push(Diagnostic::error(Code::Recipe, format!("`{key}` would change nothing")).label(place, why));
        }
        Some((knob, domain))
    });
    let over: Vec<(Knob, Domain)> = over.collect();
    if let (Some(place), false) = (opened, says_any) {
        s.diagnostics.push(
            Diagnostic::error(Code::Recipe, "`tune` tunes nothing")
                .label(place, "says no setting")
                .help("such as `tune { lr: log(3e-4, 1e-2); batch: [256, 1_024] }`"),
        );
    }
    (!over.is_empty()).then_some(Tune { trials, top, over })
}

/// Why a number makes no difference in this recipe, if so.
fn idle(knob: Knob, retrain: &Retrain) -> Option<&'static str> {
    match (knob, retrain.optimiser, retrain.schedule) {
        (Knob::WeightDecay, Optimiser::Adagrad { .. }, _) => Some("`adagrad` has no weight decay"),
        (Knob::Schedule, _, Schedule::Plateau { .. }) => {
            Some("`retrain.schedule` is `plateau`, whose cuts follow from the figures")
        }
        _ => None,
    }
}

fn expected(knob: Knob) -> String {
    let (lo, hi) = knob.bounds();
    match knob {
        Knob::Schedule => "a list such as `[constant, cosine]`".to_owned(),
        _ if knob.is_whole() => {
            format!("`integers(lo, hi)`, `log(lo, hi)` with lo < hi, or a list of whole numbers, from {lo} to {hi}")
        }
        _ => format!("`uniform(lo, hi)`, `log(lo, hi)` with 0 < lo < hi, or a list of numbers, from {lo} to {hi}"),
    }
}

/// What an expression offers, where all of it is allowed.
fn domain(knob: Knob, expr: &Expr) -> Option<Domain> {
    let domain = match &expr.kind {
        ExprKind::List(items) => {
            let value = |item: &Expr| match (&item.kind, knob) {
                (ExprKind::Name(name), Knob::Schedule) => {
                    SCHEDULES.iter().position(|known| known == name).map(|index| index as f64)
                }
                (_, Knob::Schedule) => None,
                _ => number(item),
            };
            let values = items.iter().map(value).collect::<Option<Vec<f64>>>()?;
            (!values.is_empty()).then_some(Domain::OneOf(values))?
        }
        ExprKind::Call { callee, args } if knob != Knob::Schedule => {
            let [lo, hi] = args.as_slice() else { return None };
            let (lo, hi) = (number(&lo.value)?, number(&hi.value)?);
            if lo >= hi || args.iter().any(|arg| arg.name.is_some()) {
                return None;
            }
            match callee.text.as_str() {
                "uniform" if !knob.is_whole() => Domain::Uniform(lo, hi),
                "log" if lo > 0.0 => Domain::Log(lo, hi),
                "integers" => Domain::Integers(lo, hi),
                _ => return None,
            }
        }
        _ => return None,
    };
    let (least, most) = knob.bounds();
    let (lo, hi) = domain.ends();
    let whole = match &domain {
        Domain::OneOf(values) => values.iter().all(|value| value.fract() == 0.0),
        Domain::Uniform(lo, hi) | Domain::Log(lo, hi) | Domain::Integers(lo, hi) => {
            lo.fract() == 0.0 && hi.fract() == 0.0
        }
    };
    let is_whole = whole || !(knob.is_whole() || matches!(domain, Domain::Integers(..)));
    (lo >= least && hi <= most && is_whole).then_some(domain)
}
