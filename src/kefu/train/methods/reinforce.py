"""`grpo` and `rloo`: the model answers each question several times and learns from how its answers compare (TRL).

GRPO: Shao et al. 2024, arXiv 2402.03300. RLOO: Ahmadian et al. 2024, arXiv 2402.14740. Prompts are rendered and tokenised by
our one renderer. There is no evaluation during the run: sampled rewards are too noisy to choose a checkpoint by; greedy answers
are measured before and after.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, model_validator

from kefu.errors import ConfigError, InputError
from kefu.project.schema import Block
from kefu.train.methods.causal import Causal
from kefu.train.methods.lora import Lora, merge, wrap
from kefu.train.rows import Row

if TYPE_CHECKING:
    from kefu.train.factory.job import Job, Prepared
    from kefu.train.methods.rewards import Reward


class Sampling(Block):
    """What all methods that learn from their own answers share."""

    rewards: list[str] = Field(default=["token_f1"], min_length=1, description="token_f1, exact, length, model:FOLDER, FILE.py:function")
    weights: list[float] = Field(default=[], description="of the rewards; empty: all 1")
    temperature: float = Field(default=1.0, gt=0)
    max_new_tokens: int = Field(default=128, ge=1)
    beta: float = Field(default=0.04, ge=0, description="how dearly moving away from the base is paid for")
    lora: Lora | None = Field(default=None, description="train adapters instead of all weights; they are merged afterwards")

    @model_validator(mode="after")
    def _as_many(self) -> Sampling:
        if self.weights and len(self.weights) != len(self.rewards):
            raise ValueError(f"{len(self.weights)} weights for {len(self.rewards)} rewards")
        return self


class Grouped(Sampling):
    generations: int = Field(default=8, ge=2, description="answers per question")


class Reinforced(Causal):
    """Rows are prompts with or without a reference; what counts is the weighted sum of the rewards."""

    needs: ClassVar[str] = "prompts"

    def __init__(self) -> None:
        self.rewards: list[Reward] = []
        self.given: tuple[float, float] | None = None  # the lowest and the highest reward of all answers so far

    @staticmethod
    def reads(settings: Any) -> list[str]:
        """Files and folders that rewards are made of."""
        return [rest if kind == "model" else kind for name in settings.rewards for kind, colon, rest in [name.partition(":")] if colon]

    def defaults(self, job: Job) -> dict[str, tuple[Any, str]]:
        adapter = job.settings.lora is not None
        return {
            "epochs": (1.0, "the model makes its own answers; each pass costs much"),
            "batch_size": (32, "answers per step"),
            "learning_rate": (1e-5 if adapter else 1e-6, "usual for learning from rewards"),
            "schedule": ("linear", "TRL's own choice"),
            "weight_decay": (0.0, "the distance to the base is already paid for"),
        }

    def open(self, job: Job) -> None:
        job.base = self.load(job)
        self.rewards = [rewards_find(job, name) for name in job.settings.rewards]
        if job.settings.lora:
            wrap(job, job.settings.lora)
        elif job.settings.beta:
            job.facts["frozen_copies"] = 1

    def encode(self, job: Job, rows: list[dict[str, Any]], split: str) -> Prepared:
        """Rendered prompts; rows without a reference are left out when a reward compares with one."""
        from kefu.train.factory.job import Prepared
        from kefu.train.methods.preference import Counted
        from kefu.train.methods.rewards import NEEDS_REFERENCE

        reader, ledger = self.encoder(job), Counted()
        compares = any(name in NEEDS_REFERENCE for name in job.settings.rewards)
        items, kept, lengths = [], [], []
        for row in rows:
            turn = asked(row)
            if turn is None:
                ledger.drop("no question at the end of the prompt")
                continue
            if compares and not turn.answer:
                ledger.drop("no reference to compare with")
                continue
            text = reader.prompt(turn.history, (), turn.language)
            size = len(reader.ids(text))
            if size + job.settings.max_new_tokens > job.opened.context or size > reader.max_length:
                ledger.drop("prompt and answer would be longer than the model holds")
                continue
            items.append({"prompt": text, "reference": turn.answer, "history": json.dumps(turn.history, ensure_ascii=False)})
            kept.append(row)
            lengths.append(size + job.settings.max_new_tokens)
            ledger.keep(size, job.settings.max_new_tokens)
        return Prepared(items, kept, lengths, {**ledger.as_dict(), "supervised_is": "tokens that may be sampled"})

    def pieces(self, job: Job, item: dict[str, Any]) -> list[tuple[str, bool]]:
        return [(item["prompt"], False), ("(sampled answer)", True), (f"  reference: {item['reference']}", False)]

    def value(self, job: Job, histories: Sequence[Any], said: Sequence[str], right: Sequence[str]) -> list[float]:
        """The weighted sum of the rewards of each answer."""
        weights = job.settings.weights or [1.0] * len(self.rewards)
        each = [reward(histories, said, right) for reward in self.rewards]
        worth = [sum(w * n for w, n in zip(weights, numbers, strict=True)) for numbers in zip(*each, strict=True)]
        if worth:
            low, high = self.given or (worth[0], worth[0])
            self.given = min(low, *worth), max(high, *worth)
        return worth

    def measure(self, job: Job, rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Of greedy answers: reward; where there are references, whole answer right and token F1."""
        from kefu.train.factory import figures
        from kefu.train.methods import asking

        turns = [turn for row in rows if (turn := asked(row))]
        said = asking.said(job.opened, self.encoder(job), turns, job.settings.max_new_tokens)
        worth = self.value(job, [turn.history for turn in turns], [text for text, _ in said], [turn.answer for turn in turns])
        made = {"reward": figures.mean(worth)}
        known = [(turn, one) for turn, one in zip(turns, said, strict=True) if turn.answer]
        if known:
            right, close, ended = asking.judge([turn for turn, _ in known], [one for _, one in known])
            made |= {"exact": figures.share(right), "token_f1": figures.mean(close, figures.UNIT), "ended": figures.share(ended)}
        return made

    def trivial(self, job: Job, rows: list[dict[str, Any]], before: dict[str, Any]) -> dict[str, Any]:
        """The base before training; a reward that is the same for every answer teaches nothing, and it is said."""
        from kefu.train.factory import trivial

        if self.given and self.given[0] == self.given[1]:
            why = f"every answer had the reward {self.given[0]:g}, sampled and measured ones alike: no answer was better than another"
            job.facts["no_signal"] = why
            job.say(f"nothing could be learnt from the rewards: {why}")
        found = {name: trivial.fixed(number["value"], number["n"]) for name, number in before.items()}
        return trivial.made("the base before training, asked the same", found, ("reward",), ("token_f1", "exact"))

    def samples(self, job: Job, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        from kefu.train.methods import asking

        turns = [turn for row in rows if (turn := asked(row))]
        said = asking.said(job.opened, self.encoder(job), turns, job.settings.max_new_tokens)
        return [{"asked": turn.question, "expected": turn.answer, "said": text} for turn, (text, _) in zip(turns, said, strict=True)]

    def finish(self, job: Job) -> None:
        if job.settings.lora:
            merge(job)

    def reward_function(self, job: Job) -> Any:
        """For TRL: one function that gives the weighted sum. Completions are decoded without the marks of the template."""

        def reward(prompts: Any, completions: Any, completion_ids: Any, history: Any, reference: Any, **_: Any) -> list[float]:
            said = [job.tokenizer.decode(ids, skip_special_tokens=True).strip() for ids in completion_ids]
            return self.value(job, [json.loads(one) for one in history], said, reference)

        return reward

    def parts(self, job: Job, train: Prepared, kind: type, options: Any) -> Any:
        from trl.trainer.utils import RepeatSampler

        from kefu.train.factory.optimise import tuned

        reader = self.encoder(job)

        class Epochs(RepeatSampler):  # type: ignore[misc]
            """Each epoch has an order of its own that does not depend on the epochs before, so that a run can be resumed."""

            def set_epoch(self, epoch: int) -> None:
                self.generator.manual_seed(self.seed + epoch)

        class Ours(tuned(kind, layer_decay=job.plan["layer_decay"])):  # type: ignore[misc]
            def _tokenize_prompts(self, prompts: list[str]) -> Any:
                return [reader.ids(text) for text in prompts], None, {}

            def _get_train_sampler(self, dataset: Any = None) -> Any:
                made = super()._get_train_sampler(dataset)
                return Epochs(made.data_source, made.mini_repeat_count, made.batch_size, made.repeat_count, made.shuffle, made.seed)

        Ours.__name__ = kind.__name__
        return Ours(
            model=job.model, args=options, processing_class=job.tokenizer, train_dataset=train.dataset(), reward_funcs=[self.reward_function(job)]
        )

    def options(self, job: Job) -> dict[str, Any]:
        given, batch = job.settings, int(job.plan["batch_size"])
        if batch % given.generations:
            fix = f"use {max(1, batch // given.generations) * given.generations}"
            raise ConfigError(f"train.batch_size: {batch}", f"answers come in groups of {given.generations}", fix)
        job.opened.model.generation_config.eos_token_id = sorted(job.opened.end_ids())
        return {
            **job.arguments(False), "num_generations": given.generations, "max_completion_length": given.max_new_tokens,
            "temperature": given.temperature, "beta": given.beta,
        }  # fmt: skip


class Grpo(Reinforced):
    name: ClassVar[str] = "grpo"
    Settings: ClassVar[type[Block]] = Grouped

    def trainer(self, job: Job, train: Prepared, validation: Prepared | None) -> Any:
        from trl import GRPOConfig, GRPOTrainer

        return self.parts(job, train, GRPOTrainer, GRPOConfig(**self.options(job)))


class Rloo(Reinforced):
    name: ClassVar[str] = "rloo"
    Settings: ClassVar[type[Block]] = Grouped

    def trainer(self, job: Job, train: Prepared, validation: Prepared | None) -> Any:
        from trl import RLOOConfig, RLOOTrainer

        return self.parts(job, train, RLOOTrainer, RLOOConfig(**self.options(job)))


def asked(row: dict[str, Any]) -> Row | None:
    """The question of a `prompts` row with its history, and the reference (or the dialogue's own last answer); None without one."""
    from kefu.text.language import detect
    from kefu.train.methods import dialogue

    where = str(row.get("where", ""))
    if row.get("prompt") is None:
        raise InputError(f"{where}: no prompt", "this method needs questions to answer", "see data.map")
    said = [m for m in dialogue.system(row) + dialogue.messages(row["prompt"], where) if m["content"]]
    reference = "" if row.get("reference") is None else str(row["reference"]).strip()
    if said and said[-1]["role"] == "assistant":
        reference = reference or said[-1]["content"]
        said = said[:-1]
    if not said or said[-1]["role"] != "user":
        return None
    return Row(str(row.get("id") or where), "prompt", tuple(said), reference, detect(said[-1]["content"]))


def rewards_find(job: Job, name: str) -> Reward:
    from kefu.train.methods import rewards

    return rewards.find(job, name)
