"""Text as people mean it: compared without case and accents, the same on every database."""

import unicodedata


def fold(text: str) -> str:
    """`Café ` and `CAFE` fold to the same; emojis and letters of every script stay."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(char for char in decomposed if not unicodedata.combining(char))
    return " ".join(unicodedata.normalize("NFKC", kept).split())
