"""Values with right checksums, drawn by a seeded generator. Nobody's: every digit is chance."""

from __future__ import annotations

import random
import string
from collections.abc import Callable

R = random.Random
_words = str.split
_FAMILY = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
_GIVEN = _words(
    "伟 芳 娜 敏 静 丽 强 磊 军 洋 勇 艳 杰 娟 涛 明 霞 秀英 建国 志强 桂兰 小红 晓燕 海燕 建华 文博 子涵 梓轩 雨桐 欣怡 浩然 思远 佳琪 俊杰 宇航 雅婷 梦洁 振宇 国栋 淑珍 玉兰 凤英 德胜 永福 春梅 秋菊 雪莲 冬梅 家豪 "
    "诗涵 若曦 一诺 奕辰 语嫣 景行 知远 立群 卫东 红梅 爱民 学军 金凤 少华 丽萍 忠诚 宝珠 鹏飞 晨曦 嘉怡 博文 婉清 锦程 天佑 可欣 亦菲 书瑶 沐阳 靖宇 云飞 慧敏 瑞雪 彩霞 长江 大海 安琪 翠花 来福 有才"
)
_COMPOUND = ["欧阳", "司马", "上官", "诸葛", "皇甫", "慕容", "令狐", "司徒"]
_DOTTED = ["阿迪力·买买提", "古丽娜尔·艾尼", "扎西·多吉", "巴图·苏和", "约瑟夫·布朗", "玛丽亚·罗西", "买买提·吐尔逊", "次仁·央金"]
_FIRST = _words(
    "Olivia Liam Emma Noah Amelia Oliver Sophia Elijah Hannah Lucas Priya Ahmed Fatima Diego Lucia Henrik Ingrid Pierre Camille Giulia Marco Katarzyna Piotr Yuki Kenji Aisha Omar Svetlana Dmitri Chiara Mateo Beatriz Rachel Gareth "
    "Siobhan Callum Fiona Derek Wendy Harold Denise Trevor Naomi Vincent Gloria Stanley Monica Patrick Heather Nathaniel Genevieve Bartholomew Rosalind Imogen Clarence Winifred"
)
_LAST = _words(
    "Whitfield Harrington Okonkwo Fernandez Castellano Bergstrom Lindqvist Dubois Marchetti Kowalski Nakamura Al-Farsi Petrov O'Connell McAllister Thornbury Ashworth Pemberton Gallagher Rosenthal Vandenberg Schuster Hargrove Castleton "
    "Blackwood Sutherland Delacroix Mbeki Chaudhary Venkatesan Eriksson Novotny Papadakis Ferreira Quintero Montgomery Fairbanks Holloway Kingsley Longfellow Smith Johnson Brown Taylor Wilson Davies Evans Thomas Roberts Walker Wright"
)


def digits(r: R, n: int, first: str = "0123456789") -> str:
    return r.choice(first) + "".join(r.choice(string.digits) for _ in range(n - 1))


def luhn(body: str) -> str:
    for d in string.digits:
        total = 0
        for i, char in enumerate(reversed(body + d)):
            v = int(char) * (1 + i % 2)
            total += v - 9 if v > 9 else v
        if total % 10 == 0:
            return body + d
    raise AssertionError


def grouped(text: str, sizes: list[int], sign: str) -> str:
    pieces, at = [], 0
    for size in sizes:
        pieces.append(text[at : at + size])
        at += size
    if at < len(text):
        pieces.append(text[at:])
    return sign.join(piece for piece in pieces if piece)


def cn_resident_id(r: R) -> str:
    region = r.choice(
        _words(
            "110101 110108 120103 130102 210202 310104 310115 320106 330106 340104 350203 370202 410105 420106 430104 440106 440305 450103 500103 510104 520102 530102 610113 650102"
        )
    )
    body = f"{region}{r.randint(1945, 2012)}{r.randint(1, 12):02}{r.randint(1, 28):02}{r.randint(0, 999):03}"
    value = body + "10X98765432"[sum(int(c) * w for c, w in zip(body, (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2), strict=True)) % 11]
    form = r.random()
    if form < 0.12:
        return value.lower()
    return grouped(value, [6, 8, 4], " ") if form < 0.24 else value


