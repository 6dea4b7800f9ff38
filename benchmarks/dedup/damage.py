"""What happens to a text that is posted or exported twice, and what makes two like texts say different things.

A text is a list of (who, words). Kinds of damage return a new list, or None where the kind does not fit the text. Homophones are of one pinyin
syllable, taken from the characters of the corpus itself.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Sequence

from kefu.text.segment import pieces

Turns = list[tuple[str, str]]
Damage = Callable[[Turns, "Corpus", random.Random], Turns | None]

KEYS = dict(zip("qwertyuiopasdfghjklzxcvbnm", "wqeryuuioopsafdghjlkxzcvbn", strict=True))
GREETING = {
    "zh": ["你好，", "您好，", "请问", "你好，请问一下，", "亲，", "麻烦问下，"],
    "en": ["Hi, ", "Hello, ", "Hello there, ", "Hey, ", "Good morning, ", "Excuse me, "],
}
THANKS = {"zh": ["，谢谢", "，麻烦了", "，谢谢您！", "呢", "呀"], "en": [", thanks", " please", ", thank you very much", " thx", " plz"]}
EMOJI = ["😊", "🙏", "!!", "~", "😭😭", "..."]
#: Words of which the other one asks for something else.
OTHER = {
    "zh": (
        "退款/退货 收到/发出 转入/转出 开通/关闭 买/卖 贵/便宜 早上/晚上 上午/下午 明天/后天 附近/周边地铁 酒店/餐馆 景点/酒店 "
        "电话/地址 价格/时间 门票/房费 增加/减少 前/后 男/女 大/小 多/少 高/低 北/南 东/西 最高/最低 开始/结束 出生/去世 哪年/哪月 "
        "父亲/母亲 城市/省份 免费/收费 评分/人均 今天/昨天 推荐/取消 第一/第二 人口/面积 国家/公司"
    ),
    "en": (
        "refund/replacement card/account cancel/change send/receive debit/credit open/close before/after morning/evening buy/sell "
        "deposit/withdrawal arrive/depart north/south east/west from/to cheap/expensive add/remove lost/stolen hotel/restaurant "
        "train/taxi days/weeks pounds/dollars today/tomorrow phone/address monday/friday on/off increase/decrease first/last max/min "
        "physical/virtual lock/unlock top/bottom with/without activate/deactivate"
    ),
}
NEGATED = {
    "zh": "能/不能;可以/不可以;有/没有;是/不是;会/不会;要/不要;支持/不支持;需要/不需要;想/不想",
    "en": "can /can't ;is /is not ;do /don't ;will /won't ;does /doesn't ;have /haven't ;should /should not ;was /wasn't ",
}


_COURTESY = frozenset("你好 您好 请问 谢谢 感谢 怎么 如何 什么 我们 你们 可以 一下 thanks please hello thank there would could about which".split())  # noqa: SIM905


class Corpus:
    """language: zh or en. Characters by sound and words of all texts, to damage one with."""

    def __init__(self, language: str, texts: Sequence[Turns]) -> None:
        self.language = language
        said = [words for turns in texts for _, words in turns]
        self.han = sorted({char for words in said for char in words if "\u4e00" <= char <= "\u9fff"})
        often = Counter(word for one in said for word in set(_content(one, language)))
        self.words = sorted(word for word, count in often.items() if count > 2)
        self.sounds: dict[str, list[str]] = {}
        self.same: dict[str, list[str]] = {}
        if language == "zh":
            from pypinyin import lazy_pinyin

            for char in self.han:
                self.sounds.setdefault(lazy_pinyin(char)[0], []).append(char)
            self.same = {char: [one for one in chars if one != char] for chars in self.sounds.values() for char in chars}


def _letters(words: str) -> list[int]:
    return [i for i, char in enumerate(words) if char.isalpha()]


def _slip(words: str, corpus: Corpus, rng: random.Random, how: str = "") -> str:
    """One slip: dropped, doubled, added, replaced or swapped; digits stay."""
    places = _letters(words)
    if len(places) < 4:
        return words
    i, how = rng.choice(places), how or rng.choice(("dropped", "doubled", "added", "replaced", "swapped"))
    char = words[i]
    other = rng.choice(corpus.han) if corpus.language == "zh" else rng.choice("abcdefghijklmnopqrstuvwxyz")
    if how == "homophone":
        places = [i for i in places if corpus.same.get(words[i])]
        if not places:
            return words
        i = rng.choice(places)
        return words[:i] + rng.choice(corpus.same[words[i]]) + words[i + 1 :]
    if how == "key":
        return words[:i] + KEYS.get(char.lower(), char) + words[i + 1 :]
    if how == "swapped":
        pairs = [i for i in places if i + 1 in places and words[i] != words[i + 1]]
        i = rng.choice(pairs) if pairs else 0
        return words[:i] + words[i + 1 : i + 2] + words[i : i + 1] + words[i + 2 :]
    new = {"dropped": "", "doubled": char * 2, "added": char + other, "replaced": other}[how]
    return words[:i] + new + words[i + 1 :]


def slips(how: str, share: float = 0.0) -> Damage:
    """One slip of a kind, or that share of all characters damaged by slips of any kind."""

    def damage(turns: Turns, corpus: Corpus, rng: random.Random) -> Turns | None:
        if (how == "homophone") != (corpus.language == "zh") and how in ("homophone", "key"):
            return None
        found = [list(turn) for turn in turns]
        total = sum(len(words) for _, words in turns)
        for _ in range(max(1, round(share * total))):
            turn = rng.choices(found, [len(words) + 1 for _, words in found])[0]
            turn[1] = _slip(turn[1], corpus, rng, how)
        changed = [(who, words) for who, words in found]
        return changed if changed != turns else None

    return damage


def filler(turns: Turns, corpus: Corpus, rng: random.Random) -> Turns | None:
    (who, words), *rest = turns
    before, after = rng.choice(GREETING[corpus.language]), rng.choice(THANKS[corpus.language])
    if rng.random() < 0.5:
        before = ""
    elif rng.random() < 0.5:
        after = ""
    return [(who, before + words.rstrip("。.？?！!") + after), *rest]


def marks(turns: Turns, corpus: Corpus, rng: random.Random) -> Turns | None:
    found = []
    for who, words in turns:
        words = words.replace("，", " ", 1) if corpus.language == "zh" else words.lower().replace(", ", "  ", 1)
        found.append((who, words.rstrip("。.？?！!") + rng.choice(EMOJI)))
    return found


def masked(turns: Turns, corpus: Corpus, rng: random.Random) -> tuple[Turns, Turns]:
    """A pair: the same with another order number, or another masked name."""
    zh = corpus.language == "zh"
    if rng.random() < 0.5:
        forms = ["，订单号{}", "（订单{}）"] if zh else [", order number {}", " (order {})"]
        values = [f"{rng.randrange(10**11, 10**12)}" for _ in range(2)]
    else:
        forms, values = (["，我叫[姓名_{}]"] if zh else [", my name is [NAME_{}]"]), ["1", "2"]
    form, (who, words), rest = rng.choice(forms), turns[0], turns[1:]
    one, other = ([(who, words + form.format(value)), *rest] for value in values)
    return one, other


def stamps(turns: Turns, corpus: Corpus, rng: random.Random) -> tuple[Turns, Turns]:
    def stamped(day: int) -> Turns:
        return [(who, f"[2024-03-{day:02d} 10:{i:02d}:{rng.randrange(60):02d}] {words}") for i, (who, words) in enumerate(turns)]

    return stamped(rng.randrange(1, 15)), stamped(rng.randrange(15, 29))


def turn_gone(turns: Turns, corpus: Corpus, rng: random.Random) -> Turns | None:
    """The last or the first turn, or one inside, is missing; the customer's own words still begin it."""
    if len(turns) < 5:
        return None
    gone = rng.choice([len(turns) - 1, len(turns) - 1, rng.randrange(1, len(turns))])
    return turns[:gone] + turns[gone + 1 :]


