"""`python -m jupyter_wasmwheel`: the command line, as a job of the server's runs it."""

import os

from .process.supervisor import SUPERVISED, end_with_stdin

# Removed from the environment at once: what this process starts has another stdin.
if os.environ.pop(SUPERVISED, None):
    end_with_stdin()

from .cli import main

main()
