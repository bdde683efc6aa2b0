"""Streaming of lip-sync clips: lips and sound are read when they are used."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import overload

from unmask.records import Clip
from unmask.training.lipsync.dataset import SyncClip

KEPT_BYTES = 2**30  # of the clips used last, which stay in memory


class StreamedClips(Sequence[SyncClip]):
    """Clips that are known to have lips and sound.

    Args:
        clips: Their rows.
        read: Reads a clip.
        kept_bytes: Clips of together so many bytes of lips and sound stay in memory.
    """

    def __init__(
        self, clips: Sequence[Clip], read: Callable[[Clip], SyncClip], kept_bytes: int = KEPT_BYTES
    ) -> None:
        self.clips = tuple(clips)
        self._read, self._kept_bytes = read, kept_bytes
        self._kept: OrderedDict[int, SyncClip] = OrderedDict()

    def __len__(self) -> int:
        return len(self.clips)

    @overload
    def __getitem__(self, index: int) -> SyncClip: ...

    @overload
    def __getitem__(self, index: slice) -> "StreamedClips": ...

    def __getitem__(self, index: int | slice) -> "SyncClip | StreamedClips":
        if isinstance(index, slice):
            return StreamedClips(self.clips[index], self._read, self._kept_bytes)
        place = range(len(self.clips))[index]
        clip = self._kept.pop(place, None) or self._read(self.clips[place])
        self._kept[place] = clip
        while len(self._kept) > 1 and self.kept_bytes() > self._kept_bytes:
            self._kept.popitem(last=False)
        return clip

    def kept_bytes(self) -> int:
        """Return the size of the lips and sound in memory."""
        return sum(_size(clip) for clip in self._kept.values())


def _size(clip: SyncClip) -> int:
    return clip.lips.mouths.nbytes + clip.sample.waveform.nbytes + clip.sample.is_speech.nbytes
