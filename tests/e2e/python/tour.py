"""An image through boto3 alone: uploaded in parts, put, found by the paginators, deleted.

The environment is what `wharf env` prints; nothing else is configured.
"""

import hashlib
import json
import urllib.request

import boto3

PART_BYTES = 5 * 1024 * 1024

ecr = boto3.client("ecr")


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def upload(repository: str, blob: bytes) -> None:
    """Sends a blob as the API wants it: parts with their first and last byte."""
    upload_id = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
    for first in range(0, len(blob), PART_BYTES):
        part = blob[first : first + PART_BYTES]
        answer = ecr.upload_layer_part(
            repositoryName=repository,
            uploadId=upload_id,
            partFirstByte=first,
            partLastByte=first + len(part) - 1,
            layerPartBlob=part,
        )
        assert answer["lastByteReceived"] == first + len(part) - 1, answer
    done = ecr.complete_layer_upload(
        repositoryName=repository, uploadId=upload_id, layerDigests=[digest(blob)]
    )
    assert done["layerDigest"] == digest(blob), done


def manifest(config: bytes, layer: bytes) -> str:
    def descriptor(kind: str, data: bytes) -> dict:
        media_type = f"application/vnd.oci.image.{kind}"
        return {"mediaType": media_type, "digest": digest(data), "size": len(data)}

    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor("config.v1+json", config),
            "layers": [descriptor("layer.v1.tar", layer)],
        }
    )


def refused(exception: type, call, **arguments) -> str:
    """The message of the error that the call must end with."""
    try:
        call(**arguments)
    except exception as error:
        return error.response["Error"]["Message"]
    raise AssertionError(f"{call.__name__} succeeded with {arguments}")


def main() -> None:
    made = ecr.create_repository(
        repositoryName="tour/app", tags=[{"Key": "team", "Value": "harbour"}]
    )["repository"]
    assert made["createdAt"].tzinfo is not None, made
    assert made["encryptionConfiguration"] == {"encryptionType": "AES256"}, made

    config = b'{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]}}'
    layer = bytes(range(256)) * (12 * 4096)  # 12 MiB: two whole parts and a rest
    upload("tour/app", config)
    upload("tour/app", layer)
    text = manifest(config, layer)
    for tag in ("1", "2", "3"):
        ecr.put_image(repositoryName="tour/app", imageManifest=text, imageTag=tag)
    refused(
        ecr.exceptions.ImageAlreadyExistsException,
        ecr.put_image,
        repositoryName="tour/app",
        imageManifest=text,
        imageTag="3",
    )

    pages = ecr.get_paginator("list_images").paginate(
        repositoryName="tour/app", PaginationConfig={"PageSize": 2}
    )
    sizes = [len(page["imageIds"]) for page in pages]
    assert sum(sizes) == 3 and max(sizes) <= 2, sizes

    (image,) = ecr.describe_images(repositoryName="tour/app")["imageDetails"]
    assert sorted(image["imageTags"]) == ["1", "2", "3"], image
    assert image["imageSizeInBytes"] >= len(layer), image

    (got,) = ecr.batch_get_image(repositoryName="tour/app", imageIds=[{"imageTag": "2"}])["images"]
    assert got["imageManifest"] == text, got

    url = ecr.get_download_url_for_layer(repositoryName="tour/app", layerDigest=digest(layer))
    with urllib.request.urlopen(url["downloadUrl"]) as answer:
        assert answer.read() == layer

    answer = ecr.batch_delete_image(
        repositoryName="tour/app", imageIds=[{"imageTag": "1"}, {"imageTag": "none"}]
    )
    assert [failure["failureCode"] for failure in answer["failures"]] == ["ImageNotFound"], answer

    refused(
        ecr.exceptions.RepositoryNotEmptyException, ecr.delete_repository, repositoryName="tour/app"
    )
    ecr.delete_repository(repositoryName="tour/app", force=True)
    message = refused(
        ecr.exceptions.RepositoryNotFoundException, ecr.list_images, repositoryName="tour/app"
    )
    assert "'tour/app' does not exist" in message, message
    print("the tour is over")


main()
