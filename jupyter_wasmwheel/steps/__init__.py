"""The steps of the way through; pipeline.py walks them, each takes what the one before gave."""
