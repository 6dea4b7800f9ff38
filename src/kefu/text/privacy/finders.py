"""Values that one pattern cannot hold: grouped card and id numbers, bank accounts, and what is spelt out.

Each finder takes the plain view of a text, with its bits of `gates.GATES`, and yields (start, end, valid, type); an empty type is the recogniser's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kefu.text.privacy import checks
from kefu.text.privacy.gates import gated

Found = tuple[int, int, bool | None, str]

_HAN = re.compile("[\u4e00-\u9fff]")
_EDGE = r"(?<![A-Za-z0-9.])(?<![A-Za-z0-9][-_])"
_ID = re.compile(_EDGE + r"\d{17}[\dXx](?![A-Za-z0-9]|\.\d)")
_ID_SPACED = re.compile(_EDGE + r"(?=(\d(?:[ ._·/,，-]{0,2}\d){16}[ ._·/,，-]{0,2}[\dXx])(?![A-Za-z0-9]))")
_ID_GROUPS = {(6, 8, 4), (6, 4, 4, 4), (6, 4, 2, 2, 4), (6, 6, 6), (3, 3, 4, 4, 4), (4, 4, 4, 4, 2), (3, 3, 3, 3, 3, 3), (6, 8, 3, 1), (17, 1)}
_ID_GLUED = re.compile(r"(?<=[A-Za-z_])\d{17}[\dXx](?![0-9])")
#: The number may stand right behind the word for it: JCB3568…, card4539….
_CARD_EDGE = rf"(?:{_EDGE}|(?<=JCB)|(?<=(?i:visa))|(?<=(?i:card))|(?<=(?i:amex))|(?<=(?i:unionpay))|(?<=(?i:no\.)))"
_CARD = re.compile(_CARD_EDGE + r"\d{12,19}(?![A-Za-z0-9]|-\d|\.\d)")
_CARD_SPACED = re.compile(_CARD_EDGE + r"(?!1[3-9]\d{9}(?!\d))\d{2,13}(?P<s> ?- ?|[ ]{1,2}|[._·/])\d{2,13}(?:(?P=s)\d{1,8}){0,6}(?![A-Za-z0-9])")
_CARD_GROUPS = {(4, 6, 5), (4, 6, 4), (6, 10), (6, 12), (6, 13), (6, 11), (8, 8), (8, 11), (4, 4, 4, 7), (6, 4, 4, 5), (6, 4, 4, 2), (4, 5, 6)}
_CARD_GROUPS |= {(4, 4, 11), (4, 4, 8), (4, 12), (12, 4), (4, 8, 4), (4, 6, 6), (6, 6, 4), (6, 6, 7), (5, 5, 5), (5, 5, 5, 4), (5, 5, 6), (4, 5, 5)}
_BRAND = re.compile(r"信用卡|[双外]币卡|万事达|维萨|(?i:visa|master ?card|credit)")
_ALNUM, _GOES_ON = re.compile(r"[A-Za-z0-9]"), re.compile(r"-?[A-Za-z0-9]")  # a UUID goes on behind what might be an IBAN with dashes
_IBAN = re.compile(r"(?:(?<![A-Za-z0-9])|(?<=(?i:iban)))[A-Za-z]{2} ?\d{2}(?=[ .-]?[A-Za-z0-9])")


def resident_ids(text: str, bits: int) -> Iterator[Found]:
    """Eighteen characters of a Chinese resident id, in one piece or grouped."""
    for match in _ID.finditer(text):
        yield match.start(), match.end(), checks.cn_id(match.group()), ""
    for match in _ID_GLUED.finditer(text):  # id110101…: the check digit tells it from a part of something else
        if checks.cn_id(match.group()):
            yield match.start(), match.end(), True, ""
    for match in _ID_SPACED.finditer(text):
        value = match.group(1)
        if value.isalnum():
            continue
        valid = checks.cn_id(value)
        if valid or tuple(len(piece) for piece in re.split(r"[ -]+", value)) in _ID_GROUPS:
            yield match.start(1), match.end(1), valid, ""


def cards(text: str, bits: int) -> Iterator[Found]:
    """Payment cards. True: known issuer, right length, Luhn, usual grouping. None and False: context decides."""
    han, brand = _HAN.search(text) is not None, _BRAND.search(text) is not None
    spaced = [found for match in _CARD_SPACED.finditer(text) if (found := _grouped(match, han))]
    yield from (found for found in spaced if found[2])  # 622202 5064099368210: its thirteen digits alone may pass for a card, too
    for match in _CARD.finditer(text):
        number = match.group()
        if number[0] == "0" or re.fullmatch(r"861[3-9]\d{9}", number):  # a telephone number with 0086 or 86, no card begins so
            continue
        kind, known = checks.issuer(number)
        if (not known and not han) or (
            number[0] in "45" and len(number) == 16 and brand
        ):  # a card that an English text speaks of is rarely a Chinese debit card
            kind = "credit_card"
        luhn = checks.luhn(number)
        if known and luhn and len(number) >= 15 and not number.startswith(("1800", "2131")):
            yield match.start(), match.end(), True, kind
        elif luhn or len(number) >= 15:  # of no issuer and with a wrong check digit: some account, whoever calls it a card
            account = not luhn and not known and kind == "bank_card"
            yield match.start(), match.end(), None if luhn else False, "account_number" if account else kind
    yield from (found for found in spaced if not found[2])


def _grouped(match: re.Match[str], han: bool) -> Found | None:
    sign = match.group("s")
    pieces, at = match.group().split(sign), match.start()
    for first in range(len(pieces) - 1):  # a telephone or an amount may stand before the card
        if found := _from_first(at, pieces[first:], sign, han):
            return found
        at += len(pieces[first]) + len(sign)
    return None


def _from_first(at: int, pieces: list[str], sign: str, han: bool) -> Found | None:
    invalid: Found | None = None
    for count in range(len(pieces), 1, -1):
        number = "".join(pieces[:count])
        if not 13 <= len(number) <= 19:
            continue
        sizes = tuple(len(piece) for piece in pieces[:count])
        usual = (all(size == 4 for size in sizes[:-1]) and sizes[-1] <= 4) or sizes in _CARD_GROUPS
        end = at + len(number) + len(sign) * (count - 1)
        kind, known = checks.issuer(number)
        if known and checks.luhn(number):
            return at, end, True if usual or all(size == 3 for size in sizes[:-1]) else None, kind
        if usual and len(number) >= 15 and invalid is None:
            invalid = at, end, False, kind if known else "account_number" if han else "credit_card"
    return invalid


def ibans(text: str, bits: int) -> Iterator[Found]:
    """As many letters and digits as the country's IBAN has, blanks and dashes left out."""
    for match in _IBAN.finditer(text):
        wanted = checks.iban_length(match.group()[:2])
        end, seen = match.start(), 0
        while wanted and end < len(text) and seen < wanted:
            char = text[end]
            if char.isascii() and char.isalnum():
                seen += 1
            elif char not in " .-" or not text[end - 1].isalnum():
                break
            end += 1
        value = text[match.start() : end]
        if wanted and seen == wanted and not (_GOES_ON if "-" in value else _ALNUM).match(text, end):
            yield match.start(), end, checks.iban(value), ""


