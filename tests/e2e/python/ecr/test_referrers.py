"""ListImageReferrers, which has no paginator in botocore: its token is followed by hand."""

import pytest

from conftest import ACCOUNT
from content import MANIFEST, absent, image, push

SIGNATURE, SBOM = "application/vnd.example.signature", "application/spdx+json"


@pytest.fixture
def signed(ecr, app):
    """An image with three signatures and an SBOM, and what is to be listed of them."""
    what = image("a")
    push(ecr, app, what, "1")
    subject = {"mediaType": MANIFEST, "digest": what.digest, "size": len(what.manifest)}
    listed = []
    for number, kind in enumerate([SIGNATURE, SIGNATURE, SIGNATURE, SBOM]):
        notes = {"org.example.number": str(number)}
        about = image(f"about {number}", artifactType=kind, subject=subject, annotations=notes)
        push(ecr, app, about)
        listed.append(
            {
                "digest": about.digest,
                "mediaType": MANIFEST,
                "artifactType": kind,
                "size": len(about.manifest),
                "annotations": notes,
                "artifactStatus": "ACTIVE",
            }
        )
    return what, sorted(listed, key=str)


def test_what_refers_to_an_image(ecr, app, signed):
    what, listed = signed
    usual = {"repositoryName": app, "subjectId": {"imageDigest": what.digest}}
    assert sorted(ecr.list_image_referrers(**usual)["referrers"], key=str) == listed
    for status, expected in (("ACTIVE", listed), ("ANY", listed), ("ARCHIVED", [])):
        told = ecr.list_image_referrers(filter={"artifactStatus": status}, **usual)["referrers"]
        assert sorted(told, key=str) == expected
    for kinds in ([SBOM], [SBOM, SIGNATURE], ["application/none"]):
        told = ecr.list_image_referrers(filter={"artifactTypes": kinds}, **usual)["referrers"]
        expected = [entry for entry in listed if entry["artifactType"] in kinds]
        assert sorted(told, key=str) == expected
    details = ecr.describe_images(repositoryName=app, imageIds=[{"imageDigest": listed[0]["digest"]}])
    assert details["imageDetails"][0]["subjectManifestDigest"] == what.digest


@pytest.mark.parametrize("size", [1, 2, 3, 4, 50])
def test_pages(ecr, app, signed, size):
    what, listed = signed
    usual = {"repositoryName": app, "subjectId": {"imageDigest": what.digest}, "maxResults": size}
    found, token, pages = [], {}, 0
    while pages == 0 or token:
        told = ecr.list_image_referrers(**usual, **token)
        found += told["referrers"]
        token = {"nextToken": told["nextToken"]} if "nextToken" in told else {}
        pages += 1
    assert sorted(found, key=str) == listed and pages == -(-4 // size)


def test_nothing_refers_to_what_is_not_there(ecr, app, refused):
    usual = {"subjectId": {"imageDigest": absent("x")}}
    assert ecr.list_image_referrers(repositoryName=app, **usual)["referrers"] == []
    call, invalid = ecr.list_image_referrers, "InvalidParameterException"
    message = (
        f"The repository with name 'absent' does not exist in the registry with id '{ACCOUNT}'"
    )
    refused(call, "RepositoryNotFoundException", message, repositoryName="absent", **usual)
    refused(call, invalid, None, repositoryName=app, maxResults=51, **usual)
    refused(call, invalid, None, repositoryName=app, subjectId={"imageDigest": "x"})
