"""Networks over products of fields."""

import torch
from torch import nn

from inputs import (
    ALL,
    FIELDS,
    Features,
    FirstOrder,
    Network,
    Vectors,
    features,
    first_order,
    linear,
    network,
    pairs,
    vectors,
)


class PNN(nn.Module):
    """Product-based network (arXiv 1611.00144, section 3): a first layer over `z`, the vectors as they are, and `p`,
    the inner products `p_ij = <f_i, f_j>`. Ours has each pair once, and no product of a field with itself."""

    width = ALL * 4 + len(pairs(ALL))
    names = features("f", "s") | network("deep", "deep") | linear("out", "logit.linear")

    def __init__(self):
        super().__init__()
        self.f = Features(4)
        self.deep, self.out = Network(self.width, [8, 8]), nn.Linear(8, 1)

    def products(self, f):
        return [torch.stack([(f[:, i] * f[:, j]).sum(1) for i, j in pairs(ALL)], dim=1)]

    def forward(self, batch):
        f = self.f(batch)
        return self.out(self.deep(torch.cat([f.flatten(1), *self.products(f)], dim=1))).squeeze(1)


class PNNOuter(PNN):
    """The same with outer products too (section 3.3): `p = f_sum f_sum^T`, of the sum of all fields. It is symmetric,
    and ours has what is below its diagonal, then the diagonal."""

    width = PNN.width + 6 + 4

    def products(self, f):
        f_sum = f.sum(1)
        p = f_sum.unsqueeze(2) * f_sum.unsqueeze(1)
        below = torch.stack([p[:, i, j] for i, j in pairs(4)], dim=1)
        return [*super().products(f), below, p.diagonal(dim1=1, dim2=2)]


class FiBiNET(nn.Module):
    """FiBiNET (arXiv 1905.09433): section 3.2 is SENET, `a = relu(W_2 relu(W_1 z))` of the means `z_i` of `e_i`, and
    fields `a_i e_i`; 3.3 the bilinear interaction `(v_i W) * v_j` with one matrix for all fields; then a network over
    both, beside a linear part. Of a pair, ours has the later field before the matrix."""

    names = (
        first_order("first", "first")
        | features("e", "s")
        | linear("w1", "x.senet.hidden.linear", bias=False)
        | linear("w2", "x.senet.linear", bias=False)
        | linear("w", "x.bilinear.linear", bias=False)
        | linear("w_of_weighed", "x.bilinear_2.linear", bias=False)
        | network("deep", "deep")
        | linear("out", "logit.linear")
    )

    def __init__(self):
        super().__init__()
        self.first, self.e = FirstOrder(), Features(4)
        self.w1, self.w2 = nn.Linear(ALL, 3, bias=False), nn.Linear(3, ALL, bias=False)
        self.w, self.w_of_weighed = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
        self.deep, self.out = Network(2 * len(pairs(ALL)) * 4, [8, 8]), nn.Linear(8, 1)

    def forward(self, batch):
        e = self.e(batch)
        a = torch.relu(self.w2(torch.relu(self.w1(e.mean(2)))))
        weighed = a.unsqueeze(2) * e
        p = [self.w(e[:, i]) * e[:, j] for i, j in pairs(ALL)]
        q = [self.w_of_weighed(weighed[:, i]) * weighed[:, j] for i, j in pairs(ALL)]
        return self.first(batch) + self.out(self.deep(torch.cat(p + q, dim=1))).squeeze(1)


class XDeepFM(nn.Module):
    """xDeepFM (arXiv 1803.05170): equation 6 is the compressed interaction network, feature map `h` of layer `k` being
    `sum_ij W^{k,h}_ij (X^{k-1}_i * X^0_j)`, 7 the sum of each map, 8 all of these, 10 the whole: a linear part, a
    network, and the maps."""

    names = (
        first_order("first", "first")
        | features("x", "s")
        | {"w1": "c1.cin.linear_fields.weight", "w2": "c2.cin.linear_fields.weight"}
        | network("deep", "deep")
        | linear("out", "logit.linear")
    )

    def __init__(self):
        super().__init__()
        self.first, self.x = FirstOrder(), Features(4)
        self.w1, self.w2 = nn.Parameter(torch.empty(5, ALL, ALL)), nn.Parameter(torch.empty(5, 5, ALL))
        self.deep, self.out = Network(ALL * 4, [8, 8]), nn.Linear(5 + 5 + 8, 1)

    def forward(self, batch):
        x0 = self.x(batch)
        x1 = torch.einsum("hij,bid,bjd->bhd", self.w1, x0, x0)
        x2 = torch.einsum("hij,bid,bjd->bhd", self.w2, x1, x0)
        both = torch.cat([x1.sum(2), x2.sum(2), self.deep(x0.flatten(1))], dim=1)
        return self.first(batch) + self.out(both).squeeze(1)