# -- spelt out ---------------------------------------------------------------------------------------------------------

_NUMERALS = dict(zip("零〇○幺一二三四五六七八九壹贰貳叁參肆伍陆陸柒捌玖两oO", "00011234567891223345667892" + "00", strict=True))
_DIGIT = "[0-9" + "".join(_NUMERALS) + "]"
_SEPARATOR = r"[ \-.,，、·_/~*|]"
_RUN = re.compile(rf"(?<![A-Za-z0-9.]){_DIGIT}(?:{_SEPARATOR}{{0,3}}{_DIGIT}){{10,21}}(?:{_SEPARATOR}{{0,2}}[Xx叉])?(?![A-Za-z0-9])")
_ODD = re.compile("[" + "".join(_NUMERALS) + r"]|\d(?:[^\d\n]{1,3}\d\b){3}")


_APART = re.compile(r"1[ .,，、-]{1,3}[3-9](?:[ .,，、-]{1,3}\d){9}(?![ .-]{0,3}\d)")


def spoken_numbers(text: str, bits: int) -> Iterator[Found]:
    """Numbers written out or pulled apart: 一三八零零…, 1 3 8 0 0 …, 138一二三四5678."""
    if not _ODD.search(text):
        return
    for match in _RUN.finditer(text):
        if found := _spelt(text, match.start(), match.group()):
            yield found
            continue
        for piece in _PIECE.finditer(match.group()):  # two numbers, one behind the other
            if len(piece.group()) < len(match.group()) and (found := _spelt(text, match.start() + piece.start(), piece.group())):
                yield found


_WRITTEN = re.compile(r"(?:0086[- ]?\d{2,3}|0\d{2,3})[- ]?\d{3,4}[- ]?\d{4}(?=\D)")
_PIECE = re.compile(r"[^，,、|/]+")


def _spelt(text: str, at: int, run: str) -> Found | None:
    """What the run that begins at `at` is, if anything."""
    spelt = "".join(_NUMERALS.get(char, "X" if char in "xX叉" else char) for char in run if char in _NUMERALS or char in "xX叉" or char.isdigit())
    alone = sum(not char.isalnum() for char in run)
    if (
        run == spelt
        or (not any(char in _NUMERALS for char in run) and alone < len(spelt) - 3)
        or (any(char in "oO" for char in run) and sum(map(str.isdigit, run)) < 8)
    ):
        return None
    number, end = spelt[_country(spelt) :], at + len(run.rstrip(" "))
    if len(number) == 11 and number[0] == "1" and checks.mobile(number):
        return at, end, True, "cn_mobile"
    if len(number) in (12, 13) and (apart := _APART.match(text, at)):  # 1 3 8 … 四川: the numeral belongs to the next word
        return apart.start(), apart.end(), True, "cn_mobile"
    if len(number) == 18 and checks.cn_id(number):
        return at, end, True, "cn_resident_id"
    if "X" in number:
        return None
    if number[:1] == "0" and (read := _WRITTEN.match(run)) and checks.landline(read[0]):
        return None  # 0478-3784678一直有杂音: written in figures, and the numeral is of the next word
    if number[:1] == "0" and checks.landline(number):
        return at, end, True, "cn_landline"
    if checks.issuer(number)[1] and checks.luhn(number) and len(number) >= 15:
        return at, end, True, checks.issuer(number)[0]
    return None


