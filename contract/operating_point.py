"""What a threshold did: how many samples were accepted, and how many of those were wrong. Training measures it in
arrays (`train.evaluation.operating_point`, which tells the two error rates apart), the bridge on a board
(`host.sweep`)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class OperatingPoint:
    """Numbers of samples: all, those accepted, and of these those answered wrongly."""

    samples: int
    accepted: int
    wrong: int

    @property
    def coverage(self) -> float:
        return self.accepted / self.samples

    @property
    def joint_error(self) -> float:
        return self.wrong / self.samples

    @property
    def selective_risk(self) -> float:
        """Of nothing accepted it is 0, as nothing was answered wrongly."""
        return self.wrong / self.accepted if self.accepted else 0.0
