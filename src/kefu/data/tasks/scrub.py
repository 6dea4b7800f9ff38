"""Cleaning and masking of examples: offsets and tags stay right, or the text stays as it is and that is counted."""

from __future__ import annotations

from typing import Any

from kefu.data.clean import Cleaner
from kefu.data.edits import Edits
from kefu.data.exclusions import Exclusions, Notes
from kefu.data.tasks import spans, tags
from kefu.data.tasks.example import Example
from kefu.text import privacy
from kefu.text.language import detect
from kefu.text.normalise import fold

KEPT_CONTEXT = "context left as it is: an answer would move"


class Scrubber:
    """Applies `data.clean` to examples in place. Counts go to the step of its Cleaner; each example that was changed is one line."""

    def __init__(self, cleaner: Cleaner, noting: Exclusions | Notes) -> None:
        self._cleaner, self._noting = cleaner, noting
        self._contexts: dict[str, tuple[spans.Moved, list[str]]] = {}
        self._reasons: dict[str, None] = {}

    def __call__(self, example: Example, source: str, mask: bool) -> str:
        """The reason to drop the example, or an empty string."""
        step = self._cleaner.items
        before, self._reasons = example.text(), {}
        getattr(self, f"_{example.kind}")(example)
        if example.language in ("", "und"):
            example.language = detect(example.customer_text())
        if example.kind == "parallel":
            _languages(example)
        if reason := _unusable(example):
            return reason
        memory = None
        if mask:
            memory = privacy.Memory(language=example.language if example.language in ("zh", "en") else "")
            getattr(self, f"_mask_{example.kind}")(example, memory)
            if memory.counts:
                self._reasons["pii"] = None
            self._cleaner.remember(example.id, memory)
        if example.text() != before:
            reasons = list(self._reasons) or ["text cleaned"]
            step.changed.update(reasons)
            edits = Edits(lambda text: self._cleaner.through(text)[0])
            edits.add(reasons, before, example.text(), raw=True, masked=memory is not None)
            edits.tell(self._noting, step.unit, source, example.source, memory)
        return ""

    def _text(self, text: str) -> str:
        after, reasons = self._cleaner.through(text)
        self._reasons.update(dict.fromkeys(reasons))
        return after

    def _preference(self, example: Example) -> None:
        for key in ("prompt", "chosen", "rejected"):
            told = [{**message, "content": self._text(message["content"])} for message in example.values[key]]
            example.values[key] = [message for message in told if message["content"]]

    def _classification(self, example: Example) -> None:
        example.values["text"] = self._text(example.values["text"])

    def _parallel(self, example: Example) -> None:
        for key in ("source", "target"):
            example.values[key] = self._text(example.values[key])

    def _tokens(self, example: Example) -> None:
        example.values["tokens"] = tags.clean(example.values["tokens"], lambda token: self._text(token))

    def _qa(self, example: Example) -> None:
        values = example.values
        values["question"] = self._text(values["question"])
        values["title"] = self._text(values["title"]) if values["title"] else ""
        moved = self._moved(values["context"])
        if moved.before == moved.after:
            return
        texts, starts = [], []
        for text, start in zip(values["answers"]["text"], values["answers"]["answer_start"], strict=True):
            new_start, new_end = moved.span(start, start + len(text))
            found = moved.after[new_start:new_end]
            if fold(found) != fold(self._text(text)) or not found:
                self._cleaner.items.changed[KEPT_CONTEXT] += 1
                return
            texts.append(found)
            starts.append(new_start)
        values["context"] = moved.after
        values["answers"] = {"text": texts, "answer_start": starts}

    def _moved(self, context: str) -> spans.Moved:
        """The context cleaned; many questions share one."""
        if context not in self._contexts:
            if len(self._contexts) > 64:
                self._contexts.clear()
            after, reasons = self._cleaner.through(context)
            self._contexts[context] = spans.Moved(context, after), reasons
        moved, reasons = self._contexts[context]
        self._reasons.update(dict.fromkeys(reasons))
        return moved

    def _mask_preference(self, example: Example, memory: privacy.Memory) -> None:
        for key in ("prompt", "chosen", "rejected"):
            for message in example.values[key]:
                message["content"] = privacy.mask(message["content"], memory)

    def _mask_classification(self, example: Example, memory: privacy.Memory) -> None:
        example.values["text"] = privacy.mask(example.values["text"], memory)

    def _mask_parallel(self, example: Example, memory: privacy.Memory) -> None:
        for key in ("source", "target"):
            example.values[key] = privacy.mask(example.values[key], memory)

    def _mask_tokens(self, example: Example, memory: privacy.Memory) -> None:
        example.values["tokens"] = tags.mask(example.values["tokens"], memory)

    def _mask_qa(self, example: Example, memory: privacy.Memory) -> None:
        values = example.values
        found = privacy.replacements(values["context"], memory)
        context = spans.replaced(values["context"], found)
        texts, starts = [], []
        for text, start in zip(values["answers"]["text"], values["answers"]["answer_start"], strict=True):
            new_start, new_end = spans.shifted(start, start + len(text), found)
            texts.append(context[new_start:new_end])
            starts.append(new_start)
        values["context"], values["answers"] = context, {"text": texts, "answer_start": starts}
        values["question"] = privacy.mask(values["question"], memory)
        values["title"] = privacy.mask(values["title"], memory) if values["title"] else ""


def _languages(example: Example) -> None:
    values: dict[str, Any] = example.values
    for side in ("source", "target"):
        if values[f"{side}_language"] == "auto":
            values[f"{side}_language"] = detect(values[side])


def _unusable(example: Example) -> str:
    values = example.values
    if example.kind == "preference":
        if not any(message["role"] == "user" for message in values["prompt"]):
            return "no prompt"
        if not values["chosen"] or not values["rejected"]:
            return "no answer to choose" if not values["chosen"] else "no answer to reject"
        return "chosen and rejected are the same" if _same(values["chosen"], values["rejected"]) else ""
    if example.kind == "parallel":
        if not values["source"] or not values["target"]:
            return "no source text" if not values["source"] else "no target text"
        return "both sides are the same" if values["source"] == values["target"] else ""
    if example.kind == "qa":
        return "" if values["question"] and values["context"] else "no question" if not values["question"] else "no context"
    return "" if example.customer_text().strip() else "no words"


def _same(good: list[dict[str, str]], bad: list[dict[str, str]]) -> bool:
    return [(one["role"], one["content"]) for one in good] == [(one["role"], one["content"]) for one in bad]
