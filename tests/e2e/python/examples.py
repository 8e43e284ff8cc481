"""Reads the Compose file and the Kubernetes manifest and checks what must hold for replicas: three
of them, probes, a stop that is given its time, secrets that are secrets, names that fit together.
It cannot tell whether the clusters take them: no cluster is here."""

import pathlib
import re
import subprocess
import sys

import yaml

EXAMPLES = pathlib.Path(sys.argv[1])
SCRATCH = pathlib.Path(sys.argv[2])
# What `wharf config --reference` lists.
KEYS = set(re.findall(r"`(WHARF_[A-Z0-9_]+)`", sys.stdin.read()))
# The default of shutdown_grace, in seconds.
GRACE = 300

assert len(KEYS) > 20, KEYS


def known(variables):
    """Wharf refuses a variable that is no key of its own."""
    unknown = {name for name in variables if name.startswith("WHARF_")} - KEYS
    assert not unknown, unknown


def seconds(text):
    return int(re.fullmatch(r"(\d+)s", text)[1])


def compose():
    text = (EXAMPLES / "compose/compose.yaml").read_text()
    services = yaml.safe_load(text)["services"]
    replicas = [name for name in services if name.startswith("wharf-")]
    assert replicas == ["wharf-1", "wharf-2", "wharf-3"], replicas
    haproxy = services["haproxy"]
    for name in replicas:
        replica = services[name]
        known(replica["environment"])
        assert seconds(replica["stop_grace_period"]) > GRACE
        address = replica["networks"]["inside"]["ipv4_address"]
        assert haproxy["extra_hosts"][name] == address, name
        assert replica["environment"]["WHARF_SECRET_KEY_FILE"] == "/run/secrets/installation_key"
    trusted = services["wharf-1"]["environment"]["WHARF_TRUSTED_PROXIES"]
    assert trusted == haproxy["networks"]["inside"]["ipv4_address"] + "/32"

    configuration = (EXAMPLES / "haproxy/haproxy.cfg").read_text()
    servers = re.findall(r"^ +server (\S+) (\S+)$", configuration, re.MULTILINE)
    assert servers == [(name, f"{name}:5080") for name in replicas], servers
    mounted = haproxy["volumes"][0].split(":")[0]
    assert (EXAMPLES / "compose" / mounted).samefile(EXAMPLES / "haproxy/haproxy.cfg")

    # Every secret that the file names is made by the script, and no two are the same.
    for name in ("make-env.sh", "compose.yaml"):
        (SCRATCH / name).write_bytes((EXAMPLES / "compose" / name).read_bytes())
    subprocess.run(["sh", SCRATCH / "make-env.sh"], check=True)
    made = dict(line.split("=", 1) for line in (SCRATCH / ".env").read_text().splitlines())
    asked = set(re.findall(r"\$\{([A-Z0-9_]+)", text))
    asked |= {secret["environment"] for secret in yaml.safe_load(text)["secrets"].values()}
    assert asked == set(made), asked ^ set(made)
    assert len(set(made.values())) == len(made) and all(made.values())
    again = subprocess.run(["sh", SCRATCH / "make-env.sh"], capture_output=True)
    assert again.returncode == 1 and b"there already" in again.stderr


def kubernetes():
    text = (EXAMPLES / "kubernetes/wharf.yaml").read_text()
    objects = {thing["kind"]: thing for thing in yaml.safe_load_all(text)}
    assert set(objects) == {"ConfigMap", "Deployment", "PodDisruptionBudget", "Service", "Ingress"}
    known(objects["ConfigMap"]["data"])
    assert all(isinstance(value, str) for value in objects["ConfigMap"]["data"].values())

    deployment = objects["Deployment"]["spec"]
    assert deployment["replicas"] == 3
    assert deployment["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    template = deployment["template"]
    labels = template["metadata"]["labels"]
    for selector in (
        deployment["selector"]["matchLabels"],
        objects["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        objects["Service"]["spec"]["selector"],
    ):
        assert selector == labels, selector
    assert objects["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 1

    pod = template["spec"]
    assert pod["enableServiceLinks"] is False
    (container,) = pod["containers"]
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    for probe in ("startupProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["path"] == "/readyz"
    wait = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] > GRACE + wait
    assert "podAntiAffinity" in pod["affinity"]
    known(variable["name"] for variable in container["env"])
    assert not any("SECRET" in name or "DATABASE" in name for name in objects["ConfigMap"]["data"])
    volumes = {volume["name"] for volume in pod["volumes"]}
    assert volumes == {mount["name"] for mount in container["volumeMounts"]}
    backend = objects["Ingress"]["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert backend["name"] == objects["Service"]["metadata"]["name"]
    assert backend["port"]["name"] == objects["Service"]["spec"]["ports"][0]["name"]


compose()
kubernetes()
print("the examples hold")
