from tests.toy_fixtures import (  # noqa: F401
    one_thread,
    rename_clip,
    tiny_settings,
    toy_clips,
    toy_load,
)
