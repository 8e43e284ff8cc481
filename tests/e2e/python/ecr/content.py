"""Blobs, images and indexes, and what it takes to bring them into a repository by API alone."""

import hashlib
import json
from dataclasses import dataclass

OCI = "application/vnd.oci.image."
MANIFEST = OCI + "manifest.v1+json"
INDEX = OCI + "index.v1+json"
# The least that a part before the last one may have.
MIB = 1024 * 1024
SMALLEST_PART = 5 * MIB


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def absent(name: str) -> str:
    """The digest of something that nobody pushed."""
    return digest(b"absent " + name.encode())


def noise(seed: str, size: int) -> bytes:
    """Bytes that are the same in every run and in no other blob."""
    return hashlib.shake_128(seed.encode()).digest(size)


def descriptor(media_type: str, data: bytes) -> dict:
    return {"mediaType": media_type, "digest": digest(data), "size": len(data)}


@dataclass
class Image:
    """An image or an index: the blobs that must be there first, and the manifest's text."""

    manifest: str
    blobs: tuple[bytes, ...] = ()
    media_type: str = MANIFEST

    @property
    def digest(self) -> str:
        return digest(self.manifest.encode())

    @property
    def size(self) -> int:
        """As ECR counts it: config and layers."""
        return sum(len(blob) for blob in self.blobs)


def image(seed: str, **members) -> Image:
    """An image of one layer; `members` are added to its manifest."""
    config = json.dumps({"architecture": "amd64", "os": "linux", "author": seed}).encode()
    layer = noise(seed, 3000)
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor(OCI + "config.v1+json", config),
        "layers": [descriptor(OCI + "layer.v1.tar+gzip", layer)],
        **members,
    }
    return Image(json.dumps(manifest, indent=2) + "\n", (config, layer))


def index(*children: Image) -> Image:
    entries = [descriptor(child.media_type, child.manifest.encode()) for child in children]
    manifest = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
    return Image(json.dumps(manifest), media_type=INDEX)


def begin(ecr, repository: str) -> str:
    return ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]


def send(ecr, repository: str, upload: str, first: int, part: bytes) -> dict:
    return ecr.upload_layer_part(
        repositoryName=repository,
        uploadId=upload,
        partFirstByte=first,
        partLastByte=first + len(part) - 1,
        layerPartBlob=part,
    )


def upload(ecr, repository: str, blob: bytes) -> None:
    """Brings a blob in one part."""
    upload_id = begin(ecr, repository)
    send(ecr, repository, upload_id, 0, blob)
    ecr.complete_layer_upload(
        repositoryName=repository, uploadId=upload_id, layerDigests=[digest(blob)]
    )


def push(ecr, repository: str, what: Image, *tags: str) -> str:
    """Brings an image with everything in it, under each tag, or untagged. Its digest."""
    for blob in what.blobs:
        upload(ecr, repository, blob)
    for tag in tags or (None,):
        named = {} if tag is None else {"imageTag": tag}
        ecr.put_image(repositoryName=repository, imageManifest=what.manifest, **named)
    return what.digest
