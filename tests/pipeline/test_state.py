"""Which entry a project talks to, and entries it cannot talk to."""

from pathlib import Path

import pytest

from kefu.errors import InputError
from kefu.pipeline.state import open_assistant, resolve
from kefu.project import load

ENTRY = "models:\n- {name: shop, version: 1, access_point: build/x, method: sft, created: '2026-01-01T00:00:00Z', artifacts: %s}\n"


@pytest.mark.parametrize("named", ["{}", "{model: build/model/a/b}", "{knowledge: build/k, export: build/e}"])
def test_an_entry_that_names_too_little_is_one_line(tmp_path: Path, named: str) -> None:
    (tmp_path / "kefu.yaml").write_text("name: shop\ndata: {sources: [{name: faq, shape: faq, path: faq.csv}]}\n", "utf-8")
    (tmp_path / "models.yaml").write_text(ENTRY % named, "utf-8")
    for opened in (resolve, open_assistant):
        with pytest.raises(InputError, match=r"shop@1 cannot be opened: models.yaml names no .*kefu run"):
            opened(load(tmp_path))
