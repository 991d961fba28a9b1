//! What a file means: its items with their parameters, choices, shapes over all choices, and constraints.

use std::collections::HashMap;
use std::fmt::Write;

use serde_json::{Value, json};

use crate::check::{Baseline, Item, ItemKind, Program};
use crate::draw::{Detail, Drawing, Figure};
use crate::format::value;
use crate::ir::{CheckedSpace, Made, SpaceGraph};

/// Everything that the entry file defines, or the item of this name; items with mistakes are left out.
pub fn checked(program: &Program, name: Option<&str>) -> Value {
    let items = program.items().into_iter().filter(|item| name.is_none_or(|name| name == item.name));
    items.filter_map(|item| item_json(program, &item)).collect()
}

/// The parameters of a space with their values: those given, else the defaults, where its file sees them.
pub fn parameters(program: &Program, space: &CheckedSpace) -> Vec<(String, String)> {
    let seen = program.visible(ItemKind::Space);
    let mut all =
        seen.iter().find(|item| item.name == space.name).map_or_else(Vec::new, |item| program.space_defaults(item));
    for (name, value) in &space.arguments {
        match all.iter_mut().find(|(known, _)| known == name) {
            Some((_, default)) => default.clone_from(value),
            None => all.push((name.clone(), value.clone())),
        }
    }
    all
}

fn item_json(program: &Program, item: &Item) -> Option<Value> {
    let mut whole = json!({ "kind": item.kind.word(), "name": item.name });
    let more = match item.kind {
        ItemKind::Space => space_json(program, &program.check_space(item).ok()?),
        ItemKind::Search | ItemKind::Train => {
            let search = program.search(item, &[]).ok()?;
            let baselines: Vec<String> = search.baselines.iter().map(Baseline::title).collect();
            let mut recipe = serde_json::to_value(&search.recipe).ok()?;
            // A training has none of a search's.
            if let (ItemKind::Train, Value::Object(recipe)) = (item.kind, &mut recipe) {
                recipe.retain(|key, _| !matches!(key.as_str(), "train" | "evaluate" | "method" | "require"));
            }
            let mut more = space_json(program, &search.space);
            more["space"] = search.space.name.clone().into();
            more["schema"] = search.schema.name.clone().into();
            more["recipe"] = recipe;
            more["baselines"] = baselines.into();
            more
        }
        ItemKind::Arch => {
            let arch = program.arch(item).ok()?;
            let choices = arch.space.graph.choices.iter().zip(arch.architecture.made());
            let made: Vec<Value> = choices
                .filter(|(_, made)| made.is_some())
                .map(|(choice, made)| json!({ "choice": choice.name, "value": value(choice, *made) }))
                .collect();
            json!({
                "space": arch.space.title(), "schema": arch.schema.map(|schema| schema.name), "open": arch.open,
                "made": made,
            })
        }
        ItemKind::Schema => json!({ "columns": serde_json::to_value(program.schema(item).ok()?).ok()? }),
        _ => json!({}),
    };
    if let (Value::Object(whole), Value::Object(more)) = (&mut whole, more) {
        whole.extend(more);
    }
    Some(whole)
}

fn space_json(program: &Program, space: &CheckedSpace) -> Value {
    let graph = &space.graph;
    let parameters: Vec<Value> =
        parameters(program, space).iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    let constraints: Vec<&str> = graph.constraints.iter().map(|constraint| constraint.text.as_str()).collect();
    let blocks: Vec<Value> = graph
        .blocks
        .iter()
        .map(|(name, outs)| {
            let outs: Vec<Value> = outs
                .iter()
                .map(|(out, node)| {
                    let node = &graph.graph[*node];
                    let sizes: Vec<String> = node.axes.iter().map(|axis| graph.size_text(axis.size)).collect();
                    json!({ "name": out, "tensor": node.tensor.word(), "shape": sizes })
                })
                .collect();
            json!({ "name": name, "outs": outs })
        })
        .collect();
    json!({
        "parameters": parameters, "choices": choices_json(graph), "shapes": shapes_json(graph), "blocks": blocks,
        "constraints": constraints,
    })
}

