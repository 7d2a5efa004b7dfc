"""The client for ``async`` code: the same one, on threads of its own."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, AsyncIterator, Callable, Optional

from .client import Client
from .transport import Answer


class AsyncClient:
    """Every method of :class:`Client` that talks, to be awaited.

    >>> async with AsyncClient(Client("http://127.0.0.1:8000", key, secret)) as client:
    ...     state = await client.resolve(cookie)

    At most ``threads`` requests are under way at once; the others wait their turn. A task that is cancelled stops
    waiting, but its request is not called back.
    """

    def __init__(self, client: Client, *, threads: int = 32, _pool: Optional[ThreadPoolExecutor] = None) -> None:
        self.client = client
        self._pool = _pool or ThreadPoolExecutor(threads, thread_name_prefix="countersign")

    def as_user(self, token: str, token_secret: str) -> "AsyncClient":
        return AsyncClient(self.client.as_user(token, token_secret), _pool=self._pool)

    async def run(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._pool, partial(function, *args, **kwargs))

    async def call(self, command: str, /, **arguments: Any) -> Any:
        return await self.run(self.client.call, command, **arguments)

    async def request(self, method: str, path: str, **arguments: Any) -> Answer:
        return await self.run(self.client.request, method, path, **arguments)

    async def pages(self, command: str, /, **arguments: Any) -> AsyncIterator[Any]:
        while True:
            page = await self.call(command, **arguments)
            for item in page["items"]:
                yield item
            if page.get("next") is None:
                return
            arguments["after"] = page["next"]

    async def whoami(self) -> Any:
        return await self.run(self.client.whoami)

    async def authenticate(self, username: str, password: str, **arguments: Any) -> Any:
        return await self.run(self.client.authenticate, username, password, **arguments)

    async def create_session(self, **arguments: Any) -> Any:
        return await self.run(self.client.create_session, **arguments)

    async def resolve(self, sessionid: str) -> Any:
        return await self.run(self.client.resolve, sessionid)

    async def save_session(self, sessionid: str, patch: Any, version: Optional[int] = None) -> int:
        return await self.run(self.client.save_session, sessionid, patch, version)

    async def cycle_session(self, sessionid: str) -> str:
        return await self.run(self.client.cycle_session, sessionid)

    async def end_session(self, sessionid: str) -> None:
        await self.run(self.client.end_session, sessionid)

    async def close(self) -> None:
        self._pool.shutdown(wait=False)
        self.client.close()

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self.close()
