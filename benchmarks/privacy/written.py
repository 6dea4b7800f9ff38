"""The fifteen formatted types with right check digits, in the ways people write them. Numbers of values.py where it has a plain one.

`VALUES[type](r, how)`: how is "" for any written form, `plain` for the usual one, or what the sentence says of the value (`visa`, `green`).
Full-width digits stand in Chinese text only, so formatted.py asks for them (`wide`).
"""

from __future__ import annotations

import datetime
import ipaddress
import random
import re
import string
from collections.abc import Callable

import values
from values import digits, grouped, luhn

R = random.Random
_words = str.split
_FULL_WIDTH = str.maketrans("0123456789X+-()", "".join(chr(ord(c) + 0xFEE0) for c in "0123456789X+-()"))
_REGIONS = _words(
    "110101 110105 110108 120104 130102 130304 140105 150102 210102 210211 220104 230103 310101 310104 310115 320102 320505 320583 330106 330110 330782 340104 "
    "350203 350581 360102 370102 370283 370602 410105 411302 420106 421087 430104 430181 440103 440106 440305 440306 441900 450103 460106 500103 500112 510104 "
    "510107 510781 520102 522501 530102 532901 540102 610113 610104 620102 630104 640104 650104 653101"
)


def wide(text: str) -> str:
    """Digits, X and the signs of numbers in their full-width forms."""
    return text.upper().translate(_FULL_WIDTH)


def weighted(r: R, forms: dict[str, int]) -> str:
    """A key, as often as its number says."""
    return r.choices(list(forms), weights=list(forms.values()))[0]


def letters(r: R, n: int, alphabet: str = string.ascii_uppercase) -> str:
    return "".join(r.choice(alphabet) for _ in range(n))


def cn_resident_id(r: R, how: str) -> str:
    born = datetime.date(1945, 1, 1) + datetime.timedelta(days=r.randrange(28500))
    body = r.choice(_REGIONS) + born.strftime("%Y%m%d") + digits(r, 3)
    value = body + "10X98765432"[sum(int(c) * w for c, w in zip(body, (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2), strict=True)) % 11]
    if value.endswith("X") and r.random() < 0.3:
        value = value.lower()
    if how:
        return value
    form = weighted(r, {"joined": 75, "6 8": 9, "6 4 4": 5, "3 3 8": 4, "6-8": 6})
    if form == "joined":
        return value
    return grouped(value, [int(n) for n in re.split("[ -]", form)], "-" if "-" in form else " ")


_MOBILE = _words(
    "130 131 132 133 134 135 136 137 138 139 145 147 149 150 151 152 153 155 156 157 158 159 166 170 171 172 173 175 176 177 178 180 181 182 183 184 185 186 187 188 189 "
    "190 191 192 193 195 196 197 198 199"
)


def cn_mobile(r: R, how: str) -> str:
    a, b, c = r.choice(_MOBILE), digits(r, 4, "012345678"), digits(r, 4)
    value = a + b + c
    if how:
        return value
    forms = {
        value: 48, f"{a} {b} {c}": 10, f"{a}-{b}-{c}": 10, f"{value[:4]} {value[4:8]} {value[8:]}": 2, f"+86{value}": 8, f"+86 {value}": 6, f"+86 {a} {b} {c}": 6,
        f"+86-{a}-{b}-{c}": 3, f"0086{value}": 2, f"0086 {value}": 1, f"0086-{value}": 1, f"(86){value}": 2, f"（86）{value}": 2, f"(+86) {value}": 1, f"(+86) {a} {b} {c}": 1,
        f"86-{value}": 2,
    }  # fmt: skip
    return weighted(r, forms)


#: Cities whose numbers have eight digits, and some whose have seven.
_AREAS = {
    8: _words("010 020 021 022 023 024 025 027 028 029 0311 0371 0431 0451 0512 0531 0532 0551 0571 0574 0591 0595 0731 0755 0757 0769 0898"),
    7: _words("0350 0335 0478 0554 0570 0597 0717 0750 0762 0778 0816 0833 0859 0879 0915 0937 0971 0991"),
}


