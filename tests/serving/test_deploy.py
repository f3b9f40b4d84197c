"""The files of serving/deploy: valid, and true to each other and to the servers."""

import copy
import importlib.util
import pathlib
import re
import socket
import subprocess
import sys
from xml.etree import ElementTree

import httpx
import kubernetes_validate
import pytest
import yaml
from google.protobuf import text_format
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.config import model_server_config_pb2

from serving.server import config_file, grpc_endpoint, rest_endpoint

ROOT = pathlib.Path(__file__).parents[2]
DEPLOY = ROOT / "serving" / "deploy"
SERVERS = ("stock", "embedded")
KUBERNETES = "1.30"
# What Kubernetes itself has no schemas of.
EXTENSIONS = {"Kustomization", "InferenceService"}

# Of tensorflow_model_server 2.20, those that a deployment may want.
STOCK_FLAGS = {
    "allow_version_labels_for_unavailable_models",
    "batching_parameters_file",
    "enable_batching",
    "enable_grpc_healthcheck_service",
    "enable_model_warmup",
    "enable_per_model_batching_parameters",
    "enable_profiler",
    "enable_serialization_as_tensor_content",
    "file_system_poll_wait_seconds",
    "grpc_channel_arguments",
    "grpc_max_threads",
    "grpc_socket_path",
    "load_retry_interval_micros",
    "max_num_load_retries",
    "model_base_path",
    "model_config_file",
    "model_config_file_poll_wait_seconds",
    "model_name",
    "monitoring_config_file",
    "num_load_threads",
    "num_unload_threads",
    "per_process_gpu_memory_fraction",
    "port",
    "rest_api_enable_cors_support",
    "rest_api_num_threads",
    "rest_api_port",
    "rest_api_timeout_in_ms",
    "ssl_config_file",
    "tensorflow_inter_op_parallelism",
    "tensorflow_intra_op_parallelism",
    "tensorflow_session_parallelism",
    "xla_cpu_compilation_enabled",
}


def documents(path):
    return list(yaml.safe_load_all((DEPLOY / path).read_text()))


def kubernetes(server):
    """{kind: manifest} of all that a server's kustomization applies."""
    return {
        document["kind"]: document
        for path in (f"kubernetes/{server}/server.yaml", "shared/bundles.yaml")
        for document in documents(path)
    }


def config_files():
    """The files of the generated ConfigMap."""
    (kustomization,) = documents("shared/kustomization.yaml")
    (generator,) = kustomization["configMapGenerator"]
    return generator["name"], generator["files"]


def pod_of(manifests):
    return manifests["Deployment"]["spec"]["template"]["spec"]


def flags_of(arguments):
    """{flag: value} of a command line."""
    matches = [re.fullmatch(r"--(\w+)=(.+)", argument) for argument in arguments]
    return {match[1]: match[2] for match in matches}


