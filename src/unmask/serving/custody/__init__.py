"""Chain of custody: records of how a report was made, signatures, and their verification."""
