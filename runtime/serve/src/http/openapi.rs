//! What there is at which address, as OpenAPI 3.1 has it.

use serde_json::{Value, json};

/// The page.
pub(super) fn page() -> String {
    let name = || {
        json!({ "name": "name", "in": "path", "required": true, "schema": { "type": "string" },
        "description": "What the model is called." })
    };
    let version = || {
        json!({ "name": "version", "in": "path", "required": true, "schema": { "type": "string" },
        "description": "The beginning of its checksum. Without it, the version that is served." })
    };
    let reference = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let says = |what: &str, schema: Value| json!({ "description": what, "content": { "application/json": { "schema": schema } } });
    let refusals = |statuses: &[(&str, &str)]| {
        let each = statuses.iter().map(|(status, what)| ((*status).to_owned(), says(what, reference("error"))));
        each.collect::<serde_json::Map<String, Value>>()
    };
    let of_rows = [
        ("400", "The request is not what the model reads; the message names the column."),
        ("404", "There is no such model, or it has another version."),
        ("408", "The body did not come in time."),
        ("413", "The body is too long, or has too many rows."),
        ("415", "The body is packed."),
        ("429", "Too many rows wait for the model; Retry-After says when to try again."),
        ("503", "There is no memory for the body, or no time for the rows; Retry-After says when to try again."),
    ];
    let get = |summary: &str, parameters: Vec<Value>, schema: Value| {
        let mut responses = json!({ "200": says(summary, schema) });
        if !parameters.is_empty() {
            responses["404"] = says("There is no such model, or it has another version.", reference("error"));
        }
        json!({ "get": { "summary": summary, "parameters": parameters, "responses": responses } })
    };
    let post = |summary: &str, parameters: Vec<Value>, (asked, given): (Value, Value), binary: bool| {
        let mut responses = Value::Object(refusals(&of_rows));
        responses["200"] = says("What the model says of the rows.", given);
        let mut content = json!({ "application/json": { "schema": asked } });
        if binary {
            content["application/octet-stream"] = json!({ "schema": { "type": "string", "format": "binary",
                "description": "The JSON, then the bytes of tensors with a parameter binary_data_size, in their order." } });
        }
        let mut of_post = json!({ "summary": summary, "parameters": parameters, "responses": responses,
            "requestBody": { "required": true, "content": content } });
        if binary {
            let length = json!({ "name": "Inference-Header-Content-Length", "in": "header", "required": false,
                "schema": { "type": "integer" }, "description": "Bytes of the JSON, where bytes of tensors follow it." });
            if let Some(parameters) = of_post["parameters"].as_array_mut() {
                parameters.push(length);
            }
        }
        json!({ "post": of_post })
    };
    let mut paths = json!({
        "/v2": get("What the server is.", vec![], json!({ "type": "object" })),
        "/v2/health/live": get("Whether it answers.", vec![], json!({ "type": "object" })),
        "/v2/health/ready": get("Whether it takes requests on; 503 while it stops.", vec![], json!({ "type": "object" })),
        "/metrics": { "get": { "summary": "What was counted, for Prometheus.",
            "responses": { "200": { "description": "Text.", "content": { "text/plain": {} } } } } },
        "/openapi.json": get("This page.", vec![], json!({ "type": "object" })),
    });
    for versioned in [false, true] {
        let base = if versioned { "/v2/models/{name}/versions/{version}" } else { "/v2/models/{name}" };
        let parameters = || if versioned { vec![name(), version()] } else { vec![name()] };
        paths[base] = get("What the model reads and says.", parameters(), reference("model"));
        paths[format!("{base}/ready")] = get("Whether the model answers.", parameters(), json!({ "type": "object" }));
        let asked = (reference("tensors"), reference("answer"));
        paths[format!("{base}/infer")] = post("Predicts rows that come as tensors.", parameters(), asked, true);
        let asked = (reference("rows"), reference("probabilities"));
        paths[format!("{base}/rows")] = post("Predicts rows that come as objects.", parameters(), asked, false);
    }
    let tensor = json!({ "type": "object", "required": ["name", "shape", "datatype"], "properties": {
        "name": { "type": "string" }, "shape": { "type": "array", "items": { "type": "integer" } },
        "datatype": { "type": "string" }, "data": { "type": "array" },
        "parameters": { "type": "object", "properties": { "binary_data_size": { "type": "integer" } } } } });
    let row = json!({ "type": "object", "additionalProperties": true,
        "description": "A value for every column that the model reads; null is a missing one." });
    let named = json!({ "model_name": { "type": "string" }, "model_version": { "type": "string" } });
    let with = |more: Value| {
        let mut properties = named.clone();
        if let (Some(properties), Value::Object(more)) = (properties.as_object_mut(), more) {
            properties.extend(more);
        }
        json!({ "type": "object", "properties": properties })
    };
    let page = json!({
        "openapi": "3.1.0",
        "info": { "title": "nasrecc serve", "version": env!("CARGO_PKG_VERSION"),
            "description": "Click probabilities of rows, by the Open Inference Protocol." },
        "paths": paths,
        "components": { "schemas": {
            "error": { "type": "object", "required": ["error"], "properties": { "error": { "type": "string" } } },
            "tensor": tensor,
            "model": { "type": "object", "properties": { "name": { "type": "string" },
                "versions": { "type": "array", "items": { "type": "string" } }, "platform": { "type": "string" },
                "inputs": { "type": "array", "items": reference("tensor") },
                "outputs": { "type": "array", "items": reference("tensor") } } },
            "tensors": { "type": "object", "required": ["inputs"], "properties": { "id": { "type": "string" },
                "inputs": { "type": "array", "items": reference("tensor") },
                "outputs": { "type": "array", "items": { "type": "object" } },
                "parameters": { "type": "object", "properties": { "binary_data_output": { "type": "boolean" } } } } },
            "answer": with(json!({ "id": { "type": "string" },
                "outputs": { "type": "array", "items": reference("tensor") } })),
            "rows": { "oneOf": [row, { "type": "array", "items": row }] },
            "probabilities": with(json!({ "probability": {
                "description": "Of a model of several labels one a label, as `probability_click` and `probability_buy`.",
                "oneOf": [{ "type": "number" }, { "type": "array", "items": { "type": "number" } }] } })),
        } },
    });
    page.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_leads_somewhere() {
        let text = page();
        let page: Value = serde_json::from_str(&text).expect("JSON");
        let known = page["components"]["schemas"].as_object().expect("schemas");
        let mut found = 0;
        for reference in text.split("#/components/schemas/").skip(1) {
            let name = reference.split('"').next().expect("a name");
            assert!(known.contains_key(name), "{name}");
            found += 1;
        }
        assert!(found > 10);
        assert_eq!(page["paths"].as_object().expect("paths").len(), 13);
    }
}
