"""BatchCheckLayerAvailability, InitiateLayerUpload, UploadLayerPart, CompleteLayerUpload,
GetDownloadUrlForLayer; and GetAuthorizationToken, which opens the other door to the same bytes."""

import base64
import datetime
import urllib.error
import urllib.request

import pytest

from conftest import ACCOUNT
from content import MIB, SMALLEST_PART, absent, begin, digest, image, noise, push, send, upload

IN_APP = f"the repository with name 'team/app' in the registry with id '{ACCOUNT}'"
NO_UPLOAD = "00000000-0000-4000-8000-000000000000"


def complete(ecr, upload_id: str, *digests: str) -> dict:
    return ecr.complete_layer_upload(
        repositoryName="team/app", uploadId=upload_id, layerDigests=list(digests)
    )


def fetch(url: str, **headers) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        return answer.read()


def test_a_layer_in_parts(ecr, app):
    begun = ecr.initiate_layer_upload(repositoryName=app)
    assert begun["partSize"] == 10 * MIB
    blob, upload_id = noise("parts", 12 * MIB + 7), begun["uploadId"]
    for first in range(0, len(blob), begun["partSize"]):
        part = blob[first : first + begun["partSize"]]
        told = send(ecr, app, upload_id, first, part)
        told.pop("ResponseMetadata")
        assert told == {
            "registryId": ACCOUNT,
            "repositoryName": app,
            "uploadId": upload_id,
            "lastByteReceived": first + len(part) - 1,
        }
    # One right digest is enough.
    told = complete(ecr, upload_id, absent("x"), digest(blob))
    told.pop("ResponseMetadata")
    assert told == {
        "registryId": ACCOUNT,
        "repositoryName": app,
        "uploadId": upload_id,
        "layerDigest": digest(blob),
    }
    told = ecr.batch_check_layer_availability(repositoryName=app, layerDigests=[digest(blob)])
    (layer,) = told["layers"]
    assert layer["layerAvailability"] == "AVAILABLE" and layer["layerSize"] == len(blob)


def test_availability_is_told_for_each_digest(ecr, app):
    what = image("a")
    push(ecr, app, what)
    config, layer = map(digest, what.blobs)
    told = ecr.batch_check_layer_availability(
        repositoryName=app, layerDigests=[layer, absent("x"), "no digest", ""]
    )
    assert told["layers"] == [
        {
            "layerDigest": layer,
            "layerAvailability": "AVAILABLE",
            "layerSize": len(what.blobs[1]),
            "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
        },
        {"layerDigest": absent("x"), "layerAvailability": "UNAVAILABLE"},
    ]
    assert told["failures"] == [
        {
            "layerDigest": "no digest",
            "failureCode": "InvalidLayerDigest",
            "failureReason": "Invalid layer digest 'no digest'",
        },
        {
            "layerDigest": "",
            "failureCode": "MissingLayerDigest",
            "failureReason": "Layer digest '' could not be found",
        },
    ]


def test_a_part_in_the_wrong_place_tells_the_right_one(ecr, app, refused):
    upload_id, blob = begin(ecr, app), noise("place", SMALLEST_PART)
    send(ecr, app, upload_id, 0, blob)
    message = f"Invalid layer part upload for upload with id '{upload_id}' in {IN_APP}"
    next_byte = len(blob)
    for first, last in ((next_byte + 4, next_byte + 7), (0, 3), (next_byte, next_byte + 9)):
        told = refused(
            ecr.upload_layer_part,
            "InvalidLayerPartException",
            message,
            repositoryName=app,
            uploadId=upload_id,
            partFirstByte=first,
            partLastByte=last,
            layerPartBlob=b"BBBB",
        )
        assert told["lastValidByteReceived"] == next_byte - 1
        assert (told["registryId"], told["repositoryName"]) == (ACCOUNT, app)
        assert told["uploadId"] == upload_id
    assert send(ecr, app, upload_id, next_byte, b"BBBB")["lastByteReceived"] == next_byte + 3
    whole = digest(blob + b"BBBB")
    assert complete(ecr, upload_id, whole)["layerDigest"] == whole


