"""The table in the end, and one page with plots of latency and throughput around the faults."""

import html
import json

from .snapshot import failed, read_history

_COLUMNS = ["drill", "seed", "load", "faults", "duplicates", "orders", "unanswered",
            "violations", "back", "rest",
            ""]
# Counts that are no faults but what else was done.
_NO_FAULT = ("reconciles", "reconcile_ms", "republished", "redrives", "redriven", "given_back",
             "alarms", "alarm_ms")


def broken(name, seed, trouble):
    """The result of a drill that could not be run to its end."""
    return {"name": name, "group": "", "title": "", "seed": seed, "seconds": 0, "folder": "",
            "steps": [], "settle": 0, "began": 0, "ended": 0, "harms": [], "samples": [],
            "counts": {}, "summary": {}, "facts": {}, "violations": [], "missed": [trouble],
            "story": ""}


def _faults(result):
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in
                     result["counts"].items() if name not in _NO_FAULT and count)


def one_line(result):
    facts = result["facts"]
    return (f"{facts.get('orders', 0)} orders, {facts.get('answered', 0)} answers, "
            f"{facts.get('unanswered', 0)} without, {facts.get('duplicates', 0)} duplicates, "
            f"{_faults(result) or 'races only'}; {len(result['violations'])} violations; "
            f"answers back after {facts.get('back_seconds', 0)} s, at rest after "
            f"{result['settle']:.1f} s")


def _row(result):
    facts = result["facts"]
    good = not result["violations"] and not result["missed"]
    return [result["name"], result["seed"],
            f"{result['summary'].get('rate', 0):g}/s {result['seconds']:g} s",
            _faults(result) or "-", facts.get("duplicates", "-"), facts.get("orders", "-"),
            facts.get("unanswered", "-"), len(result["violations"]), f"{facts.get('back_seconds', '-')} s",
            f"{result['settle']:.1f} s", "ok" if good else "FAILED"]


def table(results):
    rows = [_COLUMNS, *(list(map(str, _row(result))) for result in results)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_COLUMNS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
             for row in rows]
    for result in results:
        lines += [f"{result['name']}: {missed}" for missed in result["missed"]]
    return "\n".join(lines)


def write_json(results, path):
    """What a program may want to know."""
    with open(path, "w", encoding="utf-8") as file:
        json.dump([{
            "name": result["name"], "seed": result["seed"],
            "seconds": round(result["ended"] - result["began"] + result["settle"], 1),
            "passed": not result["violations"] and not result["missed"],
            "violations": result["violations"], "missed": result["missed"],
            "facts": result["facts"],
        } for result in results], file, indent=1)
        file.write("\n")


_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; color: #222;
       padding: 0 1rem; background: #fff }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .2rem .6rem;
