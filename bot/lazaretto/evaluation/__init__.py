"""How right the rules are: labelled files in, counts and mistakes out. The command is `cli/evaluate.py`.

A *manifest* says of each file whether it is benign, hostile or malformed; a *tally* counts what the policy made of it.
"""
