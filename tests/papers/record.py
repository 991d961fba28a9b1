"""Records what the modules of this folder say of the rows of `batch.json`, in 64 bits, for `tests/papers.rs`.

    .ci/python torch
    PYTHONPATH=target/tools/python/torch python3 tests/papers/record.py

writes `figures.json`; with `--check` it writes nothing, and fails where what is there is other than what it finds. Of
each model there are the logits of the rows, computed as in an evaluation, and the mean log loss as in training, which
differ where there is a norm over the batch; where a model has several logits, those of each by its name, and their
losses added up by their weights; of each parameter, by the name that nasrecc gives it, the norm of its gradient, the
largest value in it, and its product with a direction that its name decides (`drawn.py`).
"""

import argparse
import json
import sys

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from drawn import FOLDER, Batch, direction, values
from models import MODELS

FIGURES = FOLDER / "figures.json"


def filled(name, dtype):
    """A module whose parameters have the values that ours have, by name."""
    model = MODELS[name]().to(dtype)
    tensors = {key: tensor for key, tensor in model.state_dict().items() if not key.endswith("num_batches_tracked")}
    if set(tensors) != set(model.names) or len(set(model.names.values())) != len(model.names):
        odd = sorted(set(tensors) ^ set(model.names))
        sys.exit(f"{name}: each parameter has one name, and each name one parameter; not so: {odd}")
    with torch.no_grad():
        for ours, keys in wholes(model).items():
            sizes = [tensors[key].numel() for key in keys]
            for key, part in zip(keys, values(ours, sum(sizes)).split(sizes)):
                tensors[key].copy_(part.view_as(tensors[key]))
    return model


def wholes(model):
    """The parameters that each of ours is made of: one, or several that are its parts, in their order."""
    parts = {}
    for key, named in model.names.items():
        ours, place = named if isinstance(named, tuple) else (named, 0)
        parts.setdefault(ours, {})[place] = key
    return {ours: [keys[place] for place in range(len(keys))] for ours, keys in parts.items()}


def found(name, dtype):
    """Logits, loss, and the gradient of each parameter by our name, flat."""
    model, batch = filled(name, dtype), Batch(dtype)
    logits = model.eval()(batch)
    model.train()
    several = isinstance(logits, dict)
    loss = model.loss(batch) if several else binary_cross_entropy_with_logits(model(batch), batch.labels["click"])
    loss.backward()
    parameters = dict(model.named_parameters())
    gradients = {
        ours: torch.cat([parameters[key].grad.flatten().double() for key in keys])
        for ours, keys in wholes(model).items()
        if keys[0] in parameters
    }
    logits = {head: of_head.tolist() for head, of_head in logits.items()} if several else logits.tolist()
    return logits, loss.item(), gradients


def figures(name):
    logits, loss, gradients = found(name, torch.float64)
    return {
        "logits": logits,
        "loss": loss,
        "gradients": {
            ours: [
                gradient.norm().item(),
                gradient.abs().max().item(),
                (gradient @ direction(ours, len(gradient))).item(),
            ]
            for ours, gradient in sorted(gradients.items())
        },
    }


def written(all_figures):
    """A line for each parameter, eight digits of each figure."""

    def numbers(found):
        return "[" + ", ".join(f"{number:.8g}" for number in found) + "]"

    def of_heads(logits):
        if isinstance(logits, list):
            return numbers(logits)
        lines = [f'      "{head}": {numbers(of_head)}' for head, of_head in logits.items()]
        return "{\n" + ",\n".join(lines) + "\n    }"

    models = []
    for name, told in all_figures.items():
        lines = [f'      "{ours}": {numbers(figures)}' for ours, figures in told["gradients"].items()]
        gradients = ",\n".join(lines)
        models.append(
            f'  "{name}": {{\n    "logits": {of_heads(told["logits"])},\n    "loss": {told["loss"]:.8g},\n'
            f'    "gradients": {{\n{gradients}\n    }}\n  }}'
        )
    return "{\n" + ",\n".join(models) + "\n}\n"


def differs(new, old):
    """Whether a figure is another one than was written down; the last digit may be rounded otherwise."""
    if isinstance(new, dict):
        return new.keys() != old.keys() or any(differs(new[key], old[key]) for key in new)
    if isinstance(new, list):
        return len(new) != len(old) or any(differs(a, b) for a, b in zip(new, old))
    return abs(new - old) > 1e-6 * max(abs(new), 1e-6)


def main():
    parser = argparse.ArgumentParser(description="Records what PyTorch says of the models that ship.")
    parser.add_argument("--check", action="store_true", help="compare with what was recorded, and write nothing")
    check = parser.parse_args().check
    torch.set_num_threads(1)
    all_figures = {name: figures(name) for name in MODELS}
    if not check:
        FIGURES.write_text(written(all_figures))
        return
    recorded = json.loads(FIGURES.read_text())
    other = [name for name in MODELS if name not in recorded or differs(all_figures[name], recorded[name])]
    if other or recorded.keys() != MODELS.keys():
        sys.exit(f"{FIGURES.name} has other figures of {', '.join(other) or 'other models'}")
    print(f"{len(MODELS)} models, as recorded")


if __name__ == "__main__":
    main()
