"""Fuzzing of archives and locks; what was found is kept in `corpus/` and tried again every day."""
