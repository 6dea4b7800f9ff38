"""Scenario files: what a customer says turn by turn, and what the replies must show.

    - id: zh-new-01
      kind: new_customer
      language: zh
      turns:
        - say: "你们的团队版多少钱？"
          expect: [{check: answer_id, is: Z001}]
      takeover: {at: 0}      # the customer turn at whose reply a person must take over; null: never; left out: not scored

The schema is strict. All faults of all files are reported at once, each with `file:line` and the nearest right name.
"""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from kefu.errors import ConfigError, InputError
from kefu.evals import checks
from kefu.evals.undesired import BEHAVIOURS
from kefu.markup import Fault, parse_yaml
from kefu.project import Loaded

KINDS = ("new_customer", "returning_customer", "complaint", "break", "compliance", "out_of_scope", "hand_off", "small_talk")
LANGUAGES = ("zh", "en")
NEVER = -1
_ID = re.compile(r"[\w.-]+", re.ASCII)
_KEYS = {"id": True, "kind": True, "language": True, "turns": True, "context": False, "takeover": False, "note": False}
_TURN_KEYS = {"say": True, "expect": False}
_CONTEXT_KEYS = ("customer", "tools", "images", "scripts")
_MAX_TURNS = 40


@dataclass(frozen=True)
class Ask:
    """One customer turn and the checks of its reply."""

    say: str
    expect: tuple[checks.Check, ...] = ()


@dataclass(frozen=True)
class Scenario:
    """`takeover`: index of the customer turn, `NEVER`, or None when the scenario does not judge it."""

    id: str
    kind: str
    language: str
    turns: tuple[Ask, ...]
    takeover: int | None = None
    context: dict[str, Any] = field(default_factory=dict)
    source: str = ""
    note: str = ""

    def answer_ids(self) -> set[str]:
        """Every entry that a check names."""
        named = [one.parameters for turn in self.turns for one in turn.expect if one.name == "answer_id"]
        return {name for parameters in named for name in (parameters["is"], *parameters.get("accept", []))}


def generic() -> list[Path]:
    """The scenario files shipped with kefu: industry-neutral, Chinese and English."""
    return sorted((Path(__file__).parent / "scenarios").glob("*.yaml"))


def load_scenarios(paths: Sequence[Path], known_ids: Collection[str] | None = None) -> list[Scenario]:
    """Read scenario files. `known_ids`: entries that exist; a check naming another is a fault.

    Raises ConfigError carrying every fault of every file.
    """
    faults: list[str] = []
    found: list[Scenario] = []
    first: dict[str, str] = {}
    for path in paths:
        for scenario in _Reader(path, faults).read():
            if scenario.id in first:
                faults.append(f"{scenario.source}: id {scenario.id!r} stands twice (first at {first[scenario.id]})")
            first.setdefault(scenario.id, scenario.source)
            if known_ids is not None:
                for name in sorted(scenario.answer_ids() - set(known_ids)):
                    faults.append(f"{scenario.source}: {scenario.id} expects answer {name!r}, which does not exist{_near(name, known_ids)}")
            found.append(scenario)
    if faults:
        count = f"{len(faults)} fault{'s' if len(faults) != 1 else ''}"
        raise ConfigError(f"the scenarios have {count}", faults[0], "correct the scenario files", faults=faults)
    return found


def load_all(project: Loaded, known_ids: Collection[str] | None = None) -> tuple[list[Scenario], int]:
    """The project's scenarios followed by the shipped ones, without those of `eval.skip`, and how many are the project's own.

    Raises ConfigError for every fault, and for a pattern of `eval.skip` that matches no scenario.
    """
    settings = project.settings.eval
    own = load_scenarios(project.files(settings.scenarios), known_ids) if settings.scenarios else []
    taken = {scenario.id for scenario in own}
    shipped = [scenario for scenario in load_scenarios(generic()) if scenario.id not in taken]
    ids = [scenario.id for scenario in (*own, *shipped)]
    idle = [pattern for pattern in settings.skip if not fnmatch.filter(ids, pattern)]
    if idle:
        faults = [f"eval.skip: no scenario matches {pattern!r}{_near(pattern, ids)}" for pattern in idle]
        raise ConfigError(f"eval.skip names {idle[0]!r}", "no scenario has that id", "correct eval.skip in kefu.yaml", faults=faults)
    own, shipped = ([one for one in part if not any(fnmatch.fnmatchcase(one.id, pattern) for pattern in settings.skip)] for part in (own, shipped))
    return own + shipped, len(own)


