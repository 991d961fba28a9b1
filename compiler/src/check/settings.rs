//! Settings read by key: every key that is asked for is known, and what nobody asked for is a mistake.

use std::collections::BTreeMap;

use crate::diagnostics::{Code, Diagnostic, Span, nearest};
use crate::recipe::Length;
use crate::syntax::tree::{Arg, Expr, ExprKind, Name, Setting, SettingValue};

/// The settings of one search or training, by path such as `train.batch`.
pub(super) struct Settings {
    values: BTreeMap<String, Setting>,
    known: Vec<String>,
    /// Keys that are only a search's, where this is none.
    of_searches: Vec<String>,
    pub diagnostics: Vec<Diagnostic>,
    /// Where a missing key is reported.
    owner: Span,
    /// A setting could not be read, so that none is known to be missing.
    pub incomplete: bool,
}

/// A value written as a name with or without arguments: `cosine`, `adagrad(lr: 0.12)`.
pub(super) struct Called<'a> {
    pub name: &'a str,
    pub args: &'a [Arg],
    /// Where its name stands.
    pub span: Span,
    /// Of what is wrong with it.
    pub code: Code,
}

impl Settings {
    /// `overrides` replace what the file says, and what `rivals` says of each: the settings that it excludes.
    pub fn new(
        settings: &[Setting],
        overrides: &[Setting],
        rivals: impl Fn(&str) -> Vec<&'static str>,
        owner: Span,
    ) -> Self {
        let mut all = Self {
            values: BTreeMap::new(),
            known: Vec::new(),
            of_searches: Vec::new(),
            diagnostics: Vec::new(),
            owner,
            incomplete: false,
        };
        for setting in settings {
            if let Some(first) = all.values.get(&path(setting)) {
                let first = first.span;
                all.diagnostics.push(
                    Diagnostic::error(Code::Duplicate, format!("`{}` is set twice", path(setting)))
                        .label(setting.span, "again here")
                        .label(first, "first here"),
                );
                continue;
            }
            all.values.insert(path(setting), setting.clone());
        }
        for setting in overrides.iter().filter(|s| s.path.first().is_none_or(|first| first.text != "space")) {
            // One of two that exclude each other replaces the other.
            for rival in rivals(&path(setting)) {
                all.values.retain(|key, _| !within(key, rival));
            }
            all.values.insert(path(setting), setting.clone());
        }
        all
    }

    /// Where a missing key is reported.
    pub fn owner(&self) -> Span {
        self.owner
    }

    /// Keys that say nothing here, but would in a search: they are told as that.
    pub fn only_of_searches(&mut self, keys: impl IntoIterator<Item = String>) {
        self.of_searches.extend(keys);
    }

    /// Whether a section is opened or any of its keys is set.
    pub fn has_section(&mut self, section: &str) -> bool {
        self.known.push(section.to_owned());
        let inside = format!("{section}.");
        self.values.keys().any(|key| key == section || key.starts_with(&inside))
    }

    fn find(&mut self, key: &str) -> Option<Setting> {
        self.known.push(key.to_owned());
        self.values.get(key).cloned()
    }

    fn wrong<T>(&mut self, key: &str, span: Span, expected: &str) -> Option<T> {
        self.diagnostics.push(
            Diagnostic::error(Code::Recipe, format!("`{key}` is not understood"))
                .label(span, format!("expected {expected}")),
        );
        None
    }

    /// The key's value as `read` understands it; the default where it is not set or was reported.
    pub fn get<T>(&mut self, key: &str, default: T, expected: &str, read: impl Fn(&Expr) -> Option<T>) -> T {
        let Some(setting) = self.find(key) else { return default };
        let SettingValue::Expr(expr) = &setting.value else {
            return self.wrong(key, setting.span, expected).unwrap_or(default);
        };
        match read(expr) {
            Some(value) => value,
            None => self.wrong(key, expr.span, expected).unwrap_or(default),
        }
    }

