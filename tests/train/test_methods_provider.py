"""Fine-tuning jobs at a cloud: through faults, without paying twice, resumed where they were."""

from __future__ import annotations

import asyncio
import json

import pytest

from kefu import engines
from kefu.engines.protocol import complete
from kefu.errors import ConfigError, EngineError, GateError, InputError
from kefu.registry import Registry
from kefu.train.factory import train
from kefu.train.factory.replay import replay

from .cloud import cloud
from .recipes import questions, recipe


@pytest.fixture
def sky(monkeypatch):
    monkeypatch.setenv("SKY_KEY", "secret-key")
    with cloud() as here:
        yield here


def job(folder, sky, **settings):
    given = {"url": sky.url, "api_key": "env:SKY_KEY", "poll_s": 0.01, "patience_s": 20, "timeout_s": 1, **settings}
    return str(recipe(folder, "provider", "base", questions(), provider=given, data={"test": "rows.jsonl"}, train={"trackers": []}))


def test_a_job_is_tuned_measured_registered_and_served(tmp_path, sky):
    result = train(job(tmp_path, sky, role="你是客服"))
    facts, folder = result.artifact.facts, result.artifact.path
    assert facts["metrics"]["exact"]["value"] > facts["metrics_before"]["exact"]["value"] == 0
    training = json.loads((folder / "training.json").read_text("utf-8"))
    assert training["run"]["train_loss"] == [[1, 2.5], [2, 1.5]] and training["run"]["tokens_seen"] == 1234
    rows = next(iter(sky.files.values()))
    assert rows[0]["messages"][0] == {"role": "system", "content": "你是客服"} and len(rows) == facts["rows"]
    assert next(iter(sky.jobs.values()))["hyperparameters"]["n_epochs"] == 3
    assert sky.keys == {"Bearer secret-key"}
    entry = Registry(tmp_path).resolve("tiny-provider")
    assert entry.method == "provider" and entry.training.startswith("tuned by a provider; from base at http")
    assert all("secret-key" not in path.read_text("utf-8", "ignore") for path in [tmp_path / "models.yaml", *folder.rglob("*.*")] if path.is_file())

    async def ask():
        engine = engines.open(folder)
        try:
            return (await complete(engine, [{"role": "user", "content": rows[0]["messages"][-2]["content"]}])).text
        finally:
            await engine.close()

    assert asyncio.run(ask()) == rows[0]["messages"][-1]["content"]
    assert train(job(tmp_path, sky, role="你是客服")).fresh and len(sky.jobs) == 1
    assert (folder / "report.html").is_file()


def test_faults_are_waited_out_and_nothing_is_made_twice(tmp_path, sky):
    sky.faults = {
        "POST /files": [429, 503, "garbage"], "POST /fine_tuning/jobs": [500, "drop"], "GET /fine_tuning/jobs/ID": [502, "hang", 429],
        "GET /fine_tuning/jobs": [503],
    }  # fmt: skip
    said = []
    result = train(job(tmp_path, sky), progress=lambda text, share: said.append(text))
    assert len(sky.jobs) == 1 and not any(sky.faults.values())
    assert any("makes us wait" in text for text in said) and result.artifact.facts["metrics"]["exact"]["value"] > 0


def test_a_stopped_run_goes_on_with_the_same_job(tmp_path, sky):
    path = job(tmp_path, sky)
    sky.statuses = ["running"]

    def stop(text, share):
        if "ftjob-1: running" in text:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(path, progress=stop)
    with pytest.raises(InputError, match="job ftjob-1 of this recipe is under way"):
        train(path)
    sky.statuses = ["succeeded"]
    assert train(path, resume=True).artifact.facts["metrics"]["exact"]["value"] > 0
    assert len(sky.jobs) == 1 and sky.seen["POST /files"] == 2  # training and validation rows, once
    with pytest.raises(InputError, match="nothing to resume"):
        train(path, ["train.seed=8"], resume=True)


def test_a_failed_job_says_why_and_its_files_are_used_again(tmp_path, sky):
    path = job(tmp_path, sky)
    sky.statuses, sky.error = ["running", "failed"], {"message": "第 3 行超过长度"}
    with pytest.raises(GateError, match="job ftjob-1 ended as failed: 第 3 行超过长度"):
        train(path)
    assert not Registry(tmp_path).entries() and not list((tmp_path / "build" / "model" / "tiny-provider").glob("[!.]*"))
    sky.statuses, uploads = ["succeeded"], sky.seen["POST /files"]
    train(path, resume=True)
    assert len(sky.jobs) == 2 and sky.seen["POST /files"] == uploads


