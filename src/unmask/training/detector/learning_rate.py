"""Schedule of the learning rate: warm-up, half a cosine and, at any time, a cool-down."""

import numpy as np

WARMUP_SHARE = 0.1  # share of the steps with a rising learning rate


class WarmupCosine:
    """Factor of the learning rate at each step: linear warm-up, half a cosine decay.

    Unlike ``transformers.get_cosine_schedule_with_warmup``, whose first step has a rate of 0, the
    warm-up starts above 0 and reaches 1 in its last step. A cool-down lets the rate fall linearly
    to 0 before the cosine does (Hägele et al., "Scaling Laws and Compute-Optimal Training Beyond
    Fixed Training Durations", NeurIPS 2024). ``LambdaLR`` stores the attributes in checkpoints.

    Args:
        steps: Steps of the whole fit.

    Example:
        >>> factor = WarmupCosine(20)
        >>> [factor(0), factor(1), factor(20)]
        [0.5, 1.0, 0.0]
        >>> factor.start_cooldown(2, 4)
        >>> [round(factor(step), 2) for step in (2, 4, 6, 20)]
        [1.0, 0.5, 0.0, 0.0]
    """

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.warmup_steps = max(round(steps * WARMUP_SHARE), 1)
        self.cooldown_start: int | None = None
        self.cooldown_steps = 0

    def start_cooldown(self, step: int, steps: int) -> None:
        """Let the rate fall from that of ``step`` to 0 within ``steps`` steps."""
        self.cooldown_start, self.cooldown_steps = step, steps

    def __call__(self, step: int) -> float:
        """Return the factor of a step, in ``[0, 1]``."""
        if self.cooldown_start is None:
            return self._scheduled(step)
        rest = 1 - (step - self.cooldown_start) / self.cooldown_steps
        return min(self._scheduled(step), self._scheduled(self.cooldown_start) * max(rest, 0.0))

    def _scheduled(self, step: int) -> float:
        if step < self.warmup_steps:
            return (step + 1) / self.warmup_steps
        decay_steps = max(self.steps - self.warmup_steps, 1)
        progress = min((step - self.warmup_steps) / decay_steps, 1.0)
        return float(0.5 * (1 + np.cos(np.pi * progress)))
