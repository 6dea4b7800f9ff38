"""`kefu predict`: every kind of model, order and ids, bad rows, foreign folders, and files that are whole or not there."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from kefu.cli.app import app
from kefu.errors import ConfigError, InputError, KefuError
from kefu.registry import Registry
from kefu.train.factory import train
from kefu.train.predict import predict_file
from kefu.train.predict.tables import _SAID, cell, kept_as
from kefu.train.quiet import quiet

from .heads import asked, classes, head, tagged
from .tiny import write_rows


def lines(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def intents(tmp_path_factory):
    folder = tmp_path_factory.mktemp("intents")
    return train(str(head(folder, "classification", "embedded", classes(), train={"max_steps": 40}))).artifact.path


def run(model, tmp_path, rows, **more):
    write_rows(tmp_path / "in.jsonl", rows)
    done = predict_file(str(model), tmp_path / "in.jsonl", tmp_path / "out.jsonl", **more)
    made = lines(tmp_path / "out.jsonl")
    kept = {kept_as(name, done.task) for name in more.get("keep", ())}
    assert {name for row in made for name in row} <= {"id", "error", *kept, *_SAID[done.task]}
    return done, made


def test_order_ids_and_bad_rows_are_kept(intents, tmp_path):
    rows = [{"id": f"r{n}" if n % 3 else None, "text": row["text"] * (1 + n % 4), "x": n} for n, row in enumerate(classes(70, seed=5))]
    rows[10]["text"] = " "
    rows[11] = {"id": "none", "x": 11}
    done, made = run(intents, tmp_path, rows, batch=4, keep=["x"])
    assert [row["x"] for row in made] == list(range(70))
    assert [row["id"] for row in made] == [row["id"] if row["id"] else n for n, row in enumerate(rows, 1)]
    assert (done.rows, done.answered, done.bad) == (70, 68, 2)
    assert [fault["row"] for fault in done.faults] == [11, 12]
    assert done.faults[0]["where"] == "in.jsonl#11"
    assert "no text" in made[10]["error"]
    assert sum(done.labels.values()) == 68


def test_predictions_do_not_depend_on_the_batch(intents, tmp_path):
    rows = classes(40, seed=6)
    one = run(intents, tmp_path, rows, batch=1, scores=True)[1]
    many = run(intents, tmp_path, rows, batch=16, scores=True)[1]
    assert [row["label"] for row in one] == [row["label"] for row in many]
    assert [row["probability"] for row in one] == pytest.approx([row["probability"] for row in many], abs=1e-4)
    for row in many:
        assert sum(row["scores"].values()) == pytest.approx(1, abs=1e-4)
        assert max(row["scores"], key=row["scores"].get) == row["label"]
    right = [said["label"] == row["label"] for said, row in zip(many, rows, strict=True)]
    assert sum(right) / len(right) > 0.8


def test_what_is_measured_in_training_is_what_is_predicted(intents, tmp_path):
    held = json.loads((intents / "training.json").read_text("utf-8"))
    samples = {sample["asked"]: sample["after"] for sample in held["samples"]}
    made = run(intents, tmp_path, [{"text": text} for text in samples])[1]
    assert [f"{row['label']} {row['probability']:.3f}" for row in made] == list(samples.values())


def test_csv_with_other_columns(intents, tmp_path):
    with open(tmp_path / "in.csv", "w", encoding="gb18030", newline="") as handle:
        writer = csv.writer(handle, delimiter=";")
        writer.writerows([["Inhalt", "nr"], ["怎么退款？；急", "a"], ["how much is it", "b"]])
    done = predict_file(str(intents), tmp_path / "in.csv", tmp_path / "o.jsonl", columns={"text": "Inhalt", "id": "nr"})
    assert done.bad == 0
    assert [(row["id"], row["label"]) for row in lines(tmp_path / "o.jsonl")] == [("a", "退款"), ("b", "price")]
    with pytest.raises(ConfigError, match=r"--map: text: 'inhalt'.*Inhalt, nr"):
        predict_file(str(intents), tmp_path / "in.csv", tmp_path / "o.jsonl", columns={"text": "inhalt"})
    with pytest.raises(ConfigError, match=r"--keep x"):
        predict_file(str(intents), tmp_path / "in.csv", tmp_path / "o.jsonl", columns={"text": "Inhalt"}, keep=["x"])
    with pytest.raises(ConfigError, match=r"--map: words"):
        predict_file(str(intents), tmp_path / "in.csv", tmp_path / "o.jsonl", columns={"words": "Inhalt"})


def test_a_table_says_what_the_lines_say(intents, tmp_path):
    rows = [{"id": f"r{n}", "text": row["text"], "编号": f'=1+"{n}",甲'} for n, row in enumerate(classes(20, seed=8))]
    rows[0]["text"] = ""
    said = run(intents, tmp_path, rows, keep=["编号"])[1]
    predict_file(str(intents), tmp_path / "in.jsonl", tmp_path / "out.CSV", keep=["编号"])
    assert (tmp_path / "out.CSV").read_bytes().startswith(b"\xef\xbb\xbfid,")
    with open(tmp_path / "out.CSV", encoding="utf-8-sig", newline="") as handle:
        table = list(csv.DictReader(handle))
    assert list(table[0]) == ["id", "编号", "label", "probability", "error"]
    written = [{k: f"'{v}" if k == "编号" else str(v) for k, v in row.items()} for row in said]  # a spreadsheet would run it as a formula
    assert [{name: value for name, value in row.items() if value} for row in table] == written
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "out.CSV", "out.jsonl"]


def test_a_cell_of_a_table():
    assert [cell(value) for value in (["a", "b"], [], ["a|b", "c"], [{"x": 1}], {"甲": 1}, 0.5, None)] == [
        "a|b", "", '["a|b", "c"]', '[{"x": 1}]', '{"甲": 1}', 0.5, None
    ]  # fmt: skip


def test_a_model_is_named_as_in_the_registry(tmp_path):
    path = head(tmp_path, "classification", "embedded", classes(40), train={"max_steps": 1})
    first = train(str(path)).entry
    second = train(str(path), ["train.max_steps=2"]).entry
    write_rows(tmp_path / "in.jsonl", classes(3))
    scores = {}
    for name in (first.label, second.label, first.name, f"{first.name}@candidate"):
        predict_file(name, tmp_path / "in.jsonl", tmp_path / "out.jsonl", root=tmp_path, scores=True)
        scores[name] = [row["scores"] for row in lines(tmp_path / "out.jsonl")]
    assert scores[first.label] != scores[second.label] == scores[first.name] == scores[f"{first.name}@candidate"]
    Registry(tmp_path).promote(first.label, force=True, reason="tried by hand")
    predict_file(first.name, tmp_path / "in.jsonl", tmp_path / "out.jsonl", root=tmp_path, scores=True)
    assert [row["scores"] for row in lines(tmp_path / "out.jsonl")] == scores[first.label]
    with pytest.raises(InputError, match=r"no model .*@9.*the registry holds"):
        predict_file(f"{first.name}@9", tmp_path / "in.jsonl", tmp_path / "out.jsonl", root=tmp_path)
    shutil.rmtree(tmp_path / second.access_point)
    with pytest.raises(InputError, match=f"{second.label} is gone"):
        predict_file(second.label, tmp_path / "in.jsonl", tmp_path / "out.jsonl", root=tmp_path)


def test_what_was_expected_stands_beside_what_was_said(intents, tmp_path):
    rows = [{**row, "label": "退款", "id": n} for n, row in enumerate(classes(6, seed=2))]
    made = run(intents, tmp_path, rows, keep=["label", "text", "id"])[1]
    assert [row["given_label"] for row in made] == ["退款"] * 6
    assert [row["given_id"] for row in made] == list(range(6))
    assert [row["text"] for row in made] == [row["text"] for row in rows]
    assert {row["label"] for row in made} - {"退款"}
    predict_file(str(intents), tmp_path / "in.jsonl", tmp_path / "out.csv", keep=["label"])
    with open(tmp_path / "out.csv", encoding="utf-8-sig", newline="") as handle:
        assert next(csv.reader(handle)) == ["id", "given_label", "label", "probability"]


def test_files_beside_the_user(intents, tmp_path, monkeypatch):
    """`--input in.jsonl` in the folder one stands in: there is no path to it."""
    write_rows(tmp_path / "in.jsonl", classes(3))
    monkeypatch.chdir(tmp_path)
    for place in ("in.jsonl", "./in.jsonl", f"../{tmp_path.name}/in.jsonl"):
        assert predict_file(str(intents), Path(place), Path("out.csv")).answered == 3
    assert len((tmp_path / "out.csv").read_text("utf-8").splitlines()) == 4


def test_failing_at_a_bad_row_writes_nothing(intents, tmp_path):
    (tmp_path / "in.jsonl").write_text('{"text": "a"}\n{"text": \n{"text": "b"}\n', "utf-8")
    (tmp_path / "out.jsonl").write_text("before", "utf-8")
    with pytest.raises(InputError, match=r"in\.jsonl#2.*--bad-rows skip"):
        predict_file(str(intents), tmp_path / "in.jsonl", tmp_path / "out.jsonl", bad="fail")
    assert (tmp_path / "out.jsonl").read_text("utf-8") == "before"
    done = predict_file(str(intents), tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    assert (done.rows, done.bad) == (3, 1)
    assert "broken JSON" in lines(tmp_path / "out.jsonl")[1]["error"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "out.jsonl"]


def test_files_that_cannot_be(intents, tmp_path):
    (tmp_path / "empty.jsonl").write_text("", "utf-8")
    for given, out, error in (("gone.jsonl", "o", InputError), ("empty.jsonl", "o", InputError), ("empty.jsonl", "empty.jsonl", ConfigError)):
        with pytest.raises(error):
            predict_file(str(intents), tmp_path / given, tmp_path / out)
    assert not (tmp_path / "o").exists()


def test_long_texts_are_read_whole(intents, tmp_path):
    done, (row,) = run(intents, tmp_path, [{"text": "how much is it " * 400}])
    assert row["windows"] > 1
    assert done.windows == 1
    assert row["label"] == "price"


def test_entities_with_offsets_of_texts_and_of_tokens(tmp_path):
    model = train(str(head(tmp_path / "m", "token-classification", "embedded", tagged(), {"crf": True}, train={"max_steps": 100}))).artifact.path
    rows = [
        {"text": "请发到上海给王伟"}, {"tokens": ["Send", "to", "New", "York", "now", "."]}, {"tokens": "请 发 到 北京 给 李娜"},
        {"tokens": ["请发到", "上海", "给", "王伟"], "id": 7},
    ]  # fmt: skip
    made = run(model, tmp_path, rows, scores=True)[1]
    assert [(e["text"], e["label"]) for e in made[0]["entities"]] == [("上海", "LOC"), ("王伟", "PER")]
    for row in made:
        text = row.get("text", rows[0]["text"])
        assert all(text[e["start"] : e["end"]] == e["text"] and 0 < e["probability"] <= 1 for e in row["entities"])
    assert made[1]["tags"] == ["O", "O", "B-LOC", "I-LOC", "O", "O"]
    assert made[3]["tags"] == ["O", "B-LOC", "O", "B-PER"]
    assert all(sum(unit["scores"].values()) == pytest.approx(1, abs=1e-3) for unit in made[0]["units"])


def test_answers_and_numbers(base, tmp_path):
    reader = train(str(head(tmp_path / "q", "question-answering", "embedded", asked(40, far=1), train={"max_steps": 2}))).artifact.path
    rows = [{key: one[key] for key in ("question", "context")} for one in asked(8, seed=2, far=200)] + [{"question": "", "context": "a"}]
    done, made = run(reader, tmp_path, rows, scores=True)
    assert done.bad == 1
    nested = {
        "paragraphs": [{"context": rows[0]["context"], "qas": [{"id": "a", "question": "从哪里发货？"}, {"id": "b", "question": "多久到货？"}]}]
    }
    assert [row["id"] for row in run(reader, tmp_path, [nested])[1]] == ["a", "b"]
    for row, said in zip(rows, made[:-1], strict=False):
        assert said["answer"] == (row["context"][said["start"] : said["end"]] if said["answer"] else "")
        assert 0 <= said["score"] <= 1
    numbers = [{"text": row["text"], "value": len(row["text"])} for row in classes()]
    scorer = train(str(head(tmp_path / "n", "regression", str(base), numbers, train={"max_steps": 2}))).artifact.path
    assert all(isinstance(row["value"], float) for row in run(scorer, tmp_path, classes(5))[1])


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_row_without_an_id_is_called_by_its_line(intents, tmp_path, ending):
    """The line that an editor shows, headers and empty lines counted; the same in the answer, in the list of faults and in the message."""
    said = [row["text"] for row in classes(3, seed=5)]
    if ending == "csv":
        text = f"id,text\nR2,{said[0]}\n\nR4\n,{said[1]}\nR6,{said[2]},x,y\n"
    else:
        text = "\n".join(
            [json.dumps({"text": said[0], "id": "R1"}), json.dumps({"text": said[0], "id": "R2"}), "", "{R4", json.dumps({"text": said[1]}), "{R6"]
        )
    (tmp_path / f"in.{ending}").write_text(text, "utf-8")
    done = predict_file(str(intents), tmp_path / f"in.{ending}", tmp_path / "out.jsonl")
    made = [row["id"] for row in lines(tmp_path / "out.jsonl")]
    assert made[made.index("R2") :] == ["R2", 4, 5, 6]
    assert [(fault["row"], fault["where"]) for fault in done.faults] == [(4, f"in.{ending}#4"), (6, f"in.{ending}#6")]


def test_language_models_and_reward_models(base, checkpoint, tmp_path):
    from .recipes import recipe
    from .test_methods_preference import preferences

    rows = [{"question": "怎么退款？"}, {"text": "Where is my invoice?"}, {"nothing": 1}, {"messages": [{"role": "robot", "content": "x"}]}]
    rows += [{"messages": [{"role": "user", "content": "团队版多少钱？"}, {"role": "assistant", "content": "the answer that is known"}]}]
    done, made = run(base, tmp_path, rows, longest=24)
    assert [row["row"] for row in done.faults] == [3, 4]
    assert all(isinstance(made[n]["text"], str) and made[n]["finish"] in ("stop", "length") for n in (0, 1, 4))
    alone = run(base, tmp_path, rows[4:], longest=24)[1][0]
    assert alone["text"] == made[4]["text"]  # neither the batch nor the known answer changes it
    assert run(checkpoint, tmp_path, rows[:1], longest=4)[1][0]["finish"] in ("stop", "length")
    too_long = run(base, tmp_path, [{"text": "退款" * 600}], longest=24)[1][0]
    assert "too long" in too_long["error"]
    with pytest.raises(InputError, match="--max-tokens 9999"):
        run(base, tmp_path, rows, longest=9999)
    judge = train(str(recipe(tmp_path / "r", "reward", str(base), preferences(), train={"max_steps": 1, "rehearse": False}))).artifact.path
    made = run(judge, tmp_path, [{"question": "a", "answer": "b"}, {"question": "a"}])[1]
    assert isinstance(made[0]["reward"], float)
    assert "no answer to judge" in made[1]["error"]
    assert "--map instruction=COLUMN" in made[1]["error"] and "--map prompt=COLUMN --map chosen=COLUMN" in made[1]["error"]
    pairs = [
        {"prompt": "怎么退款？", "chosen": "七天内可以申请退款。", "rejected": "不知道。"}, {"prompt": "a", "chosen": "x", "rejected": "x"},
        {"question": "怎么退款？", "answer": "七天内可以申请退款。"},
    ]  # fmt: skip
    done, made = run(judge, tmp_path, pairs)
    assert made[0]["prefers"] == ("chosen" if made[0]["score_chosen"] > made[0]["score_rejected"] else "rejected")
    assert made[0]["score_chosen"] == pytest.approx(made[2]["reward"], abs=1e-4), "a pair is scored like its dialogue alone"
    assert "chosen and rejected are the same" in made[1]["error"] and done.bad == 1
    mapped = run(
        judge, tmp_path, [{"q": "怎么退款？", "a": "七天内可以申请退款。", "b": "不知道。"}], columns={"prompt": "q", "chosen": "a", "rejected": "b"}
    )[1]
    assert mapped[0]["score_rejected"] == pytest.approx(made[0]["score_rejected"], abs=1e-4)


def test_folders_that_kefu_did_not_train(intents, tmp_path):
    shutil.copytree(intents / "model", tmp_path / "foreign")
    made = run(tmp_path / "foreign", tmp_path, classes(4))[1]
    assert {row["label"] for row in made} <= {"退款", "发票", "price"}
    config = json.loads((tmp_path / "foreign" / "config.json").read_text("utf-8"))
    for kind, said in (("ModernBertModel", "has no head that answers"), (None, "has no head that answers")):
        (tmp_path / "foreign" / "config.json").write_text(json.dumps({**config, "architectures": [kind] if kind else None}), "utf-8")
        with pytest.raises(InputError, match=said):
            run(tmp_path / "foreign", tmp_path, classes(1))
    with pytest.raises(ConfigError, match="MODEL"):
        run(tmp_path / "nowhere" / "x", tmp_path, classes(1))


def test_poison_beside_a_model(intents, tmp_path):
    bad = tmp_path / "bad"
    shutil.copytree(intents, bad)
    task = json.loads((bad / "task.json").read_text("utf-8"))
    for change, said in (
        ({"model": "../x"}, "task.json"),
        ({"labels": ["a", "b"]}, "2 labels, the model answers with 3"),
        ({"model": "gone"}, "no gone/"),
    ):
        (bad / "task.json").write_text(json.dumps({**task, **change}), "utf-8")
        with pytest.raises(InputError, match=said):
            run(bad, tmp_path, classes(1))
    (bad / "task.json").write_text(json.dumps(task), "utf-8")
    torch.save(load_file(bad / "model" / "model.safetensors"), bad / "model" / "pytorch_model.bin")
    (bad / "model" / "model.safetensors").unlink()
    with pytest.raises(InputError, match="safetensors"):
        run(bad, tmp_path, classes(1))


def test_damaged_weights_are_one_line(intents, tmp_path):
    for n, cut in enumerate((0, 40, 2000)):
        bad = tmp_path / f"cut{n}"
        shutil.copytree(intents, bad)
        weights = bad / "model" / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:cut])
        with pytest.raises(InputError, match=r"cannot be loaded: its weights are damaged or were cut off.*models verify.*train it again") as caught:
            run(bad, tmp_path, classes(1))
        assert caught.value.exit_code == 2
        with pytest.raises(InputError, match="cut off"):
            train(str(head(tmp_path / f"on{n}", "classification", str(bad), classes(), train={"max_steps": 1})))
    tokens = bad / "model" / "tokenizer.json"
    shutil.copy(intents / "model" / "model.safetensors", bad / "model")
    tokens.write_bytes(tokens.read_bytes()[:100])
    with pytest.raises(InputError, match="cannot be loaded"):
        run(bad, tmp_path, classes(1))


def test_a_name_written_wrongly_gets_the_nearest(intents, tmp_path):
    path = head(tmp_path, "classification", "embedded", classes(40), train={"max_steps": 1})
    entry = train(str(path)).entry
    write_rows(tmp_path / "in.jsonl", classes(3))

    def said(name):
        with pytest.raises(InputError) as caught:
            predict_file(name, tmp_path / "in.jsonl", tmp_path / "out.jsonl", root=tmp_path)
        return caught.value.line()

    assert f"did you mean {entry.name}" in said(entry.name[:-1])
    assert f"did you mean '{entry.name}'" in said(f"{entry.name[:-1]}@1")
    assert f"kefu models promote . {entry.label}" in said(f"{entry.name}@production")
    assert f"the registry holds {entry.label}" in said("quite-another")
    assert "embedded" not in said(entry.name[:-1])


def test_the_columns_of_training_are_those_of_the_same_file(tmp_path):
    rows = [{"工单": n, "正文": row["text"], "科目": row["label"], "内容": "x"} for n, row in enumerate(classes(40))]
    path = head(tmp_path, "classification", "embedded", rows, train={"max_steps": 1}, data={"map": {"text": "正文", "label": "科目", "id": "工单"}})
    model = train(str(path)).artifact.path
    done, made = run(model, tmp_path, rows[:5])
    assert done.bad == 0 and [row["id"] for row in made] == [0, 1, 2, 3, 4]
    unlabelled = [{"工单": "a", "正文": row["正文"]} for row in rows[:2]]
    assert run(model, tmp_path, unlabelled)[0].bad == 0
    assert run(model, tmp_path, [{"text": "怎么退款"}])[0].bad == 0
    assert run(model, tmp_path, [{"另一列": "怎么退款"}], columns={"text": "另一列"})[0].bad == 0
    with pytest.raises(InputError, match=r"'正文' \(text\); the row has 另一列, 工单; .*--map text=COLUMN"):
        run(model, tmp_path, [{"另一列": "怎么退款", "工单": 3}])


def test_out_of_memory_takes_fewer_rows_at_once(intents, tmp_path, monkeypatch):
    from transformers import ModernBertForSequenceClassification as Kind

    forward, sizes = Kind.forward, []

    def small(self, input_ids=None, **more):
        if len(input_ids) > 3:
            raise torch.OutOfMemoryError("out of memory")
        sizes.append(len(input_ids))
        return forward(self, input_ids=input_ids, **more)

    monkeypatch.setattr(Kind, "forward", small)
    with quiet():
        assert run(intents, tmp_path, classes(20), batch=16)[0].answered == 20
    assert max(sizes) == 2


def command(*arguments, **more):
    return [sys.executable, "-m", "kefu", "predict", *map(str, arguments)]


def test_the_command(intents, tmp_path):
    write_rows(tmp_path / "in.jsonl", [*classes(3), {"text": ""}])
    done = subprocess.run(
        command(intents, "--input", tmp_path / "in.jsonl", "--out", tmp_path / "o.jsonl", "--json"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    facts = json.loads(done.stdout)
    assert (facts["rows"], facts["answered"], facts["bad"], facts["task"]) == (4, 3, 1, "classification")
    words = command(intents, "--input", tmp_path / "in.jsonl", "--out", tmp_path / "o.jsonl", "--map", "x")
    wrong = CliRunner().invoke(app, [str(word) for word in words[words.index("predict") :]])
    assert isinstance(wrong.exception, KefuError) and wrong.exception.exit_code == 2
    assert "FIELD=COLUMN" in wrong.exception.line()


@pytest.mark.long
def test_an_interrupt_leaves_nothing(intents, tmp_path):
    write_rows(tmp_path / "in.jsonl", [{"text": "how much is it " * 300}] * 20_000)
    done = subprocess.Popen(
        command(intents, "--input", tmp_path / "in.jsonl", "--out", tmp_path / "o.jsonl"), stderr=subprocess.DEVNULL, env={**os.environ}
    )
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob(".o.jsonl.*")) and time.monotonic() < deadline:
        time.sleep(0.2)
    time.sleep(1)
    done.send_signal(signal.SIGINT)
    assert done.wait(60) == 130
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def own_columns(count, seed=0):
    return [{"工单号": f"T{n}", "客户原话": row["text"], "意图": row["label"], "渠道": "微信"} for n, row in enumerate(classes(count, seed=seed))]


def test_columns_that_training_found_are_remembered_and_found_again(tmp_path):
    path = head(tmp_path, "classification", "embedded", own_columns(40), train={"max_steps": 2, "rehearse": False})
    made = train(str(path)).artifact.path
    assert json.loads((made / "task.json").read_text("utf-8"))["map"]["text"] == "客户原话"
    write_rows(tmp_path / "in.jsonl", [{"工单号": "1", "客户原话": "怎么退款", "渠道": "微信"}])
    assert predict_file(str(made), tmp_path / "in.jsonl", tmp_path / "out.jsonl").bad == 0
    write_rows(tmp_path / "in.jsonl", [{"编码": n, "来信原文": f"第{n}次问了，请问年卡怎么退款呢"} for n in range(20)])
    done = predict_file(str(made), tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    assert done.bad == 0 and "来信原文" in done.notes[0]


def test_a_file_without_a_column_to_read_is_refused_at_once(intents, tmp_path):
    write_rows(tmp_path / "in.jsonl", [{"a": 1, "b": 2}] * 9)
    with pytest.raises(InputError, match=r"no row can be answered.*the row has a, b.*--map text=COLUMN"):
        predict_file(str(intents), tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()
