"""The results as Markdown tables."""

import statistics
from collections import Counter

BASE = "s1"
BASE_MANY = "s1-jitter"


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


def middle(runs, key):
    return statistics.median(run[key] for run in runs)


def single(scenario):
    """One pin: each candidate's runs against S1's."""
    runs = scenario["runs"]
    head = "candidate,min ms,median ms,× S1 (median),× S1 (min),requests,connections,KB up,KB down"
    head += ",client CPU ms,server CPU ms,peak MB,files made"
    base = runs.get(BASE)
    rows = []
    for name, own in runs.items():
        least = min(run["ms"] for run in own)
        median = middle(own, "ms")
        ratios = ["–", "–"]
        if base:
            ratios = [middle(base, "ms") / median, min(run["ms"] for run in base) / least]
            ratios = [f"{ratio:.2f}" for ratio in ratios]
        row = [name, f"{least:.0f}", f"{median:.0f}", *ratios]
        row += [f"{middle(own, key):.0f}" for key in ("requests", "connections")]
        row += [f"{middle(own, key) / 1000:.1f}" for key in ("up", "down")]
        row += [f"{middle(own, key):.0f}" for key in ("cpu_ms", "server_cpu_ms")]
        row.append(f"{max(run['peak_kb'] for run in own) / 1024:.1f}")
        # gitopscli clones elsewhere, so its files are not seen.
        row.append("–" if name == "gitopscli" else f"{scenario['files'][name]:,}")
        rows.append(row)
    return table(head.split(","), rows)


def contention(scenario):
    """Many pins at once: each candidate's runs against the jittered recipe's."""
    head = "candidate,min s,median s,× jittered (median),× jittered (min),p50 s,landed,lost"
    head += ",gave up (not written),failed,stopped at the limit,misreported,attempts"
    head += ",most by one,requests,MB up,MB down,client CPU s,server CPU s"

    def finished(own):
        """Only runs that landed all of them can be compared."""
        return [run for run in own if run["landed"] == run["processes"]]

    def total(own, key):
        return sum(run[key] for run in own)

    runs = scenario["runs"]
    base = finished(runs.get(BASE_MANY, []))
    rows = []
    for name, own in runs.items():
        whole = finished(own)
        times = ["–"] * 4
        if whole:
            least, median = min(run["ms"] for run in whole), middle(whole, "ms")
            times = [f"{least / 1000:.1f}", f"{median / 1000:.1f}", "–", "–"]
            if base:
                times[2] = f"{middle(base, 'ms') / median:.2f}"
                times[3] = f"{min(run['ms'] for run in base) / least:.2f}"
        half = [run for run in own if run["p50_ms"]]
        row = [name, *times, f"{middle(half, 'p50_ms') / 1000:.1f}" if half else "–"]
        row.append(f"{total(own, 'landed')} of {total(own, 'processes')}")
        row += [total(own, key) for key in ("lost", "gave_up", "failed", "late", "misreported")]
        tried = [run for run in own if run["attempts"]]
        row += [f"{middle(tried, 'attempts'):.0f}" if tried else "–"]
        row += [max((run["most_attempts"] for run in tried), default="–")]
        row.append(f"{middle(own, 'requests'):.0f}")
        row += [f"{middle(own, key) / 1e6:.1f}" for key in ("up", "down")]
        row += [f"{middle(own, key) / 1000:.1f}" for key in ("cpu_ms", "server_cpu_ms")]
        rows.append(row)
    return table(head.split(","), rows)


def broken(results, names):
    """What these candidates must never do, and did; every single pin was judged as it ran."""
    for scenario in results["scenarios"]:
        if scenario["kind"] != "contention":
            continue
        for name in names & scenario["runs"].keys():
            for key in ("lost", "misreported", "wrong_commit"):
                number = sum(run[key] for run in scenario["runs"][name])
                if number:
                    yield f"{scenario['title']}: {name}: {key}: {number}"


def markdown(results):
    facts = results["facts"]
    yield f"{facts['rounds']} rounds in random order ({facts['contention_rounds']} of many at once), "
    yield f"{facts['rtt_ms']:g} ms round trip, "
    yield f"{facts['git']}, {facts['cpus']} CPUs, load {facts['load']}\n"
    for scenario in results["scenarios"]:
        yield f"\n### {scenario['title']}\n\n"
        yield contention(scenario) if scenario["kind"] == "contention" else single(scenario)
        if scenario["kind"] == "contention":
            for name, runs in scenario["runs"].items():
                words = Counter(word for run in runs for word in run["words"])
                for line, times in words.most_common(5):
                    yield f"\n{name}, {times} times: {line}\n"
