"""The methods by name, and what a method must offer to the one loop (`kefu.train.factory.loop`).

To add one: a file in `kefu/train/methods`, a class with the parts of `Method`, a line in `TABLE`, a
shipped recipe of the same name and a test that runs it. Nothing of torch may be imported when the
module is loaded: recipes are checked before anything heavy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from kefu.project.schema import Block

if TYPE_CHECKING:
    from pathlib import Path

    from kefu.train.factory.job import Job, Prepared

TABLE = {
    "sft": "kefu.train.methods.sft:Sft",
    "freeze": "kefu.train.methods.freeze:Freeze",
    "lora": "kefu.train.methods.lora:LoraMethod",
    "qlora": "kefu.train.methods.lora:QLoraMethod",
    "dpo": "kefu.train.methods.align:DpoMethod",
    "kto": "kefu.train.methods.align:KtoMethod",
    "orpo": "kefu.train.methods.align:OrpoMethod",
    "reward": "kefu.train.methods.reward:Reward",
    "grpo": "kefu.train.methods.reinforce:Grpo",
    "rloo": "kefu.train.methods.reinforce:Rloo",
    "ppo": "kefu.train.methods.ppo:Ppo",
    "distill": "kefu.train.methods.distill:Distill",
    "incremental": "kefu.train.methods.incremental:Incremental",
    "prompt": "kefu.train.methods.prompt:Prompt",
    "provider": "kefu.train.methods.provider:Provider",
    "classification": "kefu.train.methods.classification:Classification",
    "regression": "kefu.train.methods.regression:Regression",
    "token-classification": "kefu.train.methods.tagging:Tagging",
    "question-answering": "kefu.train.methods.answering:Answering",
    "multitask": "kefu.train.methods.multitask:Multitask",
    "image-text": "kefu.train.methods.image_text:ImageText",
}


class Method(Protocol):
    """What the loop asks of a method, in this order. One object serves one run and may keep state."""

    name: ClassVar[str]
    Settings: ClassVar[type[Block]]
    #: kind of rows: messages, preference, labelled, tagged, spans, numbers, tasks, image-text, prompts, feedback
    needs: ClassVar[str]

    def defaults(self, job: Job) -> dict[str, tuple[Any, str]]:
        """Computed settings of `train` that differ from the general ones: name -> (value, reason). The base is not open yet."""

    def open(self, job: Job) -> None:
        """Load base and tokenizer into `job.base`. Called again when a run starts over with smaller batches."""

    def encode(self, job: Job, rows: list[dict[str, Any]], split: str) -> Prepared:
        """Rows (named fields of `needs`) to what the trainer reads, everything counted; split: train, validation or test."""

    def trainer(self, job: Job, train: Prepared, validation: Prepared | None) -> Any:
        """A transformers Trainer made with `job.arguments()`; called twice (rehearsal and run) on one opened base."""

    # Optional parts:
    #   make(job, train, validation, progress) -> Curves: instead of `trainer`, for what is not trained here (a prompt, a provider)
    #   started(work, resume, force): with `make`: what to do with an unfinished run; raises InputError
    #   divide(loaded, rows, parent) -> rounds.Start | None: a round; splits the rows by what the model it goes on from has seen
    #   reads(settings) -> files and folders that the settings name; their contents go into the key of the run
    #   sequences(job) -> how many sequences of one pass a row is, for the estimate of memory; 1 without it
    #   finish(job): after the fit and before measuring, e.g. to merge an adapter
    #   judge(job, metrics): after measuring; raises GateError for a model that must not be kept
    #   trivial(job, rows, before) -> what a model that learnt nothing would reach on the same rows (`kefu.train.factory.trivial`)
    #   decisions(job, rows) -> ([Decision], whether one label is right): each row's truth and answer, for tables of classes and errors
    #   samples(job, rows) -> [{"asked", "expected", "said"}] for the report
    #   pieces(job, item) -> [(text, learnt)] for `kefu train show`, where items have no input_ids and labels

    def measure(self, job: Job, rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Metrics on rows: name -> {"value", "low", "high", "n"}. Called before and after training."""

    def save(self, job: Job, folder: Path) -> dict[str, Any]:
        """Fill `folder` (model/, adapter/ ...); returns what `task.json` says of how to predict."""


def find(name: str) -> type[Method]:
    """The class of a method that is in the table."""
    module, _, attribute = TABLE[name].partition(":")
    found: type[Method] = getattr(import_module(module), attribute)
    return found
