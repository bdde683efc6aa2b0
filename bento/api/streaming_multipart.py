"""Forms whose files go straight to where the store takes them from.

Starlette would keep a file in a place of its own, handing each of the network's small blocks to
another thread, and it would have to be copied and hashed afterwards: with 20 senders at once that
was half of the time of a submission.
"""

from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from typing import Any, cast

from anyio.lowlevel import RunVar
from fastapi.routing import APIRoute
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import Response

from bento.api.dependencies import get_context
from bento.settings import MIB
from bento.uploads.fifo_limiter import FifoLimiter
from bento.uploads.upload_file import UploadedFile
from bento.uploads.upload_writer import UploadWriter, WriteResult

BLOCK = MIB // 2
FIELDS = 20  # of a form, besides files; more than any route knows
MAX_CONCURRENT_BLOCKS = 1  # its next block is read while this one goes to the disk
_turns: RunVar[FifoLimiter] = RunVar("turns")


class StreamingUploadRoute(APIRoute):
    """A route that takes files."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, given a request whose form is read by this module."""
        handler = super().get_route_handler()

        async def arriving(request: Request) -> Response:
            return await handler(_Arriving(request.scope, request.receive))

        return arriving


def _turns_of_loop() -> FifoLimiter:
    """The service has one event loop; tests have one for each sender."""
    try:
        return _turns.get()
    except LookupError:
        _turns.set(made := FifoLimiter(MAX_CONCURRENT_BLOCKS))
        return made


class _Arriving(Request):
    def form(self, **limits: Any) -> Any:
        return super().form(**limits) if self._form is not None else self._read(**limits)

    async def _read(self, **limits: Any) -> FormData:
        if not self.headers.get("content-type", "").lower().startswith("multipart/form-data"):
            return await super().form(**limits)
        parts = get_context(self).parts
        most = parts.settings.batch_files
        limits |= {"max_files": most, "max_fields": FIELDS}
        blocks = self._in_turn()
        parser = _Parser(self.headers, blocks, **limits)
        parser.folder = parts.store.work
        try:
            async with aclosing(blocks):
                self._form = await parser.parse()
        except MultiPartException as error:
            if error.message.startswith("Too many files"):
                words = f"at most {most} files are taken at once; send the others afterwards"
                raise HTTPException(422, words) from error
            raise HTTPException(400, error.message) from error
        finally:
            parser.close_all_but(self._form or FormData())
        return self._form

    async def _in_turn(self) -> AsyncGenerator[bytes, None]:
        """What arrives, block by block; this one's turn lasts until it asks for the next block."""
        turns = _turns_of_loop()
        number = turns.next_ticket()
        async for block in self.stream():
            async with turns.slot(number):
                yield block


class _Parser(MultiPartParser):
    folder: Any

    def on_headers_finished(self) -> None:
        super().on_headers_finished()
        part = self._current_part
        if part.file is not None:
            part.file.file.close()
            arrival: Any = UploadedFile(self.folder)
            self._files_to_close_on_error[-1] = arrival
            part.file = _Upload(arrival, part.file.filename, part.file.headers)

    def close_all_but(self, form: FormData) -> None:
        """Close files of parts that never ended: the form, or the connection, broke off."""
        whole = {id(value.file) for _, value in form.multi_items() if isinstance(value, UploadFile)}
        for arrival in self._files_to_close_on_error:
            if id(arrival) not in whole:
                arrival.close()


class _Upload(UploadFile):
    """A part of a form, of which little more than twice ``BLOCK`` is ever in memory."""

    def __init__(self, arrival: Any, filename: str | None, headers: Headers) -> None:
        super().__init__(arrival, size=0, filename=filename, headers=headers)
        self._waiting: list[bytes] = []
        self._length = 0
        self._landing: WriteResult | None = None

    async def write(self, data: bytes) -> None:
        self.size = cast(int, self.size) + len(data)
        self._waiting.append(data)
        self._length += len(data)
        if self._length >= BLOCK:
            await self._flush()

    async def seek(self, offset: int) -> None:  # called at the part's end, before any reading
        await self._flush()
        await self._landed()
        self.file.seek(offset)

    async def _flush(self) -> None:
        """Hand over what came, once what was handed over before is on the disk."""
        await self._landed()
        if self._waiting:
            self._landing = UploadWriter.shared().write(
                cast(UploadedFile, self.file), self._waiting
            )
            self._waiting, self._length = [], 0

    async def _landed(self) -> None:
        landing, self._landing = self._landing, None
        if landing is not None and (error := await landing) is not None:
            raise error
