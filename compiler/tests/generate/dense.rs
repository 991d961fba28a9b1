//! Dense expressions. Each is as wide as it is asked to be.

use super::sizes::switch;
use super::statements::{shared, width_inside};
use super::{Dense, Generator, Hole, Scope, Table};

/// An expression of this width; `None` where this construct does not suit the place.
type Way = fn(&mut Generator, &mut Scope, width: &str, depth: usize) -> Option<String>;

const DENSE: Table<Way> = &[
    (6, known),
    (6, linear),
    (3, element_wise),
    (1, dropout),
    (2, |g, s, w, d| Some(format!("{} + {}", g.dense(s, w, d), g.tight(s, w, d)))),
    (1, |g, s, w, d| Some(format!("{} * {}", g.tight(s, w, d), g.tight(s, w, d)))),
    (1, |g, s, w, d| Some(format!("{} - {}", g.dense(s, w, d), g.tight(s, w, d)))),
    (1, |g, s, w, d| Some(format!("scale({}, {})", g.dense(s, w, d), g.dense(s, "1", d)))),
    (2, with_maybe),
    (3, choose),
    (2, choose_some),
    (2, repeat),
    (3, branch),
    (3, call),
    (2, shipped),
    (2, pick_one),
    (3, use_of_shared),
];

impl Generator {
    /// A dense expression of this width, as source.
    pub(super) fn dense(&mut self, scope: &mut Scope, width: &str, depth: usize) -> String {
        for _ in 0..if depth == 0 { 0 } else { 4 } {
            let way = self.pick(DENSE);
            if let Some(made) = way(self, scope, width, depth - 1) {
                return made;
            }
        }
        known(self, scope, width, 0).or_else(|| linear(self, scope, width, 0)).expect("a linear layer always suits")
    }

    /// The same, fit to be an operand.
    fn tight(&mut self, scope: &mut Scope, width: &str, depth: usize) -> String {
        let made = self.dense(scope, width, depth);
        if made.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') { made } else { format!("({made})") }
    }

    /// A dense expression of any width.
    pub(super) fn any_dense(&mut self, scope: &mut Scope, depth: usize) -> String {
        match self.below(8) {
            0 if !scope.sparse.is_empty() => {
                let s = self.any_sparse(scope, depth);
                let op = self.one(&["flatten", "sum_fields", "sum_last", "mean_last", "max_last"]);
                format!("{op}({})", s.name)
            }
            1 if !scope.sparse.is_empty() => {
                // With a field more there are pairs, whatever the table.
                let s = self.any_sparse(scope, depth);
                format!("lower_triangle(gram(concat({0}, linear_fields({0}, 1))))", s.name)
            }
            2 if depth > 0 => {
                let (a, b) = (self.any_dense(scope, depth - 1), self.any_dense(scope, depth - 1));
                format!("concat({a}, {b})")
            }
            3 if self.take_choice(scope) => {
                let sources: Vec<Dense> = sources(self, scope);
                if let (Some((dense, _)), true) = (scope.earlier.clone(), self.chance(60)) {
                    let count = self.one(&["1..2", "1..4", "1", "1..1"]);
                    return format!("concat(pick {count} from earlier.{dense})");
                }
                if sources.len() < 2 {
                    scope.choice_free = true;
                    return sources[0].name.clone();
                }
                let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
                let value = format!("[{}]", names[0]);
                scope.choice_free = true;
                self.record(scope, &value);
                format!("concat(pick 1..{} from [{}])", names.len(), names.join(", "))
            }
            _ => {
                let width = self.size(scope);
                match self.chance(60) {
                    true => self.one(&scope.dense).name,
                    false => self.dense(scope, &width, depth),
                }
            }
        }
    }

    /// Makes something whose choices no architecture names: they need not exist.
    fn unrecorded(&mut self, make: impl FnOnce(&mut Self) -> String) -> String {
        self.choices.push((None, String::new(), "inside".to_owned()));
        let made = make(self);
        self.choices.pop();
        made
    }

    /// Remembers the value that the choice of the path at hand can have, for architectures.
    fn record(&mut self, scope: &mut Scope, value: &str) {
        scope.choice_free = false;
        self.used_choice = true;
        if let Some((_, _, last)) = self.choices.last_mut()
            && last.is_empty()
        {
            value.clone_into(last);
        }
    }
}

