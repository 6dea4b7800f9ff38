"""The Trainer of `ppo`: answers are sampled, valued and learnt from in its training step."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from transformers import Trainer, TrainingArguments

from kefu.train.factory.optimise import Grouped, tuned

if TYPE_CHECKING:
    from kefu.train.factory.job import Job, Prepared
    from kefu.train.methods.ppo import Ppo


@dataclass
class Rollout:
    """Sampled answers. ids, mask: prompt and answer [rows, width]; prompt: width of the prompts. The rest: [rows, answer width].

    answer: which positions are tokens of the answer. logp, values: under the model that sampled. advantage, returns: by GAE.
    """

    ids: torch.Tensor
    mask: torch.Tensor
    prompt: int
    answer: torch.Tensor
    logp: torch.Tensor
    advantage: torch.Tensor
    returns: torch.Tensor


class Repeated(Grouped):
    """Each batch `times` times running: one PPO epoch each. A short last batch is left for the next epoch's order."""

    def __init__(self, count: int, batch: int, seed: int, times: int) -> None:
        super().__init__([0] * count, min(batch, count), seed)
        self.times = times

    def __len__(self) -> int:
        return len(self.lengths) // self.batch * self.batch * self.times

    def __iter__(self) -> Iterator[int]:
        order = list(super().__iter__())
        for start in range(0, len(order) - self.batch + 1, self.batch):
            for _ in range(self.times):
                yield from order[start : start + self.batch]