class _Reader:
    def __init__(self, path: Path, faults: list[str]) -> None:
        self.path, self.faults = path, faults
        self.lines: dict[tuple[Any, ...], int] = {}

    def read(self) -> list[Scenario]:
        rows = self._yaml()
        if rows is None:
            return []
        if not isinstance(rows, list):
            self._fault((), "the top must be a list of scenarios (lines that begin with `- id:`)")
            return []
        if not rows:
            self._fault((), "holds no scenario")
        return [one for one in (self._scenario(row, (i,)) for i, row in enumerate(rows)) if one]

    def _yaml(self) -> Any:
        try:
            text = self.path.read_bytes().decode("utf-8-sig")
            node, rows = parse_yaml(text, aliases=False)
            if node is None:
                return self._fault((), "holds no scenario")
            self._walk(node, ())
            return rows
        except UnicodeDecodeError as error:
            return self._fault((), f"not UTF-8 (byte {error.start}); save it as UTF-8")
        except OSError as error:
            raise InputError(f"cannot read {self.path}", error.strerror or "", "correct eval.scenarios in kefu.yaml") from None
        except Fault as error:
            self.lines[()] = error.line or 1
            return self._fault((), f"not YAML that can be used: {error.said}")

    def _walk(self, node: Any, place: tuple[Any, ...]) -> None:
        self.lines[place] = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                self._walk(value, (*place, key.value))
                self.lines[(*place, key.value)] = key.start_mark.line + 1
                if key.value in seen:
                    self._fault((*place, key.value), f"{key.value!r} stands twice in one block")
                seen.add(key.value)
        elif isinstance(node, yaml.SequenceNode):
            for i, value in enumerate(node.value):
                self._walk(value, (*place, i))

    def _place(self, where: tuple[Any, ...]) -> str:
        while where and where not in self.lines:
            where = where[:-1]
        return f"{self.path.name}:{self.lines.get(where, 1)}"

    def _fault(self, where: tuple[Any, ...], words: str) -> Any:
        """Note a fault; the None it returns stands for what could not be read."""
        self.faults.append(f"{self._place(where)}: {words}")

    def _keys(self, row: Mapping[Any, Any], known: Mapping[str, bool], where: tuple[Any, ...]) -> bool:
        for key in row:
            if key not in known:
                self._fault((*where, key), f"unknown key {key!r}{_near(str(key), known)}")
        missing = [key for key, needed in known.items() if needed and row.get(key) in (None, "", [])]
        for key in missing:
            self._fault(where, f"{key!r} is missing")
        return not missing

    def _choice(self, row: Mapping[Any, Any], key: str, choices: Sequence[str], where: tuple[Any, ...]) -> None:
        if row[key] not in choices:
            self._fault((*where, key), f"{key} {row[key]!r} is not one of {', '.join(choices)}{_near(str(row[key]), choices)}")

    def _scenario(self, row: Any, where: tuple[Any, ...]) -> Scenario | None:
        if not isinstance(row, dict):
            return self._fault(where, "a scenario must be `key: value` lines")
        before = len(self.faults)
        if not self._keys(row, _KEYS, where):
            return None
        if not isinstance(row["id"], str) or not _ID.fullmatch(row["id"]):
            self._fault((*where, "id"), f"id {row['id']!r} must be letters, digits, `-`, `_` and `.`")
        self._choice(row, "kind", KINDS, where)
        self._choice(row, "language", LANGUAGES, where)
        if not isinstance(row["turns"], list) or len(row["turns"]) > _MAX_TURNS:
            return self._fault((*where, "turns"), f"turns must be a list of 1 to {_MAX_TURNS}")
        turns = [self._turn(turn, (*where, "turns", i)) for i, turn in enumerate(row["turns"])]
        takeover = self._takeover(row, len(turns), where)
        context = row.get("context") or {}
        if not isinstance(context, dict):
            self._fault((*where, "context"), "context must be `key: value` lines")
        else:
            self._keys(context, dict.fromkeys(_CONTEXT_KEYS, False), (*where, "context"))
        if len(self.faults) == before and takeover is None and not any(turn and turn.expect for turn in turns):
            self._fault(where, "nothing is checked: give `expect` to a turn, or `takeover`")
        if len(self.faults) > before:
            return None
        good = tuple(turn for turn in turns if turn)
        return Scenario(row["id"], row["kind"], row["language"], good, takeover, context, self._place(where), str(row.get("note") or ""))

    def _takeover(self, row: Mapping[Any, Any], turns: int, where: tuple[Any, ...]) -> int | None:
        if "takeover" not in row:
            return None
        given = row["takeover"]
        if isinstance(given, dict):
            if "at" not in given or len(given) > 1:
                self._fault((*where, "takeover"), "takeover must be `{at: N}` or null")
                return None
            given = given["at"]
        if given is None:
            return NEVER
        if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given < turns:
            self._fault((*where, "takeover"), f"takeover at {given!r} is not a turn of this scenario (0 to {turns - 1})")
            return None
        return given

    def _turn(self, row: Any, where: tuple[Any, ...]) -> Ask | None:
        if not isinstance(row, dict):
            return self._fault(where, "a turn must be `say:` with `expect:`")
        if not self._keys(row, _TURN_KEYS, where):
            return None
        if not isinstance(row["say"], str):
            return self._fault((*where, "say"), f"say must be a text, got {row['say']!r}; quote it")
        expect = row.get("expect") or []
        if not isinstance(expect, list):
            return self._fault((*where, "expect"), "expect must be a list of checks")
        made = [self._check(one, (*where, "expect", i)) for i, one in enumerate(expect)]
        return Ask(row["say"], tuple(one for one in made if one))

    def _check(self, row: Any, where: tuple[Any, ...]) -> checks.Check | None:
        if not isinstance(row, dict) or not isinstance(row.get("check"), str):
            return self._fault(where, "a check must be `{check: NAME, ...}`")
        name = row["check"]
        if name not in checks.FACTORIES:
            return self._fault(where, f"unknown check {name!r}{_near(name, checks.FACTORIES)}")
        known = checks.parameters(name)
        given = {key: value for key, value in row.items() if key not in ("check", "undesired")}
        unknown = [key for key in given if key not in known]
        for key in unknown:
            self._fault((*where, key), f"unknown key {key!r} of check {name}{_near(str(key), [*known, 'undesired'])}")
        undesired = row.get("undesired") or ""
        if undesired and undesired not in BEHAVIOURS:
            return self._fault((*where, "undesired"), f"unknown behaviour {undesired!r}{_near(str(undesired), BEHAVIOURS)}")
        if unknown:
            return None
        try:
            return checks.make(name, given, undesired)
        except ValueError as error:
            return self._fault(where, f"check {name}: {error}")


def _near(word: str, known: Iterable[str]) -> str:
    names = list(known)
    close = difflib.get_close_matches(word, names, 1, 0.6)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(names)}" if len(names) <= 20 else ""
