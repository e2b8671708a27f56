"""A builder for a notebook: driven from Python, and shown in a cell."""