/// Some tensors with different names.
fn sources(g: &mut Generator, s: &Scope) -> Vec<Dense> {
    let mut all = s.dense.clone();
    while all.len() > 4 {
        all.remove(g.below(all.len()));
    }
    all
}

fn known(g: &mut Generator, s: &mut Scope, width: &str, _: usize) -> Option<String> {
    let all: Vec<String> =
        s.dense.iter().filter(|dense| dense.width == width).map(|dense| dense.name.clone()).collect();
    (!all.is_empty()).then(|| g.one(&all))
}

fn linear(g: &mut Generator, s: &mut Scope, width: &str, depth: usize) -> Option<String> {
    let x = if depth == 0 { g.one(&s.dense).name } else { g.any_dense(s, depth) };
    let bias = match g.below(4) {
        0 => format!(", bias: {}", g.one(&["on", "off", "not normalise"])),
        _ => String::new(),
    };
    Some(format!("linear({x}, {width}{bias})"))
}

fn element_wise(g: &mut Generator, s: &mut Scope, width: &str, depth: usize) -> Option<String> {
    let op = g.one(&["relu", "sigmoid", "tanh", "square", "layer_norm", "batch_norm", "shift", "norm", "softmax"]);
    Some(format!("{op}({})", g.dense(s, width, depth)))
}

fn dropout(g: &mut Generator, s: &mut Scope, width: &str, depth: usize) -> Option<String> {
    let rate = g.one(&["0", "5%", "0.5", "1 / 3"]);
    Some(format!("dropout({}, {rate})", g.dense(s, width, depth)))
}

fn with_maybe(g: &mut Generator, s: &mut Scope, width: &str, depth: usize) -> Option<String> {
    if !g.take_choice(s) {
        return None;
    }
    let always = g.dense(&mut Scope { choice_free: false, ..s.clone() }, width, depth);
    g.record(s, "on");
    Some(format!("{always} + maybe {}", g.tight(&mut Scope { choice_free: false, ..s.clone() }, width, depth)))
}

/// Alternatives, each on a path of its own.
fn alternatives(g: &mut Generator, s: &Scope, width: &str, depth: usize, count: usize) -> (Vec<String>, Vec<String>) {
    let mut labels = Vec::new();
    let mut written = Vec::new();
    for _ in 0..count {
        let label = g.name("a");
        let mut inner = s.clone();
        inner.choice_free = g.chance(30);
        let body = g.unrecorded(|g| match g.chance(30) {
            true => body(g, &mut inner, width, depth),
            false => g.dense(&mut inner, width, depth),
        });
        written.push(format!("{label}: {body}"));
        labels.push(label);
    }
    (labels, written)
}

/// Bindings and a value, on one line.
fn body(g: &mut Generator, s: &mut Scope, width: &str, depth: usize) -> String {
    let y = g.name("y");
    let own = g.size(s);
    let mut value = s.clone();
    value.choice_free = false;
    let bound = g.dense(&mut value, &own, depth);
    value.dense.push(Dense { name: y.clone(), width: own });
    let mut lines = vec![format!("let {y} = {bound}")];
    if s.open && g.chance(15) {
        lines.push(width_inside(g, &mut value));
    }
    if g.chance(20) {
        lines.extend(shared(g, &mut value));
    }
    format!("{{ {}; {} }}", lines.join("; "), g.dense(&mut value, width, depth))
}

fn separated(g: &mut Generator, written: &[String]) -> String {
    match g.chance(50) {
        true => format!("{{ {} }}", written.join("; ")),
        false => format!("{{\n{}\n}}", written.join("\n")),
    }
}

fn choose(g: &mut Generator, s: &mut Scope, width: &str, depth: usize) -> Option<String> {
    if !g.take_choice(s) {
        return None;
    }
    let count = g.below(3) + 1;
    let (labels, written) = alternatives(g, s, width, depth, count);
    g.record(s, &labels[0]);
    Some(format!("choose {}", separated(g, &written)))
}

fn choose_some(g: &mut Generator, s: &mut Scope, width: &str, depth: usize) -> Option<String> {
    if !g.take_choice(s) {
        return None;
    }
    let (labels, written) = alternatives(g, s, width, depth, 3);
    let count = g.one(&["1..2", "2", "1..3", "2..3"]);
    g.record(s, &format!("[{}, {}]", labels[0], labels[2]));
    Some(format!("choose {count} {}", separated(g, &written)))
}

