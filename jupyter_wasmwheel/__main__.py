"""`python -m jupyter_wasmwheel`: the command line, as a job of the server's runs it."""

import os

from .process.run import GUARDED, end_with_stdin

# Taken out of the environment at once: what this process starts has another stdin.
if os.environ.pop(GUARDED, None):
    end_with_stdin()

from .cli import main

main()
