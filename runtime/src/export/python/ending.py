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
