"""PutImage, BatchGetImage, DescribeImages, ListImages, BatchDeleteImage."""

import json
import time

import pytest

from conftest import ACCOUNT
from content import INDEX, MANIFEST, absent, image, index, push, upload

WITHIN = f"the repository with name 'team/app' in the registry with id '{ACCOUNT}'"


def put(ecr, what, **members) -> dict:
    return ecr.put_image(repositoryName="team/app", imageManifest=what.manifest, **members)["image"]


def not_found(digest: str | None = None, tag: str | None = None) -> str:
    named = f"{{imageDigest:'{digest or 'null'}', imageTag:'{tag or 'null'}'}}"
    return f"The image with imageId {named} does not exist within {WITHIN}"


def test_an_image_comes_back_byte_for_byte(ecr, app, recent):
    what = image("a")
    push(ecr, app, what, "1")
    made = put(ecr, what, imageTag="2", imageDigest=what.digest, imageManifestMediaType=MANIFEST)
    expected = {
        "registryId": ACCOUNT,
        "repositoryName": app,
        "imageId": {"imageDigest": what.digest, "imageTag": "2"},
        "imageManifest": what.manifest,
        "imageManifestMediaType": MANIFEST,
    }
    assert made == expected
    for asked, told in (
        ({"imageTag": "2"}, expected["imageId"]),
        ({"imageDigest": what.digest}, {"imageDigest": what.digest}),
        (expected["imageId"], expected["imageId"]),
    ):
        got = ecr.batch_get_image(
            repositoryName=app, imageIds=[asked], acceptedMediaTypes=[MANIFEST]
        )
        assert got["images"] == [expected | {"imageId": told}] and got["failures"] == []

    (detail,) = ecr.describe_images(repositoryName=app)["imageDetails"]
    assert recent(detail.pop("imagePushedAt"))
    # A pull is written down within a second, for many at once.
    detail.pop("lastRecordedPullTime", None)
    assert sorted(detail.pop("imageTags")) == ["1", "2"]
    assert detail == {
        "registryId": ACCOUNT,
        "repositoryName": app,
        "imageDigest": what.digest,
        "imageSizeInBytes": what.size,
        "imageManifestMediaType": MANIFEST,
        "artifactMediaType": "application/vnd.oci.image.config.v1+json",
        "imageStatus": "ACTIVE",
    }


def test_the_last_pull_is_recorded(ecr, app, recent):
    what = image("a")
    push(ecr, app, what, "1")
    ecr.batch_get_image(repositoryName=app, imageIds=[{"imageTag": "1"}])
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        (detail,) = ecr.describe_images(repositoryName=app)["imageDetails"]
        if "lastRecordedPullTime" in detail:
            break
        time.sleep(0.05)
    assert recent(detail["lastRecordedPullTime"])
    assert detail["lastRecordedPullTime"] >= detail["imagePushedAt"].replace(microsecond=0)


def test_a_tag_moves_and_leaves_the_old_image_untagged(ecr, app):
    old, new = image("old"), image("new")
    push(ecr, app, old, "latest")
    push(ecr, app, new, "latest")
    ids = ecr.list_images(repositoryName=app)["imageIds"]
    expected = [{"imageDigest": new.digest, "imageTag": "latest"}, {"imageDigest": old.digest}]
    assert sorted(ids, key=str) == sorted(expected, key=str)
    for status, left in (("TAGGED", [expected[0]]), ("UNTAGGED", [expected[1]]), ("ANY", ids)):
        some = {"repositoryName": app, "filter": {"tagStatus": status}}
        assert ecr.list_images(**some)["imageIds"] == left
        digests = {detail["imageDigest"] for detail in ecr.describe_images(**some)["imageDetails"]}
        assert digests == {entry["imageDigest"] for entry in left}
    for status in ("ARCHIVED", "ACTIVATING"):
        some = {"repositoryName": app, "filter": {"imageStatus": status}}
        assert ecr.list_images(**some)["imageIds"] == []
        assert ecr.describe_images(**some)["imageDetails"] == []


