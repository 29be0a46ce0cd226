"""Services-roots to pin in: bare repositories, made once and kept."""

import json
import os
import random
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ENVIRONMENTS = {"staging": "shared", "production-eu": "eu-1", "production-us": "us-1"}
BEGIN = 1_700_000_000  # of the first commit; each later one is a minute after the one before
WORDS = "amber birch cedar delta ember fjord grove heron inlet juniper kelp lotus maple nectar".split()


@dataclass(frozen=True)
class Shape:
    """What a services-root looks like, as `SERVICES[xDOMAINS[xCOMMITS]][-registered]`."""

    services: int
    domains: int = 1
    commits: int = 200
    registered: bool = False

    @staticmethod
    def parse(text):
        match = re.fullmatch(r"(\d+)(?:x(\d+))?(?:x(\d+))?(-registered)?", text)
        if not match:
            raise ValueError(f"{text}: not SERVICES[xDOMAINS[xCOMMITS]][-registered]")
        services, domains, commits, registered = match.groups()
        return Shape(int(services), int(domains or 1), int(commits or 200), bool(registered))

    def __str__(self):
        tail = "-registered" if self.registered else ""
        return f"{self.services}x{self.domains}x{self.commits}{tail}"

    def words(self):
        domains = "1 domain" if self.domains == 1 else f"{self.domains} domains"
        tail = ", registered" if self.registered else ""
        return f"{self.services:,} services in {domains}, {self.commits:,} commits{tail}"

    def domain(self, number):
        return "services" if self.domains == 1 else f"team-{number % self.domains:03}"

    def service(self, number):
        return f"{WORDS[number % 13]}-{WORDS[number % 14]}-{number:05}"

    def path(self, environment, number):
        return f"envs/{environment}/{self.domain(number)}/{self.service(number)}.json"


def config(shape):
    names = sorted({shape.domain(number) for number in range(shape.domains)})
    domains = "".join(f"  - {{name: {name}, registration: open}}\n" for name in names)
    return f"""\
version: 1
forge: {{kind: git}}
branches: {{main: main, pins: main}}
domains:
{domains}environments:
  - {{name: staging, cluster: shared, mode: direct}}
  - {{name: production-eu, cluster: eu-1, from: staging, mode: direct}}
  - {{name: production-us, cluster: us-1, from: staging, mode: direct}}
"""


def pin(shape, environment, number, revision):
    keys = {
        "cluster": ENVIRONMENTS[environment],
        "service": shape.service(number),
        "imageTag": revision,
        "targetRevision": revision,
    }
    return json.dumps(keys, indent=2) + "\n"


def history(shape):
    """The text for `git fast-import`, commit by commit."""
    chance = random.Random(str(shape))

    def commit(at, message):
        who = f"Robot <robot@example.com> {BEGIN + 60 * at} +0000"
        return f"commit refs/heads/main\ncommitter {who}\ndata {len(message)}\n{message}\n"

    def file(name, text):
        return f"M 100644 inline {name}\ndata {len(text)}\n{text}\n"

    def pinned(environment, number):
        text = pin(shape, environment, number, f"{chance.getrandbits(160):040x}")
        return file(shape.path(environment, number), text)

    yield commit(0, "Begin") + file("pinrail.yaml", config(shape))
    for number in range(shape.services):
        for environment in ENVIRONMENTS:
            yield pinned(environment, number)
        if shape.registered:
            name = shape.service(number)
            facts = f"repository: https://git.example.com/acme/{name}.git\n"
            yield file(f"services/{shape.domain(number)}/{name}.yaml", facts)
    names = list(ENVIRONMENTS)
    for at in range(1, shape.commits):
        number = chance.randrange(shape.services)
        yield commit(at, f"Pin {shape.service(number)}") + pinned(chance.choice(names), number)


def build(shape, folder):
    """The fixture's place under `folder`; made if it is not there yet."""
    done = folder / f"{shape}.git"
    if done.exists():
        return done
    draft = folder / f".{shape}.{os.getpid()}"
    try:
        git = ["git", "-C", str(draft)]
        command = ["git", "init", "--quiet", "--bare", "--initial-branch=main", str(draft)]
        subprocess.run(command, check=True)
        importing = [*git, "fast-import", "--quiet"]
        with subprocess.Popen(importing, stdin=subprocess.PIPE, text=True) as importer:
            importer.stdin.writelines(history(shape))
            importer.stdin.close()
            if importer.wait() != 0:
                raise RuntimeError("git fast-import failed")
        # As hosted servers have it, but for what they do in the background.
        for key, value in {
            "http.receivepack": "true",
            "uploadpack.allowFilter": "true",
            "gc.auto": "0",
            "receive.autogc": "false",
        }.items():
            subprocess.run([*git, "config", key, value], check=True)
        subprocess.run([*git, "repack", "-adq", "--write-bitmap-index"], check=True)
        draft.rename(done)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return done


def copy(fixture, to: Path):
    """A fixture that may be written to."""
    shutil.copytree(fixture, to)
    return to
