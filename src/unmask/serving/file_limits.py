"""Limits of size that the service and the command line share."""

MIB = 2**20
MAX_FILE_MIB = 2048  # of a video that is uploaded, downloaded or unpacked
