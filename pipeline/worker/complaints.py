"""Complaints: every mistake of a job's steps and its aggregation at once, and none that is the echo of another."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from functools import partial

import polars as pl

from pipeline.metric_call import parse_call
from pipeline.model import AggregateSpec, Derive, Job, Select, Step, Where
from pipeline.reduce.aggregate import GroupBy
from pipeline.reduce.grammar import parse
from pipeline.reduce.transform import Transform
from pipeline.worker.compiled import record_schema


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with the config, by the path of the key at fault."""

    path: tuple[str | int, ...]
    problem: str


def complaints(job: Job) -> Iterator[Complaint]:
    """Of every step, whatever is wrong with those before it."""
    known = _Known(record_schema(job), frozenset())
    for number, step in enumerate(job.transform):
        faulty: list[Step] = []
        for path, part in _parts(step):
            if problem := known.problem(partial(Transform, (part,)), _reads(part)):
                faulty.append(part)
                yield Complaint(("transform", number, *path), problem)
        known = known.after(step, faulty)
    if job.aggregate is not None:
        yield from _of_aggregate(job.aggregate, known)


@dataclass(frozen=True, slots=True)
class _Known:
    """The columns at one place of the job."""

    schema: pl.Schema
    unknown: frozenset[str]
    """Those that a part at fault was to make: they may be of any type, so what speaks of them is not complained of."""

    def problem(self, build: Callable[[pl.Schema], object], columns: Collection[str]) -> str | None:
        """What is wrong with a part that reads `columns`."""
        if self.unknown.intersection(columns):
            return None
        try:
            build(self.schema)
        except ValueError as error:
            return str(error)
        return None

    def after(self, step: Step, faulty: Collection[Step]) -> _Known:
        """What is known behind a step some parts of which are at fault."""
        if isinstance(step, Where):
            return self
        schema = {} if isinstance(step, Select) else dict(self.schema)
        unknown = set() if isinstance(step, Select) else set(self.unknown)
        for _, part in _parts(step):
            [name] = _makes(part)
            if part in faulty or self.unknown.intersection(_reads(part)):
                unknown.add(name)
                schema.pop(name, None)
            else:
                unknown.discard(name)
                schema[name] = Transform((part,), self.schema).schema[name]
        return _Known(pl.Schema(schema), frozenset(unknown))


def _of_aggregate(spec: AggregateSpec, known: _Known) -> Iterator[Complaint]:
    bare = replace(spec, by=(), metrics=(), having=None, order_by=(), limit=None)
    tries: list[tuple[tuple[str | int, ...], AggregateSpec, tuple[str, ...]]] = [
        *((("by", number), replace(bare, by=(name,)), (name,)) for number, name in enumerate(spec.by)),
        *((("metrics", name), replace(bare, metrics=((name, call),)), _arguments(call)) for name, call in spec.metrics),
    ]
    found = [
        Complaint(("aggregate", *path), problem)
        for path, tried, columns in tries
        if (problem := known.problem(partial(GroupBy, tried), columns))
    ]
    every = [name for _, _, columns in tries for name in columns]
    if not found and (problem := known.problem(partial(GroupBy, spec), every)):
        found = [Complaint(("aggregate", "having") if spec.having else ("aggregate",), problem)]
    yield from found


def _parts(step: Step) -> Iterator[tuple[tuple[str | int, ...], Step]]:
    """The keys of a step and the smallest steps that can be tried alone."""
    match step:
        case Where():
            yield ("where",), step
        case Derive(columns):
            for name, expression in columns:
                yield ("derive", name), Derive(((name, expression),))
        case Select(columns):
            for number, name in enumerate(columns):
                yield ("select", number), Select((name,))


def _makes(part: Step) -> tuple[str, ...]:
    match part:
        case Derive(columns):
            return tuple(name for name, _ in columns)
        case Select(columns):
            return columns
    return ()


def _reads(part: Step) -> tuple[str, ...]:
    match part:
        case Where(text):
            return _columns(text)
        case Derive(columns):
            return tuple(name for _, text in columns for name in _columns(text))
        case Select(columns):
            return columns


def _columns(text: str) -> tuple[str, ...]:
    """The columns of an expression; none of one that cannot be read."""
    try:
        return tuple(node.name for node in parse(text).walk() if node.kind == "column")
    except ValueError:
        return ()


def _arguments(call: str) -> tuple[str, ...]:
    """The columns that a metric reads."""
    try:
        return tuple(name for text in parse_call(call).args[:1] for name in _columns(text))
    except ValueError:
        return ()
