"""The rules of the house that no linter knows. Each test says its rule; CONTRIBUTING.md says why."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from pipeline.errors import PipelineError

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT / "pipeline").rglob("*.py"))
TEST_MODULES = sorted((ROOT / "tests").rglob("*.py"))
BANNED_WORDS = {"util", "utils", "helper", "helpers", "common", "manager", "processed", "processing", "processor"}


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def words(name: str) -> list[str]:
    """The words of an identifier: `read_Some_CSVFile` to read, some, csv, file."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]


def is_banned(name: str) -> bool:
    """A banned word anywhere, or the verb `process` in front: an OS process is a noun."""
    found = words(name)
    return bool(BANNED_WORDS & set(found)) or (len(found) > 1 and found[0] == "process")


def names_defined(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every name that the module makes up itself: functions, classes, arguments, variables, attributes it sets."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.lineno, node.name
            case ast.arg(arg=name):
                yield node.lineno, name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield node.lineno, name
            case ast.alias(asname=str(name)):
                yield node.lineno, name
            case _:
                pass


def files_of_the_repository() -> list[Path]:
    """What git tracks or would add."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode != 0:
        pytest.skip("not a git work tree")
    return [ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]


def text_files() -> Iterator[tuple[Path, str]]:
    for path in files_of_the_repository():
        try:
            yield path, path.read_text("utf-8")
        except UnicodeDecodeError:
            continue


def test_no_module_is_longer_than_three_hundred_lines() -> None:
    """A module has one reason to change; past 300 lines it has two. The contract, model.py, is the one exception."""
    too_long = {
        shown(path): count
        for path in MODULES
        if (count := len(path.read_text("utf-8").splitlines())) > 300 and path != ROOT / "pipeline" / "model.py"
    }
    assert too_long == {}


def test_banned_words_name_nothing() -> None:
    """utils, helpers, common, manager, and `process` as our own verb are no names for a module or an identifier."""
    found = [f"{shown(path)}: module" for path in MODULES if is_banned(path.stem)]
    found += [
        f"{shown(path)}:{line}: {name}"
        for path in MODULES
        for line, name in names_defined(tree_of(path))
        if is_banned(name)
    ]
    assert found == []


@pytest.mark.parametrize("name", ["path_utils", "TaskManager", "process_chunk", "is_processed", "CSVHelpers"])
def test_the_word_check_finds_banned_words(name: str) -> None:
    """Banned words are found in snake case, in camel case, and as a leading verb."""
    assert is_banned(name)


@pytest.mark.parametrize("name", ["process", "worker_process", "processes", "commonest", "csv_file"])
def test_the_word_check_lets_nouns_pass(name: str) -> None:
    """An OS process is a noun of the house; words that only contain a banned one are not banned."""
    assert not is_banned(name)


@pytest.mark.parametrize("path", MODULES, ids=shown)
def test_the_first_line_of_a_module_says_what_it_does(path: Path) -> None:
    """Every module and package opens with a docstring whose first line is more than a word."""
    docstring = ast.get_docstring(tree_of(path))
    assert docstring, "no docstring"
    assert re.match(r".{10,}", docstring), f"says little: {docstring.splitlines()[0]!r}"


def test_every_package_is_declared() -> None:
    """A folder with modules has an `__init__.py`: import-linter does not see what is not a package."""
    assert [shown(path.parent) for path in MODULES if not (path.parent / "__init__.py").exists()] == []


def test_every_test_states_its_rule() -> None:
    """A test without a docstring checks nobody knows what."""
    silent = [
        f"{shown(path)}:{node.lineno}: {node.name}"
        for path in TEST_MODULES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert silent == []


def test_tests_are_no_packages() -> None:
    """Tests mirror `pipeline/` by path, not by import: two of them may have the same name."""
    assert [shown(path) for path in TEST_MODULES if path.name == "__init__.py"] == []


def test_no_file_names_the_machine_it_was_written_on() -> None:
    """No home folder, no path of this work tree and none of this interpreter in any file."""
    here = {str(ROOT), str(Path.home()), sys.base_prefix} - {"/", "/usr", "/usr/local"}
    pattern = re.compile(
        r"(?<![\w./])(?:" + "|".join(map(re.escape, sorted(here))) + r")(?![\w.-])|/(?:home|Users)/\w+/"
    )
    found = [
        f"{shown(path)}:{number}: {line.strip()[:100]}"
        for path, text in text_files()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line) and path != Path(__file__)
    ]
    assert found == []


def test_no_file_names_a_package_index() -> None:
    """Where packages come from is the affair of each machine: locks hold versions and hashes, and no address."""
    for lock in ("requirements.txt", "requirements-dev.txt"):
        text = (ROOT / lock).read_text("utf-8")
        assert not re.search(
            r"://|^\s*(-i|-f|--index-url|--extra-index-url|--find-links|--trusted-host)\b", text, re.M
        ), lock
    addresses = " ".join(value for name, value in os.environ.items() if re.fullmatch(r"(PIP|UV)_.*INDEX.*", name))
    hosts = set(re.findall(r"//(?:[^/@\s]*@)?([^/:\s]+)", addresses))
    assert [shown(path) for path, text in text_files() if any(host in text for host in hosts)] == []


def pins(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==([^\s;]+)", (ROOT / lock).read_text("utf-8"), re.M))


def test_both_locks_agree() -> None:
    """What is tested is what runs: every run-time pin stands in the development lock with the same version."""
    run, dev = pins("requirements.txt"), pins("requirements-dev.txt")
    assert run
    assert run.items() <= dev.items()


def test_the_locks_hold_every_declared_dependency() -> None:
    """A dependency of pyproject.toml that was never locked would be missing from a fresh machine."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    def names(requirements: list[str]) -> set[str]:
        return {re.split(r"[^\w.-]", line)[0].lower().replace(".", "-") for line in requirements}

    assert names(project["dependencies"]) <= pins("requirements.txt").keys()
    assert names(project["optional-dependencies"]["dev"]) <= pins("requirements-dev.txt").keys()


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))


