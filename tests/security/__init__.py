"""Attacks, by kind: each is made for real, and nothing of it may come to pass."""
