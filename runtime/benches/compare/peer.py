"""A plan in plain PyTorch, trained and evaluated on command.

    peer.py PLAN.json DATA.safetensors [--tables sparse|joined|dense] [--threads N]

Reads commands from stdin, one a line, and answers each with one line of JSON:

    logits         the logits of the first training batch
    train N        seconds that N steps took, and the loss of the last
    evaluate N     seconds that N evaluation batches took, and the mean of the last one's logits
    memory         the peak of resident memory, in bytes

PLAN.json is what `nasrecc compile --emit plan` writes of an architecture: its live graph, so dead blocks are left out.
Each primitive is one function of `torch.nn.functional` or a few; what they mean is said in compiler/src/primitives/.
A sample's fields come first in memory and the batch before them, as PyTorch has it.
"""

import argparse
import json
import sys
import time
import warnings

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

ADAGRAD = {"lr": 1e-4, "eps": 1e-2}
CLIP = 5.0


def read(path):
    """The tensors of a safetensors file."""
    types = {"F32": np.float32, "I64": np.int64}
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        body = file.read()
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            start, end = entry["data_offsets"]
            values = np.frombuffer(body[start:end], types[entry["dtype"]]).reshape(entry["shape"])
            tensors[name] = torch.from_numpy(values.copy())
    return tensors


class Separate(nn.Module):
    """A table a field."""

    def __init__(self, params, sparse):
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(*param["full"], sparse=sparse) for param in params)

    def set(self, field, rows, values):
        with torch.no_grad():
            self.tables[field].weight[rows] = values

    def forward(self, ids):
        return torch.stack([table(ids[:, field]) for field, table in enumerate(self.tables)], 1)


class Joined(nn.Module):
    """All fields in one table, one after the other: a single lookup, and one gradient to sum and apply."""

    def __init__(self, params):
        super().__init__()
        heights = [param["full"][0] for param in params]
        self.table = nn.Embedding(sum(heights), params[0]["full"][1], sparse=True)
        self.register_buffer("starts", torch.tensor([0] + heights[:-1]).cumsum(0))

    def set(self, field, rows, values):
        with torch.no_grad():
            self.table.weight[rows + self.starts[field]] = values

    def forward(self, ids):
        return self.table(ids + self.starts)


def linear_fields(x, weight, bias):
    """Along the fields: a product over the last axis of the transposed tensor, which stays transposed in memory."""
    return F.linear(x.transpose(1, 2), weight, bias).transpose(1, 2)


def norm_fields(x, scale, shift, eps):
    return F.layer_norm(x.transpose(1, 2), scale.shape, scale, shift, eps).transpose(1, 2)