def cn_mobile(r: R) -> str:
    value = r.choice(
        _words("130 131 133 135 136 137 138 139 147 150 151 152 155 158 159 166 172 176 177 178 180 182 185 186 187 188 189 191 195 198 199")
    ) + digits(r, 8)
    form = r.randrange(12)
    if form == 0:
        return "+86 " + value
    if form == 1:
        return "0086" + value
    if form == 2:
        return grouped(value, [3, 4, 4], "-")
    if form == 3:
        return grouped(value, [3, 4, 4], " ")
    if form == 4:
        return "+86-" + grouped(value, [3, 4, 4], "-")
    if form == 5:
        return value.translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    if form == 6:
        return value.translate(str.maketrans("0123456789", "零一二三四五六七八九"))
    if form == 7:
        return " ".join(value)
    return value


def cn_landline(r: R) -> str:
    area, n = r.choice([("010", 8), ("021", 8), ("020", 8), ("0755", 8), ("0571", 8), ("028", 8), ("0532", 8), ("0931", 7), ("0471", 7), ("0898", 8)])
    local = digits(r, n, "2345678")
    form = r.randrange(6)
    base = [f"{area}-{local}", f"({area}){local}", f"{area} {local}", f"{area}{local}", f"（{area}）{local}", f"+86-{area[1:]}-{local}"][form]
    return base + (r.choice(["转", "-", "转分机"][:2]) + digits(r, 3, "123456789") if r.random() < 0.2 and form != 3 else "")


def bank_card(r: R) -> str:
    value = luhn(r.choice(_words("622202 622848 621700 621661 622588 622622 621483 623052 622908 621226")) + digits(r, r.choice([9, 12])))
    form = r.random()
    return value if form < 0.6 else grouped(value, [4, 4, 4, 4], " " if form < 0.85 else "-")


def credit_card(r: R) -> str:
    kind = r.randrange(4)
    value = luhn(
        (
            "4" + digits(r, 14),
            r.choice(["51", "52", "53", "54", "55"]) + digits(r, 13),
            r.choice(["34", "37"]) + digits(r, 12),
            "6011" + digits(r, 11),
        )[kind]
    )
    form = r.random()
    if form < 0.5:
        return value
    sign = " " if form < 0.8 else "-"
    return grouped(value, [4, 6, 5] if len(value) == 15 else [4, 4, 4, 4], sign)


def email(r: R) -> str:
    name = r.choice(["zhangwei", "li.na", "wxy_1990", "tom.k", "h.berg", "mei-mei", "j_ortega", "anna+shop"]) + r.choice(
        ["", digits(r, 2), digits(r, 4)]
    )
    host = r.choice(["163.com", "qq.com", "gmail.com", "outlook.com", "corp-mail.example.cn", "mail.example.org", "foxmail.com"])
    form = r.randrange(12)
    if form == 0:
        return f"{name}＠{host}"
    if form == 1:
        return f"{name} at {host.replace('.', ' dot ')}" if host.endswith(("com", "org")) and "-" not in host else f"{name}@{host}"
    if form == 2:
        return f"{name}[at]{host}"
    return f"{name}@{host}"


_PROVINCE = "京津沪渝冀豫云辽黑湘皖鲁苏浙赣鄂桂甘晋陕吉闽贵粤川琼"
_SERIAL = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"


def cn_plate(r: R) -> str:
    head = r.choice(_PROVINCE) + r.choice("ABCDEFGH")
    form = r.randrange(8)
    if form == 0:
        return f"{head}{r.choice('DF')}{digits(r, 5)}"
    if form == 1:
        return f"{head}·{digits(r, 5)}"
    if form == 2:
        return f"{head}{digits(r, 4)}{r.choice('警学挂')}"
    if form == 3:
        return f"粤Z{r.choice('ABC1234')}{digits(r, 3)}{r.choice('港澳')}"
    return head + r.choice(_SERIAL) + digits(r, 4)


def cn_passport(r: R) -> str:
    return r.choice(["E", "G", "E", "P", "S", "D"]) + digits(r, 8) if r.random() < 0.7 else "E" + r.choice("ABCDEFGHJK") + digits(r, 7)


