"""Layers of interactions, one over the other: of fields, of single numbers, of tokens, and with weights that a row
makes."""

import torch
from torch import nn
from torch.nn.functional import gelu

from inputs import ALL, Features, Network, features, linear, network, norm


class AOANet(nn.Module):
    """AOANet (KDD 2021), its generalised interaction: the outer products of all pairs of a field of the row and one of
    the layer below are added up with weights of a subspace, multiplied with a matrix of it place by place, and with a
    vector; these two are one matrix. A network stands beside two such layers."""

    names = features("b0", "s") | network("deep", "deep") | linear("out", "logit.linear")
    for layer in range(2):
        ours = f"crossed.turn_{layer + 1}.generalised"
        names |= {f"alpha.{layer}": f"{ours}.mixed.linear_fields.weight", f"wh.{layer}": f"{ours}.linear_each.weight"}

    def __init__(self):
        super().__init__()
        self.b0 = Features(4)
        self.alpha = nn.ParameterList(torch.empty(ALL, 3, below) for below in (ALL, 3))
        self.wh = nn.ParameterList(torch.empty(4, 3, 4) for _ in range(2))
        self.deep, self.out = Network(ALL * 4, [8, 8]), nn.Linear(3 * 4 + 8, 1)

    def forward(self, batch):
        b0 = b = self.b0(batch)
        for alpha, wh in zip(self.alpha, self.wh):
            outer = torch.einsum("bnh,bid->bnihd", b0, b)
            fused = torch.einsum("noi,bnihd->bohd", alpha, outer)
            b = (wh.transpose(0, 1) * fused).sum(3)
        return self.out(torch.cat([b.flatten(1), self.deep(b0.flatten(1))], dim=1)).squeeze(1)


class EDCN(nn.Module):
    """EDCN (CIKM 2021): a cross layer `c_0 (w . c) + b + c` and a layer with a relu side by side; the bridge is the
    product of what they say, and regulation gives each of the two that bridge with fields scaled by the softmax of
    trained numbers, divided by a temperature (1/2). Ours times the number of fields. The last layer reads both and
    their bridge."""

    names = features("x", "s") | linear("out", "logit.linear")
    for layer, (of_cross, cross, deep) in enumerate(
        [
            ("x0", "both", "first"),
            ("both.turn_1.crossed", "both.turn_1.crossed", "both.turn_1.deep"),
            ("both.turn_2.crossed", "both.turn_2.crossed", "both.turn_2.deep"),
        ]
    ):
        names |= {f"g.{layer}": f"{of_cross}.regulated.shares.weight.weight"}
        names |= {f"g_deep.{layer}": f"{deep}.regulated.shares.weight.weight"}
        names |= {f"w.{layer}": f"{cross}.cross_vector.linear.weight", f"b.{layer}": f"{cross}.cross_vector.shift.bias"}
        names |= linear(f"layers.{layer}", f"{deep}.mlp_layer.y.linear")

    def __init__(self):
        super().__init__()
        n = ALL * 4
        self.x, self.out = Features(4), nn.Linear(3 * n, 1)
        self.g, self.g_deep = (nn.ParameterList(torch.empty(ALL) for _ in range(3)) for _ in range(2))
        self.w, self.b = (nn.ParameterList(torch.empty(n) for _ in range(3)) for _ in range(2))
        self.layers = nn.ModuleList(nn.Linear(n, n) for _ in range(3))

    def forward(self, batch):
        bridge = self.x(batch).flatten(1)
        c0 = None
        for g, g_deep, w, b, layer in zip(self.g, self.g_deep, self.w, self.b, self.layers):
            shares = [torch.softmax(gates / 0.5, dim=0) * ALL for gates in (g, g_deep)]
            c, d = (share.repeat_interleave(4) * bridge for share in shares)
            c0 = c if c0 is None else c0
            c = c0 * (c @ w).unsqueeze(1) + b + c
            d = torch.relu(layer(d))
            bridge = c * d
        return self.out(torch.cat([c, d, bridge], dim=1)).squeeze(1)


class SAM2E(nn.Module):
    """SAM2E (arXiv 2105.05563): for all fields `i` and `j` the product `e_i * e_j` times `<e_i, e_j>`."""

    names = features("e", "s") | linear("out", "logit.linear")

    def __init__(self):
        super().__init__()
        self.e, self.out = Features(4), nn.Linear(ALL * ALL * 4, 1)

    def forward(self, batch):
        e = self.e(batch).unbind(1)
        met = [(a * b).sum(1, keepdim=True) * (a * b) for a in e for b in e]
        return self.out(torch.cat(met, dim=1)).squeeze(1)


