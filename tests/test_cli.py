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
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from pipeline.cli import main
from pipeline.sink.atomic import Disk
from pipeline.sink.place import Place
from pipeline.testing.thread_server import send_start, served


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
    assert sorted(os.listdir()) == [".pipeline", "a.csv", "job.yaml", "out", "summary.json"]


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


@pytest.mark.parametrize(("command", "columns", "code"), [("check", True, 0), ("check", False, 66), ("plan", True, 66)])
def test_a_config_is_checked_before_its_inputs_are_there(command: str, columns: bool, code: int) -> None:
    """`check` looks at no input where the config has the columns; `plan` lists what there is. They leave nothing."""
    parse = ", parse: {columns: {x: int64}}" if columns else ""
    done = pipeline(command, job(f"{{name: j, inputs: [gone.csv]{parse}, sink: out.csv}}"))
    assert done.returncode == code, done.stderr
    assert ("gone.csv: no such file" in done.stderr) == bool(code)
    assert [path.name for path in Path().iterdir()] == ["job.yaml"]


def test_an_input_pattern_is_checked_without_a_disk() -> None:
    """One that stands for too many names is a mistake of the config, whatever is there."""
    done = pipeline(
        "check",
        job("{name: j, inputs: ['a{0..99999}{0..99999}'], parse: {format: csv, columns: {x: int64}}, sink: o.csv}"),
    )
    assert (done.returncode, "stands for more than" in done.stderr) == (78, True)


@pytest.mark.parametrize("columns", ["columns: {x: int32}", "delimiter: ','"])
def test_mistakes_in_keys_hide_none_in_expressions(columns: str) -> None:
    """Unknown keys, braces and expressions are complained of together, whether columns are given or inferred."""
    Path("a.csv").write_text("x\n1\n")
    text = (
        f"name: j\ninputs: a.csv\nparse: {{{columns}}}\ntransform:\n  - where: y > 1\nrun: {{wokers: 2}}\nsink: o.csv\n"
    )
    done = pipeline("check", job(text))
    assert [line.split(": ")[:2] for line in done.stderr.splitlines()] == [
        ["job.yaml:5", "transform[0].where"],
        ["job.yaml:6", "run.wokers"],
    ]
    done = pipeline("run", job(text.replace("wokers: 2", "workers: 2").replace("a.csv", "'{1..999999}.csv'")))
    assert done.stderr.startswith("job.yaml:2: inputs: '{1..999999}.csv' stands for more than 500,000 names\n")
    assert ("job.yaml:5" in done.stderr) == columns.startswith("columns")


@pytest.mark.parametrize(
    ("inputs", "format", "place"),
    [("z/*", "", ["job.yaml:2", "inputs[0]"]), ("z/*.txt", "format: cvs, ", ["job.yaml:3", "parse.format"])],
)
def test_a_format_that_is_not_told_has_no_second_complaint(inputs: str, format: str, place: list[str]) -> None:
    """The mistake has its place, and hides neither unknown keys nor mistakes in expressions; nothing is said that only
    follows from it."""
    text = f"name: j\ninputs: [{inputs}]\nparse: {{{format}columns: {{x: int32}}}}\ntransform: [where: x > 1]\n"
    text = f"{text}run: {{wokers: 2}}\nsink: o.csv\n"
    for where, more in ("x > 1", []), ("y > 1", [["job.yaml:4", "transform[0].where"]]):
        done = pipeline("check", job(text.replace("x > 1", where)))
        found = [line.split(": ")[:2] for line in done.stderr.splitlines()]
        assert found == [place, *more, ["job.yaml:5", "run.wokers"]]


