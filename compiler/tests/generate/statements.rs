//! The statements of spaces and blocks, and the `let`s of operators.

use super::{Dense, Generator, Hole, Scope, Shared, Sparse, Table, demands};

type Way = fn(&mut Generator, &mut Scope);

const STATEMENTS: Table<Way> = &[
    (12, bind_dense),
    (6, bind_sparse),
    (4, width),
    (2, bind_size),
    (2, bind_switch),
    (2, bind_any),
    (2, share),
    (3, demands::statement),
];

impl Generator {
    pub(super) fn statement(&mut self, scope: &mut Scope) {
        self.remark();
        self.pick(STATEMENTS)(self, scope);
    }

    /// Begins a path whose choice may be named by an architecture.
    pub(super) fn begin(&mut self, scope: &mut Scope, name: &str) {
        scope.choice_free = true;
        self.choices.push((self.block.clone(), name.to_owned(), String::new()));
    }

    pub(super) fn end(&mut self, scope: &mut Scope) {
        scope.choice_free = false;
        self.choices.pop_if(|(_, _, value)| value.is_empty());
    }
}

pub(super) fn bind_dense(g: &mut Generator, s: &mut Scope) {
    if s.dense.is_empty() {
        return;
    }
    let (name, width) = (g.name("x"), g.size(s));
    g.begin(s, &name);
    let value = g.dense(s, &width, 3);
    g.end(s);
    g.line(&format!("let {name} = {value}"));
    s.sizes.push(format!("{name}.width"));
    s.dense.push(Dense { name, width });
}

fn bind_any(g: &mut Generator, s: &mut Scope) {
    if s.dense.is_empty() {
        return;
    }
    let name = g.name("z");
    g.begin(s, &name);
    let value = g.any_dense(s, 2);
    g.end(s);
    g.line(&format!("let {name} = {value}"));
    s.dense.push(Dense { width: format!("{name}.width"), name });
}

pub(super) fn bind_sparse(g: &mut Generator, s: &mut Scope) {
    if s.sparse.is_empty() && s.categorical.is_none() {
        return bind_dense(g, s);
    }
    let name = g.name("s");
    s.choice_free = true;
    let (value, sparse) = g.sparse(s, &name);
    s.choice_free = false;
    g.line(&format!("let {name} = {value}"));
    // Heads divide only dimensions that are known.
    if sparse.dim.ends_with(".dim") {
        let name = g.name("s");
        let dim = g.number();
        g.line(&format!("let {name} = linear({}, {dim})", sparse.name));
        return s.sparse.push(Sparse { fields: format!("{name}.fields"), name, dim });
    }
    s.sparse.push(sparse);
}

fn width(g: &mut Generator, s: &mut Scope) {
    if !s.open || g.block.is_none() && s.earlier.is_some() {
        return bind_size(g, s);
    }
    let (name, values) = (g.name("w"), g.widths());
    g.line(&format!("width {name} in {values}"));
    g.used_choice = true;
    if values.contains("[8") || values.starts_with("8..") {
        g.choices.push((g.block.clone(), name.clone(), "8".to_owned()));
    }
    s.sizes.push(name.clone());
    s.widths.push(name);
}

fn bind_size(g: &mut Generator, s: &mut Scope) {
    let (name, size) = (g.name("n"), g.size(s));
    g.line(&format!("let {name} = {size}"));
    s.sizes.push(name);
}

fn bind_switch(g: &mut Generator, s: &mut Scope) {
    let (name, condition) = (g.name("c"), g.condition(s));
    g.line(&format!("let {name} = {condition}"));
    s.switches.push(name);
}

fn share(g: &mut Generator, s: &mut Scope) {
    if let Some(line) = shared(g, s) {
        g.line(&line);
    }
}

/// `shared p = linear(_, w)`, or another call with something left open.
pub(super) fn shared(g: &mut Generator, s: &mut Scope) -> Option<String> {
    let of = (!s.dense.is_empty()).then(|| g.one(&s.dense))?;
    let (name, width) = (g.name("p"), g.size(s));
    let dense = (Hole::Dense, of.width.clone());
    let usable: Vec<_> = g.ops.iter().filter(|op| !op.takes_sparse && (s.open || !op.has_choices)).cloned().collect();
    let (call, holes) = match g.below(6) {
        0 => (format!("linear(_, {width}, bias: off)"), vec![dense]),
        1 => (format!("fc(_, w: {width})"), vec![dense]),
        2 => {
            let right = g.one(&s.dense).width;
            (format!("gating(_, _, {width})"), vec![dense, (Hole::Dense, right)])
        }
        3 => (format!("linear({}, _)", of.name), vec![(Hole::Size, width.clone())]),
        4 if !usable.is_empty() => {
            let op = g.one(&usable);
            g.used_choice |= op.has_choices;
            (format!("{}(_, {width})", op.name), vec![dense])
        }
        _ => (format!("linear(_, {width})"), vec![dense]),
    };
    s.shared.push(Shared { name: name.clone(), holes, width });
    Some(format!("shared {name} = {call}"))
}

/// `width w in …` in a body, where no architecture names it.
pub(super) fn width_inside(g: &mut Generator, s: &mut Scope) -> String {
    let (name, values) = (g.name("w"), g.widths());
    g.used_choice = true;
    s.sizes.push(name.clone());
    s.widths.push(name.clone());
    format!("width {name} in {values}")
}
