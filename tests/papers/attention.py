"""Attention over fields, and stacks of layers over them."""

import torch
from torch import nn
from torch.nn.functional import linear as through

from inputs import ALL, Features, Network, features, linear, network, norm


class AutoInt(nn.Module):
    """AutoInt+ (arXiv 1810.11921, section 4.4): the shares of a head are a softmax over `<W_query e_m, W_key e_k>`, and
    it says the `W_value e_k` in these, added up; all heads side by side, and a residual, `relu(e~_m + W_res e_m)`. A
    network stands beside three of these layers. Ours divides scores by the root of a head's width, has biases and
    projects what the heads say, as `nn.MultiheadAttention` does."""

    names = features("e", "s") | network("deep", "deep") | linear("out", "logit.linear")
    for layer, ours in enumerate(["interacting", "interacting_2", "interacting_3"]):
        at = f"attended.{ours}.multi_head_attention"
        names |= {f"layers.{layer}.into": f"{at}.in_weight", f"layers.{layer}.into_bias": f"{at}.in_bias"}
        names |= {
            f"layers.{layer}.project.weight": f"{at}.out_weight",
            f"layers.{layer}.project.bias": f"{at}.out_bias",
        }
        names |= linear(f"layers.{layer}.residual", f"attended.{ours}.linear", bias=False)

    class Layer(nn.Module):
        def __init__(self, dim, heads):
            super().__init__()
            self.heads = heads
            # Queries, then keys, then values, of each as many rows as a head is wide, head after head.
            self.into, self.into_bias = nn.Parameter(torch.empty(3 * dim, dim)), nn.Parameter(torch.empty(3 * dim))
            self.project, self.residual = nn.Linear(dim, dim), nn.Linear(dim, dim, bias=False)

        def forward(self, e):
            of = zip(self.into.chunk(3), self.into_bias.chunk(3))
            query, key, value = (through(e, w, b).chunk(self.heads, dim=2) for w, b in of)
            width = e.shape[2] // self.heads
            shares = [torch.softmax(q @ k.transpose(1, 2) / width**0.5, dim=2) for q, k in zip(query, key)]
            heads = torch.cat([share @ v for share, v in zip(shares, value)], dim=2)
            return torch.relu(self.project(heads) + self.residual(e))

    def __init__(self):
        super().__init__()
        self.e = Features(4)
        self.layers = nn.ModuleList(self.Layer(4, heads=2) for _ in range(3))
        self.deep, self.out = Network(ALL * 4, [8, 8]), nn.Linear(ALL * 4 + 8, 1)

    def forward(self, batch):
        e = attended = self.e(batch)
        for layer in self.layers:
            attended = layer(attended)
        return self.out(torch.cat([attended.flatten(1), self.deep(e.flatten(1))], dim=1)).squeeze(1)


class DESTINE(nn.Module):
    """DESTINE (arXiv 2101.03654, section 3.2): the share of field `n` for `m` is the softmax of
    `(q_m - mean q) . (k_n - mean k)`, the pair's, plus the softmax of a score of `n` alone, the unary one's; one head,
    a residual and a relu a layer, and a network beside two of them."""

    names = features("e", "s") | network("deep", "deep") | linear("out", "logit.linear")
    for layer in range(2):
        ours = f"attended.turn_{layer + 1}"
        for own, name in (("q", "q.linear"), ("k", "k.linear"), ("unary", "alone.linear"), ("v", "linear")):
            names |= linear(f"layers.{layer}.{own}", f"{ours}.disentangled.{name}", bias=False)
        names |= linear(f"layers.{layer}.residual", f"{ours}.linear", bias=False)

    class Layer(nn.Module):
        def __init__(self, dim):
            super().__init__()
            self.q, self.k, self.v, self.residual = (nn.Linear(dim, dim, bias=False) for _ in range(4))
            self.unary = nn.Linear(dim, 1, bias=False)

        def forward(self, e):
            q, k = self.q(e), self.k(e)
            q, k = q - q.mean(1, keepdim=True), k - k.mean(1, keepdim=True)
            pairwise = torch.softmax(q @ k.transpose(1, 2), dim=2)
            unary = torch.softmax(self.unary(e), dim=1).transpose(1, 2)
            return torch.relu((pairwise + unary) @ self.v(e) + self.residual(e))

    def __init__(self):
        super().__init__()
        self.e = Features(4)
        self.layers = nn.ModuleList(self.Layer(4) for _ in range(2))
        self.deep, self.out = Network(ALL * 4, [8, 8]), nn.Linear(ALL * 4 + 8, 1)

    def forward(self, batch):
        e = attended = self.e(batch)
        for layer in self.layers:
            attended = layer(attended)
        return self.out(torch.cat([attended.flatten(1), self.deep(e.flatten(1))], dim=1)).squeeze(1)


