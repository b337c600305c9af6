"""The WebSocket server, its rows, and the reception that binds lobby, agenda and media."""
