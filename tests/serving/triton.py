"""Speaks to a server with tritonclient: what it is, what it says of rows as JSON and as bytes, and what it refuses."""

import json
import sys

import numpy as np
import tritonclient.http as http

with open(sys.argv[1], encoding="utf-8") as file:
    given = json.load(file)
rows, expected = given["rows"], np.array(given["expected"], dtype=np.float32)
client = http.InferenceServerClient(given["address"], concurrency=4)

assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("one")
assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
model = client.get_model_metadata("one")
version = model["versions"][0]
assert client.is_model_ready("one", version) and not client.is_model_ready("two")
assert client.get_model_metadata("one", version) == model
types = {one["name"]: one["datatype"] for one in model["inputs"]}
assert types["price"] == "FP64" and types["city"] == "BYTES" and types["member"] == "BOOL", types


def column(name):
    """The values of a column as an array of its announced type, missing ones as what stands for them."""
    values = [row[name] for row in rows]
    if name == "tags":
        values = ["|".join(value) for value in values]
    if types[name] == "BYTES":
        return np.array([(value or "").encode() for value in values], dtype=np.object_), "BYTES"
    if name == "count":
        # What is missing is no whole number.
        return np.array([np.nan if value is None else value for value in values], dtype=np.float32), "FP32"
    of = {"FP64": np.float64, "INT64": np.int64, "BOOL": np.bool_}[types[name]]
    return np.array([np.nan if value is None else value for value in values], dtype=of), types[name]


def inputs(binary, of=lambda name, array, datatype: (array, datatype)):
    found = []
    for one in model["inputs"]:
        array, datatype = of(one["name"], *column(one["name"]))
        tensor = http.InferInput(one["name"], list(array.shape), datatype)
        tensor.set_data_from_numpy(array, binary_data=binary)
        found.append(tensor)
    return found


def refused(status, words, call):
    try:
        call()
    except http.InferenceServerException as error:
        assert error.status() == str(status) and all(word in error.message() for word in words), error
        return
    raise AssertionError(f"{words} was not refused")


def filled(name, array, datatype):
    """As JSON no number is none: what is missing is left out of this."""
    if datatype in ("FP64", "FP32"):
        return np.nan_to_num(array, nan=1.0), datatype
    return array, datatype


for binary in (True, False):
    outputs = [http.InferRequestedOutput("probability", binary_data=binary)]
    answer = client.infer("one", inputs(True), outputs=outputs, request_id="7")
    assert answer.get_response()["id"] == "7" and answer.get_response()["model_version"] == version
    assert np.array_equal(answer.as_numpy("probability"), expected), binary
    # Texts as JSON, and numbers as bytes or as JSON, say the same.
    one = client.infer("one", inputs(True, filled), model_version=version).as_numpy("probability")
    other = client.infer("one", inputs(False, filled), outputs=outputs).as_numpy("probability")
    assert np.array_equal(one, other) and other.dtype == np.float32 and other.shape == (len(rows),)
pending = [client.async_infer("one", inputs(True)) for _ in range(8)]
assert all(np.array_equal(one.get_result().as_numpy("probability"), expected) for one in pending)

refused(404, ["no model", "two"], lambda: client.infer("two", inputs(True)))
refused(404, ["no version"], lambda: client.infer("one", inputs(True), model_version="9"))
refused(400, ["no input `price`"], lambda: client.infer("one", inputs(True)[1:]))
refused(400, ["output `score`"], lambda: client.infer("one", inputs(True), outputs=[http.InferRequestedOutput("score")]))
refused(400, ["column `site`", "hexadecimal"], lambda: client.infer("one", inputs(
    True, lambda name, array, of: (np.array([b"xyz"] * len(rows), dtype=np.object_), of) if name == "site" else (array, of))))
refused(400, ["input `city`", "INT64"], lambda: client.infer("one", inputs(
    True, lambda name, array, of: (np.zeros(len(rows), np.int64), "INT64") if name == "city" else (array, of))))
print("all is well")
