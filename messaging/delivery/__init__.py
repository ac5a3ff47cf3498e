"""How queued messages go out: each once, in order for each contact, and every one to an end."""


def register_sweeps() -> None:
    """For `AppConfig.ready()`."""
    from messaging.delivery import sweeping

    sweeping.register()
