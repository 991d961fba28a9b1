"""Holds exports against what nasrecc says of the same rows, which are named one a line in the file of the first argument, as JSON."""

import importlib
import json
import pathlib
import sys

WITHIN = 1e-5


def predictor(folder):
    """The program beside an export, with the encoder beside it."""
    sys.path.insert(0, str(folder))
    for name in ("predict", "encoder", "model"):
        sys.modules.pop(name, None)
    program = importlib.import_module("predict")
    sys.path.pop(0)
    return program


def readable(model, row):
    try:
        model.feed([row])
    except ValueError:
        return False
    return True


def held(said):
    folder = pathlib.Path(said["folder"])
    if (folder / "model.onnx").exists():
        import onnx

        onnx.checker.check_model(str(folder / "model.onnx"), full_check=True)
        read = onnx.load(str(folder / "model.onnx"), load_external_data=False)
        assert (read.ir_version, {one.domain: one.version for one in read.opset_import}) == (8, {"": 17, "ai.onnx.ml": 3})
        assert {one.key: one.value for one in read.metadata_props}["nasrec.plan"] == said["plan"]
    program = predictor(folder)
    program.check(folder)
    model = program.Model(folder)
    rows = program.rows_of(said["rows"], model.encoder)
    assert len(rows) == len(said["expected"]), f"{len(rows)} rows, expected {len(said['expected'])}"
    read = [at for at, row in enumerate(rows) if readable(model, row)]
    told = dict(zip(read, model.predict([rows[at] for at in read]).tolist(), strict=True))
    alone = model.predict([rows[read[0]]]).tolist()
    assert abs(alone[0] - told[read[0]]) < 1e-6, "a row alone is another than among others"
    worst = 0.0
    for at, expected in enumerate(said["expected"]):
        found = told.get(at)
        found = None if found is None or found != found else found
        if (found is None) != (expected is None) or (found is not None and not abs(found - expected) <= WITHIN):
            raise AssertionError(f"row {at + 1} is {found}, expected {expected}: {rows[at]}")
        worst = max(worst, 0.0 if found is None else abs(found - expected))
    return worst


def main():
    wrong, worst, count = [], 0.0, 0
    for line in open(sys.argv[1], encoding="utf-8"):
        said = json.loads(line)
        count += 1
        try:
            worst = max(worst, held(said))
        except (Exception, SystemExit) as error:
            wrong.append(f"{said['name']} in {said['folder']}: {type(error).__name__}: {error}")
    print(f"{count} models, at most {worst:.1e} apart")
    for one in wrong[:5]:
        print(one, file=sys.stderr)
    sys.exit(f"{len(wrong)} of {count} models say something else" if wrong else 0)


main()
