"""`python -m jupyter_wasmwheel`: the command line."""

from .cli import main

main()
