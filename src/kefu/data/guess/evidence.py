"""What in a sample of rows speaks for a shape, and what against it. Each function gives a strength from 0 to 1."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from kefu.data import mapping, senders, signals, threads
from kefu.data.readers.conll import TAG
from kefu.text.language import detect

Rows = Sequence[dict[str, Any]]
Map = dict[str, str]


@dataclass
class Evidence:
    strength: float
    reasons: list[str] = field(default_factory=list)
    against: list[str] = field(default_factory=list)


def column(rows: Rows, name: str | None) -> list[Any]:
    return [found for row in rows if name and (found := mapping.value(row, name)) not in (None, "")]


def texts(rows: Rows, name: str | None) -> list[str]:
    return [mapping.plain(item) for item in column(rows, name)]


def mean_length(given: Sequence[str]) -> float:
    return sum(len(text) for text in given) / len(given) if given else 0.0


def distinct(given: Sequence[str]) -> float:
    return len(set(given)) / len(given) if given else 0.0


_ADDRESS = re.compile(r"\s*[^\s@]+@[^\s@]+\s*|https?://\S+")


def _share(given: Sequence[Any], test: Callable[[Any], object]) -> float:
    return sum(1 for item in given if test(item)) / len(given) if given else 0.0


def _objects(cell: Any, *keys: str) -> bool:
    items = senders_list(cell)
    return bool(items) and all(isinstance(item, dict) and all(key in item for key in keys) for item in items)


def senders_list(cell: Any) -> list[Any]:
    if isinstance(cell, str) and cell.lstrip()[:1] == "[":
        import json

        try:
            cell = json.loads(cell)
        except (ValueError, RecursionError):
            return []
    return cell if isinstance(cell, list) else []


def turn_keys(rows: Rows, found: Map) -> Map:
    """Keys of the objects in a list of turns that no usual name gives away: few values speak, long ones are said, rising ones tell when."""
    lists = [[item for item in senders_list(cell) if isinstance(item, dict)] for cell in column(rows, found["turns"])[:100]]
    items = [item for one in lists for item in one]
    keys = mapping.columns_of(items)
    told = mapping.guess("dialogues", keys, items, wanted=["role", "text", "at"])
    free = [key for key in keys if key not in told.values()]
    if senders.exchanges(items):
        return {}
    more: Map = {}
    strings = {key: texts(items, key) for key in free if _share(column(items, key), lambda item: isinstance(item, str)) > 0.9}
    if "text" not in told and strings:
        more["text"] = max(strings, key=lambda key: mean_length(strings[key]) * distinct(strings[key]))
    if "role" not in told:
        short = {key: len(set(given)) for key, given in strings.items() if key != more.get("text") and mean_length(given) <= 20}
        likely = [key for key in short if _several(lists, key) > 0.5 and 2 <= short[key] <= max(8, len(items) * 0.1)]
        if likely:
            more["role"] = min(likely, key=lambda key: short[key])
    if "at" not in told:
        rising = [key for key in free if key not in more.values() and _rising(lists, key) > 0.8]
        if rising:
            more["at"] = rising[0]
    return more


def _several(lists: Sequence[Sequence[dict[str, Any]]], key: str) -> float:
    """Share of the lists in which the key has more than one value."""
    return _share(lists, lambda one: len({mapping.plain(item.get(key)) for item in one}) > 1)


def _rising(lists: Sequence[Sequence[dict[str, Any]]], key: str) -> float:
    """Share of the lists in which the key's numbers rise."""

    def rises(one: Sequence[dict[str, Any]]) -> bool:
        values = [float(found) for item in one if isinstance(found := item.get(key), int | float) and not isinstance(found, bool)]
        return len(values) == len(one) > 1 and values == sorted(values) and values[0] < values[-1]

    return _share(lists, rises)


def names_of(rows: Rows, found: Map) -> list[str]:
    """The conversation of each message that has one."""
    return [name for row in rows if (name := mapping.pair(row, found))]


def speakers(rows: Rows, conversation: str | Map, sender: str) -> float:
    """Share of the conversations of two messages or more in which this column has more than one value."""
    return _share(_heard(rows, conversation, sender), lambda said: len(set(said)) > 1)