@pytest.mark.parametrize(
    "code, message, members",
    [
        (
            "InvalidParameterException",
            "Invalid parameter at 'ImageManifest' failed to satisfy constraint:"
            " 'Invalid JSON syntax'",
            {"imageManifest": "{"},
        ),
        (
            "InvalidParameterException",
            "Invalid parameter at 'ImageManifest' failed to satisfy constraint:"
            " 'Unsupported manifest type: \"application/x-none\"'",
            {"imageManifestMediaType": "application/x-none"},
        ),
        ("InvalidParameterException", None, {"imageTag": "a b"}),
        ("InvalidParameterException", None, {"imageTag": "x" * 301}),
        (
            "ImageDigestDoesNotMatchException",
            f"The image with digest '{absent('x')}' in repository 'team/app' and registry ID"
            f" '{ACCOUNT}' does not match the image digest that Amazon ECR has calculated.",
            {"imageDigest": absent("x")},
        ),
        (
            "ImageAlreadyExistsException",
            f"Image with digest '{image('a').digest}' and tag '1' already exists in the repository"
            f" with name 'team/app' in registry with id '{ACCOUNT}'",
            {"imageTag": "1"},
        ),
        (
            "ImageAlreadyExistsException",
            f"Image with digest '{image('a').digest}' and tag 'null' already exists in the"
            f" repository with name 'team/app' in registry with id '{ACCOUNT}'",
            {},
        ),
        (
            "RepositoryNotFoundException",
            f"The repository with name 'absent' does not exist in the registry with id '{ACCOUNT}'",
            {"repositoryName": "absent"},
        ),
    ],
)
def test_an_image_that_ecr_refuses(ecr, app, refused, code, message, members):
    what = image("a")
    push(ecr, app, what, "1")
    usual = {"repositoryName": app, "imageManifest": what.manifest}
    refused(ecr.put_image, code, message, **usual | members)


def test_what_an_image_needs_must_be_there(ecr, app, refused):
    what = image("a")
    usual = {"repositoryName": app, "imageManifest": what.manifest}
    told = refused(ecr.put_image, "LayersNotFoundException", None, **usual)
    message = told["Error"]["Message"]
    assert message.startswith("Layers with digests '[sha256:")
    assert message.endswith(
        "]' required for pushing image into repository with name 'team/app' in the registry with"
        f" id '{ACCOUNT}' do not exist"
    )
    both = index(what)
    refused(
        ecr.put_image,
        "ReferencedImagesNotFoundException",
        f"Images with digests '[{what.digest}]' required for pushing image into repository with"
        f" name 'team/app' in the registry with id '{ACCOUNT}' do not exist",
        repositoryName=app,
        imageManifest=both.manifest,
    )


def test_an_index_keeps_its_children(ecr, app):
    children = [image("arm64"), image("amd64")]
    for child in children:
        push(ecr, app, child)
    both = index(*children)
    push(ecr, app, both, "both")
    named = {"repositoryName": app, "imageIds": [{"imageTag": "both"}]}
    (detail,) = ecr.describe_images(**named)["imageDetails"]
    assert detail["imageManifestMediaType"] == INDEX
    assert detail["imageSizeInBytes"] == max(child.size for child in children)

    kept = {"imageDigest": children[0].digest}
    told = ecr.batch_delete_image(repositoryName=app, imageIds=[kept])
    assert told["imageIds"] == []
    assert told["failures"] == [
        {
            "imageId": kept,
            "failureCode": "ImageReferencedByManifestList",
            "failureReason": f"Requested image referenced by manifest list: [{both.digest}]",
        }
    ]
    told = ecr.batch_delete_image(repositoryName=app, imageIds=[{"imageTag": "both"}, kept])
    assert told["failures"] == []
    assert told["imageIds"] == [{"imageDigest": both.digest, "imageTag": "both"}, kept]


def test_deleting_by_tag_by_digest_and_by_both(ecr, app):
    what, other = image("a"), image("b")
    push(ecr, app, what, "1", "2", "3")
    push(ecr, app, other, "other")

    def delete(**named) -> tuple[list, list]:
        told = ecr.batch_delete_image(repositoryName=app, imageIds=[named])
        return told["imageIds"], [failure["failureCode"] for failure in told["failures"]]

    assert delete(imageTag="1") == ([{"imageDigest": what.digest, "imageTag": "1"}], [])
    both = {"imageDigest": what.digest, "imageTag": "other"}
    assert delete(**both) == ([], ["ImageTagDoesNotMatchDigest"])
    gone, failures = delete(imageDigest=what.digest)
    assert failures == [] and sorted(entry["imageTag"] for entry in gone) == ["2", "3"]
    # By both, the tag goes and the image stays.
    both = {"imageDigest": other.digest, "imageTag": "other"}
    assert delete(**both) == ([both], [])
    left = [{"imageDigest": other.digest}]
    assert ecr.list_images(repositoryName=app)["imageIds"] == left
    assert delete(imageDigest=other.digest) == (left, [])
    assert ecr.list_images(repositoryName=app)["imageIds"] == []


