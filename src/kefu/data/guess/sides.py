"""Which side of a mailbox or a chat is the company: the roles to propose, how sure they are, and what to look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kefu.data import mapping
from kefu.data.readers import mail

#: Where everybody may have an address: a domain of these is no company's.
_PUBLIC = {
    "gmail.com",
    "googlemail.com",
    "outlook.com",
    "hotmail.com",
    "live.com",
    "msn.com",
    "yahoo.com",
    "ymail.com",
    "icloud.com",
    "me.com",
    "mac.com",
    "aol.com",
    "gmx.de",
    "gmx.net",
    "gmx.com",
    "web.de",
    "t-online.de",
    "mail.ru",
    "yandex.ru",
    "proton.me",
    "protonmail.com",
    "zoho.com",
    "orange.fr",
    "free.fr",
    "qq.com",
    "foxmail.com",
    "vip.qq.com",
    "163.com",
    "126.com",
    "yeah.net",
    "sina.com",
    "sina.cn",
    "sohu.com",
    "139.com",
    "189.cn",
    "aliyun.com",
    "naver.com",
    "daum.net",
    "hanmail.net",
    "yahoo.co.jp",
    "yahoo.com.cn",
    "tom.com",
    "21cn.com",
    "wo.cn",
}


@dataclass
class Sides:
    """roles for the block; sure: 0..1 that they are right."""

    roles: dict[str, str]
    sure: float
    reasons: list[str] = field(default_factory=list)
    against: list[str] = field(default_factory=list)


def of_mail(files: Sequence[Path], limit_mb: float) -> Sides:
    """The domain that most mails are written to and that answers too; of public providers the address."""
    received, wrote = mail.census(files, limit_mb)
    mails = sum(wrote.values())
    if not mails:
        return Sides({}, 0.3, [], ["no mail says who wrote it"])
    met = Counter({name: n + wrote[name] for name, n in received.items()})
    called: Counter[str] = Counter()
    answers: Counter[str] = Counter()
    for address, n in met.items():
        called[_company(address)] += n
        answers[_company(address)] += wrote[address]
    best = max(called, key=lambda name: (min(answers[name], called[name] - answers[name]), called[name], name))
    share = min(1.0, called[best] / mails)
    second = max((n for name, n in called.items() if name != best), default=0)
    reasons = [f"{best!r} takes part in {share:.0%} of the {mails} mails looked at and wrote {answers[best]}: taken for the company"]
    against = []
    sure = min(1.0, 0.4 + 0.6 * share)
    if not answers[best]:
        sure *= 0.4
        against.append(f"nothing was written from {best!r}: the folder of sent mail must be exported too, or `roles` name another domain")
    if second > 0.6 * called[best]:
        sure *= 0.6
        against.append("another domain takes part nearly as often: look whether `roles` name the company's own")
    return Sides({best: "agent", "*": "customer"}, sure, reasons, against)


def _company(address: str) -> str:
    domain = address.rpartition("@")[2]
    return address if domain in _PUBLIC else f"@{domain}"


_FEWEST = 3  # conversations in which somebody must speak to be taken for the desk


def of_chat(rows: Sequence[dict[str, Any]]) -> Sides:
    """Who speaks in many conversations, with others each time, is the desk. rows: conversation and sender of each message."""
    heard: dict[str, set[str]] = {}
    for row in rows:
        name = str(row["sender"])
        if name and name != "system" and not name.endswith(" (bot)"):
            heard.setdefault(str(row["conversation"]), set()).add(name)
    talks = [people for people in heard.values() if len(people) > 1]
    if not talks:
        return Sides({}, 0.3, [], ["in no conversation two people speak"])
    known = {name: role for people in talks for name in people if (role := mapping.role_of(name, {}))}
    spread = Counter(name for people in talks for name in people)
    if {"agent", "customer"} & set(known.values()) and len(known) > 0.5 * len(spread):
        return Sides({}, 0.95, [f"{len(known)} of {len(spread)} people are called as a customer or an agent is"])
    desk = {name for name, role in known.items() if role == "agent"}
    if sum(bool(people & desk) for people in talks) < 0.8 * len(talks):
        often = {name for name, n in spread.items() if n >= max(_FEWEST, 0.15 * len(talks)) and known.get(name) != "customer"}
        desk |= often if any(people - desk - often for people in talks) else set()  # not where the same few meet each time
    if not desk:
        first = spread.most_common(2)
        desk = {first[0][0]} if len(first) == 1 or first[0][1] > first[1][1] else set()
    if not desk:
        return Sides({}, 0.4, [], ["nobody speaks in more conversations than the others: write `roles`, name: agent for each colleague"])
    right = sum(bool(people & desk) and bool(people - desk) for people in talks)
    share = right / len(talks)
    few = min(1.0, 0.5 + 0.1 * len(talks))
    others = len(spread) - len(desk)
    reasons = [
        f"{len(desk)} of {len(spread)} people speak in many conversations and are taken for the desk; "
        f"in {share:.0%} of {len(talks)} one of them meets one of the other {others}"
    ]
    against = ["these are names of people: look whether all of them are colleagues, and whether one is missing"]
    return Sides({**dict.fromkeys(sorted(desk), "agent"), "*": "customer"}, (0.3 + 0.7 * share) * few, reasons, against)


def of_calls(rows: Sequence[dict[str, Any]], facts: dict[str, Any]) -> Sides:
    """Anonymous voices were told apart call by call by the reader; named ones as people of a chat are."""
    ways = Counter(str(one["sides_told_by"]) for one in facts.get("files", {}).values() if "sides_told_by" in one)
    if not ways:
        return of_chat(rows)
    calls = ways.total()
    phrases = ways["phrases"] / calls
    reasons = [f"in {ways['phrases']} of {calls} calls what is said tells who is the agent; in the others it is who speaks first"]
    against = [] if phrases > 0.8 else ["who speaks first need not be the agent: look, and name the voices in `roles` with map: {role: speaker}"]
    return Sides({}, 0.55 + 0.4 * phrases, reasons, against)
