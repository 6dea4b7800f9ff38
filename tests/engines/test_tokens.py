"""Text from tokens: whole characters only, stop strings whatever the cutting."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kefu.engines.tokens import TextStream, Tokens, end_tokens
from kefu.errors import InputError
from tiny_engine import PAIRS


@pytest.fixture(scope="module")
def tokens(tiny: Path) -> Tokens:
    return Tokens(tiny / "engine")


def spell(tokens: Tokens, text: str) -> list[int]:
    return tokens.ids(text)


@pytest.mark.parametrize("text", ["请打开“账户安全”，点击“修改密码”。", "Open Settings.", "价格 199€ 👩‍💻 ok", "𠮷野家", ""])
def test_token_by_token_equals_whole(tokens: Tokens, text: str) -> None:
    stream = TextStream(tokens)
    pieces = [stream.push([token]) for token in spell(tokens, text)]
    assert all("\N{REPLACEMENT CHARACTER}" not in piece for piece in pieces)
    assert "".join(pieces) + stream.flush() == text


def test_broken_character_at_the_end_stays_out(tokens: Tokens) -> None:
    stream = TextStream(tokens)
    ids = spell(tokens, "好👩")  # the emoji takes several byte tokens
    assert stream.push(ids[:-1]) + stream.flush() == "好"


@settings(max_examples=150, deadline=None)
@given(
    text=st.text(alphabet="abc人工。 👩", max_size=24),
    stop=st.lists(st.text(alphabet="abc人工", min_size=1, max_size=4), max_size=3),
    seed=st.integers(0, 99),
)
def test_stop_strings_cut_at_the_same_place_for_any_chunking(tokens: Tokens, text: str, stop: list[str], seed: int) -> None:
    ids, draw = spell(tokens, text), random.Random(seed)
    stream, said = TextStream(tokens, stop), ""
    while ids and not stream.stopped:
        n = draw.randint(1, 3)
        said += stream.push(ids[:n])
        assert not any(word in said for word in stop)
        ids = ids[n:]
    said += stream.flush()
    cuts = [at for word in stop if (at := text.find(word)) >= 0]
    # A chunk is looked at whole: of two stop strings that end in one chunk the earlier start wins, else the one that was complete first.
    assert not any(word in said for word in stop)
    assert text.startswith(said)
    assert stream.stopped == bool(cuts)
    if len(stop) <= 1:
        assert said == text[: min(cuts, default=len(text))]


def test_end_tokens_are_joined_in_order() -> None:
    assert end_tokens([5, 7], 5, None, 9) == [5, 7, 9]
    assert end_tokens(None) == []


def test_template_in_the_config_and_none_at_all(tiny: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny / "engine", tmp_path / "e")
    template = (folder / "chat_template.jinja").read_text()
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(InputError, match="no chat template"):
        Tokens(folder)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, "chat_template": template}))
    messages = [{"role": "user", "content": PAIRS[0][0]}]
    assert Tokens(folder).encode(messages) == Tokens(tiny / "engine").encode(messages)


def test_padding_baked_into_the_tokenizer_is_switched_off(tiny: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny / "engine", tmp_path / "e")
    path = folder / "tokenizer.json"
    made = Tokens(folder).tokenizer
    made.enable_padding(length=64, pad_id=0, pad_token="<|pad|>")
    made.enable_truncation(8)
    made.save(str(path))
    text = "How do I reset my password, please, as soon as possible?"
    assert Tokens(folder).ids(text) == Tokens(tiny / "engine").ids(text)
