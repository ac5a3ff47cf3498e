"""The EXIF that is left: which way a picture is turned, where that matters."""

from __future__ import annotations

import struct

from media_library.sniffing import Facts

_ORIENTATION, _SHORT = 0x0112, 3
EMPTY = b"II*\0" + struct.pack("<IHI", 8, 0, 0)


def kept(facts: Facts) -> bytes:
    """Nothing for a picture that is upright already."""
    orientation = facts.details.get("orientation", 1)
    if orientation == 1:
        return b""
    entry = struct.pack("<HHIHH", _ORIENTATION, _SHORT, 1, orientation, 0)
    return b"II*\0" + struct.pack("<IH", 8, 1) + entry + bytes(4)
