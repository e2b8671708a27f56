"""What a build changes of a project: declared, shown as a diff, and made on its copy only."""

from __future__ import annotations

import dataclasses
import difflib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..api.errors import SourceError
from ..api.events import Emitter, Log, note
from ..api.report import Patch
from . import recipes
from .manifest import Project
from .recipes import CRATE, Recipe, Replacement
from .source import FetchedSource


@dataclass(frozen=True, kw_only=True)
class Edits:
    """What is to be changed: requirements that become optional, and what a recipe says."""

    make_optional: tuple[str, ...] = ()
    recipe: Recipe | None = None


@dataclass(frozen=True, kw_only=True)
class Change:
    """A file with another text: `path` is where it is now, `file` its path for a person."""

    path: Path
    file: str
    before: str
    after: str
    reasons: tuple[str, ...] = ()

    @property
    def patch(self) -> Patch:
        """The change as a diff."""
        diff = _diff(self.file, self.before, self.after)
        return Patch(file=self.file, diff=diff, why=" ".join(self.reasons))

    def to(self, text: str, reason: str) -> Change:
        """The same file with yet another text."""
        return dataclasses.replace(self, after=text, reasons=(*self.reasons, reason))


@dataclass(frozen=True, kw_only=True)
class EditPreview:
    """A source on disk, and what a build changes of it."""

    fetched: FetchedSource
    project: Project
    edits: Edits
    patches: tuple[Patch, ...]


def choose(wanted: str, make_optional: Iterable[str], project: Project, emit: Emitter) -> Edits:
    """The edits for a project, by what `--recipe` and `--make-optional` say."""
    recipe, said = recipes.choose(wanted, project.name, project.version)
    if said:
        note(emit, said)
    return Edits(make_optional=tuple(dict.fromkeys(make_optional)), recipe=recipe)


def show(changes: Iterable[Change], emit: Emitter) -> tuple[Patch, ...]:
    """Tell of changes, in short and as a diff, and give the diffs."""
    patches = []
    for change in changes:
        patch = change.patch
        note(emit, f"Edited: {patch.summary}. {patch.why}")
        for line in patch.diff.splitlines():
            emit(Log(stream="stdout", text=line))
        patches.append(patch)
    return tuple(patches)


def changes(edits: Edits, project: Project) -> tuple[Change, ...]:
    """The changes to a project's own files; a SourceError where an edit does not fit."""
    made: dict[Path, Change] = {}
    if edits.recipe:
        recipe = edits.recipe
        for each in recipe.replacements(project.version):
            if each.dependency is None:
                folder = _folder_of_crate(project, recipe) if each.of == CRATE else project.folder
                _replace(made, folder, each, recipe, project.label, project.folder)
    for name in edits.make_optional:
        _make_optional(made, project, name)
    return tuple(made.values())


def changes_of_dependency(
    recipe: Recipe, version: str | None, crate: str, folder: Path
) -> tuple[Change, ...]:
    """The changes to a crate of the registry, whose files are in a folder."""
    made: dict[Path, Change] = {}
    for each in recipe.replacements(version):
        if each.dependency == crate:
            _replace(made, folder, each, recipe, folder.name, folder.parent)
    return tuple(made.values())


def preview_patches(edits: Edits, project: Project) -> tuple[Patch, ...]:
    """The changes as diffs, before a build: those of dependencies by the recipe's own words."""
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
        "It edits files of the project's crate, and there is no Cargo.toml to be found.",
        "Name the files from the project's folder, without `of`.",
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
    """Make a replacement on top of what has been changed already."""

    def refuse(why: str) -> SourceError:
        return SourceError(
            f"{recipe.origin} does not fit {label}.",
            f"{replacement.file}: {why}",
            "Build it with `--recipe none`, or with a recipe of your own: `--recipe FILE`.",
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
        raise refuse(f"it has the text {count} times, in lines {lines}: {old!r:.200}")
    if not count:
        raise refuse(_nearest(change.after, old))
    made[path] = change.to(change.after.replace(old, new), replacement.why)


def _make_optional(made: dict[Path, Change], project: Project, name: str) -> None:
    """Move a requirement to an extra, where the project's requirements are written."""
    from . import optional  # which loads editors that no other build waits for

    def refuse(why: str) -> SourceError:
        return SourceError(
            f"{name} cannot be made optional.",
            why,
            "Correct that file, and build it again.",
            code="edits.file-invalid",
        )

    def opened(file: str) -> Change:
        path = project.folder / file
        return made.get(path) or _open(path, project.folder, project.folder, refuse)

    change = opened(optional.PYPROJECT)
    its = opened(optional.SETUP_CFG) if (project.folder / optional.SETUP_CFG).exists() else None
    reason = f"{name} becomes optional."
    move = optional.move_in_pyproject
    if its and optional.is_in_setup_cfg(change.after, its.after):
        change, move = its, optional.move_in_setup_cfg
    # The libraries that edit would end their own lines with a line feed alone.
    edited = move(change.after.replace("\r\n", "\n"), name)
    if "\r\n" in change.after:
        edited = edited.replace("\n", "\r\n")
    made[change.path] = change.to(edited, reason)


def _open(path: Path, folder: Path, base: Path, refuse: Callable[[str], SourceError]) -> Change:
    """A file as it is, which has to be a text and no link."""
    if not path.is_file():
        raise refuse("there is no such file.")
    if path.resolve() != folder.resolve() / path.relative_to(folder):
        raise refuse("it is a link, or behind one; only files of the project itself are edited.")
    data = path.read_bytes()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise refuse("it is no text in UTF-8.") from None
    if b"\0" in data:
        raise refuse("it is no text: it has a zero in it.")
    name = PurePosixPath(os.path.relpath(path, base)).as_posix()
    return Change(path=path, file=name, before=text, after=text)


def _lines_of(text: str, part: str) -> Iterator[int]:
    """The lines in which a part of a text begins."""
    place = text.find(part)
    while place >= 0:
        yield text.count("\n", 0, place) + 1
        place = text.find(part, place + 1)


def _nearest(text: str, old: str) -> str:
    """Where a text differs from the one expected in it, or the line that is most like it."""
    there, wanted = text.splitlines(), old.splitlines()
    blocks = difflib.SequenceMatcher(None, there, wanted, autojunk=False).get_matching_blocks()
    block = max(blocks, key=lambda block: sum(len(there[block.a + i]) for i in range(block.size)))
    if block.size:
        begin = block.a - block.b
        for number, expected in enumerate(wanted, begin):
            found = there[number] if 0 <= number < len(there) else ""
            if found != expected and not _is_part(found, expected, number == begin):
                return f"line {number + 1} is {found!r}, and {expected!r} is expected there."
    expected = next((line for line in wanted if line.strip()), old)
    alike = difflib.get_close_matches(expected, there, 1)
    if not alike:
        return f"{expected!r} is not there, nor anything like it."
    return f"{expected!r} is not there; line {there.index(alike[0]) + 1} is {alike[0]!r}."


def _is_part(found: str, expected: str, is_first: bool) -> bool:
    """Whether a line has the expected one at its end, where that may begin in the middle of it."""
    return is_first and found.endswith(expected)


def _diff(file: str, before: str, after: str) -> str:
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), file, file
    )
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )
