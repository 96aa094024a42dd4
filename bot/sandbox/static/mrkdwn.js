// Slack's mrkdwn, drawn as nodes. Whatever is not understood stays text.

import { h } from "./dom.js";
import { slackDate } from "./dates.js";

const EMOJI = {
  white_check_mark: "✅", heavy_check_mark: "✔️", x: "❌", warning: "⚠️", bell: "🔔", no_bell: "🔕", key: "🔑", lock: "🔒",
  unlock: "🔓", hourglass: "⏳", hourglass_flowing_sand: "⏳", alarm_clock: "⏰", calendar: "📅", date: "📅",
  rotating_light: "🚨", red_circle: "🔴", large_orange_circle: "🟠", large_yellow_circle: "🟡", large_green_circle: "🟢",
  white_circle: "⚪", black_circle: "⚫", large_blue_circle: "🔵", arrow_right: "➡️", arrow_up: "⬆️", eyes: "👀", wave: "👋",
  bust_in_silhouette: "👤", busts_in_silhouette: "👥", shield: "🛡️", mag: "🔍", memo: "📝", pencil: "📝", link: "🔗",
  fire: "🔥", tada: "🎉", thumbsup: "👍", "+1": "👍", recycle: "♻️", arrows_counterclockwise: "🔄", wastebasket: "🗑️",
  zzz: "💤", information_source: "ℹ️", question: "❓", exclamation: "❗", ladder: "🪜", scroll: "📜", robot_face: "🤖",
  office: "🏢", globe_with_meridians: "🌐", package: "📦", point_right: "👉", raised_hand: "✋", clock3: "🕒",
};

// Drawn, not typed, so that a tier looks the same where no emoji font is installed.
const DOTS = {
  red_circle: "red", large_orange_circle: "orange", large_yellow_circle: "yellow", large_green_circle: "green",
  large_blue_circle: "blue", white_circle: "white", black_circle: "black",
};

function emojiNode(name, whole) {
  if (DOTS[name]) return h("span", { class: `dot dot-${DOTS[name]}`, role: "img", "aria-label": name.replaceAll("_", " ") });
  return EMOJI[name] ?? whole;
}

const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };
const plainText = (text) => text.replace(/&(?:amp|lt|gt);/g, (entity) => ENTITIES[entity]);

/** Emoji shortcodes in otherwise plain text. */
export function emoji(text) {
  return text.replace(/:([a-z0-9_+-]+):/g, (whole, name) => EMOJI[name] ?? whole);
}

function safeLink(url, label) {
  if (!/^(https?:\/\/|mailto:)/i.test(url)) return label;
  return h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, label);
}

function special(inner, context, whole) {
  const bar = inner.indexOf("|");
  const target = plainText(bar < 0 ? inner : inner.slice(0, bar));
  const label = bar < 0 ? "" : plainText(inner.slice(bar + 1));
  if (target.startsWith("@")) {
    const person = context.people.get(target.slice(1));
    const mine = target.slice(1) === context.me ? " mine" : "";
    return h("span", { class: `mention${mine}` }, `@${person ? person.name : label || target.slice(1)}`);
  }
  if (target.startsWith("#")) {
    const channel = context.channels.get(target.slice(1));
    return h("span", { class: "mention" }, `#${channel ? channel.name : label || target.slice(1)}`);
  }
  if (target.startsWith("!date^")) {
    const [, seconds, pattern, link] = target.split("^");
    if (!/^-?\d+$/.test(seconds ?? "") || !pattern) return label;
    const text = slackDate(Number(seconds), pattern, context.now(), context.tz);
    const node = h("time", { title: label, datetime: new Date(Number(seconds) * 1000).toISOString() }, text);
    return link ? safeLink(link, node) : node;
  }
  if (target.startsWith("!")) return h("span", { class: "mention loud" }, label || `@${target.slice(1).split("^")[0]}`);
  if (!/^(https?:\/\/|mailto:)/i.test(target)) return plainText(whole); // not a link of Slack's: it stays text
  return safeLink(target, label || target.replace(/^mailto:/, ""));
}

// Each rule: what to find, and what to make of it. The first match in the text wins, then the earlier rule.
const BEFORE = "(?<![\\p{L}\\p{N}])";
const AFTER = "(?![\\p{L}\\p{N}])";
const styled = (mark, tag) => [
  new RegExp(`${BEFORE}[${mark}](?=\\S)([^\\n]*?\\S)[${mark}]${AFTER}`, "u"),
  (match, context) => h(tag, {}, inline(match[1], context)),
];
const RULES = [
  [/`([^`\n]+)`/u, (match) => h("code", {}, plainText(match[1]))],
  [/<([@#!]?[^<>\n]+)>/u, (match, context) => special(match[1], context, match[0])],
  [/https?:\/\/[^\s<>|]+[^\s<>|.,;:!?)\]]/u, (match) => safeLink(plainText(match[0]), plainText(match[0]))],
  styled("*", "strong"),
  styled("_", "em"),
  styled("~", "s"),
  [/:([a-z0-9_+-]+):/u, (match) => emojiNode(match[1], match[0])],
];

function inline(text, context) {
  const nodes = [];
  let rest = text;
  while (rest) {
    let best = null;
    for (const [pattern, make] of RULES) {
      const match = pattern.exec(rest);
      if (match && (best === null || match.index < best.match.index)) best = { match, make };
    }
    if (best === null) break;
    if (best.match.index > 0) nodes.push(plainText(rest.slice(0, best.match.index)));
    nodes.push(best.make(best.match, context));
    rest = rest.slice(best.match.index + best.match[0].length);
  }
  if (rest) nodes.push(plainText(rest));
  return nodes;
}

function lines(text, context) {
  const nodes = [];
  let quoted = null;
  text.split("\n").forEach((line, index, all) => {
    const quote = /^(?:&gt;|>) ?(.*)$/.exec(line);
    if (quote) {
      if (quoted === null) nodes.push(quoted = h("blockquote", {}));
      else quoted.append(h("br"));
      quoted.append(...inline(quote[1], context));
      return;
    }
    if (index > 0 && quoted === null) nodes.push(h("br"));
    quoted = null;
    nodes.push(...inline(line, context));
    if (index === all.length - 1) return;
  });
  return nodes;
}

/** mrkdwn as a list of nodes and strings. */
export function mrkdwn(text, context) {
  const parts = text.split(/```\n?([\s\S]+?)```/);
  return parts.flatMap((part, index) => {
    if (index % 2 === 1) return [h("pre", {}, plainText(part.replace(/\n$/, "")))];
    return part ? lines(part, context) : [];
  });
}

/** A text object, plain or mrkdwn. */
export function textObject(object, context) {
  if (!object) return [];
  if (object.type === "mrkdwn") return mrkdwn(object.text, context);
  return object.text.split("\n").flatMap((line, index) => {
    const pieces = object.emoji === false ? [line] : line.split(/(:[a-z0-9_+-]+:)/)
      .map((piece) => (/^:.+:$/.test(piece) ? emojiNode(piece.slice(1, -1), piece) : piece));
    return index ? [h("br"), ...pieces] : pieces;
  });
}
