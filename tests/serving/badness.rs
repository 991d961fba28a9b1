//! What is wrong with a request is told in words, with the column or the field that it is wrong of; and the server goes on.

use serde_json::{Value, json};

use super::{Answer, Models, Row, Served, binary, request, rows, tensors};

/// A request that is refused, and what is told.
struct Case {
    name: &'static str,
    sent: Sent,
    status: u16,
    /// What is in the message.
    told: &'static [&'static str],
}

enum Sent {
    /// To `/rows`.
    Rows(Value),
    /// To `/infer`.
    Tensors(Value),
    /// With headers.
    Body(&'static str, Vec<(&'static str, String)>, Vec<u8>),
    /// Whatever goes over the connection.
    Raw(Vec<u8>),
}

fn sent(served: &Served, sent: &Sent) -> Option<Answer> {
    match sent {
        Sent::Rows(body) => Some(served.post("/v2/models/one/rows", body)),
        Sent::Tensors(body) => Some(served.post("/v2/models/one/infer", body)),
        Sent::Body(path, headers, body) => {
            let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            Some(served.ask("POST", path, &headers, body))
        }
        Sent::Raw(bytes) => {
            let mut connection = served.connect();
            let _sent = connection.send(bytes);
            connection.answer()
        }
    }
}

/// A row with a column changed.
fn row(column: &str, value: Value) -> Sent {
    let mut row = rows(1)[0].object();
    row[column] = value;
    Sent::Rows(row)
}

/// Three rows as tensors, changed.
fn changed(change: impl FnOnce(&mut Value)) -> Sent {
    let mut request = tensors(&rows(3));
    change(&mut request);
    Sent::Tensors(request)
}

/// The same, of which one input is changed.
fn input(name: &str, change: impl FnOnce(&mut Value)) -> Sent {
    changed(|request| {
        let inputs = request["inputs"].as_array_mut().expect("inputs");
        change(inputs.iter_mut().find(|input| input["name"] == name).expect("an input"));
    })
}

/// Bytes behind JSON, changed.
fn packed(change: impl FnOnce(&mut Value, &mut Vec<u8>), header: impl FnOnce(usize) -> String) -> Sent {
    let (body, length) = binary(&rows(3));
    let mut json: Value = serde_json::from_slice(&body[..length]).expect("JSON");
    let mut bytes = body[length..].to_vec();
    change(&mut json, &mut bytes);
    let json = json.to_string().into_bytes();
    let header = header(json.len());
    Sent::Body("/v2/models/one/infer", vec![("Inference-Header-Content-Length", header)], [json, bytes].concat())
}

/// The first input of a request.
fn first(json: &mut Value) -> &mut Value {
    &mut json["inputs"][0]
}

