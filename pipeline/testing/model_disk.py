"""A disk that can lose what was not synced: the real code runs on it once, and then its power is cut again and again.

The code under test works on real files. `ModelDisk` writes down what it does, in order; `Platter` follows that record
up to any moment and says, by a seeded choice, what a power cut at that moment could have left:

- of a file whose last bytes were not synced: the old bytes, the new ones, their beginning, zeros of their length, none;
- of the names of a folder that was not synced: any subset of the changes since, a rename whole or not at all;
- below a folder whose own name is lost: nothing.

A file whose sync has failed is never trusted again, whatever a later sync says.
"""

from __future__ import annotations

import errno
import os
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from pipeline.sink.atomic import Disk

Kind: TypeAlias = Literal["write", "folder", "sync file", "failed sync", "sync folder", "rename", "remove", "note"]


@dataclass(frozen=True, slots=True)
class Op:
    """One step. A note is none of the disk's: what the code under test has promised by now."""

    kind: Kind
    path: str
    target: str = ""
    content: bytes = b""
    note: object = None


class ModelDisk(Disk):
    """Acts on real files below `root`, and keeps the record. Nothing is really synced. For many threads.

    `fails` is asked of each sync of a file, whether it reports EIO."""

    def __init__(self, root: Path, fails: Callable[[Path], bool] = lambda _: False) -> None:
        self.root = root
        self.record: list[Op] = []
        self._fails = fails
        self._known = {str(root)}
        self._turn = threading.RLock()

    def note(self, note: object) -> None:
        """From here on the code has promised this."""
        with self._turn:
            self.record.append(Op("note", "", note=note))

    def write(self, path: Path, content: bytes) -> None:
        """What a worker does: a file with this content, not synced."""
        with self._turn:
            path.write_bytes(content)
            self._written(path, content)

    def sync_file(self, path: Path) -> None:
        with self._turn:
            if str(path) not in self._known:  # somebody has made it without telling: the lock
                self._written(path, path.read_bytes())
            if self._fails(path):
                self.record.append(Op("failed sync", str(path)))
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            self.record.append(Op("sync file", str(path)))

    def sync_folder(self, path: Path) -> None:
        with self._turn:
            self._folder(path)
            for below in sorted(path.iterdir()):
                if below.is_dir():
                    self._folder(below)
            self.record.append(Op("sync folder", str(path)))

    def rename(self, source: Path, target: Path) -> None:
        with self._turn:
            super().rename(source, target)
            self._known.discard(str(source))
            self._known.add(str(target))
            self.record.append(Op("rename", str(source), str(target)))

    def remove(self, path: Path) -> None:
        with self._turn:
            if path.exists():
                self.record.append(Op("remove", str(path)))
                self._known.discard(str(path))
            super().remove(path)

    def _written(self, path: Path, content: bytes) -> None:
        self._folder(path.parent)
        self._known.add(str(path))
        self.record.append(Op("write", str(path), content=content))

    def _folder(self, path: Path) -> None:
        if str(path) not in self._known:
            self._folder(path.parent)
            self._known.add(str(path))
            self.record.append(Op("folder", str(path)))


@dataclass(slots=True)
class _File:
    content: bytes
    durable: bytes | None = None
    """What the last sync has put on the platter."""
    broken: bool = False
    """A sync of it has failed."""

    @property
    def clean(self) -> bool:
        return self.durable == self.content and not self.broken


Change: TypeAlias = tuple[Literal["link", "rename", "unlink"], str, str, _File | None]
"""(what, path, target of a rename, the file; None for a folder)."""


class Platter:
    """What is on the disk, for sure or perhaps, after a part of the record."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._live: dict[str, _File] = {}
        self._durable: dict[str, _File | None] = {}
        self._pending: dict[str, list[Change]] = {}

    def follow(self, op: Op) -> None:
        """Goes one step on."""
        match op.kind:
            case "write" if op.path in self._live:
                self._live[op.path].content = op.content
            case "write":
                file = self._live[op.path] = _File(op.content)
                self._change(("link", op.path, "", file))
            case "folder":
                self._change(("link", op.path, "", None))
            case "sync file":
                self._live[op.path].durable = self._live[op.path].content
            case "failed sync":
                self._live[op.path].broken = True
            case "sync folder":
                for change in self._pending.pop(op.path, ()):
                    _apply(self._durable, change)
            case "rename":
                file = self._live[op.target] = self._live.pop(op.path)
                self._change(("rename", op.path, op.target, file))
            case "remove":
                self._change(("unlink", op.path, "", self._live.pop(op.path)))
            case "note":
                pass

    def cut(self, chance: random.Random) -> dict[str, bytes]:
        """What the next start finds, by path."""
        entries = dict(self._durable)
        share = chance.choice((0.0, 0.5, 1.0))
        for changes in self._pending.values():
            for change in changes:
                if chance.random() < share:
                    _apply(entries, change)
        found: dict[str, bytes] = {}
        for path, file in entries.items():
            if file is not None and self._reached(path, entries):
                found[path] = file.content if file.clean else _left_of(file, chance)
        return found

    def _change(self, change: Change) -> None:
        folder = str(Path(change[1]).parent)
        self._pending.setdefault(folder, []).append(change)

    def _reached(self, path: str, entries: dict[str, _File | None]) -> bool:
        while (path := path.rpartition("/")[0]) != self._root:
            if path not in entries:
                return False
        return True


def _apply(entries: dict[str, _File | None], change: Change) -> None:
    what, path, target, file = change
    if what == "link":
        entries[path] = file
    else:
        entries.pop(path, None)
        if what == "rename":
            entries[target] = file


def _left_of(file: _File, chance: random.Random) -> bytes:
    length = len(file.content)
    return chance.choice(
        (
            file.durable or b"",
            b"" if file.broken else file.content,
            file.content[: chance.randrange(length) if length else 0],
            bytes(length),
            b"",
        )
    )
