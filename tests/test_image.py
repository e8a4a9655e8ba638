"""The image and the compose file keep what they promise to operators, and the linters have nothing to say."""

from __future__ import annotations

import fnmatch
import json
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from ruamel.yaml import YAML

from cli.terminal import environment
from hardened import options
from lazaretto.config_settings import TOKEN_FILE
from lazaretto.telegram.lifetime import STOP_SECONDS

pytestmark = pytest.mark.checkout

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
CONTAINERFILE = DEPLOY / "Containerfile"
COMPOSE = DEPLOY / "compose.yaml"


# ── the image ─────────────────────────────────────────────────────────────────────────────────────────────────────


def instructions() -> list[tuple[str, str]]:
    """The Containerfile's, in order, with their continuation lines."""
    lines = [line for line in CONTAINERFILE.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ").splitlines()
    return [(word, " ".join(rest.split())) for word, _, rest in (line.partition(" ") for line in joined)]


def last_stage() -> list[tuple[str, str]]:
    found = instructions()
    return found[max(index for index, (word, _) in enumerate(found) if word == "FROM") :]


def copied() -> Iterator[str]:
    for word, rest in instructions():
        if word == "COPY" and not rest.startswith("--from"):
            *sources, _ = rest.split()
            yield from sources


def test_the_image_is_built_of_nothing_unpinned_but_its_base() -> None:
    words = [word for word, _ in instructions()]
    assert "ADD" not in words
    for run in (rest for word, rest in instructions() if word == "RUN"):
        assert not re.search(r"curl|wget|git |apt|https?:", run)
        for install in re.findall(r"pip (?:install|wheel) [^&]+", run):
            assert "--require-hashes" in install or "--no-index" in install, install
    (base,) = {rest.split()[0] for word, rest in instructions() if word == "FROM"}
    assert base == "${PYTHON}"
    (name,) = (rest for word, rest in instructions() if word == "ARG")
    assert re.fullmatch(r"PYTHON=python:3\.\d+-slim-\w+", name)  # the usual short name: whose registry is the engine's


def test_the_image_does_not_run_as_root_and_keeps_its_state_outside() -> None:
    stage = dict(last_stage())
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", stage["USER"])
    assert json.loads(stage["VOLUME"]) == ["/var/lib/lazaretto"]
    assert "LAZARETTO_STATE=/var/lib/lazaretto " in stage["ENV"]
    assert "install -d -m 0700 -o lazaretto" in stage["RUN"]
    assert json.loads(stage["ENTRYPOINT"]) == ["lazaretto"]
    assert [word for word, _ in last_stage()].index("USER") > [word for word, _ in last_stage()].index("RUN")


def test_what_the_image_copies_is_there_and_nothing_else_reaches_the_builder() -> None:
    ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert ignored[0] == "*"
    wanted = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    assert wanted == {source.rstrip("/") for source in copied()}
    assert [source for source in copied() if not (ROOT / source).exists()] == []
    kept_out_of_git = [line for line in (ROOT / ".gitignore").read_text().splitlines() if line.startswith("/")]
    assert [s for s in copied() for line in kept_out_of_git if fnmatch.fnmatch(f"/{s}", line.rstrip("/"))] == []


def locked(name: str) -> dict[str, str]:
    """Each requirement, with its hashes."""
    text = (ROOT / "requirements" / name).read_text()
    blocks = re.findall(r"^([\w-]+)==(.*?)(?=^\w|\Z)", text, re.MULTILINE | re.DOTALL)
    return {name: re.sub(r"\s*#.*", "", rest).strip() for name, rest in blocks}


def test_what_makes_the_wheel_is_pinned_by_hash_as_everywhere_else() -> None:
    build, dev = locked("build.txt"), locked("dev.txt")
    (backend,) = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    assert backend.partition(">")[0] in build
    for lock in (build, locked("run.txt")):
        assert [name for name, rest in lock.items() if "--hash=sha256:" not in rest] == []
    assert {name: rest for name, rest in build.items() if dev.get(name) != rest} == {}


needs_hadolint = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in {"x86_64", "aarch64"},
    reason="the requirements have hadolint for Linux on x86_64 and aarch64",
)


def hadolint(text: str) -> tuple[int, str]:
    found = subprocess.run(
        [Path(sys.executable).with_name("hadolint"), "-"], input=text, capture_output=True, text=True, check=False
    )
    return found.returncode, found.stdout + found.stderr


@needs_hadolint
def test_hadolint_has_nothing_to_say() -> None:
    text = CONTAINERFILE.read_text("utf-8")
    assert hadolint(text) == (0, "")
    status, said = hadolint(text.replace("USER 10001:10001", "USER root"))
    assert (status, "DL3002" in said) == (1, True), said  # it does look


