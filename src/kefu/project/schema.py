"""`kefu.yaml` as strict typed settings. Units stand in the names (`_s`, `_ms`, `_per_minute`).

An unknown key is an error. A default that depends on other settings is `None` here and is computed,
with its reason, by the room that uses it.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_PASSWORD = re.compile(r"://[^/@:\s]*:[^/@\s]+@")


def _no_password(url: str) -> str:
    """Settings are copied into manifests and models.yaml, which people keep in version control."""
    if _PASSWORD.search(url):
        raise ValueError("the URL holds a password; put the whole URL into an environment variable and write env:NAME (or file:PATH)")
    return url


#: A URL that may name a secret place but not hold the secret.
Url = Annotated[str, AfterValidator(_no_password)]


class Block(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, frozen=True)


class Source(Block):
    """One export of the company. `map` names the column (or dotted path) of each field."""

    name: str = Field(min_length=1, pattern=r"^[\w.-]+$")
    shape: Literal["faq", "dialogues", "messages"]
    path: str = Field(default="", description="file, folder or glob, relative to kefu.yaml")
    url: Url = Field(default="", description="SQLAlchemy URL; with a password: env:NAME or file:PATH")
    query: str = Field(default="", description="SELECT for a database source")
    format: Literal["auto", "csv", "tsv", "json", "jsonl", "parquet", "excel", "sqlite"] = "auto"
    encoding: str = "auto"
    delimiter: str = "auto"
    on_broken: Literal["fail", "skip"] = "skip"
    map: dict[str, str] = {}
    roles: dict[str, Literal["customer", "agent", "bot", "system", "ignore"]] = Field(default={}, description="value in the export -> role")
    where: dict[str, str | list[str]] = Field(default={}, description="keep only rows whose column has one of these values")
    turn_where: dict[str, str | list[str]] = Field(default={}, description="the same for turns inside a row (shape dialogues)")
    similar_separator: str = "|"
    language: str = "auto"
    category: str = ""
    max_line_mb: float = Field(default=16, gt=0)


class Clean(Block):
    html: bool = True
    simplify: bool = Field(default=False, description="traditional to simplified Chinese")
    boilerplate: list[str] = Field(default=[], description="regular expressions of bot greetings, signatures and surveys to remove")
    off_topic: list[str] = Field(default=[], description="regular expressions that mark a whole row as off-topic")
    merge_split_turns: bool = True
    mask_pii: bool = True
    vault: str = Field(
        default="",
        description="encrypted file, outside build/, that keeps what each placeholder stands for; empty: nothing is kept and masking is final",
    )
    vault_key: str = Field(default="env:KEFU_VAULT_KEY", description="where its key is: env:NAME or file:PATH (mode 0600); never the key itself")
    min_answer_chars: int = Field(default=2, ge=1)
    max_turns: int = Field(default=40, ge=2)


class Dedup(Block):
    near: bool = True
    threshold: float = Field(default=0.9, gt=0, le=1, description="Jaccard of character shingles")
    max_drop_share: float = Field(default=0.5, gt=0, le=1, description="any step that would drop a larger share stops the build and says why")


class Split(Block):
    validation: float = Field(default=0.1, ge=0, lt=0.5)
    test: float = Field(default=0.1, ge=0, lt=0.5)


class Data(Block):
    sources: list[Source] = Field(min_length=1)
    dataset_class: str = Field(default="", description="file.py:Class, a SupportDataset of your own")
    clean: Clean = Clean()
    dedup: Dedup = Dedup()
    split: Split = Split()
    workers: int | None = Field(default=None, ge=1, description="processes that clean and label; unset: one a core. The result is the same")
    engine: Literal["local", "ray"] = Field(default="local", description="who does the work: this machine, or a Ray cluster (extra `ray`)")


class Knowledge(Block):
    documents: list[str] = Field(default=[], description="globs of .md and .txt manuals")
    target_precision: float = Field(default=0.95, gt=0.5, lt=1, description="share of direct FAQ answers that must be right")
    scope_recall: float = Field(default=0.965, gt=0.5, lt=1, description="share of out-of-scope questions that must be turned away")
    chunk_chars: int = Field(default=400, ge=80)
    synonyms: str = Field(default="", description="YAML file with your own synonym groups")


class Train(Block):
    method: Literal["sft"] = "sft"
    base: str = Field(default="embedded", description="embedded, a Hugging Face id, or a folder")
    seed: int = 7
    epochs: float | None = Field(default=None, gt=0)
    max_steps: int | None = Field(default=None, gt=0)
    token_budget: int | None = Field(default=None, gt=0, description="tokens to train on in all; sets the epochs")
    batch_size: int | None = Field(default=None, gt=0)
    learning_rate: float | None = Field(default=None, gt=0)
    max_length: int | None = Field(default=None, ge=32)
    over_length: Literal["drop", "cut_oldest", "fail"] = "cut_oldest"
    noise_copies: int | None = Field(default=None, ge=0, description="noisy copies of each question")
    retrieval_context: bool | None = Field(default=None, description="train with the passages that serving will give; unset: measured")
    patience: int = Field(default=3, ge=1, description="evaluations without a better validation loss before stopping")
    vocabulary: int = Field(default=2048, ge=300, description="embedded base only")
    layers: int = Field(default=4, ge=1, description="embedded base only")
    hidden: int = Field(default=128, ge=16, description="embedded base only")
    trackers: list[Literal["tensorboard", "wandb"]] = ["tensorboard"]


class Gates(Block):
    size_ratio: float = Field(default=0.27, gt=0, description="quantised weights / fp32 weights, at most")
    agreement: float = Field(default=0.99, gt=0, le=1, description="share of positions with the same first choice, at least")
    answers: float = Field(default=0.9, gt=0, le=1, description="share of right answers that stay right, at least")
    score_drop: float = Field(default=0.01, ge=0, description="fall of the task score, at most")
    samples: int = Field(default=100, ge=8)


class Export(Block):
    to: Literal["openvino"] = "openvino"
    precision: Literal["int8", "fp32"] = "int8"
    gates: Gates = Gates()


class Guard(Block):
    rules: list[str] = Field(default=[], description="YAML files with compliance rules of your own, beside the built-in ones")
    off: list[str] = Field(default=[], description="ids of built-in rules that do not fit your trade (receipts and `kefu check --rules` name them)")
    mask_pii_in_replies: bool = True


class Assistant(Block):
    name: str = "客服助手"
    greeting: dict[str, str] = Field(default={}, description="language -> text")
    unknown: dict[str, str] = Field(default={}, description="said when a question is out of scope")
    handoff: dict[str, str] = Field(default={}, description="said when a person takes over")
    texts: dict[str, dict[str, str]] = Field(default={}, description="any other fixed text: key -> language -> text")
    handoff_after: int = Field(default=2, ge=1, description="unanswered turns in a row before a person takes over")
    handoff_phrases: list[str] = []
    max_answer_tokens: int = Field(default=160, ge=8)
    model_timeout_s: float = Field(default=15, gt=0, description="a model that takes longer is left out of this reply")
    model: bool = Field(default=True, description="use the language model tier")
    big_model: Url = Field(default="", description="a bigger model asked last: http(s) URL of an OpenAI-compatible API, or a folder")
    big_model_name: str = Field(default="", description="its name at that URL; empty: the first it lists")
    big_model_key: str = Field(default="", description="API key for that URL, as env:NAME or file:PATH")
    guard: Guard = Guard()


class Release(Block):
    """Limits that decide promotion; each is compared with the lower (or upper) end of a 95 % interval."""

    min_score: float = Field(default=0.8, ge=0, le=1)
    max_glitch_rate: float = Field(default=0.05, ge=0, le=1)
    max_wrong_rate: float = Field(default=0.25, ge=0, le=1, description="share of questions answered wrongly; judged from 50 questions on")
    beat_baselines: bool = True


class Eval(Block):
    scenarios: list[str] = Field(default=[], description="globs of scenario YAML files")
    skip: list[str] = Field(default=[], description="ids of scenarios not to run; * and ? match (the shipped ones begin with g-)")
    questions: str = Field(default="", description="JSONL of single questions with the answer_id expected; null: out of scope")
    baselines: bool = True
    held_out: int = Field(default=200, ge=0, description="questions of the held-out split to ask, at most")
    release: Release = Release()


class Serve(Block):
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    keys_env: str = Field(default="KEFU_API_KEYS", description="environment variable with comma-separated API keys; unset: no key asked on loopback")
    keys_file: str = Field(default="", description="file with one API key a line")
    operator_keys_env: str = Field(default="KEFU_OPERATOR_KEYS", description="environment variable with the keys that open the operators' page")
    rate_per_minute: int = Field(default=600, ge=1, description="requests per key")
    max_concurrent: int = Field(default=64, ge=1, description="beyond this, requests are shed with 503 and Retry-After")
    timeout_s: float = Field(default=30, gt=0)
    max_body_kb: int = Field(default=256, ge=1)
    records: Url = Field(default="", description="SQLAlchemy URL (with a password: env:NAME or file:PATH); empty: SQLite in build/records.db")
    allow_origins: list[str] = []


class Improve(Block):
    bad_rating: int = Field(default=2, ge=1, le=5, description="a rating at or below this makes a bad case")


class Project(Block):
    """The whole project file."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    description: str = ""
    version: str = "1"
    seed: int = 7
    data: Data
    knowledge: Knowledge = Knowledge()
    train: Train = Train()
    export: Export = Export()
    assistant: Assistant = Assistant()
    eval: Eval = Eval()
    serve: Serve = Serve()
    improve: Improve = Improve()
