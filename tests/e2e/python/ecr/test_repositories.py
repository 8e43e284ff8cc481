"""CreateRepository, DescribeRepositories, DeleteRepository."""

import botocore.exceptions
import pytest

from conftest import ACCOUNT
from content import image, push

FILTERS = [
    {"filterType": "WILDCARD", "filter": "dev-*"},
    {"filterType": "WILDCARD", "filter": "*_snapshot"},
]
EXISTS = f"The repository with name 'team/app' already exists in the registry with id '{ACCOUNT}'"
ABSENT = f"The repository with name 'absent' does not exist in the registry with id '{ACCOUNT}'"


def parameter(path: str, reason: str) -> str:
    return f"Invalid parameter at '{path}' failed to satisfy constraint: '{reason}'"


def test_a_repository_with_every_member_comes_back(ecr, recent):
    region = ecr.meta.region_name
    made = ecr.create_repository(
        registryId=ACCOUNT,
        repositoryName="team/app",
        tags=[{"Key": "team", "Value": "harbour"}],
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=FILTERS,
        imageScanningConfiguration={"scanOnPush": True},
        encryptionConfiguration={"encryptionType": "KMS", "kmsKey": "alias/mine"},
    )["repository"]
    assert recent(made["createdAt"])
    uri = made["repositoryUri"]
    assert uri.endswith("/team/app") and "://" not in uri
    assert made == {
        "repositoryArn": f"arn:aws:ecr:{region}:{ACCOUNT}:repository/team/app",
        "registryId": ACCOUNT,
        "repositoryName": "team/app",
        "repositoryUri": uri,
        "createdAt": made["createdAt"],
        "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": FILTERS,
        "imageScanningConfiguration": {"scanOnPush": True},
        "encryptionConfiguration": {
            "encryptionType": "KMS",
            "kmsKey": f"arn:aws:kms:{region}:{ACCOUNT}:alias/mine",
        },
    }
    assert ecr.describe_repositories(repositoryNames=["team/app"])["repositories"] == [made]
    assert ecr.describe_repositories(registryId=ACCOUNT)["repositories"] == [made]
    assert ecr.delete_repository(repositoryName="team/app")["repository"] == made
    assert ecr.describe_repositories()["repositories"] == []


def test_a_repository_has_ecrs_defaults(ecr):
    made = ecr.create_repository(repositoryName="plain")["repository"]
    assert made["imageTagMutability"] == "MUTABLE"
    assert made["imageScanningConfiguration"] == {"scanOnPush": False}
    assert made["encryptionConfiguration"] == {"encryptionType": "AES256"}
    assert "imageTagMutabilityExclusionFilters" not in made


@pytest.mark.parametrize("name", ["ab", "0a", "a.b", "a_b", "a__b", "a--b/c", "a/b/c", "a" * 256])
def test_a_name_that_ecr_takes(ecr, name):
    assert ecr.create_repository(repositoryName=name)["repository"]["repositoryName"] == name


@pytest.mark.parametrize("name", ["Ab", "a..b", "a___b", "-a", "a-", "a//b", "/a", "a/", "a b", "aä"])
def test_a_name_that_ecr_refuses(ecr, refused, name):
    told = refused(ecr.create_repository, "InvalidParameterException", None, repositoryName=name)
    assert told["Error"]["Message"].startswith("Invalid parameter at 'repositoryName' failed")


