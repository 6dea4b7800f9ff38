"""The one way in which messages for a model are made and rendered, in training and in service alike.

`build_messages` turns a conversation and its knowledge hits into chat messages; `render` runs the
checkpoint's own Jinja chat template as transformers does (5.23, `utils/chat_template_utils.py`), so
that serving needs jinja2 and `tokenizers` only. `PromptStyle` travels as `prompt.json` beside the
model: what was trained is what is served.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import jinja2
import jinja2.ext
import jinja2.sandbox

from kefu.errors import InputError

FILE_NAME = "prompt.json"
Message = dict[str, Any]

_ROLE = {
    "zh": "你是{company}的在线客服。请用客户使用的语言，简短、礼貌地回答。只根据下面的资料回答；资料里没有的内容，请说明不清楚并转人工，不要编造。",
    "en": "You are customer support for {company}. Reply briefly and politely in the customer's language. Use only the material below; "
    "if it does not hold the answer, say that you do not know and offer a person. Never make things up.",
}
_MATERIAL = {"zh": "资料：", "en": "Material:"}
_NO_MATERIAL = {"zh": "（没有找到相关资料）", "en": "(nothing relevant was found)"}
_OUR_SIDE = {"zh": "本公司", "en": "our company"}


@dataclass(frozen=True, slots=True)
class PromptStyle:
    """How messages are laid out for one model.

    kind: `compact` (the small embedded model: the system message holds only the questions of the
    nearest FAQ entries, one a line), `full` (an instruction-tuned model: role, then passages with ids) or
    `plain` (the messages as they are given, their own system message included; passages are not used).
    max_history_turns: newest messages kept, the current question included.
    max_hits: passages given at most; 0 gives none. max_hit_chars: length of one passage in `full`.
    system_role: False when the checkpoint's template refuses a system message; its text then opens
    the first user message. control_tokens: the tokenizer's special tokens; where a customer writes
    one as text it is broken up, so that no one can close a turn from inside it.
    template_kwargs: variables given to the template, such as `enable_thinking`.
    """

    kind: Literal["compact", "full", "plain"] = "compact"
    company: str = ""
    max_history_turns: int = 6
    max_hits: int = 3
    max_hit_chars: int = 600
    system_role: bool = True
    control_tokens: tuple[str, ...] = ()
    template_kwargs: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "control_tokens": list(self.control_tokens)}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> PromptStyle:
        """Read `as_dict`. Raises InputError for a style this version does not know."""
        unknown = sorted(set(row) - {f.name for f in fields(cls)})
        if unknown or row.get("kind") not in ("compact", "full", "plain"):
            raise InputError(FILE_NAME, f"not a prompt style of this version ({', '.join(unknown) or 'kind'})", "train the model again")
        return cls(**{**row, "control_tokens": tuple(row.get("control_tokens", ()))})

    def save(self, folder: Path) -> None:
        (folder / FILE_NAME).write_text(json.dumps(self.as_dict(), ensure_ascii=False, indent=2) + "\n", "utf-8")

    @classmethod
    def load(cls, folder: Path) -> PromptStyle:
        """Read `prompt.json` of a model folder. Raises InputError."""
        try:
            return cls.from_dict(json.loads((folder / FILE_NAME).read_text("utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise InputError(f"{folder / FILE_NAME} cannot be read", str(error), "train the model again") from None


def build_messages(history: Sequence[Mapping[str, Any]], hits: Sequence[Any], style: PromptStyle, language: str) -> list[Message]:
    """Chat messages for a model: an optional system message, then user and assistant in turn.

    history: chat messages, oldest first; roles other than user and assistant are left out, two in a
    row of one role are joined, and the kept part starts with a user message (most templates refuse
    anything else). hits: objects with `question`, `answer` and `id`, best first. The last message is
    the customer's when asking and the agent's when training or scoring.
    Raises InputError when no user message is in the history.
    """
    turns = _alternating(history, style)
    if style.kind == "plain":
        system = next((_said(message, style) for message in history if message.get("role") == "system"), "")
    else:
        system = _compact(hits, style) if style.kind == "compact" else _full(hits, style, language)
    if not system:
        return turns
    if style.system_role:
        return [{"role": "system", "content": system}, *turns]
    return [{"role": "user", "content": f"{system}\n\n{turns[0]['content']}"}, *turns[1:]]


def _alternating(history: Sequence[Mapping[str, Any]], style: PromptStyle) -> list[Message]:
    turns: list[Message] = []
    for message in history:
        role, content = message.get("role"), _said(message, style)
        if role not in ("user", "assistant") or not content:
            continue
        if turns and turns[-1]["role"] == role:
            turns[-1] = {"role": role, "content": f"{turns[-1]['content']}\n{content}"}
        else:
            turns.append({"role": role, "content": content})
    turns = turns[-max(1, style.max_history_turns) - (bool(turns) and turns[-1]["role"] == "assistant") :]
    while turns and turns[0]["role"] != "user":
        turns = turns[1:]
    if not turns:
        raise InputError("conversation without a customer message", "a model needs a question", "send at least one message of role user")
    return turns


def _said(message: Mapping[str, Any], style: PromptStyle) -> str:
    return defuse(str(message.get("content") or "").strip(), style.control_tokens)


def _compact(hits: Sequence[Any], style: PromptStyle) -> str:
    questions = [defuse(str(hit.question).strip(), style.control_tokens) for hit in hits if getattr(hit, "question", "")]
    return "\n".join(list(dict.fromkeys(questions))[: style.max_hits])


def _full(hits: Sequence[Any], style: PromptStyle, language: str) -> str:
    tongue = "zh" if language == "zh" else "en"
    lines = [_ROLE[tongue].format(company=style.company or _OUR_SIDE[tongue])]
    if style.max_hits:
        passages = [_passage(hit, style) for hit in hits[: style.max_hits]]
        lines += [_MATERIAL[tongue], *(passages or [_NO_MATERIAL[tongue]])]
    return "\n".join(lines)


def _passage(hit: Any, style: PromptStyle) -> str:
    question, answer = str(getattr(hit, "question", "") or "").strip(), str(getattr(hit, "answer", "") or "").strip()
    head = f"[{hit.id}] {question}\n" if question else f"[{hit.id}] "
    return defuse(head + answer[: style.max_hit_chars], style.control_tokens)


def defuse(text: str, control_tokens: Sequence[str]) -> str:
    """Break up control tokens written as plain text: `<|end|>` becomes `< |end|>`."""
    for token in control_tokens:
        if len(token) > 1 and token in text:  # a look-ahead, so that occurrences that overlap are all broken
            text = re.sub(f"{re.escape(token[0])}(?={re.escape(token[1:])})", lambda found: f"{found.group()} ", text)
    return text


def render(
    template: str,
    messages: Sequence[Mapping[str, Any]],
    special_tokens: Mapping[str, Any] | None = None,
    add_generation_prompt: bool = True,
    **variables: Any,
) -> str:
    """The prompt text that transformers' `apply_chat_template(..., tokenize=False)` gives.

    special_tokens: `bos_token`, `eos_token`, ... as text (from tokenizer_config.json). variables:
    `tools`, `documents` and the template's own switches. Raises InputError when the template is broken
    or refuses these messages (its `raise_exception`).
    """
    plain = [{key: value for key, value in message.items() if value is not None} for message in messages]
    given = {"tools": None, "documents": None, **(special_tokens or {}), **variables}
    try:
        return _compile(template).render(messages=plain, add_generation_prompt=add_generation_prompt, **given)
    except jinja2.exceptions.TemplateError as error:
        raise InputError("the model's chat template refused the messages", str(error.message or error), "check the roles and their order") from None


class _Generation(jinja2.ext.Extension):
    """`{% generation %} ... {% endgeneration %}` marks what the model says; rendering passes it through."""

    tags = {"generation"}  # noqa: RUF012 - jinja2 declares it as a plain set

    def parse(self, parser: Any) -> Any:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_pass"), [], [], body).set_lineno(line)

    def _pass(self, caller: Any) -> Any:
        return caller()


@lru_cache(maxsize=32)
def _compile(template: str) -> jinja2.Template:
    # Trimming, loop controls, unescaped tojson: what transformers sets up, and templates rely on.
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, jinja2.ext.loopcontrols]
    )
    environment.filters["tojson"] = _tojson
    environment.globals["raise_exception"] = _raise
    environment.globals["strftime_now"] = _now
    try:
        return environment.from_string(template)
    except jinja2.exceptions.TemplateError as error:
        raise InputError(
            "the model's chat template is broken", str(error.message or error), "use the template that came with the checkpoint"
        ) from None


def _tojson(
    value: Any, ensure_ascii: bool = False, indent: int | None = None, separators: tuple[str, str] | None = None, sort_keys: bool = False
) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _raise(message: str) -> None:
    raise jinja2.exceptions.TemplateError(message)


def _now(form: str) -> str:
    return datetime.datetime.now().strftime(form)
