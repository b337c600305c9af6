"""A participant that is no browser: aiortc's whole peer connection with synthetic media, answering our offers."""

import asyncio
import time
from dataclasses import dataclass

import av
import numpy as np
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from bench.synthetic import MovingPicture, Tone


@dataclass(slots=True)
class Received:
    """What came in: frames of video, frames of sound that were not silent, and when the first picture came."""

    video: int = 0
    audio: int = 0
    first_video_at: float | None = None


class Caller:
    """Answers offers, sends a picture and a tone, and counts what it receives."""

    def __init__(self) -> None:
        self._peer = RTCPeerConnection()
        self._picture = MovingPicture()
        self._tone = Tone()
        self._tasks: set[asyncio.Task[None]] = set()
        self.received = Received()
        self._peer.on("track", self._on_track)

    @property
    def state(self) -> str:
        """The connection state as WebRTC names it."""
        return self._peer.connectionState

    async def answer(self, offer: str) -> str:
        """Apply an offer and return the SDP of the answer."""
        await self._peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        transceivers = {transceiver.mid: transceiver for transceiver in self._peer.getTransceivers()}
        for mid, track in (("0", self._tone), ("1", self._picture)):
            transceivers[mid].direction = "sendrecv"
            if transceivers[mid].sender.track is not track:
                transceivers[mid].sender.replaceTrack(track)
        await self._peer.setLocalDescription(await self._peer.createAnswer())
        return str(self._peer.localDescription.sdp)

    def _on_track(self, track: MediaStreamTrack) -> None:
        task = asyncio.get_running_loop().create_task(self._count(track))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _count(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            if isinstance(frame, av.VideoFrame):
                self.received.video += 1
                self.received.first_video_at = self.received.first_video_at or time.monotonic()
            elif isinstance(frame, av.AudioFrame) and np.abs(frame.to_ndarray()).max() > 100:
                self.received.audio += 1

    async def close(self) -> None:
        """Hang up and stop the tracks."""
        await self._peer.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
