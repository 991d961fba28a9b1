

def pooled(table, rows, how):
    """The rows of a bag as one, [batch, 1, dim]; where a place holds -1 there is none."""
    there = (rows >= 0).unsqueeze(2)
    vectors = table(rows.clamp(min=0))
    if how == "max":
        return vectors.masked_fill(~there, -torch.inf).amax(dim=1, keepdim=True)
    total = vectors.masked_fill(~there, 0.0).sum(dim=1, keepdim=True)
    return total / there.sum(dim=1, keepdim=True) if how == "mean" else total