def test_mistakes_are_told_without_asking_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns that only a server knows are not asked for on account of a misspelt key; secrets stay secret."""
    monkeypatch.setenv("TOKEN", "hunter2")
    text = "name: j\ninputs: http://127.0.0.1:9/a.csv\ntransform:\n  - where: y > '${TOKEN}'\n"
    text += "run: {wokers: 2}\nsink: o.csv\n"
    assert pipeline("check", job(text)).stderr == "job.yaml:5: run.wokers: unknown key; did you mean 'workers'?\n"
    done = pipeline(
        "check", job(text.replace("y >", "hunter2 =").replace("wokers: 2}", "wokers: 2}\nparse: {columns: {x: int8}}"))
    )
    assert done.stderr.startswith("job.yaml:4: transform[0].where: no column '***'")
    assert "hunter2" not in done.stderr


def test_the_head_of_a_job_is_shown_and_nothing_kept() -> None:
    """--head N: the job over the first N records, as ndjson where standard output is no terminal."""
    Path("a.csv").write_text("x\n1\n2\n")
    Path("b.csv").write_text("x\n3\n4\n")
    config = job("{name: j, inputs: '*.csv', aggregate: {metrics: {n: count(), s: sum(x)}}, sink: out.csv}")
    done = pipeline("run", config, "--head", "3")
    assert (done.returncode, done.stdout) == (0, '{"n":3,"s":6}\n')
    assert sorted(path.name for path in Path().iterdir()) == ["a.csv", "b.csv", "job.yaml"]


def test_the_head_is_the_first_records_of_the_inputs_in_order() -> None:
    """--head N reads on, past the first megabyte of a shard, before it goes to the next; rejects are records."""
    for name in "ab":
        Path(f"{name}.csv").write_text(
            "x,y\n" + "".join(f"{name},{n}{'x' * (n % 50_000 == 49_999)}\n" for n in range(150_000))
        )
    config = job("{name: j, inputs: '*.csv', parse: {columns: {x: string, y: int32}}, sink: out.csv}")
    done = pipeline("run", config, "--head", "150001")
    rows = done.stdout.splitlines()
    assert (len(rows), rows[-2:]) == (149_998, ['{"x":"a","y":149998}', '{"x":"b","y":0}'])
    assert done.stderr.splitlines()[0] == "rejected: 3 of 150,001 records"
    assert done.stderr.splitlines()[1].startswith("  a.csv:50001: column 'y': ")


def test_a_bad_record_behind_the_head_is_not_met() -> None:
    """on_bad_record: fail ends a head that has a bad record among its first N, and no other."""
    Path("a.csv").write_text("x\n1\nbad\n")
    config = job("{name: j, inputs: a.csv, parse: {columns: {x: int32}, on_bad_record: fail}, sink: out.csv}")
    assert pipeline("run", config, "--head", "1").stdout == '{"x":1}\n'
    done = pipeline("run", config, "--head", "2")
    assert (done.returncode, done.stdout) == (65, "")
    assert "a.csv: line 3" in done.stderr


def test_the_head_is_written_as_a_sink_writes() -> None:
    """The same rows give the same text, whatever their types."""
    Path("a.csv").write_text("t,d,n\n2026-01-02 03:04:05,1.50,\n")
    config = job(
        "{name: j, inputs: a.csv, parse: {columns: {t: datetime, d: 'decimal(9,2)', n: date}}, sink: o.ndjson}"
    )
    assert pipeline("run", config, "--quiet").returncode == 0
    assert pipeline("run", config, "--head", "5").stdout == Path("o.ndjson").read_text()


@pytest.mark.parametrize("option", [["--summary", "s.json"], ["--quiet"], ["--log", "json"]])
def test_a_head_has_no_account(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What would be ignored is refused: exit 2."""
    assert main(["run", "j.yaml", "--head", "1", *option]) == 2
    assert "does not go with --head" in capsys.readouterr().err


def test_the_plan_lists_shards_in_order_and_keeps_nothing() -> None:
    """`plan`: sizes, columns and memory; no output."""
    for number in (10, 9):
        Path(f"{number}.csv").write_text("x\n1\n")
    done = pipeline("plan", job("{name: j, inputs: '*.csv', sink: out.csv}"), "--set", "run.memory=1GB")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:3] == [
        "4 B  new         9.csv",
        "4 B  new         10.csv",
        "2 shards, 8 B to read; at least 2 chunks of 16 MiB decoded",
    ]
    assert "columns: x: int64" in done.stdout
    assert not Path("out.csv").exists()


