"""Files in two encodings, templates that take no such field, archives: what is read must be right, or the true cause be told."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kefu import data
from kefu.data.findings import lines, look
from kefu.data.readers import encoding, mixed
from kefu.errors import ConfigError, InputError
from kefu.project import load

from .guess_case import ZH


def project(folder: Path, source: str) -> Path:
    (folder / "kefu.yaml").write_text(f"name: t\ndata:\n  sources:\n    - {source}\n", "utf-8")
    return folder


def halves(gb: int, utf8: int) -> bytes:
    told = [f'{q},"{a}\n再次说明：{a}"\n' for q, a in ZH]
    return b"question,answer\n" + "".join(told[:gb]).encode("gb18030") + "".join(told[gb : gb + utf8]).encode("utf-8")


@pytest.mark.parametrize(("gb", "utf8"), [(6, 6), (1, 11), (11, 1), (10, 2)])
def test_two_encodings_in_one_file(tmp_path: Path, gb: int, utf8: int) -> None:
    """Every cell comes back, with the line ends inside it; the report counts the lines of each."""
    (tmp_path / "t.csv").write_bytes(halves(gb, utf8))
    loaded = load(project(tmp_path, "{name: t, shape: faq, path: t.csv}"))
    seen = data.preview(loaded, "t", 50, mask=False)
    assert [one.turns[0].text for one in seen] == [q for q, _ in ZH]
    assert all(a in one.turns[1].text and "再次说明" in one.turns[1].text for (_, a), one in zip(ZH, seen, strict=True))
    assert any(f"{2 * gb} lines in gb18030" in line and f"{2 * utf8} lines in utf-8" in line for line in lines("t", look(loaded, "t")))


def test_a_line_in_neither_encoding_is_left_out_with_the_reason(tmp_path: Path) -> None:
    torn = "怎么申请售后服务,点击售后即可\n".encode()[:-6] + "退款".encode("gb18030") + b"\n"
    (tmp_path / "t.csv").write_bytes(halves(5, 6) + torn + b"\xff\xff\xff,\xfe\n")
    loaded = load(project(tmp_path, "{name: t, shape: faq, path: t.csv}"))
    facts = look(loaded, "t")
    assert facts["files"]["t.csv"]["lines_by_encoding"] == {"utf-8": 12, "gb18030": 10, "neither": 2} and facts["broken"] == 2
    assert [row.fault for row in encoding.lines(tmp_path / "t.csv", mixed.NAME, 16) if row.fault] == [mixed.FAULT] * 2


def test_a_named_encoding_that_would_give_mojibake_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(halves(6, 6))
    with pytest.raises(InputError, match="12 lines in utf-8, 12 lines in gb18030"):
        encoding.check(tmp_path / "t.csv", "gb18030")


@pytest.mark.parametrize("code", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "big5", "shift-jis"])
def test_one_encoding_stays_what_it_is(tmp_path: Path, code: str) -> None:
    text = {"big5": "請問怎麼申請退款，運費由誰負擔\n" * 9, "shift-jis": "返品の方法を教えてください\n" * 9}.get(
        code, "".join(f"{q},{a}\n" for q, a in ZH)
    )
    (tmp_path / "t.csv").write_bytes(text.encode(code))
    assert not mixed.found(tmp_path / "t.csv") or code == "utf-16"
    if code != "shift-jis":
        assert encoding.detect(tmp_path / "t.csv").replace("gbk", "gb18030") == code


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from([text for pair in ZH for text in pair]), st.text('ab,"1', max_size=5)), max_size=20),
    st.integers(1, 9),
)
def test_any_cutting_gives_the_same_text(given_lines: list[tuple[bool, str, str]], size: int) -> None:
    whole = "\n".join(a + b for _, a, b in given_lines)
    raw = b"\n".join((a + b).encode("utf-8" if wide else "gb18030") for wide, a, b in given_lines)
    decoder = mixed.codecs.getincrementaldecoder(mixed.NAME)()
    told = "".join(decoder.decode(raw[i : i + size]) for i in range(0, len(raw), size)) + decoder.decode(b"", True)
    assert told == whole == raw.decode(mixed.NAME)


CLAUSE = '{"条款": "乙方逾期交付的，每日支付百分之五的违约金。", "风险点": "违约金过高", "建议": "改为千分之五"}\n'


def test_the_risk_of_a_clause_stands_in_the_answer(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(CLAUSE * 3, "utf-8")
    source = "{name: t, shape: records, path: t.jsonl, template: contract-zh, map: {clause: 条款, answer: 建议, reason: 风险点}}"
    asked, answer = (turn.text for turn in data.preview(load(project(tmp_path, source)), "t", 1)[0].turns)
    assert "违约金过高" in answer and "千分之五" in answer and "违约金过高" not in asked


def test_a_field_that_the_template_does_not_take_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(CLAUSE * 3, "utf-8")
    source = "{name: t, shape: records, path: t.jsonl, template: contract-zh, map: {clause: 条款, answer: 建议, riskk: 风险点}}"
    with pytest.raises(ConfigError, match=r"no field 'riskk'.*clause.*reason"):
        data.preview(load(project(tmp_path, source)), "t", 1)


@pytest.mark.parametrize(("members", "said"), [({"a.jsonl": 400}, "300 times its size"), ({"a.csv": 0, "b.csv": 0}, "holds 2 files")])
def test_an_archive_without_an_inner_ending_names_the_true_cause(tmp_path: Path, members: dict[str, int], said: str) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, size in members.items():
            archive.writestr(name, b"0" * (size << 20))
    with pytest.raises((InputError, ConfigError), match=said):
        data.preview(load(project(tmp_path, "{name: t, shape: faq, path: bomb.zip}")), "t", 1)