def cn_uscc(r: R) -> str:
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    body = (
        r.choice(["91", "92", "52", "12"])
        + r.choice(["110108", "310115", "440300", "330106", "510104"])
        + "".join(r.choice(alphabet) for _ in range(9))
    )
    weights = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
    return body + alphabet[(31 - sum(alphabet.index(c) * w for c, w in zip(body, weights, strict=True)) % 31) % 31]


def name_zh(r: R) -> str:
    roll = r.random()
    if roll < 0.06:
        return r.choice(_COMPOUND) + r.choice(_GIVEN)
    if roll < 0.10:
        return r.choice(_DOTTED)
    return r.choice(_FAMILY) + r.choice(_GIVEN)


def name_en(r: R) -> str:
    middle = f" {r.choice('ABCDEGHJKLMRST')}." if r.random() < 0.08 else ""
    return f"{r.choice(_FIRST)}{middle} {r.choice(_LAST)}"


def address_zh(r: R) -> str:
    city = r.choice(
        ["北京市海淀区", "北京市朝阳区望京街道", "上海市浦东新区", "上海市徐汇区", "广东省深圳市南山区", "广东省广州市天河区", "浙江省杭州市西湖区", "浙江省宁波市鄞州区", "江苏省苏州市工业园区", "四川省成都市武侯区", "湖北省武汉市洪山区",
         "福建省厦门市思明区", "山东省青岛市市南区", "重庆市渝北区", "陕西省西安市雁塔区", "朝阳区", "天河区", "西湖区", "南山区", "云南省大理白族自治州大理市", "内蒙古自治区包头市昆都仑区", "河北省石家庄市长安区", ""]
    )  # fmt: skip
    road = r.choice(
        _words("阜通东大街 文三路 科技园南路 人民中路 建设大道 解放西路 中山北路 学院路 天府三街 环城东路 湖滨南路 长江路 新华街 和平里北街 珞喻路")
    )
    estate = r.choice(["", "", "阳光花园", "万科城市花园", "翠湖小区", "金色家园", "锦绣苑"])
    house = r.choice(
        [f"{r.randint(1, 999)}号", f"{r.randint(1, 300)}号{r.randint(1, 20)}号楼{r.randint(101, 2605)}", f"{r.randint(1, 99)}弄{r.randint(1, 60)}号{r.randint(101, 905)}室", f"{r.randint(1, 200)}号{estate}{r.randint(1, 30)}栋{r.randint(1, 4)}单元{r.randint(101, 2204)}室"]
    )  # fmt: skip
    if not city and r.random() < 0.5:
        return f"{r.choice(['阳光花园', '翠湖小区', '金色家园', '锦绣苑'])}{r.randint(1, 30)}栋{r.randint(1, 4)}单元{r.randint(101, 2204)}"
    return city + road + house


def address_en(r: R) -> str:
    street = f"{r.randint(1, 9899)} {r.choice(_words('Maple Oak Cedar Elm Wellington Station Church Victoria Highland Sycamore Jefferson Pine Willow Lakeview Chestnut'))} {r.choice(['Street', 'St', 'Avenue', 'Ave', 'Road', 'Rd', 'Lane', 'Drive', 'Blvd', 'Court', 'Way'])}"
    form = r.randrange(6)
    if form == 0:
        return f"{street}, {r.choice(['Springfield, IL 62704', 'Portland, OR 97205', 'Austin, TX 78701', 'Denver, CO 80203'])}"
    if form == 1:
        return f"{street}, Apt {r.randint(1, 40)}{r.choice('ABCD')}, {r.choice(['Boston, MA 02115', 'Seattle, WA 98101'])}"
    if form == 2:
        return f"Flat {r.randint(1, 20)}, {street}, {r.choice(['London NW1 6XE', 'Leeds LS1 4AP', 'Bristol BS1 5TR'])}"
    if form == 3:
        return f"PO Box {r.randint(100, 9999)}, {r.choice(['Tulsa, OK 74101', 'Madison, WI 53701'])}"
    if form == 4:
        return f"{r.randint(1, 900)} {r.choice(['North', 'S.', 'West'])} {r.choice(['5th', '42nd', '3rd'])} {r.choice(['Street', 'Avenue'])}"
    return street


