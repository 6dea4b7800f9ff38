"""The labelling desk: one dataset, its annotators with their queues and logs, and what each of them sees next."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from kefu.artifacts import Artifact
from kefu.data import agreement
from kefu.data.labelling import queue, tasks
from kefu.data.labelling.log import FOLDER, Answer, LabelLog, files
from kefu.data.labelling.pairs import form
from kefu.data.lines import Lines

#: Preference rows are shown on the page as they are; more of a dataset than this is not looked at.
_MOST_PAIRS = 20_000


@dataclass
class Queue:
    """One annotator's items of one task, in order. keys: their ids; rows: where they stand (line of the file, or place in the pairs)."""

    keys: list[str] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)


class Desk:
    """annotators: those who may answer here. overlap: share of the items that everybody is asked. scale: quality labels, best first.
    pairs: for the task `preference`."""

    def __init__(
        self,
        root: Path,
        artifact: Artifact,
        annotators: Sequence[str],
        *,
        overlap: float,
        seed: int,
        scale: Sequence[str],
        pairs: list[dict[str, Any]] | None = None,
    ) -> None:
        self.folder = root / FOLDER
        self.annotators, self.overlap, self.seed, self.scale = list(annotators), overlap, seed, tuple(scale)
        self.dataset = f"{artifact.manifest['name']}@{artifact.path.name}"
        self._lines = Lines(artifact.file("conversations.jsonl"))
        self._logs = {name: LabelLog(self.folder, name) for name in annotators}
        self._lock = Lock()
        self._pairs = pairs if pairs is not None else _pairs_of(artifact)
        #: task -> key of an item -> its row
        self._items: dict[str, dict[str, int]] = {name: {} for name in tasks.TASKS}
        self._items["preference"] = {pair["id"]: i for i, pair in enumerate(self._pairs)}
        self.categories: list[str] = []
        self._scan()
        self._queues: dict[tuple[str, str, tuple[str, ...]], Queue] = {}

    def _scan(self) -> None:
        """Once over the file: which rows each task is about, and the categories there are."""
        categories: dict[str, int] = {}
        for i in range(len(self._lines)):
            row = self._lines.json(i)
            if row["category"]:
                categories[row["category"]] = categories.get(row["category"], 0) + 1
            for task in tasks.TASKS[:-1]:
                if tasks.concerns(task, row):
                    self._items[task][row["id"]] = i
        self.categories = sorted(categories, key=lambda name: (-categories[name], name))

    @property
    def tasks(self) -> list[str]:
        """The tasks for which there is something to do."""
        return [task for task in tasks.TASKS if self._items[task]]

    def people(self) -> dict[str, LabelLog]:
        """Logs of all who ever answered in this project, and of those who may now."""
        with self._lock:
            for path in files(self.folder.parent):
                if path.stem not in self._logs:
                    self._logs[path.stem] = LabelLog(self.folder, path.stem)
            return dict(self._logs)

    def queue(self, annotator: str, task: str) -> Queue:
        everybody = tuple(sorted(self.people()))
        place = (annotator, task, everybody)
        with self._lock:
            if place not in self._queues:
                self._queues = {kept: queue for kept, queue in self._queues.items() if kept[2] == everybody}
                keys = list(self._items[task])
                chosen = [keys[i] for i in queue.order(keys, annotator, everybody, self.overlap, self.seed)]
                self._queues[place] = Queue(chosen, [self._items[task][key] for key in chosen])
            return self._queues[place]

    def seek(self, annotator: str, task: str, start: int, step: int, wanted: str) -> int | None:
        """The next place in the queue from `start` on that the filter lets through; goes round once. None when there is none."""
        keys = self.queue(annotator, task).keys
        done = self._logs[annotator].current(task)
        if wanted == "disagreements":
            split = self.disagreements(task)
            lets = {i for i, key in enumerate(keys) if key in split and key in done}
        else:
            lets = {i for i, key in enumerate(keys) if wanted == "all" or (key in done) == (wanted == "labelled")}
        for n in range(len(keys)):
            at = (start + n * step) % len(keys)
            if at in lets:
                return at
        return None

    def shown(self, annotator: str, task: str, at: int) -> dict[str, Any]:
        """What the page needs for one item: its words, one's own answer, and what others said once one has answered."""
        found = self.queue(annotator, task)
        key = found.keys[at]
        own = self._logs[annotator].current(task).get(key)
        item = self._pair(found.rows[at], annotator) if task == "preference" else self._conversation(found.rows[at], task)
        value = own.value if own else None
        if task == "preference" and value is not None:
            value = _turned(value, queue.swapped(key, annotator, self.seed))
        others = {}
        if own:
            for name, log in self.people().items():
                answer = log.current(task).get(key)
                if name != annotator and answer:
                    others[name] = _turned(answer.value, queue.swapped(key, annotator, self.seed)) if task == "preference" else answer.value
        return {"position": at, "item": {"id": key, **item}, "value": value, "revision": own.revision if own else 0, "others": others}

    def _conversation(self, row: int, task: str) -> dict[str, Any]:
        found = self._lines.json(row)
        facts = {name: found[name] for name in ("kind", "language", "category", "outcome", "source")}
        open_turns = {"intervention": tasks.customer_turns, "answer": tasks.agent_turns}.get(task)
        meta = found["meta"]
        return {
            **facts, "digest": tasks.of_row(found), "turns": found["turns"], "bots": meta.get("bot", []), "corrected": meta.get("corrected", []),
            "open": open_turns(found) if open_turns else [],
        }  # fmt: skip

    def _pair(self, row: int, annotator: str) -> dict[str, Any]:
        pair = self._pairs[row]
        left, right = ("b", "a") if queue.swapped(pair["id"], annotator, self.seed) else ("a", "b")
        return {"digest": pair["id"], "prompt": pair["prompt"], "left": pair[left], "right": pair[right]}

    def answer(self, annotator: str, task: str, key: str, value: Any, op: str, digest: str) -> tuple[Answer, bool]:
        """Keep an answer. digest: of the words that were read.

        Raises KeyError for an item that is not asked about, tasks.Wrong for a value that is no answer, tasks.Otherwise for other words.
        """
        row = self._items[task][key]
        if task == "preference":
            pair = self._pairs[row]
            value = _turned(tasks.check(task, value, pair, self.scale), queue.swapped(key, annotator, self.seed))
            return self._logs[annotator].write(task, key, value, op, key, {name: pair[name] for name in ("prompt", "a", "b")})
        found = self._lines.json(row)
        if digest != tasks.of_row(found):
            raise tasks.Otherwise
        return self._logs[annotator].write(task, key, tasks.check(task, value, found, self.scale), op, digest)

    def undo(self, annotator: str, task: str, op: str) -> int | None:
        """Take back the last answer; where its item stands in the queue, None when there was nothing to take back."""
        taken = self._logs[annotator].undo(task, op)
        keys = self.queue(annotator, task).keys
        return keys.index(taken.item) if taken and taken.item in keys else None

    def progress(self, annotator: str, task: str) -> dict[str, Any]:
        keys = self.queue(annotator, task).keys
        done = self._logs[annotator].current(task)
        return {"total": len(keys), "done": sum(key in done for key in keys), "disagreements": len(self.disagreements(task) & set(done))}

    def _values(self, task: str) -> dict[str, dict[str, Any]]:
        return {name: {key: answer.value for key, answer in log.current(task).items()} for name, log in self.people().items()}

    def disagreements(self, task: str) -> set[str]:
        """Items on which current answers differ."""
        said: dict[str, set[str]] = {}
        for values in self._values(task).values():
            for key, value in values.items():
                said.setdefault(key, set()).add(json.dumps(value, sort_keys=True))
        return {key for key, values in said.items() if len(values) > 1}

    def agreement(self, task: str) -> dict[str, Any]:
        values = {name: given for name, given in self._values(task).items() if given}
        return {
            "task": task,
            "answers": {name: len(given) for name, given in sorted(values.items())},
            "measures": agreement.of_task(task, values, self.seed),
        }


def _turned(value: str, swap: bool) -> str:
    """A choice as the page shows the pair, from how the pair is kept, or the other way round."""
    return {"a": "b", "b": "a"}.get(value, value) if swap else value


def _pairs_of(artifact: Artifact) -> list[dict[str, Any]]:
    """Pairs from a dataset's own preference rows."""
    found: dict[str, dict[str, Any]] = {}
    for name in sorted(artifact.manifest["files"]):
        if name.startswith("preference") and name.endswith(".train.jsonl"):
            lines = Lines(artifact.file(name))
            for i in range(min(len(lines), _MOST_PAIRS)):
                try:
                    pair = form(lines.json(i), mask=False)
                except ValueError:
                    continue  # rows of another form are for training alone
                found.setdefault(pair["id"], pair)
    return list(found.values())
