"""Routes, sessions, headers and rendering."""
