"""`python -m lazaretto`: the `lazaretto` command."""

from __future__ import annotations

from lazaretto.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    main()
