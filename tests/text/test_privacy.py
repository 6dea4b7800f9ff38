"""Personal data: formats with right and wrong checksums, and the numbers around them that are nobody's."""

from __future__ import annotations

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kefu.text.privacy import Memory, contact_types, find, mask
from kefu.text.privacy.checks import cn_id, iban, luhn, uscc


def found(text: str) -> list[tuple[str, str]]:
    return [(span.type, span.text) for span in find(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("身份证11010519491231002X", [("cn_resident_id", "11010519491231002X")]),
        ("my id number is 11010519491231002x.", [("cn_resident_id", "11010519491231002x")]),
        ("身份证号110105194912310021，写错一位", [("cn_resident_id", "110105194912310021")]),
        ("我的手机是13812345678", [("cn_mobile", "13812345678")]),
        ("请打１３８ 1234 5678找我", [("cn_mobile", "１３８ 1234 5678")]),
        ("+86 139-1234-5678", [("cn_mobile", "+86 139-1234-5678")]),
        ("1\u200b3812345678", [("cn_mobile", "1\u200b3812345678")]),
        ("座机010-62781234转801", [("cn_landline", "010-62781234转801")]),
        ("公司电话（021）62781234", [("cn_landline", "（021）62781234")]),
        ("卡号6222 0212 3456 7890 128", [("bank_card", "6222 0212 3456 7890 128")]),
        ("What is the limit for card 4454794511390933?", [("credit_card", "4454794511390933")]),
        ("card 371449635398431 (Amex)", [("credit_card", "371449635398431")]),
        ("税号91350100M000100Y43", [("cn_uscc", "91350100M000100Y43")]),
        ("车牌京A12345，新能源粤BD12345", [("cn_plate", "京A12345"), ("cn_plate", "粤BD12345")]),
        ("护照号E12345678", [("cn_passport", "E12345678")]),
        ("passport number: AB1234567", [("travel_document", "AB1234567")]),
        ("香港身份证A123456(3)", [("national_id", "A123456(3)")]),
        ("发到zhang.san+1@mail.example.cn吧", [("email", "zhang.san+1@mail.example.cn")]),
        ("ping 203.0.113.7失败", [("ipv4", "203.0.113.7")]),
        ("from 2001:db8:85a3:0:0:8a2e:370:7334 ok", [("ipv6", "2001:db8:85a3:0:0:8a2e:370:7334")]),
        ("IBAN DE89 3704 0044 0532 0130 00", [("iban", "DE89 3704 0044 0532 0130 00")]),
        ("ssn 078-05-1120", [("us_ssn", "078-05-1120")]),
        ("call (415) 555-2671 or +44 20 7946 0958", [("us_phone", "(415) 555-2671"), ("uk_phone", "+44 20 7946 0958")]),
        ("my key is sk-proj-abcdefghijklmnop1234", [("secret", "sk-proj-abcdefghijklmnop1234")]),
        ("密码是Abc12345，帮我看看", [("secret", "Abc12345")]),
        ("验证码：839201", [("one_time_code", "839201")]),
        ("加我QQ：12345678", [("social_account", "12345678")]),
        ("我叫张三想问一下", [("person_name", "张三")]),
        ("我叫欧阳小明，在吗", [("person_name", "欧阳小明")]),
        ("王先生您好", [("person_name", "王")]),
        ("麻烦联系李明经理", [("person_name", "李明")]),
        ("我是蓝鲸设计的胡强，有消息发我", [("person_name", "胡强")]),
        ("萧明，13812345678", [("person_name", "萧明"), ("cn_mobile", "13812345678")]),
        ("My name is Laura Rossi.", [("person_name", "Laura Rossi")]),
        ("This is Kevin Tan, best to mail me", [("person_name", "Kevin Tan")]),
        ("invoice for Mr. Smith", [("person_name", "Smith")]),
        ("我住在北京市海淀区中关村大街27号1101室", [("address", "北京市海淀区中关村大街27号1101室")]),
        ("寄到上海市浦东新区张江路500弄3号楼502室，谢谢", [("address", "上海市浦东新区张江路500弄3号楼502室")]),
        ("I live at 12 Baker Street, London", [("address", "12 Baker Street, London")]),
    ],
)
def test_is_found(text: str, expected: list[tuple[str, str]]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "订单号13812345678什么时候发货",
        "运单SF1381234567890，还没到",
        "CM202617333452370的发票",
        "how can I cancel purchase 113542617735902?",
        "order number 4454794511390933 is late",
        "拨打400-800-1234、10086或95588",
        "call 1-800-555-0199, it is toll-free",
        "客服邮箱support@cloudmax.com",
        "价格12345元，2026年3月5日14:02到2026-03-05",
        "版本2.10.3.4和v1.2.3.4",
        "127.0.0.1打不开",
        "密码是什么？密码为空怎么办",
        "the password is wrong",
        "我是高级会员，我是安卓用户，我是新用户",
        "高级功能和金额是多少",
        "I'm not sure, I am locked out",
        "This is Not Working",
        "团队版29元/月，企业版59元，99.9%可用",
        "把文件夹123456789共享出去",
        "我的订单→修改地址",
        "在设置→安全→两步验证里第3步",
    ],
)
def test_is_nobodys(text: str) -> None:
    assert found(text) == []


