"""Fields that hear of each other: graphs, hierarchies of attention, and ensembles of ways to meet."""

import torch
from torch import nn
from torch.nn.functional import leaky_relu

from histories import GRU, gru
from inputs import ALL, Features, Network, features, linear, network, norm, pairs


def attention(own, ours):
    keys = {"in_proj_weight": "in_weight", "in_proj_bias": "in_bias"}
    keys |= {"out_proj.weight": "out_weight", "out_proj.bias": "out_bias"}
    return {f"{own}.{key}": f"{ours}.multi_head_attention.{name}" for key, name in keys.items()}


class FiGNN(nn.Module):
    """FiGNN (arXiv 1910.05552): attention of heads and a relu make of the fields the nodes' first states `h`. Node `i`
    hears of `j` in the share `softmax_j(leaky_relu(W [h_i; h_j]))`, itself left out; a step takes in `W_in^i sum_j a_ij
    W_out^j h_j` by a gated recurrent unit, and adds the first state. What all nodes say is added up with the weights
    `sigmoid(W h)`. Its attention has the output projection and the biases of ours."""

    names = (
        features("e", "s")
        | attention("attention", "start")
        | {"w_i": "graph.heard.hearer.linear.weight", "w_j": "graph.heard.said.linear.weight"}
        | {"w_out": "hears.through_graph.linear_each.weight", "w_in": "hears.through_graph.linear_each_2.weight"}
        | gru("gru", "turn.gru")
        | linear("score", "logit.linear_2")
        | linear("weigh", "logit.linear", bias=False)
    )

    def __init__(self):
        super().__init__()
        self.e, self.attention = Features(4), nn.MultiheadAttention(4, 2, batch_first=True)
        # One row over both nodes, in its two parts.
        self.w_i, self.w_j = nn.Parameter(torch.empty(4)), nn.Parameter(torch.empty(4))
        self.w_out, self.w_in = nn.Parameter(torch.empty(ALL, 4, 4)), nn.Parameter(torch.empty(ALL, 4, 4))
        self.gru = GRU(4, 4)
        self.score, self.weigh = nn.Linear(4, 1), nn.Linear(ALL * 4, ALL, bias=False)

    def forward(self, batch):
        e = self.e(batch)
        first = torch.relu(self.attention(e, e, e, need_weights=False)[0])
        nodes = first.unbind(1)
        shares = []
        for i, node in enumerate(nodes):
            others = [j for j in range(ALL) if j != i]
            scores = torch.stack([leaky_relu(node @ self.w_i + nodes[j] @ self.w_j, 0.01) for j in others], dim=1)
            shares.append(dict(zip(others, torch.softmax(scores, dim=1).unbind(1))))
        h = nodes
        for _ in range(2):
            heard = [
                sum(share.unsqueeze(1) * (h[j] @ self.w_out[j].T) for j, share in of.items()) @ self.w_in[i].T
                for i, of in enumerate(shares)
            ]
            h = [self.gru(a, state) + start for a, state, start in zip(heard, h, nodes)]
        weights = torch.sigmoid(self.weigh(torch.cat(list(h), dim=1)))
        return sum(weights[:, i] * self.score(state).squeeze(1) for i, state in enumerate(h))


