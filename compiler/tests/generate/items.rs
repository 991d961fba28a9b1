//! The items of a file.

use super::statements::{bind_sparse, shared, width_inside};
use super::{Choice, Dense, Generator, Op, Pattern, Scope, Space, Sparse, Table, demands};

type Way = fn(&mut Generator);

pub(super) const ITEMS: Table<Way> = &[
    (2, constant),
    (5, op),
    (2, pattern),
    (5, space),
    (1, schema),
    (1, search),
    (1, train),
    (2, arch),
    (1, test),
    (1, comment),
];

fn comment(g: &mut Generator) {
    g.line("// What follows has nothing to do with this.");
}

fn constant(g: &mut Generator) {
    g.remark();
    match g.below(3) {
        0 => {
            let name = g.name("ws");
            let values = g.one(&["[8, 16, 32]", "8..24 step 8", "[\n  8, // the least\n  64\n]"]);
            g.line(&format!("const {name} = {values}"));
            g.width_lists.push(name);
        }
        1 => {
            let name = g.name("k");
            let value = g.one(&["8", "4", "2 * 8", "1_6"]);
            g.line(&format!("const {name} = {value}"));
            g.numbers.push(name);
        }
        _ => {
            let name = g.name("flag");
            let value = g.one(&["on", "off"]);
            g.line(&format!("const {name} = {value}"));
        }
    }
}

/// `op f(x: dense, w: size) -> dense[w]`, perhaps of a sparse tensor and a switch, too.
pub(super) fn op(g: &mut Generator) {
    g.remark();
    let name = g.name("op_");
    let (takes_sparse, takes_switch) = (g.chance(30), g.chance(30));
    let mut params = vec!["x: dense"];
    let mut scope = Scope {
        dense: vec![Dense { name: "x".to_owned(), width: "x.width".to_owned() }],
        sizes: vec!["w".to_owned(), "x.width".to_owned()],
        open: g.chance(25),
        in_operator: true,
        ..Scope::default()
    };
    if takes_sparse {
        params.push("s: sparse");
        scope.sparse.push(Sparse { name: "s".to_owned(), fields: "s.fields".to_owned(), dim: "s.dim".to_owned() });
    }
    params.push(g.one(&["w: size", "w: size = 8"]));
    if takes_switch {
        params.push("b: switch = on");
        scope.switches.push("b".to_owned());
    }
    let params =
        if g.chance(20) { format!("(\n  {},\n)", params.join(",\n  ")) } else { format!("({})", params.join(", ")) };
    let promise = g.one(&["", " -> dense[w]", " -> dense", " -> tensor"]);
    g.used_choice = false;
    if g.chance(40) {
        scope.choice_free = false;
        let value = g.dense(&mut scope, "w", 2);
        g.line(&format!("op {name}{params}{promise} = {value}"));
    } else {
        g.line(&format!("op {name}{params}{promise} {{"));
        g.indent += 2;
        for _ in 0..g.below(3) {
            let (y, width) = (g.name("y"), g.size(&scope));
            scope.choice_free = true;
            let value = g.dense(&mut scope, &width, 2);
            g.line(&format!("let {y} = {value}"));
            scope.dense.push(Dense { name: y, width });
            if scope.open && g.chance(20) {
                let line = width_inside(g, &mut scope);
                g.line(&line);
            }
            if g.chance(20)
                && let Some(line) = shared(g, &mut scope)
            {
                g.line(&line);
            }
        }
        scope.choice_free = false;
        let value = g.dense(&mut scope, "w", 2);
        g.line(&value);
        g.indent -= 2;
        g.line("}");
    }
    let has_choices = g.used_choice;
    g.choices.clear();
    g.ops.push(Op { name, takes_sparse, takes_switch, has_choices });
}

