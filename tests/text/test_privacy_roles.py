"""Names that a role, a field, a list or another script tells; and what only begins like a name."""

from __future__ import annotations

import pytest

from kefu.data.personal import spans


def names(text: str) -> list[str]:
    return [span.text for span in spans(text) if span.type == "person_name"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("担保人陆建平，借款人苗雨", ["陆建平", "苗雨"]),
        ("卖方汤国华 买方诸葛琳", ["汤国华", "诸葛琳"]),
        ("法人柯志明，注册资金100万", ["柯志明"]),
        ("我老婆秦岚来提车", ["秦岚"]),
        ("司机石永刚绕路", ["石永刚"]),
        ("舅舅邵兵下的单", ["邵兵"]),
        ('{"real_name":"武媚","phone":"1"}', ["武媚"]),
        ("姓名|吴建华|手机", ["吴建华"]),
        ("名单：张伟丽、李静雯和赵鹏程", ["张伟丽", "李静雯", "赵鹏程"]),
        ("夏侯明；620102198804135833", ["夏侯明"]),
        ("哈斯巴根\t15847103926", ["哈斯巴根"]),
        ("旅客次仁旺姆", ["次仁旺姆"]),
        ("快递小哥阿坤态度不好", ["阿坤"]),
        ("客服静静说可以退", ["静静"]),
        ("让老孟回我电话", ["老孟"]),
        ("免贵姓单", ["单"]),
        ("我係黃家輝", ["黃家輝"]),
        ("客户佐藤健一", ["佐藤健一"]),
        ("收件人 山本さくら，寄大连", ["山本さくら"]),
        ("韩国买家김민준，要发票", ["김민준"]),
        ("меня зовут Наталья Соколова", ["Наталья Соколова"]),
        ("محمد العلي是我们客户", ["محمد العلي"]),
        ("高管BAO, Xiaodan", ["BAO, Xiaodan"]),
        ("护照姓名LI/XIAOMING", ["LI/XIAOMING"]),
        ("护照上是Nguyễn Thị Hồng Nhung，", ["Nguyễn Thị Hồng Nhung"]),
        ("Jack说可以退", ["Jack"]),
    ],
)
def test_who_it_is(text: str, expected: list[str]) -> None:
    assert names(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "法人变更怎么办，卖方市场，股东权益",
        "由于未能联系上您",
        "客户满意，用户时长，会员权益",
        "财务管理和风险管理",
        "小熊电器，阿里云，老式洗衣机，小时工",
        "宝宝叫醒了，我叫了外卖",
        "用户VIP，客户APP",
        "江小白和林清轩的礼盒",
        "对方时有延误",
        "Спасибо",
    ],
)
def test_nobody(text: str) -> None:
    assert names(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("HR here: employee Tanisha Brooks (cell below)", ["Tanisha Brooks"]),
        ("signed for by M. Okonkwo, who is that", ["M. Okonkwo"]),
        ("I spoke to Darnell yesterday", ["Darnell"]),
        ("it's under Nakamura, table for two", ["Nakamura"]),
        ("passenger name SMITH/JANE", ["SMITH/JANE"]),
        ("Name: Van Houten, Kirk", ["Van Houten, Kirk"]),
        ("first name Anouk last name Lefèvre", ["Anouk", "Lefèvre"]),
        ("Dr. Adeyemi's appointment", ["Adeyemi"]),
        ("invoice to Accounts Payable, ask for Refund", []),
        ("Dr. Martens boots and a Mr. Coffee machine", []),
        ("spoke to Verizon, reservation for Friday", []),
        ("deliver to Reception", []),
    ],
)
def test_who_it_is_in_english(text: str, expected: list[str]) -> None:
    assert names(text) == expected