@pytest.fixture(scope="module")
def known_flags():
    """{server: the flags that it has}"""
    told = subprocess.run(
        [sys.executable, "-m", "serving.server", "--helpxml"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    ours = {flag.findtext("name") for flag in ElementTree.fromstring(told).iter("flag")}
    assert "model_config_file" in ours
    return {"stock": STOCK_FLAGS, "embedded": ours}


def selector_problems(manifests):
    labels = manifests["Deployment"]["spec"]["template"]["metadata"]["labels"]
    selectors = {
        "Service": manifests["Service"]["spec"]["selector"],
        "Deployment": manifests["Deployment"]["spec"]["selector"]["matchLabels"],
        "PodDisruptionBudget": manifests["PodDisruptionBudget"]["spec"]["selector"][
            "matchLabels"
        ],
    }
    for kind, selector in selectors.items():
        if not selector or not selector.items() <= labels.items():
            yield f"{kind} selects no pod"
    target = manifests["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    deployment = manifests["Deployment"]
    if (target["apiVersion"], target["kind"], target["name"]) != (
        deployment["apiVersion"],
        deployment["kind"],
        deployment["metadata"]["name"],
    ):
        yield "the autoscaler scales nothing"


def port_problems(manifests):
    (container,) = pod_of(manifests)["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    flags = flags_of(container["args"])
    if ports != {"grpc": int(flags["port"]), "rest": int(flags["rest_api_port"])}:
        yield "the ports are not those that the server listens on"
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        (asked,) = (
            container[probe].get(kind) for kind in probe_kinds(container[probe])
        )
        if asked["port"] not in (*ports, *ports.values()):
            yield f"{probe} asks no port"
    for port in manifests["Service"]["spec"]["ports"]:
        if port["targetPort"] not in ports:
            yield f"the service's {port['name']} leads to no port"
    template = manifests["Deployment"]["spec"]["template"]
    scraped = template["metadata"]["annotations"]["prometheus.io/port"]
    if int(scraped) != ports["rest"]:
        yield "Prometheus asks no port"


def probe_kinds(probe):
    return probe.keys() & {"httpGet", "grpc", "tcpSocket", "exec"}


def volume_problems(manifests):
    pod = pod_of(manifests)
    (container,) = pod["containers"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    if volumes.keys() != mounts.keys():
        yield "volumes and mounts differ"
    claim = manifests["PersistentVolumeClaim"]["metadata"]["name"]
    name, files = config_files()
    for volume in volumes.values():
        if volume.get("persistentVolumeClaim", {}).get("claimName", claim) != claim:
            yield "nobody claims the volume"
        if volume.get("configMap", {}).get("name", name) != name:
            yield "nobody makes the ConfigMap"
    mounted = {f"{mounts.get('config')}/{file}" for file in files}
    for flag, value in flags_of(container["args"]).items():
        if flag.endswith("_file") and value not in mounted:
            yield f"{flag} names no file that is mounted"


def flag_problems(arguments, known):
    for flag in flags_of(arguments).keys() - known:
        yield f"no flag --{flag}"


def grace_problems(manifests, server):
    pod = pod_of(manifests)
    (container,) = pod["containers"]
    (*_, seconds) = container["lifecycle"]["preStop"]["exec"]["command"]
    drain = grpc_endpoint._DRAIN_SECONDS if server == "embedded" else 30
    if pod["terminationGracePeriodSeconds"] <= int(seconds) + drain:
        yield "it is killed while it answers"


def problems(manifests, server, known):
    (container,) = pod_of(manifests)["containers"]
    return [
        *selector_problems(manifests),
        *port_problems(manifests),
        *volume_problems(manifests),
        *flag_problems(container["args"], known),
        *grace_problems(manifests, server),
    ]


# YAML


def test_every_yaml_file_is_one():
    paths = sorted(DEPLOY.rglob("*.yaml"))
    assert len(paths) >= 9
    for path in paths:
        assert all(isinstance(document, dict) for document in documents(path)), path


def test_kubernetes_knows_what_the_manifests_say():
    validated = []
    for path in (*DEPLOY.glob("kubernetes/**/*.yaml"), *DEPLOY.glob("shared/*.yaml")):
        for document in documents(path):
            if document["kind"] not in EXTENSIONS:
                kubernetes_validate.validate(document, KUBERNETES, strict=True)
                validated.append(document["kind"])
    assert sorted(set(validated)) == [
        "Deployment",
        "HorizontalPodAutoscaler",
        "PersistentVolumeClaim",
        "PodDisruptionBudget",
        "Service",
    ]


def test_the_schemas_refuse_what_is_wrong():
    deployment = kubernetes("embedded")["Deployment"]
    pod_of({"Deployment": deployment})["containers"][0]["readinesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="readinesProbe"):
        kubernetes_validate.validate(deployment, KUBERNETES, strict=True)


@pytest.mark.parametrize("path", ["shared", *(f"kubernetes/{s}" for s in SERVERS)])
def test_kustomizations_name_what_is_there(path):
    (kustomization,) = documents(f"{path}/kustomization.yaml")
    generators = kustomization.get("configMapGenerator", [])
    named = [*kustomization["resources"], *(f for g in generators for f in g["files"])]
    assert named
    for name in named:
        assert (DEPLOY / path / name).exists(), name


@pytest.mark.parametrize("server", SERVERS)
def test_the_parts_fit_together(server, known_flags):
    assert problems(kubernetes(server), server, known_flags[server]) == []


def changed(manifests, kind, *path, value):
    """A copy in which one value is another."""
    made = copy.deepcopy(manifests)
    place = made[kind]
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return made


POD = ("spec", "template", "spec")
CONTAINER = (*POD, "containers", 0)


@pytest.mark.parametrize(
    "kind, path, value, problem",
    [
        ("Service", ("spec", "selector"), {"app": "other"}, "Service selects no pod"),
        (
            "HorizontalPodAutoscaler",
            ("spec", "scaleTargetRef", "name"),
            "other",
            "the autoscaler scales nothing",
        ),
        (
            "Deployment",
            (*CONTAINER, "ports", 0, "containerPort"),
            9000,
            "the ports are not those that the server listens on",
        ),
        (
            "Deployment",
            (*CONTAINER, "livenessProbe", "httpGet", "port"),
            "http",
            "livenessProbe asks no port",
        ),
        (
            "Service",
            ("spec", "ports", 0, "targetPort"),
            "http",
            "the service's grpc leads to no port",
        ),
        (
            "Deployment",
            (*CONTAINER, "volumeMounts", 1, "mountPath"),
            "/etc/config",
            "model_config_file names no file that is mounted",
        ),
        (
            "Deployment",
            (*POD, "volumes", 1, "configMap", "name"),
            "other",
            "nobody makes the ConfigMap",
        ),
        (
            "Deployment",
            (*CONTAINER, "args", 2),
            "--no_such_flag=1",
            "no flag --no_such_flag",
        ),
        (
            "Deployment",
            (*POD, "terminationGracePeriodSeconds"),
            30,
            "it is killed while it answers",
        ),
    ],
)
@pytest.mark.parametrize("server", SERVERS)
def test_what_does_not_fit_is_found(server, known_flags, kind, path, value, problem):
    manifests = changed(kubernetes(server), kind, *path, value=value)
    assert problem in problems(manifests, server, known_flags[server])


def test_inference_services_are_of_the_stock_runtime():
    """KServe has no schemas in a package; these are the fields that it documents."""
    rest, grpc = documents("kubernetes/kserve.yaml")
    for service, protocol in ((rest, "v1"), (grpc, "grpc-v1")):
        assert service["apiVersion"] == "serving.kserve.io/v1beta1"
        assert service["spec"].keys() == {"predictor"}
        predictor = service["spec"]["predictor"]
        assert predictor["minReplicas"] <= predictor["maxReplicas"]
        model = predictor["model"]
        assert model["modelFormat"]["name"] == "tensorflow"
        assert model["protocolVersion"] == protocol
        claim, _, name = model["storageUri"].removeprefix("pvc://").partition("/")
        assert claim == kubernetes("stock")["PersistentVolumeClaim"]["metadata"]["name"]
        assert name == "small"
    assert rest["metadata"]["name"] != grpc["metadata"]["name"]
    (port,) = grpc["spec"]["predictor"]["model"]["ports"]
    assert port == {"name": "h2c", "containerPort": 9000, "protocol": "TCP"}


# Compose and Docker


def test_compose_starts_what_is_there(known_flags):
    (compose,) = documents("compose.yaml")
    _, files = config_files()
    for name in SERVERS:
        service = compose["services"][name]
        flags = flags_of(service["command"])
        assert list(flag_problems(service["command"], known_flags[name])) == []
        assert {flags["model_config_file"], flags["monitoring_config_file"]} <= {
            f"/config/{file}" for file in files
        }
        published = {port.partition(":")[2] for port in service["ports"]}
        assert published == {flags["port"], flags["rest_api_port"]}
    for service in compose["services"].values():
        for volume in service["volumes"]:
            source = volume.partition(":")[0]
            # The other one is for the user to name.
            assert source.startswith("${BUNDLES") or (DEPLOY / source).exists()
    build = compose["services"]["embedded"]["build"]
    assert (DEPLOY / build["context"]).resolve() == ROOT
    assert (ROOT / build["dockerfile"]).is_file()
    grace = compose["services"]["embedded"]["stop_grace_period"]
    assert int(grace.removesuffix("s")) > rest_endpoint._DRAIN_SECONDS


def test_images_are_of_this_version():
    version = re.search(r'version="([\d.]+)"', (ROOT / "setup.py").read_text())[1]
    image = f"tf_mt-server:{version}"
    (compose,) = documents("compose.yaml")
    assert compose["services"]["embedded"]["image"] == image
    (container,) = pod_of(kubernetes("embedded"))["containers"]
    assert container["image"] == image
    for name in ("Dockerfile", "README.md"):
        assert f"-t {image} " in (DEPLOY / name).read_text()
    (container,) = pod_of(kubernetes("stock"))["containers"]
    assert container["image"] == compose["services"]["stock"]["image"]


def test_published_ports_do_not_collide():
    (compose,) = documents("compose.yaml")
    ports = [
        port.partition(":")[0]
        for service in compose["services"].values()
        for port in service["ports"]
    ]
    assert len(set(ports)) == len(ports)


def test_the_dockerfile_copies_what_is_there():
    text = (DEPLOY / "Dockerfile").read_text()
    copied = [
        source
        for line in re.findall(r"^COPY (.+)$", text, re.MULTILINE)
        for source in line.split()[:-1]
    ]
    assert {"setup.py", "tf_mt", "serving"} <= set(copied)
    for source in copied:
        assert (ROOT / source).exists(), source
    (user,) = re.findall(r"^USER (\d+)$", text, re.MULTILINE)
    assert int(user) > 0
    modules = re.findall(r'"-m", "([\w.]+)"', text)
    assert modules == ["serving.server.healthcheck", "serving.server"]
    assert all(map(importlib.util.find_spec, modules))


def test_prometheus_asks_where_the_metrics_are():
    (prometheus,) = documents("prometheus.yaml")
    (job,) = prometheus["scrape_configs"]
    (group,) = job["static_configs"]
    (compose,) = documents("compose.yaml")
    ports = {
        name: flags_of(compose["services"][name]["command"])["rest_api_port"]
        for name in SERVERS
    }
    assert group["targets"] == [f"{name}:{port}" for name, port in ports.items()]
    path = DEPLOY / "shared" / "monitoring.config"
    told = config_file.read("", path, config_file.MonitoringConfig).prometheus_config
    assert told.enable
    assert told.path == job["metrics_path"]
    for name in SERVERS:
        template = kubernetes(name)["Deployment"]["spec"]["template"]
        annotated = template["metadata"]["annotations"]["prometheus.io/path"]
        assert annotated == told.path


# The files of configuration


def test_models_lie_where_the_bundles_are_mounted():
    listed = text_format.Parse(
        (DEPLOY / "shared" / "models.config").read_text(),
        model_server_config_pb2.ModelServerConfig(),
    )
    (model,) = listed.model_config_list.config
    assert model.model_platform == "tensorflow"
    for name in SERVERS:
        (container,) = pod_of(kubernetes(name))["containers"]
        paths = {
            mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]
        }
        assert model.base_path == f"{paths['bundles']}/{model.name}"
    (stock,) = pod_of(kubernetes("stock"))["containers"]
    probed = stock["readinessProbe"]["httpGet"]["path"]
    assert probed == f"/v1/models/{model.name}/metadata"


def test_batching_parameters_agree():
    told = text_format.Parse(
        (DEPLOY / "shared" / "batching.config").read_text(),
        config_file.BatchingParameters(),
    )
    sizes = list(told.allowed_batch_sizes)
    assert sizes == sorted(sizes)
    assert sizes[-1] == told.max_batch_size.value
    assert told.num_batch_threads.value >= 1
    assert not told.pad_variable_length_inputs


# The embedded server, as the files start it


def free_port():
    with socket.create_server(("localhost", 0)) as free:
        return free.getsockname()[1]


def healthcheck(address):
    return subprocess.run(
        [sys.executable, "-m", "serving.server.healthcheck", address],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def launched(tmp_path, save_arithmetic, launch):
    """The embedded server of the manifest, its REST API, and the model's folder."""
    base = tmp_path / "models" / "small"
    save_arithmetic(base / "1")
    (tmp_path / "config").mkdir()
    for name in config_files()[1]:
        text = (DEPLOY / "shared" / name).read_text()
        (tmp_path / "config" / name).write_text(
            text.replace("/models/", f"{tmp_path}/models/")
        )
    (container,) = pod_of(kubernetes("embedded"))["containers"]
    flags = flags_of(container["args"])
    flags |= {"port": "0", "rest_api_port": str(free_port())}
    server = launch(
        *(
            f"--{flag}={value.replace('/config/', f'{tmp_path}/config/')}"
            for flag, value in flags.items()
        )
    )
    return server, f"http://localhost:{flags['rest_api_port']}", base


@pytest.mark.slow
def test_the_probes_of_both_follow_the_model(launched, save_arithmetic):
    """A server without a version is alive and not ready; with one it is ready."""
    server, rest, base = launched
    stubs = server.stubs()
    watched = health_pb2_grpc.HealthStub(stubs.channel).Watch(
        health_pb2.HealthCheckRequest(), timeout=120
    )
    (stock,), (embedded,) = (pod_of(kubernetes(s))["containers"] for s in SERVERS)
    assert "grpc" in embedded["readinessProbe"]

    def check(is_ready):
        code = 200 if is_ready else 404
        readiness = stock["readinessProbe"]["httpGet"]["path"]
        assert httpx.get(rest + readiness).status_code == code
        for container in (stock, embedded):
            liveness = container["livenessProbe"]["httpGet"]["path"]
            assert httpx.get(rest + liveness).status_code == 200
        checked = healthcheck(stubs.address)
        words = "" if is_ready else f"{stubs.address}: no model to ask\n"
        assert (checked.returncode, checked.stderr) == (int(not is_ready), words)

    assert next(watched).status == health_pb2.HealthCheckResponse.SERVING
    check(is_ready=True)
    (base / "1").rename(base / "none")
    assert next(watched).status == health_pb2.HealthCheckResponse.NOT_SERVING
    check(is_ready=False)
    save_arithmetic(base / "2")
    assert next(watched).status == health_pb2.HealthCheckResponse.SERVING
    check(is_ready=True)
    watched.cancel()
    server.process.terminate()
    assert server.process.wait(60) == 0
    gone = healthcheck(stubs.address)
    assert (gone.returncode, gone.stderr) == (1, f"{stubs.address}: UNAVAILABLE\n")