pub(super) fn space(g: &mut Generator) {
    g.remark();
    g.choices.clear();
    let name = g.name("space_");
    let mut scope = Scope { open: g.chance(85), ..Scope::default() };
    let mut params: Vec<(String, String, String)> = Vec::new();
    let blocks = g.chance(40);
    if blocks {
        params.push(("blocks".to_owned(), "2".to_owned(), "1".to_owned()));
    }
    if g.chance(30) {
        params.push(("extra".to_owned(), "8".to_owned(), "16".to_owned()));
        scope.sizes.push("extra".to_owned());
    }
    if g.chance(30) {
        params.push(("normalise".to_owned(), "off".to_owned(), "on".to_owned()));
    }
    if g.chance(30) && scope.open {
        params.push(("ws".to_owned(), "[8, 16]".to_owned(), "[24]".to_owned()));
    }
    let listed: Vec<String> = params.iter().map(|(name, default, _)| format!("{name} = {default}")).collect();
    let listed = if listed.is_empty() { String::new() } else { format!("({})", listed.join(", ")) };
    g.line(&format!("space {name}{listed} {{"));
    g.indent += 2;
    g.line("input x: dense");
    scope.dense.push(Dense { name: "x".to_owned(), width: "x.width".to_owned() });
    scope.sizes.push("x.width".to_owned());
    if g.chance(70) {
        let from = g.one(&["", "", " from C2", " from C[2..2]"]);
        g.line(&format!("input f: categorical{from}"));
        scope.categorical = Some("f".to_owned());
        if g.chance(30) {
            scope.sizes.push("f.count".to_owned());
        }
    }
    if g.chance(20) {
        g.line("input z: dense from I1");
        scope.dense.push(Dense { name: "z".to_owned(), width: "z.width".to_owned() });
        scope.sizes.push("z.width".to_owned());
    }
    if g.chance(20) {
        g.line("input history: sequence from S");
        g.line("let there = mask(history)");
        g.line("let seen = embed(history, 4)");
        let places = "history.count".to_owned();
        scope.dense.push(Dense { name: "there".to_owned(), width: places.clone() });
        scope.sparse.push(Sparse { name: "seen".to_owned(), fields: places.clone(), dim: "4".to_owned() });
        scope.sizes.push(places);
    }
    if params.iter().any(|(name, _, _)| name == "ws") {
        g.line("width v in ws");
        g.choices.push((None, "v".to_owned(), "8".to_owned()));
        scope.sizes.push("v".to_owned());
        scope.widths.push("v".to_owned());
    }
    for _ in 0..g.below(6) {
        g.statement(&mut scope);
    }
    if blocks {
        block(g, &mut scope);
    }
    for _ in 0..g.below(3) {
        g.statement(&mut scope);
    }
    g.remark();
    let several = logits(g, &scope);
    if g.chance(30) {
        demands::statement(g, &mut scope);
    }
    g.indent -= 2;
    g.line("}");
    let params = params.into_iter().map(|(name, _, other)| (name, other)).collect();
    let choices = std::mem::take(&mut g.choices);
    let columns = std::mem::take(&mut g.columns);
    g.spaces.push(Space { name, params, choices, open: scope.open, several, columns });
}

/// One logit, or one for each of two labels, which is said, and what is trained beside them.
fn logits(g: &mut Generator, scope: &Scope) -> bool {
    let head = &scope.dense[scope.dense.len() - 1].name;
    let other = &scope.dense[g.below(scope.dense.len())].name;
    let several = g.chance(25);
    if several {
        let [first, second] = g.one(&[["click", "buy(weight: 0.5)"], ["a(of: 1)", "b(of: 2, weight: 2)"]]);
        g.line(&format!("logit {first} = linear({head}, 1)"));
        g.line(&format!("logit {second} = linear({other}, 1)"));
    } else {
        g.line(&format!("logit = linear({head}, 1)"));
    }
    if g.chance(15) {
        let of = g.one(&["", "(of: buy)", "(weight: 0.25)"]);
        g.line(&format!("auxiliary deep{of} = linear({other}, 1)"));
    }
    several
}

/// What a block hands on.
fn hand_on(g: &mut Generator, inner: &Scope, sparse: bool) {
    let out = inner.dense[inner.dense.len() - 1].name.clone();
    g.line(&format!("out d = {out}"));
    if sparse {
        let out = inner.sparse[inner.sparse.len() - 1].name.clone();
        g.line(&format!("out e = {out}"));
    }
}

