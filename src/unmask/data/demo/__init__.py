"""A made-up set of talking people, from two portraits and no download."""
