"""What a hostile or careless hand does to a clip."""
