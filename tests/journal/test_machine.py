"""Any order of plans, work, deaths, crashes and prunings: the journal has what a plain model of it has."""

import random
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pipeline.engine.recipe import encodings_of, recipe_of
from pipeline.engine.recorder import Entry
from pipeline.engine.work import work_of
from pipeline.journal import (
    Begin,
    Change,
    Died,
    Done,
    Ended,
    Journal,
    read_partials,
    read_rejects,
    read_segments,
    sort_key,
)
from pipeline.model import ChunkId, Job, Segment, Shard, ShardOrder, Slice, TablePart
from pipeline.testing.nouns import CSV, NDJSON, aggregating_job, outcome_of, rowwise_job, shard_of
from pipeline.testing.plans import plan_of

JOBS = (aggregating_job(), rowwise_job(CSV), rowwise_job(CSV, NDJSON))
ENCODINGS = encodings_of(JOBS[2])
NAMES = ("a", "b", "c.zip")
Key: TypeAlias = tuple[str, int]

LISTINGS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(["v1", "v2", None])), min_size=1, max_size=4)
PICK = st.integers(0, 99)


def tasks_of(name: str, version: str | None) -> list[Key]:
    """Of an input that is read whole: an archive from a server has two members."""
    members = ("000000000", "000000001") if name.endswith("zip") else ("",)
    return [(member, number) for member in members for number in range(1 + (version == "v2"))]


@dataclass
class Row:
    """What the model knows of a shard."""

    name: str
    version: str | None
    recipe: str
    tasks: int | None = None
    done: dict[Key, Done] = field(default_factory=dict)
    segments: dict[tuple[str, int, str], Segment] = field(default_factory=dict)
    dead: dict[Key, tuple[int, bool]] = field(default_factory=dict)

    def apply(self, change: Change) -> None:
        match change:
            case Begin(_, version, _):
                self.version, self.tasks = version, None
                self.done, self.segments, self.dead = {}, {}, {}
            case Ended(_, tasks):
                self.tasks = tasks
            case Died(_, member, id, deaths, poison):
                self.dead[member, id.number] = (deaths, poison)
                if poison:
                    self.done.pop((member, id.number), None)
                    self.segments = {at: each for at, each in self.segments.items() if at[:2] != (member, id.number)}
            case Done(_, member, outcome, encodings):
                key = (member, outcome.id.number)
                self.done[key] = change
                self.dead.pop(key, None)
                for rows in outcome.slices:
                    self.segments.update(((*key, of), each) for of, each in zip(encodings, rows.segments, strict=True))

    def settled(self, encodings: Iterable[str]) -> set[Key]:
        done = {key for key in self.done if all((*key, of) in self.segments for of in encodings)}
        return done | {key for key, (_, poison) in self.dead.items() if poison}

    @property
    def finished(self) -> bool:
        return self.tasks == len(self.done) + sum(poison for _, poison in self.dead.values())


