//! What a server answers when it is asked as it should be.

use std::thread;

use serde_json::json;

use super::{Models, Row, binary, rows, tensors};

#[test]
fn every_form_of_a_row_is_answered_as_predict_does() {
    let models = Models::trained();
    let rows = rows(700);
    let expected = models.predicted("one", &rows);
    let served = models.serve(&["one", "second=two"]);
    let objects: Vec<_> = rows.iter().map(Row::object).collect();
    let asked = served.post("/v2/models/one/rows", &json!(objects));
    assert_eq!(asked.probabilities(), expected, "as objects");
    let version = asked.json()["model_version"].as_str().expect("a version").to_owned();
    let path = format!("/v2/models/one/versions/{version}");
    assert_eq!(served.post(&format!("{path}/rows"), &json!(objects)).probabilities(), expected, "of a version");
    assert_eq!(served.post("/v2/models/one/infer", &tensors(&rows)).probabilities(), expected, "as tensors");
    assert_eq!(served.post(&format!("{path}/infer"), &tensors(&rows)).probabilities(), expected, "of a version");
    let (body, header) = binary(&rows);
    let header = [("Inference-Header-Content-Length", &*header.to_string())];
    let answer = served.ask("POST", "/v2/models/one/infer", &header, &body);
    assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
    assert_eq!(answer.probabilities(), expected, "as bytes");
    assert_eq!(served.post("/v2/models/second/rows", &json!(objects)).probabilities(), models.predicted("two", &rows));
    // One by one, on one connection.
    let mut connection = served.connect();
    for (row, expected) in rows.iter().zip(&expected).take(60) {
        let one = row.object().to_string();
        let answer = connection.ask("POST", "/v2/models/one/rows", &[], one.as_bytes());
        assert!(answer.json()["probability"].is_number(), "no list around one");
        assert_eq!(answer.probabilities(), [*expected]);
        let alone = tensors(std::slice::from_ref(row)).to_string();
        assert_eq!(connection.ask("POST", "/v2/models/one/infer", &[], alone.as_bytes()).probabilities(), [*expected]);
    }
}

#[test]
fn rows_of_many_requests_are_computed_together_and_answered_apart() {
    let models = Models::trained();
    let rows = rows(400);
    let expected = models.predicted("one", &rows);
    let served = models.serve(&["one", "--wait", "20ms", "--most", "64"]);
    thread::scope(|scope| {
        for (part, expected) in rows.chunks(50).zip(expected.chunks(50)) {
            let served = &served;
            scope.spawn(move || {
                let mut connection = served.connect();
                let mut left = part;
                // Of one, two, three … rows, among them some that cannot be read.
                for size in 1.. {
                    let (now, later) = left.split_at(size.min(left.len()));
                    let begun = part.len() - left.len();
                    let mut objects: Vec<_> = now.iter().map(Row::object).collect();
                    let body = json!(objects).to_string();
                    let answer = connection.ask("POST", "/v2/models/one/rows", &[], body.as_bytes());
                    assert_eq!(answer.probabilities(), expected[begun..begun + now.len()]);
                    objects[0]["site"] = json!("not hexadecimal");
                    let body = json!(objects).to_string();
                    let refused = connection.ask("POST", "/v2/models/one/rows", &[], body.as_bytes());
                    assert_eq!(refused.status, 400);
                    left = later;
                    if left.is_empty() {
                        break;
                    }
                }
            });
        }
    });
    let text = String::from_utf8(served.get("/metrics").body).expect("text");
    let value = |line: &str| -> f64 {
        let found = text.lines().find_map(|known| known.strip_prefix(line)?.strip_prefix(' '));
        found.unwrap_or_else(|| panic!("no {line} in {text}")).parse().expect("a number")
    };
    assert_eq!(value("nasrecc_rows_total{model=\"one\"}"), 400.0);
    let (answered, refused) = (
        "nasrecc_requests_total{model=\"one\",status=\"200\"}",
        "nasrecc_requests_total{model=\"one\",status=\"400\"}",
    );
    assert_eq!(value(answered), value(refused));
    assert_eq!(value("nasrecc_request_seconds_count{model=\"one\"}"), value(answered));
    assert_eq!(value("nasrecc_batch_rows_sum{model=\"one\"}"), 400.0);
    assert!(value("nasrecc_batch_rows_count{model=\"one\"}") < value(answered), "some were computed together");
    assert_eq!(value("nasrecc_waiting_rows{model=\"one\"}"), 0.0);
    assert_eq!(value("nasrecc_body_bytes"), 0.0, "what bodies took is free again");
    // Those that were closed are noticed soon.
    let alone =
        || String::from_utf8_lossy(&served.get("/metrics").body).lines().any(|line| line == "nasrecc_connections 1");
    assert!((0..1000).any(|_| {
        thread::sleep(std::time::Duration::from_millis(5));
        alone()
    }));
}

