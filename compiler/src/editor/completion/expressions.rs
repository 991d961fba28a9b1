//! Statements and expressions of operators and spaces.

use super::{Candidate, Completer, Sort, builtin};
use crate::editor::completion::context::Inside;
use crate::format::tokens;
use crate::names::builtin::WIDTHS;
use crate::names::{Base, Kind, Meaning, Symbol};

impl Completer<'_> {
    /// Inside an operator, a space or a constant.
    pub(super) fn code(&mut self) {
        let inside = self.context.inside();
        if self.context.follows(".") {
            return self.members();
        }
        if self.context.follows(":") && inside == Inside::Params || self.context.follows("->") {
            return self.types();
        }
        if self.context.follows(":") && self.context.back(2).is_some_and(|token| token.is("input")) {
            const KINDS: [(&str, &str); 3] = [
                ("dense", "all numeric columns"),
                ("categorical", "all categorical fields"),
                ("sequence", "a column with several values a row, in their order"),
            ];
            for (kind, what) in KINDS {
                self.add(Candidate::new(kind, Sort::Type).detail(what));
            }
            return;
        }
        if self.context.statement().first().is_some_and(|first| first.is("input")) && self.context.statement().len() > 3
        {
            return if self.context.statement().len() == 4 { self.keywords(&["from"]) } else { self.of_schemas() };
        }
        // A new name is being thought of.
        let naming = ["let", "shared", "op", "space", "const", "block", "test", "as", "input", "after"];
        if self.context.back(0).is_some_and(|token| naming.contains(&token.text)) {
            return;
        }
        if self.context.follows("out") {
            return self.outputs_to_define();
        }
        if self.context.follows("width") && self.context.statement().len() == 1 {
            return;
        }
        match inside {
            Inside::Head if self.context.item_word() == Some("const") => self.expression(Some("size")),
            Inside::Head if self.context.follows("=") => self.expression(None),
            Inside::Head => {}
            Inside::Params if self.context.follows("=") => self.expression(None),
            Inside::Params => {}
            Inside::Item if self.context.fresh => {
                self.keywords(&["let", "width", "input", "block", "logit", "auxiliary", "shared", "require", "forbid"])
            }
            Inside::Block if self.context.fresh => {
                self.keywords(&["let", "width", "out", "shared", "require", "forbid"])
            }
            Inside::Stem if self.context.fresh => self.outputs_to_define(),
            Inside::Body if self.context.fresh => {
                self.keywords(&["let", "width", "shared"]);
                self.expression(None);
            }
            Inside::Call => self.argument(),
            _ => {
                let last = self.context.back(0).map(|token| token.text);
                match (last, self.context.statement()) {
                    (Some("in"), [width, ..]) if width.is("width") => self.expression(Some("list")),
                    (Some("pick" | "repeat" | "if" | ".." | "step"), _) => self.expression(Some("size")),
                    (_, [.., name]) if ends_operand(name) => self.continuations(),
                    _ => self.expression(None),
                }
            }
        }
    }

    /// What can follow a whole operand, besides signs.
    fn continuations(&mut self) {
        let words: Vec<&str> = self.context.statement().iter().map(|token| token.text).collect();
        let mut next = vec!["and", "or"];
        if words.contains(&"pick") || words.contains(&"repeat") {
            next.push("from");
        }
        if words.contains(&"repeat") {
            next.push("as");
        }
        if words.first() == Some(&"width") {
            next = vec!["in", "step"];
        }
        if words.first() == Some(&"block") {
            next = vec!["after"];
        }
        if self.context.follows("}") {
            next.push("else");
        }
        self.keywords(&next);
    }

    fn argument(&mut self) {
        let Some(call) = self.context.call() else { return };
        let params = self.params(call.callee);
        let wanted = match call.named {
            Some(name) => params.iter().find(|(param, _)| param == name).map(|(_, kind)| kind.clone()),
            None if call.callee == "concat" => Some("tensor".to_owned()),
            None => params.get(call.position).map(|(_, kind)| kind.clone()),
        };
        let begins = self.context.follows("(") || self.context.follows(",");
        if begins && call.named.is_none() {
            self.named_arguments(call.callee, &call.given, call.position, true);
        }
        let last = self.context.back(0);
        if wanted.as_deref() == Some(WIDTHS) {
            return match last.map(|token| token.text) {
                Some(":") => self.keywords(&["width"]),
                Some("width") => self.keywords(&["in"]),
                Some("in") => self.expression(Some("list")),
                _ => self.continuations(),
            };
        }
        match last {
            Some(last) if ends_operand(last) => self.continuations(),
            _ => self.expression(wanted.as_deref()),
        }
    }

    /// The parameters of what is called here: each name with its type.
    fn params(&self, callee: &str) -> Vec<(String, String)> {
        match self.analysis.index.item(self.file, callee) {
            Some(symbol) => {
                let index = self.analysis.index.file(symbol.file);
                let params = index.params(symbol.definition).map(|definition| {
                    let param = Symbol { file: symbol.file, definition };
                    let kind = self.analysis.kind_word(param).unwrap_or_default().to_owned();
                    (index.definitions[definition].name.clone(), kind)
                });
                params.collect()
            }
            None => builtin::params(callee).into_iter().map(|(name, kind)| (name.into(), kind.into())).collect(),
        }
    }

    /// Arguments that can still be given by name: those from a position on.
    pub(super) fn named_arguments(&mut self, callee: &str, given: &[&str], from: usize, after_others: bool) {
        let mut params = self.params(callee);
        if !after_others && !params.iter().any(|(name, _)| name == builtin::NORMALISE) {
            params.push((builtin::NORMALISE.to_owned(), "switch".to_owned()));
        }
        for (name, kind) in params.into_iter().skip(from).filter(|(name, _)| !given.contains(&name.as_str())) {
            let insert = format!("{name}: ");
            self.add(Candidate::new(format!("{name}:"), Sort::Argument).detail(kind).insert(insert).ranked(4));
        }
    }

    /// Outputs that the stem or other statements hand on under a name.
    fn outputs_to_define(&mut self) {
        let index = self.analysis.index.file(self.file);
        let block = index.around(self.context.prefix.start, &[Kind::Block]);
        let names: Vec<String> = block
            .map(|block| index.outputs(block).into_iter().map(|o| index.definitions[o].name.clone()).collect())
            .unwrap_or_default();
        for name in names.into_iter().chain(["dense".to_owned(), "sparse".to_owned()]) {
            self.add(Candidate::new(name.clone(), Sort::Definition(Kind::Out)).insert(format!("{name} = ")));
        }
    }

    /// What can be written after a `.`.
    fn members(&mut self) {
        let index = self.analysis.index.file(self.file);
        let dot = self.context.before.last().map_or(0, |dot| dot.start);
        let Some(base) = self.base() else { return self.sizes(None) };
        if let Some((block, stem)) = self.analysis.index.outputs_of(self.file, base, dot) {
            let stem_only = |definition: &usize| {
                let body = index.scopes.iter().find(|scope| scope.owner == Some(block)).map(|scope| scope.range.start);
                !stem || body.is_none_or(|body| index.definitions[*definition].span.start < body)
            };
            for definition in index.outputs(block).into_iter().filter(stem_only) {
                let candidate = self.defined(Symbol { file: self.file, definition }).ranked(1);
                self.add(candidate);
            }
            return;
        }
        let kind = match base {
            Base::Use(used) => match self.analysis.index.meaning(self.file, used) {
                Some(Meaning::Symbol(symbol)) => self.analysis.kind_word(symbol),
                _ => None,
            },
            _ => None,
        };
        let kind = kind.map(str::to_owned);
        self.sizes(kind.as_deref());
    }

    /// What the `.` before the place follows, in the index of the file.
    fn base(&self) -> Option<Base> {
        let before = &self.context.before;
        let mut at = before.len().checked_sub(2)?;
        if before[at].is("earlier") {
            return Some(Base::Earlier);
        }
        if before[at].is("]") {
            let mut depth = 0;
            loop {
                depth += i32::from(before[at].is("]")) - i32::from(before[at].is("["));
                at = at.checked_sub(1)?;
                if depth == 0 {
                    break;
                }
            }
        }
        let start = before[at].start;
        self.analysis.index.file(self.file).uses.iter().position(|used| used.span.start == start).map(Base::Use)
    }

    /// Columns of the schemas of this file.
    fn of_schemas(&mut self) {
        let index = self.analysis.index.file(self.file);
        let columns: Vec<_> = index.definitions.iter().filter(|known| known.kind == Kind::Column).collect();
        for column in columns {
            self.add(Candidate::new(column.name.clone(), Sort::Value).detail(column.kind.word()));
        }
    }

    fn sizes(&mut self, kind: Option<&str>) {
        let sizes: &[&str] = match kind {
            Some("dense") => &["width"],
            Some("sparse") => &["fields", "dim", "width"],
            Some("square") => &["fields"],
            Some("tensor") => &["width"],
            Some("categorical" | "sequence") => {
                self.add(Candidate::new(builtin::COUNT, Sort::Member).docs(builtin::member(builtin::COUNT)).ranked(1));
                return;
            }
            Some("size" | "switch" | "number" | "list" | "range") => &[],
            _ => &builtin::SIZES,
        };
        for size in sizes {
            self.add(Candidate::new(*size, Sort::Member).docs(builtin::meaning(size)).ranked(1));
        }
    }

    /// Everything that an expression can start with, what fits the wanted kind first.
    pub(super) fn expression(&mut self, wanted: Option<&str>) {
        let index = self.analysis.index.file(self.file);
        let at = self.context.prefix.start;
        for definition in index.locals(at) {
            let symbol = Symbol { file: self.file, definition };
            let rank = rank(wanted, self.analysis.kind_word(symbol));
            if let Some(rank) = rank {
                let candidate = self.defined(symbol).ranked(rank);
                self.add(candidate);
            }
        }
        self.constants(wanted);
        let tensors = !matches!(wanted, Some("size" | "switch" | "list" | "categorical" | "sequence" | "number"));
        if tensors {
            self.items(Kind::Op, 3);
            if self.context.item_word() == Some("space") {
                self.items(Kind::Space, 5);
            }
            self.keywords(&["choose", "pick", "maybe", "repeat", "if"]);
            if index.around(at, &[Kind::Block]).is_some() {
                self.keywords(&["earlier"]);
            }
        } else if !matches!(wanted, Some("list" | "categorical" | "sequence")) {
            self.keywords(&["on", "off", "not", "if"]);
        }
        for name in builtin::callables() {
            let of_sizes = !builtin::params(name).iter().any(|_| true) && name != "concat";
            if of_sizes != tensors && !matches!(wanted, Some("categorical" | "sequence")) || wanted.is_none() {
                let detail = builtin::signature(name).unwrap_or_default();
                let docs = builtin::meaning(name);
                let candidate =
                    Candidate::new(name, Sort::BuiltIn).detail(detail).docs(docs).insert(format!("{name}("));
                self.add(candidate.ranked(4));
            }
        }
    }

    fn constants(&mut self, wanted: Option<&str>) {
        for symbol in self.analysis.index.items(self.file) {
            let is_const = self.analysis.index.definition(symbol).kind == Kind::Const;
            if let (true, Some(rank)) = (is_const, rank(wanted, self.analysis.kind_word(symbol))) {
                let candidate = self.defined(symbol).ranked(rank);
                self.add(candidate);
            }
        }
    }
}

