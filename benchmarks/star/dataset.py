"""STAR: dialogues recorded between two people, some of them broken off, with what both said about them afterwards."""

from __future__ import annotations

import re
from typing import Any

from kefu.conversation import Conversation
from kefu.data import SupportDataset, signals

_MISUNDERSTOOD = re.compile(
    r"\b(?:that(?:'s| is) not (?:what|right|correct|true|my)|i (?:already|just) (?:told|said|gave)|"
    r"you(?:'re| are) (?:wrong|mistaken)|no,? i (?:said|meant|asked)|wrong (?:name|date|time|number))\b",
    re.IGNORECASE,
)
_ANSWER = re.compile(r'\{"Answer": (true|false), "Question": "((?:[^"\\]|\\.)*)"\}')
_EMERGENCY = re.compile(
    r"\b(?:chest pain|can(?:'t|not) breathe|bleeding|unconscious|overdose|heart attack|stroke|emergency|ambulance)\b", re.IGNORECASE
)
_MONEY_GONE = re.compile(
    r"\b(?:fraud\w*|stolen|unauthori[sz]ed|did(?: not|n't) (?:make|authori[sz]e)|suspicious (?:charge|transaction|activity))\b", re.IGNORECASE
)
_BUSINESS = {"bank": _MONEY_GONE, "doctor": _EMERGENCY}


class StarDataset(SupportDataset):
    """The desk of STAR: a person (the "wizard") played an assistant for 13 kinds of business, another person the customer.

    `label`, the first that holds:
        bad     the recording was broken off (CompletionLevel is not Complete); or the customer said afterwards that the assistant was not calm
                and helpful; or the wizard said that the customer became aggressive or annoyed and the general rule does not say good
        bad     the general rule says bad, and the customer did not say that the task was done
        fair    the customer said afterwards that the task was not done, though the scenario had a happy end; or a question was left without
                an answer, or the customer asked the same again, or was angry; or the agent contradicts himself or asks again for what was
                given (`signals.logic_breaks`). That an agent repeats a sentence says nothing here: he picked from standard replies.
        good    everything else
    Whether the task was done is the first question of the customer's questionnaire.
    What both people answered afterwards stands in `meta.user` and `meta.wizard` (question -> yes or no), which kefu.yaml carries along.

    `human_intervention_idx`: the index of the first customer turn at which one of these holds, told from that turn and those before it:
        - the rule of `SupportDataset`: a person is asked for, a complaint, the law, lost money, still not solved, the same question again;
        - in the domain `bank`: money is gone or an order was not the customer's; in the domain `doctor`: an emergency is named;
        - the customer says for the second time that he was misunderstood;
        - the agent has said twice that he cannot answer.
    The questionnaires, the outcome and later turns are never looked at for this.
    """

    def label(self, conversation: Conversation) -> str:
        if conversation.outcome != "Complete":
            return "bad"
        user, wizard = _answers(conversation.meta.get("user")), _answers(conversation.meta.get("wizard"))
        rule = super().label(conversation)
        done = next(iter(user.values()), None)
        if any(not yes for question, yes in user.items() if "calm" in question):
            return "bad"
        if rule != "good" and any(yes for question, yes in wizard.items() if "aggressive" in question):
            return "bad"
        if rule == "bad" and not done:
            return "bad"
        failed = done is False and conversation.meta.get("happy") == "true"
        turns = conversation.turns
        angry = any(signals.sentiment(turn.text) < 0 for turn in turns if turn.role == "customer")
        if failed or angry or signals.unanswered(turns) or signals.repetition(turns, "customer") or signals.logic_breaks(turns):
            return "fair"
        return "good"

    def needs_person(self, conversation: Conversation, index: int) -> bool:
        past = conversation.turns[: index + 1]
        said = [turn.text for turn in past if turn.role == "customer"]
        danger = _BUSINESS.get(conversation.category)
        if danger is not None and danger.search(said[-1]):
            return True
        if _MISUNDERSTOOD.search(said[-1]) and sum(_MISUNDERSTOOD.search(text) is not None for text in said) >= 2:
            return True
        if sum(turn.role == "agent" and signals.has("cannot_answer", turn.text) for turn in past) >= 2:
            return True
        return super().needs_person(conversation, index)


def _answers(given: Any) -> dict[str, bool]:
    """Question (small letters) -> yes or no, of a questionnaire as the build carries it along."""
    return {question.lower(): answer == "true" for answer, question in _ANSWER.findall(str(given or ""))}
