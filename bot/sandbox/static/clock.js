// The workspace's clock: the time where the chosen person is, and the buttons that push it forward.

import * as api from "./api.js";
import { city, longDay, timeOf } from "./dates.js";
import { h, replace } from "./dom.js";

const STEPS = [["+1 hour", 3600, "hour"], ["+1 day", 86400, "day"], ["+1 week", 604800, "week"]];

export class Clock {
  constructor(page) {
    this.page = page;
    this.node = document.getElementById("clock");
    this.label = h("time", { class: "clock-time", "data-testid": "clock-now" });
    this.buttons = STEPS.map(([label, seconds, name]) => h("button", {
      type: "button", class: "btn small", "data-testid": `clock-${name}`, "aria-label": `Push the clock forward: ${label}`,
      onclick: () => this.push(seconds),
    }, label));
    this.progress = h("progress", { max: "1", value: 0, "aria-label": "The clock is moving", "data-testid": "clock-progress", hidden: true });
    replace(this.node, this.label, h("span", { class: "clock-steps" }, this.buttons), this.progress);
    this.moving = false;
  }

  /** Draw the time; hidden where nobody may push it. */
  draw(now, tz, there) {
    this.node.hidden = !there;
    if (!there) return;
    replace(this.label, h("span", { class: "clock-day" }, longDay(now, tz)), h("strong", {}, timeOf(now, tz)), h("span", { class: "quiet clock-city" }, city(tz)));
    this.label.setAttribute("datetime", now.toISOString());
  }

  async push(seconds) {
    this.set({ moving: true, done: 0 });
    const result = await api.post("advance", { seconds });
    if (result.error) {
      this.set({ moving: false });
      this.page.notice(result.error);
    }
  }

  /** Follow a clock event. */
  set(event) {
    this.moving = Boolean(event.moving);
    this.node.classList.toggle("moving", this.moving);
    for (const button of this.buttons) button.disabled = this.moving;
    this.progress.hidden = !this.moving;
    this.progress.value = event.done ?? 0;
    if (event.error) this.page.notice(event.error);
  }
}
