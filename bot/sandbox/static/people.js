// The left side: whose eyes you look through, and the conversations they have.

import { city } from "./dates.js";
import { appAvatar, avatar, h, redraw } from "./dom.js";

const MOST_SHOWN = 200; // a directory of ten thousand stays quick to draw

function badge(count, label) {
  if (!count) return null;
  return h("span", { class: "badge", "aria-label": `${count} unread`, "data-testid": `unread-${label}` }, count > 99 ? "99+" : count);
}

function row(chosen, testId, onclick, ...children) {
  return h("li", {}, h("button", {
    type: "button", class: `row${chosen ? " chosen" : ""}`, "aria-current": chosen ? "true" : null, "data-testid": testId, onclick,
  }, children));
}

export function drawConversations(page) {
  const me = page.person();
  const { app, channels } = page.state;
  const rows = [
    row(page.isDm(), "conversation-app", () => page.go(page.me, "dm"),
      appAvatar("small"), h("span", { class: "row-name" }, app.name), badge(me?.unread, "app")),
    ...channels.map((channel) => row(page.place === channel.id, `conversation-${channel.name}`, () => page.go(page.me, channel.id),
      h("span", { class: "hash", "aria-hidden": "true" }, "#"),
      h("span", { class: `row-name${channel.member ? "" : " quiet"}` }, channel.name), badge(channel.unread, channel.name))),
  ];
  redraw(document.getElementById("conversations"), rows);
}

export function drawPeople(page) {
  const wanted = document.getElementById("people-search").value.trim().toLowerCase();
  const fits = (user) => !wanted || `${user.name} ${user.handle} ${user.email ?? ""} ${user.tz}`.toLowerCase().includes(wanted);
  const list = page.state.users.filter(fits);
  // You first, then whoever has something new, so that a climbing request is seen to arrive; those who left come last.
  const rank = (user) => (user.id === page.me ? 0 : user.deleted ? 3 : user.unread ? 1 : 2);
  list.sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
  const rows = list.slice(0, MOST_SHOWN).map((user) => {
    const item = row(user.id === page.me, `person-${user.handle}`, () => page.go(user.id, page.isDm() ? page.place : "dm"),
      avatar(user.id, user.name, "small"),
      h("span", { class: "row-name" }, user.name, h("small", { class: "quiet" }, user.deleted ? "has left" : city(user.tz))),
      user.deleted ? null : badge(user.unread, user.handle));
    if (user.deleted) item.classList.add("left");
    return item;
  });
  if (list.length > MOST_SHOWN) rows.push(h("li", { class: "quiet none" }, `${list.length - MOST_SHOWN} more: search for a name`));
  redraw(document.getElementById("people"), rows.length ? rows : h("li", { class: "quiet none" }, "Nobody by that name"));
}
