"""Probabilities of rows, by PyTorch: python3 predict.py ROWS.tsv, or python3 predict.py --check for the example."""

import pathlib
import sys

from encoder import Encoder

try:
    import torch
    from model import NUMBERS, ROWS, Net
except ModuleNotFoundError as error:
    print(f"{error.name} is not installed: pip install torch safetensors numpy", file=sys.stderr)
    sys.exit(3)

HERE = pathlib.Path(__file__).parent


class Model:
    def __init__(self, folder=HERE):
        folder = pathlib.Path(folder)
        self.encoder = Encoder(folder)
        self.net = Net.load(folder / "weights.safetensors")

    def predict(self, rows):
        """The probability of each row, a list of texts in the order of `encoder.columns`."""
        return self.net.probability(*self.feed(rows)).numpy()

    def feed(self, rows):
        """The numbers, and the rows of tables, of rows as texts."""
        widths = [column["list"]["most"] if column["list"] else 1 for column in self.encoder.sparse]
        numbers, looked_up = [], []
        for texts in rows:
            values, fields = self.encoder.encode(texts)
            # A table without numbers has one column of zeros.
            numbers.append(values or [0.0])
            looked_up.append([id for ids, width in zip(fields, widths) for id in ids + [-1] * (width - len(ids))])
        numbers = torch.tensor(numbers, dtype=torch.float32).reshape(len(rows), NUMBERS)
        return numbers, torch.tensor(looked_up, dtype=torch.int64).reshape(len(rows), ROWS)


