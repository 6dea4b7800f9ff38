"""Checksums and formats behind the recognisers. Each takes the matched text and says True (valid), False
(invalid) or None (cannot tell without context)."""

from __future__ import annotations

import ipaddress
import math
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from importlib import resources
from typing import Any

import yaml

_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_PROVINCES = {
    11,
    12,
    13,
    14,
    15,
    21,
    22,
    23,
    31,
    32,
    33,
    34,
    35,
    36,
    37,
    41,
    42,
    43,
    44,
    45,
    46,
    50,
    51,
    52,
    53,
    54,
    61,
    62,
    63,
    64,
    65,
    71,
    81,
    82,
    83,
}
#: RFC 2606 keeps these domains for examples; a name before them that says nothing makes the address one.
_EXAMPLE_MAIL = re.compile(
    r"(?:users?|you|me|name|(?:your|my|first|full|user)[._-]?(?:name|e?mail|address)?|e?mail|somebody|someone|anyone|example|test|foo|xxx+|abc)@"
    r"(?:[a-z0-9-]+\.)?example(?:\.(?:com|org|net|edu|cn))?",
    re.IGNORECASE,
)
_PUBLIC_MAIL = re.compile(
    r"(?:(?:customer|client|tech|after)?[._-]?(?:support|services?|care|sales)|info|help|helpdesk|contact|contactus|kefu|no-?reply|do-?not-?reply|billing|"
    r"security|privacy|legal|abuse|press|marketing|feedback|invoices?|fapiao|postmaster|webmaster|(?:your|my)[._-]?(?:name|email)|example|someone)@",
    re.IGNORECASE,
)
_EXTENSION = re.compile(r"(?:转|分机|[xX]|[eE][xX][tT]|,|，|#|-(?=\d{1,6}$)(?<=\d{7}-)).*$")
_TW_REGION = dict(zip("ABCDEFGHJKLMNPQRSTUVXYWZIO", range(10, 36), strict=True))


def digits(text: str) -> str:
    return re.sub(r"\D", "", text)


@lru_cache(maxsize=1)
def plans() -> dict[str, Any]:
    """numbers.yaml."""
    return dict(yaml.safe_load(resources.files(__package__).joinpath("numbers.yaml").read_text("utf-8")))


def _prefixes(written: str) -> Iterator[str]:
    for piece in written.split():
        first, _, last = piece.partition("-")
        for n in range(int(first), int(last or first) + 1):
            yield str(n).zfill(len(first))


@lru_cache(maxsize=16)
def _known(name: str) -> frozenset[str]:
    return frozenset(_prefixes(plans()[name]))


@lru_cache(maxsize=1)
def _issuers() -> list[tuple[str, str, frozenset[int]]]:
    """(prefix, type of card, lengths), longest prefix first."""
    rows = [(plans()["union_pay"], "bank_card"), (plans()["chinese_debit"], "bank_card")]
    rows += [(brand, "credit_card") for brand in plans()["brands"].values()]
    found = [(prefix, kind, frozenset(row["lengths"])) for row, kind in rows for prefix in _prefixes(str(row["prefixes"]))]
    return sorted(found, key=lambda row: -len(row[0]))


@lru_cache(maxsize=4096)
def issuer(number: str) -> tuple[str, bool]:
    """Type of card by its first digits (the brands are credit cards, UnionPay and Chinese debit ranges bank cards), and whether the
    issuer is known and makes cards of this length."""
    for prefix, kind, lengths in _issuers():
        if number.startswith(prefix):
            return kind, len(number) in lengths
    return "bank_card", False


