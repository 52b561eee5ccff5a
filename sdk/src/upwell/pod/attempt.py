"""One attempt of a run, from its environment to its exit code.

0: the result is acknowledged by the server, or stands in the result file; 1: the attempt failed and may be tried
again; 78: it failed for good; 130, 143: it was interrupted. A failure is told three times: the whole traceback on
standard error, an AttemptFailed event for the server, one line in the result file. Limits: no judgement about the data.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Mapping

from upwell.calling import run_function
from upwell.context import AssetExecutionContext
from upwell.errors import InvalidEnvironment, PermanentError, Terminated, TimedOut, UpwellError, type_name
from upwell.ids import new_ulid, now_rfc3339
from upwell.keys import AssetKey
from upwell.pod import environment, result
from upwell.pod.delivery import Delivery
from upwell.pod.environment import Settings
from upwell.pod.loading import load
from upwell.pod.signals import EXIT_TERMINATED, Interruptible, say
from upwell.pod.transport import Transport
from upwell.protocol import EXIT_PERMANENT, MAX_TEXT_BYTES, Env, Event, EventType, MetadataEntry, Result

if TYPE_CHECKING:
    import logging

EXIT_FAILED, EXIT_KEYBOARD = 1, 130
TERMINATED_SECONDS = 5.0
"""What the report of an interruption may take; kubelet waits no longer than the pod's grace period."""
DESCRIPTION_CHARS = 1000


def attempt(environ: Mapping[str, str]) -> int:
    """Run the attempt that the environment describes, and give its exit code. Raises nothing."""
    try:
        if environ.get(Env.MEMBERS.value):
            from upwell.pod.group import Group  # noqa: PLC0415 - most pods observe one asset

            return Group(environment.read_group(environ)).run()
        settings = environment.read(environ)
    except InvalidEnvironment as error:
        say(str(error))
        write_result(environ.get(Env.RESULT.value), Result(error=str(error)))
        return EXIT_PERMANENT
    return _Attempt(settings).run()


class _Attempt:
    """One attempt, its settings known."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        post = Transport(settings.server, settings).post if settings.server else None
        self._delivery = Delivery(post, settings.run.attempt, settings.budget)

    def run(self) -> int:
        """Call the function and report how it went."""
        try:
            with Interruptible(self._hurry, self._last_words):
                event = self._call()
        except BaseException as error:  # noqa: BLE001 - a run must always say how it ended
            return self._failed(error)
        return self._succeeded(event)

    def _call(self) -> Event:
        """Load the function and run it."""
        settings = self._settings
        function = load(settings.function, settings.run.kind)
        context = AssetExecutionContext(
            (settings.asset_key,), settings.run, self._delivery.log, settings.inputs, log_to_stderr
        )
        return run_function(function, context)

    def _succeeded(self, event: Event) -> int:
        """Deliver the result, by the server or else by the file."""
        self._delivery.put(event)
        unposted = self._delivery.flush(self._settings.budget)
        if self._delivery.refusal is not None:
            return self._failed(self._delivery.refusal)
        if not unposted:
            return 0
        if self._settings.server:
            say(f"the server does not answer ({self._delivery.trouble})")
        return 0 if self._write(Result(events=unposted)) else EXIT_FAILED

    def _failed(self, error: BaseException) -> int:
        """Deliver the failure."""
        trace = traceback_of(error)
        sys.stderr.write(trace)
        line = describe(error)
        self._delivery.put(failure_event(self._settings.asset_key, line, trace))
        budget = self._settings.budget
        unposted = self._delivery.flush(min(budget, TERMINATED_SECONDS) if isinstance(error, Terminated) else budget)
        self._write(Result(error=line, events=unposted or None))
        return exit_code(error)

    def _hurry(self) -> None:
        """Be asked to stop when the function has returned already."""
        self._delivery.hurry(TERMINATED_SECONDS)

    def _last_words(self) -> None:
        """Be ended hard, because user code has swallowed the interruption."""
        self._write(Result(error="the function did not stop when it was asked to (SIGTERM)"))

    def _write(self, what: Result) -> bool:
        return write_result(self._settings.result_file, what)


def failure_event(key: AssetKey, line: str, trace: str) -> Event:
    """Give the event of a failed attempt; the end of a long traceback says most."""
    text = trace.encode(errors="backslashreplace")[-MAX_TEXT_BYTES:].decode(errors="ignore")
    return Event(
        id=new_ulid(),
        type=EventType.ATTEMPT_FAILED,
        asset_key=str(key),
        time=now_rfc3339(),
        metadata={"traceback": MetadataEntry("text", text)},
        description=line,
    )


def write_result(path: str | None, what: Result) -> bool:
    """Write the result file, and say if that is impossible."""
    if not path:
        say(f"{Env.RESULT.value} is not set, so there is no file for the result")
        return False
    try:
        result.write(path, what)
    except OSError as error:
        say(f"the result file cannot be written: {error}")
        return False
    return True


def exit_code(error: BaseException) -> int:
    """Give the exit code of an attempt that ended with `error`."""
    if isinstance(error, Terminated):
        return EXIT_TERMINATED
    if isinstance(error, PermanentError):
        return EXIT_PERMANENT
    return EXIT_KEYBOARD if isinstance(error, KeyboardInterrupt) else EXIT_FAILED


def describe(error: BaseException) -> str:
    """Give one line that says what went wrong: our own errors speak for themselves, others need their name."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - a broken __str__ must not hide the failure
        text = "(its text cannot be read)"
    own = isinstance(error, (UpwellError, Terminated, TimedOut))
    return result.one_line(text if own else f"{type_name(error)}: {text}", DESCRIPTION_CHARS)


def traceback_of(error: BaseException) -> str:
    """Give the whole traceback."""
    import traceback  # noqa: PLC0415 - only failures pay for it

    return "".join(traceback.format_exception(type(error), error, error.__traceback__))


def log_to_stderr(logger: logging.Logger) -> None:
    """Let `context.log` write to the pod's log, once, whatever the user's code does to the root logger."""
    if not logger.handlers:
        import logging  # noqa: PLC0415 - imported by whoever made the logger

        handler: Any = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
