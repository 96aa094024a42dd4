// The local workspace in the browser: look through anybody's eyes, and act as them.
//
// Modules: api (asking and listening), dom (nodes), dates, mrkdwn, blocks, elements (drawing), modal, clock, people,
// conversation (parts of the page); this one keeps what is chosen and joins them.
//
// data-testid, for browser tests:
//   team-name · viewer · conversation-title · pane · empty · home · tab-messages · tab-home · notices
//   people-search · people · person-<handle> · unread-<handle> · conversations · conversation-app · conversation-<channel>
//   message-<ts> · only-you · message-failure · composer · composer-text · composer-send
//   action-<action_id> (element; also data-block-id) · action-<action_id>-option-<n> (menu entry, radio, checkbox, suggestion)
//   input-<block_id> · error-<block_id> · modal · modal-title · modal-submit · modal-close · modal-dismiss · modal-failure
//   confirm · confirm-accept · confirm-deny · clock · clock-now · clock-hour · clock-day · clock-week · clock-progress
//   tips · tips-dismiss · tips-be

import * as api from "./api.js";
import { Clock } from "./clock.js";
import { Conversation } from "./conversation.js";
import { city } from "./dates.js";
import { h, redraw, replace } from "./dom.js";
import { Modals } from "./modal.js";
import { drawConversations, drawPeople } from "./people.js";
import { emoji } from "./mrkdwn.js";

const byId = (id) => document.getElementById(id);

class Page {
  constructor() {
    this.state = null;
    this.me = null;
    this.place = "dm";
    this.channel = null;
    this.now = new Date();
    this.waiting = new Set();
    this.modals = new Modals(this);
    this.clock = new Clock(this);
    this.conversation = new Conversation(this);
  }

  isDm() { return this.place === "dm" || this.place === "home"; }
  person() { return this.state.users.find((user) => user.id === this.me); }

  /** What drawing needs to know about the viewer and the names around them. */
  context() {
    const people = new Map(this.state.users.map((user) => [user.id, user]));
    people.set(this.state.app.id, { ...this.state.app, app: true });
    const channels = new Map(this.state.channels.map((channel) => [channel.id, channel]));
    return { people, channels, me: this.me, tz: this.person()?.tz ?? "UTC", now: () => this.now };
  }

  async start() {
    await this.refreshState();
    if (!this.state) return;
    window.addEventListener("hashchange", () => this.followHash());
    byId("people-search").addEventListener("input", () => drawPeople(this));
    document.addEventListener("visibilitychange", () => this.refreshConversation());
    this.setUpComposer();
    await this.followHash();
    api.listen((event) => this.hear(event), () => this.refreshAll());
  }

  // Where we are: #/<user>/<dm | home | channel id>

  go(user, place) { window.location.hash = `#/${user}/${place}`; }

  async followHash() {
    const [, user, place, stamp] = window.location.hash.split("/");
    const { users, channels, suggested_user: suggested } = this.state;
    if (user === "link") {
      const owner = users.find((person) => person.dm === place)?.id;
      this.go(owner ?? this.me ?? suggested ?? users[0]?.id, owner ? "dm" : place);
      this.target = stamp;
      return;
    }
    const known = users.find((person) => person.id === user) ?? users.find((person) => person.id === suggested)
      ?? users.find((person) => person.unread && !person.deleted) ?? users.find((person) => !person.deleted);
    const other = known?.id !== this.me;
    this.me = known?.id ?? null;
    this.place = place === "home" || channels.some((channel) => channel.id === place) ? place : "dm";
    this.conversation.clear();
    replace(byId("notices"));
    if (other) {
      byId("composer-text").value = "";
      await this.refreshState();
    }
    this.drawFrame();
    if (this.place === "home" && this.me && !this.person().deleted) api.post("home", { user: this.me });
    await Promise.all([this.refreshConversation(), this.refreshViews()]);
    this.showTarget();
  }

  showTarget() {
    if (!this.target) return;
    const ts = this.target.replace(/^p?(\d+)(\d{6})$/, "$1.$2");
    document.querySelector(`[data-testid="message-${CSS.escape(ts)}"]`)?.scrollIntoView({ block: "center" });
    this.target = null;
  }

  // What has happened

  hear(event) {
    if (event.now) {
      this.now = new Date(event.now);
      this.drawClock();
    }
    if (event.kind === "clock") this.clock.set(event);
    if (["message", "message_deleted", "user", "channel", "read"].includes(event.kind)) this.soon("state");
    if (event.kind.startsWith("message") && (event.channel === this.channel || this.isDm())) this.soon("conversation");
    if ((event.kind === "view" || event.kind === "home") && event.user === this.me) this.soon("views");
  }

  /** Refresh once for a burst of events. */
  soon(what) {
    if (!this.waiting.size) setTimeout(() => this.refreshWaiting(), 60);
    this.waiting.add(what);
  }

  async refreshWaiting() {
    const what = new Set(this.waiting);
    this.waiting.clear();
    if (what.has("state")) await this.refreshState();
    if (what.has("conversation")) await this.refreshConversation();
    if (what.has("views")) await this.refreshViews();
  }

