"""DescribeRegistry, GetAccountSetting, PutAccountSetting."""

import urllib.request

import boto3
import pytest

from conftest import ACCOUNT, note
from content import digest, image, push

# Each setting with what it can be, the last one put last.
SETTINGS = {
    "BASIC_SCAN_TYPE_VERSION": ["AWS_NATIVE"],
    "BLOB_MOUNTING": ["DISABLED", "ENABLED"],
    "REGISTRY_POLICY_SCOPE": ["V1", "V2"],
}


def test_a_registry_without_replication(ecr):
    told = ecr.describe_registry()
    told.pop("ResponseMetadata")
    assert told == {"registryId": ACCOUNT, "replicationConfiguration": {"rules": []}}


def test_nobody_unproven_is_told_of_it(ecr, refused):
    stranger = boto3.client("ecr", region_name=ecr.meta.region_name, aws_secret_access_key="wrong",
                            aws_access_key_id="AKIAIOSFODNN7EXAMPLE")
    stranger.meta.events.register("after-call.ecr", note)
    message = "The security token included in the request is invalid."
    refused(stranger.describe_registry, "UnrecognizedClientException", message)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_is_kept(ecr, name):
    def get() -> dict:
        told = ecr.get_account_setting(name=name)
        told.pop("ResponseMetadata")
        return told

    assert get()["value"] in SETTINGS[name]
    for value in SETTINGS[name]:
        told = ecr.put_account_setting(name=name, value=value)
        told.pop("ResponseMetadata")
        assert told == get() == {"name": name, "value": value}


def test_a_setting_that_ecr_refuses(ecr, refused):
    invalid = "InvalidParameterException"
    names = "[BASIC_SCAN_TYPE_VERSION, BLOB_MOUNTING, REGISTRY_POLICY_SCOPE]"
    message = (
        "Invalid parameter at 'name' failed to satisfy constraint:"
        f" 'Member must satisfy enum value set: {names}'"
    )
    refused(ecr.get_account_setting, invalid, message, name="NONE")
    refused(ecr.put_account_setting, invalid, message, name="NONE", value="V1")
    for name in SETTINGS:
        told = refused(ecr.put_account_setting, invalid, None, name=name, value="NONE")
        assert "'value'" in told["Error"]["Message"]


def test_blob_mounting_is_what_the_setting_says(ecr, app):
    """A push at the other door asks for a layer of another repository: 201 if it may, 202 if not."""
    what = image("a")
    push(ecr, app, what)
    (data,) = ecr.get_authorization_token()["authorizationData"]
    for number, (value, status) in enumerate([("DISABLED", 202), ("ENABLED", 201)]):
        ecr.put_account_setting(name="BLOB_MOUNTING", value=value)
        other = f"other/{number}"
        ecr.create_repository(repositoryName=other)
        request = urllib.request.Request(
            f"{data['proxyEndpoint']}/v2/{other}/blobs/uploads/"
            f"?mount={digest(what.blobs[1])}&from={app}",
            method="POST",
            headers={"Authorization": "Basic " + data["authorizationToken"]},
        )
        with urllib.request.urlopen(request) as answer:
            assert answer.status == status, value
