"""The table of submitters in an export of Gradescope's, `submission_metadata.yml`: whose a submission is, from when."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import yaml

from autograder.roster import moment

_MAX_METADATA = 100_000_000  # bytes


class _Loader(yaml.SafeLoader):  # type: ignore[misc] # yaml ships no types
    """Reads Ruby's YAML: an object becomes the table or text that it is written as."""


def _plain_node(loader: yaml.SafeLoader, _: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    return loader.construct_sequence(node, deep=True) if isinstance(node, yaml.SequenceNode) else str(node.value)


_Loader.add_multi_constructor("!ruby/", _plain_node)


def read_table(path: Path | None) -> tuple[dict[str, Any], str]:
    """What the table says, and why it could not be read."""
    if path is None or path.stat().st_size > _MAX_METADATA:
        return {}, "the table of submitters is missing or too large"
    try:
        found = yaml.load(path.read_bytes(), _Loader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}, "the table of submitters cannot be read"
    return (found, "") if isinstance(found, dict) else ({}, "the table of submitters is no table")


def time_in(value: Any) -> datetime.datetime | None:
    """A time of Gradescope's; one without an offset is in UTC."""
    if isinstance(value, dict):
        value = value.get("utc", value.get("time"))
    if isinstance(value, str):
        value = moment(value)
    if not isinstance(value, datetime.datetime):
        return None
    return value.replace(tzinfo=datetime.UTC) if value.tzinfo is None else value.astimezone(datetime.UTC)
