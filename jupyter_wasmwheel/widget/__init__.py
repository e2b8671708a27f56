"""The builder for notebooks: a Python object that shows itself in a cell."""
