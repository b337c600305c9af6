/* The media side of the page tests: offers like the server does, sends a moving picture and a tone, and counts. */

const canvas = document.createElement("canvas");
[canvas.width, canvas.height] = [1280, 720];
const brush = canvas.getContext("2d");
let screenShown = false;

/** Somebody in front of a wall, who breathes and blinks. */
function portrait(time) {
  const wall = brush.createLinearGradient(0, 0, 1280, 720);
  wall.addColorStop(0, "#d8d2c4");
  wall.addColorStop(1, "#b9b3a6");
  brush.fillStyle = wall;
  brush.fillRect(0, 0, 1280, 720);
  brush.fillStyle = "#9fb0a4";
  brush.fillRect(860, 90, 260, 330);
  brush.fillStyle = "#cfdcd6";
  brush.fillRect(876, 106, 228, 298);
  const sway = Math.sin(time / 900) * 6;
  brush.fillStyle = "#35576b";
  brush.beginPath();
  brush.ellipse(620 + sway, 760, 300, 270, 0, 0, 7);
  brush.fill();
  brush.fillStyle = "#d9a98a";
  brush.fillRect(570 + sway, 430, 100, 110);
  brush.beginPath();
  brush.ellipse(620 + sway, 330, 125, 160, 0, 0, 7);
  brush.fill();
  brush.fillStyle = "#4a3428";
  brush.beginPath();
  brush.ellipse(620 + sway, 235, 138, 100, 0, Math.PI, 2 * Math.PI);
  brush.fill();
  brush.fillStyle = "#2c211b";
  const open = time % 3000 < 140 ? 2 : 11;
  for (const x of [575, 665]) {
    brush.beginPath();
    brush.ellipse(x + sway, 325, 9, open, 0, 0, 7);
    brush.fill();
  }
  brush.strokeStyle = "#8d4f42";
  brush.lineWidth = 7;
  brush.beginPath();
  brush.arc(620 + sway, 385, 42, 0.25, Math.PI - 0.25);
  brush.stroke();
}

/** A document, as it is shared. */
function paper(brush, width, height, time) {
  brush.fillStyle = "#fff";
  brush.fillRect(0, 0, width, height);
  brush.fillStyle = "#14201e";
  brush.font = "600 44px sans-serif";
  brush.fillText("Compte rendu", 80, 110);
  brush.fillStyle = "#c4cecb";
  for (let line = 0; line < 12; line += 1) brush.fillRect(80, 170 + line * 40, 700 + ((line * 173) % 300), 14);
  brush.fillStyle = "#0f6b67";
  brush.fillRect(80, 680, (time / 20) % 400, 8);
}

const sheet = document.createElement("canvas");
[sheet.width, sheet.height] = [1280, 720];
setInterval(() => {
  portrait(performance.now());
  paper(sheet.getContext("2d"), 1280, 720, performance.now());
}, 40);

let connection;
let negotiation = 0;

/** Returns an offer with the lines audio, camera, screen and this machine's addresses. */
async function makeOffer() {
  connection ??= begin();
  const offer = await connection.createOffer();
  await connection.setLocalDescription(offer);
  if (connection.iceGatheringState !== "complete") {
    await new Promise((resolve) => {
      connection.onicegatheringstatechange = () => connection.iceGatheringState === "complete" && resolve();
    });
  }
  negotiation += 1;
  return { negotiation, sdp: connection.localDescription.sdp };
}

function begin() {
  const made = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  const audio = new AudioContext();
  const tone = new OscillatorNode(audio, { frequency: 330 });
  const out = audio.createMediaStreamDestination();
  tone.connect(new GainNode(audio, { gain: 0.05 })).connect(out);
  tone.start();
  made.addTransceiver(out.stream.getAudioTracks()[0], { direction: "sendrecv" });
  made.addTransceiver(canvas.captureStream(25).getVideoTracks()[0], { direction: "sendrecv" });
  made.addTransceiver(sheet.captureStream(10).getVideoTracks()[0], { direction: "sendrecv" });
  return made;
}

async function takeAnswer(sdp) {
  await connection.setRemoteDescription({ type: "answer", sdp });
}

/** Returns how many packets each line has received. */
async function received() {
  const counts = {};
  for (const figure of (await connection.getStats()).values()) {
    if (figure.type === "inbound-rtp") counts[figure.mid] = figure.packetsReceived;
  }
  return counts;
}

function hangUp() {
  connection?.close();
  connection = undefined;
}
