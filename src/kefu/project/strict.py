"""A YAML file against a strict model: every fault in one go, each with its line and the nearest right name.

`kefu.yaml` and the recipes of `kefu train` are read here.
"""

from __future__ import annotations

import difflib
import re
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from kefu.errors import ConfigError, InputError
from kefu.markup import Fault, parse_yaml, read_yaml

_FLAG = "--set "
_NEAR, _SURE = 0.6, 0.85  # likeness of names: a slip of the pen; one so small that the same name elsewhere is not meant
M = typing.TypeVar("M", bound=BaseModel)


def read(
    file: Path,
    model: type[M] | Callable[[dict[str, Any]], type[M]],
    overrides: Sequence[str] = (),
    fix: str = "correct it",
    start: str = "",
    shown: str = "",
) -> tuple[M, dict[str, str]]:
    """Settings of a file and where each came from (dotted key -> `file.yaml:12` or `flag`; absent: the default).

    model: the pydantic model, or a function that chooses it from the raw settings (flags applied).
    overrides: `dotted.key=value`. fix, start: the way out said for a faulty and for an empty file.
    shown: what to call the file, where it is not the user's own to correct.
    Raises ConfigError carrying every fault, InputError for an unreadable file.
    """
    raw, node = _parse(file, start)
    lines: dict[str, int] = {}
    _collect_lines(node, "", lines)
    faults = _duplicates(node, "")
    origins = {key: f"{file.name}:{line}" for key, line in lines.items()}
    flags: list[str] = []
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals:
            faults.append(f"--set {override}: expected key=value")
            continue
        try:
            fault = _assign(raw, key.strip(), read_yaml(value))
        except Fault as error:
            fault = f"--set {override[:80]}: not YAML ({error.said}); put it in quotes"
        faults += [fault] if fault else []
        origins[key.strip()] = "flag"
        flags.append(key.strip())
    chosen: type[M] = model if isinstance(model, type) else model(raw)  # type: ignore[assignment]
    try:
        settings = chosen.model_validate(raw)
    except ValidationError as error:
        faults += [_fault(entry, lines, file.name, chosen, flags) for entry in error.errors()]
        settings = None
    if faults or settings is None:
        count = f"{len(faults)} fault{'s' if len(faults) != 1 else ''}"
        if all(fault.startswith(_FLAG) for fault in faults):
            raise ConfigError("what was given with --set cannot be used", faults[0], "correct the flag", faults=faults)
        raise ConfigError(f"{shown or file} has {count}", faults[0], fix, faults=faults)
    return settings, origins


def _parse(file: Path, start: str) -> tuple[dict[str, Any], Any]:
    try:
        text = file.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{file}", f"not UTF-8 (byte {error.start})", "save the file as UTF-8") from None
    except OSError as error:
        raise InputError(f"cannot read {file}", error.strerror or "") from None
    try:
        node, raw = parse_yaml(text)
    except Fault as error:
        raise ConfigError(f"{error.place(file)} is not YAML that can be used", error.said, "correct that line") from None
    if not isinstance(raw, dict):
        raise ConfigError(f"{file} holds no settings", "the top must be `key: value` lines", start)
    return raw, node


def _assign(raw: dict[str, Any], key: str, value: Any) -> str:
    target: Any = raw
    *parents, last = key.split(".")
    for part in parents:
        if isinstance(target, list) and part.isdigit() and int(part) < len(target):
            target = target[int(part)]
        elif isinstance(target, dict):
            if target.get(part) is None:  # not there, or switched off: a key of it switches it on
                target[part] = {}
            target = target[part]
        else:
            return f"--set {key}: {part!r} is not a block"
    if not isinstance(target, dict):
        return f"--set {key}: {last!r} is not in a block"
    target[last] = value
    return ""


def _collect_lines(node: Any, prefix: str, lines: dict[str, int]) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            name = f"{prefix}.{key.value}" if prefix else str(key.value)
            lines[name] = key.start_mark.line + 1
            _collect_lines(value, name, lines)
    elif isinstance(node, yaml.SequenceNode):
        for i, value in enumerate(node.value):
            lines[f"{prefix}.{i}"] = value.start_mark.line + 1
            _collect_lines(value, f"{prefix}.{i}", lines)


