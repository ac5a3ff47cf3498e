"""Text as people mean it: compared without case and accents, the same on every database."""

import unicodedata


def fold(text: str) -> str:
    """`Café ` and `CAFE` fold to the same; emojis and letters of every script stay."""
    # Folding case can bring new compositions and decomposing can bring new cases.
    for _ in range(2):
        text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    kept = "".join(char for char in text if not unicodedata.combining(char))
    return " ".join(unicodedata.normalize("NFKC", kept).split())
