"""What the figures and the loss of a run are, in words for whoever reads its report."""

from __future__ import annotations

from collections.abc import Iterable

_TOKENS = "loss per learnt token (nats)"
_LOSS = {
    "sft": _TOKENS, "freeze": _TOKENS, "lora": _TOKENS, "qlora": _TOKENS, "incremental": _TOKENS, "distill": "loss per taught token (nats)",
    "dpo": "DPO loss of a pair (0.69: no preference yet)", "kto": "KTO loss of an answer (0.5: nothing learnt yet)",
    "orpo": "ORPO loss: answer and preference", "reward": "loss of a pair (0.69: no preference yet)",
    "grpo": "GRPO loss (steers the policy; does not fall steadily)", "rloo": "RLOO loss (steers the policy; does not fall steadily)",
    "ppo": "PPO loss: policy and value", "classification": "cross entropy (nats)", "image-text": "cross entropy (nats)",
    "regression": "squared error, standardised", "multitask": "loss, summed over the heads",
}  # fmt: skip
_PAIRS = {
    "prefers_chosen": "share of pairs whose chosen answer is, per token, likelier than the rejected one for the model as it stands",
    "accuracy": "share of pairs whose chosen answer gained more through the training than the rejected one. It tells the direction of the change: "
    "with a small one it may be low although the chosen answers are still preferred",
    "margin": "by how much the chosen answers gained more than the rejected ones, nats an answer; above 0 is wanted",
}
_METRICS = {
    "loss": "loss per learnt token of the right answer, nats; lower is better", "exact": "share of answers equal to the expected one",
    "token_f1": "words and Han characters in common with the expected answer, 0 to 1", "ended": "share of answers that the model ended by itself",
    "answered": "share of questions that got an answer at all", "macro_f1": "F1 of each label, averaged: rare labels weigh like frequent ones",
    "micro_f1": "F1 over all labels of all rows", "mae": "mean error, in the unit of the rows", "rmse": "root of the mean squared error",
    "spearman": "whether the order is right: 1 the same, 0 none, -1 reversed", "reward": "mean reward of the answers",
    "entity_f1": "F1 of whole entities: type and both ends right", "f1": "words and Han characters in common with the right answer, 0 to 1",
    "no_answer_recall": "share of the questions without an answer that were recognised", "fits": "share of answers that fit the schema",
}  # fmt: skip
_OF_METHOD = {
    "dpo": _PAIRS, "orpo": _PAIRS,
    "kto": {
        "accuracy": "share of answers that moved the right way, against the mean change: good ones up, bad ones down",
        "gain_good": "change of the log-probability of good answers, nats", "gain_bad": "the same of bad answers",
        "margin": "how much more the good answers gained than the bad ones, nats; 0 before training, above 0 is wanted",
    },
    "reward": {"accuracy": "share of pairs whose chosen answer has the higher reward", "margin": "by how much, on the scale of the rewards"},
    "classification": {"accuracy": "share of rows with the right label"}, "image-text": {"accuracy": "share of rows with the right label"},
}  # fmt: skip


def loss(method: str) -> str:
    """What the loss of a method is."""
    return _LOSS.get(method, "loss")


def metrics(method: str, names: Iterable[str]) -> dict[str, str]:
    """What each figure says; those without a word to say are left out."""
    known = _METRICS | _OF_METHOD.get(method, {})
    found = {name: known.get(name.removeprefix("old_")) for name in names}
    return {name: ("of the old questions: " if name.startswith("old_") else "") + said for name, said in found.items() if said}
