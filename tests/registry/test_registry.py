from pathlib import Path
from typing import Any

import pytest

from kefu.artifacts import Store
from kefu.errors import GateError, InputError
from kefu.registry import Registry


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
    with pytest.raises(InputError, match=r"models\.yaml cannot be read"):
        Registry(tmp_path).entries()
