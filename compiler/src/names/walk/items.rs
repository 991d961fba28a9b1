//! Items that hold no statements: imports, schemas, searches, architectures.

use super::{Kind, Role, Walker};
use crate::format::tokens;
use crate::names::index::{ArchHead, Imported};
use crate::syntax::MAX_NESTING;

impl Walker<'_> {
    pub(super) fn import(&mut self) {
        let Some(path) = self.peek().filter(|token| token.kind == tokens::Kind::Text) else { return };
        let (text, span) = (path.text.trim_matches('"').to_owned(), tokens::span(path));
        self.at += 1;
        let at = self.index.imports.len();
        let mut names = Vec::new();
        if self.skip("{") {
            while self.at < self.last && !self.is("}") {
                match self.used(Role::Imported(at)) {
                    Some(used) => names.push(self.index.uses[used].name.clone()),
                    None => self.at += 1,
                }
            }
            self.skip("}");
        }
        self.index.imports.push(Imported { path: text, span, names });
    }

    /// Lines, and sections of lines.
    pub(super) fn schema(&mut self) {
        self.skip("{");
        let mut sections = 0;
        while self.at < self.last {
            if self.is("}") && sections == 0 {
                break;
            } else if self.is("}") {
                (self.at, sections) = (self.at + 1, sections - 1);
            } else if self.is_at(1, "{") {
                (self.at, sections) = (self.at + 2, sections + 1);
            } else {
                let start = self.start();
                self.at += 1;
                let column = if self.word().is_some() { self.define(Kind::Column, start) } else { None };
                self.rest_of_line();
                let from = self.stop();
                self.close(column, from);
            }
            self.skip(";");
        }
        self.skip("}");
    }

    pub(super) fn reference(&mut self) -> Option<usize> {
        let used = self.used(Role::Item)?;
        if self.is("(") {
            self.arguments(used);
        }
        Some(used)
    }

    pub(super) fn search(&mut self, search: usize) {
        if self.skip("extends") {
            self.used(Role::Item);
        } else {
            self.skip("on");
            self.reference();
            self.skip("with");
            self.used(Role::Item);
        }
        self.value_starts(Some(search));
        // Settings name nothing, but for the baselines.
        while self.at < self.last {
            if (self.is("require") || self.is("forbid")) && !self.is_at(1, ":") {
                self.at += 1;
                self.conditions();
            } else if self.is("baseline") && !self.is_at(1, ":") {
                self.at += 1;
                self.reference();
                while self.skip(",") {
                    self.reference();
                }
            } else {
                self.at += 1;
            }
        }
    }

    pub(super) fn arch(&mut self, arch: usize) {
        self.skip("of");
        let space = self.reference();
        if self.skip("with") {
            self.used(Role::Item);
        }
        self.value_starts(Some(arch));
        let at = self.index.archs.len();
        self.index.archs.push(ArchHead { definition: arch, space, body: self.start() });
        self.skip("{");
        while self.at < self.last && !self.is("}") {
            if self.word().is_none() {
                self.at += 1;
            } else if self.is_at(1, "[") {
                let block = self.used(Role::Choice { arch: at, before: Vec::new() });
                self.bracket("]");
                let before: Vec<String> = block.map(|block| self.index.uses[block].name.clone()).into_iter().collect();
                if self.skip("{") {
                    while self.at < self.last && !self.is("}") {
                        self.made(at, before.clone());
                    }
                    self.skip("}");
                }
            } else {
                self.made(at, Vec::new());
            }
        }
        self.skip("}");
    }

    /// `d.fc.w: value`
    fn made(&mut self, arch: usize, mut before: Vec<String>) {
        if self.word().is_none() {
            self.at += 1;
            return;
        }
        // No choice has a longer name, and each part of it knows those before.
        while before.len() < MAX_NESTING
            && let Some(part) = self.used(Role::Choice { arch, before: before.clone() })
        {
            before.push(self.index.uses[part].name.clone());
            if !self.skip(".") {
                break;
            }
        }
        if !self.skip(":") {
            return;
        }
        let mut first = true;
        while let Some(token) = self.peek() {
            if token.is("}") || token.is(";") || token.breaks > 0 && !first {
                break;
            }
            first = false;
            let named =
                token.kind == tokens::Kind::Word && !matches!(token.text, "on" | "off" | "true" | "false" | "_");
            let member = self.before().is_some_and(|token| token.is("."));
            if named && !member {
                self.used(Role::ChoiceValue { arch, choice: before.clone() });
            } else {
                self.at += 1;
            }
        }
    }
}
