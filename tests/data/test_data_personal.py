"""The scan of any JSONL file, the audit of a dataset, and the vault that alone knows what a placeholder stands for."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from kefu.artifacts import read_jsonl
from kefu.cli import main
from kefu.data import build
from kefu.data.personal import scan
from kefu.data.personal_audit import audit, page
from kefu.data.vault import Vault, new_key, restore
from kefu.errors import ConfigError, InputError
from kefu.pipeline.check import check
from kefu.project import load

VALUES = ("13812345678", "11010519491231002X", "王小明", "zhang@mail.example")


def project(folder: Path, **clean: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    turns = [
        {"role": "customer", "text": "我叫王小明，电话13812345678，身份证11010519491231002X"},
        {"role": "agent", "text": "好的王小明，已记下，稍后联系您"},
    ]
    rows = [
        {
            "id": f"c{i}",
            "turns": [
                *turns,
                {"role": "customer", "text": f"第{i}个问题：邮箱zhang@mail.example收不到验证邮件"},
                {"role": "agent", "text": f"请看垃圾箱{i}"},
            ],
        }
        for i in range(6)
    ]
    (folder / "logs.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    lines = "".join(f"    {key}: {value}\n" for key, value in clean.items())
    (folder / "kefu.yaml").write_text(
        "name: shop\ndata:\n  sources:\n    - {name: logs, shape: dialogues, path: logs.jsonl}\n  dedup: {near: false, max_drop_share: 1}\n"
        + (f"  clean:\n{lines}" if lines else ""),
        "utf-8",
    )
    return folder


def code(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["kefu", "data", *arguments, "--json"])
    with pytest.raises(SystemExit) as stopped:
        main()
    return int(stopped.value.code or 0)


# -- scan ---------------------------------------------------------------------------------------------------------------


def test_offsets_ids_and_types_of_a_scan(tmp_path: Path) -> None:
    rows = [
        {"id": "a", "text": "我叫王小明，手机一三八零零一三八零零零"},
        {"text": "打１３８ 1234 5678吧"},
        {"id": 7, "text": "没有"},
        {"text": "验证码：123456，+49 30 901820"},
        {"text": ""},
    ]
    source, out = tmp_path / "in.jsonl", tmp_path / "deep" / "out.jsonl"
    source.write_text("\ufeff" + "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows) + "\n", "utf-8")
    seen = scan(source, out, "text")
    lines = list(read_jsonl(out))
    assert [line["id"] for line in lines] == ["a", 2, 7, 4, 5]
    assert [span["type"] for span in lines[0]["spans"]] == ["person_name", "cn_mobile"]
    for row, line in zip(rows, lines, strict=True):
        assert all(row["text"][span["start"] : span["end"]] == span["text"] for span in line["spans"])
    assert [span["type"] for span in lines[3]["spans"]] == ["secret"] and seen.rows == 5 and seen.with_spans == 3
    assert scan(source, out, "text", every=True).types["one_time_code"] == 1


@pytest.mark.parametrize("bad", ["nonsense", '["a"]', '{"id": 1}', '{"text": null}', '{"text": 5}', "[" * 100_000, b'{"text": "\xff"}'])
def test_a_broken_row_stops_or_is_counted(tmp_path: Path, bad: str | bytes, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(b'{"text": "ok"}\n' + (bad if isinstance(bad, bytes) else bad.encode()) + b'\n{"text": "13812345678"}\n')
    with pytest.raises(InputError, match="line 2"):
        scan(source, out, "text")
    assert not out.exists() and sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl"]
    seen = scan(source, out, "text", skip=True)
    assert [number for number, _ in seen.broken] == [2] and [line["id"] for line in read_jsonl(out)] == [1, 3]


def test_what_a_scan_refuses(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"text": "a"}\n', "utf-8")
    with pytest.raises(InputError, match="is the file that is read"):
        scan(source, source, "text")
    with pytest.raises(InputError, match="no file"):
        scan(tmp_path / "none.jsonl", tmp_path / "out.jsonl", "text")
    with pytest.raises(InputError, match="none of 1 rows"):
        scan(source, tmp_path / "out.jsonl", "body", skip=True)
    assert source.read_text("utf-8") == '{"text": "a"}\n'


def test_half_a_surrogate_pair_and_a_dotted_field(tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text('{"id": "\\ud800", "m": {"t": "tel 13812345678"}}\n', "utf-8")
    scan(source, out, "m.t")
    assert json.loads(out.read_text("utf-8"))["spans"][0]["text"] == "13812345678"


def test_the_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"text": "13812345678"}\nbad\n', "utf-8")
    assert code(monkeypatch, "privacy-scan", str(source), "--field", "text") == 2
    assert "line 2" in json.loads(capsys.readouterr().out)["message"]
    assert code(monkeypatch, "privacy-scan", str(source), "--field", "text", "--on-broken", "skip") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["rows"], told["broken"], told["types"]) == (1, 1, {"cn_mobile": 1}) and Path(told["out"]).is_file()


# -- vault --------------------------------------------------------------------------------------------------------------


def test_a_vault_opens_with_its_key_only_and_lies_outside_the_artefact(tmp_path: Path) -> None:
    new_key(tmp_path / "key")
    root = project(tmp_path / "p", vault="../private/names.vault", vault_key="file:../key")
    one, two = tmp_path / "one", tmp_path / "two"
    build(load(root), one)
    path = tmp_path / "private" / "names.vault"
    first = path.read_bytes()
    build(load(root), two)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and path.read_bytes() != first
    assert (one / "conversations.jsonl").read_bytes() == (two / "conversations.jsonl").read_bytes()
    for file in [path, *(p for p in one.rglob("*") if p.is_file())]:
        assert not any(value.encode() in file.read_bytes() for value in VALUES), file
    vault = Vault.of(load(root))
    assert vault is not None
    held = vault.read()
    row = next(read_jsonl(one / "conversations.jsonl"))
    assert held[row["id"]]["[手机号_1]"] == "13812345678"
    text, unknown = restore(row["turns"][0]["text"] + "[手机号_9]", held[row["id"]])
    assert text.startswith("我叫王小明，电话13812345678") and unknown == ["[手机号_9]"]
    (tmp_path / "key").unlink()
    new_key(tmp_path / "key")
    with pytest.raises(InputError, match="another key"):
        Vault.of(load(root)).read()  # type: ignore[union-attr]


def test_without_a_vault_nothing_is_kept(tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    assert Vault.of(load(root)) is None


def test_what_a_vault_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KEFU_VAULT_KEY", raising=False)
    for clean, message in (
        ({"vault": "x.vault"}, "KEFU_VAULT_KEY is not set"),
        ({"vault": "build/x.vault"}, "lies in build/"),
        ({"vault": "x.vault", "vault_key": "secret-words"}, "must be env:NAME or file:PATH"),
        ({"vault": "x.vault", "vault_key": "file:none"}, "no key file"),
        ({"vault": "x.vault", "mask_pii": "false"}, "mask_pii is off"),
    ):
        with pytest.raises(ConfigError, match=message):
            Vault.of(load(project(tmp_path / "p", **clean)))
    monkeypatch.setenv("KEFU_VAULT_KEY", "short")
    with pytest.raises(ConfigError, match="cannot be used"):
        Vault.of(load(project(tmp_path / "p", vault="x.vault")))
    assert [fault for fault in check(load(project(tmp_path / "p", vault="x.vault"))) if "cannot be used" in fault]
    key = tmp_path / "p" / "key"
    new_key(key)
    os.chmod(key, 0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        Vault.of(load(project(tmp_path / "p", vault="x.vault", vault_key="file:key")))
    with pytest.raises(InputError, match="exists"):
        new_key(key)


def test_the_look_up_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    key = tmp_path / "key"
    new_key(key)
    monkeypatch.setenv("KEFU_VAULT_KEY", key.read_text("utf-8").strip())
    root = project(tmp_path / "p", vault="x.vault")
    build(load(root), tmp_path / "out")
    id = next(read_jsonl(tmp_path / "out" / "conversations.jsonl"))["id"]
    for extra, expected, piece in (
        (["--conversation", id, "--placeholder", "[手机号_1]"], 0, "13812345678"),
        (["--conversation", id, "--text", "打[手机号_1]"], 0, "打13812345678"),
        (["--conversation", "nobody"], 2, "knows no conversation"),
        (["--conversation", id, "--placeholder", "[x_1]"], 2, "has no [x_1]"),
        ([], 2, "--conversation is missing"),
    ):
        assert code(monkeypatch, "privacy-restore", str(root), *extra) == expected
        assert piece in capsys.readouterr().out


# -- audit --------------------------------------------------------------------------------------------------------------


def test_an_audit_shows_no_value_and_finds_what_was_left(tmp_path: Path) -> None:
    build(load(project(tmp_path / "p")), tmp_path / "out")
    rows = list(read_jsonl(tmp_path / "out" / "conversations.jsonl"))
    clean = audit(rows, masked={"cn_mobile": 6})
    assert clean["placeholders"]["cn_mobile"] == len(rows) and clean["samples"]["cn_mobile"]
    left = {
        "id": "x",
        "kind": "dialogue",
        "turns": [{"role": "customer", "text": "身份证是A99887766，<b>18812349999</b>，订单号12345678901，订单号[手机号_1]错了"}],
    }
    seen = audit([*rows, left], masked={})
    assert {"found again: cn_mobile", "a value where a document, card or password is spoken of"} <= set(seen["suspected"])
    assert seen["reading_list"][0]["conversation"] == "x"
    assert [one["why"] for one in seen["false_positive_candidates"]] == ["an order or thing is named before it"]
    for told in (json.dumps(seen, ensure_ascii=False), page("shop", seen)):
        assert not any(value in told for value in (*VALUES, "18812349999", "99887766"))
    assert "<b>" not in page("shop", seen)
