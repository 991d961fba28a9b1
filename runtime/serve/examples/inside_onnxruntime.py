"""How long ONNX Runtime takes for the model that `nasrecc export --format onnx` wrote, in this process: what `inside` is held against.

    python3 runtime/serve/examples/inside_onnxruntime.py EXPORT [THREADS]

The rows are those of the export's example, again and again; medians over two seconds of batches of each size, one after the other.
"""

import json
import pathlib
import statistics
import sys
import time

import numpy
import onnxruntime

export, threads = pathlib.Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 2
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = threads
session = onnxruntime.InferenceSession(export / "model.onnx", options, providers=["CPUExecutionProvider"])
example = json.loads((export / "example.json").read_text())
kinds = {"tensor(int64)": numpy.int64, "tensor(double)": numpy.float64, "tensor(string)": object}
given = {tensor["name"]: tensor for tensor in example["inputs"]}
print("rows  batches  us  rows/s")
for rows in [1, 8, 64, 512, 4096]:
    feed = {}
    for wanted in session.get_inputs():
        tensor = given[wanted.name]
        data = numpy.array([float("nan") if value is None else value for value in tensor["data"]], dtype=kinds[wanted.type])
        data = data.reshape(tensor["shape"])
        feed[wanted.name] = numpy.ascontiguousarray(numpy.resize(data, (rows, *data.shape[1:])))
    session.run(None, feed)
    took, end = [], time.perf_counter() + 2
    while time.perf_counter() < end:
        start = time.perf_counter()
        session.run(None, feed)
        took.append(time.perf_counter() - start)
    median = statistics.median(took)
    print(f"{rows:4}  {len(took):7}  {1e6 * median:.1f}  {rows / median:.0f}")