def order(turns: Turns, corpus: Corpus, rng: random.Random) -> Turns | None:
    """Two sentences of one turn change places."""
    for i in rng.sample(range(len(turns)), len(turns)):
        parts = [part for part in re.findall(r"[^。！？!?.]+[。！？!?.]*\s*", turns[i][1]) if len(part.strip()) > 5]
        if len(parts) == 2 and "".join(parts) == turns[i][1] and parts[0] != parts[1]:
            joined = " ".join(part.strip() for part in reversed(parts)) if corpus.language == "en" else "".join(reversed(parts))
            return [*turns[:i], (turns[i][0], joined), *turns[i + 1 :]]
    return None


def mixed(turns: Turns, corpus: Corpus, rng: random.Random) -> Turns | None:
    first = slips("", 0.01)(turns, corpus, rng)
    return filler(first, corpus, rng) if first else None


DAMAGE: dict[str, Damage] = {
    "dropped": slips("dropped"), "doubled": slips("doubled"), "added": slips("added"), "replaced": slips("replaced"), "swapped": slips("swapped"),
    "homophone": slips("homophone"), "key beside": slips("key"), "1 % damaged": slips("", 0.01), "3 % damaged": slips("", 0.03),
    "filler": filler, "marks": marks, "turn gone": turn_gone, "order": order, "mixed": mixed,
}  # fmt: skip
PAIRS = {"masked": masked, "stamps": stamps}


