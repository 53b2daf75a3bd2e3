"""Charts of block characters, for terminals and for files."""

from collections.abc import Sequence

BLOCKS = " ▁▂▃▄▅▆▇█"
STEPS = len(BLOCKS) - 1


def area(values: Sequence[float], width: int, height: int) -> list[str]:
    """Shares from 0 to 1 over time, averaged to `width` columns, with the scale beside them."""
    means = averaged(values, width)
    levels = [round(min(max(mean, 0.0), 1.0) * height * STEPS) for mean in means]
    lines = []
    for row in range(height - 1, -1, -1):
        label = f"{(row + 1) / height:4.0%} " if (height - 1 - row) % 2 == 0 else "     "
        cells = (BLOCKS[min(max(level - row * STEPS, 0), STEPS)] for level in levels)
        lines.append(f"{label}|{''.join(cells)}".rstrip())
    lines.append(f"  0% +{'-' * len(means)}")
    return lines


def averaged(values: Sequence[float], width: int) -> list[float]:
    """At most `width` means of equal stretches of the values, none left out."""
    count = min(len(values), max(width, 1))
    means = []
    for place in range(count):
        part = values[place * len(values) // count : (place + 1) * len(values) // count]
        means.append(sum(part) / len(part))
    return means


def bar(share: float, width: int) -> str:
    """A share of a whole as a bar of up to `width` columns."""
    eighths = round(min(max(share, 0.0), 1.0) * width * STEPS)
    whole, rest = divmod(eighths, STEPS)
    return BLOCKS[STEPS] * whole + (BLOCKS[rest] if rest else "")
