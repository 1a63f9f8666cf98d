"""The command as a scheduler and a person meet it: exit codes, streams, signals. Real processes."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipeline.cli import main


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def pipeline(*args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline", *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def job(text: str) -> str:
    Path("job.yaml").write_text(text)
    return "job.yaml"


def test_a_run_says_what_it_did_and_leaves_only_its_output() -> None:
    """Exit 0; first rows, output, amounts, time, load and limit on standard error; nothing on standard output."""
    Path("a.csv").write_text("k,v\na,1\nb,2\na,3\n")
    config = job("{name: j, inputs: a.csv, aggregate: {by: k, metrics: {n: count(), s: sum(v)}}, sink: out/r.csv}")
    done = pipeline("run", config, "--summary", "summary.json")
    assert (done.returncode, done.stdout) == (0, "")
    for text in (
        "k  n  s\na  2  4\nb  1  2\n",
        "out/r.csv: 2 rows",
        "1 shard, 1 chunk, 3 records",
        "busy: ",
        "limit: ",
    ):
        assert text in done.stderr
    assert Path("out/r.csv").read_text() == "k,n,s\na,2,4\nb,1,2\n"
    assert json.loads(Path("summary.json").read_bytes())["records"] == 3
    assert sorted(path.name for path in Path().iterdir()) == ["a.csv", "job.yaml", "out", "summary.json"]


def test_cron_gets_no_mail_when_all_went_well() -> None:
    """--quiet: not a byte on either stream."""
    Path("a.csv").write_text("x\n1\n")
    done = pipeline("run", job("{name: j, inputs: a.csv, sink: out.csv}"), "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_results_alone_go_to_standard_output() -> None:
    """`-` can be piped: the account of the run stays on standard error."""
    Path("a.csv").write_text("x\n1\n")
    done = pipeline("run", job("{name: j, inputs: a.csv, sink: {path: '-', format: csv}}"))
    assert (done.returncode, done.stdout) == (0, "x\n1\n")
    assert "1 record" in done.stderr


@pytest.mark.parametrize(
    ("config", "code", "text"),
    [
        ("{name: j, inputs: gone.csv, sink: out.csv}", 66, "pipeline: gone.csv: no such file\n"),
        ("{name: j, inputs: a.csv, sink: a.csv/out.csv}", 73, "pipeline: a.csv/out.csv: "),
        ("{name: j, inputs: a.csv, parse: {columns: {x: date}}, sink: out.csv}", 65, "1 of 1 records were rejected"),
        ("{name: j, inputs: 'http://127.0.0.1:9/a.csv', fetch: {retries: 0}, sink: out.csv}", 69, "127.0.0.1:9"),
        ("{name: j, inputs: a.csv, sink: out.csv, on_error: x}", 78, "job.yaml:1: on_error: unknown key"),
        ("{name: j, inputs: a.csv, transform: [where: y > 1], sink: out.csv}", 78, "job.yaml:1: transform[0].where: "),
    ],
)
def test_a_failure_has_its_code_and_one_clear_line(config: str, code: int, text: str) -> None:
    """The exit codes of the contract; no traceback for what a user can cause."""
    Path("a.csv").write_text("x\n1\n")
    done = pipeline("run", job(config))
    assert done.returncode == code, done.stderr
    assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert not Path("out.csv").exists()


def test_what_was_left_out_by_choice_has_its_own_code() -> None:
    """Exit 3: done, but a shard was skipped, and named."""
    Path("a.csv").write_text("x\n1\n")
    done = pipeline("run", job("{name: j, inputs: [a.csv, gone.csv], fetch: {on_missing: skip}, sink: out.csv}"))
    assert done.returncode == 3
    assert "gone.csv" in done.stderr


def test_five_mistakes_are_five_lines() -> None:
    """All complaints at once, each with file, line and key."""
    done = pipeline(
        "check",
        job("name: J\ninputs: a.csv\nparse:\n  fromat: csv\nrun:\n  workers: many\n  chunk: 1GB\nsink: out.doc\n"),
    )
    assert done.returncode == 78
    places = [line.split(": ")[0] for line in done.stderr.splitlines()]
    assert places == ["job.yaml:1", "job.yaml:4", "job.yaml:6", "job.yaml:7", "job.yaml:8"]


def test_the_head_of_a_job_is_shown_and_nothing_kept() -> None:
    """--head N: the job over the first N records, as ndjson where standard output is no terminal."""
    Path("a.csv").write_text("x\n1\n2\n")
    Path("b.csv").write_text("x\n3\n4\n")
    config = job("{name: j, inputs: '*.csv', aggregate: {metrics: {n: count(), s: sum(x)}}, sink: out.csv}")
    done = pipeline("run", config, "--head", "3")
    assert (done.returncode, done.stdout) == (0, '{"n":3,"s":6}\n')
    assert sorted(path.name for path in Path().iterdir()) == ["a.csv", "b.csv", "job.yaml"]


def test_the_plan_lists_shards_in_order_and_keeps_nothing() -> None:
    """`plan`: sizes, columns and memory; no output."""
    for number in (10, 9):
        Path(f"{number}.csv").write_text("x\n1\n")
    done = pipeline("plan", job("{name: j, inputs: '*.csv', sink: out.csv}"), "--set", "run.memory=1GB")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:3] == [
        "4 B  9.csv",
        "4 B  10.csv",
        "2 shards, 8 B; at least 2 chunks of 16 MiB decoded",
    ]
    assert "columns: x: int64" in done.stdout
    assert not Path("out.csv").exists()


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ([], "required"),
        (["run"], "CONFIG"),
        (["run", "a.yaml", "--head", "0"], "'0' is not a number from 1"),
        (["run", "a.yaml", "--date", "tomorrow"], "'tomorrow' is not a date"),
        (["walk", "a.yaml"], "invalid choice: 'walk'"),
    ],
)
def test_a_wrong_command_line_is_exit_2(args: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Usage errors say what was expected."""
    with pytest.raises(SystemExit) as error:
        main(args)
    assert error.value.code == 2
    assert text in capsys.readouterr().err


