"""Rows to examples, for the shapes that are no conversations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from kefu.data import mapping, naming
from kefu.data.readers import Row
from kefu.data.shapes import Former
from kefu.data.tasks import preference, qa, tags
from kefu.data.tasks.example import Example
from kefu.text import privacy

SHAPES = ("preference", "classification", "tags", "qa", "parallel")


class ExampleFormer(Former):
    """Makes the examples of one source; `step` counts its rows."""

    def look(self, head: list[Row], root: Path) -> None:
        """See the first rows: one label or several, which tagging scheme."""
        rows = [row.values for row in head]
        if self.source.shape == "classification":
            column = self.columns["label"]
            several = bool(self.source.label_separator) or any(isinstance(_list(mapping.value(row, column)), list) for row in rows)
            self.notes["multi_label"] = several
        if self.source.shape == "tags":
            read = (tags.form(self._cell(row, "tokens"), self._cell(row, "tags"), self.source.labels) for row in rows)
            found = tags.scheme_of(one[1] for one in read)
            self.notes["scheme"] = found if self.source.scheme == "auto" else self.source.scheme

    def form(self, rows: Iterator[Row]) -> Iterator[Example]:
        make = {
            "preference": self._preference, "classification": self._classification, "tags": self._tags, "qa": self._qa, "parallel": self._parallel,
        }[self.source.shape]  # fmt: skip
        for row in rows:
            if self._take(row):
                yield from make(row)

    def _cell(self, row: dict[str, Any], field: str) -> Any:
        return mapping.value(row, self.columns[field]) if field in self.columns else None

    def _one(self, row: Row, kind: str, values: dict[str, Any]) -> Iterator[Example]:
        self.step.kept += 1
        yield self._example(row, kind, values, self._get(row.values, "id"))

    def _example(self, row: Row, kind: str, values: dict[str, Any], name: str, group: str = "") -> Example:
        group = naming.id_of(group or self._get(row.values, "group"))
        return Example(
            id=self._id(name, row.where), kind=kind, values=values, language=self._language(row.values) or "und", source=row.where,
            category=privacy.mask(self._get(row.values, "category")) or self.source.category, group=f"{self.source.name}/{group}" if group else "",
        )  # fmt: skip

    def _count(self, name: str, n: int = 1) -> None:
        self.notes[name] = self.notes.get(name, 0) + n

    def _preference(self, row: Row) -> Iterator[Example]:
        system = self._get(row.values, "system")
        values, reason = preference.form(
            self._cell(row.values, "prompt"), self._cell(row.values, "chosen"), self._cell(row.values, "rejected"), system
        )
        if reason:
            self._out(row, reason)
        else:
            yield from self._one(row, "preference", values)

    def _classification(self, row: Row) -> Iterator[Example]:
        text, given = self._get(row.values, "text"), _list(self._cell(row.values, "label"))
        if not text:
            self._out(row, "no text")
            return
        if self.notes["multi_label"]:
            if isinstance(given, list):
                found = [mapping.plain(item).strip() for item in given]
            else:
                told = mapping.plain(given)
                found = told.split(self.source.label_separator) if self.source.label_separator else [told]
                if not told.strip():
                    self._out(row, "no label")
                    return
            labels = [self._named(label.strip()) for label in dict.fromkeys(found) if label.strip()]
            if None in labels:
                self._out(row, "a label that `labels` does not name")
                return
            yield from self._one(row, "classification", {"text": text, "labels": labels})
            return
        label = self._named(mapping.plain(given).strip())
        if not label:
            self._out(row, "no label" if label is not None else "a label that `labels` does not name")
            return
        yield from self._one(row, "classification", {"text": text, "label": label})

    def _named(self, label: str) -> str | None:
        """The name of a numeric label, where names are given. None: it has none."""
        names = self.source.labels
        if not names or label in names:
            return label
        return names[int(label)] if label.isdigit() and int(label) < len(names) else None if label else ""

    def _tags(self, row: Row) -> Iterator[Example]:
        tokens, marks, reason = tags.form(self._cell(row.values, "tokens"), self._cell(row.values, "tags"), self.source.labels)
        if reason:
            self._out(row, reason)
            return
        marks, repaired = tags.to_bio(marks, self.notes["scheme"])
        if repaired:
            self.step.changed["tag made to begin its entity"] += 1
        yield from self._one(row, "tokens", {"tokens": tokens, "tags": marks})

    def _qa(self, row: Row) -> Iterator[Example]:
        """A row may hold many questions: each that can be used is a kept row, the others are listed one by one."""
        questions = list(islice(qa.walk(row.values, self.columns), 100_000))
        self.step.added += max(0, len(questions) - 1)
        if not questions:
            self._out(row, "no question")
        for n, question in enumerate(questions):
            answers, done, reason = qa.place(question)
            for what, times in done.items():
                self.step.changed[what] += times
            if reason:
                self.step.dropped[reason] += 1
                self._drop(row.where, reason, f"{question.text} / {' | '.join(text for text, _ in question.answers)}")
                continue
            self.step.kept += 1
            group = question.title or question.context[:200]
            values = {"title": question.title, "context": question.context, "question": question.text, "answers": answers}
            yield self._example(row, "qa", values, question.id or f"{row.where.rsplit('#', 1)[-1]}.{n + 1}", group)

    def _parallel(self, row: Row) -> Iterator[Example]:
        source, target = self._get(row.values, "source"), self._get(row.values, "target")
        if not source or not target:
            self._out(row, "no source text" if not source else "no target text")
            return
        languages = {"source_language": self.source.language, "target_language": self.source.target_language}
        yield from self._one(row, "parallel", {"source": source, "target": target, **languages})


def _list(cell: Any) -> Any:
    """A list written as JSON text is a list."""
    if isinstance(cell, str) and cell.lstrip().startswith("["):
        try:
            parsed = json.loads(cell)
        except (ValueError, RecursionError):
            return cell
        return parsed if isinstance(parsed, list) else cell
    return cell
