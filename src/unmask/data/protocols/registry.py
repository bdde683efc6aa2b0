"""All data sets that unmask knows by name."""

from unmask.data.protocols import audio_sets, video_sets
from unmask.data.protocols.protocol import Protocol
from unmask.markdown_table import markdown_table

PROTOCOLS: dict[str, Protocol] = {
    record.name: record
    for module in (video_sets, audio_sets)
    for record in vars(module).values()
    if isinstance(record, Protocol)
}
HEADER = ("data set", "in gates", "use", "splits", "labels", "compression", "frames", "licence")


def table_rows() -> list[tuple[str, ...]]:
    """Return a row of ``HEADER`` per data set."""
    return [
        (
            f"{record.name} ({record.citation})",
            record.alias,
            record.role,
            record.splits,
            _labels(record),
            ", ".join(record.compressions) or "–",
            str(record.frames or "–"),
            record.licence,
        )
        for record in PROTOCOLS.values()
    ]


def to_markdown() -> str:
    """Return the table of the data sets, and the list of their layouts and sources."""
    layouts = [
        f"- {record.name}: `{record.layout}`. Sources: {'; '.join(map(_link, record.sources))}"
        for record in PROTOCOLS.values()
    ]
    return "\n".join([markdown_table(HEADER, table_rows()), "", *layouts])


def describe(*records: Protocol) -> str:
    """Return the names of data sets that are read alike, and the layout of the first."""
    return f"{', '.join(record.name for record in records)} ({records[0].layout})"


def _link(source: str) -> str:
    """Return a source with its address as a link of Markdown."""
    address, space, files = source.partition(" ")
    if not address.startswith("https://"):
        return source
    return f"[{address.removeprefix('https://')}]({address}){space}{files}"


def _labels(record: Protocol) -> str:
    meanings = {False: "genuine", True: "fake"}
    return ", ".join(f"`{word}` {meanings[is_fake]}" for word, is_fake in record.labels.items())
