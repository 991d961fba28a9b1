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


def rows_of(path, encoder):
    with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
        return [encoder.split(line) for line in file]


def check(folder):
    """Holds the example against what is expected of it."""
    model = Model(folder)
    said = model.predict(rows_of(folder / "example.tsv", model.encoder))
    expected = [float(line) for line in (folder / "expected.txt").read_text().splitlines()]
    if len(said) != len(expected):
        sys.exit(f"{len(said)} probabilities, expected {len(expected)}")
    worst = max(range(len(said)), key=lambda row: abs(said[row] - expected[row]) if said[row] == said[row] else 2.0)
    if not abs(said[worst] - expected[worst]) <= 1e-5:
        sys.exit(f"row {worst + 1} is {said[worst]}, expected {expected[worst]}")
    print(f"{len(said)} rows, at most {abs(said[worst] - expected[worst]):.1e} from what is expected")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: predict.py ROWS.tsv, or predict.py --check")
    if sys.argv[1] == "--check":
        check(HERE)
    else:
        model = Model()
        for probability in model.predict(rows_of(sys.argv[1], model.encoder)):
            print(probability)
