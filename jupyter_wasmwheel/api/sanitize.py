"""Strip terminal control sequences, and the logins in addresses, from untrusted text.

What a build prints could move a terminal's cursor, change its title or fill its keyboard buffer,
and letters that turn the direction of writing could make a line read as another one. A tool repeats
the address that it was given, so the login in it is taken out where a text becomes an event or an
error: all that is shown, kept and sent passes there.
"""

from __future__ import annotations

import re
from typing import Any

#: Sequences that a terminal obeys (ECMA-48): control sequences, strings of commands, two letters.
_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|\x1b[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)

#: Controls other than tabs and line ends, marks of writing direction, halves of surrogate pairs.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

#: The login in an address: what stands before its last `@`, and before a path begins. A password
#: may hold the signs that begin one, where no port's digits stand, and a quote, but not one that
#: ends a text. One slash is what a path leaves of two, `\/` what JSON may make of one.
_LOGIN = re.compile(
    r"(?<=\w:)((?:\\?/)+)"
    r"""(?:(?:[^\s/?#"'<>]|["'<>](?![]),:;>}]))+@"""
    r"""|[^]\s/?#@:["'<>]*:(?!\d*(?:[/?#\s]|$))(?:[^\s"'<>]|["'<>](?![]),:;>}])){1,200}@)"""
)

#: The same where the whole address is percent-encoded, as it is in another one's query.
_ENCODED_LOGIN = re.compile(r"(?i)(?<=%3a%2f%2f)(?:(?!%2f)[^\s&\"'<>])+%40")

#: The query of an address, and in it the values of parameters that are secret by their names.
_QUERY = re.compile(r"\?[^\s\"'<>]+")
_PARAMETER = re.compile(
    r"(?i)((?:^|[?&;])(?:[\w.-]{0,40}"
    r"(?:access.?key|api.?key|auth|credential|passphrase|passw|secret|signature|token)[\w.-]{0,40}"
    r"|key|sig)=)[^&;#]+"
)

#: A header by which a program logs in; some print it when they are asked to be verbose.
_HEADER = re.compile(r"(?i)(authorization: *(?:basic|bearer|token) +)\S+")

#: How long the part of an address before its query may be, in characters.
_MAX_ADDRESS_LENGTH = 2000

#: What stands for a secret that was taken out.
REDACTED = "***"


def redact(text: str) -> str:
    """Return the text with the login and the secret parameters of each address replaced by `***`.

    The name alone of an ssh address (`ssh://git@host`) is no secret and stays.
    """
    if "@" in text:
        text = _LOGIN.sub(_without_login, text)
    if "%40" in text:
        text = _ENCODED_LOGIN.sub(f"{REDACTED}%40", text)
    if "://" in text and "?" in text:
        text = _QUERY.sub(_without_secrets, text)
    return _HEADER.sub(rf"\1{REDACTED}", text) if "uthorization:" in text else text


def redact_all(value: Any) -> Any:
    """Return a document, as JSON has it, with each of its texts redacted."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {redact_all(key): redact_all(each) for key, each in value.items()}
    return [redact_all(each) for each in value] if isinstance(value, list | tuple) else value


def _without_login(found: re.Match[str]) -> str:
    is_ssh = found.string.endswith("ssh:", 0, found.start())
    return found[0] if is_ssh and ":" not in found[0] else f"{found[1]}{REDACTED}@"


def _without_secrets(found: re.Match[str]) -> str:
    before = found.string[max(0, found.start() - _MAX_ADDRESS_LENGTH) : found.start()]
    address = before[before.rfind("://") :] if "://" in before else " "
    is_query = not re.search(r"\s", address)
    return _PARAMETER.sub(rf"\1{REDACTED}", found[0]) if is_query else found[0]


def sanitize(text: str) -> str:
    """Return the text without logins and terminal sequences; other controls become marks."""
    if not (text.isascii() and text.isprintable()):
        text = _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", _SEQUENCES.sub("", text))
    return redact(text)
