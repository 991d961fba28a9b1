//! Searches and trainings: a space or a model, a schema and a recipe bound together.

use super::arch::disallowed;
use super::conflicts::{conflict, with_schema_at};
use super::data;
use super::elaborate::elaborate;
use super::methods::{BUDGET, METHOD, METHODS, NASREC, OF_SUPERNETS, TRIALS, method, paths};
use super::program::{Item, ItemKind, Program};
use super::settings::{Settings, number, whole, within};
use super::tuning::{TUNE, tune};
use super::{Baseline, CheckedSearch, Overrides};
use crate::diagnostics::{Code, Diagnostic, FileId, Span};
use crate::ir::CheckedSpace;
use crate::recipe::{
    Calibrate, Clip, Decay, Early, Embeddings, Evaluate, Finetune, L2, Length, Method, Metric, Optimiser, RECALIBRATE,
    Recipe, Retrain, Schedule, Source, Storage, Train,
};
use crate::schema::Schema;
use crate::space::{Architecture, BindError, Space};
use crate::syntax::tree::{Demand, Expr, ExprKind, Name, Reference, SearchItem, Setting, SettingValue};

/// What a schema is labelled with, without which something would be allowed.
const SCHEMA: &str = "this schema";

impl Program {
    /// Checks a search or a training: its space or model, its schema and its baselines.
    ///
    /// # Errors
    /// The findings, where there are errors among them.
    pub fn search(&self, item: &Item, overrides: &[Setting]) -> Result<CheckedSearch, Vec<Diagnostic>> {
        let mut diagnostics = Vec::new();
        match self.extended(item, &mut Vec::new(), &mut diagnostics) {
            Some(search) => self.searched(item.kind, &search, overrides, diagnostics),
            None => Err(diagnostics),
        }
    }

    /// Checks a search, or a training, that has taken over what it extends.
    pub(super) fn searched(
        &self,
        kind: ItemKind,
        search: &SearchItem,
        overrides: &[Setting],
        mut diagnostics: Vec<Diagnostic>,
    ) -> Result<CheckedSearch, Vec<Diagnostic>> {
        let Some((over, with)) = &search.over else { return Err(diagnostics) };
        let mut of_space = Overrides::new();
        for setting in overrides {
            if let ([first, name], SettingValue::Expr(value)) = (setting.path.as_slice(), &setting.value)
                && first.text == "space"
            {
                of_space.insert(name.text.clone(), value.clone());
            } else if setting.path.first().is_some_and(|first| first.text == "space") {
                diagnostics.push(
                    Diagnostic::error(Code::Recipe, "a parameter of the space is set by its name")
                        .label(setting.span, "not understood")
                        .help("such as `--set space.blocks=2`"),
                );
            }
        }
        let schema = self.referenced_schema(with, &mut diagnostics);
        let (space, model) = match kind {
            ItemKind::Train => {
                diagnostics.extend(search.demands.iter().filter_map(nothing_chosen));
                self.referenced_model(over, &of_space, schema.as_ref(), &mut diagnostics).unzip()
            }
            _ => (self.referenced_space(over, &of_space, &search.demands, &mut diagnostics), None),
        };
        let space = match (space, &schema) {
            (Some(space), Some(schema)) => Some(space.over(schema)),
            (space, _) => space,
        };
        let mut baselines = Vec::new();
        for reference in &search.baselines {
            let Some(baseline) = self.baseline(reference, schema.as_ref(), &mut diagnostics) else { continue };
            let is_trained = model.as_ref().is_some_and(|(name, _)| *name == baseline.title());
            let message = match baselines.iter().any(|known: &Baseline| known.title() == baseline.title()) {
                true => Some(format!("the baseline `{}` is there twice", baseline.title())),
                false => is_trained.then(|| format!("the baseline `{}` is what is trained", baseline.title())),
            };
            diagnostics.extend(message.map(|message| {
                Diagnostic::error(Code::Duplicate, message).label(reference.name.span, "the same, trained the same way")
            }));
            baselines.push(baseline);
        }
        if let (Some(space), Some(schema)) = (&space, &schema) {
            let found = match (conflict(space, Some(space.graph.sizes_of(schema))), bound(space, schema, with.span)) {
                (None, Err(unbound)) => Some(unbound),
                // What one model costs is looked at where that is asked for.
                (None, Ok(space)) if model.is_none() => {
                    self.exhausted(&space).map(|found| found.label(with.span, SCHEMA))
                }
                (conflict, _) => conflict.map(|conflict| with_schema_at(conflict, with.span, SCHEMA)),
            };
            diagnostics.extend(found);
        }
        let mut settings = Settings::new(&search.settings, overrides, rivals, search.name.span);
        settings.incomplete = search.incomplete;
        let mut recipe = recipe(&mut settings, kind, schema.as_ref());
        if let Some(space) = &space {
            recipe.require = space.graph.constraints.iter().map(|constraint| constraint.text.clone()).collect();
        }
        let several = |space: &CheckedSpace| space.graph.heads.iter().filter(|head| !head.auxiliary).count() > 1;
        if space.as_ref().is_some_and(several) && recipe.retrain.calibrate.is_some() {
            diagnostics.push(
                Diagnostic::error(Code::Recipe, "what a model says of several labels is not calibrated")
                    .label(over.name.span, "it has a logit for each of several labels")
                    .help("leave `retrain.calibrate` out, or calibrate the probabilities behind the model"),
            );
        }
        if let (Some(schema), Source::Synthetic(_)) = (&schema, &recipe.data.source)
            && schema.is_fitted()
        {
            let message =
                format!("schema `{}` learns from its table, and a drawn one has nothing to learn from", schema.name);
            diagnostics.push(
                Diagnostic::error(Code::Recipe, message).label(with.span, "with `data.synthetic`").help(
                    "what is drawn is encoded already: take steps that learn nothing, such as `modulo` and `log1p`",
                ),
            );
        }
        diagnostics.extend(settings.finish());
        match (space, schema) {
            (Some(space), Some(schema)) if diagnostics.is_empty() && !search.incomplete => {
                Ok(CheckedSearch { name: search.name.text.clone(), space, schema, recipe, model, baselines })
            }
            _ => {
                Diagnostic::sort(&mut diagnostics);
                Err(diagnostics)
            }
        }
    }

