"""SetRepositoryPolicy, GetRepositoryPolicy, DeleteRepositoryPolicy, PutRegistryPolicy,
GetRegistryPolicy, DeleteRegistryPolicy."""

import json

import pytest

from conftest import ACCOUNT
from content import image, push

# As scripts write them: the pull of another account, and its replication.
PULL = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "another account pulls",
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
            "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        }
    ],
}
REPLICATE = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "replication",
            "Effect": "Allow",
            "Principal": {"AWS": ["111122223333", "444455556666"]},
            "Action": ["ecr:CreateRepository", "ecr:ReplicateImage"],
            "Resource": f"arn:aws:ecr:*:{ACCOUNT}:repository/*",
        }
    ],
}
# What ECR makes of it, to the last blank.
PRINTED = """{
  "Version" : "2012-10-17",
  "Statement" : [ {
    "Sid" : "another account pulls",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "arn:aws:iam::111122223333:root"
    },
    "Action" : [ "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer" ]
  } ]
}"""
NO_POLICY = (
    "Repository policy does not exist for the repository with name 'team/app' in the registry with"
    f" id '{ACCOUNT}'"
)
NO_REGISTRY_POLICY = f"Registry policy does not exist in the registry with id '{ACCOUNT}'"


def told(response: dict) -> dict:
    response.pop("ResponseMetadata")
    return response


def deny(action: str) -> str:
    statement = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_the_policy_of_a_repository(ecr, app, refused):
    missing = "RepositoryPolicyNotFoundException"
    for call in (ecr.get_repository_policy, ecr.delete_repository_policy):
        refused(call, missing, NO_POLICY, repositoryName=app)
    kept = {"registryId": ACCOUNT, "repositoryName": app, "policyText": PRINTED}
    assert told(ecr.set_repository_policy(repositoryName=app, policyText=json.dumps(PULL))) == kept
    assert told(ecr.get_repository_policy(repositoryName=app, registryId=ACCOUNT)) == kept
    assert told(ecr.delete_repository_policy(repositoryName=app)) == kept
    refused(ecr.get_repository_policy, missing, NO_POLICY, repositoryName=app)


def test_the_policy_of_a_registry(ecr, refused):
    missing = "RegistryPolicyNotFoundException"
    for call in (ecr.get_registry_policy, ecr.delete_registry_policy):
        refused(call, missing, NO_REGISTRY_POLICY)
    kept = told(ecr.put_registry_policy(policyText=json.dumps(REPLICATE)))
    assert kept.keys() == {"registryId", "policyText"} and kept["registryId"] == ACCOUNT
    assert json.loads(kept["policyText"]) == REPLICATE
    assert told(ecr.get_registry_policy()) == kept
    assert told(ecr.delete_registry_policy()) == kept
    refused(ecr.get_registry_policy, missing, NO_REGISTRY_POLICY)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow"}]}),
        json.dumps(PULL).replace("111122223333:root", f"{ACCOUNT}:user/nobody"),
        json.dumps(PULL).replace("arn:aws:", "arn:aws-cn:"),
        json.dumps(PULL).replace("ecr:", "s3:"),
    ],
)
def test_a_policy_that_ecr_refuses(ecr, app, refused, text):
    message = "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid {} policy provided'"
    for call, kind, where in (
        (ecr.set_repository_policy, "repository", {"repositoryName": app}),
        (ecr.put_registry_policy, "registry", {}),
    ):
        refused(call, "InvalidParameterException", message.format(kind), policyText=text, **where)


def test_a_repository_that_is_not_there(ecr, refused):
    message = (
        f"The repository with name 'absent' does not exist in the registry with id '{ACCOUNT}'"
    )
    for call, more in (
        (ecr.set_repository_policy, {"policyText": json.dumps(PULL)}),
        (ecr.get_repository_policy, {}),
        (ecr.delete_repository_policy, {}),
    ):
        refused(call, "RepositoryNotFoundException", message, repositoryName="absent", **more)


def test_a_deny_binds_the_root_of_the_account_until_it_is_removed(ecr, app, refused):
    push(ecr, app, image("a"), "1")
    list_images = {"repositoryName": app}
    ecr.set_repository_policy(repositoryName=app, policyText=deny("ecr:ListImages"))
    arn = f"arn:aws:ecr:{ecr.meta.region_name}:{ACCOUNT}:repository/{app}"
    message = (
        f"User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: ecr:ListImages on"
        f" resource: {arn} with an explicit deny in a resource-based policy"
    )
    refused(ecr.list_images, "AccessDeniedException", message, **list_images)
    ecr.put_registry_policy(policyText=deny("ecr:*"))
    ecr.delete_repository_policy(repositoryName=app)
    refused(ecr.list_images, "AccessDeniedException", message, **list_images)
    ecr.delete_registry_policy()
    assert len(ecr.list_images(**list_images)["imageIds"]) == 1


def test_the_narrow_scope_of_a_registry_policy(ecr, app, refused):
    def scope(value: str):
        ecr.put_account_setting(name="REGISTRY_POLICY_SCOPE", value=value)

    ecr.put_registry_policy(policyText=deny("ecr:ListImages"))
    refused(ecr.list_images, "AccessDeniedException", None, repositoryName=app)
    scope("V1")
    ecr.list_images(repositoryName=app)
    text = deny("ecr:ListImages")
    refused(ecr.put_registry_policy, "InvalidParameterException", None, policyText=text)
    ecr.put_registry_policy(policyText=json.dumps(REPLICATE))
    scope("V2")
    ecr.list_images(repositoryName=app)