# -- what says something else --------------------------------------------------------------------------------


def other_number(turns: Turns, corpus: Corpus, rng: random.Random) -> Turns | None:
    places = [(i, m) for i, (_, words) in enumerate(turns) for m in re.finditer(r"(?<![\d:.])\d{1,4}(?![\d:.])", words)]
    if not places:
        return None
    i, match = rng.choice(places)
    words = turns[i][1]
    new = str(int(match[0]) + rng.choice((1, 2, 5, 10)))
    return [*turns[:i], (turns[i][0], words[: match.start()] + new + words[match.end() :]), *turns[i + 1 :]]


def _swapped_words(table: dict[str, str], separator: str | None, *, both: bool) -> Damage:
    def damage(turns: Turns, corpus: Corpus, rng: random.Random) -> Turns | None:
        pairs = [pair.split("/") for pair in table[corpus.language].split(separator)]
        pairs += [pair[::-1] for pair in pairs] if both else []
        places = []
        for i, (_, words) in enumerate(turns):
            for old, new in pairs:
                edge = r"\b" if corpus.language == "en" else ""
                pattern = f"(?<![不没]){edge}{re.escape(old)}{edge if old[-1:].isalpha() else ''}"
                places += [(i, m, new) for m in re.finditer(pattern, words)]
        if not places:
            return None
        i, match, new = rng.choice(places)
        words = turns[i][1]
        return [*turns[:i], (turns[i][0], words[: match.start()] + new + words[match.end() :]), *turns[i + 1 :]]

    return damage


def other_word(turns: Turns, corpus: Corpus, rng: random.Random) -> Turns | None:
    """A content word becomes another word of the same corpus."""
    i = rng.randrange(len(turns))
    words = _content(turns[i][1], corpus.language)
    if not words or not corpus.words:
        return None
    old = rng.choice(words)
    new = rng.choice([word for word in rng.sample(corpus.words, min(40, len(corpus.words))) if word != old] or [old])
    return [*turns[:i], (turns[i][0], turns[i][1].replace(old, new, 1)), *turns[i + 1 :]] if new != old else None


def _content(text: str, language: str) -> list[str]:
    if language == "en":
        return [word for word in re.findall(r"\b[a-z]{5,}\b", text) if word not in _COURTESY]
    return [word for word in pieces(text) if len(word) > 1 and all("\u4e00" <= char <= "\u9fff" for char in word) and word not in _COURTESY]


NEGATIVE: dict[str, Damage] = {
    "number": other_number,
    "negation": _swapped_words(NEGATED, ";", both=False),
    "other word of a pair": _swapped_words(OTHER, None, both=True),
    "any other word": other_word,
}
