"""The steps one by one: cleaning, near-duplicates, entries, splits, ledger."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kefu.conversation import Conversation, Turn
from kefu.data import dedup, entries, jobs, minhash, near, split
from kefu.data.clean import Cleaner, join
from kefu.data.exclusions import Exclusions
from kefu.data.ledger import Ledger, Step
from kefu.data.spool import pack
from kefu.data.writers import SPLITS
from kefu.errors import ConfigError, GateError
from kefu.project.schema import Clean, Split
from kefu.text.normalise import fold
from kefu.text.similarity import jaccard

from .desk import rows_of


@pytest.fixture
def exclusions(tmp_path: Path) -> Any:
    made = Exclusions(tmp_path)
    yield made
    made.close()


def talk(*said: str, id: str = "s:1", **fields: Any) -> Conversation:
    """A dialogue; `+` before a text: the agent speaks, `*`: the bot, `#`: the system."""
    roles = {"+": "agent", "*": "bot", "#": "system"}
    return Conversation(id=id, turns=[Turn(roles.get(text[:1], "customer"), text.lstrip("+*#")) for text in said], source="s#1", **fields)


def pair(
    question: str,
    answer: str,
    entry: str = "",
    language: str = "zh",
    updated: str = "",
    phrasing: str = "main",
    explicit: bool = False,
    source: str = "s",
) -> Conversation:
    pair.count = getattr(pair, "count", 0) + 1  # type: ignore[attr-defined]
    key = ["answer_id" if explicit else "id", entry] if entry else ["row", f"{source}#{pair.count}"]  # type: ignore[attr-defined]
    meta = {"entry": key, "updated": updated, "phrasing": phrasing}
    return Conversation(id=f"{source}:{pair.count}", turns=[Turn("customer", question), Turn("agent", answer)], kind="faq", language=language, source=f"{source}#{entry or pair.count}", meta=meta)  # type: ignore[attr-defined] # fmt: skip # noqa: E501


def cleaner(exclusions: Exclusions, **settings: Any) -> Cleaner:
    return Cleaner(Clean(**settings), Step("clean", "conversations"), Step("clean turns", "turns"), exclusions)


# -- clean ---------------------------------------------------------------------------------------------------


def test_a_dialogue_is_cleaned_merged_and_masked(exclusions: Exclusions) -> None:
    clean = cleaner(exclusions, boilerplate=["^您好，欢迎咨询.*", "——客服.*$"])
    dialogue = talk(
        "*您好，欢迎咨询云极",
        "<p>我的账号</p>",
        "登不上了１２３",
        "+手机号是13812345678吗&nbsp;？——客服小李",
        "是13812345678",
        "是13812345678",
        "+  ",
        "+已重置",
        "[图片]",
    )
    assert clean(dialogue, "s")
    assert [(t.role, t.text) for t in dialogue.turns] == [
        ("customer", "我的账号，登不上了123"), ("agent", "手机号是[手机号_1]吗？"), ("customer", "是[手机号_1]"), ("agent", "已重置"),
    ]  # fmt: skip
    assert dialogue.language == "zh"
    assert clean.turns.dropped == {"boilerplate": 1, "empty turn": 1, "sent twice": 1, "picture, voice or recalled message": 1}
    assert clean.turns.into == 9 and clean.turns.merged == 1 and clean.turns.kept == 4 and clean.turns.balance == 0
    assert clean.masked == {"cn_mobile": 2}


@pytest.mark.parametrize(
    ("dialogue", "reason"),
    [
        (talk("在吗", "有人吗"), "no agent answer"),
        (talk("在吗", "*请输入人工"), "no agent answer"),
        (talk("+您好"), "no customer turn"),
        (talk("？？", "+您好"), "no customer turn"),
        (talk("+您好", "怎么退款"), "no agent answer after the customer spoke"),
        (talk("抖音涨粉加我", "+您好"), "off-topic"),
        (talk("怎么退款", "+好"), "answer too short"),
        (pair("测试一下", "测试一下！"), "answer repeats the question"),
        (pair("123", "您好"), "no question in words"),
    ],
)
def test_what_cannot_be_used_goes_with_its_reason(exclusions: Exclusions, dialogue: Conversation, reason: str, tmp_path: Path) -> None:
    clean = cleaner(exclusions, off_topic=["涨粉"])
    assert not clean(dialogue, "s")
    assert clean.items.dropped == {reason: 1}
    exclusions.close()
    assert [row["reason"] for row in rows_of(tmp_path / "excluded.jsonl") if row["unit"] == "conversations"] == [reason]


def test_other_phrasings_go_with_their_question(exclusions: Exclusions) -> None:
    clean = cleaner(exclusions)
    assert not clean(pair("测试", "测试", "Z9"), "s")
    assert not clean(pair("随便", "测试", "Z9", phrasing="similar"), "s")
    assert clean.items.dropped == {"answer repeats the question": 1, "its main question was dropped": 1}


def test_a_company_may_name_its_own_hotline_but_nobody_elses_mobile(exclusions: Exclusions) -> None:
    clean = cleaner(exclusions)
    faq = pair("电话多少，我的是13812345678", "热线400-800-1234或010-62781234，地址北京市海淀区中关村大街27号，急事找13987654321")
    assert clean(faq, "s")
    assert faq.turns[0].text == "电话多少，我的是[手机号_1]"
    assert faq.turns[1].text == "热线400-800-1234或010-62781234，地址北京市海淀区中关村大街27号，急事找[手机号_2]"
    assert faq.flags == ["pii_in_answer"]
    assert clean.kept_contacts == 1


def test_traditional_chinese_is_simplified_on_request(exclusions: Exclusions) -> None:
    pytest.importorskip("opencc")
    faq = pair("團隊版多少錢", "每個月二十九元")
    assert cleaner(exclusions, simplify=True)(faq, "s")
    assert [t.text for t in faq.turns] == ["团队版多少钱", "每个月二十九元"]


def test_long_dialogues_are_cut_and_counted(exclusions: Exclusions) -> None:
    clean = cleaner(exclusions, max_turns=4)
    dialogue = talk(*[f"{'+' if i % 2 else ''}第{i}句话" for i in range(10)])
    assert clean(dialogue, "s")
    assert len(dialogue.turns) == 4 and dialogue.flags == ["cut"]
    assert clean.turns.dropped == {"beyond max_turns": 6}


def test_a_bad_pattern_is_a_config_error(exclusions: Exclusions) -> None:
    with pytest.raises(ConfigError, match=r"data\.clean\.off_topic\.1 is not a regular expression"):
        cleaner(exclusions, off_topic=["ok", "("])


@pytest.mark.parametrize(
    ("first", "second", "joined"),
    [("我的账号", "登不上了", "我的账号，登不上了"), ("你好。", "在吗", "你好。在吗"), ("I cannot log", "in", "I cannot log in"),
     ("Hello.", "I need help", "Hello. I need help"), ("好！", "ok", "好！ok")],
)  # fmt: skip
def test_two_messages_become_one_sentence(first: str, second: str, joined: str) -> None:
    assert join(first, second) == joined


# -- near-duplicates -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("threshold", [0.4, 0.7, 0.9, 1.0])
def test_the_join_finds_exactly_the_pairs(threshold: float) -> None:
    r = random.Random(5)
    base = ["怎么申请退款到账要几天", "how do I reset my password", "团队版一个月多少钱", ""]
    texts = []
    for _ in range(120):
        chars = list(r.choice(base) * r.randint(1, 2))
        for _ in range(r.randint(0, 4)):
            chars[r.randrange(len(chars) or 1) : r.randrange(len(chars) or 1) + 1] = r.choice("的了ab ")
        texts.append("".join(chars))
    wanted = {
        (i, j) for j in range(len(texts)) for i in range(j) if texts[i].strip() and texts[j].strip() and jaccard(texts[i], texts[j]) >= threshold
    }
    assert {(i, j) for i, j, _ in near.pairs(texts, threshold)} == wanted
    known = near.Known(texts[:40], threshold)
    assert {(i, j) for j in range(40, len(texts)) for i, _ in known.alike(texts[j])} == {(i, j) for i, j in wanted if i < 40 <= j}
    plain = [fold(text).replace(" ", "") for text in texts]
    buckets = minhash.Buckets(minhash.bands(plain, threshold), len(texts))
    met = set()
    for j in range(len(texts)):
        met |= {(i, j) for i in buckets.met(j)}
        buckets.enter(j)
    assert wanted <= met or buckets.crowded


def test_bands_do_not_depend_on_the_batch_and_keep_salts_apart() -> None:
    texts = ["怎么申请退款到账要几天", "", "ab", "how do i reset my password", "怎么申请退款到账要几天"]
    together = minhash.bands(texts, 0.9)
    assert together.shape == (minhash.shape(0.9)[1], 5) and (together[:, 0] == together[:, 4]).all()
    for i, text in enumerate(texts):
        assert (minhash.bands([text], 0.9)[:, 0] == together[:, i]).all()
    assert not (minhash.bands(texts, 0.9, [1] * 5) == together).any()
    slight = minhash.slight_bands(["怎么才能把上个月的发票重新寄到另外一个地址去呢" * 4] * 2, [1, 2])
    assert not (slight[:, 0] == slight[:, 1]).any()


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.8, 0.9, 0.99])
def test_what_minhash_may_miss_is_bounded(threshold: float) -> None:
    rows, bands = minhash.shape(threshold)
    assert rows * bands <= 256 and minhash.missed(threshold, rows, bands) <= 1e-4 < minhash.missed(threshold / 2, rows, bands)


def test_a_crowded_bucket_is_counted() -> None:
    buckets = minhash.Buckets([np.zeros(100, np.uint32)] * 2, 100)
    for i in range(100):
        assert len(buckets.met(i)) <= 64
        buckets.enter(i)
    assert buckets.crowded == 36


@pytest.mark.parametrize(
    ("left", "right"),
    [("团队版多少钱一个月", "企业版多少钱一个月"),
     ("Team plan price", "Enterprise plan price"), ("能退款吗", "不能退款吗"), ("can I get a refund", "can't I get a refund"),
     ("买3个月多少钱", "买12个月多少钱"), ("怎么开启两步验证", "怎么关闭两步验证"),
     ("iOS版怎么下载", "Android版怎么下载"), ("为什么不能登录", "为什么能登录"),
     ("is it 99.5% or not", "is it 99% or not")],
)  # fmt: skip
def test_what_differs_in_number_negation_or_name_is_another_question(left: str, right: str) -> None:
    assert not near.same_meaning(left, right)


@pytest.mark.parametrize(
    ("left", "right"),
    [("请问怎么退款", "怎么退款呢"), ("How do I reset my password?", "how do i reset the password"), ("团队版如何收费", "团队版怎么收费？")],
)
def test_particles_do_not_make_another_question(left: str, right: str) -> None:
    assert near.same_meaning(left, right)


def test_near_duplicates_go_within_one_answer_only() -> None:
    long = "我上个月在你们网站买的云极盒子到现在都没有发货请问到底什么时候能够发出来呢"
    rows = [
        pair(long, "A", "1"),
        pair(f"{long}啊", "A", "1"),
        pair(f"{long}呀", "B", "2"),
        pair(long.replace("上个月", "3月"), "A", "1"),
        pair(long.replace("都没有", "都有"), "A", "1"),
    ]
    for row in rows:
        row.answer_id = row.meta["entry"][1]
    found = dedup.near_questions(enumerate(rows), 0.7)
    assert {number: one.original for number, one in found.items()} == {1: 0}


def test_near_duplicate_dialogues_go_and_others_of_the_same_bucket_stay() -> None:
    long = "我上个月在你们网站买的云极盒子到现在都没有发货请问到底什么时候能够发出来呢"
    texts = [long, f"{long}啊", long.replace("没有", "有"), "别的问题", long.replace("发货", "发或"), f"{long}，3天"]
    bands = minhash.slight_bands(texts)
    numbers = [5, 9, 11, 20, 21, 40]
    found = dedup.near_texts(numbers, minhash.Buckets(bands, 6), lambda number: [("", texts[numbers.index(number)])], 0.7)
    assert found == {9: dedup.Near(5, ""), 21: dedup.Near(5, "typo 货→或")}


def test_exact_duplicates_are_of_the_first_one() -> None:
    digests = np.array([[1, 2], [3, 4], [1, 2], [1, 5], [3, 4], [1, 2]], np.uint64)
    assert dedup.exact(digests) == {2: 0, 4: 1, 5: 0}
    assert dedup.exact(np.zeros((0, 2), np.uint64)) == {}


def test_a_step_that_would_drop_too_much_stops() -> None:
    step = Step("exact", "conversations", into=30)
    step.dropped["exact duplicate"] = 16
    with pytest.raises(
        GateError, match=r"exact would drop 16 of 30 conversations, 53% \(exact duplicate 16\): .*go on with --set data\.dedup\.max_drop_share=0\.54"
    ):
        step.guard(0.5)
    step.guard(0.54)
    step.dropped["exact duplicate"] = 15
    step.guard(0.5)


def test_what_the_user_asked_to_leave_out_is_no_loss() -> None:
    step = Step("form logs", "rows", into=100, kept=10)
    step.dropped["not selected by `where`"] = 85
    step.dropped["no turns"] = 5
    step.guard(0.5)
    with pytest.raises(GateError, match=r"form logs would drop 16 of 25 rows"):
        step.dropped["not selected by `where`"], step.dropped["no turns"] = 75, 16
        step.guard(0.5)


# -- entries -------------------------------------------------------------------------------------------------


def gathered(rows: list[Conversation], exclusions: Exclusions) -> tuple[entries.Gathered, Step]:
    step = Step("gather", "conversations")
    result = entries.gather(rows, step, exclusions)
    assert step.balance == 0 and step.kept == len(result.kept)
    return result, step


def test_rows_of_one_id_or_one_answer_are_one_entry(exclusions: Exclusions) -> None:
    rows = [
        pair("怎么退款", "申请即可", "1"),
        pair("退钱", "申请即可", "1", phrasing="similar"),
        pair("如何退货款", "申请即可。", "7"),
        pair("how to refund", "apply", "1", language="en"),
        pair("别的", "另一个", "2"),
    ]
    result, _ = gathered(rows, exclusions)
    assert [(e.id, e.aliases, [c.turns[0].text for c in e.rows]) for e in result.entries] == [
        ("1", ["7"], ["怎么退款", "如何退货款", "退钱"]), ("s.1", [], ["how to refund"]), ("2", [], ["别的"]),
    ]  # fmt: skip
    assert not result.contradictions


def test_the_newest_of_contradicting_answers_stands_and_is_reported(exclusions: Exclusions) -> None:
    old, new = pair("团队版多少钱", "每月25元", "71", updated="2024-01-01"), pair("团队版多少钱？", "每月29元", "1", updated="2026-01-01")
    also_old = pair("团队版报价单", "每月25元", "71", updated="2024-01-01", phrasing="similar")
    result, step = gathered([old, also_old, new], exclusions)
    assert [(e.id, e.answer, [c.turns[0].text for c in e.rows], e.flags) for e in result.entries] == [
        ("1", "每月29元", ["团队版多少钱？", "团队版报价单"], ["contradiction"])
    ]
    report = result.contradictions[0]
    assert (report["kind"], report["rule"], report["chosen"]["answer"], report["others"][0]["answer"]) == (
        "same question, different answers",
        "newest by updated",
        "每月29元",
        "每月25元",
    )
    assert not step.dropped and step.apart == {"in conflict: reported": 1}
    assert [(row["question"], row["answer"], row["stands"]) for row in result.apart] == [("团队版多少钱", "每月25元", new.source)]
    assert also_old.turns[-1].text == "每月29元"


def test_without_dates_the_first_answer_stands(exclusions: Exclusions) -> None:
    result, _ = gathered([pair("几点上班", "九点", "1"), pair("几点上班?", "八点", "2")], exclusions)
    assert [(e.id, e.answer) for e in result.entries] == [("1", "九点")]
    assert result.contradictions[0]["rule"] == "first met"


def test_the_title_of_an_answer_beats_a_phrasing_of_another(exclusions: Exclusions) -> None:
    rows = [
        pair("申请密钥", "去控制台申请密钥", "1", updated="2026-01-01"),
        pair("API key", "去控制台申请密钥", "1", updated="2026-01-01", phrasing="similar"),
        pair("API key", "密钥最多五个", "2"),
    ]
    result, _ = gathered(rows, exclusions)
    assert [(e.id, [c.turns[0].text for c in e.rows]) for e in result.entries] == [("1", ["申请密钥"]), ("2", ["API key"])]
    assert result.contradictions[0]["rule"] == "main question of its entry"


def test_one_id_with_two_answers(exclusions: Exclusions) -> None:
    rows = [pair("保修多久", "保修一年", "1", updated="2024-01-01"), pair("坏了能修吗", "主机保修两年，电源保修一年", "1", updated="2026-01-01")]
    result, step = gathered(rows, exclusions)
    assert result.entries[0].answer == "主机保修两年，电源保修一年"
    assert {c.turns[-1].text for c in result.entries[0].rows} == {"主机保修两年，电源保修一年"}
    assert [r["kind"] for r in result.contradictions] == ["same id, different answers"]
    assert step.changed == {"answer replaced by the one that stands": 1}


def test_nearly_the_same_question_and_answer_become_one_entry(exclusions: Exclusions) -> None:
    rows = [
        pair("忘记密码怎么办？", "在登录页点“忘记密码”，用手机验证码重设，10分钟内有效。", "1"),
        pair("密码忘了", "在登录页点“忘记密码”，用手机验证码重设，10分钟内有效。", "1", phrasing="similar"),
        pair("忘记密码了怎么办", "在登录页点击“忘记密码”，用手机验证码重设，10分钟有效", "69"), pair("忘记密码怎么办呢", "致电客服", "70"),
        pair("从团队版换到企业版怎么办", "在账单里把团队版换成企业版", "80"), pair("从企业版换到团队版怎么办", "在账单里把企业版换成团队版", "81"),
    ]  # fmt: skip
    result, _ = gathered(rows, exclusions)
    assert [(e.id, e.aliases) for e in result.entries] == [("1", ["69"]), ("70", []), ("80", []), ("81", [])]
    assert sorted(r["kind"] for r in result.contradictions) == ["nearly the same question and answer", "nearly the same question, different answers"]


def test_a_mapped_answer_id_has_many_wordings_and_the_central_one_stands(exclusions: Exclusions) -> None:
    answers = ["please open settings and press reset", "open settings and press reset now", "call us", "please open settings and press reset now"]
    rows = [pair(f"question {i}", answer, "reset", language="en", explicit=True) for i, answer in enumerate(answers)]
    result, _ = gathered(rows, exclusions)
    assert [(e.id, e.answer, len(e.answers)) for e in result.entries] == [("reset", "please open settings and press reset now", 4)]
    assert [c.turns[-1].text for c in rows] == answers
    assert not result.contradictions


# -- splits --------------------------------------------------------------------------------------------------


def dialogues(count: int, customers: int) -> list[Conversation]:
    return [
        talk(
            f"第{i}个问题：{chr(0x4E00 + i * 7)}{chr(0x5000 + i * 11)}{chr(0x6000 + i * 13)}怎么处理",
            "+好的",
            id=f"s:{i}",
            group=f"c:{i % customers}",
            language="zh",
        )
        for i in range(count)
    ]


def sides(talks: list[Conversation], settings: Split) -> dict[str, str]:
    done = jobs.Cleaned()
    jobs.fingerprint(talks, done, 7, 0.9)
    bands = np.frombuffer(done.leak, np.uint32).reshape(-1, len(talks))
    given = split.Things(
        np.frombuffer(done.orders, ">u8"), np.frombuffer(done.groups, np.uint64), np.frombuffer(done.strata, np.uint64),
        np.zeros(len(talks), np.uint16), ["zh"],
        minhash.Buckets(bands, len(talks)), lambda i: talks[i],
    )  # fmt: skip
    told = split.whole_groups(given, settings, 7)
    for place, group in told.groups.items():
        talks[place].group = group
    return {talk.id: SPLITS[side] for talk, side in zip(talks, told.sides, strict=True)}


def held_out(rows: list[Conversation], made: list[entries.Entry], seed: int, share: float = 0.2) -> dict[str, str]:
    """The split of every FAQ row; dialogues among the rows are those that customers had."""
    lines = [pack(row) for row in rows if row.kind == "dialogue"]

    def asked(texts: list[str]) -> set[int]:
        return jobs.AskJob(jobs.AskSetup(texts, jobs.LEAK))(lines)

    held = split.questions(made, asked, Split(validation=share, test=share), seed)
    return {row.id: held.get(row.id, "train") for row in rows if row.kind == "faq"}


def test_a_customer_is_on_one_side_only() -> None:
    talks = dialogues(200, 50)
    chosen = sides(talks, Split(validation=0.2, test=0.2))
    seen: dict[str, set[str]] = {}
    for one in talks:
        seen.setdefault(one.group, set()).add(chosen[one.id])
    assert all(len(side) == 1 for side in seen.values())
    counts = [list(chosen.values()).count(name) for name in ("train", "validation", "test")]
    assert counts == [120, 40, 40]


def test_near_duplicate_dialogues_are_on_one_side() -> None:
    talks = [talk(f"我的订单{i}号一直没有发货请帮我催一下仓库尽快发出", "+好的", id=f"s:{i}", language="zh") for i in range(30)] + dialogues(30, 30)
    for i, one in enumerate(talks):
        one.id = f"s:{i}"
    chosen = sides(talks, Split())
    assert len({chosen[f"s:{i}"] for i in range(30)}) == 1
    assert set(chosen.values()) == {"train", "validation", "test"}


def faq(count: int, each: int) -> tuple[list[Conversation], list[entries.Entry]]:
    rows = [
        pair(
            f"{chr(0x4E00 + i * 31)}{chr(0x5100 + i * 7)}业务的第{chr(0x6000 + i * 97 + j * 17)}{chr(0x7000 + j * 19 + i)}项怎么办理",
            f"答案{i}",
            f"E{i}",
        )
        for i in range(count)
        for j in range(each)
    ]
    made = [entries.Entry(f"E{i}", "zh", answer=f"答案{i}", rows=rows[i * each : (i + 1) * each]) for i in range(count)]
    for row in rows:
        row.answer_id = row.meta["entry"][1]
    return rows, made


def test_held_out_questions_leave_every_entry_its_main_one_and_half() -> None:
    rows, made = faq(20, 6)
    chosen = held_out(rows, made, 7)
    for entry in made:
        sides = [chosen[row.id] for row in entry.rows]
        assert sides[0] == "train" and sides.count("train") >= 3
    assert [list(chosen.values()).count(name) for name in ("validation", "test")] == [24, 24]
    assert held_out(rows, made, 7) == chosen
    assert held_out(rows, made, 8) != chosen


def test_the_only_question_of_an_entry_is_never_held_out() -> None:
    rows, made = faq(30, 1)
    assert set(held_out(rows, made, 7, 0.3).values()) == {"train"}


def test_a_question_that_training_nearly_knows_is_not_held_out() -> None:
    rows, made = faq(20, 6)
    known = rows[3].turns[0].text
    twin = pair(f"{known}呢", "答案7", "E7")
    twin.answer_id = "E7"
    made[7].rows.insert(0, twin)  # the main question of another entry: it stays in training, so its twin must too
    asked = talk(f"{rows[9].turns[0].text}？", "+好的", id="d:1", language="zh")
    for seed in range(12):
        chosen = held_out([*rows, twin, asked], made, seed, 0.3)
        assert chosen[rows[3].id] == "train"
        assert chosen[rows[9].id] == "train"


# -- ledger --------------------------------------------------------------------------------------------------


def test_a_ledger_that_does_not_balance_stops_the_build() -> None:
    ledger = Ledger()
    step = ledger.step("clean", "rows")
    step.into, step.kept, step.dropped["bad"] = 10, 8, 2
    assert ledger.close()["balanced"] is True
    step.kept = 7
    with pytest.raises(GateError, match="the data ledger does not balance: step clean: 1 rows missing") as caught:
        ledger.close()
    assert caught.value.layer == "data"
    step.kept = 8
    ledger.expect("rows kept", 8, "lines on disk", 9)
    with pytest.raises(GateError, match="rows kept 8 but lines on disk 9"):
        ledger.close()
