"""The WebSocket protocol: one session per participant, the call and its two seats."""
