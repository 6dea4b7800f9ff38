"""A proposed source into a project file: appended to data.sources, everything else of the file untouched."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from kefu.artifacts import write_text
from kefu.data.check import check_source
from kefu.data.guess.propose import Proposal
from kefu.errors import ConfigError, InputError
from kefu.markup import Fault, parse_yaml
from kefu.project import load

LEAST_SURE = 0.4


def append(proposal: Proposal, project: Path, *, write: bool = True) -> dict[str, Any]:
    """Write the source behind the last one, under a name of its own; returns the block. The new file is checked before it stands.

    A folder without kefu.yaml, and a kefu.yaml without sources, begin with this one. write: False checks everything and writes nothing.

    Raises ConfigError and leaves the project as it was when the block does not fit it.
    """
    if proposal.confidence < LEAST_SURE:
        why = "; ".join([f"only {proposal.confidence:.0%} sure of shape {proposal.block['shape']}", *proposal.against[:2]])
        raise InputError(f"nothing was added to {project}", why, "look at `kefu data import --guess`, and paste what is right")
    target = project if project.suffix in (".yaml", ".yml") else project / "kefu.yaml"
    text = _text(target)
    empty = _empty(text)
    present = [] if empty else [source.name for source in load(target).settings.data.sources]
    names = set(present)
    block = placed(proposal, target.parent.resolve()).block
    stem, n = block["name"], 2
    while block["name"] in names:
        block["name"], n = f"{stem}_{n}", n + 1
    written = replace(proposal, block=block).yaml()
    made = _begun(text, written, target) if empty else _inserted(text, written, target)
    begun = not target.parent.exists()
    target.parent.mkdir(parents=True, exist_ok=True)
    trial = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        write_text(trial, made)
        new = load(trial)
        if [source.name for source in new.settings.data.sources] != [*present, block["name"]]:
            raise ConfigError(
                f"{target} cannot be added to", "its sources are written in a way that a line cannot follow", "paste the block yourself"
            )
        check_source(new.settings.data.sources[-1], new)
    finally:
        trial.unlink(missing_ok=True)
        if begun and not write:
            target.parent.rmdir()
    if write:
        write_text(target, made)
    return block


def _text(target: Path) -> str:
    """What kefu.yaml holds, else the beginning of one, named after its folder."""
    if target.exists():
        try:
            return target.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot read {target}", str(error), "give a project's folder, or its kefu.yaml") from None
    name = re.sub(r"[^a-z0-9_-]+", "-", target.parent.resolve().name.lower()).strip("-_")
    return f"name: {name if name[:1].isalnum() else 'project'}\n"


def _empty(text: str) -> bool:
    """Has it no source yet: no `data`, no `sources`, or an empty list? What is no YAML, or more than a mapping, `load` tells of."""
    try:
        node = parse_yaml(text)[0]
    except Fault:
        return False
    if node is not None and not isinstance(node, yaml.MappingNode):
        return False
    sources = _child(_child(node, "data"), "sources")
    return not sources.value if isinstance(sources, yaml.SequenceNode) else sources is None or _null(sources)


def _null(node: Any) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.value in ("", "null", "~")


def _begun(text: str, block: str, target: Path) -> str:
    """The text with its first source."""
    node = parse_yaml(text)[0]
    data_ = _child(node, "data")
    sources = _child(data_, "sources")
    lines = text.splitlines()
    if sources is None:
        if data_ is not None and not _null(data_) and (not isinstance(data_, yaml.MappingNode) or data_.flow_style):
            raise InputError(f"{target}: data is no block of lines", "a source cannot be put into it", "paste the block yourself")
        keys = [key for key, _ in node.value if key.value == "data"] if isinstance(node, yaml.MappingNode) else []
        place = keys[0].start_mark.line if keys else len(lines)
        inner = data_.start_mark.column if isinstance(data_, yaml.MappingNode) else 2
        if not keys:
            lines.append("data:")
        elif _null(data_):
            lines[place] = "data:"
        lines.insert(place + 1, " " * inner + "sources:")
        at, indent = place + 1, inner
    else:
        at = next(key.start_mark.line for key, value in data_.value if value is sources)
        indent = len(lines[at]) - len(lines[at].lstrip())
        if data_.flow_style or sources.end_mark.line > at + 1:
            raise InputError(f"{target}: data.sources is no list of lines", "a block cannot be put behind it", "paste the block yourself")
        lines[at] = " " * indent + "sources:"
    added = [" " * (indent + 2) + line for line in block.rstrip("\n").split("\n")]
    return "\n".join([*lines[: at + 1], *added, *lines[at + 1 :]]) + "\n"


def placed(proposal: Proposal, root: Path | None) -> Proposal:
    """The proposal with its path as the kefu.yaml in `root` must give it; without one the whole path, which any may give."""
    file = Path(proposal.block["path"])
    return replace(proposal, block={**proposal.block, "path": _relative(file, root.resolve()) if root is not None else str(file.absolute())})


def home(file: Path) -> Path | None:
    """The folder of the nearest kefu.yaml above a file."""
    return next((folder for folder in file.absolute().parents if (folder / "kefu.yaml").is_file()), None)


def _relative(file: Path, root: Path) -> str:
    file = file.parent.resolve() / file.name
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)


def _inserted(text: str, block: str, target: Path) -> str:
    """The text with the block's lines after the last item of data.sources, indented like the others."""
    node = parse_yaml(text)[0]
    sources = _child(_child(node, "data"), "sources")
    if not isinstance(sources, yaml.SequenceNode) or not sources.value or sources.flow_style:
        raise InputError(f"{target}: data.sources is no list of lines", "a block cannot be put behind it", "paste the block yourself")
    first = sources.value[0].start_mark
    lines = text.splitlines(keepends=True)
    dash = lines[first.line].index("-")
    last = sources.value[-1]
    end = last.end_mark.line if last.end_mark.column == 0 or not last.flow_style else last.end_mark.line + 1
    while end > last.start_mark.line + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1  # comments and blank lines in between belong to what follows
    if end and not lines[end - 1].endswith("\n"):
        lines[end - 1] += "\n"
    added = [" " * dash + line + "\n" for line in block.rstrip("\n").split("\n")]
    return "".join([*lines[:end], *added, *lines[end:]])


def _child(node: Any, key: str) -> Any:
    if isinstance(node, yaml.MappingNode):
        return next((value for name, value in node.value if name.value == key), None)
    return None