fn in_rows() -> Vec<Case> {
    let case = |name, sent, told| Case { name, sent, status: 400, told };
    let text = |text: &str| Sent::Body("/v2/models/one/rows", Vec::new(), text.as_bytes().to_vec());
    let mut without = rows(1)[0].object();
    without.as_object_mut().expect("a row").remove("city");
    let twice = rows(1)[0].object().to_string().replacen('{', "{\"price\": 1, ", 1);
    let mut second = rows(2).iter().map(Row::object).collect::<Vec<_>>();
    second[1]["item"] = json!("7");
    vec![
        case("a column that is missing", Sent::Rows(without), &["row 0", "`city`", "a text or null"]),
        case("a column that is not known", row("citty", json!("a")), &["row 0", "`citty`", "did you mean `city`?"]),
        case(
            "a text in place of a number",
            row("price", json!("2.5")),
            &["column `price`", "it is a text", "a number or null"],
        ),
        case(
            "a number in place of a text",
            row("city", json!(7)),
            &["column `city`", "whole number", "a text or null"],
        ),
        case(
            "a fraction in place of a whole number",
            row("item", json!(7.5)),
            &["row 0", "column `item`", "7.5", "a whole number"],
        ),
        case("a truth in place of a number", row("price", json!(true)), &["`price`", "a truth"]),
        case("a number that is no truth", row("member", json!(2)), &["`member`", "found \"2\"", "true or false"]),
        case("a list in place of a number", row("price", json!([1.0])), &["`price`", "a list"]),
        case("an object in place of a text", row("city", json!({ "a": 1 })), &["`city`", "an object"]),
        case(
            "a list of too few numbers",
            row("vector", json!([1, 2])),
            &["`vector`", "a list of 2", "a list of 3 numbers"],
        ),
        case("a text in a list of numbers", row("vector", json!([1, 2, "3"])), &["`vector`", "a text"]),
        case("a list in a list", row("tags", json!([["a"]])), &["nested too deeply"]),
        case("a separator in a part of a bag", row("tags", json!(["a|b"])), &["`tags`", "separator"]),
        case("what is no hexadecimal number", row("site", json!("xyz")), &["`site`", "found \"xyz\"", "hexadecimal"]),
        case(
            "what is no time",
            row("time", json!("yesterday")),
            &["`time`", "yesterday", "a time as its pattern says"],
        ),
        case("a number that is too large", text(r#"{"price": 1e999}"#), &["number out of range"]),
        case("a column that is there twice", text(&twice), &["row 0", "`price`", "twice"]),
        case("the second row", Sent::Rows(json!(second)), &["row 1", "`item`", "a text"]),
        case("no row", Sent::Rows(json!([])), &["there is no row"]),
        case("a number in place of rows", Sent::Rows(json!(5)), &["a row, which is an object"]),
        case(
            "a long text in place of rows",
            Sent::Rows(json!("\u{7f}é".repeat(20_000))),
            &["invalid type", "… at line 1"],
        ),
        case("a row that is none", Sent::Rows(json!([5])), &["a row, which is an object"]),
        case("no body", text(""), &["EOF"]),
        case("broken JSON", text("{\"price\": 1,"), &["EOF", "line 1"]),
        case("what follows a row", text("[] []"), &["trailing characters"]),
        case("deep JSON", text(&"[".repeat(100_000)), &["invalid type"]),
        case("deep JSON in a column", text(&format!("{{\"price\": {}", "[".repeat(100_000))), &["nested too deeply"]),
        case("deep JSON in what is not read", text(&format!("{{\"user\": {}", "[".repeat(100_000))), &["EOF"]),
        case(
            "what is not UTF-8",
            Sent::Body("/v2/models/one/rows", Vec::new(), b"{\"city\": \"\xff\xfe\"}".to_vec()),
            &["invalid unicode"],
        ),
        case(
            "a header that is for tensors",
            Sent::Body(
                "/v2/models/one/rows",
                vec![("Inference-Header-Content-Length", "2".to_owned())],
                b"{}".to_vec(),
            ),
            &["Inference-Header-Content-Length"],
        ),
        Case {
            name: "too many rows",
            sent: Sent::Rows(json!(rows(101).iter().map(Row::object).collect::<Vec<_>>())),
            status: 413,
            told: &["more than 100 rows"],
        },
    ]
}

fn in_tensors() -> Vec<Case> {
    let case = |name, sent, told| Case { name, sent, status: 400, told };
    let shape = |shape: Value| input("price", |input| input["shape"] = shape);
    vec![
        case(
            "an input that is missing",
            changed(|request| drop(request["inputs"].as_array_mut().map(|inputs| inputs.remove(4)))),
            &["no input `site`", "BYTES"],
        ),
        case(
            "an input that is not known",
            input("city", |input| input["name"] = json!("City")),
            &["input `City`", "did you mean `city`?"],
        ),
        case(
            "an input that is there twice",
            changed(|request| {
                let again = request["inputs"][0].clone();
                request["inputs"].as_array_mut().expect("inputs").push(again);
            }),
            &["input `price` is there twice"],
        ),
        case(
            "numbers in place of texts",
            input("city", |input| {
                input["datatype"] = json!("FP32");
                input["data"] = json!([1, 2, 3]);
            }),
            &["input `city`", "FP32", "BYTES"],
        ),
        case(
            "a datatype that is not known",
            input("price", |input| input["datatype"] = json!("FP16")),
            &["input `price`", "`FP16`", "FP32"],
        ),
        case(
            "data of another type",
            input("count", |input| input["data"] = json!([1, 2.5, 3])),
            &["input `count`", "value 1", "2.5", "INT32"],
        ),
        case(
            "data that its type does not hold",
            input("count", |input| input["data"] = json!([1, 2, 3_000_000_000u64])),
            &["input `count`", "3000000000", "INT32"],
        ),
        case(
            "a text in data of numbers",
            input("price", |input| input["data"] = json!([1, "2", 3])),
            &["input `price`", "the text `2`", "FP64"],
        ),
        case(
            "an object in data",
            input("price", |input| input["data"] = json!([1, {}, 3])),
            &["input `price`", "an object"],
        ),
        case("a shape that lies", shape(json!([2])), &["input `price`", "2 values", "3"]),
        case(
            "a shape of other rows",
            input("item", |input| {
                input["shape"] = json!([2]);
                input["data"] = json!([1, 2]);
            }),
            &["input `item`", "2 rows", "`price` has 3"],
        ),
        case("a negative shape", shape(json!([-3])), &["input `price`", "[-3]", "negative"]),
        case("a shape of two columns", shape(json!([3, 2])), &["input `price`", "[3, 2]", "[rows] or [rows, 1]"]),
        case("no shape", shape(json!([])), &["input `price`", "[]"]),
        case("a shape that is no number", shape(json!(["3"])), &["invalid type", "line 1"]),
        case("a shape without end", shape(json!(vec![1; 1_000])), &["more than 16 sizes"]),
        Case {
            name: "more values than a request may have",
            sent: input("price", |input| input["data"] = json!(vec![1; 2_000])),
            status: 413,
            told: &["more values than 100 rows"],
        },
        Case {
            name: "values beyond all in a field that comes first",
            sent: Sent::Body(
                "/v2/models/one/infer",
                Vec::new(),
                format!("{{\"inputs\":[{{\"data\":[{}1", "1,".repeat(100_000)).into_bytes(),
            ),
            status: 413,
            told: &["more values than 100 rows"],
        },
        case("a shape beyond all", shape(json!([1, 9_223_372_036_854_775_807i64])), &["input `price`"]),
        case(
            "no rows",
            changed(|request| {
                for input in request["inputs"].as_array_mut().expect("inputs") {
                    input["shape"][0] = json!(0);
                    input["data"] = json!([]);
                }
            }),
            &["there is no row"],
        ),
        case(
            "an input without values",
            input("price", |input| drop(input.as_object_mut().map(|input| input.remove("data")))),
            &["input `price`", "no values"],
        ),
        case("no inputs", Sent::Tensors(json!({ "id": "1" })), &["missing field `inputs`"]),
        case("inputs that are no list", Sent::Tensors(json!({ "inputs": 1 })), &["invalid type"]),
        case(
            "an output that there is not",
            changed(|request| request["outputs"] = json!([{ "name": "score" }])),
            &["output `score`", "`probability`"],
        ),
        case(
            "classes",
            changed(|request| {
                request["outputs"] = json!([{ "name": "probability", "parameters": { "classification": 2 } }])
            }),
            &["no classes"],
        ),
        case(
            "shared memory",
            input("price", |input| input["parameters"] = json!({ "shared_memory_region": "a" })),
            &["input `price`", "shared memory"],
        ),
        case(
            "bytes without a header",
            input("price", |input| {
                input["parameters"] = json!({ "binary_data_size": 24 });
                input.as_object_mut().expect("an input").remove("data");
            }),
            &["input `price`", "Inference-Header-Content-Length"],
        ),
        Case {
            name: "a huge shape",
            sent: shape(json!([9_223_372_036_854_775_807i64])),
            status: 413,
            told: &["input `price`", "may have 100"],
        },
    ]
}

fn in_bytes() -> Vec<Case> {
    let case = |name, sent, told| Case { name, sent, status: 400, told };
    let same = |length: usize| length.to_string();
    let city = |json: &mut Value| {
        json["inputs"].as_array().and_then(|inputs| inputs.iter().position(|input| input["name"] == "city"))
    };
    vec![
        case(
            "a header beyond the body",
            packed(|_, _| {}, |length| (length + 1_000_000).to_string()),
            &["Inference-Header-Content-Length", "the body has"],
        ),
        case(
            "a header that cuts the JSON",
            packed(|_, _| {}, |length| (length - 5).to_string()),
            &["no inference request", "EOF"],
        ),
        case(
            "a header that takes bytes for JSON",
            packed(|_, _| {}, |length| (length + 8).to_string()),
            &["no inference request"],
        ),
        case(
            "a negative header",
            packed(|_, _| {}, |_| "-1".to_owned()),
            &["Inference-Header-Content-Length", "a number of bytes"],
        ),
        case(
            "a header that is no number",
            packed(|_, _| {}, |_| "ten".to_owned()),
            &["Inference-Header-Content-Length"],
        ),
        case(
            "a header beyond all numbers",
            packed(|_, _| {}, |_| "9".repeat(40)),
            &["Inference-Header-Content-Length"],
        ),
        case(
            "too few bytes",
            packed(|_, bytes| bytes.truncate(20), same),
            &["input `price`", "`binary_data_size` is 24", "20 bytes are left"],
        ),
        case("too many bytes", packed(|_, bytes| bytes.extend([0; 3]), same), &["3 bytes behind the JSON"]),
        case(
            "a size that lies",
            packed(|json, _| first(json)["parameters"]["binary_data_size"] = json!(16), same),
            &["input `price`", "are 24 bytes", "is 16"],
        ),
        case(
            "a size beyond all",
            packed(|json, _| first(json)["parameters"]["binary_data_size"] = json!(u64::MAX), same),
            &["input `price`", "18446744073709551615"],
        ),
        case(
            "bytes and data",
            packed(|json, _| first(json)["data"] = json!([1, 2, 3]), same),
            &["input `price`", "of which a tensor has one"],
        ),
        case(
            "a text that is longer than what is there",
            packed(
                |json, bytes| {
                    // Behind the numbers of price, count and vector.
                    let at = 24 + 24 + 36;
                    assert_eq!(city(json), Some(3));
                    bytes[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
                },
                same,
            ),
            &["input `city`", "end within text 0 of 3"],
        ),
        case(
            "texts that are fewer than the shape says",
            packed(
                |json, bytes| {
                    let at = 24 + 24 + 36;
                    // The first takes in the others.
                    let size = json["inputs"][3]["parameters"]["binary_data_size"].as_u64().expect("a size") as u32;
                    bytes[at..at + 4].copy_from_slice(&(size - 4).to_le_bytes());
                },
                same,
            ),
            &["input `city`", "end within text 1 of 3"],
        ),
        case(
            "a truth of two",
            packed(|_, bytes| *bytes.last_mut().expect("a byte") = 2, same),
            &["input `member`", "0 or 1"],
        ),
    ]
}

fn in_http() -> Vec<Case> {
    let case = |name, sent, status, told| Case { name, sent, status, told };
    let to = |path: &'static str| Sent::Body(path, Vec::new(), b"{}".to_vec());
    let raw = |text: &str| Sent::Raw(text.as_bytes().to_vec());
    let headers = |headers: &[(&'static str, &str)], body: &[u8]| {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Sent::Body("/v2/models/one/rows", headers, body.to_vec())
    };
    vec![
        case("a model that there is not", to("/v2/models/three/infer"), 404, &["no model `three`", "one"]),
        case("a version that there is not", to("/v2/models/one/versions/7/rows"), 404, &["`one`", "no version `7`"]),
        case(
            "a name out of its folder",
            to("/v2/models/..%2f..%2fetc%2fpasswd/rows"),
            404,
            &["no model `../../etc/passwd`"],
        ),
        case("an address that there is not", to("/v2/models/one/explain"), 404, &["/openapi.json"]),
        case("another method", Sent::Raw(request("DELETE", "/v2/models/one/rows", &[], b"")), 405, &["`DELETE`"]),
        case("a body that is too long", headers(&[], &vec![b' '; 300_000]), 413, &["300000 bytes", "may have 204800"]),
        case(
            "a length that is too long",
            headers(&[("content-length", "99999999999")], b""),
            413,
            &["99999999999 bytes"],
        ),
        case(
            "pieces that are too long together",
            headers(
                &[("transfer-encoding", "chunked")],
                &[&b"40000\r\n"[..], &vec![b' '; 0x40000], b"\r\n0\r\n\r\n"].concat(),
            ),
            413,
            &["may have 204800"],
        ),
        case("a packed body", headers(&[("content-encoding", "gzip")], b"{}"), 415, &["Content-Encoding"]),
        case(
            "pieces that are none",
            headers(&[("transfer-encoding", "chunked")], b"zz\r\n{}\r\n0\r\n\r\n"),
            400,
            &["broke off"],
        ),
        case("what is no HTTP", raw("\u{0}\u{1}\u{2}\r\n\r\n"), 400, &[]),
        case(
            "two lengths",
            raw("POST /v2/models/one/rows HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}"),
            400,
            &[],
        ),
        case(
            "a length that is none",
            raw("POST /v2/models/one/rows HTTP/1.1\r\ncontent-length: x\r\n\r\n{}"),
            400,
            &[],
        ),
        case(
            "a head without end",
            Sent::Raw([&b"GET /v2 HTTP/1.1\r\na: "[..], &vec![b'a'; 1 << 20]].concat()),
            431,
            &[],
        ),
        case(
            "too many fields",
            Sent::Raw(
                ["GET /v2 HTTP/1.1\r\n".to_owned(), "a: b\r\n".repeat(1000), "\r\n".to_owned()].concat().into_bytes(),
            ),
            431,
            &[],
        ),
    ]
}

#[test]
fn what_is_wrong_is_told_and_named() {
    let models = Models::trained();
    let good = rows(1);
    let expected = models.predicted("one", &good);
    let served = models.serve(&["one", "--rows", "100", "--body", "200KiB", "--timeout", "5s"]);
    let mut wrong = Vec::new();
    let cases = [in_rows(), in_tensors(), in_bytes(), in_http()];
    assert!(cases.iter().map(Vec::len).sum::<usize>() > 80);
    for Case { name, sent: request, status, told } in cases.into_iter().flatten() {
        let Some(answer) = sent(&served, &request) else {
            wrong.push(format!("{name}: no answer"));
            continue;
        };
        if answer.status != status {
            wrong.push(format!(
                "{name}: {} in place of {status}: {}",
                answer.status,
                String::from_utf8_lossy(&answer.body)
            ));
            continue;
        }
        if !told.is_empty() {
            let message = answer.error();
            let missing: Vec<&&str> = told.iter().filter(|told| !message.contains(**told)).collect();
            if !missing.is_empty() || message.contains('\n') || message.len() > 400 {
                wrong.push(format!("{name}: no {missing:?} in: {message}"));
            }
        }
        let after = served.post("/v2/models/one/rows", &json!(good[0].object()));
        assert_eq!(after.probabilities(), expected, "the server goes on after {name}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(served.memory() < 300 << 20, "{} bytes", served.memory());
}