def luhn(number: str) -> bool:
    """ISO/IEC 7812-1 annex B."""
    total = 0
    for i, char in enumerate(reversed(number)):
        value = int(char) * (1 + i % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _date(year: str, month: str, day: str) -> bool:
    try:
        return 1890 <= int(year) <= 2050 and bool(date(int(year), int(month), int(day)))
    except ValueError:
        return False


def cn_id(text: str) -> bool | None:
    """GB 11643-1999: region, birth date, MOD 11-2 (ISO 7064) check character."""
    value = re.sub(r"[^0-9Xx]", "", text).upper()
    if len(value) != 18 or "X" in value[:17] or int(value[:2]) not in _PROVINCES or not _date(value[6:10], value[10:12], value[12:14]):
        return False
    return "10X98765432"[sum(int(c) * w for c, w in zip(value, _ID_WEIGHTS, strict=False)) % 11] == value[17]


def cn_id_old(text: str) -> bool | None:
    """Fifteen digits, no check digit: a plausible one still needs context."""
    value = digits(text)
    return None if int(value[:2]) in _PROVINCES and _date("19" + value[6:8], value[8:10], value[10:12]) else False


def uscc(text: str) -> bool | None:
    """GB 32100-2015: registration authority, kind of body, region, MOD 31."""
    if re.search(r"(?<![^ -])[a-z]+(?![^ -])", text):  # 7526 and keep the: words
        return False
    value = re.sub(r"[ -]", "", text).upper()
    if len(value) != 18 or not re.match(r"(?:1[1239]|5[1239]|9[123]|[2-8]1|A1|N[1239]|Y1)", value) or int(value[2:4]) not in {10, *_PROVINCES}:
        return False
    total = sum(_USCC_ALPHABET.index(c) * w for c, w in zip(value, _USCC_WEIGHTS, strict=False))
    return _USCC_ALPHABET[(31 - total % 31) % 31] == value[17]


@lru_cache(maxsize=1)
def _iban_lengths() -> dict[str, int]:
    return {country: int(length) for length, countries in plans()["iban"].items() for country in str(countries).split()}


def iban_length(country: str) -> int:
    """Characters of an IBAN of that country; 0 when it has none."""
    return _iban_lengths().get(country.upper(), 0)


def iban(text: str) -> bool | None:
    """ISO 13616: length of the country, MOD 97-10."""
    value = re.sub(r"[ .-]", "", text).upper()
    if iban_length(value[:2]) != len(value) or not value.isalnum():
        return False
    turned = value[4:] + value[:4]
    return int("".join(str(int(c, 36)) for c in turned)) % 97 == 1


def mobile(text: str) -> bool | None:
    value = digits(text)
    if len(value) != 11:  # 1380013-8000 is a number in two groups, no extension
        value = digits(_EXTENSION.sub("", text))
    return len(value) >= 11 and value[-11] == "1" and value[-10] in "3456789"


def grouped_mobile(text: str) -> bool | None:
    """Eleven digits in groups, whatever parts them."""
    return re.fullmatch(r"1[3-9]\d{9}", digits(text)) is not None


def landline(text: str) -> bool | None:
    """A known area code of China and seven or eight digits."""
    value = digits(_EXTENSION.sub("", text))
    value = "0" + value[len("0086") if value.startswith("0086") else 2 :].lstrip("0") if value.startswith(("86", "0086")) else value
    known = _known("area_codes")
    code = next((value[:n] for n in (3, 4) if value[:n] in known), "")
    local = value[len(code) :]
    return bool(code) and local[:1] in tuple("2345678") and len(local) in ((8, 7) if len(code) == 4 else (8,))


def ssn(text: str) -> bool | None:
    """US social security number: area not 000, 666 or 9xx; group and serial not zero."""
    value = digits(text)
    return value[:3] not in ("000", "666") and value[0] != "9" and value[3:5] != "00" and value[5:] != "0000"


def us_phone(text: str) -> bool | None:
    """North American numbering plan: area and exchange do not begin with 0 or 1 and are no service code (N11).

    An exchange or area that is not given out is somebody's mistake: context decides, unless brackets, a country code, an extension or
    the usual grouping (555-123-4567) say that it is meant as a telephone number.
    """
    value = digits(_EXTENSION.sub("", text.lower()))[-10:]
    if len(value) < 10 or value[0] in "01" or value[:3] in _known("toll_free"):
        return False
    if value[3] in "01" or value[1:3] == "11" or value[4:6] == "11" or value[1] == "9":
        return True if re.match(r"\+|00|\(|\d{3}([-.])\d{3}\1\d{4}", text) or _EXTENSION.search(text) else None
    return True


def uk_phone(text: str) -> bool | None:
    """Ten national digits after +44 or 0; mobiles 07, geographic 01 and 02. Freephone and service numbers are nobody's."""
    value = digits(_EXTENSION.sub("", text.lower()))
    if value.startswith(("44", "0044")):
        value = value.removeprefix("00").removeprefix("44").lstrip("0")
        value = "0" + value
    if len(value) not in (10, 11) or value[:4] in _known("uk_services") or (value.startswith("020") and value[3] not in "378"):
        return False  # London's numbers begin with 3, 7 or 8
    return value[1] in "127" and (len(value) == 11 or value[1] == "1")


def e164(text: str) -> bool | None:
    """ITU-T E.164: at most 15 digits with the country's; the prefix 00 is none of them."""
    value = digits(text).removeprefix("00")
    if value.startswith("86") and value[2:5] in ("400", "800"):
        return False
    return 8 <= len(value) <= 15 and not (value[0] == "1" and value[1:4] in _known("toll_free"))


def national(text: str) -> bool | None:
    """Any country's own way of writing a telephone number: seven to thirteen digits."""
    value = digits(text)
    if re.fullmatch(r"\d{1,3}(?:\.\d{1,3}){3}", text) and ipv4(text) is not False:
        return False
    return 7 <= len(value) <= 13 and value.removeprefix("1")[:3] not in _known("toll_free")


def email(text: str) -> bool | None:
    """Role addresses (support@, billing@) are public: they need a context that makes them somebody's. `user@example.com` is nobody's."""
    if _EXAMPLE_MAIL.fullmatch(text):
        return False
    return None if _PUBLIC_MAIL.match(text) else True


def ipv4(text: str) -> bool | None:
    """An address of somebody: loopback, 0.0.0.0 and the like are examples, not persons. Four small numbers may be a version."""
    try:
        value = ipaddress.IPv4Address(text.split("/")[0])
    except ValueError:
        return False
    if value.is_loopback or value.is_unspecified or text.startswith(("255.", "0.")):
        return False
    return None if value.packed[0] != 10 and max(value.packed) < 30 else True


def ipv6(text: str) -> bool | None:
    """RFC 4291. Without a digit or with two groups only (`dead::beef`, `1::2`) context must say it."""
    try:
        text = re.split("[%/]", text)[0]
        value = ipaddress.IPv6Address(text)
    except ValueError:
        return False
    if value.is_loopback or value.is_unspecified:
        return False
    groups = [group for group in text.split(":") if group]
    return None if len(groups) < 3 and not re.match(r"(?i)(?:fe80|f[cd]..|2[0-9a-f]{3}|3[0-9a-f]{3}|64:ff9b)::?", text) else True


def plate(text: str) -> bool | None:
    """GA 36-2018: after the authority letter at least two digits (at most three letters of six)."""
    return sum(c.isdigit() for c in text) >= 2


def hk_id(text: str) -> bool | None:
    """Weighted sum of a Hong Kong identity card number is a multiple of 11."""
    value = re.sub(r"[()（）]", "", text)
    body, check = value[:-1].rjust(8), value[-1]
    codes = [36 if c == " " else int(c, 36) for c in body]
    total = sum(c * w for c, w in zip(codes, range(9, 1, -1), strict=True))
    return (total + (10 if check == "A" else int(check))) % 11 == 0


def tw_id(text: str) -> bool | None:
    """Taiwan's national identity number."""
    code = _TW_REGION[text[0]]
    values = [code // 10, code % 10, *map(int, text[1:])]
    return sum(v * w for v, w in zip(values, (1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1), strict=True)) % 10 == 0


def opaque(text: str) -> bool | None:
    """A value that looks drawn by chance: letters and digits mixed, high entropy for its length."""
    if len(text) < 16 or not (re.search(r"[A-Za-z]", text) and re.search(r"\d", text)):
        return False
    entropy = -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())
    return entropy >= 3.0


_NO_PASSWORD = re.compile(
    r"(?i)(?:[*•.xX_-]+|<.*>|\$.*|\{.*|%.*|your.*|null|none|true|false|empty|required|incorrect|wrong|invalid|forgot(?:ten)?|reset|changed?|hidden|protected|"
    r"failed|expired|optional|here|missing|unknown|not|too|the|a|an|is|and|or|must|should|field|error|case|sensitive|correct|weak|strong|"
    r"\d{1,2}[-~]\d{1,2})\W*"
)


def password(text: str) -> bool | None:
    """What stands after `password:`, unless it is a word about passwords or a placeholder."""
    return len(text) > 200 or not _NO_PASSWORD.fullmatch(text)