def test_the_plan_names_what_is_left_out_and_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shard that is gone has its line and its reason; credentials of URLs and of the environment have none."""
    monkeypatch.setenv("TOKEN", "hunter2")
    Path("hunter2").mkdir()
    Path("hunter2/a.csv").write_text("x\n1\n")
    url = "http://user:hunter3@127.0.0.1:9/a.csv?Signature=hunter4"
    inputs = f"['${{TOKEN}}/a.csv', gone.csv, '{url}']"
    config = job(
        f"{{name: j, inputs: {inputs}, fetch: {{on_missing: skip}}, parse: {{columns: {{x: int8}}}}, sink: o.csv}}"
    )
    done = pipeline("plan", config)
    assert done.stdout.splitlines()[:3] == [
        "         4 B  new         ***/a.csv",
        "size unknown  new         http://127.0.0.1:9/a.csv",
        "              left out    gone.csv: no such file",
    ]
    assert "hunter" not in done.stdout + done.stderr
    assert "hunter" not in pipeline("plan", config, "--set", "inputs=http://user:hunter5@h/{1..999999}").stderr


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ([], "required"),
        (["run"], "CONFIG"),
        (["run", "a.yaml", "--head", "0"], "'0' is not a number from 1"),
        (["run", "a.yaml", "--date", "tomorrow"], "'tomorrow' is not a date"),
        (["run", "a.yaml", "--set", "run.workers"], "'run.workers' is not KEY=VALUE"),
        (["walk", "a.yaml"], "invalid choice: 'walk'"),
    ],
)
def test_a_wrong_command_line_is_exit_2(args: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Usage errors say what was expected."""
    assert main(args) == 2
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


