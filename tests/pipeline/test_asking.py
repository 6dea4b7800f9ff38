"""A file of questions with bad lines in it."""

from pathlib import Path

import pytest

from kefu.errors import InputError
from kefu.pipeline.asking import read


def test_bad_lines_are_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "q.jsonl"
    lines = [
        b'\xef\xbb\xbf{"id": "a", "text": "\xe4\xbd\xa0\xe5\xa5\xbd"}',
        b"not json",
        b'{"text": "no id"}',
        b"",
        b"[1]",
        b'{"turns": []}',
        b'{"turns": ["x", "y"]}',
    ]
    file.write_bytes(b"\r\n".join(lines))
    questions, faults = read(file)
    assert [(question.id, len(question.turns)) for question in questions] == [("a", 1), ("3", 1), ("7", 2)]
    assert [fault.split(": ")[0].rpartition(":")[2] for fault in faults] == ["2", "5", "6"]


@pytest.mark.parametrize("content", [b"", b"\n \n", b"nothing\nhere\n", "你好".encode("gb18030")], ids=["empty", "blank", "all bad", "not UTF-8"])
def test_a_file_without_a_question_is_an_error(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "q.jsonl"
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"q\.jsonl"):
        read(file)
