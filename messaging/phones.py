"""Phone numbers as they are kept: E.164, so that one number is one text."""

import re

_SEPARATORS = re.compile(r"[\s()./\u2010-\u2015-]")
_E164 = re.compile(r"\+[1-9][0-9]{9,14}")


def normalised(text: str) -> str:
    """`text` with a leading + and nothing but digits behind it.

    Takes international numbers of 10 to 15 digits, with `+`, `00` or neither in front of the
    country's code, and raises ValueError for all else: a local number could be anybody's.
    """
    # The trunk prefix in "+44 (0)20 …" is dialled within the country only.
    digits = _SEPARATORS.sub("", text.replace("(0)", ""))
    digits = digits.removeprefix("+").removeprefix("00")
    if not _E164.fullmatch(f"+{digits}"):
        raise ValueError("Must be an international number of 10 to 15 digits, like +393331234567.")
    return f"+{digits}"
