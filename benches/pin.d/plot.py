"""The wall time of a pin by the number of services, as SVG."""

import math
import statistics
from html import escape

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 150, 48, 52
COLOURS = ["#2f81f7", "#d29922", "#a371f7", "#3fb950", "#db61a2", "#f0883e", "#8b949e"]
STYLE = """
text{font:13px system-ui,sans-serif;fill:#57606a}
.title{font-weight:600;fill:#24292f}
.grid{stroke:#8b949e;stroke-opacity:.3}
@media (prefers-color-scheme:dark){text{fill:#9da7b1}.title{fill:#e6edf3}}
"""


def lines(results):
    """Per candidate: services, median and least milliseconds; of one domain, 200 commits."""
    found = {}
    for scenario in results["scenarios"]:
        shape = scenario["shape"]
        plain = shape["domains"] == 1 and shape["commits"] == 200 and not shape["registered"]
        if scenario["kind"] != "pin" or not plain:
            continue
        for name, runs in scenario["runs"].items():
            times = [run["ms"] for run in runs]
            point = (shape["services"], statistics.median(times), min(times))
            found.setdefault(name, []).append(point)
    return {name: sorted(points) for name, points in found.items()}


def scale(low, high, start, end):
    low, high = math.log10(low), math.log10(high)
    span = (high - low) or 1
    return lambda value: start + (math.log10(value) - low) / span * (end - start)


def ticks(low, high):
    steps = [one * 10**power for power in range(1, 7) for one in (1, 2, 5)]
    inside = [step for step in steps if low <= step <= high]
    return inside or [round(low), round(high)]


def svg(results):
    series = lines(results)
    if not series:
        return None
    points = [point for own in series.values() for point in own]
    services = sorted({point[0] for point in points})
    low = min(point[2] for point in points) / 1.25
    high = max(point[1] for point in points) * 1.25
    x = scale(services[0], services[-1], LEFT + 20, WIDTH - RIGHT - 20)
    y = scale(low, high, HEIGHT - BOTTOM, TOP)
    parts = list(frame(x, y, services, low, high, results["facts"]["rtt_ms"]))
    ends = places([y(own[-1][1]) for own in series.values()])
    for (name, own), colour, end in zip(series.items(), COLOURS * 9, ends):
        parts += curve(name, own, colour, x, y, end)
    body = "\n".join(parts)
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
    title = "<title>Wall time of one pin by the number of services</title>"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{title}\n'
        f"<style>{STYLE}</style>\n{body}\n</svg>\n"
    )


def frame(x, y, services, low, high, rtt):
    def text(at, down, words, anchor, kind=""):
        return f'<text x="{at:.0f}" y="{down:.0f}" text-anchor="{anchor}"{kind}>{words}</text>'

    words = f"One pin, seconds (median; the tick is the least), {rtt:g} ms round trip"
    yield text(LEFT, 24, words, "start", ' class="title"')
    right = WIDTH - RIGHT
    for step in ticks(low, high):
        yield f'<path class="grid" d="M{LEFT} {y(step):.1f}H{right}"/>'
        yield text(LEFT - 8, y(step) + 4, f"{step / 1000:g}", "end")
    for number in services:
        yield f'<path class="grid" d="M{x(number):.1f} {TOP}V{HEIGHT - BOTTOM}"/>'
        yield text(x(number), HEIGHT - BOTTOM + 20, f"{number:,}", "middle")
    yield text((LEFT + right) / 2, HEIGHT - 10, "services, in one domain", "middle")


def curve(name, own, colour, x, y, end):
    path = "L".join(f"{x(services):.1f} {y(median):.1f}" for services, median, _ in own)
    yield f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>'
    for services, median, least in own:
        at = x(services)
        yield f'<circle cx="{at:.1f}" cy="{y(median):.1f}" r="4" fill="{colour}"/>'
        yield f'<path d="M{at - 5:.1f} {y(least):.1f}h10" stroke="{colour}" stroke-width="1.5"/>'
    label = f'x="{WIDTH - RIGHT + 6}" y="{end + 4:.1f}" style="fill:{colour}"'
    yield f"<text {label}>{escape(name)}</text>"


def places(heights):
    """Labels at these heights, moved apart until none covers another."""
    order = sorted(range(len(heights)), key=lambda at: heights[at])
    placed = list(heights)
    for before, after in zip(order, order[1:]):
        placed[after] = max(placed[after], placed[before] + 16)
    return placed
