"""A service that speaks S3, on loopback, and roads to it that can be cut."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import boto3
from botocore.config import Config
from moto.s3.models import FakeMultipart
from moto.s3.responses import S3Response
from moto.server import ThreadedMotoServer

KEY, SECRET, BUCKET = "an-access-key", "a/secret+key", "inro-files"
PREFIX = "production"
# The smallest that the protocol allows.
PART_BYTES = 5 * 1024 * 1024


class ObjectStorage:
    """The service itself, looked at without the product's own code."""

    def __init__(self) -> None:
        self._server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        self._server.start()
        _, self.port = self._server.get_host_and_port()
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name="eu-central-1",
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            config=Config(s3={"addressing_style": "path"}),
        )

    def url(self, port: int | None = None, **options: str) -> str:
        more = "".join(f"&{name}={value}" for name, value in options.items())
        host = f"127.0.0.1:{port or self.port}"
        return f"s3://{KEY}:{SECRET}@{host}/{BUCKET}?tls=0&prefix={PREFIX}{more}"

    def clear(self) -> None:
        """An empty bucket, whatever was done to it before."""
        with suppress(self.client.exceptions.NoSuchBucket):
            for key in self.names(everything=True):
                self.client.delete_object(Bucket=BUCKET, Key=key)
            for key, upload_id in self.uploads():
                self.client.abort_multipart_upload(Bucket=BUCKET, Key=key, UploadId=upload_id)
            self.client.delete_bucket(Bucket=BUCKET)
        self.client.create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )

    def names(self, everything: bool = False) -> list[str]:
        """Under our prefix, without it."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        found = [each["Key"] for page in pages for each in page.get("Contents", [])]
        if everything:
            return found
        assert all(key.startswith(f"{PREFIX}/") for key in found), found
        return [key.removeprefix(f"{PREFIX}/") for key in found]

    def uploads(self) -> list[tuple[str, str]]:
        """Uploads in parts that have not ended."""
        found = self.client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
        return [(each["Key"], each["UploadId"]) for each in found]

    def body(self, name: str) -> bytes:
        body: bytes = self.client.get_object(Bucket=BUCKET, Key=f"{PREFIX}/{name}")["Body"].read()
        return body

    def stop(self) -> None:
        self._server.stop()


class Road:
    """A port that leads to another one, until it is cut or lets nothing through."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        # Each connection breaks that has carried so many bytes towards the service …
        self.breaks_after: int | None = None
        # … or as many of them as this says.
        self.breaks_left: int | None = None
        self.silent = False
        self.taken = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self.taken += 1
                self._open.append(near)
                if not self.silent:
                    far = socket.create_connection(("127.0.0.1", self._to))
                    self._open.append(far)
                    for ends in ((near, far, True), (far, near, False)):
                        threading.Thread(target=self._carry, args=ends, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, towards: bool) -> None:
        carried = 0
        with suppress(OSError):
            while chunk := source.recv(65536):
                carried += len(chunk)
                if towards and self._breaks(carried):
                    break
                target.sendall(chunk)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _breaks(self, carried: int) -> bool:
        if self.breaks_after is None or carried <= self.breaks_after or self.breaks_left == 0:
            return False
        if self.breaks_left is not None:
            self.breaks_left -= 1
        return True

    def close(self) -> None:
        # A listener that a thread waits on is only let go by shutting it down.
        for each in (self._listener, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


def unused_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def running() -> Iterator[ObjectStorage]:
    with telling_when_uploads_began():
        storage = ObjectStorage()
        yield storage
        storage.stop()


@contextmanager
def telling_when_uploads_began() -> Iterator[None]:
    """moto calls every upload in parts one of 2010, which our sweep would then end."""
    began: dict[str, str] = {}
    make, serialized = FakeMultipart.__init__, S3Response.serialized

    def making(self: FakeMultipart, *args: Any, **kwargs: Any) -> None:
        make(self, *args, **kwargs)
        began[self.id] = datetime.now(UTC).isoformat(timespec="milliseconds")

    def telling(self: S3Response, action: Any) -> Any:
        if self.data["Action"] == "ListMultipartUploads":
            for each in action.result["Uploads"]:
                each["Initiated"] = began[each["UploadId"]]
        return serialized(self, action)

    with (
        patch.object(FakeMultipart, "__init__", making),
        patch.object(S3Response, "serialized", telling),
    ):
        yield