  async refreshAll() {
    await this.refreshState();
    await Promise.all([this.refreshConversation(), this.refreshViews()]);
  }

  async refreshState() {
    const state = await api.get("state", { user: this.me });
    if (state.error) { this.notice(state.error); return; }
    const first = this.state === null;
    this.state = state;
    this.now = new Date(state.now);
    if (first) this.clock.set({ moving: state.moving, done: 0 });
    if (this.me) this.drawFrame();
  }

  async refreshConversation() {
    if (!this.me || this.place === "home") return;
    const [me, place] = [this.me, this.place];
    const found = await api.get("conversation", { user: me, channel: place === "dm" ? "" : place });
    if (me !== this.me || place !== this.place || found.error) return;
    this.channel = found.channel;
    const unread = place === "dm" ? this.person()?.unread : this.state.channels.find((c) => c.id === place)?.unread;
    this.conversation.show(`${me} ${place}`, found.messages, unread ?? 0);
    if (found.channel && unread && !document.hidden) {
      await api.post("read", { user: me, channel: found.channel });
      await this.refreshState();
    }
  }

  async refreshViews() {
    if (!this.me) return;
    const me = this.me;
    const views = await api.get("views", { user: me });
    if (me !== this.me || views.error) return;
    if (this.place === "home") this.conversation.home(views.home);
    this.modals.show(views.stack);
  }

  // The frame

  drawFrame() {
    const { state } = this;
    const me = this.person();
    byId("team-name").textContent = state.team.name;
    document.title = `${me ? `${me.name} · ` : ""}${state.team.name}`;
    const channel = state.channels.find((c) => c.id === this.place);
    replace(byId("title"), channel ? `# ${channel.name}` : state.app.name);
    replace(byId("subtitle"), "You are ", h("strong", {}, me?.name ?? "nobody"),
      me && (me.deleted ? ", who has left" : ` in ${city(me.tz)}`));
    drawConversations(this);
    drawPeople(this);
    this.drawTabs();
    this.drawTips();
    this.drawClock();
    const gone = !me || me.deleted;
    byId("composer").hidden = this.place === "home";
    const field = byId("composer-text");
    field.disabled = gone;
    byId("composer").querySelector("button").disabled = gone;
    field.placeholder = gone ? "This person has left" : `Message ${channel ? `#${channel.name}` : state.app.name}, or ${state.commands[0] ?? "/"} …`;
  }

  drawTabs() {
    const tabs = byId("tabs");
    tabs.hidden = !this.isDm();
    const tab = (name, label, place) => h("button", {
      type: "button", role: "tab", "aria-selected": String(this.place === place), "aria-controls": "pane",
      "data-testid": `tab-${name}`, onclick: () => this.go(this.me, place),
    }, label);
    redraw(tabs, tab("messages", "Messages", "dm"), tab("home", "Home", "home"));
  }

  drawTips() {
    const node = byId("tips");
    const { tips, suggested_user: suggested, users } = this.state;
    node.hidden = !tips.length || sessionStorage.getItem("tips") === "done";
    const print = JSON.stringify([tips, suggested, this.me === suggested, node.hidden]);
    if (node.hidden || node.dataset.print === print) return;
    node.dataset.print = print;
    const person = users.find((user) => user.id === suggested);
    replace(node, h("strong", { class: "tips-title" }, "Try this"),
      h("ol", {}, tips.map((tip) => h("li", {}, emoji(tip)))),
      person && this.me !== suggested && h("button", { type: "button", class: "btn small", "data-testid": "tips-be", onclick: () => this.go(suggested, "dm") }, `Be ${person.name}`),
      h("button", { type: "button", class: "btn icon tips-dismiss", "aria-label": "Hide these hints", "data-testid": "tips-dismiss",
        onclick: () => { sessionStorage.setItem("tips", "done"); node.hidden = true; } }, "✕"));
  }

  drawClock() { this.clock.draw(this.now, this.person()?.tz ?? "UTC", this.state.clock); }

  // Typing

  setUpComposer() {
    const form = byId("composer");
    const field = byId("composer-text");
    const fit = () => {
      field.rows = Math.min(8, field.value.split("\n").length);
    };
    field.addEventListener("input", fit);
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); form.requestSubmit(); }
    });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const text = field.value.trim();
      if (!text || form.classList.contains("busy")) return;
      form.classList.add("busy");
      const result = await api.post("say", { user: this.me, channel: this.place === "dm" ? null : this.place, text });
      form.classList.remove("busy");
      if (result.error) this.notice(result.error);
      else field.value = "";
      fit();
      await Promise.all([this.refreshConversation(), this.refreshViews()]);
      byId("pane").scrollTop = byId("pane").scrollHeight;
    });
  }

  /** A sentence about something that went wrong; it stays long enough to be read. */
  notice(text) {
    const node = h("div", { class: "notice" }, h("span", {}, text),
      h("button", { type: "button", class: "btn icon", "aria-label": "Dismiss", onclick: () => node.remove() }, "✕"));
    byId("notices").append(node);
    setTimeout(() => node.remove(), 12000);
  }
}

new Page().start();