/// `block cell(ws) { … }` at the top level.
fn pattern(g: &mut Generator) {
    g.remark();
    g.choices.clear();
    let (name, takes_dense, sparse) = (g.name("cell_"), g.chance(30), g.chance(30));
    let mut params = vec![g.one(&["ws", "ws = [8, 16]"]), "n = 8"];
    let mut scope = Scope { open: true, sizes: vec!["n".to_owned()], ..Scope::default() };
    if takes_dense {
        params.insert(0, "x");
        scope.dense.push(Dense { name: "x".to_owned(), width: "x.width".to_owned() });
        scope.sizes.push("x.width".to_owned());
    }
    g.line(&format!("block {name}({}) {{", params.join(", ")));
    g.indent += 2;
    g.block = Some(String::new());
    let (w, first) = (g.name("w"), g.name("x"));
    g.line(&format!("width {w} in ws"));
    g.choices.push((g.block.clone(), w.clone(), "8".to_owned()));
    scope.sizes.push(w.clone());
    scope.widths.push(w.clone());
    let sources = g.one(&["pick 1 from", "concat(pick 1..2 from"]);
    let closed = if sources.ends_with("1 from") { "" } else { ")" };
    g.line(&format!("let {first} = linear({sources} earlier.d{closed}, {w})"));
    scope.dense.push(Dense { name: first, width: w });
    if sparse {
        let e = g.name("s");
        g.line(&format!("let {e} = linear(pick 1 from earlier.e, 8)"));
        scope.sparse.push(Sparse { fields: format!("{e}.fields"), name: e, dim: "8".to_owned() });
    }
    scope.earlier = Some(("d".to_owned(), sparse.then(|| "e".to_owned())));
    for _ in 0..g.below(4) {
        g.statement(&mut scope);
    }
    hand_on(g, &scope, sparse);
    g.block = None;
    g.indent -= 2;
    g.line("}");
    let choices = std::mem::take(&mut g.choices);
    g.patterns.push(Pattern { name, takes_dense, sparse, choices });
}

/// `block b[1..blocks] of cell(…)`, where there is one that suits.
fn block_of(g: &mut Generator, scope: &mut Scope, name: &str, stem: &str) -> bool {
    let usable: Vec<Pattern> = g
        .patterns
        .iter()
        .filter(|pattern| scope.open && (!pattern.sparse || !scope.sparse.is_empty()))
        .cloned()
        .collect();
    if usable.is_empty() || g.chance(30) {
        return false;
    }
    let pattern = g.one(&usable);
    let mut args = Vec::new();
    if pattern.takes_dense {
        args.push(format!("x: {}", g.one(&scope.dense).name));
    }
    args.push(g.one(&["ws: [8, 16]", "ws: 8..32 step 8", "ws: [24, 8]"]).to_owned());
    let numbered = g.chance(40);
    if numbered {
        args.push("n: 8 * i".to_owned());
    }
    let i = if numbered { "i in " } else { "" };
    g.line(&format!("block {name}[{i}1..blocks] of {}({}) after stem {{ {stem} }}", pattern.name, args.join(", ")));
    let first = format!("{name}[1]");
    g.choices.extend(pattern.choices.into_iter().map(|(_, choice, value)| (Some(first.clone()), choice, value)));
    true
}

/// `block b[1..blocks]`, with a stem and outputs that later instances pick from.
fn block(g: &mut Generator, scope: &mut Scope) {
    let name = g.name("b");
    if scope.categorical.is_some() && scope.sparse.is_empty() {
        bind_sparse(g, scope);
    }
    let stem_dense = g.one(&scope.dense).name;
    let stem_sparse = if scope.sparse.is_empty() { None } else { Some(g.one(&scope.sparse)) };
    let parts = stem_sparse.as_ref().map_or(String::new(), |sparse| format!("; e = {}", sparse.name));
    let stem = format!("d = {stem_dense}{parts}");
    if !block_of(g, scope, &name, &stem) {
        block_with(g, scope, &name, &stem, stem_sparse.is_some());
    }
    let last = g.name("x");
    g.line(&format!("let {last} = {name}[blocks].d"));
    scope.dense.push(Dense { width: format!("{last}.width"), name: last });
}

/// A block with its own statements.
fn block_with(g: &mut Generator, scope: &Scope, name: &str, stem: &str, sparse: bool) {
    let mut inner = scope.clone();
    let numbered = g.chance(30);
    let i = if numbered { "i in " } else { "" };
    if numbered {
        inner.sizes.push("i".to_owned());
    }
    g.line(&format!("block {name}[{i}1..blocks] after stem {{ {stem} }} {{"));
    g.indent += 2;
    inner.earlier = Some(("d".to_owned(), sparse.then(|| "e".to_owned())));
    g.block = Some(format!("{name}[1]"));
    for _ in 0..g.below(4) + 1 {
        g.statement(&mut inner);
    }
    hand_on(g, &inner, sparse);
    g.block = None;
    g.indent -= 2;
    g.line("}");
}

