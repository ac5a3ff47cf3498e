"""What waits in the queue, whichever broker it is."""

from typing import Any

from kombu import Queue

NAMES = ("inbound", "delivery", "default", "media", "campaigns")


def waiting() -> dict[str, int]:
    """Tasks that no worker has taken yet, by queue. Raises what the broker's client raises."""
    from inro.celery import app

    found = {}
    with app.connection_for_read(connect_timeout=2) as broker:
        broker.ensure_connection(max_retries=1, timeout=2)
        for name in NAMES:
            # A channel for each: asking for a queue that is not there ends it.
            with broker.channel() as channel:
                found[name] = _size(name, channel, broker.channel_errors)
    return found


def _size(name: str, channel: Any, missing: Any) -> int:
    try:
        declared: Any = Queue(name).bind(channel).queue_declare(passive=True)
        return int(declared.message_count)
    except missing:
        return 0  # nothing was ever put there
