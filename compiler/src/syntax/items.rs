//! Items and statements: one function a rule.

use nasrec_grammar::{NasrecParser, Rule};
use pest::Parser;
use pest::iterators::Pair;

use super::expressions::{binary, number};
use super::tree::{
    ArchItem, Arg, Block, Body, Columns, Const, Demand, Expr, ExprKind, File, Import, Logit, Made, Name, Op, OpParam,
    Pattern, Reference, SchemaItem, SchemaLine, SearchItem, Setting, SettingValue, SpaceItem, Statement, TestItem,
    TypeOf, Unary, Written,
};
use super::{LANGUAGE_VERSION, Parts, Reader};
use crate::diagnostics::{Code, Diagnostic, Span};

impl Reader {
    /// Parses the item in `text`, which starts at byte `offset` of the file and is its `index`th. False where it could
    /// not.
    pub(super) fn item(&mut self, text: &str, offset: usize, index: usize, tree: &mut File) -> bool {
        let is_header = text.trim_start().strip_prefix("nasrec").is_some_and(|rest| rest.starts_with([' ', '\t']));
        let rule = if is_header { Rule::header } else { Rule::item };
        let repaired;
        let parsed = match NasrecParser::parse(rule, text) {
            Ok(pairs) => Ok(pairs),
            Err(error) => {
                repaired = self.repair(rule, text, offset, error);
                let Some(text) = &repaired else { return false };
                NasrecParser::parse(rule, text)
            }
        };
        let Some(item) = parsed.ok().and_then(|mut pairs| pairs.next()) else { return false };
        if is_header {
            self.header(item, offset, index);
            return true;
        }
        let mut docs = Vec::new();
        for pair in item.parts() {
            match pair.as_rule() {
                Rule::doc => docs.push(doc_text(&pair)),
                Rule::import => tree.imports.push(self.import(pair, offset)),
                Rule::r#const => {
                    let (name, value) = self.binding(pair, offset);
                    tree.consts.push(Const { docs: std::mem::take(&mut docs), name, value });
                }
                Rule::op => tree.ops.push(self.op(pair, offset, std::mem::take(&mut docs))),
                Rule::space => tree.spaces.push(self.space(pair, offset, std::mem::take(&mut docs))),
                Rule::pattern => tree.patterns.push(self.pattern(pair, offset, std::mem::take(&mut docs))),
                Rule::test => tree.tests.push(self.test(pair, offset, std::mem::take(&mut docs))),
                Rule::schema => tree.schemas.push(self.schema(pair, offset, std::mem::take(&mut docs))),
                Rule::search => tree.searches.push(self.search(pair, offset, std::mem::take(&mut docs))),
                Rule::train => tree.trains.push(self.search(pair, offset, std::mem::take(&mut docs))),
                Rule::arch => tree.archs.push(self.arch(pair, offset, std::mem::take(&mut docs))),
                _ => {}
            }
        }
        true
    }

    fn header(&mut self, item: Pair<'_, Rule>, offset: usize, index: usize) {
        let version = item.parts().next().expect("a header has a version");
        let span = self.span(&version, offset);
        if number(version.as_str()) != f64::from(LANGUAGE_VERSION) {
            self.diagnostics.push(
                Diagnostic::error(Code::Version, format!("language version {} is not known", version.as_str()))
                    .label(span, format!("this compiler reads version {LANGUAGE_VERSION}")),
            );
        } else if index > 0 {
            let message = "the language version belongs on the first line of code";
            self.diagnostics.push(Diagnostic::error(Code::Version, message).label(span, "stated here"));
        }
    }

    fn import(&mut self, pair: Pair<'_, Rule>, offset: usize) -> Import {
        let span = self.span(&pair, offset);
        let mut inner = pair.parts();
        let path = inner.next().expect("an import has a path");
        let path = Name { text: path.as_str().trim_matches('"').to_owned(), span: self.span(&path, offset) };
        let names = inner.next().map(|names| names.parts().map(|n| self.name(&n, offset)).collect());
        Import { path, names: names.unwrap_or_default(), span }
    }

    fn op(&mut self, pair: Pair<'_, Rule>, offset: usize, docs: Vec<String>) -> Op {
        let mut inner = pair.parts();
        let name = self.name(&inner.next().expect("an op has a name"), offset);
        let params = inner.next().expect("an op has parameters").parts().map(|p| self.op_param(p, offset)).collect();
        let mut result = None;
        let mut body = None;
        for part in inner {
            match part.as_rule() {
                Rule::type_of => result = Some(self.type_of(part, offset)),
                Rule::body => body = Some(self.body(part, offset)),
                _ => body = Some(Body { bindings: Vec::new(), value: Box::new(self.expression(part, offset)) }),
            }
        }
        Op { docs, name, params, result, body: body.expect("an op has a body") }
    }

    fn op_param(&mut self, pair: Pair<'_, Rule>, offset: usize) -> OpParam {
        let mut inner = pair.parts();
        let name = self.name(&inner.next().expect("a parameter has a name"), offset);
        let kind = self.type_of(inner.next().expect("a parameter has a type"), offset);
        OpParam { name, kind, default: inner.next().map(|value| self.expression(value, offset)) }
    }

    fn type_of(&mut self, pair: Pair<'_, Rule>, offset: usize) -> TypeOf {
        let mut inner = pair.parts();
        let name = self.name(&inner.next().expect("a type has a name"), offset);
        TypeOf { name, sizes: inner.map(|size| self.expression(size, offset)).collect() }
    }

    fn space(&mut self, pair: Pair<'_, Rule>, offset: usize, docs: Vec<String>) -> SpaceItem {
        let mut inner = pair.parts();
        let name = self.name(&inner.next().expect("a space has a name"), offset);
        let mut params = Vec::new();
        let mut body = Vec::new();
        for part in inner {
            if part.as_rule() == Rule::space_params {
                params = part.parts().map(|param| self.binding(param, offset)).collect();
            } else {
                body.extend(self.statement(part, offset));
            }
        }
        SpaceItem { docs, name, params, body }
    }

    fn statement(&mut self, pair: Pair<'_, Rule>, offset: usize) -> Option<Statement> {
        let part = pair.parts().find(|p| p.as_rule() != Rule::doc)?;
        let span = self.span(&part, offset);
        match part.as_rule() {
            Rule::input => {
                let (from, said): (Vec<_>, Vec<_>) = part.parts().partition(|part| part.as_rule() == Rule::columns);
                let (name, kind) = two(said.into_iter());
                let from = from.into_iter().map(|columns| self.columns(columns, offset)).collect();
                Some(Statement::Input { name: self.name(&name, offset), kind: self.name(&kind, offset), from })
            }
            Rule::width | Rule::binding | Rule::shared => Some(self.bound(part, offset)),
            Rule::require | Rule::forbid => Some(Statement::Demand(self.demand(part, offset))),
            Rule::out => {
                let (name, value) = self.binding(part, offset);
                Some(Statement::Out { name, value })
            }
            Rule::logit => {
                let auxiliary = part.clone().into_inner().any(|part| part.as_rule() == Rule::kw_auxiliary);
                let (mut name, mut args, mut value) = (None, Vec::new(), None);
                for part in part.parts() {
                    match part.as_rule() {
                        Rule::name => name = Some(self.name(&part, offset)),
                        Rule::arguments => args = self.arguments(part, offset),
                        _ => value = Some(self.expression(part, offset)),
                    }
                }
                let value = value.expect("a logit has a value");
                Some(Statement::Logit(Logit { name, auxiliary, args, value, span }))
            }
            Rule::block => Some(Statement::Block(self.block(part, offset))),
            _ => Some(Statement::Unreadable { words: self.lost_words(span) }),
        }
    }

    fn block(&mut self, pair: Pair<'_, Rule>, offset: usize) -> Block {
        let mut inner = pair.parts();
        let name = self.name(&inner.next().expect("a block has a name"), offset);
        let mut numbered: Vec<_> = inner.next().expect("a block has instances").parts().collect();
        let range = self.expression(numbered.pop().expect("instances have a range"), offset);
        let number = numbered.pop().map(|number| self.name(&number, offset));
        let mut of = None;
        let mut stem_name = None;
        let mut stem = None;
        let mut body = Vec::new();
        for part in inner {
            match part.as_rule() {
                Rule::name => stem_name = Some(self.name(&part, offset)),
                Rule::stem => stem = Some(part.parts().map(|p| self.stem_part(p, offset)).collect()),
                Rule::reference => of = Some(self.reference(part, offset)),
                _ => body = self.statements(part, offset),
            }
        }
        Block { name, number, range, of, stem: stem_name.zip(stem), body }
    }

    fn statements(&mut self, pair: Pair<'_, Rule>, offset: usize) -> Vec<Statement> {
        pair.parts().filter_map(|statement| self.statement(statement, offset)).collect()
    }

    fn demand(&mut self, pair: Pair<'_, Rule>, offset: usize) -> Demand {
        let forbids = pair.as_rule() == Rule::forbid;
        Demand { forbids, conditions: pair.parts().map(|condition| self.expression(condition, offset)).collect() }
    }

    fn pattern(&mut self, pair: Pair<'_, Rule>, offset: usize, docs: Vec<String>) -> Pattern {
        let mut inner = pair.parts();
        let name = self.name(&inner.next().expect("a block has a name"), offset);
        let mut params = Vec::new();
        let mut body = Vec::new();
        for part in inner {
            if part.as_rule() == Rule::pattern_params {
                for param in part.parts() {
                    let mut inner = param.parts();
                    let name = self.name(&inner.next().expect("a parameter has a name"), offset);
                    params.push((name, inner.next().map(|default| self.expression(default, offset))));
                }
            } else {
                body = self.statements(part, offset);
            }
        }
        Pattern { docs, name, params, body }
    }

    fn test(&mut self, pair: Pair<'_, Rule>, offset: usize, docs: Vec<String>) -> TestItem {
        let mut inner = pair.parts();
        let name = self.name(&inner.next().expect("a test has a name"), offset);
        let is_claim = |part: &Pair<'_, Rule>| !matches!(part.as_rule(), Rule::doc | Rule::lost);
        let claims = inner.filter_map(|claim| claim.parts().find(is_claim));
        TestItem { docs, name, claims: claims.map(|claim| self.expression(claim, offset)).collect() }
    }

    fn stem_part(&mut self, pair: Pair<'_, Rule>, offset: usize) -> (Name, Expr) {
        let span = self.span(&pair, offset);
        match pair.clone().parts().next() {
            Some(part) if part.as_rule() == Rule::lost => (no_name(span), Expr { kind: ExprKind::Lost, span }),
            _ => self.binding(pair, offset),
        }
    }

    fn schema(&mut self, pair: Pair<'_, Rule>, offset: usize, docs: Vec<String>) -> SchemaItem {
        let mut inner = pair.parts();
        let name = self.name(&inner.next().expect("a schema has a name"), offset);
        let (mut lines, mut sections, mut incomplete) = (Vec::new(), Vec::new(), false);
        for part in inner {
            let (section, parts) = match part.as_rule() {
                Rule::schema_section => {
                    let mut parts = part.parts().filter(|part| part.as_rule() != Rule::doc);
                    let section = self.name(&parts.next().expect("a section has a name"), offset);
                    sections.push(section.clone());
                    (Some(section), parts.collect())
                }
                _ => (None, vec![part]),
            };
            for line in parts {
                match is_lost(&line) {
                    true => incomplete = true,
                    false => lines.push(self.schema_line(line, section.clone(), offset)),
                }
            }
        }
        SchemaItem { docs, name, lines, sections, incomplete }
    }

    fn schema_line(&mut self, pair: Pair<'_, Rule>, section: Option<Name>, offset: usize) -> SchemaLine {
        let span = self.span(&pair, offset);
        let mut line = SchemaLine {
            section,
            keyword: no_name(span),
            columns: vec![],
            args: vec![],
            from: None,
            condition: None,
            written: None,
            stages: vec![],
            span,
        };
        for part in pair.parts() {
            match part.as_rule() {
                Rule::word => line.keyword = self.name(&part, offset),
                Rule::columns => line.columns.push(self.columns(part, offset)),
                Rule::arguments => line.args = self.arguments(part, offset),
                Rule::made_of => {
                    let columns = part.parts().next().expect("it is made of columns");
                    line.from = Some(match columns.as_rule() {
                        Rule::places => self.places(columns, offset),
                        _ => self.columns(columns, offset),
                    });
                }
                Rule::counts_if => {
                    let mut inner = part.parts();
                    let comparison = binary(inner.next().expect("a comparison").as_rule());
                    let mut rest: Vec<_> = inner.collect();
                    let value = self.expression(rest.pop().expect("a value to compare with"), offset);
                    let span = value.span;
                    let negated = |inner| Expr { kind: ExprKind::Unary(Unary::Negate, Box::new(inner)), span };
                    let value = if rest.is_empty() { value } else { negated(value) };
                    line.condition = comparison.map(|comparison| (comparison, value));
                }
                Rule::written => {
                    let mut inner = part.parts();
                    let name = inner.next().expect("a name or a pattern");
                    let (name, quoted) = self.quotable(&name, offset);
                    let args = inner.next().map(|args| self.arguments(args, offset)).unwrap_or_default();
                    line.written = Some(Written { name, quoted, args });
                }
                Rule::stage => {
                    let mut inner = part.parts();
                    let name = self.name(&inner.next().expect("a stage has a name"), offset);
                    let args = inner.next().map(|args| self.arguments(args, offset)).unwrap_or_default();
                    line.stages.push((name, args));
                }
                _ => {}
            }
        }
        line
    }

    fn columns(&mut self, pair: Pair<'_, Rule>, offset: usize) -> Columns {
        let mut inner = pair.parts();
        let (name, quoted) = self.quotable(&inner.next().expect("columns have a name"), offset);
        let range = inner.next().and_then(|i| i.parts().next()).map(|e| self.expression(e, offset));
        Columns { name, quoted, range }
    }

    /// Columns that are called by numbers: nothing, and these behind it.
    fn places(&mut self, pair: Pair<'_, Rule>, offset: usize) -> Columns {
        let span = self.span(&pair, offset);
        let numbers: Vec<_> = pair.parts().map(|number| self.expression(number, offset)).collect();
        let range = match <[Expr; 2]>::try_from(numbers) {
            Ok([lo, hi]) => {
                Some(Expr { kind: ExprKind::Range { lo: Box::new(lo), hi: Box::new(hi), step: None }, span })
            }
            Err(numbers) => numbers.into_iter().next(),
        };
        Columns { name: no_name(span), quoted: false, range }
    }

    /// A name, which may be in quotes.
    fn quotable(&mut self, pair: &Pair<'_, Rule>, offset: usize) -> (Name, bool) {
        let mut name = self.name(pair, offset);
        let quoted = pair.as_rule() == Rule::text;
        if quoted {
            name.text = name.text.trim_matches('"').to_owned();
        }
        (name, quoted)
    }

    fn reference(&mut self, pair: Pair<'_, Rule>, offset: usize) -> Reference {
        let mut inner = pair.parts();
        let name = self.name(&inner.next().expect("a reference has a name"), offset);
        let args = inner.next().map(|args| self.arguments(args, offset)).unwrap_or_default();
        Reference { name, args }
    }

    fn search(&mut self, pair: Pair<'_, Rule>, offset: usize, docs: Vec<String>) -> SearchItem {
        let mut inner = pair.parts();
        let name = self.name(&inner.next().expect("a search has a name"), offset);
        let mut item = SearchItem {
            docs,
            name,
            base: None,
            over: None,
            settings: Vec::new(),
            baselines: Vec::new(),
            demands: Vec::new(),
            incomplete: false,
        };
        let first = inner.next().expect("a search has a space or a base");
        if first.as_rule() == Rule::extends {
            item.base = first.parts().next().map(|base| self.name(&base, offset));
        } else {
            let space = self.reference(first, offset);
            let schema = self.name(&inner.next().expect("a search has a schema"), offset);
            item.over = Some((space, schema));
        }
        for setting in inner {
            self.setting(setting, offset, &mut Vec::new(), &mut item);
        }
        item
    }

    fn setting(&mut self, pair: Pair<'_, Rule>, offset: usize, path: &mut Vec<Name>, item: &mut SearchItem) {
        let Some(part) = pair.parts().find(|p| p.as_rule() != Rule::doc) else { return };
        let span = self.span(&part, offset);
        match part.as_rule() {
            Rule::lost => item.incomplete = true,
            Rule::baselines => {
                for reference in part.parts() {
                    let reference = self.reference(reference, offset);
                    item.baselines.push(reference);
                }
            }
            Rule::require | Rule::forbid => {
                let demand = self.demand(part, offset);
                item.demands.push(demand);
            }
            Rule::entry => {
                let (key, value) = two(part.parts());
                let mut path = path.clone();
                path.push(self.name(&key, offset));
                let value = self.value(value, offset);
                item.settings.push(Setting { path, value, span });
            }
            _ => {
                let mut inner = part.parts();
                let name = self.name(&inner.next().expect("a section has a name"), offset);
                path.push(name.clone());
                item.settings.push(Setting { path: path.clone(), value: SettingValue::Section, span: name.span });
                for setting in inner {
                    self.setting(setting, offset, path, item);
                }
                path.pop();
            }
        }
    }

    fn value(&mut self, pair: Pair<'_, Rule>, offset: usize) -> SettingValue {
        let inner = pair.parts().next().expect("a value holds something");
        let ratio = |pair: Pair<'_, Rule>| pair.parts().map(|part| number(part.as_str())).collect();
        match inner.as_rule() {
            Rule::ratio => SettingValue::Ratio(ratio(inner)),
            Rule::shared_by => {
                let (by, shares) = two(inner.parts());
                SettingValue::SharedBy(self.name(&by, offset), ratio(shares))
            }
            _ => SettingValue::Expr(self.expression(inner, offset)),
        }
    }

    pub(super) fn override_setting(&mut self, pair: Pair<'_, Rule>, offset: usize) -> Setting {
        let span = self.span(&pair, offset);
        let mut path = Vec::new();
        let mut value = SettingValue::Section;
        for part in pair.parts() {
            match part.as_rule() {
                Rule::word => path.push(self.name(&part, offset)),
                Rule::value => value = self.value(part, offset),
                _ => {}
            }
        }
        Setting { path, value, span }
    }

    fn arch(&mut self, pair: Pair<'_, Rule>, offset: usize, docs: Vec<String>) -> ArchItem {
        let mut inner = pair.parts();
        let name = self.name(&inner.next().expect("an arch has a name"), offset);
        let space = self.reference(inner.next().expect("an arch has a space"), offset);
        let mut item = ArchItem { docs, name, space, schema: None, made: Vec::new(), open: false, incomplete: false };
        for part in inner {
            match part.as_rule() {
                Rule::name => item.schema = Some(self.name(&part, offset)),
                _ => {
                    let Some(part) = part.parts().find(|p| p.as_rule() != Rule::doc) else { continue };
                    match part.as_rule() {
                        Rule::rest => item.open = true,
                        Rule::lost => item.incomplete = true,
                        _ => self.made(part, offset, &mut item),
                    }
                }
            }
        }
        item
    }

    fn made(&mut self, pair: Pair<'_, Rule>, offset: usize, item: &mut ArchItem) {
        if pair.as_rule() == Rule::made_choice {
            return item.made.push(self.made_choice(pair, offset, ""));
        }
        let mut inner = pair.parts();
        let block = inner.next().expect("a block has a name").as_str().to_owned();
        let index = inner.next().expect("a block has an index");
        let index = self.expression(index.parts().next().expect("an index has an expression"), offset);
        let ExprKind::Number(index) = index.kind else {
            let message = "a block of an architecture is named by a number, such as `b[1]`";
            self.diagnostics.push(Diagnostic::error(Code::Syntax, message).label(index.span, "expected a number"));
            item.incomplete = true;
            return;
        };
        let prefix = format!("{block}[{index}].");
        for choice in inner {
            if choice.as_rule() == Rule::lost {
                item.incomplete = true;
                continue;
            }
            let choice = self.made_choice(choice, offset, &prefix);
            item.made.push(choice);
        }
    }

    fn made_choice(&mut self, pair: Pair<'_, Rule>, offset: usize, prefix: &str) -> Made {
        let mut words: Vec<String> = Vec::new();
        let mut span: Option<Span> = None;
        let mut value = None;
        for part in pair.parts() {
            if part.as_rule() == Rule::word {
                let here = self.span(&part, offset);
                span = Some(span.map_or(here, |s| s.to(here)));
                words.push(part.as_str().to_owned());
            } else {
                value = Some(self.expression(part, offset));
            }
        }
        let value: Expr = value.expect("a choice has a value");
        Made { choice: format!("{prefix}{}", words.join(".")), span: span.unwrap_or(value.span), value }
    }
}

