"""How queued messages go out: each once, in order for each contact, and every one to an end."""