def cn_landline(r: R, how: str) -> str:
    n = 8 if r.random() < 0.75 else 7
    area, local = r.choice(_AREAS[n]), digits(r, n, "2345678")
    while local.startswith(("400", "800")):  # service numbers begin so
        local = digits(r, n, "2345678")
    parts = f"{local[: n - 4]} {local[n - 4 :]}"
    if how:
        return f"{area}-{local}"
    forms = {
        f"{area}-{local}": 44, f"{area} {local}": 10, f"({area}){local}": 5, f"({area}) {local}": 4, f"（{area}）{local}": 4, f"{area}-{parts}": 7, f"{area}-{parts.replace(' ', '-')}": 5,
        f"{area}{local}": 8, f"+86-{area[1:]}-{local}": 6, f"+86 {area[1:]} {parts}": 4, f"0086-{area[1:]}-{local}": 3,
    }  # fmt: skip
    return weighted(r, forms)


_BANKS = {
    16: _words("621483 622588 622575 622622 622521 622690 622663 622155"),
    18: _words("622908"),
    19: _words("622202 621226 621558 622848 622845 621700 622700 621661 621785 621799 622188 622262 621462 622568 623058"),
}


def bank_card(r: R, how: str) -> str:
    n = r.choices(list(_BANKS), weights=[len(known) for known in _BANKS.values()])[0]
    value = luhn(r.choice(_BANKS[n]) + digits(r, n - 7))
    if how:
        return value
    form = weighted(r, {"joined": 60, " ": 27, "-": 8, "6": 5})
    if form == "6":
        return grouped(value, [6], " ")
    return value if form == "joined" else grouped(value, [4] * 5, form)


def credit_card(r: R, how: str) -> str:
    brand = how if how not in ("", "plain") else r.choice(["visa", "visa", "visa", "mastercard", "mastercard", "mastercard", "mastercard", "amex"])
    first = {
        "visa": "4" + digits(r, 3),
        "mastercard": r.choice([*_words("51 52 53 54 55") * 4, *map(str, range(2221, 2721, 25))]),
        "amex": r.choice(["34", "37"]),
    }[brand]
    n = 15 if brand == "amex" else 16
    value = luhn(first + digits(r, n - 1 - len(first)))
    if how == "plain":
        return value
    sign = r.choice(["", "", " ", " ", "-"])
    return grouped(value, [4, 6, 5] if n == 15 else [4] * 4, sign) if sign else value


_PINYIN = _words("zhang wang li zhao chen liu yang huang zhou wu xu sun ma zhu hu guo he lin gao luo")
_PINYIN_GIVEN = _words("wei fang na min jing lei qiang yan jun jie juan tao ming chao xiulan xia ping gang yuxin zihan haoran")
_HOSTS_ZH = _words(
    "163.com 126.com qq.com qq.com foxmail.com sina.com sohu.com outlook.com 139.com gmail.com hengtong-tech.cn mail.shenlan.com.cn pku.edu.cn"
)
_HOSTS_EN = _words(
    "gmail.com yahoo.com outlook.com hotmail.co.uk icloud.com proton.me btinternet.com northfield-logistics.com mail.brightwave.io law.stanford.edu aol.com"
)


def email(r: R, how: str) -> str:
    if r.random() < 0.6:
        family, given = r.choice(_PINYIN), r.choice(_PINYIN_GIVEN)
        user = r.choice(
            [family + given, f"{given}.{family}", f"{family}_{given}", family + given + digits(r, r.choice([2, 3, 4])), digits(r, 9, "12345789")]
        )
        return f"{user}@{'qq.com' if user.isdigit() else r.choice(_HOSTS_ZH)}"
    first, _, last = re.sub(r" \w\. ", " ", values.name_en(r)).replace("'", "").partition(" ")
    user = r.choice(
        [
            f"{first}.{last}".lower(),
            f"{first[0]}{last}".lower(),
            f"{first}_{last}{digits(r, 2)}".lower(),
            f"{first}.{last}",
            f"{first}.{last}+shop".lower(),
            f"{first}-{last}".lower(),
        ]
    )
    return f"{user}@{r.choice(_HOSTS_EN)}"


