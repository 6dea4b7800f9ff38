"""Rules as data: what a customer's words ask for, and what must not be said.

A rule file is a YAML list. One rule::

    - id: person.ask            # unique; shown in receipts
      kind: person              # what the turn is taken for; also the name of the reply text
      where: input              # input (default) or output
      action: handoff           # handoff | refuse | note (input); block (output)
      severity: hard            # hard: before the knowledge base; soft: see yields
      yields: topic             # soft: to a certain answer whose entry speaks of the same (topic), or to any certain one (certain)
      language: zh              # zh | en | any
      phrases: [转人工]          # literal; Latin ones match whole words
      regex: ['找.{0,4}真人']    # on the undisguised text (disguise.unmask): lower case, simplified, half-width
      unless: ['不要转人工']     # regexes that switch the rule off for this text
      except: [无风险试用]       # output only: longer phrases that are fine
      negatable: true           # output only: may stand after a negation (`不保本`, "no guaranteed return")
      reply: {zh: ..., en: ...} # instead of the built-in text of this kind

A project's own files have the same form and are laid after the built-in ones; a rule with a known id
replaces it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kefu.errors import ConfigError, InputError
from kefu.markup import Fault, read_yaml
from kefu.text.disguise import decoded, fold_char, unleet, unmask

BUILTIN = ("safety", "injection", "person", "legal", "complaint", "mood", "security", "privacy", "compliance", "illegal", "scope", "output")


class Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    id: str = Field(min_length=1, pattern=r"^[\w.-]+$")
    kind: str = "compliance"
    where: Literal["input", "output"] = "input"
    action: Literal["handoff", "refuse", "note", "block"] = "refuse"
    severity: Literal["hard", "soft"] = "hard"
    yields: Literal["certain", "topic"] = "topic"
    language: Literal["zh", "en", "any"] = "any"
    phrases: list[str] = []
    regex: list[str] = []
    unless: list[str] = []
    exceptions: list[str] = Field(default=[], alias="except")
    negatable: bool = True
    reply: dict[str, str] = {}

    def faults(self) -> list[str]:
        found = []
        if not self.phrases and not self.regex:
            found.append("needs phrases or regex")
        if self.where == "output" and self.regex:
            found.append("an output rule takes phrases only: a regex cannot be bounded on a stream")
        if self.where == "input" and (self.exceptions or self.action == "block"):
            found.append("`except` and `action: block` belong to output rules")
        found += [f"phrase {phrase!r} has no letter or digit" for phrase in self.phrases if not any(map(fold_char, phrase))]
        for pattern in [*self.regex, *self.unless]:
            try:
                re.compile(pattern)
            except re.error as error:
                found.append(f"regex {pattern!r}: {error}")
        return found


@dataclass(frozen=True, slots=True)
class Compiled:
    rule: Rule
    find: re.Pattern[str]
    unless: re.Pattern[str] | None

    def hits(self, text: str) -> bool:
        return self.find.search(text) is not None and not (self.unless is not None and self.unless.search(text))


class RuleBook:
    """All rules, in order of reading. `files` are the project's own; `handoff_phrases` call a person wherever they stand; `off`
    names built-in rules that do not apply."""

    def __init__(self, files: Sequence[Path] = (), handoff_phrases: Sequence[str] = (), off: Sequence[str] = ()) -> None:
        rules: dict[str, Rule] = {rule.id: rule for rule in builtin()}
        faults = [f"assistant.guard.off: no built-in rule {name!r}{_nearest(name, rules)}" for name in off if name not in rules]
        faults += [f"assistant.guard.off: {name!r} protects people and stays" for name in off if name in rules and rules[name].kind == "safety"]
        rules = {name: rule for name, rule in rules.items() if name not in off}
        for file in files:
            found, wrong = _read(file)
            faults += wrong
            rules.update((rule.id, rule) for rule in found)
        if handoff_phrases:
            own = Rule(id="settings.handoff_phrases", kind="person", action="handoff", phrases=list(handoff_phrases))
            rules[own.id] = own
            faults += [f"assistant.handoff_phrases: {fault}" for fault in own.faults()]
        if faults:
            raise ConfigError(f"{len(faults)} fault{'s' if len(faults) > 1 else ''} in the guard rules", faults[0], "correct the rule files", faults)
        self.rules = list(rules.values())
        self.input = [_compile(rule) for rule in self.rules if rule.where == "input"]
        self.output = [rule for rule in self.rules if rule.where == "output"]
        self._injection = [one for one in self.input if one.rule.kind == "injection"]

    def match(self, text: str) -> list[Rule]:
        """Input rules that speak for this text, in order, each once.

        Injection rules also read what hides behind digits-for-letters and base64.
        """
        plain = unmask(text)
        found = {one.rule.id: one.rule for one in self.input if one.hits(plain)}
        hidden = [unmask(inner) for inner in decoded(text)]
        for one in self._injection:
            if one.rule.id not in found and (one.hits(unleet(plain)) or any(one.hits(inner) for inner in hidden)):
                found[one.rule.id] = one.rule
        for inner in hidden:
            found |= {one.rule.id: one.rule for one in self.input if one.rule.severity == "hard" and one.hits(inner)}
        return list(found.values())

    def speaks_of(self, rule: Rule, texts: Iterable[str]) -> bool:
        """Whether a rule's words stand in any of these texts (the questions of a FAQ entry)."""
        one = next(one for one in self.input if one.rule.id == rule.id)
        return any(one.find.search(unmask(text)) for text in texts)


def _nearest(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), 1)
    return f"; did you mean {close[0]!r}?" if close else ""


@lru_cache(maxsize=1)
def builtin() -> tuple[Rule, ...]:
    folder = resources.files("kefu.assistant").joinpath("lexicon")
    rows = [row for name in BUILTIN for row in yaml.safe_load(folder.joinpath(f"{name}.yaml").read_text("utf-8"))]
    return tuple(Rule.model_validate(row) for row in rows)


def _read(file: Path) -> tuple[list[Rule], list[str]]:
    try:
        rows = read_yaml(file.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {file}", error.strerror or "", "correct assistant.guard.rules") from None
    except Fault as error:
        return [], [f"{error.place(file.name)}: not YAML ({error.said})"]
    except UnicodeDecodeError as error:
        return [], [f"{file.name}: not UTF-8 (byte {error.start})"]
    if not isinstance(rows, list):
        return [], [f"{file.name}: must be a list of rules"]
    rules, faults = [], []
    for i, row in enumerate(rows):
        name = f"{file.name}: rule {row.get('id', i + 1) if isinstance(row, dict) else i + 1}"
        try:
            rule = Rule.model_validate(row)
        except ValidationError as error:
            faults += [f"{name}: {'.'.join(map(str, one['loc'])) or 'rule'}: {one['msg']}" for one in error.errors()]
            continue
        faults += [f"{name}: {fault}" for fault in rule.faults()]
        rules.append(rule)
    return rules, faults


def _compile(rule: Rule) -> Compiled:
    # The patterns meet the undisguised text, so phrases are undisguised too.
    patterns = [*map(_literal, rule.phrases), *rule.regex]
    return Compiled(rule, _union(patterns), _union(rule.unless) if rule.unless else None)


def _union(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))


def _literal(phrase: str) -> str:
    plain = unmask(phrase)
    body = re.escape(plain).replace(r"\ ", r"\s+")
    before = r"(?<![a-z0-9])" if plain[:1].isascii() and plain[:1].isalnum() else ""
    after = r"(?![a-z0-9])" if plain[-1:].isascii() and plain[-1:].isalnum() else ""
    return before + body + after