def test_a_dead_provider_keeps_the_job(tmp_path, sky):
    path = job(tmp_path, sky, patience_s=1.0)
    sky.faults = {"GET /fine_tuning/jobs/ID": [503] * 99}
    with pytest.raises(EngineError, match=r"503.*with --resume"):
        train(path)
    sky.faults = {}
    train(path, resume=True)
    assert len(sky.jobs) == 1


WRONG = [
    ({"url": ""}, "give `provider`"),
    ({"provider": "openia"}, "'openia': use openai, nebius"),
    ({"url": "", "provider": "gemini"}, "use method prompt"),
    ({"url": "ftp://x"}, "no http"),
    ({"url": "http://u:p@x/v1"}, "holds a password"),
    ({"api_key": "sk-123"}, "env:NAME"),
    ({"api_key": "env:NOT_THERE"}, "NOT_THERE is not set"),
]


@pytest.mark.parametrize(("settings", "said"), WRONG)
def test_wrong_settings_are_said_before_anything_is_sent(tmp_path, sky, settings, said):
    with pytest.raises(ConfigError, match=said):
        train(job(tmp_path, sky, **settings))
    assert not sky.seen


@pytest.mark.parametrize(
    ("status", "kind", "said"), [(401, ConfigError, "refused the key"), (404, ConfigError, "not there"), (400, InputError, "injected 400")]
)
def test_refusals_are_not_tried_again(tmp_path, sky, status, kind, said):
    sky.faults = {"POST /files": [status] * 9}
    with pytest.raises(kind, match=said):
        train(job(tmp_path, sky, measure=False))
    assert sky.seen["POST /files"] == 1


def test_a_provider_model_can_be_verified_and_tuned_again(tmp_path, sky):
    entry = train(job(tmp_path, sky)).entry
    assert Registry(tmp_path).verify(entry) == []
    found = replay(tmp_path, entry)
    assert found["same"] == "weights" or all(row["inside"] for row in found["metrics"])


def test_a_status_nobody_knows_is_waited_on_and_said(tmp_path, sky):
    sky.statuses = ["running", "quantum", "quantum", "succeeded"]
    said = []
    train(job(tmp_path, sky, measure=False), progress=lambda text, share: said.append(text))
    assert len(sky.jobs) == 1 and sum("'quantum', which is unknown here" in text for text in said) == 1


PERSONAL = {"id": "p", "question": "我叫王小明，手机13812345678，帮我查订单", "answer": "王小明您好，13812345678 名下有一单。"}


def test_rows_leave_the_machine_masked(tmp_path, sky):
    path = recipe(tmp_path, "provider", "base", [*questions(), PERSONAL], provider={
        "url": sky.url, "api_key": "env:SKY_KEY", "poll_s": 0.01}, data={"test": "rows.jsonl", "validation_share": 0})  # fmt: skip
    said = []
    result = train(str(path), progress=lambda text, share: said.append(text))
    sent = json.dumps([sky.files, sky.asked], ensure_ascii=False)
    assert "13812345678" not in sent and "王小明" not in sent
    (row,) = [row for row in next(iter(sky.files.values())) if "手机号" in row["messages"][-2]["content"]]
    question, answer = (row["messages"][n]["content"] for n in (-2, -1))
    assert "[手机号_1]" in question and "[手机号_1]" in answer  # one value, one placeholder
    assert any("2 of" not in text and "masked before they leave" in text and sky.url in text for text in said)
    assert json.loads((result.artifact.path / "training.json").read_text("utf-8"))["ledger"]["masked"]["cn_mobile"] == 2
    written = "".join(p.read_text("utf-8", "ignore") for p in result.artifact.path.rglob("*") if p.suffix in (".json", ".html", ".md"))
    assert "13812345678" not in written


def test_rows_are_sent_unmasked_only_on_purpose_and_with_a_warning(tmp_path, sky):
    path = recipe(tmp_path, "provider", "base", [*questions(), PERSONAL], provider={
        "url": sky.url, "api_key": "env:SKY_KEY", "poll_s": 0.01, "send_unmasked": True}, data={"validation_share": 0})  # fmt: skip
    said = []
    train(str(path), progress=lambda text, share: said.append(text))
    assert "13812345678" in json.dumps(sky.files) and any(text.startswith("warning: ") and "send_unmasked" in text for text in said)