_AUTHORITIES = {
    "京": "ABCEFGHJKLMNPQY", "津": "ABCDEFGHJKMNQR", "沪": "ABCDEFGHJKLMN", "渝": "ABCDFGH", "冀": "ABCDEFGHJRT", "豫": "ABCDEFGHJKLMNPQRSU", "云": "ACDEFGHJKLMNPQRS", "辽": "ABCDEFGHJKLMNP",
    "黑": "ABCDEFGHJKLMNPR", "湘": "ABCDEFGHJKLMNU", "皖": "ABCDEFGHJKLMNPRS", "鲁": "ABCDEFGHJKLMNPQRSUVY", "新": "ABCDEFGHJKLMNPQR", "苏": "ABCDEFGHJKLMNU", "浙": "ABCDEFGHJKL",
    "赣": "ABCDEFGHJKLM", "鄂": "ABCDEFGHJKLMNPQRS", "桂": "ABCDEFGHJKLMNPR", "甘": "ABCDEFGHJKLMNP", "晋": "ABCDEFHJKLM", "蒙": "ABCDEFGHJKLM", "陕": "ABCDEFGHJKV", "吉": "ABCDEFGHJK",
    "闽": "ABCDEFGHJK", "贵": "ABCDEFGHJ", "粤": "ABCDEFGHJKLMNPQRSTUVWXY", "青": "ABCDEFGH", "藏": "ABCDEFG", "川": "ABCDEFGHJKLMQRSTUVWXYZ", "宁": "ABCDE", "琼": "ABCDE",
}  # fmt: skip
_SERIAL = "ABCDEFGHJKLMNPQRSTUVWXYZ"


def cn_plate(r: R, how: str) -> str:
    """GA 36-2018: five characters, of an electric car six."""
    province = r.choice(list(_AUTHORITIES))
    head, letter, other = province + r.choice(_AUTHORITIES[province]), r.choice(_SERIAL), r.choice(_SERIAL)
    small = "DF"[r.random() < 0.4] + r.choice([digits(r, 1), letter]) + digits(r, 4)
    usual = r.choice(
        [
            digits(r, 5),
            digits(r, 5),
            letter + digits(r, 4),
            letter + other + digits(r, 3),
            digits(r, 1) + letter + digits(r, 3),
            digits(r, 3) + letter + digits(r, 1),
            digits(r, 2) + letter + other + digits(r, 1),
            digits(r, 4) + letter,
        ]
    )
    number = small if how == "green" else weighted(r, {usual: 62, small: 32, digits(r, 5) + r.choice("DF"): 6})
    return head + ("" if how == "plain" else weighted(r, {"": 62, "·": 22, " ": 9, "-": 4, "•": 3})) + number


def cn_passport(r: R, how: str) -> str:
    head = weighted(r, {"E": 36, "E+": 34, "G": 14, "P": 4, "PE": 4, "D": 3, "DE": 2, "SE": 3})
    if head == "E+":
        return "E" + r.choice(_SERIAL) + digits(r, 7)
    return head + digits(r, 8 if head in "EG" else 7)


def cn_uscc(r: R, how: str) -> str:
    value = values.cn_uscc(r)
    if how:
        return value
    form = r.random()
    return grouped(value, [4] * 5, " ") if form < 0.06 else value.lower() if form < 0.08 else value


def ipv4(r: R, how: str) -> str:
    while True:  # whatever block it falls into, it can be somebody's
        address = ipaddress.IPv4Address(f"{r.randrange(1, 224)}.{r.randrange(256)}.{r.randrange(256)}.{r.randrange(1, 255)}")
        if address.is_global:
            return str(address)


def ipv6(r: R, how: str) -> str:
    head = r.choice(_words("240e 2408 2409 2001:da8 2a00 2607:f8b0 2a02 2600 2a01 2001:250")).split(":")

    def some(n: int) -> list[str]:
        return [f"{r.randrange(1, 65536):x}" for _ in range(n)]

    form = weighted(r, {"full": 35, "zeros": 25, "middle": 20, "short": 20})
    if form in ("full", "zeros"):
        groups = head + some(8 - len(head))
        value = ":".join(group.zfill(4) if form == "zeros" else group for group in groups)
    elif form == "middle":
        value = ":".join(head + some(4 - len(head))) + "::" + ":".join(some(r.choice([1, 2, 3])))
    else:
        value = ":".join(head + some(r.choice([1, 2]))) + "::" + some(1)[0]
    return value.upper() if r.random() < 0.12 else value


#: SWIFT's registry: kinds of characters behind the two check digits (n digits, a letters, c both).
_IBAN = {
    "DE": "n18", "GB": "a4n14", "FR": "n10c11n2", "ES": "n20", "IT": "a1n10c12", "NL": "a4n10", "BE": "n12", "AT": "n16", "CH": "n5c12", "IE": "a4n14", "PT": "n21", "PL": "n24", "SE": "n20",
    "NO": "n11", "DK": "n14", "FI": "n14", "CZ": "n20", "HU": "n24", "GR": "n7c16", "LU": "n3c13", "RO": "a4c16", "SK": "n20", "TR": "n5n1c16", "AE": "n3n16", "SA": "n2c18", "CY": "n8c16",
    "EE": "n16", "LT": "n16", "HR": "n17", "MT": "a4n5c18",
}  # fmt: skip
_BANK_CODES = {"GB": _words("NWBK BARC MIDL LOYD HBUK"), "NL": _words("ABNA INGB RABO")}