class JournalMachine(RuleBasedStateMachine):
    """Runs of one job, cut short and gone on with, over a real journal."""

    journal_class: type[Journal] = Journal

    @initialize()
    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        (self.folder / "parts").mkdir()
        self.rows: dict[int, Row] = {}
        self.positions: list[tuple[ShardOrder, int]] = []
        self.entries: dict[ShardOrder, Entry] = {}
        self.shards: dict[ShardOrder, Shard] = {}
        self.job: Job = JOBS[0]
        self.told: list[Change] = []
        self.files = 0
        self._open()

    def _open(self) -> None:
        self.journal = self.journal_class(str(self.folder / "journal.sqlite"))
        self.journal._db.execute("PRAGMA synchronous = OFF")  # no power is cut here

    def teardown(self) -> None:
        if hasattr(self, "journal"):
            self.journal.close()
            shutil.rmtree(self.folder)

    # --- a run --------------------------------------------------------------------------------------------------

    @rule(listing=LISTINGS, job=st.sampled_from(JOBS))
    def plan(self, listing: list[tuple[str, str | None]], job: Job) -> None:
        """A new run: what the last one told and did not flush is lost with it."""
        self.told.clear()
        versions = dict(reversed(listing))  # an input that is listed twice has one version
        shards = [shard_of(at, version=versions[name], name=name) for at, (name, _) in enumerate(listing)]
        expected = [shard.order for shard in shards if self._has_work(shard, shards, job)]
        work = work_of(plan_of(job, shards, self.journal), self.journal)
        assert [shard.order for shard in work.shards] == expected
        self.job, self.entries = job, work.entries
        self.shards = {shard.order: shard for shard in shards}
        self.positions = [(shards[at].order, id) for at, (_, id, _) in enumerate(self.journal.positions())]
        for order, id in self.positions:
            self.rows.setdefault(id, Row(self.shards[order].name, self.shards[order].version, recipe_of(job)))
        for order, entry in self.entries.items():
            known = self.rows[entry.id]
            assert entry.settled == (known.settled(encodings_of(job)) if entry.version else set())
            if entry.version is None:
                entry.deaths = {}
                self.told.append(Begin(entry.id, self.shards[order].version, 100))

    @precondition(lambda self: self.shards)
    @rule(job=st.sampled_from(JOBS))
    def plan_again(self, job: Job) -> None:
        """The same inputs, as after a kill; perhaps with a sink more, or another job."""
        self.plan([(shard.name, shard.version) for shard in self.shards.values()], job)

    def _has_work(self, shard: Shard, shards: Sequence[Shard], job: Job) -> bool:
        if any(other.name == shard.name for other in shards[: shard.order[0]]):
            return False  # its twin has
        same = [row for row in self.rows.values() if (row.name, row.recipe) == (shard.name, recipe_of(job))]
        of_version = [row for row in same if row.version is not None and row.version == shard.version]
        return not of_version or of_version[-1].tasks != len(of_version[-1].settled(encodings_of(job)))

    @precondition(lambda self: self.entries)
    @rule(pick=PICK, inline=st.booleans(), rejects=st.booleans())
    def finish_a_task(self, pick: int, inline: bool, rejects: bool) -> None:
        """Any task that is left, in any order."""
        if left := self._left():
            order, key = left[pick % len(left)]
            self._finish(order, key, inline=inline, rejects=rejects)

    @precondition(lambda self: self.entries)
    @rule(pick=PICK)
    def lose_a_worker(self, pick: int) -> None:
        """The third time the chunk is poison."""
        if left := self._left():
            order, key = left[pick % len(left)]
            entry = self.entries[order]
            deaths = entry.deaths[key] = entry.deaths.get(key, 0) + 1
            id = ChunkId(order, key[1])
            self.told.append(Died(entry.id, key[0], id, deaths, deaths == 3, "killed", "place"))
            if deaths == 3:
                entry.settled |= {key}

    @precondition(lambda self: self.entries)
    @rule(pick=PICK)
    def end_a_shard(self, pick: int) -> None:
        """Fetch has sent all of its tasks; they may still be at work."""
        order = sorted(self.entries)[pick % len(self.entries)]
        self._end(order)

    @rule()
    def flush(self) -> None:
        """What was told becomes durable, all at once."""
        self.journal.apply(self.told)
        for change in self.told:
            self.rows[change.shard].apply(change)
        self.told.clear()

    @precondition(lambda self: self.told)
    @rule()
    def crash(self) -> None:
        """kill -9 in the middle of a transaction: nothing of it is there."""

        def changes() -> Iterable[Change]:
            yield from self.told
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            self.journal.apply(changes())
        self._restart()

    def _restart(self) -> None:
        self.journal.close()
        self._open()
        self.told.clear()
        self.entries.clear()

    @rule()
    def finish_the_run(self) -> None:
        """Law 4: whatever has happened, the result is then that of an undisturbed run, but for poison."""
        for order, key in self._left():
            self._finish(order, key, inline=True, rejects=False)
        for order in self.entries:
            self._end(order)
        worked = [(order, self.entries[order].id) for order in self.entries]
        self.flush()
        self.entries.clear()
        for order, id in worked:
            shard, row = self.shards[order], self.rows[id]
            assert row.settled(encodings_of(self.job)) == set(tasks_of(shard.name, shard.version))
            assert row.finished

    # --- what befalls a journal ---------------------------------------------------------------------------------

    @rule(what=st.sampled_from(["lose a file", "void", "leave out", "prune", "forgive", "forget"]), pick=PICK)
    def befall(self, what: str, pick: int) -> None:
        """What is rarer than work."""
        order = sorted(self.entries)[pick % len(self.entries)] if self.entries else None
        match what:
            case "lose a file":  # found at the start of a run
                self._lose_a_file(pick)
            case "void" if order is not None:  # an input has changed while it was read: the run ends
                self.flush()
                id = self.entries[order].id
                self.journal.void(id)
                self.rows[id].apply(Begin(id, None, 0))
                self.entries.clear()
            case "leave out" if order is not None:  # an input is gone when it is fetched
                self.journal.leave_out(sort_key(order), self.shards[order].name, "is gone")
                gone = {id for at, id in self.positions if at == order}
                self.positions = [(at, id) for at, id in self.positions if id not in gone]
                self.told = [change for change in self.told if change.shard != self.entries[order].id]
                del self.entries[order]
            case "prune":
                self.journal.prune(ENCODINGS)
                placed = {id for _, id in self.positions}
                self.rows = {id: row for id, row in self.rows.items() if id in placed}
            case "forgive":  # --retry-failed, before the plan
                self._restart()
                self.journal.forgive()
                for row in self.rows.values():
                    row.dead = {}
            case "forget":  # --fresh, before the plan
                self._restart()
                self.journal.forget()
                self.rows, self.positions = {}, []

    def _lose_a_file(self, pick: int) -> None:
        if files := sorted(self.journal.files()):
            self._restart()
            lost = files[pick % len(files)]
            self.journal.void_missing([lost])
            for row in self.rows.values():
                if lost in files_of(row):
                    row.apply(Begin(0, None, 0))

    # --- what must hold after every step ------------------------------------------------------------------------

    @invariant()
    def partials_are_in_canonical_order(self) -> None:
        """Law 3, and nothing twice but what is listed twice."""
        found = [[(part.table, part.rows) for part in parts] for parts in read_partials(self.journal.path)]
        assert found == [
            [(part.table, part.rows) for part in row.done[key].outcome.partial]
            for _, row in self._placed()
            for key in sorted(row.done)
            if row.done[key].outcome.partial
        ]

    @invariant()
    def segments_are_in_canonical_order(self) -> None:
        """The same for rows, one encoding at a time."""
        for encoding in ENCODINGS:
            found = [(id, Path(each.path).name) for id, each in read_segments(self.journal.path, encoding)]
            assert found == [
                (ChunkId((*order, *map(int, filter(None, [member]))), number), Path(each.path).name)
                for order, row in self._placed()
                for (member, number, of), each in sorted(row.segments.items(), key=lambda item: item[0])
                if of == encoding
            ]

    @invariant()
    def rejects_and_sums_count_what_is_placed(self) -> None:
        """Each record once a place."""
        done = [row.done[key].outcome for _, row in self._placed() for key in sorted(row.done)]
        rejects = [Path(outcome.rejects).name for outcome in done if outcome.rejects]
        assert [Path(file.path).name for file in read_rejects(self.journal.path)] == rejects
        rows = sum(part.rows for outcome in done for part in outcome.partial)
        assert self.journal.sums() == (sum(out.records for out in done), sum(out.rejected for out in done), rows)

    @invariant()
    def what_is_pending_is_known(self) -> None:
        """And what is settled, what is poison, and every file that is needed."""
        assert self.journal.unfinished() == [row.name for _, row in self._placed() if not row.finished]
        poison = [poison for _, row in self._placed() for _, poison in row.dead.values() if poison]
        assert len(self.journal.poison()) == len(poison)
        for recipe in map(recipe_of, JOBS[:2]):
            for encodings in ((), ENCODINGS[:1], ENCODINGS):
                expected = {id: len(row.settled(encodings)) for id, row in self.rows.items() if row.recipe == recipe}
                assert self.journal.settled(recipe, encodings) == expected
        assert self.journal.files() == set().union(*map(files_of, self.rows.values()))

    @invariant()
    def no_work_is_of_another_version(self) -> None:
        """A partial says what it was made of."""
        for row in self.rows.values():
            assert all(done.outcome.shard_name == f"{row.name} {row.version}" for done in row.done.values())

    # --- the model ----------------------------------------------------------------------------------------------

    def _placed(self) -> list[tuple[ShardOrder, Row]]:
        return [(order, self.rows[id]) for order, id in self.positions]

    def _left(self) -> list[tuple[ShardOrder, Key]]:
        return [
            (order, key)
            for order, entry in sorted(self.entries.items())
            for key in tasks_of(self.shards[order].name, self.shards[order].version)
            if key not in entry.settled
        ]

    def _finish(self, order: ShardOrder, key: Key, *, inline: bool, rejects: bool) -> None:
        entry, shard, (member, number) = self.entries[order], self.shards[order], key
        entry.settled |= {key}
        entry.deaths.pop(key, None)
        self.files += 1
        start = f"/parts/{self.files}"
        encodings = encodings_of(self.job)
        inner = (*order, *map(int, filter(None, [member])))
        outcome = outcome_of(
            inner,
            number,
            rejected=int(rejects),
            parts=() if encodings else [TablePart("main", self.files, None if inline else start, b"x")],
            slices=[Slice(number, tuple(Segment(f"{start}.{each}", 1, 1) for each in range(len(encodings))))]
            if encodings
            else (),
            rejects=f"{start}.rejects" if rejects else None,
        )
        outcome = replace(outcome, shard_name=f"{shard.name} {shard.version}")
        self.told.append(Done(entry.id, member, outcome, encodings))

    def _end(self, order: ShardOrder) -> None:
        shard = self.shards[order]
        self.told.append(Ended(self.entries[order].id, len(tasks_of(shard.name, shard.version))))


