import codecs
import gc
import os
import re
from collections.abc import Callable, Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "inro.settings")
_CHARSET = re.compile(r";\s*charset\s*=\s*\"?([^;\"\s]*)\"?", re.IGNORECASE)
_application = get_wsgi_application()
# What has been loaded stays: the collector need not walk it again in the middle of a request.
gc.collect()
gc.freeze()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Django, which reads the address with whatever codec a request names as its charset."""
    named = _CHARSET.search(environ.get("CONTENT_TYPE", ""))
    if named and not _is_text(named[1]):
        environ["CONTENT_TYPE"] = _CHARSET.sub("", environ["CONTENT_TYPE"])
    return _application(environ, start_response)


def _is_text(charset: str) -> bool:
    try:
        "a".encode(codecs.lookup(charset).name)
    except (LookupError, ValueError, UnicodeError):
        return False
    return True
