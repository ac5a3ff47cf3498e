"""How STORAGE_URL is read."""

from pathlib import Path

import pytest

from inro.common.bucket import remedy_for
from inro.common.storing import read_storage_url

FOLDER = Path("/srv/inro/media")


def options(url: str) -> dict:
    found = read_storage_url(url, FOLDER)
    assert found["BACKEND"] == "inro.common.bucket.Bucket"
    return dict(found["OPTIONS"])


@pytest.mark.parametrize("url", ["", "local"])
def test_local(url):
    found = read_storage_url(url, FOLDER)
    assert found["BACKEND"] == "django.core.files.storage.FileSystemStorage"
    assert found["OPTIONS"]["location"] == "/srv/inro/media"


def test_everything_said():
    url = (
        "s3://AKIA:se/cr+et%40@minio.internal:9000/inro-files"
        "?region=eu-south-1&prefix=/a/b/&path_style=0&tls=0&timeout=9"
    )
    assert options(url) == {
        "bucket_name": "inro-files",
        "endpoint_url": "http://minio.internal:9000",
        "region_name": "eu-south-1",
        "location": "a/b",
        "addressing_style": "virtual",
        "timeout": 9,
        "access_key": "AKIA",
        "secret_key": "se/cr+et@",
        "security_token": None,
    }


def test_little_said():
    assert options("s3://k:s@[::1]:9000/files/") == {
        "bucket_name": "files",
        "endpoint_url": "https://[::1]:9000",
        "region_name": "us-east-1",
        "location": "",
        "addressing_style": "path",
        "access_key": "k",
        "secret_key": "s",
        "security_token": None,
    }


@pytest.mark.parametrize(
    ("host", "endpoint"),
    [
        ("", None),
        ("s3.eu-central-1.amazonaws.com", "https://s3.eu-central-1.amazonaws.com"),
    ],
)
def test_amazon_with_the_machines_own_role(host, endpoint):
    assert options(f"s3://{host}/inro-files?region=eu-central-1") == {
        "bucket_name": "inro-files",
        "endpoint_url": endpoint,
        "region_name": "eu-central-1",
        "location": "",
        "addressing_style": "virtual",
    }


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://host/files", "must look like s3://"),
        ("s3://files", "must look like s3://"),
        ("s3://host/", "must look like s3://"),
        ("s3://host/a", "must look like s3://"),
        ("s3://host/files/deeper", "must look like s3://"),
        ("s3://ho st/files", "must look like s3://"),
        ("s3://k:topsecret@host:port/files", "must look like s3://"),
        ("s3://topsecret@host/files", "must hold both key and secret"),
        ("s3://:topsecret@host/files", "must hold both key and secret"),
        ("s3:///files", "must name the region"),
        ("s3://k:topsecret@s3.amazonaws.com/files", "must name the region"),
        ("s3://k:topsecret@host/files?acl=public", "has no option 'acl'"),
        ("s3://k:topsecret@host/files?tls=no", "says tls by 1 or 0"),
        ("s3://k:topsecret@host/files?path_style=", "says path_style by 1 or 0"),
        ("s3://k:topsecret@host/files?timeout=0", "says timeout in seconds"),
        ("s3://k:topsecret@host/files?timeout=soon", "says timeout in seconds"),
    ],
)
def test_what_makes_no_sense(url, words):
    with pytest.raises(ValueError, match=words.replace("?", r"\?")) as caught:
        read_storage_url(url, FOLDER)
    assert "topsecret" not in str(caught.value)


def test_remedies_are_known_by_code_and_by_kind():
    class ClientError(Exception):
        response = {"Error": {"Code": "NoSuchBucket"}}

    class NoCredentialsError(Exception):
        pass

    assert remedy_for(ClientError()).startswith("Make the bucket")
    assert remedy_for(NoCredentialsError()).startswith("Put key and secret")
    assert remedy_for(ValueError()) == ""
