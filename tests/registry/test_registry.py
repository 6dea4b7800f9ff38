import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kefu.artifacts import Store
from kefu.errors import GateError, InputError
from kefu.registry import Entry, Registry, file


def fields(root: Path, text: str, *, passed: bool = True) -> dict[str, Any]:
    store = Store(root / "build")
    with store.publish("export", "shop", text.ljust(64, "0"), inputs={}, settings={}) as draft:
        (draft.path / "weights").write_text(text)
    artifact = store.find("export", "shop", text.ljust(64, "0"))
    assert artifact is not None
    folder = artifact.path.relative_to(root).as_posix()
    return {
        "name": "shop", "access_point": folder, "method": "sft", "created": "2026-01-01T00:00:00Z", "artifacts": {"export": folder},
        "hashes": {"export": artifact.digest()}, "settings": {"seed": 1}, "metrics": {}, "gates_passed": True,
        "release_passed": passed, "release_reasons": [] if passed else ["score too low"],
    }  # fmt: skip


def test_versions_stages_and_promotion(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    with pytest.raises(InputError, match="none yet"):
        registry.resolve()
    one = registry.add(fields(tmp_path, "aa"))
    again = registry.add(fields(tmp_path, "aa"))
    two = registry.add(fields(tmp_path, "bb"))
    assert (one.version, again.version, two.version, two.parent) == (1, 1, 2, 1)
    assert registry.resolve().label == "shop@2"
    registry.promote("shop@1")
    assert registry.resolve().label == "shop@1"
    registry.promote("shop@2")
    assert [entry.stage for entry in registry.entries()] == ["retired", "production"]
    assert registry.resolve("@retired").version == 1
    with pytest.raises(InputError, match="shop@2 \\(production\\)"):
        registry.resolve("shop@9")


def test_a_model_is_compared_with_the_one_before_it(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    registry.add(fields(tmp_path, "aa"))
    with pytest.raises(InputError, match="shop@1 has none before it"):
        registry.with_former("@latest")
    registry.add(fields(tmp_path, "bb"))
    registry.add(fields(tmp_path, "cc"))
    assert [entry.version for entry in registry.with_former("@latest")] == [2, 3]
    assert [entry.version for entry in registry.with_former("shop@2")] == [1, 2]


def test_what_failed_is_not_promoted_without_force(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    registry.add(fields(tmp_path, "aa", passed=False))
    with pytest.raises(GateError, match="score too low"):
        registry.promote("shop@1")
    assert registry.entries()[0].stage == "candidate"
    assert registry.promote("shop@1", force=True).stage == "production"


def test_verify_sees_changed_missing_and_swapped_files(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    entry = registry.add(fields(tmp_path, "aa"))
    weights = tmp_path / entry.artifacts["export"] / "weights"
    assert registry.verify(entry) == []
    weights.write_text("ab")
    assert "was changed" in registry.verify(entry)[0]
    weights.unlink()
    assert "is missing" in registry.verify(entry)[0]
    entry.artifacts["export"] = fields(tmp_path, "cc")["artifacts"]["export"]
    assert "is not the artefact" in registry.verify(entry)[0]


def test_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text("models: [{name: 3}]")
    with pytest.raises(InputError, match=r"models\.yaml:1 cannot be read: 3: name"):
        Registry(tmp_path).entries()


def test_nobody_loses_an_entry_when_several_processes_write_at_once(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from kefu.registry import Registry\n"
        "for i in range(8):\n"
        "    Registry(Path(sys.argv[1])).add({'name': sys.argv[2], 'access_point': 'a', 'method': 'sft', 'created': '',\n"
        "        'hashes': {'model': str(i)}, 'settings': {}, 'metrics': {}, 'artifacts': {},\n"
        "        'gates_passed': True, 'release_passed': True, 'release_reasons': []})\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path), name]) for name in ("a", "b", "c")]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    entries = Registry(tmp_path).entries()
    assert {name: [entry.version for entry in entries if entry.name == name] for name in "abc"} == {key: list(range(1, 9)) for key in "abc"}


@pytest.mark.parametrize("indent", ["", "  "])
def test_comments_and_layout_of_people_survive(tmp_path: Path, indent: str) -> None:
    registry = Registry(tmp_path)
    registry.add(fields(tmp_path, "aa"))
    registry.add(fields(tmp_path, "bb"))
    lines = registry.path.read_text("utf-8").splitlines(keepends=True)
    first = next(i for i, line in enumerate(lines) if line.startswith("- "))
    second = next(i for i in range(first + 1, len(lines)) if lines[i].startswith("- "))
    written = ["# 我们的模型\n", *lines[:first], "# the first one\n", *lines[first:second], "# 第二个：试用\n", *lines[second:]]
    start = written.index("# the first one\n")
    written = written[:start] + [indent + line for line in written[start:]]
    text = "".join(written).replace("created: '2026", "created:   '2026", 1).replace("stage: candidate", "stage: candidate  # 李雷", 1)
    registry.path.write_text(text, "utf-8")
    registry.promote("shop@1")
    assert registry.path.read_text("utf-8") == text.replace("stage: candidate  # 李雷", "stage: production  # 李雷", 1)
    registry.add(fields(tmp_path, "cc"))
    after = registry.path.read_text("utf-8")
    assert after.startswith(text.replace("stage: candidate  # 李雷", "stage: production  # 李雷", 1))
    assert [entry.version for entry in registry.entries()] == [1, 2, 3]
    registry.promote("shop@3")
    assert [entry.stage for entry in registry.entries()] == ["retired", "candidate", "production"]
    assert "# 李雷" in registry.path.read_text("utf-8")


ONE = "{name: a, version: 1, access_point: x, method: sft, created: now}"
POISON = {
    "a tag that runs code": ("models: !!python/object/apply:os.system [touch poisoned]", "constructor"),
    "not a list": ("models: 3", "not a list"),
    "another top": ("[1, 2]", "the top"),
    "another key": ("models: []\nother: 1", "the top"),
    "an entry that is a text": ("models: [abc]", "valid dictionary"),
    "a wrong type": (f"models: [{ONE.replace('version: 1', 'version: many')}]", "version"),
    "an unknown field": (f"models: [{ONE[:-1]}, colour: red}}]", "colour"),
    "a key twice": (f"models: [{ONE[:-1]}, method: dpo}}]", "stands twice"),
    "a name twice": (f"models: [{ONE}, {ONE}]", "a@1 stands twice"),
    "a place outside": (f"models: [{ONE.replace('access_point: x', 'access_point: ../../etc')}]", "inside the project"),
    "an absolute place": (f"models: [{ONE.replace('access_point: x', 'access_point: /etc')}]", "inside the project"),
    "a bomb": (
        "models:\n- name: &a0 [x, x]\n" + "".join(f"  k{i}: &a{i} [*a{i - 1}, *a{i - 1}, *a{i - 1}]\n" for i in range(1, 40)),
        "stand for more than",
    ),
    "an alias inside itself": ("models: &a [*a]", "refers to itself"),
    "broken": ("models: [", "expected"),
    "too deep": ("models: " + "[" * 3000, ""),
    "not text": ("models: \x00", ""),
}


@pytest.mark.parametrize("kind", POISON)
def test_a_poisoned_file_is_one_line_and_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.chdir(tmp_path)
    text, said = POISON[kind]
    (tmp_path / "models.yaml").write_text(text, "utf-8")
    before = set(tmp_path.iterdir())
    with pytest.raises(InputError, match=r"models\.yaml(:\d+)? cannot be read") as caught:
        Registry(tmp_path).entries()
    assert said in caught.value.line() and "\n" not in caught.value.line()
    assert set(tmp_path.iterdir()) == before
    with pytest.raises(InputError):
        Registry(tmp_path).add(fields(tmp_path, "aa"))
    assert (tmp_path / "models.yaml").read_text("utf-8") == text


def test_aliases_that_a_person_wrote_are_written_out(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    entry = registry.add(fields(tmp_path, "aa"))
    shared = {"same": [1, 2]}
    registry.path.write_text(yaml.safe_dump({"models": [{**entry.row(), "settings": shared, "hyperparameters": shared}]}), "utf-8")
    assert "*id" in registry.path.read_text("utf-8")
    registry.promote("shop@1")
    assert "*id" not in registry.path.read_text("utf-8")
    assert registry.entries()[0].settings == registry.entries()[0].hyperparameters == shared


def test_retired_is_out_of_use_and_still_there(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    registry.add(fields(tmp_path, "aa"))
    registry.promote("shop@1")
    assert registry.retire("shop@1").stage == "retired"
    assert registry.entries()[0].stage == "retired"
    assert registry.verify(registry.entries()[0]) == []


def test_what_is_retired_is_meant_by_its_version_only(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    for digest in ("aa", "bb"):
        registry.add(fields(tmp_path, digest))
    registry.retire("shop@2")
    assert [registry.resolve(which).label for which in ("", "shop", "@latest", "shop@2")] == ["shop@1", "shop@1", "shop@1", "shop@2"]
    registry.retire("shop@1")
    with pytest.raises(InputError, match="no model shop in use: retired: shop@1, shop@2"):
        registry.resolve("shop")


@example(description="\x85", metrics={})
@example(description="a\u2028b", metrics={})
@given(description=st.text(max_size=60), metrics=st.dictionaries(st.text(min_size=1, max_size=9), st.floats(allow_nan=False), max_size=3))
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read_again(description: str, metrics: dict[str, float]) -> None:
    entry = Entry(name="a", version=1, access_point="x", method="sft", created="now", description=description, metrics=metrics)
    other = Entry(name="b", version=1, access_point="x", method="sft", created="now")
    once = file.render(file.Text([]), [other, entry])
    text = file._parse(once)
    assert text.entries == [other, entry]
    assert file.render(text, [*text.entries]) == once


def test_an_entry_without_artifacts_is_not_promoted(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    registry.add(fields(tmp_path, "aa") | {"artifacts": {}})
    for force in (False, True):
        with pytest.raises(InputError, match="names no artefact"):
            registry.promote("shop@1", force=force)
    assert registry.resolve().stage == "candidate"
    registry.add(fields(tmp_path, "bb") | {"artifacts": {}, "access_point": "https://models.example/v1"})
    assert registry.promote("shop@2").stage == "production"


def test_without_a_reference_every_model_in_use_is_verified(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from kefu.cli.models import app

    registry = Registry(tmp_path)
    for text in ("aa", "bb", "cc"):
        registry.add(fields(tmp_path, text))
    registry.promote("shop@1")
    registry.retire("shop@3")
    one = CliRunner().invoke(app, ["verify", str(tmp_path)])
    assert one.exit_code == 0 and "shop@1" in one.output and "shop@2" in one.output and "shop@3" not in one.output
    (tmp_path / registry.resolve("shop@2").artifacts["export"] / "weights").write_text("damaged")
    two = CliRunner().invoke(app, ["verify", str(tmp_path)])
    assert two.exit_code == 1 and "shop@1 (production): every file is as registered" in two.output
    assert "shop@2 (candidate): not what was registered" in two.output