/// The choices of a space: name, kind, values, and what each is inside of.
fn choices_json(graph: &SpaceGraph) -> Vec<Value> {
    let one = |choice: &crate::ir::Choice| {
        let inside = choice.parent.map(|(parent, positions)| {
            let parent = &graph.choices[parent.index()];
            json!({ "choice": parent.name, "values": parent.offer.called(Made::Set(positions)) })
        });
        let counts = choice.offer.counts().map(|(lo, hi)| json!({ "lo": lo, "hi": hi }));
        json!({
            "name": choice.name, "block": choice.block, "kind": choice.offer.word().text(), "values": choice.offer.labels(),
            "take": counts, "inside": inside,
        })
    };
    let each = |widths: &crate::ir::Widths| {
        let inside = widths.parent.map(|(parent, positions)| {
            let parent = &graph.choices[parent.index()];
            json!({ "choice": parent.name, "values": parent.offer.called(Made::Set(positions)) })
        });
        let values: Vec<String> = widths.values.iter().map(ToString::to_string).collect();
        json!({
            "name": widths.name, "block": widths.block, "kind": "width", "values": values, "take": null, "inside": inside,
            "each": "column",
        })
    };
    graph.choices.iter().map(one).chain(graph.awaited().map(each)).collect()
}

/// Each `let`, alternative and output with its shape over all choices.
fn shapes_json(graph: &SpaceGraph) -> Vec<Value> {
    let drawing = Drawing {
        graph,
        title: String::new(),
        subtitle: String::new(),
        detail: Detail::Operators,
        schema: None,
        architecture: None,
        docs: HashMap::new(),
    };
    let Ok(figure) = Figure::new(&drawing) else { return Vec::new() };
    let parts = figure.parts.iter();
    parts
        .map(|part| {
            let sizes: Vec<String> = graph.graph[part.out].axes.iter().map(|axis| graph.size_text(axis.size)).collect();
            json!({ "path": part.path, "tensor": part.tensor.word(), "shape": sizes })
        })
        .collect()
}

/// The same as indented lines.
pub fn checked_text(checked: &Value) -> String {
    let mut out = String::new();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let list = |value: &Value| {
        let all = value.as_array().map_or(&[][..], Vec::as_slice);
        all.iter().map(text).collect::<Vec<_>>().join(", ")
    };
    let each = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let shape = |one: &Value| format!("{}[{}]", text(&one["tensor"]), list(&one["shape"]));
    for item in each(checked) {
        let _written = writeln!(out, "{} {}", text(&item["kind"]), text(&item["name"]));
        for field in ["space", "schema"] {
            if item[field].is_string() {
                let _written = writeln!(out, "  {field} {}", text(&item[field]));
            }
        }
        let mut section = |name: &str, lines: Vec<String>| {
            if !lines.is_empty() {
                let _written = writeln!(out, "  {name}");
                out.push_str(&lines.iter().map(|line| format!("    {line}\n")).collect::<String>());
            }
        };
        let named = |key: &str| {
            each(&item[key]).iter().map(|p| format!("{}: {}", text(&p["name"]), text(&p["value"]))).collect()
        };
        section("parameters", named("parameters"));
        let choices = each(&item["choices"]).into_iter().map(|choice| {
            let take = &choice["take"];
            let take = if take.is_null() { String::new() } else { format!("{}..{} of ", take["lo"], take["hi"]) };
            let inside = &choice["inside"];
            let inside = if inside.is_null() {
                String::new()
            } else {
                format!(", inside of {} = {}", text(&inside["choice"]), list(&inside["values"]))
            };
            let each = if choice["each"].is_null() { "" } else { " for each column" };
            format!(
                "{}: {} {take}{}{each}{inside}",
                text(&choice["name"]),
                text(&choice["kind"]),
                list(&choice["values"])
            )
        });
        section("choices", choices.collect());
        section(
            "made",
            each(&item["made"]).iter().map(|m| format!("{}: {}", text(&m["choice"]), text(&m["value"]))).collect(),
        );
        section(
            "shapes",
            each(&item["shapes"]).iter().map(|one| format!("{}: {}", text(&one["path"]), shape(one))).collect(),
        );
        let blocks = each(&item["blocks"]).into_iter().map(|block| {
            let outs: Vec<String> =
                each(&block["outs"]).iter().map(|one| format!("out {}: {}", text(&one["name"]), shape(one))).collect();
            format!("{}: {}", text(&block["name"]), outs.join("; "))
        });
        section("blocks", blocks.collect());
        section("constraints", each(&item["constraints"]).iter().map(text).collect());
        section("baselines", each(&item["baselines"]).iter().map(text).collect());
    }
    out
}
