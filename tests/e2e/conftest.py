from tests.toy_fixtures import (  # noqa: F401
    one_thread,
    score_rows,
    tiny_settings,
    toy_clips,
    toy_load,
)
