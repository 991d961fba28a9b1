//! `require` and `forbid`. What is demanded holds where every choice has the value that it is remembered with, so that
//! something satisfies it.

use super::{Choice, Generator, Scope, Table};

/// A condition that holds; `None` where it does not suit what is there.
type Way = fn(&mut Generator, &[Choice], depth: usize) -> Option<String>;

const CONDITIONS: Table<Way> = &[
    (8, single),
    (2, pair),
    (3, over_many),
    (2, |g, _, _| Some(cost(g))),
    (1, |g, _, _| Some(known(g))),
    (1, |g, c, d| Some(format!("{} and {}", tight(g, c, d), tight(g, c, d)))),
    (1, |g, c, d| Some(format!("{} or not {}", tight(g, c, d), tight(g, c, d)))),
    (2, |g, c, d| Some(format!("{} implies {}", tight(g, c, d), tight(g, c, d)))),
    (1, |g, c, d| Some(format!("not {} implies {}", tight(g, c, d), tight(g, c, d)))),
    // A `maybe` is a condition, but compares with `on` and `off` only.
    (1, |g, c, d| Some(format!("(on and {}) == (on and {})", tight(g, c, d), tight(g, c, d)))),
];

/// A statement, or a setting of a search, about these choices.
pub(super) fn demand(g: &mut Generator, choices: &[Choice]) {
    let (a, b) = (holds(g, choices, 2), holds(g, choices, 2));
    let line = match g.below(4) {
        0 => format!("forbid not ({a})"),
        1 => format!("forbid not ({a}), not ({b})"),
        2 => format!("require {a}, {b}"),
        _ => format!("require {a}"),
    };
    g.line(&line);
}

/// The choices of the place at hand, as they are named there.
pub(super) fn statement(g: &mut Generator, s: &mut Scope) {
    // An operator demands nothing.
    if g.block.is_none() && s.earlier.is_some() || s.in_operator {
        return;
    }
    // What any table is.
    if let Some(fields) = s.categorical.clone().filter(|_| g.below(4) == 0) {
        let line = g.one(&[
            "require F.count >= 1",
            "require F.count * F.count >= F.count and on",
            "forbid F.count < 1",
            "forbid F.count / 3 > F.count, min(F.count, 7) > 7",
        ]);
        g.line(&line.replace('F', &fields));
        return;
    }
    let inside = g.block.clone();
    // What a parameter decides may not have its value.
    let known = g.choices.iter().filter(|(block, name, _)| (inside.is_none() || *block == inside) && name != "v");
    let choices: Vec<Choice> = known
        .map(|(block, name, value)| (block.clone().filter(|_| inside.is_none()), name.clone(), value.clone()))
        .collect();
    demand(g, &choices);
}

fn holds(g: &mut Generator, choices: &[Choice], depth: usize) -> String {
    for _ in 0..4 {
        let way = if depth == 0 { single } else { g.pick(CONDITIONS) };
        if let Some(made) = way(g, choices, depth.saturating_sub(1)) {
            return made;
        }
    }
    known(g)
}

fn tight(g: &mut Generator, choices: &[Choice], depth: usize) -> String {
    format!("({})", holds(g, choices, depth))
}

fn path((block, name, _): &Choice) -> String {
    block.as_ref().map_or(name.clone(), |block| format!("{block}.{name}"))
}

/// What holds of a choice of this value.
fn about(g: &mut Generator, c: &str, v: &str) -> String {
    if v.parse::<u32>().is_ok() {
        return match g.below(10) {
            0 => format!("{c} <= {v}"),
            1 => format!("{c} in {v}..64"),
            2 => format!("{c} in {v}..64 step 8"),
            3 => format!("{c} in [3, {v}, 64]"),
            4 => format!("not ({c} != {v})"),
            5 => format!("2 * {c} - {v} == {v}"),
            6 => format!("max({c}, {v}) == min({v}, {c})"),
            7 => format!("round(sqrt({c} * {c})) >= {v}"),
            8 => format!("{v} >= {c}"),
            _ => format!("{c} == {v}"),
        };
    }
    if let Some(set) = v.strip_prefix('[') {
        let count = set.split(',').count();
        let first = set.trim_end_matches(']').split(", ").next().expect("one at least");
        return match g.below(5) {
            0 => format!("{c} == {v}"),
            1 => format!("count({c}) == {count}"),
            2 => format!("count({c}) in 1..{count}"),
            _ => format!("{first} in {c}"),
        };
    }
    match (g.below(5), v) {
        (0, "on") => c.to_owned(),
        (1, "on") => format!("not ({c} == off)"),
        (0 | 1, _) => format!("{c} in [{v}]"),
        (2, _) => format!("not ({c} != {v})"),
        (3, _) => format!("count({c}) == 1"),
        _ => format!("{c} == {v}"),
    }
}

fn single(g: &mut Generator, choices: &[Choice], _: usize) -> Option<String> {
    let choice = (!choices.is_empty()).then(|| g.one(choices))?;
    Some(about(g, &path(&choice), &choice.2))
}

/// Two numbers compared, or the sum of some.
fn pair(g: &mut Generator, choices: &[Choice], _: usize) -> Option<String> {
    let numbers: Vec<Choice> = choices.iter().filter(|(_, _, v)| v.parse::<u32>().is_ok()).cloned().collect();
    let (a, b) = (!numbers.is_empty()).then(|| (g.one(&numbers), g.one(&numbers)))?;
    let number = |choice: &Choice| choice.2.parse::<u32>().expect("these are numbers");
    let (x, y) = (number(&a), number(&b));
    let (a, b) = (path(&a), path(&b));
    Some(match g.below(3) {
        0 => format!("{a} + {b} <= {}", x + y),
        1 => format!("{a} * {b} == {}", x * y),
        _ if x <= y => format!("{a} <= {b}"),
        _ => format!("{a} > {b}"),
    })
}

/// What holds of the first instance, said of several.
fn over_many(g: &mut Generator, choices: &[Choice], _: usize) -> Option<String> {
    let inside: Vec<Choice> = choices.iter().filter(|(block, _, _)| block.is_some()).cloned().collect();
    let (block, name, v) = (!inside.is_empty()).then(|| g.one(&inside))?;
    let family = block?.strip_suffix("[1]").expect("it is the first").to_owned();
    let i = g.name("i");
    let each = about(g, &format!("{family}[{i}].{name}"), &v);
    Some(match g.below(6) {
        0 => format!("any({} for {i} in {family})", about(g, &format!("{i}.{name}"), &v)),
        1 => format!("all({each} for {i} in [1])"),
        2 => format!("count({each} for {i} in 1..3) >= 1"),
        3 if v.parse::<u32>().is_ok() => format!("sum({family}[{i}].{name} for {i} in 1..1) == {v}"),
        4 => {
            let j = g.name("j");
            format!("any({family}[{i}].{name} == {family}[{j}].{name} for {i} in 1..2 for {j} in {i}..2)")
        }
        _ => format!("any({each} for {i} in 1..3)"),
    })
}

fn cost(g: &mut Generator) -> String {
    g.one(&[
        "macs >= 0",
        "params.dense + params.embedding <= 1e15",
        "bytes.activations <= 64GiB",
        "bytes.activations / 2 > 1B - 1B",
        "macs < 1e15 and params.embedding >= 0",
        "ops <= 1e15 and ops + macs >= ops",
    ])
    .to_owned()
}

fn known(g: &mut Generator) -> String {
    g.one(&["on", "normalise or not normalise", "not (1 > 2)", "8 in [8, 16]", "3 in 1..4", "64KiB > 1KB"]).to_owned()
}
