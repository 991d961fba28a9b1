"""Models of several labels: experts that labels share, events that follow each other, and losses of parts of a model.

What such a model says is a logit for each of its heads, by name, in the order of nasrecc: first what is told, then what
is auxiliary."""

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits

from crosses import FCN
from inputs import Network, Stacked, linear, network, stacked


class Several(nn.Module):
    """What is learnt: the loss of each head, as often as it counts."""

    # Of each head its label and its weight.
    heads = {"click": ("click", 1), "buy": ("buy", 0.5)}

    def loss(self, batch):
        logits = self(batch)
        return sum(
            weight * binary_cross_entropy_with_logits(logits[head], batch.labels[label])
            for head, (label, weight) in self.heads.items()
        )


class Tower(nn.Module):
    """A network of one layer with a relu, and a logit."""

    def __init__(self, width, hidden):
        super().__init__()
        self.layer, self.out = nn.Linear(width, hidden), nn.Linear(hidden, 1)

    def forward(self, x):
        return self.out(torch.relu(self.layer(x))).squeeze(1)


class Experts(nn.ModuleList):
    """Networks of one layer with a relu, each on its own."""

    def __init__(self, n, width, hidden):
        super().__init__(nn.Linear(width, hidden) for _ in range(n))

    def forward(self, x):
        return [torch.relu(expert(x)) for expert in self]


class Gate(nn.Linear):
    """`sum_i g(x)_i f_i` with `g(x) = softmax(W x)`."""

    def __init__(self, width, n):
        super().__init__(width, n, bias=False)

    def forward(self, x, said):
        shares = torch.softmax(super().forward(x), dim=1).unbind(1)
        return sum(share.unsqueeze(1) * f for share, f in zip(shares, said, strict=True))


def tower(own, ours):
    return linear(f"{own}.layer", f"{ours}.mlp_layer.y.linear") | linear(f"{own}.out", f"{ours}.linear")


def experts(own, ours, n):
    """Ours are one layer as wide as all of them, of which each is a part."""
    keys = [(i, key) for i in range(n) for key in ("weight", "bias")]
    return {f"{own}.{i}.{key}": (f"{ours}.experts.linear.{key}", i) for i, key in keys}


def gate(own, ours):
    return linear(own, f"{ours}.mixture.linear", bias=False)


class SharedBottom(Several):
    """Shared bottom (Caruana, Machine Learning 1997), as the paper of MMoE has it: `y_k = h_k(f(x))`, a network `f`
    that both labels have, and a tower `h_k` for each."""

    names = stacked("x", "x.embed") | network("f", "shared_by_both") | tower("h1", "logit_a") | tower("h2", "logit_b")

    def __init__(self):
        super().__init__()
        self.x = Stacked(4)
        self.f, self.h1, self.h2 = Network(self.x.width, [8, 8]), Tower(8, 6), Tower(8, 6)

    def forward(self, batch):
        f = self.f(self.x(batch))
        return {"click": self.h1(f), "buy": self.h2(f)}


class MMoE(Several):
    """Multi-gate mixture of experts (KDD 2018, doi 10.1145/3219819.3220007), equations 6 to 8: `y_k = h_k(f_k(x))`
    with `f_k(x) = sum_i g_k(x)_i f_i(x)`, and `g_k(x) = softmax(W_k x)`."""

    names = (
        stacked("x", "x.embed")
        | experts("f", "said", 3)
        | gate("g1", "logit_a")
        | gate("g2", "logit_b")
        | tower("h1", "logit_a")
        | tower("h2", "logit_b")
    )

    def __init__(self):
        super().__init__()
        self.x = Stacked(4)
        n = self.x.width
        self.f, self.g1, self.g2 = Experts(3, n, 5), Gate(n, 3), Gate(n, 3)
        self.h1, self.h2 = Tower(5, 6), Tower(5, 6)

    def forward(self, batch):
        x = self.x(batch)
        said = self.f(x)
        return {"click": self.h1(self.g1(x, said)), "buy": self.h2(self.g2(x, said))}


