"""Chinese person names: a surname, a given name that looks like one, and something around it that says so.

Rules of this kind miss names without context and sometimes take a word for a name; the benchmark holds the figures.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from importlib import resources

import yaml

from kefu.text.disguise import traditional
from kefu.text.gate import Gate
from kefu.text.privacy.gates import gated

_HAN = "[\u4e00-\u9fff]"
_ANY_HAN = re.compile(_HAN)
_NAME_END = re.compile(r"[^\u4e00-\u9fff]|$")

# What introduces a name and nothing else.
_TOLD = gated(
    re.compile(
        # the characters that the words below begin with: elsewhere none of them need be tried
        r"(?=[我名他她一有寄收姓全真署落签称曾联提取开户账持投申报办保被受客经代负法监紧乘旅入预订就患病考学家业租承机车驾司付转购下参与获中人嘉聯发fFrRtTuUcCbBpPoOhHsSlLaAnN])"
        r"(?:我的?(?:中文|真实|全)?名字?[叫是]|我叫做?|名字?叫做?|[他她]叫|(?:一位|有位)叫做?|(?:寄件|收件|收货|寄方|收方)(?=\s?[:：])|姓名|名字|全名|真名|署名|落款|签名|称呼|曾用名|联系人|收件人?|收货人|(?<![\u4e00-\u9fff])收(?=[:：])|寄件人|发件人|签收人|提货人|取件人|开户人|户名|账户名|持卡人|"
        r"投诉人|申请人|报案人|报修人|办理人|投保人|被保险人|受益人|客户名|经办人|代办人|负责人|法人代表?|法定代表人|监护人|紧急联系人|乘客|乘机人|旅客|入住人|预订人|预约人|订票人|就诊人|患者|病人|"
        r"(?i:(?<![a-z_-])(?:(?:full|real|true|user|customer|cust|buyer|receiver|recipient|contact|payee|payer|owner|holder|sender|consignee|passenger|patient|legal|account|card)[ _-]?)?(?:name|contact|recipient|receiver|customer|cardholder|consignee))(?=[\"']?\s?[:：=])|(?:参会|与会|获奖|中奖|人员|学员)?名单(?=[:：])|考生|学员|家长|户主|业主|租客|承租人|机主|车主|驾驶人|司机|付款人|收款人|转账人|购买人|下单人|参会人|嘉宾|聯絡人|聯繫人|持卡人姓名)"
        r"(?:姓名|名字|名称|名)?(?:应该|就|写的?)?[\"'”]?\s{0,2}(?:[:：=|]|是|为|為|叫|填|写|改[成为]|)\s{0,3}[「“\"'（(【]?"
    )
)
_SELF = gated(re.compile(r"(?:我是|我係|我就是|俺是|本人是?|这里是|我这边是|在下|鄙人|我乃|我們是|你好[，,]?是)\s{0,2}"))
_OF = gated(re.compile(rf"(?:我是|这里是|我这边是)(?:{_HAN}|[A-Za-z0-9]){{2,10}}?(?:的|公司)(?={_HAN})"))
#: Whose account or invoice it is: 工行刘翠花, 抬头个人赵铁柱.
_PAID = gated(
    re.compile(
        rf"(?:[工农中建交招][商]?行|邮储|农信|信用社|储蓄卡|抬头(?:是|为|写|开)?[:：]?\s?个人(?:的|名字)?)卡?[:：，,\s]{{0,2}}(?P<v>{_HAN}{{3}})(?!(?!收){_HAN})"
    )
)
_CLOSED = re.compile(r"(?:敬礼|此致|祝好|顺祝商祺|商祺|谨启|落款|谢谢|感谢)[！!。，,：:]?[ \t]*\n[ \t]*$")
#: Three characters between a word that leads to a person and what only a person does.
_DOES = gated(
    re.compile(
        rf"(?:(?:[和跟与]|同)(?P<v>{_HAN}{{3}})(?=一起|一块|一同|两个?人|俩|的票|的号)|[是由被让叫](?P<w>{_HAN}{{3}})(?=签|代[收签领]|下的?单|买的|订的|办的|接待|接的|处理|负责|回电|给我|跟我|寄的|经手))"
    )
)
_FREE = re.compile(r"(?:^|(?<=[，,。.！!？?；;：:\s\d、（(「“\"…~—>|/-]))(?=[\u4e00-\u9fff]{2})", re.MULTILINE)
_FREE_AFTER = re.compile(
    r"的(?:订单|快递|包裹|账|帐|手机|电话|身份|地址|卡|保单|信息|资料|名字|号|邮箱|行程|预约|病历|挂号|航班|车|户口|护照|工资|退款|投诉)|先生|女士|小姐|老师|经理|同学|[：:]\s?\S|"
    r"[，,\s]{0,2}(?:手机|电话|身份证|护照|证件|联系方式|男|女|工号|\d{11})|[（(]收|(?:本人|代)?(?:收|签收|敬上|谨上|拜上)|[您你]好(?=[，,。！!\s]|$)|说[他她我已要]|告诉我|给我|帮我|接待|处理的|刚才|昨天|今天打"
)
_LINE = re.compile(r"(?m)^[ \t]{0,4}(?:[-—–~]{1,3}[ \t]{0,2})?(?P<v>[\u4e00-\u9fff]{2,4})(?:[ \t]{0,2}(?:敬上|谨上|上|留|收|启))?[ \t。.!！]{0,3}$")
_FAMILY = gated(
    re.compile(
        r"(?:我|免贵|鄙人|敝人|本人|客户|他|她|您|师傅|客服|经理|老师|司机|骑手|快递员|医生|教练|店员|小哥|^|[，,。\s])姓(?P<v>[\u4e00-\u9fff]{1,2})(?![名氏什啥])"
    )
)
_DOTTED = gated(re.compile(r"[\u4e00-\u9fff]{1,10}(?:[·•・‧∙][\u4e00-\u9fff]{1,10}){1,4}"))
_LATIN = gated(
    re.compile(
        r"(?:我叫|名叫|名字[叫是]|姓名(?:拼音)?|联系人|收件人|收货人|乘客|旅客|住客|入住人|持卡人|预订人|客人|客户|英文名)\s{0,2}[:：是叫为]?\s{0,2}(?P<v>[A-Z][A-Za-z'’-]{2,20}(?:[ /][A-Z][A-Za-z'’.-]{0,20}){0,3})(?![A-Za-z@\d./])"
    )
)
_LATIN_TITLED = gated(
    re.compile(r"(?<![A-Za-z])(?P<v>[A-Z][a-z'’-]{1,20}(?: [A-Z][A-Za-z'’.-]{0,20}){0,2})\s?(?:先生|女士|小姐|老师|经理|太太|医生)")
)
_NOT_AFTER_TITLE = re.compile(r"[的]?(?:费|价|量|数|额|共|是多少|监控|证|费用|收费|服务费|级)")
#: Surnames that stand before a title even inside running text: with other ones the character before may belong to a word.
_HOT = frozenset("王李张刘陈杨赵黄吴徐孙胡朱郭罗郑梁宋邓冯韩曹彭萧肖蔡潘袁蒋杜魏吕沈姚卢姜崔谭廖張劉陳楊趙黃吳孫羅鄭鄧馮韓")
_RARE_TITLED = frozenset("柯缪荀芮郦蔚裘巢桓郗杭兰谈曲项席封边关")
_LEADS = (
    "转", "下", "任", "找", "联系", "系", "请", "问", "和", "跟", "给", "让", "叫", "是", "姓", "向", "对", "由", "的", "了", "好", "谢", "与", "被", "把", "客服", "专员", "顾问", "客户", "用户",
    "您", "你", "位", "有", "说", "至", "致", "员", "机", "东", "居", "到", "为", "天", "才", "前", "后", "个", "那", "这", "着", "过", "去", "来", "于", "据", "见", "告", "诉", "知",
    "帮", "替", "听", "约", "寻", "骂", "等", "用", "但", "而", "以", "连", "同", "友", "公", "婆", "生", "妈", "爸", "人", "医", "事", "室", "部", "店", "司", "聯繫", "給", "請", "問",
)  # fmt: skip


@lru_cache(maxsize=1)
def _lists() -> dict[str, frozenset[str]]:
    raw = yaml.safe_load(resources.files(__package__).joinpath("names_zh.yaml").read_text("utf-8"))
    found = {key: frozenset(value.split()) for key, value in raw.items()}
    found["surnames"] |= found["frequent"]
    return found


@lru_cache(maxsize=1)
def any_role() -> str:
    """A pattern of the roles, longest first, that gives up at once where none begins."""
    first: dict[str, list[str]] = {}
    for role in sorted(_lists()["roles"], key=lambda role: (-len(role), role)):
        first.setdefault(role[0], []).append(role[1:])
    return f"(?=[{''.join(sorted(first))}])(?:{'|'.join(f'{char}(?:{chr(124).join(rest)})' for char, rest in sorted(first.items()))})"


@lru_cache(maxsize=1)
def _led() -> Gate:
    """Words before somebody who is spoken of or to; the name must look like one."""
    return gated(
        re.compile(
            rf"(?:{any_role()}(?:叫(?=[\u4e00-\u9fff]{{3}})|[】\])）]?[:：]?)|查一?下|查询|联系|问问?|转告|通知|转账?给|[汇退打寄发送留交]给|谢谢|多谢|接待我的|对接的|负责的|工号\d{{1,8}}|姓名|亲爱的|[您你]好|转接?|"
            r"由(?!于)|对(?!方)|[替给找帮叫被跟和与向让请至致@是为妈爸、及写])\s?"
        )
    )


@lru_cache(maxsize=1)
def _titles() -> Gate:
    return gated(re.compile("|".join(sorted(_lists()["titles"], key=len, reverse=True))))


def known(key: str) -> frozenset[str]:
    """One list of names_zh.yaml."""
    return _lists()[key]


def prepare() -> None:
    """Make the patterns that are made of the word lists, before the first text is read."""
    _titles(), _anybody(), _called(), _old(), _led()


def find(text: str, bits: int) -> Iterator[tuple[int, int]]:
    """(start, end) of Chinese names, and of names in Latin letters that Chinese context tells. bits: of `gates.GATES` for the text."""
    if text.isascii() or not _ANY_HAN.search(text):
        return
    if _DOTTED.open(bits):
        yield from _dotted(text)
    for match in _anybody().found(bits, text):
        yield match.span()
    for match in _TOLD.found(bits, text):
        end, score = name_at(text, match.end(), told=True)
        if score >= 2:
            yield match.end(), end
    for gate in (_SELF, _OF):
        for match in gate.found(bits, text):
            end, score = name_at(text, match.end())
            if score >= 5 and (gate is _OF or likely(text[match.end() : end])):
                yield match.end(), end
    if _titles().open(bits):
        yield from _titled(text)
    for match in _FAMILY.found(bits, text):
        value, start = match.group("v"), match.start("v")
        whole = next(
            (n for n in (3, 2) if likely(text[start : start + n]) and _all_han(text[start : start + n]) and _NAME_END.match(text, start + n)), 0
        )
        if whole:
            yield start, start + whole
        elif value in _lists()["compound"]:
            yield match.span("v")
        elif value[0] in _lists()["surnames"] | _lists()["rare"]:
            yield match.start("v"), match.start("v") + 1
    for match in _led().found(bits, text):
        lead = match.group().strip(" :：】])）\n\t")
        told = lead.removesuffix("叫") in _lists()["roles"]
        end, score = name_at(text, match.end(), told=told)
        name = text[match.end() : end]
        role = len(lead) > 1 and len(name) > 2
        if (
            score >= (3 if role else 4)
            and (likely(name) or (full(name) and ((role and name[0] not in _lists()["rare"]) or _NAME_END.match(text, end))))
        ) or (told and score >= (5 if name[:1] in _lists()["surnames"] else 7)):
            yield match.end(), end
    for match in _FREE.finditer(text):
        end, _ = name_at(text, match.end(), _FREE_AFTER)
        if end > match.end() and (likely(text[match.end() : end]) or full(text[match.end() : end])) and _FREE_AFTER.match(text, end):
            yield match.end(), end
    for match in _LINE.finditer(text):
        closed = _CLOSED.search(text, max(0, match.start() - 12), match.start()) is not None
        end, score = name_at(text, match.start("v"), told=closed)
        if end != match.end("v"):
            continue
        if (closed and score >= 3) or (likely(match.group("v")) and (len(match.group("v")) > 2 or len(match.group()) > 2 or len(text) > 4)):
            yield match.span("v")
    for match in _PAID.found(bits, text):
        if full(match["v"]) and likely(match["v"]) and plausible(match["v"], told=True):
            yield match.span("v")
    if _PAIRED.search(text):
        yield from _both(text)
    for match in _DOES.found(bits, text):
        group = "v" if match.group("v") else "w"
        if full(match.group(group)) and plausible(match.group(group), told=True):
            yield match.span(group)
    for gate in (_called(), _old()):
        for match in gate.found(bits, text):
            yield match.span("v")
    for gate in (_LATIN, _LATIN_TITLED):
        for match in gate.found(bits, text):
            if not (match["v"].isupper() and len(match["v"]) < 4):  # 客户APP
                yield match.span("v")


def listed(text: str, at: int) -> Iterator[tuple[int, int]]:
    """The names of a list that goes on behind the name that ends at `at`: 张伟丽、李静雯和赵鹏举."""
    for _ in range(20):
        sign = _NEXT.match(text, at)
        if sign is None:
            return
        end, score = name_at(text, sign.end(), told=True)
        name = text[sign.end() : end]
        if (
            score < 3
            or not (full(name) or likely(name))
            or (score < 5 and text[end] not in "、和与及")
            or (sign.group() in "，," and (score < 5 or not full(name)))
        ):
            return
        yield sign.end(), end
        at = end


def before(text: str, at: int) -> Iterator[tuple[int, int]]:
    """The name that stands before `and` and a name: 王芳和王强."""
    for match in _FIRST.finditer(text, max(0, at - 6), at):
        if match.end() == at and (full(match["v"]) or likely(match["v"])) and plausible(match["v"]):
            yield match.span("v")


_NEXT = re.compile(r"[、，,/]|[和与跟及]|\s(?=[\u4e00-\u9fff]{2,4}(?:[\s、，,]|$))")
_FIRST = re.compile(r"(?:^|(?<=[^\u4e00-\u9fff])|(?<=[是给找叫问请让由]))(?P<v>[\u4e00-\u9fff]{2,4})[、和与跟及]")


def has_han(text: str) -> bool:
    """Is a Chinese character in it?"""
    return _ANY_HAN.search(text) is not None


@lru_cache(maxsize=1)
def _anybody() -> Gate:
    return gated(re.compile(f"(?:{'|'.join(sorted(_lists()['anybody']))})(?![\u4e00-\u9fff]{{0,1}}(?:版|型|款|丰))"))


@lru_cache(maxsize=1)
def _called() -> Gate:
    """小李, 老周: after a sign or a word that leads to somebody, before a word that follows somebody."""
    return gated(
        re.compile(
            rf"(?:^|(?<![\u4e00-\u9fff])|(?<=[谢烦找叫问让请系是给跟和帮的服对我你您与被由等哥姐弟妹])|(?<=打)|(?<=同事)|(?<=客服)|(?<=专员)|(?<=师傅))(?P<v>[小老][{''.join(sorted(_lists()['called']))}])"
            r"(?=$|[^\u4e00-\u9fff]|[了帮在刚说的就来吗呢跟和答告给您你我那这也都已要把是办处接吧啊呀上昨今现就行放拿取来]|经理|老师)(?!是(?:什么|哪))"
        )
    )


@lru_cache(maxsize=1)
def _old() -> Gate:
    """老李 behind a verb that asks for somebody, whatever follows: 找老李修空调. Words that begin so (老顾客, 老毛病) are nobody's name."""
    words = "顾客|毛病|毛|方[法子]|江湖|江|白[干酒]|金[山属]|夏|陈[醋皮]|马识|马|董事|林[区场]|于|万|万能|石[头板]|田|路|段|程序|车|尹|雷[达]|熊猫|黄[酒历牛瓜]|唐装|苏[联打]|姜|常|龙|高|任务"
    return gated(
        re.compile(
            rf"(?:找|请|联系|问问?|喊|约|转告|通知)(?:一下|下)?(?P<v>老(?!{words})[{''.join(sorted(_lists()['called']))}])(?![{''.join(sorted(_lists()['called']))}])"
        )
    )


