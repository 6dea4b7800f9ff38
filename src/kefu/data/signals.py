"""Signs of how a conversation goes: small pure functions that a dataset class puts together.

All look at given turns only; none knows the future. Words come from lexicon.yaml (zh and en). A denied word is no sign: 不投诉 is no
complaint, "not angry" no anger, 不满意 no content; nor is what is only asked about (投诉电话是多少). Sarcasm (真是太好了，又坏了) is not
understood and counts as it reads.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import takewhile

from kefu.conversation import Turn
from kefu.data.inquiry import only_asked
from kefu.data.words import lexicon
from kefu.text.gate import Gate, Gates
from kefu.text.language import detect
from kefu.text.segment import sentences, shingles, units

#: Signs whose words mean the opposite when denied. Those that hold a denial themselves (unresolved, cannot_answer) are taken as they are.
_DENIABLE = frozenset(["asks_person", "complaint", "legal", "fed_up", "money_loss", "negative", "positive", "urgent", "agrees"])
#: 不, 没打算, 不是要 … right before the word; 不得不, 要不要, 是不是, 能不能 and 要不 deny nothing.
_DENIED_ZH = re.compile(
    r"(?:(?<![得是能会要好])(?:不|没|未|别|勿)|没有|无需|并非|不用|没必要|不至于)(?:有|要|想|是|会|去|来|再|打算|准备|需要|用|必|算|太|很|那么|这么|真的|觉得|怎么)*$"
)
_DOUBLE_ZH = re.compile(r"不得不$|(?:要|是|会|能|想|用)不(?:要|是|会|能|想|用)$|差不多$|要不(?:我|就|是)?$|不会不$|(?:怎么|哪)能不$")
_BETWEEN = "want wish going planning plan trying try need mean here to be been a an the really any at all so that make file saying say it's is even"
_DENIED_EN = re.compile(rf"(?:\bnot|n['’]t|\bnever|\bno|\bwithout|\bcannot)(?:\s+(?:{'|'.join(_BETWEEN.split())}))*\s*$", re.IGNORECASE)
_LOOK_BACK = 40  # characters before a word in which its denial stands


def has(sign: str, text: str) -> bool:
    """Does the text show the sign (a name of lexicon.yaml: `complaint`, `unresolved` …)? Words denied or only asked about do not count."""
    gate = _gates()[sign]
    if not gate.open(_bits(text)):
        return False
    if sign not in _DENIABLE:
        return gate.search(text) is not None
    return any(not denied(text, match.start()) and not only_asked(sign, text, match.start()) for match in gate.finditer(text))


_ALL = Gates()


@lru_cache(maxsize=1)
def _gates() -> dict[str, Gate]:
    return {name: _ALL.add(pattern) for name, pattern in lexicon().items()}


@lru_cache(maxsize=4096)
def _bits(text: str) -> int:
    """What `_gates` ask of the text: every turn is asked for a dozen signs."""
    return _ALL(text)


def denied(text: str, at: int) -> bool:
    """Is what begins at character `at` denied by the words right before it (不投诉, 没打算投诉, "not going to complain")?"""
    before = text[max(0, at - _LOOK_BACK) : at]
    if _DENIED_EN.search(before):
        return True
    return _DENIED_ZH.search(before) is not None and _DOUBLE_ZH.search(before) is None


def sentiment(text: str) -> int:
    """-1 angry or disappointed, 1 content, 0 neither. By words: sarcasm counts as it reads."""
    bad = any(has(sign, text) for sign in ("negative", "complaint", "fed_up")) or _discontent(text)
    return -1 if bad else 1 if has("positive", text) and not has("unresolved", text) else 0


def _discontent(text: str) -> bool:
    """A denied good word about the service (不满意, "not happy", "isn't helpful") is a bad one."""
    return _DISCONTENT.search(text) is not None


_DISCONTENT = re.compile(
    r"不(?:太|怎么|是很)?(?:满意|开心|高兴)|"
    r"\b(?:not|n['’]t)\s+(?:very |really |at all |so |too )?(?:happy|satisfied|pleased|impressed|helpful|great|good enough|acceptable)\b",
    re.IGNORECASE,
)


def is_question(text: str) -> bool:
    return has("question", text.strip())


def length(turns: Sequence[Turn]) -> int:
    """Words and Han characters over all turns."""
    return sum(len(units(turn.text)) for turn in turns)


def repetition(turns: Sequence[Turn], role: str, alike: float = 0.6) -> int:
    """How many turns of a role say nearly what an earlier one of the same role said."""
    return sum(turn.role == role and repeats(turns, i, alike) for i, turn in enumerate(turns))


def repeats(turns: Sequence[Turn], index: int, alike: float = 0.6) -> bool:
    """Does turn `index` say nearly what an earlier turn of the same speaker says (Jaccard of character pairs)?

    Short texts (好的, "ok") repeat without meaning anything, unless the same question is asked again.
    """
    turn = turns[index]
    own = _pairs(turn.text)
    if len(own) < _SAYS_SOMETHING:
        return is_question(turn.text) and any(before.role == turn.role and before.text == turn.text for before in turns[:index])
    earlier = [before for before in turns[:index] if before.role == turn.role]
    for before in earlier:
        pairs = _pairs(before.text)
        # No more can be shared than the smaller of two has.
        if min(len(own), len(pairs)) >= alike * max(len(own), len(pairs)) * _CLOSE and _alike(own, pairs) >= alike:
            return True
        if alike <= _USUAL and _insists(turn.text, before.text):
            return True
    return False


def _insists(text: str, before: str) -> bool:
    """The same words again inside a few more (怎么开发票 … 我问怎么开发票啊), with no new number."""
    own, old = _pairs(text), _pairs(before)
    if len(old) < _SAYS_SOMETHING or len(own) > 2 * len(old) or not old <= own:
        return False
    return (is_question(text) or is_question(before)) and not _OTHERS.search(text) and _NUMBERS.findall(text) == _NUMBERS.findall(before)


_USUAL = 0.6
_OTHERS = re.compile(r"还有|其[他它]|别的|另|\b(?:another|others?|else|instead|also|more)\b", re.IGNORECASE)


_SAYS_SOMETHING = 4  # character pairs
_CLOSE = 1 - 1e-9  # for what floating point loses


def _alike(left: frozenset[str], right: frozenset[str]) -> float:
    if len(right) < _SAYS_SOMETHING:
        return 0.0
    shared = len(left & right)
    return shared / (len(left) + len(right) - shared)


@lru_cache(maxsize=4096)
def _pairs(text: str) -> frozenset[str]:
    return frozenset(shingles(text, 2))


def unanswered(turns: Sequence[Turn]) -> int:
    """Customer questions after which no agent's turn, up to the customer's next, says more than a greeting or that he cannot answer.

    A greeting that asks (在吗？, "hello?") is answered by any turn.
    """
    count = 0
    for i, turn in enumerate(turns):
        if turn.role == "customer" and is_question(turn.text):
            spoken = [later for later in turns[i + 1 :] if later.role in ("agent", "customer")]
            replies = list(takewhile(lambda later: later.role == "agent", spoken))
            if only_greets(turn.text):
                count += not replies
            else:
                count += all(only_greets(reply.text) or has("cannot_answer", reply.text) for reply in replies)
    return count


def only_greets(text: str) -> bool:
    """Nothing but a greeting, an offer of help or a request to wait: 您好，请问有什么可以帮您？, "One moment please"."""
    return bool(text.strip()) and not lexicon()["courtesy"].sub("", _MASK.sub("", text)).strip(" ,，.。!！?？~～、:：…-—\n\t")


def outcome(turns: Sequence[Turn], stated: str = "") -> str:
    """How it ended: `resolved`, `escalated`, `unresolved`, `abandoned`, or `unknown`.

    stated: what the ticket system says, which wins when it is one of the usual words. Else by the last turns: handed over; the
    customer's last words; a last question without an answer is `abandoned` by the company's side.
    """
    word = stated.strip().lower()
    if _NOT_DONE.search(word):
        return "unresolved"
    for name, words in _OUTCOMES.items():
        if word and any(known in word for known in words):
            return name
    customer = [turn.text for turn in turns if turn.role == "customer"]
    agent = [turn.text for turn in turns if turn.role == "agent"]
    if not customer or not agent:
        return "abandoned"
    if any(has("handed_over", text) for text in agent[-2:]):
        return "escalated"
    last = customer[-1]
    if has("unresolved", last) or sentiment(last) < 0:
        return "unresolved"
    if turns[-1].role == "customer" and is_question(last):
        return "abandoned"
    return "resolved" if has("positive", last) else "unknown"


#: 未解决, 没有完成, "not resolved", incomplete: what is done, denied.
_NOT_DONE = re.compile(
    r"(?:\b(?:un|in)|\b(?:not|never)[ _-](?:(?:yet|been|fully)[ _-])*)(?:(?:re)?solved|complete|closed)|"
    r"(?:未|没|没有|不)(?:能|得到|有效|完全)?(?:解决|完成|关闭)"
)
_OUTCOMES = {
    "unresolved": ("fail", "失败"),
    "escalated": ("escalat", "transfer", "转技术", "转人工", "升级", "转接"),
    "abandoned": ("abandon", "disconnect", "timeout", "超时", "放弃", "离开"),
    "resolved": ("resolved", "solved", "complete", "closed", "已解决", "解决", "完成", "关闭"),
}


def escalated(turns: Sequence[Turn]) -> bool:
    """Was a person asked for, or the conversation handed over?"""
    return any(has("asks_person", t.text) if t.role == "customer" else has("handed_over", t.text) for t in turns if t.role in ("customer", "agent"))


def complained(turns: Sequence[Turn]) -> bool:
    """Does the customer complain or name the law?"""
    return any(turn.role == "customer" and (has("complaint", turn.text) or has("legal", turn.text)) for turn in turns)


def sensitive(text: str) -> list[str]:
    """Kinds of words nobody should pass over: `abuse`, `threat`, `self_harm`, `discrimination`, `illegal`. Quoted words count too."""
    found = (name for name, gate in _gates().items() if name.startswith("sensitive.") and gate.open(_bits(text)) and gate.search(text))
    return sorted(name.partition(".")[2] for name in found)


def logic_breaks(turns: Sequence[Turn]) -> list[tuple[int, str]]:
    """Where the agent's thread breaks: `(turn, why)`.

    `asks what was given`: he asks for a number or address that the customer wrote before. `contradicts himself`: he says nearly the same
    sentence as before with another number or the opposite, while the customer only doubted or asked again (after a new question the
    same sentence with another number is another answer). `another language`: he answers in a language the customer did not use.
    """
    found: list[tuple[int, str]] = []
    given: set[str] = set()
    said: list[str] = []  # sentences of the agent that still answer what was asked last
    spoken: set[str] = set()
    for i, turn in enumerate(turns):
        if turn.role == "customer":
            if not _doubts(turns, i):
                said = []
            given |= {name for name, pattern in _DETAILS.items() if pattern.search(turn.text)}
            spoken.add(detect(turn.text))
        elif turn.role == "agent":
            wanted = {name for name, pattern in _WANTED.items() if pattern.search(turn.text)} if has("asks_detail", turn.text) else set()
            if wanted & given:
                found.append((i, "asks what was given"))
            for sentence in sentences(turn.text):
                if any(_contradict(sentence, before) for before in said):
                    found.append((i, "contradicts himself"))
                    break
            said += sentences(turn.text)
            language = detect(turn.text)
            if {language} | spoken <= {"zh", "en"} and spoken and language not in spoken and len(units(turn.text)) >= 4:
                found.append((i, "another language"))
    return found


_DETAILS = {
    "order": re.compile(r"\[(?:订单号|ORDER)[^\]]*\]|(?:订单号?|order)\D{0,8}[A-Z]{0,4}\d{6,}|\b[A-Z]{2,4}\d{8,}\b", re.IGNORECASE),
    "phone": re.compile(r"\[(?:手机号|电话|PHONE|MOBILE)[^\]]*\]|(?<!\d)1[3-9]\d{9}(?!\d)", re.IGNORECASE),
    "email": re.compile(r"\[(?:邮箱|EMAIL)[^\]]*\]|[\w.+-]+@[\w-]+\.\w+", re.IGNORECASE),
}
_WANTED = {
    "order": re.compile(r"订单(?:号|编号)|order (?:number|id)", re.IGNORECASE),
    "phone": re.compile(r"手机号|电话|phone number", re.IGNORECASE),
    "email": re.compile(r"邮箱|e-?mail", re.IGNORECASE),
}


def _doubts(turns: Sequence[Turn], i: int) -> bool:
    """Does the customer bring nothing new: a few words without a number (真的？, "are you sure?"), or the same question again?"""
    text = turns[i].text
    return (len(units(text)) <= 5 and not _NUMBERS.search(text) and not _ASKS_ANEW.search(text)) or repeats(turns, i, 0.95)


_ASKS_ANEW = re.compile(
    r"呢[？?]?$|那(?!么?不)|换|另|别的|其他|什么|哪|怎么|\b(?:what|which|how|when|where|other|another|instead|also|please|yes|ok|and|nothing|no|nah|more|the)\b",
    re.IGNORECASE,
)


def _contradict(sentence: str, before: str) -> bool:
    """Nearly the same words with another number, or one of them denied."""
    sentence, before = _MASK.sub("[]", sentence), _MASK.sub("[]", before)
    a, b = _bare(sentence), _bare(before)
    if len(a) < 6 or len(b) < 6 or sentence == before:
        return False
    numbers = _NUMBERS.findall(sentence), _NUMBERS.findall(before)
    other_number = bool(numbers[0]) and len(numbers[0]) == len(numbers[1]) and numbers[0] != numbers[1] and a == b
    opposite = _DENIALS.sub("", a) == _DENIALS.sub("", b) and len(_DENIALS.findall(a)) != len(_DENIALS.findall(b))
    return other_number or opposite


def _bare(sentence: str) -> str:
    return _NUMBERS.sub("#", " ".join(units(sentence)))


_NUMBERS = re.compile(r"\d+(?:\.\d+)?")
_MASK = re.compile(r"\[[^\[\]\s]+_\d+\]")
_DENIALS = re.compile(r" ?(?:\b(?:not|cannot|can|do|does|did|no)\b|[不没无未能可以])")


def refund_talk(turns: Sequence[Turn]) -> list[tuple[int, str]]:
    """The moves of talking about money back, as `(turn, move)`: the customer `asks`, `insists` or `agrees`, the agent `offers` or `refuses`.

    Begins with the first asking; `agrees` counts only after an offer. An empty list: nobody asked.
    """
    moves: list[tuple[int, str]] = []
    for i, turn in enumerate(turns):
        if turn.role == "customer":
            if has("asks_refund", turn.text):
                moves.append((i, "insists" if moves else "asks"))
            elif moves and moves[-1][1] == "offers" and has("agrees", turn.text):
                moves.append((i, "agrees"))
            elif moves and moves[-1][1] in ("offers", "refuses") and (sentiment(turn.text) < 0 or has("unresolved", turn.text)):
                moves.append((i, "insists"))
        elif turn.role == "agent" and moves:
            if has("refuses_refund", turn.text):
                moves.append((i, "refuses"))
            elif has("offers_refund", turn.text):
                moves.append((i, "offers"))
    return moves


def summary(turns: Sequence[Turn], stated: str = "") -> dict[str, float]:
    """All signs of a conversation as numbers, for a classifier and for statistics."""
    customer = [turn.text for turn in turns if turn.role == "customer"]
    agent = [turn.text for turn in turns if turn.role == "agent"]
    end = outcome(turns, stated)
    moves = [move for _, move in refund_talk(turns)]
    return {
        "turns": float(len(turns)),
        "length": float(length(turns)),
        "unanswered": float(unanswered(turns)),
        "customer_repeats": float(repetition(turns, "customer")),
        "agent_repeats": float(repetition(turns, "agent")),
        "logic_breaks": float(len(logic_breaks(turns))),
        "complained": float(complained(turns)),
        "escalated": float(escalated(turns)),
        "angry": float(any(sentiment(text) < 0 for text in customer)),
        "content_at_end": float(bool(customer) and sentiment(customer[-1]) > 0),
        "angry_at_end": float(bool(customer) and sentiment(customer[-1]) < 0),
        "could_not": float(sum(has("cannot_answer", text) for text in agent)),
        "sensitive": float(any(sensitive(text) for text in customer)),
        "refund_asked": float(bool(moves)),
        "refund_refused": float("refuses" in moves),
        "refund_agreed": float("agrees" in moves),
        "urgent": float(any(has("urgent", text) for text in customer)),
        **{f"outcome_{name}": float(end == name) for name in ("resolved", "unresolved", "escalated", "abandoned")},
    }
