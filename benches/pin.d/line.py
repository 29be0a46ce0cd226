"""The server, and the distance to it: starts the programs of `line/`."""

import json
import subprocess
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent


def target(root):
    """Where cargo puts what it builds."""
    ask = ["cargo", "metadata", "--no-deps", "--format-version=1"]
    told = subprocess.run(ask, cwd=root, check=True, capture_output=True).stdout
    return Path(json.loads(told)["target_directory"])


def build(root):
    folder = target(root)
    manifest = HERE / "line" / "Cargo.toml"
    command = ["cargo", "build", "--release", "--quiet", "--locked", "--manifest-path", manifest]
    subprocess.run([*command, "--target-dir", folder], check=True)
    return folder / "release" / "line"


class Part:
    """A program that answers each line on its stdin with its counters, and ends with it."""

    def __init__(self, *command):
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            [str(word) for word in command],
            stdin=pipe,
            stdout=pipe,
            text=True,
            start_new_session=True,
        )
        self.port = int(self.process.stdout.readline())

    def counters(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Line:
    """A server of the repositories under `root`, `rtt` milliseconds away."""

    def __init__(self, program, root, rtt, workers=80):
        self.parts = []
        told = subprocess.run(["git", "--exec-path"], check=True, capture_output=True, text=True)
        backend = Path(told.stdout.strip()) / "git-http-backend"
        try:
            self.server = self.part(program, "serve", root, backend, workers)
            self.proxy = self.part(program, "delay", self.server.port, rtt)
        except BaseException:
            self.stop()
            raise

    def part(self, *command):
        part = Part(*command)
        self.parts.append(part)
        return part

    def url(self, name):
        # One folder up, as gitopscli knows an organisation and a repository.
        return f"http://127.0.0.1:{self.proxy.port}/{name}"

    def counters(self):
        """All counters, once the server has nothing left to do."""
        give_up = time.monotonic() + 30
        while time.monotonic() < give_up:
            served = self.server.counters()
            if served["active"] == 0:
                break
            time.sleep(0.01)
        return {**served, **self.proxy.counters()}

    def stop(self):
        for part in self.parts:
            part.stop()
