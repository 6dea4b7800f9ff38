"""Checksums and formats behind the recognisers. Each takes the matched text and says True (valid), False
(invalid) or None (cannot tell without context)."""

from __future__ import annotations

import ipaddress
import re
from datetime import date

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
_PUBLIC_MAIL = re.compile(
    r"(?:support|service|services|info|help|helpdesk|sales|contact|kefu|no-?reply|do-?not-?reply|hr|jobs|admin|billing|finance|security|privacy|legal|abuse|"
    r"press|marketing|office|feedback|hello|team|customer\.?(?:service|care)|invoice|fapiao|postmaster|webmaster|example|user|username|name|you|your\.?name)@",
    re.IGNORECASE,
)
_TOLL_FREE = {"800", "888", "877", "866", "855", "844", "833", "822"}
_TW_REGION = dict(zip("ABCDEFGHJKLMNPQRSTUVXYWZIO", range(10, 36), strict=True))


def digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def luhn(number: str) -> bool:
    """ISO/IEC 7812-1 annex B."""
    total = 0
    for i, char in enumerate(reversed(number)):
        value = int(char) * (1 + i % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _date(year: str, month: str, day: str) -> bool:
    try:
        return 1880 <= int(year) <= 2100 and bool(date(int(year), int(month), int(day)))
    except ValueError:
        return False


def cn_id(text: str) -> bool | None:
    """GB 11643-1999: region, birth date, MOD 11-2 (ISO 7064) check character."""
    value = re.sub(r"[ -]", "", text).upper()
    if int(value[:2]) not in _PROVINCES or not _date(value[6:10], value[10:12], value[12:14]):
        return False
    return "10X98765432"[sum(int(c) * w for c, w in zip(value, _ID_WEIGHTS, strict=False)) % 11] == value[17]


def cn_id_old(text: str) -> bool | None:
    """Fifteen digits, no check digit: a plausible one still needs context."""
    return None if int(text[:2]) in _PROVINCES and _date("19" + text[6:8], text[8:10], text[10:12]) else False


def uscc(text: str) -> bool | None:
    """GB 32100-2015: registration authority, kind of body, region, MOD 31."""
    if not re.match(r"(?:1[1239]|5[1239]|9[123]|[2-8]1|A1|N[1239]|Y1)", text) or int(text[2:4]) not in {10, *_PROVINCES}:
        return False
    total = sum(_USCC_ALPHABET.index(c) * w for c, w in zip(text, _USCC_WEIGHTS, strict=False))
    return _USCC_ALPHABET[(31 - total % 31) % 31] == text[17]


#: Length of an IBAN by country (SWIFT registry).
_IBAN_LENGTH = {
    country: int(length)
    for length, countries in {
        "15": "NO", "16": "BE", "18": "DK FO FI GL NL", "19": "MK SI", "20": "AT BA EE KZ LT LU XK", "21": "CR HR LI LV CH",
        "22": "BG BH DE GB GE IE ME RS VA", "23": "AE GI IL TL", "24": "AD CZ ES MD PK RO SA SE SK TN VG", "25": "PT ST", "26": "IS TR",
        "27": "FR GR IT MC MR SM", "28": "AL AZ BY CY DO GT HU LB PL", "29": "BR EG PS QA UA", "30": "JO KW MU", "31": "MT SC", "32": "LC",
    }.items()
    for country in countries.split()
}  # fmt: skip


def iban(text: str) -> bool | None:
    """ISO 13616: length of the country, MOD 97-10."""
    value = text.replace(" ", "")
    if _IBAN_LENGTH.get(value[:2]) != len(value):
        return False
    turned = value[4:] + value[:4]
    return int("".join(str(int(c, 36)) for c in turned)) % 97 == 1


def bank_card(text: str) -> bool | None:
    """Luhn and an issuer range (UnionPay, Visa, Mastercard, Amex, JCB, Diners, Discover). Other cards need context."""
    value = digits(text)
    issuer = bool(re.match(r"62|4|5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)|3[47]|35|30|36|38|6011|65|64[4-9]", value))
    if not 13 <= len(value) <= 19:
        return False
    return bool(issuer and luhn(value))


def mobile(text: str) -> bool | None:
    value = digits(text)
    return value[-11] == "1" and value[-10] in "3456789"


def landline(text: str) -> bool | None:
    """Area codes of China: 010, 02x, 03xx-09xx. Without a separator the length must be exact."""
    value = digits(re.split(r"转|ext|-(?=\d{1,6}$)(?<=\d{7}-)", text)[0])
    if value.startswith(("010", "02")):
        return value[:3] != "026" and len(value) in (10, 11)
    return value[1] in "3456789" and len(value) in (11, 12) and not value.startswith("0800")


def ssn(text: str) -> bool | None:
    """US social security number: area not 000, 666 or 9xx; group and serial not zero."""
    value = digits(text)
    return value[:3] not in ("000", "666") and value[0] != "9" and value[3:5] != "00" and value[5:] != "0000"


def us_phone(text: str) -> bool | None:
    value = digits(re.split(r"x|ext", text)[0])[-10:]
    return value[:3] not in _TOLL_FREE and value[1:3] != "11"


def e164(text: str) -> bool | None:
    value = digits(text)
    return 8 <= len(value) <= 15 and not (value[0] == "1" and value[1:4] in _TOLL_FREE)


def national(text: str) -> bool | None:
    """Any country's own way of writing a telephone number: seven to thirteen digits."""
    value = digits(text)
    return 7 <= len(value) <= 13 and value.removeprefix("1")[:3] not in _TOLL_FREE


def email(text: str) -> bool | None:
    """Role addresses (support@, billing@) are public."""
    return not _PUBLIC_MAIL.match(text)


def ipv4(text: str) -> bool | None:
    """An address of somebody: loopback, 0.0.0.0 and the like are examples, not persons."""
    try:
        value = ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return not (value.is_loopback or value.is_unspecified or text.startswith(("255.", "0."))) and value.packed[0] > 1


def ipv6(text: str) -> bool | None:
    try:
        return not ipaddress.IPv6Address(text).is_loopback
    except ValueError:
        return False


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
    code = _TW_REGION[text[0]]
    values = [code // 10, code % 10, *map(int, text[1:])]
    return sum(v * w for v, w in zip(values, (1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1), strict=True)) % 10 == 0