def parties(rows: Rows, conversation: str | Map, sender: str) -> float:
    """How likely few values are the parties of conversations: the share of those of two messages or more in which the two
    commonest values meet. Topics and labels of messages seldom do; 0 for a column of many values, or of one."""
    told = Counter(texts(rows, sender))
    if not 2 <= len(told) <= 8:
        return 0.0
    common = {name for name, _ in told.most_common(2)}
    third = {name for name, _ in told.most_common(3)}
    heard = _heard(rows, conversation, sender)
    return max(_share(heard, lambda said: common <= set(said)), _share(heard, lambda said: len(third & set(said)) > 1) if len(told) < 5 else 0.0)


def _heard(rows: Rows, conversation: str | Map, sender: str) -> list[list[str]]:
    """The values of a column in each conversation of two messages or more."""
    heard: dict[str, list[str]] = {}
    for row in rows:
        name = mapping.pair(row, conversation) if isinstance(conversation, dict) else mapping.plain(mapping.value(row, conversation))
        heard.setdefault(name, []).append(mapping.plain(mapping.value(row, sender)))
    return [said for said in heard.values() if len(said) > 1]


def worded(given: Sequence[str]) -> float:
    """Share of texts that hold words: two Han characters, or two words of letters. Names, numbers and codes hold none."""
    return _share(given, lambda text: bool(re.search(r"[\u3400-\u9fff]{2}|[^\W\d_]{2,}\W+[^\W\d_]{2,}", text)))


def openai(rows: Rows, found: Map) -> Evidence:
    cells = column(rows, found["turns"])
    share = _share(cells, lambda cell: _objects(cell, "role") and any("content" in item for item in senders_list(cell)))
    roles = Counter(str(item.get("role")) for cell in cells for item in senders_list(cell) if isinstance(item, dict))
    usual = sum(roles[name] for name in ("user", "assistant", "system", "tool", "developer", "function")) / max(1, roles.total())
    return Evidence(share * usual * 0.97, [f"{share:.0%} of the cells in {found['turns']!r} are lists of messages with role and content"])


def sharegpt(rows: Rows, found: Map) -> Evidence:
    share = _share(column(rows, found["turns"]), lambda cell: _objects(cell, "from", "value"))
    return Evidence(share * 0.97, [f"{share:.0%} of the cells in {found['turns']!r} are lists of turns with from and value"])


def dialogues(rows: Rows, found: Map) -> Evidence:
    cells = column(rows, found["turns"])
    said = [threads.told(row, found, {}, {}) for row in rows if mapping.value(row, found["turns"]) not in (None, "")][:100]
    told = [one for one in said if one and len(one.turns) >= 2 and len({turn.sender for turn in one.turns}) >= 2]
    bare = _share(cells, lambda cell: len(items := senders_list(cell)) > 0 and all(isinstance(item, str) for item in items))
    if found["turns"].endswith("*"):  # a column a comment
        lost = [name for name in prose(rows) if name not in found.values() and not name.startswith(found["turns"][:-1])]
        share = len(told) / max(1, len(said))
        against = [f"what is written in {', '.join(map(repr, lost[:3]))} is not read"] if lost else []
        return Evidence(share * 0.85, [f"{share:.0%} of the rows have a comment of another than the asker in {found['turns']!r}"], against)
    share = len(told) / max(1, len(said)) * (1 - bare)
    objects = _share(cells, lambda cell: any(isinstance(item, dict | list) for item in senders_list(cell)))
    names = [turn.sender for one in told for turn in one.turns]
    if len(names) > 8 and distinct(names) > 0.5 and mean_length(names) > 6 and not any(mapping.role_of(name, {}) for name in names):
        return Evidence(0.1, [], ["what would be the speaker hardly ever comes again"])
    strength = share * (0.93 if objects > 0.5 else 0.75)
    return Evidence(strength, [f"{share:.0%} of the cells in {found['turns']!r} hold turns of two speakers or more"])


