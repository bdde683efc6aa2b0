"""Why a detector says what it says: where it looked, what it heard, and whether that is so."""
