"""Analyze one video with the library and print why the verdict was reached.

    .venv/bin/python examples/analyze_video.py CLIP [BUNDLE_DIR]

Without BUNDLE_DIR the champion of the last `make train` is used.
"""

import sys
from pathlib import Path

from unmask import Analyzer, Report, UnmaskError


def print_report(report: Report) -> None:
    """Print the verdict, its probability, the flagged segments, and the caveats."""
    if report.fake_probability is None:
        print(f"{report.verdict}: {report.reason}")
    else:
        print(f"{report.verdict}: fake probability {report.fake_probability:.2f}")
    for segment in report.segments:
        print(
            f"  {segment.start_s:.1f} to {segment.end_s:.1f} s, {segment.modality}: "
            f"{segment.fake_probability:.3f}"
        )
    for note in report.notes:
        print(f"  note: {note}")


def main(arguments: list[str]) -> int:
    """Return the exit code: 0, 1 for wrong usage, 2 for a file that cannot be analyzed."""
    if len(arguments) not in (1, 2):
        print(__doc__, file=sys.stderr)
        return 1
    clip, *bundle = map(Path, arguments)
    try:
        print_report(Analyzer.load(*bundle).analyze(clip))
    except UnmaskError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