def test_make_help_lists_every_target() -> None:
    """`make` without a target says what there is to do, all of it."""
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"^  make ([a-z]+) ", listed, re.M)) == make_targets()


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "data/README.md"])
def test_what_the_pages_name_exists(page: str) -> None:
    """Every make target, config, test, folder and linked file that a page names is there."""
    text = (ROOT / page).read_text("utf-8")
    targets = set(re.findall(r"(?:^|`|\$) *make ([a-z]+)", text, re.MULTILINE))
    named = set(re.findall(r"(?<![\w/.:-])((?:pipeline|configs|tests|data|\.ci|\.githooks)/[\w./{}*-]*[\w}*]/?)", text))
    named = {name for name in named if not set(name) & set("{}*")}
    named |= set(re.findall(r"\]\(([^)#:]+)\)", text))
    folder = (ROOT / page).parent
    absent = [name for name in sorted(named) if not ((ROOT / name).exists() or (folder / name).exists())]
    assert absent == []
    assert targets <= make_targets()


def test_the_job_in_the_readme_is_the_one_in_the_config() -> None:
    """What a newcomer reads is what `make run` runs."""
    shown_job = re.search(r"^```yaml\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert shown_job
    config = (ROOT / "configs" / "flights.yaml").read_text("utf-8")
    assert yaml.safe_load(shown_job[1]) == yaml.safe_load(config)


def test_the_readme_lists_every_exit_code() -> None:
    """A scheduler's author finds the code of each error that a run can end with."""
    listed = set(re.findall(r"^\| (\d+)", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE))
    assert {str(error.exit_code) for error in errors_of(PipelineError)} <= listed


def errors_of(error: type[PipelineError]) -> set[type[PipelineError]]:
    return {error}.union(*map(errors_of, error.__subclasses__()))


def test_scripts_can_be_run() -> None:
    """What git hooks, make and continuous integration call is executable."""
    scripts = [*(ROOT / ".ci").iterdir(), *(ROOT / ".githooks").iterdir()]
    assert [shown(path) for path in scripts if not os.access(path, os.X_OK)] == []