class SAM3E(nn.Module):
    """SAM3E: field `i` of the next layer is `sum_j <e_i, K e_j> (e_i * e_j)` and `Q e_i`, a residual."""

    names = features("e", "s") | linear("out", "logit.linear")
    names |= linear("k", "top.turn_1.alike.linear", bias=False) | linear("q", "top.turn_1.linear", bias=False)

    def __init__(self):
        super().__init__()
        self.e, self.out = Features(4), nn.Linear(ALL * 4, 1)
        self.k, self.q = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)

    def met(self, i, j, a, b):
        return a * b

    def forward(self, batch):
        e = self.e(batch).unbind(1)
        said = [
            sum((a * self.k(b)).sum(1, keepdim=True) * self.met(i, j, a, b) for j, b in enumerate(e)) + self.q(a)
            for i, a in enumerate(e)
        ]
        return self.out(torch.cat(said, dim=1)).squeeze(1)


class SAM3A(SAM3E):
    """SAM3A: the same with a trained vector `w_ij` for the product of the two fields."""

    names = SAM3E.names | {"w": "top.turn_1.linear_each.weight"}

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.empty(ALL, 4, ALL))

    def met(self, i, j, a, b):
        return self.w[i, :, j]


class XDeepInt(nn.Module):
    """xDeepInt (arXiv 2301.01089): `X_l = X_{l-1} * (W_l X_0) + X_{l-1}`, whose rows are the halves of vectors; put
    together again they are added up, `1^T (w X_l + b)`."""

    names = features("x", "s") | linear("out", "logit.linear_fields")
    names |= {f"w.{layer}": f"x.turn_{layer + 1}.linear_fields.weight" for layer in range(2)}

    def __init__(self):
        super().__init__()
        self.x, self.out = Features(4), nn.Linear(ALL, 1)
        self.w = nn.ParameterList(torch.empty(2 * ALL, 2 * ALL) for _ in range(2))

    def forward(self, batch):
        whole = self.x(batch)
        x0 = x = torch.stack([half for field in whole.unbind(1) for half in field.chunk(2, dim=1)], dim=1)
        for w in self.w:
            x = x * (w @ x0) + x
        fields = [torch.cat([x[:, 2 * i], x[:, 2 * i + 1]], dim=1) for i in range(ALL)]
        return sum(self.out(torch.stack(place, dim=1)) for place in zip(*(f.unbind(1) for f in fields))).squeeze(1)


class QNN(nn.Module):
    """QNN-alpha (arXiv 2505.17999): a layer says `sum_r relu(W_r x) * x + x`. Of two heads the second factor has first
    the first half of each field's vector, then all second halves, while the sums and the residual stay as they are."""

    names = features("x", "s") | linear("out", "logit.linear")
    for layer in range(2):
        for row in range(2):
            for key in ("weight", "bias"):
                names |= {f"layers.{layer}.{row}.{key}": (f"top.turn_{layer + 1}.sums.linear.{key}", row)}

    def __init__(self):
        super().__init__()
        n = ALL * 4
        self.x, self.out = Features(4), nn.Linear(n, 1)
        self.layers = nn.ModuleList(nn.ModuleList(nn.Linear(n, n) for _ in range(2)) for _ in range(2))

    def forward(self, batch):
        x = self.x(batch).flatten(1)
        order = [4 * field + 2 * head + place for head in range(2) for field in range(ALL) for place in range(2)]
        for layer in self.layers:
            x = sum(torch.relu(row(x)) * x[:, order] for row in layer) + x
        return self.out(x).squeeze(1)


