"""A model by prompt: role, examples, structured output and sampling around any other engine. `prompted.json` is the whole model.

Nothing is trained: what the folder says is put before the conversation, each time alike. An answer that must be JSON is checked
against its schema and asked for again, with the fault named, before anybody sees it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError

from kefu.engines.access import PROMPT_FILE
from kefu.engines.protocol import Delta, Engine, Message, Sampling, Score
from kefu.errors import EngineError, InputError, MissingExtra
from kefu.project.load import secret
from kefu.project.schema import Block
from kefu.text.similarity import token_f1

#: Sampling by task. Greedy where one answer is right; a little freedom where several are.
PRESETS: dict[str, Sampling] = {
    "faq": Sampling(max_tokens=256, temperature=0.0),
    "chat": Sampling(max_tokens=512, temperature=0.7, top_p=0.9),
    "extract": Sampling(max_tokens=512, temperature=0.0),
    "classify": Sampling(max_tokens=24, temperature=0.0),
    "summarise": Sampling(max_tokens=256, temperature=0.2, top_p=0.9),
    "write": Sampling(max_tokens=800, temperature=0.9, top_p=0.95),
}
#: OpenAI-compatible addresses by the provider's name; with fine-tuning jobs, as their documentation says.
PROVIDERS: dict[str, tuple[str, bool]] = {
    "openai": ("https://api.openai.com/v1", True),
    "nebius": ("https://api.tokenfactory.nebius.com/v1", True),
    "gemini": ("https://generativelanguage.googleapis.com/v1beta/openai", False),
}
_SHAPE = {
    "zh": "只输出一个符合下面 JSON Schema 的 JSON，不要任何其他文字：",
    "en": "Answer with one JSON value of this JSON Schema and nothing else:",
}
_AGAIN = {"zh": "这个回答不符合要求：{why}。请只输出符合要求的 JSON。", "en": "That answer does not fit: {why}. Give only JSON that fits."}


def _no_key(value: str) -> str:
    if value and not value.startswith(("env:", "file:")):
        raise ValueError("a password or key does not belong into a file; write env:NAME or file:PATH")
    return value


#: Where a key is, never the key itself.
KeyPlace = Annotated[str, AfterValidator(_no_key)]


class Example(Block):
    asked: str = Field(min_length=1)
    answer: str = Field(min_length=1)


class Prompted(Block):
    """access_point: an http(s) URL, or a model folder (relative to the file). api_key: env:NAME or file:PATH, never the key itself.

    answer_schema: JSON schema of the answers, or empty. structured: `prompt` says the schema in words; `response_format` also sends it
    to the server. send_unmasked: `kefu predict` sends the rows of a file to a URL as they are, else with placeholders for personal data.
    shown: examples that are put before each question, the nearest ones; 0: all of them.
    """

    access_point: str = Field(min_length=1)
    model: str = ""
    api_key: KeyPlace = ""
    role: str = ""
    language: Literal["zh", "en"] = "zh"
    examples: list[Example] = Field(default=[])
    shown: int = Field(default=0, ge=0)
    answer_schema: dict[str, Any] = Field(default={})
    structured: Literal["prompt", "response_format"] = "prompt"
    attempts: int = Field(default=2, ge=1, le=5)
    max_tokens: int = Field(default=256, ge=1)
    temperature: float = Field(default=0.0, ge=0, le=2)
    top_p: float = Field(default=1.0, gt=0, le=1)
    stop: list[str] = Field(default=[])
    timeout_s: float = Field(default=60, gt=0)
    send_unmasked: bool = False

    @classmethod
    def read(cls, folder: Path) -> Prompted:
        """Raises InputError for a file that is damaged."""
        try:
            return cls.model_validate(json.loads((folder / PROMPT_FILE).read_text("utf-8")))
        except (OSError, ValueError, RecursionError) as error:
            why = str(error).partition("\n")[0]
            if isinstance(error, ValidationError):
                why = f"{'.'.join(map(str, error.errors()[0]['loc']))}: {error.errors()[0]['msg']}"
            raise InputError(f"{folder / PROMPT_FILE} cannot be used", why, "make the model again") from None

    def sampling(self) -> Sampling:
        schema = json.dumps(self.answer_schema, ensure_ascii=False) if self.answer_schema and self.structured == "response_format" else ""
        return Sampling(self.max_tokens, self.temperature, self.top_p, tuple(self.stop), schema=schema)

    def messages(self, given: Sequence[Message]) -> list[dict[str, str]]:
        """Role and schema, then examples as earlier turns, then what was said. A system message of the conversation joins the role."""
        said = [{"role": str(m["role"]), "content": str(m["content"])} for m in given]
        system = [self.role] if self.role else []
        if self.answer_schema:
            system.append(f"{_SHAPE[self.language]}\n{json.dumps(self.answer_schema, ensure_ascii=False)}")
        while said and said[0]["role"] == "system":
            system.append(said.pop(0)["content"])
        made = [{"role": "system", "content": "\n\n".join(system)}] if system else []
        for example in self.nearest(next((m["content"] for m in reversed(said) if m["role"] == "user"), "")):
            made += [{"role": "user", "content": example.asked}, {"role": "assistant", "content": example.answer}]
        return made + said

    def nearest(self, question: str) -> list[Example]:
        """The examples shown with a question, the nearest last, where it is read best; never the very same question."""
        others = [example for example in self.examples if example.asked.strip() != question.strip()]
        if not self.shown or len(others) <= self.shown:
            return others
        return sorted(others, key=lambda example: token_f1(example.asked, question))[-self.shown :]


class PromptedEngine:
    """The engine of a `prompted.json`. inner: the engine it speaks through (opened from the access point when not given)."""

    def __init__(self, folder: Path, prompted: Prompted | None = None, inner: Engine | None = None, **options: Any) -> None:
        self.prompted = prompted or Prompted.read(folder)
        self.inner = inner or reach(folder, self.prompted, **options)
        self.name, self.context = self.prompted.model or self.inner.name, self.inner.context
        self.capabilities = self.inner.capabilities - ({"stream"} if self.prompted.answer_schema else set())
        self.fits = checker(self.prompted.answer_schema) if self.prompted.answer_schema else None

    async def chat(self, messages: Sequence[Message], params: Sampling = Sampling()) -> AsyncIterator[Delta]:  # noqa: B008 - frozen
        """The model's own sampling holds; of the caller's the seed, the stop strings and a smaller limit of tokens."""
        own = self.prompted.sampling()
        drawn = replace(own, max_tokens=min(own.max_tokens, params.max_tokens), stop=(*own.stop, *params.stop), seed=params.seed)
        if params == Sampling():
            drawn = own
        asked = self.prompted.messages(messages)
        if self.fits is None:
            async with aclosing(self.inner.chat(asked, drawn)) as deltas:  # type: ignore[type-var]
                async for delta in deltas:
                    yield delta
            return
        why = ""
        for _ in range(self.prompted.attempts):
            heard: list[Delta] = []
            async with aclosing(self.inner.chat(asked, drawn)) as deltas:  # type: ignore[type-var]
                async for delta in deltas:
                    heard.append(delta)
            text = "".join(delta.text for delta in heard)
            found, why = self.fits(text)
            if found is not None:
                last = heard[-1]
                yield Delta(found, tuple(i for delta in heard for i in delta.token_ids), None)
                yield Delta("", (), None, last.finish, last.usage)
                return
            asked = [*asked, {"role": "assistant", "content": text}, {"role": "user", "content": _AGAIN[self.prompted.language].format(why=why)}]
        raise EngineError(
            f"{self.name} gives no answer of its schema", f"{self.prompted.attempts} times: {why}", "simplify the schema, or raise attempts"
        )

    async def score(self, messages: Sequence[Message]) -> Score:
        return await self.inner.score(self.prompted.messages(messages))

    def encode(self, messages: Sequence[Message]) -> list[int]:
        return self.inner.encode(self.prompted.messages(messages))

    async def close(self) -> None:
        await self.inner.close()


def reach(folder: Path, prompted: Prompted, **options: Any) -> Engine:
    """The engine behind the access point. Raises ConfigError (no key there), InputError, EngineError."""
    from kefu.engines.access import open as start

    point = prompted.access_point
    if point.startswith(("http://", "https://")):
        key = secret(prompted.api_key) if prompted.api_key else ""
        return start(point, model=prompted.model, api_key=key, timeout_s=prompted.timeout_s)
    place = (folder / point).resolve()
    if (place / PROMPT_FILE).is_file():
        raise InputError(f"{folder} speaks through another prompt", f"{place} is one itself", "name the model behind it")
    return start(place, **options)


def checker(schema: dict[str, Any]) -> Any:
    """A function text -> (the JSON text, "") or (None, why not). Raises InputError for a schema that is none, MissingExtra."""
    try:
        import jsonschema_rs
    except ImportError:
        raise MissingExtra("structured output", "prompt") from None
    try:
        validator = jsonschema_rs.validator_for(schema)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        raise InputError("the answer's schema is no JSON schema", str(error).partition("\n")[0][:200], "see json-schema.org") from None

    def fits(text: str) -> tuple[str | None, str]:
        bare = text.strip()
        if bare.startswith("```") and bare.endswith("```"):  # a fence around the JSON is decoration, not an answer
            bare = bare[3:-3].partition("\n")[2].strip() if "\n" in bare else bare[3:-3].strip()
        try:
            value = json.loads(bare)
        except (ValueError, RecursionError):
            return None, "it is not JSON"
        for error in validator.iter_errors(value):
            return None, str(error.message)[:200]
        return bare, ""

    return fits