class PLE(Several):
    """Progressive layered extraction (RecSys 2020, doi 10.1145/3383313.3412236), two levels: a gate of label `k` is
    `g_k(x) = w_k(x) S_k(x)` with `w_k(x) = softmax(W_k x)` over `S_k`, the label's experts and the shared ones (CGC).
    In the first level there is a gate over all experts besides; the experts and gates of the second see what the gate
    of theirs said in the first, in place of `x`, and `y_k = t_k(g_k)`."""

    names = stacked("x", "x.embed") | tower("t1", "logit_a") | tower("t2", "logit_b")
    for own, ours, n in [("one", "of_a", 2), ("two", "of_b", 2), ("shared", "of_both", 3)]:
        names |= experts(f"first.experts.{own}", ours, n)
    for own, ours in [("one", "a"), ("two", "b"), ("shared", "both")]:
        names |= gate(f"first.gates.{own}", ours)
    for own, ours, n in [("one", "last_a", 2), ("two", "last_b", 2), ("shared", "above", 3)]:
        names |= experts(f"second.experts.{own}", ours, n)
    for own, ours in [("one", "last_a"), ("two", "last_b")]:
        names |= gate(f"second.gates.{own}", ours)

    class Level(nn.Module):
        """What the gates say of the experts, of which those of each have an input of its own."""

        sees = {"one": ["one", "shared"], "two": ["two", "shared"], "shared": ["one", "two", "shared"]}

        def __init__(self, width, gates):
            super().__init__()
            many = {"one": 2, "two": 2, "shared": 3}
            self.experts = nn.ModuleDict({whose: Experts(n, width, 5) for whose, n in many.items()})
            seen = {whose: sum(many[other] for other in self.sees[whose]) for whose in gates}
            self.gates = nn.ModuleDict({whose: Gate(width, n) for whose, n in seen.items()})

        def forward(self, inputs):
            said = {whose: self.experts[whose](x) for whose, x in inputs.items()}
            seen = {whose: [f for other in self.sees[whose] for f in said[other]] for whose in self.gates}
            return {whose: self.gates[whose](inputs[whose], seen[whose]) for whose in self.gates}

    def __init__(self):
        super().__init__()
        self.x = Stacked(4)
        self.first = self.Level(self.x.width, ["one", "two", "shared"])
        self.second = self.Level(5, ["one", "two"])
        self.t1, self.t2 = Tower(5, 6), Tower(5, 6)

    def forward(self, batch):
        x = self.x(batch)
        g = self.second(self.first({"one": x, "two": x, "shared": x}))
        return {"click": self.t1(g["one"]), "buy": self.t2(g["two"])}


class ESMM(Several):
    """Entire space multi-task model (arXiv 1804.07931, section 2): `pCTCVR = pCTR pCVR`, of two networks that look up
    the same vectors. Learnt over all rows are `pCTR`, of the click `y`, and `pCTCVR`, of `y & z`, the click that led to
    a purchase; no loss is of `pCVR` alone. Both losses count the same there."""

    names = stacked("x", "x.embed") | network("ctr", "of_first") | network("cvr", "of_second")
    names |= linear("ctr_out", "first.linear") | linear("cvr_out", "logit_b.linear")

    def __init__(self):
        super().__init__()
        self.x = Stacked(4)
        self.ctr, self.ctr_out = Network(self.x.width, [8, 8]), nn.Linear(8, 1)
        self.cvr, self.cvr_out = Network(self.x.width, [8, 8]), nn.Linear(8, 1)

    def probabilities(self, batch):
        """Of a click, and of a click that leads to a purchase."""
        x = self.x(batch)
        ctr = torch.sigmoid(self.ctr_out(self.ctr(x))).squeeze(1)
        cvr = torch.sigmoid(self.cvr_out(self.cvr(x))).squeeze(1)
        return ctr, ctr * cvr

    def forward(self, batch):
        ctr, ctcvr = self.probabilities(batch)
        return {"click": torch.log(ctr / (1 - ctr)), "buy": torch.log(ctcvr / (1 - ctcvr))}

    def loss(self, batch):
        (ctr, ctcvr), y, z = self.probabilities(batch), batch.labels["click"], batch.labels["buy"]
        return binary_cross_entropy(ctr, y) + 0.5 * binary_cross_entropy(ctcvr, y * z)


class FCNTri(Several, FCN):
    """FCN with the losses of its two networks beside that of their mean, Tri-BCE (arXiv 2407.13349, section 3.4):
    `L + w_D L_D + w_S L_S`. The weights there are `max(0, L_D - L)` and `max(0, L_S - L)`, and numbers here."""

    names = FCN.names | linear("of_exponential", "by_exponential.linear") | linear("of_linear", "by_shallow.linear")
    heads = {"click": ("click", 1), "exponential": ("click", 0.25), "shallow": ("click", 0.25)}

    def forward(self, batch):
        deep, shallow = self.of_each(batch)
        return {"click": (deep + shallow) / 2, "exponential": deep, "shallow": shallow}
