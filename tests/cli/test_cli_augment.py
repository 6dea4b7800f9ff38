"""`kefu data augment`: a trial is looked at and leaves the dataset in use alone; what kefu.yaml asks for becomes it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from kefu.artifacts import Store

FAQ = "问题,答案\n团队版怎么收费？,团队版每位成员每月29元。\n怎么申请退款？,在订单页点退款即可。\n发票多久寄到？,三个工作日内寄出。\n"


def kefu(*arguments: str) -> str:
    done = subprocess.run([sys.executable, "-m", "kefu", *arguments], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_trial_leaves_the_newest_dataset_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "faq.csv").write_text(FAQ, "utf-8")
    settings = "name: t\ndata:\n  sources: [{name: faq, shape: faq, path: faq.csv}]\n"
    (tmp_path / "kefu.yaml").write_text(settings, "utf-8")
    kefu("data", "build", str(tmp_path))
    own = Store(tmp_path / "build").newest("data", "t")
    assert "this was a trial" in kefu("data", "augment", str(tmp_path))
    now = Store(tmp_path / "build").newest("data", "t")
    assert own is not None and now is not None and now.key == own.key
    (tmp_path / "kefu.yaml").write_text(settings + "  augment: {methods: [frame]}\n", "utf-8")
    kefu("data", "augment", str(tmp_path))
    now = Store(tmp_path / "build").newest("data", "t")
    assert now is not None and now.key != own.key and now.file("augmented.jsonl").exists()
