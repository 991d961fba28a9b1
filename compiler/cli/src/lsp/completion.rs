//! What could be written, as an editor lists it.

use lsp_types as lsp;
use nasrec_compiler::editor::{Candidate, Completion, Sort};
use nasrec_compiler::names::Kind;

use super::places::Lines;

pub(super) fn items(completion: Completion, text: &str) -> Vec<lsp::CompletionItem> {
    let lines = Lines::new(text);
    let range = lines.range(completion.replaces);
    completion.candidates.into_iter().map(|candidate| item(candidate, range, &lines)).collect()
}

fn item(candidate: Candidate, range: lsp::Range, lines: &Lines<'_>) -> lsp::CompletionItem {
    let import = candidate.import.map(|fix| {
        let range = lines.range(fix.span.start as usize..fix.span.end as usize);
        vec![lsp::TextEdit { range, new_text: fix.replacement }]
    });
    let new_text = candidate.insert.unwrap_or_else(|| candidate.label.clone());
    lsp::CompletionItem {
        sort_text: Some(format!("{:03} {}", candidate.rank, candidate.label)),
        filter_text: Some(candidate.label.clone()),
        kind: Some(kind(candidate.sort)),
        detail: candidate.detail,
        documentation: candidate.docs.map(|value| {
            lsp::Documentation::MarkupContent(lsp::MarkupContent { kind: lsp::MarkupKind::Markdown, value })
        }),
        text_edit: Some(lsp::CompletionTextEdit::Edit(lsp::TextEdit { range, new_text })),
        additional_text_edits: import,
        label: candidate.label,
        ..lsp::CompletionItem::default()
    }
}

fn kind(sort: Sort) -> lsp::CompletionItemKind {
    use lsp::CompletionItemKind as Shown;
    match sort {
        Sort::Keyword => Shown::KEYWORD,
        Sort::BuiltIn | Sort::Definition(Kind::Op) => Shown::FUNCTION,
        Sort::Definition(Kind::Const) => Shown::CONSTANT,
        Sort::Definition(Kind::Space | Kind::Block) => Shown::CLASS,
        Sort::Definition(Kind::Schema) => Shown::STRUCT,
        Sort::Definition(Kind::Search | Kind::Train | Kind::Arch) => Shown::MODULE,
        Sort::Definition(_) => Shown::VARIABLE,
        Sort::Member | Sort::Argument => Shown::FIELD,
        Sort::Setting => Shown::PROPERTY,
        Sort::Choice => Shown::ENUM,
        Sort::Value => Shown::VALUE,
        Sort::Type => Shown::TYPE_PARAMETER,
        Sort::File => Shown::FILE,
    }
}

/// The sign of a definition in an outline.
pub(super) fn symbol_kind(kind: Kind) -> lsp::SymbolKind {
    use lsp::SymbolKind as Shown;
    match kind {
        Kind::Const => Shown::CONSTANT,
        Kind::Op | Kind::Shared => Shown::FUNCTION,
        Kind::Space | Kind::Block | Kind::Pattern => Shown::CLASS,
        Kind::Schema => Shown::STRUCT,
        Kind::Search | Kind::Train | Kind::Arch | Kind::Test | Kind::Item => Shown::MODULE,
        Kind::Out | Kind::Stem => Shown::PROPERTY,
        Kind::Width => Shown::ENUM,
        Kind::Alternative => Shown::ENUM_MEMBER,
        Kind::Column => Shown::FIELD,
        Kind::Let | Kind::Input | Kind::OpParam | Kind::SpaceParam | Kind::Turn | Kind::Number => Shown::VARIABLE,
    }
}
