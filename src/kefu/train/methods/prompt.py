"""`prompt`: a model made by asking rightly: role, examples chosen from the rows, structured output, sampling by task. No weights change.

Examples are spread over the answers of the training rows, so that none is shown twice while another is not shown at all; with more
than `shown` of them the nearest to each question are put before it (Liu et al. 2022, "What makes good in-context examples").
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from kefu.artifacts import write_json
from kefu.engines.access import PROMPT_FILE
from kefu.engines.prompted import PRESETS, PROVIDERS, Example, KeyPlace, Prompted, PromptedEngine, checker
from kefu.errors import ConfigError, InputError
from kefu.project.schema import Block
from kefu.text import privacy

if TYPE_CHECKING:
    from kefu.train.factory.job import Job, Prepared

MOST_EXAMPLES = 400


class Settings(Block):
    provider: str = Field(default="", description="openai, nebius or gemini: its address and key; `base` is then a model's name there")
    model: str = Field(default="", description="name of the model behind a URL; empty: the first the server lists")
    api_key: KeyPlace = Field(default="", description="env:NAME or file:PATH; with a provider: env:PROVIDER_API_KEY")
    role: str = Field(default="", description="system message: who answers, and how")
    language: Literal["zh", "en"] = Field(default="zh", description="of the words that are put around a schema")
    preset: str = Field(default="faq", description="sampling by task: faq, chat, extract, classify, summarise, write")
    temperature: float | None = Field(default=None, ge=0, le=2, description="instead of the preset's")
    top_p: float | None = Field(default=None, gt=0, le=1, description="instead of the preset's")
    max_tokens: int | None = Field(default=None, ge=1, description="instead of the preset's")
    stop: list[str] = Field(default=[], description="strings that end an answer")
    examples: int = Field(default=40, ge=0, le=MOST_EXAMPLES, description="rows kept to be shown")
    shown: int = Field(default=4, ge=0, description="examples before each question, the nearest; 0: all that are kept")
    answer_schema: dict[str, Any] = Field(default={}, description="JSON schema of the answers; empty: free text")
    structured: Literal["prompt", "response_format"] = Field(default="prompt", description="response_format: the server is told the schema too")
    attempts: int = Field(default=2, ge=1, le=5, description="for an answer that does not fit its schema")
    timeout_s: float = Field(default=60, gt=0, description="longest silence of a server")
    send_unmasked: bool = Field(
        default=False, description="send personal data as they stand in the rows; else they are masked before anything leaves this machine"
    )


class Prompt:
    name: ClassVar[str] = "prompt"
    Settings: ClassVar[type[Block]] = Settings
    needs: ClassVar[str] = "messages"

    def __init__(self) -> None:
        self.prompted: Prompted | None = None
        self.folder = Path()
        self.inner: Any = None

    def defaults(self, job: Job) -> dict[str, tuple[Any, str]]:
        return {}

    def open(self, job: Job) -> None:
        """The bare access point; what is put around it comes with `make`. Raises ConfigError with every fault of the settings."""
        given, faults = job.settings, []
        if given.preset not in PRESETS:
            faults.append(f"prompt.preset: {given.preset!r}: use {', '.join(PRESETS)}")
        if given.provider and given.provider not in PROVIDERS:
            faults.append(f"prompt.provider: {given.provider!r}: use {', '.join(PROVIDERS)}, or give a URL as `base`")
        if not job.recipe.base:
            faults.append("the recipe names no base: a model folder, a model made here, a URL, or with a provider a model's name")
        if faults:
            raise ConfigError("the prompt has faults", faults[0], "correct the recipe", faults=faults)
        if given.answer_schema:
            checker(given.answer_schema)
        drawn = PRESETS[given.preset]
        self.folder, point, model, key = place(job)
        self.prompted = Prompted(
            access_point=point, model=given.model or model, api_key=given.api_key or key, role=given.role, language=given.language, shown=given.shown,
            answer_schema=given.answer_schema, structured=given.structured, attempts=given.attempts, stop=given.stop, timeout_s=given.timeout_s,
            send_unmasked=given.send_unmasked,
            max_tokens=given.max_tokens or drawn.max_tokens, temperature=drawn.temperature if given.temperature is None else given.temperature,
            top_p=drawn.top_p if given.top_p is None else given.top_p,
        )  # fmt: skip
        from kefu.engines.prompted import reach

        self.bare = Prompted(access_point=point, max_tokens=self.prompted.max_tokens)
        self.inner = reach(self.folder, self.prompted)
        self.now = self.bare
        job.facts["base"] = {"name": self.prompted.model or point, "parameters": None, "context": self.inner.context}

    def encode(self, job: Job, rows: list[dict[str, Any]], split: str) -> Prepared:
        """Rows that can be shown; with a schema only those whose answer fits it."""
        from kefu.train.methods import spoken

        fits = checker(job.settings.answer_schema) if job.settings.answer_schema else None

        def keep(said: list[dict[str, str]]) -> str:
            why = spoken.unanswered(said)
            return why or ("the answer does not fit the schema" if fits and fits(said[-1]["content"])[0] is None else "")

        made = spoken.encode(rows, keep)
        return spoken.leave(made, job, self.name, split, self.point) if privacy.remote(self.point) else made

    def make(self, job: Job, train: Prepared, validation: Prepared | None, progress: Any) -> Any:
        """Choose the examples."""
        from kefu.train.methods import spoken

        if self.prompted is None:
            raise InputError("the prompt is used before it is opened")
        progress("choosing examples", 0.5)
        chosen = spread(train, int(job.settings.examples), job.seed)
        self.prompted = self.prompted.model_copy(update={"examples": chosen})
        self.now = self.prompted
        job.facts["examples"] = {"kept": len(chosen), "shown": job.settings.shown or len(chosen)}
        return spoken.nothing_trained(job)

    def measure(self, job: Job, rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """exact, token_f1, ended, answered; with a schema also `fits`. Before `make`: the bare access point."""
        from kefu.train.factory import figures
        from kefu.train.methods import spoken

        asked = spoken.pairs(rows, mask=self._mask(job))
        heard = self._ask([messages for messages, _ in asked])
        found = spoken.judged([answer for _, answer in asked], heard)
        if job.settings.answer_schema:
            fits = checker(job.settings.answer_schema)
            found["fits"] = figures.share([one is not None and fits(one.text)[0] is not None for one in heard])
        return found

    def trivial(self, job: Job, rows: list[dict[str, Any]], before: dict[str, Any]) -> dict[str, Any]:
        from kefu.train.methods import spoken

        return spoken.trivial(job, rows)

    def samples(self, job: Job, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        from kefu.train.methods import spoken

        asked = spoken.pairs(rows, mask=self._mask(job))
        heard = self._ask([messages for messages, _ in asked])
        texts = [one.text if one else "" for one in heard]
        return [
            {"asked": messages[-1]["content"], "expected": answer, "said": text} for (messages, answer), text in zip(asked, texts, strict=True)
        ]  # fmt: skip

    def _mask(self, job: Job) -> bool:
        """Whether rows are masked before they are asked: they leave this machine, and the recipe does not want them unmasked."""
        return privacy.remote(self.point) and not job.settings.send_unmasked

    @property
    def point(self) -> str:
        return self.prompted.access_point if self.prompted else ""

    def _ask(self, asked: list[list[dict[str, str]]]) -> list[Any]:
        from kefu.train.methods import spoken

        return spoken.ask(PromptedEngine(self.folder, self.now, self.inner), asked)

    def save(self, job: Job, folder: Path) -> dict[str, Any]:
        if self.prompted is None:
            raise InputError("the prompt is used before it is opened")
        point = self.prompted.access_point
        write_json(folder / PROMPT_FILE, self.prompted.model_copy(update={"access_point": beside(point, self.folder, job)}).model_dump())
        from kefu.engines.protocol import run

        run(self.inner.close())
        return {"task": "prompt", "model": PROMPT_FILE}


def place(job: Job) -> tuple[Path, str, str, str]:
    """(folder the access point is relative to, access point, model's name there, where its key is) of a recipe's base."""
    from kefu.train.factory import model_folder

    base, provider = job.recipe.base, job.settings.provider
    if provider:
        return job.out, PROVIDERS[provider][0], base, f"env:{provider.upper()}_API_KEY"
    if base.startswith(("http://", "https://")):
        return job.out, base, "", ""
    folder = job.loaded.path(base)
    return job.out, str(folder if folder.is_dir() else model_folder(job.loaded.root, base)), "", ""


def beside(point: str, folder: Path, job: Job) -> str:
    """An access point as it is written: URLs as they are, folders relative to where the model will lie."""
    import os

    if point.startswith(("http://", "https://")):
        return point
    return os.path.relpath(point, job.out.resolve())  # the draft and the published folder are neighbours


def spread(train: Prepared, count: int, seed: int) -> list[Example]:
    """Examples from the rows, one of each answer before a second of any; whole dialogues give their first question and answer."""
    by_answer: dict[str, list[Example]] = {}
    for item in train.items:
        said = item["messages"]
        at = next((i for i, m in enumerate(said) if m["role"] == "assistant" and i and said[i - 1]["role"] == "user"), None)
        if at is not None:
            by_answer.setdefault(said[at]["content"], []).append(Example(asked=said[at - 1]["content"], answer=said[at]["content"]))
    order = random.Random(seed)
    groups = [sorted(group, key=lambda one: one.asked) for _, group in sorted(by_answer.items())]
    for group in groups:
        order.shuffle(group)
    order.shuffle(groups)
    rounds = [group[i] for i in range(max(map(len, groups), default=0)) for group in groups if i < len(group)]
    return rounds[:count]
