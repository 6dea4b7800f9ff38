"""What a customer's turn is: its language, the rules it meets, small talk, or a question with its query."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from kefu.assistant.others import hidden_names
from kefu.assistant.reading import ends
from kefu.assistant.rules import Rule, RuleBook
from kefu.assistant.smalltalk import question, smalltalk
from kefu.conversation import Conversation
from kefu.text.disguise import unmask
from kefu.text.language import detect
from kefu.text.segment import is_han

#: Which hard rule decides when several speak; kinds of a project's own rules stand with `compliance`.
ORDER = ("safety", "injection", "person", "legal", "illegal", "privacy", "compliance", "security", "dispute", "complaint", "anger", "out_of_scope")
#: Characters of a turn given to the knowledge base.
MAX_QUERY = 600
_PLACES = (("1", "一", "first"), ("2", "二", "second"), ("3", "三", "third"))
_NUMBER = re.compile(
    r"(?:第|选|选择|我选|我想问第?){0,4}(?P<zh>[一二三])个?(?:问题)?|(?:the )?(?P<en>first|second|third)(?: one| question)?"
    r"|(?:第|选|选择|我选|我想问第?|option |number |question |no\. ?|#){0,4}(?P<digit>[123])(?:个|号|个问题)?"
)
_INTERJECTIONS = set("啊呃额嗯哦唔哎呀哈呵嘿咦诶噢喔嘻哼哇嗷呜嘛呢吧")


@dataclass(slots=True)
class Heard:
    """text: the turn as it will be searched. hard, soft: rules by weight, the deciding one first."""

    text: str
    language: str
    blank: bool = False
    unclear: bool = False
    smalltalk: str = ""
    query: str = ""
    cancel: bool = False
    dissatisfied: bool = False
    hard: list[Rule] = field(default_factory=list)
    soft: list[Rule] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def listen(book: RuleBook, conversation: Conversation) -> Heard:
    """Read the newest customer turn (several in a row without an answer are one)."""
    text, notes = newest(conversation), []
    heard = Heard(text, language_of(conversation, text))
    if not text.strip():
        heard.blank = True
        return heard
    text, cut = ends(text)  # several turns in a row can be too long together
    notes += [cut] if cut else []
    rules = book.match(text)
    rest = question(text)
    if rest != text.strip() and not any(rule.kind in ("person", "cancel") for rule in rules):  # `Are you a bot? I want a real person`
        rules += [rule for rule in book.match(rest) if rule.kind == "person" and rule not in rules]
    earlier = [turn.text for turn in conversation.turns if turn.role == "customer"]
    if not any(rule.kind == "privacy" for rule in rules) and (hidden := hidden_names(text, earlier[-8:])):
        rules += [rule for rule in book.match(hidden) if rule.kind == "privacy"]
    heard.rules = [rule.id for rule in rules]
    heard.cancel = any(rule.kind == "cancel" for rule in rules)
    heard.dissatisfied = any(rule.kind == "dissatisfied" for rule in rules)
    acting = sorted((rule for rule in rules if rule.action != "note"), key=_rank)
    heard.hard = [rule for rule in acting if rule.severity == "hard"]
    heard.soft = [rule for rule in acting if rule.severity == "soft"]
    heard.smalltalk = smalltalk(text)
    if heard.smalltalk == "who":  # "a bot or a real person?" asks who is speaking; whoever wants a person says so
        heard.hard = [rule for rule in heard.hard if rule.kind != "person"]
        heard.soft = [rule for rule in heard.soft if rule.kind != "person"]
    heard.unclear = not heard.smalltalk and _says_nothing(text)
    query = question(_without_cancel(book, text) if heard.cancel else text)
    if len(query) > MAX_QUERY:
        notes.append(f"searched with the first {MAX_QUERY} of {len(query)} characters")
    heard.query, heard.notes = query[:MAX_QUERY], notes
    return heard


def pick(text: str, offered: Sequence[str]) -> str:
    """The offered question that a customer names by its number (`2`, `第二个`, `the second one`), or an empty string."""
    plain = unicodedata.normalize("NFKC", text).strip().lower().rstrip("。.!！)）、，, 的")
    found = _NUMBER.fullmatch(plain)
    if found is None:
        return ""
    name = found["zh"] or found["en"] or found["digit"]
    place = next(i for i, names in enumerate(_PLACES, 1) if name in names)
    return offered[place - 1] if place <= len(offered) else ""


def newest(conversation: Conversation) -> str:
    """The customer turns after the last agent turn, one a line."""
    last: list[str] = []
    for turn in reversed(conversation.turns):
        if turn.role == "customer":
            last.append(turn.text)
        elif turn.role == "agent":
            break
    return "\n".join(reversed(last))


def language_of(conversation: Conversation, text: str) -> str:
    """`zh` or `en` for the reply: that of the newest turn; one short Latin word (`ok`, `vip`) keeps the conversation's."""
    earlier = [turn.text for turn in conversation.turns if turn.role == "customer"]
    told = detect(text)
    if told == "und" or (told == "en" and re.fullmatch(r"\W*[A-Za-z0-9]{1,3}\W*", text)):
        before = next((found for said in reversed(earlier) if len(said) > 3 and (found := detect(said)) != "und"), "")
        told = before or (conversation.language if conversation.language not in ("", "und") else told)
    return "zh" if told in ("zh", "und") else "en"


def _rank(rule: Rule) -> int:
    return ORDER.index(rule.kind) if rule.kind in ORDER else ORDER.index("compliance")


def _says_nothing(text: str) -> bool:
    """Signs, emoji or digits only, or one cry drawn out."""
    letters = [c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c)[0] == "L"]
    if not letters:
        return True
    return len(letters) >= 3 and (all(c in _INTERJECTIONS for c in letters) or (len(set(letters)) == 1 and is_han(letters[0])))


def _without_cancel(book: RuleBook, text: str) -> str:
    """The text without the clause that declines a person (`不要转人工，直接告诉我价格`)."""
    cancels = [one for one in book.input if one.rule.kind == "cancel"]
    clauses: Sequence[str] = re.findall(r"[^，。！？；,.!?;\n]+[，。！？；,.!?;\n]*", text)
    kept = [clause for clause in clauses if not any(one.hits(unmask(clause.strip("，。！？；,.!?;\n "))) for one in cancels)]
    return "".join(kept).strip()
