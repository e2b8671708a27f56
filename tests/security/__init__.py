"""Attacks, by kind: each is real, and must have no effect."""
