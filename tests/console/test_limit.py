"""What limits a run: a table of loads and the names they must be given."""

from dataclasses import replace

import pytest

from pipeline.console.limit import LimitName, Load, limit

IDLE = Load(
    wall_s=10,
    starting=0,
    finishing=0,
    fetch=0,
    remote=False,
    cores=0,
    disk=0,
    idle=0,
    held=0,
    workers=2,
    machine_cores=2,
)


@pytest.mark.parametrize(
    ("load", "name"),
    [
        pytest.param(replace(IDLE, starting=0.6, cores=0.9), "start-up", id="a small job is mostly start-up"),
        pytest.param(replace(IDLE, finishing=0.7, cores=0.9), "finish", id="many keys: combining takes longest"),
        pytest.param(replace(IDLE, starting=0.5, finishing=0.5), "start-up", id="of two phases, the first"),
        pytest.param(replace(IDLE, fetch=1, remote=True, cores=0.3, idle=0.7), "network", id="a slow server"),
        pytest.param(replace(IDLE, fetch=1, cores=0.3, idle=0.7), "source", id="a slow local disk"),
        pytest.param(replace(IDLE, fetch=0.3, remote=True, cores=0.95, held=0.7), "cores", id="fetch is held back"),
        pytest.param(replace(IDLE, fetch=0, cores=0.95), "cores", id="workers read plain files themselves"),
        pytest.param(
            replace(IDLE, fetch=0.9, remote=True, cores=0.9, idle=0.1), "network", id="balanced, idle workers"
        ),
        pytest.param(replace(IDLE, fetch=0.9, remote=True, cores=0.9, held=0.1), "cores", id="balanced, fetch held"),
        pytest.param(replace(IDLE, cores=0.5, disk=0.9), "disk", id="a slow disk"),
        pytest.param(replace(IDLE, cores=0.9, disk=0.95), "cores", id="writing beside full cores costs nothing"),
        pytest.param(replace(IDLE, cores=0.35, fetch=0.39, disk=0.2), "nothing", id="latencies add up"),
        pytest.param(replace(IDLE, cores=0.49), "nothing", id="half of the cores were free"),
        pytest.param(replace(IDLE, starting=0.4, cores=0.49), "start-up", id="a short run: the cores waited for it"),
        pytest.param(replace(IDLE, starting=0.3, cores=0.69), "start-up", id="busy for the rest of a short run"),
        pytest.param(replace(IDLE, starting=0.3, cores=0.7), "cores", id="busy, although the start took a while"),
        pytest.param(replace(IDLE, finishing=0.3, fetch=0.5), "finish", id="nothing else was busy"),
        pytest.param(IDLE, "nothing", id="nothing happened"),
    ],
)
def test_the_limit_is_what_one_would_need_more_of(load: Load, name: LimitName) -> None:
    """Each load has one limit, and a reader of the numbers would name the same."""
    assert limit(load).name == name


def test_the_reason_quotes_the_numbers_it_is_drawn_from() -> None:
    """A limit without its figures could not be doubted."""
    found = limit(replace(IDLE, fetch=0.97, remote=True, cores=0.31, idle=0.64))
    assert "97 %" in found.why
    assert "64 %" in found.why


def test_idle_cores_of_the_machine_are_pointed_out() -> None:
    """Where the workers are fewer than the cores, more workers are the advice; where not, more cores."""
    busy = replace(IDLE, cores=0.95, workers=2)
    assert limit(replace(busy, machine_cores=8)).advice == "run.workers: 8 would use the other 6"
    assert limit(busy).advice == "more cores help"


def test_nothing_is_said_to_have_waited_that_did_not() -> None:
    """A share of zero is left out of the sentence."""
    assert limit(replace(IDLE, cores=0.95)).why == "workers kept 95 % of 2 cores busy"
    assert limit(replace(IDLE, cores=0.95, workers=1)).why == "workers kept 95 % of 1 core busy"