fn repeat(g: &mut Generator, s: &mut Scope, width: &str, depth: usize) -> Option<String> {
    if !g.take_choice(s) {
        return None;
    }
    let (count, value) = g.one(&[("1..3", "2"), ("0..2", "0"), ("2..4", "4")]);
    let start = g.tight(&mut Scope { choice_free: false, ..s.clone() }, width, depth.min(1));
    let h = g.name("h");
    let mut inner = s.clone();
    inner.choice_free = g.chance(30);
    inner.dense.push(Dense { name: h.clone(), width: width.to_owned() });
    let body = g.unrecorded(|g| body(g, &mut inner, width, depth));
    g.record(s, value);
    Some(format!("repeat {count} from {start} as {h} {body}"))
}

fn branch(g: &mut Generator, s: &mut Scope, width: &str, depth: usize) -> Option<String> {
    let condition = match g.chance(30) {
        true => {
            // As wide as wanted already, or made so.
            let x = g.one(&s.dense);
            let wide = format!("if {}.width == {width} {{ {0} }} else {{ linear({0}, {width}) }}", x.name);
            return Some(wide);
        }
        false => g.condition(s),
    };
    // A branch that is never taken makes no choices.
    if g.chance(15) {
        let mut inner = s.clone();
        let then = g.unrecorded(|g| body(g, &mut inner, width, depth));
        return Some(format!("if {condition} {then} else {{ {} }}", g.dense(s, width, 0)));
    }
    let then = g.unrecorded(|g| g.dense(s, width, depth));
    let otherwise = g.unrecorded(|g| g.dense(s, width, depth));
    if g.chance(20) {
        let (other, last) = (g.condition(s), g.dense(s, width, 0));
        return Some(format!("if {condition} {{ {then} }} else if {other} {{ {otherwise} }} else {{ {last} }}"));
    }
    Some(format!("if {condition} {{ {then} }} else {{ {otherwise} }}"))
}

fn call(g: &mut Generator, s: &mut Scope, width: &str, depth: usize) -> Option<String> {
    let ops = g.ops.clone();
    let usable: Vec<_> = ops.into_iter().filter(|op| !op.takes_sparse || !s.sparse.is_empty()).collect();
    if usable.is_empty() {
        return None;
    }
    let op = g.one(&usable);
    if op.has_choices {
        if !g.take_choice(s) {
            return None;
        }
        // The choices inside have names of their own, which nobody remembers.
        g.choices.pop_if(|(_, _, value)| value.is_empty());
    }
    let x = g.dense(&mut Scope { choice_free: s.choice_free && !op.has_choices, ..s.clone() }, width, depth.min(1));
    let mut args = vec![x];
    if op.takes_sparse {
        args.push(g.one(&s.sparse).name);
    }
    args.push(if g.chance(50) { format!("w: {width}") } else { width.to_owned() });
    if op.takes_switch && g.chance(60) {
        args.push(format!("b: {}", switch(g, s)));
    }
    // A call with a choice among its arguments is simply not asked for one more.
    s.choice_free = false;
    Some(format!("{}({})", op.name, args.join(", ")))
}

fn shipped(g: &mut Generator, s: &mut Scope, width: &str, _: usize) -> Option<String> {
    let (a, b) = (g.one(&s.dense).name, g.one(&s.dense).name);
    Some(match g.below(3) {
        0 => format!("fc({a}, {width})"),
        1 => format!("gating({a}, {b}, {width})"),
        _ => format!("plus(left: {a}, right: {b}, w: {width})"),
    })
}

fn pick_one(g: &mut Generator, s: &mut Scope, width: &str, _: usize) -> Option<String> {
    let (dense, _) = s.earlier.clone()?;
    if !g.take_choice(s) {
        return None;
    }
    Some(format!("linear(pick 1 from earlier.{dense}, {width})"))
}

fn use_of_shared(g: &mut Generator, s: &mut Scope, width: &str, depth: usize) -> Option<String> {
    let known: Vec<_> = s.shared.iter().filter(|shared| shared.width == width).cloned().collect();
    let shared = (!known.is_empty()).then(|| g.one(&known))?;
    let mut inner = Scope { choice_free: false, ..s.clone() };
    let mut args = Vec::new();
    for (hole, size) in &shared.holes {
        args.push(match hole {
            Hole::Dense => g.dense(&mut inner, size, depth.min(1)),
            Hole::Size => size.clone(),
        });
    }
    Some(format!("{}({})", shared.name, args.join(", ")))
}