class InterHAt(nn.Module):
    """InterHAt (WSDM 2020): a transformer's layer makes `X_1` of the fields; `u_i` is `X_i` added up in the shares
    `softmax(c . relu(W x + b))` of its fields, and `X_{i+1} = u_i * X_1 + X_i`. The same attention makes one vector of
    `u_1` to `u_3`, which a network reads. Its transformer has two residuals with a norm each."""

    names = (
        features("e", "s")
        | attention("attention", "a")
        | norm("ln1", "a.layer_norm")
        | linear("ffn1", "x1.linear")
        | linear("ffn2", "x1.linear_2")
        | norm("ln2", "x1.layer_norm")
        | network("deep", "deep")
        | linear("out", "logit.linear")
    )
    for at, ours in enumerate(["both", "both.turn_1", "both.turn_2", "all"]):
        names |= linear(f"w.{at}", f"{ours}.aggregated.linear")
        names |= linear(f"c.{at}", f"{ours}.aggregated.linear_2", bias=False)

    def __init__(self):
        super().__init__()
        self.e, self.attention = Features(4), nn.MultiheadAttention(4, 2, batch_first=True)
        self.ln1, self.ln2 = nn.LayerNorm(4), nn.LayerNorm(4)
        self.ffn1, self.ffn2 = nn.Linear(4, 16), nn.Linear(16, 4)
        self.w = nn.ModuleList(nn.Linear(4, 6) for _ in range(4))
        self.c = nn.ModuleList(nn.Linear(6, 1, bias=False) for _ in range(4))
        self.deep, self.out = Network(4, [8, 8]), nn.Linear(8, 1)

    def forward(self, batch):
        e = self.e(batch)
        a = self.ln1(e + self.attention(e, e, e, need_weights=False)[0])
        x1 = x = self.ln2(a + self.ffn2(torch.relu(self.ffn1(a))))

        def one(at, x):
            return (torch.softmax(self.c[at](torch.relu(self.w[at](x))), dim=1) * x).sum(1)

        orders = []
        for order in range(3):
            orders.append(one(order, x))
            x = orders[-1].unsqueeze(1) * x1 + x
        # The order of the vectors does not matter to attention.
        return self.out(self.deep(one(3, torch.stack(orders, dim=1)))).squeeze(1)


class DHEN(nn.Module):
    """DHEN (arXiv 2203.11014): `X_{n+1} = Norm(sum_i Interaction_i(X_n) + ShortCut(X_n))`, each interaction made as
    many vectors as the layer says. Here these are attention, a cross layer, inner products and a linear layer over
    fields."""

    names = features("x", "s") | linear("out", "logit.linear")
    for layer in range(2):
        ours, of = f"top.turn_{layer + 1}.ensemble", f"layers.{layer}"
        names |= attention(f"{of}.attention", f"{ours}.attended") | norm(f"{of}.ln", f"{ours}.layer_norm")
        names |= linear(f"{of}.cross", f"{ours}.crossed.cross_layer.linear")
        names |= linear(f"{of}.of_cross", f"{ours}.crossed.linear") | linear(f"{of}.of_pairs", f"{ours}.met.linear")
        names |= {f"{of}.of_attention": f"{ours}.attended.linear_fields.weight"}
        names |= {f"{of}.mix": f"{ours}.mixed.linear_fields.weight"}
    names |= {"layers.0.shortcut": "top.turn_1.ensemble.residual.linear_fields.weight"}

    class Layer(nn.Module):
        def __init__(self, n, made):
            super().__init__()
            self.made = (made, 4)
            self.attention, self.ln = nn.MultiheadAttention(4, 2, batch_first=True), nn.LayerNorm(4)
            self.of_attention, self.mix = nn.Parameter(torch.empty(made, n)), nn.Parameter(torch.empty(made, n))
            self.cross, self.of_cross = nn.Linear(n * 4, n * 4), nn.Linear(n * 4, made * 4)
            self.of_pairs = nn.Linear(len(pairs(n)), made * 4)
            self.shortcut = nn.Parameter(torch.empty(made, n)) if n != made else None

        def forward(self, x):
            attended = torch.einsum("mn,bnd->bmd", self.of_attention, self.attention(x, x, x, need_weights=False)[0])
            flat = x.flatten(1)
            crossed = self.of_cross(flat * self.cross(flat) + flat).unflatten(1, self.made)
            products = torch.stack([(x[:, i] * x[:, j]).sum(1) for i, j in pairs(x.shape[1])], dim=1)
            met = self.of_pairs(products).unflatten(1, self.made)
            mixed = torch.einsum("mn,bnd->bmd", self.mix, x)
            below = x if self.shortcut is None else torch.einsum("mn,bnd->bmd", self.shortcut, x)
            return self.ln(attended + crossed + met + mixed + below)

    def __init__(self):
        super().__init__()
        self.x, self.out = Features(4), nn.Linear(5 * 4, 1)
        self.layers = nn.ModuleList(self.Layer(n, 5) for n in (ALL, 5))

    def forward(self, batch):
        x = self.x(batch)
        for layer in self.layers:
            x = layer(x)
        return self.out(x.flatten(1)).squeeze(1)
