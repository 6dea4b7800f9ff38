"""Accounts of messengers, codes that are read out, mobiles of Taiwan, names and addresses that were cut or taken from things."""

from __future__ import annotations

import pytest

from kefu.text.privacy import find


def found(text: str) -> list[str]:
    return [f"{span.type}:{span.text}" for span in find(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("微信号tangyuan2021，通过一下", ["social_account:tangyuan2021"]),
        ("加V：mm880123", ["social_account:mm880123"]),
        ("＋v：qiqi5566", ["social_account:qiqi5566"]),
        ("加薇leo_zz99", ["social_account:leo_zz99"]),
        ("加我微信wxid_9k2lq0zz1a22", ["social_account:wxid_9k2lq0zz1a22"]),
        ("wx号 tiantian_1988", ["social_account:tiantian_1988"]),
        ("方便的话加下微信，ly19951203", ["social_account:ly19951203"]),
        ("企鹅2849013377，传图给你", ["social_account:2849013377"]),
        ("q号910283746", ["social_account:910283746"]),
        ("短信码收到了，3 9 1 0 4 6", ["one_time_code:3 9 1 0 4 6"]),
        ("验证码是七零二九幺五", ["one_time_code:七零二九幺五"]),
        ("我这边收到的是9 2 7 4 0 5，验证码对吗", ["one_time_code:9 2 7 4 0 5"]),
        ("the code is 4 0 9 1 7 7", ["one_time_code:4 0 9 1 7 7"]),
        ("我的手機是0928-417-305，請打這支", ["phone:0928-417-305"]),
        ("請聯絡0917662340，謝謝", ["phone:0917662340"]),
        ("我在台南，打0905 772 318", ["phone:0905 772 318"]),
        ("车主蓝天野，车牌还没换", ["person_name:蓝天野"]),
        ("机主白云飞，号码想过户", ["person_name:白云飞"]),
        ("教练王国强上课总迟到", ["person_name:王国强"]),
        ("建行苏小雨，退到这张卡", ["person_name:苏小雨"]),
        ("抬头个人石大勇，不要公司", ["person_name:石大勇"]),
        ("中行何小梅收", ["person_name:何小梅"]),
        ("电工李建刚把线接错了", ["person_name:李建刚"]),
        ("电话打老孙那里，我不方便", ["person_name:老孙"]),
        ("师傅叫马志刚多收了五十", ["person_name:马志刚"]),
        ("师傅马志刚才来", ["person_name:马志"]),
        ("师傅姓牛，态度很差", ["person_name:牛"]),
        ("地址：浙江省宁波市鄞州区邱隘镇美的大道18号碧水苑7栋602", ["address:浙江省宁波市鄞州区邱隘镇美的大道18号碧水苑7栋602"]),
        ("送到上海市徐汇区桂平路10号漕河泾创业园3栋前台", ["address:上海市徐汇区桂平路10号漕河泾创业园3栋"]),
        ("地址：成都市武侯区科华北路60号附5号", ["address:成都市武侯区科华北路60号附5号"]),
        ("寄山东省临沂市沂南县张庄镇王家沟村西头第二家", ["address:山东省临沂市沂南县张庄镇王家沟村西头第二家"]),
    ],
)
def test_whole_and_of_its_kind(text: str, expected: list[str]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "V领连衣裙M码",
        "加V会员多少钱",
        "微信支付5200元没到账",
        "我的微信 version8 崩溃",
        "验证码四五次都收不到",
        "验证码是六位数字吗",
        "error code is 4 0 4 0",
        "订单0912345678还没到",
        "訂單號0912345678",
        "工行信用卡怎么还",
        "机主明天来",
        "客户方便时再联系",
        "司机马上来",
        "加微信，app2里找不到",
        "安裝師傅遲到兩個鐘",
        "冷氣師傅幾點到",
        "康宝师傅上门收费多少",
        "方太的师傅和老板的师傅不一样",
        "White oak flooring and a Rowan oak cabinet",
        "Will it fit the Jack & Jill sink?",
        "Do you sell Tom and Jerry mugs?",
    ],
)
def test_nobodys(text: str) -> None:
    assert found(text) == []


def test_people_of_such_names_stay_people() -> None:
    assert "person_name:Tom" in found("Tom and Sarah waited all day")
    assert "person_name:方太" not in found("方太太说油烟机坏了")
    assert "person_name:方" in found("方太太说油烟机坏了")
