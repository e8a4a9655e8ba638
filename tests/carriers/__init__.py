"""Builders of inert files: valid by default, one deviation each, and the cases that prove every rule."""
