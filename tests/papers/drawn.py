"""The values that both sides give a parameter: drawn from its name and the place in it, so that no weights are stored.

`drawn` in `tests/papers.rs` says the same, number by number.
"""

import json
from pathlib import Path

import torch

FOLDER = Path(__file__).resolve().parent
WORD = 0xFFFFFFFF


def unit(name, place):
    """A number from -1 to 1: the bytes of the name and of the place through FNV-1a, then through the end of
    MurmurHash3, in 32 bits."""
    state = 0x811C9DC5
    for byte in name.encode() + place.to_bytes(4, "little"):
        state = (state ^ byte) * 0x01000193 & WORD
    state = (state ^ state >> 16) * 0x85EBCA6B & WORD
    state = (state ^ state >> 13) * 0xC2B2AE35 & WORD
    return (state ^ state >> 16) / 2**31 - 1


def middle_and_reach(name):
    """Scales are near 1 and variances positive; rows are larger than weights, which many are added up with."""
    if name.endswith(".variance"):
        return 1.0, 0.5
    if name.endswith(".scale"):
        return 1.0, 0.3
    if ".table." in name or name.endswith((".embed_numbers.weight", ".weight_fields.weight")):
        return 0.0, 1.0
    if name.endswith(".weight"):
        return 0.0, 0.6
    return 0.0, 0.3


def values(name, count):
    """The values of a parameter in their order, rounded to the 32 bits that it is kept in."""
    middle, reach = middle_and_reach(name)
    drawn = [middle + reach * unit(name, place) for place in range(count)]
    return torch.tensor(drawn, dtype=torch.float64).float().double()


def direction(name, count):
    """What the gradient of a parameter is multiplied with: an error in any place of it changes the product."""
    return torch.tensor([unit(f"gradient of {name}", place) for place in range(count)], dtype=torch.float64)


class Batch:
    """The rows of `batch.json`: numbers as `[rows, 3]`, a row of its table for each field, and a history with -1 where
    it holds nothing."""

    def __init__(self, dtype):
        told = json.loads((FOLDER / "batch.json").read_text())
        self.numbers = torch.tensor([told[f"number{i}"] for i in (1, 2, 3)], dtype=dtype).T
        self.rows = {field: torch.tensor(told[field]) for field in ("user", "city", "item", "kind")}
        places = max(len(seen) for seen in told["history"])
        self.history = torch.tensor([seen + [-1] * (places - len(seen)) for seen in told["history"]])
        self.labels = {label: torch.tensor(told[label], dtype=dtype) for label in ("click", "buy")}
