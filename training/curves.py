"""Draws the curves of a run as SVG, without a plotting library.

    python3 training/curves.py ~/run/log.jsonl curves.svg
"""
import json
import math
import sys
from html import escape

from problems import Problem, run_main, write_whole

WIDTH, HEIGHT, MARGIN = 460, 280, 48
COLOURS = ("#2563eb", "#dc2626", "#059669", "#d97706", "#7c3aed")


def nice_ticks(low, high, count=5):
    """About `count` round numbers from low to high."""
    span = (high - low) or 1.0
    step = 10 ** math.floor(math.log10(span / count))
    step *= min((m for m in (1, 2, 5, 10) if span / (step * m) <= count), default=10)
    first = math.ceil(low / step)
    return [round(step * k, 10) for k in range(first, int(math.floor(high / step + 1e-9)) + 1)]


def panel(title, x_name, series, left, low=None, high=None):
    """One diagram: `series` is {name: [(x, y)]}; its SVG elements, shifted right by `left` px."""
    points = [p for line in series.values() for p in line]
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    x0, x1 = min(xs), max(max(xs), min(xs) + 1)
    y0, y1 = min(ys) if low is None else low, max(ys) if high is None else high
    y1 = y1 if y1 > y0 else y0 + 1

    def place(x, y):
        return (left + MARGIN + (x - x0) / (x1 - x0) * (WIDTH - MARGIN - 16),
                HEIGHT - MARGIN - (y - y0) / (y1 - y0) * (HEIGHT - 2 * MARGIN))

    parts = [f'<text x="{left + MARGIN}" y="22" font-size="14" font-weight="600">{escape(title)}</text>']
    for tick in nice_ticks(y0, y1):
        x, y = place(x0, tick)
        parts.append(f'<path d="M{x:.1f} {y:.1f}H{left + WIDTH - 16}" stroke="#e5e7eb"/>'
                     f'<text x="{x - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for tick in nice_ticks(x0, x1):
        x, y = place(tick, y0)
        parts.append(f'<text x="{x:.1f}" y="{y + 16:.1f}" text-anchor="middle">{tick:g}</text>')
    parts.append(f'<text x="{left + WIDTH - 16}" y="{HEIGHT - 12}" text-anchor="end">{escape(x_name)}</text>')
    for number, (name, line) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join("%.1f,%.1f" % place(*point) for point in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
        if len(line) < 40:
            parts += ['<circle cx="%.1f" cy="%.1f" r="2.2" fill="%s"/>' % (*place(*p), colour) for p in line]
        parts.append(f'<text x="{left + MARGIN + number * 132}" y="40" fill="{colour}">'
                     f'{escape(name)} {line[-1][1]:.3g}</text>')
    return "".join(parts)


def draw(path, panels):
    """Writes an SVG of `panels`: [(title, x name, series)] or with (low, high) behind."""
    body = "".join(panel(*each[:3], number * WIDTH, *each[3:]) for number, each in enumerate(panels))
    write_whole(path, f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH * len(panels)} {HEIGHT}" '
                f'width="{WIDTH * len(panels)}" font-family="system-ui, sans-serif" font-size="11">'
                f'<rect width="100%" height="100%" fill="#fff"/>{body}</svg>\n')


def smooth(line, weight=0.9):
    """Running mean without the bias towards the first value."""
    total, norm, result = 0.0, 0.0, []
    for x, y in line:
        total, norm = weight * total + (1 - weight) * y, weight * norm + 1 - weight
        result.append((x, total / norm))
    return result


def draw_run(log_path, svg_path):
    """The curves of a train.py run; nothing if there are no steps in the log yet."""
    try:
        with open(log_path, encoding="utf-8") as file:
            entries = [json.loads(line) for line in file]
    except (OSError, ValueError) as error:
        raise Problem(f"{log_path}: not a log of train.py ({error})") from error
    steps = [entry for entry in entries if "loss" in entry]
    checks = [entry for entry in entries if "validation" in entry]
    if not steps:
        return
    panels = [("Loss (running mean)", "step", {
        name.replace("_loss", ""): smooth([(entry["step"], entry[name]) for entry in steps])
        for name in ("loss", "class_loss", "feature_loss")})]
    if checks:
        panels.append(("Top-1 of 1000 classes, %, averaged weights", "step", {
            name.replace("validation-", ""): [(e["step"], e["validation"][name]) for e in checks]
            for name in checks[0]["validation"]}))
    draw(svg_path, panels)


def main():
    if len(sys.argv) != 3:
        raise Problem("usage: curves.py LOG.jsonl CURVES.svg")
    draw_run(sys.argv[1], sys.argv[2])


if __name__ == "__main__":
    sys.exit(run_main(main))