def attention(x, heads, weight, bias, out_weight, out_bias):
    batch, fields, dim = x.shape
    qkv = F.linear(x, weight, bias).view(batch, fields, 3, heads, dim // heads)
    q, k, v = qkv.permute(2, 0, 3, 1, 4)
    mixed = F.scaled_dot_product_attention(q, k, v)
    return F.linear(mixed.transpose(1, 2).reshape(batch, fields, dim), out_weight, out_bias)


class Net(nn.Module):
    def __init__(self, plan, tables):
        super().__init__()
        self.dense = nn.ParameterList()
        place = {}
        for index, param in enumerate(plan["params"]):
            if param["kind"] == "dense":
                place[index] = len(self.dense)
                self.dense.append(nn.Parameter(torch.zeros(param["full"])))
        self.names = [(param["name"], place.get(i)) for i, param in enumerate(plan["params"])]
        self.fields = next(node["params"] for node in plan["nodes"] if node["primitive"] == "embed")
        params = [plan["params"][i] for i in self.fields]
        self.sparse = tables != "dense"
        self.lookup = Joined(params) if tables == "joined" else Separate(params, tables == "sparse")
        self.logit = plan["logit"]
        nodes = plan["nodes"]
        self.steps = [self.step(nodes, node, place) for node in nodes]
        # The last step that reads each value, so that none is held on to for longer.
        last = {source: at for at, node in enumerate(nodes) for source in node["inputs"]}
        self.done = [[source for source, end in last.items() if end == at] for at in range(len(nodes))]

    def load(self, data):
        with torch.no_grad():
            for name, place in self.names:
                if place is not None:
                    self.dense[place].copy_(data[f"param.{name}"])
        for field, index in enumerate(self.fields):
            name = self.names[index][0]
            self.lookup.set(field, data[f"rows.{name}"], data[f"values.{name}"])

    def step(self, nodes, node, place):
        """A function of the values so far, the numbers and the ids."""
        primitive = node["primitive"]
        kind, options = (primitive, {}) if isinstance(primitive, str) else next(iter(primitive.items()))
        a, b = (node["inputs"] + [None, None])[:2]
        own = [place[index] for index in node["params"] if index in place]
        p = lambda k: self.dense[own[k]] if k < len(own) else None
        shape = node["shape"]
        fields = options.get("axis") == "fields"
        if kind == "numeric":
            return lambda v, numeric, ids: numeric
        if kind == "embed":
            return lambda v, numeric, ids: self.lookup(ids)
        if kind == "linear":
            function = linear_fields if fields else F.linear
            return lambda v, *_: function(v[a], p(0), p(1))
        if kind == "layer_norm":
            eps = options["eps"]
            if fields:
                return lambda v, *_: norm_fields(v[a], p(0), p(1), eps)
            return lambda v, *_: F.layer_norm(v[a], shape[-1:], p(0), p(1), eps)
        if kind == "gram":
            return lambda v, *_: torch.bmm(v[a], v[a].transpose(1, 2))
        if kind == "lower_triangle":
            size = nodes[a]["shape"][0]
            rows, columns = torch.tril_indices(size, size, -1)
            at = rows * size + columns
            return lambda v, *_: v[a].flatten(1).index_select(1, at)
        if kind == "attention":
            heads = options["heads"]
            return lambda v, *_: attention(v[a], heads, p(0), p(1), p(2), p(3))
        if kind == "pad":
            more = shape[0] - nodes[a]["shape"][0]
            return lambda v, *_: F.pad(v[a], (0, more))
        if kind == "add":
            others = node["inputs"][1:]
            return lambda v, *_: sum((v[other] for other in others), v[a])
        simple = {
            "relu": lambda v, *_: F.relu(v[a]),
            "sigmoid": lambda v, *_: torch.sigmoid(v[a]),
            "sub": lambda v, *_: v[a] - v[b],
            "mul": lambda v, *_: v[a] * v[b],
            "square": lambda v, *_: v[a].square(),
            "concat": lambda v, *_: torch.cat([v[source] for source in node["inputs"]], 1),
            "flatten": lambda v, *_: v[a].flatten(1),
            "rows": lambda v, *_: v[a].reshape(-1, *shape),
            "sum_fields": lambda v, *_: v[a].sum(1),
        }
        if kind not in simple:
            sys.exit(f"peer.py does not know the primitive {kind}")
        return simple[kind]

    def forward(self, numeric, ids):
        values = {}
        for at, (step, done) in enumerate(zip(self.steps, self.done)):
            values[at] = step(values, numeric, ids)
            for source in done:
                del values[source]
        return values[self.logit][:, 0]


class Trainer:
    def __init__(self, net):
        self.net = net
        tables = list(net.lookup.parameters())
        dense = list(net.dense)
        # The fused update refuses sparse gradients, so these have an optimiser of their own.
        if net.sparse:
            self.optimisers = [torch.optim.Adagrad(dense, fused=True, **ADAGRAD), torch.optim.Adagrad(tables, **ADAGRAD)]
        else:
            self.optimisers = [torch.optim.Adagrad(dense + tables, fused=True, **ADAGRAD)]
        self.params = dense + tables

    def step(self, numeric, ids, labels):
        for param in self.params:
            param.grad = None
        loss = F.binary_cross_entropy_with_logits(self.net(numeric, ids), labels)
        loss.backward()
        gradients = []
        for param in self.params:
            if param.grad.is_sparse:
                # Duplicates are summed once, for the norm and for the update.
                param.grad = param.grad.coalesce()
                gradients.append(param.grad._values())
            else:
                gradients.append(param.grad)
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        torch._foreach_mul_(gradients, torch.clamp(CLIP / (norm + 1e-6), max=1.0))
        for optimiser in self.optimisers:
            optimiser.step()
        return loss


def batches(data, kind):
    found = []
    while f"{kind}.{len(found)}.labels" in data:
        found.append([data[f"{kind}.{len(found)}.{part}"] for part in ("numeric", "ids", "labels")])
    return found


def peak():
    """The peak of resident memory in bytes, where Linux tells it. What `getrusage` says begins with the parent's."""
    try:
        with open("/proc/self/status") as file:
            return next(1024 * int(line.split()[1]) for line in file if line.startswith("VmHWM:"))
    except OSError:
        return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("plan")
    parser.add_argument("data")
    parser.add_argument("--tables", choices=["sparse", "joined", "dense"], default="sparse")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    # PyTorch's own optimiser trips over it.
    warnings.filterwarnings("ignore", message="Sparse invariant checks")
    with open(arguments.plan) as file:
        plan = json.load(file)
    data = read(arguments.data)
    net = Net(plan, arguments.tables)
    net.load(data)
    train, evaluate = batches(data, "train"), batches(data, "evaluate")
    del data
    trainer = Trainer(net)
    step = 0
    print(json.dumps({"ready": torch.__version__}), flush=True)
    for line in sys.stdin:
        command, *count = line.split()
        count = int(count[0]) if count else 1
        answer = {}
        start = time.perf_counter()
        if command == "train":
            for _ in range(count):
                loss = trainer.step(*train[step % len(train)])
                step += 1
            answer = {"seconds": time.perf_counter() - start, "loss": loss.item()}
        elif command == "evaluate":
            with torch.inference_mode():
                for index in range(count):
                    numeric, ids, _ = evaluate[index % len(evaluate)]
                    mean = net(numeric, ids).mean().item()
            answer = {"seconds": time.perf_counter() - start, "mean": mean}
        elif command == "logits":
            with torch.inference_mode():
                answer = {"logits": net(*train[0][:2]).tolist()}
        elif command == "memory":
            answer = {"bytes": peak()}
        print(json.dumps(answer), flush=True)


main()
