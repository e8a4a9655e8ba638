"""Files: stored bytes, the kinds that carry them, and where they are handed out."""
