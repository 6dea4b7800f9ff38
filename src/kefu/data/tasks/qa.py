"""Questions on a text whose answers stand in it: SQuAD (v1, v2), CMRC and DRCD nesting, and flat rows."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from kefu.data import mapping

Columns = dict[str, str]


@dataclass
class Question:
    """One question as it was written. `answers`: (text, start or None)."""

    context: str
    text: str
    answers: list[tuple[str, int | None]] = field(default_factory=list)
    id: str = ""
    title: str = ""
    impossible: bool = False


def walk(row: dict[str, Any], columns: Columns, above: Question | None = None, depth: int = 0) -> Iterator[Question]:
    """Every question of a row, whatever it is nested in. Names are guessed anew on each level."""
    names = {
        **mapping.guess("qa", mapping.columns_of([row]), [row]),
        **{key: column for key, column in columns.items() if mapping.value(row, column) is not None},
    }
    here = Question("", "") if above is None else above
    context = mapping.text(row, names.get("context")) or here.context
    title = mapping.text(row, names.get("title")) or here.title
    inner = [
        item for key in ("paragraphs", "qas") if isinstance(items := mapping.value(row, names[key]) if key in names else None, list) for item in items
    ]
    if inner and depth < 4:
        for item in inner:
            if isinstance(item, dict):
                yield from walk(item, columns, Question(context, "", title=title), depth + 1)
        return
    found = Question(context, mapping.text(row, names.get("question")).strip(), id=mapping.text(row, names.get("id")), title=title)
    found.impossible = mapping.text(row, names.get("impossible")).casefold() in ("true", "1", "yes")
    given = mapping.value(row, names["answers"]) if "answers" in names else None
    starts = mapping.value(row, names["answer_start"]) if "answer_start" in names else None
    found.answers = list(_answers(given, starts))
    yield found


def _answers(given: Any, starts: Any) -> Iterator[tuple[str, int | None]]:
    if isinstance(given, str) and given.lstrip()[:1] in ("[", "{"):
        with contextlib.suppress(ValueError, RecursionError):
            given = json.loads(given)
    if isinstance(given, dict):  # {"text": […], "answer_start": […]}
        texts, places = given.get("text", given.get("texts")), given.get("answer_start", given.get("start"))
        yield from _answers(texts, places if places is not None else starts)
        return
    if not isinstance(given, list):
        given, starts = [given], [starts] if not isinstance(starts, list) else starts
    places = starts if isinstance(starts, list) else [None] * len(given)
    for n, item in enumerate(given):
        if isinstance(item, dict):
            yield from _answers(item.get("text", item.get("answer_text", item.get("answer"))), item.get("answer_start", item.get("start")))
        elif text := mapping.plain(item):
            yield text, _number(places[n]) if n < len(places) else None


def _number(value: Any) -> int | None:
    try:
        return int(value) if value is not None and int(value) >= 0 else None
    except (TypeError, ValueError, OverflowError):
        return None


def place(question: Question) -> tuple[dict[str, list[Any]], dict[str, int], str]:
    """(answers with offsets that hold, what had to be done, the reason why the question cannot be used)."""
    done: dict[str, int] = {}
    if not question.text:
        return {}, done, "no question"
    if not question.context.strip():
        return {}, done, "no context"
    texts: list[str] = []
    starts: list[int] = []
    for text, start in dict.fromkeys(question.answers):
        found = _find(question.context, text, start)
        if found is None:
            text, found = text.strip(), _find(question.context, text.strip(), start)
        if found is None or not text:
            done["answer not in the context"] = done.get("answer not in the context", 0) + 1
            continue
        if start is None and question.context.count(text) > 1:
            done["answer stands more than once, first place taken"] = done.get("answer stands more than once, first place taken", 0) + 1
        if start is not None and found != start:
            done["answer_start corrected"] = done.get("answer_start corrected", 0) + 1
        if (text, found) not in zip(texts, starts, strict=True):
            texts.append(text)
            starts.append(found)
    if question.answers and not texts and not question.impossible:
        return {}, done, "answer is not in the context"
    return {"text": texts, "answer_start": starts}, done, ""


def _find(context: str, text: str, start: int | None) -> int | None:
    """Where the text stands: at `start` if it does, else at the nearest place."""
    if not text:
        return None
    if start is not None and context.startswith(text, start):
        return start
    if start is None:
        place = context.find(text)
        return place if place >= 0 else None
    before, after = context.rfind(text, 0, start + len(text)), context.find(text, start)
    places = [place for place in (before, after) if place >= 0]
    return min(places, key=lambda place: abs(place - start)) if places else None
