// Runs in each page before its own scripts: the camera is a canvas that shows the time in black and white cells, and
// whatever the page renders of the other one is read back. Times are milliseconds of the machine's clock.
(() => {
  const COLUMNS = 8;
  const ROWS = 5;
  const BITS = 32;
  const CHECK_BITS = COLUMNS * ROWS - BITS - 2;
  const [width, height, rate] = [__WIDTH__, __HEIGHT__, __RATE__];
  const now = () => performance.timeOrigin + performance.now();
  const seen = { frames: 0, unreadable: 0, firstFrameAt: null, admittedAt: null, delays: [], peers: 0 };
  Object.defineProperty(window, "bench", { value: seen });
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("button")?.textContent.trim().startsWith("__ADMIT__")) seen.admittedAt = now();
  }, true);

  const check = (time) => (Math.imul(time, 2654435761) >>> 0) >>> (32 - CHECK_BITS);
  // White, black, the time's 32 lowest bits, a check sum.
  function cells(time) {
    const bits = [1, 0];
    for (let bit = BITS - 1; bit >= 0; bit -= 1) bits.push((time >>> bit) & 1);
    for (let bit = CHECK_BITS - 1; bit >= 0; bit -= 1) bits.push((check(time) >>> bit) & 1);
    return bits;
  }

  function camera() {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [width, height];
    const pen = canvas.getContext("2d");
    const [cellWidth, cellHeight] = [width / COLUMNS, (height * 0.75) / ROWS];
    let count = 0;
    setInterval(() => {
      // Something that moves below the clock, so that the encoder has work as with a face.
      for (let x = 0; x < width; x += 16) {
        pen.fillStyle = `hsl(${(x + 7 * count) % 360} 70% ${40 + (((x * 31) ^ (count * 17)) % 30)}%)`;
        pen.fillRect(x, height * 0.75, 16, height * 0.25);
      }
      count += 1;
      cells(Math.round(now()) >>> 0).forEach((bit, index) => {
        pen.fillStyle = bit ? "#fff" : "#000";
        pen.fillRect((index % COLUMNS) * cellWidth, Math.floor(index / COLUMNS) * cellHeight, cellWidth, cellHeight);
      });
    }, 1000 / rate);
    return canvas.captureStream(rate).getVideoTracks()[0];
  }

  function microphone() {
    const audio = new AudioContext();
    const [tone, out] = [audio.createOscillator(), audio.createMediaStreamDestination()];
    tone.connect(out);
    tone.start();
    return out.stream.getAudioTracks()[0];
  }

  navigator.mediaDevices.getUserMedia = async ({ audio, video }) => {
    const tracks = [];
    if (audio) tracks.push(microphone());
    if (video) tracks.push(camera());
    return new MediaStream(tracks);
  };

  const glass = document.createElement("canvas");
  [glass.width, glass.height] = [COLUMNS * 4, ROWS * 4];
  const eye = glass.getContext("2d", { willReadFrequently: true });

  function read(video) {
    eye.drawImage(video, 0, 0, video.videoWidth, video.videoHeight * 0.75, 0, 0, glass.width, glass.height);
    const { data } = eye.getImageData(0, 0, glass.width, glass.height);
    const bits = [];
    for (let index = 0; index < COLUMNS * ROWS; index += 1) {
      const [x, y] = [(index % COLUMNS) * 4, Math.floor(index / COLUMNS) * 4];
      let sum = 0;
      for (const [dx, dy] of [[1, 1], [2, 1], [1, 2], [2, 2]]) sum += data[4 * ((y + dy) * glass.width + x + dx) + 1];
      bits.push(sum / 4);
    }
    const middle = (bits[0] + bits[1]) / 2;
    const value = (from, count) => bits.slice(from, from + count).reduce((sum, b) => sum * 2 + (b > middle ? 1 : 0), 0);
    const time = value(2, BITS);
    return bits[0] - bits[1] > 60 && value(2 + BITS, CHECK_BITS) === check(time) ? time : null;
  }

  function watch(video) {
    const onFrame = (_, { expectedDisplayTime }) => {
      const shownAt = performance.timeOrigin + expectedDisplayTime;
      seen.frames += 1;
      seen.firstFrameAt ??= shownAt;
      const drawnAt = read(video);
      if (drawnAt === null) seen.unreadable += 1;
      else seen.delays.push((((Math.round(shownAt) >>> 0) - drawnAt) | 0) + (shownAt - Math.round(shownAt)));
      video.requestVideoFrameCallback(onFrame);
    };
    video.requestVideoFrameCallback(onFrame);
  }

  const watched = new WeakSet();
  setInterval(() => {
    const video = document.getElementById("remote-video");
    if (!video || watched.has(video)) return;
    watched.add(video);
    watch(video);
  }, 10);
})();