def _duplicates(node: Any, prefix: str) -> list[str]:
    faults: list[str] = []
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            name = str(key.value)
            if name in seen:
                faults.append(f"line {key.start_mark.line + 1}: {prefix}{name} stands twice (first on line {seen[name]})")
            seen[name] = key.start_mark.line + 1
            faults += _duplicates(value, f"{prefix}{name}.")
    elif isinstance(node, yaml.SequenceNode):
        for i, value in enumerate(node.value):
            faults += _duplicates(value, f"{prefix}{i}.")
    return faults


def _fault(entry: Any, lines: dict[str, int], file: str, model: type[BaseModel], flags: Sequence[str]) -> str:
    """A fault with its place; what a flag has set is the flag's fault, whatever the file says around it."""
    location = [str(part) for part in entry["loc"]]
    key = ".".join(location)
    place = next((f"{file}:{lines[k]}: " for k in (key, ".".join(location[:-1])) if k in lines), f"{file}: ")
    begun = [] if key in lines else [flag for flag in flags if flag.startswith(f"{key}.")]  # a block that only flags have begun
    if flag := next((flag for flag in reversed(flags) if f"{key}.".startswith(f"{flag}.")), begun[-1] if begun else ""):
        place = f"{_FLAG}{flag}: "
    if entry["type"] == "extra_forbidden":
        return f"{place}unknown key {key!r}{_nearest(location, model)}"
    if entry["type"] == "missing":
        return f"{place}{key!r} is missing"
    given = entry.get("input")
    shown = "" if isinstance(given, dict | list) or "password" in entry["msg"] else f" (got {given!r})"  # a secret is not repeated
    near = difflib.get_close_matches(str(given), re.findall(r"'([^']*)'", entry["msg"]), 1, _NEAR) if entry["type"] == "literal_error" else []
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"{place}{key}: {entry['msg'].removeprefix('Value error, ')}{shown}{hint}"


def _nearest(location: list[str], model: type[BaseModel]) -> str:
    """Where the unknown key probably belongs: almost the name of one in its block, the block that has this very name, a near name in its own."""
    block = _block(model, location[:-1])
    homes = [".".join(filter(None, (path, location[-1]))) for path, one in _blocks(model) if location[-1] in one.model_fields]
    sure = _SURE if homes else _NEAR
    if block is not None and (close := difflib.get_close_matches(location[-1], block.model_fields, 1, sure)):
        return f"; did you mean {'.'.join([*location[:-1], close[0]])!r}?"
    if homes:
        return f"; {location[-1]!r} belongs in {homes[0].rpartition('.')[0] or 'the top level'!r}: {homes[0]}"
    known = ", ".join(block.model_fields) if block is not None else ""
    return f"; known here: {known}" if known else ""


def _model(annotation: Any) -> type[BaseModel] | None:
    for part in (annotation, *typing.get_args(annotation)):
        if isinstance(part, type) and issubclass(part, BaseModel):
            return part
        if typing.get_origin(part) in (dict, list) and part is not annotation and (inner := _model(part)):
            return inner
    return None


def _block(model: type[BaseModel], location: list[str]) -> type[BaseModel] | None:
    named = False  # the next part is a name of the user's, in a block of such
    for part in location:
        if part.isdigit() or named:
            named = False
            continue
        info = model.model_fields.get(part)
        named = info is not None and _named(info.annotation)
        inner = _model(info.annotation) if info else None
        if inner is None:
            return None
        model = inner
    return model


def _named(annotation: Any) -> bool:
    return any(typing.get_origin(part) is dict for part in (annotation, *typing.get_args(annotation)))


def _blocks(model: type[BaseModel], prefix: str = "") -> list[tuple[str, type[BaseModel]]]:
    found = [(prefix, model)]
    for name, info in model.model_fields.items():
        if inner := _model(info.annotation):
            found += _blocks(inner, f"{prefix}.{name}" if prefix else name)
    return found
