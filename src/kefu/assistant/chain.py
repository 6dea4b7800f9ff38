"""The chain: guard, hand-off, small talk, FAQ, documents, model, person; each reply with its receipt.

    hard rules      safety, injection, a person asked for, legal threats, banned requests: decided before anything is searched
    knowledge base  a confident FAQ answer or passage; a soft rule (a word like `投诉`) gives way only to a very sure one
    model           with the passages found; its words must be borne out by them
    otherwise       "I don't know", and after `handoff_after` such turns in a row a person

State comes from the conversation alone, and from an optional HandoffState. The same conversation gives
the same reply.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from kefu.assistant.guard import OutputGuard
from kefu.assistant.handoff import HandoffState, exchanges, from_turns, misses, same_question
from kefu.assistant.hunch import CALL_AT, CALLS, Hunch
from kefu.assistant.listen import Heard, listen, pick
from kefu.assistant.reading import readable
from kefu.assistant.reply import ALL, Piece, Receipt, Reply
from kefu.assistant.rules import Rule, RuleBook
from kefu.assistant.smalltalk import smalltalk
from kefu.assistant.speaking import Model, Outcome
from kefu.assistant.texts import Texts
from kefu.assistant.titles import titles
from kefu.conversation import Conversation
from kefu.engines.prompt import PromptStyle
from kefu.engines.protocol import Engine
from kefu.project.schema import Assistant as Settings
from kefu.text.disguise import unmask
from kefu.text.normalise import fold
from kefu.text.privacy import find
from kefu.text.privacy.mask import Memory
from kefu.text.similarity import token_f1

#: Token F1 with a known question from which a certain FAQ hit outranks a soft rule.
_SURE = 0.6
#: The same, from which a complaint that nothing helped is a question of its own (`重置密码还是不行`).
_ABOUT = 0.4
#: Kinds of hard rules that give way to the approved answer when the customer writes a known question word for word.
_YIELD = frozenset({"security", "complaint", "anger", "dispute", "out_of_scope"})
_HITS = 5
#: A conversation longer than this is read in a thread beside the event loop. Characters.
_LONG = 1500
#: Known questions offered at most when none is sure to be meant.
_OFFERS = 3
#: Confidence from which a hit inside the scope is offered as a guess. The calibration rests on withheld questions, which are
#: harder than real ones: on the demo's questions 47 of 60 such guesses were right.
_PERHAPS_AT = 0.2


class Assistant:
    """The customer-service chain over one knowledge base.

    engine: a small model, or None. style: how its prompts are made (default: `prompt.json` in the engine's
    folder). big, big_style: a bigger model asked last. rules: the project's own rule files.
    version: named in receipts. Raises ConfigError for faulty rules or texts.
    """

    def __init__(
        self, kb: Any, engine: Engine | None, settings: Settings, *, style: PromptStyle | None = None, rules: Sequence[Path] = (),
        version: str = "", big: Engine | None = None, big_style: PromptStyle | None = None,
    ) -> None:  # fmt: skip
        self.kb, self.engine, self.settings, self.version = kb, engine, settings, version
        self.texts = Texts(settings)
        self.book = RuleBook(rules, settings.handoff_phrases, settings.guard.off)
        self.texts.announce(text for rule in self.book.rules if rule.action == "handoff" for text in rule.reply.values())
        self.hunch = Hunch(question for entry in kb.entries for question in entry.questions)
        self.guard = OutputGuard(self.book.output)
        self.titles = titles(kb.entries)
        self.known = {fold(question) for entry in kb.entries if entry.kind == "faq" for question in entry.questions}
        self.style = style or style_of(engine, settings)
        self.models: list[Model] = []
        for one, how in ((engine, self.style), (big, big_style or style_of(big, settings))):
            if one is not None and settings.model:
                self.models.append(Model(one, how, settings.max_answer_tokens, settings.model_timeout_s))
        self._dissatisfied = [one for one in self.book.input if one.rule.kind == "dissatisfied"]

    async def answer(self, conversation: Conversation, *, tiers: frozenset[str] = ALL, state: HandoffState | None = None) -> Reply:
        """The whole reply."""
        last: Reply | None = None
        async with aclosing(self.reply(conversation, tiers=tiers, state=state)) as pieces:
            async for piece in pieces:
                last = piece.reply or last
        if last is None:
            raise RuntimeError("a reply without an end")
        return last

    async def reply(
        self, conversation: Conversation, *, tiers: frozenset[str] = ALL, state: HandoffState | None = None
    ) -> AsyncGenerator[Piece, None]:
        """Deltas of text, then one piece with the whole Reply. Closing the iterator stops the engine.

        state: who owns the conversation; None reads `conversation.meta["owner"]`, else the turns.
        """
        began = time.perf_counter()
        conversation, unread = readable(conversation)

        def heard() -> tuple[Turn, Reply | None]:
            turn = Turn(self, conversation, tiers, state, unread)
            return turn, turn.decide()

        # A long conversation takes a tenth of a second to read, a sentence encoder some milliseconds; nobody else's request waits for that.
        long = bool(unread) or getattr(self.kb, "slow", False) or sum(len(turn.text) for turn in conversation.turns) > _LONG
        turn, reply = await asyncio.to_thread(heard) if long else heard()
        if reply is None:
            async with aclosing(turn.model()) as parts:
                async for part in parts:
                    yield Piece(part)
            reply = turn.end()
            said = turn.outcome.text
        else:
            said = ""
        if reply.text[len(said) :]:
            yield Piece(reply.text[len(said) :])
        reply.receipt.timings_ms["total"] = round((time.perf_counter() - began) * 1e3, 3)
        yield Piece(reply=reply)

    def dissatisfied(self, text: str) -> bool:
        """Whether a customer says that the last answer did not help."""
        plain = unmask(text)
        return any(one.hits(plain) for one in self._dissatisfied)

    async def close(self) -> None:
        for model in self.models:
            await model.engine.close()


class Turn:
    """One customer turn on its way through the chain."""

    def __init__(
        self, assistant: Assistant, conversation: Conversation, tiers: frozenset[str], state: HandoffState | None, unread: Sequence[str] = ()
    ) -> None:
        self.a, self.conversation, self.tiers = assistant, conversation, tiers
        self.receipt = Receipt(version=assistant.version, knowledge=str(getattr(assistant.kb, "digest", "")))
        owner = conversation.meta.get("owner")
        known = state or (HandoffState(owner) if owner in ("bot", "waiting", "human") else None)
        self.state = known or from_turns(conversation.turns, assistant.texts)
        began = time.perf_counter()
        self.heard: Heard = listen(assistant.book, conversation)
        if picked := pick(self.heard.text, assistant.texts.offered(self._last_words())):
            self.heard.query, self.heard.unclear, self.heard.smalltalk = picked, False, ""
        self.receipt.timings_ms["listen"] = round((time.perf_counter() - began) * 1e3, 3)
        self.receipt.language, self.receipt.rules, self.receipt.notes = self.heard.language, self.heard.rules, [*unread, *self.heard.notes]
        self.result: Any = None
        self.outcome = Outcome()

    # ---- decisions, in order ------------------------------------------------------------------------------------------

    def decide(self) -> Reply | None:
        """The reply, or None when only a model can say more."""
        heard, texts = self.heard, self.a.texts
        if self.state.owner != "bot" and (reply := self._owned()) is not None:
            return reply
        if heard.blank:
            return self._fixed("empty", "rule", refused=True)
        hard = [rule for rule in heard.hard if self._wanted(rule) and not (rule.kind in _YIELD and fold(heard.text) in self.a.known)]
        if hard:
            return self._by_rule(hard[0])
        if "rule" in self.tiers and heard.smalltalk and not heard.soft:
            return self._fixed(heard.smalltalk, "rule")
        if "rule" in self.tiers and heard.cancel and not heard.query:
            return self._fixed("back" if texts.waiting(self._last_words()) else "ok", "rule")
        if heard.unclear:
            return self._not_answered("unclear")
        if (passage := self._opened()) is not None:
            return passage
        self._search()
        result = self.result
        soft = [rule for rule in heard.soft if self._wanted(rule)]
        if soft and not self._sure(soft[0]):
            return self._by_rule(soft[0])
        if heard.dissatisfied and (self._given(result) or self._nearness() < _ABOUT):
            return self._not_answered("clarify", "dissatisfied")
        if result.certain:
            reply = self._approved()
            if reply is not None:
                return reply
        if heard.dissatisfied:
            return self._not_answered("clarify", "dissatisfied")
        if not result.in_scope:
            return self._suggest() or self._not_answered("unknown")
        if "model" not in self.tiers or not self.a.models:
            return self._perhaps() or self._suggest() or self._not_answered("unknown")
        if self._misses() + 1 > self.a.settings.handoff_after and "person" in self.tiers:
            return self._not_answered("unknown")
        return None

    def _owned(self) -> Reply | None:
        """While a person is called or at work; None when the customer takes the call back."""
        if self.heard.hard and self.heard.hard[0].kind == "safety":
            return self._by_rule(self.heard.hard[0])
        if self.state.owner == "human":
            return self._reply("", "person", "human", handoff=True)
        if self.heard.cancel and not self.heard.hard:
            self.state = self.state.on("release")
            return None
        return self._fixed("queue", "person", handoff=True)

    def _wanted(self, rule: Rule) -> bool:
        return ("person" if rule.action == "handoff" else "guard") in self.tiers

    def _sure(self, rule: Rule) -> bool:
        """Whether the knowledge base outranks a soft rule.

        It does with any certain answer where the rule says so (its wording is approved); else only when the
        entry itself speaks of the matter (the rule meets its questions too) or the question is nearly a known one.
        """
        if not self.result.certain:
            return False
        if rule.yields == "certain":
            return True
        entry = self.a.kb.entry(self.result.hits[0].id)
        return self.a.book.speaks_of(rule, entry.questions) or self._nearness() >= _SURE

    def _nearness(self) -> float:
        """Token F1 of the query with the known question it matched best, 0..1."""
        hit = self.result.hits[0] if self.result.hits else None
        return token_f1(self.heard.query, hit.matched or hit.question) if hit else 0.0

    def _search(self) -> None:
        began = time.perf_counter()
        pairs = exchanges(self.conversation.turns)
        history = [said for said, _ in pairs if not smalltalk(said) and not self.a.dissatisfied(said)][-4:]
        self.result = result = self.a.kb.search(self.heard.query, history=history, language=self.heard.language, k=_HITS)
        r = self.receipt
        r.query, r.history_used = self.heard.query, len(history) if getattr(result, "used_history", bool(history)) else 0
        r.hits = [{"id": hit.id, "kind": hit.kind, "score": round(hit.score, 4), "confidence": round(hit.confidence, 4)} for hit in result.hits]
        r.confidence, r.scope = round(result.confidence, 4), round(result.scope, 4)
        r.thresholds = {"answer_at": round(result.thresholds.answer_at, 4), "scope_at": round(result.thresholds.scope_at, 4)}
        r.timings_ms["search"] = round((time.perf_counter() - began) * 1e3, 3)

    def _given(self, result: Any) -> bool:
        """Whether the best hit is what the customer was told already."""
        told = {turn.text.strip() for turn in self.conversation.turns if turn.role == "agent"}
        return bool(result.hits) and result.hits[0].answer.strip() in told

    def _approved(self) -> Reply | None:
        hit = self.result.hits[0]
        tier = "faq" if hit.kind == "faq" else "document"
        if tier not in self.tiers:
            return None
        banned = self.a.guard.check(hit.answer)
        if banned is not None:
            self.receipt.guard.append({"rule": banned.id, "where": "approved", "tier": tier})
            return self._hand_over("blocked", "handoff")
        if self._repeated() and self._misses() + 1 >= self.a.settings.handoff_after and "person" in self.tiers:
            return self._hand_over("repeated", "handoff_repeated")
        self.receipt.kind = "answer"
        return Reply(hit.answer, tier, sources=[hit.id], confidence=round(self.result.confidence, 4), receipt=self._sealed())

    def _opened(self) -> Reply | None:
        """The passage of a manual whose title was offered just before and is taken now."""
        query = fold(self.heard.query)
        if "document" not in self.tiers or query not in {fold(text) for text in self.a.texts.offered(self._last_words())}:
            return None
        found = next((id for id, title in self.a.titles.items() if fold(title) == query), "")
        answer = self.a.kb.entry(found).answer if found else ""
        if not answer or self.a.guard.check(answer) is not None:
            return None
        self.receipt.kind = "answer"
        return Reply(answer, "document", sources=[found], confidence=1.0, receipt=self._sealed())

    def _perhaps(self) -> Reply | None:
        """The best FAQ hit inside the scope, said as a guess with the question it answers, when it is more likely right than not."""
        hit = self.result.hits[0]
        if hit.kind != "faq" or "faq" not in self.tiers or hit.confidence < _PERHAPS_AT or self.a.guard.check(hit.answer) is not None:
            return None
        text = self.a.texts("perhaps", self.heard.language).replace("{question}", hit.question).replace("{answer}", hit.answer)
        self.receipt.kind = "perhaps"
        return Reply(text, "faq", sources=[hit.id], confidence=round(hit.confidence, 4), receipt=self._sealed())

    def _suggest(self) -> Reply | None:
        """Known questions and titles of passages that may have been meant, once; a second miss in a row goes the usual way to a person."""
        language = self.heard.language
        if not self.result.near or "rule" not in self.tiers or self._misses() or self._called():
            return None
        told = {turn.text.strip() for turn in self.conversation.turns if turn.role == "agent"}
        hits = [hit for hit in self.result.hits if hit.language in (language, "und", "") and hit.answer.strip() not in told]
        named = [(hit.id, hit.question if hit.kind == "faq" else self.a.titles.get(hit.id, "")) for hit in hits]
        offered = [(id, text) for id, text in named if text and "\n" not in text and self.a.guard.check(text) is None][:_OFFERS]
        if not offered:
            return None
        self.receipt.offered, self.receipt.kind = [{"id": id, "question": text} for id, text in offered], "suggest"
        self.receipt.handoff = {"misses": 1}
        return Reply(self.a.texts.suggest(language, [text for _, text in offered]), "rule", refused=True, confidence=0.0, receipt=self._sealed())

    # ---- the model ------------------------------------------------------------------------------------------------------

    async def model(self) -> AsyncGenerator[str, None]:
        """Text from the models in turn, until one may speak."""
        for model in self.a.models:
            began = time.perf_counter()
            self.outcome = outcome = Outcome()
            async with aclosing(model.ask(self.conversation, self.result.hits, self.heard.language, self.a.guard, self.a.kb, outcome)) as parts:
                async for part in parts:
                    yield self._masked(part)
            self._note(outcome, began)
            if outcome.text:
                return

    def end(self) -> Reply:
        """The reply after the models."""
        if self.outcome.text and self.outcome.sources:
            self.receipt.kind = "answer"
            self.outcome.text = self._masked(self.outcome.text)
            confidence = round(self.outcome.confidence, 4)
            return Reply(self.outcome.text, "model", sources=self.outcome.sources, confidence=confidence, receipt=self._sealed())
        self.outcome.text = ""
        return self._perhaps() or self._suggest() or self._not_answered("unknown")

    def _note(self, outcome: Outcome, began: float) -> None:
        r = self.receipt
        spent = round((time.perf_counter() - began) * 1e3, 3)
        r.timings_ms["model"] = round(r.timings_ms.get("model", 0.0) + spent, 3)
        r.model = outcome.facts | ({"why": outcome.why} if outcome.why else {})
        for ours, theirs in (("prompt", "prompt_tokens"), ("completion", "completion_tokens")):
            r.tokens[ours] = r.tokens.get(ours, 0) + int(outcome.usage.get(theirs, 0))
        if outcome.hit is not None:
            r.guard.append({"rule": outcome.hit.id, "where": "output", "tier": "model"})
        if outcome.failed:
            r.degraded.append(f"model {outcome.facts.get('name', '')}: {outcome.why}")

    def _masked(self, text: str) -> str:
        """Personal data out of a model's words; what stands in the passages found is the company's own."""
        if not self.a.settings.guard.mask_pii_in_replies:
            return text
        own = "\n".join(hit.answer for hit in self.result.hits)
        spans = [span for span in find(text) if span.text not in own]
        memory = Memory(language=self.heard.language)
        for span in reversed(spans):
            text = text[: span.start] + memory.placeholder(span) + text[span.end :]
        for kind, count in memory.counts.items():
            self.receipt.masked[kind] = max(self.receipt.masked.get(kind, 0), count)
        return text

    # ---- replies ----------------------------------------------------------------------------------------------------------

    def _by_rule(self, rule: Rule) -> Reply:
        self.receipt.guard.append({"rule": rule.id, "where": "input", "tier": "person" if rule.action == "handoff" else "guard"})
        keys = list(self.a.texts)
        own = rule.reply.get(self.heard.language) or next(iter(rule.reply.values()), "")
        if rule.action == "handoff":
            wanted = {"anger": "complaint", "dispute": "complaint", "legal": "complaint"}.get(rule.kind, rule.kind)
            key = f"handoff_{wanted}" if f"handoff_{wanted}" in keys else "handoff"
            return self._hand_over(rule.kind, key, own)
        text = own or self.a.texts(rule.kind if rule.kind in keys else "compliance", self.heard.language)
        return self._reply(text, "guard", rule.kind, refused=True)

    def _not_answered(self, key: str, kind: str = "") -> Reply:
        """I don't know; or a person, by a hunch of what was meant or once that has been said often enough."""
        if key == "unknown" and (call := self._called()):
            wanted, sure = call
            self.receipt.rules = [*self.receipt.rules, f"hunch.{wanted}"]
            self.receipt.notes = [*self.receipt.notes, f"hunch {sure:.2f}"]
            return self._hand_over(wanted, "handoff" if wanted == "person" else f"handoff_{wanted}")
        count = self._misses() + 1
        self.receipt.handoff = {"misses": count}
        if count >= self.a.settings.handoff_after and "person" in self.tiers and not (count == 1 and key == "unclear"):
            return self._hand_over("repeated", "handoff_repeated")
        return self._fixed(key, "rule", refused=True, kind=kind or key)

    def _called(self) -> tuple[str, float] | None:
        """A person is probably wanted, though no rule says so: (what for, how sure)."""
        wanted, sure = self.a.hunch(self.heard.query) if "person" in self.tiers else ("", 0.0)
        return (wanted, sure) if wanted in CALLS and sure >= CALL_AT else None

    def _hand_over(self, kind: str, key: str, own: str = "") -> Reply:
        if self.state.owner == "bot":
            self.state = self.state.on("ask", kind)
        self.receipt.handoff = {**self.receipt.handoff, "state": self.state.owner, "reason": kind}
        return self._reply(own or self.a.texts(key, self.heard.language), "person", kind, handoff=True)

    def _fixed(self, key: str, tier: str, *, refused: bool = False, handoff: bool = False, kind: str = "") -> Reply:
        return self._reply(self.a.texts(key, self.heard.language), tier, kind or key, refused=refused, handoff=handoff)

    def _reply(self, text: str, tier: str, kind: str, *, refused: bool = False, handoff: bool = False) -> Reply:
        self.receipt.kind = kind
        confidence = 0.0 if refused and tier == "rule" else 1.0  # no answer is no answer, however sure that there is none
        return Reply(text, tier, handoff=handoff, refused=refused, confidence=confidence, receipt=self._sealed())

    def _sealed(self) -> Receipt:
        self.receipt.handoff.setdefault("state", self.state.owner)
        return self.receipt

    def _misses(self) -> int:
        return misses(self.conversation.turns, self.a.texts, self.a.dissatisfied)

    def _repeated(self) -> bool:
        return any(same_question(self.heard.text, said) for said, _ in exchanges(self.conversation.turns))

    def _last_words(self) -> str:
        return next((turn.text for turn in reversed(self.conversation.turns) if turn.role == "agent"), "")


def style_of(engine: Engine | None, settings: Settings) -> PromptStyle:
    """`prompt.json` of the engine's folder; without one, the full style of an instruction-tuned model."""
    folder = getattr(engine, "folder", None)
    for place in (folder, folder.parent) if isinstance(folder, Path) else ():
        if (place / "prompt.json").is_file():
            return PromptStyle.load(place)
    return PromptStyle(kind="full", company=settings.name)