border-bottom: 1px solid #ddd } .bad { color: #b00020; font-weight: 600 } .good { color: #1b6e3c }
svg { width: 100%; height: auto } pre { overflow-x: auto; background: #f6f6f6; padding: .7rem }
svg text { font: 11px system-ui, sans-serif; fill: #555 } h2 { margin-top: 2.5rem }
"""


def write_page(results, path):
    parts = ["<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Drills</title>"
             "<meta name=\"viewport\" content=\"width=device-width\">"
             f"<style>{_STYLE}</style><h1>Drills</h1><table><tr>",
             *(f"<th>{column}</th>" for column in _COLUMNS), "</tr>"]
    for result in results:
        row = _row(result)
        good = row[-1] == "ok"
        cells = "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row[1:-1])
        parts.append(f"<tr><td><a href=\"#{row[0]}-{row[1]}\">{row[0]}</a></td>{cells}"
                     f"<td class=\"{'good' if good else 'bad'}\">{row[-1]}</td></tr>")
    parts.append("</table>")
    parts += [_section(result) for result in results]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(parts) + "</html>\n")


def _section(result):
    text = [f"<h2 id=\"{result['name']}-{result['seed']}\">{html.escape(result['name'])}</h2>",
            f"<p>{html.escape(result['title'])}. {html.escape(one_line(result))}.</p>"]
    text += [f"<p class=\"bad\">{html.escape(missed)}</p>" for missed in result["missed"]]
    if result["summary"]:
        text.append(_plot(result))
    facts = ", ".join(f"{name} {value}" for name, value in result["facts"].items())
    text.append(f"<details><summary>All that was seen</summary><p>{html.escape(facts)}</p>"
                f"<pre>{html.escape(json.dumps(result['summary'], indent=1))}</pre></details>")
    if result["story"]:
        text.append(f"<pre>{html.escape(result['story'])}</pre>")
    return "\n".join(text)


_WIDTH, _HEIGHT, _LEFT = 1000, 120, 50


def _plot(result):
    """Answers and failures a second, and p50 and p99 of the latency, by the intended second."""
    seconds = {}
    begin = result["summary"]["begin"] / 1e6
    for entry in read_history([f"{result['folder']}/history.jsonl"]):
        second = int(entry["i"] / 1e6 - begin)
        if second >= 0:
            ok, bad, latencies = seconds.setdefault(second, ([0], [0], []))
            if failed(entry):
                bad[0] += 1
            else:
                ok[0] += 1
            latencies.append((entry["e"] - entry["i"]) / 1e3)
    if not seconds:
        return ""
    last = max(max(seconds) + 1, 2)
    p50, p99 = {}, {}
    for second, (_, _, latencies) in seconds.items():
        latencies.sort()
        p50[second] = latencies[len(latencies) // 2]
        p99[second] = latencies[int(0.99 * (len(latencies) - 1))]
    lag = {int(sample["time"] - begin): sample["consumer_lag"] for sample in result["samples"]
           if begin <= sample["time"] <= begin + last}
    charts = [
        ("a second: answered, not answered or refused",
         [({s: v[0][0] for s, v in seconds.items()}, "#1b6e3c"),
          ({s: v[1][0] for s, v in seconds.items()}, "#b00020")]),
        ("latency, ms: p50, p99", [(p50, "#2156a5"), (p99, "#d08a00")]),
        ("events that wait for consumers", [(lag, "#6a3d9a")]),
    ]
    pieces = []
    for number, (label, lines) in enumerate(charts):
        top = number * (_HEIGHT + 40) + 20
        highest = max([1, *(value for line, _ in lines for value in line.values())])

        def x(second):
            return _LEFT + (_WIDTH - _LEFT) * second / last

        for harm in result["harms"]:
            start = max(0, min(last, harm.began / 1e6 - begin))
            width = max(2, x(min(last, harm.ended / 1e6 - begin)) - x(start))
            pieces.append(f'<rect x="{x(start):.1f}" y="{top}" width="{width:.1f}" '
                          f'height="{_HEIGHT}" fill="#b00020" opacity=".13">'
                          f'<title>{html.escape(harm.what)}</title></rect>')
        for line, colour in lines:
            points = " ".join(
                f"{x(second + 0.5):.1f},{top + _HEIGHT * (1 - value / highest):.1f}"
                for second, value in sorted(line.items()))
            pieces.append(f'<polyline points="{points}" fill="none" stroke="{colour}" '
                          'stroke-width="1.5"/>')
        pieces.append(f'<line x1="{_LEFT}" y1="{top + _HEIGHT}" x2="{_WIDTH}" '
                      f'y2="{top + _HEIGHT}" stroke="#999"/>'
                      f'<text x="{_LEFT}" y="{top - 5}">{label}</text>'
                      f'<text x="0" y="{top + 10}">{highest:.0f}</text>'
                      f'<text x="{_LEFT}" y="{top + _HEIGHT + 14}">0 s</text>'
                      f'<text x="{_WIDTH - 40}" y="{top + _HEIGHT + 14}">{last} s</text>')
    height = len(charts) * (_HEIGHT + 40) + 20
    return (f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" '
            f'aria-label="throughput, latency and lag">{"".join(pieces)}</svg>')
