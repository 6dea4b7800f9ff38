"""Clean a conversation: the steps of `steps.chain`, boilerplate, notices, personal data; merge split turns; drop what cannot be used.

Each operator is counted where it changed a text, and every change is listed.
"""

from __future__ import annotations

import re
from copy import copy

from kefu.conversation import Conversation, Turn
from kefu.data import calls, steps
from kefu.data.edits import Edits, nothing_personal
from kefu.data.exclusions import TURN_ROWS, Exclusions, Notes
from kefu.data.ledger import Step
from kefu.errors import ConfigError
from kefu.project.schema import Clean
from kefu.text import privacy
from kefu.text.language import detect
from kefu.text.normalise import clean as normalise
from kefu.text.normalise import fold

_END = re.compile(r"[。！？!?….，,；;：:、~～)）\"”』」\n]$")
_GOES_ON = re.compile(r"[。！？!?….，,；;：:、）)]")
_ADDRESS_ENDS = re.compile(r"(?:https?://|www\.)\S+$|\S@\S+$")  # a mark behind it would become part of it
_WORD = re.compile(r"[^\W\d_]")
#: What export tools put in place of a picture, a voice message or a recalled one.
_PLACEHOLDER_TURN = re.compile(
    r"^[\[【<(（]?\s*(?:图片|语音|视频|表情|动画表情|文件|链接|名片|位置|红包|撤回了?一条消息|消息已撤回|该消息已撤回|image|picture|photo|voice|video|sticker|gif|file|attachment|emoji|"
    r"message (?:deleted|recalled)|this message was deleted|you deleted this message|"
    r"(?:media|image|photo|picture|video|audio|voice message|sticker|gif|document|contact card|location|file) omitted|"
    r"(?:附件|媒体|图片|视频|音频|语音|文件|贴图|表情)(?:已)?(?:省略|忽略|略去)|"
    r"(?:您|你)?已?(?:删除了?|撤回了?)(?:此|这|一)?条?消息|此消息已(?:被)?(?:删除|撤回)|"
    r"\S{1,80}\.\w{2,5} \((?:file attached|文件附件|附件)\))\s*[\]】>)）.。]?$",
    re.IGNORECASE,
)
#: What a messenger says in nobody's name, whoever the export says it was.
_MESSENGER = re.compile(
    r"^(?:messages (?:and calls )?(?:to this (?:chat|group)(?: and calls)? )?are (?:now )?(?:secured with )?end-to-end encrypt(?:ed|ion)\b.{0,200}|"
    r"(?:消息(?:和通话)?|此(?:聊天|对话)的?消息(?:和通话)?).{0,12}端(?:到|对)端加密.{0,120}|your security code with .{1,60} changed\b.{0,80}|"
    r"missed (?:voice|video) call\.?|未接(?:语音|视频)(?:通话|来电)|(?:this business|此商家|此企业).{0,200}(?:secure|meta|管理此聊天).{0,120})$",
    re.IGNORECASE | re.DOTALL,
)


