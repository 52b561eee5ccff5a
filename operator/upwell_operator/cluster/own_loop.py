"""A coroutine in a thread with a loop of its own, for what the main loop must neither disturb nor be disturbed by.

Limits: the thread is a daemon. Whoever gives up waiting for its end leaves it behind.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

Work = Callable[[asyncio.AbstractEventLoop], Coroutine[Any, Any, None]]
"""Gets the loop of whoever started it, to tell things there with `call_soon_threadsafe`."""


async def in_own_loop(work: Work, *, name: str, stop: Callable[[], object], patience: float) -> BaseException | None:
    """Run `work` in a thread until it ends; give the error that ended it, None if there was none.

    However this ends, `stop` is called, and the thread has `patience` seconds to end.
    """
    home = asyncio.get_running_loop()
    ended: asyncio.Future[BaseException | None] = home.create_future()
    threading.Thread(target=_run, args=(work, home, ended), name=name, daemon=True).start()
    try:
        return await asyncio.shield(ended)
    finally:
        stop()
        await asyncio.wait([ended], timeout=patience)


def _run(work: Work, home: asyncio.AbstractEventLoop, ended: asyncio.Future[BaseException | None]) -> None:
    error: BaseException | None = None
    try:
        asyncio.run(work(home))
    except BaseException as raised:  # noqa: BLE001  # this is the end of the thread, and it must be told
        error = raised
    with suppress(RuntimeError):  # nobody waits any more
        home.call_soon_threadsafe(_tell, ended, error)


def _tell(ended: asyncio.Future[BaseException | None], error: BaseException | None) -> None:
    if not ended.done():
        ended.set_result(error)
