"""Tests without a network, a compiler or a browser: under a minute."""