@pytest.mark.parametrize(
    "code, message, members",
    [
        ("RepositoryAlreadyExistsException", EXISTS, {"repositoryName": "team/app"}),
        (
            "InvalidParameterException",
            parameter(
                "imageTagMutabilityExclusionFilters",
                "ImageTagMutabilityExclusionFilters can't be null when imageTagMutability is set"
                " as MUTABLE_WITH_EXCLUSION",
            ),
            {"imageTagMutability": "MUTABLE_WITH_EXCLUSION"},
        ),
        (
            "InvalidParameterException",
            parameter(
                "imageTagMutabilityExclusionFilters",
                "ImageTagMutabilityExclusionFilters are not allowed when imageTagMutability is set"
                " as IMMUTABLE",
            ),
            {"imageTagMutability": "IMMUTABLE", "imageTagMutabilityExclusionFilters": FILTERS},
        ),
        (
            "InvalidParameterException",
            parameter(
                "encryptionConfiguration",
                "Invalid encryption configuration: Encryption key should not be set for AES256"
                " encryption.",
            ),
            {"encryptionConfiguration": {"encryptionType": "AES256", "kmsKey": "key"}},
        ),
        ("InvalidTagParameterException", None, {"tags": [{"Key": "aws:x", "Value": ""}]}),
        ("InvalidTagParameterException", None, {"tags": [{"Key": "k", "Value": "v"}] * 2}),
        (
            "TooManyTagsException",
            None,
            {"tags": [{"Key": f"k{number}", "Value": ""} for number in range(51)]},
        ),
        (
            "KmsException",
            None,
            {"encryptionConfiguration": {"encryptionType": "KMS", "kmsKey": "not a key"}},
        ),
        ("InvalidParameterException", None, {"imageTagMutability": "SOMETIMES"}),
    ],
)
def test_a_repository_that_ecr_refuses(ecr, app, refused, code, message, members):
    told = refused(ecr.create_repository, code, message, **{"repositoryName": "new"} | members)
    if code == "KmsException":
        assert told["kmsError"]
    assert len(ecr.describe_repositories()["repositories"]) == 1


def test_botocore_refuses_what_the_model_forbids(ecr):
    for members in ({}, {"repositoryName": 1}, {"repositoryName": "a"}, {"name": "team/app"}):
        with pytest.raises(botocore.exceptions.ParamValidationError):
            ecr.create_repository(**members)


def test_another_account_grants_nothing(ecr, app, refused):
    region, other = ecr.meta.region_name, "999999999999"
    for call, action, members in (
        (ecr.create_repository, "CreateRepository", {"repositoryName": "team/app"}),
        (ecr.delete_repository, "DeleteRepository", {"repositoryName": "team/app"}),
        (ecr.list_images, "ListImages", {"repositoryName": "team/app"}),
    ):
        message = (
            f"User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: ecr:{action} on"
            f" resource: arn:aws:ecr:{region}:{other}:repository/team/app because no"
            f" resource-based policy allows the ecr:{action} action"
        )
        refused(call, "AccessDeniedException", message, registryId=other, **members)


def test_one_unknown_name_fails_the_whole_call(ecr, app, refused):
    names = ["team/app", "absent", "another"]
    call = ecr.describe_repositories
    refused(call, "RepositoryNotFoundException", ABSENT, repositoryNames=names)


def test_pages_and_names_exclude_each_other(ecr, app, refused):
    call, both = ecr.describe_repositories, {"repositoryNames": [app], "maxResults": 1}
    refused(call, "InvalidParameterException", None, **both)
    message = parameter("NextToken", "Invalid next token provided")
    refused(call, "InvalidParameterException", message, nextToken="made up")
    message = parameter("maxResults", "Member must have value less than or equal to 1000")
    refused(call, "InvalidParameterException", message, maxResults=1001)


def test_a_repository_with_images_is_deleted_by_force_alone(ecr, app, refused):
    push(ecr, app, image("a"))
    call = ecr.delete_repository
    message = (
        f"The repository with name 'team/app' in registry with id '{ACCOUNT}' cannot be deleted"
        " because it still contains images"
    )
    refused(call, "RepositoryNotEmptyException", message, repositoryName=app)
    refused(call, "RepositoryNotEmptyException", message, repositoryName=app, force=False)
    call(repositoryName=app, force=True)
    refused(call, "RepositoryNotFoundException", ABSENT.replace("absent", app), repositoryName=app)
    # What comes after it under the same name is empty.
    ecr.create_repository(repositoryName=app)
    assert ecr.list_images(repositoryName=app)["imageIds"] == []
