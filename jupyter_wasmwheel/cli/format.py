"""Format sizes and times for people."""

from __future__ import annotations

#: Phases whose stored names people would not use.
PHASE_LABELS = {"optimise": "optimize", "smoke": "import"}


def phase(name: str) -> str:
    """Return the name of a phase for people."""
    return PHASE_LABELS.get(name, name)


def size(count: int) -> str:
    """Return a number of bytes with its unit: 512 bytes, 20 kB, 1.5 MB."""
    if count < 1000:
        return f"{count} bytes"
    if count < 1_000_000:
        return f"{count / 1000:.0f} kB"
    return f"{count / 1_000_000:.1f} MB"


def duration(seconds: float) -> str:
    """Return a time with its unit: 9 ms, 1.3 s, 24 s, 2:05 min."""
    if seconds < 0.1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d} min"
