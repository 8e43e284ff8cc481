"""What each test stands on: a client of a Region of its own, which is an empty registry with
default settings; and the account of everything that was called, closed when all tests have run:
an operation that the book calls served must have been answered and refused at least once.
"""

import datetime
import itertools
import pathlib
import re

import boto3
import botocore.exceptions
import pytest

ACCOUNT = "000000000000"
PAGE = pathlib.Path(__file__).parents[4] / "docs/book/what-is-served.md"

_numbers = itertools.count(1)
_answered: set[str] = set()
_refused: set[str] = set()


def operations_of_the_book() -> tuple[set[str], set[str]]:
    """The operations that the book calls served, and those that it says are not."""
    text = PAGE.read_text().split("## What `CreateRepository` takes")[0]
    served, not_served = text.split("| not served yet |")
    return tuple(set(re.findall(r"`([A-Z][A-Za-z]+)`", part)) for part in (
        served.split("| operations |")[1].split("\n\n")[0], not_served,
    ))


def note(http_response, parsed, model, **_):
    """botocore calls this after each answer."""
    (_answered if http_response.status_code < 300 else _refused).add(model.name)


def client_of(region: str):
    client = boto3.client("ecr", region_name=region)
    client.meta.events.register("after-call.ecr", note)
    return client


@pytest.fixture
def ecr():
    """botocore checks what is sent against the model by itself; nothing here switches that off."""
    client = client_of(f"test-{next(_numbers)}")
    assert client.meta.config.parameter_validation
    return client


@pytest.fixture
def app(ecr) -> str:
    """A repository."""
    return ecr.create_repository(repositoryName="team/app")["repository"]["repositoryName"]


@pytest.fixture
def refused():
    """Calls, and expects the exception of this name with this sentence. Gives the response."""

    def refused(call, code: str, message: str | None, **arguments) -> dict:
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            call(**arguments)
        error = caught.value.response["Error"]
        assert error["Code"] == code, error
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
        if message is not None:
            assert error["Message"] == message, error
        # What the model declares is an exception of its own, which scripts catch.
        if hasattr(call.__self__.exceptions, code):
            assert isinstance(caught.value, getattr(call.__self__.exceptions, code))
        return caught.value.response

    return refused


@pytest.fixture
def recent():
    """Whether a time is one, with a zone, and just now."""

    def recent(time) -> bool:
        age = datetime.datetime.now(datetime.timezone.utc) - time
        return abs(age) < datetime.timedelta(minutes=5)

    return recent


def missing_calls() -> list[str]:
    served, _ = operations_of_the_book()
    return [f"{name} was never answered" for name in sorted(served - _answered)] + [
        f"{name} was never refused" for name in sorted(served - _refused)
    ]


def pytest_sessionfinish(session, exitstatus):
    # A part of the tests, asked for by name, cannot call everything.
    if exitstatus == pytest.ExitCode.OK and not session.config.option.keyword:
        if missing_calls() and not any("::" in argument for argument in session.config.args):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, exitstatus):
    if exitstatus == pytest.ExitCode.TESTS_FAILED:
        for line in missing_calls():
            terminalreporter.write_line(f"not tested: {line}")
