"""Names in Latin letters behind words that lead to one person only, and names written as in records: SMITH/JANE, Van Houten, Kirk."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kefu.text.privacy import names_en, names_en_words

_RELATIVE = "husband|wife|son|daughter|brother|sister|mother|father|mom|mum|dad|friend|uncle|aunt|cousin|nephew|niece|kid|child|spouse|partner|boss|roommate|neighbou?r|grandma|grandpa|grandmother|grandfather|fianc[ée]e?"
_WORKER = "driver|agent|rep|representative|courier|technician|engineer|operator|advis[eo]r|nurse|cashier|clerk|receptionist|salesman|stylist|mechanic|landlord|tenant|supervisor|colleague|assistant|attorney|accountant"
_LEAD = re.compile(
    rf"(?<![A-Za-z])(?:(?:spoke|spoken|talked|chatted|dealt|speak|talk|speaking) (?:to|with)|tell|told|ask(?:ed|ing)? for|signed (?:for )?by|"
    rf"(?:it['’]?s|is|was|booked|booking|reserved|reservation|registered|filed|listed|account) under(?: the name(?: of)?)?|(?:my|his|her|our|their) (?:{_RELATIVE})(?: is)?|"
    rf"(?:your |the |a |our |my )(?:{_WORKER})(?: is| was)?|(?:{_WORKER}) is|attn\.?:?|attention:|c/o|(?:first|last|given|family|middle|maiden) name(?: is)?:?|surname(?: is)?:?|"
    r"(?:under|in) the name(?: of)?|employee|applicant|beneficiary|dependent|claimant|spouse|(?:invoice|payable|made out|addressed|billed) to|signed,)[ \t]+$",
    re.IGNORECASE,
)
#: The last word of every lead, by which most capitalised words are passed over at once.
_LAST = frozenset(
    re.findall(
        "[a-zé]+",
        f"{_RELATIVE}|{_WORKER}|fiance|neighbor|neighbour|adviser|advisor|with|to|tell|told|for|by|under|of|is|was|attn|attention|c/o|name|surname|employee|applicant|beneficiary|dependent|claimant|spouse|signed",
    )
)
_LAST_WORD = re.compile("([A-Za-zé]+)[.:,]?[ \\t]+$")
#: What may stand behind such a name.
_AFTER = re.compile(
    r"\s*(?:$|[.,;:!?()\n'’\"–—|/-]|(?:who|I|was|is|said|says|told|at|from|yesterday|today|and|for|in|on|or|has|had|hung|promised|called|please|instead|about|i|can|could|will|would|last|this|again|but|that|did|didn['’]t|to|with|by)(?![A-Za-z]))"
)
#: Departments and things that are written with a capital letter where a person could stand.
_NOBODY = frozenset(
    [
        "refund",
        "refunds",
        "manager",
        "managers",
        "support",
        "sales",
        "billing",
        "reception",
        "returns",
        "help",
        "helpdesk",
        "service",
        "services",
        "customer",
        "customers",
        "team",
        "portal",
        "app",
        "application",
        "website",
        "console",
        "handbook",
        "seat",
        "wifi",
        "store",
        "stores",
        "checkout",
        "collections",
        "accounts",
        "payable",
        "hr",
        "it",
        "maintenance",
        "security",
        "front",
        "desk",
        "corporate",
        "headquarters",
        "hq",
        "legal",
        "fraud",
        "claims",
        "dispatch",
        "delivery",
        "shipping",
        "warehouse",
        "logistics",
        "tech",
        "technical",
        "technology",
        "management",
        "staff",
        "someone",
        "somebody",
        "anyone",
        "everybody",
        "christmas",
        "easter",
        "spring",
        "summer",
        "autumn",
        "winter",
        "english",
        "spanish",
        "french",
        "german",
        "chinese",
        "windows",
        "internet",
        "policy",
        "number",
        "name",
        "field",
        "first",
        "last",
        "basic",
        "economy",
        "something",
        "else",
        "anything",
        "nothing",
        "error",
        "code",
        "bot",
        "chatbot",
        "ai",
        "alexa",
        "siri",
        "cortana",
    ]
)
_RECORD = re.compile(
    r"(?<![A-Za-z0-9/])(?P<v>[A-Z]{2,20}/[A-Z]{2,20}(?: [A-Z]{2,20}){0,2}?)(?=(?: (?:MR|MRS|MS|MISS|MSTR|CHD|INF))?(?![A-Za-z0-9/]))"
)
_TRAVELS = re.compile(r"passenger|travell?er|pax|ticket|flight|boarding|itinerary|guest|\bname\b|乘客|旅客|乘机|机票|姓名|航班", re.IGNORECASE)
_CAP = r"[A-Z\u00c0-\u00de][A-Za-z\u00c0-\u024f'’-]{1,20}"
_REVERSED = re.compile(
    rf"(?:(?<![A-Za-z])[Nn]ame|NAME|[Cc]ardholder|[Pp]assenger|[Pp]atient)\s?(?:[:=]|[-–—]\s)\s?(?P<v>(?:(?:de la|de|del|van den|van der|van|von|di|da|al) )?{_CAP}(?: {_CAP})?, {_CAP}(?: [A-Z]\.?| {_CAP})?)(?=\s*(?:$|[\n;|.)]))"
)
_AT_SIGN = re.compile(r"(?:^|(?<=[\s,.]))@(?P<v>[A-Z][a-z]{2,14})(?![A-Za-z0-9_.@-])")


def find(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of such names."""
    for run in names_en.runs(text):
        last = _LAST_WORD.search(text, max(0, run.start() - 20), run.start())
        if last and last[1].casefold() in _LAST and _LEAD.search(text[max(0, run.start() - 44) : run.start()]):
            start, end = names_en.trimmed(text, run)
            words = text[start:end].split()
            if (
                (names_en_words.name_like(words) or names_en_words.with_surname(words))
                and not any(word.casefold() in _NOBODY for word in words)
                and (len(words) > 1 or (not words[0].isupper() and len(words[0]) > 2 and not names_en_words.thing(words[0])))
                and _AFTER.match(text, end)
            ):
                yield start, end
    if "/" in text and _TRAVELS.search(text):
        for match in _RECORD.finditer(text):
            yield match.span("v")
    if ", " in text:
        for match in _REVERSED.finditer(text):
            if names_en_words.name_like(re.split("[ ,]+", match["v"])[-2:]):
                yield match.span("v")
    if "@" in text:
        for match in _AT_SIGN.finditer(text):
            if names_en_words.given(match["v"]):
                yield match.span("v")