pub(super) fn schema(g: &mut Generator) {
    g.remark();
    let name = g.name("table_");
    g.line(&format!("schema {name} {{"));
    g.indent += 2;
    if g.chance(50) {
        g.line("format tsv");
    }
    g.line("label click");
    let other = g.one(&["label buy", "label buy from bought == \"yes\""]);
    g.line(other);
    let steps = g.one(&["", " | log1p", " | max(0) | log1p", " | min(10.5) | max(-1)"]);
    g.line(&format!("dense I[1..{}]{steps}", g.names % 4 + 1));
    let (encoding, rows) = (g.one(&["hex", "int"]), g.one(&["rows: 1_000", "rows: 5K, missing: 0", "20"]));
    g.line(&format!("sparse C[2..{}]: {encoding} | modulo({rows})", g.names % 3 + 2));
    g.line("sparse S: int | list(\"^\", most: 3) | modulo(rows: 10)");
    g.remark();
    if g.names.is_multiple_of(2) {
        g.line("sparse size from I1: number | log_buckets(base: 2)");
    }
    match g.chance(40) {
        true => g.line("place { sparse city: int | modulo(rows: 10); dense J }"),
        false => g.line("sparse city: int | modulo(rows: 10)"),
    }
    if g.names.is_multiple_of(5) {
        g.line("sparse crossed: cross(city, C2) | hash(rows: 100)");
    }
    g.indent -= 2;
    g.line("}");
    g.schemas.push(name);
    // One that learns from its table, and so is none for a search that draws one.
    if g.names.is_multiple_of(3) {
        let name = g.name("table_");
        let step = ["target", "target(folds: 3, smoothing: 0.5) | standardise", "count | log1p"][g.names / 3 % 3];
        g.line(&format!("schema {name} {{ label click; label buy; dense rate from city: int | {step} }}"));
    }
}

/// A space with or without arguments, and whether it has none.
fn reference(g: &mut Generator, space: &Space) -> (String, bool) {
    let mut given = space.params.clone();
    given.retain(|_| g.chance(50));
    let written: Vec<String> = given.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    match written.is_empty() {
        true => (space.name.clone(), true),
        false => (format!("{}({})", space.name, written.join(", ")), false),
    }
}

/// A setting as a space may have it: what is said of several labels is not calibrated.
fn fitting(space: &Space, setting: &str) -> String {
    let parts = ["; calibrate: platt", "; calibrate: temperature"];
    parts.iter().filter(|_| space.several).fold(setting.to_owned(), |setting, part| setting.replace(part, ""))
}

/// Settings, one of each place.
const SETTINGS: [&[&str]; 8] = [
    &["seed: 7", "seed: 0"],
    &[
        "data { files: \"day.tsv\"; split: 8:1:1; stratified: on }",
        "data { files: [\"a.tsv\", \"b.tsv.gz\"]; seed: 3; max_malformed: 0.1% }",
        "data {\n    synthetic { rows: 1K; seed: 1; noise: 0.5 }\n    split: 2:1:1\n  }",
    ],
    &[
        "train { optimiser: sgd(lr: 0.01, momentum: 0.9) }",
        "train { epochs: 1; batch: 512; optimiser: adagrad(lr: 0.1, eps: 1e-2); warmup: 10%; schedule: cosine; clip: 5 }",
        "train { paths: single_operator_any_connection(counts: binomial(0.5)); full_path: 21%; clip: off }",
        "train { paths: single_operator_any_connection(counts: uniform); schedule: constant; warmup: 20 }",
        "train { paths: fair; full_path: 0% }",
        "train { paths: sandwich(random: 3, counts: uniform); full_path: 5% }",
    ],
    &["evaluate { finetune: head(steps: 5, lr: 0.04); validate: 2; batch: 8_192 }", "evaluate { finetune: off }"],
    &["evolve { population: 8; generations: 2; children: 2; tournament: 4 }", "random { samples: 16 }"],
    &[
        "retrain { top: 2; epochs: 1; batch: 256 }",
        "retrain { optimiser: adam(lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8) }",
        "retrain { optimiser: adagrad(rowwise: on); ema: 0.999 }",
        "retrain { optimiser: adamw(lr: 1e-3, weight_decay: 0.1); calibrate: platt }",
        "retrain { stop: early(patience: 2, metric: auc); schedule: plateau(factor: 0.1, patience: 0); refit: off }",
    ],
    &["embeddings { l2: 1e-6; storage: bf16 }", "embeddings { l2: 0 }"],
    &["require macs <= 3M, params.dense <= 2M", "require params.embedding <= 1G", "require ops <= 600M"],
];