def alternating(rows: Rows, found: Map) -> Evidence:
    cells = column(rows, found["turns"])
    plain = _share(cells, lambda cell: len(items := senders_list(cell)) > 1 and all(isinstance(item, str) for item in items))
    unnamed = _share(cells, lambda cell: _objects(cell) and not any({"role", "from", "speaker", "sender"} & set(item) for item in senders_list(cell)))
    told = _share(cells[:100], lambda cell: isinstance(cell, str) and len(senders.transcript(cell)) >= 2)
    longer = _share(cells, lambda cell: isinstance(cell, str) and cell.count("\n") >= 1 and not cell.lstrip().startswith("["))
    if told >= max(plain, unnamed):
        if told:
            return Evidence(told * 0.94, [f"{told:.0%} of the texts in {found['turns']!r} are lines that begin with their speaker"])
        return Evidence(longer * 0.25, [f"{longer:.0%} of the texts in {found['turns']!r} have several lines"], ["no line says who speaks"])
    if plain > unnamed and mean_length([item for cell in cells[:50] for item in senders_list(cell) if isinstance(item, str)]) < 5:
        return Evidence(0.05, [], ["the texts in the lists are words, not turns"])
    lists = [
        name for name in mapping.columns_of(rows) if name != found["turns"] and _share(column(rows, name), lambda cell: isinstance(cell, list)) > 0.5
    ]
    if plain >= unnamed and lists:
        return Evidence(0.2, [], [f"{lists[0]!r} is a list beside it: wordings and answers rather than turns"])
    kind = "texts" if plain >= unnamed else "turns"
    against = ["no turn says who speaks: the first is taken for the customer"]
    items = [item for cell in cells[:20] for item in senders_list(cell) if isinstance(item, dict)][:200]
    roles = mapping.guess("dialogues", mapping.columns_of(items), items, wanted=["role"]) if items else {}
    strength = max(plain, unnamed) * (0.85 if not roles else 0.2)
    return Evidence(strength, [f"{max(plain, unnamed):.0%} of the cells in {found['turns']!r} are lists of {kind} without a speaker"], against)


def messages(rows: Rows, found: Map) -> Evidence:
    names = names_of(rows, found)
    called = found.get("conversation", "") or f"{found.get('role')} & {found.get('recipient')}"
    spread = distinct(names)
    known = _share(column(rows, found["role"]), lambda item: bool(mapping.role_of(item, {})))
    few = len(set(texts(rows, found["role"]))) <= max(12, len(rows) * 0.5)
    if not names:
        return Evidence(0.05, [], ["no message names its conversation"])
    if len(names) >= 3 and len(set(names)) == 1 and not re.search(r"\d", names[0]):
        return Evidence(0.05, [], [f"{called!r} is {names[0][:40]!r} in all {len(names)} rows: it names no conversation"])
    if spread > 0.8 or not few:
        return Evidence(0.1, [], [f"{called!r} hardly ever repeats: one row is not one message of a conversation"])
    met = parties(rows, found, found["role"]) if {"time", "order"} & found.keys() else 0.0
    reasons = [
        f"{called!r} repeats ({len(set(names))} conversations in {len(names)} rows)",
        f"{known:.0%} of {found['role']!r} are known speakers",
        *([f"its values meet in {met:.0%} of the conversations"] if met > known else []),
    ]
    strange = [] if known > 0.5 else [f"speakers in {found['role']!r} are not known by name"]
    return Evidence((0.55 + 0.4 * max(known, 0.9 * met)) * (1 if spread < 0.7 else 0.7), reasons, strange)


def speaker_column(rows: Rows, found: Map) -> str:
    """The column of a table of messages that says who speaks: no label, whatever else the table may be. Empty when there is none.

    found: the map as messages. The conversation must repeat, and a time or an order must stand with it.
    """
    if not {"conversation", "role"} <= found.keys() or not {"time", "order"} & found.keys() or distinct(texts(rows, found["conversation"])) > 0.8:
        return ""
    few = len(set(texts(rows, found["role"]))) <= 8
    named = few and mapping.name_fit("messages", "role", found["role"]) >= 0.8
    known = _share(column(rows, found["role"]), lambda item: bool(mapping.role_of(item, {}))) > 0.6
    return found["role"] if known or (named and parties(rows, found["conversation"], found["role"]) > 0.3) else ""


def left_over(rows: Rows, found: Map) -> float:
    """Share of the rows' words that stand in columns the shape has no place for: prose that would be lost."""
    lengths = {name: mean_length(texts(rows, name)) for name in found.values() if _written(rows, name)}
    begun = tuple(name[:-1] for name in found.values() if name.endswith("*"))  # `问法*` stands for all columns that begin so
    lost = sum(mean_length(texts(rows, name)) for name in prose(rows) if name not in found.values() and not name.startswith(begun))
    total = lost + sum(lengths.values())
    return lost / total if total else 0.0