def test_checksums_against_published_examples() -> None:
    assert cn_id("11010519491231002X") and not cn_id("110105194912310021") and not cn_id("110105194913310020")
    assert luhn("4539578763621486") and not luhn("4539578763621487")
    assert uscc("91350100M000100Y43") and not uscc("91350100M000100Y44")
    assert iban("GB82WEST12345698765432") and not iban("GB82WEST12345698765433") and not iban("CM202617333452370")


def test_a_value_keeps_its_placeholder_through_a_conversation() -> None:
    memory = Memory()
    assert mask("我的手机13812345678", memory) == "我的手机[手机号_1]"
    assert mask("不是13812345678，是13987654321", memory) == "不是[手机号_1]，是[手机号_2]"
    assert mask("+86 138-1234-5678再打一次", memory) == "[手机号_1]再打一次"
    assert memory.counts == {"cn_mobile": 4}
    assert mask("call 13812345678") == "call [PHONE_1]"


def test_a_name_once_told_is_known_through_the_conversation() -> None:
    memory = Memory()
    assert mask("我叫王小明", memory) == "我叫[姓名_1]"
    assert mask("王小明的订单到哪了，张伟的呢", memory) == "[姓名_1]的订单到哪了，张伟的呢"
    memory = Memory()
    mask("My name is Laura Rossi.", memory)
    assert mask("card of Laura Rossi", memory) == "card of [NAME_1]"


def test_masking_again_changes_nothing() -> None:
    once = mask("我叫王小明，电话13812345678，身份证11010519491231002X，住在北京市海淀区中关村大街27号")
    assert mask(once) == once
    assert "王小明" not in once and "138" not in once and "110105" not in once


def test_types_that_are_kept() -> None:
    text = "办公室：010-62781234，客服王小姐手机13812345678"
    assert mask(text, keep=contact_types()) == "办公室：010-62781234，客服[姓名_1]小姐手机[手机号_1]"


ALPHABET = string.ascii_letters + string.digits + " @.-()+：，。号电话订单我的王张京沪市区路"


@given(st.text(alphabet=ALPHABET, max_size=60))
def test_spans_are_in_order_apart_and_true(text: str) -> None:
    last = 0
    for span in find(text):
        assert last <= span.start < span.end <= len(text)
        assert text[span.start : span.end] == span.text
        last = span.end


# -- Q5: formatted Chinese ids among order numbers and prices --------------------------------------------------


def _id(r: random.Random) -> str:
    region = r.choice(["110105", "310101", "440305", "330106", "510107"])
    body = f"{region}{r.randint(1950, 2010)}{r.randint(1, 12):02}{r.randint(1, 28):02}{r.randint(0, 999):03}"
    total = sum(int(c) * w for c, w in zip(body, (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2), strict=True))
    return body + "10X98765432"[total % 11]


def _card(r: random.Random) -> str:
    body = r.choice(["621226", "622848", "621700", "621483"]) + "".join(str(r.randint(0, 9)) for _ in range(r.choice([9, 12])))
    return next(body + str(d) for d in range(10) if luhn(body + str(d)))


def _mobile(r: random.Random) -> str:
    number = r.choice(["138", "159", "186", "177", "199"]) + "".join(str(r.randint(0, 9)) for _ in range(8))
    return r.choice([number, f"{number[:3]} {number[3:7]} {number[7:]}", f"{number[:3]}-{number[3:7]}-{number[7:]}", f"+86{number}"])


def _plate(r: random.Random) -> str:
    return r.choice("京沪粤浙川") + r.choice("ABCDE") + r.choice("ABCD12345") + "".join(str(r.randint(0, 9)) for _ in range(4))


MAKERS = {"cn_resident_id": _id, "bank_card": _card, "cn_mobile": _mobile, "cn_plate": _plate}
FRAMES = {
    "cn_resident_id": ["身份证{}", "我的证件号码是{}，帮我查", "{}这个是我身份证", "ID {} please check"],
    "bank_card": ["卡号{}", "退到这张卡{}吧", "银行卡 {} 开户行工行", "refund to card {} please"],
    "cn_mobile": ["手机{}", "打我电话：{}", "{}，谢谢", "联系我{}", "call me on {} today"],
    "cn_plate": ["车牌{}", "我开的{}停在楼下", "登记一下{}，谢谢"],
}
NOBODYS = [
    "订单号{n}没到",
    "运单{n}",
    "工单 {n} 处理了吗",
    "order {n} is late",
    "付了{p}元",
    "¥{p}.00",
    "{p}GB空间",
    "2026年{m}月3日",
    "编号{n}",
    "交易号：{n}",
]


def test_recall_and_precision_on_formatted_chinese_ids() -> None:
    r = random.Random(20260101)
    hit = missed = false = 0
    for i in range(2000):
        kind = r.choice(list(MAKERS))
        value = MAKERS[kind](r)
        noise = r.choice(NOBODYS).format(
            n="".join(str(r.randint(0, 9)) for _ in range(r.choice([8, 11, 12, 14, 16, 18]))), p=r.randint(1, 99999), m=r.randint(1, 12)
        )
        text = f"{noise}。{r.choice(FRAMES[kind]).format(value)}" if i % 2 else f"{r.choice(FRAMES[kind]).format(value)}；{noise}"
        spans = find(text)
        right = [span for span in spans if span.text == value and span.type == kind]
        hit, missed, false = hit + bool(right), missed + (not right), false + len(spans) - len(right)
    recall, precision = hit / (hit + missed), hit / (hit + false)
    assert recall >= 0.99, f"recall {recall:.4f} (n=2000)"
    assert precision >= 0.98, f"precision {precision:.4f} (n=2000)"
