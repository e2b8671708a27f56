"""Tests without a network, a compiler or a browser; they take less than a minute."""