def iban(r: R, how: str) -> str:
    country = r.choice(list(_IBAN))
    kinds = {"n": string.digits, "a": string.ascii_uppercase, "c": string.digits * 3 + _SERIAL}
    account = "".join(letters(r, int(n), kinds[kind]) for kind, n in re.findall(r"([nac])(\d+)", _IBAN[country]))
    if country in _BANK_CODES:
        account = r.choice(_BANK_CODES[country]) + account[4:]
    check = 98 - int("".join(str(int(c, 36)) for c in account + country + "00")) % 97
    value, form = f"{country}{check:02}{account}", r.random()
    return value if how or form < 0.45 else grouped(value, [4] * 9, " " if form < 0.96 else "-")


def us_ssn(r: R, how: str) -> str:
    a, b, c = values.us_ssn(r).split("-")
    return f"{a}-{b}-{c}" if how else weighted(r, {f"{a}-{b}-{c}": 86, f"{a} {b} {c}": 8, f"{a}{b}{c}": 6})


_US_AREAS = _words(
    "201 202 203 205 206 208 209 210 212 213 214 215 216 303 304 305 310 312 313 314 315 317 323 401 402 404 405 407 408 410 412 413 415 425 469 480 502 503 510 512 513 602 603 612 614 615 617 "
    "619 626 646 650 702 703 713 714 716 718 720 732 757 770 773 801 802 804 808 813 816 817 818 831 832 847 858 860 901 904 907 913 914 916 917 925 949 954 972 978"
)


def us_phone(r: R, how: str) -> str:
    a, b, c = r.choice(_US_AREAS), digits(r, 3, "23456789"), digits(r, 4)
    while b.endswith("11") or b == "555":
        b = digits(r, 3, "23456789")
    forms = {
        f"({a}) {b}-{c}": 4, f"{a}-{b}-{c}": 4, f"+1 {a}-{b}-{c}": 1, f"+1 ({a}) {b}-{c}": 1, f"+1{a}{b}{c}": 1, f"1-{a}-{b}-{c}": 1, f"{a}.{b}.{c}": 1, f"({a}){b}-{c}": 1,
        f"+1-{a}-{b}-{c}": 1, f"{a} {b} {c}": 1, f"+1 {a} {b} {c}": 1,
    }  # fmt: skip
    return f"{a}-{b}-{c}" if how else weighted(r, forms)


def uk_phone(r: R, how: str) -> str:
    form = weighted(r, {"mobile": 50, "london": 20, "city": 20, "town": 10})
    if form == "mobile":
        n = "7" + r.choice("345789") + digits(r, 8)
        national = r.choice([f"{n[:4]} {n[4:]}", f"{n[:4]} {n[4:7]} {n[7:]}", n])
    elif form == "london":
        national = f"20 {r.choice('783')}{digits(r, 3)} {digits(r, 4)}"
    elif form == "city":
        national = f"{r.choice(_words('161 121 131 141 113 117 151 191'))} {digits(r, 3, '23456789')} {digits(r, 4)}"
    else:
        national = f"{r.choice(_words('1223 1273 1865 1904 1225 1752 1482 1332'))} {digits(r, 6, '23456789')}"
    if form == "london" and r.random() < 0.15:
        return f"(020) {national[3:]}"
    lead = weighted(r, {"0": 50, "+44 ": 33, "+44 (0)": 8, "+44": 5, "0044 ": 4})
    return lead + (national.replace(" ", "") if lead == "+44" else national)


VALUES: dict[str, Callable[[R, str], str]] = {
    "cn_resident_id": cn_resident_id,
    "cn_mobile": cn_mobile,
    "cn_landline": cn_landline,
    "bank_card": bank_card,
    "credit_card": credit_card,
    "email": email,
    "cn_plate": cn_plate,
    "cn_passport": cn_passport,
    "cn_uscc": cn_uscc,
    "ipv4": ipv4,
    "ipv6": ipv6,
    "iban": iban,
    "us_ssn": us_ssn,
    "us_phone": us_phone,
    "uk_phone": uk_phone,
}
