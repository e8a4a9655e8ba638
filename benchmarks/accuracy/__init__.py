"""How right the rules are on the shared corpus, beside peers, and a gate that lets it only get better.

corpus: where the labelled files lie. measure: our own run. peers: ClamAV and libmagic on the same files.
oracles: what a format's reference decoder says of a damaged file.
reached: what was reached, and the comparison with it.
page: docs/accuracy.md, written from what was reached alone.
"""
