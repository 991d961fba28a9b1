"""What all models begin with: numbers, and vectors of categories; and how their parameters are found among those of
nasrecc."""

import torch
from torch import nn

# Rows of the table of each field, in the order of the columns in `table.nasrec`.
ROWS = {"user": 5, "city": 4, "item": 6, "kind": 3}
FIELDS = list(ROWS)
NUMBERS = 3
# As many fields as there are where numbers are fields too.
ALL = NUMBERS + len(FIELDS)


class Vectors(nn.Module):
    """A vector of `dim` numbers for each category: `[rows, fields, dim]`."""

    def __init__(self, dim, fields=FIELDS):
        super().__init__()
        self.tables = nn.ModuleDict({field: nn.Embedding(ROWS[field], dim) for field in fields})

    def forward(self, batch):
        return torch.stack([table(batch.rows[field]) for field, table in self.tables.items()], dim=1)


class Features(nn.Module):
    """The vectors `v_i x_i` of all features: of a number its value times a vector of its own, of a category its
    vector."""

    def __init__(self, dim):
        super().__init__()
        self.of_numbers = nn.Parameter(torch.empty(NUMBERS, dim))
        self.of_categories = Vectors(dim)

    def forward(self, batch):
        return torch.cat([batch.numbers.unsqueeze(2) * self.of_numbers, self.of_categories(batch)], dim=1)


class FirstOrder(nn.Module):
    """`w_0 + sum w_i x_i`. Ours has the weight of a category in two factors, of the category and of its field."""

    def __init__(self):
        super().__init__()
        self.of_categories = Vectors(1)
        self.of_columns = nn.Linear(ALL, 1)

    def forward(self, batch):
        return self.of_columns(torch.cat([batch.numbers, self.of_categories(batch).flatten(1)], dim=1)).squeeze(1)


class Stacked(nn.Module):
    """Numbers and vectors side by side, as they are: the input of a network."""

    def __init__(self, dim, fields=FIELDS):
        super().__init__()
        self.of_categories = Vectors(dim, fields)
        self.width = NUMBERS + dim * len(fields)

    def forward(self, batch):
        return torch.cat([batch.numbers, self.of_categories(batch).flatten(1)], dim=1)


class Network(nn.Module):
    """`relu(W x + b)`, again and again."""

    def __init__(self, width, hidden):
        super().__init__()
        widths = [width, *hidden]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, hidden))

    def forward(self, x):
        for layer in self.layers:
            x = torch.relu(layer(x))
        return x


def pairs(n):
    """All pairs of two different fields, in the order in which nasrecc has them: `(1, 0), (2, 0), (2, 1), …`."""
    return [(i, j) for i in range(n) for j in range(i)]


# Where the parameters above are among those of nasrecc: from a key of `state_dict()` to a name.


def linear(own, ours, bias=True):
    keys = ["weight", "bias"] if bias else ["weight"]
    return {f"{own}.{key}": f"{ours}.{key}" for key in keys}


def norm(own, ours, statistics=False):
    names = {f"{own}.weight": f"{ours}.scale", f"{own}.bias": f"{ours}.shift"}
    if statistics:
        names |= {f"{own}.running_mean": f"{ours}.mean", f"{own}.running_var": f"{ours}.variance"}
    return names


def vectors(own, ours, fields=FIELDS):
    return {f"{own}.tables.{field}.weight": f"{ours}.table.{field}" for field in fields}


def stacked(own, ours, fields=FIELDS):
    return vectors(f"{own}.of_categories", ours, fields)


def features(own, ours):
    numbers = {f"{own}.of_numbers": f"{ours}.with_numeric.embed_numbers.weight"}
    return vectors(f"{own}.of_categories", f"{ours}.embed") | numbers


def first_order(own, ours):
    return vectors(f"{own}.of_categories", f"{ours}.embed") | linear(f"{own}.of_columns", f"{ours}.linear")


def network(own, ours, layers=2):
    turns = [linear(f"{own}.layers.{i}", f"{ours}.turn_{i + 1}.mlp_layer.y.linear") for i in range(layers)]
    return {key: name for turn in turns for key, name in turn.items()}
