"""Probabilities of rows, by ONNX Runtime: python3 predict.py ROWS.tsv, or python3 predict.py --check for the example."""

import json
import pathlib
import sys

from encoder import Encoder, read_category, read_number

try:
    import numpy
except ModuleNotFoundError:
    print("numpy is not installed: pip install onnxruntime numpy", file=sys.stderr)
    sys.exit(3)

HERE = pathlib.Path(__file__).parent
MISSING = -(1 << 63)
KINDS = {"numbers": numpy.float64, "keys": numpy.int64, "rows": numpy.int64, "texts": object}


class Inputs:
    """Makes of the texts of rows what the graph takes."""

    def __init__(self, folder=HERE):
        folder = pathlib.Path(folder)
        self.encoder = Encoder(folder)
        self.said = json.loads((folder / "inputs.json").read_text(encoding="utf-8"))

    def feed(self, rows):
        """The inputs of the graph, of rows that are lists of texts in the order of `encoder.columns`."""
        return {said["name"]: self.tensor(said, rows) for said in self.said}

    def tensor(self, said, rows):
        place = self.encoder.columns.index(said["column"])
        nothing = {"numbers": numpy.nan, "keys": MISSING, "rows": -1, "texts": ""}[said["takes"]]
        values = [self.values(said, row, row[place]) for row in rows]
        width = max(1, *map(len, values)) if values else 1
        values = [some + [nothing] * (width - len(some)) for some in values]
        return numpy.array(values, dtype=KINDS[said["takes"]]).reshape(len(rows), width)

    def values(self, said, row, text):
        """What a row has in an input."""
        encoder, takes = self.encoder, said["takes"]
        if takes == "rows":
            return encoder.rows(encoder.sparse[said["field"]], row)
        if "separator" not in said:
            return [self.value(said, text)]
        column = {**said, "from": said["column"], "pattern": said.get("pattern"), "list": {**said, "most": None, "last": False}}
        if "of" in said:
            return [float("nan") if number is None else number for number in encoder.numbers(column, text)]
        return [self.value(said, value) for value in encoder.values(column, text)]

    def value(self, said, text):
        kind, takes, missing = said["kind"], said["takes"], text in self.encoder.missing
        try:
            if takes == "numbers":
                return float("nan") if missing else read_number(kind, text, said.get("pattern"))
            if takes == "texts":
                return "" if missing else text
            if missing:
                return MISSING
            key = read_category(kind, text)
            if key == 1 << 63:
                raise ValueError(f"found {text!r}, which stands for a missing value in ONNX")
            return key - (1 << 64) if key >> 63 else key
        except ValueError as error:
            raise ValueError(f"column {said['column']}: {error}") from None


class Model(Inputs):
    def __init__(self, folder=HERE, model="model.onnx"):
        super().__init__(folder)
        try:
            import onnxruntime
        except ModuleNotFoundError:
            print("onnxruntime is not installed: pip install onnxruntime numpy", file=sys.stderr)
            sys.exit(3)
        path = pathlib.Path(folder) / model
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def predict(self, rows):
        """The probability of each row; NaN where it cannot be computed."""
        return self.session.run(["probability"], self.feed(rows))[0][:, 0]


