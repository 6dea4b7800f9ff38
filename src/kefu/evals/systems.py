"""The systems that are evaluated side by side: the assistant, its parts alone, baselines, the floor and the ceiling.

`System.answer(conversation, wanted)`: `wanted` is the label of the case (an `Ask` of a scenario or a `Question`); only the oracle reads it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from kefu.conversation import Conversation
from kefu.errors import EngineError, InputError, MissingExtra
from kefu.evals.answers import Entry
from kefu.evals.bm25 import BM25
from kefu.evals.questions import Question
from kefu.evals.said import Said, said
from kefu.evals.scenarios import Ask
from kefu.project import Loaded
from kefu.text.language import detect

BASELINES = ("faq", "lm", "prompt_faq", "do_nothing")
NAMES = ("assistant", *BASELINES, "oracle")


class Whole:
    """The finished assistant, as serving uses it."""

    name = "assistant"
    note = "the whole assistant: guard, FAQ, documents, model, hand-off"

    def __init__(self, assistant: Any) -> None:
        self.assistant = assistant

    async def answer(self, conversation: Conversation, wanted: Any) -> Said:
        return said(await self.assistant.answer(conversation))


class FaqAlone:
    """Knowledge search with its calibrated thresholds, nothing else: the first hit when certain, else a refusal."""

    name = "faq"
    note = "knowledge search alone: the first hit when its confidence passes the threshold, else refused"

    def __init__(self, kb: Any) -> None:
        self.kb = kb

    async def answer(self, conversation: Conversation, wanted: Any) -> Said:
        query, earlier = _query(conversation)
        result = self.kb.search(query, history=earlier, language=_language(query, conversation))
        if not result.certain:
            return Said(_sorry(query, conversation), tier="faq", refused=True, confidence=result.confidence)
        hit = result.hits[0]
        return Said(hit.answer, tier=hit.kind, sources=(hit.id,), confidence=result.confidence)


class ModelAlone:
    """The tuned model without retrieval, gate or guard: it answers everything."""

    name = "lm"
    note = "the tuned model alone: no retrieved context, no scope gate, no guard, no hand-off"

    def __init__(self, engine: Any, style: Any, max_tokens: int) -> None:
        self.engine, self.style, self.max_tokens = engine, style, max_tokens

    def hits(self, query: str, earlier: Sequence[str], language: str) -> Sequence[Any]:
        return ()

    async def answer(self, conversation: Conversation, wanted: Any) -> Said:
        from kefu.engines import Sampling, complete
        from kefu.engines.prompt import build_messages

        query, earlier = _query(conversation)
        language = _language(query, conversation)
        hits = self.hits(query, earlier, language)
        messages = build_messages(conversation.messages(), hits, self.style, language)
        done = await complete(self.engine, messages, Sampling(max_tokens=self.max_tokens, temperature=0.0))
        return Said(done.text.strip(), tier="model", sources=tuple(hit.id for hit in hits[:1]))


class PromptWithFaq(ModelAlone):
    """The untuned base model with FAQ passages in its prompt: what prompting alone gives."""

    name = "prompt_faq"

    def __init__(self, engine: Any, style: Any, max_tokens: int, kb: Any, base: str) -> None:
        super().__init__(engine, style, max_tokens)
        self.kb = kb
        self.note = f"the untuned base {base} with the FAQ passages found for the question in its prompt"

    def hits(self, query: str, earlier: Sequence[str], language: str) -> Sequence[Any]:
        return list(self.kb.search(query, history=earlier, language=language).hits[: self.style.max_hits])


class QuotedFaq:
    """BM25's first FAQ answer, quoted without calibration."""

    name = "prompt_faq"
    note = (
        "BM25's first FAQ answer quoted, uncalibrated: the base is the embedded one, built from scratch, "
        "so there is no untuned generic model to prompt with the FAQ"
    )

    def __init__(self, entries: Mapping[str, Entry], kb: Any) -> None:
        self.entries = entries
        known = {entry.id: entry.questions for entry in kb.entries if entry.kind == "faq"}
        self.index = BM25({name: replace(entry, questions=tuple(known.get(name, entry.questions))) for name, entry in entries.items()})

    async def answer(self, conversation: Conversation, wanted: Any) -> Said:
        query = conversation.last_customer_turn()
        best, _ = self.index.best(query)
        if not best:
            return Said(_sorry(query, conversation), tier="faq", refused=True)
        return Said(self.entries[best].answer, tier="faq", sources=(best,))


class DoNothing:
    """The floor: says nothing, hands over nothing."""

    name = "do_nothing"
    note = "the floor: empty replies, no hand-over"

    async def answer(self, conversation: Conversation, wanted: Any) -> Said:
        return Said("")