def full(name: str) -> bool:
    """A surname of any kind and a given name of usual characters."""
    known = _lists()
    first = 2 if name[:2] in known["compound"] and len(name) > 2 else 1
    given = name[first:]
    return (len(given) == 2 or (first == 2 and len(given) == 1)) and all(char in known["given"] for char in given)


def likely(name: str) -> bool:
    """A frequent surname and characters that given names are made of."""
    known = _lists()
    first = 2 if name[:2] in known["compound"] and len(name) > 2 else 1
    return len(name) > first and (first == 2 or name[0] in known["frequent"]) and all(char in known["given"] for char in name[first:])


def plausible(name: str, told: bool = False) -> bool:
    """A surname and one or two characters none of which rules a name out. told: the text says that a name stands here, so that
    rare surnames count, and characters that are words as well (刚, 向) where they are not the last."""
    known = _lists()
    first = 2 if name[:2] in known["compound"] and len(name) > 2 else 1
    if first == 1 and (name[0] not in known["surnames"] and not (told and name[0] in known["rare"])):
        return False
    if not 1 <= len(name) - first <= 2 or (first == 1 and _word(name, told)):
        return False
    if name in known["brands"]:
        return False
    given = name[first:]
    return not any(char in known["not_given"] and not (told and n + 1 < len(given) and char in known["given"]) for n, char in enumerate(given))


