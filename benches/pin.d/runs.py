"""Runs clients, and believes none of them: every pin is read back from the server's repository."""

import json
import os
import shutil
import signal
import subprocess
import time

from candidates import Pin, Place
from watch import Watch


class Wrong(Exception):
    """A candidate did not do what it said, or not what it should."""


class Repository:
    """What is on the server."""

    def __init__(self, folder):
        self.folder = folder

    def git(self, *words, text=None):
        command = ["git", "-C", str(self.folder), *words]
        run = subprocess.run(command, check=True, capture_output=True, text=True, input=text)
        return run.stdout

    def tip(self):
        return self.git("rev-parse", "refs/heads/main").strip()

    def count(self, span):
        return int(self.git("rev-list", "--count", span))

    def pins(self, paths):
        """The pins at the tip, none where there is no such file."""
        asked = "".join(f"main:{path}\n" for path in paths)
        out = self.git("cat-file", "--batch", "--buffer", text=asked)
        pins = []
        for _ in paths:
            head, _, out = out.partition("\n")
            if head.endswith(" missing"):
                pins.append(None)
                continue
            size = int(head.split()[-1])  # pins are ASCII
            pins.append(json.loads(out[:size]))
            out = out[size + 1 :]
        return pins

    def has(self, pin, found):
        keys = {"service": pin.service, "imageTag": pin.tag, "targetRevision": pin.tag}
        return found is not None and {key: found.get(key) for key in keys} == keys


