"""A project's own dataset class that cannot be used: the file, the line and the real cause, in one line."""

from pathlib import Path

import pytest

from kefu.data.classes import load_class, open_dataset
from kefu.data.dataset import SupportDataset
from kefu.errors import ConfigError
from kefu.pipeline.check import check
from kefu.project import load

HEAD = "from kefu.data import SupportDataset\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("class Own(SupportDataset:\n", r"SyntaxError.*line 2"),
        ("1/0\nclass Own(SupportDataset): pass\n", "line 2: ZeroDivisionError"),
        ("import sys\nsys.exit(0)\n", "line 3: SystemExit"),
        ("class Other(SupportDataset): pass\n", "no dataset class 'Own': it has Other"),
        ("import nosuchmodule\n", "nosuchmodule"),
    ],
)
def test_a_file_that_cannot_be_run_says_why(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "own.py").write_text(HEAD + text)
    with pytest.raises(ConfigError, match=said) as caught:
        load_class("own.py:Own", tmp_path)
    assert "own.py" in caught.value.line()
    (tmp_path / "faq.csv").write_text("id,question,answer\n1,How do I pay?,By card.\n")
    (tmp_path / "kefu.yaml").write_text(
        "name: t\ndata:\n  dataset_class: own.py:Own\n  sources:\n    - {name: faq, shape: faq, path: faq.csv}\n", "utf-8"
    )
    (fault,) = check(load(tmp_path))
    assert caught.value.why in fault


def test_a_class_that_cannot_be_made_is_named_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(HEAD + "class Own(SupportDataset):\n    def __init__(self, rows):\n        raise KeyError('x')\n")
    with pytest.raises(ConfigError, match=r"Own of own\.py cannot be made: line 4: KeyError") as caught:
        open_dataset(load_class("own.py:Own", tmp_path), [])
    assert caught.value.exit_code == 2
    assert len(open_dataset(SupportDataset, [])) == 0
