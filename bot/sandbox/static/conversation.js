// The middle: messages in the order they came, or the Home tab.

import * as api from "./api.js";
import { drawBlocks } from "./blocks.js";
import { dayOf, keyOf, timeOf } from "./dates.js";
import { appAvatar, avatar, h, replace } from "./dom.js";
import { collect, confirmDialog } from "./modal.js";
import { mrkdwn } from "./mrkdwn.js";

export class Conversation {
  constructor(page) {
    this.page = page;
    this.pane = document.getElementById("pane");
    this.drawn = new Map();
    this.failures = new Map();
    this.key = "";
  }

  /** Draw messages; one that has not changed keeps its nodes, and with them an open menu or half a text. */
  show(key, messages, unread) {
    const other = key !== this.key;
    const atEnd = this.pane.scrollHeight - this.pane.scrollTop - this.pane.clientHeight < 80;
    if (other) this.drawn.clear();
    this.key = key;
    const { tz, now } = this.page.context();
    const today = keyOf(now(), tz); // "today" and "tomorrow" in a message change with it
    const nodes = [];
    let day = "";
    for (const message of messages) {
      const date = new Date(Number(message.ts) * 1000);
      if (keyOf(date, tz) !== day) {
        day = keyOf(date, tz);
        nodes.push(this.keep(`day ${day}`, "", () => h("div", { class: "day" }, h("span", {}, dayOf(date, tz)))));
      }
      // What was picked is on the page already; drawing it again would close a menu that somebody has just opened.
      const print = JSON.stringify([{ ...message, values: null }, today, this.failures.get(message.ts) ?? ""]);
      nodes.push(this.keep(message.ts, print, () => this.message(message, date)));
    }
    if (!messages.length) nodes.push(this.keep("empty", key, () => this.empty()));
    const known = new Set(this.pane.children);
    this.place(nodes);
    if (!other && !atEnd) return;
    // What is new comes into view from its beginning: a card taller than the window would otherwise show only its end.
    const others = messages.filter((message) => message.user !== this.page.me);
    const first = other ? this.drawn.get(others.at(-unread)?.ts)?.node : nodes.find((node) => !known.has(node));
    if (other || first) this.pane.scrollTop = first && (unread || !other) ? first.offsetTop - 12 : this.pane.scrollHeight;
  }

  place(nodes) {
    const keep = new Set(nodes);
    for (const child of [...this.pane.children]) if (!keep.has(child)) child.remove();
    nodes.forEach((node, index) => {
      if (this.pane.children[index] !== node) this.pane.insertBefore(node, this.pane.children[index] ?? null);
    });
  }

  keep(key, print, make) {
    const known = this.drawn.get(key);
    if (known?.print === print) return known.node;
    const node = make();
    if (known?.node.contains(document.activeElement)) {
      const testId = document.activeElement.dataset.testid;
      queueMicrotask(() => testId && node.querySelector(`[data-testid="${CSS.escape(testId)}"]`)?.focus());
    }
    this.drawn.set(key, { print, node });
    return node;
  }

  empty() {
    const { app } = this.page.state;
    const nothing = this.page.person()?.deleted ? `${app.name} has not written to this person.`
      : `Nothing from ${app.name} here yet. Ask it something, or let the clock run.`;
    const text = this.page.isDm() ? nothing : "Nothing here yet.";
    return h("div", { class: "empty", "data-testid": "empty" }, appAvatar("large"), h("p", {}, text));
  }

  message(message, date) {
    const context = this.page.context();
    const author = context.people.get(message.user);
    const name = author?.name ?? message.user;
    const draft = new Map();
    const where = {
      context,
      values: message.values,
      draft,
      confirm: (object) => confirmDialog(object, context),
      redraw: () => { this.drawn.delete(message.ts); this.page.refreshConversation(); },
      act: (block, element, value) => this.act(message, block, element, value, draft),
      suggest: async (block, element, typed) => (await api.post("suggest", {
        user: this.page.me, channel: message.channel, ts: message.ts, block_id: block.block_id, action_id: element.action_id, typed,
      })).options ?? [],
    };
    const failure = this.failures.get(message.ts);
    return h("article", { class: `message${message.ephemeral ? " ephemeral" : ""}`, "data-testid": `message-${message.ts}`, "aria-label": `${name}, ${timeOf(date, context.tz)}` },
      message.by_app ? appAvatar() : avatar(message.user, name),
      h("div", { class: "message-body" },
        h("header", { class: "message-head" },
          h("strong", {}, name), message.by_app && h("span", { class: "tag" }, "APP"),
          h("time", { class: "quiet", datetime: date.toISOString() }, timeOf(date, context.tz)),
          message.ephemeral && h("span", { class: "quiet only-you", "data-testid": "only-you" }, "Only visible to you")),
        message.blocks.length ? drawBlocks(message.blocks, where) : h("div", { class: "block" }, mrkdwn(message.text, context)),
        message.edited && h("small", { class: "quiet edited" }, "(edited)"),
        failure && h("p", { class: "error", role: "alert", "data-testid": "message-failure" }, failure)));
  }

  async act(message, block, element, value, draft) {
    const result = await api.post("act", {
      user: this.page.me, channel: message.channel, ts: message.ts, block_id: block.block_id, action_id: element.action_id, value,
      values: collect(draft, message.blocks.filter((b) => b.type === "input")),
    });
    if (result.error) this.failures.set(message.ts, result.error);
    else this.failures.delete(message.ts);
    await Promise.all([this.page.refreshConversation(), this.page.refreshViews()]);
  }

  /** Draw the Home tab. */
  home(view) {
    const context = this.page.context();
    const print = JSON.stringify([view, this.page.me]);
    this.key = "home";
    if (!view) {
      this.drawn.clear();
      this.place([h("div", { class: "empty" }, appAvatar("large"), h("p", {}, `${this.page.state.app.name} has not made a home for this person.`))]);
      return;
    }
    const draft = new Map();
    const where = {
      context,
      values: view.state.values,
      draft,
      confirm: (object) => confirmDialog(object, context),
      redraw: () => { this.drawn.delete("home"); this.home(view); },
      act: async (block, element, value) => {
        const result = await api.post("act", { user: this.page.me, view_id: view.id, block_id: block.block_id, action_id: element.action_id, value, values: collect(draft, view.blocks) });
        if (result.error) this.page.notice(result.error);
        await this.page.refreshViews();
      },
      suggest: async (block, element, typed) => (await api.post("suggest", { user: this.page.me, view_id: view.id, block_id: block.block_id, action_id: element.action_id, typed })).options ?? [],
    };
    this.place([this.keep("home", print, () => h("div", { class: "home", "data-testid": "home" }, drawBlocks(view.blocks, where)))]);
  }

  clear() {
    replace(this.pane);
    this.drawn.clear();
    this.failures.clear();
    this.key = "";
  }
}