    /// What a search compares with, of this schema.
    fn baseline(
        &self,
        reference: &Reference,
        schema: Option<&Schema>,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<Baseline> {
        if reference.name.text == Baseline::TREES && !self.is_taken(&reference.name) {
            diagnostics.extend(reference.args.first().map(|arg| {
                Diagnostic::error(Code::Arguments, "`trees` takes no arguments")
                    .label(arg.span(), "not expected here")
                    .help("how many are grown, the validation part tells")
            }));
            return Some(Baseline::Trees);
        }
        let space = self.referenced_space(reference, &Overrides::new(), &[], diagnostics)?;
        if let Some((_, open)) = space.graph.first_open() {
            diagnostics.push(
                Diagnostic::error(Code::Recipe, "a baseline leaves nothing open")
                    .label(reference.name.span, format!("`{}` has choices", space.name))
                    .label(open, "such as this one"),
            );
        }
        if let Some(schema) = schema {
            diagnostics.extend(unbound(&space, schema, &reference.name));
        }
        Some(Baseline::Space(Box::new(space)))
    }

    /// The space and the schema of a search or a training, in whatever files they are defined: those of what it extends,
    /// if it extends something.
    pub fn searched_items(&self, item: &Item) -> Option<(Item, Item)> {
        let (space, schema) = self.extended(item, &mut Vec::new(), &mut Vec::new())?.over?;
        let of_arch = self.lookup(space.name.span.file, &space.name.text).filter(|found| found.kind == ItemKind::Arch);
        let space = of_arch.map_or(&space.name, |arch| &self.arch_item(arch).space.name);
        let space = self.resolve(space, ItemKind::Space).ok()?;
        let schema = self.resolve(&schema, ItemKind::Schema).ok()?;
        Some((space.clone(), schema.clone()))
    }

    /// A search, or a training, with what it takes over from the one that it extends: its own settings come first.
    pub(super) fn extended(
        &self,
        item: &Item,
        chain: &mut Vec<Span>,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<SearchItem> {
        let mut search = self.search_item(item).clone();
        let Some(base) = &search.base else { return Some(search) };
        chain.push(item.span);
        let of_base = match self.resolve(base, item.kind) {
            Ok(found) if chain.contains(&found.span) => {
                diagnostics.push(
                    Diagnostic::error(Code::Recursion, format!("{} `{}` extends itself", item.kind.word(), item.name))
                        .label(base.span, "this never ends")
                        .label(found.span, "defined here"),
                );
                return None;
            }
            Ok(found) => self.extended(found, chain, diagnostics)?,
            Err(diagnostic) => {
                diagnostics.extend(diagnostic);
                return None;
            }
        };
        let own: Vec<String> = search.settings.iter().map(|setting| key(&setting.path)).collect();
        let replaced = |setting: &Setting| {
            let path = key(&setting.path);
            own.contains(&path) || rivals(&path).iter().any(|mine| own.iter().any(|key| within(key, mine)))
        };
        search.settings.extend(of_base.settings.into_iter().filter(|setting| !replaced(setting)));
        if search.baselines.is_empty() {
            search.baselines = of_base.baselines;
        }
        if search.demands.is_empty() {
            search.demands = of_base.demands;
        }
        search.over = of_base.over;
        search.incomplete |= of_base.incomplete;
        Some(search)
    }

    pub(super) fn referenced_space(
        &self,
        reference: &Reference,
        overrides: &Overrides,
        demands: &[Demand],
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<CheckedSpace> {
        match self.resolve(&reference.name, ItemKind::Space) {
            Ok(item) => {
                let (space, found) = elaborate(self, item, &reference.args, overrides, demands);
                diagnostics.extend(found);
                space
            }
            Err(diagnostic) => {
                diagnostics.extend(diagnostic);
                None
            }
        }
    }

    /// What a training trains: an architecture by its name, or a space that leaves nothing open; and what it is called.
    fn referenced_model(
        &self,
        reference: &Reference,
        overrides: &Overrides,
        schema: Option<&Schema>,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<(CheckedSpace, (String, Architecture))> {
        let name = &reference.name;
        let Some(item) = self.lookup(name.span.file, &name.text).filter(|item| item.kind == ItemKind::Arch) else {
            let space = self.referenced_space(reference, overrides, &[], diagnostics)?;
            if let Some((_, open)) = space.graph.first_open() {
                diagnostics.push(
                    Diagnostic::error(Code::Recipe, "a training leaves nothing open")
                        .label(name.span, format!("`{}` has choices", space.name))
                        .label(open, "such as this one")
                        .help("train an `arch` of it, or make it a `search`"),
                );
            }
            let title = space.title();
            return Some((space, (title, Architecture::new(Vec::new()))));
        };
        if let Some(argument) = reference.args.first() {
            diagnostics.push(
                Diagnostic::error(Code::Arguments, format!("the architecture `{}` takes no arguments", name.text))
                    .label(argument.span(), "not an argument of it")
                    .label(item.span, "the space's stand here"),
            );
        }
        if let Some(value) = overrides.values().next() {
            diagnostics.push(
                Diagnostic::error(
                    Code::Recipe,
                    "the parameters of an architecture's space are set where it is defined",
                )
                .label(value.span, "cannot be set here"),
            );
        }
        let arch = self.arch(item).map_err(|found| diagnostics.extend(found)).ok()?;
        if arch.open {
            diagnostics.push(
                Diagnostic::error(Code::Recipe, "a training leaves nothing open")
                    .label(name.span, format!("`{}` ends in `..`", arch.name))
                    .help("decide the rest, or make it a `search`"),
            );
        }
        diagnostics.extend(disallowed(name, &arch.space, schema, &arch.architecture));
        Some((arch.space, (arch.name, arch.architecture)))
    }

    pub(super) fn referenced_schema(&self, name: &Name, diagnostics: &mut Vec<Diagnostic>) -> Option<Schema> {
        match self.resolve(name, ItemKind::Schema).map_err(Vec::from_iter).and_then(|item| self.schema(item)) {
            Ok(schema) => Some(schema),
            Err(found) => {
                diagnostics.extend(found);
                None
            }
        }
    }
}

/// What is asked of candidates, where there are none.
fn nothing_chosen(demand: &Demand) -> Option<Diagnostic> {
    let first = demand.conditions.first()?;
    Some(
        Diagnostic::error(Code::Recipe, "a training chooses nothing, so there is nothing to require or to forbid")
            .label(first.span, "asked of candidates")
            .help("leave it out, or make it a `search`"),
    )
}

fn key(path: &[Name]) -> String {
    path.iter().map(|name| name.text.as_str()).collect::<Vec<_>>().join(".")
}

/// What a setting excludes: where it is set anew, that goes.
fn rivals(key: &str) -> Vec<&'static str> {
    const FILES: [&str; 4] = ["data.files", "data.train", "data.valid", "data.test"];
    const DRAWN: &str = "data.synthetic";
    let methods = METHODS.map(|(section, _)| section);
    if methods.iter().any(|one| within(key, one)) {
        let others = methods.into_iter().filter(|one| !within(key, one));
        let of_supernets = OF_SUPERNETS.into_iter().filter(|_| within(key, TRIALS));
        return others.chain(of_supernets).collect();
    }
    match FILES.contains(&key) {
        true => vec![DRAWN],
        false if within(key, DRAWN) => FILES.to_vec(),
        false => Vec::new(),
    }
}

/// Why a space cannot be bound to a schema, if it cannot.
pub(super) fn unbound(space: &CheckedSpace, schema: &Schema, named: &Name) -> Option<Diagnostic> {
    match conflict(space, Some(space.graph.sizes_of(schema))) {
        Some(conflict) => Some(with_schema_at(conflict, named.span, SCHEMA)),
        None => bound(space, schema, named.span).err(),
    }
}

/// A space over a schema, said where `named` stands.
pub(super) fn bound(space: &CheckedSpace, schema: &Schema, named: Span) -> Result<Space, Diagnostic> {
    let told = |error: BindError| {
        let diagnostic = Diagnostic::error(Code::Unbound, error.to_string()).label(named, "bound here");
        match error.at {
            Some((span, what)) => diagnostic.label(span, what),
            None => diagnostic,
        }
    };
    Space::bind(space, schema).map_err(told)
}

/// Every key that a search, or a training, may set, sections too.
pub(crate) fn setting_keys(kind: ItemKind) -> Vec<String> {
    let nowhere = Span::new(FileId(0), 0, 0);
    let mut keys = Vec::new();
    // A section's keys are asked for only where it is opened.
    let methods = METHODS.map(|(section, _)| section).into_iter().filter(|_| kind == ItemKind::Search);
    for section in methods.chain(["data.synthetic"]) {
        let opened = Setting {
            path: section.split('.').map(|part| Name { text: part.to_owned(), span: nowhere }).collect(),
            value: SettingValue::Section,
            span: nowhere,
        };
        let mut settings = Settings::new(&[opened], &[], rivals, nowhere);
        recipe(&mut settings, kind, None);
        keys.extend(settings.known());
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Reads a whole recipe; the defaults are the paper's.
fn recipe(s: &mut Settings, kind: ItemKind, schema: Option<&Schema>) -> Recipe {
    let seed = s.seed("seed", 1);
    let data = data::data(s, schema);
    let embeddings = Embeddings { l2: l2(s, "embeddings.l2"), storage: storage(s, "embeddings.storage") };
    let (train, evaluate, method, top) = if kind == ItemKind::Train {
        // What only a search sets is what it is by default, and a mistake where it is set.
        let mut unset = Settings::new(&[], &[], rivals, s.owner());
        let (train, mut evaluate, method, top) = searching(&mut unset);
        evaluate.batch = s.count("evaluate.batch", evaluate.batch as u64) as usize;
        let sections = METHODS.map(|(section, _)| section.to_owned());
        s.only_of_searches(unset.known().into_iter().chain(sections).chain([BUDGET, TUNE].map(str::to_owned)));
        (train, evaluate, method, top)
    } else {
        searching(s)
    };
    let budget = if kind == ItemKind::Train { None } else { budget(s, &method) };
    let told = s.diagnostics.len();
    let stop = stop(s, "retrain.stop", schema.is_none_or(|schema| schema.group.is_some()));
    // A `stop` that was not understood is no `off`.
    let unwatched = (stop.is_none() && s.diagnostics.len() == told).then_some((
        "it follows the metric of `retrain.stop`, which is `off`",
        "such as `retrain { stop: early(patience: 2); schedule: plateau }`",
    ));
    let is_papers = method == NASREC && s.place(METHOD).is_some();
    let retrain = Retrain {
        top,
        epochs: s.count("retrain.epochs", 1),
        stop,
        refit: s.switch("retrain.refit", true),
        tests: s.get("retrain.tests", None, "a whole number from 1 to 20", |e| {
            whole(e).filter(|tests| (1..=Retrain::MOST_TESTS).contains(tests)).map(Some)
        }),
        batch: s.count("retrain.batch", 256) as usize,
        optimiser: optimiser(s, "retrain.optimiser", if is_papers { ADAGRAD } else { ADAM }),
        warmup: s.length("retrain.warmup", Length::Share(0.1)),
        schedule: schedule(s, "retrain.schedule", unwatched),
        clip: clip(s, "retrain.clip"),
        label_smoothing: s.get("retrain.label_smoothing", 0.0, "a number of at least 0 and below 1", |e| {
            number(e).filter(|share| (0.0..1.0).contains(share))
        }),
        positive_weight: s.real("retrain.positive_weight", 1.0, 1e-6, 1e6),
        ema: s.get("retrain.ema", None, "a number above 0 and below 1, such as 0.999, or `off`", |e| match e.kind {
            ExprKind::Switch(false) => Some(None),
            _ => number(e).filter(|stays| *stays > 0.0 && *stays < 1.0).map(Some),
        }),
        calibrate: s.get("retrain.calibrate", None, "`platt`, `temperature` or `off`", |e| match &e.kind {
            ExprKind::Switch(false) => Some(None),
            ExprKind::Name(name) if name == "platt" => Some(Some(Calibrate::Platt)),
            ExprKind::Name(name) if name == "temperature" => Some(Some(Calibrate::Temperature)),
            _ => None,
        }),
    };
    let tune = if kind == ItemKind::Train { None } else { tune(s, &retrain) };
    Recipe { seed, data, embeddings, train, evaluate, method, budget, require: Vec::new(), retrain, tune }
}

/// A year.
const LONGEST: f64 = 365.0 * 86_400.0;

/// How long a search of trials may take.
fn budget(s: &mut Settings, method: &Method) -> Option<f64> {
    let budget = s.get(BUDGET, None, "a time such as `20min`, `90s` or `2h`, or `off`", |e| match e.kind {
        ExprKind::Duration(seconds) if seconds > 0.0 && seconds <= LONGEST => Some(Some(seconds)),
        ExprKind::Switch(false) => Some(None),
        _ => None,
    })?;
    if method.has_supernet() {
        let place = s.place(BUDGET).unwrap_or_else(|| s.owner());
        s.diagnostics.push(
            Diagnostic::error(Code::Recipe, format!("a search in a supernet keeps to no `{BUDGET}`"))
                .label(place, "how long it takes follows from `train`, `evaluate` and `evolve` or `random`")
                .help(format!("`{TRIALS} {{ }}` trains candidates on their own, as many as there is time for")),
        );
    }
    Some(budget)
}

/// What only a search has: how its supernet is trained, how candidates are evaluated and found, and how many are retrained.
fn searching(s: &mut Settings) -> (Train, Evaluate, Method, usize) {
    let train = Train {
        epochs: s.count("train.epochs", 1),
        batch: s.count("train.batch", 512) as usize,
        optimiser: optimiser(s, "train.optimiser", Optimiser::Adagrad { lr: 0.12, eps: 1e-2, rowwise: false }),
        warmup: s.length("train.warmup", Length::Share(0.1)),
        schedule: schedule(
            s,
            "train.schedule",
            Some(("the supernet is evaluated only once it is trained", "expected `cosine` or `constant`")),
        ),
        clip: clip(s, "train.clip"),
        paths: paths(s, "train.paths"),
        full_path: s.length("train.full_path", Length::Share(0.21)),
        distill: s.get("train.distill", 0.0, "a share from 0 to 1, such as `50%`", |e| {
            number(e).filter(|share| (0.0..=1.0).contains(share))
        }),
    };
    let evaluate = Evaluate {
        finetune: finetune(s, "evaluate.finetune"),
        validate: s.count("evaluate.validate", 150),
        batch: s.count("evaluate.batch", 8192) as usize,
        recalibrate: s.count("evaluate.recalibrate", RECALIBRATE),
    };
    let method = method(s);
    let top = if method.has_supernet() { 15 } else { 8 };
    let without = match method {
        Method::Trials { .. } => Some((TRIALS, format!("`{TRIALS}` trains no supernet"))),
        Method::Auto if s.place(BUDGET).is_none() => {
            Some((METHOD, format!("without a `{BUDGET}`, `{METHOD}: auto` trains no supernet")))
        }
        _ => None,
    };
    if let Some((way, message)) = without {
        for key in OF_SUPERNETS {
            if s.has_section(key) {
                s.both(&format!("{message}, and `{key}` is for one"), [way, key]);
            }
        }
    }
    (train, evaluate, method, s.count("retrain.top", top) as usize)
}

/// What trains a model on its own where nothing else is said: over all tables that were tried it is the best of what has one
/// setting for all.
const ADAM: Optimiser = Optimiser::Adam { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, decay: Decay::None };

/// What does so in the paper.
const ADAGRAD: Optimiser = Optimiser::Adagrad { lr: 0.16, eps: 1e-2, rowwise: false };

/// `default`: where nothing is said. Adagrad starts from the paper's rate, 0.12 for a supernet and 0.16 for a model; the others from
/// what is usual for them.
fn optimiser(s: &mut Settings, key: &str, default: Optimiser) -> Optimiser {
    const ADAGRAD: [&str; 3] = ["lr", "eps", "rowwise"];
    const ADAM: [&str; 5] = ["lr", "beta1", "beta2", "eps", "weight_decay"];
    const SGD: [&str; 3] = ["lr", "momentum", "weight_decay"];
    let lr = if let Optimiser::Adagrad { lr, .. } = default { lr } else { 0.16 };
    s.called(key, default, &["adagrad", "adam", "adamw", "sgd"], |called| match called.name {
        "adam" | "adamw" => {
            called.only(&ADAM)?;
            // Without it, `adamw` would be Adam: torch's default.
            let usual = if called.name == "adamw" { 0.01 } else { 0.0 };
            let decay = called.real(&ADAM, "weight_decay", usual, 0.0, 100.0)?;
            Ok(Optimiser::Adam {
                lr: called.real(&ADAM, "lr", 1e-3, 0.0, 100.0)?,
                beta1: called.below_one(&ADAM, "beta1", 0.9)?,
                beta2: called.below_one(&ADAM, "beta2", 0.999)?,
                eps: called.real(&ADAM, "eps", 1e-8, 0.0, 1.0)?,
                decay: match decay {
                    0.0 => Decay::None,
                    decay if called.name == "adamw" => Decay::Decoupled(decay),
                    decay => Decay::L2(decay),
                },
            })
        }
        "sgd" => {
            called.only(&SGD)?;
            Ok(Optimiser::Sgd {
                lr: called.real(&SGD, "lr", 0.01, 0.0, 100.0)?,
                momentum: called.below_one(&SGD, "momentum", 0.0)?,
                decay: match called.real(&SGD, "weight_decay", 0.0, 0.0, 100.0)? {
                    0.0 => Decay::None,
                    decay => Decay::L2(decay),
                },
            })
        }
        _ => {
            called.only(&ADAGRAD)?;
            Ok(Optimiser::Adagrad {
                lr: called.real(&ADAGRAD, "lr", lr, 0.0, 100.0)?,
                eps: called.real(&ADAGRAD, "eps", 1e-2, 0.0, 1.0)?,
                rowwise: called.switch(&ADAGRAD, "rowwise", false)?,
            })
        }
    })
}

fn l2(s: &mut Settings, key: &str) -> L2 {
    let weight = |expr: &Expr| number(expr).filter(|weight| (0.0..=1.0).contains(weight));
    s.get(key, L2::default(), "a number from 0 to 1, or such a number of all rows: `table(0.05)`", |expr| {
        match &expr.kind {
            ExprKind::Call { callee, args } if callee.text == "table" => match args.as_slice() {
                [arg] if arg.name.is_none() => weight(&arg.value).map(|table| L2::Tables { table }),
                _ => None,
            },
            _ => weight(expr).map(L2::Batch),
        }
    })
}

fn storage(s: &mut Settings, key: &str) -> Storage {
    s.called(key, Storage::F32, &["f32", "bf16"], |called| {
        called.only(&[])?;
        Ok(if called.name == "bf16" { Storage::Bf16 } else { Storage::F32 })
    })
}

/// `unwatched`: why nothing tells here whether an epoch was better than those before, if so, and what to do.
fn schedule(s: &mut Settings, key: &str, unwatched: Option<(&str, &str)>) -> Schedule {
    const PLATEAU: [&str; 2] = ["factor", "patience"];
    s.called(key, Schedule::Cosine, &["cosine", "constant", "plateau"], |called| match called.name {
        "plateau" => {
            called.only(&PLATEAU)?;
            if let Some((why, help)) = unwatched {
                let message = format!("`{key}` cannot be `plateau`");
                let found = Diagnostic::error(Code::Recipe, message).label(called.span, why);
                return Err(found.help(help));
            }
            Ok(Schedule::Plateau {
                factor: called.below_one(&PLATEAU, "factor", 0.1)?,
                patience: called.whole(&PLATEAU, "patience", 0)?,
            })
        }
        name => {
            called.only(&[])?;
            Ok(if name == "cosine" { Schedule::Cosine } else { Schedule::Constant })
        }
    })
}

fn stop(s: &mut Settings, key: &str, grouped: bool) -> Option<Early> {
    const ARGS: [&str; 2] = ["patience", "metric"];
    s.called(key, None, &["early", "off"], |called| {
        if called.name == "off" {
            called.only(&[])?;
            return Ok(None);
        }
        called.only(&ARGS)?;
        let metric = match called.expr(&ARGS, "metric") {
            None => Metric::LogLoss,
            Some(expr) => match &expr.kind {
                ExprKind::Name(name) if name == "log_loss" => Metric::LogLoss,
                ExprKind::Name(name) if name == "auc" => Metric::Auc,
                ExprKind::Name(name) if name == "group_auc" && grouped => Metric::GroupAuc,
                ExprKind::Name(name) if name == "group_auc" => {
                    return Err(Diagnostic::error(Code::Recipe, "the schema names no group")
                        .label(expr.span, "there is no AUC of each")
                        .help("add `group COLUMN` to the schema"));
                }
                _ => {
                    return Err(Diagnostic::error(Code::Recipe, "`metric` of `early` is not understood")
                        .label(expr.span, "expected `log_loss`, `auc` or `group_auc`"));
                }
            },
        };
        let patience = called.whole(&ARGS, "patience", 2)?;
        if patience == 0 {
            return Err(Diagnostic::error(Code::Recipe, "`patience` of `early` is not understood").label(
                called.span,
                "expected at least 1 epoch, for the first one that is no better ends the training then",
            ));
        }
        Ok(Some(Early { patience, metric }))
    })
}

fn clip(s: &mut Settings, key: &str) -> Option<Clip> {
    let above_0 = |expr: &Expr| number(expr).filter(|x| *x > 0.0);
    s.get(key, Some(Clip::Norm(5.0)), "a norm above 0, a `value(1.0)` above 0, or `off`", |e| match &e.kind {
        ExprKind::Number(x) if *x > 0.0 => Some(Some(Clip::Norm(*x))),
        ExprKind::Call { callee, args } if callee.text == "value" => match args.as_slice() {
            [arg] if arg.name.is_none() => above_0(&arg.value).map(|value| Some(Clip::Value { value })),
            _ => None,
        },
        ExprKind::Switch(false) => Some(None),
        _ => None,
    })
}

fn finetune(s: &mut Settings, key: &str) -> Finetune {
    const ARGS: [&str; 2] = ["steps", "lr"];
    s.called(key, Finetune::Head { steps: 500, lr: 0.04 }, &["head", "all", "off"], |called| {
        if called.name == "off" {
            called.only(&[])?;
            return Ok(Finetune::None);
        }
        called.only(&ARGS)?;
        let (steps, lr) = (called.whole(&ARGS, "steps", 500)?, called.real(&ARGS, "lr", 0.04, 0.0, 100.0)?);
        Ok(if called.name == "all" { Finetune::All { steps, lr } } else { Finetune::Head { steps, lr } })
    })
}
