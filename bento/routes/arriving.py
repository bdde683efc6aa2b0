"""Forms whose files go straight to where the store takes them from.

Starlette would keep a file in a place of its own, handing each of the network's small blocks to
another thread, and it would have to be copied and hashed afterwards: with 20 senders at once that
was half of the time of a submission.
"""

from collections.abc import Callable, Coroutine
from typing import Any, cast

from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import Response

from bento.arrival import Arrival
from bento.routes.desk import desk_of
from bento.settings import MIB

BLOCK = MIB // 2
FIELDS = 20  # of a form, besides files; more than any route knows


class ArrivingRoute(APIRoute):
    """A route that takes files."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, given a request whose form is read by this module."""
        handler = super().get_route_handler()

        async def arriving(request: Request) -> Response:
            return await handler(_Arriving(request.scope, request.receive))

        return arriving


class _Arriving(Request):
    def form(self, **limits: Any) -> Any:
        return super().form(**limits) if self._form is not None else self._read(**limits)

    async def _read(self, **limits: Any) -> FormData:
        if not self.headers.get("content-type", "").lower().startswith("multipart/form-data"):
            return await super().form(**limits)
        parts = desk_of(self).parts
        most = parts.settings.batch_files
        limits |= {"max_files": most, "max_fields": FIELDS}
        parser = _Parser(self.headers, self.stream(), **limits)
        parser.folder = parts.store.work
        try:
            self._form = await parser.parse()
        except MultiPartException as error:
            if error.message.startswith("Too many files"):
                words = f"at most {most} files are taken at once; send the others afterwards"
                raise HTTPException(422, words) from error
            raise HTTPException(400, error.message) from error
        finally:
            parser.close_all_but(self._form or FormData())
        return self._form


class _Parser(MultiPartParser):
    folder: Any

    def on_headers_finished(self) -> None:
        super().on_headers_finished()
        part = self._current_part
        if part.file is not None:
            part.file.file.close()
            arrival: Any = Arrival(self.folder)
            self._files_to_close_on_error[-1] = arrival
            part.file = _Upload(arrival, part.file.filename, part.file.headers)

    def close_all_but(self, form: FormData) -> None:
        """Close files of parts that never ended: the form, or the connection, broke off."""
        whole = {id(value.file) for _, value in form.multi_items() if isinstance(value, UploadFile)}
        for arrival in self._files_to_close_on_error:
            if id(arrival) not in whole:
                arrival.close()


class _Upload(UploadFile):
    """A part of a form, at most ``BLOCK`` of it in memory."""

    def __init__(self, arrival: Any, filename: str | None, headers: Headers) -> None:
        super().__init__(arrival, size=0, filename=filename, headers=headers)
        self._waiting = memoryview(bytearray(BLOCK))
        self._filled = 0

    async def write(self, data: bytes) -> None:
        self.size = cast(int, self.size) + len(data)
        if self._filled + len(data) > BLOCK:
            await self._flush()
        if len(data) > BLOCK:
            await run_in_threadpool(self.file.write, data)
            return
        end = self._filled + len(data)
        self._waiting[self._filled : end] = data
        self._filled = end

    async def seek(self, offset: int) -> None:  # called at the part's end, before any reading
        await self._flush()
        self.file.seek(offset)

    async def _flush(self) -> None:
        if self._filled:
            block, self._filled = self._waiting[: self._filled], 0
            await run_in_threadpool(self.file.write, block)