class RankMixer(nn.Module):
    """RankMixer (arXiv 2507.15551): the vectors one behind the other, cut into tokens, each through a matrix of its
    own; a layer is `S = LN(TokenMixing(X) + X)`, where token `h` is given head `h` of every token, and `LN(PFFN(S) +
    S)` with a network for each token. The last layer reads the mean of tokens. The GELU is the one by tanh."""

    names = features("e", "s") | linear("out", "logit.linear")
    for token in range(2):
        for key in ("weight", "bias"):
            names |= {f"project.{token}.{key}": (f"top.linear_each.{key}", token)}
            for layer in range(2):
                ours = f"top.turn_{layer + 1}"
                names |= {f"into.{layer}.{token}.{key}": (f"{ours}.linear_each.{key}", token)}
                names |= {f"back.{layer}.{token}.{key}": (f"{ours}.linear_each_2.{key}", token)}
    for layer in range(2):
        names |= norm(f"ln_mixed.{layer}", f"top.turn_{layer + 1}.mixed.layer_norm")
        names |= norm(f"ln.{layer}", f"top.turn_{layer + 1}.layer_norm")

    def __init__(self):
        super().__init__()

        def each(below, above):
            return nn.ModuleList(nn.Linear(below, above) for _ in range(2))

        self.e, self.project, self.out = Features(4), each(ALL * 2, 6), nn.Linear(6, 1)
        self.into = nn.ModuleList(each(6, 24) for _ in range(2))
        self.back = nn.ModuleList(each(24, 6) for _ in range(2))
        self.ln_mixed, self.ln = (nn.ModuleList(nn.LayerNorm(6) for _ in range(2)) for _ in range(2))

    def forward(self, batch):
        tokens = [token(cut) for token, cut in zip(self.project, self.e(batch).flatten(1).chunk(2, dim=1))]
        for into, back, ln_mixed, ln in zip(self.into, self.back, self.ln_mixed, self.ln):
            heads = zip(*(token.chunk(2, dim=1) for token in tokens))
            mixed = [ln_mixed(torch.cat(head, dim=1) + token) for head, token in zip(heads, tokens)]
            tokens = [ln(b(gelu(a(s), approximate="tanh")) + s) for a, b, s in zip(into, back, mixed)]
        return self.out(sum(tokens) / 2).squeeze(1)


class APG(nn.Module):
    """APG (arXiv 2203.16218): a layer is `relu(U S V x + b)` with a `S` of low rank that a network of one layer makes
    of the row, and `U` and `V` that all rows have in common."""

    names = features("e", "s") | linear("out", "logit.linear")
    for layer in range(2):
        ours = f"deep.turn_{layer + 1}.adaptive"
        names |= linear(f"s.{layer}", f"{ours}.s.linear") | linear(f"v.{layer}", f"{ours}.linear", bias=False)
        names |= linear(f"u.{layer}", f"{ours}.linear_2")

    def __init__(self):
        super().__init__()
        n = ALL * 4
        self.e, self.out = Features(4), nn.Linear(8, 1)
        self.s = nn.ModuleList(nn.Linear(n, 3 * 3) for _ in range(2))
        self.v = nn.ModuleList(nn.Linear(below, 3, bias=False) for below in (n, 8))
        self.u = nn.ModuleList(nn.Linear(3, 8) for _ in range(2))

    def forward(self, batch):
        z = x = self.e(batch).flatten(1)
        for s, v, u in zip(self.s, self.v, self.u):
            w = torch.einsum("ok,bkl,li->boi", u.weight, s(z).unflatten(1, (3, 3)), v.weight)
            x = torch.relu(torch.einsum("boi,bi->bo", w, x) + u.bias)
        return self.out(x).squeeze(1)


class MaskNetSerial(nn.Module):
    """MaskNet, serial (arXiv 2102.07619): a block `relu(LN(W (V_mask * x)))` over the normed vectors, and two over what
    the block before says, each with a mask `W_d2 relu(W_d1 V_emb + b_d1) + b_d2`. Ours has one scale and shift for all
    fields in the norm over vectors."""

    names = features("v", "s") | linear("out", "logit.linear") | norm("ln", "first.layer_norm")
    for block, ours in enumerate(["first", "top.turn_1", "top.turn_2"]):
        names |= linear(f"d1.{block}", f"{ours}.mask_block.mask.linear")
        names |= linear(f"d2.{block}", f"{ours}.mask_block.mask.linear_2")
        names |= linear(f"w.{block}", f"{ours}.mask_block.linear", bias=False)
        names |= norm(f"lns.{block}", f"{ours}.mask_block.layer_norm")

    def __init__(self):
        super().__init__()
        n, widths = ALL * 4, (ALL * 4, 5, 5)
        self.v, self.ln, self.out = Features(4), nn.LayerNorm(4), nn.Linear(5, 1)
        self.d1 = nn.ModuleList(nn.Linear(n, 2 * width) for width in widths)
        self.d2 = nn.ModuleList(nn.Linear(2 * width, width) for width in widths)
        self.w = nn.ModuleList(nn.Linear(width, 5, bias=False) for width in widths)
        self.lns = nn.ModuleList(nn.LayerNorm(5) for _ in widths)

    def forward(self, batch):
        v = self.v(batch)
        flat, x = v.flatten(1), self.ln(v).flatten(1)
        for d1, d2, w, ln in zip(self.d1, self.d2, self.w, self.lns):
            x = torch.relu(ln(w(d2(torch.relu(d1(flat))) * x)))
        return self.out(x).squeeze(1)
