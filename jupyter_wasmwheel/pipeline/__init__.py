"""The build pipeline: resolve a source, build a wheel, check it, publish it."""

from .matrix import run_matrix
from .resolve import preview_edits
from .run import publish_wheels, run_build, run_tests

__all__ = ["preview_edits", "publish_wheels", "run_build", "run_matrix", "run_tests"]
