//! Ways of searching and ways of sampling paths, as a recipe names them: each is its reader here and its line in a list.

use super::settings::{Called, Settings, number, whole};
use crate::diagnostics::{Code, Diagnostic};
use crate::recipe::{Counts, Method, Paths};
use crate::syntax::tree::{Expr, ExprKind};

/// Reads the section of a way of searching.
type ReadMethod = fn(&mut Settings) -> Method;

/// Ways of searching: one by its name, or each a section of its own.
pub(super) const METHODS: [(&str, ReadMethod); 4] =
    [(METHOD, named), ("evolve", evolve), ("random", random), (TRIALS, trials)];

/// Which way, where it is only named.
pub(super) const METHOD: &str = "method";

/// The way that trains no supernet.
pub(super) const TRIALS: &str = "trials";

/// How long a search may take.
pub(super) const BUDGET: &str = "budget";

/// What is said of a supernet, and how candidates are evaluated with it.
pub(super) const OF_SUPERNETS: [&str; 4] = ["train", "evaluate.finetune", "evaluate.validate", "evaluate.recalibrate"];

/// Reads the way of sampling paths that was called.
type ReadPaths = fn(&Called<'_>) -> Result<Paths, Diagnostic>;

/// Ways of sampling paths, by name.
const PATHS: [(&str, ReadPaths); 3] =
    [("single_operator_any_connection", single_operator_any_connection), ("fair", fair), ("sandwich", sandwich)];

/// The way of searching of a recipe.
pub(super) fn method(s: &mut Settings) -> Method {
    let opened = METHODS.map(|(section, read)| s.has_section(section).then_some((section, read)));
    let opened: Vec<_> = opened.into_iter().flatten().collect();
    if let [(first, _), (second, _), ..] = opened[..] {
        let names = METHODS.map(|(section, _)| format!("`{section}`")).join(" or ");
        s.both(&format!("a search is either {names}"), [first, second]);
    }
    match opened.last() {
        Some((_, read)) => read(s),
        // Who says how a supernet is trained, and not how long it may take, has one.
        None if s.place(BUDGET).is_none() && OF_SUPERNETS.iter().any(|key| s.has_section(key)) => evolve(s),
        None => Method::Auto,
    }
}

/// A way with all its defaults.
fn named(s: &mut Settings) -> Method {
    s.called(METHOD, Method::Auto, &["auto", "nasrec"], |called| {
        called.only(&[])?;
        Ok(if called.name == "nasrec" { NASREC } else { Method::Auto })
    })
}

/// The paper's numbers, taken too for what is not said in `evolve`.
pub(super) const NASREC: Method = Method::Evolve { population: 128, generations: 240, children: 8, tournament: 64 };

/// Most generations of a search: years of them, and no more candidates than can be counted.
const MAX_GENERATIONS: u64 = 1_000_000;

fn evolve(s: &mut Settings) -> Method {
    let Method::Evolve { population, generations, children, tournament } = NASREC else { return NASREC };
    Method::Evolve {
        population: s.count("evolve.population", population as u64) as usize,
        generations: s.up_to("evolve.generations", generations, MAX_GENERATIONS),
        children: s.count("evolve.children", children as u64) as usize,
        tournament: s.count("evolve.tournament", tournament as u64) as usize,
    }
}

fn random(s: &mut Settings) -> Method {
    Method::Random { samples: s.count("random.samples", 2048) }
}

fn trials(s: &mut Settings) -> Method {
    let usual = Method::trials(s.place(BUDGET).map(|_| 0.0));
    let Method::Trials { candidates, first, seeds } = usual else { return usual };
    Method::Trials {
        candidates: s.count("trials.candidates", candidates),
        first: s.count("trials.first", first),
        seeds: s
            .get("trials.seeds", seeds, "a whole number from 1 to 20", |e| whole(e).filter(|n| (1..=20).contains(n))),
    }
}

/// The way of sampling paths of a recipe.
pub(super) fn paths(s: &mut Settings, key: &str) -> Paths {
    let default = Paths::SingleOperatorAnyConnection { counts: COUNTS };
    s.called(key, default, &PATHS.map(|(name, _)| name), |called| {
        let (_, read) = PATHS.iter().find(|(name, _)| *name == called.name).unwrap_or(&PATHS[0]);
        read(called)
    })
}

fn single_operator_any_connection(called: &Called<'_>) -> Result<Paths, Diagnostic> {
    called.only(&["counts"])?;
    let counts = called.expr(&["counts"], "counts").map_or(Ok(COUNTS), counts)?;
    Ok(Paths::SingleOperatorAnyConnection { counts })
}

fn fair(called: &Called<'_>) -> Result<Paths, Diagnostic> {
    called.only(&[])?;
    Ok(Paths::Fair)
}

/// Most random paths between two largest ones: with more of them neither end is trained to speak of.
const MOST_RANDOM: u64 = 100;

fn sandwich(called: &Called<'_>) -> Result<Paths, Diagnostic> {
    const TAKES: [&str; 2] = ["random", "counts"];
    called.only(&TAKES)?;
    let random = called.expr(&TAKES, "random").map_or(Ok(2), |expr| {
        whole(expr).filter(|many| (1..=MOST_RANDOM).contains(many)).ok_or_else(|| {
            Diagnostic::error(Code::Recipe, "`random` is not understood")
                .label(expr.span, format!("expected a whole number from 1 to {MOST_RANDOM}"))
        })
    })?;
    let counts = called.expr(&TAKES, "counts").map_or(Ok(COUNTS), counts)?;
    Ok(Paths::Sandwich { random, counts })
}

const COUNTS: Counts = Counts::Binomial(0.5);

fn counts(expr: &Expr) -> Result<Counts, Diagnostic> {
    match &expr.kind {
        ExprKind::Name(name) if name == "uniform" => return Ok(Counts::Uniform),
        ExprKind::Call { callee, args } if callee.text == "binomial" && args.len() == 1 => {
            if let Some(p) = number(&args[0].value).filter(|p| (0.0..=1.0).contains(p)) {
                return Ok(Counts::Binomial(p));
            }
        }
        _ => {}
    }
    Err(Diagnostic::error(Code::Recipe, "`counts` is not understood")
        .label(expr.span, "expected `uniform` or `binomial(p)` with p from 0 to 1"))
}
