"""Networks over vectors, one or two of them, gated, fused or normalised."""

import torch
from torch import nn

from inputs import (
    ALL,
    NUMBERS,
    Features,
    FirstOrder,
    Network,
    Stacked,
    Vectors,
    features,
    linear,
    network,
    norm,
    stacked,
    vectors,
)


class WideDeep(nn.Module):
    """Wide & Deep (arXiv 1606.07792), equations 2 and 3: a linear model and a network, added up before the sigmoid."""

    names = (
        vectors("wide.of_categories", "wide.embed")
        | linear("wide.of_columns", "wide.linear")
        | stacked("a", "x.embed")
        | network("deep", "deep")
        | linear("out", "logit.linear")
    )

    def __init__(self):
        super().__init__()
        self.wide, self.a = FirstOrder(), Stacked(4)
        self.deep, self.out = Network(self.a.width, [8, 8]), nn.Linear(8, 1)

    def forward(self, batch):
        return self.wide(batch) + self.out(self.deep(self.a(batch))).squeeze(1)


class DNN(nn.Module):
    """The network of arXiv 2009.05794: layers without a bias, a norm over the batch, a relu; dropout left out."""

    names = stacked("x", "x.embed") | linear("out", "logit.linear")
    for layer in range(2):
        ours = f"deep.turn_{layer + 1}.mlp_layer"
        names |= linear(f"deep.{3 * layer}", f"{ours}.y.linear", bias=False)
        names |= norm(f"deep.{3 * layer + 1}", f"{ours}.batch_norm", statistics=True)

    def __init__(self):
        super().__init__()
        self.x = Stacked(4)
        layers = [[nn.Linear(width, 8, bias=False), nn.BatchNorm1d(8), nn.ReLU()] for width in (self.x.width, 8)]
        self.deep, self.out = nn.Sequential(*layers[0], *layers[1]), nn.Linear(8, 1)

    def forward(self, batch):
        return self.out(self.deep(self.x(batch))).squeeze(1)


class FNN(nn.Module):
    """FNN (arXiv 1601.02376), equations 1 to 3: `tanh(W l + b)`, twice, over the vectors of all features. The weight
    that a feature has beside its vector there is left out, and so is the training of a machine before."""

    names = features("z", "x") | linear("out", "logit.linear")
    names |= linear("l1", "logit.turn_1.linear") | linear("l2", "logit.turn_2.linear")

    def __init__(self):
        super().__init__()
        self.z, self.l1, self.l2, self.out = Features(4), nn.Linear(ALL * 4, 8), nn.Linear(8, 8), nn.Linear(8, 1)

    def forward(self, batch):
        return self.out(torch.tanh(self.l2(torch.tanh(self.l1(self.z(batch).flatten(1)))))).squeeze(1)


class DeepCrossing(nn.Module):
    """Deep Crossing (KDD 2016, doi 10.1145/2939672.2939704): residual units `F(x) + x` with two layers in `F`, the
    second relu behind the sum. Vectors go into them as they are, where the paper has a relu over these."""

    names = stacked("x", "x.embed") | linear("out", "logit.linear")
    for unit in range(2):
        names |= linear(f"units.{unit}.0", f"deep.turn_{unit + 1}.linear")
        names |= linear(f"units.{unit}.2", f"deep.turn_{unit + 1}.linear_2")

    def __init__(self):
        super().__init__()
        self.x = Stacked(4)
        n = self.x.width
        units = [nn.Sequential(nn.Linear(n, 8), nn.ReLU(), nn.Linear(8, n)) for _ in range(2)]
        self.units, self.out = nn.ModuleList(units), nn.Linear(n, 1)

    def forward(self, batch):
        x = self.x(batch)
        for unit in self.units:
            x = torch.relu(unit(x) + x)
        return self.out(x).squeeze(1)


