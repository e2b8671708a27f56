"""A parser of side modules: a WebAssembly file's imports, exports and linking information.

Written by hand because Node.js would take ten times as long. The format is the binary one of the
WebAssembly core specification; `dylink.0` and `producers` are the sections of the tool conventions'
`DynamicLinking.md` and `ProducersSection.md`.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from ..wheel import MAGIC

#: Ids of sections.
_CUSTOM, _IMPORT, _EXPORT = 0, 2, 7

#: Kinds of imports, in the order of their numbers.
_KINDS = ("function", "table", "memory", "global", "tag")

#: Kinds of subsections of `dylink.0`, and the flag of a weak import.
_NEEDED, _IMPORT_INFO, _RUNTIME_PATH = 2, 4, 5
_BINDING_MASK, _BINDING_WEAK = 0x3, 0x1

#: The prefix of the functions that the linker adds to each module.
_LINKER_EXPORTS = "__wasm_"


class DamagedModuleError(ValueError):
    """The bytes are not a complete WebAssembly module."""


class Import(Struct, frozen=True, kw_only=True):
    """An import of a module; `kind` is function, table, memory, global or tag."""

    module: str
    name: str
    kind: str


class SideModule(Struct, frozen=True, kw_only=True):
    """A module's linking information.

    `needed` are libraries, searched for in `runtime_paths`. `compilers` are names and versions, or
    None if that section was stripped.
    """

    imports: tuple[Import, ...]
    exports: frozenset[str]
    needed: tuple[str, ...]
    weak: frozenset[str]
    runtime_paths: tuple[str, ...]
    compilers: tuple[tuple[str, str], ...] | None

    @property
    def is_python_module(self) -> bool:
        """Return whether Python can import it, or nothing else can use it.

        Others have functions of their own, which a library or cffi or ctypes calls.
        """
        # Since Python 3.15 a module can export its slots instead (PEP 793).
        inits = any(name.startswith(("PyInit", "PyModExport")) for name in self.exports)
        return inits or all(name.startswith(_LINKER_EXPORTS) for name in self.exports)


def parse(data: bytes) -> SideModule:
    """Parse a module's bytes."""
    if data[:4] != MAGIC or len(data) < 8:
        raise DamagedModuleError("it does not start with WebAssembly's magic number")
    imports: tuple[Import, ...] = ()
    exports: frozenset[str] = frozenset()
    needed: tuple[str, ...] = ()
    runtime_paths: tuple[str, ...] = ()
    weak: frozenset[str] = frozenset()
    compilers: tuple[tuple[str, str], ...] | None = None
    reader = _Reader(data, 8, len(data))
    try:
        while not reader.at_end:
            number = reader.byte()
            section = reader.part(reader.number())
            if number == _IMPORT:
                imports = tuple(_import(section) for _ in range(section.number()))
            elif number == _EXPORT:
                exports = frozenset(_export(section) for _ in range(section.number()))
            elif number == _CUSTOM:
                name = section.name()
                if name == "dylink.0":
                    needed, runtime_paths, weak = _dylink(section)
                elif name == "producers":
                    compilers = tuple(_compilers(section))
    except (IndexError, UnicodeDecodeError) as error:
        raise DamagedModuleError("it ends too early, or its sections are damaged") from error
    return SideModule(
        imports=imports,
        exports=exports,
        needed=needed,
        weak=weak,
        runtime_paths=runtime_paths,
        compilers=compilers,
    )


def _import(section: _Reader) -> Import:
    module, name = section.name(), section.name()
    kind = _KINDS[section.byte()]
    if kind == "function":
        section.number()
    elif kind == "table":
        section.byte()
        section.limits()
    elif kind == "memory":
        section.limits()
    else:
        # A global's type and mutability, or a tag's attribute and type.
        section.byte()
        section.number()
    return Import(module=module, name=name, kind=kind)


def _export(section: _Reader) -> str:
    name = section.name()
    section.byte()
    section.number()
    return name


def _dylink(section: _Reader) -> tuple[tuple[str, ...], tuple[str, ...], frozenset[str]]:
    """Parse the libraries that a module needs, their paths, and its weak imports."""
    needed: tuple[str, ...] = ()
    runtime_paths: tuple[str, ...] = ()
    weak = set()
    while not section.at_end:
        kind = section.byte()
        part = section.part(section.number())
        if kind == _NEEDED:
            needed = tuple(part.name() for _ in range(part.number()))
        elif kind == _RUNTIME_PATH:
            runtime_paths = tuple(part.name() for _ in range(part.number()))
        elif kind == _IMPORT_INFO:
            for _ in range(part.number()):
                part.name()
                name, flags = part.name(), part.number()
                if flags & _BINDING_MASK == _BINDING_WEAK:
                    weak.add(name)
    return needed, runtime_paths, frozenset(weak)


def _compilers(section: _Reader) -> Iterator[tuple[str, str]]:
    """Yield the tools in a module's section of producers that processed it."""
    for _ in range(section.number()):
        field = section.name()
        for _ in range(section.number()):
            name, version = section.name(), section.name()
            if field == "processed-by":
                yield name, version


class _Reader:
    """A reader of a part of a module's bytes; it raises an IndexError at the part's end."""

    def __init__(self, data: bytes, start: int, end: int) -> None:
        if end > len(data):
            raise IndexError
        self._data = data
        self._at = start
        self._end = end

    @property
    def at_end(self) -> bool:
        return self._at >= self._end

    def byte(self) -> int:
        if self.at_end:
            raise IndexError
        self._at += 1
        return self._data[self._at - 1]

    def number(self) -> int:
        """Read an unsigned LEB128 number of at most 64 bits."""
        result = 0
        for shift in range(0, 70, 7):
            byte = self.byte()
            result |= (byte & 0x7F) << shift
            if not byte & 0x80:
                return result
        raise IndexError

    def part(self, length: int) -> _Reader:
        """Return a reader of the next bytes, and skip them."""
        start = self._at
        self._at += length
        return _Reader(self._data, start, self._at)

    def name(self) -> str:
        length = self.number()
        start = self._at
        self._at += length
        if self._at > self._end:
            raise IndexError
        return self._data[start : self._at].decode("utf-8")

    def limits(self) -> None:
        """Skip a minimum, and a maximum if the flags announce it."""
        flags = self.byte()
        self.number()
        if flags & 1:
            self.number()
