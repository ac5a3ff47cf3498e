"""Files in a bucket of an S3-compatible service."""

import threading
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from storages.backends.s3 import S3Storage

from inro.common.storing import ADDRESS_SECONDS, StoredObject

PART_BYTES = 8 * 1024 * 1024
# Parts of one upload that are on their way, and in memory, at a time.
_PARTS_AT_ONCE = 3
_IN_MEMORY_BYTES = 1024 * 1024
_CONNECT_SECONDS = 2
# What only clears up is tried once and not for long: what it leaves, the daily clean-up finds.
_HASTY = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 1})
_REMEDIES = {
    "AccessDenied": "Allow the key s3:GetObject, s3:PutObject, s3:DeleteObject, s3:ListBucket and "
    "s3:AbortMultipartUpload on the bucket of STORAGE_URL.",
    "InvalidAccessKeyId": "Correct the key in STORAGE_URL.",
    "SignatureDoesNotMatch": "Correct the secret and the region in STORAGE_URL.",
    "AuthorizationHeaderMalformed": "Correct the region in STORAGE_URL.",
    "PermanentRedirect": "Correct the region and the host in STORAGE_URL.",
    "RequestTimeTooSkewed": "Set this machine's clock by NTP.",
    "NoSuchBucket": "Make the bucket that STORAGE_URL names, or correct its name.",
    "404": "Make the bucket that STORAGE_URL names, or correct its name.",
    "NoCredentialsError": "Put key and secret into STORAGE_URL, or AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY into the environment.",
    "EndpointConnectionError": "Check host, port and tls of STORAGE_URL, and that this machine "
    "reaches them.",
    "ConnectTimeoutError": "Check that this machine reaches the host of STORAGE_URL.",
    "SSLError": "Check the certificate of the host of STORAGE_URL, or say tls=0 where it has none.",
}


def remedy_for(error: Exception) -> str:
    """How an operator mends what a bucket answered; empty for what is not known."""
    response: dict[str, Any] = getattr(error, "response", None) or {}
    code = str(response.get("Error", {}).get("Code", ""))
    return _REMEDIES.get(code) or _REMEDIES.get(type(error).__name__, "")


class Bucket(S3Storage):
    """Private, without ACLs, shared by all threads of a process.

    A service that hangs costs two attempts of `timeout` seconds each. Whatever is larger than
    `part_bytes` goes in parts; an upload that fails is given up there, too.
    """

    def __init__(self, *, timeout: float = 4, part_bytes: int = PART_BYTES, **options: Any) -> None:
        transfer: Any = TransferConfig(
            multipart_threshold=part_bytes,
            multipart_chunksize=part_bytes,
            max_concurrency=_PARTS_AT_ONCE,
            num_download_attempts=2,
        )
        transfer.max_in_memory_upload_chunks = _PARTS_AT_ONCE
        client = Config(
            s3={"addressing_style": options.pop("addressing_style", "virtual")},
            signature_version="s3v4",
            connect_timeout=min(timeout, _CONNECT_SECONDS),
            read_timeout=timeout,
            retries={"mode": "standard", "total_max_attempts": 2},
            max_pool_connections=32,
            # Services that are not Amazon's do not know the newer checksums.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        super().__init__(
            client_config=client,
            transfer_config=transfer,
            max_memory_size=_IN_MEMORY_BYTES,
            # Nothing in the bucket runs in a browser, whatever its sender called it.
            object_parameters={"ContentType": "application/octet-stream"},
            **options,
        )
        self._opening = threading.Lock()
        self._shared: Any = None

    @property
    def connection(self) -> Any:
        """One for all threads: what stands behind it, a client, may be shared."""
        with self._opening:
            if self._shared is None:
                self._shared = super().connection
                self._hasty = self._client(_HASTY)
                # This is how uploads that failed are given up.
                client = self._shared.meta.client
                client.abort_multipart_upload = self._hasty.abort_multipart_upload
            return self._shared

    def _client(self, differently: Config) -> Any:
        return self._create_session().client(
            "s3",
            region_name=self.region_name,
            endpoint_url=self.endpoint_url,
            config=self.client_config.merge(differently),
            verify=self.verify,
        )

    def _open(self, name: str, mode: str = "rb") -> Any:
        """To read is to fetch, to a temporary file: what fails, fails here."""
        file = super()._open(name, mode)
        if "r" in mode:
            file.file  # noqa: B018 - fetches
        return file

    def delete(self, name: str) -> None:
        bucket = self.bucket.name  # opens the connection
        self._hasty.delete_object(Bucket=bucket, Key=self._normalize_name(name))

    def address(self, name: str, content_type: str, disposition: str, method: str = "GET") -> str:
        """Where anybody may fetch it for ADDRESS_SECONDS, by `method` alone, as `content_type`."""
        parameters = {
            "ResponseContentType": content_type,
            "ResponseContentDisposition": disposition,
        }
        return str(self.url(name, parameters, ADDRESS_SECONDS, method))

    def pages(self, folder: str) -> Iterator[list[StoredObject]]:
        """All that lies in `folder`, up to a thousand at a time, by name."""
        for page in self._listed("list_objects_v2", folder):
            yield [
                StoredObject(self._without_prefix(each["Key"]), each["Size"], each["LastModified"])
                for each in page.get("Contents", [])
            ]

    def abort_uploads(self, folder: str, before: datetime) -> int:
        """Give up uploads in parts that began `before` and have not ended; how many."""
        old = [
            (each["Key"], each["UploadId"])
            for page in self._listed("list_multipart_uploads", folder)
            for each in page.get("Uploads", [])
            if each["Initiated"] < before
        ]
        for key, upload_id in old:
            self._hasty.abort_multipart_upload(Bucket=self.bucket_name, Key=key, UploadId=upload_id)
        return len(old)

    def _listed(self, operation: str, folder: str) -> Any:
        paginator = self.connection.meta.client.get_paginator(operation)
        prefix = f"{self._normalize_name(folder)}/"
        return paginator.paginate(Bucket=self.bucket_name, Prefix=prefix)

    def _without_prefix(self, key: str) -> str:
        return key[len(self.location) :].lstrip("/")
