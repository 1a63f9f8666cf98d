"""`make torture`: every kind of fault in turn, a table on the terminal, the results in a JSON file.

python -m tests.torture [--only kills,faults] [--seed 1] [--scale 0.1] [--results torture.json]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from tests.torture import faults, kills, models, poison, signals, starts, syscalls, workers
from tests.torture.bench import Bench, make_bench
from tests.torture.tally import Tally

KINDS: Final[dict[str, Callable[[Bench], Iterator[Tally]]]] = {
    "kills": kills.torture,
    "syscalls": syscalls.torture,
    "faults": faults.torture,
    "workers": workers.torture,
    "poison": poison.torture,
    "models": models.torture,
    "signals": signals.torture,
    "starts": starts.torture,
}


def main(argv: list[str]) -> int:
    """Returns 0 if nothing was wrong and nothing was left out, 1 if something was wrong, 2 for usage, 3 if something
    was skipped or Ctrl-C cut it short; what was tried until then is kept."""
    parser = argparse.ArgumentParser(prog="make torture", description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--only", default=",".join(KINDS), help="kinds of fault, with commas between them")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--scale", type=float, default=1.0, help="1: all of it, for hours; 0.05: some minutes")
    parser.add_argument("--patience", type=float, default=1.0, help="stretches limits of time, for a busy machine")
    parser.add_argument("--results", type=Path, default=Path("torture.json"))
    args = parser.parse_args(argv)
    if unknown := set(args.only.split(",")) - set(KINDS):
        parser.error(f"no such kind: {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}")
    since = time.time()
    _say(f"seed {args.seed}, scale {args.scale:g}")
    whole = True
    with tempfile.TemporaryDirectory(prefix="t") as folder:
        bench = make_bench(Path(folder), seed=args.seed, scale=args.scale, patience=args.patience)
        try:
            for kind in args.only.split(","):
                for tally in KINDS[kind](bench):
                    _say(_line(tally))
                    _write(args, since, bench.tallies)
        except KeyboardInterrupt:
            whole = False
            _say(f"cut short at: {_line(bench.tallies[-1])}")
            _write(args, since, bench.tallies)
    if any(tally.wrong for tally in bench.tallies):
        return 1
    return 0 if whole and not any(tally.skipped for tally in bench.tallies) else 3


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _line(tally: Tally) -> str:
    if tally.skipped:
        return f"SKIPPED  {tally.kind:9} {tally.case}: {tally.skipped}"
    figures = ", ".join(f"{name} {value:g}" for name, value in tally.figures.items())
    verdict = "good " if tally.good else "WRONG"
    lines = [
        f"{verdict}  {tally.kind:9} {tally.case:34} {tally.tried - len(tally.wrong):4} of {tally.tried:4}  {figures}"
    ]
    return "\n".join([*lines, *(f"       {each}" for each in tally.wrong)])


def _write(args: argparse.Namespace, since: float, tallies: list[Tally]) -> None:
    document: dict[str, Any] = {
        "seed": args.seed,
        "scale": args.scale,
        "patience": args.patience,
        "started": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(since)),
        "seconds": round(time.time() - since, 1),
        "python": platform.python_version(),
        "machine": platform.platform(),
        "cores": os.cpu_count(),
        "results": [tally.document() for tally in tallies],
    }
    args.results.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
