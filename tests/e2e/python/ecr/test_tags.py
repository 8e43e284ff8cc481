"""TagResource, UntagResource, ListTagsForResource, which are about tags of a repository;
PutImageTagMutability, which is about tags of images."""

import pytest

from conftest import ACCOUNT
from content import image, push, upload

FILTERS = [{"filterType": "WILDCARD", "filter": "dev-*"}]


@pytest.fixture
def arn(ecr, app) -> str:
    return f"arn:aws:ecr:{ecr.meta.region_name}:{ACCOUNT}:repository/{app}"


def pairs(ecr, arn: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in ecr.list_tags_for_resource(resourceArn=arn)["tags"]}


def tags(**pairs: str) -> list[dict]:
    return [{"Key": key, "Value": value} for key, value in pairs.items()]


def test_tags_are_set_and_removed(ecr, arn):
    assert pairs(ecr, arn) == {}
    ecr.tag_resource(resourceArn=arn, tags=tags(team="one", größe="☃", empty=""))
    ecr.tag_resource(resourceArn=arn, tags=tags(team="two"))
    assert pairs(ecr, arn) == {"team": "two", "größe": "☃", "empty": ""}
    ecr.untag_resource(resourceArn=arn, tagKeys=["größe", "never set"])
    assert pairs(ecr, arn) == {"team": "two", "empty": ""}


def test_the_tags_of_creation(ecr):
    made = ecr.create_repository(repositoryName="tagged", tags=tags(b="2", a="1"))["repository"]
    assert pairs(ecr, made["repositoryArn"]) == {"a": "1", "b": "2"}


def test_tags_that_ecr_refuses(ecr, arn, refused):
    call, few = ecr.tag_resource, tags(kept="1")
    call(resourceArn=arn, tags=few)
    invalid = "InvalidTagParameterException"
    for bad in (tags(**{"aws:x": ""}), tags(**{"k" * 129: ""}), tags(k="v" * 257), tags(k="v") * 2):
        refused(call, invalid, None, resourceArn=arn, tags=bad)
    many = tags(**{f"k{number}": "" for number in range(50)})
    message = "The repository can have at most 50 tags"
    refused(call, "TooManyTagsException", message, resourceArn=arn, tags=many)
    assert pairs(ecr, arn) == {"kept": "1"}


def test_an_arn_that_leads_nowhere(ecr, arn, refused):
    absent = arn.replace("team/app", "absent")
    for call, members in (
        (ecr.tag_resource, {"tags": tags(k="v")}),
        (ecr.untag_resource, {"tagKeys": ["k"]}),
        (ecr.list_tags_for_resource, {}),
    ):
        message = "Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN'"
        for bad in ("no-arn", arn.replace(":ecr:", ":s3:"), arn.replace("repository/", "")):
            refused(call, "InvalidParameterException", message, resourceArn=bad, **members)
        message = (
            f"The repository with name 'absent' does not exist in the registry with id '{ACCOUNT}'"
        )
        refused(call, "RepositoryNotFoundException", message, resourceArn=absent, **members)


@pytest.mark.parametrize(
    "mode", ["MUTABLE", "IMMUTABLE", "MUTABLE_WITH_EXCLUSION", "IMMUTABLE_WITH_EXCLUSION"]
)
def test_a_mode_that_is_put_holds_for_the_next_push(ecr, app, refused, mode):
    first, second = image("first"), image("second")
    push(ecr, app, first, "1", "dev-1")
    for blob in second.blobs:
        upload(ecr, app, blob)
    filters = {"imageTagMutabilityExclusionFilters": FILTERS} if "WITH" in mode else {}
    told = ecr.put_image_tag_mutability(repositoryName=app, imageTagMutability=mode, **filters)
    told.pop("ResponseMetadata")
    assert told == {"registryId": ACCOUNT, "repositoryName": app, "imageTagMutability": mode} | filters
    (repository,) = ecr.describe_repositories()["repositories"]
    assert repository["imageTagMutability"] == mode
    assert repository.get("imageTagMutabilityExclusionFilters", []) == filters.get(
        "imageTagMutabilityExclusionFilters", []
    )
    for tag in ("1", "dev-1"):
        fixed = mode.startswith("IMMUTABLE") != (bool(filters) and tag.startswith("dev-"))
        put = {"repositoryName": app, "imageManifest": second.manifest, "imageTag": tag}
        if fixed:
            refused(ecr.put_image, "ImageTagAlreadyExistsException", None, **put)
        else:
            assert ecr.put_image(**put)["image"]["imageId"]["imageTag"] == tag


def test_a_mode_that_ecr_refuses(ecr, app, refused):
    call, invalid = ecr.put_image_tag_mutability, "InvalidParameterException"
    path = "Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint:"
    filters = {"imageTagMutabilityExclusionFilters": FILTERS}
    mode = "ImageTagMutabilityExclusionFilters {} when imageTagMutability is set as {}"
    for name, members, reason in (
        ("MUTABLE_WITH_EXCLUSION", {}, "can't be null"),
        ("IMMUTABLE_WITH_EXCLUSION", {}, "can't be null"),
        ("MUTABLE", filters, "are not allowed"),
        ("IMMUTABLE", filters, "are not allowed"),
    ):
        usual = {"repositoryName": app, "imageTagMutability": name}
        message = f"{path} '{mode.format(reason, name)}'"
        refused(call, invalid, message, **usual, **members)
    refused(call, invalid, None, repositoryName=app, imageTagMutability="SOMETIMES")
    absent = {"repositoryName": "absent", "imageTagMutability": "MUTABLE"}
    refused(call, "RepositoryNotFoundException", None, **absent)