class ONN(nn.Module):
    """Operation-aware network (arXiv 1904.12579, section 3): a field has a vector for each operation it takes part in.
    The operations are the copy and the inner product with each other field; a network reads `[f_copy; f_inner]`. Ours
    keeps the vectors of products as it does FFM's."""

    names = features("copy", "own") | network("deep", "deep") | linear("out", "logit.linear")
    for place in range(3):
        names |= features(f"places.{place}", f"pairs.turn_{place + 1}")

    def __init__(self):
        super().__init__()
        self.copy = Features(3)
        self.places = nn.ModuleList(Features(ALL) for _ in range(3))
        self.deep, self.out = Network(ALL * 3 + len(pairs(ALL)), [8, 8]), nn.Linear(8, 1)

    def forward(self, batch):
        e = torch.stack([place(batch) for place in self.places], dim=3)
        inner = torch.stack([(e[:, i, j] * e[:, j, i]).sum(1) for i, j in pairs(ALL)], dim=1)
        return self.out(self.deep(torch.cat([self.copy(batch).flatten(1), inner], dim=1))).squeeze(1)


class DLRM(nn.Module):
    """DLRM (arXiv 1906.00091, section 2): a network makes of the numbers a vector as long as those of categories; the
    inner products of all pairs of these, behind that vector, go through another network."""

    names = vectors("e", "pairs.embed") | linear("out", "logit.linear")
    for own, ours in (("bottom", "x"), ("top", "h")):
        names |= linear(f"{own}.layers.0", f"{ours}.fc.linear") | linear(f"{own}.layers.1", f"{ours}.fc_2.linear")

    def __init__(self):
        super().__init__()
        fields = 1 + len(FIELDS)
        self.e, self.bottom = Vectors(4), Network(3, [6, 4])
        self.top, self.out = Network(4 + len(pairs(fields)), [8, 6]), nn.Linear(6, 1)

    def forward(self, batch):
        x = self.bottom(batch.numbers)
        z = torch.cat([x.unsqueeze(1), self.e(batch)], dim=1)
        products = torch.stack([(z[:, i] * z[:, j]).sum(1) for i, j in pairs(z.shape[1])], dim=1)
        return self.out(self.top(torch.cat([x, products], dim=1))).squeeze(1)


class AFN(nn.Module):
    """Adaptive factorisation network (arXiv 1909.03276): section 3.2 is a logarithmic neuron, `exp(sum_i w_ij ln e_i)`,
    the product of all `e_i^{w_ij}`; norms over the batch stand before and behind it. The first of them takes out what
    the vector of a number adds to its logarithm, and the second what the bias of a neuron does: their gradients are
    nothing. Ours takes logarithms of absolute values of at least 1e-5, and a neuron has a bias."""

    names = features("e", "s") | network("deep", "deep") | linear("out", "logit.linear")
    for own, ours in (("before", "logs.batch_norm"), ("behind", "batch_norm")):
        at = f"deep.logarithmic.{ours}"
        names |= {f"{own}.weight": f"{at}.scale", f"{own}.bias": f"{at}.shift"}
        names |= {f"{own}.running_mean": f"{at}.mean", f"{own}.running_var": f"{at}.variance"}
    names |= linear("w", "deep.logarithmic.linear_fields")

    def __init__(self):
        super().__init__()
        self.e, self.w = Features(4), nn.Linear(ALL, 5)
        self.before, self.behind = nn.BatchNorm1d(ALL * 4), nn.BatchNorm1d(5 * 4)
        self.deep, self.out = Network(5 * 4, [8, 8]), nn.Linear(8, 1)

    def forward(self, batch):
        logarithms = self.before(self.e(batch).abs().clamp(min=1e-5).log().flatten(1)).unflatten(1, (ALL, 4))
        neurons = self.w(logarithms.transpose(1, 2)).transpose(1, 2).exp()
        return self.out(self.deep(self.behind(neurons.flatten(1)))).squeeze(1)
