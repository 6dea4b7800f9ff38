"""Does another wording still ask the same thing? Numbers, negations and names must be untouched; each refusal has its reason."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection

from kefu.text.language import detect
from kefu.text.normalise import fold

_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*%?")
_HAN_NUMBER = re.compile(
    r"(?<![一二两三四五六七八九十百千万半])[一二两三四五六七八九十百千万半]+(?=个?(?:年|月|天|日|号|元|块|次|台|件|人|位|岁|小时|分钟|周|季|折|倍|成|期|瓶|单|份|张))"
)
_WORD_NUMBER = re.compile(
    r"\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|fifty|hundred|thousand|twice|half|double)\b", re.I
)
#: 是不是, 能否, 区别, 非常, 差不多 … hold a sign of negation and deny nothing.
_DENIES_NOTHING = re.compile(
    r"([\u4e00-\u9fff])不\1|可不可以|[是能可]否|有没有|有无|特别|区别|级别|性别|分别|类别|别的|别人|非常|不过|差不多|对不起|不好意思|不然|未来|无线|无论"
)
_NEGATION = re.compile(
    r"[不没无未别勿非否]|\b(?:not|no|never|none|nothing|without|cannot|neither|nor|unable|hardly)\b|n['’]t\b|\b(?:do|does|did|is|was|has|have|ca|wo|would|could|should|are)nt\b",
    re.IGNORECASE,
)
_LATIN = re.compile(r"[A-Za-z][A-Za-z0-9_.+#-]*")
_FIXED = re.compile(r"\[[^\[\]\s]+_\d+\]|https?://\S+|[\w.+-]{1,64}@[\w.-]+|[「“\"《][^」”\"》]{1,40}[」”\"》]")
LONGER, SHORTER = 2.6, 0.4
_FEW, _LONGEST_ENTITY = 16, 12


def numbers(text: str) -> Counter[str]:
    plain = fold(text)
    return Counter([*_NUMBER.findall(plain), *_HAN_NUMBER.findall(text), *(word.lower() for word in _WORD_NUMBER.findall(text))])


def negations(text: str) -> int:
    """How often the text denies; 是不是 and 特别 deny nothing, don't and do not once each."""
    return len(_NEGATION.findall(_DENIES_NOTHING.sub(" ", text)))


def names(text: str, entities: Collection[str] = ()) -> Counter[str]:
    """What must stand in every wording: placeholders, addresses, quoted words, product names and codes, and the given entities."""
    found = Counter(match.lower() for match in _FIXED.findall(text))
    chinese = detect(text) == "zh"
    for match in _LATIN.finditer(text):
        word = match.group().rstrip(".-")
        opens = not text[: match.start()].strip() or text[: match.start()].rstrip()[-1:] in ".!?。！？\n,:"
        if chinese or any(char.isdigit() for char in word) or (word != "I" and not word.startswith("I'") and any(c.isupper() for c in word[opens:])):
            found[word.lower()] += 1
    plain = fold(text)
    padded = f" {plain} "
    for entity in _occurring(plain, entities):
        count = plain.count(entity) if entity and entity[0] >= "\u2e80" else padded.count(f" {entity} ")
        if count:
            found[entity] = max(found[entity], count)
    return found


def _occurring(plain: str, entities: Collection[str]) -> list[str]:
    """Those of the entities that stand in the text, found by its own parts: a company may have thousands."""
    if len(entities) <= _FEW:
        return [entity for entity in entities if entity]
    parts = {plain[i : i + size] for size in range(1, _LONGEST_ENTITY + 1) for i in range(len(plain) - size + 1)} | set(plain.split())
    return sorted(part for part in parts if part in entities)


def fault(before: str, after: str, entities: Collection[str] = (), *, language: str = "", loose: bool = False) -> str:
    """Why `after` may not stand for `before`, or an empty string. `loose`: spelling may be damaged, so length and language are not judged."""
    if not after.strip():
        return "empty"
    if after.strip() == before.strip() or (not loose and fold(before) == fold(after)):
        return "the same words"
    if numbers(before) != numbers(after):
        return "a number changed"
    if negations(before) != negations(after):
        return "a negation changed"
    lower = after.lower()
    if _lost(names(before, entities), names(after, entities), lower, loose):
        return "a name changed"
    if loose:
        return ""
    if language in ("zh", "en") and detect(after) != language:
        return "another language"
    ratio = len(fold(after)) / max(1, len(fold(before)))
    if ratio > LONGER and len(fold(after)) - len(fold(before)) > 14:
        return "much longer"
    return "much shorter" if ratio < SHORTER else ""


def _lost(before: Counter[str], after: Counter[str], lower: str, loose: bool) -> bool:
    """A name that is gone; one that came (in clean text) unless it is only a capital at another place."""
    if any(lower.count(name) < count for name, count in before.items()):
        return True
    return not loose and any(name not in before for name in after)
