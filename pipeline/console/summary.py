"""The summary: the machine-readable account of a run, for `--summary file.json` and the last line of `--log json`.

Its keys are a contract: later releases add keys, and neither rename nor drop one.
"""

from __future__ import annotations

from typing import TypeAlias

from pipeline.console.limit import limit
from pipeline.console.report import Report
from pipeline.console.totals import START, load

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"
"""What JSON can say."""


def summary(
    report: Report, exit_code: int = 0, error: str | None = None, rejects: str | None = None
) -> dict[str, Value]:
    """What the run did, as plain values that orjson takes. Sizes in bytes, times in seconds, shares from 0 to 1.

    `error` is the message the run ended with, `rejects` the path of the file of rejects.
    """
    totals = report.totals()
    busy = load(START, totals)
    limited = limit(busy)
    return {
        "job": totals.job,
        "exit_code": exit_code,
        "error": error,
        "wall_s": round(totals.at_s, 6),
        "starting_s": round(totals.starting_s, 6),
        "finishing_s": round(totals.finishing_s, 6),
        "workers": totals.workers,
        "machine_cores": totals.cores,
        "shards": totals.shards,
        "shards_same": totals.shards_same,
        "shards_fetched": totals.shards_fetched,
        "shards_skipped": totals.shards_skipped,
        "skipped": [{"name": shard.name, "reason": shard.reason} for shard in report.skipped],
        "chunks_left_out": [
            {"place": chunk.place, "reason": chunk.reason, "deaths": chunk.deaths} for chunk in report.chunks_left_out
        ],
        "notices": list(report.notices),
        "chunks": totals.chunks,
        "records": totals.records,
        "rejected": totals.rejected,
        "rejects": rejects,
        "rows_used": totals.rows,
        "bytes_planned": totals.bytes_planned,
        "bytes_read": totals.bytes_in,
        "bytes_over_network": totals.bytes_remote,
        "bytes_decoded": totals.bytes_decoded,
        "outputs": [{"path": out.path, "rows": out.rows, "bytes": out.bytes} for out in report.outputs],
        "retries": totals.retries,
        "worker_deaths": totals.deaths,
        "worker_wall_s": round(totals.task_wall_s, 6),
        "worker_cpu_s": round(totals.cpu_s, 6),
        "worker_idle_s": round(totals.idle_s, 6),
        "fetch_s": round(totals.fetch_s, 6),
        "fetch_waited_s": round(totals.waited_s, 6),
        "sink_s": round(totals.sink_s, 6),
        "busy": {
            "network": round(busy.network, 4),
            "source": round(busy.fetch, 4),
            "cores": round(busy.cores, 4),
            "disk": round(busy.disk, 4),
        },
        "limit": {"name": limited.name, "why": limited.why, "advice": limited.advice},
    }
