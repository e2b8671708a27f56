"""Strip terminal control sequences, and the logins in addresses, from untrusted text.

What a build prints could move a terminal's cursor, change its title or fill its keyboard buffer,
and letters that turn the direction of writing could make a line read as another one. A tool repeats
the address that it was given, so the login in it is taken out where a text becomes an event or an
error: all that is shown, kept and sent passes there.
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

#: The login in an address: what stands between `://` and the last `@` before a path begins.
_LOGIN = re.compile(r"(?<=://)[^\s/?#\\\"'<>]+@")

#: What stands for a login that was taken out.
REDACTED = "***"


def redact(text: str) -> str:
    """Return the text with the login of each address in it replaced by `***`.

    The name alone of an ssh address (`ssh://git@host`) is no secret and stays.
    """
    if "://" not in text or "@" not in text:
        return text
    return _LOGIN.sub(_redacted, text)


def _redacted(found: re.Match[str]) -> str:
    is_ssh = found.string.endswith("ssh://", 0, found.start())
    return found[0] if is_ssh and ":" not in found[0] else f"{REDACTED}@"


def sanitize(text: str) -> str:
    """Return the text without logins and terminal sequences; other controls become marks."""
    text = redact(text)
    if text.isascii() and text.isprintable():
        return text
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", _SEQUENCES.sub("", text))
