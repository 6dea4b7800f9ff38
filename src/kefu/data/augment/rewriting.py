"""Paraphrase and back-translation by a language model behind an access point, in both languages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence

from kefu.data.asking import Asking, Request
from kefu.data.augment.rows import Augmented, Question

_PARAPHRASE = {
    "zh": "你是客服数据标注员。把顾客的问题换 {n} 种说法，像不同的顾客会打出来的那样（有的口语、有的简短）。"
    "意思必须完全一样：数字、价格、日期、产品名、字母缩写和否定词一个都不能改，"
    '不要回答问题，不要添加新的信息。只输出 JSON：{{"questions": ["…"]}}\n\n问题：{text}',
    "en": "You label data for a customer-service desk. Write the customer's question in {n} other wordings, as different customers would type it "
    "(some casual, some short). The meaning must stay exactly the same: do not change a number, price, date, product name, abbreviation or "
    'negation, do not answer it, add nothing. Output JSON only: {{"questions": ["..."]}}\n\nQuestion: {text}',
}
_THERE = {
    "zh": "把下面这句顾客的话译成英文，只输出译文：\n{text}",
    "en": "Translate this customer's sentence into Chinese. Output the translation only:\n{text}",
}
_BACK = {
    "zh": "Translate this customer's sentence into natural spoken Chinese. Output the translation only:\n{text}",
    "en": "把下面这句顾客的话译成自然口语的英文，只输出译文：\n{text}",
}
SCHEMA = {
    "type": "object", "required": ["questions"], "additionalProperties": False,
    "properties": {"questions": {"type": "array", "items": {"type": "string"}}},
}  # fmt: skip


def rewritten(
    questions: Sequence[Question],
    methods: Sequence[str],
    copies: int,
    seed: int,
    asking: Asking,
    done: Augmented,
    progress: Callable[[str, float], None] | None = None,
) -> dict[tuple[str, str], list[str]]:
    """`{(method, question id): texts}`; a question that could not be asked for is counted in `done`."""
    ours = [question for question in questions if question.language in _PARAPHRASE]
    for question in questions:
        if question.language not in _PARAPHRASE:
            for method in methods:
                done.reject(method, "no prompt for its language", question.id, question.text, "")
    found: dict[tuple[str, str], list[str]] = {}
    for method in methods:
        if method == "paraphrase":
            answers = asking.all(paraphrase_requests(ours, copies, seed), listed, progress)
        else:
            there = asking.all([_request(_THERE[q.language].format(text=q.text), seed, q.text) for q in ours], _line, progress)
            back = [_request(_BACK[q.language].format(text=text), seed, text) for q, text in zip(ours, there, strict=True) if text]
            returned = iter(asking.all(back, _line, progress))
            answers = [[line] if text and (line := next(returned)) else None for text in there]
        for question, texts in zip(ours, answers, strict=True):
            if texts is None:
                done.reject(method, "the model gave nothing usable", question.id, question.text, "")
            else:
                found[method, question.id] = texts[:copies]
    return found


def paraphrase_requests(questions: Sequence[Question], copies: int, seed: int) -> list[Request]:
    return [
        Request(
            ({"role": "user", "content": _PARAPHRASE[q.language].format(n=copies, text=q.text)},), seed=seed, temperature=0.8,
            max_tokens=60 + copies * (20 + 2 * len(q.text)), schema=json.dumps(SCHEMA, sort_keys=True),
        )
        for q in questions if q.language in _PARAPHRASE
    ]  # fmt: skip


def back_requests(questions: Sequence[Question], copies: int, seed: int) -> list[Request]:
    """There and back; for the estimate the way back is taken to be as long as the question."""
    ours = [q for q in questions if q.language in _THERE]
    return [_request(prompts[q.language].format(text=q.text), seed, q.text) for prompts in (_THERE, _BACK) for q in ours]


def _request(prompt: str, seed: int, text: str) -> Request:
    return Request(({"role": "user", "content": prompt},), seed=seed, temperature=0.3, max_tokens=60 + 3 * len(text))


def listed(text: str) -> list[str]:
    """The questions of a JSON answer, whatever stands around it. Raises ValueError."""
    match = re.search(r"\{.*\}", text, re.DOTALL)
    if not match:
        raise ValueError("no JSON object")
    items = json.loads(match.group()).get("questions")
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise ValueError("no list of questions")
    cleaned = [" ".join(item.split()) for item in items if item.strip()]
    if not cleaned:
        raise ValueError("an empty list")
    return cleaned


def _line(text: str) -> str:
    line = re.sub(r"^(?:译文|翻译|Translation)\s*[:：]\s*", "", text.strip(), flags=re.IGNORECASE).strip().strip('"“”')
    if not line or "\n" in line:
        raise ValueError("not one line")
    return line