class FinalNet(nn.Module):
    """FinalNet (SIGIR 2023, doi 10.1145/3539618.3591988): a factorised layer is `relu(h + (W_2 x + b_2) * h)` of
    `h = W_1 x + b_1`; two blocks of two, the first of them over the fields and the fields times what a mixture of all
    fields says. One loss, without distillation of the blocks."""

    names = features("e", "s") | linear("gate", "gated.linear_fields")
    names |= linear("out_of_one", "logit.linear") | linear("out_of_two", "logit.linear_2")
    for own in ("one", "two"):
        for layer in range(2):
            ours = f"{own}.turn_{layer + 1}.factorised_layer"
            names |= linear(f"{own}.{layer}.w1", f"{ours}.h.linear") | linear(f"{own}.{layer}.w2", f"{ours}.y.linear")

    class Layer(nn.Module):
        def __init__(self, width, hidden):
            super().__init__()
            self.w1, self.w2 = nn.Linear(width, hidden), nn.Linear(width, hidden)

        def forward(self, x):
            h = self.w1(x)
            return torch.relu(h + self.w2(x) * h)

    def __init__(self):
        super().__init__()
        self.e, self.gate = Features(4), nn.Linear(ALL, ALL)
        self.one = nn.Sequential(self.Layer(2 * ALL * 4, 8), self.Layer(8, 8))
        self.two = nn.Sequential(self.Layer(ALL * 4, 8), self.Layer(8, 8))
        self.out_of_one, self.out_of_two = nn.Linear(8, 1), nn.Linear(8, 1)

    def forward(self, batch):
        e = self.e(batch)
        gated = torch.cat([e, e * self.gate(e.transpose(1, 2)).transpose(1, 2)], dim=1)
        return (self.out_of_one(self.one(gated.flatten(1))) + self.out_of_two(self.two(e.flatten(1)))).squeeze(1)


class Gate(nn.Module):
    """What says of each feature how much of it a stream of FinalMLP sees: `sigmoid` of a network over a context. The 2
    before it in the paper is left to the layer that follows."""

    def __init__(self, context, hidden, width):
        super().__init__()
        self.d1, self.d2 = nn.Linear(context, hidden), nn.Linear(hidden, width)

    def forward(self, context):
        return torch.sigmoid(self.d2(torch.relu(self.d1(context))))