def prose(rows: Rows) -> list[str]:
    """Columns in which somebody wrote: words that seldom repeat, or sentences that end as sentences do (a worse answer may be the same)."""
    found = []
    for name in mapping.columns_of(rows):
        if _written(rows, name) and worded(told := texts(rows, name)) > 0.5 and _share(told, lambda text: _ADDRESS.fullmatch(text)) < 0.5:
            ended = _share(told, lambda text: len(text) >= 4 and text.rstrip()[-1:] in tuple("。！？!?.…"))
            if distinct(told) > 0.4 or (ended > 0.5 and len(set(told)) > 1):
                found.append(name)
    return found


def _written(rows: Rows, name: str) -> bool:
    given = column(rows, name)
    return bool(given) and all(isinstance(item, str) for item in given)


def _called(found: Map, name: str, *words: str) -> bool:
    return mapping.name_key(found.get(name, "")) in words


_TUNING = {"instruction": ("instruction", "instructions", "指令", "指示", "任务"), "output": ("output", "outputs", "输出")}


def faq(rows: Rows, found: Map) -> Evidence:
    questions, answers = texts(rows, found["question"]), texts(rows, found["answer"])
    asked = _share(questions, lambda text: signals.is_question(text) or len(text) < 200)
    long = mean_length(answers)
    against = []
    strength = 0.97 * (0.6 + 0.4 * asked) * (1 - 0.3 * left_over(rows, found))
    begun = tuple(name[:-1] for name in found.values() if name.endswith("*"))
    lost = [name for name in prose(rows) if name not in found.values() and not name.startswith(begun) and mean_length(texts(rows, name)) >= 4]
    pair = mapping.guess("preference", mapping.columns_of(rows), rows, wanted=["chosen", "rejected"])
    if len(pair) == 2 and found["answer"] in pair.values():
        strength *= 0.4
        against.append(f"{pair['chosen']!r} and {pair['rejected']!r} are a better and a worse answer")
    elif lost:
        strength *= 0.88
        against.append(f"what is written in {', '.join(map(repr, lost[:3]))} would be lost")
    lists = [name for name in mapping.columns_of(rows) if any(len(mapping.objects_in(mapping.value(row, name))) > 1 for row in rows[:50])]
    if lists:
        strength *= 0.4
        against.append(f"the lists in {', '.join(map(repr, lists[:3]))} would be lost")
    if _called(found, "question", *_TUNING["instruction"]) and any(mapping.name_key(name) in ("input", "输入") for name in mapping.columns_of(rows)):
        strength *= 0.4
        against.append("the columns are called like those of a tuning file")
    if long < 8 or (distinct(answers) < 0.2 and long < 30):
        strength *= 0.35
        against.append("the answers are as short and few as labels")
    elif worded(answers) < 0.3:
        strength *= 0.3
        against.append("the answers are codes or numbers")
    if mean_length(questions) > 600:
        strength *= 0.5
        against.append("the questions are very long")
    return Evidence(strength, [f"questions of {mean_length(questions):.0f} and answers of {long:.0f} characters on average"], against)


def alpaca(rows: Rows, found: Map) -> Evidence:
    more = [name for name in ("input", "history", "system") if len(set(texts(rows, found.get(name)))) > max(1, len(rows) * 0.05)]
    if not more and "category" in found:
        return Evidence(0.6, ["instruction and output columns"], ["with categories and without input it looks like a FAQ"])
    if not more and not any(_called(found, name, *words) for name, words in _TUNING.items()):
        return Evidence(0.25, ["columns of questions and answers"], ["without an input and without names of a tuning file it is a FAQ"])
    if "input" in found and all(_called(found, name, *words) for name, words in _TUNING.items()):
        return Evidence(0.97, [f"columns {found['instruction']!r}, {found['input']!r} and {found['output']!r}, as tuning files have them"])
    reasons = ["instruction and output columns" + (f", with {', '.join(more)}" if more else "")]
    keep = 1 - 0.3 * left_over(rows, found)
    return Evidence((0.95 if more else 0.85) * keep, reasons, [] if more else ["without an input column it may as well be a FAQ"])


