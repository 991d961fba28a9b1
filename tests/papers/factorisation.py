"""Factorisation machines and what was made of them. Pairs are written out as in the papers, not by sums of squares."""

import torch
from torch import nn

from inputs import ALL, Features, FirstOrder, Network, features, first_order, linear, network, pairs, vectors


class Linear(nn.Module):
    """Logistic regression: `w_0 + sum w_i x_i`."""

    names = vectors("first.of_categories", "categories.embed") | linear("first.of_columns", "logit.linear")

    def __init__(self):
        super().__init__()
        self.first = FirstOrder()

    def forward(self, batch):
        return self.first(batch)


class FM(nn.Module):
    """Factorisation machine (Rendle, ICDM 2010), equation 1: `w_0 + sum w_i x_i + sum_{i<j} <v_i, v_j> x_i x_j`."""

    names = first_order("first", "first") | features("v", "logit")

    def __init__(self):
        super().__init__()
        self.first, self.v = FirstOrder(), Features(4)

    def forward(self, batch):
        v = self.v(batch)
        return self.first(batch) + sum((v[:, i] * v[:, j]).sum(1) for i, j in pairs(ALL))


class DeepFM(nn.Module):
    """DeepFM (arXiv 1703.04247), equations 1, 2 and 4: a factorisation machine and a network over the same vectors,
    added up."""

    names = first_order("first", "first") | features("v", "s") | network("deep", "deep") | linear("out", "logit.linear")

    def __init__(self):
        super().__init__()
        self.first, self.v = FirstOrder(), Features(4)
        self.deep, self.out = Network(ALL * 4, [8, 8]), nn.Linear(8, 1)

    def forward(self, batch):
        v = self.v(batch)
        products = sum((v[:, i] * v[:, j]).sum(1) for i, j in pairs(ALL))
        return self.first(batch) + products + self.out(self.deep(v.flatten(1))).squeeze(1)


class NFM(nn.Module):
    """Neural factorisation machine (arXiv 1708.05027): equation 3 is the pooling, the sum of all `x_i v_i * x_j v_j`, 5
    the layers and 7 the whole."""

    names = first_order("first", "first") | features("v", "met") | network("deep", "deep") | linear("h", "logit.linear")

    def __init__(self):
        super().__init__()
        self.first, self.v = FirstOrder(), Features(4)
        self.deep, self.h = Network(4, [8, 8]), nn.Linear(8, 1)

    def forward(self, batch):
        v = self.v(batch)
        pooled = sum(v[:, i] * v[:, j] for i, j in pairs(ALL))
        return self.first(batch) + self.h(self.deep(pooled)).squeeze(1)


class AFM(nn.Module):
    """Attentional factorisation machine (arXiv 1708.04617): equation 5 is the attention `softmax(h . relu(W p + b))`
    over the products `p` of pairs, and 6 the whole, `w_0 + sum w_i x_i + p^T sum a_ij (v_i * v_j) x_i x_j`."""

    names = (
        first_order("first", "first")
        | features("v", "s")
        | linear("attention", "share.linear")
        | linear("h", "share.linear_2", bias=False)
        | linear("p", "logit.linear", bias=False)
    )

    def __init__(self):
        super().__init__()
        self.first, self.v = FirstOrder(), Features(4)
        self.attention, self.h = nn.Linear(4, 5), nn.Linear(5, 1, bias=False)
        self.p = nn.Linear(4, 1, bias=False)

    def forward(self, batch):
        v = self.v(batch)
        products = torch.stack([v[:, i] * v[:, j] for i, j in pairs(ALL)], dim=1)
        a = torch.softmax(self.h(torch.relu(self.attention(products))), dim=1)
        return self.first(batch) + self.p((a * products).sum(1)).squeeze(1)


