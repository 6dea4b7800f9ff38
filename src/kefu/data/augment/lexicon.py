"""Words that may stand for one another: ours (words/*.yaml) and the company's own file of the same form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from kefu.errors import InputError
from kefu.markup import Fault, read_yaml

LANGUAGES = ("zh", "en")
KINDS = {"zh": ("noun", "verb", "adverb", "time", "question", "adjective", "linking", "any"), "en": ("noun", "verb", "any", "inner")}


@dataclass
class Lexicon:
    """word -> (part of speech, words that may replace it), for one language."""

    others: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    groups: int = 0

    def add(self, kind: str, line: str) -> None:
        one_way = ">" in line
        parts = [part.strip() for part in line.replace(">", "|").split("|") if part.strip()]
        self.groups += 1
        for i, word in enumerate(parts):
            targets = tuple(p for k, p in enumerate(parts) if k != i and (not one_way or k > i))
            if targets:
                known = self.others.get(word)
                self.others[word] = (kind, tuple(dict.fromkeys([*(known[1] if known else ()), *targets])))

    @property
    def longest(self) -> int:
        return max((len(word) for word in self.others), default=0)


@lru_cache(maxsize=4)
def load(own: str = "") -> Mapping[str, Lexicon]:
    """`{language: Lexicon}` of the shipped words and, when given, the company's own file. Raises InputError for a file of another form."""
    found = {language: Lexicon() for language in LANGUAGES}
    folder = resources.files("kefu.data.augment").joinpath("words")
    for language in LANGUAGES:
        _fill(found, {language: yaml.safe_load(folder.joinpath(f"{language}.yaml").read_text("utf-8"))}, f"words/{language}.yaml")
    if own:
        path = Path(own)
        try:
            raw = read_yaml(path.read_text("utf-8"))
        except Fault as error:
            raise InputError(f"lexicon {error.place(path)}", f"not YAML ({error.said})", "correct that line") from None
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"lexicon {path}", str(error).split("\n")[0], "give a readable YAML file in UTF-8") from None
        _fill(found, raw, path.name)
    return found


def _fill(found: dict[str, Lexicon], raw: Any, where: str) -> None:
    form = "write `zh: {noun: ['a | b', 'c > d']}` and `en: {...}`"
    if not isinstance(raw, dict) or not raw:
        raise InputError(f"lexicon {where}", "it holds no languages", form)
    for language, kinds in raw.items():
        if language not in found:
            raise InputError(f"lexicon {where}: language {language!r}", f"known are {', '.join(LANGUAGES)}", form)
        if not isinstance(kinds, dict):
            raise InputError(f"lexicon {where}: {language}", "not a table of kinds", form)
        for kind, lines in kinds.items():
            if kind not in KINDS[language]:
                raise InputError(f"lexicon {where}: kind {kind!r} of {language}", f"known are {', '.join(KINDS[language])}", form)
            if not isinstance(lines, list):
                raise InputError(f"lexicon {where}: {language}.{kind}", "not a list", form)
            for line in lines:
                if not isinstance(line, str) or ("|" not in line and ">" not in line):
                    raise InputError(f"lexicon {where}: {line!r}", "one group is at least two words", form)
                found[language].add(kind, line)
