"""Limits of one file: its size, as in the service, and the time of its analysis."""

MIB = 2**20
MAX_FILE_MIB = 2048  # of a video that is uploaded, downloaded or unpacked
MAX_FILE_S = 3600.0  # time to fetch and analyze one file
