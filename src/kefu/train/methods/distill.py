"""`distill`: a small model learns what a big one says.

`answers` (sequence level, Kim & Rush 2016, arXiv 1606.07947): the teacher answers the questions, the student is tuned on those
answers; any two models will do. `policy` (Agarwal et al. 2023, arXiv 2306.13649, TRL's DistillationTrainer): the student answers, the
teacher's probabilities for each of its tokens are the lesson; both need one vocabulary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from kefu.errors import ConfigError, InputError
from kefu.project.schema import Block
from kefu.train.methods.causal import Causal, found
from kefu.train.methods.lora import Lora, merge, wrap

if TYPE_CHECKING:
    from kefu.train.base import Base
    from kefu.train.factory.job import Job, Prepared


class Settings(Block):
    teacher: str = Field(default="", description="a checkpoint folder, a Hugging Face id or a model made here")
    lesson: Literal["answers", "policy"] = "answers"
    keep_unfinished: bool = Field(default=False, description="learn answers that the teacher did not end itself within max_new_tokens")
    max_new_tokens: int = Field(default=128, ge=1)
    temperature: float = Field(default=1.0, gt=0, description="policy: softness of both models' probabilities")
    lora: Lora | None = Field(default=None, description="train adapters of the student instead of all its weights; merged afterwards")


class Distill(Causal):
    name: ClassVar[str] = "distill"
    Settings: ClassVar[type[Block]] = Settings

    @staticmethod
    def reads(settings: Any) -> list[str]:
        return [settings.teacher]

    def defaults(self, job: Job) -> dict[str, tuple[Any, str]]:
        return {"learning_rate": (2e-4, "usual for adapters")} if job.settings.lora else {}

    def open(self, job: Job) -> None:
        from kefu.train.base import load

        given = job.settings
        if not given.teacher:
            raise ConfigError("distill.teacher is empty", "there is nobody to learn from", "name a folder, a Hugging Face id or a model made here")
        job.base = self.load(job)
        self.teacher: Base = load(given.teacher, found(job, given.teacher), setting="distill.teacher")
        self.teacher.model.eval().requires_grad_(False)
        if job.device.cuda:
            self.teacher.model.to("cuda")
        if given.lesson == "policy" and self.teacher.tokenizer.get_vocab() != job.tokenizer.get_vocab():
            raise ConfigError("distill.lesson: policy", "teacher and student have different vocabularies", "use `lesson: answers`")
        job.facts["teacher_parameters"] = self.teacher.parameters
        job.facts["frozen_copies"] = round(self.teacher.parameters / max(1, job.opened.parameters), 2)
        if given.lora:
            wrap(job, given.lora)

    def encode(self, job: Job, rows: list[dict[str, Any]], split: str) -> Prepared:
        if job.settings.lesson == "policy":
            return self._prompts(job, rows)
        from kefu.train.methods import dialogue

        taught, unfinished = self._taught(job, rows)
        if rows and not taught:
            why = f"{unfinished} answers did not end within max_new_tokens {job.settings.max_new_tokens}, or were empty"
            fix = "raise distill.max_new_tokens, learn them as they are (distill.keep_unfinished: true), or take another teacher"
            raise InputError(f"distill.teacher: {job.settings.teacher!r} ended no answer of the {split} rows", why, fix)
        made = dialogue.encode(self.encoder(job), taught)
        if unfinished:
            made.ledger["rows_in"] += unfinished
            made.ledger["dropped"] = {**made.ledger["dropped"], "the teacher did not end its answer": unfinished}
        return made

    def _taught(self, job: Job, rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], int]:
        """The rows with the teacher's answer to their last customer turn, and how many it did not end."""
        from kefu.train.methods import asking, dialogue

        turns = [turn for row in rows for turn in list(dialogue.turns(row))[-1:]]
        reader = dialogue.encoder(self.teacher, 1 << 30, "fail")
        said = asking.said(self.teacher, reader, turns, job.settings.max_new_tokens)
        kept = [(turn, text) for turn, (text, ended) in zip(turns, said, strict=True) if text and (ended or job.settings.keep_unfinished)]
        job.facts["taught"] = {"asked": len(turns), "kept": len(kept), "as_the_reference": sum(text == turn.answer for turn, text in kept)}
        made = [{"id": turn.id, "messages": [*turn.history, {"role": "assistant", "content": text}], "where": turn.id} for turn, text in kept]
        return made, len(turns) - len(kept)

    def _prompts(self, job: Job, rows: list[dict[str, Any]]) -> Prepared:
        from kefu.train.factory.job import Prepared
        from kefu.train.methods import dialogue
        from kefu.train.methods.preference import Counted

        reader, ledger = self.encoder(job), Counted()
        items, kept, lengths = [], [], []
        for row in rows:
            turns = list(dialogue.turns(row))[-1:]
            if not turns:
                ledger.drop("no agent turn that answers a customer")
                continue
            text = reader.prompt(turns[0].history, (), turns[0].language)
            size = len(reader.ids(text))
            if size > reader.max_length or size + job.settings.max_new_tokens > job.opened.context:
                ledger.drop("prompt and answer would be longer than the model holds")
                continue
            items.append({"prompt": text})
            kept.append(row)
            lengths.append(size + job.settings.max_new_tokens)
            ledger.keep(size, job.settings.max_new_tokens)
        return Prepared(items, kept, lengths, ledger.as_dict())

    def trainer(self, job: Job, train: Prepared, validation: Prepared | None) -> Any:
        if job.settings.lesson == "policy":
            return self._policy(job, train)
        return self.supervised(job, train, validation)

    def _policy(self, job: Job, train: Prepared) -> Any:
        from trl import DistillationConfig, DistillationTrainer

        from kefu.train.factory.optimise import tuned

        reader = self.encoder(job)

        class Ours(tuned(DistillationTrainer, layer_decay=job.plan["layer_decay"])):  # type: ignore[misc]
            def _tokenize_prompts(self, prompts: list[str]) -> Any:
                return [reader.ids(text) for text in prompts], None, {}

        Ours.__name__ = DistillationTrainer.__name__
        given = job.settings
        job.model.generation_config.eos_token_id = sorted(job.opened.end_ids())
        options = DistillationConfig(**job.arguments(False), max_completion_length=given.max_new_tokens, temperature=given.temperature)
        return Ours(
            model=job.model, teacher_model=self.teacher.model, args=options, processing_class=job.tokenizer, train_dataset=train.dataset()
        )  # fmt: skip

    def pieces(self, job: Job, item: dict[str, Any]) -> list[tuple[str, bool]]:
        from kefu.train.factory.view import joined

        if "prompt" in item:
            return [(item["prompt"], False), ("(the student's answer, judged by the teacher)", True)]
        return joined(job.tokenizer, item["input_ids"], [label != -100 for label in item["labels"]])

    def finish(self, job: Job) -> None:
        self.teacher.model.to("cpu")
        if job.settings.lora:
            merge(job)
