//! Requests about documents, one function each.

use std::collections::BTreeMap;

use lsp_server::ErrorCode;
use lsp_types as lsp;
use nasrec_compiler::diagnostics::{FileId, Span};
use nasrec_compiler::editor::{self, Analysis, Located, Outline, Project};
use nasrec_compiler::format::{Refusal, format_source};
use nasrec_compiler::loader::Loader;
use nasrec_compiler::names::{FileIndex, Meaning};
use serde_json::{Value, json};

use super::completion::{items, symbol_kind};
use super::documents::name_of;
use super::findings::fixes;
use super::places::Lines;
use super::session::{Answer, Failure, Session};

/// Where a request points, in bytes.
struct Pointed {
    file: FileId,
    at: usize,
}

fn pointed(analysis: &Analysis, position: lsp::Position) -> Result<Pointed, Failure> {
    let file = analysis.entry().ok_or_else(|| Failure::new(ErrorCode::RequestFailed, "the document cannot be read"))?;
    let text = &analysis.program.sources.file(file).text;
    Ok(Pointed { file, at: Lines::new(text).offset(position) })
}

pub(super) fn hover(session: &mut Session, params: lsp::HoverParams) -> Answer {
    let at = params.text_document_position_params;
    let analysis = session.analysis(&at.text_document.uri)?;
    let Pointed { file, at } = pointed(&analysis, at.position)?;
    let Some((text, span)) = editor::hover(&analysis, &session.documents, file, at) else { return Ok(Value::Null) };
    let lines = Lines::new(&analysis.program.sources.file(file).text);
    Ok(json!({ "contents": { "kind": "markdown", "value": text }, "range": lines.range(span) }))
}

pub(super) fn definition(session: &mut Session, params: lsp::GotoDefinitionParams) -> Answer {
    let at = params.text_document_position_params;
    let analysis = session.analysis(&at.text_document.uri)?;
    let Pointed { file, at } = pointed(&analysis, at.position)?;
    let Some((meaning, _)) = analysis.index.at(file, at) else { return Ok(Value::Null) };
    let spans: Vec<Span> = match meaning {
        Meaning::Symbol(symbol) => {
            let places = analysis.index.occurrences(symbol).into_iter().filter(|place| place.definition);
            places.map(|place| place.span).collect()
        }
        Meaning::File(file) => vec![Span::new(file, 0, 0)],
        _ => Vec::new(),
    };
    let locations = spans.into_iter().filter_map(|span| {
        let of = analysis.program.sources.file(span.file);
        let range = Lines::new(&of.text).range(span.start as usize..span.end as usize);
        Some(json!({ "uri": session.documents.uri(&of.name)?, "range": range }))
    });
    let locations: Vec<Value> = locations.collect();
    Ok(if locations.is_empty() { Value::Null } else { Value::Array(locations) })
}

/// The files in which names are looked for, and the place that is meant among them.
fn project(
    session: &mut Session,
    uri: &lsp::Uri,
    position: lsp::Position,
) -> Result<(Project, String, usize), Failure> {
    let analysis = session.analysis(uri)?;
    let Pointed { at, .. } = pointed(&analysis, position)?;
    let name = name_of(uri.as_str());
    let mut entries = session.documents.project(&name);
    // The document itself comes first, so that what it means is what is meant.
    entries.sort_by_key(|entry| *entry != name);
    Ok((Project::new(&entries, &session.documents), name, at))
}

pub(super) fn references(session: &mut Session, params: lsp::ReferenceParams) -> Answer {
    let at = params.text_document_position;
    let (project, name, offset) = project(session, &at.text_document.uri, at.position)?;
    let found = project.references(&name, offset, params.context.include_declaration);
    let mut out = Vec::new();
    for (file, places) in by_file(found) {
        let Some((uri, text)) = uri_and_text(session, &file) else { continue };
        let lines = Lines::new(&text);
        out.extend(
            places
                .iter()
                .map(|&(start, end)| json!({ "uri": uri, "range": lines.range(start as usize..end as usize) })),
        );
    }
    Ok(Value::Array(out))
}

pub(super) fn prepare_rename(session: &mut Session, params: lsp::TextDocumentPositionParams) -> Answer {
    let analysis = session.analysis(&params.text_document.uri)?;
    let (project, name, at) = project(session, &params.text_document.uri, params.position)?;
    let old = project.renamable(&name, at).map_err(refused)?;
    let Pointed { file, at } = pointed(&analysis, params.position)?;
    let Some((_, mut span)) = analysis.index.at(file, at) else { return Ok(Value::Null) };
    // The second call of an operator in one place is called `fc_2`: the number is no part of the name.
    span.end = span.start + old.len();
    let lines = Lines::new(&analysis.program.sources.file(file).text);
    Ok(json!({ "range": lines.range(span), "placeholder": old }))
}