pub(super) fn search(g: &mut Generator) {
    if g.spaces.is_empty() {
        space(g);
    }
    if g.schemas.is_empty() {
        schema(g);
    }
    g.remark();
    let name = g.name("search_");
    if !g.searches.is_empty() && g.chance(30) {
        let base = g.one(&g.searches.clone());
        g.line(&format!("search {name} extends {base} {{ seed: 9; retrain {{ top: 1 }} }}"));
        return;
    }
    let (space, schema) = (g.one(&g.spaces.clone()), g.one(&g.schemas.clone()));
    let (over, plain) = reference(g, &space);
    g.line(&format!("search {name} on {over} with {schema} {{"));
    g.indent += 2;
    for (i, options) in SETTINGS.iter().enumerate() {
        // There must be data.
        if i == 1 || g.chance(60) {
            let setting = fitting(&space, g.one(options));
            g.line(&setting);
        }
    }
    if g.chance(30) {
        let known = space.choices.iter().filter(|(_, name, _)| plain && name != "v");
        let known: Vec<Choice> = known.cloned().collect();
        demands::demand(g, &known);
    }
    let closed: Vec<Space> = g.spaces.iter().filter(|space| !space.open).cloned().collect();
    if !closed.is_empty() && g.chance(70) {
        let baseline = g.one(&closed);
        g.line(&format!("baseline {}", baseline.name));
    }
    g.indent -= 2;
    g.line("}");
    g.searches.push(name);
}

/// A training, of a space that leaves nothing open where there is one.
pub(super) fn train(g: &mut Generator) {
    let closed: Vec<Space> = g.spaces.iter().filter(|space| !space.open).cloned().collect();
    if closed.is_empty() || g.schemas.is_empty() {
        return search(g);
    }
    g.remark();
    let (name, space, schema) = (g.name("train_"), g.one(&closed), g.one(&g.schemas.clone()));
    g.line(&format!("train {name} on {} with {schema} {{", space.name));
    g.indent += 2;
    let retrain = [
        "retrain { epochs: 2; batch: 64; calibrate: temperature }",
        "retrain { stop: early(patience: 1); refit: off }",
    ];
    for (i, options) in [SETTINGS[0], SETTINGS[1], &retrain, SETTINGS[6]].into_iter().enumerate() {
        if i == 1 || g.chance(60) {
            let setting = fitting(&space, g.one(options));
            g.line(&setting);
        }
    }
    g.indent -= 2;
    g.line("}");
}

pub(super) fn arch(g: &mut Generator) {
    if g.spaces.is_empty() {
        space(g);
    }
    let space = g.one(&g.spaces.clone());
    if space.columns && g.schemas.is_empty() {
        schema(g);
    }
    g.remark();
    let name = g.name("arch_");
    let (over, plain) = reference(g, &space);
    let with = match !space.columns && (g.schemas.is_empty() || g.chance(50)) {
        true => String::new(),
        false => format!(" with {}", g.one(&g.schemas.clone())),
    };
    g.line(&format!("arch {name} of {over}{with} {{"));
    g.indent += 2;
    for (block, choice, value) in space.choices.iter().filter(|_| plain) {
        if g.chance(60) {
            match block {
                Some(block) => g.line(&format!("{block} {{ {choice}: {value} }}")),
                None => g.line(&format!("{choice}: {value}")),
            }
        }
    }
    g.line("..");
    g.indent -= 2;
    g.line("}");
    if !space.open && !with.is_empty() {
        g.archs.push(name);
    }
}

/// Claims, true or not.
fn test(g: &mut Generator) {
    if g.spaces.is_empty() {
        space(g);
    }
    if g.schemas.is_empty() && g.spaces.iter().any(|space| space.columns) {
        schema(g);
    }
    g.remark();
    let name = g.name("test_");
    g.line(&format!("test {name} {{"));
    g.indent += 2;
    for _ in 0..g.below(3) + 1 {
        let space = g.one(&g.spaces.clone());
        let (mut over, _) = reference(g, &space);
        if space.columns {
            over = format!("{over}, {}", g.one(&g.schemas.clone()));
        }
        let claim = match g.below(5) {
            0 if !g.archs.is_empty() => {
                let arch = g.one(&g.archs.clone());
                let costs = [
                    "macs + 1 > 0",
                    "ops >= 0",
                    "params.dense <= 2M",
                    "params.embedding != 3",
                    "bytes.activations <= 64KiB",
                ];
                format!("{arch}.{}", g.one(&costs))
            }
            1 => format!("raw({over}) * 2 - 1 >= raw({over}) and not (1K == 1_001)"),
            2 => format!("raw({over}) / 2 < 1e30 implies on"),
            3 => format!("raw({over}) == {}", g.below(100)),
            _ => format!("raw({over}) >= 1"),
        };
        g.line(&claim);
    }
    g.indent -= 2;
    g.line("}");
}