    pub fn count(&mut self, key: &str, default: u64) -> u64 {
        self.get(key, default, "a whole number of at least 1", |e| whole(e).filter(|n| *n >= 1))
    }

    pub fn seed(&mut self, key: &str, default: u64) -> u64 {
        self.get(key, default, "a whole number", whole)
    }

    /// A whole number, 0 included, of at most `most`.
    pub fn up_to(&mut self, key: &str, default: u64, most: u64) -> u64 {
        let expected = format!("a whole number from 0 to {most}");
        self.get(key, default, &expected, |e| whole(e).filter(|number| *number <= most))
    }

    pub fn real(&mut self, key: &str, default: f64, lo: f64, hi: f64) -> f64 {
        self.get(key, default, &format!("a number from {lo} to {hi}"), |e| number(e).filter(|x| (lo..=hi).contains(x)))
    }

    pub fn switch(&mut self, key: &str, default: bool) -> bool {
        self.get(key, default, "`on` or `off`", |e| match e.kind {
            ExprKind::Switch(on) => Some(on),
            _ => None,
        })
    }

    /// Steps, or a share of all steps.
    pub fn length(&mut self, key: &str, default: Length) -> Length {
        self.get(key, default, "a number of steps, or a share such as `10%`", |e| match e.kind {
            ExprKind::Percent(share) if (0.0..=1.0).contains(&share) => Some(Length::Share(share)),
            _ => whole(e).map(Length::Steps),
        })
    }

    pub fn texts(&mut self, key: &str) -> Option<Vec<String>> {
        let setting = self.find(key)?;
        let one = |expr: &Expr| match &expr.kind {
            ExprKind::Text(text) => Some(text.clone()),
            _ => None,
        };
        let texts = match &setting.value {
            SettingValue::Expr(expr) => match &expr.kind {
                ExprKind::List(items) => items.iter().map(one).collect::<Option<Vec<_>>>(),
                _ => one(expr).map(|text| vec![text]),
            },
            _ => None,
        };
        match texts {
            Some(texts) if !texts.is_empty() => Some(texts),
            _ => self.wrong(key, setting.span, "a path in quotes, or a list of them"),
        }
    }

    /// A ratio of three, such as `8:1:1`, with the name around it, if there is one; a name alone has the default's ratio.
    /// Nothing where it is not set or was reported.
    pub fn split(&mut self, key: &str, default: [u32; 3]) -> Option<(Option<Name>, [u32; 3])> {
        let setting = self.find(key)?;
        let (by, shares) = match &setting.value {
            SettingValue::Ratio(shares) => (None, shares.as_slice()),
            SettingValue::SharedBy(by, shares) => (Some(by.clone()), shares.as_slice()),
            SettingValue::Expr(Expr { kind: ExprKind::Name(name), span }) => {
                return Some((Some(Name { text: name.clone(), span: *span }), default));
            }
            _ => (None, &[][..]),
        };
        if let [train, validation, test] = *shares
            && shares.iter().all(|share| share.fract() == 0.0 && (1.0..=1e6).contains(share))
        {
            return Some((by, [train, validation, test].map(|share| share as u32)));
        }
        self.wrong(key, setting.span, "training, validation and test shares, such as `8:1:1` or `by_time(8:1:1)`")
    }

    /// Where a key is set.
    pub fn place(&self, key: &str) -> Option<Span> {
        self.values.get(key).map(|setting| setting.span)
    }

