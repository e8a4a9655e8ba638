"""The sandbox: one attachment, one worker, locked down before its first attacker's byte."""
