/**
 * The LiveKit room of a visit: who the agent is, its tracks, attributes and captions, and how the connection fares.
 *
 * The picture comes from the job's own participant, or from one that a provider has sent on its behalf; the job says from whom.
 * Sound is played of both: one of them speaks at a time.
 */

const { ConnectionQuality, DisconnectReason, ParticipantKind, Room, RoomEvent, Track } = globalThis.LivekitClient;

const STAGE_ATTRIBUTE = "avatary.stage";
const AGENT_STATE_ATTRIBUTE = "lk.agent.state";
const ON_BEHALF_ATTRIBUTE = "lk.publish_on_behalf";
const PROGRESS_METHOD = "avatary.visit_progress";
const FACE_ATTRIBUTE = "avatary.face";
const SHOWN_ATTRIBUTE = "avatary.shown";
const SWITCH_ATTRIBUTE = "avatary.switch";
const SWITCH_SEEN_METHOD = "avatary.switch_seen";
const CAPTIONS_TOPIC = "lk.transcription";
const TYPED_TOPIC = "lk.chat";

/** Disconnects that are an answer, not an accident: the page does not come back by itself. */
const FINAL = {
  [DisconnectReason.CLIENT_INITIATED]: "left",
  [DisconnectReason.ROOM_DELETED]: "ended",
  [DisconnectReason.PARTICIPANT_REMOVED]: "removed",
  [DisconnectReason.DUPLICATE_IDENTITY]: "elsewhere",
};

// Pauses before the SDK's own attempts to resume; then it gives up, and the page joins anew with a fresh token.
const RESUME_PAUSES_MS = [0, 250, 500, 1_000, 1_500, 2_000];

/**
 * @typedef {object} Listener
 * @property {(facts: Partial<import("./stages.js").Facts>) => void} onFacts
 * @property {(code: string, isOver: boolean) => void} onSwitch  the mode is being switched, or was
 * @property {(track: MediaStreamTrack) => void} onSound   a sound of the agent's, now playing
 * @property {(caption: {reader: AsyncIterable<string>, segment: string, mine: boolean}) => void} onCaption
 * @property {(over: "left"|"ended"|"removed"|"elsewhere"|null) => void} onClosed  null: lost, worth another try
 */

export class AvatarRoom {
  /**
   * @param {{picture: import("./picture.js").Picture, audio: HTMLAudioElement}} shownIn
   * @param {Listener} listener
   */
  constructor({ picture, audio }, listener) {
    this.picture = picture;
    this.audio = audio;
    this.listener = listener;
    /** The agent's videos and sounds, and who each is of. @type {Map<object, object>} */
    this.videos = new Map();
    this.sounds = new Map();
    /** What a receiver was told to hold; it may be of several tracks, one after the other. @type {WeakMap<RTCRtpReceiver, number>} */
    this.held = new WeakMap();
    // One avatar at full size: choosing layers by element size would only put a round trip before the first frame.
    // A lost room must not stop the microphone's track.
    this.room = new Room({
      adaptiveStream: false,
      dynacast: false,
      stopLocalTrackOnUnpublish: false,
      reconnectPolicy: { nextRetryDelayInMs: ({ retryCount }) => RESUME_PAUSES_MS[retryCount] ?? null },
    });
    this.#listen();
  }

  /** @param {import("./visit.js").Ticket} ticket */
  async connect(ticket) {
    await this.room.connect(ticket.livekit_url, ticket.token);
  }

  async leave() {
    await this.room.disconnect(false);
  }

  /** @param {object} microphone  LocalAudioTrack */
  async publish(microphone) {
    if (this.published === microphone) return;
    this.published = microphone;
    await this.room.localParticipant.publishTrack(microphone, { source: Track.Source.Microphone });
  }

  /** Words that were typed, to the avatar alone. @param {string} text */
  async type(text) {
    const { agent } = this;
    if (!agent) throw new Error("The avatar is not in the room");
    await this.room.localParticipant.sendText(text, { topic: TYPED_TOPIC, destinationIdentities: [agent.identity] });
  }

  /** Must run inside a tap. */
  async startSound() {
    await this.room.startAudio();
  }

  /** Identity of the job's participant, the latest where a crashed one still lingers; undefined before it is there. */
  get agent() {
    return [...this.room.remoteParticipants.values()]
      .filter((participant) => isAgent(participant) && !participant.attributes[ON_BEHALF_ATTRIBUTE])
      .sort((one, other) => (one.joinedAt ?? 0) - (other.joinedAt ?? 0))
      .at(-1);
  }

  /** @param {string} identity @param {object} report  VisitReport */
  async report(identity, report) {
    await this.room.localParticipant.performRpc({
      destinationIdentity: identity,
      method: PROGRESS_METHOD,
      payload: JSON.stringify(report),
    });
  }

  /** The browser's statistics of what is playing. @returns {Promise<{video?: RTCStatsReport, audio?: RTCStatsReport}>} */
  async statistics() {
    const { picture, sound } = this.#playing();
    const [video, audio] = await Promise.all([picture, sound].map((track) => track?.getRTCStatsReport?.()));
    return { video, audio };
  }

  /** What is playing stays in the browser for as long, from its arrival on. @param {import("./in_step.js").Both} holds */
  hold(holds) {
    for (const [kind, track] of Object.entries(this.#playing())) {
      const receiver = track?.receiver;
      if (!receiver || (this.held.get(receiver) ?? 0) === holds[kind]) continue;
      receiver.jitterBufferTarget = holds[kind] || null;
      this.held.set(receiver, holds[kind]);
    }
  }

  /** @returns {{picture?: object, sound?: object}} tracks of whom is looked at */
  #playing() {
    const whose = this.videos.get(this.picture.track);
    return { picture: whose && this.picture.track, sound: [...this.sounds].find(([, one]) => one === whose)?.[0] };
  }