class Fusion(nn.Module):
    """Equations 9 to 11 of FinalMLP: `b + w_1 . o_1 + w_2 . o_2 + sum_h o_1h^T W_h o_2h`, both streams cut into as many
    parts as there are heads. Ours keeps each matrix turned."""

    def __init__(self, left, right, heads):
        super().__init__()
        self.heads, self.of_both = heads, nn.Linear(left + right, 1)
        self.w = nn.Parameter(torch.empty(heads, right // heads, left // heads))

    def forward(self, left, right):
        parts = zip(left.chunk(self.heads, dim=1), right.chunk(self.heads, dim=1), self.w)
        bilinear = sum(((a @ w.T) * b).sum(1) for a, b, w in parts)
        return self.of_both(torch.cat([left, right], dim=1)).squeeze(1) + bilinear


def gate(own, ours):
    return linear(f"{own}.d1", f"{ours}.select.linear") | linear(f"{own}.d2", f"{ours}.select.linear_2")


FUSION = linear("fusion.of_both", "logit.fuse.linear") | {"fusion.w": "logit.fuse.met.linear_each.weight"}


class FinalMLP(nn.Module):
    """FinalMLP (arXiv 2304.00902), section 3.2: two networks over features gated by what the numbers and what the
    vectors say, fused with two heads."""

    names = (
        vectors("e", "embedded.embed")
        | gate("gate1", "left")
        | gate("gate2", "right")
        | network("left", "left")
        | network("right", "right")
        | FUSION
    )

    def __init__(self):
        super().__init__()
        self.e = Vectors(4)
        n = NUMBERS + 16
        self.gate1, self.gate2 = Gate(NUMBERS, 64, n), Gate(16, 64, n)
        self.left, self.right = Network(n, [8, 8]), Network(n, [8, 8])
        self.fusion = Fusion(8, 8, heads=2)

    def forward(self, batch):
        e = self.e(batch).flatten(1)
        x = torch.cat([batch.numbers, e], dim=1)
        return self.fusion(self.left(self.gate1(batch.numbers) * x), self.right(self.gate2(e) * x))


class FinalMLPUserItem(nn.Module):
    """The same with gates over vectors, in tables of their own, of the user and of the item; one layer a stream, one
    head."""

    names = (
        stacked("x", "x.embed")
        | vectors("user", "of_user.embed", ["user", "city"])
        | vectors("item", "of_item.embed", ["item", "kind"])
        | gate("gate1", "of_user")
        | gate("gate2", "of_item")
        | network("left", "a", 1)
        | network("right", "b", 1)
        | FUSION
    )

    def __init__(self):
        super().__init__()
        self.x, self.user, self.item = Stacked(4), Vectors(4, ["user", "city"]), Vectors(4, ["item", "kind"])
        n = self.x.width
        self.gate1, self.gate2 = Gate(8, 5, n), Gate(8, 5, n)
        self.left, self.right, self.fusion = Network(n, [8]), Network(n, [6]), Fusion(8, 6, heads=1)

    def forward(self, batch):
        x = self.x(batch)
        left = self.gate1(self.user(batch).flatten(1)) * x
        right = self.gate2(self.item(batch).flatten(1)) * x
        return self.fusion(self.left(left), self.right(right))


class DSSM(nn.Module):
    """Deep structured semantic model (CIKM 2013): two networks, here of the user and of the item. Their outputs are
    multiplied, with a bias, where the paper has the cosine, and layers have a relu where it has tanh."""

    names = (
        vectors("user", "of_user.embed", ["user", "city"])
        | vectors("item", "of_item.embed", ["item", "kind"])
        | network("of_user", "a")
        | network("of_item", "b")
        | linear("y_user", "logit.linear")
        | linear("y_item", "logit.linear_2")
        | {"bias": "logit.shift.bias"}
    )

    def __init__(self):
        super().__init__()
        self.user, self.item = Vectors(4, ["user", "city"]), Vectors(4, ["item", "kind"])
        self.of_user, self.of_item = Network(8, [8, 8]), Network(8, [8, 8])
        self.y_user, self.y_item, self.bias = nn.Linear(8, 4), nn.Linear(8, 4), nn.Parameter(torch.empty(()))

    def forward(self, batch):
        y_user = self.y_user(self.of_user(self.user(batch).flatten(1)))
        y_item = self.y_item(self.of_item(self.item(batch).flatten(1)))
        return (y_user * y_item).sum(1) + self.bias


class PPNet(nn.Module):
    """PPNet of PEPNet (arXiv 2302.01115): the gate unit is `2 sigmoid(W' relu(W x + b) + b')`; what it sees are vectors
    of user and item beside what the network sees, through which no gradient goes (section 3.4); the layers are
    `O_l = gate_l * H_l`, `H_{l+1} = relu(W O_l + b)`, the input among them."""

    names = linear("out", "logit.linear")
    for own, ours in (("x", "x"), ("prior", "known")):
        names |= vectors(f"{own}.user", f"{ours}.embed", ["user", "city"])
        names |= vectors(f"{own}.item", f"{ours}.embed_2", ["item", "kind"])
    for turn, ours in enumerate(["deep", "deep.turn_1", "deep.turn_2"]):
        names |= linear(f"gates.{turn}.d1", f"{ours}.gated_by.linear")
        names |= linear(f"gates.{turn}.d2", f"{ours}.gated_by.linear_2")
        names |= linear(f"layers.{turn - 1}", f"{ours}.linear") if turn else {}

    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.user, self.item = Vectors(4, ["user", "city"]), Vectors(4, ["item", "kind"])

        def forward(self, batch):
            return torch.cat([self.user(batch).flatten(1), self.item(batch).flatten(1)], dim=1)

    def __init__(self):
        super().__init__()
        self.x, self.prior = self.Both(), self.Both()
        n = NUMBERS + 16
        self.gates = nn.ModuleList(Gate(n + 16, width, width) for width in (n, 8, 8))
        self.layers = nn.ModuleList(nn.Linear(width, 8) for width in (n, 8))
        self.out = nn.Linear(8, 1)

    def forward(self, batch):
        x = torch.cat([batch.numbers, self.x(batch)], dim=1)
        sees = torch.cat([self.prior(batch), x.detach()], dim=1)
        o = 2 * self.gates[0](sees) * x
        for gate, layer in zip(self.gates[1:], self.layers):
            o = 2 * gate(sees) * torch.relu(layer(o))
        return self.out(o).squeeze(1)
