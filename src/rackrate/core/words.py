"""How many of a thing, in words: one is one node, and nothing is none of them."""


def counted(number: int, what: str) -> str:
    """`1 node`, `1,200 nodes`."""
    return f"1 {what}" if number == 1 else f"{number:,} {what}s"


def nodes_said(count: int) -> str:
    return counted(count, "node")


def part_said(possible: int, asked: int) -> str:
    """How many of the nodes that were asked for: `none of 4 nodes`, `at most 2 of 4 nodes`."""
    most = f"at most {possible:,}" if possible > 0 else "none"
    return f"{most} of {nodes_said(asked)}"
