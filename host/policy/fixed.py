"""One threshold throughout: the manifest's, or the one that was asked for."""

from dataclasses import dataclass

from host.policy.policy import Settings, Turn


@dataclass(frozen=True)
class Fixed:
    final: int

    @property
    def left(self) -> tuple[int, ...]:
        return (self.final,)

    def turn(self) -> Turn:
        return Turn(self.final)

    def learn(self, turn: Turn, score: int, class_index: int, answer: int | None) -> None:
        """Nothing is learned."""


def make(settings: Settings) -> Fixed:
    return Fixed(settings.threshold)
