/**
 * The messages on the WebSocket, as types: `docs/protocol.md` says what they mean and when they are sent.
 *
 * @typedef {"ok" | "off" | "denied" | "missing" | "unknown"} DeviceState
 * @typedef {{camera: DeviceState, microphone: DeviceState}} Devices
 * @typedef {{microphone: boolean, camera: boolean, screen: boolean}} Sending
 *
 * What the page opens a connection with:
 * @typedef {{type: "attend"}} Attend
 * @typedef {{type: "enter", consultation: string, sending: Sending}} Enter
 * @typedef {{type: "knock", invitation: string, name: string, devices: Devices, ticket: string | null}} Knock
 * @typedef {{type: "resume", session: string}} Resume
 * @typedef {Attend | Enter | Knock} Opening
 *
 * What the page asks for:
 * @typedef {{type: "devices", devices: Devices}} DevicesChanged
 * @typedef {{type: "admit", admission: string, version: number}} Admit
 * @typedef {{type: "decline", admission: string, version: number}} Decline
 * @typedef {{type: "send_back"}} SendBack
 * @typedef {{type: "answer", negotiation: number, sdp: string}} Answer
 * @typedef {{type: "restart_ice"}} RestartIce
 * @typedef {{type: "sending", sending: Sending}} SendingChanged
 * @typedef {{type: "pause_meter"}} PauseMeter
 * @typedef {{type: "resume_meter"}} ResumeMeter
 * @typedef {{type: "leave"}} Leave
 * @typedef {{type: "alive"}} Alive
 * @typedef {DevicesChanged | Admit | Decline | SendBack | Answer | RestartIce | SendingChanged | PauseMeter | ResumeMeter
 *   | Leave | Alive} Request
 *
 * What the server says:
 * @typedef {{type: "welcome", session: string, role: string, resumed: boolean}} Welcome
 * @typedef {"absent" | "present" | "in_call"} Host
 * @typedef {{type: "waiting", ticket: string, since: string, practitioner: string, starts_at: string, host: Host}} Waiting
 * @typedef {"too_early" | "too_late" | "cancelled" | "ended" | "agreement" | "hold"} Obstacle
 * @typedef {{type: "not_yet", obstacles: Obstacle[], opens_at: string, closes_at: string}} NotYet
 * @typedef {{type: "admitted", ticket: string}} Admitted
 * @typedef {{type: "declined"}} Declined
 * @typedef {{type: "sent_back"}} SentBack
 * @typedef {{type: "lapsed"}} Lapsed
 * @typedef {{admission: string, version: number, consultation: string, name: string, since: string,
 *   devices: Devices, connected: boolean, same_link: boolean}} LobbyEntry
 * @typedef {{type: "lobby", entries: LobbyEntry[]}} Lobby
 * @typedef {{type: "offer", negotiation: number, sdp: string, fresh: boolean}} Offer
 * @typedef {{type: "peer", present: boolean, connected: boolean, name: string, sending: Sending}} PeerState
 * @typedef {{type: "call", state: "open" | "connecting" | "live" | "interrupted", live_since: string | null}} CallState
 * @typedef {{type: "meter", seconds: number, running: boolean, paused: boolean, currency: string, exponent: number,
 *   cost: number, next_costs: number[], ends_in: number | null}} Meter
 * @typedef {{type: "ended", reason: "hung_up" | "peer_lost" | "never_joined" | "worker_lost", by: string}} Ended
 * @typedef {{type: "displaced", how: "same_person" | "moved"}} Displaced
 * @typedef {{type: "rejoin"}} Rejoin
 * @typedef {{type: "problem", code: string}} Problem
 * @typedef {Welcome | Waiting | NotYet | Admitted | Declined | SentBack | Lapsed | Lobby | Offer | PeerState
 *   | CallState | Meter | Ended | Displaced | Rejoin | Problem} Event
 *
 * @typedef {{n: number, ack: number, body?: Event | null}} ServerFrame
 */

export {};