class Cleaner:
    """Applies `data.clean` to conversations. `items` counts conversations, `turns` the turns of dialogues."""

    def __init__(self, settings: Clean, items: Step, turns: Step, exclusions: Exclusions | Notes) -> None:
        self._settings, self.items, self.turns, self._exclusions = settings, items, turns, exclusions
        self._boilerplate = _patterns("data.clean.boilerplate", settings.boilerplate)
        self._off_topic = _patterns("data.clean.off_topic", settings.off_topic)
        self._steps = steps.chain(settings)
        self.edits = Edits(self._cleaned)
        self._main_dropped: set[tuple[str, str]] = set()
        self._places: dict[int, str] = {}  # of the turns of the conversation at hand
        self.masked: dict[str, int] = {}
        self.kept_contacts = 0
        self.held: dict[str, dict[str, str]] = {}

    def afresh(self, items: Step, turns: Step, exclusions: Exclusions | Notes) -> Cleaner:
        """The same cleaner with counters at zero, its patterns not compiled again."""
        made = copy(self)
        made.items, made.turns, made._exclusions = items, turns, exclusions
        made._main_dropped, made.masked, made.kept_contacts, made.held = set(), {}, 0, {}
        made.edits = Edits(made._cleaned)
        return made

    def __call__(self, conversation: Conversation, source: str, mask: bool | None = None) -> bool:
        """Clean in place. False: the conversation was dropped, counted and written to excluded.jsonl.

        mask: whether personal data is masked, where the source says otherwise than `data.clean.mask_pii`."""
        self.items.into += 1
        dialogue = conversation.kind != "faq"
        step = self.turns if dialogue else Step("faq turns", "turns")
        step.into += len(conversation.turns)
        original = conversation.text()
        rows = conversation.meta.pop(TURN_ROWS, None)
        places = rows if isinstance(rows, list) and len(rows) == len(conversation.turns) else [conversation.source] * len(conversation.turns)
        self._places = {id(turn): place for turn, place in zip(conversation.turns, places, strict=True)}
        conversation.turns = self._texts(conversation, step, source)
        if dialogue:
            self._double_sends(conversation, step, source)
            if self._settings.merge_split_turns:
                self._merge(conversation, step)
            self._too_many(conversation, step, source)
        _language(conversation)
        reason = self._reason(conversation)
        row = (source, conversation.source)
        if conversation.meta.get("phrasing") == "similar" and row in self._main_dropped:
            reason = "its main question was dropped"
        if reason:
            if conversation.meta.get("phrasing") == "main":
                self._main_dropped.add(row)
            step.dropped[f"conversation dropped: {reason}"] += len(conversation.turns)
            self.items.dropped[reason] += 1
            self._exclusions.drop("conversations", source, conversation.source, reason, original, "clean")
            self._tell(source, conversation, None)
            return False
        memory = self._mask(conversation) if (self._settings.mask_pii if mask is None else mask) else None
        self._tell(source, conversation, memory)
        if dialogue:
            _turn_languages(conversation)
        step.kept += len(conversation.turns)
        self.items.kept += 1
        if conversation.text() != original:
            self.items.changed["text cleaned"] += 1
        return True

    def _tell(self, source: str, conversation: Conversation, memory: privacy.Memory | None) -> None:
        self.edits.tell(self._exclusions, self.turns.unit, source, conversation.source, memory, (turn.text for turn in conversation.turns))

    def _texts(self, conversation: Conversation, step: Step, source: str) -> list[Turn]:
        kept = []
        for turn in conversation.turns:
            if turn.text.strip() and calls.as_written(turn, conversation) and not self._hides(turn.text):
                kept.append(turn)
                continue
            text = self.text(turn.text)
            plain = turn.text.replace("\u200e", "").strip()
            if _MESSENGER.match(plain):
                self._drop(conversation, turn, "notice of the messenger", step, source)
                continue
            if not text or _PLACEHOLDER_TURN.match(text) or _PLACEHOLDER_TURN.match(plain):
                reason = "no words" if turn.text.strip() and not text else "empty turn" if not text else "picture, voice or recalled message"
                if self._boiled(turn.text):
                    reason = "boilerplate"
                self._drop(conversation, turn, reason, step, source)
                continue
            if self._settings.notices and turn.role != "customer" and conversation.kind == "dialogue" and steps.is_notice(text):
                self._drop(conversation, turn, "notice of the software or survey", step, source)
                continue
            kept.append(Turn(turn.role, text, turn.at))
            self._places[id(kept[-1])] = self._places[id(turn)]
        return kept

    def _hides(self, text: str) -> bool:
        """Is there personal data in it that only cleaning shows (`138&#48;0138000`)?"""
        cleaned = self._cleaned(text)
        return cleaned != text and len(privacy.find(cleaned)) > len(privacy.find(text))

    def _drop(self, conversation: Conversation, turn: Turn, reason: str, step: Step, source: str) -> None:
        step.dropped[reason] += 1
        if conversation.kind != "faq":
            self._exclusions.drop("turns", source, self._places[id(turn)], reason, turn.text, "clean")

    def text(self, text: str) -> str:
        """One text cleaned by the operators of `data.clean`, each counted where it changed something."""
        after, reasons = self.through(text)
        self.turns.changed.update(reasons)
        if reasons:
            self.edits.add(reasons, text, after, raw=True)
        return after

    def through(self, text: str) -> tuple[str, list[str]]:
        """The text after all operators, and those that changed it."""
        reasons = []
        for name, step in self._steps:
            before, text = text, step(text)
            if text != before:
                reasons.append(name)
        before = text
        for pattern in self._boilerplate:
            if pattern.search(text):
                text = normalise(pattern.sub(" ", text))
        return text, [*reasons, "boilerplate"] if text != before else reasons

    def _cleaned(self, text: str) -> str:
        return self.through(text)[0]

    def _boiled(self, text: str) -> bool:
        return any(pattern.search(normalise(text)) for pattern in self._boilerplate)

    def _double_sends(self, conversation: Conversation, step: Step, source: str) -> None:
        kept: list[Turn] = []
        for turn in conversation.turns:
            if kept and kept[-1].role == turn.role != "tool" and fold(kept[-1].text) == fold(turn.text) and fold(turn.text):
                step.dropped["sent twice"] += 1
                self._exclusions.drop("turns", source, self._places[id(turn)], "sent twice", turn.text, "clean")
            else:
                kept.append(turn)
        conversation.turns = kept

    def _merge(self, conversation: Conversation, step: Step) -> None:
        kept: list[Turn] = []
        for turn in conversation.turns:
            if kept and kept[-1].role == turn.role and turn.role != "tool":  # a call and its result are two things
                before, kept[-1].text = kept[-1].text, join(kept[-1].text, turn.text)
                self.edits.add(["merged"], before, kept[-1].text)
                step.merged += 1
            else:
                kept.append(turn)
        conversation.turns = kept

    def _too_many(self, conversation: Conversation, step: Step, source: str) -> None:
        beyond = conversation.turns[self._settings.max_turns :]
        if beyond:
            step.dropped["beyond max_turns"] += len(beyond)
            for turn in beyond:
                self._exclusions.drop("turns", source, self._places[id(turn)], "beyond max_turns", turn.text, "clean")
            conversation.turns = conversation.turns[: self._settings.max_turns]
            conversation.flags.append("cut")

    def _reason(self, conversation: Conversation) -> str:
        """Why the conversation cannot be used, or an empty string."""
        customer = conversation.customer_text()
        agent = [turn.text for turn in conversation.turns if turn.role == "agent"]
        if not _WORD.search(customer):
            return "no question in words" if conversation.kind == "faq" else "no customer turn"
        if not agent:
            return "no agent answer"
        if any(pattern.search(customer) for pattern in self._off_topic):
            return "off-topic"
        if max(len(text) for text in agent) < self._settings.min_answer_chars:
            return "answer too short"
        if conversation.kind == "faq" and fold(customer) == fold(agent[0]):
            return "answer repeats the question"
        if conversation.kind != "faq" and not _answered(conversation):
            return "no agent answer after the customer spoke"
        return ""

    def _mask(self, conversation: Conversation) -> privacy.Memory:
        memory = privacy.Memory(language=conversation.language if conversation.language in ("zh", "en") else "")
        for turn in conversation.turns:
            # The company's own answers name its hotline, office and mailbox: contact data stay there, persons' data do not.
            public = privacy.contact_types() if conversation.kind == "faq" and turn.role == "agent" else frozenset()
            before = turn.text
            if memory.language and not memory.names and turn.role != "tool" and nothing_personal(before):
                continue
            turn.text = calls.mask(before, memory) if turn.role == "tool" else privacy.mask(before, memory, keep=public)
            if turn.text != before:
                self.turns.changed["pii"] += 1
                self.edits.add(["pii"], before, turn.text)
                if public:
                    conversation.flags.append("pii_in_answer")
            if public and any(span.type in public for span in privacy.find(before)):
                self.kept_contacts += 1
        self.remember(conversation.id, memory)
        return memory

    def remember(self, name: str, memory: privacy.Memory) -> None:
        """Count what was masked in the conversation or example of that id, and hold the values for the vault if there is one."""
        if self._settings.vault and memory.values:
            self.held.setdefault(name, {}).update(memory.values)
        for type, count in memory.counts.items():
            self.masked[type] = self.masked.get(type, 0) + count