class Oracle:
    """The ceiling: reads the label. A scenario that even the oracle fails contradicts itself."""

    name = "oracle"
    note = "the ceiling: reads the labels; below 1.00 a scenario contradicts itself or cannot be satisfied by quoting"

    def __init__(self, entries: Mapping[str, Entry], takeovers: Mapping[str, int | None] | None = None) -> None:
        self.entries = entries
        self.takeovers = takeovers or {}

    async def answer(self, conversation: Conversation, wanted: Any) -> Said:
        if isinstance(wanted, Question):
            if wanted.answer_id is None:
                return Said("", tier="guard", refused=True)
            return self._quote(wanted.answer_id)
        turn = sum(one.role == "customer" for one in conversation.turns) - 1
        return self._satisfy(wanted, conversation, handoff=self.takeovers.get(conversation.id) == turn)

    def _quote(self, name: str) -> Said:
        entry = self.entries.get(name)
        return Said(entry.answer if entry else "", tier="faq", sources=(name,), confidence=1.0)

    def _satisfy(self, ask: Ask, conversation: Conversation, handoff: bool) -> Said:
        zh = conversation.language == "zh"
        tier, refused = "rule", False
        sources: tuple[str, ...] = ()
        tiers: list[str] = []
        parts: list[str] = []
        polite = True
        for one in ask.expect:
            given = one.parameters
            if one.name == "answer_id":
                quoted = self._quote(given["is"])
                parts, tier, sources = [quoted.text, *parts], "faq", quoted.sources
            elif one.name == "contains":
                parts += [*given.get("any", [])[:1], *given.get("all", [])]
            elif one.name in {"similar", "regex"}:
                parts.append(given.get("to") or given.get("example") or given.get("pattern", ""))
            elif one.name == "handoff":
                handoff = given["is"]
            elif one.name in {"refused", "refused_or_handoff"}:
                refused = given["is"]
            elif one.name == "answered" and not given["is"]:
                refused = True
            elif one.name == "tier":
                tiers = given["in"]
            elif one.name == "max_chars":
                polite = False
        if handoff:
            tier, refused = "person", refused and any(one.name == "refused" for one in ask.expect)
        elif refused:
            tier = "guard"
        words = _one_language(parts, "zh" if zh else "en")
        if not words:
            words = ["好的。"] if zh else ["Certainly."]
        if refused and polite and not parts:
            words = ["抱歉，这个问题我无法回答。"] if zh else ["Sorry, I cannot help with that."]
        turn = len(conversation.turns) // 2 + 1
        text = " ".join(words) if parts else f"{' '.join(words)} ({turn})"  # the number: a ceiling must not repeat itself
        return Said(text, tier=tiers[0] if tiers else tier, handoff=handoff, refused=refused, sources=sources, confidence=1.0)


def _one_language(parts: list[str], language: str) -> list[str]:
    """A quoted figure alone has no language; a short frame gives it one."""
    if parts and detect(" ".join(parts)) not in (language,):
        return [*parts, "这是您要的信息，请您查收。" if language == "zh" else "This is the information you asked for, thank you."]
    return parts


def _sorry(query: str, conversation: Conversation) -> str:
    """A baseline is not to lose for being rude."""
    return "抱歉，没有找到相关答案。" if _language(query, conversation) == "zh" else "Sorry, I found no answer to that."


def _query(conversation: Conversation) -> tuple[str, list[str]]:
    customer = [turn.text for turn in conversation.turns if turn.role == "customer"]
    return (customer[-1], customer[:-1]) if customer else ("", [])


def _language(query: str, conversation: Conversation) -> str:
    return detect(query, conversation.language)


def assemble(
    names: Sequence[str], project: Loaded, assistant: Any, kb: Any, entries: Mapping[str, Entry], takeovers: Mapping[str, int | None],
) -> tuple[list[Any], dict[str, str]]:  # fmt: skip
    """The systems asked for, and for each that cannot be made the reason why. Raises InputError for an unknown name."""
    made: list[Any] = []
    absent: dict[str, str] = {}
    engine, style = getattr(assistant, "engine", None), getattr(assistant, "style", None)
    max_tokens = project.settings.assistant.max_answer_tokens
    for name in dict.fromkeys(names):
        if name == "assistant":
            made.append(Whole(assistant))
        elif name == "faq":
            made.append(FaqAlone(kb))
        elif name == "lm":
            if engine is None:
                absent[name] = "the assistant has no model (assistant.model: false)"
            else:
                made.append(ModelAlone(engine, style, max_tokens))
        elif name == "prompt_faq":
            if project.settings.train.base == "embedded":
                made.append(QuotedFaq(entries, kb))
            else:
                try:
                    made.append(_prompted(project, kb, style, max_tokens))
                except (EngineError, InputError) as error:
                    absent[name] = f"the untuned base cannot be opened: {error.line()}"
        elif name == "do_nothing":
            made.append(DoNothing())
        elif name == "oracle":
            made.append(Oracle(entries, takeovers))
        else:
            raise InputError(f"no system named {name!r}", f"known: {', '.join(NAMES)}", "choose among them")
    return made, absent


def twin(system: Any, assistant: Any, kb: Any) -> Any:
    """The same system over another assistant and another knowledge base; itself where it reads neither."""
    if isinstance(system, Whole):
        return Whole(assistant)
    if isinstance(system, FaqAlone):
        return FaqAlone(kb)
    if isinstance(system, PromptWithFaq):
        return PromptWithFaq(system.engine, system.style, system.max_tokens, kb, "")
    if isinstance(system, QuotedFaq):
        return QuotedFaq(system.entries, kb)
    return system


def _prompted(project: Loaded, kb: Any, trained: Any, max_tokens: int) -> PromptWithFaq:
    """Opens the untuned base, prompted as the tuned one is; the caller closes `engine`."""
    from kefu import engines
    from kefu.engines.prompt import PromptStyle

    base = project.settings.train.base
    folder = project.path(base)
    engine = engines.open(folder if folder.is_dir() else _downloaded(base))
    own = PromptStyle(kind="full", company=project.settings.assistant.name)
    style = replace(trained, max_hits=own.max_hits) if trained is not None and trained.kind == "full" else own
    return PromptWithFaq(engine, style, max_tokens, kb, base)


def _downloaded(name: str) -> str:
    """The folder where training left a model of the hub. Raises EngineError when it is not on this machine."""
    try:
        from huggingface_hub import snapshot_download

        return snapshot_download(name, local_files_only=True)
    except ImportError:
        raise MissingExtra("the untuned base", "train") from None
    except OSError:
        raise EngineError(f"{name} is not in the local cache", "it was trained elsewhere, or the cache was emptied", "train here first") from None