def _word(name: str, told: bool) -> bool:
    """Do the first two characters make a word, in either script, and not one (黄河) that a told name of three may begin with?"""
    known, begins = _lists(), name[:2]
    if begins not in known["not_names"] and (begins.isascii() or "".join(traditional().get(char, char) for char in begins) not in known["not_names"]):
        return False
    return not (told and len(name) == 3 and begins in known["natural"] and full(name) and name[-1] not in _VERBS)


def name_at(text: str, start: int, after: re.Pattern[str] | None = None, told: bool = False) -> tuple[int, int]:
    """Where the name that begins at `start` ends, and how sure that is: 0 none; +2 given name of usual characters, +2 a word that
    follows names or a title, +4 nothing Chinese behind it. `after`: only ends before this count. told: see `plausible`."""
    known, best = _lists(), (start, 0)
    first = 2 if text[start : start + 2] in known["compound"] else 1
    if first == 1 and (text[start : start + 1] not in known["surnames"] and not (told and text[start : start + 1] in known["rare"])):
        return best
    for size in (first + 1, first + 2):
        stop = start + size
        name = text[start:stop]
        if len(name) < size or not _all_han(name):
            continue
        ended = (
            told
            and all(char in known["given"] for char in name[first:])
            and (_NAME_END.match(text, stop) or (name[-1] == "刚" and size == first + 2 and text[stop] not in _JUST))
        )
        own = ended and name[-1] == "刚" and text[stop : stop + 1] in _NOT_JUST
        if not plausible(name, told) and not (ended and not _word(name, told) and plausible(name[:-1] + "一", told)):
            continue
        if after is not None and not after.match(text, stop):
            continue
        score = 1 + 2 * all(char in known["given"] for char in name[first:])
        if _NAME_END.match(text, stop):
            score += 4
        elif own or text[stop] in known["follow"] or _titles().pattern.match(text, stop):
            score += 2
        if best[1] >= 3 and name[-1] in _VERBS and not _NAME_END.match(text, stop):  # 秦岚来提车
            continue
        if score > best[1] or (score == best[1] and score > 1):
            best = stop, score
    return best


