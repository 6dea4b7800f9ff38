"""The assistant's own sentences, by key and language, and how to know them again in a conversation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from importlib import resources

import yaml

from kefu.errors import ConfigError
from kefu.project.schema import Assistant as Settings
from kefu.text.segment import is_han

#: Texts after which a customer turn counts as unanswered.
UNANSWERED = ("unknown", "suggest", "clarify", "unclear")
_NUMBERED = re.compile(r"[1-9]\. ")
_WAITING = ("handoff", "queue")
_DEFAULT_NAME = {"zh": "客服助手", "en": "the support assistant"}


@lru_cache(maxsize=1)
def _builtin() -> dict[str, dict[str, str]]:
    return yaml.safe_load(resources.files("kefu.assistant").joinpath("lexicon/texts.yaml").read_text("utf-8"))


class Texts:
    """Built-in texts with the project's own laid over them. Raises ConfigError for an unknown key."""

    def __init__(self, settings: Settings) -> None:
        own = {key: dict(by_language) for key, by_language in settings.texts.items()}
        for key in ("greeting", "unknown", "handoff"):
            own.setdefault(key, {}).update(getattr(settings, key))
        # A company that words the hand-off itself means every ordinary hand-off, not the crisis texts.
        for key in ("handoff_complaint", "handoff_repeated"):
            own[key] = {**own.get("handoff", {}), **own.get(key, {})}
        self._texts = {key: {**by_language, **own.pop(key, {})} for key, by_language in _builtin().items()}
        unknown = sorted(key for key, value in own.items() if value)
        if unknown:
            raise ConfigError(f"assistant.texts has no text {unknown[0]!r}", "", f"known: {', '.join(self._texts)}")
        self._name = settings.name
        said: dict[str, str] = {}
        for key, by_language in self._texts.items():
            for language in by_language:
                said.setdefault(self(key, language), key)
        self._said = said
        self._offers = {self("suggest", language).partition("\n")[0] for language in self._texts["suggest"]}

    def __call__(self, key: str, language: str) -> str:
        by_language = self._texts[key]
        text = by_language.get(language) or by_language.get("en" if language not in ("zh", "ja") else "zh") or next(iter(by_language.values()))
        return text.replace("{name}", self._called(language))

    def announce(self, said: Iterable[str]) -> None:
        """Sentences of the project's own rules after which a customer waits for a person."""
        for text in said:
            self._said.setdefault(text.strip(), "handoff")

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def known(self, said: str) -> str:
        """The key of the text that the assistant said, or an empty string."""
        return self._said.get(said.strip()) or ("suggest" if self.offered(said) else "")

    def suggest(self, language: str, questions: Sequence[str]) -> str:
        """The text that offers known questions, numbered from 1."""
        return self("suggest", language).replace("{questions}", "\n".join(f"{i}. {question}" for i, question in enumerate(questions, 1)))

    def offered(self, said: str) -> list[str]:
        """The questions that this agent turn offered, in order."""
        head = said.strip().partition("\n")[0]
        if head not in self._offers:
            return []
        return [line.partition(". ")[2].strip() for line in said.splitlines() if _NUMBERED.match(line)]

    def waiting(self, said: str) -> bool:
        """Whether this agent turn announced a person."""
        return self.known(said).startswith(_WAITING)

    def _called(self, language: str) -> str:
        if language != "zh" and any(map(is_han, self._name)):
            return _DEFAULT_NAME["en"]
        return self._name