class Bench:
    """One services-root, served, and a folder for its clients."""

    def __init__(self, program, line, repository, shape, scratch, chance, limit):
        self.program = program
        self.line = line
        self.repository = repository
        self.shape = shape
        self.scratch = scratch
        self.chance = chance
        self.limit = limit
        self.url = line.url(repository.folder.name)
        self.start = repository.count("main")
        self.landed = 0
        self.fresh = shape.services

    def pin(self, number, name=None):
        tag = f"{self.chance.getrandbits(160):040x}"
        return Pin(name or self.shape.service(number), self.shape.domain(number), tag)

    def any_pin(self):
        return self.pin(self.chance.randrange(self.shape.services))

    def first_pin(self):
        """Of a service that nobody has heard of."""
        self.fresh += 1
        return self.pin(self.fresh, f"new-service-{self.fresh:05}")

    def client(self, candidate, pin, place, gate=None, create=False):
        """Starts a candidate under the stop-watch."""
        out = place.folder / "measured"
        command = [str(self.program), "measure", str(out), *(["--gate"] if gate else [])]
        command += candidate.command(self.url, pin, create)
        with open(place.folder / "out", "wb") as said, open(place.folder / "err", "wb") as told:
            return subprocess.Popen(
                command,
                cwd=place.work,
                env={**place.environment(), **candidate.variables(self.url, pin)},
                stdin=gate if gate is not None else subprocess.DEVNULL,
                stdout=said,
                stderr=told,
                start_new_session=True,
            )

    def place(self, name):
        return Place(self.scratch / name)

    def single(self, candidate, create=False, watch=False):
        """One pin, with nobody else around."""
        pin = self.first_pin() if create else self.any_pin()
        before, begun = self.repository.tip(), self.line.counters()
        place = self.place("one")
        watching = Watch(place.folder) if watch else None
        client = self.client(candidate, pin, place, create=create)
        try:
            client.wait(self.limit)
        finally:
            end(client)
        told = outcome(place)
        if watching:
            own = {"out", "err", "measured"}
            told["files"] = watching.stop() - len(own)
        if told["code"] != 0:
            raise Wrong(f"{candidate.name} ended with {told['code']}: {told['err']}")
        ended = self.line.counters()
        told |= {key: ended[key] - begun[key] for key in ended if key != "cpu_ms"}
        told["server_cpu_ms"] = ended["cpu_ms"] - begun["cpu_ms"]
        self.verify_single(candidate, pin, before, told)
        shutil.rmtree(place.folder)
        return told

    def verify_single(self, candidate, pin, before, told):
        repository = self.repository
        self.landed += 1
        facts = {
            "one commit on the tip": repository.git("rev-parse", "main^").strip() == before,
            "as many commits as pins": repository.count("main") == self.start + self.landed,
            "nothing but the pin": repository.git(
                "diff", "--name-only", before, "main"
            ).split() == [pin.path],
            "the pin as it was told": repository.has(pin, repository.pins([pin.path])[0]),
            "the commit that it reports": candidate.commit(told["out"])
            in (None, repository.tip()),
        }
        wrong = [fact for fact, holds in facts.items() if not holds]
        if wrong:
            raise Wrong(f"{candidate.name}, {pin}: not {', not '.join(wrong)}")

    def contention(self, candidate, processes):
        """Many pins of different services, all at once."""
        numbers = self.chance.sample(range(self.shape.services), processes)
        pins = [self.pin(number) for number in numbers]
        places = [self.place(f"many-{at}") for at in range(processes)]
        before, begun = self.repository.tip(), self.line.counters()
        waiting, gate = os.pipe()
        clients = []
        try:
            for pin, place in zip(pins, places):
                clients.append(self.client(candidate, pin, place, gate=waiting))
            time.sleep(0.5)  # until all of them wait
            os.close(gate)
            gate = None
            wait_all(clients, self.limit)
        finally:
            os.close(waiting)
            if gate is not None:
                os.close(gate)
            for client in clients:
                end(client)
        ended = self.line.counters()
        told = self.verify_many(candidate, pins, places, before)
        told |= {key: ended[key] - begun[key] for key in ended if key != "cpu_ms"}
        told["server_cpu_ms"] = ended["cpu_ms"] - begun["cpu_ms"]
        for place in places:
            shutil.rmtree(place.folder)
        return told

    def verify_many(self, candidate, pins, places, before):
        """What each said, held against what is there."""
        outcomes = [outcome(place) for place in places]
        there = self.repository.pins([pin.path for pin in pins])
        log = self.repository.git("log", "--format=", "--name-only", f"{before}..main").split()
        commits = set(self.repository.git("rev-list", f"{before}..main").split())
        count = dict.fromkeys(
            ["landed", "lost", "gave_up", "failed", "late", "misreported", "wrong_commit"], 0
        )
        words = []
        for pin, told, found in zip(pins, outcomes, there):
            landed = self.repository.has(pin, found) and log.count(pin.path) == 1
            touched = log.count(pin.path) > 0
            if told["code"] == 0:
                count["landed" if landed else "lost"] += 1
                if candidate.commit(told["out"]) not in commits | {None}:
                    count["wrong_commit"] += 1
            elif touched:
                count["misreported"] += 1
            else:
                kind = {3: "gave_up", None: "late"}.get(told["code"], "failed")
                count[kind] += 1
            if told["code"] not in (0, 3, None):
                said = " ".join((told["err"] or told["out"]).split())
                words.append(f"ended with {told['code']}: {said[:300]}")
        surplus = len(log) - count["landed"] - count["misreported"]
        if surplus or len(commits) != len(log):
            raise Wrong(f"{candidate.name}: {len(commits)} commits, {count}, {len(log)} pins")
        done = sorted(told["ms"] for told in outcomes if told["code"] == 0)
        attempts = [candidate.attempts(told["out"]) for told in outcomes if told["code"] == 0]
        attempts = [number for number in attempts if number]
        return count | {
            "processes": len(pins),
            "commits": len(commits),
            "ms": done[-1] if done else None,
            "p50_ms": done[len(done) // 2] if done else None,
            "attempts": sum(attempts) or None,
            "most_attempts": max(attempts, default=None),
            "cpu_ms": sum(told["cpu_ms"] for told in outcomes),
            "peak_kb": max(told["peak_kb"] for told in outcomes),
            "clients": [{"code": told["code"], "ms": told["ms"]} for told in outcomes],
            "words": words,
        }


def outcome(place):
    """What a client said and cost; without a code if it was stopped."""

    def text(name):
        return (place.folder / name).read_text(errors="replace").strip()

    measured = place.folder / "measured"
    cost = {"ms": 0, "cpu_ms": 0, "peak_kb": 0, "code": None}
    if measured.exists() and measured.stat().st_size:
        cost = json.loads(measured.read_text())
    return cost | {"out": text("out"), "err": text("err")}


def wait_all(clients, limit):
    """Waits for all; those that take longer than `limit` seconds are stopped by the caller."""
    give_up = time.monotonic() + limit
    for client in clients:
        try:
            client.wait(max(0.0, give_up - time.monotonic()))
        except subprocess.TimeoutExpired:
            return


def end(client):
    """Stops a client that still runs, and what it started."""
    if client.poll() is None:
        os.killpg(client.pid, signal.SIGKILL)
        client.wait()