def preference(rows: Rows, found: Map) -> Evidence:
    differ = sum(mapping.value(row, found["chosen"]) != mapping.value(row, found["rejected"]) for row in rows) / max(1, len(rows))
    return Evidence(0.97 * differ, [f"a chosen and a rejected answer, different in {differ:.0%} of the rows"])


def classification(rows: Rows, found: Map) -> Evidence:
    told = texts(rows, found["text"])
    cells = column(rows, found["label"])
    several = any(isinstance(cell, list) for cell in cells)
    labels = [mapping.plain(item) for cell in cells for item in (cell if isinstance(cell, list) else [cell])]
    kinds = len(set(labels))
    reasons = [f"{kinds} different labels in {len(cells)} rows, texts of {mean_length(told):.0f} characters"] + (
        ["several labels to a row"] if several else []
    )
    if mean_length(labels) > 40 or not labels or any("\n" in label for label in labels):
        return Evidence(0.05, [], ["the labels are texts"])
    lost = left_over(rows, found)
    strength, against = 0.95 * (1 - 0.8 * lost), []
    if lost > 0.3:
        against.append(f"{lost:.0%} of the words stand in other columns, which would be lost")
    if kinds > max(3, len(labels) * 0.6):
        few = len(labels) < 20 and mapping.name_fit("classification", "label", found["label"]) >= 0.8  # a handful of rows tells nothing against it
        strength, against = strength * (0.7 if few else 0.3), [*against, "nearly every row has a label of its own"]
    elif kinds == 1:
        strength, against = strength * 0.75, [*against, "only one label in the rows that were looked at (the file may be sorted)"]
    if _share(labels, lambda label: bool(mapping.role_of(label, {}))) > 0.6:
        strength, against = strength * 0.2, [*against, "the labels are speakers"]
    if worded(told) < 0.5:
        strength, against = strength * 0.2, [*against, "the texts are names or numbers"]
    if mean_length(told) < mean_length(labels):
        strength, against = strength * 0.3, [*against, "the texts are shorter than the labels"]
    elif distinct(told) < 0.3:
        alike = _one_label_each(rows, found)
        factor = 0.3 if len(set(told)) < kinds or mean_length(told) < 4 else 0.5 + 0.45 * alike
        told_of = f"{len(set(told))} different texts in {len(told)} rows" + (f", {1 - alike:.0%} of them with several labels" if alike < 1 else "")
        strength, against = strength * factor, [*against, told_of]
    return Evidence(strength, reasons, against)


def _one_label_each(rows: Rows, found: Map) -> float:
    """Share of the texts that have the same label wherever they stand."""
    labels: dict[str, set[str]] = {}
    for row in rows:
        if text := mapping.text(row, found["text"]):
            labels.setdefault(text, set()).add(mapping.text(row, found["label"]))
    return sum(len(one) == 1 for one in labels.values()) / max(1, len(labels))


def tags(rows: Rows, found: Map) -> Evidence:
    from kefu.data.tasks import tags as tagged

    read = [tagged.form(mapping.value(row, found["tokens"]), mapping.value(row, found["tags"]), ()) for row in rows]
    equal = _share(read, lambda one: not one[2])
    flat = [tag for one in read for tag in one[1]]
    outside = _share(flat, lambda tag: tag in ("O", "0"))
    marked = _share(flat, lambda tag: bool(TAG.match(tag)) or tag.isdigit())
    numbers = _share(flat, str.isdigit)
    reasons = [f"{equal:.0%} of the rows have as many tags as tokens; {marked:.0%} of the tags are marked (B-, I-, O)"]
    against = ["tags are numbers: `labels` must name them in order"] if numbers > 0.9 else []
    lists = len(flat) > 2 * len(rows)
    return Evidence(
        equal * (0.97 if marked > 0.95 else 0.8 if outside > 0.4 else 0.2) * (1 if lists else 0.4) * (0.9 if against else 1), reasons, against
    )