pub(super) fn rename(session: &mut Session, params: lsp::RenameParams) -> Answer {
    let at = params.text_document_position;
    let (project, name, offset) = project(session, &at.text_document.uri, at.position)?;
    let places = project.rename(&name, offset, &params.new_name).map_err(refused)?;
    let mut changes = serde_json::Map::new();
    for (file, places) in by_file(places) {
        let Some((uri, text)) = uri_and_text(session, &file) else { continue };
        let lines = Lines::new(&text);
        let edits = places.iter().map(
            |&(start, end)| json!({ "range": lines.range(start as usize..end as usize), "newText": params.new_name }),
        );
        changes.insert(uri, Value::Array(edits.collect()));
    }
    Ok(json!({ "changes": changes }))
}

fn refused(why: String) -> Failure {
    Failure::new(ErrorCode::RequestFailed, why)
}

fn by_file(places: Vec<Located>) -> BTreeMap<String, Vec<(u32, u32)>> {
    let mut out: BTreeMap<String, Vec<(u32, u32)>> = BTreeMap::new();
    for place in places {
        out.entry(place.file).or_default().push(place.span);
    }
    out
}

fn uri_and_text(session: &Session, file: &str) -> Option<(String, String)> {
    let text = session.documents.load(None, file).ok()??.text.to_string();
    Some((session.documents.uri(file)?, text))
}

pub(super) fn completion(session: &mut Session, params: lsp::CompletionParams) -> Answer {
    let at = params.text_document_position;
    let analysis = session.analysis(&at.text_document.uri)?;
    let Pointed { file, at } = pointed(&analysis, at.position)?;
    let found = editor::complete(&analysis, &session.documents, at);
    let items = items(found, &analysis.program.sources.file(file).text);
    Ok(json!({ "isIncomplete": false, "items": items }))
}

pub(super) fn symbols(session: &mut Session, params: lsp::DocumentSymbolParams) -> Answer {
    let analysis = session.analysis(&params.text_document.uri)?;
    let Pointed { file, .. } = pointed(&analysis, lsp::Position::default())?;
    let text = &analysis.program.sources.file(file).text;
    let lines = Lines::new(text);
    let outline = editor::outline(&FileIndex::new(text));
    Ok(Value::Array(outline.iter().map(|one| symbol(one, &lines, MAX_DEPTH)).collect()))
}

/// Deepest outline: clients have limits on how deep JSON may nest, which does so twice for each definition.
const MAX_DEPTH: usize = 32;

fn symbol(one: &Outline, lines: &Lines<'_>, depth: usize) -> Value {
    let inside = one.inside.iter().filter(|_| depth > 1);
    json!({
        "name": one.name,
        "detail": one.kind.word(),
        "kind": symbol_kind(one.kind),
        "range": lines.range(one.extent.clone()),
        "selectionRange": lines.range(one.span.clone()),
        "children": inside.map(|inner| symbol(inner, lines, depth - 1)).collect::<Vec<_>>(),
    })
}

pub(super) fn formatting(session: &mut Session, params: lsp::DocumentFormattingParams) -> Answer {
    let analysis = session.analysis(&params.text_document.uri)?;
    let Pointed { file, .. } = pointed(&analysis, lsp::Position::default())?;
    let text = &analysis.program.sources.file(file).text;
    match format_source(FileId(0), text) {
        Ok(formatted) if *formatted == **text => Ok(json!([])),
        Ok(formatted) => Ok(json!([{ "range": Lines::new(text).range(0..text.len()), "newText": formatted }])),
        // Its mistakes are shown already.
        Err(Refusal::Syntax(_)) => Ok(Value::Null),
        Err(Refusal::Unproved(what)) => {
            Err(Failure::new(ErrorCode::InternalError, format!("{what}; this is a mistake of nasrecc")))
        }
    }
}

pub(super) fn code_actions(session: &mut Session, params: lsp::CodeActionParams) -> Answer {
    let wanted = params.context.only.as_ref();
    let quick = |kind: &lsp::CodeActionKind| kind.as_str().is_empty() || kind.as_str() == "quickfix";
    if wanted.is_some_and(|kinds| !kinds.iter().any(quick)) {
        return Ok(json!([]));
    }
    let uri = &params.text_document.uri;
    let analysis = session.analysis(uri)?;
    Ok(Value::Array(fixes(&analysis, &session.documents, uri.as_str(), params.range)))
}

pub(super) fn hints(session: &mut Session, params: lsp::InlayHintParams) -> Answer {
    let analysis = session.analysis(&params.text_document.uri)?;
    let Pointed { file, .. } = pointed(&analysis, lsp::Position::default())?;
    let lines = Lines::new(&analysis.program.sources.file(file).text);
    let (start, end) = (lines.offset(params.range.start), lines.offset(params.range.end));
    let inside = editor::hints(&analysis).into_iter().filter(|hint| (start..=end).contains(&hint.at));
    let hints = inside.map(
        |hint| json!({ "position": lines.position(hint.at), "label": hint.text, "kind": 1, "tooltip": hint.tooltip }),
    );
    Ok(Value::Array(hints.collect()))
}
