"""Holds exports against what nasrecc says of the same rows, which are named one a line in the file of the first argument, as JSON."""

import importlib
import json
import pathlib
import sys

WITHIN = 1e-5


def predictor(folder):
    """The program beside an export, with the encoder beside it."""
    sys.path.insert(0, str(folder))
    for name in ("predict", "encoder", "model", "client"):
        sys.modules.pop(name, None)
    program = importlib.import_module("predict")
    sys.path.pop(0)
    return program


def trained(said):
    """Trains an export of PyTorch further, and writes its weights and what it says with them then."""
    import torch
    from safetensors.torch import save_file

    folder = pathlib.Path(said["folder"])
    program = predictor(folder)
    model = program.Model(folder)
    rows = [row for row in program.rows_of(said["rows"], model.encoder) if readable(model, row)]
    inputs, labels = model.feed(rows), torch.tensor([float(at % 3 == 0) for at in range(len(rows))])
    torch.manual_seed(1)
    model.net.train()
    optimiser = torch.optim.Adam(model.net.parameters(), lr=1e-3)
    losses = []
    for _ in range(10):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(model.net(*inputs), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert min(losses[1:]) < losses[0], f"the loss goes from {losses[0]} to {losses[1:]}"
    still = [name for name, weight in model.net.named_parameters() if weight.grad is None]
    assert not still, f"no gradient reaches {still}"
    save_file(model.net.state_dict(), said["trained"])
    model.net.eval()
    pathlib.Path(said["said"]).write_text(json.dumps({"rows": rows, "said": model.predict(rows).tolist()}))


def readable(model, row):
    try:
        model.feed([row])
    except ValueError:
        return False
    return True


def checked(path, plan):
    """The inputs of a graph that onnx finds sound: the width of each, 0 where it varies, and its type."""
    import onnx

    onnx.checker.check_model(str(path), full_check=True)
    read = onnx.load(str(path), load_external_data=False)
    assert (read.ir_version, {one.domain: one.version for one in read.opset_import}) == (8, {"": 17, "ai.onnx.ml": 3})
    assert {one.key: one.value for one in read.metadata_props}["nasrec.plan"] == plan
    for tensor in read.graph.initializer:
        for entry in tensor.external_data:
            assert entry.key != "offset" or int(entry.value) % (64 << 10) == 0, f"{tensor.name} begins at {entry.value}"
    tensors = {one.name: one.type.tensor_type for one in read.graph.input}
    assert all(tensor.shape.dim[0].dim_param == "batch" for tensor in tensors.values())
    return {name: (tensor.shape.dim[1].dim_value, tensor.elem_type) for name, tensor in tensors.items()}


def tensors(folder, model):
    """Whether the example as tensors says what the example says."""
    import numpy

    kinds = {"FP64": numpy.float64, "INT64": numpy.int64, "BYTES": object}
    read = json.loads((folder / "example.json").read_text())
    feed = {one["name"]: numpy.array(one["data"], dtype=kinds[one["datatype"]]).reshape(one["shape"]) for one in read["inputs"]}
    [said] = model.session.run(["probability"], feed)
    assert said.shape == (len(read["probability"]), 1)
    off = max(abs(a - b) for a, b in zip(said[:, 0].tolist(), read["probability"]))
    assert off <= WITHIN, f"the example as tensors is {off} off"


# Of ONNX and of Triton's configuration.
TYPES = {11: "TYPE_FP64", 7: "TYPE_INT64", 8: "TYPE_STRING"}


def repository(folder, path, graph, program):
    """Whether Triton is told of a graph what it is, and its client sends that."""
    from google.protobuf import text_format
    from tritonclient.grpc import model_config_pb2

    of_model = path.parents[2]
    assert sorted(one.name for one in of_model.iterdir()) == ["1", "config.pbtxt"]
    assert sorted(one.name for one in path.parent.iterdir()) == ["model.onnx", "model.weights"]
    config = text_format.Parse((of_model / "config.pbtxt").read_text(), model_config_pb2.ModelConfig())
    assert (config.name, config.backend) == (of_model.name, "onnxruntime") and config.max_batch_size > 1
    assert config.HasField("dynamic_batching")
    told = {one.name: (max(0, *one.dims), model_config_pb2.DataType.Name(one.data_type)) for one in config.input}
    assert told == {name: (width, TYPES[kind]) for name, (width, kind) in graph.items()}, f"{told} of {graph}"
    [output] = config.output
    assert (output.name, list(output.dims), output.data_type) == ("probability", [1], model_config_pb2.TYPE_FP32)
    sys.path.insert(0, str(folder))
    client = importlib.import_module("client")
    sys.path.pop(0)
    assert client.NAME == config.name
    inputs = program.Inputs(folder)
    rows = program.rows_of(folder / "example.tsv", inputs.encoder)[:7]
    head, body = client.request(inputs, rows)
    asked = json.loads(head)["inputs"]
    assert sum(one["parameters"]["binary_data_size"] for one in asked) == len(body)
    for one in asked:
        width, kind = told[one["name"]]
        assert one["shape"][0] == 7 and width in (0, one["shape"][1])
        assert {"FP64": "TYPE_FP64", "INT64": "TYPE_INT64", "BYTES": "TYPE_STRING"}[one["datatype"]] == kind


def held(said):
    folder = pathlib.Path(said["folder"])
    program = predictor(folder)
    program.check(folder)
    for path in [*folder.glob("*.onnx"), *folder.glob("model_repository/*/1/model.onnx/model.onnx")]:
        graph = checked(path, said["plan"])
        if path.parent != folder:
            repository(folder, path, graph, program)
    model = program.Model(folder)
    if (folder / "example.json").exists():
        tensors(folder, model)
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
            if "trained" in said:
                trained(said)
        except (Exception, SystemExit) as error:
            wrong.append(f"{said['name']} in {said['folder']}: {type(error).__name__}: {error}")
    print(f"{count} models, at most {worst:.1e} apart")
    for one in wrong[:5]:
        print(one, file=sys.stderr)
    sys.exit(f"{len(wrong)} of {count} models say something else" if wrong else 0)


main()
