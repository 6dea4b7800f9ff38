"""Where a Chinese address begins: behind what is complained of, and before the name of the road."""

from __future__ import annotations

import pytest

from kefu.text.privacy import find


def addresses(text: str) -> list[str]:
    return [span.text for span in find(text) if span.type == "address"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("楼道水管爆了清河路4号", "清河路4号"),
        ("家里没水了清河路57号", "清河路57号"),
        ("账单金额不对清河路34号", "清河路34号"),
        ("怎么缴费清河路12号", "清河路12号"),
        ("昨天下午有人来修了文三路88号", "文三路88号"),
        ("问从建设路12号搬走要办什么手续", "建设路12号"),
        ("报修水管漏了解放路23号2单元", "解放路23号2单元"),
        ("空调不制冷中山北一路120号", "中山北一路120号"),
        ("我要开户人民大道66号", "人民大道66号"),
        ("取件长江西路9号3栋", "长江西路9号3栋"),
        ("网断了两天了学院路甲5号", "学院路甲5号"),
        ("快递一直没送到科技园南区8栋602", "科技园南区8栋602"),
        ("电梯坏了没人管阳光花园3栋2单元501", "阳光花园3栋2单元501"),
        ("请把洗衣机送到和平街18号院2号楼", "和平街18号院2号楼"),
        ("什么时候来装宽带建国门外大街7号", "建国门外大街7号"),
        ("师傅清河路4号什么时候来", "清河路4号"),
        ("挂号取消不了人民南路二段18号", "人民南路二段18号"),
    ],
)
def test_the_complaint_is_no_part_of_it(text: str, expected: str) -> None:
    assert addresses(text) == [expected]


@pytest.mark.parametrize(
    "address",
    [
        "从化区街口街道新城东路12号",
        "山东省临沂市费县费城街道建设路8号",
        "什刹海街道前海西街17号",
        "额尔古纳市中央街5号",
        "都江堰市幸福路16号",
        "四川什邡市雍城中路3号",
        "天津市河西区问津路2号",
        "修水县义宁镇良塘新区3栋2单元501",
        "来安路9弄3号302室",
        "停车场路8号",
        "江苏路街道愚园路361弄12号",
        "龙湖春江紫宸小区5栋2单元301",
        "碧桂园凤凰城3期5栋1单元302",
        "南京东路100号3楼",
        "东三环劲松南路1号",
        "切斯特顿米尔顿路20号",
        "安徽省合肥市肥东县日出路与宾至路交叉口春晓花园3栋502室",
    ],
)
def test_names_that_hold_such_characters_stay_whole(address: str) -> None:
    assert addresses(f"我住在{address}") == [address]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("住3栋2单元501", "3栋2单元501"),
        ("我家3号楼2单元501漏水", "3号楼2单元501"),
        ("我住5号楼302室", "5号楼302室"),
        ("我住3栋2单元", "3栋2单元"),
        ("3栋2单元501没暖气", "3栋2单元501"),
    ],
)
def test_house_and_room_where_the_place_is_known(text: str, expected: str) -> None:
    assert addresses(text) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "住3号楼",
        "住2楼",
        "住院部3号楼5层502床",
        "3栋2单元的电梯坏了",
        "会议在B座1203室",
        "2栋3单元有500元",
        "5号下午没人来",
        "怎么去3号线",
        "水管爆了两次，3号报修的",
        "这条路号称最美",
    ],
)
def test_is_no_address(text: str) -> None:
    assert addresses(text) == []


def test_a_house_behind_the_street_number_belongs_to_it() -> None:
    assert addresses("寄湖南省株洲市天元区幸福路75号恒大绿洲36栋2单元1803") == ["湖南省株洲市天元区幸福路75号恒大绿洲36栋2单元1803"]
    assert addresses("清河路4号水管坏了3栋2单元501也坏了") == ["清河路4号", "3栋2单元501"]


@pytest.mark.parametrize(
    "address",
    [
        "福建省厦门市思明区湖滨南路258号鸿翔大厦11D",
        "吉林省长春市南关区人民大街5268号东师大宿舍12舍418",
        "香港九龍尖沙咀彌敦道132號美麗華大廈1605室",
        "珠海市香洲区情侣中路47号怡景湾大酒店",
        "山西省太原市小店区长治路226号高新动力港6层",
        "27 Deansgate, Manchester M3 1LH",
        "88 Harcourt Street, Dublin 2, D02 XY31",
        "Unit 5, 88 Kent St, Sydney NSW 2000",
        "5 The Shambles, York YO1 7LZ",
    ],
)
def test_the_whole_address(address: str) -> None:
    text = f"寄到{address}，谢谢" if address[0] > "z" else f"send it to {address}, thanks"
    assert [span.text for span in find(text) if span.type == "address"] == [address]
