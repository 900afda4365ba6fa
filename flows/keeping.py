"""Do work again and again beside the pages, until told to stop; whatever goes wrong is said and tried again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event

from digest.errors import VerdictsError

#: How long the rest between two rounds gets at most, after rounds that failed, in seconds.
_LONGEST_REST_S = 60.0


def keep(
    what: str, work: Callable[[], str], stop: Event, rest_s: float, log: logging.Logger, *, at_once: bool = False
) -> None:
    """Do work until `stop` is set, with a rest before each round that doubles while rounds fail.

    Args:
        what: What waits when a round fails, as the log says it.
        work: One round; gives what is wrong, "" when nothing is.
        stop: Set to end it after the round under way.
        rest_s: The rest after a round that went well.
        log: Where trouble is told, in one line each time that it is another.
        at_once: The first round comes without a rest before it.
    """
    pause, said = 0.0 if at_once else rest_s, ""
    while not stop.wait(pause):
        try:
            trouble = work()
        except Exception as error:  # noqa: BLE001 - whatever is wrong, the work must go on once it is mended
            # Errors of ours are written for people and name no reader; others may.
            trouble = str(error).partition("\n")[0] if isinstance(error, VerdictsError) else type(error).__name__
        if trouble and trouble != said:
            log.warning("%s: %s", what, trouble)
        said = trouble
        pause = max(rest_s, min(pause * 2, _LONGEST_REST_S)) if trouble else rest_s