_VERBS = frozenset("来去说打收签拿送到给让下接取买退换报反投找问帮代办要能会用行进起开出发有知")
#: After these 刚 is the end of a name: 李志刚多收了, where 李志刚才来 is 李志.
_NOT_JUST = frozenset("多乱态服技是的把也都没不骂太很先师经工将迟总老又这那跟和要坑偷强硬私")
_JUST = frozenset("才刚好到来去收发买下打问跟从在说换办退付充充签接拿取给被开")


def beside(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """(start, end) of a name written right beside other personal data: 「萧明，138…」, 「138… 王芳收」."""
    left, right = text[max(0, start - 24) : start], text[end : end + 12]
    for found, base in ((_BEFORE.search(left), start - len(left)), (_AFTER.match(right), end)):
        after = base + found.end("v") if found else 0
        if found and text[after : after + 1] not in tuple("·•・") and (plausible(found.group("v")) or other_people(found.group("v"))):
            yield base + found.start("v"), base + found.end("v")


def among(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of names between blanks or commas of a text that holds somebody's numbers: `… 农行 曹红梅 退这张`."""
    for match in _ALONE.finditer(text):
        if full(match["v"]) and likely(match["v"]) and plausible(match["v"]):
            yield match.span("v")


_ALONE = re.compile(r"(?:^|(?<=[\s,，、;；/|]))(?P<v>[\u4e00-\u9fff]{3,4})(?=[\s,，、;；/|。]|$)")
#: Two people of whom something is said together.
_BOTH = re.compile(
    r"(?:^|(?<=[^\u4e00-\u9fff]))(?P<v>[\u4e00-\u9fff]{2,3})[和跟与](?P<w>[\u4e00-\u9fff]{2,3}?)(?=是(?:双胞胎|夫妻|情侣|同学|兄弟|姐妹|母[女子]|父[女子]|一家|同一)|的票|[两俩]|一起)"
)


_PAIRED = re.compile("[和跟与]..?.?(?:是[双夫情同兄姐母父一]|的票|[两俩]|一起)")


def _both(text: str) -> Iterator[tuple[int, int]]:
    given = _lists()["given"]
    for match in _BOTH.finditer(text):
        one, other = match["v"], match["w"]
        if (
            likely(one)
            and plausible(one)
            and ((likely(other) and plausible(other)) or (one[0] == other[0] and all(char in given for char in other[1:])))
        ):
            yield match.span("v")
            yield match.span("w")


_BEFORE = re.compile(
    rf"(?:^|[\s，,、:：；;。\d（(\[【/|])(?P<v>{_HAN}{{2,4}})(?:[\s，,、:：；;/|（(\[【+-]*(?:的?联系?电话|的?手机号?码?|的?身份证号?码?|证件号码?|电话号码|护照号?码?|收|是|为){{0,2}}[\s，,、:：；;/|（(\[【+-]*)$"
)
_AFTER = re.compile(rf"[\s，,、；;（(/|+-]{{0,3}}(?P<v>{_HAN}{{2,4}}?)(?=收?(?:$|[^\u4e00-\u9fff])|先生|女士|小姐)")


def other_people(name: str) -> bool:
    """A name of another people in one piece: 哈斯巴根, 扎西次仁."""
    known = _lists()
    return 3 <= len(name) <= 6 and name not in known["brands"] and all(char in known["transliterated"] for char in name)


def _all_han(name: str) -> bool:
    return all("\u4e00" <= char <= "\u9fff" for char in name)


def _dotted(text: str) -> Iterator[tuple[int, int]]:
    """Names of other peoples: 阿依古丽·买买提, 约翰·史密斯."""
    known = _lists()["transliterated"]
    for match in _DOTTED.finditer(text):
        first = re.split("[·•・‧∙]", match.group())[0]
        start = match.start() + len(first)
        while start > match.start() and text[start - 1] in known:
            start -= 1
        rest = text[match.start() + len(first) + 1 : match.end()]
        end = match.end()
        last = re.split("[·•・‧∙]", rest)[-1]
        kept = next((i for i, char in enumerate(last) if char not in known), len(last))
        told = _TOLD.search(text, max(0, match.start() - 12), match.start() + len(first))
        if start < match.start() + len(first) and kept:
            yield start, end - (len(last) - kept)
        elif told and told.end() < match.start() + len(first):
            yield told.end(), end


def _titled(text: str) -> Iterator[tuple[int, int]]:
    """The name before a title: 王先生, 李明经理, 欧阳女士."""
    known = _lists()
    for match in _titles().finditer(text):
        at, title = match.start(), match.group()
        if at == 0 or _NOT_AFTER_TITLE.match(text, match.end()):
            continue
        for size in (4, 3, 2):
            name = text[at - size : at]
            if text[at - size - 1 : at - size + 1] == "主任":  # 班主任童老师
                continue
            if name[:1] == "谢" and at > size and text[at - size - 1] in "谢感多":
                continue
            if title in known["company"] and not (size == 3 == len(name) and likely(name)):
                continue
            if len(name) == size and at >= size and _all_han(name) and plausible(name) and likely(name) and len(title) > 1:
                if title in known["courtesy"] or _leads(text, at - size):
                    yield at - size, at
                    break
                continue
            if size == 2 and name in known["compound"]:
                yield at - size, at
                break
            if size > 1 and len(name) == size and _all_han(name) and plausible(name) and len(title) > 1 and _leads(text, at - size):
                yield at - size, at
                break
        else:
            surname = text[at - 1]
            if (surname not in known["surnames"] and not (surname in _RARE_TITLED and title in known["courtesy"])) or text[at - 1 : at + 1] in known[
                "not_names"
            ]:
                continue
            led = _leads(text, at - 1)
            if len(title) == 1:
                if (
                    led
                    and surname in known["frequent"]
                    and not re.match(r"[是共计额价数量部结体之会能要得裁经监部理事]|算", text[match.end() : match.end() + 1])
                ):
                    yield at - 1, at
            elif led or (surname in _HOT and title in known["courtesy"]):
                yield at - 1, at


def _leads(text: str, start: int) -> bool:
    """A name may begin here: nothing Chinese before it, or a word that names follow."""
    return start == 0 or not ("\u4e00" <= text[start - 1] <= "\u9fff") or text[max(0, start - 2) : start].endswith(_LEADS)
