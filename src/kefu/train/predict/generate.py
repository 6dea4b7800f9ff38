"""Language models as predictors: many prompts at once on transformers, or on the embedded engine; and reward models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kefu.errors import InputError
from kefu.text import privacy
from kefu.text.language import detect
from kefu.train.heads.task import BadRow
from kefu.train.rows import Row

if TYPE_CHECKING:
    from kefu.train.base import Base
    from kefu.train.encode import Encoder


def asked(row: dict[str, Any]) -> list[dict[str, str]]:
    """The messages up to the last one of the user; what the data says was answered is left out. Raises BadRow."""
    from kefu.train.methods import dialogue

    if row.get("messages") is None and not row.get("instruction"):
        if not str(row.get("text") or "").strip():
            raise BadRow("no prompt", "the row has neither messages nor a question", "see --map")
        row = {**row, "instruction": row["text"]}
    try:
        said = [m for m in dialogue.conversation({**row, "answer": None}) if m["content"]]
    except InputError as error:
        raise BadRow(error.what, error.why, error.fix) from None
    while said and said[-1]["role"] != "user":
        said.pop()
    if not said:
        raise BadRow("no prompt", "no message of the user", "see --map")
    return said


def _encoder(base: Base, home: Path) -> Encoder:
    """The renderer of training: prompt.json beside the model where there is one, else messages as they are given."""
    from kefu.engines.prompt import PromptStyle
    from kefu.train.encode import Encoder
    from kefu.train.methods import dialogue

    style = PromptStyle.load(home) if (home / "prompt.json").is_file() else dialogue.style(base)
    return Encoder(base.tokenizer, style, base.end_ids(), base.context)


class Writer:
    """Greedy answers of a language model."""

    needs = "messages"

    def __init__(self, base: Base, home: Path, rows: int, longest: int) -> None:
        self.base, self.rows, self.longest = base, rows, longest
        self.reader = _encoder(base, home)
        if longest >= base.context:
            raise InputError(f"--max-tokens {longest}", f"the model holds {base.context} tokens with the prompt", "give fewer")

    def read(self, row: dict[str, Any]) -> Row:
        said = asked(row)
        made = Row("", "dialogue", tuple(said), "", detect(said[-1]["content"]))
        length = len(self.reader.ids(self.reader.prompt(made.history, made.hits, made.language)))
        if length + self.longest > self.base.context:
            why = f"{length} tokens and {self.longest} for the answer, the model holds {self.base.context}"
            raise BadRow("the prompt is too long", why, "shorten it, or lower --max-tokens")
        return made

    def predict(self, read: Sequence[Row], scores: bool = False) -> list[dict[str, Any]]:
        from kefu.train.answer import answers

        order = sorted(range(len(read)), key=lambda i: len(read[i].history[-1]["content"]))
        made: list[dict[str, Any]] = [{} for _ in read]
        for start in range(0, len(order), self.rows):
            chosen = order[start : start + self.rows]
            for i, (text, ended) in zip(chosen, answers(self.base, self.reader, [read[i] for i in chosen], self.longest), strict=True):
                made[i] = {"text": text, "finish": "stop" if ended else "length"}
        return made


class EngineWriter:
    """Greedy answers of an exported engine; its own continuous batching takes the rows."""

    needs = "messages"

    def __init__(self, folder: Path, rows: int, longest: int) -> None:
        from kefu import engines

        self.engine, self.rows, self.longest = engines.open(folder), rows, longest
        self.mask, self.masked = self._leaves(folder), Counter[str]()

    @staticmethod
    def _leaves(folder: Path) -> bool:
        """Whether the rows go to a server, and are masked on their way."""
        from kefu.engines.access import PROMPT_FILE
        from kefu.engines.prompted import Prompted

        prompted = Prompted.read(folder) if (folder / PROMPT_FILE).is_file() else None
        return prompted is not None and privacy.remote(prompted.access_point) and not prompted.send_unmasked

    def read(self, row: dict[str, Any]) -> list[dict[str, str]]:
        return asked(row)

    def predict(self, read: Sequence[list[dict[str, str]]], scores: bool = False) -> list[dict[str, Any]]:
        import asyncio

        from kefu import engines

        gate = asyncio.Semaphore(self.rows)

        async def one(messages: list[dict[str, str]]) -> dict[str, Any]:
            messages, memory = privacy.masked(messages) if self.mask else (messages, privacy.Memory())
            self.masked.update(memory.counts)
            async with gate:
                try:
                    done = await engines.complete(self.engine, messages, engines.Sampling(max_tokens=self.longest))
                except InputError as error:
                    return {"error": error.line()}
            return {"text": privacy.restored(done.text, memory), "finish": done.finish}

        async def every() -> list[dict[str, Any]]:
            return list(await asyncio.gather(*map(one, read)))

        return engines.run(every())

    def close(self) -> None:
        from kefu import engines

        engines.run(self.engine.close())


class Scorer:
    """The reward of the last answer of a dialogue; of a preference row that of both answers, and which it prefers."""

    needs = "messages"
    also = "preference"

    def __init__(self, base: Base, home: Path, rows: int) -> None:
        self.base, self.rows = base, rows
        self.reader = _encoder(base, home)

    def read(self, row: dict[str, Any]) -> list[list[int]]:
        """Token ids of the one dialogue, or of the two of a preference row: with the chosen answer, with the rejected one."""
        from kefu.errors import GateError
        from kefu.train.methods import dialogue

        if row.get("chosen") is not None and row.get("rejected") is not None:
            return self._pair(row)
        try:
            turns = list(dialogue.turns(row))
            if not turns:
                raise BadRow("no answer to judge", "the row needs a question and its answer, or messages that end in one", "see --map")
            ids = self.reader.plain(turns[-1])[0].ids
        except BadRow:
            raise
        except (InputError, GateError) as error:
            raise BadRow(error.what, error.why, error.fix) from None
        if len(ids) > self.base.context:
            raise BadRow("the dialogue is too long", f"{len(ids)} tokens, the model holds {self.base.context}", "shorten it")
        return [list(ids)]

    def _pair(self, row: dict[str, Any]) -> list[list[int]]:
        from kefu.train.methods.preference import encode_pairs

        made = encode_pairs(self.reader, [row])
        if not made.items:
            raise BadRow("no two answers to judge", next(iter(made.ledger["dropped"]), "the row has none"), "see --map")
        (item,) = made.items
        both = [list(item["prompt_ids"] + item[side]) for side in ("chosen_ids", "rejected_ids")]
        if max(map(len, both)) > self.base.context:
            raise BadRow("the dialogue is too long", f"{max(map(len, both))} tokens, the model holds {self.base.context}", "shorten it")
        return both

    def predict(self, read: Sequence[list[list[int]]], scores: bool = False) -> list[dict[str, Any]]:
        from kefu.train.methods.reward import score

        numbers = iter(score(self.base, [ids for one in read for ids in one]))
        made: list[dict[str, Any]] = []
        for one in read:
            found = [round(next(numbers), 6) for _ in one]
            if len(found) == 1:
                made.append({"reward": found[0]})
                continue
            better = "neither" if found[0] == found[1] else "chosen" if found[0] > found[1] else "rejected"
            made.append({"score_chosen": found[0], "score_rejected": found[1], "prefers": better})
        return made
