"""Versions and requirements that packages declare, which anyone can have written."""

from __future__ import annotations

import re

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import Version

#: The exceptions of parsers for damaged or hostile text. Numbers of more than 4,300 digits are a
#: ValueError of Python, and nested expressions a RecursionError or a MemoryError.
PARSE_ERRORS = (
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)

#: Matches a number that is part of no version; a requirement with it fails when it is compared.
_LONG_NUMBER = re.compile(r"[0-9]{1000}")


def has_long_number(text: str) -> bool:
    """Return whether a text contains a number that cannot be compared."""
    return _LONG_NUMBER.search(text) is not None


def parse_version(text: str) -> Version | None:
    """Return a version, or None if it is invalid (PEP 440)."""
    try:
        return None if has_long_number(text) else Version(text)
    except PARSE_ERRORS:
        return None


def parse_requirement(text: str) -> Requirement:
    """Return a requirement; raise an InvalidRequirement if it is invalid (PEP 508)."""
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        raise
    except PARSE_ERRORS as error:
        raise InvalidRequirement(f"{text!r:.200} cannot be read: {error}") from error
    if has_long_number(text):
        raise InvalidRequirement(f"{text[:200]!r} has a version with too many digits")
    return requirement
