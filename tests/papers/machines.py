"""What was made of factorisation machines later: other products of two fields, of more than two, of groups of fields,
and factors for each row."""

from itertools import combinations

import torch
from torch import nn

from attention import AutoInt
from inputs import (
    ALL,
    FIELDS,
    NUMBERS,
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


class DIFM(nn.Module):
    """Dual input-aware factorisation machine (IJCAI 2020): factors of a row's fields are `m = m_vec + m_bit`, of what
    attention over fields with a residual says and of what a network says, each through a matrix; then `w_0 + sum m_i
    w_i x_i + sum_{i<j} <m_i v_i, m_j v_j> x_i x_j`. The attention is ours of AutoInt."""

    names = (
        features("v", "s")
        | features("w", "first")
        | network("deep", "deep")
        | linear("bitwise", "factors.linear", bias=False)
        | linear("vectorwise", "of_vectors.linear", bias=False)
        | linear("attention.residual", "of_vectors.interacting.linear", bias=False)
        | {"w0": "logit.shift.bias"}
    )
    for own, ours in (("into", "in_weight"), ("into_bias", "in_bias"), ("project.weight", "out_weight")):
        names |= {f"attention.{own}": f"of_vectors.interacting.multi_head_attention.{ours}"}
    names |= {"attention.project.bias": "of_vectors.interacting.multi_head_attention.out_bias"}

    def __init__(self):
        super().__init__()
        self.v, self.w, self.w0 = Features(4), Features(1), nn.Parameter(torch.empty(()))
        self.attention, self.deep = AutoInt.Layer(4, heads=2), Network(ALL * 4, [8, 8])
        self.bitwise, self.vectorwise = nn.Linear(8, ALL, bias=False), nn.Linear(ALL * 4, ALL, bias=False)

    def forward(self, batch):
        v, w = self.v(batch), self.w(batch).squeeze(2)
        m = self.vectorwise(self.attention(v).flatten(1)) + self.bitwise(self.deep(v.flatten(1)))
        met = sum(m[:, i] * m[:, j] * (v[:, i] * v[:, j]).sum(1) for i, j in pairs(ALL))
        return self.w0 + (m * w).sum(1) + met


class FLEN(nn.Module):
    """FLEN (arXiv 1911.04690): fields in groups. `h_MF` is the sum over pairs of groups of `r_nm` times the product of
    the two groups' sums, `h_FM` the sum over groups of `r_mm` times the sum of the products of two fields in it; a
    layer without a bias and with a relu reads the linear part beside their sum, and the last layer this beside a
    network. The groups are of the user, of the item, and the numbers."""

    names = (
        vectors("of_user", "of_user.embed", FIELDS[:2])
        | vectors("of_item", "of_item.embed", FIELDS[2:])
        | {"of_numbers": "of_numbers.embed_numbers.weight"}
        | vectors("weights_user", "weights.embed", FIELDS[:2])
        | vectors("weights_item", "weights.embed_2", FIELDS[2:])
        | linear("first", "first.linear")
        | {"r_nm": ("met.linear_fields.weight", 0), "r_mm": ("met.linear_fields.weight", 1)}
        | linear("w_pooled", "pooled.linear", bias=False)
        | network("deep", "deep")
        | linear("w_f", "logit.linear", bias=False)
    )

    def __init__(self):
        super().__init__()
        self.of_user, self.of_item = Vectors(4, FIELDS[:2]), Vectors(4, FIELDS[2:])
        self.of_numbers = nn.Parameter(torch.empty(NUMBERS, 4))
        self.weights_user, self.weights_item = Vectors(1, FIELDS[:2]), Vectors(1, FIELDS[2:])
        self.first = nn.Linear(ALL, 1)
        self.r_nm, self.r_mm = nn.Parameter(torch.empty(3)), nn.Parameter(torch.empty(3))
        self.w_pooled, self.deep = nn.Linear(5, 5, bias=False), Network(ALL * 4, [8, 8])
        self.w_f = nn.Linear(5 + 8, 1, bias=False)

    def forward(self, batch):
        groups = [batch.numbers.unsqueeze(2) * self.of_numbers, self.of_user(batch), self.of_item(batch)]
        between = [groups[n].sum(1) * groups[m].sum(1) for n, m in pairs(3)]
        within = [sum(e[:, i] * e[:, j] for i, j in pairs(e.shape[1])) for e in groups]
        met = sum(r * h for r, h in zip(self.r_nm, between)) + sum(r * h for r, h in zip(self.r_mm, within))
        weights = [self.weights_user(batch).flatten(1), self.weights_item(batch).flatten(1)]
        first = self.first(torch.cat([batch.numbers, *weights], dim=1))
        pooled = torch.relu(self.w_pooled(torch.cat([first, met], dim=1)))
        deep = self.deep(torch.cat(groups, dim=1).flatten(1))
        return self.w_f(torch.cat([pooled, deep], dim=1)).squeeze(1)


class FEFM(nn.Module):
    """Field-embedded factorisation machine (arXiv 2009.09931): `w_0 + sum w_i x_i + sum_{i<j} v_i^T W_{F(i) F(j)} v_j
    x_i x_j`, each `W` symmetric: ours is a matrix and the same matrix turned."""

    dim = 3
    names = (
        first_order("first", "first")
        | features("v", "s")
        | {"a": "logit.symmetric_matrices.matrix.linear_each.weight"}
    )

    def __init__(self):
        super().__init__()
        self.first, self.v = FirstOrder(), Features(self.dim)
        self.a = nn.Parameter(torch.empty(len(pairs(ALL)), self.dim, self.dim))

    def products(self, v):
        symmetric = self.a + self.a.transpose(1, 2)
        return [torch.einsum("bc,cd,bd->b", v[:, i], w, v[:, j]) for w, (i, j) in zip(symmetric, pairs(ALL))]

    def forward(self, batch):
        return self.first(batch) + sum(self.products(self.v(batch)))


class DeepFEFM(FEFM):
    """DeepFEFM: a network over the vectors and the products of pairs, beside these."""

    dim = 4
    names = (
        first_order("first", "first")
        | features("v", "s")
        | {"a": "pairs.symmetric_matrices.matrix.linear_each.weight"}
        | network("deep", "deep")
        | linear("out", "logit.linear")
    )

    def __init__(self):
        super().__init__()
        self.deep, self.out = Network(ALL * 4 + len(pairs(ALL)), [8, 8]), nn.Linear(8, 1)

    def forward(self, batch):
        v = self.v(batch)
        products = self.products(v)
        deep = self.deep(torch.cat([v.flatten(1), torch.stack(products, dim=1)], dim=1))
        return self.first(batch) + sum(products) + self.out(deep).squeeze(1)


class LorentzFM(nn.Module):
    """LorentzFM (arXiv 1911.09821): points of the hyperboloid, whose product is `<u, v>_L = -u_0 v_0 + sum u_i v_i`;
    what is predicted is the sum over pairs of `(1 - <u, v>_L - u_0 - v_0) / (u_0 v_0)`."""

    names = features("v", "s")

    def __init__(self):
        super().__init__()
        self.v = Features(4)

    def forward(self, batch):
        v = self.v(batch)
        points = torch.cat([(1 + v.norm(dim=2, keepdim=True) ** 2).sqrt(), v], dim=2)
        signs = torch.tensor([-1, 1, 1, 1, 1], dtype=v.dtype)
        said = []
        for i, j in pairs(ALL):
            p, q = points[:, i], points[:, j]
            said.append((1 - (signs * p * q).sum(1) - p[:, 0] - q[:, 0]) / (p[:, 0] * q[:, 0]))
        return sum(said)


class HFM(nn.Module):
    """Holographic factorisation machine (AAAI 2019): `w_0 + sum w_i x_i + h^T sum_{i<j} (v_i * v_j) x_i x_j` with the
    circular correlation `F^-1(conj(F v_i) F v_j)`, `F` the Fourier transform."""

    names = first_order("first", "first") | features("v", "s") | linear("h", "logit.linear", bias=False)

    def __init__(self):
        super().__init__()
        self.first, self.v, self.h = FirstOrder(), Features(4), nn.Linear(4, 1, bias=False)

    def pooled(self, batch):
        waves = torch.fft.fft(self.v(batch), dim=2)
        return sum(torch.fft.ifft(waves[:, i].conj() * waves[:, j], dim=1).real for j, i in pairs(ALL))

    def forward(self, batch):
        return self.first(batch) + self.h(self.pooled(batch)).squeeze(1)


class HFMPlus(HFM):
    """The same with a network over the sum."""

    names = first_order("first", "first") | features("v", "s") | network("deep", "deep") | linear("h", "logit.linear")

    def __init__(self):
        super().__init__()
        self.deep, self.h = Network(4, [8, 8]), nn.Linear(8, 1)

    def forward(self, batch):
        return self.first(batch) + self.h(self.deep(self.pooled(batch))).squeeze(1)


class DeepIM(nn.Module):
    """Deep interaction machine (CIKM 2020): the interactions of order `k` are the sum of the products of any `k`
    fields, here written out; all of them up to the fourth order, through weights, beside a network."""

    names = features("v", "s") | network("deep", "deep") | linear("out", "logit.linear")

    def __init__(self):
        super().__init__()
        self.v, self.deep, self.out = Features(4), Network(ALL * 4, [8, 8]), nn.Linear(4 * 4 + 8, 1)

    def forward(self, batch):
        v = self.v(batch)
        orders = [
            sum(v[:, list(fields)].prod(1) for fields in combinations(range(ALL), order)) for order in (4, 3, 2, 1)
        ]
        return self.out(torch.cat([*orders, self.deep(v.flatten(1))], dim=1)).squeeze(1)
