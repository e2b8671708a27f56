"""Edits of a project: declared, shown as diffs, and applied only to its private copy."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath

from msgspec import Struct, structs

from .. import text_files
from ..api.errors import SourceError
from ..api.events import Emitter, Log, note
from ..api.report import Patch
from . import generator, outside_metadata, recipes
from .manifest import Project
from .recipes import CRATE, Recipe, Replacement
from .source import FetchedSource


class Edits(Struct, frozen=True, kw_only=True):
    """The requested edits: requirements that become optional, and a recipe."""

    make_optional: tuple[str, ...] = ()
    recipe: Recipe | None = None


class Change(Struct, frozen=True, kw_only=True):
    """A change of a file's text; `path` is the original's, and `file` its path for messages."""

    path: Path
    file: str
    before: str
    after: str
    reasons: tuple[str, ...] = ()

    @property
    def patch(self) -> Patch:
        """Return the change as a diff."""
        diff = _diff(self.file, self.before, self.after)
        return Patch(file=self.file, diff=diff, why=" ".join(self.reasons))

    def to(self, text: str, reason: str) -> Change:
        """Return the change with another text."""
        return structs.replace(self, after=text, reasons=(*self.reasons, reason))


class EditPreview(Struct, frozen=True, kw_only=True):
    """A source on disk, and the edits of its build."""

    fetched: FetchedSource
    project: Project
    edits: Edits
    patches: tuple[Patch, ...]


def choose(wanted: str, make_optional: Iterable[str], project: Project, emit: Emitter) -> Edits:
    """Return the edits for a project by `--recipe` and `--make-optional`."""
    recipe, remark = recipes.choose(wanted, project.name, project.version)
    if remark:
        note(emit, remark)
    return Edits(make_optional=tuple(dict.fromkeys(make_optional)), recipe=recipe)


def show(changes: Iterable[Change], emit: Emitter) -> tuple[Patch, ...]:
    """Log changes, and return their diffs."""
    patches = []
    for change in changes:
        patch = change.patch
        note(emit, f"Edited: {patch.summary}. {patch.why}")
        for line in patch.diff.splitlines():
            emit(Log(stream="stdout", text=line))
        patches.append(patch)
    return tuple(patches)


def changes(edits: Edits, project: Project) -> tuple[Change, ...]:
    """Return the changes to a project's own files; a SourceError if an edit does not fit."""
    made: dict[Path, Change] = {}
    if edits.recipe:
        recipe = edits.recipe
        for each in recipe.replacements(project.version):
            if each.dependency is None:
                folder = _folder_of_crate(project, recipe) if each.of == CRATE else project.folder
                _replace(made, folder, each, recipe, project.label, project.folder)
    for name in edits.make_optional:
        _make_optional(made, project, name)
    _move_metadata(made, project)
    _separate_generator(made, project)
    return tuple(made.values())


def changes_of_dependency(
    recipe: Recipe, version: str | None, crate: str, folder: Path
) -> tuple[Change, ...]:
    """Return the changes to a crate of the registry, whose files are in a folder."""
    made: dict[Path, Change] = {}
    for each in recipe.replacements(version):
        if each.dependency == crate:
            _replace(made, folder, each, recipe, folder.name, folder.parent)
    return tuple(made.values())


def preview_patches(edits: Edits, project: Project) -> tuple[Patch, ...]:
    """Return the changes of a build as diffs; those of dependencies are the recipe's own text."""
    own = [change.patch for change in changes(edits, project)]
    recipe = edits.recipe
    others = [
        Patch(
            file=f"{each.dependency}/{each.file}",
            diff=_diff(f"{each.dependency}/{each.file}", each.old, each.new),
            why=each.why,
        )
        for each in (recipe.replacements(project.version) if recipe else ())
        if each.dependency is not None
    ]
    return (*own, *others)


def _folder_of_crate(project: Project, recipe: Recipe) -> Path:
    if project.crate:
        return project.crate.parent
    raise SourceError(
        f"{recipe.origin} does not fit {project.label}.",
        "It edits files of the project's crate, but the project has no Cargo.toml.",
        "Make the paths relative to the project's folder, without `of`.",
        code="recipe.no-crate",
    )


def _replace(
    made: dict[Path, Change],
    folder: Path,
    replacement: Replacement,
    recipe: Recipe,
    label: str,
    base: Path,
) -> None:
    """Apply a replacement after earlier changes."""

    def refuse(why: str) -> SourceError:
        return SourceError(
            f"{recipe.origin} does not fit {label}.",
            f"{replacement.file}: {why}",
            "Build with `--recipe none`, or with your own recipe: `--recipe FILE`.",
            code="recipe.not-applicable",
        )

    path = folder / PurePosixPath(replacement.file)
    change = made.get(path) or _open(path, folder, base, refuse)
    old, new = replacement.old, replacement.new
    if "\r\n" in change.after:
        old, new = old.replace("\n", "\r\n"), new.replace("\n", "\r\n")
    count = change.after.count(old)
    if count > 1:
        lines = ", ".join(map(str, _lines_of(change.after, old)))
        raise refuse(f"the text occurs {count} times, in lines {lines}: {old!r:.200}")
    if not count:
        raise refuse(_nearest(change.after, old))
    made[path] = change.to(change.after.replace(old, new), replacement.why)


