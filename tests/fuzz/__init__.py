"""Fuzzing of archives and locks; findings are kept in `corpus/` and tested every day."""
