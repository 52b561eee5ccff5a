"""One pod that observes several assets, one after the other.

What a function does to its own asset it does to no other: its failure is that asset's event, and the next one has its
turn. A function that failed is tried again after the others, as often as its asset may be, within its asset's time; one
that takes longer is interrupted, and one that cannot be interrupted ends the pod. The pod after it begins from the
other end, so that whatever ends pods again and again does not keep all that come after it from their turn.

Exit codes: 0 when every asset was observed; 78 when one failed for good, which a new pod would not mend; 1 when results
could neither be posted nor left behind. Limits: one process, one function at a time; a pod that begins again observes
all of its assets again, because it does not know what the one before it has reported.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Callable

from upwell.calling import multi_of, results_of, run_function
from upwell.context import AssetExecutionContext
from upwell.errors import PermanentError, Terminated, TimedOut
from upwell.ids import new_ulid, now_rfc3339
from upwell.keys import AssetKey
from upwell.pod import result
from upwell.pod.attempt import (
    EXIT_FAILED,
    TERMINATED_SECONDS,
    describe,
    exit_code,
    failure_event,
    log_to_stderr,
    traceback_of,
    write_result,
)
from upwell.pod.delivery import Delivery
from upwell.pod.environment import GroupSettings, Member
from upwell.pod.loading import load
from upwell.pod.signals import Interruptible, time_limit
from upwell.pod.transport import Transport
from upwell.protocol import EXIT_PERMANENT, Event, EventType, Result

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
NAMES_SHOWN = 10


@dataclass
class _Call:
    """One call of a function, for one asset, or for all that a function observes together."""

    function: str
    members: list[Member]
    tries: int = 0
    spent: float = 0.0
    """Seconds that its attempts have taken."""
    done: set[str] = field(default_factory=set)

    @property
    def left(self) -> list[Member]:
        """The assets that have no result yet."""
        return [member for member in self.members if str(member.key) not in self.done]

    @property
    def seconds(self) -> float:
        """What it may still take."""
        return max(member.timeout_seconds for member in self.members) - self.spent

    @property
    def may_try_again(self) -> bool:
        """Say whether its assets are tried once more after this many attempts."""
        return self.tries <= max(member.retries for member in self.members) and self.seconds > 0


class Group:
    """All that one pod observes."""

    def __init__(self, settings: GroupSettings, sleep: Callable[[float], None] = time.sleep) -> None:
        self._settings, self._sleep = settings, sleep
        post = Transport(settings.server, settings).post if settings.server else None
        self._delivery = Delivery(post, settings.run.attempt, settings.budget)
        self._failed: dict[str, str] = {}
        """Key of each asset that failed for good, and why."""
        self._now = ""
        """What is being observed, for the last words."""

    def run(self) -> int:
        """Observe everything and report how it went. Raises nothing."""
        try:
            with Interruptible(self._hurry, self._last_words):
                self._observe()
        except BaseException as error:  # noqa: BLE001 - a run must always say how it ended
            return self._interrupted(error)
        return self._end()

    # ------------------------------------------------------------- observing

    def _observe(self) -> None:
        waiting = deque(self._calls())
        while waiting:
            call = waiting.popleft()
            if call.tries:
                self._sleep(min(LONGEST_PAUSE, FIRST_PAUSE * float(1 << min(call.tries - 1, 8))))
            if not self._attempt(call):
                waiting.append(call)

    def _calls(self) -> list[_Call]:
        """Give the calls in their order: backwards when a pod before this one was ended on the way."""
        calls: dict[tuple[str, str], _Call] = {}
        joins = {function: self._joins(function) for function in {one.function for one in self._settings.members}}
        for member in self._settings.members:
            whose = "" if joins[member.function] else str(member.key)
            calls.setdefault((member.function, whose), _Call(member.function, [])).members.append(member)
        ordered = list(calls.values())
        return ordered[::-1] if self._settings.failures % 2 else ordered

    def _joins(self, function: str) -> bool:
        """Say whether a function observes several assets in one call; one that cannot be loaded fails for each."""
        try:
            return multi_of(load(function, self._settings.run.kind)) is not None
        except Exception:  # noqa: BLE001 - it fails, and is reported, in its turn
            return False

    def _attempt(self, call: _Call) -> bool:
        """Call once; say whether that was the last time."""
        self._now = ", ".join(str(member.key) for member in call.left)
        call.tries += 1
        begun = time.monotonic()
        try:
            with time_limit(call.seconds, self._stuck):
                self._call(call)
        except (Terminated, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001 - whatever a function does, it does to its own asset
            call.spent += time.monotonic() - begun
            return self._went_wrong(call, error)
        return True

    def _call(self, call: _Call) -> None:
        function = load(call.function, self._settings.run.kind)
        if multi_of(function) is None:
            (member,) = call.members
            self._put(member, run_function(function, self._context(call.members)))
            call.done.add(str(member.key))
            return
        by_key = {member.key: member for member in call.left}
        for event in results_of(function, self._context(call.left)):
            self._put(by_key[AssetKey.from_coercible(event.asset_key)], event)
            call.done.add(event.asset_key)

    def _context(self, members: list[Member]) -> AssetExecutionContext:
        whole = self._settings.run
        run = replace(whole, name=members[0].run) if len(members) == 1 else whole
        owner = str(members[0].key)
        keys = tuple(member.key for member in members)
        return AssetExecutionContext(keys, run, lambda event: self._delivery.log(event, owner), {}, log_to_stderr)

    def _put(self, member: Member, event: Event) -> None:
        self._delivery.put(event, str(member.key))

    # ------------------------------------------------------------- failures

    def _went_wrong(self, call: _Call, error: BaseException) -> bool:
        """Report an attempt that failed; say whether it was the last one."""
        trace = traceback_of(error)
        sys.stderr.write(trace)
        last = isinstance(error, (PermanentError, TimedOut)) or not call.may_try_again
        for member in call.left:
            self._fail(member, describe(error), trace, last=last)
        return last

    def _fail(self, member: Member, line: str, trace: str, *, last: bool) -> None:
        event = failure_event(member.key, line, trace)
        if last:
            self._failed[str(member.key)] = line
            event = replace(event, type=EventType.OBSERVATION_FAILED)
        self._put(member, event)

    def _refused(self) -> None:
        """Take an asset of which the server refused something for failed; what it took of the others stands."""
        for key, refusal in self._delivery.refusals.items():
            if key not in self._failed:
                self._failed[key] = describe(refusal)
                line = describe(refusal)
                event = Event(new_ulid(), EventType.OBSERVATION_FAILED, key, now_rfc3339(), description=line)
                self._delivery.put(event, key)

    # ------------------------------------------------------------- the end

    def _end(self) -> int:
        self._delivery.flush(self._settings.budget)
        self._refused()
        unposted = self._delivery.flush(self._settings.budget)
        if unposted and self._settings.server:
            sys.stderr.write(f"upwell: the server does not answer ({self._delivery.trouble})\n")
        kept, lost = result.fit_several(unposted)
        error = result.LOST.format(lost=lost, of=lost + len(kept)) if lost else self._summary()
        what = Result(error=error, events=kept or None)
        written = not (kept or error) or write_result(self._settings.result_file, what)
        if lost or (kept and not written):
            return EXIT_FAILED
        return EXIT_PERMANENT if self._failed else 0

    def _summary(self) -> str | None:
        if not self._failed:
            return None
        names = list(self._failed)
        more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
        count = f"{len(names)} of {len(self._settings.members)} assets failed"
        return f"{count}: {', '.join(names[:NAMES_SHOWN])}{more}"

    def _interrupted(self, error: BaseException) -> int:
        """Report what was seen until the pod was asked to stop; the rest is for the next pod."""
        if not isinstance(error, Terminated):
            sys.stderr.write(traceback_of(error))
        kept, _ = result.fit_several(self._delivery.flush(TERMINATED_SECONDS))
        write_result(self._settings.result_file, Result(error=describe(error), events=kept or None))
        return exit_code(error)

    def _hurry(self) -> None:
        """Be asked to stop when all is observed already."""
        self._delivery.hurry(TERMINATED_SECONDS)

    def _last_words(self) -> None:
        self._leave(f"the function of {self._now} did not stop when it was asked to (SIGTERM)")

    def _stuck(self) -> None:
        """Be ended, because a function goes on long after its time."""
        self._leave(f"the function of {self._now} took longer than its timeoutSeconds and could not be interrupted")

    def _leave(self, words: str) -> None:
        kept, _ = result.fit_several(self._delivery.flush(TERMINATED_SECONDS))
        write_result(self._settings.result_file, Result(error=words, events=kept or None))
