//! Sizes and conditions.

use super::{Generator, Scope, Table};

type Way = fn(&mut Generator, &Scope) -> String;

const SIZES: Table<Way> = &[
    (6, literal),
    (6, named),
    (2, |g, s| format!("{} + {}", named(g, s), literal(g, s))),
    (1, |g, s| format!("2 * {}", named(g, s))),
    (1, |g, s| format!("max({}, {})", named(g, s), literal(g, s))),
    (1, |g, s| format!("min({}, {})", named(g, s), literal(g, s))),
    (1, |g, s| format!("round(sqrt({} * 4))", named(g, s))),
    (1, |g, s| match s.widths.is_empty() {
        true => literal(g, s),
        false => format!("round({} / 2)", g.one(&s.widths)),
    }),
    (1, |g, s| format!("(1 + {}) * 2 - 1", named(g, s))),
];

const CONDITIONS: Table<Way> = &[
    (4, |g, s| compared(g, s)),
    (3, |g, s| switch(g, s)),
    (1, |g, s| format!("not ({})", compared(g, s))),
    (1, |g, s| format!("{} and {}", compared(g, s), switch(g, s))),
    (1, |g, s| format!("{} or {}", switch(g, s), compared(g, s))),
];

fn literal(g: &mut Generator, _: &Scope) -> String {
    g.one(&["1", "2", "3", "5", "8", "12", "16", "24", "1_6", "1.6e1", "0.032K"]).to_owned()
}

fn named(g: &mut Generator, s: &Scope) -> String {
    match s.sizes.is_empty() {
        true => literal(g, s),
        false => g.one(&s.sizes),
    }
}

fn compared(g: &mut Generator, s: &Scope) -> String {
    let sign = g.one(&["==", "!=", "<", ">", "<=", ">="]);
    format!("{} {sign} {}", named(g, s), literal(g, s))
}

impl Generator {
    /// A size, as source; as loose as a sum.
    pub(super) fn size(&mut self, scope: &Scope) -> String {
        self.pick(SIZES)(self, scope)
    }

    pub(super) fn condition(&mut self, scope: &Scope) -> String {
        self.pick(CONDITIONS)(self, scope)
    }

    /// Values for a width, all of them multiples of 8.
    pub(super) fn widths(&mut self) -> String {
        match self.below(5) {
            0 if !self.width_lists.is_empty() => self.one(&self.width_lists.clone()),
            1 => "8..32 step 8".to_owned(),
            2 => "[8, 16, 24,]".to_owned(),
            _ => self.one(&["[8, 16]", "[16]", "[8, 24, 32]", "[64, 8]"]).to_owned(),
        }
    }

    /// The name of a number, or a number.
    pub(super) fn number(&mut self) -> String {
        match self.numbers.is_empty() || self.chance(70) {
            true => self.one(&["4", "8", "16"]).to_owned(),
            false => self.one(&self.numbers.clone()),
        }
    }
}

pub(super) fn switch(g: &mut Generator, s: &Scope) -> String {
    match g.below(3) {
        0 if !s.switches.is_empty() => g.one(&s.switches),
        1 => "normalise".to_owned(),
        _ => g.one(&["on", "off", "true", "false"]).to_owned(),
    }
}
