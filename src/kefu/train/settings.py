"""Every number of a training run with where it came from and why. Nothing here imports torch.

Measured on two CPU cores (docs/results.md): for the embedded base question noise is worth more than ten
times the parameters, one-cycle learning at 3e-3 converges, and cost grows with tokens, not with rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kefu.project.schema import Train

TOKEN_BUDGET = 400_000
PASSAGES_AT = 0.4
DIALOGUE_SHARE = 0.4
EXPOSURES = 60
MIN_STEPS = 300
EMBEDDED_BATCH = 8
COPIES = 5
FULL_EPOCHS = 3.0


@dataclass(frozen=True)
class Choice:
    """A value, its origin (`kefu.yaml:12`, `flag`, `computed`) and, when computed, the reason."""

    value: Any
    origin: str
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {"value": self.value, "origin": self.origin, **({"reason": self.reason} if self.reason else {})}


@dataclass(frozen=True)
class Measured:
    """What the data and the base look like before the plan. Token counts are of one clean pass."""

    embedded: bool
    parameters: int
    context: int
    cuda: bool
    cuda_bf16: bool
    cpu_bf16: bool
    faq_rows: int
    faq_tokens: int
    dialogue_rows: int
    dialogue_tokens: int
    longest: int


@dataclass
class Plan:
    """The settings of one run, by name."""

    choices: dict[str, Choice] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.choices[name].value

    def as_dict(self) -> dict[str, Any]:
        return {name: choice.as_dict() for name, choice in self.choices.items()}


class Chooser:
    """Takes what the project file says, else the computed value with its reason."""

    def __init__(self, given: Train, origins: dict[str, str]) -> None:
        self.given, self.origins, self.plan = given, origins, Plan()

    def take(self, name: str, computed: Any, reason: str) -> Any:
        value = getattr(self.given, name, None)
        origin = self.origins.get(f"train.{name}", "default")
        choice = Choice(computed, "computed", reason) if value is None else Choice(value, origin)
        self.plan.choices[name] = choice
        return choice.value


def uses_knowledge(given: Train) -> bool:
    """Whether the knowledge artefact is read at all."""
    return given.retrieval_context is not False


def passages(given: Train, origins: dict[str, str], first_right: float | None) -> Choice:
    """Whether rows carry retrieved passages. first_right: share of questions whose own answer is found first (None: not measured).

    For the embedded base the question of the nearest entry doubles the answers that are right when retrieval is
    mostly right, and ruins the model when it is mostly wrong (both measured, docs/results.md).
    """
    if given.retrieval_context is not None:
        return Choice(given.retrieval_context, origins.get("train.retrieval_context", "default"))
    if given.base != "embedded":
        return Choice(True, "computed", "a checkpoint reads passages well")
    if first_right is None:
        return Choice(False, "computed", "no FAQ questions to search with")
    verdict = first_right >= PASSAGES_AT
    return Choice(verdict, "computed", f"retrieval is right first for {first_right:.0%} of questions it has not seen; {PASSAGES_AT:.0%} is asked for")


def length(given: Train, measured_longest: int, embedded: bool, context: int) -> tuple[int, str]:
    """Tokens a row may have, and why."""
    if given.max_length is not None:
        return min(given.max_length, context), "" if given.max_length <= context else f"the model holds {context} tokens"
    if embedded:
        need = max(128, -(-measured_longest // 32) * 32)
        return min(512, need), f"the longest row has {measured_longest} tokens; at most 512 for a model made from scratch"
    return min(1024, context), f"1024 or what the checkpoint holds ({context})"


def choose(given: Train, origins: dict[str, str], facts: Measured, max_length: tuple[int, str], retrieval: Choice) -> Plan:
    """All settings of a run. `epochs` counts passes over clean rows, noisy copies and kept dialogues together."""
    chooser = Chooser(given, origins)
    for name in ("base", "seed", "over_length", "patience", "trackers"):
        chooser.take(name, getattr(given, name), "")
    chooser.plan.choices["retrieval_context"] = retrieval
    origin = origins.get("train.max_length", "default") if given.max_length is not None else "computed"
    chooser.plan.choices["max_length"] = Choice(max_length[0], origin, max_length[1])
    budget = chooser.take("token_budget", *_budget(facts))
    copies = chooser.take("noise_copies", *_copies(facts, budget))
    share, why = _dialogue_share(facts, budget)
    chooser.plan.choices["dialogue_share"] = Choice(share, "computed", why)
    rows = facts.faq_rows * (1 + copies) + round(facts.dialogue_rows * share)
    tokens = facts.faq_tokens * (1 + copies) + round(facts.dialogue_tokens * share)
    batch = chooser.take("batch_size", *_batch(facts, rows))
    chooser.take("epochs", *_epochs(facts, budget, rows, tokens, copies, batch))
    chooser.take("max_steps", None, "epochs decide")
    chooser.take("learning_rate", *_rate(facts))
    held = batch if facts.embedded else min(batch, 8 if facts.cuda else 2)
    per_device = max(rows for rows in range(1, held + 1) if batch % rows == 0)  # whole passes, so that batch_size is what was asked for
    chooser.plan.choices["rows_per_pass"] = Choice(
        per_device, "computed", "the whole batch" if facts.embedded else "what memory holds; gradients are summed up to batch_size"
    )
    chooser.plan.choices["bf16"] = Choice(*_bf16(facts))
    if facts.embedded:
        for name in ("vocabulary", "layers", "hidden"):
            chooser.take(name, getattr(given, name), "")
    return chooser.plan


def _budget(facts: Measured) -> tuple[int | None, str]:
    if facts.embedded:
        return TOKEN_BUDGET, "about two minutes on one CPU core for 1.1 M parameters; more did not help held-out questions"
    return None, "a checkpoint is tuned by epochs"


def _copies(facts: Measured, budget: int | None) -> tuple[int, str]:
    if not facts.embedded:
        return 0, "a pretrained model reads past wording already"
    if not facts.faq_tokens or not budget:
        return 0 if not facts.faq_tokens else COPIES, "no FAQ rows" if not facts.faq_tokens else "measured best"
    fitting = int((1 - DIALOGUE_SHARE) * budget / facts.faq_tokens) - 1
    copies = max(0, min(COPIES, fitting))
    return (
        copies,
        "measured best" if copies == COPIES else f"one pass of {facts.faq_tokens} FAQ tokens with more copies would exceed the token budget",
    )


def _dialogue_share(facts: Measured, budget: int | None) -> tuple[float, str]:
    if not budget or not facts.dialogue_tokens:
        return 1.0, "all dialogue rows"
    room = budget * DIALOGUE_SHARE if facts.faq_rows else float(budget)
    share = min(1.0, room / facts.dialogue_tokens)
    return round(share, 4), "all dialogue rows" if share == 1 else f"dialogues may take {room:.0f} of {budget} tokens; the rest is left out, seeded"


def _batch(facts: Measured, rows: int) -> tuple[int, str]:
    if not facts.embedded:
        return 16, "usual for tuning a checkpoint"
    return EMBEDDED_BATCH, "for one token budget many small steps beat few large ones (measured: loss 1.5, 2.7, 4.1 at 8, 16, 32)"


def _epochs(facts: Measured, budget: int | None, rows: int, tokens: int, copies: int, batch: int) -> tuple[float, str]:
    if not facts.embedded:
        if budget and tokens:
            return round(min(FULL_EPOCHS, budget / tokens), 3), f"token budget {budget}, at most {FULL_EPOCHS:g}"
        return FULL_EPOCHS, "usual for tuning a checkpoint; early stopping ends it sooner"
    most = max(EXPOSURES / (1 + copies), MIN_STEPS * batch / max(rows, 1))
    by_budget = (budget or TOKEN_BUDGET) / max(tokens, 1)
    if by_budget < most:
        note = "; less than one pass: raise train.token_budget" if by_budget < 1 else ""
        return round(by_budget, 3), f"token budget {budget} over {tokens} tokens a pass{note}"
    return round(most, 3), f"{EXPOSURES} looks at each question (or {MIN_STEPS} steps) are enough; the token budget would allow {by_budget:.1f}"


def _rate(facts: Measured) -> tuple[float, str]:
    if not facts.embedded:
        return 2e-5, "usual for tuning all weights of a checkpoint"
    rate = 3e-3 if facts.parameters < 2_000_000 else 2e-3 if facts.parameters < 6_000_000 else 1e-3
    return rate, "measured for a model from scratch of this size"


def _bf16(facts: Measured) -> tuple[bool, str, str]:
    if facts.cuda:
        return facts.cuda_bf16, "computed", "the GPU has it" if facts.cuda_bf16 else "this GPU has no bf16 units"
    if not facts.cpu_bf16:
        return False, "computed", "this CPU has no bf16 instructions"
    if facts.parameters < 3_000_000:
        return False, "computed", "slower below 3 M parameters (measured)"
    return True, "computed", "about twice as fast on this CPU at this size"