#[test]
fn a_server_says_what_it_is_and_what_it_has() {
    let models = Models::trained();
    let served = models.serve(&["one", "other=two"]);
    let server = served.get("/v2").json();
    assert_eq!((&server["name"], &server["extensions"]), (&json!("nasrecc"), &json!(["binary_tensor_data"])));
    for path in ["/v2/health/live", "/v2/health/ready", "/v2/models/one/ready", "/v2/models/other/ready"] {
        assert_eq!(served.get(path).status, 200, "{path}");
    }
    let model = served.get("/v2/models/one").json();
    let version = model["versions"][0].as_str().expect("a version");
    assert_eq!(served.get(&format!("/v2/models/one/versions/{version}")).json(), model);
    assert_eq!(served.get(&format!("/v2/models/one/versions/{version}/ready")).status, 200);
    assert_ne!(served.get("/v2/models/other").json()["versions"], model["versions"], "versions tell models apart");
    let input =
        |name: &str, datatype: &str, shape: &[i64]| json!({ "name": name, "datatype": datatype, "shape": shape });
    let expected = [
        input("price", "FP64", &[-1]),
        input("count", "INT64", &[-1]),
        input("vector", "FP64", &[-1, 3]),
        input("city", "BYTES", &[-1]),
        input("site", "BYTES", &[-1]),
        input("item", "INT64", &[-1]),
        input("tags", "BYTES", &[-1]),
        input("time", "BYTES", &[-1]),
        input("member", "BOOL", &[-1]),
    ];
    assert_eq!(model["inputs"], json!(expected));
    assert_eq!(model["outputs"], json!([input("probability", "FP32", &[-1])]));
    let page = served.get("/openapi.json").json();
    assert_eq!(page["openapi"], "3.1.0");
    // Of each address that the page names, something is there.
    for (path, methods) in page["paths"].as_object().expect("paths") {
        let path = path.replace("{name}", "one").replace("{version}", version);
        let method = methods.as_object().and_then(|methods| methods.keys().next()).expect("a method").to_uppercase();
        let status = served.ask(&method, &path, &[], b"").status;
        assert_eq!(status, if method == "GET" { 200 } else { 400 }, "{method} {path}");
    }
}

#[test]
fn what_is_not_read_may_be_there() {
    let models = Models::trained();
    let rows = rows(3);
    let expected = models.predicted("one", &rows);
    let served = models.serve(&["one"]);
    let objects = rows.iter().map(|row| {
        let mut object = row.object();
        object["click"] = json!(1);
        object["user"] = json!({ "of any": ["kind"] });
        // As texts of a file, where a column takes them; and a list as one text.
        object["vector"] =
            json!(super::flat(&object["vector"]).iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
        object["tags"] = json!(super::tags_of(&object["tags"]));
        object
    });
    let objects: Vec<_> = objects.collect();
    assert_eq!(served.post("/v2/models/one/rows", &json!(objects)).probabilities(), expected);
    let mut request = tensors(&rows);
    let label = json!({ "name": "click", "datatype": "INT8", "shape": [3], "data": [0, 1, 0] });
    request["inputs"].as_array_mut().expect("inputs").insert(0, label);
    request["id"] = json!("a \"b\"");
    let answer = served.post("/v2/models/one/infer", &request);
    assert_eq!(answer.probabilities(), expected);
    assert_eq!(answer.json()["id"], "a \"b\"");
    // In another order, and every column as texts.
    let inputs = request["inputs"].as_array_mut().expect("inputs");
    inputs.reverse();
    for input in &mut *inputs {
        if input["name"] == "vector" || input["datatype"] == "BYTES" {
            continue;
        }
        let texts = super::flat(&input["data"]).into_iter().map(|value| match value {
            serde_json::Value::Null => json!("NA"),
            value => json!(value.to_string()),
        });
        input["data"] = texts.collect();
        input["datatype"] = json!("BYTES");
    }
    assert_eq!(served.post("/v2/models/one/infer", &request).probabilities(), expected);
}
