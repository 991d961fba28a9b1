//! Heads of items, imports and schemas.

use super::{Candidate, Completer, Sort, builtin};
use crate::check::{CROSS, DENSE_STEPS, FORMATS, KEYWORDS, SPARSE_STEPS, TYPES};
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
        let inside = self.context.inside();
        if !matches!(inside, Inside::Item | Inside::Section) {
            return;
        }
        let starts = |word| self.context.statement().first().is_some_and(|first| first.is(word));
        let (sparse, dense) = (starts("sparse"), starts("dense"));
        if self.context.fresh && inside == Inside::Section {
            self.keywords(&["dense", "sparse"]);
        } else if self.context.fresh {
            self.keywords(&KEYWORDS);
        } else if self.context.follows("format") {
            for (format, what) in FORMATS {
                self.add(Candidate::new(format, Sort::Value).detail(what));
            }
        } else if self.context.follows(":") {
            for (kind, what) in TYPES {
                self.add(Candidate::new(kind, Sort::Value).detail(what));
            }
            if sparse {
                self.add(Candidate::new(CROSS, Sort::Value).insert("cross(").detail("what columns are together"));
            }
        } else if self.context.follows("|") {
            let steps: &[_] = if sparse { &SPARSE_STEPS } else { &DENSE_STEPS };
            for (step, written, what) in steps {
                self.add(Candidate::new(*step, Sort::Value).insert(*written).detail(*what));
            }
        } else if sparse || dense {
            self.keywords(&["from"]);
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
        let trains = self.context.item_word() == Some("train");
        if self.context.follows("on") || self.context.follows("of") {
            self.items(Kind::Space, 1);
            if trains {
                self.items(Kind::Arch, 1);
            }
        } else if self.context.follows("with") {
            self.items(Kind::Schema, 1);
        } else if self.context.follows("extends") {
            self.items(if trains { Kind::Train } else { Kind::Search }, 1);
        } else if (trains || self.context.item_word() == Some("search")) && self.context.before.len() == 2 {
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