def test_an_upload_that_ends_badly(ecr, app, refused):
    usual = {"repositoryName": app}
    call = ecr.complete_layer_upload
    digests = {"layerDigests": [absent("x")]}

    refused(call, "EmptyUploadException", None, uploadId=begin(ecr, app), **usual, **digests)

    upload_id = begin(ecr, app)
    send(ecr, app, upload_id, 0, b"ahoy")
    message = "None of the provided layer digests match the calculated layer digest"
    refused(call, "InvalidLayerException", message, uploadId=upload_id, **usual, **digests)

    blob = noise("small", 2 * MIB)
    upload_id = begin(ecr, app)
    for first in (0, MIB):
        send(ecr, app, upload_id, first, blob[first : first + MIB])
    message = "All layer parts except the last part should be at least 5MB"
    members = {"uploadId": upload_id, "layerDigests": [digest(blob)]}
    refused(call, "LayerPartTooSmallException", message, **usual, **members)

    upload(ecr, app, b"twice")
    upload_id = begin(ecr, app)
    send(ecr, app, upload_id, 0, b"twice")
    message = f"The layer with digest '{digest(b'twice')}' already exists in {IN_APP}"
    members = {"uploadId": upload_id, "layerDigests": [digest(b"twice")]}
    refused(call, "LayerAlreadyExistsException", message, **usual, **members)
    # An SDK that lost the answer asks again, and is told the same.
    refused(call, "LayerAlreadyExistsException", message, **usual, **members)

    message = f"Upload with id '{upload_id}' could not be found for {IN_APP}"
    refused(call, "UploadNotFoundException", message, uploadId=upload_id, **usual, **digests)


def test_the_smallest_part_is_large_enough(ecr, app):
    blob, upload_id = noise("least", SMALLEST_PART + 1), begin(ecr, app)
    send(ecr, app, upload_id, 0, blob[:SMALLEST_PART])
    send(ecr, app, upload_id, SMALLEST_PART, blob[SMALLEST_PART:])
    complete(ecr, upload_id, digest(blob))


def test_an_upload_that_nobody_began(ecr, app, refused):
    message = f"Upload with id '{NO_UPLOAD}' could not be found for {IN_APP}"
    usual = {"repositoryName": app, "uploadId": NO_UPLOAD}
    part = {"partFirstByte": 0, "partLastByte": 0, "layerPartBlob": b"x"}
    refused(ecr.upload_layer_part, "UploadNotFoundException", message, **usual, **part)
    digests = {"layerDigests": [absent("x")]}
    refused(ecr.complete_layer_upload, "UploadNotFoundException", message, **usual, **digests)


def test_a_download_url_is_for_any_http_client(ecr, app, refused):
    what = image("a")
    push(ecr, app, what)
    layer = digest(what.blobs[1])
    told = ecr.get_download_url_for_layer(repositoryName=app, layerDigest=layer)
    assert told["layerDigest"] == layer
    assert fetch(told["downloadUrl"]) == what.blobs[1]
    assert fetch(told["downloadUrl"], Range="bytes=10-19") == what.blobs[1][10:20]
    with pytest.raises(urllib.error.HTTPError) as caught:
        fetch(told["downloadUrl"].replace(layer, digest(what.blobs[0])))
    assert caught.value.code in (401, 403)

    call, usual = ecr.get_download_url_for_layer, {"repositoryName": app}
    message = f"The layer with digest '{absent('x')}' does not exist within {IN_APP}"
    refused(call, "LayersNotFoundException", message, layerDigest=absent("x"), **usual)
    refused(call, "InvalidParameterException", None, layerDigest="no digest", **usual)
    # A layer that was just uploaded may be looked at before an image names it.
    upload(ecr, app, b"in no image")
    lone = ecr.get_download_url_for_layer(layerDigest=digest(b"in no image"), **usual)
    assert fetch(lone["downloadUrl"]) == b"in no image"


def test_a_missing_repository_is_told_by_all(ecr, refused):
    message = f"The repository with name 'x/y' does not exist in the registry with id '{ACCOUNT}'"
    part = {"partFirstByte": 0, "partLastByte": 0, "layerPartBlob": b"x"}
    for call, members in (
        (ecr.batch_check_layer_availability, {"layerDigests": [absent("x")]}),
        (ecr.initiate_layer_upload, {}),
        (ecr.upload_layer_part, {"uploadId": NO_UPLOAD, **part}),
        (ecr.complete_layer_upload, {"uploadId": NO_UPLOAD, "layerDigests": [absent("x")]}),
        (ecr.get_download_url_for_layer, {"layerDigest": absent("x")}),
    ):
        refused(call, "RepositoryNotFoundException", message, repositoryName="x/y", **members)


def test_a_token_opens_the_other_door(ecr, app, refused):
    what = image("a")
    push(ecr, app, what, "1")
    (data,) = ecr.get_authorization_token()["authorizationData"]
    left = data["expiresAt"] - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(hours=11) < left <= datetime.timedelta(hours=12)
    user, password = base64.b64decode(data["authorizationToken"]).decode().split(":")
    assert user == "AWS" and password
    assert data["proxyEndpoint"].startswith("http://")
    region = ecr.meta.region_name
    basic = {"Authorization": "Basic " + data["authorizationToken"]}
    url = f"{data['proxyEndpoint']}/v2/{app}/manifests/1"
    assert fetch(url, **basic) == what.manifest.encode(), region

    ids = [ACCOUNT, ACCOUNT]
    assert ecr.get_authorization_token(registryIds=ids)["authorizationData"]
    refused(ecr.get_authorization_token, "InvalidParameterException", None, registryIds=["1"])
