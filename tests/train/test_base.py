"""Where training starts: bad names cost seconds and one line."""

from __future__ import annotations

import http.server
import shutil
import threading
import time

import pytest

from kefu.errors import ConfigError, InputError
from kefu.train.base import embedded_model, embedded_tokenizer, load
from kefu.train.quiet import quiet


def refuse(name, folder):
    started = time.monotonic()
    with pytest.raises((ConfigError, InputError)) as caught, quiet():
        load(name, folder)
    assert time.monotonic() - started < 20
    assert "\n" not in caught.value.line()
    return caught.value


@pytest.mark.parametrize("name", ["./nowhere", "/no/such/folder", "~/model", "a b", "x/y/z"])
def test_a_folder_that_is_not_there(name, tmp_path):
    assert "no such folder" in refuse(name, tmp_path / "nowhere").line()


def test_a_folder_without_a_checkpoint(tmp_path):
    assert "no config.json" in refuse("here", tmp_path).line()


def test_a_checkpoint_without_weights_or_template(checkpoint, tmp_path):
    bare = tmp_path / "bare"
    shutil.copytree(checkpoint, bare)
    (bare / "chat_template.jinja").unlink()
    assert "has no chat template" in refuse("bare", bare).line()
    (bare / "model.safetensors").unlink()
    assert "safetensors" in refuse("bare", bare).line()


@pytest.fixture
def hub(monkeypatch):
    """A hub that knows no model at all, on this machine."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(404 if "missing" in self.path else 401)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_unknown_model(hub, tmp_path):
    assert "unknown model 'acme/missing'" in refuse("acme/missing", tmp_path / "acme/missing").line()
    assert "HTTP 401" in refuse("acme/secret", tmp_path / "acme/secret").line()


def test_no_network_and_offline(monkeypatch, tmp_path):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    line = refuse("acme/model", tmp_path / "acme/model").line()
    assert "cannot be reached" in line
    assert "base: embedded" in line
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE" in refuse("acme/model", tmp_path / "acme/model").line()


def test_embedded_tokenizer_knows_every_text():
    tokenizer = embedded_tokenizer(["怎么退款？ how much"], 300)
    for text in ("怎么退款？", "😭 naïve\nтест", "a  b"):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    assert tokenizer.pad_token_id != tokenizer.eos_token_id


def test_embedded_model_is_seeded_and_says_which_width_fits():
    tokenizer = embedded_tokenizer(["abc"], 300)
    one, two, three = (embedded_model(tokenizer, layers=1, hidden=32, context=64, seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(one[name].equal(two[name]) for name in one)
    assert not all(one[name].equal(three[name]) for name in one)
    with pytest.raises(ConfigError, match="use 64 or 96"):
        embedded_model(tokenizer, layers=1, hidden=65, context=64, seed=1)


def test_code_of_a_checkpoint_is_never_run(checkpoint, tmp_path):
    import json
    import shutil

    from kefu.train import base as bases

    folder = tmp_path / "own"
    shutil.copytree(checkpoint, folder)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.C", "AutoModelForCausalLM": "own.M"}}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    (folder / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')", "utf-8")
    with pytest.raises(InputError, match="code of a checkpoint is never run"):
        bases.load("own", folder)
    assert not (tmp_path / "ran").exists()
