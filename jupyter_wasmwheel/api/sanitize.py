"""Strip terminal control sequences, and the logins in addresses, from untrusted text.

The output of a build could move a terminal's cursor, change its title or fill its keyboard buffer,
and marks of writing direction could make a line read as another one. Tools repeat the addresses
that they were given. So every text is sanitized when it becomes an event or an error, before it is
shown, stored or sent.
"""

from __future__ import annotations

import re
from typing import Any

#: Terminal sequences (ECMA-48): control sequences, command strings, two-character escapes.
_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|\x1b[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)

#: Controls other than tabs and line ends, marks of writing direction, surrogates.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

#: The login in an address: everything before its last `@`, and before the path. A password can
#: contain the signs that begin a path, unless digits of a port precede them, and a quote that does
#: not end the text. Path functions turn two slashes into one, and JSON can write one as `\/`.
_LOGIN = re.compile(
    r"(?<=\w:)((?:\\?/)+)"
    r"""(?:(?:[^\s/?#"'<>]|["'<>](?![]),:;>}]))+@"""
    r"""|[^]\s/?#@:["'<>]*:(?!\d*(?:[/?#\s]|$))(?:[^\s"'<>]|["'<>](?![]),:;>}])){1,200}@)"""
)

#: The same in a percent-encoded address, for example in the query of another one.
_ENCODED_LOGIN = re.compile(r"(?i)(?<=%3a%2f%2f)(?:(?!%2f)[^\s&\"'<>])+%40")

#: The query of an address, and the values of parameters with names of secrets in it.
_QUERY = re.compile(r"\?[^\s\"'<>]+")
_PARAMETER = re.compile(
    r"(?i)((?:^|[?&;])(?:[\w.-]{0,40}"
    r"(?:access.?key|api.?key|auth|credential|passphrase|passw|secret|signature|token)[\w.-]{0,40}"
    r"|key|sig)=)[^&;#]+"
)

#: An authorization header, which verbose programs print.
_HEADER = re.compile(r"(?i)(authorization: *(?:basic|bearer|token) +)\S+")

#: The longest part of an address before its query, in characters.
_MAX_ADDRESS_LENGTH = 2000

#: The replacement for a secret.
REDACTED = "***"


def redact(text: str) -> str:
    """Replace the login and the secret parameters of each address by `***`.

    The name alone in an ssh address (`ssh://git@host`) is not secret and stays.
    """
    if "@" in text:
        text = _LOGIN.sub(_without_login, text)
    if "%40" in text:
        text = _ENCODED_LOGIN.sub(f"{REDACTED}%40", text)
    if "://" in text and "?" in text:
        text = _QUERY.sub(_without_secrets, text)
    return _HEADER.sub(rf"\1{REDACTED}", text) if "uthorization:" in text else text


def redact_all(value: Any) -> Any:
    """Redact each text of a JSON document."""
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


def shorten(text: str, length: int) -> str:
    """Return a text with at most `length` characters; an ellipsis replaces the rest."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def sanitize(text: str) -> str:
    """Remove logins and terminal sequences from a text; other controls become U+FFFD."""
    if not (text.isascii() and text.isprintable()):
        text = _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", _SEQUENCES.sub("", text))
    return redact(text)