/// The first words of a statement: among them is the name that it was to define.
pub(super) fn first_words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
    words.take(2).map(str::to_owned).collect()
}

impl File {
    /// Remembers what an item that could not be read was to define, so that its absence is no news.
    pub(super) fn spoil(&mut self, text: &str) {
        let code: String = text.lines().filter(|line| !line.trim_start().starts_with("///")).take(2).collect();
        match first_words(&code).as_slice() {
            [first, _] if first == "import" => self.incomplete = true,
            [_, name] => self.spoilt.push(name.clone()),
            _ => {}
        }
    }
}

/// Whether a line that may have documentation could not be read.
fn is_lost(line: &Pair<'_, Rule>) -> bool {
    line.clone().into_inner().any(|part| part.as_rule() == Rule::lost)
}

fn doc_text(pair: &Pair<'_, Rule>) -> String {
    let text = pair.as_str().trim_start_matches("///");
    text.strip_prefix(' ').unwrap_or(text).trim_end().to_owned()
}

fn two<'a>(mut pairs: impl Iterator<Item = Pair<'a, Rule>>) -> (Pair<'a, Rule>, Pair<'a, Rule>) {
    let first = pairs.next().expect("two parts");
    let second = pairs.next().expect("two parts");
    (first, second)
}

fn no_name(span: Span) -> Name {
    Name { text: String::new(), span }
}

impl Arg {
    /// The place of the argument, with its name.
    pub fn span(&self) -> Span {
        self.name.as_ref().map_or(self.value.span, |name| name.span.to(self.value.span))
    }
}