/// Whether an operand ends with this token, so that an operator is due.
fn ends_operand(token: &tokens::Token<'_>) -> bool {
    const OPERATORS: [&str; 13] =
        ["and", "or", "not", "in", "from", "maybe", "if", "else", "choose", "pick", "repeat", "step", "as"];
    match token.kind {
        tokens::Kind::Word => !OPERATORS.contains(&token.text),
        tokens::Kind::Number | tokens::Kind::Close => true,
        _ => false,
    }
}

/// How well a value of one kind fits where another is wanted; `None` where it does not.
fn rank(wanted: Option<&str>, kind: Option<&str>) -> Option<u8> {
    let tensor = |kind: &str| matches!(kind, "dense" | "sparse" | "square" | "tensor");
    match (wanted, kind) {
        (None, _) => Some(1),
        (Some(_), None) => Some(2),
        (Some(wanted), Some(kind)) if wanted == kind => Some(0),
        (Some("tensor"), Some("dense" | "sparse")) | (Some("dense" | "sparse"), Some("tensor")) => Some(0),
        (Some("categorical"), Some("sequence")) | (Some("square"), Some("sparse")) => Some(1),
        (Some("list"), Some("range")) | (Some("number"), Some("size")) => Some(0),
        // A tensor has sizes, a block has tensors.
        (Some("size" | "switch"), Some(kind)) if tensor(kind) => Some(3),
        (Some("switch"), Some("size")) => Some(2),
        (Some(wanted), Some("block")) if tensor(wanted) => Some(3),
        (Some(wanted), Some("several dense tensors" | "several sparse tensors")) if tensor(wanted) => Some(1),
        _ => None,
    }
}
