"""Names of other kinds where Chinese text says who somebody is: nicknames, names of other peoples and scripts, names in Latin letters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from kefu.text.privacy import names_en_words, names_zh

_LABEL = r"(?:姓名|名字|联系人|收件人?|收货人|寄件人?|发件人?|持卡人|户名|我叫|叫做?|名叫|拼音|署名|签名|落款|护照(?:姓名|名字)?(?:上)?(?:写的)?(?:就)?是?|经理|(?<![A-Za-z])(?i:name|contact|recipient|receiver))(?:是|写|为)?"
_JOINT = r"[\"”]?\s{0,2}[:：=|]?\s{0,2}[\"“「]?"
_FOLLOW = r"(?=$|[^\u4e00-\u9fff]|[了帮在刚说的就来吗呢跟和答告给您你我那这也都已要把是办处接吧啊呀上昨今现行放拿取回打态先一手没不推介送签到去让叫代带收寄捎]|电话|经理|老师|师傅)(?!是(?:什么|哪)|的(?:冰箱|空调))"
_TWICE = "静丽芳娜婷雪倩玲燕红梅娟敏慧琳莉萍兰英冉欣莹颖薇佳琪瑶彤悦萌娇蕾妮妞豆贝圆媛"
_TIBETAN = "扎西|卓玛|次仁|央金|丹增|尼玛|多吉|洛桑|巴桑|格桑|旺姆|达瓦|拉姆|白玛|德吉|边巴|索南|仁青|才让"


@lru_cache(maxsize=1)
def _told() -> str:
    return rf"(?:{names_zh.any_role()}|{_LABEL})"


@lru_cache(maxsize=1)
def _kinds() -> tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]:
    """(what a text must hold to be looked at, pattern that marks a name with `v`): nicknames, first names said twice, Tibetan and
    Japanese names."""
    nick, called = ("".join(sorted(names_zh.known(key))) for key in ("nick", "called"))
    told, start, kana = _told(), r"(?:^|(?<=[^\u4e00-\u9fff]))", r"\u3041-\u30ff々"
    lead = rf"(?:{told}|[找让叫请问给跟和由被是谢喊转])[:：]?\s?"
    japanese = "|".join(sorted(names_zh.known("japanese")))
    return tuple(
        (re.compile(needs), re.compile(pattern))
        for needs, pattern in (
            (
                rf"[阿小][{nick}{called}]|老[{called}]",
                rf"(?:{lead}|{start})(?P<v>阿[{nick}{called}]|小[{nick}{called}]|老[{called}](?![{called}])){_FOLLOW}",
            ),
            (rf"([{_TWICE}])\1", rf"(?:{told}|找|@|让|叫)\s?(?P<v>([{_TWICE}])\2){_FOLLOW}"),
            (_TIBETAN, rf"(?:{told}|找|让|请)[:：]?\s?(?P<v>(?:{_TIBETAN}){{1,2}}){_FOLLOW}"),
            (japanese, rf"{told}{_JOINT}(?P<v>(?:{japanese}) ?[\u4e00-\u9fff]{{1,2}})(?![\u4e00-\u9fff])"),
            (
                f"[{kana}]",
                rf"{told}{_JOINT}(?P<v>(?=[\u4e00-\u9fff]{{0,4}}[{kana}])[\u4e00-\u9fff{kana}]{{2,9}}(?: [{kana}]{{2,8}})?)(?![\u4e00-\u9fff{kana}])",
            ),
            (f"[{kana}]", r"(?P<v>(?:[\u4e00-\u9fff々]{2,5}|[\u30a1-\u30ff]{2,8}))(?=さん|様(?![子々])|さま)"),
        )
    )


@lru_cache(maxsize=1)
def _peoples() -> tuple[re.Pattern[str], re.Pattern[str]]:
    known = "".join(sorted(names_zh.known("transliterated")))
    return re.compile(f"[{known}]{{3}}"), re.compile(rf"{_told()}{_JOINT}(?P<v>[{known}]{{3,6}})(?![\u4e00-\u9fff·•])")


@lru_cache(maxsize=1)
def _latin() -> re.Pattern[str]:
    """One or more words, `LI/XIAOMING`, `BAO, Xiaodan`."""
    letter, upper = "A-Za-z\u00c0-\u024f\u1e00-\u1eff'’", "A-Z\u00c0-\u00de\u0110"
    return re.compile(
        rf"{_told()}{_JOINT}(?P<v>(?:[{upper}]{{2,15}}(?:, ?|/))?[{upper}][{letter}-]{{1,20}}(?:[ ·][{upper}][{letter}.-]{{0,20}}){{0,4}})(?![{letter}@\d./_])"
    )


_GOES_ON = re.compile(r" ?[a-z\d]")
_SAYS = re.compile(r"(?<![A-Za-z])(?P<v>[A-Z][a-z]{1,14})(?=说|告诉|让我|叫我|回复我|接待|帮我|态度|跟我|答应|推荐)")

#: Names in scripts that are neither Chinese nor Latin, and how somebody gives a name in their languages.
_SCRIPTS = re.compile(
    r"(?P<hangul>[\uac00-\ud7a3]{2,4}?(?=입니다|이에요|예요|라고|이라고|씨|님|[^\uac00-\ud7a3]|$))|"
    r"(?P<cyrillic>[А-ЯЁІЇЄҐ][а-яёіїєґ’-]{1,20}(?: [А-ЯЁІЇЄҐ](?:[а-яёіїєґ’-]{1,20}|\.)){0,2})|"
    r"(?P<other>[\u0590-\u06ff]{2,15}(?: [\u0590-\u06ff]{2,15}){0,3}|[\u0e00-\u0e7f]{2,20}(?: [\u0e00-\u0e7f]{2,20})?|[\u0900-\u0dff]{2,15}(?: [\u0900-\u0dff]{2,15}){0,2})"
)
_ODD = re.compile(r"[\u0400-\u0dff\u0e00-\u0e7f\uac00-\ud7a3\u3041-\u30ff]")
_OWN_CUE = re.compile(
    r"(?:зовут|[Ии]мя|ФИО|Я|이름은?|성함은?|저는|اسمي|أنا|انا|ชื่อ|שמי|नाम)\s{0,2}[:：—-]?\s{0,2}$",
)
_KOREAN = frozenset(
    "김이박최정강조윤장임한오서신권황안송류전홍고문양손배백허유남심노하곽성차주우구민진지엄채원천방공현함변염여추도소석선설마길연위표명기반왕금옥육인맹제모탁국어은편용예경봉사부"
)
_TOLD_BEFORE = r"[:：=|\"”]?\s{0,2}[\"“「]?$"


@lru_cache(maxsize=1)
def _told_before() -> re.Pattern[str]:
    return re.compile(rf"(?:{_told()}|[是叫为])\"?\s{{0,2}}{_TOLD_BEFORE}")


def find(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of such names."""
    if _ODD.search(text):
        yield from _scripts(text)
    if not names_zh.has_han(text):
        return
    for needs, pattern in _kinds():
        for match in pattern.finditer(text) if needs.search(text) else ():
            yield match.span("v")
    needs, pattern = _peoples()
    for match in pattern.finditer(text) if needs.search(text) else ():
        if names_zh.other_people(match["v"]):
            yield match.span("v")
    if re.search("[A-Z]", text):
        for match in _latin().finditer(text):
            words = re.split(r"[ ,/·]+", match["v"])
            if _GOES_ON.match(text, match.end()) and not any(map(names_en_words.given, words)):
                continue  # "name": "Wireless mouse"
            if names_en_words.name_like(words) and (len(words) > 1 or not words[0].isupper()):
                yield match.span("v")
        for match in _SAYS.finditer(text):
            if names_en_words.given(match["v"]):
                yield match.span("v")


def _scripts(text: str) -> Iterator[tuple[int, int]]:
    found = list(_SCRIPTS.finditer(text))
    for match in found:
        lead = text[max(0, match.start() - 16) : match.start()]
        alone = len(found) == 1 and re.search("[A-Za-z\u4e00-\u9fff]", text) is not None
        words = match.group().split()
        if match["hangul"]:
            sure = alone and len(match.group()) == 3 and match.group()[0] in _KOREAN
        elif match["cyrillic"]:
            sure = alone and len(words) > 1
        else:
            sure = alone and 1 < len(words) < 5 and len(match.group()) < 30
        if sure or _OWN_CUE.search(lead) or _told_before().search(lead):
            yield match.span()
