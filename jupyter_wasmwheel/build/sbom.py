"""Reproducible bills of materials (CycloneDX, PEP 770).

maturin's have the time, a random number, the build's folders, and entries in random order.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..wheel import MAX_TEXT_BYTES, Wheel

#: The folder of the bills in a wheel's `.dist-info`.
FOLDER = "sboms"


def normalize(wheel: Wheel, folders: Iterable[tuple[Path, str]]) -> dict[str, bytes]:
    """Return a wheel's CycloneDX bills in JSON without what differs between builds, by member."""
    pairs = [(folder.as_posix(), name) for folder, name in folders]
    found = {}
    own = f"{wheel.dist_info}/{FOLDER}/"
    bills = [each for each in wheel.members if each.startswith(own) and each.endswith(".json")]
    for member, data in wheel.read_all(bills, MAX_TEXT_BYTES):
        try:
            text = data.decode("utf-8")
            for folder, name in pairs:
                text = text.replace(folder, name)
            bill = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(bill, dict) and bill.get("bomFormat") == "CycloneDX":
            bill.pop("serialNumber", None)
            bill.get("metadata", {}).pop("timestamp", None)
            short = json.dumps(_ordered(bill), separators=(",", ":"))
            found[member] = f"{short}\n".encode()
    return found


def _ordered(value: Any) -> Any:
    """Return a value with all lists sorted by their content."""
    if isinstance(value, dict):
        return {key: _ordered(each) for key, each in value.items()}
    if isinstance(value, list):
        return sorted(map(_ordered, value), key=lambda each: json.dumps(each, sort_keys=True))
    return value