# ── its health ────────────────────────────────────────────────────────────────────────────────────────────────────


def health(config: Path) -> int:
    return subprocess.run(
        [sys.executable, "-I", DEPLOY / "healthcheck.py"],
        env=environment(LAZARETTO_CONFIG=str(config)),
        capture_output=True,
        timeout=30,
        check=False,
    ).returncode


@pytest.mark.parametrize("status", [200, 503])
def test_the_image_is_well_while_healthz_answers(tmp_path: Path, status: int) -> None:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 404)
            self.end_headers()

        def log_request(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        (tmp_path / "lazaretto.toml").write_text(f'[web]\nlisten = "0.0.0.0"\nport = {server.server_port}\n')
        assert health(tmp_path) == (0 if status == 200 else 1)
        server.shutdown()
    assert health(tmp_path) == 1  # nobody listens any more


def test_the_image_is_well_where_there_is_no_port_to_ask(tmp_path: Path) -> None:
    (tmp_path / "lazaretto.toml").write_text("")
    assert health(tmp_path) == 0


# ── compose ───────────────────────────────────────────────────────────────────────────────────────────────────────


def composed() -> dict[str, Any]:
    content: dict[str, Any] = YAML(typ="safe").load(COMPOSE)
    return content


def test_the_service_can_change_its_state_and_its_backups_and_nothing_else() -> None:
    service = composed()["services"]["lazaretto"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]  # and the engine's own filter stays on
    assert service["volumes"] == ["./config:/etc/lazaretto:ro", "state:/var/lib/lazaretto", "./backups:/backups"]
    (temporary,) = service["tmpfs"]
    assert {"noexec", "nosuid", "nodev"} < set(temporary.removeprefix("/tmp:").split(","))
    assert not {"privileged", "network_mode", "pid", "ipc", "cap_add", "devices", "user", "ports"} & set(service)


def test_the_token_reaches_the_service_as_a_secret_and_not_as_a_variable() -> None:
    service = composed()["services"]["lazaretto"]
    (name,) = service["secrets"]
    assert composed()["secrets"] == {name: {"file": "./token"}}
    assert service["environment"] == {TOKEN_FILE: f"/run/secrets/{name}"}
    assert "env_file" not in service
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {"/deploy/token", "/deploy/config/", "/deploy/backups/"} <= set(ignored)


def test_the_service_ends_in_its_own_time_and_has_the_units_bounds() -> None:
    service = composed()["services"]["lazaretto"]
    assert service["init"] is True  # passes the signal on, and reaps
    assert int(service["stop_grace_period"].removesuffix("s")) > STOP_SECONDS + 2
    unit = options(DEPLOY / "lazaretto.service")
    assert [service["mem_limit"].upper()] == unit["MemoryMax"]
    assert [str(service["pids_limit"])] == unit["TasksMax"]
    assert service["ulimits"] == {"core": 0}
    assert service["pull_policy"] == "build"  # never somebody's image of that name
    assert (COMPOSE.parent / service["build"]["context"]).resolve() == ROOT
    assert ROOT / service["build"]["dockerfile"] == CONTAINERFILE
    assert "state" in composed()["volumes"]


def compose_schema(file: Path) -> tuple[int, str]:
    """What the Compose Specification's own schema says of it."""
    judged = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", file],
        capture_output=True,
        text=True,
        check=False,
    )
    return judged.returncode, judged.stdout + judged.stderr


def test_the_compose_file_is_one_by_the_specifications_schema(tmp_path: Path) -> None:
    assert compose_schema(COMPOSE)[0] == 0, compose_schema(COMPOSE)[1]
    slip = tmp_path / "compose.yaml"
    slip.write_text(COMPOSE.read_text("utf-8").replace("read_only:", "readonly:"))
    status, said_of_it = compose_schema(slip)
    assert (status, "readonly" in said_of_it) == (1, True), said_of_it  # it does look


def _compose() -> list[str] | None:
    """The command that reads it, where one is installed. podman-compose before 1.1 has no `config`."""
    for command in (["docker", "compose"], ["docker-compose"], ["podman-compose"]):
        asked = ([*command, "version"], [*command, "config", "--help"])  # without compose docker prints help, and 0
        if shutil.which(command[0]) and not any(subprocess.run(each, capture_output=True).returncode for each in asked):
            return command
    return None


def test_compose_takes_the_compose_file() -> None:
    if (command := _compose()) is None:
        pytest.skip("no docker compose is installed")
    taken = subprocess.run([*command, "-f", COMPOSE, "config"], capture_output=True, text=True, check=False)
    assert taken.returncode == 0, taken.stderr
