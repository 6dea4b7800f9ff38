"""A recipe's run in the registry: its entry, its report, what changed since the last one, and the run made again."""

from __future__ import annotations

import json

import pytest
import yaml

from kefu.artifacts import read_jsonl
from kefu.errors import GateError, InputError
from kefu.pipeline.compare import compare
from kefu.registry import Registry
from kefu.train.factory import train
from kefu.train.factory.cost import Meter
from kefu.train.factory.recipe import Cost
from kefu.train.factory.register import home
from kefu.train.factory.replay import replay
from kefu.train.factory.report import best_and_worst, line

from .recipes import questions, recipe

SHAPE = {"embedded": {"vocabulary": 400, "layers": 1, "hidden": 32}}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Two versions of one recipe, the second with more steps; general rows and a stated power."""
    folder = tmp_path_factory.mktemp("shop")
    path = recipe(
        folder, "sft", "embedded", questions(), sft=SHAPE, train={"max_steps": 6}, data={"test": "rows.jsonl", "general": "rows.jsonl"},
        cost={"power_w": 50, "price_per_kwh": 0.6, "currency": "CNY"},
    )  # fmt: skip
    return path, train(str(path)), train(str(path), ["train.max_steps=40"])


def test_an_entry_says_how_the_model_was_made(shop):
    path, _first, second = shop
    one, two = Registry(path.parent).entries()
    assert (one.label, two.label, two.parent) == ("tiny-sft@1", "tiny-sft@2", 1)
    assert (one.method, one.recipe, one.settings["train"]["max_steps"]) == ("sft", "sft.yaml", 6)
    assert {"model", "weights", "data", "template", "code", "environment"} <= set(one.hashes)
    assert one.hashes["data"] == two.hashes["data"] and one.hashes["weights"] != two.hashes["weights"]
    assert two.metrics["loss"]["low"] <= two.metrics["loss"]["value"] <= two.metrics["loss"]["high"]
    assert (path.parent / two.access_point) == second.artifact.path
    assert train(str(path)).entry.label == one.label
    assert Registry(path.parent).verify(one) == []
    assert Registry(path.parent).promote("tiny-sft@2").stage == "production"


def test_the_report_shows_the_run_and_invents_no_cost(shop):
    _, _first, second = shop
    document = json.loads(second.artifact.file("training.json").read_text("utf-8"))
    page, text = (second.artifact.file(name).read_text("utf-8") for name in ("report.html", "report.md"))
    assert document["former"]["label"] == "tiny-sft@1" and "tiny-sft@1" in page and "tiny-sft@1" in text
    assert document["general"]["rows"] == 24 and document["distribution"]["languages"] == {"zh": 11, "en": 11}
    cost = document["cost"]
    how = cost["energy_how"]
    assert how.startswith(("measured", "estimated: 50 W"))
    assert cost["money"] == pytest.approx(0.6 * cost["energy_kwh"])
    for said in ("七天内可以申请退款。", "Refunds are possible within 7 days.", "data:image/png;base64,", "CNY"):
        assert said in page
    assert "http://" not in page and "https://" not in page
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len({line.count("|") for line in rows[:5]}) == 1


def test_diff_names_data_settings_metrics_and_behaviour(shop):
    path, *_ = shop
    one, two = Registry(path.parent).entries()
    found = compare(path.parent, one, two)
    assert {"train.max_steps", "chosen steps"} <= {row["key"] for row in found["settings"]}
    assert found["data"] == [] and found["template"] == []
    assert "loss" in {row["key"] for row in found["metrics"]}
    behaviour = found["behaviour"]
    assert behaviour["cases"] == behaviour["same"] + len(behaviour["changed"]) > 0 and behaviour["changed"]
    same = compare(path.parent, one, one)
    assert same["settings"] == same["metrics"] == same["behaviour"]["changed"] == []


def test_a_model_made_again_has_the_same_weights(shop, tmp_path):
    path, *_ = shop
    entry = Registry(path.parent).entries()[0]
    before = sorted(p.name for p in (path.parent / "build" / "model" / "tiny-sft").iterdir())
    found = replay(path.parent, entry, tmp_path / "again")
    assert (found["same"], found["weights"], found["differs"]) == ("weights", True, [])
    assert all(row["inside"] for row in found["metrics"]) and found["metrics"]
    assert sorted(p.name for p in (path.parent / "build" / "model" / "tiny-sft").iterdir()) == before
    assert len(Registry(path.parent).entries()) == 2
    with pytest.raises(InputError, match="is not empty"):
        replay(path.parent, entry, tmp_path / "again")


def test_a_model_is_not_made_again_from_other_rows(tmp_path):
    path = recipe(tmp_path, "sft", "embedded", questions(), sft=SHAPE, train={"max_steps": 2, "rehearse": False}, data={"validation_share": 0})
    entry = train(str(path)).entry
    rows = list(read_jsonl(tmp_path / "rows.jsonl"))
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[1:]), "utf-8")
    with pytest.raises(GateError, match="data changed since"):
        replay(tmp_path, entry)
    gone = entry.model_copy(update={"settings": {**entry.settings, "colour": "red"}})
    with pytest.raises(InputError, match="colour"):
        replay(tmp_path, gone)


def test_a_gate_of_the_recipe_keeps_a_model_from_promotion(tmp_path):
    blocks = {"sft": SHAPE, "train": {"max_steps": 2, "rehearse": False}, "gates": {"exact": {"at_least": 0.99}, "accuracy": {"at_least": 0.5}}}
    result = train(str(recipe(tmp_path, "sft", "embedded", questions(), **blocks)))
    assert [gate.name for gate in result.entry.gates if not gate.passed] == ["accuracy", "exact"]
    with pytest.raises(GateError, match=r"accuracy: the method measures loss.*exact: 0, at least 0\.99 is asked"):
        Registry(tmp_path).promote("tiny-sft")


def test_a_continued_model_names_its_parent(shop):
    path, _first, _ = shop
    result = train(str(path), ["name=next", "train.max_steps=2"], continue_from="tiny-sft@1")
    assert result.entry.parents == ["tiny-sft@1"]
    found = replay(path.parent, result.entry)
    assert found["same"] == "weights"


def test_a_recipe_inside_a_project_writes_to_the_projects_registry(tmp_path):
    (tmp_path / "kefu.yaml").write_text(yaml.safe_dump({"name": "x"}))
    (tmp_path / "recipes").mkdir()
    assert home(tmp_path / "recipes") == tmp_path
    assert home(tmp_path / "a" / "b" / "c") == (tmp_path / "a" / "b" / "c")


def test_energy_comes_from_a_counter_or_a_statement_or_is_not_known(tmp_path):
    zone = tmp_path / "intel-rapl:0"
    zone.mkdir()
    (zone / "energy_uj").write_text("4000000\n")
    (zone / "max_energy_range_uj").write_text("10000000\n")
    meter = Meter(tmp_path)
    (zone / "energy_uj").write_text("1000000\n")  # the counter went round
    assert meter._since(meter.cpu[0], meter._packages()[0], 0) == pytest.approx(7.0)
    assert "RAPL" in meter.read(Cost())["energy_how"]
    none = Meter(tmp_path / "none")
    if not none.gpu:
        assert none.read(Cost())["energy_kwh"] is None and none.read(Cost())["money"] is None
        assert "65 W stated" in none.read(Cost(power_w=65))["energy_how"]
    assert none.read(Cost(price_per_hour=36000.0, currency="CNY"))["money"] > 0


def test_samples_and_curves_for_the_page():
    samples = [{"asked": str(i), "score": i / 10} for i in range(10)]
    best, worst = best_and_worst(samples)
    assert [s["asked"] for s in best] == ["9", "8", "7", "6"] and [s["asked"] for s in worst] == ["0", "1", "2", "3"]
    assert best_and_worst(samples[:1]) == (samples[:1], [])
    assert best_and_worst([samples[3], {**samples[3]}]) == ([samples[3]], []), "the same sample twice is one"
    alike = [{"asked": str(i), "score": 1.0} for i in range(4)]
    assert best_and_worst(alike)[1] == [], "none is farther than the closest"
    assert "nan" not in line([(1, 2.0), (2, float("nan")), (3, 2.0)])["points"]


def test_slides_hold_the_figures_of_the_report(shop, tmp_path):
    from pptx import Presentation

    from kefu.train.factory.deck import write

    _, _, second = shop
    assert write(second.artifact.path, tmp_path / "a" / "shop.pptx") == 6
    texts = []
    for slide in Presentation(str(tmp_path / "a" / "shop.pptx")).slides:
        for shape in slide.shapes:
            texts += [cell.text for row in shape.table.rows for cell in row.cells] if shape.has_table else []
            texts += [shape.text_frame.text] if shape.has_text_frame else []
            right, bottom = shape.left + shape.width, shape.top + shape.height
            assert right <= 12_192_000 + 1000 and bottom <= 6_858_000, texts[-1]
    said = "\n".join(texts)
    number = second.artifact.facts["metrics"]["loss"]["value"]
    assert f"{number:.3f}" in said and "七天内可以申请退款。" in said
    assert "50 W" in said or "RAPL" in said
    with pytest.raises(InputError, match="does not end in"):
        write(second.artifact.path, tmp_path / "shop.ppt")
    with pytest.raises(InputError, match="no training report"):
        write(tmp_path, tmp_path / "shop.pptx")
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("gates", [{}, {"token_f1": {"at_least": 0.0}}])
def test_figures_of_the_training_rows_are_no_passed_gate(tmp_path, gates):
    """Too few rows to hold any out: it is said on the terminal, in the report and in the registry, and promotion is refused."""
    said: list[str] = []
    path = recipe(tmp_path, "sft", "embedded", questions()[:3], sft=SHAPE, train={"max_steps": 1, "rehearse": False}, gates=gates)
    result = train(str(path), progress=lambda text, share: said.append(text) if share < 0 else None)
    wanted = "measured on the rows it was trained on: 3 different prompts are too few"
    assert any(one.startswith(wanted) for one in said)
    page, text = (result.artifact.file(name).read_text("utf-8") for name in ("report.html", "report.md"))
    assert wanted in page and wanted in text
    assert "no verdict: measured on the rows it was trained on" in page and "better" not in page.split("verdict</th>")[1].split("</table>")[0]
    (entry,) = Registry(tmp_path).entries()
    assert entry.metrics["loss"]["on"] == "the rows it was trained on"
    assert not entry.gates_passed and [gate.name for gate in entry.gates if gate.passed] == ["rows accounted for"]
    with pytest.raises(GateError, match=r"data\.validation or data\.test"):
        Registry(tmp_path).promote("@latest")


def test_a_test_file_that_is_the_training_file_is_seen(tmp_path):
    path = recipe(tmp_path, "sft", "embedded", questions(), sft=SHAPE, train={"max_steps": 1, "rehearse": False}, data={"validation_share": 0})
    result = train(str(path), ["data.test=rows.jsonl"])
    assert any("all 24 rows to measure with stand among the training rows" in note for note in result.notes)
    assert not result.entry.gates_passed
    partly = train(str(path), ["data.test=rows.jsonl", "data.validation_share=0.2", "train.max_steps=30"])
    assert any("19 of 24 rows to measure with stand among the training rows too" in note for note in partly.notes), partly.notes
    assert partly.entry.gates_passed
