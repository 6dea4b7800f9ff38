"""The JSON that goes in and out. Requests are strict: an unknown key is an error. Responses are made as plain
dictionaries and described here for `/docs`; a test holds the two together."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("the text holds half a surrogate pair, which is no character") from None
    return text


def _nameable(name: str) -> str:
    if sum(map(str.isdigit, name)) >= 7:
        raise ValueError("the records keep this name in clear, and it could be a telephone or id number; use another name")
    return name


Text = Annotated[str, AfterValidator(_encodable)]
ConversationId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:\-]{1,128}$")]
#: Read and checked, but without effect: the project decides how answers are made. Named in `kefu.ignored` when given.
IGNORED = (
    "temperature", "top_p", "max_tokens", "max_completion_tokens", "seed", "presence_penalty", "frequency_penalty", "user", "metadata", "store",
    "service_tier", "reasoning_effort", "verbosity", "safety_identifier", "prompt_cache_key", "parallel_tool_calls", "logit_bias", "top_logprobs",
)  # fmt: skip
_IGNORED = frozenset(IGNORED)


class Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class TextPart(BaseModel):
    model_config = ConfigDict(strict=True)
    type: Literal["text"]
    text: Text


class ChatMessage(BaseModel):
    """More keys are allowed here, so that a message of a reply can be sent back as it came."""

    model_config = ConfigDict(strict=True)
    role: Literal["user", "assistant", "system", "developer", "tool"]
    content: Text | list[TextPart] | None = None

    def text(self) -> str:
        if isinstance(self.content, list):
            return "".join(part.text for part in self.content)
        return self.content or ""


class StreamOptions(BaseModel):
    model_config = ConfigDict(strict=True)
    include_usage: bool | None = None


class TextFormat(Request):
    type: Literal["text"]


class ChatRequest(Request):
    """A chat-completion request. The last message is the customer's. Sampling parameters have no effect."""

    model: str = Field(description="a name from /v1/models")
    messages: list[ChatMessage] = Field(min_length=1, max_length=400)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    conversation_id: ConversationId | None = Field(
        default=None, description="ties turns, records and hand-off together; also as header X-Conversation-Id. Choose it unguessable, e.g. a UUID"
    )
    n: int | None = Field(default=None, ge=1, le=1)
    stop: None = None
    tools: Annotated[list[Any], Field(max_length=0)] | None = None
    functions: Annotated[list[Any], Field(max_length=0)] | None = None
    tool_choice: Literal["none", "auto"] | None = None
    function_call: Literal["none", "auto"] | None = None
    response_format: TextFormat | None = None
    logprobs: Literal[False] | None = None
    modalities: list[Literal["text"]] | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    seed: int | None = None
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    logit_bias: dict[str, float] | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=20)
    user: str | None = None
    metadata: dict[str, Any] | None = None
    store: bool | None = None
    service_tier: str | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    parallel_tool_calls: bool | None = None

    def ignored(self) -> list[str]:
        return [name for name in self.model_fields_set & _IGNORED if getattr(self, name) is not None]


class RatingRequest(Request):
    """A judgement of one reply: 1 (bad) to 5 (good). The chat page sends 5 for thumbs up and 1 for thumbs down."""

    reply_id: Text = Field(min_length=1, max_length=64, description="`id` of the answer, also in its `kefu.reply_id`")
    score: int = Field(ge=1, le=5, description="1 bad, 5 good")
    comment: Text = Field(default="", max_length=2000)


class HandoffRequest(Request):
    """Ask for a person. `language` chooses the words of the answer; the conversation's own language when omitted."""

    language: Literal["zh", "en"] | None = None
    reason: Text = Field(default="", max_length=200)


class OperatorName(Request):
    operator: Annotated[Text, AfterValidator(_nameable)] = Field(min_length=1, max_length=40, pattern=r"\S", description="kept in clear")


class OperatorReply(OperatorName):
    text: Text = Field(min_length=1, max_length=4000, pattern=r"\S")


class GiveBack(OperatorName):
    force: bool = Field(default=False, description="also when another operator holds it")


# ---- responses, for the documentation ------------------------------------------------------------------------------


class ErrorDetail(BaseModel):
    message: str
    type: str
    param: str | None
    code: str


class ErrorBody(BaseModel):
    error: ErrorDetail


class Usage(BaseModel):
    """Tokens of the model; zeros when the answer needed none."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Extra(BaseModel):
    """Beside the protocol: where the answer came from."""

    conversation_id: str
    reply_id: str
    tier: str = Field(description="rule, guard, faq, document, model or person")
    handoff: bool
    refused: bool
    state: Literal["bot", "waiting", "human"]
    sources: list[str]
    confidence: float | None
    ignored: list[str] = Field(description="parameters of the request that had no effect")
    receipt: dict[str, Any]


class ReplyMessage(BaseModel):
    role: Literal["assistant"]
    content: str
    refusal: str | None = None


class Choice(BaseModel):
    index: int
    message: ReplyMessage
    finish_reason: Literal["stop", "length"]
    logprobs: None = None


class ChatCompletion(BaseModel):
    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    system_fingerprint: str
    choices: list[Choice]
    usage: Usage
    kefu: Extra


class Model(BaseModel):
    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelList(BaseModel):
    object: Literal["list"]
    data: list[Model]


class RatingKept(BaseModel):
    reply_id: str
    score: int


class OperatorMessage(BaseModel):
    id: int
    text: str
    at: str


class ConversationState(BaseModel):
    conversation_id: str
    state: Literal["bot", "waiting", "human"]
    operator: str
    notice: str = Field(default="", description="words for the customer, when something changed")


class CustomerView(ConversationState):
    messages: list[OperatorMessage] = Field(description="what operators wrote, after the cursor")


class InboxEntry(BaseModel):
    conversation_id: str
    state: Literal["bot", "waiting", "human"]
    operator: str
    reason: str
    language: str
    since: str
    last_text: str
    turns: int


class Inbox(BaseModel):
    conversations: list[InboxEntry]


class TranscriptMessage(BaseModel):
    id: int
    role: str
    text: str
    at: str
    reply_id: str
    tier: str


class OperatorView(ConversationState):
    """Text is masked: personal data never reaches the records."""

    reason: str
    language: str
    messages: list[TranscriptMessage]


class Readiness(BaseModel):
    ready: bool
    assistant: Literal["loading", "ready", "failed"]
    draining: bool
    records: dict[str, Any]
    in_flight: int


class Alive(BaseModel):
    status: Literal["ok"]
    version: str
