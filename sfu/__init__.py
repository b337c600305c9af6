"""Forwards packets between the two legs of a call. Knows no names and no money."""
