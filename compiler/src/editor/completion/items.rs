//! Heads of items, imports and schemas.

use super::{Candidate, Completer, Sort, builtin};
use crate::editor::completion::context::Inside;
use crate::names::{FileIndex, Kind};

impl Completer<'_> {
    /// The names that the imported file defines and that are not imported yet.
    pub(super) fn imported_names(&mut self) {
        let path = self.context.before.get(1).map(|token| token.text.trim_matches('"'));
        let Some(path) = path.filter(|_| self.context.inside() != Inside::Head) else { return };
        // An import that is being written is not read yet, so its file is asked for here.
        let own = &self.analysis.program.sources.file(self.file).name;
        let Ok(Some(from)) = self.loader.load(Some(own), path) else { return };
        let taken: Vec<&str> = self.context.before.iter().skip(2).map(|token| token.text).collect();
        for definition in FileIndex::new(&from.text).definitions {
            if definition.kind.is_item() && !taken.contains(&definition.name.as_str()) {
                let sort = Sort::Definition(definition.kind);
                self.add(Candidate::new(definition.name, sort).detail(definition.kind.word()));
            }
        }
    }

    pub(super) fn schema(&mut self) {
        if self.context.inside() != Inside::Item {
            return;
        }
        let sparse = self.context.statement().first().is_some_and(|first| first.is("sparse"));
        if self.context.fresh {
            self.keywords(&["format", "label", "dense", "sparse"]);
        } else if self.context.follows("format") {
            self.add(Candidate::new("tsv", Sort::Value));
        } else if self.context.follows(":") {
            for encoding in ["hex", "int"] {
                self.add(Candidate::new(encoding, Sort::Value));
            }
        } else if self.context.follows("|") && sparse {
            self.add(Candidate::new("modulo", Sort::Value).insert("modulo(rows: ").detail("row v mod (rows - 1) + 1"));
        } else if self.context.follows("|") {
            self.add(Candidate::new("max", Sort::Value).insert("max(0)").detail("at least a number"));
            self.add(Candidate::new("min", Sort::Value).insert("min(").detail("at most a number"));
            self.add(Candidate::new("log1p", Sort::Value).detail("log(1 + x)"));
        }
    }

    /// In the head of a search or an architecture, what comes next; whether the place was there.
    pub(super) fn reference(&mut self) -> bool {
        if let Some(call) = self.context.call()
            && self.context.open.len() == 1
        {
            if call.named.is_none() {
                self.named_arguments(call.callee, &call.given, 0, false);
            }
            return true;
        }
        if self.context.inside() != Inside::Head {
            return false;
        }
        if self.context.follows("on") || self.context.follows("of") {
            self.items(Kind::Space, 1);
        } else if self.context.follows("with") {
            self.items(Kind::Schema, 1);
        } else if self.context.follows("extends") {
            self.items(Kind::Search, 1);
        } else if self.context.item_word() == Some("search") && self.context.before.len() == 2 {
            self.keywords(&["on", "extends"]);
        } else if self.context.before.len() == 2 {
            self.keywords(&["of"]);
        } else if self.context.before.len() > 3 {
            self.keywords(&["with"]);
        }
        true
    }

    pub(super) fn types(&mut self) {
        for (name, what) in builtin::TYPES {
            self.add(Candidate::new(name, Sort::Type).detail(what));
        }
    }
}
