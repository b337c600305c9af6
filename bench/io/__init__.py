"""The bench's effects: servers, sockets, processes, clocks."""
