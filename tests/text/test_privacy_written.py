"""Formatted values in the ways people write them, and numbers of things that look like them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from kefu.data.personal import spans

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks" / "privacy"))
import marked
import run


def found(text: str) -> list[str]:
    return [f"{span.type}:{span.text}" for span in spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("改签：万雪/ED2048175/13823087164", ["person_name:万雪", "cn_passport:ED2048175", "cn_mobile:13823087164"]),
        ("护照E3847 2019", ["cn_passport:E3847 2019"]),
        ("乘机人证件ek0937142，下午到", ["cn_passport:ek0937142"]),
        ("护照 G-38201746 是老的", ["cn_passport:G-38201746"]),
        ("信用代码 91 500103 MA5U8G2T 05", ["cn_uscc:91 500103 MA5U8G2T 05"]),
        ("我念：6 2 2 2 0 3 1 2 0 2 0 0 9 1 8 2 7 3 3", ["bank_card:6 2 2 2 0 3 1 2 0 2 0 0 9 1 8 2 7 3 3"]),
        ("六二二二零三一二零二零零九一八二七三三", ["bank_card:六二二二零三一二零二零零九一八二七三三"]),
        ("6222.0312.0200.9182.733 这张", ["bank_card:6222.0312.0200.9182.733"]),
        ("13812345678 6222 0312 0200 9182 733", ["cn_mobile:13812345678", "bank_card:6222 0312 0200 9182 733"]),
        ("JCB3568890182736456付不了", ["credit_card:3568890182736456"]),
        ("双币卡5240941827364500年费多少", ["credit_card:5240941827364500"]),
        ("my Amex 3782-654091-88201", ["credit_card:3782-654091-88201"]),
        ("打1782601-8159", ["cn_mobile:1782601-8159"]),
        ("联系(178)2601-8159", ["cn_mobile:(178)2601-8159"]),
        ("号码 178  2601  8159", ["cn_mobile:178  2601  8159"]),
        ("手机|一七八二六零一八一五九|3", ["cn_mobile:一七八二六零一八一五九"]),
        ("座机86-10-63016613", ["cn_landline:86-10-63016613"]),
        ("+86 (10) 63016613", ["cn_landline:+86 (10) 63016613"]),
        ("英国手机07700 900123", ["uk_phone:07700 900123"]),
        ("whatsapp 447700900123", ["uk_phone:447700900123"]),
        ("0207 946 0018", ["uk_phone:0207 946 0018"]),
        ("call (+44) 7700 900123", ["uk_phone:(+44) 7700 900123"]),
        ("Beatriz Carvalho 2025550187 wants a callback", ["person_name:Beatriz Carvalho", "us_phone:2025550187"]),
        ("refund to NO9386011117947", ["iban:NO9386011117947"]),
        ("IBANDE89370400440532013000", ["iban:DE89370400440532013000"]),
        ("DE89-3704-0044-0532-0130-00", ["iban:DE89-3704-0044-0532-0130-00"]),
        ("公网ip183.62.141.97，系统版本10.0", ["ipv4:183.62.141.97"]),
        ("ssh root@1.2.3.4", ["ipv4:1.2.3.4"]),
        ("粤B · 7K29M", ["cn_plate:粤B · 7K29M"]),
        ("车牌粤 B 7 K 2 9 M", ["cn_plate:粤 B 7 K 2 9 M"]),
        ("合同发legal@xinghe-law.com.cn", ["email:legal@xinghe-law.com.cn"]),
        ("sms_code=664271", ["secret:664271"]),
        ("密码原来是aa112233，后来换成bb445566", ["secret:aa112233", "secret:bb445566"]),
        ("my old password was tiger1979 and the new one is R!ver_44", ["secret:tiger1979", "secret:R!ver_44"]),
        ("门锁密码4417#", ["secret:4417#"]),
        ("door code 9921, leave it inside", ["secret:9921"]),
        ('{"pwd":"kk1122"}', ["secret:kk1122"]),
        ("secretKey=Zx81kd02mmA1qP", ["secret:Zx81kd02mmA1qP"]),
        ("密码是woaini", ["secret:woaini"]),
    ],
)  # fmt: skip
def test_ways_of_writing(text: str, expected: list[str]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "能ping通，驱动版本6.1.0.44",
        "会员卡卡号8800127344560001积分没了",
        "加油卡的卡号1000111100012345678",
        "ICCID 89860318740012345678",
        "卡号6222开头，尾号0912",
        "part 415-555-0132-B",
        "Order 020 7946 00181",
        "0800 123 4567 is your helpline",
        "机柜编号EA20948173弹不出来，机票订单也没了",
        "订单E20948173到了，护照夹买错颜色",
        "错误码 E10293847",
        "取件码8-3-2047",
        "密码错误3次，密码框点了5次",
        "密码2024年改的，至少8位",
        "promo code SAVE2024, error code 40182",
        "the password must be 8 characters",
        "Windows 10.0.19045.3803",
        "第4.3.2.101条",
        "京A站台，苏A仓，川A2栋",
    ],
)
def test_numbers_of_things(text: str) -> None:
    assert found(text) == []


def test_sentences_of_a_writer_who_had_not_seen_the_recognisers() -> None:
    rows = list(marked.rows("blind_dev"))
    kinds = [(line["type"], line["recall"], line["precision"]) for line in run.score(rows, run.ours(rows, False), lambda kind: kind)]
    assert len(rows) > 400 and len(kinds) == 18
    # ::1, which the set marks, is every machine's own address and nobody's.
    assert [kind for kind in kinds if kind[1] < 0.99 or kind[2] < 0.98] == [("ipv6", 0.95, 1.0)]


def test_a_broken_mark_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "broken.txt").write_text("# head\n号码⟦cn_mobile:13812345678⟧\n名字⟦nobody:张三⟧\n", "utf-8")
    with pytest.raises(SystemExit, match=r"broken\.txt:3: nobody is none of the types"):
        list(marked.rows(str(tmp_path / "broken.txt")))
    with pytest.raises(SystemExit, match="no file of marked sentences"):
        list(marked.rows("absent"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("放行121.36.66.15/32，掩码255.255.255.0", ["ipv4:121.36.66.15"]),
        ("告警:2409:8a00:31d2::4e1连续失败", ["ipv6:2409:8a00:31d2::4e1"]),
        ("客户端121.66.153.6断开", ["ipv4:121.66.153.6"]),
        ("客户端8.0.12.3闪退", []),
        ("mobile=13812345678 ip=121.71.173.17 cost=225ms", ["cn_mobile:13812345678", "ipv4:121.71.173.17"]),
        ("联系电话：（86）13812345678", ["cn_mobile:（86）13812345678"]),
        ("派件员徐超（+86-138-1234-5678）正在派送", ["person_name:徐超", "cn_mobile:+86-138-1234-5678"]),
        ("手机 86-13812345678", ["cn_mobile:86-13812345678"]),
        ("报名：何伟/沪L6766F/13812345678/2大1小", ["cn_plate:沪L6766F", "cn_mobile:13812345678"]),
        ("座机0478-3784678一直有杂音", ["cn_landline:0478-3784678"]),
        ("tel 020-22340400", ["cn_landline:020-22340400"]),
        ("货车沪GA3887超高", ["cn_plate:沪GA3887"]),
        ("挂车鲁Q867L挂", ["cn_plate:鲁Q867L挂"]),
        ("电表号041352503526，本期示数39536", ["account_number:041352503526"]),
        ("银行卡号６２２９０８１４７２３４０７３７７６和身份证一起报给你", ["bank_card:６２２９０８１４７２３４０７３７７６"]),
        ("（单号202412170579253866）需补充身份证信息", []),
        ("name,ssn,phone\nTom Wilson,091 19 5705,none", ["person_name:Tom Wilson", "us_ssn:091 19 5705"]),
        ('{"ssn":"838-31-8600","acct_routing":"011401533"}', ["us_ssn:838-31-8600"]),
        ("I've called (800) 502-5909 three times", []),
        ("在模板里把user@example.com换成自己的", []),
        ("my mail is lin.xia@example.com", ["email:lin.xia@example.com"]),
    ],
)
def test_what_stands_around_a_number_is_not_part_of_it(text: str, expected: list[str]) -> None:
    assert [f"{span.type}:{span.text}" for span in spans(text, every=True)] == expected