def ipv4(r: R) -> str:
    return f"{r.choice([10, 36, 58, 101, 114, 172, 192, 203, 218, 223])}.{r.randint(0, 255)}.{r.randint(0, 255)}.{r.randint(30, 254)}"


def ipv6(r: R) -> str:
    pieces = [f"{r.randint(1, 0xFFFF):x}" for _ in range(6)]
    return r.choice(
        [
            f"2001:db8:{':'.join(pieces)}",
            f"240e:{pieces[0]}:{pieces[1]}::{pieces[2]}",
            f"fe80::{':'.join(pieces[:4])}",
            f"2408:{':'.join(pieces[:3])}::1",
        ]
    )


def iban(r: R) -> str:
    country, bban = r.choice(
        [
            ("DE", digits(r, 18)),
            ("FR", digits(r, 23)),
            ("GB", "WEST" + digits(r, 14)),
            ("NL", "ABNA" + digits(r, 10)),
            ("ES", digits(r, 20)),
            ("CH", digits(r, 17)),
        ]
    )
    check = 98 - int("".join(str(int(c, 36)) for c in bban + country + "00")) % 97
    value = f"{country}{check:02}{bban}"
    return grouped(value, [4] * 9, " ") if r.random() < 0.5 else value


def us_ssn(r: R) -> str:
    return f"{r.choice([n for n in range(1, 900) if n != 666]):03}-{r.randint(1, 99):02}-{r.randint(1, 9999):04}"


def us_phone(r: R) -> str:
    a, b, c = r.choice(_words("212 415 617 312 206 503 713 404 305 702")), r.choice("234567") + digits(r, 2, "02345"), digits(r, 4)
    return r.choice(
        [
            f"({a}) {b}-{c}",
            f"{a}-{b}-{c}",
            f"{a}.{b}.{c}",
            f"+1 {a} {b} {c}",
            f"1-{a}-{b}-{c}",
            f"+1{a}{b}{c}",
            f"({a}){b}-{c} ext. {digits(r, 3)}",
            f"{a} {b} {c}",
        ]
    )


def uk_phone(r: R) -> str:
    return r.choice(
        [f"+44 20 7{digits(r, 3)} {digits(r, 4)}", f"020 7{digits(r, 3)} {digits(r, 4)}", f"07{digits(r, 3, '4578')} {digits(r, 6)}", f"+44 7{digits(r, 3, '4578')} {digits(r, 6)}", f"0161 {digits(r, 3, '2345')} {digits(r, 4)}", f"07{digits(r, 3, '4578')} {digits(r, 3)} {digits(r, 3)}", f"+44 (0)121 {digits(r, 3, '2345')} {digits(r, 4)}"]
    )  # fmt: skip


def secret(r: R) -> str:
    some = lambda n, a=string.ascii_letters + string.digits: "".join(r.choice(a) for _ in range(n - 2)) + "a7"  # noqa: E731
    return r.choice(
        ["sk-" + some(40), "AKIA" + some(16, string.ascii_uppercase + string.digits).upper(), "ghp_" + some(36), "glpat-" + some(20), "xoxb-" + digits(r, 11) + "-" + some(24), "AIza" + some(35), "eyJhbGciOiJIUzI1NiJ9." + some(40) + "." + some(43), "LTAI5t" + some(18)]
    )  # fmt: skip


def password(r: R) -> str:
    return r.choice(["Sunny", "xiaoMao", "Blue", "hunter"]) + r.choice("!@#_") + digits(r, 4)


MAKERS: dict[str, Callable[[R], str]] = {
    "cn_resident_id": cn_resident_id, "cn_mobile": cn_mobile, "cn_landline": cn_landline, "bank_card": bank_card, "credit_card": credit_card, "email": email, "cn_plate": cn_plate,
    "cn_passport": cn_passport, "cn_uscc": cn_uscc, "ipv4": ipv4, "ipv6": ipv6, "iban": iban, "us_ssn": us_ssn, "us_phone": us_phone, "uk_phone": uk_phone, "secret": secret,
    "name_zh": name_zh, "name_en": name_en, "address_zh": address_zh, "address_en": address_en, "password": password,
}  # fmt: skip
