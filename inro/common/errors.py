"""What the domain raises when it will not do something; `inro.api.errors` puts it on the wire."""

from collections.abc import Mapping, Sequence

Details = dict[str, list[str]]


class Refused(Exception):
    """A request that cannot be granted, with everything a person needs to mend it.

    `code` is one of the codes of the API (`validation_failed`, `too_large`, `conflict`, …);
    `details` maps dotted paths of the request body to what is wrong there; `retry_after` says in
    how many seconds the same request may be granted.
    """

    def __init__(
        self,
        code: str,
        message: str,
        details: Mapping[str, Sequence[str]] | None = None,
        *,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry_after = retry_after
        self.details: Details = {path: list(found) for path, found in (details or {}).items()}

    def at(self, path: str) -> "Refused":
        """The same refusal, said of `path`."""
        details = {path: [self.message]}
        return Refused(self.code, self.message, details, retry_after=self.retry_after)


def invalid(details: Mapping[str, Sequence[str]]) -> Refused:
    """`validation_failed` with its faults by path."""
    count = sum(len(found) for found in details.values())
    message = "One field is not valid." if count == 1 else f"{count} things are not valid."
    return Refused("validation_failed", message, details)