def join(first: str, second: str) -> str:
    """Two messages of one speaker as one text: 「我的账号」「登不上了」 -> 我的账号，登不上了."""
    if _GOES_ON.match(second):
        return first + second
    if _ADDRESS_ENDS.search(first):
        return f"{first} {second}"
    if _END.search(first):
        return first + ("" if first[-1] >= "\u2e80" or first.endswith("\n") else " ") + second
    return f"{first}，{second}" if detect(first + second) == "zh" else f"{first} {second}"


def _answered(conversation: Conversation) -> bool:
    spoken = False
    for turn in conversation.turns:
        if turn.role == "customer":
            spoken = True
        elif turn.role == "agent" and spoken:
            return True
    return False


def _language(conversation: Conversation) -> None:
    if conversation.language and conversation.language != "und":
        return
    # 「API key」 is a Chinese question when its answer is Chinese.
    told = detect(conversation.turns[-1].text, "") if conversation.kind == "faq" and conversation.turns else ""
    conversation.language = told or detect(conversation.customer_text(), "") or detect(conversation.text())


def _turn_languages(conversation: Conversation) -> None:
    """`meta.turn_languages`: the language of each turn, where not all are in that of the conversation.

    Nothing is left out for its language; a turn that is neither in it nor in Chinese or English raises the flag `other_language`, which is counted.
    """
    found = [detect(turn.text, conversation.language) for turn in conversation.turns]
    if any(language != conversation.language for language in found):
        conversation.meta["turn_languages"] = found
        if set(found) - {conversation.language, "zh", "en", "und"}:
            conversation.flags.append("other_language")


def _patterns(key: str, given: list[str]) -> list[re.Pattern[str]]:
    found = []
    for i, pattern in enumerate(given):
        try:
            found.append(re.compile(pattern, re.IGNORECASE))
        except re.error as error:
            raise ConfigError(f"{key}.{i} is not a regular expression", f"{error} in {pattern!r}", "correct it") from None
    return found
