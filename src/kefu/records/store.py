"""`Records`: keep what happened, find it again. Decides nothing."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress

import sqlalchemy as sa

from kefu.conversation import Owner
from kefu.errors import StorageError
from kefu.records import database, masking, ownership, reading, writing
from kefu.records.kinds import Case, Health, Message, Ownership, Waiting, now
from kefu.records.tables import conversations, replies, turns
from kefu.records.writer import Writer

_PAGE = 500


class Records:
    """The store behind one database URL. Safe to use from many threads.

    `put` returns at once and writes behind; the methods on ownership and all reading go to the database in the
    calling thread and raise StorageError when it is away. Raises ConfigError, MissingExtra or StorageError at once
    for a URL that can never work; a server that is merely down is tried again with each write.
    """

    def __init__(self, url: str, *, room: int = 10_000) -> None:
        self._engine = database.connect(url)
        self._reading = self._engine.execution_options(**{database.READS: True})
        self._salt = ""
        self._spare_salt = secrets.token_hex(16)
        self._prepared = False
        self._preparing = threading.Lock()
        self._writer = Writer(self._write, database.away, room)

    # ---- writing behind -------------------------------------------------------------------------------------------

    def put(self, record: writing.Record) -> None:
        """Keep an exchange or a rating. Never blocks and never fails; see `health` for what became of it."""
        self._writer.put(record)

    def flush(self, timeout_s: float = database.PATIENCE_S) -> bool:
        """Wait until everything put so far is written; False when it was not in that time."""
        return self._writer.flush(timeout_s)

    def health(self) -> Health:
        return self._writer.health()

    def close(self, timeout_s: float = 5.0) -> int:
        """Write what is left and let go of the database; returns how many records were lost."""
        lost = self._writer.close(timeout_s)
        self._engine.dispose()
        return lost

    # ---- ownership --------------------------------------------------------------------------------------------------

    def owner(self, conversation_id: str) -> Ownership | None:
        """Who answers this conversation; None when nothing is stored of it."""
        with self._read() as connection:
            return ownership.read(connection, conversation_id)

    def ask(self, conversation_id: str, *, reason: str, by: str, key_id: str = "", language: str = "und") -> bool:
        """bot → waiting. Makes the conversation when it is new. False: a person was asked for already."""
        with self._open() as connection:
            writing.ensure(connection, conversation_id, key_id=key_id, language=language, at=now())
            return ownership.move(connection, conversation_id, "ask", by=by, reason=masking.mask_text(reason)[:200])

    def take(self, conversation_id: str, operator: str) -> bool:
        """waiting → human. False: it was not waiting (another operator was first)."""
        with self._open() as connection:
            return ownership.move(connection, conversation_id, "take", by=operator)

    def release(self, conversation_id: str, by: str, *, only_owner: bool = False) -> bool:
        """waiting or human → bot. `only_owner`: not out of another operator's hands."""
        with self._open() as connection:
            return ownership.move(connection, conversation_id, "release", by=by, only_owner=by if only_owner else "")

    def say(self, conversation_id: str, operator: str, text: str) -> Message | None:
        """An operator's message, masked; None when the conversation is not in this operator's hands."""
        with self._open() as connection:
            if not ownership.owns(connection, conversation_id, operator):
                return None
            row = {
                "conversation_id": conversation_id,
                "role": "operator",
                "text": masking.mask_text(text),
                "reply_id": "",
                "tier": "person",
                "at": now(),
            }
            result = connection.execute(turns.insert().values(**row))
            key = result.inserted_primary_key
            return Message(int(key[0]) if key else 0, "operator", str(row["text"]), str(row["at"]), "", "person")

    def tell_once(self, conversation_id: str, state: Owner) -> bool:
        """True for the one caller who is to tell the customer of this state."""
        with self._open() as connection:
            return ownership.tell_once(connection, conversation_id, state)

    def inbox(self, limit: int = 200) -> list[Waiting]:
        """Conversations waiting for a person or held by one, the longest waiting first."""
        with self._read() as connection:
            return reading.inbox(connection, limit)

    # ---- reading ----------------------------------------------------------------------------------------------------

    def transcript(self, conversation_id: str, after: int = 0) -> list[Message]:
        """Stored turns of a conversation with an id above `after`, in order."""
        with self._read() as connection:
            return reading.transcript(connection, conversation_id, after)

    def reply_place(self, reply_id: str) -> tuple[str, str] | None:
        """`(conversation id, key id)` of a stored reply, or None."""
        with self._read() as connection:
            columns = sa.select(replies.c.conversation_id, conversations.c.key_id).join(
                conversations, conversations.c.id == replies.c.conversation_id
            )
            row = connection.execute(columns.where(replies.c.id == reply_id)).first()
            return (row[0], row[1]) if row else None

    def cases(self, *, since: str = "", score_at_most: int | None = None) -> Iterator[Case]:
        """All replies with the conversation up to them, oldest first. `score_at_most`: only those rated that badly.

        Read page by page, so that a server writing to the same database never waits for whoever goes through them.
        """
        after = (since, "")
        while True:
            with self._read() as connection:
                page = list(reading.cases(connection, after, score_at_most, _PAGE))
            yield from page
            if len(page) < _PAGE:
                return
            after = (page[-1].at, page[-1].reply_id)

    def counts(self) -> dict[str, int]:
        """Rows of each table."""
        with self._read() as connection:
            return reading.counts(connection)

    def ping(self) -> None:
        """One round trip. Raises StorageError when the database is away."""
        with self._read() as connection:
            connection.execute(sa.select(1))

    def opaque(self, identifier: str) -> str:
        """The identifier under which a conversation is kept: itself, or a hash when it looks like personal data.

        The hash is keyed by the store's salt, so that it is the same in every process and cannot be guessed from a list of
        telephone numbers; while the database cannot be asked for it, by one of this process.
        """
        if not self._salt:
            with suppress(sa.exc.SQLAlchemyError, OSError, StorageError):
                self._prepare()
        return masking.opaque(identifier, self._salt or self._spare_salt)

    # ---- inside -----------------------------------------------------------------------------------------------------

    def _write(self, batch: Sequence[writing.Record]) -> None:
        self._prepare()
        try:
            with self._engine.begin() as connection:
                writing.write(connection, batch)
        except Exception as error:
            if database.away(error):
                self._prepared = False
            raise

    def _read(self) -> AbstractContextManager[sa.Connection]:
        """A transaction that only reads: it takes no write lock."""
        return self._open(self._reading)

    @contextmanager
    def _open(self, engine: sa.Engine | None = None) -> Iterator[sa.Connection]:
        try:
            self._prepare()
            with (engine or self._engine).begin() as connection:
                yield connection
        except (sa.exc.SQLAlchemyError, OSError) as error:
            self._prepared = False
            raise StorageError("the records database does not answer", type(error).__name__, "look at the database behind serve.records") from error

    def _prepare(self) -> None:
        """Make tables once, and again after the database was away (it may have come back empty)."""
        if self._prepared:
            return
        with self._preparing:
            if not self._prepared:
                self._salt = database.prepare(self._engine)
                self._prepared = True
