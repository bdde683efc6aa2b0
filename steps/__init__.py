"""Steps of the pipelines, one per file: unpack, one library call, name the outputs."""
