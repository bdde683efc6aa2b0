"""Windows of half a second, which a lip-sync network compares."""

REACH_TICKS = 6  # ticks on either side of a window's middle
WINDOW_TICKS = 2 * REACH_TICKS + 1  # 13: 0.52 s
