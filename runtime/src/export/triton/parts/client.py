"""Probabilities of rows, by a Triton server: python3 client.py ROWS.tsv [http://localhost:8000]. Needs Python and numpy."""

import json
import struct
import sys
import urllib.request

import numpy

from predict import Inputs, rows_of

NAME = "@NAME@"
TYPES = {"numbers": "FP64", "keys": "INT64", "rows": "INT64", "texts": "BYTES"}
# Rows of a request.
TOGETHER = 512


def request(inputs, rows):
    """A request of the Open Inference Protocol with tensors in binary: its JSON, and what follows it."""
    said, bodies = [], []
    for one, tensor in zip(inputs.said, inputs.feed(rows).values()):
        if one["takes"] == "texts":
            texts = [text.encode("utf-8", "surrogateescape") for text in tensor.ravel()]
            body = b"".join(struct.pack("<I", len(text)) + text for text in texts)
        else:
            body = tensor.tobytes()
        parameters = {"binary_data_size": len(body)}
        said.append({"name": one["name"], "shape": list(tensor.shape), "datatype": TYPES[one["takes"]], "parameters": parameters})
        bodies.append(body)
    outputs = [{"name": "probability", "parameters": {"binary_data": True}}]
    return json.dumps({"inputs": said, "outputs": outputs}).encode(), b"".join(bodies)


def ask(address, inputs, rows):
    """The probability of each row."""
    head, body = request(inputs, rows)
    headers = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(len(head))}
    asked = urllib.request.Request(f"{address}/v2/models/{NAME}/infer", head + body, headers)
    with urllib.request.urlopen(asked, timeout=30) as answer:
        length = int(answer.headers["Inference-Header-Content-Length"])
        return numpy.frombuffer(answer.read()[length:], dtype="<f4")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: client.py ROWS.tsv [http://localhost:8000]")
    address = sys.argv[2] if len(sys.argv) == 3 else "http://localhost:8000"
    inputs = Inputs()
    rows = rows_of(sys.argv[1], inputs.encoder)
    for start in range(0, len(rows), TOGETHER):
        for probability in ask(address, inputs, rows[start : start + TOGETHER]):
            print(probability)