@pytest.mark.parametrize("command", ["plan", "check", "schema", "head", "dash"])
@pytest.mark.parametrize("stream", ["full", "closed"])
def test_results_that_cannot_be_written_are_an_output_error(command: str, stream: str) -> None:
    """Exit 73, and what is true of standard output, whichever command has results."""
    Path("a.csv").write_text("x\n1\n")
    config = job("{name: j, inputs: a.csv, sink: out.csv}")
    words = {"schema": "schema", "head": f"run {config} --head 1", "dash": f"run {config} --set sink=\"'-'\""}
    shell = f"exec {sys.executable} -m pipeline {words.get(command, f'{command} {config}')} "
    shell += ">/dev/full" if stream == "full" else ">&-"
    done = subprocess.run(["bash", "-c", shell], stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    assert done.returncode == 73, done.stderr
    assert done.stderr.startswith("pipeline: standard output: cannot be written: ")
    assert "sink" not in done.stderr


def test_a_closed_standard_error_is_no_fault() -> None:
    """`2>&-`: the run is done, and nothing of its account lands in a file that happens to have number 2."""
    Path("a.csv").write_text("x\n1\n")
    shell = f"exec {sys.executable} -m pipeline run {job('{name: j, inputs: a.csv, sink: out.csv}')} 2>&-"
    assert subprocess.run(["bash", "-c", shell], timeout=120, check=False).returncode == 0
    assert Path("out.csv").read_text() == "x\n1\n"


def test_a_reader_that_has_enough_does_not_end_a_file_beside() -> None:
    """`| head` with a second sink: the file gets every row."""
    Path("a.csv").write_text("x\n" + "1\n" * 100_000)
    config = job("{name: j, inputs: a.csv, sink: ['-', out.csv], run: {chunk: 16KiB}}")
    command = [sys.executable, "-m", "pipeline", "run", "--quiet", config]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert (process.stderr.read(), process.wait(120)) == (b"", 0)
    assert Path("out.csv").read_text() == "x\n" + "1\n" * 100_000


def test_an_output_that_another_run_writes_is_refused() -> None:
    """Exit 75, with the job and process to wait for, whatever that job is; nothing is read or touched."""
    Path("a.csv").write_text("x\n1\n")
    Path("out.csv").write_text("old")
    config = job("{name: second, inputs: a.csv, sink: out.csv}")
    other = Place("out.csv", job="first", run="r", disk=Disk())
    other.take()
    ended = pipeline("run", config)
    assert ended.returncode == 75
    assert f"out.csv: another run is writing this file (job first, process {os.getpid()})" in ended.stderr
    assert Path("out.csv").read_text() == "old"
    other.leave()
    assert pipeline("run", config).returncode == 0
    assert sorted(os.listdir()) == [".pipeline", "a.csv", "job.yaml", "out.csv"]


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


def test_the_summary_of_a_refused_run_names_the_rejects() -> None:
    """Exit 65 for too many rejects: how many, and the file that has them."""
    Path("a.csv").write_text("x\n1\nb\n")
    config = job("{name: j, inputs: a.csv, parse: {columns: {x: int8}}, sink: out.csv}")
    assert pipeline("run", config, "--summary", "s.json").returncode == 65
    account = json.loads(Path("s.json").read_bytes())
    assert (account["exit_code"], account["rejected"], account["rejects"]) == (65, 1, "j.rejects.ndjson")


def test_the_summary_is_no_input_of_the_next_run() -> None:
    """Globs skip what the job writes, its summary included."""
    Path("a.json").write_text('{"x": 1}\n')
    config = job("{name: j, inputs: '*.json', parse: {format: ndjson}, sink: out/o.csv}")
    assert [pipeline("run", config, "--summary", "s.json").returncode for _ in range(2)] == [0, 0]
    account = json.loads(Path("s.json").read_bytes())
    assert (account["shards"], account["shards_same"]) == (0, 1)


@pytest.mark.parametrize("path", ["job.yaml", "a.csv", "./out.csv"])
def test_a_summary_overwrites_nothing_of_the_job(path: str) -> None:
    """Exit 2 for the name of the config, an input or an output, and every one of them is as it was."""
    Path("a.csv").write_text("x\n1\n")
    Path("out.csv").write_text("old")
    config = job("{name: j, inputs: a.csv, sink: out.csv}")
    before = Path(path).read_text()
    assert pipeline("run", config, "--summary", path).returncode == 2
    assert Path(path).read_text() == before


def test_no_failure_is_silent() -> None:
    """--quiet --log json with exit 3: the last line says what was left out."""
    Path("a.csv").write_text("x\n1\n")
    config = job("{name: j, inputs: [a.csv, gone.csv], fetch: {on_missing: skip}, sink: out.csv}")
    done = pipeline("run", config, "--quiet", "--log", "json")
    assert done.returncode == 3
    last = json.loads(done.stderr)
    assert (last["event"], last["exit_code"], last["skipped"][0]["name"]) == ("run_ended", 3, "gone.csv")


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
    assert ".pipeline/j/" in done.stderr


@pytest.mark.parametrize(
    ("inputs", "sinks", "text"),
    [
        ("a.csv", "[o.csv, link.csv]", "sink[1]: sink[0] writes 'link.csv' already\n"),
        ("link.csv", "[x.csv, ./o.csv]", "sink[1]: would overwrite inputs[0]\n"),
        ("a.csv", "./j.rejects.ndjson", "sink: './j.rejects.ndjson' is where the rejects of this job go\n"),
        ("j.rejects.ndjson", "o.csv", "inputs: 'j.rejects.ndjson' would be overwritten by the file of rejects\n"),
        ("'{a,b}.csv'", "b.csv", "inputs: 'b.csv' would be overwritten by sink[0]\n"),
    ],
)
def test_a_file_has_one_part_in_a_job(inputs: str, sinks: str, text: str) -> None:
    """Input, output or rejects, whatever links, dots and braces lead there: exit 78, and nothing is touched."""
    Path("a.csv").write_text("x\n1\n")
    Path("link.csv").symlink_to("o.csv")
    done = pipeline("run", job(f"{{name: j, inputs: {inputs}, parse: {{format: csv}}, sink: {sinks}}}"))
    assert (done.returncode, done.stderr) == (78, f"job.yaml:1: {text}")


def test_a_run_that_fails_leaves_no_folder() -> None:
    """Folders made for outputs go with a run that shows none; those that were there stay."""
    Path("a.csv").write_text("x\n1\nb\n")
    Path("there").mkdir()
    config = job(
        "{name: j, inputs: a.csv, parse: {columns: {x: int8}, on_bad_record: fail}, sink: [o/p/q.csv, there/q.csv]}"
    )
    assert pipeline("run", config).returncode == 65
    assert sorted(os.listdir()) == [".pipeline", "a.csv", "job.yaml", "there"]


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

    def stall(request: BaseHTTPRequestHandler) -> None:
        send_start(request, 1000)
        request.wfile.write(b"x\n1\n")
        asked.set()
        done.wait(30)

    with served(stall) as address:
        try:
            yield f"{address}/a.csv", asked
        finally:
            done.set()


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
            [sys.executable, "-m", "pipeline", "run", config, "--quiet", "--summary", "s.json"],
            stderr=subprocess.PIPE,
            start_new_session=True,
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
    assert json.loads(Path("s.json").read_bytes())["exit_code"] == code
    assert not list(Path(".pipeline/j").glob("run-*"))
    deadline = time.monotonic() + 20
    while alive := members(process.pid):
        assert time.monotonic() < deadline, f"still alive: {alive}"


def test_looking_writes_nothing_below_the_state() -> None:
    """`plan`, `status` and `check` after a run, with types to infer: they work where it is read-only or full."""
    Path("a.csv").write_text("x\n1\n")
    config = job("{name: j, inputs: a.csv, sink: out.csv}")
    assert pipeline("run", config).returncode == 0

    def state() -> dict[str, int]:
        return {str(path): path.stat().st_mtime_ns for path in [Path(".pipeline"), *Path(".pipeline").rglob("*")]}

    before = state()
    for command in ("plan", "status", "check"):
        assert pipeline(command, config, "--set", "parse.delimiter=','").returncode == 0
    assert state() == before


@pytest.mark.parametrize("command", ["status", "reset"])
def test_the_line_of_a_run_can_be_repeated_with_another_verb(command: str) -> None:
    """--date and --set stand in the line of cron: they are no mistake where they mean nothing."""
    config = job("{name: j, inputs: a.csv, sink: out.csv}")
    done = pipeline(command, config, "--date", "2026-11-22", "--set", "run.workers=1")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_wrong_word_is_answered_with_the_usage_of_its_command() -> None:
    """What the command takes, not which commands there are; units of durations are in its help."""
    done = pipeline("run", "job.yaml", "--summry", "x")
    assert (done.returncode, done.stderr.startswith("usage: pipeline run ")) == (2, True)
    assert "500ms" in pipeline("run", "--help").stdout


def test_a_plan_says_what_a_run_would_read_and_write() -> None:
    """Of what is the same, nothing is read; each output has a line, and the run does what its line says."""
    for name in "abc":
        Path(f"{name}.csv").write_text("x\n1\n")
    config = job("{name: j, inputs: '?.csv', aggregate: {by: x, metrics: {n: count()}}, sink: [out/o.csv, out/o.json]}")

    def planned() -> list[str]:
        return [line for line in pipeline("plan", config).stdout.splitlines() if "to read" in line or "out/" in line]

    assert planned() == [
        "3 shards, 12 B to read; at least 3 chunks of 16 MiB decoded",
        "out/o.csv: will be written",
        "out/o.json: will be written",
    ]
    assert pipeline("run", config).returncode == 0
    assert planned() == ["3 shards: nothing to read", "out/o.csv: as it should be", "out/o.json: as it should be"]
    Path("out/o.csv").write_text("edited")
    Path("out/o.json").unlink()
    assert planned()[1:] == ["out/o.csv: edited: will be written", "out/o.json: missing: will be written"]
    assert pipeline("run", config).returncode == 0
    Path("c.csv").unlink()
    assert planned() == ["2 shards: nothing to read", "out/o.csv: will be written", "out/o.json: will be written"]
    Path("b.csv").write_text("x\n1\n2\n")
    assert planned()[0] == "1 of 2 shards, 6 B to read; at least 1 chunk of 16 MiB decoded"
