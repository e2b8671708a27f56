"""Where state lives: installed once, verified when it is used, replaced atomically."""

from .files import has_locks, replace_file
from .store import Store

__all__ = ["Store", "has_locks", "replace_file"]
