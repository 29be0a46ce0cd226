"""Who pins: Pinrail, shell recipes, gitopscli."""

import json
import os
import shlex
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

RECIPES = Path(__file__).resolve().parent / "recipes"
IDENTITY = "[user]\n\tname = Robot\n\temail = robot@example.com\n[init]\n\tdefaultBranch = main\n"


@dataclass(frozen=True)
class Pin:
    service: str
    domain: str
    tag: str
    environment: str = "staging"

    @property
    def path(self):
        return f"envs/{self.environment}/{self.domain}/{self.service}.json"


class Place:
    """A client's own folder, with a home and a folder for temporary files; on tmpfs."""

    def __init__(self, folder):
        self.folder = folder
        self.work = folder / "work"
        for part in ("work", "home", "tmp"):
            (folder / part).mkdir(parents=True)
        (folder / "home" / ".gitconfig").write_text(IDENTITY)

    def environment(self):
        """Nothing of the caller's but where programs are."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder / "home"),
            "TMPDIR": str(self.folder / "tmp"),
            "LC_ALL": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
        }


@dataclass
class Recipe:
    name: str
    shell: str = "sh"
    tries: int = 5

    def command(self, url, pin, create=False):
        return [self.shell, str(RECIPES / self.name)]

    def variables(self, url, pin):
        return {
            "URL": url,
            "F": pin.path,
            "SVC": pin.service,
            "ENV": pin.environment,
            "DOMAIN": pin.domain,
            "TAG": pin.tag,
            "N": str(self.tries),
        }

    def attempts(self, out):
        return int(out) if out.strip() else None

    def commit(self, out):
        return None


@dataclass
class Pinrail:
    name: str
    program: str
    extra: dict = field(default_factory=dict)

    @staticmethod
    def parse(text, release):
        """`NAME=[VARIABLE=VALUE …] [PROGRAM]`; without a program, this checkout's."""
        name, _, rest = text.partition("=")
        words = shlex.split(rest)
        extra = {}
        while words and "=" in words[0] and not words[0].startswith(("/", ".")):
            variable, _, value = words.pop(0).partition("=")
            extra[variable] = value
        if not name or len(words) > 1:
            raise ValueError(f"{text}: not NAME=[VARIABLE=VALUE …] [PROGRAM]")
        program = str(Path(words[0]).resolve()) if words else str(release())
        return Pinrail(name, program, extra)

    def command(self, url, pin, create=False):
        told = ["--image-tag", pin.tag, "--revision", pin.tag]
        first = ["--create"] if create else []
        # A pipeline knows its team, as the recipes know the path of the pin.
        where = ["-e", pin.environment, "--domain", pin.domain]
        return [self.program, "--repo", url, "--json", "pin", pin.service, *where, *told, *first]

    def variables(self, url, pin):
        return self.extra

    def attempts(self, out):
        return report(out).get("attempts")

    def commit(self, out):
        return report(out).get("commit")


def report(out):
    try:
        return json.loads(out)
    except ValueError:
        return {}


@dataclass
class Gitopscli:
    """A checkout, with what it needs installed in its `v`, a virtual environment, or at large."""

    checkout: Path
    name: str = "gitopscli"

    # It clones there, whatever TMPDIR says.
    CLONES = Path("/tmp/gitopscli")

    @contextmanager
    def on(self, scratch):
        """Has it clone where everybody else does."""
        target = scratch / "gitopscli"
        target.mkdir()
        self.CLONES.symlink_to(target)
        try:
            yield
        finally:
            self.CLONES.unlink()

    def command(self, url, pin, create=False):
        server, _, repository = url.rpartition("/")
        own = self.checkout / "v" / "bin" / "python"
        python = str(own) if own.exists() else sys.executable
        return [
            *[python, "-m", "gitopscli", "deploy", "--git-provider", "gitlab"],
            *["--git-provider-url", server, "--username", "u", "--password", "p"],
            *["--organisation", "o", "--repository-name", repository],
            *["--file", pin.path, "--single-commit", "true", "--json", "true"],
            *["--values", json.dumps({"imageTag": pin.tag, "targetRevision": pin.tag})],
        ]

    def variables(self, url, pin):
        return {"PYTHONPATH": str(self.checkout)}

    def attempts(self, out):
        return None

    def commit(self, out):
        return None
