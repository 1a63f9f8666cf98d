"""Models: power cuts of the real commit code, and the stages of a run under a virtual clock, by the thousand."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.testing.power_cuts import power_cuts
from pipeline.testing.simulation import simulate
from tests.torture.bench import Bench
from tests.torture.tally import Tally

CUTS = 20_000
SEEDS = 10_000


def torture(bench: Bench) -> Iterator[Tally]:
    """All in this process: no disk is touched but for the files themselves, and no time passes."""
    seed = bench.rng("models").randrange(1 << 32)
    cuts = power_cuts(seed, bench.scaled(CUTS))
    tally = Tally("models", "power cuts")
    tally.tried, tally.wrong = cuts.cuts, [*cuts.lost, *cuts.corrupt]
    tally.figures = {"histories": cuts.histories, "lost": len(cuts.lost), "corrupt": len(cuts.corrupt)}
    yield tally
    runs = simulate(seed, bench.scaled(SEEDS))
    tally = Tally("models", "simulated runs")
    tally.tried, tally.wrong, tally.figures = runs.runs, runs.broken, {"seeds": runs.seeds}
    yield tally
