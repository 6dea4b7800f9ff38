"""What near-duplicates may differ in, and what keeps two texts apart."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kefu.data.compared import compared
from kefu.data.dedup import Forms
from kefu.data.differences import Same, Values, explain

Turns = list[tuple[str, str]]


def same(a: str | Turns, b: str | Turns, threshold: float = 0.9, *, rare: bool = True) -> Same | None:
    one, other = (compared([("customer", text)] if isinstance(text, str) else text) for text in (a, b))
    return explain(one, other, threshold, lambda form, beside: rare)


@pytest.mark.parametrize(
    ("left", "right", "told"),
    [
        ("怎么登录账号", "怎么登陆帐号", ""),
        ("请问怎么申请退款", "你好，怎么申请退款呢？谢谢😊", ""),
        ("怎么申请退款", "怎么申请退宽", "typo 款→宽"),
        ("客服电话是多少", "客服点话是多少", "typo 电→点"),
        ("账号被冻结了怎么办", "账号被冻接了怎么办", "typo 结→接"),
        ("怎么登录", "怎么录登", "typo 登录→录登"),
        ("物流信息在哪里看", "物流息在哪里看", "typo -信"),
        ("退款多久到账", "退款多久到到账", "repeated +到"),
        ("怎么申请退款", "怎么申请申请退款", "repeated +申请"),
        ("我的订单[订单号_1]怎么还没到", "我的订单[订单号_2]怎么还没到", ""),
        ("订单202311090012怎么退", "订单202311094567怎么退", ""),
        ("How do I reset my password?", "how do i reset my pasword", "typo password→pasword"),
        ("where is my refund", "Hi, where is my refnud please!!", "typo refund→refnud"),
        ("can I change the delivery address", "can i chnage the delivery adress", "typo change→chnage, address→adress"),
        ("I can't log in", "I cannot login", "blank log in→login"),
        ("please tell [NAME_1] about it", "tell [NAME_3] about it", ""),
        ("the price is 1,299", "price is 1299", ""),
        ("why dont you answer", "why don't u answer", ""),
        ("[2024-03-01 10:22:33] 发票怎么开", "2024年3月2日 11:02 发票怎么开", ""),
        ("can I cancel my order", "can I cancel order", "free -my"),
        ("滤芯怎么换", "濾芯怎麼換", ""),
        ("退款什麼時候到賬", "退款什么时候到账", ""),
        ("冰箱后壁结冰要紧吗", "我问哈，冰箱后壁结冰要紧吗", ""),
        ("冰箱后壁结冰要紧吗", "亲，问个事 冰箱后壁结冰要紧吗[抱拳]", ""),
        ("冰箱后壁结冰要紧吗", "冰箱后壁结冰要紧吗，急急急，谢谢", ""),
        ("冰箱后壁结冰要紧吗", "另外冰箱后壁结冰要紧吗 在线等", ""),
        ("订单TB20931845的发票呢", "订单TB77120046的发票呢", ""),
        ("does the dehumidifier leak", "does the dehumidifer leak", "typo dehumidifier→dehumidifer"),
        ("how do I register", "Hi team, how do I register", ""),
    ],
)
def test_harmless(left: str, right: str, told: str) -> None:
    assert same(left, right) == Same(told, False)
    assert same(right, left) is not None


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("怎么申请退款", "怎么申请退货"),
        ("能退款吗", "不能退款吗"),
        ("请问下水道堵了修吗", "水道堵了修吗"),
        ("另外一个什么时候发", "什么时候发"),
        ("KFR35发货了吗", "KFR26发货了吗"),
        ("机型AB12345能用吗", "机型AB12346能用吗"),
        ("5天到账吗", "10天到账吗"),
        ("两天能到吗", "三天能到吗"),
        ("5天能到吗", "5周能到吗"),
        ("充电宝怎么用", "充电器怎么用"),
        ("从北京到上海多少钱", "从上海到北京多少钱"),
        ("怎么开启两步验证", "怎么关闭两步验证"),
        ("我想买保险", "我想卖保险"),
        ("红色有货吗", "黑色有货吗"),
        ("运费险怎么买", "运费怎么买"),
        ("退货政策是什么", "退换货政策是什么"),
        ("男款有吗", "女款有吗"),
        ("上架商品", "下架商品"),
        ("怎么转入基金", "怎么转出基金"),
        ("我联系你们", "你们联系我"),
        ("新用户有优惠吗", "用户有优惠吗"),
        ("人工怎么找", "工人怎么找"),
        ("打4008001111", "打4008002222"),
        ("20240301的单", "20240302的单"),
        ("can I get a refund", "can't I get a refund"),
        ("Team plan price", "Enterprise plan price"),
        ("iPhone 13 price", "iPhone 14 price"),
        ("is it 99.5% or not", "is it 99% or not"),
        ("how do I lock my card", "how do I unlock my card"),
        ("transfer from savings", "transfer to savings"),
        ("when does my card arrive", "when does my cart arrive"),
        ("is it before noon", "is it after noon"),
        ("turn on alerts", "turn off alerts"),
        ("WH1000XM5 price", "WH1000XM4 price"),
        ("cancel my order", "cancel my account"),
        ("five days for a refund", "nine days for a refund"),
        ("pay you by card", "pay me by card"),
        ("", ""),
        ("怎么退款", ""),
        ("？？", "。。"),
    ],
)
def test_apart(left: str, right: str) -> None:
    assert same(left, right) is None and same(right, left) is None


def test_a_word_that_the_corpus_knows_is_no_typo() -> None:
    assert same("云盒怎么登录", "云盒怎么登路", rare=False) is None
    texts = {i: [("", f"第{i}次买了登路牌子的东西")] for i in range(9)} | {i: [("", f"第{i}次登录")] for i in range(9, 20)}
    forms = Forms(list(texts), texts.__getitem__)
    assert not forms.rare("登路", "登录") and forms.rare("登鹿", "登录") and Forms([], texts.__getitem__).rare("a", "b")


TALK: Turns = [
    ("customer", "我上周买的扫地机器人一直没有发货，订单页面也看不到物流信息"),
    ("agent", "您好，已经帮您查询，仓库预计明天安排发出，请您留意短信通知"),
    ("customer", "如果明天还不发货我想申请退款"),
    ("agent", "没问题，退款会原路退回，5个工作日内到账"),
    ("customer", "好的，那我再等一天看看"),
]


def test_conversations() -> None:
    less = TALK[:-1]
    shorter = same(TALK, less)
    assert shorter is not None and not shorter.fuller and shorter.differences.startswith("turn -")
    found = same(less, TALK)
    assert found is not None and found.fuller and found.differences.startswith("turn +")
    assert same(TALK, [*TALK[:3], ("agent", "没问题，退款会原路退回，10个工作日内到账"), TALK[4]]) is None
    assert same(TALK, [(who, text.replace("发货", "发或").replace("查询", "查寻").replace("短信", "短言")) for who, text in TALK]) is not None
    assert same(TALK, TALK[:2]) is None
    one, other = ("customer", "我要退掉上周买的耳机。麻烦尽快安排人来取"), ("customer", "麻烦尽快安排人来取。我要退掉上周买的耳机")
    assert same([one, *TALK[1:]], [other, *TALK[1:]]) is not None
    assert same([("customer", "收到了吗。是。发票呢。不是"), *TALK], [("customer", "收到了吗。不是。发票呢。是"), *TALK]) is None


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_is_compared(left: str, right: str) -> None:
    found, turned = same(left, right), same(right, left)
    assert (found is None) == (turned is None)
    one = compared([("", left)])
    assert explain(one, one, 1.0, lambda form, beside: True) == (Same("", False) if one.sentences else None)


def test_a_stock_greeting_before_the_answer_is_no_difference() -> None:
    asked = ("customer", "热水器多久除一次垢")
    left, right = ([asked, ("agent", f"{hello}，建议一年除一次。")] for hello in ("您好", "尊敬的用户"))
    assert same(left, right) == Same("", False)


_PARTS = st.lists(
    st.sampled_from(
        ["退款3天到账。", "退款5天到账。", "我的订单[订单号_1]呢？", "怎么退款？", "谢谢", "It takes 12 days. ", "where is it? ", "②号门。"]
    ),
    max_size=6,
)


@settings(deadline=None)
@given(_PARTS, _PARTS, st.booleans())
def test_values_keep_apart_only_what_differs_in_meaning(left: list[str], right: list[str], more: bool) -> None:
    texts = [compared([("", "".join(parts))]) for parts in (left, left + right if more else right)]
    values = Values(3)
    assert values.may([1, 2], 0) == [1, 2]  # nothing is known of them
    for place, text in enumerate(texts):
        values.put(place, text)
    found = explain(*texts, 0.7, lambda form, beside: True)
    assert found is None or (values.may([1], 0), values.may([0], 1)) == ([1], [0])


def test_values_tell_questions_apart_that_differ_in_a_number() -> None:
    values = Values(3)
    for place, text in enumerate(("退款3天到账吗", "退款5天到账吗", "退款三天到账吗")):
        values.put(place, compared([("", text)]))
    assert values.may([1, 2], 0) == [] and values.may([2], 2) == [2]


def test_one_word_on_each_side_of_a_place_is_an_exchange() -> None:
    said = ["想找个能停车的餐馆吃晚饭", "可以去城南的竹林小馆", "那里人均多少钱", "人均一百二十元左右", "帮我查一下怎么联系"]
    left, right = ([*(("customer", text) for text in said), ("agent", f"他们的{word}是[电话_1]。")] for word in ("电话号码", "致电"))
    assert same(left, right, 0.6) is None