  /** @param {{switch: string, gap_ms: number}} report  SwitchSeenReport */
  async reportSwitch(report) {
    await this.room.localParticipant.performRpc({
      destinationIdentity: this.agent?.identity ?? "",
      method: SWITCH_SEEN_METHOD,
      payload: JSON.stringify(report),
    });
  }

  #listen() {
    const { room, listener } = this;
    const readAgent = () => this.#readAgent();
    room
      .on(RoomEvent.Connected, () => {
        listener.onFacts({ connection: "connected", trying: false, soundBlocked: !room.canPlaybackAudio });
        readAgent();
      })
      .on(RoomEvent.ParticipantConnected, readAgent)
      .on(RoomEvent.ParticipantDisconnected, readAgent)
      .on(RoomEvent.ParticipantAttributesChanged, readAgent)
      .on(RoomEvent.TrackSubscribed, (track, publication, participant) => this.#play(track, publication, participant))
      .on(RoomEvent.TrackUnsubscribed, (track) => this.#stop(track))
      .on(RoomEvent.Reconnecting, () => listener.onFacts({ connection: "reconnecting" }))
      .on(RoomEvent.SignalReconnecting, () => listener.onFacts({ connection: "resuming" }))
      .on(RoomEvent.Reconnected, () => {
        listener.onFacts({ connection: "connected" });
        readAgent();
      })
      .on(RoomEvent.AudioPlaybackStatusChanged, () => listener.onFacts({ soundBlocked: !room.canPlaybackAudio }))
      .on(RoomEvent.ConnectionQualityChanged, (quality, participant) => {
        if (participant === room.localParticipant) listener.onFacts({ weak: quality === ConnectionQuality.Poor });
      })
      .on(RoomEvent.Disconnected, (reason) => {
        [...this.videos.keys(), ...this.sounds.keys()].forEach((track) => this.#stop(track));
        listener.onClosed(FINAL[reason] ?? null);
      });
    // What the avatar writes back to one visitor, that a question was too long, say, stands among its captions.
    for (const topic of [CAPTIONS_TOPIC, TYPED_TOPIC]) {
      room.registerTextStreamHandler(topic, (reader, { identity }) => this.#caption(reader, identity));
    }
  }

  #readAgent() {
    const attributes = this.agent?.attributes;
    const change = attributes?.[SWITCH_ATTRIBUTE];
    if (change && this.change !== undefined && change !== this.change) {
      const [code, part] = change.split(":");
      this.listener.onSwitch(code, part === "done");
    }
    if (attributes) this.change = change ?? null;
    this.listener.onFacts({
      stage: attributes ? (attributes[STAGE_ATTRIBUTE] ?? "connecting") : null,
      agentState: attributes?.[AGENT_STATE_ATTRIBUTE] ?? null,
      still: (attributes?.[FACE_ATTRIBUTE] ?? "moving") !== "moving",
    });
    this.#choose();
  }

  #play(track, publication, participant) {
    if (!isAgent(participant)) return publication.setSubscribed(false); // another visitor's microphone
    if (track.kind === Track.Kind.Audio) {
      this.sounds.set(track, participant);
      if (this.audio.srcObject?.active) track.attach();
      else track.attach(this.audio);
      return this.listener.onSound(track.mediaStreamTrack);
    }
    this.videos.set(track, participant);
    return this.#choose();
  }

  /** Shows the best video there is; without one, the last picture stays. */
  #choose() {
    const rank = ([, one]) => [this.#rank(one), one.joinedAt ?? 0];
    const [best] = [...this.videos].sort((one, other) => compare(rank(one), rank(other))).at(-1) ?? [];
    if (best) this.picture.show(best);
    else this.picture.giveUpNext();
  }

  /** Whether the picture is the one that the job names, or would be if it named one. */
  get isSettled() {
    const named = this.agent?.attributes[SHOWN_ATTRIBUTE];
    const seen = this.videos.get(this.picture.track)?.identity;
    return !this.picture.next && seen !== undefined && (!named || named === seen);
  }

  /** Whom to look at: whom the job names, one that a provider sends for it, the job, what is left of an earlier one. */
  #rank(participant) {
    const { agent } = this;
    if (!agent) return 0;
    if (participant.identity === agent.attributes[SHOWN_ATTRIBUTE]) return 3;
    if (participant.attributes[ON_BEHALF_ATTRIBUTE] === agent.identity) return 2;
    return participant === agent ? 1 : 0;
  }

  /** What is left takes its place; that no picture comes is told by its watch. */
  #stop(track) {
    if (this.sounds.delete(track)) track.detach().forEach((element) => element !== this.audio && element.remove());
    if (this.videos.delete(track)) this.#choose();
  }

  #caption(reader, identity) {
    const mine = identity === this.room.localParticipant.identity;
    if (!mine && !isAgent(this.room.remoteParticipants.get(identity))) return;
    this.listener.onCaption({ reader, segment: reader.info.attributes?.["lk.segment_id"] ?? reader.info.id, mine });
  }
}

/** @param {number[]} one @param {number[]} other */
const compare = (one, other) => one[0] - other[0] || one[1] - other[1];

function isAgent(participant) {
  return participant?.kind === ParticipantKind.AGENT;
}