def _make_optional(made: dict[Path, Change], project: Project, name: str) -> None:
    """Move a requirement to an extra in the file that has the requirements."""
    from . import optional  # loads editors that other builds do not need

    def refuse(why: str) -> SourceError:
        return SourceError(
            f"Could not make {name} optional.",
            why,
            "Correct that file and build again.",
            code="edits.file-invalid",
        )

    def opened(file: str) -> Change:
        path = project.folder / file
        return made.get(path) or _open(path, project.folder, project.folder, refuse)

    change = opened(optional.PYPROJECT)
    has_setup_cfg = (project.folder / optional.SETUP_CFG).exists()
    setup_cfg = opened(optional.SETUP_CFG) if has_setup_cfg else None
    move = optional.move_in_pyproject
    if setup_cfg and optional.is_in_setup_cfg(change.after, setup_cfg.after):
        change, move = setup_cfg, optional.move_in_setup_cfg
    # The libraries that edit end new lines with a line feed alone.
    edited = move(change.after.replace("\r\n", "\n"), name)
    if "\r\n" in change.after:
        edited = edited.replace("\n", "\r\n")
    made[change.path] = change.to(edited, f"{name} becomes optional.")


def _move_metadata(made: dict[Path, Change], project: Project) -> None:
    """Name files that maturin rejects outside its workspace by where the copy has them."""
    path = project.folder / "pyproject.toml"
    for file in outside_metadata.find(project):
        text = path.read_bytes().decode("utf-8")
        change = made.get(path) or Change(path=path, file=path.name, before=text, after=text)
        after = change.after
        for quote in "\"'":
            after = after.replace(f"{quote}{file.named}{quote}", f"{quote}{file.name}{quote}")
        made[path] = change.to(after, "maturin rejects metadata outside its Cargo workspace.")


def _separate_generator(made: dict[Path, Change], project: Project) -> None:
    """Let only UniFFI's generator, which runs on this machine, have what it depends on."""
    after = generator.without_cli(project)
    path = project.crate
    if after is None or path is None or path in made:
        return
    before = path.read_bytes().decode("utf-8")
    change = Change(path=path, file=path.name, before=before, after=before)
    made[path] = change.to(after, "Only uniffi-bindgen, which runs on this machine, needs `cli`.")


def _open(path: Path, folder: Path, base: Path, refuse: Callable[[str], SourceError]) -> Change:
    """Open a file for changes; it must be a text file and not a link."""
    if not path.is_file():
        raise refuse("file not found.")
    if path.resolve() != folder.resolve() / path.relative_to(folder):
        raise refuse("it is a link, or in a linked folder; only the project's files can be edited.")
    data = text_files.read_bytes(path)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise refuse("it is not a text file in UTF-8.") from None
    if b"\0" in data:
        raise refuse("it is not a text file: it contains NUL.")
    name = PurePosixPath(os.path.relpath(path, base)).as_posix()
    return Change(path=path, file=name, before=text, after=text)


def _lines_of(text: str, part: str) -> Iterator[int]:
    """Give the lines in which a part of a text begins."""
    place = text.find(part)
    while place >= 0:
        yield text.count("\n", 0, place) + 1
        place = text.find(part, place + 1)


def _nearest(text: str, old: str) -> str:
    """Return where a text differs from the expected one, or its most similar line."""
    lines, wanted = text.splitlines(), old.splitlines()
    blocks = difflib.SequenceMatcher(None, lines, wanted, autojunk=False).get_matching_blocks()
    block = max(blocks, key=lambda block: sum(len(lines[block.a + i]) for i in range(block.size)))
    if block.size:
        begin = block.a - block.b
        for number, expected in enumerate(wanted, begin):
            found = lines[number] if 0 <= number < len(lines) else ""
            # The first line can begin in the middle of one.
            if found != expected and not (number == begin and found.endswith(expected)):
                return f"expected {expected!r} in line {number + 1}, got {found!r}."
    expected = next((line for line in wanted if line.strip()), old)
    similar = difflib.get_close_matches(expected, lines, 1)
    if not similar:
        return f"{expected!r} not found, nor a similar line."
    return f"{expected!r} not found; line {lines.index(similar[0]) + 1} is {similar[0]!r}."


def _diff(file: str, before: str, after: str) -> str:
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), file, file
    )
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )
