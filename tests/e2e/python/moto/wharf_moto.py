"""A plugin of pytest that runs moto's own tests of ECR against Wharf, each with a registry that is
as new.

`mock_aws` mocks nothing here. What moto's tests take for granted and ECR does not is done for them:
the layers that a manifest names are brought first, if their bytes are known, and a registry's id
that is made up is taken away. The tests themselves are as they are in moto's distribution.
Which tests fail all the same, and why, is in `expected.toml`; one that is there and passes, or
fails for another reason, fails the run, and so does one that is skipped and not there.
"""

import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import tomllib

import boto3
import botocore.session
import pytest

os.environ["TEST_SERVER_MODE"] = "true"  # What cannot be done to a server is skipped.
import moto  # noqa: E402

ACCOUNT = "123456789012"
EXPECTED = tomllib.loads(pathlib.Path(__file__).with_name("expected.toml").read_text())
# The registry that some tests name for the caller's own: moto does not look at it.
ANY_REGISTRY = "012345678910"


class Unmocked:
    """Stands in for `mock_aws`: a decorator, with or without arguments, and a context."""

    def __call__(self, function=None, config=None):
        return self if function is None else function

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    start = stop = reset = __enter__


moto.mock_aws = Unmocked()


def expected_failures() -> dict[str, tuple[str, str]]:
    """For each test that must fail: why, and what its failure must tell."""
    failures = {}
    for operation, tests in EXPECTED["not_served"].items():
        told = f"not served: {operation}"
        failures |= {test: (f"not served yet: {operation}", told) for test in tests}
    for entry in EXPECTED["differs"]:
        failures |= {test: (entry["how"], entry["told"]) for test in entry["tests"]}
    return failures


FAILURES = expected_failures()
SKIPS = {test: entry["why"] for entry in EXPECTED["skipped"] for test in entry["tests"]}
LEFT_OUT = EXPECTED["left_out"]


def name_of(item) -> str:
    return getattr(item, "originalname", None) or item.name


def pytest_ignore_collect(collection_path):
    return True if collection_path.name in LEFT_OUT else None


def pytest_collection_finish(session):
    # The list names tests by function; a name that is there no more must go.
    places = {(item.path, name_of(item)) for item in session.items}
    names = [name for _, name in places]
    if len(names) != len(set(names)):
        raise pytest.UsageError("two tests of moto have one name: expected.toml must tell them apart")
    gone = (FAILURES.keys() | SKIPS.keys()) - set(names)
    gone |= {name for name in LEFT_OUT if not (session.startpath / "tests/test_ecr" / name).exists()}
    if gone and not session.config.option.keyword:
        raise pytest.UsageError(f"expected.toml names tests that moto does not have: {sorted(gone)}")


class Known:
    """Stands in for `hashlib` in moto's tests, and keeps what was hashed."""

    def __init__(self):
        self.bytes: dict[str, bytes] = {}

    def sha256(self, data: bytes = b""):
        hashed = hashlib.sha256(data)
        self.bytes["sha256:" + hashed.hexdigest()] = bytes(data)
        return hashed


KNOWN = Known()


def bring_layers(params, context, **_):
    """Before PutImage: uploads what its manifest names and the tests know the bytes of."""
    try:
        manifest = json.loads(params["imageManifest"])
        parts = [manifest["config"], *manifest["layers"]]
    except (KeyError, ValueError, TypeError):
        return
    ecr = boto3.client("ecr", region_name=context["client_region"])
    repository = {"repositoryName": params["repositoryName"]}
    for digest in {part["digest"] for part in parts} & KNOWN.bytes.keys():
        data, upload = KNOWN.bytes[digest], None
        try:
            upload = ecr.initiate_layer_upload(**repository)["uploadId"]
            part = {"partFirstByte": 0, "partLastByte": len(data) - 1, "layerPartBlob": data}
            ecr.upload_layer_part(uploadId=upload, **repository, **part)
            ecr.complete_layer_upload(uploadId=upload, layerDigests=[digest], **repository)
        except ecr.exceptions.LayerAlreadyExistsException:
            continue
        except ecr.exceptions.RepositoryNotFoundException:
            return  # PutImage is to say so.


class Server:
    """A running `wharf serve` and what the tests did to it."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="wharf-moto-")
        path = pathlib.Path(self.folder.name)
        self.environment = {
            "WHARF_DATA": f"{path}/data",
            "WHARF_LISTEN": "127.0.0.1:0",
            "WHARF_ACCOUNT": ACCOUNT,
            "WHARF_REGISTRY_HOST": "{account}.dkr.ecr.{region}.amazonaws.com",
            "WHARF_ROOT_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "WHARF_ROOT_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        }
        with (path / "log").open("wb") as log:
            environment = os.environ | self.environment
            self.process = subprocess.Popen(
                ["wharf", "serve"], env=environment, stdout=log, stderr=log
            )
        self.endpoint = f"http://{self.address(path)}"
        self.regions: set[str] = set()
        self.is_marked = False
        self.not_served: str | None = None

    def address(self, path: pathlib.Path) -> str:
        """Where it listens, once it does."""
        note, deadline = path / "data/address", time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            if note.exists() and (text := note.read_text().strip()):
                return text
            time.sleep(0.005)
        raise RuntimeError(f"wharf does not listen:\n{(path / 'log').read_text()}")

    def note(self, http_response, parsed, model, context, **_):
        """After each answer: what must be undone before the next test, and what is not served."""
        self.regions.add(context["client_region"])
        if parsed.get("Error", {}).get("Code") == "UnknownOperationException":
            self.not_served = model.name
        members = model.input_shape.members
        of_a_repository = "repositoryName" in members or "resourceArn" in members
        reads = model.name.startswith(("Batch", "Describe", "Get", "List"))
        if http_response.status_code < 300 and not of_a_repository and not reads:
            self.is_marked = True

    def empty(self):
        """Deletes every repository."""
        for region in self.regions:
            ecr = boto3.client("ecr", region_name=region)
            for page in ecr.get_paginator("describe_repositories").paginate():
                for repository in page["repositories"]:
                    ecr.delete_repository(repositoryName=repository["repositoryName"], force=True)
        self.regions.clear()

    def end(self):
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()


RUNNING: list[Server] = []
LOADER = botocore.session.get_session().get_component("data_loader")


def own_registry(params, **_):
    """Before each call: the registry that moto does not look at is the caller's own."""
    if params.get("registryId") == ANY_REGISTRY:
        del params["registryId"]


@pytest.fixture(autouse=True)
def server():
    """A server without a repository and with default settings, and a boto3 that knows it."""
    for module in [module for name, module in sys.modules.items() if ".test_ecr_" in name]:
        if getattr(module, "hashlib", None) is hashlib:
            module.hashlib = KNOWN
    if not RUNNING:
        RUNNING.append(Server())
    server = RUNNING[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", server.endpoint)
        patch.setenv("AWS_ACCESS_KEY_ID", server.environment["WHARF_ROOT_ACCESS_KEY_ID"])
        patch.setenv("AWS_SECRET_ACCESS_KEY", server.environment["WHARF_ROOT_SECRET_ACCESS_KEY"])
        # A session of its own, but the models are read once.
        session = botocore.session.get_session()
        session.register_component("data_loader", LOADER)
        boto3.setup_default_session(botocore_session=session)
        events = boto3.DEFAULT_SESSION.events
        events.register("provide-client-params.ecr.PutImage", bring_layers)
        events.register("provide-client-params.ecr", own_registry)
        events.register("after-call.ecr", server.note)
        yield
        if server.is_marked:
            RUNNING.pop().end()
        else:
            server.empty()
        server.not_served = None


def pytest_sessionfinish():
    while RUNNING:
        RUNNING.pop().end()


def tale(call) -> str:
    """What a failure tells: the exception, and the operation that was asked for and is not served."""
    operation = RUNNING[0].not_served if RUNNING else None
    return f"{call.excinfo.exconly()}\nnot served: {operation}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when != "call" and not report.skipped:
        return report
    reason, told = FAILURES.get(name_of(item), (None, None))
    if report.skipped and name_of(item) not in SKIPS:
        report.outcome, report.longrepr = "failed", "skipped, and expected.toml has no word of it"
    elif report.passed and reason:
        report.outcome, report.longrepr = "failed", f"passes: take it out of expected.toml ({reason})"
    elif report.failed and reason and told in tale(call):
        # How pytest itself marks a failure that was foreseen.
        report.outcome, report.wasxfail = "skipped", reason
    return report
