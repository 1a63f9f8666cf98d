"""The outputs of a run: all new or all old, also when the disk or the user steps in between."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import events
from pipeline.engine.outputs import Outputs, carried_through, show_rejects
from pipeline.errors import OutputError
from pipeline.model import Segment
from pipeline.protocols import Written
from pipeline.sink.devices import DeviceSink
from pipeline.sink.files import FileSink
from pipeline.sink.rejects_file import RejectsFile
from pipeline.testing.steps import Step, StepDisk, Steps, cancel, concatenating_join, fault

NAMES = ("a.csv", "b.csv", "job.rejects.ndjson")


class Run:
    """Two files and the rejects, old before and new after."""

    def __init__(self, folder: Path, step: Step = lambda _: None, device: str | None = None) -> None:
        self.folder = folder
        self.emitted: list[events.Event] = []
        disk, join = StepDisk(step), concatenating_join(step)
        self.sinks: list[FileSink | DeviceSink] = [
            FileSink(str(folder / name), join, job="job", run="r", disk=disk) for name in NAMES[:2]
        ]
        if device:
            self.sinks.append(DeviceSink(device, join, spool=str(folder / "spool"), disk=disk))
        self.rejects = RejectsFile(str(folder / NAMES[2]), 1, self._join_rejects, job="job", run="r", disk=disk)
        for name in NAMES:
            (folder / name).write_text("old")
        (folder / "segment").write_text("new")

    async def _join_rejects(self, path: str) -> None:
        await asyncio.to_thread(Path(path).write_text, "new")

    async def open(self) -> Outputs:
        for sink in self.sinks:
            await sink.open()
        outputs = Outputs(self.sinks, self.emitted.append)
        await outputs.write_result([Segment(str(self.folder / "segment"), 1, 3)] * len(self.sinks))
        return outputs

    async def close(self, left: tuple[str, ...] = ()) -> None:
        for sink in self.sinks:
            await sink.abort()
        (self.folder / "segment").unlink()
        assert sorted(path.name for path in self.folder.iterdir()) == sorted((*NAMES, *left))

    def seen(self) -> list[str]:
        return [(self.folder / name).read_text() for name in NAMES]


async def steps_of(folder: Path) -> list[str]:
    """The steps of a commit that goes well."""
    steps = Steps()
    run = Run(folder, steps)
    outputs = await run.open()
    before = len(steps.names)
    await outputs.commit(run.rejects)
    await run.close()
    assert run.seen() == ["new"] * 3
    return steps.names[before:]


def armed(action: Step, number: int) -> tuple[Steps, Callable[[], None]]:
    """Steps that act at the given step of the commit, counted from when they are armed."""
    steps = Steps(None, action)

    def arm() -> None:
        steps._at = len(steps.names) + number

    return steps, arm


async def test_everything_is_prepared_before_anything_is_shown(tmp_path: Path) -> None:
    """Two phases; the rejects come last, for they speak of the outputs."""
    verbs = [name for name in await steps_of(tmp_path) if name.startswith(("join", "rename"))]
    assert [name.split()[-1] for name in verbs] == [".a.csv.r.tmp", ".b.csv.r.tmp", *NAMES]


async def test_a_fault_of_the_disk_leaves_all_old_or_names_what_is_new(tmp_path: Path) -> None:
    """A full disk under any output leaves each as it was. Only renaming may fail later, and then it says so."""
    names = await steps_of(tmp_path)
    first_shown = next(number for number, name in enumerate(names) if name.startswith("rename"))
    for number, name in enumerate(names):
        steps, arm = armed(fault, number)
        run = Run(tmp_path, steps)
        outputs = await run.open()
        arm()
        if name.startswith("remove"):  # a lock file that stays does no harm: the next run takes it over
            await outputs.commit(run.rejects)
            assert run.seen() == ["new"] * 3
            await run.close(left=(name.removeprefix("remove "),))
            continue
        with pytest.raises(OutputError) as caught:
            await outputs.commit(run.rejects)
        shown = [event.path for event in run.emitted if isinstance(event, events.OutputCommitted)]
        assert all(path in caught.value.hint for path in shown), name
        if number <= first_shown:
            assert run.seen() == ["old"] * 3
        await run.close()


async def test_a_cancellation_at_any_step_leaves_all_old_or_returns_the_result(tmp_path: Path) -> None:
    """The caller can tell: cancelled means that every output is as it was."""
    loop = asyncio.get_running_loop()
    ends = set()
    for number in range(len(await steps_of(tmp_path))):
        tasks: list[asyncio.Task[tuple[Written, ...]]] = []
        steps, arm = armed(lambda _, tasks=tasks: cancel(tasks[0], loop), number)  # type: ignore[misc]
        run = Run(tmp_path, steps)
        outputs = await run.open()
        arm()
        tasks.append(asyncio.create_task(outputs.commit(run.rejects)))
        await asyncio.wait(tasks)
        ends.add(tasks[0].cancelled())
        if tasks[0].cancelled():
            assert run.seen() == ["old"] * 3
        else:
            assert [written.path for written in tasks[0].result()] == [str(tmp_path / name) for name in NAMES[:2]]
            assert run.seen() == ["new"] * 3
        await run.close()
    assert ends == {True, False}


async def test_what_cannot_be_taken_back_is_shown_first(tmp_path: Path) -> None:
    """A pipe or device may fail half-way: the files can still stay as they were."""
    run = Run(tmp_path, device="/dev/full")
    outputs = await run.open()
    with pytest.raises(OutputError, match="/dev/full"):
        await outputs.commit(run.rejects)
    await run.close()
    assert run.seen() == ["old"] * 3

    run = Run(tmp_path, device="/dev/null")
    outputs = await run.open()
    written = await outputs.commit(run.rejects)
    await run.close()
    assert [one.path for one in written] == [*(str(tmp_path / name) for name in NAMES[:2]), "/dev/null"]


async def test_rejects_are_shown_alone_where_a_run_is_refused(tmp_path: Path) -> None:
    """The message of exit 65 points at them."""
    run = Run(tmp_path)
    await run.open()
    await show_rejects(run.rejects)
    await run.close()
    assert run.seen() == ["old", "old", "new"]


async def test_a_dropped_cancellation_does_not_linger() -> None:
    """What is carried through ends with its result, and the task is not cancelled afterwards."""
    begun, go = asyncio.Event(), asyncio.Event()

    async def work() -> str:
        begun.set()
        await go.wait()
        return "done"

    async def body() -> tuple[str, int]:
        result = await carried_through(work())
        await asyncio.sleep(0)
        current = asyncio.current_task()
        assert current is not None
        return result, current.cancelling()

    task = asyncio.create_task(body())
    await begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    go.set()
    assert await task == ("done", 0)


async def test_an_error_of_what_is_carried_through_is_raised() -> None:
    """Carried through is not swallowed."""

    async def work() -> None:
        raise OutputError("x")

    with pytest.raises(OutputError, match="x"):
        await carried_through(work())
