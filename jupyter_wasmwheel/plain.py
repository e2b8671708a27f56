"""Text that others wrote, made harmless to show.

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

#: What is no letter: controls but tabs and line ends, marks of direction, halves of letters.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def plain(text: str) -> str:
    """The text without what a terminal obeys; other controls are shown as a replacement mark."""
    if text.isascii() and text.isprintable():
        return text
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", _SEQUENCES.sub("", text))
