"""How many tokens a session of one's own data takes: counted with a tokenizer, or estimated by a rule that is said."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kefu.artifacts import Store, read_jsonl
from kefu.errors import InputError

#: Han characters of one token (Alibaba's metering page for Qwen says 1.5 to 1.8) and other characters of one token (Google's page for Gemini says 4).
HAN, OTHER = 1.5, 4.0
RULE = f"tokens by rule: {HAN:g} Han or {OTHER:g} other characters each"
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002ffff]")


@dataclass(frozen=True)
class Usage:
    """Of one session, on average: tokens sent (every turn sends what was said before) and tokens answered; of the training rows: all tokens."""

    name: str
    sessions: int
    input: float
    output: float
    training: int
    how: str
    prompt: int = 0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def usage(place: Path, tokenizer: Path | None = None, prompt: int = 0) -> Usage:
    """Of a project's newest dataset, or of a file of messages (JSONL). prompt: tokens of instructions and retrieved text sent with each turn.

    Raises InputError when there are no sessions.
    """
    count: Callable[[str], float] = estimate
    how = RULE
    if tokenizer:
        from kefu.data import tokens

        counted = tokens.counter(tokens.load(tokenizer))
        count, how = (lambda text: float(counted(text))), f"tokens counted with {tokenizer}"
    train, every = _files(place)
    # questions of an FAQ stand for sessions only where there are no dialogues of people
    talks = any(row.get("kind") == "dialogue" for file in every for row in read_jsonl(file))
    sent, said, sessions, learnt = 0.0, 0.0, 0, 0.0
    for file in every:
        for row in read_jsonl(file):
            turns = _turns(row, file)
            lengths = [(role, count(text)) for role, text in turns]
            learnt += sum(length for _, length in lengths) if file in train else 0
            if not any(role == "assistant" for role, _ in lengths):
                continue
            if talks and row.get("kind") != "dialogue":
                continue
            sessions += 1
            so_far = 0.0
            for role, length in lengths:
                if role == "assistant":
                    sent, said = sent + so_far + prompt, said + length
                so_far += length
    if not sessions:
        raise InputError(f"{place} holds no session", "no row has an agent's turn", "build the dataset: kefu data build")
    return Usage(str(place), sessions, sent / sessions, said / sessions, round(learnt), how, prompt)


def estimate(text: str) -> float:
    """Tokens of a text by `RULE`."""
    han = len(_HAN.findall(text))
    return han / HAN + (len(text) - han) / OTHER


def _files(place: Path) -> tuple[list[Path], list[Path]]:
    """(training files, all files)."""
    if place.is_file():
        return [place], [place]
    made = [Store(place / "build").newest("data", folder.name) for folder in sorted((place / "build" / "data").glob("*")) if folder.is_dir()]
    found = [artifact.path for artifact in made if artifact]
    if not found:
        raise InputError(f"no dataset in {place}", "there is no build/data", "build one (kefu data build), or name a file of messages (JSONL)")
    files = [found[0] / f"messages.{split}.jsonl" for split in ("train", "validation", "test")]
    there = [file for file in files if file.is_file()]
    return there[:1], there


def _turns(row: dict[str, Any], file: Path) -> list[tuple[str, str]]:
    given = row.get("messages")
    if isinstance(given, list):
        return [(str(one.get("role", "")), str(one.get("content", ""))) for one in given if isinstance(one, dict)]
    from kefu.train.factory.data import named
    from kefu.train.methods import dialogue

    fields = named(row, "messages", {}, file.name)
    if fields.get("messages") is None and fields.get("instruction") is None:
        has = ", ".join(row) or "nothing"
        raise InputError(f"{file.name} has a row without messages", f"it has {has}", "give a file of messages, or of questions and answers (JSONL)")
    return [(one["role"], one["content"]) for one in dialogue.conversation(fields)]
