"""Fuzzing of what others send; findings are kept in `corpus/` and tested every day."""
