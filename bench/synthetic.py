"""Synthetic media: a moving picture and a tone, made with numpy and handed out as av frames in real time."""

import asyncio
import fractions
import time

import av
import numpy as np
from aiortc import MediaStreamTrack

_VIDEO_CLOCK = 90_000
_AUDIO_RATE = 48_000
_AUDIO_SAMPLES = 960  # 20 ms


class MovingPicture(MediaStreamTrack):
    """A gradient that moves a little every frame, so that an encoder has something to do."""

    kind = "video"

    def __init__(self, width: int = 320, height: int = 240, rate: int = 15) -> None:
        super().__init__()
        self._rate = rate
        ramp = np.linspace(0, 255, width, dtype=np.uint8)
        self._picture = np.dstack([np.tile(ramp, (height, 1))] * 3)
        self._count = 0
        self._start = 0.0

    async def recv(self) -> av.VideoFrame:
        """Return the next RGB frame when it is due."""
        self._start = self._start or time.monotonic()
        await asyncio.sleep(max(0.0, self._start + self._count / self._rate - time.monotonic()))
        frame = av.VideoFrame.from_ndarray(np.roll(self._picture, 4 * self._count, axis=1), format="rgb24")
        frame.pts = self._count * _VIDEO_CLOCK // self._rate
        frame.time_base = fractions.Fraction(1, _VIDEO_CLOCK)
        self._count += 1
        return frame


class Tone(MediaStreamTrack):
    """A sine tone, mono, 16 bit, in frames of 20 ms."""

    kind = "audio"

    def __init__(self, frequency: float = 440.0) -> None:
        super().__init__()
        self._frequency = frequency
        self._count = 0
        self._start = 0.0

    async def recv(self) -> av.AudioFrame:
        """Return the next 20 ms when they are due."""
        self._start = self._start or time.monotonic()
        await asyncio.sleep(max(0.0, self._start + self._count * 0.02 - time.monotonic()))
        positions = np.arange(self._count * _AUDIO_SAMPLES, (self._count + 1) * _AUDIO_SAMPLES)
        wave = 8000 * np.sin(2 * np.pi * self._frequency * positions / _AUDIO_RATE)
        frame = av.AudioFrame.from_ndarray(wave.astype(np.int16).reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = _AUDIO_RATE
        frame.pts = self._count * _AUDIO_SAMPLES
        frame.time_base = fractions.Fraction(1, _AUDIO_RATE)
        self._count += 1
        return frame