def qa(rows: Rows, found: Map) -> Evidence:
    from kefu.data.tasks import qa as answering

    seen = good = 0
    offsets = 0
    for row in rows[:100]:
        for n, question in enumerate(answering.walk(row, found)):
            if n >= 20:
                break
            seen += 1
            _, _, reason = answering.place(question)
            good += not reason and bool(question.answers or question.impossible)
            offsets += any(start is not None for _, start in question.answers)
    share = good / max(1, seen)
    against = [] if offsets or not good else ["answers have no offsets; the first place in the text is taken"]
    return Evidence(share * (0.97 if offsets else 0.9), [f"{share:.0%} of {seen} questions have their answer in their text"], against)


def parallel(rows: Rows, found: Map) -> Evidence:
    left, right = texts(rows, found["source"]), texts(rows, found["target"])
    pairs = [(detect(a), detect(b)) for a, b in zip(left, right, strict=False)]
    differ = _share(pairs, lambda pair: pair[0] != pair[1] and "und" not in pair)
    ratio = mean_length(left) / max(1.0, mean_length(right))
    alike = 0.1 < ratio < 8
    said = min(worded(left), worded(right)) >= 0.5
    against = ["one side holds names or numbers"] if not said else [] if differ > 0.5 else ["both sides are in one language"]
    return Evidence(
        (0.95 if differ > 0.8 else 0.45 * differ + 0.3) * (1 if alike else 0.4) * (1 if said else 0.2) * (1 - 0.6 * left_over(rows, found)),
        [f"the sides are in different languages in {differ:.0%} of the rows"],
        against,
    )


_WORDS = {
    "contract": (
        r"clause|contract|part(?:y|ies)\b|liabilit|breach|terminat|indemni|agreement",
        r"条款|合同|甲方|乙方|违约(?!标|率|概)|责任|协议",
    ),
    "medical": (
        r"patient|diagnos|symptom|medic|treatment|dos(?:e|age)|blood|complaint|clinic|disease|hospital|doctor",
        r"患者|病人|诊|症|主诉|病|医|药|治疗|科室|体温|血压|手术",
    ),
    "risk": (
        r"risk|credit|loan|fraud|default|overdue|past.?due|delinq|debt|score|income|balance|interest|collateral|employ|amount",
        r"风险|信用|贷|欺诈|逾期|负债|收入|额度|违约(?:标|率|概)|是否违约|利率|抵押|征信|担保|还款|金额",
    ),
}
_THEMES = {name: re.compile("|".join(words), re.IGNORECASE) for name, words in _WORDS.items()}


def theme(rows: Rows) -> tuple[str, float]:
    """contract, medical or risk, with the number of columns that say so; cells that say so count for half a column."""
    columns = mapping.columns_of(rows)
    cells = [" ".join(str(item) for item in row.values() if isinstance(item, str))[:400] for row in rows[:60]]
    counts: dict[str, float] = {}
    for name, pattern in _THEMES.items():
        told = sum(bool(pattern.search(cell)) for cell in cells)
        counts[name] = sum(bool(pattern.search(column)) for column in columns) + (0.5 if told * 2 > len(cells) else 0.0)
    best = max(counts, key=lambda name: counts[name])
    return best, counts[best]


def records(rows: Rows, found: Map) -> Evidence:
    columns = mapping.columns_of(rows)
    kind, said = theme(rows)
    flat = [name for name in columns if not any(isinstance(mapping.value(row, name), list | dict) for row in rows)]
    numbers = _share(flat, lambda name: _share(column(rows, name), _number) > 0.9)
    reasons = [
        f"a table of {len(flat)} columns"
        + (f", which speak of {kind}" if said >= 1 else "")
        + (f", {numbers:.0%} of them numbers" if numbers else "")
    ]
    against = ["any table can be written out by a template; look at what the template says"]
    if len(flat) < 3 or not {"label", "answer"} & found.keys():
        return Evidence(0.15, reasons, against)
    return Evidence(min(0.92, 0.3 + 0.16 * said + 0.02 * len(flat) + 0.4 * numbers), reasons, against)


def _number(item: Any) -> bool:
    return isinstance(item, int | float) or bool(re.fullmatch(r"\s*-?[\d,.]+\s*[%％]?\s*", str(item)))


OF = {
    "openai": openai, "sharegpt": sharegpt, "dialogues": dialogues, "alternating": alternating, "messages": messages, "faq": faq, "alpaca": alpaca,
    "preference": preference, "classification": classification, "tags": tags, "qa": qa, "parallel": parallel, "records": records,
}  # fmt: skip
