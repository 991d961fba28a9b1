//! Architectures: the choices of their space, and the values of each.

use super::{Candidate, Completer, Sort};
use crate::editor::completion::context::Inside;
use crate::editor::hover::{offered, unnumbered};
use crate::ir::{Choice, Word};

impl Completer<'_> {
    pub(super) fn arch(&mut self) {
        if self.reference() {
            return;
        }
        let index = self.analysis.index.file(self.file);
        let start = self.context.before[0].start;
        let Some(arch) = index.archs.iter().position(|arch| index.definitions[arch.definition].extent.start == start)
        else {
            return;
        };
        let choices = self.analysis.choices(arch, self.loader);
        let block = self.block();
        let statement: Vec<&str> = self.context.statement().iter().map(|token| token.text).collect();
        // In the brackets of a set, the statement is around them.
        if self.context.inside() == Inside::List {
            let Some(&open) = self.context.open.last() else { return };
            let key = self.key_before(open);
            self.values(&choices, block.as_deref(), &key, true);
            return;
        }
        match statement.iter().position(|&word| word == ":") {
            Some(colon) => {
                if colon + 1 == statement.len() {
                    self.values(&choices, block.as_deref(), &statement[..colon].concat(), false);
                }
            }
            None => self.choice_names(&choices, block.as_deref(), &statement.concat()),
        }
    }

    /// The block whose choices are being made, such as `b[1]`.
    fn block(&self) -> Option<String> {
        let brace = self.context.open.iter().filter(|&&open| self.context.before[open].is("{")).nth(1)?;
        let head = self.context.before[..*brace].iter().rposition(|token| token.is("["))?.checked_sub(1)?;
        Some(self.context.before[head..*brace].iter().map(|token| token.text).collect())
    }

    /// The name before the colon before a position.
    fn key_before(&self, at: usize) -> String {
        let Some(colon) = self.context.before[..at].iter().rposition(|token| token.is(":")) else {
            return String::new();
        };
        let mut start = colon;
        while let Some(before) = start.checked_sub(1).map(|at| &self.context.before[at]) {
            let part = before.is(".") || self.context.before[start].is(".") || start == colon;
            if !part || matches!(before.text, "{" | ";") {
                break;
            }
            start -= 1;
        }
        self.context.before[start..colon].iter().map(|token| token.text).collect()
    }

    fn choice_names(&mut self, choices: &[Choice], block: Option<&str>, written: &str) {
        if block.is_none() && written.is_empty() {
            let mut blocks: Vec<&str> = choices.iter().filter_map(|choice| choice.block.as_deref()).collect();
            blocks.dedup();
            for block in blocks {
                self.add(Candidate::new(block, Sort::Choice).detail("block").insert(format!("{block} {{ ")).ranked(1));
            }
            self.add(Candidate::new("..", Sort::Keyword).detail("leave the rest open").ranked(9));
        }
        for choice in choices.iter().filter(|choice| choice.block.as_deref() == block) {
            let Some(name) = choice.key().strip_prefix(written) else { continue };
            let candidate = Candidate::new(name, Sort::Choice).detail(offered(&choice.offer));
            self.add(candidate.insert(format!("{name}: ")).ranked(2));
        }
    }

    fn values(&mut self, choices: &[Choice], block: Option<&str>, key: &str, listed: bool) {
        let of_block = |choice: &&Choice| choice.block.as_deref() == block && choice.key() == key;
        let Some(choice) = choices.iter().find(of_block) else { return };
        let mut labels = choice.offer.labels().to_vec();
        if choice.offer.word() == Word::Maybe {
            // What is there is the first that comes to mind.
            labels.reverse();
        }
        for (position, value) in labels.into_iter().enumerate() {
            let text = if choice.offer.counts().is_some() && !listed { format!("[{value}]") } else { value.clone() };
            let detail = unnumbered(&choice.name);
            let rank = 1 + u8::try_from(position).unwrap_or(u8::MAX - 1).min(200);
            self.add(Candidate::new(value, Sort::Value).detail(detail).insert(text).ranked(rank));
        }
        if !listed {
            self.add(Candidate::new("_", Sort::Value).detail("left open where it does not matter").ranked(u8::MAX));
        }
    }
}
