"""Strip terminal control sequences from untrusted text.

What a build prints could move a terminal's cursor, change its title or fill its keyboard buffer,
and letters that turn the direction of writing could make a line read as another one.
"""

from __future__ import annotations

import re

#: Sequences that a terminal obeys (ECMA-48): control sequences, strings of commands, two letters.
_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|\x1b[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)

#: Controls other than tabs and line ends, marks of writing direction, halves of surrogate pairs.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def sanitize(text: str) -> str:
    """Return the text without terminal sequences, and other controls as replacement marks."""
    if text.isascii() and text.isprintable():
        return text
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", _SEQUENCES.sub("", text))
