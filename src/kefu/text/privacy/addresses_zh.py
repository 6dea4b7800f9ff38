"""Chinese addresses, from the province to the room: units in falling order, found from a house number backwards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from importlib import resources

import yaml

from kefu.text.gate import Gate
from kefu.text.privacy.gates import gated

_HAN = "[\u4e00-\u9fff]"
_NUMBER = r"(?:[甲乙丙丁]?[0-9]{1,5}(?:[-—~][0-9]{1,5}){0,3}[A-Za-z]?|[A-Za-z]{1,2}[0-9]{0,4}|[一二三四五六七八九十百零〇两]{1,5}|[甲乙丙丁东西南北])"
_HOUSE_UNIT = r"(?:号(?:宿舍|公寓|教学|办公|家属|实验|综合|住宅|居民)楼?|号楼|号院|号门(?!口|卫|前|外|店)|号铺|号房|号|號樓|號|支弄|弄|栋|棟|幢|座|塔|期|单元|單元|层|層|楼(?![上下])|樓|室|房|户|舍|组|队|门|区|院|铺|档|段|巷)"
# 3月5号, 2号线, 5号下午: numbers with a unit that are no house.
_NOT_HOUSE = r"(?!线|線|店|馆|机|機|键|文件|台风|公告|令|通知|柜|码|碼|召|称|外|[今明后]|上午|下午|晚上|早上|中午|之前|以前|前(?!台|门|厅|排)|后(?!门|排)|到货|发货|下单|买|那天|凌晨|左右|客服|坐席|工单|订单|单|选手|车厢)"
_HOUSE = re.compile(rf"第?{_NUMBER}\s?{_HOUSE_UNIT}{_NOT_HOUSE}")
_ANCHOR = re.compile(
    rf"(?<![0-9A-Za-z.月])(?<![月周期][0-9])(?:第?{_NUMBER}\s?{_HOUSE_UNIT}{_NOT_HOUSE}|[A-Za-z]?\d{{1,4}}-\d{{1,4}}-\d{{2,4}}(?!\d|-))"
)
_NAMED = (
    "大厦|大樓|大楼|广场|廣場|小区|社区|花园|花苑|公寓|中心|家园|新村|新苑|新城|雅苑|佳苑|嘉园|名苑|华庭|豪庭|名都|名邸|公馆|写字楼|科技园|产业园|工业园|创业园|软件园|园区|宿舍|家属院|大院|国际|商厦|商城|"
    "别墅|山庄|庄园|半岛|水岸|世纪城|苑|园|城|庭|府|邸|轩|阁|里|湾|居|墅|坊|村|庄|屯|寨|营|堡|大学|学院|中学|小学|学校|医院|SOHO|soho|MALL|mall|基地|市场|大街"
)
_ROAD = r"(?:大道|大街|胡同|公路|国道|省道|高速|环路|路|街|道|巷|弄|里|坊|條|条)"
_ROAD_PART = r"(?:[东西南北中]?段|[东西南北中](?:路|街|一路|二路)|延长线|交叉口|路口|[东南西北]侧)?"
_SUFFIX = re.compile(rf"[省市区县州盟旗镇乡街道路村]$|(?:新区|开发区|自治区|特别行政区|{_NAMED})$")
_ADMIN = re.compile(rf"{_HAN}{{1,7}}?(?:省|自治区|特别行政区|自治州|地区|市|盟|新区|开发区|区|县|旗|镇|鎮|乡|鄉|街道|苏木)")
_STREET = re.compile(rf"(?:{_HAN}|[0-9A-Za-z]){{1,10}}?{_ROAD}{_ROAD_PART}")
_PLACE = re.compile(rf"(?:{_HAN}|[0-9A-Za-z·]){{2,14}}?(?:{_NAMED})(?:[东西南北中]区|[一二三四五六七八九十]期|[A-Z]区)?")
_BREAK = re.compile(
    r"[。！？!?；;：:\n\t“”\"'、…《》<>【】\[\]{}|~=→]|(?<![省市区县镇乡道路街村州旗号栋楼座塔])(?<!塔\d)(?<![座厦]\d)[，, ]|(?<=号)，"
)
_LEAD = re.compile(
    r"(?:收货地址|收件地址|家庭地址|家庭住址|公司地址|联系地址|通讯地址|详细地址|门牌号?|注册地址|现住址|住址|地址|住在|家住|居住在|现居|寄到|寄往|寄至|寄给|邮寄到|邮到|送到|送至|送往|送去|发到|发往|发至|快递到|派送到|投递到|配送到|位于|坐落于?|"
    r"搬到|搬去|搬至|改到|改成|改为|换成|换到|变更为|更正为|写成|写的是?|填的是?|开到|去|到|至|往|在|是|为|住|我家|家|公司|单位|办公室|学校|老家|新家|店|从|来|叫|上门|取件|收|寄|送|发)"
    r"(?:了|的是|的|就|：|:|是|在|为)?"
)
_STRONG = re.compile(
    r"地址|住在|家住|住址|居住|寄[到往至给]|送[到至往]|发[到往至]|位于|配送|收货|收件|搬到|上门|我住|住|邮[到寄]|快递到|取件|派送|家在|老家"
)
_TAIL = re.compile(
    r"\s?(?:[A-Za-z]?\d{1,3}[Ff](?![A-Za-z\d])|塔\d{1,2}(?:\s?\d{2,4})?|[A-Za-z]?\d{1,4}-\d{1,4}(?:-\d{1,4})?|[A-Za-z]?\d{3,5}|(?<![\d号])\d{1,2}[A-Z](?![A-Za-z])|(?<=[\u4e00-\u9fff])(?<!号)[A-Z]\d{1,2})(?![\dA-Za-z年月日点元块个次%号天人位分秒米平]|\.\d|-\d)"
)
_UNIT_NEXT = re.compile(rf"[\s,，]{{0,2}}(?:[（(]?附?{_HOUSE.pattern}[）)]?)")
#: Buildings that stand behind a house number; before one some of these words would be anything.
_BUILDING = f"{_NAMED}|大廈|置地|大酒店|酒店|宾馆|賓館|饭店|天地|商业街|学生楼|教学楼|办公楼|综合楼"
_PLACE_NEXT = re.compile(
    rf"[\s,，]{{0,2}}(?:{_HAN}|[0-9A-Za-z]){{2,10}}?(?:{_BUILDING})(?=\s?[（(]?[0-9A-Za-z一二三四五六七八九十东西南北])|[\s,，]{{0,2}}(?:(?![的了在有是送到要我你您他请这那就和离从往给])(?:{_HAN}|[A-Za-z])){{2,10}}?\s?(?=[0-9]{{1,3}}(?:栋|幢|号楼|单元|层|舍))"
)
_PLACE_LAST = re.compile(
    rf"[\s,，]?(?:{_HAN}|[A-Za-z]){{1,8}}?(?:大厦|大廈|广场|廣場|小区|花园|公寓|写字楼|大楼|大樓|家园|宿舍|科技园|产业园|SOHO|国际中心|大酒店|宾馆|置地|财富中心|商务中心|商业中心|金融中心|购物中心)(?!{_HAN}{{0,2}}(?:的|有|店|旁|附近))"
)
_HOUSE_MARK = re.compile(r"[号號栋棟幢座室弄楼樓单]|\d-\d{1,4}-\d")


#: House, staircase and room without a place before them, as somebody says it who is known there; without a room where somebody lives.
_ROOM = re.compile(
    r"第?[0-9A-Za-z一二三四五六七八九十]{1,4}\s?(?:号楼|號樓|栋|棟|幢|座)\s?(?:[0-9A-Za-z一二三四五六七八九十]{1,3}\s?(?:单元|單元|门|梯)\s?(?P<room>[0-9]{3,4}(?![0-9]|\s?[元块个件人])\s?[室房户号]?)?"
    r"|(?:[0-9一二三四五六七八九十]{1,3}[楼层])?\s?[0-9]{3,4}[室房户])"
)
_ESTATE = re.compile(rf"\s?{_HAN}{{2,8}}")  # what an estate is called, between its street number and the house
_LIVES = re.compile(r"(?:住|家|搬到|送到|寄到|地址(?:是|：|:)?)(?:在|是|就是|的)?\s?$")


def prepare() -> None:
    """Make the pattern that is made of the list of places, before the first text is read."""
    _places_gate()


@lru_cache(maxsize=1)
def _places_gate() -> Gate:
    return gated(_places())


@lru_cache(maxsize=1)
def _places() -> re.Pattern[str]:
    raw = yaml.safe_load(resources.files(__package__).joinpath("places.yaml").read_text("utf-8"))
    names = sorted({name for key in ("provinces", "cities", "districts") for name in raw[key].split()}, key=lambda name: (-len(name), name))
    return re.compile("|".join(names))


def find(text: str, bits: int) -> Iterator[tuple[int, int]]:
    """(start, end) of Chinese addresses. bits: of `gates.GATES` for the text."""
    if text.isascii():
        return
    found: list[tuple[int, int]] = []
    if _HOUSE_MARK.search(text) and re.search(_HAN, text):
        for anchor in _ANCHOR.finditer(text):
            last = found[-1][1] if found else 0
            if anchor.start() < last:
                continue
            start = _begin(text, max(last, anchor.start() - 60), anchor.start())
            end = _finish(text, anchor.end())
            if start < anchor.start() and _sure(text, start, anchor.start(), end):
                found.append((start, end))
            elif room := _ROOM.match(text, anchor.start()):
                if found and room["room"] and _ESTATE.fullmatch(text, last, room.start()) and not _NOT_OWN.search(text, last, room.start()):
                    found[-1] = found[-1][0], room.end()
                elif room["room"] or _LIVES.search(text, max(0, anchor.start() - 8), anchor.start()):
                    found.append(room.span())
    yield from found
    if _places_gate().open(bits):
        yield from _no_house(text)


def _begin(text: str, floor: int, at: int) -> int:
    """Where the address that holds the house number at `at` begins; `at` when nothing belongs to it."""
    left = floor
    for stop in _BREAK.finditer(text, floor, at):
        left = stop.end()
    while left < at and text[left] in " 　,，（(":
        left += 1
    piece = text[left:at]
    led = 0
    for lead in _LEAD.finditer(piece):
        rest = piece[lead.end() :]
        word = lead.group()
        if len(word) == 1 and rest[:1] in ("路", "街", "道"):  # 宾至路
            continue
        if len(word) == 1 and not (
            _places().match(rest)
            or (_ADMIN.match(rest) and word in "在到至往去住")
            or (word in "在到至往住是" and len(rest) >= 3 and _known_shape(rest))
        ):
            continue
        if len(rest) >= 2 or not rest:
            led = lead.end()
    first = next((found for found in _places().finditer(piece, led) if not _ROAD_NEXT.match(piece, found.end())), None)
    if first and (first.start() - led <= 8 or not _known_shape(piece[led:])):
        return _own(text, left + first.start(), at, True)
    if led == 0 and len(piece) > 12:
        return _own(text, _shorten(text, left, at), at, False)
    return _own(text, _polite(text, left + led, at), at, True)


#: 南京东路, 江西路: a road that is called after a place.
_ROAD_NEXT = re.compile(rf"[东西南北中]?[一二三四五六七八九十]?{_ROAD}")
#: What is said before an address: behind the first group it may begin, behind the others there may be more of the sentence.
_NOT_OWN = re.compile(
    r"(?P<edge>(?<![省市区县镇乡道村])[的是]|了(?!解)|[吗呢吧啊呀嘛在到至往住给去](?![上下路街道]|哪)|从(?!化|江)|就|回来|过来|路上|街上|师傅|客服|医生|护士|经理|老板|物业|房东|[你您]好|[我你您他她咱](?:们|家|司)?|[这那](?:边|里|个)|[家楼店院屋]里|上门|地址)"
    r"|(?:(?:怎么)?回事|怎么|什么|么|谁|哪|没|不|问(?![津天])|无法|不能|不了|得(?!胜|荣)|很|太(?=[吵慢差贵冷热])|还|被|把|让|请|谢谢|帮|想(?!象)|说|漏(?:水|气|电|雨|了)?|坏|堵|爆|缴费?|费(?!县)|欠|账|帐|款|额(?!尔|济|敏)|对不|错(?!那|温)|"
    r"[装修弄办搞]好|[装修搬拆寄送]完|报修|维修|检修|抢修|安装|装修|拆|搬|投诉|举报|预约|预订|订单|查询?(?!干)|核对|退(?!思)|换(?!新天)|修(?!水|武|文)|取件|取货|寄件|快递|外卖|骑手|保洁|开户|过户|销户|办理|送货|配送|停(?:[水电气]|车(?!场))|断[网电水]|"
    r"今天|明天|昨天|后天|前天|上午|下午|晚上|早上|中午|凌晨|现在|刚才|已经|一直|时间|电话|手机|有人|看看|一下|打不开|味道?|很重|好像|需要|可以|能(?=[来派送修换到]))"
)
_KIND_OF_ROAD = re.compile(rf"{_ROAD}{_ROAD_PART}\s?")
_CORE = re.compile(
    rf"{_HAN}{{2}}(?:门[内外])?[东西南北中上下前后]?[东西南北中一二三四五六七八九十]?(?:(?P<road>{_ROAD})|{_NAMED}|新区|开发区|街道|[区县镇乡旗州](?!{_ROAD})|市(?!场))"
)
_LONGER, _LONGER_NAME = 2, 6  # characters by which the name of a road or of a place may be longer than two

_LONGEST = 10  # the same where an address is announced, or where what stands before the road ends like a place (三里河月坛南街)
_PLAINLY = re.compile(r"(?:地址|住址|居住|位于|[寄送邮搬发][到往至]|在|住|至|往)(?:的|就?是|为|在|于|了|[:：\s]){0,3}$")
_SOUNDS = re.compile("[尔斯兹顿菲弗伦姆纳圣]")  # of foreign names, which are longer
_PLACE_ENDS = "环里河桥门庄营寺湾坡岭园村屯寨坊井堡台坪坝塘"


def _own(text: str, start: int, at: int, edge: bool) -> int:
    """The start moved behind words that no address holds (水管爆了, 怎么缴费). edge: an address may begin at `start`; else, and where a
    name is longer than roads are called, the two characters before 路, 区, 小区 … with their direction or number are its name."""
    moved, told = False, _levels(text, start)[0]
    for match in _NOT_OWN.finditer(text, told, at):
        if match.end() <= at - 2 and not _KIND_OF_ROAD.fullmatch(text, match.end(), at):  # 美的大道: the word belongs to the name
            start, moved, edge = match.end(), True, match["edge"] is not None
    core = None if _places().match(text, start) else _CORE.search(text, start, at)
    if core is None or not (moved or edge or core["road"]):
        return start
    longest = (_LONGER if core["road"] else _LONGER_NAME) if edge else 0
    if edge and (
        _PLAINLY.search(text, max(0, start - 8), start)
        or text[core.start() - 1] in _PLACE_ENDS
        or len(_SOUNDS.findall(text, start, core.end() - 1)) > 1
    ):
        longest = _LONGEST
    return start if core.start() - start <= longest else core.start()


_POLITE = re.compile(
    r"(?:我们?|你们?|您|请|麻烦|帮我?|把|就|的|了|那|这|那个|这个|现在|目前|还是|原来|以前|新的|旧的|是|在|到|，|,|和(?![平谐兴睦美顺])|给|要|想|已经|应该|可以|直接|都(?!江堰|匀|昌|安)|也|又|刚|才|为您|预[订定]了?|被|内的|中的|叫)+"
)


def _polite(text: str, start: int, at: int) -> int:
    match = _POLITE.match(text, start, at)
    return match.end() if match and match.end() < at - 1 else start


def _known_shape(piece: str) -> bool:
    return bool(_ADMIN.match(piece) or _STREET.match(piece) or _PLACE.match(piece))


def _shorten(text: str, left: int, at: int) -> int:
    """A long stretch without a lead: the road, community or unit names right before the number."""
    piece = text[left:at]
    found = [m.start() for m in re.finditer(rf"(?={_HAN}{{2,4}}(?:区|县|镇|街道|{_ROAD}|小区|花园|家园|公寓|苑|村))", piece)]
    near = [start for start in found if len(piece) - start <= 10]
    return left + near[0] if near else at


def _finish(text: str, end: int) -> int:
    """Past further houses, staircases, floors, rooms and the buildings between them."""
    for _ in range(12):
        for pattern in (_UNIT_NEXT, _PLACE_NEXT):
            match = pattern.match(text, end)
            if match and match.end() > end:
                end = match.end()
                break
        else:
            break
    if match := _PLACE_LAST.match(text, end):
        end = match.end()
    if match := _TAIL.match(text, end):
        end = match.end()
    return end


def _sure(text: str, start: int, anchor: int, end: int) -> bool:
    """Two levels at least: a place or unit with a road or building and its number, or a building with its room."""
    head, tail = text[start:anchor], text[anchor:end]
    if not re.search(r"\d|[一二三四五六七八九十]|[A-Z]", tail):
        return False
    houses = len(_HOUSE.findall(tail))
    place = bool(_places().search(head))
    road = re.search(rf"{_HAN}{_ROAD}{_ROAD_PART}\s?$", head) or re.search(rf"(?:{_HAN}|\d){_ROAD}{_ROAD_PART}", head)
    named = re.search(rf"(?:{_HAN}|[A-Za-z]){{1}}(?:{_NAMED})(?:[东西南北]区|塔\d{{0,2}}|[A-Z]座)?\s?$", head)
    admin = len(re.findall(r"[省市区县镇乡旗]|街道|新区", head))
    told = bool(_STRONG.search(text, max(0, start - 14), start))
    numbered = re.match(rf"(?:[一二三四五六七八九十东西南北中]段)?第?{_NUMBER}\s?(?:号|號|弄|号院|号楼|栋|棟|幢|座|单元|组|队|巷)", tail)
    inner = re.search(r"单元|室|房|栋|幢|座|号楼|-\d", tail)
    if road and numbered and (place or admin or told or houses > 1 or re.search(rf"{_HAN}{{2,}}{_ROAD}{_ROAD_PART}\s?$", head)):
        return True
    if named and inner and (houses > 1 or told or place or admin or re.search(r"\d{3,4}$", tail)):
        return True
    if named and numbered and (place or admin or told):
        return True
    return bool((place or admin) and ((numbered and inner) or (told and (inner or numbered)) or (numbered and admin >= 2)))


_LEVEL = re.compile(rf"\s?,?(?:{_HAN}{{1,6}}?(?:区|县|市|旗|州|盟|镇|鎮|乡|鄉|街道)|{_HAN}{{2,4}}(?:新区|开发区))")
_UNIT_OF_PLACE = re.compile(r"(?:省|自治区|特别行政区|市|自治州|地区)?\s?,?")
_FINE = re.compile(
    rf"(?:{_HAN}{{2,7}}?{_ROAD}{_ROAD_PART}(?![上口边附那])|(?:{_HAN}|[0-9A-Za-z]){{2,10}}?(?:小区|花园|公寓|大厦|家园|新村|科技园|村|屯|庄|写字楼|广场|苑)(?:{_NUMBER}[组队社])?)"
)
_PUBLIC_PLACE = re.compile(
    r"[那这]?家?(?:分|门|旗舰|专卖|体验|便利|老|新)?(?:店|营业厅|网点|支行|分行|地铁|站|景区|医院|公园|银行)|有|怎么|好玩|附近|逛|玩"
)


#: Which house of a village, as people say it who have no numbers: 东头第三家.
_LAST_HOUSE = re.compile(r"(?:村?[东西南北]头|村口|[东西南北]边)(?:第?[一二三四五六七八九十0-9]{1,2}[家户])?|第[一二三四五六七八九十0-9]{1,2}[家户]")


def _no_house(text: str) -> Iterator[tuple[int, int]]:
    """Province, city, district … and a road, building or village, without a number: two levels where it is told that somebody lives or
    gets parcels there, three levels alone."""
    places = _places()
    at = 0
    while first := places.search(text, at):
        start, at = first.start(), first.end()
        end, levels = _levels(text, start)
        fine = _FINE.match(text, end) if levels >= 2 else None
        if fine and not _PUBLIC_PLACE.match(text, fine.end()) and (levels >= 3 or _STRONG.search(text, max(0, start - 14), start)):
            last = _LAST_HOUSE.match(text, fine.end())
            at = last.end() if last else fine.end()
            yield start, at


def _levels(text: str, at: int) -> tuple[int, int]:
    """Where the places and administrative units that begin at `at` end, and how many they are."""
    levels = 0
    while levels < 6:
        if known := _places().match(text, at):
            unit = _UNIT_OF_PLACE.match(text, known.end()) if known.group()[-1] not in "区县市镇" else None
            at = unit.end() if unit else known.end()
        elif levels and (other := _LEVEL.match(text, at)):
            at = other.end()
        else:
            break
        levels += 1
    return at, levels
