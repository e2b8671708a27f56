"""The store of installed state: installed once, verified when used, replaced atomically."""

from .files import has_locks, read_file, replace_file
from .store import Store

__all__ = ["Store", "has_locks", "read_file", "replace_file"]
