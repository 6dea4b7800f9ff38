from pathlib import Path

import yaml

from kefu.conversation import Turn
from kefu.improve import advise, find_cases, write_drafts
from kefu.project.schema import Improve, Project
from kefu.records import Exchange, Rating, Records, ReplyRecord


def exchange(name: str, text: str, **reply: object) -> Exchange:
    fields = {"id": f"r-{name}", "text": "ok", "tier": "faq", **reply}
    return Exchange(name, (Turn("customer", text),), ReplyRecord(**fields), language="zh")  # type: ignore[arg-type]


def filled(tmp_path: Path) -> Records:
    records = Records(f"sqlite:///{tmp_path / 'records.db'}")
    records.put(exchange("good", "运费多少"))
    records.put(exchange("rated", "怎么退款"))
    records.put(Rating("r-rated", "rated", 1, "答非所问"))
    records.put(exchange("gap1", "你们支持以旧换新吗", tier="person", handoff=True))
    records.put(exchange("gap2", "你们支持以旧换新吗？", tier="person", handoff=True))
    records.put(exchange("asked", "转人工", tier="rule", handoff=True))
    records.put(exchange("broken", "发票", outcome="error", tier="model"))
    assert records.flush()
    return records


def test_cases_are_found_by_kind_and_rules_are_not_cases(tmp_path: Path) -> None:
    records = filled(tmp_path)
    found = find_cases(records, Improve())
    assert [(case.kind, case.conversation_id) for case in found] == [
        ("low_rating", "rated"),
        ("failed", "broken"),
        ("handed_over", "gap1"),
        ("handed_over", "gap2"),
    ]
    assert find_cases(records, Improve(bad_rating=1))[0].kind == "low_rating"
    records.close()


def test_drafts_are_scenarios_that_load(tmp_path: Path) -> None:
    from kefu.evals.scenarios import load_scenarios

    records = filled(tmp_path)
    out = tmp_path / "drafts.yaml"
    assert write_drafts(find_cases(records, Improve()), out) == 4
    assert "答非所问" in yaml.safe_load(out.read_text("utf-8"))[0]["note"]
    assert len(load_scenarios([out])) == 4
    records.close()


def test_advice_groups_alike_open_questions(tmp_path: Path) -> None:
    records = filled(tmp_path)
    project = Project.model_validate({"name": "shop", "data": {"sources": [{"name": "f", "shape": "faq", "path": "f.csv"}]}})
    advice = advise(records, project)
    assert advice["figures"]["replies"] == 6
    assert advice["candidates"][0]["count"] == 2
    assert any("以旧换新" in line for line in advice["lines"])
    records.close()
    empty = Records("sqlite:///" + str(tmp_path / "empty.db"))
    assert "nothing is recorded" in advise(empty, project)["lines"][0]
    empty.close()
