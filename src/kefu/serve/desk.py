"""The records seen from the event loop: never blocking it, and never holding up an answer when the database is away."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from kefu.errors import StorageError
from kefu.records import Asked, Message, Ownership, Records
from kefu.serve.faults import Fault

T = TypeVar("T")
#: Longer than the database's own patience, so that its own words are heard first.
_PATIENCE_S = 3.0
_LOOK_S = 1.0
_ROOM = 10_000
_SILENT, _LATER = "the records database does not answer", "try again in a moment"


class Desk:
    """Ownership, transcripts and ratings with a time limit; after a failure the database is left alone until it answers again.

    While the database is away, ownership is what this process saw last, so that the assistant does not talk
    into a conversation that a person holds; conversations it knows nothing of belong to the assistant.
    """

    def __init__(self, records: Records) -> None:
        self.records = records
        self._threads = ThreadPoolExecutor(4, "kefu-desk")
        self._known: OrderedDict[str, Ownership] = OrderedDict()
        self._asked: set[str] = set()
        self._clear: OrderedDict[int, str] = OrderedDict()
        self._away = ""
        self._watch: asyncio.Task[None] | None = None
        self._probe: asyncio.Task[None] | None = None

    async def call(self, work: Callable[..., T], *args: Any, **named: Any) -> T:
        """Run one database call in a thread. Raises StorageError when it fails, takes too long, or the database is away.

        While it is away a task of its own looks for its return; no customer's request is spent on that.
        """
        if self._away:
            raise StorageError(_SILENT, self._away, _LATER)
        try:
            return await self._in_thread(lambda: work(*args, **named))
        except StorageError as error:
            self._away = error.why
            if self._watch is None or self._watch.done():
                self._watch = asyncio.create_task(self._wait_for_return())
            raise

    async def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except (StorageError, TimeoutError) as error:
            raise StorageError(_SILENT, error.why if isinstance(error, StorageError) else "no answer in time", _LATER) from None

    async def _wait_for_return(self) -> None:
        while self._away:
            await asyncio.sleep(_LOOK_S)
            with suppress(StorageError):
                await self._in_thread(self.records.ping)
                self._away = ""

    def name(self, conversation_id: str) -> str:
        """The identifier under which a conversation is kept."""
        return self.records.opaque(conversation_id)

    def known(self, conversation_id: str) -> Ownership:
        """What this process last knew of the owner, without asking the database."""
        return self._known.get(conversation_id, Ownership(conversation_id))

    async def owner(self, conversation_id: str, key_id: str = "", *, must_exist: bool = False) -> Ownership:
        """Who answers. Raises Fault 404 when it belongs to another key, or does not exist though it must."""
        try:
            found = await self.call(self.records.owner, conversation_id)
        except StorageError:
            if must_exist:
                raise
            return self.known(conversation_id)
        missing = must_exist if found is None else found.key_id != key_id
        if missing:
            raise Fault(404, "conversation_not_found", "there is no such conversation", param="conversation_id")
        found = found or Ownership(conversation_id, key_id=key_id)
        if conversation_id in self._asked:  # asked for while the database was away, and not written yet
            if found.state == "bot" and self.records.health().queued:
                return self.known(conversation_id)
            self._asked.discard(conversation_id)
        return self._remember(found)

    async def ask(self, conversation_id: str, *, reason: str, by: str, key_id: str, language: str) -> bool:
        """bot → waiting; made up for later when the database is away. False: a person was asked for before."""
        waiting = Ownership(conversation_id, "waiting", reason=reason, key_id=key_id, language=language)
        try:
            moved = await self.call(self.records.ask, conversation_id, reason=reason, by=by, key_id=key_id, language=language)
        except StorageError:
            self.records.put(Asked(conversation_id, reason, by, key_id, language))
            self._asked.add(conversation_id)
            moved = True
        if moved:
            self._remember(waiting)
        return moved

    async def give_back(self, owner: Ownership) -> bool:
        """waiting → bot, because the customer no longer wants a person. False: a person was faster, or the database is away."""
        try:
            moved = await self.call(self.records.release, owner.conversation_id, "customer", only_owner=True)
        except StorageError:
            return False
        if moved:
            self._remember(Ownership(owner.conversation_id, key_id=owner.key_id, language=owner.language))
        return moved

    async def tell_once(self, owner: Ownership) -> bool:
        """Whether this request is the one that tells the customer who owns the conversation now."""
        if owner.state == owner.told:
            return False
        try:
            return await self.call(self.records.tell_once, owner.conversation_id, owner.state)
        except StorageError:
            return True

    async def settled(self) -> None:
        """Wait until what was put into the records can be read."""
        await self.call(self.records.flush, 2.0)

    async def say(self, conversation_id: str, operator: str, text: str) -> Message | None:
        """An operator's words: masked in the records, kept in clear in memory until the customer has fetched them."""
        await self.settled()  # what the customer wrote before stands before it in the records too
        message = await self.call(self.records.say, conversation_id, operator, text)
        if message is not None:
            await self.call(self.records.tell_once, conversation_id, "human")  # who has heard the operator need not be told of one
            self._clear[message.id] = text
            while len(self._clear) > _ROOM:
                self._clear.popitem(last=False)
        return message

    def clear_text(self, message: Message) -> str:
        """As the operator wrote it, when this process took it; else as the records hold it."""
        return self._clear.get(message.id, message.text)

    def degraded(self) -> dict[str, Any]:
        """State of the records for `/readyz`."""
        health = self.records.health()
        return {**health.as_dict(), "degraded": health.degraded or bool(self._away), "reason": health.reason or self._away}

    async def probe(self) -> None:
        """Touch the database, so that its absence shows without traffic; waits a moment only, for probes have little time."""
        if self._probe is None or self._probe.done():
            self._probe = asyncio.create_task(self._touch())
        await asyncio.wait({self._probe}, timeout=0.3)

    async def _touch(self) -> None:
        with suppress(StorageError):
            await self.call(self.records.ping)

    async def close(self) -> int:
        """Write what is queued; returns how many records were lost."""
        for task in (self._watch, self._probe):
            if task is not None:
                task.cancel()
        lost = await asyncio.to_thread(self.records.close)
        self._threads.shutdown(wait=False, cancel_futures=True)
        return lost

    def _remember(self, owner: Ownership) -> Ownership:
        self._known[owner.conversation_id] = owner
        self._known.move_to_end(owner.conversation_id)
        while len(self._known) > _ROOM:
            self._known.popitem(last=False)
        return owner