class FwFM(nn.Module):
    """Field-weighted factorisation machine (arXiv 1806.03514, section 3), with the linear part FeLV:
    `w_0 + sum <x_i v_i, w_F(i)> + sum_{i<j} x_i x_j <v_i, v_j> r_{F(i) F(j)}`."""

    names = features("v", "s") | {"w": "logit.linear.weight", "w0": "logit.linear.bias", "r": "logit.linear_2.weight"}

    def __init__(self):
        super().__init__()
        self.v = Features(4)
        self.w, self.w0 = nn.Parameter(torch.empty(ALL, 4)), nn.Parameter(torch.empty(()))
        self.r = nn.Parameter(torch.empty(len(pairs(ALL))))

    def forward(self, batch):
        v = self.v(batch)
        first = self.w0 + (v * self.w).sum((1, 2))
        return first + sum(r * (v[:, i] * v[:, j]).sum(1) for r, (i, j) in zip(self.r, pairs(ALL)))


class FmFM(nn.Module):
    """Field-matrixed factorisation machine (arXiv 2102.12994), equation 6:
    `w_0 + sum x_i w_i + sum <v_i M_{F(i) F(j)}, v_j> x_i x_j`. Ours has a matrix for `(j, i)` and for `(i, i)` too,
    which it does not use, and keeps each turned."""

    names = first_order("first", "first") | features("v", "s") | {"m": "logit.field_matrices.each.linear_each.weight"}

    def __init__(self):
        super().__init__()
        self.first, self.v = FirstOrder(), Features(4)
        self.m = nn.Parameter(torch.empty(ALL, ALL, 4, 4))

    def forward(self, batch):
        v = self.v(batch)
        return self.first(batch) + sum((v[:, i] @ self.m[i, j].T * v[:, j]).sum(1) for i, j in pairs(ALL))


class FFM(nn.Module):
    """Field-aware factorisation machine (Juan et al., RecSys 2016), equation 4:
    `sum_{i<j} (w_{i, F(j)} . w_{j, F(i)}) x_i x_j`. Ours has a linear part as well, and a table for each place of the
    vectors, whose rows have a number for each field."""

    names = first_order("first", "first")
    for place in range(3):
        names |= features(f"places.{place}", f"pairs.turn_{place + 1}.s")

    def __init__(self):
        super().__init__()
        self.first = FirstOrder()
        self.places = nn.ModuleList(Features(ALL) for _ in range(3))

    def forward(self, batch):
        # Of field `i` for field `j`: `w[:, i, j]`.
        w = torch.stack([place(batch) for place in self.places], dim=3)
        return self.first(batch) + sum((w[:, i, j] * w[:, j, i]).sum(1) for i, j in pairs(ALL))


class HOFM(nn.Module):
    """Higher-order factorisation machine (arXiv 1607.07195, section 3), of third order:
    `<w, x> + sum <p_i, p_j> x_i x_j + sum <q_i, q_j, q_k> x_i x_j x_k`, with tables of their own for pairs and for
    triples."""

    names = first_order("first", "first") | features("p", "second") | features("q", "third")

    def __init__(self):
        super().__init__()
        self.first, self.p, self.q = FirstOrder(), Features(4), Features(3)

    def forward(self, batch):
        p, q = self.p(batch), self.q(batch)
        second = sum((p[:, i] * p[:, j]).sum(1) for i, j in pairs(ALL))
        third = sum((q[:, i] * q[:, j] * q[:, k]).sum(1) for i, j in pairs(ALL) for k in range(j))
        return self.first(batch) + second + third


class IFM(nn.Module):
    """Input-aware factorisation machine (IJCAI 2019): `m = n softmax(P z)` of `n` fields, `z` what a network makes of
    all vectors, and a factorisation machine with `m_i w_i` and `m_i v_i` in the places of `w_i` and `v_i`."""

    names = (
        features("v", "s")
        | features("w", "first")
        | network("seen", "seen")
        | linear("p", "factors.linear", bias=False)
        | {"w0": "logit.shift.bias"}
    )

    def __init__(self):
        super().__init__()
        self.v, self.w, self.w0 = Features(4), Features(1), nn.Parameter(torch.empty(()))
        self.seen, self.p = Network(ALL * 4, [8, 8]), nn.Linear(8, ALL, bias=False)

    def forward(self, batch):
        v = self.v(batch)
        m = ALL * torch.softmax(self.p(self.seen(v.flatten(1))), dim=1)
        w, v = m * self.w(batch).squeeze(2), m.unsqueeze(2) * v
        return self.w0 + w.sum(1) + sum((v[:, i] * v[:, j]).sum(1) for i, j in pairs(ALL))