def advantages(rewards: torch.Tensor, values: torch.Tensor, answer: torch.Tensor, discount: float, gae: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Generalised advantages and returns [rows, answer width]; positions outside the answer are 0."""
    made = torch.zeros_like(rewards)
    running = torch.zeros_like(rewards[:, 0])
    for t in reversed(range(rewards.shape[1])):
        following = values[:, t + 1] * answer[:, t + 1] if t + 1 < rewards.shape[1] else torch.zeros_like(running)
        running = (rewards[:, t] + discount * following - values[:, t] + discount * gae * running) * answer[:, t]
        made[:, t] = running
    return made, (made + values) * answer


class PpoTrainer(tuned(Trainer)):  # type: ignore[misc]
    job: Job
    method: Ppo
    every: int
    passes: int
    pass_step: int
    seen: dict[str, list[float]]
    rollouts: dict[int, Rollout]

    @classmethod
    def make(cls, job: Job, method: Ppo, train: Prepared, keywords: dict[str, Any]) -> PpoTrainer:
        arguments = TrainingArguments(**keywords, remove_unused_columns=False)
        made: PpoTrainer = cls(model=job.model, args=arguments, train_dataset=train.dataset(), data_collator=list, processing_class=job.tokenizer)
        made.job, made.method, made.every = job, method, job.settings.inner_epochs
        made.rollouts, made.seen, made.passes, made.pass_step = {}, {}, 0, -1
        made.reader = method.encoder(job)
        made.model_accepts_loss_kwargs = False
        return made

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return Repeated(len(self.train_dataset), int(self.job.plan["batch_size"]), self.args.seed, self.every)

    def compute_loss(self, model: Any, inputs: list[dict[str, Any]], return_outputs: bool = False, num_items_in_batch: Any = None) -> Any:
        part, given = self._part(), self.job.settings
        if self.state.global_step % self.every == 0 or part not in self.rollouts:
            self.rollouts[part] = self._roll(inputs)
        one = self.rollouts[part]
        logp, values = self._forward(model, one.ids, one.mask, one.prompt)
        ratio = torch.exp((logp - one.logp).clamp(-20, 20))
        clipped = ratio.clamp(1 - given.clip, 1 + given.clip)
        policy = _mean(torch.maximum(-one.advantage * ratio, -one.advantage * clipped), one.answer)
        value = _mean((values - one.returns) ** 2, one.answer) / 2
        self.seen.setdefault("clipped", []).append(float(_mean(((ratio - 1).abs() > given.clip).float(), one.answer)))
        self.seen.setdefault("value_loss", []).append(float(value.detach()))
        return policy + given.value_weight * value

    def _part(self) -> int:
        """Which of the passes of an optimiser step this is."""
        self.passes = 0 if self.pass_step != self.state.global_step else self.passes + 1
        self.pass_step = self.state.global_step
        return self.passes

    @torch.no_grad()
    def _roll(self, inputs: list[dict[str, Any]]) -> Rollout:
        model, tokenizer, given = self.accelerator.unwrap_model(self.model), self.processing_class, self.job.settings
        ends = sorted(self.job.opened.end_ids())
        prompts = [self.reader.ids(row["prompt"]) for row in inputs]
        width = max(map(len, prompts))
        device, pad = model.device, tokenizer.pad_token_id
        ids = torch.tensor([[pad] * (width - len(p)) + p for p in prompts], device=device)
        mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=device)
        model.eval()
        made = model.generate(
            input_ids=ids, attention_mask=mask, do_sample=True, temperature=given.temperature, top_k=0, top_p=1.0,
            max_new_tokens=given.max_new_tokens, eos_token_id=ends, pad_token_id=pad,
        )  # fmt: skip
        said = made[:, width:]
        ended = torch.isin(said, torch.tensor(ends, device=device))
        answer = (torch.cumsum(ended.int(), 1) - ended.int() == 0).float()  # up to and with the first end token
        mask = torch.cat([mask, answer.long()], 1)
        logp, values = self._forward(model, made, mask, width)
        base = self._base_logp(model, made, mask, width)
        model.train()
        texts = [tokenizer.decode(row[keep.bool()], skip_special_tokens=True).strip() for row, keep in zip(said, answer, strict=True)]
        histories = [json.loads(row["history"]) for row in inputs]
        worth = torch.tensor(self.method.value(self.job, histories, texts, [row["reference"] for row in inputs]), device=device)
        apart = (logp - base) * answer
        rewards = -given.beta * apart
        last = answer.sum(1).long() - 1
        rewards[torch.arange(len(last)), last] += worth.float()
        advantage, returns = advantages(rewards, values * answer, answer, given.discount, given.gae)
        centre = _mean(advantage, answer)
        spread = torch.sqrt(_mean((advantage - centre) ** 2, answer))
        kl = float(apart.sum(1).mean())
        for name, number in (("reward", float(worth.mean())), ("kl", kl), ("answer_tokens", float(answer.sum(1).mean()))):
            self.seen.setdefault(name, []).append(number)
        if kl > given.most_kl:
            raise self.method.stopped(kl, given.most_kl)
        return Rollout(made, mask, width, answer, logp, (advantage - centre) / (spread + 1e-8) * answer, returns)

    def _forward(self, model: Any, ids: torch.Tensor, mask: torch.Tensor, prompt: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-probabilities and values of the answer's tokens; a value is that of the state before its token."""
        bare = self.accelerator.unwrap_model(model)
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        out = model(input_ids=ids, attention_mask=mask, position_ids=positions, output_hidden_states=True, use_cache=False)
        values = bare.value_head(out.hidden_states[-1][:, prompt - 1 : -1].to(bare.value_head.weight.dtype))[..., 0]
        return _logp(out.logits[:, prompt - 1 : -1], ids[:, prompt:], self.job.settings.temperature), values.float()

    def _base_logp(self, model: Any, ids: torch.Tensor, mask: torch.Tensor, prompt: int) -> torch.Tensor:
        from contextlib import nullcontext

        positions = (mask.cumsum(1) - 1).clamp(min=0)
        reference = self.method.reference
        with model.disable_adapter() if reference is None else nullcontext():
            held = model if reference is None else reference.to(ids.device)
            logits = held(input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False).logits
        return _logp(logits[:, prompt - 1 : -1], ids[:, prompt:], self.job.settings.temperature)

    def log(self, logs: dict[str, float], *rest: Any, **more: Any) -> None:
        means = {name: round(sum(numbers) / len(numbers), 6) for name, numbers in self.seen.items() if numbers}
        self.seen = {}
        super().log({**logs, **means}, *rest, **more)


def _logp(logits: torch.Tensor, ids: torch.Tensor, temperature: float) -> torch.Tensor:
    return torch.log_softmax(logits.float() / temperature, -1).gather(-1, ids[..., None])[..., 0]


def _mean(numbers: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
    return (numbers * where).sum() / where.sum().clamp(min=1)
