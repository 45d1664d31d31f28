"""A queue over time in plain characters, the same on a terminal and in a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

WIDTH, HEIGHT = 78, 8


def plot(samples: Sequence[tuple[float, int]], marks: Mapping[str, float], *, title: str) -> list[str]:
    """`samples` are (seconds, count) in order; `marks` are words put under the time at which they happened."""
    if not samples:
        return [f"{title}: never looked at"]
    end, top = max(samples[-1][0], *marks.values(), 1.0), max(1, *(n for _, n in samples))
    gutter = len(str(top)) + 2
    columns = _columns(samples, end, WIDTH - gutter)
    rows = [f"{title}, at most {top}"]
    for row in range(HEIGHT, 0, -1):
        label = str(round(top * row / HEIGHT)) if row in {HEIGHT, HEIGHT // 2} else ""
        rows.append(
            f"{label:>{gutter - 2}} |" + "".join("#" if _rows(n, top) >= row else " " for n in columns).rstrip()
        )
    rows.append(f"{'0':>{gutter - 2}} +" + "-" * len(columns))
    return rows + _under(marks, end, gutter, len(columns))


def _columns(samples: Sequence[tuple[float, int]], end: float, width: int) -> list[int]:
    """The maximum of each column; a column without a look shows the one before."""
    most = [-1] * width
    for at, n in samples:
        column = min(width - 1, int(at / end * width))
        most[column] = max(most[column], n)
    for i, n in enumerate(most):
        most[i] = n if n >= 0 else most[i - 1] if i else 0
    return most


def _rows(n: int, top: int) -> int:
    """Rounded up, so that one message shows."""
    return -(-n * HEIGHT // top)


def _under(marks: Mapping[str, float], end: float, gutter: int, width: int) -> list[str]:
    """Each word begins under its time; if two would overlap, the later one is a line lower."""
    lines: list[str] = []
    for word, at in sorted(marks.items(), key=lambda m: m[1]):
        text = f"^{word} {at:.0f} s"
        column = min(gutter + int(at / end * width), WIDTH - len(text))
        for i, line in enumerate(lines):
            if len(line) < column:
                lines[i] = line.ljust(column) + text
                break
        else:
            lines.append(" " * column + text)
    return lines
