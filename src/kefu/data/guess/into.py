"""A proposed source into a project file: appended to data.sources, everything else of the file untouched."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from kefu.artifacts import write_text
from kefu.data.check import check_source
from kefu.data.guess.propose import Proposal
from kefu.errors import ConfigError, InputError
from kefu.markup import parse_yaml
from kefu.project import load

LEAST_SURE = 0.4


def append(proposal: Proposal, project: Path, *, write: bool = True) -> dict[str, Any]:
    """Write the source behind the last one, under a name of its own; returns the block. The new file is checked before it stands.

    write: False checks everything and writes nothing. Raises ConfigError and leaves the project as it was when the block does not fit it.
    """
    if proposal.confidence < LEAST_SURE:
        why = "; ".join([f"only {proposal.confidence:.0%} sure of shape {proposal.block['shape']}", *proposal.against[:2]])
        raise InputError(f"nothing was added to {project}", why, "look at `kefu data import --guess`, and paste what is right")
    target = project / "kefu.yaml" if project.is_dir() else project
    loaded = load(target)
    names = {source.name for source in loaded.settings.data.sources}
    block = placed(proposal, loaded.root).block
    stem, n = block["name"], 2
    while block["name"] in names:
        block["name"], n = f"{stem}_{n}", n + 1
    text = target.read_text("utf-8")
    made = _inserted(text, replace(proposal, block=block).yaml(), target)
    trial = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        write_text(trial, made)
        new = load(trial)
        if [source.name for source in new.settings.data.sources] != [*(s.name for s in loaded.settings.data.sources), block["name"]]:
            raise ConfigError(
                f"{target} cannot be added to", "its sources are written in a way that a line cannot follow", "paste the block yourself"
            )
        check_source(new.settings.data.sources[-1], new)
    finally:
        trial.unlink(missing_ok=True)
    if write:
        write_text(target, made)
    return block


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
