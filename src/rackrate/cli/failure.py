"""What a command says when it cannot do what was asked: one sentence, a reason, an exit code."""


class Failure(Exception):
    """`sentence` says what is wrong and what to do next; `reason` is the stable word for programs.

    `lines` go below the sentence, for a file with many mistakes.
    """

    def __init__(
        self, sentence: str, reason: str = "", code: int = 1, lines: tuple[str, ...] = ()
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.reason = reason
        self.code = code
        self.lines = lines

    def __str__(self) -> str:
        mark = f" [{self.reason}]" if self.reason else ""
        return "\n".join((f"{self.sentence}{mark}", *self.lines))


class Usage(Failure):
    """The command itself is wrong as it was typed."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, "usage", 2)
