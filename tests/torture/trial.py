"""One trial: a job with a state and an output of its own, run as a user runs it, hurt, and run to its end."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Self

from tests.torture.family import MARK, described, gone, members, semaphores
from tests.torture.jobs import Job

ROOT = Path(__file__).resolve().parents[2]

LONGEST_S = 120.0
"""What takes longer hangs."""

END_S = 2.0
"""Workers may outlive their parent for so long."""


class Trial:
    """A folder that goes at the end, with everything alive that came from it."""

    def __init__(
        self, folder: Path, job: Job, *, settings: Mapping[str, Any] | None = None, patience: float = 1
    ) -> None:
        """`patience` stretches every limit of time, for a busy machine."""
        self.job = job
        self.patience = patience
        self.mark = secrets.token_hex(4)
        self.folder = folder / self.mark
        self.work = self.folder / "work"
        self.output = self.work / "out" / "result.csv"
        self.home = self.work / "state" / job.name
        self.temporary = self.folder / "tmp"
        self.temporary.mkdir(parents=True)
        self.work.mkdir()
        document = {
            "name": job.name,
            **job.settings,
            **(settings or {}),
            "sink": str(self.output),
        }
        document["run"] = {**document["run"], "state": str(self.work / "state")}
        self.config = self.folder / "job.yaml"
        self.config.write_text(json.dumps(document))
        self._semaphores: set[str] = set()
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for pid in members(self.mark):
            _kill(pid, signal.SIGKILL)
        for process in self._running:
            process.wait()
        gone(self.mark, END_S)
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- running ------------------------------------------------------------------------------------------------

    def start(self, *before: str, words: str = "stderr") -> subprocess.Popen[bytes]:
        """`pipeline run` in a session of its own; `before` goes before the command, `words` names where its standard
        error goes."""
        env = {**os.environ, MARK: self.mark, "TMPDIR": str(self.temporary), "PYTHONPATH": str(ROOT)}
        command = [*before, sys.executable, "-m", "pipeline", "run", str(self.config)]
        with open(self.folder / words, "wb") as errors, open(self.folder / "stdout", "wb") as results:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=results, stderr=errors, env=env, start_new_session=True
            )
        self._running.append(process)
        return process

    def run(self, *before: str) -> int:
        """To its end; returns the exit code. Raises TimeoutExpired for one that hangs."""
        return self.start(*before).wait(LONGEST_S)

    def kill(self, process: subprocess.Popen[bytes], *, group: bool = False, wait: bool = True) -> list[str]:
        """SIGKILL; returns what is wrong 2 s later, unless nobody is to `wait` for that."""
        self._semaphores |= semaphores(self.mark)
        (os.killpg if group else _kill)(process.pid, signal.SIGKILL)
        process.wait()
        return self.survivors() if wait else []

    def survivors(self) -> list[str]:
        """What has not ended with the run in time, as what is wrong."""
        alive = gone(self.mark, END_S * self.patience)
        return [f"alive {END_S * self.patience:g} s after its parent: {described(pid)}" for pid in alive]

    # --- looking ------------------------------------------------------------------------------------------------

    @property
    def words(self) -> str:
        """Standard error of the last run."""
        return (self.folder / "stderr").read_text(errors="replace")

    def tasks_done(self) -> int:
        """How many the journal has by now."""
        return int(self.query("SELECT count(*) FROM task", 0))

    def query(self, sql: str, default: object) -> Any:
        """The first value that the journal answers, beside a run or after one."""
        try:
            with closing(sqlite3.connect(f"file:{self.home}/journal.sqlite?mode=ro", uri=True)) as db:
                row = db.execute(sql).fetchone()
        except sqlite3.Error:
            return default
        return default if row is None else row[0]

    def finish(self, expected: str) -> list[str]:
        """Runs it to the end; returns everything that is not as after an undisturbed run."""
        try:
            code = self.run()
        except subprocess.TimeoutExpired:
            return [f"hung for {LONGEST_S:g} s"]
        if code:
            return [f"the next run ended with exit code {code}: {self.words.strip()[-500:]}"]
        return [*self.output_wrong(expected), *self.left_over(), *self.blamed()]

    def digest(self) -> str:
        """Of the output; empty where there is none."""
        try:
            with open(self.output, "rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            return ""

    def output_wrong(self, expected: str) -> list[str]:
        """Lost and doubled ids, or anything else that makes it another file."""
        found = self.digest()
        if found == expected:
            return []
        return (self.job.oracle(self.output) or ["the bytes differ"]) if found else ["no output"]

    def left_over(self) -> list[str]:
        """What no run that ended well leaves behind."""
        known = {
            self.output,
            *(self.home / name for name in ("lock", "journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm")),
        }
        files = {path for top in (self.work, self.temporary) for path in top.rglob("*") if not path.is_dir()}
        known |= {self.home / "parts" / name for name in self.named()}
        runs = [*self.home.glob("run-*")]
        return [
            *(f"left over: {path.relative_to(self.folder)}" for path in sorted([*files - known, *runs])),
            *(f"left over: {path}" for path in sorted(self._semaphores) if Path(path).exists()),
            *self.survivors(),
        ]

    def named(self) -> list[str]:
        """The files that the journal speaks of."""
        with closing(sqlite3.connect(f"file:{self.home}/journal.sqlite?mode=ro", uri=True)) as db:
            rows = db.execute(
                "SELECT path FROM part WHERE path IS NOT NULL UNION SELECT path FROM segment"
                " UNION SELECT rejects FROM task WHERE rejects IS NOT NULL"
            )
            return [str(name) for (name,) in rows]

    def blamed(self) -> list[str]:
        """Chunks that are said to have killed a worker, now that all are done."""
        deaths = int(self.query("SELECT count(*) FROM death", -1))
        return [f"{deaths} chunks are blamed"] if deaths else []


def _kill(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