    /// A value chosen among names, with arguments; `read` gets it and may report.
    pub fn called<T>(
        &mut self,
        key: &str,
        default: T,
        names: &[&str],
        read: impl Fn(&Called<'_>) -> Result<T, Diagnostic>,
    ) -> T {
        let Some(setting) = self.find(key) else { return default };
        let called = match &setting.value {
            SettingValue::Expr(Expr { kind: ExprKind::Call { callee, args }, .. }) => {
                Some(Called { name: &callee.text, args, span: callee.span, code: Code::Recipe })
            }
            SettingValue::Expr(Expr { kind: ExprKind::Name(name), span }) => {
                Some(Called { name, args: &[], span: *span, code: Code::Recipe })
            }
            SettingValue::Expr(Expr { kind: ExprKind::Switch(false), span }) => {
                Some(Called { name: "off", args: &[], span: *span, code: Code::Recipe })
            }
            _ => None,
        };
        let Some(called) = called.filter(|called| names.contains(&called.name)) else {
            let written = match &setting.value {
                SettingValue::Expr(Expr { kind: ExprKind::Name(name), span }) => Some((*span, name.as_str())),
                SettingValue::Expr(Expr { kind: ExprKind::Call { callee, .. }, .. }) => {
                    Some((callee.span, callee.text.as_str()))
                }
                _ => None,
            };
            let mut diagnostic = Diagnostic::error(Code::Recipe, format!("`{key}` is not understood"))
                .label(setting.span, format!("expected {}", names.join(" or ")));
            if let Some((span, name)) = written {
                diagnostic = diagnostic.did_you_mean(span, name, nearest(name, names.iter().copied()));
            }
            self.diagnostics.push(diagnostic);
            return default;
        };
        match read(&called) {
            Ok(value) => value,
            Err(diagnostic) => {
                self.diagnostics.push(diagnostic);
                default
            }
        }
    }

    pub fn missing(&mut self, message: &str, help: &str) {
        if self.incomplete {
            return;
        }
        self.diagnostics.push(Diagnostic::error(Code::Recipe, message).label(self.owner, "in this recipe").help(help));
    }

    /// Reports two settings that exclude each other.
    pub fn both(&mut self, message: &str, keys: [&str; 2]) {
        let places = keys.map(|key| self.values.get(key).map_or(self.owner, |setting| setting.span));
        self.diagnostics.push(
            Diagnostic::error(Code::Recipe, message)
                .label(places[0], "this one")
                .label(places[1], "or this one")
                .help("leave one of them out"),
        );
    }

    /// Every key that was asked for.
    pub fn known(self) -> Vec<String> {
        self.known
    }

    /// Reports the keys that nobody asked for.
    pub fn finish(mut self) -> Vec<Diagnostic> {
        let sections: Vec<String> =
            self.known.iter().filter_map(|key| key.rsplit_once('.')).map(|(section, _)| section.to_owned()).collect();
        for (key, setting) in &self.values {
            let section = matches!(setting.value, SettingValue::Section);
            if self.known.contains(key) || section && sections.contains(key) {
                continue;
            }
            // One mistake in a section's name is one finding.
            let unknown_parent = key
                .rsplit_once('.')
                .is_some_and(|(parent, _)| !sections.iter().any(|s| s == parent) && self.values.contains_key(parent));
            if unknown_parent {
                continue;
            }
            let of_search = self.of_searches.iter().any(|known| within(key, known) || section && within(known, key));
            if of_search {
                let span = setting.path.last().map_or(setting.span, |name| name.span);
                self.diagnostics.push(
                    Diagnostic::error(Code::Recipe, format!("a training has no `{key}`"))
                        .label(span, "this is of a search")
                        .help("a `train` trains one model, as its section `retrain` says, and looks for none"),
                );
                continue;
            }
            let candidates = self.known.iter().chain(&sections).map(String::as_str);
            let near = nearest(key, candidates);
            let siblings = key.rsplit_once('.').map(|(section, _)| {
                let inside = format!("{section}.");
                let mut keys: Vec<&str> = self.known.iter().filter_map(|k| k.strip_prefix(&inside)).collect();
                keys.sort_unstable();
                keys.dedup();
                format!("`{section}` has {}", keys.join(", "))
            });
            let span = setting.path.last().map_or(setting.span, |name| name.span);
            self.diagnostics.push(
                Diagnostic::error(Code::Recipe, format!("there is no setting `{key}`"))
                    .label(span, "not a setting")
                    .did_you_mean(span, key, near)
                    .help_if(siblings),
            );
        }
        self.diagnostics
    }
}

/// Whether a key is a section or lies in it.
pub(super) fn within(key: &str, section: &str) -> bool {
    key.strip_prefix(section).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn path(setting: &Setting) -> String {
    setting.path.iter().map(|name| name.text.as_str()).collect::<Vec<_>>().join(".")
}

pub(super) fn number(expr: &Expr) -> Option<f64> {
    match &expr.kind {
        ExprKind::Number(x) | ExprKind::Percent(x) => Some(*x),
        ExprKind::Unary(crate::syntax::tree::Unary::Negate, inner) => number(inner).map(|x| -x),
        _ => None,
    }
}

pub(super) fn whole(expr: &Expr) -> Option<u64> {
    match expr.kind {
        ExprKind::Number(x) if x >= 0.0 && x.fract() == 0.0 && x < 1e15 => Some(x as u64),
        _ => None,
    }
}

impl Called<'_> {
    /// Checks the arguments' names.
    pub fn only(&self, names: &[&str]) -> Result<(), Diagnostic> {
        for (i, arg) in self.args.iter().enumerate() {
            let known = match &arg.name {
                Some(Name { text, .. }) => names.contains(&text.as_str()),
                None => i < names.len(),
            };
            if !known {
                let takes = format!("`{}` takes ({})", self.name, names.join(", "));
                return Err(Diagnostic::error(self.code, format!("`{}` does not take this", self.name))
                    .label(arg.span(), "not an argument of it")
                    .help(takes));
            }
        }
        Ok(())
    }

    fn arg(&self, names: &[&str], name: &str) -> Option<&Expr> {
        let at = names.iter().position(|n| *n == name);
        self.args
            .iter()
            .enumerate()
            .find(|(i, arg)| match &arg.name {
                Some(given) => given.text == name,
                None => Some(*i) == at,
            })
            .map(|(_, arg)| &arg.value)
    }

    pub fn expr(&self, names: &[&str], name: &str) -> Option<&Expr> {
        self.arg(names, name)
    }

    pub fn real(&self, names: &[&str], name: &str, default: f64, lo: f64, hi: f64) -> Result<f64, Diagnostic> {
        let Some(expr) = self.arg(names, name) else { return Ok(default) };
        number(expr).filter(|x| (lo..=hi).contains(x)).ok_or_else(|| {
            Diagnostic::error(self.code, format!("`{name}` of `{}` is not understood", self.name))
                .label(expr.span, format!("expected a number from {lo} to {hi}"))
        })
    }

    /// A share that keeps something of the past and something of the present.
    pub fn below_one(&self, names: &[&str], name: &str, default: f64) -> Result<f64, Diagnostic> {
        let Some(expr) = self.arg(names, name) else { return Ok(default) };
        number(expr).filter(|x| (0.0..1.0).contains(x)).ok_or_else(|| {
            Diagnostic::error(self.code, format!("`{name}` of `{}` is not understood", self.name))
                .label(expr.span, "expected a number of at least 0 and below 1")
        })
    }

    pub fn switch(&self, names: &[&str], name: &str, default: bool) -> Result<bool, Diagnostic> {
        let Some(expr) = self.arg(names, name) else { return Ok(default) };
        match expr.kind {
            ExprKind::Switch(on) => Ok(on),
            _ => Err(Diagnostic::error(self.code, format!("`{name}` of `{}` is not understood", self.name))
                .label(expr.span, "expected `on` or `off`")),
        }
    }

    pub fn whole(&self, names: &[&str], name: &str, default: u64) -> Result<u64, Diagnostic> {
        let Some(expr) = self.arg(names, name) else { return Ok(default) };
        whole(expr).ok_or_else(|| {
            Diagnostic::error(self.code, format!("`{name}` of `{}` is not understood", self.name))
                .label(expr.span, "expected a whole number")
        })
    }
}
