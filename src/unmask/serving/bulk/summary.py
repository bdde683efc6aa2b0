"""Summary of a bulk analysis: counts by outcome, for people and for exit codes."""

from collections import Counter
from dataclasses import dataclass, field

from unmask.progress_bar import format_rate, format_time
from unmask.serving.bulk.finished import OUTCOMES, outcome_of
from unmask.serving.bulk.row import Row


@dataclass(slots=True)
class Summary:
    """Counts of the files of one analysis.

    Attributes:
        earlier: By outcome, of unchanged files that an earlier run finished.
        added: By outcome, of this run.
        errors: By kind, of this run.
    """

    earlier: Counter[str] = field(default_factory=Counter)
    added: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)

    def add(self, row: Row) -> None:
        """Count a new row."""
        self.added[outcome_of(row)] += 1
        if row.error is not None:
            self.errors[row.error] += 1

    @property
    def outcomes(self) -> Counter[str]:
        """All files by outcome."""
        return self.earlier + self.added

    def fails(self, policy: set[str]) -> bool:
        """Return whether a file ended as the policy forbids."""
        return any(self.outcomes[outcome] for outcome in policy)

    def describe(self, wall_s: float) -> str:
        """Return the counts as a line.

        Example:
            >>> Summary(Counter(real=3), Counter(fake=1, error=1), Counter(media=1)).describe(2.0)
            '5 files: 1 fake, 3 real, 1 error (1 media); 2 now in 2 s (1.0 a second), 3 before'
        """
        outcomes, added = self.outcomes, self.added.total()
        parts = [f"{outcomes[name]} {name}" for name in OUTCOMES[:-1] if outcomes[name]]
        if count := outcomes["error"]:
            kinds = ", ".join(f"{number} {kind}" for kind, number in self.errors.most_common())
            parts.append(f"{count} error{'s' * (count > 1)}" + (f" ({kinds})" if kinds else ""))
        total = outcomes.total()
        text = f"{total} file{'s' * (total != 1)}: {', '.join(parts) or 'none'}; "
        text += f"{added} now in {format_time(wall_s)}"
        text += f" ({format_rate(added, wall_s)})" if added else ""
        return text + (f", {self.earlier.total()} before" if self.earlier else "")
