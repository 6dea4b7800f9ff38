"""Where person names in Latin letters stand: introductions, salutations, signatures, titles and labels; elsewhere a known given name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from kefu.text.gate import lowered
from kefu.text.privacy.gates import gated
from kefu.text.privacy.names_en_words import CAP, LETTER, PARTICLE, UPPER, WORD, family, lists, name_like, pair

_ANY_LATIN, _ANY_CAPITAL = re.compile(r"[A-Za-z]"), re.compile(rf"[{UPPER}]")
#: Capitalised words in a row, with initials and particles.
_RUN = rf"(?:(?:Mr|Mrs|Ms|Dr|St|Prof|Jr|Sr|[{UPPER}])\.|{CAP})(?: (?:{PARTICLE} ){{0,2}}(?:[{UPPER}]\.|{CAP})){{0,4}}"
_RUNS = re.compile(rf"(?<![{LETTER}\d_@./&#-]){_RUN}(?![{LETTER}\d_@])")
_TITLE = r"(?:(?:mr|mrs|ms|miss|mx|dr|prof|professor|sir|madam|madame|rev|hon|capt|captain|judge|officer|nurse|herr|frau|señora?|sra?)\.?\s{1,2})"
_BOUND = r"(?=\s*(?:$|[.,;:!?\n)\"”|/&—–-]|(?:and|from|calling|speaking|with|at|here|again|about|regarding|but|i|my|the|who|on behalf|in|on|for|to|is|was|has|of|by)\b))"

_NAMED = gated(
    re.compile(
        r"(?:\b(?:my|his|her|their|the|our)\s(?:full |legal |maiden |first |last |middle |real |given |account |customer |guest |patient |passenger )?(?:sur)?name(?:\son\s(?:the\s)?(?:account|card|order|file|booking))?(?:\s(?:is|was)|'s|’s)|"
        r"\b(?:full |legal |first |last )name\sis|\b(?:i am|i'm|i’m)\s(?:called|named)|\b(?:people |they |you can |just |please )call me|\bname'?s\b|"
        r"\b(?:sur|nick)name\sis|\b(?:i|he|she) go(?:es)? by)\s{0,2}[:,\"“'‘]?\s{0,2}",
        re.IGNORECASE,
    )
)
_LABEL = gated(
    re.compile(
        r"(?:^|[\s;,|>(\[{\"'])(?:(?:full|first|last|middle|family|given|legal|maiden|display|customer|client|card ?holder|account ?holder|account|holder|guest|passenger|patient|contact|contact person|recipient|sender|billing|"
        r"shipping|delivery|applicant|insured|policy ?holder|driver|student|employee|beneficiary|payee|buyer|purchaser|owner|tenant|registered|emergency contact|next of kin|spouse|traveller|traveler|attendee|author|manager|"
        r"nominee|receiver|consignee|user|agent|rep|representative)['’]?s?[ _](?:full )?name|name(?: on (?:the )?(?:card|account|order))?|(?:card|account|policy) ?holder|recipient|consignee|passenger|patient|guest|contact(?: person)?|applicant|"
        r"attn|attention|c/o|care of|ship to|bill to|deliver to|sold to|signed(?: by)?|signature|booked by|ordered by|reported by|submitted by|requested by|traveller|beneficiary|payee|next of kin|emergency contact|insured|tenant)"
        r"[ \t]{0,3}(?:[:：=]|\sis\s|[-–—]\s)[ \t]{0,8}[\"“]?",
        re.IGNORECASE,
    )
)
_SPEAKER = gated(
    re.compile(
        r"(?:^|[\s>\[(])(?:user|agent|customer|client|caller|operator|from|to|cc|sender|rep|representative|advisor|employee|student|manager|doctor|physician|driver|seller|buyer|author|by)[ \t]{0,2}[:：][ \t]{0,3}",
        re.IGNORECASE,
    )
)
_SELF = gated(
    re.compile(
        r"(?:^|(?<![A-Za-z]))(?:i am|i'm|i’m|im|this is|it is|it's|it’s|here is|speaking is|you(?:'re| are) (?:speaking|talking|chatting) (?:with|to))\s",
        re.IGNORECASE,
    )
)
_CLOSING = gated(
    re.compile(
        r"(?:(?:best|kind|kindest|warm|warmest|many)\s(?:regards|wishes|thanks)|regards|sincerely|yours(?:\s(?:truly|faithfully|sincerely))?|cheers|thanks(?:\s(?:again|so much|a lot|in advance|very much))?|"
        r"thank you(?:\s(?:so much|very much|again|in advance))?|respectfully|cordially|best|ciao|love|xx|take care|all the best)[ \t]{0,2}(?P<sign>[,.!;:–—-]{0,3}[ \t]{0,3}\n{0,3}[ \t]{0,4})[-–—~]{0,2}[ \t]{0,2}",
        re.IGNORECASE,
    )
)
_SALUTE = gated(
    re.compile(r"(?:^|[\s,.!>\"“])(?P<how>dear|hi|hello|hey|good\s(?:morning|afternoon|evening|day)|greetings)[ ,]{1,2}(?:there,? )?", re.IGNORECASE)
)
_TITLED = gated(re.compile(rf"(?<![{LETTER}]){_TITLE}(?P<v>{_RUN}|{WORD})", re.IGNORECASE))
_LED_BY = "helped|assisted|served|contacted|called|signed|named|told|sent|written|owned|founded|directed|booked|owed|paid|submitted"
_LED_WORDS = (
    "agent|representative|rep|colleague|operator|technician|driver|manager|supervisor|advisor|assistant|doctor|nurse|husband|wife|son|daughter|brother|sister|mother|father|mom|dad|friend|"
    "says|said|boss|neighbou?r|roommate|partner|landlord|tenant|guardian|attorney|lawyer|teacher|coach|contact|customer|client|employee|patient|passenger|recipient|under|behalf of|name of|account of|as|add|named|called"
)
_LED = gated(
    re.compile(
        rf"\b(?:spoke|speak|speaking|talk|talked|talking|chat|chatted|chatting|dealt|dealing|met|meet)\s(?:to|with)\s|\b(?:{_LED_BY})\s(?:by|to|for)?\s?|"
        rf"\b(?:ask|asked|asking|looking|waiting)\sfor\s|\b(?:{_LED_WORDS})\s(?:is\s|was\s|named\s|called\s|,\s)?",
        re.IGNORECASE,
    )
)
#: What a match of `_LED` ends with, a comma and blanks aside.
_LED_ENDS = tuple(
    {
        word.rpartition(" ")[2]
        for word in (*_LED_BY.split("|"), *_LED_WORDS.replace("u?", "").split("|"), "neighbour", "to", "with", "by", "for", "is", "was")
    }
)
_MANY_CAPITALS = 12
_HERE = gated(re.compile(rf"(?:^|[,.!?:;>\n]\s?)\s?(?P<v>{_RUN})(?=,?\s(?:here|speaking|calling)\b)"))
_LINE_SPEAKER = gated(re.compile(rf"(?m)^[>?\s]{{0,6}}(?P<v>{CAP}(?: (?:[{UPPER}]\.|{CAP})){{0,2}})[ \t]?[:：]\s(?=\S)"))
#: Words before a capitalised pair that lead to a person.
_WHO = re.compile(
    r"(?:\b(?:(?:my |your |our |the )?(?:patient|passenger|guest|cardholder|tenant|landlord|agent|representative|advisor|colleague|supervisor|technician|nurse|guardian|attorney|lawyer|neighbou?r|partner|roommate|assistant|doctor|boss|"
    r"songwriter|singer|actor|actress|player|author|writer|director|commenter|reporter|founder|ceo|owner)|(?:my|his|her|their|our) (?:husband|wife|son|daughter|brother|sister|mother|father|mom|mum|dad|friend|uncle|aunt|cousin|nephew|niece|kid|child|fianc[ée]e?)"
    r"|(?:spoke|speak|talked|talk|chatted|dealt) (?:to|with)|ask(?:ed|ing)? for|on behalf of|transfer(?:red)? (?:me|us) to|put (?:me|us) through to|connect (?:me|us) (?:to|with)|cc|contact person|follow(?:ed|ing)? up with|it['’]?s under|(?:registered|listed|filed|booked|reserved|held) under"
    r"|(?:changed?|update[d]?|correct(?:ed)?|switch(?:ed)?) (?:it|that|the name|my name|this) to|(?:my|his|her|their|our)(?: [a-z]+){0,2}['’]s name(?: is)?|(?:directed|written|sung|arranged|founded|performed|produced|painted|composed|hosted|invented|discovered|led|signed|approved|booked|ordered|handled|served|assigned|recorded) by"
    r"|starring|says|name(?:d| of)|called|have you (?:heard|met|seen)|tribute to),?|\badd(?= \S+ \S+(?: \S+)? as (?:a|an|my|our|the) ))\s$",
    re.IGNORECASE,
)
#: What only a person does, behind a capitalised pair.
_ACTS = re.compile(
    r"(?:,? (?:(?:never |already |just |also |once |kindly )?(?:told|said|says|promised|asked|replied|wrote|shouted|signed for|hung up|called me|called back|helped me|assisted me|emailed|"
    r"picked up|placed the|approved (?:it|this|the)|lives?|lived|works? (?:at|for|in|as)|passed away|was (?:very |so |really )?(?:rude|helpful|kind|nice|born)|will (?:pick|collect|be (?:picking|collecting|talking|speaking|there)|sign)|wants|from (?:support|sales|accounts|billing|your)|is my|is the (?:ceo|owner|account|keynote|new)|of [A-Z][a-z]+ is the|referred me|recommended|and I|began|speak))\b)"
)
_AS = re.compile(r" as (?:a|an|my|our|the) [a-z]")
_ADDED = re.compile(r"\badd(?:ed|ing)?\s$", re.IGNORECASE)
_ANSWERED = gated(
    re.compile(
        rf"(?:name(?: on (?:the|your) (?:account|card|order))?(?:,? please)?\?\s{{1,3}}(?:(?:User|Customer|Client|Caller|Me|A)\s?:\s)?(?P<v>{_RUN})(?=[.!]?\s*$))|"
        rf"(?:\b(?:says|said|replied|shouted)\s(?P<w>{_RUN})(?=[.,;!]|$))",
        re.MULTILINE,
    )
)
_LIVES = gated(re.compile(rf"(?<![{LETTER}])(?P<v>{CAP}(?: (?:[{UPPER}]\.|{CAP})){{1,3}})(?=\s(?:lives?|lived|resides?|residing)\s(?:at|on|in)\b)"))
_VIETNAMESE = re.compile("[\u1ea0-\u1ef9]")
_INITIAL = re.compile(rf"{CAP} (?:[{UPPER}]\. ){{1,2}}{CAP}")
#: Letters that English lacks.
_FOREIGN_LETTER = re.compile("[\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff]")
_END = re.compile(r"[ \t]{0,3}(?:$|\n|[.!,;)]{1,3}\s*(?:$|\n))")


_BARE_LABEL = re.compile(r"[^A-Za-z]?name[ \t]{0,3}[:：=][ \t]{0,8}[\"“]?", re.IGNORECASE)
_THING = re.compile(
    r"(?:file|product|item|host|domain|brand|model|plan|project|company|event|app|device|package|course|store|shop|hotel|network|table|column|field|bank|team|group)[ _-]?$",
    re.IGNORECASE,
)
_VALUE_ENDS = re.compile(r"\s*(?:$|[\"'”,;|)\]}\n])")


def _of_a_thing(text: str, label: re.Match[str], found: tuple[int, int]) -> bool:
    """Is it the name of a thing that stands behind a bare `name:` (Wireless mouse, Coffee Beans 1kg)?"""
    if not _BARE_LABEL.fullmatch(label.group()):
        return False
    if _THING.search(text, max(0, label.start() - 12), label.start() + 1):
        return True
    known = lists()
    words = text[slice(*found)].casefold().split()
    return not any(word in known["given"] or word in known["surnames"] for word in words) and not _VALUE_ENDS.match(text, found[1])


def find(text: str, bits: int) -> Iterator[tuple[int, int]]:
    """(start, end) of names in Latin letters. bits: of `gates.GATES` for the text."""
    if not _ANY_LATIN.search(text):
        return
    for gate in (_NAMED, _LABEL):
        for match in gate.found(bits, text):
            if (found := _told(text, match.end())) and not _of_a_thing(text, match, found):
                yield found
    for match in _TITLED.found(bits, text):
        yield from _after_title(text, match)
    if _CLOSING.open(bits):
        yield from _signed(text)
    if _SALUTE.open(bits):
        yield from _saluted(text)
    for gate in (_SPEAKER, _SELF):
        for match in gate.found(bits, text):
            if found := _introduced(text, match.end()):
                yield found
    capitals = _ANY_CAPITAL.search(text) is not None
    if capitals:
        for gate in (_HERE, _LINE_SPEAKER):
            for match in gate.found(bits, text):
                words = match.group("v").split()
                if name_like(words) and ((len(words) > 1 and gate is _HERE) or pair(words) or words[0].casefold() in lists()["given"]):
                    yield match.span("v")
    for match in _ANSWERED.found(bits, text):
        group = "v" if match.group("v") else "w"
        if name_like(match.group(group).split()):
            yield _trim(text, *match.span(group))
    for match in _LIVES.found(bits, text):
        if name_like(match.group("v").split()):
            yield match.span("v")
    if capitals and _led(text):  # of these only capitalised words are names
        for match in _LED.found(bits, text):
            if found := _introduced(text, match.end(), known=True):
                yield found
    if text.islower():
        yield from _typed_small(text)
    if capitals:
        for match in runs(text):
            if " " in match.group():
                yield from _placed(text, match)
            yield from _free(text, match)


def _led(text: str) -> bool:
    """May a capital stand right behind a match of `_LED`?"""
    for n, match in enumerate(_ANY_CAPITAL.finditer(text)):
        at = match.start()
        if n > _MANY_CAPITALS or lowered(text[max(0, at - 20) : at]).rstrip().removesuffix(",").rstrip().endswith(_LED_ENDS):
            return True
    return False


def beside(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """(start, end) of a name written right beside other personal data: `Sofia Almeida, +351 …`, `…, Sofia Almeida`."""
    left, right = text[max(0, start - 48) : start], text[end : end + 48]
    for found, base in ((_BEFORE.search(left), start - len(left)), (_AFTER.match(right), end)):
        if found and name_like(found.group("v").split()) and len(found.group("v").split()) > 1:
            yield base + found.start("v"), base + found.end("v")


def letterhead(text: str, start: int) -> Iterator[tuple[int, int]]:
    """The name that heads the lines above an address or a telephone number."""
    block = text[max(0, start - 160) : start]
    for match in _HEAD.finditer(block):
        words = match.group("v").split()
        first = (match.start() == 0 and start <= 160) or block[: match.start("v")].rstrip("> ?\t").endswith("\n\n")
        if block.count("\n", match.end("v")) <= 3 and name_like(words) and (pair(words) or (first and len(words) <= 3)):
            yield start - len(block) + match.start("v"), start - len(block) + match.end("v")


_HEAD = re.compile(rf"(?:^|\n)[>? \t]{{0,6}}(?P<v>{CAP}(?: (?:[{UPPER}]\.|{CAP})){{1,3}})[ \t]{{0,3}}\r?(?=\n)")
_BEFORE = re.compile(
    rf"(?:^|[\s,;:>|(])(?P<v>{CAP} (?:[{UPPER}]\. )?{CAP})[\s,;:|(<>-]{{1,4}}(?:(?:ID|id|Id|tel|phone|mobile|cell|card|e-?mail|address|Tel|Phone|Mobile|Email|E-mail|SSN|ssn)\.?\s?(?:no\.?|number)?:?\s{{0,2}}(?:is\s)?)?$"
)
_AFTER = re.compile(rf"[,;|>)]?\s{{1,3}}\(?(?P<v>{CAP} (?:[{UPPER}]\. )?{CAP})(?=\s*(?:[.,;!)]|$))")


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    """Without a possessive `'s` and a full stop that is none of an initial."""
    value = text[start:end]
    if value.endswith(("'s", "’s")):
        end -= 2
    elif value.endswith(".") and not re.search(rf"(?:^| )[{UPPER}]\.$", value):
        end -= 1
    return start, end


def _words(text: str, at: int, most: int = 4) -> list[re.Match[str]]:
    """Up to `most` words from `at` on, one blank apart."""
    found: list[re.Match[str]] = []
    while len(found) < most and (match := _NEXT.match(text, at)):
        found.append(match)
        at = match.end() + (1 if text[match.end() : match.end() + 1] == " " else 0)
        if at == match.end():
            break
    return found


_NEXT = re.compile(rf"(?:{_TITLE})?(?P<w>[{UPPER}]\.|{WORD})", re.IGNORECASE)


def _told(text: str, at: int) -> tuple[int, int] | None:
    """A name that cannot be anything else: after `my name is`, `Cardholder:`. Lower case counts."""
    known = lists()
    words = _words(text, at)
    if not words:
        return None
    title = words[0].start("w")
    kept = []
    for n, match in enumerate(words):
        word = match.group("w").strip(".")
        lower = word.casefold()
        initial = len(word) == 1 and match.group("w").endswith(".")
        if (
            not initial
            and lower in known["not_names"]
            and not (n == 0 and lower in known["given"] and word[0].isupper())
            and not (word[0].isupper() and word.casefold() in known["surnames"] and n)
        ):
            break
        particle = re.fullmatch(PARTICLE, lower) is not None
        if n and not word[0].isupper() and words[0].group("w")[0].isupper() and not particle:
            break
        if n > 1 and not word[0].isupper() and not particle:
            break
        if (
            n == 1
            and not word[0].isupper()
            and not particle
            and lower not in known["surnames"]
            and not re.match(r"\s*(?:$|[.,;!?\n)])", text[match.end() :][:4])
        ):
            break
        kept.append(match)
    while kept and re.fullmatch(PARTICLE, kept[-1].group("w")) and len(kept) > 1:
        kept.pop()
    if not kept or kept[0].group("w").casefold() in known["things"]:
        return None
    first = kept[0].group("w")
    if (
        not first[0].isupper()
        and first.casefold() not in known["given"]
        and not re.match(r"\s*(?:$|[.,;!?\n)]|and\b|from\b|i\b)", text[kept[-1].end() :][:8])
    ):
        return None
    return _trim(text, title, kept[-1].end())


def _introduced(text: str, at: int, known: bool = False) -> tuple[int, int] | None:
    """A capitalised name after `I'm`, `this is`, `User:`. `known`: only names of the lists."""
    match = _ONE_RUN.match(text, at)
    named = lists()
    if not match:
        lower = re.compile(WORD).match(text, at)
        if known or not lower or lower.group() not in named["given"] or lower.group() in named["ambiguous"] or lower.group() in named["not_names"]:
            return None
        second = re.compile(rf" (?P<w>{WORD})").match(text, lower.end())
        if second and second.group("w") in named["surnames"] and second.group("w") not in named["wordy"]:
            return at, second.end()
        return (at, lower.end()) if re.match(r"\s*(?:$|[.,;!?\n]|(?:from|calling|here|speaking|and)\b)", text[lower.end() :][:10]) else None
    start, end = _trim(text, match.start(), match.end())
    words = text[start:end].split()
    if not name_like(words) and not pair(words):
        return None
    first, bound = words[0].casefold(), re.compile(_BOUND, re.IGNORECASE).match(text, end)
    if first in named["given"] and (first not in named["ambiguous"] or (bound and not known)):
        return start, end
    if len(words) > 1 and (pair(words) or (bound and not known)):
        return start, end
    return None


_ONE_RUN = re.compile(_RUN + rf"(?![{LETTER}\d@])")


def _after_title(text: str, match: re.Match[str]) -> Iterator[tuple[int, int]]:
    start, end = _trim(text, *match.span("v"))
    words = text[start:end].split()
    known = lists()
    lower = words[0].casefold()
    if lower in known["titled_goods"]:
        return
    if words[0][0].isupper():
        kept: list[str] = []
        for word in words:
            if (
                not (word[0].isupper() or re.fullmatch(PARTICLE, word))
                or word.casefold() in known["things"]
                or (kept and word.casefold() in known["not_names"])
            ):
                break
            kept.append(word)
        if kept and (lower not in known["not_names"] or len(kept) > 1):
            yield _trim(text, start, start + len(" ".join(kept)))
    elif lower in known["surnames"] | known["given"] and lower not in known["not_names"] and re.match(r"(?i)(?:mr|mrs|ms|dr|miss)", match.group()):
        yield start, start + len(words[0])


def _signed(text: str) -> Iterator[tuple[int, int]]:
    known = lists()
    for match in _CLOSING.finditer(text):
        run = _ONE_RUN.match(text, match.end())
        line = "\n" in match.group("sign")
        if run is None:
            lower = re.compile(WORD).match(text, match.end())
            if (
                lower
                and lower.group() in known["given"]
                and lower.group() not in known["not_names"]
                and match.group("sign").strip()
                and _END.match(text, lower.end())
            ):
                yield lower.span()
            continue
        start, end = _trim(text, *run.span())
        words = text[start:end].split()
        if (not match.group("sign").strip() and not line) or not _END.match(text, end) or len(words) > 4 or not name_like(words):
            continue
        if line or words[0].casefold() in known["given"] or (len(words) > 1 and "," in match.group("sign")):
            yield start, end


def _saluted(text: str) -> Iterator[tuple[int, int]]:
    known = lists()
    for match in _SALUTE.finditer(text):
        run = _ONE_RUN.match(text, match.end())
        if run is None:
            continue
        start, end = _trim(text, *run.span())
        words = text[start:end].split()
        if not name_like(words) or not re.match(r"\s*(?:$|[,!.:;?\n–—-]|(?:I|i|my|this|can|could|please|how|thank|thanks|it)\b)", text[end:][:8]):
            continue
        first = words[0].casefold()
        greeted = len(words) == 1 and re.match(r"[,!]", text[end:]) and not words[0].isupper() and first not in known["things"]
        if first in known["given"] or greeted or (match.group("how").casefold() == "dear" and len(words) <= 3) or (len(words) > 1 and pair(words)):
            yield start, end


def _placed(text: str, match: re.Match[str]) -> Iterator[tuple[int, int]]:
    """Two to four capitalised words of any kind where the words around them, an initial or a foreign letter make them a person."""
    start, end = _trim(text, *match.span())
    words = text[start:end].split(" ")
    if len(words) > 1 and words[0].casefold() in lists()["before_names"]:
        start, words = start + len(words[0]) + 1, words[1:]
        led = True
    else:
        led = False
    if (
        not 2 <= len(words) <= 4
        or (len({word.isupper() for word in words if len(word.strip(".")) > 1}) > 1 and not led)
        or len(words[-1]) < 2
        or not name_like(words)
        or words[0].casefold() in lists()["things"]
        or _HOUSE.search(text, max(0, start - 8), start)
    ):
        return
    before = text[max(0, start - 44) : start]
    if (
        led
        or _WHO.search(before)
        or _ACTS.match(text, end)
        or (_ADDED.search(before) and _AS.match(text, end))
        or _INITIAL.fullmatch(text, start, end)
        or (
            (len(words) < 4 or _VIETNAMESE.search(text, start, end))
            and not text[start:end].isupper()
            and _FOREIGN_LETTER.search(text, start, end)
            and not _NUMBER_NEXT.match(text, end)
        )
    ):
        yield start, end


_HOUSE = re.compile(r"\d[\s,]{1,3}$")
_NUMBER_NEXT = re.compile(r" \d|\s*\n\s*\S* ?\d")


def _free(text: str, match: re.Match[str]) -> Iterator[tuple[int, int]]:
    """Names in running text: a given name of the list, or a pair that looks like one."""
    known = lists()
    start, end = _trim(text, *match.span())
    words = text[start:end].split(" ")
    if len(words) == 1 and words[0].strip(".").casefold() not in known["given"]:
        return
    if any(len(word) > 3 and word.isupper() for word in words) and not all(word.isupper() for word in words):
        return
    while words:
        first = words[0].strip(".").casefold()
        if len(words) > 1 and f"{first}-{words[1].casefold()}" in known["brands"]:
            start += len(" ".join(words[:2])) + 1
            words = words[2:]
            continue
        if len(words) > 1 and pair(words[:2] if len(words[1].strip(".")) > 1 else words[:3]) and first not in known["not_names"] - known["given"]:
            stop = len(words)
            for n, word in enumerate(words[1:], 1):
                if (word.casefold() in known["things"] and not (n == 1 and family([first, word.casefold()]))) or (
                    n > 1 and word.casefold() in known["not_names"] - known["surnames"]
                ):
                    stop = n
                    break
            if stop > 1 and words[stop - 1 : stop] and not (stop < len(words) and words[stop].casefold() in known["things"]):
                yield start, start + len(" ".join(words[:stop]))
                return
        elif first in known["given"] and first not in known["ambiguous"] and not words[0].isupper() and len(first) > 2:
            if text[max(0, start - 6) : start].endswith(("San ", "Santa ", "Saint ", "St. ", "St ", "São ")):
                return
            second = words[1].casefold() if len(words) > 1 else _following(text, start + len(words[0]))
            if second not in known["things"] and "-".join((first, second)) not in known["brands"]:
                yield start, start + len(words[0])
        start += len(words[0]) + 1
        words = words[1:]


def _typed_small(text: str) -> Iterator[tuple[int, int]]:
    """A text without one capital letter: a given name and a surname of the lists, neither of them a word."""
    known = lists()
    for match in _SMALL.finditer(text):
        first, last = match["first"], match["last"]
        if (
            first in known["given"]
            and last in known["surnames"]
            and not {first, last} & (known["ambiguous"] | known["not_names"] | known["wordy"])
            and last not in known["things"]
        ):
            yield match.start(), match.start() + len(match["first"]) + len(match["middle"] or "") + 1 + len(last)


_SMALL = re.compile(
    rf"(?<![{LETTER}\d_@./-])(?P<first>[{LETTER}]{{3,20}})(?= (?P<middle>[a-z]\.? )?(?P<last>[{LETTER}'’-]{{3,20}})(?![{LETTER}\d_@]))"
)


def _following(text: str, at: int) -> str:
    match = re.compile(rf" (?P<w>{WORD})").match(text, at)
    return match.group("w").casefold() if match else ""


def capital(text: str) -> bool:
    """Is there a word with a capital letter?"""
    return _SOME_CAPITAL.search(text) is not None


_SOME_CAPITAL = re.compile(rf"[{UPPER}][{LETTER}.]")


@lru_cache(maxsize=2)
def runs(text: str) -> tuple[re.Match[str], ...]:
    """The runs of capitalised words of a text."""
    found, at = [], 0
    while capital := _ANY_CAPITAL.search(text, at):
        if match := _RUNS.match(text, capital.start()):
            found.append(match)
        at = match.end() if match else capital.end()
    return tuple(found)


def trimmed(text: str, run: re.Match[str]) -> tuple[int, int]:
    """A run without a possessive `'s` and a full stop that is none of an initial."""
    return _trim(text, *run.span())