class MaskNet(nn.Module):
    """MaskNet, parallel (arXiv 2102.07619, section 3): the mask is `W_d2 relu(W_d1 V_emb + b_d1) + b_d2`, a block
    `relu(LN(W (V_mask * LN(V_emb))))`; three of them side by side and a network over these. Ours has one scale and
    shift for all fields in the norm over vectors."""

    names = features("v", "s") | network("deep", "deep") | linear("out", "logit.linear") | norm("ln", "x.layer_norm")
    for block, ours in enumerate(["mask_block", "mask_block_2", "mask_block_3"]):
        names |= linear(f"blocks.{block}.d1", f"all.{ours}.mask.linear")
        names |= linear(f"blocks.{block}.d2", f"all.{ours}.mask.linear_2")
        names |= linear(f"blocks.{block}.w", f"all.{ours}.linear", bias=False)
        names |= norm(f"blocks.{block}.ln", f"all.{ours}.layer_norm")

    class Block(nn.Module):
        def __init__(self, n, width):
            super().__init__()
            self.d1, self.d2 = nn.Linear(n, 2 * n), nn.Linear(2 * n, n)
            self.w, self.ln = nn.Linear(n, width, bias=False), nn.LayerNorm(width)

        def forward(self, v, normed):
            mask = self.d2(torch.relu(self.d1(v)))
            return torch.relu(self.ln(self.w(mask * normed)))

    def __init__(self):
        super().__init__()
        self.v, self.ln = Features(4), nn.LayerNorm(4)
        self.blocks = nn.ModuleList(self.Block(ALL * 4, 5) for _ in range(3))
        self.deep, self.out = Network(3 * 5, [8, 8]), nn.Linear(8, 1)

    def forward(self, batch):
        v = self.v(batch)
        flat, normed = v.flatten(1), self.ln(v).flatten(1)
        return self.out(self.deep(torch.cat([block(flat, normed) for block in self.blocks], dim=1))).squeeze(1)


class Wukong(nn.Module):
    """Wukong (arXiv 2403.02545, section 3): of the fields `X` of a layer a linear compression `W X` and a factorisation
    machine, a network over `LN(flatten(X X^T Y))`; below both `X` again, through a matrix where there are other numbers
    of fields, and a norm. `Y` is of weights alone."""

    names = features("x", "s") | linear("over", "logit.linear") | linear("out", "logit.linear_2")
    for layer in range(2):
        ours = f"top.turn_{layer + 1}.wukong_layer"
        of = f"layers.{layer}"
        names |= {f"{of}.y": f"{ours}.inner.linear_fields.weight", f"{of}.lcb": f"{ours}.both.linear_fields.weight"}
        names |= norm(f"{of}.ln_inner", f"{ours}.machine.layer_norm") | norm(f"{of}.ln", f"{ours}.layer_norm")
        names |= linear(f"{of}.d1", f"{ours}.machine.linear") | linear(f"{of}.d2", f"{ours}.machine.linear_2")
    names |= {"layers.0.residual": "top.turn_1.wukong_layer.residual.linear_fields.weight"}

    class Layer(nn.Module):
        def __init__(self, n, dim, made, mixed, rank, hidden):
            super().__init__()
            self.made = (made, dim)
            self.y, self.lcb = nn.Parameter(torch.empty(rank, n)), nn.Parameter(torch.empty(mixed, n))
            self.ln_inner, self.ln = nn.LayerNorm(n * rank), nn.LayerNorm(dim)
            self.d1, self.d2 = nn.Linear(n * rank, hidden), nn.Linear(hidden, made * dim)
            self.residual = nn.Parameter(torch.empty(made + mixed, n)) if n != made + mixed else None

        def forward(self, x):
            inner = x @ x.transpose(1, 2) @ self.y.T
            fmb = self.d2(torch.relu(self.d1(self.ln_inner(inner.flatten(1))))).unflatten(1, self.made)
            below = x if self.residual is None else self.residual @ x
            return self.ln(torch.cat([fmb, self.lcb @ x], dim=1) + below)

    def __init__(self):
        super().__init__()
        self.x = Features(4)
        self.layers = nn.ModuleList(self.Layer(n, 4, made=3, mixed=2, rank=2, hidden=8) for n in (ALL, 5))
        self.over, self.out = nn.Linear(5 * 4, 8), nn.Linear(8, 1)

    def forward(self, batch):
        x = self.x(batch)
        for layer in self.layers:
            x = layer(x)
        return self.out(torch.relu(self.over(x.flatten(1)))).squeeze(1)
