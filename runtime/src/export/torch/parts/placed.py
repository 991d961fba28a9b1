

def placed(table, rows):
    """The rows of a sequence at their places, [batch, places, dim]; where a place holds -1 there are zeros."""
    return table(rows.clamp(min=0)) * (rows >= 0).unsqueeze(2)