def test_verbose_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    """-v: for those who want to know where."""
    assert main(["run", "gone.yaml", "-v"]) == 78
    assert "Traceback" in capsys.readouterr().err


def test_a_reader_that_has_enough_is_no_error() -> None:
    """`| head`: the run ends in silence and with success."""
    Path("a.csv").write_text("x\n" + "1\n" * 100_000)
    config = job("{name: j, inputs: a.csv, sink: '-', run: {chunk: 16KiB}}")
    command = [sys.executable, "-m", "pipeline", "run", config]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert (process.stderr.read(), process.wait(120)) == (b"", 0)


def test_secrets_stay_secret() -> None:
    """What came from the environment is in no message, no traceback and no summary."""
    Path("f").touch()
    Path("a.csv").write_text("x\n1\n")
    config = job("{name: j, inputs: a.csv, sink: 'f/${TOKEN}/o.csv'}")
    os.environ["TOKEN"] = "hunter2"
    try:
        done = pipeline("run", config, "--summary", "s.json", "-v")
    finally:
        del os.environ["TOKEN"]
    assert done.returncode == 73
    assert "hunter2" not in done.stderr + Path("s.json").read_text()


def test_the_summary_does_not_hide_the_error() -> None:
    """What ended the run is said, also where its summary cannot be written."""
    Path("dir").mkdir()
    done = pipeline("run", job("{name: j, inputs: gone.csv, sink: o.csv}"), "--summary", "dir")
    assert done.returncode == 66
    assert not list(Path().glob("dir.*"))


def test_a_full_disk_is_an_output_error() -> None:
    """Exit 73 and the path, also for what a run keeps while it works."""
    Path("a.csv").write_text("k\n" + "".join(f"key {n}\n" for n in range(60_000)))
    config = job("{name: j, inputs: a.csv, aggregate: {by: k, metrics: {n: count()}}, sink: o.csv}")
    limited = f"ulimit -f 200; exec {sys.executable} -m pipeline run {config}"
    done = subprocess.run(["bash", "-c", limited], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 73, done.stderr
    assert ".pipeline/j/run-" in done.stderr


CONFIGS = Path(__file__).parents[1] / "configs"


@pytest.mark.parametrize(
    ("name", "column", "total"), [("flights", "flights", 336_776), ("access_log", "requests", 1_200)]
)
def test_a_shipped_config_runs(name: str, column: str, total: int) -> None:
    """What needs no internet runs as it is shipped, with its known sum."""
    Path("data").symlink_to(CONFIGS.parent / "data")
    done = pipeline("run", str(CONFIGS / f"{name}.yaml"), "--quiet", "--set", "sink=out.ndjson")
    assert done.returncode == 0, done.stderr
    assert sum(json.loads(line)[column] for line in Path("out.ndjson").read_text().splitlines()) == total


@contextmanager
def stalling_server() -> Iterator[tuple[str, threading.Event]]:
    """A server that begins a body and never ends it; the event says that it was asked."""
    asked, done = threading.Event(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"x\n1\n")
            asked.set()
            done.wait(30)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/a.csv", asked
        finally:
            done.set()
            server.shutdown()
            thread.join()


def members(group: int) -> list[str]:
    """Processes of a group that are not over."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            name, _, rest = stat.read_text().rpartition(") ")
            state, _, of_group = rest.split()[:3]
            if int(of_group) == group and state != "Z":
                found.append(name)
    return found


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_in_good_order(number: signal.Signals, code: int) -> None:
    """Ctrl-C to the whole group: its code, one line, the old output, no folder, no child left."""
    Path("out.csv").write_text("old")
    with stalling_server() as (url, asked):
        config = job(f"{{name: j, inputs: '{url}', parse: {{columns: {{x: int8}}}}, sink: out.csv}}")
        with subprocess.Popen(
            [sys.executable, "-m", "pipeline", "run", config, "--quiet"], stderr=subprocess.PIPE, start_new_session=True
        ) as process:
            try:
                assert asked.wait(120)
                os.killpg(process.pid, number)
                _, stderr = process.communicate(timeout=120)
            finally:
                process.kill()
    assert process.returncode == code
    assert stderr.decode() == f"pipeline: stopped by {number.name}; each output is whole, the old one or the new one\n"
    assert Path("out.csv").read_text() == "old"
    assert not Path(".pipeline").exists()
    deadline = time.monotonic() + 20
    while alive := members(process.pid):
        assert time.monotonic() < deadline, f"still alive: {alive}"