def files_of(row: Row) -> set[str]:
    outcomes = [done.outcome for done in row.done.values()]
    paths = [part.path for outcome in outcomes for part in outcome.partial if part.path]
    paths += [outcome.rejects for outcome in outcomes if outcome.rejects]
    return {Path(path).name for path in [*paths, *(each.path for each in row.segments.values())]}


LAWS = settings(
    max_examples=15,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def test_the_journal_is_as_its_model() -> None:
    """Whatever happens in whatever order."""
    run_state_machine_as_test(JournalMachine, settings=LAWS)


class HalfApplied(Journal):
    """A transaction a change."""

    def apply(self, changes: Iterable[Change]) -> None:
        for change in changes:
            super().apply([change])


class NeverVoid(Journal):
    """Another version of a shard goes on where the one before it was."""

    def apply(self, changes: Iterable[Change]) -> None:
        super().apply(change for change in changes if not isinstance(change, Begin))


class Trusting(Journal):
    """Files that are gone are not missed."""

    def void_missing(self, files: Iterable[str]) -> None:
        pass


class Blind(Journal):
    """A sink that was added later is taken to have what the others have."""

    def tasks_settled(self, shard: int, encodings: Sequence[str]) -> frozenset[tuple[str, int]]:
        return super().tasks_settled(shard, ())


class Hoarding(Journal):
    """Nothing is forgotten."""

    def prune(self, encodings: Sequence[str]) -> None:
        pass


class Vengeful(Journal):
    """A chunk that was done stays under suspicion."""

    def apply(self, changes: Iterable[Change]) -> None:
        before = self.deaths()
        super().apply(changes)
        for shard, member, number in before.keys() - self.deaths().keys():
            super().apply([Died(shard, member, ChunkId((0,), number), 1, True, "killed", "place")])


def walk(journal: type[Journal], seed: int, steps: int = 50) -> None:
    """The same machine on a path of its own, the same for the same seed, with more work and fewer disasters than
    hypothesis likes."""
    chance = random.Random(seed)
    machine = JournalMachine()
    machine.journal_class = journal
    machine.start()
    befalls = ["lose a file", "void", "leave out", "prune", "forgive", "forget"]
    try:
        for _ in range(steps):
            pick, job = chance.randrange(100), chance.choice(JOBS)
            names = chance.choices(NAMES, k=chance.randrange(1, 4))
            listing = [(name, chance.choice(["v1", "v1", "v2", None])) for name in names]
            moves: list[tuple[int, Callable[[], None]]] = [
                (2, partial(machine.plan, listing=listing, job=job)),
                (4, machine.flush),
                (2, partial(machine.befall, what=chance.choice(befalls), pick=pick)),
            ]
            if machine.shards:
                moves += [(2, partial(machine.plan_again, job=job)), (1, machine.finish_the_run)]
            if machine.told:
                moves.append((1, machine.crash))
            if machine.entries:
                task = partial(machine.finish_a_task, pick=pick, inline=chance.random() < 0.5, rejects=False)
                moves += [(6, task), (3, partial(machine.lose_a_worker, pick=pick))]
                moves.append((2, partial(machine.end_a_shard, pick=pick)))
            chance.choices([move for _, move in moves], [weight for weight, _ in moves])[0]()
            machine.partials_are_in_canonical_order()
            machine.segments_are_in_canonical_order()
            machine.rejects_and_sums_count_what_is_placed()
            machine.what_is_pending_is_known()
            machine.no_work_is_of_another_version()
    finally:
        machine.teardown()


def walk_all(journal: type[Journal], count: int) -> None:
    for seed in range(count):
        walk(journal, seed)


def test_the_journal_is_as_its_model_on_seeded_paths() -> None:
    """The paths on which the mutants below are found out."""
    walk_all(Journal, 8)


@pytest.mark.parametrize("journal", [HalfApplied, NeverVoid, Trusting, Blind, Hoarding, Vengeful])
def test_a_journal_without_one_of_its_guards_is_found_out(journal: type[Journal]) -> None:
    """The mutation twins: the model notices."""
    with pytest.raises((AssertionError, sqlite3.IntegrityError)):
        walk_all(journal, 40)
