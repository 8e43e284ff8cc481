"""What botocore knows of ECR, held against what the book says is served: each operation, each
paginator and each waiter of its files. One that is new there, or newly served here, fails until
it has a row.
"""

import boto3
import botocore.exceptions
import botocore.session
import pytest

from conftest import operations_of_the_book
from content import image, push

SESSION = botocore.session.get_session()
MODEL = SESSION.get_service_model("ecr")
PAGINATORS = SESSION.get_component("data_loader").load_service_model("ecr", "paginators-1")
WAITERS = SESSION.get_waiter_model("ecr")
SERVED, NOT_SERVED = operations_of_the_book()

NOT_SERVED_YET = (
    "{} is an operation of Amazon ECR that this version of Wharf does not serve yet. The page"
    " 'What is served' of the Wharf book lists those it serves"
)

# The waiters whose operations are served, each with what it is to wait for. None are yet.
WAITED: dict[str, dict] = {}


def three_repositories(ecr) -> tuple[dict, set]:
    names = {"a", "b", "c"}
    made = {ecr.create_repository(repositoryName=f"team/{n}")["repository"]["repositoryArn"] for n in names}
    return {}, made


def three_images(ecr) -> tuple[dict, set]:
    ecr.create_repository(repositoryName="team/app")
    made = {push(ecr, "team/app", image(seed), seed) for seed in ("a", "b", "c")}
    return {"repositoryName": "team/app"}, made


# The paginators whose operations are served: what makes three items, and the name of each.
PAGED = {
    "DescribeRepositories": (three_repositories, "repositoryArn"),
    "DescribeImages": (three_images, "imageDigest"),
    "ListImages": (three_images, "imageDigest"),
}


def least(shape):
    """The least value that botocore's validation takes."""
    match shape.type_name:
        case "structure":
            return {name: least(shape.members[name]) for name in shape.required_members}
        case "list":
            return [least(shape.member)] * max(1, shape.metadata.get("min", 1))
        case "string":
            return shape.enum[0] if shape.enum else "x" * max(1, shape.metadata.get("min", 1))
        case "integer" | "long":
            return max(1, shape.metadata.get("min", 1))
        case "boolean":
            return False
        case "blob":
            return b"x"
    raise AssertionError(f"no value for {shape}")


def test_the_book_names_every_operation_of_botocore_once():
    assert SERVED & NOT_SERVED == set()
    assert SERVED | NOT_SERVED == set(MODEL.operation_names)


@pytest.mark.parametrize("name", MODEL.operation_names)
def test_an_operation_answers_as_the_book_says(name):
    # A client of its own: what is called here with the least input is not tested by that.
    ecr = boto3.client("ecr", region_name="test-book")
    arguments = least(MODEL.operation_model(name).input_shape)
    try:
        getattr(ecr, botocore.xform_name(name))(**arguments)
        code, message = None, None
    except botocore.exceptions.ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    if name in NOT_SERVED:
        assert (code, message) == ("UnknownOperationException", NOT_SERVED_YET.format(name))
    else:
        assert code != "UnknownOperationException"


@pytest.mark.parametrize("name", PAGINATORS["pagination"])
def test_a_paginator(ecr, name):
    paginator = ecr.get_paginator(botocore.xform_name(name))
    if name in NOT_SERVED:
        arguments = least(MODEL.operation_model(name).input_shape)
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            paginator.paginate(**arguments).build_full_result()
        error = caught.value.response["Error"]
        assert error["Message"] == NOT_SERVED_YET.format(name)
        return
    assert name in PAGED, f"{name} is served, so its paginator needs a row in PAGED"
    make, key = PAGED[name]
    arguments, made = make(ecr)
    results = PAGINATORS["pagination"][name]["result_key"]
    for size in (1, 2, 3, 1000):
        pages = list(paginator.paginate(**arguments, PaginationConfig={"PageSize": size}))
        items = [item[key] for page in pages for item in page[results]]
        assert sorted(items) == sorted(made), f"pages of {size}"
        # A page that could be the last one says so, rather than lead to an empty one.
        assert [len(page[results]) for page in pages] == [
            min(size, 3 - first) for first in range(0, 3, size)
        ]
    # Without a page size, as most scripts call it, and by an expression, as the others do.
    pages = paginator.paginate(**arguments)
    assert set(pages.search(f"{results}[].{key}")) == made
    # A part, and what is left from there on.
    some = {"PageSize": 2, "MaxItems": 2}
    first = paginator.paginate(**arguments, PaginationConfig=some).build_full_result()
    some = {"PageSize": 2, "StartingToken": first["NextToken"]}
    rest = paginator.paginate(**arguments, PaginationConfig=some).build_full_result()
    both = [item[key] for part in (first, rest) for item in part[results]]
    assert sorted(both) == sorted(made) and "NextToken" not in rest


@pytest.mark.parametrize("name", WAITERS.waiter_names)
def test_a_waiter(ecr, name):
    operation = WAITERS.get_waiter(name).operation
    waiter = ecr.get_waiter(botocore.xform_name(name))
    if operation in NOT_SERVED:
        arguments = least(MODEL.operation_model(operation).input_shape)
        with pytest.raises(botocore.exceptions.WaiterError) as caught:
            waiter.wait(**arguments)
        assert NOT_SERVED_YET.format(operation) in str(caught.value)
        return
    assert name in WAITED, f"{operation} is served, so its waiter needs a row in WAITED"