@pytest.mark.parametrize("call", ["batch_get_image", "batch_delete_image"])
@pytest.mark.parametrize(
    "named, code, reason",
    [
        ({"imageTag": "none"}, "ImageNotFound", "Requested image not found"),
        ({"imageDigest": absent("x")}, "ImageNotFound", "Requested image not found"),
        (
            {},
            "MissingDigestAndTag",
            "Invalid request parameters: both tag and digest cannot be null",
        ),
        (
            {"imageDigest": "sha256"},
            "InvalidImageDigest",
            "Invalid request parameters: image digest should satisfy the regex"
            " '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
        ),
        ({"imageTag": "a b"}, "InvalidImageTag", None),
    ],
)
def test_a_failure_of_one_image_is_not_one_of_the_others(ecr, app, call, named, code, reason):
    what = image("a")
    push(ecr, app, what, "1")
    told = getattr(ecr, call)(repositoryName=app, imageIds=[named, {"imageTag": "1"}])
    assert len(told.get("images", told.get("imageIds"))) == 1
    (failure,) = told["failures"]
    assert failure["imageId"] == named and failure["failureCode"] == code
    assert reason in (None, failure["failureReason"])


def test_describing_an_image_that_is_not_there(ecr, app, refused):
    push(ecr, app, image("a"), "1")
    for named in ({"tag": "none"}, {"digest": absent("x")}, {"digest": absent("x"), "tag": "1"}):
        ids = [{"image" + key.title(): value for key, value in named.items()}]
        message = not_found(**named)
        call = ecr.describe_images
        refused(call, "ImageNotFoundException", message, repositoryName=app, imageIds=ids)


def test_a_missing_repository_is_told_by_all(ecr, refused):
    message = f"The repository with name 'x/y' does not exist in the registry with id '{ACCOUNT}'"
    ids = {"imageIds": [{"imageTag": "1"}]}
    for call, members in (
        (ecr.batch_get_image, ids),
        (ecr.batch_delete_image, ids),
        (ecr.describe_images, {}),
        (ecr.list_images, {}),
    ):
        refused(call, "RepositoryNotFoundException", message, repositoryName="x/y", **members)


@pytest.mark.parametrize("mode", ["IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION"])
def test_an_immutable_tag_stays_where_it_is(ecr, refused, mode):
    filters = [{"filterType": "WILDCARD", "filter": "dev-*"}] if "WITH" in mode else None
    members = {"imageTagMutabilityExclusionFilters": filters} if filters else {}
    ecr.create_repository(repositoryName="fixed", imageTagMutability=mode, **members)
    first, second = image("first"), image("second")
    push(ecr, "fixed", first, "1", "dev-1")
    for blob in second.blobs:
        upload(ecr, "fixed", blob)
    message = (
        "The image tag '1' already exists in the 'fixed' repository and cannot be overwritten"
        " because the tag is immutable."
    )
    usual = {"repositoryName": "fixed", "imageManifest": second.manifest}
    refused(ecr.put_image, "ImageTagAlreadyExistsException", message, imageTag="1", **usual)
    again = usual | {"imageManifest": first.manifest}
    refused(ecr.put_image, "ImageTagAlreadyExistsException", message, imageTag="1", **again)
    if filters:
        ecr.put_image(imageTag="dev-1", **usual)
    else:
        code = "ImageTagAlreadyExistsException"
        refused(ecr.put_image, code, message.replace("'1'", "'dev-1'"), imageTag="dev-1", **usual)


def test_a_manifest_as_json_dumps_writes_it_keeps_its_text(ecr, app):
    """Scripts read a manifest, parse it, print it anew: the digest is that of the new text."""
    what = image("a")
    push(ecr, app, what, "1")
    again = image("a")
    again.manifest = json.dumps(json.loads(what.manifest))
    assert put(ecr, again, imageTag="2")["imageId"]["imageDigest"] == again.digest != what.digest