def spelt_out(value: str) -> str:
    """Chinese numerals as digits; anything else as it is."""
    return "".join(_NUMERALS.get(char, char) if char not in "oO" else char for char in value)


def _country(spelt: str) -> int:
    """Digits of a country code before eleven digits that begin with 1: kept in the span when written with it."""
    return next((len(code) for code in ("0086", "86") if spelt.startswith(code + "1") and len(spelt) == len(code) + 11), 0)


_TLD = r"(?:com|cn|net|org|edu|gov|io|co|uk|de|fr|hk|tw|info|me|us|eu|jp|ca|au)"
_PROVIDER = r"(?:gmail|googlemail|outlook|hotmail|yahoo|icloud|live|msn|aol|proton|protonmail|gmx|qq|foxmail|163|126|139|189|sina|sohu|aliyun|yeah|vip\.qq|vip\.163)"
_LOCAL = r"(?<![A-Za-z0-9._+-])[A-Za-z0-9][A-Za-z0-9._+-]{0,40}(?:\s(?:dot|underscore|dash|hyphen)\s[A-Za-z0-9_-]{1,30}){0,3}"
_AT = r"(?:\s?[\(\[{（【<]\s?at\s?[\)\]}）】>]\s?|\s?(?:艾特|小老鼠|圈a|圈A)\s?|\s?@\s?)"
_DOT = r"(?:\s?\.\s?|\s?点\s?|\s?[\(\[{（【<]\s?(?:dot|点)\s?[\)\]}）】>]\s?|\sdot\s)"
_MAILS = tuple(
    gated(re.compile(pattern, re.IGNORECASE))
    for pattern in (
        rf"{_LOCAL}{_AT}[A-Za-z0-9-]{{1,40}}(?:{_DOT}[A-Za-z0-9-]{{2,30}}){{0,3}}{_DOT}{_TLD}(?![A-Za-z0-9])",
        rf"{_LOCAL}\sat\s[A-Za-z0-9-]{{1,40}}(?:\sdot\s[A-Za-z0-9-]{{2,30}}){{0,2}}\sdot\s{_TLD}(?![A-Za-z0-9])",
        rf"{_LOCAL}(?:\sat\s|\s?[#＃]\s?|\s?at\s?){_PROVIDER}{_DOT}{_TLD}(?![A-Za-z0-9])",
    )
)
#: The at sign and the point left out: `zhang san 163 com`, told as mail or with a name of one piece that only a mailbox has.
_BLANK = gated(
    re.compile(
        rf"(?:(?:邮箱|邮件|电邮|(?<![A-Za-z])(?:e-?mail|mailbox)(?:\s(?:is|address|address is|me at))?)[^\n]{{0,4}}?)(?P<v>[A-Za-z0-9][\w.-]{{0,30}}(?: [A-Za-z0-9][\w.-]{{0,20}}){{0,2}} (?:at )?{_PROVIDER} {_TLD})(?![A-Za-z0-9])"
        rf"|(?<![A-Za-z0-9._-])(?<![A-Za-z] )(?P<w>[A-Za-z][A-Za-z._-]{{0,20}}\d[\w.-]{{0,20}}|\d{{5,11}}) {_PROVIDER} {_TLD}(?![A-Za-z0-9])"
        rf"|(?:(?<=[\u4e00-\u9fff，。：:、])|^)\s?(?P<x>[A-Za-z]{{2,16}}(?: [A-Za-z0-9]{{1,12}})?) (?:163|126|139|189|qq|foxmail|sina) {_TLD}(?![A-Za-z0-9])",
        re.IGNORECASE,
    )
)
_AS_SIGN = re.compile(rf"{_AT}|\sat\s|\s?[#＃]\s?|(?<=\d)at", re.IGNORECASE)
_MAIL_SIGNS = re.compile(r"@|艾特|小老鼠|圈a|\bat\b|at(?=qq|163|126|gmail)|#(?=\s?(?:qq|163|126|gmail))", re.IGNORECASE)


#: Finders that need one of these to match.
EITHER = {"spoken_mail": (*_MAILS, _BLANK)}


def spoken_mail(text: str, bits: int) -> Iterator[Found]:
    """zhang (at) mail 点 com, john dot smith at mail dot com, zhang san 163 com."""
    if " com" in text or " cn" in text or " net" in text or " COM" in text:
        for match in _BLANK.found(bits, text):
            yield match.start(next(name for name in "vwx" if match[name])), match.end(), True, ""
    if any(gate.open(bits) for gate in _MAILS) and _MAIL_SIGNS.search(text):
        for gate in _MAILS:
            for match in gate.found(bits, text):
                if checks.email(_AS_SIGN.sub("@", match.group(), count=1)):
                    yield match.start(), match.end(), True, ""
