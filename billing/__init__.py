"""Will turn recorded facts into charges and holds: see docs/roadmap.md. Nothing is here yet."""
