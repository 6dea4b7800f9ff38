"""Augmentation: what is made keeps its meaning, is marked, repeats by seed, and never touches the held-out side."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kefu import data
from kefu.data import augment, near
from kefu.data.augment import Question, frames, guard, lexicon, negatives, slips, synonyms
from kefu.data.augment.check import check, plain
from kefu.data.augment.contrasts import contrasts
from kefu.errors import ConfigError, GateError, InputError
from kefu.pipeline.writing import open_writer
from kefu.project import Loaded
from kefu.project.schema import Augment
from kefu.train import rows as train_rows

from .chat_server import chat_server
from .desk import dialogue, jsonl, rows_of, table

PLANS = ["团队版", "企业版", "个人版", "教育版"]
ASKED = [
    "{p}怎么收费？",
    "{p}支持多少人一起用？",
    "{p}能不能修改手机号？",
    "{p}退款多久到账",
    "怎么取消{p}",
    "{p}到期了怎么办",
    "请问{p}什么时候能开发票",
]
ENGLISH = ["How do I cancel my {p} order?", "how much does {p} cost", "I don't want to buy {p} anymore, can I get a refund within 7 days?"]


def faq() -> list[list[str]]:
    found = [["编号", "分类", "标准问题", "相似问法", "答案"]]
    for i, plan in enumerate(PLANS):
        for k, ask in enumerate(ASKED):
            wordings = [
                f"想问{plan}的第{k + 1}件事",
                f"{ask.format(p=plan)}麻烦说一下",
                f"你好{plan}{k + 1}号问题帮忙看下呗",
                f"关于{plan}，{k}点钟能联系客服吗",
            ]
            found.append(
                [f"Z{i}{k}", plan, ask.format(p=plan), "|".join(wordings), f"{plan}每月{19 + i * 10 + k}元，可以退款，不支持转让，{k + 3}天内到账。"]
            )
    for i, plan in enumerate(("Team", "Solo")):
        for k, ask in enumerate(ENGLISH):
            found.append(
                [
                    f"E{i}{k}",
                    "en",
                    ask.format(p=plan),
                    f"tell me about {plan} case {k}|{plan} number {k} please help",
                    f"{plan} costs {9 + i + k} dollars and can be returned in {k + 7} days.",
                ]
            )
    return found


@pytest.fixture
def desk(tmp_path: Path, project: Callable[..., Loaded]) -> Callable[..., Loaded]:
    (tmp_path / "faq.csv").write_bytes(table(faq()))
    columns = {"id": "编号", "category": "分类", "question": "标准问题", "similar": "相似问法", "answer": "答案"}

    def make(**settings: object) -> Loaded:
        return project({"name": "faq", "shape": "faq", "path": "faq.csv", "map": columns}, augment=settings, split={"validation": 0.15, "test": 0.15})

    return make


OFFLINE = {"methods": ["synonym", "frame", "slip"], "negatives": ["other_entity", "other_number", "negated"], "negatives_per_question": 3}


def test_made_rows_are_marked_train_only_and_apart_from_what_is_held_out(desk: Callable[..., Loaded], out: Path) -> None:
    facts = data.build(desk(**OFFLINE), out)
    made, rejected = rows_of(out / "augmented.jsonl"), facts["augmented"]["rejected"]
    assert facts["balanced"] and {row["augmented"]["method"] for row in made} == {"synonym", "frame", "slip"}
    sides = {row["id"]: row for row in rows_of(out / "conversations.jsonl")}
    held = [row["turns"][0]["text"] for row in sides.values() if row["split"] != "train"]
    assert held
    for row in made:
        parent = sides[row["augmented"]["parent"]]
        assert parent["split"] == "train" and parent["answer_id"] == row["answer_id"] and row["augmented"]["seed"] == 7
        assert guard.numbers(parent["turns"][0]["text"]) == guard.numbers(row["text"])
        assert guard.negations(parent["turns"][0]["text"]) == guard.negations(row["text"])
    known = near.Known([plain(text) for text in held], 0.8)
    assert not [row for row in made if list(known.alike(plain(row["text"])))]
    for name in ("validation", "test"):
        assert not any("augmented" in row for row in rows_of(out / f"messages.{name}.jsonl"))
    trained = [row for row in rows_of(out / "messages.train.jsonl") if "augmented" in row]
    assert len(trained) == len(made)
    index = {text for row in rows_of(out / "faq.jsonl") for text in row["questions"]}
    assert not index & {row["text"] for row in made}, "an index with copies of held-out questions would be calibrated on itself"
    learnt = [row for row in train_rows.training(out).rows if row.question in {row["text"] for row in made}]
    assert len(learnt) == len(made)
    ledger = json.loads((out / "ledger.json").read_text("utf-8"))
    step = next(step for step in ledger["steps"] if step["step"] == "augmentation")
    assert (
        step["added"]
        == step["kept"] + sum(step["dropped"].values())
        == len(made) + sum(sum(r.values()) for m, r in rejected.items() if m != "negative")
    )


def test_wrong_answers_are_wrong_in_the_way_they_say(desk: Callable[..., Loaded], out: Path) -> None:
    data.build(desk(**OFFLINE), out)
    rows = rows_of(out / "preference.made.jsonl")
    assert {row["kind"] for row in rows} == {"other_entity", "other_number", "negated"}
    answers = {row["answer"] for row in rows_of(out / "faq.jsonl")}
    for row in rows:
        assert row["chosen"] in answers and row["rejected"] != row["chosen"]
        if row["kind"] == "other_entity":
            assert row["rejected"] in answers
        if row["kind"] == "other_number":
            assert guard.numbers(row["rejected"]) != guard.numbers(row["chosen"])
        if row["kind"] == "negated":
            assert guard.numbers(row["rejected"]) == guard.numbers(row["chosen"]) and row["rejected"] not in answers


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(desk: Callable[..., Loaded], tmp_path: Path) -> None:
    loaded = desk(**OFFLINE)
    for name in ("a", "b"):
        data.build(loaded, tmp_path / name)
    names = ("augmented.jsonl", "preference.made.jsonl", "augmented.rejected.jsonl", "faq.jsonl", "messages.train.jsonl")
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in names)
    questions = [
        Question(f"q{i}", text, "zh", "", f"e{i}") for i, text in enumerate(["怎么修改手机号？", "为什么退款还没到账？", "请问能不能开发票"])
    ]
    answers = {f"e{i}": ["好的。"] for i in range(3)}
    texts = {
        seed: [row.text for row in augment.make(questions, [], answers, Augment(methods=["slip"], per_question=5), seed).rows] for seed in (1, 1, 2)
    }
    assert texts[1] != texts[2]


def test_nothing_is_made_unless_switched_on(desk: Callable[..., Loaded], out: Path) -> None:
    facts = data.build(desk(), out)
    assert "augmented" not in facts and not (out / "augmented.jsonl").exists()
    assert not any("augmented" in row for row in rows_of(out / "faq.jsonl"))


def test_rare_categories_are_lifted_up_to_the_cap() -> None:
    common = [Question(f"c{i}", f"怎么修改第{i}个手机号", "zh", "多", "a") for i in range(40)]
    middle = [Question(f"m{i}", f"为什么{i}号订单的退款还没到账", "zh", "中", "b") for i in range(30)]
    rare = [Question("r0", "请问为什么收到的发票抬头写错了", "zh", "少", "c"), Question("r1", "最近购买的商品质量很差", "zh", "少", "c")]
    answers = {"a": ["甲"], "b": ["乙"], "c": ["丙"]}
    made = augment.make([*common, *middle, *rare], [], answers, Augment(methods=["slip"], balance=1.0, balance_cap=6, max_share=5), 7)
    assert made.lifted == {"少": 6}
    assert 2 < sum(row.category == "少" for row in made.rows) <= 12
    assert sum(row.category == "多" for row in made.rows) <= 40


def test_the_cap_keeps_first_copies_and_counts_the_rest() -> None:
    questions = [Question(f"q{i}", f"怎么修改{word}的收货地址", "zh", "", f"e{i}") for i, word in enumerate(["礼物", "衣服", "药品", "玩具"])]
    made = augment.make(questions, [], {f"e{i}": ["好"] for i in range(4)}, Augment(methods=["slip"], per_question=4, max_share=1), 7)
    assert len(made.rows) == 4 and {row.parent for row in made.rows} == {"q0", "q1", "q2", "q3"}
    assert made.rejected["slip"]["above max_share"] > 0


def test_the_check_refuses_what_crosses_the_split() -> None:
    def row(parent: str, text: str) -> augment.Made:
        return augment.Made("x", text, "slip", parent, 7, "zh", "", "e")

    side = {"a": "train", "b": "test"}
    assert check([row("a", "怎么修改手机号")], [], side, ["退款多久到账"]) == 1
    for bad, held in (
        (row("b", "怎么修改手机号"), "退款多久到账"),
        (row("unknown", "怎么修改手机号"), "退款多久到账"),
        (row("a", "退款多久到账？"), "退款多久到账"),
        (row("a", "我上周提交的退款申请多久能够到账呢"), "我上周提交的退款申请多久能够到账"),
        (row("a", "could you tell me how to cancel my order please"), "could you tell me how to cancel my order"),
    ):
        with pytest.raises(GateError, match="held-out side"):
            check([bad], [], side, [held])
    same = negatives.Negative("n", "问", "答案。", "答案", "negated", "a", 7, "zh", "e")
    with pytest.raises(GateError):
        check([], [same], side, [])


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("团队版29元一个月吗", "团队版39元一个月吗", "a number changed"),
        ("两年合约到期了吗", "三年合约到期了吗", "a number changed"),
        ("我不投诉", "我投诉", "a negation changed"),
        ("区别大吗", "区别不大吗", "a negation changed"),
        ("I don't want it", "I want it", "a negation changed"),
        ("refund within 7 days", "refund within seven days", "a number changed"),
        ("API key 在哪里", "API 在哪里", "a name changed"),
        ("How much is CloudBox Pro?", "How much is the box?", "a name changed"),
        ("发到 [邮箱_1] 可以吗", "发到邮箱可以吗", "a number changed"),
        ("怎么退款", "how to get a refund", "another language"),
        ("怎么退款", "怎么退款！", "the same words"),
        ("怎么退款", " ", "empty"),
    ],
)
def test_the_guard_names_what_is_wrong(before: str, after: str, reason: str) -> None:
    language = "zh" if any(char > "\u4e00" for char in before) else "en"
    assert guard.fault(before, after, language=language) == reason


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("是不是不能退", "是否不能退"),
        ("特别想知道区别", "非常想知道区别"),
        ("支不支持分期", "请问支持分期吗"),
        ("I don't have it", "I do not have it"),
        ("can't log in", "cannot sign in"),
        ("能不能帮我看下", "可不可以替我看下"),
    ],
)
def test_the_guard_lets_the_same_meaning_pass(before: str, after: str) -> None:
    assert guard.fault(before, after) == ""


def test_synonyms_keep_words_whole_and_know_their_part_of_speech() -> None:
    words = lexicon.load()
    assert words["zh"].groups > 120 and words["en"].groups > 120

    def all_of(text: str, language: str) -> set[str]:
        drawn = (synonyms.exchanged(text, language, words, random.Random(seed)) for seed in range(40))
        return {found[0] for found in drawn if found}

    assert "怎么更改手机号" in all_of("怎么修改手机号", "zh")
    assert all("支付宝" in text for text in all_of("支付宝付款失败", "zh"))
    assert all_of("支付宝可用吗", "zh") == set()
    assert "Can I send back my parcel?" in all_of("Can I return my parcel?", "en")
    assert all("return policy" in text for text in all_of("what is the return policy", "en"))
    assert all("an issue" in text or "a problem" in text for text in all_of("I have a problem", "en"))
    assert all("Fix" not in text for text in all_of("Where is the Find My app from Contact Ltd", "en"))
    assert "packages" in " ".join(all_of("where are my parcels", "en"))


def test_every_group_of_the_lexicon_survives_the_guard() -> None:
    """A word exchanged for its synonym must never count as a changed number or negation, or the group is dead weight."""
    for language, words in lexicon.load().items():
        for word, (_, others) in words.others.items():
            for other in others:
                assert word != other
                assert guard.numbers(word) == guard.numbers(other), (language, word, other)
                assert guard.negations(word) == guard.negations(other), (language, word, other)


def test_an_own_lexicon_is_read_and_faults_are_named(tmp_path: Path) -> None:
    good = tmp_path / "own.yaml"
    good.write_text("zh: {noun: ['云盘 | 网盘']}\nen: {any: ['cloudy > box']}\n", "utf-8")
    words = lexicon.load(str(good))
    assert words["zh"].others["云盘"] == ("noun", ("网盘",)) and "box" not in words["en"].others
    for i, (text, match) in enumerate(
        [
            ("[a, b]", "no languages"),
            ("fr: {noun: ['a | b']}", "language 'fr'"),
            ("zh: {nouns: ['a | b']}", "kind 'nouns'"),
            ("zh: {noun: [a]}", "two words"),
            ("zh: [a]", "not a table"),
            ("zh: {noun: 3}", "not a list"),
            (": :\n - [", "YAML"),
        ]
    ):
        bad = tmp_path / f"bad{i}.yaml"
        bad.write_text(text, "utf-8")
        with pytest.raises(InputError, match=match):
            lexicon.load(str(bad))
    with pytest.raises(InputError):
        lexicon.load(str(tmp_path / "none.yaml"))


def test_frames_turn_round_what_the_customer_does_not_what_the_company_does() -> None:
    def all_of(text: str, language: str) -> set[str]:
        return {found[0] for seed in range(60) if (found := frames.framed(text, language, random.Random(seed)))}

    assert "我想取消订单，该怎么操作？" in all_of("怎么取消订单？", "zh")
    assert not any("我想收费" in text or "才能收费" in text for text in all_of("怎么收费？", "zh"))
    assert not any("怎样才能" in text for text in all_of("怎么还没发货？", "zh"))
    assert "Could you tell me how to cancel my order?" in all_of("How do I cancel my order?", "en")
    assert "What does the Team plan cost?" in all_of("how much does the Team plan cost", "en")
    assert "密码忘了，怎么办？" in all_of("密码忘了", "zh")
    assert all_of("好的谢谢", "zh") == set() and all_of("", "zh") == set() and all_of("thanks", "en") == set()


@settings(max_examples=150, deadline=None)
@given(st.text("我的手机号不能修改团队版29元退款 多久到账吗？abcEX7.", min_size=1, max_size=30), st.integers(0, 10**6))
def test_slips_never_touch_numbers_negations_or_names(text: str, seed: int) -> None:
    found = slips.slipped(text, "zh", {"团队"}, random.Random(seed))
    if found and not guard.fault(text, found[0], {"团队"}, loose=True):
        assert guard.numbers(found[0]) == guard.numbers(text)
        assert found[0].count("不") == text.count("不")
        assert found[0].count("团队") >= text.count("团队")


def test_contrasts_find_the_names_of_things() -> None:
    questions = [(f"e{i}", "zh", ask.format(p=plan)) for i, plan in enumerate(PLANS) for ask in ASKED]
    telling = contrasts(questions)
    assert {"团队", "企业", "教育"} <= {word.rstrip("版") for word in telling["zh"]}
    assert contrasts([]) == {}


# --- a language model behind a URL


def paraphraser(prompt: str) -> str:
    text = prompt.rsplit("：" if "问题：" in prompt else ": ", 1)[-1]
    return "好的：" + json.dumps(
        {"questions": [f"麻烦讲一下{text}" if "问题：" in prompt else f"Kindly explain, {text}", text.replace("怎么", "咋") + "3元"]},
        ensure_ascii=False,
    )


def test_paraphrases_come_by_url_are_guarded_paid_for_once_and_cached(desk: Callable[..., Loaded], tmp_path: Path) -> None:
    with chat_server(paraphraser, fail_first=2) as server:
        point = {"url": server.url, "price_in_per_million": 1000, "price_out_per_million": 2000, "retry_s": 0.01}
        loaded = desk(methods=["paraphrase"], per_question=2, model=point)
        first = data.build(loaded, tmp_path / "a", open_writer=open_writer)["augmented"]
        asked = len(server.asked)
        second = data.build(loaded, tmp_path / "b", open_writer=open_writer)["augmented"]
        assert len(server.asked) == asked, "the second run asks nothing"
    assert first["questions"] > 10 and first["rejected"]["paraphrase"]["a number changed"] > 10
    bill = first["bill"]
    assert bill["retried"] == 2 and bill["asked"] == asked - 2 and bill["cached"] == 0
    assert bill["cost"] == pytest.approx((bill["prompt_tokens"] * 1000 + bill["completion_tokens"] * 2000) / 1e6)
    assert second["bill"]["cached"] == bill["asked"] and second["bill"]["cost"] == 0
    assert (tmp_path / "a" / "augmented.jsonl").read_bytes() == (tmp_path / "b" / "augmented.jsonl").read_bytes()


def test_back_translation_goes_there_and_back(desk: Callable[..., Loaded], out: Path) -> None:
    def translate(prompt: str) -> str:
        if prompt.startswith("把下面这句顾客的话译成英文"):
            return "EN " + prompt.split("\n", 1)[1]
        if prompt.startswith("Translate this customer's sentence into natural"):
            return "想了解一下" + prompt.split("\n", 1)[1].removeprefix("EN ")
        return "three\nlines\nhere"

    with chat_server(translate) as server:
        loaded = desk(methods=["back_translation"], model={"url": server.url, "retries": 0})
        facts = data.build(loaded, out, open_writer=open_writer)["augmented"]
    assert facts["by_language"].keys() == {"zh"}
    assert facts["rejected"]["back_translation"]["the model gave nothing usable"] >= 6  # the English ones
    assert all(row["text"].startswith("想了解一下") for row in rows_of(out / "augmented.jsonl"))


def test_a_cost_limit_is_never_overshot(desk: Callable[..., Loaded], out: Path) -> None:
    with chat_server(paraphraser) as server:
        point = {"url": server.url, "price_in_per_million": 1000, "price_out_per_million": 1000, "max_cost": 3.0}
        bill = data.build(desk(methods=["paraphrase"], model=point), out, open_writer=open_writer)["augmented"]["bill"]
    assert 0 < bill["cost"] <= 3.0 and bill["unasked"] > 0 and bill["asked"] > 0


def test_without_a_model_or_with_a_dead_one_the_build_says_so(desk: Callable[..., Loaded], out: Path) -> None:
    from kefu.errors import EngineError
    from kefu.pipeline.check import check as faults

    nowhere = desk(methods=["paraphrase"])
    with pytest.raises(ConfigError, match=r"data\.augment\.model\.url"):
        data.build(nowhere, out, open_writer=open_writer)
    assert any("data.augment.model.url" in fault for fault in faults(nowhere))
    dead = desk(methods=["paraphrase"], model={"url": "http://127.0.0.1:9/v1", "retries": 0})
    with pytest.raises(EngineError, match="run again"):
        data.build(dead, out, open_writer=open_writer)
    with pytest.raises(ConfigError, match="no way to reach"):
        data.build(dead, out)


@pytest.mark.parametrize(
    ("answer", "amounts"),
    [
        ("Call 0800 555 0199 within 3 days.", ["3"]), ("请拨打 96116，或发短信到 10086", []), ("call 611 or 116 123", []), ("订单号 123456", []),
        ("遇到紧急情况请拨 110", []), ("满 100 元包邮，30天内可退", ["100", "30"]), ("7 to 10 business days", ["7", "10"]), ("only $29.9", ["29.9"]),
        ("热线 400 820 8820 转 3", []), ("up to 500 users", ["500"]), ("大厅 3号窗口", []),
    ],
)  # fmt: skip
def test_only_amounts_are_changed_never_numbers_that_are_dialled(answer: str, amounts: list[str]) -> None:
    assert [match.group() for match in negatives._NUMBER.finditer(answer) if negatives.amount(answer, match)] == amounts
    made = {negatives.wrong("other_number", answer, "zh", [], random.Random(seed))[0] for seed in range(20)}
    assert (made == {""}) == (not amounts)


def test_no_wrong_answer_is_made_of_a_reply_with_one_tickets_number(tmp_path: Path, project: Callable[..., Loaded], out: Path) -> None:
    """Replies that differ in a number only are no entry, since that number is right for nobody else; with one number for all they are."""
    asked = ["可以退货吗", "我想退掉这个", "不合适能退不", "买错了退款行吗", "尺码小了怎么退", "颜色不对要退", "坏了退不退", "不喜欢可以退么"]
    said = {f"{text}，订单{i * 7919 + 11}": f"好的，支持7天退货，编号{i * 31 + 5}" for i, text in enumerate(asked)}
    talks = [dialogue(i, ("customer", text), ("staff", answer)) for i, (text, answer) in enumerate(said.items())]
    (tmp_path / "logs.jsonl").write_text(jsonl(talks), "utf-8")
    logs = {"name": "logs", "shape": "dialogues", "path": "logs.jsonl", "roles": {"customer": "customer", "staff": "agent"}}
    augmented = {"negatives": ["negated", "other_number"], "negatives_per_question": 2}
    settings = project(logs, augment=augmented, dedup={"near": False}, split={"test": 0, "validation": 0})
    data.build(settings, out)
    assert not rows_of(out / "preference.made.jsonl")
    talks = [dialogue(i, ("customer", text), ("staff", "好的，支持7天退货")) for i, text in enumerate(said)]
    (tmp_path / "logs.jsonl").write_text(jsonl(talks), "utf-8")
    again = tmp_path / "again"
    data.build(settings, again)
    rows = rows_of(again / "preference.made.jsonl")
    assert rows
    for row in rows:
        assert row["chosen"] == "好的，支持7天退货" != row["rejected"]


@pytest.mark.parametrize("text", ["E3故障码是什么意思", "故障灯怎么亮了", "怎么清洁滤网", "机器响得像地震一样"])
def test_terms_and_verbs_keep_their_words(text: str) -> None:
    found = [synonyms.exchanged(text, "zh", lexicon.load(), random.Random(seed)) for seed in range(60)]
    for word in ("故障", "清洁", "一样"):
        assert all(word in one[0] for one in found if one) or word not in text


def test_a_slip_never_loses_what_is_asked_for() -> None:
    texts = {slips._dropped("七天无理由退货吗", [False] * 8, random.Random(seed)) for seed in range(80)}
    assert len(texts) > 1 and all("退" in text for text in texts)
