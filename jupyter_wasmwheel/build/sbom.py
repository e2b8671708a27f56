"""The bill of materials that maturin puts into a wheel (CycloneDX, PEP 770), made reproducible.

As it comes it has the time, a random number, the folders of the build, and its entries in any
order; what it says of the crates stays as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..wheel import Wheel

#: The folder in a wheel's `.dist-info` that has them.
FOLDER = "sboms"


def normalize(wheel: Wheel, folders: Iterable[tuple[Path, str]]) -> dict[str, bytes]:
    """The bills of a wheel without what differs from build to build, by member.

    The folders of the build are renamed. What is no CycloneDX in JSON is left as it is.
    """
    pairs = [(folder.as_posix(), name) for folder, name in folders]
    found = {}
    for member in wheel.members:
        if member.startswith(f"{wheel.dist_info}/{FOLDER}/") and member.endswith(".json"):
            try:
                text = wheel.read_text(member)
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
    """A value with all its lists in an order that depends on nothing but what is in them."""
    if isinstance(value, dict):
        return {key: _ordered(each) for key, each in value.items()}
    if isinstance(value, list):
        return sorted(map(_ordered, value), key=lambda each: json.dumps(each, sort_keys=True))
    return value
