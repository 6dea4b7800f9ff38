"""`kefu.yaml` as strict typed settings. Units stand in the names (`_s`, `_ms`, `_per_minute`).

An unknown key is an error. A default that depends on other settings is `None` here and is computed,
with its reason, by the room that uses it.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

_PASSWORD = re.compile(r"://[^/@:\s]*:[^/@\s]+@")


def _no_password(url: str) -> str:
    """Settings are copied into manifests and models.yaml, which people keep in version control."""
    if _PASSWORD.search(url):
        raise ValueError("the URL holds a password; put the whole URL into an environment variable and write env:NAME (or file:PATH)")
    return url


#: A URL that may name a secret place but not hold the secret.
Url = Annotated[str, AfterValidator(_no_password)]


QualityName = Annotated[str, StringConstraints(min_length=1, max_length=30, strip_whitespace=True)]


def _a_scale(names: list[str]) -> list[str]:
    if len(names) == 1 or len(set(names)) != len(names):
        raise ValueError("a scale has two labels at least, each once")
    if "unsure" in names:
        raise ValueError("`unsure` can be said on the labelling page in any case and is no label")
    return names


class Block(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, frozen=True)


NAME = r"^[a-z0-9][a-z0-9_-]*$"  # of a project
Role = Literal["customer", "agent", "bot", "system", "tool", "ignore"]
Shape = Literal[
    "faq", "dialogues", "messages", "alternating", "sharegpt", "openai", "alpaca", "records",
    "preference", "classification", "tags", "qa", "parallel",
]  # fmt: skip


class RecordTemplate(Block):
    """How one record of a table becomes an instruction and its answer (Jinja2, sandboxed)."""

    instruction: str = Field(min_length=1, description="template of what is asked")
    output: str = Field(min_length=1, description="template of the answer to learn")
    system: str = Field(default="", description="template of the system message; empty: none")


class Source(Block):
    """One export of the company. `map` names the column (or dotted path) of each field."""

    name: str = Field(min_length=1, pattern=r"^[\w.-]+$", description="what the source is called in reports and in `--source`")
    shape: Shape = Field(description="what a row is: an FAQ entry, a whole conversation, one message, a labelled text, ...")
    path: str = Field(default="", description="file, folder or glob, relative to kefu.yaml")
    url: Url = Field(default="", description="SQLAlchemy URL; with a password: env:NAME or file:PATH")
    query: str = Field(default="", description="one SELECT for a database source; anything that writes is refused")
    format: Literal["auto", "csv", "tsv", "json", "jsonl", "parquet", "excel", "sqlite", "conll", "chatlog", "mail", "messenger", "speech"] = Field(
        default="auto",
        description="how the file is written; auto: by its name and content "
        "(chatlog: text of WeChat, WhatsApp and the like; mail: mbox, eml, Maildir; "
        "messenger: exports of Slack, Teams, Telegram, Discord, 飞书, 钉钉; speech: srt, vtt, JSON of speech recognition)",
    )
    encoding: str = Field(default="auto", description="character encoding such as gb18030; auto: recognised and reported")
    delimiter: Annotated[str, StringConstraints(strip_whitespace=False, pattern=r"^(auto|tab|\\t|[^\n\r\"])$")] = Field(
        default="auto", description="character between two cells, or tab; auto: recognised"
    )
    sheet: str | list[str] = Field(
        default="", description="workbook: name of the sheet, a glob, or several names; empty: the sheets whose columns fit the shape best"
    )
    rows_at: str = Field(default="", description="JSON document: dotted path of the list of rows; * takes every key (data.*.turns)")
    on_broken: Literal["fail", "skip"] = Field(default="skip", description="a row that cannot be read stops the build, or is left out and counted")
    map: dict[str, str] = Field(default={}, description="field -> column (or dotted path); what is left out is guessed and reported")
    roles: dict[str, Role] = Field(
        default={},
        description="value in the export -> customer | agent | bot | system | tool | ignore; '@shop.cn': every address of that domain; "
        "'*': every other sender",
    )
    first: Literal["customer", "agent"] = Field(default="customer", description="shape alternating: who speaks first when no line says it")
    where: dict[str, str | list[str]] = Field(default={}, description="keep only rows whose column has one of these values")
    turn_where: dict[str, str | list[str]] = Field(default={}, description="the same for turns inside a row (shape dialogues)")
    similar_separator: str = Field(default="|", description="stands between the other wordings in the column `similar`")
    label_separator: str = Field(default="", description="shape classification: what joins several labels in one cell; makes the rows multi-label")
    labels: list[str] = Field(default=[], description="names of numeric labels or tags, in order from 0")
    scheme: Literal["auto", "bio", "iob1", "bioes", "io"] = Field(default="auto", description="shape tags: how entities are marked; written as bio")
    template: str | RecordTemplate = Field(
        default="", description="shape records: risk-, medical-, contract- or parallel- with zh or en (risk-zh), a YAML file, or the texts here"
    )
    direction: Literal["forward", "backward", "both"] = Field(
        default="forward", description="templates of parallel text: source to target, target to source, or a row for each"
    )
    language: str = Field(default="auto", description="zh or en for every row; auto: found for each row")
    target_language: str = Field(default="auto", description="parallel text: language of the target text")
    category: str = Field(default="", description="given to rows that have none")
    mask_pii: bool | None = Field(default=None, description="for this source alone; unset: as data.clean.mask_pii says")
    max_drop_share: float = Field(default=0.5, gt=0, le=1, description="more rows that are broken or give nothing stop the build")
    max_line_mb: float = Field(
        default=16, gt=0, description="a longer line of JSONL counts as broken; a longer value in a database or in Parquet is refused"
    )
    max_document_mb: float = Field(default=512, gt=0, description="a JSON document or a workbook is held in memory; larger ones are refused")
    timeout_s: float = Field(default=600, gt=0, description="a database query or a workbook that takes longer is stopped")
    look_timeout_s: float = Field(
        default=30,
        gt=0,
        description="the same for a look at the first rows (`kefu check`, before every build, previews); at most timeout_s",
    )


class Clean(Block):
    html: bool = Field(default=True, description="tags and entities of HTML become plain text")
    simplify: bool = Field(default=False, description="traditional to simplified Chinese")
    quoted_mail: bool = Field(default=True, description="remove the mail that is answered (> lines, 'On … wrote:', 发件人：)")
    signatures: bool = Field(default=True, description="remove closing formulas with the card after them, 'Sent from my phone'")
    notices: bool = Field(default=True, description="drop whole messages of the desk's software: joined, queue, ended, rate us, automatic reply")
    emoji: Literal["keep", "remove"] = Field(default="keep", description="keep: they carry the customer's mood")
    boilerplate: list[str] = Field(default=[], description="regular expressions of bot greetings, signatures and surveys to remove")
    off_topic: list[str] = Field(default=[], description="regular expressions that mark a whole row as off-topic")
    merge_split_turns: bool = Field(default=True, description="messages that one side sent in a row become one turn")
    mask_pii: bool = Field(default=True, description="personal data become placeholders such as [手机号] before anything is learned")
    vault: str = Field(
        default="",
        description="encrypted file, outside build/, that keeps what each placeholder stands for; empty: nothing is kept and masking is final",
    )
    vault_key: str = Field(default="env:KEFU_VAULT_KEY", description="where its key is: env:NAME or file:PATH (mode 0600); never the key itself")
    min_answer_chars: int = Field(default=2, ge=1, description="a shorter answer is no answer")
    max_turns: int = Field(default=40, ge=2, description="a longer conversation is cut there, and counted")
    max_drop_share: float = Field(
        default=0.5, gt=0, le=1, description="cleaning that would drop more conversations or labelled rows, of all or of one source, stops the build"
    )
    max_turn_drop_share: float = Field(default=0.7, gt=0, le=1, description="the same for single messages (notices, boilerplate, beyond max_turns)")


class Dedup(Block):
    near: bool = Field(default=True, description="near-duplicates are removed too, not only equal ones")
    threshold: float = Field(default=0.9, gt=0, le=1, description="Jaccard that words on one side alone must leave")
    max_drop_share: float = Field(default=0.5, gt=0, le=1, description="more duplicates than this, of all or of one source, stop the build")


class Split(Block):
    validation: float = Field(default=0.1, ge=0, lt=0.5, description="share held back to choose the best checkpoint and settings")
    test: float = Field(default=0.1, ge=0, lt=0.5, description="share held back for the evaluation, never trained on")
    max_group_share: float = Field(
        default=0.15, gt=0, le=1, description="nearly equal questions that would tie more customers than this share of the rows together are frequent"
    )
    frequent: Literal["train", "both"] = Field(
        default="train",
        description="a frequent question stays in training and held-out rows that ask it are dropped, or it may stand on both sides (a known leak)",
    )


class AccessPoint(Block):
    """A language model that helps to make data: any OpenAI-compatible URL, or a model folder. Answers are cached in build/cache."""

    url: str = Field(default="", description="http(s)://…/v1, or the folder of a model; empty: none")
    model: str = Field(default="", description="its name there; empty: the first the server lists")
    key_env: str = Field(default="", description="environment variable that holds the API key")
    price_in_per_million: float = Field(default=0, ge=0, description="price of a million prompt tokens, in your currency")
    price_out_per_million: float = Field(default=0, ge=0, description="price of a million tokens that it writes")
    max_cost: float | None = Field(default=None, ge=0, description="nothing is asked beyond this; the rest is counted as unasked")
    concurrency: int = Field(default=4, ge=1, le=256, description="requests at the same time")
    retries: int = Field(default=3, ge=0, description="tries after a fault or an unusable answer")
    retry_s: float = Field(default=0.5, ge=0, description="wait before the first retry; doubled each time, 8 s at most")
    timeout_s: float = Field(default=60, gt=0, description="a request that takes longer counts as a fault")
    send_unmasked: bool = Field(default=False, description="send personal data as they stand; else a URL gets placeholders, and answers their values")


class Augment(Block):
    """Training questions in other words. All off by default: what pays was measured in training itself (`train.noise_copies` damages
    each question anew, and wordings heard in dialogues are used), and made-up wordings should be chosen by somebody who has looked at them."""

    methods: list[Literal["synonym", "frame", "slip", "paraphrase", "back_translation"]] = Field(
        default=[], description="synonym, frame, slip: offline. paraphrase, back_translation: need `model`"
    )
    per_question: int = Field(default=1, ge=1, le=20, description="copies of a question per method")
    max_share: float = Field(default=2.0, gt=0, description="made questions per real one, at most, over all")
    lexicon: str = Field(default="", description="YAML file with your own synonym groups, in the form of the shipped ones")
    balance: float = Field(default=0, ge=0, le=1, description="lift categories to this share of the median category; 0: off")
    balance_cap: int = Field(default=5, ge=1, le=50, description="copies per question and method for a rare category, at most")
    negatives: list[Literal["other_entity", "other_number", "negated"]] = Field(
        default=[], description="wrong answers as preference rows (preference.made.jsonl)"
    )
    negatives_per_question: int = Field(default=1, ge=1, le=3, description="wrong answers of each kind for a question, at most")
    model: AccessPoint = AccessPoint()


class Labels(Block):
    """Who says how good a conversation was, and when a person should have taken over."""

    by: Literal["rules", "classifier", "llm"] = Field(default="rules", description="rules: the dataset class; classifier: learned from `people`")
    people: str = Field(default="", description="JSONL with labels by people: id, label, intervention (index of a turn or null); these stand")
    scale: Annotated[list[QualityName], AfterValidator(_a_scale)] = Field(
        default=[], max_length=9, description="quality labels that people and models may give, best first; empty: `labels` of the dataset class"
    )
    rubric: str = Field(default="", description="text file with your own rule for the language model; empty: the docstring of the dataset class")
    model: AccessPoint = AccessPoint()


class Messages(Block):
    """What beside the words of customer and agent goes into messages.*.jsonl."""

    system: bool = Field(default=True, description="the system message of files made for tuning (shapes openai, sharegpt, alpaca, records)")
    tools: bool = Field(default=True, description="tool calls with their results, as OpenAI's tool_calls and messages of role tool")


class Data(Block):
    sources: list[Source] = Field(min_length=1, description="the exports to read, at least one")
    dataset_class: str = Field(default="", description="file.py:Class, a SupportDataset of your own")
    licence: str = Field(default="", description="terms under which the exports may be used, for the data card")
    clean: Clean = Clean()
    dedup: Dedup = Dedup()
    labels: Labels = Labels()
    split: Split = Split()
    messages: Messages = Messages()
    workers: int | None = Field(default=None, ge=1, description="processes that clean and label; unset: one a core. The result is the same")
    engine: Literal["local", "ray"] = Field(default="local", description="who does the work: this machine, or a Ray cluster (extra `ray`)")
    augment: Augment = Augment()


Prefix = Annotated[str, StringConstraints(strip_whitespace=False)]


class Encoder(Block):
    """A pretrained sentence encoder beside the words."""

    model: str = Field(default="", description="Hugging Face id or folder of a sentence encoder such as bge, e5 or MiniLM; empty: words alone")
    pooling: Literal["auto", "mean", "cls", "last"] = Field(default="auto", description="of token vectors; auto: what the checkpoint says, else mean")
    query_prefix: Prefix | None = Field(
        default=None, description="put before questions and known wordings, as in `query: ` for e5; unset: the checkpoint's"
    )
    passage_prefix: Prefix | None = Field(default=None, description="put before answers and passages of manuals; unset: the checkpoint's")
    max_length: int = Field(default=128, ge=8, description="tokens of a text that are read; never more than the checkpoint takes")
    batch: int = Field(default=32, ge=1, description="texts encoded at once while the index is built")


class Knowledge(Block):
    documents: list[str] = Field(default=[], description="globs of manuals: Word (.docx), .md and .txt")
    target_precision: float = Field(default=0.95, gt=0.5, lt=1, description="share of direct FAQ answers that must be right")
    scope_recall: float = Field(default=0.965, gt=0.5, lt=1, description="share of out-of-scope questions that must be turned away")
    chunk_chars: int = Field(default=400, ge=80, description="length of a passage of a manual, at most; cut at headings and sentences")
    synonyms: str = Field(default="", description="YAML file with your own synonym groups")
    encoder: Encoder = Encoder()


class Train(Block):
    method: Literal["sft"] = Field(default="sft", description="supervised fine-tuning, loss on the answers only")
    base: str = Field(default="embedded", description="embedded, a Hugging Face id, or a folder")
    data_url: str = Field(
        default="",
        pattern=r"^(https?://\S+)?$",
        description="dataset behind a port to train on, e.g. http://host:8300/v1/datasets/shop; empty: this project's own",
    )
    seed: int = Field(default=7, description="of the training run; the same seed and data give the same model")
    epochs: float | None = Field(default=None, gt=0, description="passes over the training rows; unset: computed from their number")
    max_steps: int | None = Field(default=None, gt=0, description="stop after this many optimiser steps; unset: as many as the epochs need")
    token_budget: int | None = Field(default=None, gt=0, description="tokens to train on in all; sets the epochs")
    batch_size: int | None = Field(default=None, gt=0, description="rows per optimiser step; unset: chosen for the model and the machine")
    learning_rate: float | None = Field(default=None, gt=0, description="the highest of the cosine schedule; unset: chosen for the base")
    max_length: int | None = Field(default=None, ge=32, description="tokens of a training row, at most; unset: from the lengths measured")
    over_length: Literal["drop", "cut_oldest", "fail"] = Field(
        default="cut_oldest", description="what happens to a row that is too long; counted in the report"
    )
    noise_copies: int | None = Field(default=None, ge=0, description="noisy copies of each question")
    retrieval_context: bool | None = Field(default=None, description="train with the passages that serving will give; unset: measured")
    patience: int = Field(default=3, ge=1, description="evaluations without a better validation loss before stopping")
    vocabulary: int = Field(default=2048, ge=300, description="embedded base only")
    layers: int = Field(default=4, ge=1, description="embedded base only")
    hidden: int = Field(default=128, ge=16, description="embedded base only")
    trackers: list[Literal["tensorboard", "wandb"]] = Field(default=["tensorboard"], description="where the curves are also written")


class Gates(Block):
    size_ratio: float = Field(default=0.27, gt=0, description="quantised weights / fp32 weights, at most")
    agreement: float = Field(default=0.97, gt=0, le=1, description="share of positions with the same first choice, at least")
    answers: float = Field(default=0.9, gt=0, le=1, description="share of right answers that stay right, at least")
    score_drop: float = Field(default=0.01, ge=0, description="fall of the task score, at most")
    samples: int = Field(default=100, ge=8, description="held-out questions that the gates ask the model before and after")


class Export(Block):
    to: Literal["openvino"] = Field(default="openvino", description="the engine that the model is converted for")
    precision: Literal["int8", "fp32"] = Field(default="int8", description="of the weights: int8 is a quarter of the size")
    gates: Gates = Gates()


class Guard(Block):
    rules: list[str] = Field(default=[], description="YAML files with compliance rules of your own, beside the built-in ones")
    off: list[str] = Field(default=[], description="ids of built-in rules that do not fit your trade (receipts name them)")
    mask_pii_in_replies: bool = Field(default=True, description="personal data never leave in a reply; the company's own contacts may")


class Assistant(Block):
    name: str = Field(default="客服助手", description="what the assistant calls itself, also the title of the chat page")
    greeting: dict[str, str] = Field(default={}, description="the first words of a conversation: language -> text")
    unknown: dict[str, str] = Field(default={}, description="said when a question is out of scope: language -> text")
    handoff: dict[str, str] = Field(default={}, description="said when a person takes over: language -> text")
    texts: dict[str, dict[str, str]] = Field(default={}, description="any other fixed text: key -> language -> text")
    handoff_after: int = Field(default=2, ge=1, description="unanswered turns in a row before a person takes over")
    handoff_phrases: list[str] = Field(default=[], description="words of your customers that always call a person")
    max_answer_tokens: int = Field(default=160, ge=8, description="tokens that the model may write for one answer")
    model_timeout_s: float = Field(default=15, gt=0, description="a model that takes longer is left out of this reply")
    model: bool = Field(default=True, description="use the language model tier")
    big_model: Url = Field(default="", description="a bigger model asked last: http(s) URL of an OpenAI-compatible API, or a folder")
    big_model_name: str = Field(default="", description="its name at that URL; empty: the first it lists")
    big_model_key: str = Field(default="", description="API key for that URL, as env:NAME or file:PATH")
    guard: Guard = Guard()


class Release(Block):
    """Limits that decide promotion; each is compared with the lower (or upper) end of a 95 % interval."""

    min_score: float = Field(
        default=0.8,
        ge=0,
        le=1,
        description="share of scenarios handled, of questions answered right and of out-of-scope questions turned away: each at least",
    )
    max_glitch_rate: float = Field(default=0.05, ge=0, le=1, description="share of replies with undesired behaviour, at most")
    max_wrong_rate: float = Field(default=0.25, ge=0, le=1, description="share of questions answered wrongly; judged from 50 questions on")
    beat_baselines: bool = Field(default=True, description="refuse a model that is not better than every baseline")


class Eval(Block):
    scenarios: list[str] = Field(default=[], description="globs of your scenario YAML files; the shipped general ones are added to them")
    skip: list[str] = Field(default=[], description="ids of scenarios not to run; * and ? match (the shipped ones begin with g-)")
    questions: str = Field(default="", description="JSONL of single questions with the answer_id expected; null: out of scope")
    baselines: bool = Field(default=True, description="measure the parts alone, prompt+FAQ, do-nothing and the oracle beside the assistant")
    held_out: int = Field(default=200, ge=0, description="questions of the held-out split to ask, at most")
    release: Release = Release()


class Serve(Block):
    host: str = Field(default="127.0.0.1", description="address to listen on; beyond loopback, API keys are required")
    port: int = Field(default=8000, ge=0, le=65535, description="TCP port; 0 takes a free one")
    keys_env: str = Field(default="KEFU_API_KEYS", description="environment variable with comma-separated API keys; set: asked for on loopback too")
    keys_file: str = Field(default="", description="file with one API key a line")
    operator_keys_env: str = Field(default="KEFU_OPERATOR_KEYS", description="environment variable with the keys that open the operators' page")
    rate_per_minute: int = Field(default=600, ge=1, description="requests per key")
    max_concurrent: int = Field(default=64, ge=1, description="beyond this, requests are shed with 503 and Retry-After")
    timeout_s: float = Field(default=30, gt=0, description="an answer that takes longer is given up with 504")
    max_body_kb: int = Field(default=256, ge=1, description="a longer request is refused with 413")
    records: Url = Field(default="", description="SQLAlchemy URL (with a password: env:NAME or file:PATH); empty: SQLite in build/records.db")
    allow_origins: list[str] = Field(default=[], description="web origins whose pages may call the API (CORS)")
    page_details: bool = Field(default=False, description="the chat page shows where a reply came from; else only with ?details=1")


class Improve(Block):
    bad_rating: int = Field(default=2, ge=1, le=5, description="a rating at or below this makes a bad case")


class Project(Block):
    """The whole project file."""

    name: str = Field(pattern=NAME, description="of the project and its models: small letters, digits, - and _")
    description: str = Field(default="", description="a sentence about the assistant for reports and models.yaml")
    version: str = Field(default="1", description="yours to count; recorded, never computed with")
    seed: int = Field(default=7, description="of the split, the calibration and the intervals")
    data: Data
    knowledge: Knowledge = Knowledge()
    train: Train = Train()
    export: Export = Export()
    assistant: Assistant = Assistant()
    eval: Eval = Eval()
    serve: Serve = Serve()
    improve: Improve = Improve()
