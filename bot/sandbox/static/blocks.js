// Block Kit as nodes. Interactive elements are drawn by elements.js.

import { h } from "./dom.js";
import { drawElement } from "./elements.js";
import { emoji, textObject } from "./mrkdwn.js";

function image(block) {
  // Nothing is loaded from elsewhere, so an image is shown by its description.
  return h("span", { class: "image-note", role: "img", "aria-label": block.alt_text }, `Image: ${block.alt_text}`);
}

function section(block, where) {
  const text = block.text && h("div", { class: "section-text" }, textObject(block.text, where.context));
  const fields = block.fields && h("div", { class: "fields" },
    block.fields.map((field) => h("div", { class: "field" }, textObject(field, where.context))));
  const accessory = block.accessory && h("div", { class: "accessory" },
    block.accessory.type === "image" ? image(block.accessory) : drawElement(block.accessory, block, where));
  return h("div", { class: "block section" }, h("div", { class: "section-body" }, text, fields), accessory);
}

function context(block, where) {
  return h("div", { class: "block context" }, block.elements.map((element) =>
    h("span", {}, element.type === "image" ? image(element) : textObject(element, where.context))));
}

function input(block, where) {
  const id = `input-${block.block_id}`;
  const error = where.errors?.[block.block_id];
  const errorId = `${id}-error`;
  const group = /radio|checkboxes/.test(block.element.type);
  const described = [block.hint && `${id}-hint`, error && errorId].filter(Boolean).join(" ") || null;
  const drawn = drawElement(block.element, block, { ...where, inputId: id, described, invalid: Boolean(error) });
  const label = [textObject(block.label, where.context), block.optional && h("span", { class: "quiet" }, " (optional)")];
  return h(group ? "fieldset" : "div", { class: `block input${error ? " wrong" : ""}`, "data-testid": id },
    group ? h("legend", {}, label) : h("label", { for: id }, label),
    drawn,
    block.hint && h("p", { class: "hint", id: `${id}-hint` }, textObject(block.hint, where.context)),
    error && h("p", { class: "error", id: errorId, role: "alert", "data-testid": `error-${block.block_id}` }, error));
}

function richPiece(piece, where) {
  if (piece.type === "text") {
    let node = piece.text;
    for (const [style, tag] of [["code", "code"], ["bold", "strong"], ["italic", "em"], ["strike", "s"]]) {
      if (piece.style?.[style]) node = h(tag, {}, node);
    }
    return node;
  }
  if (piece.type === "emoji") return emoji(`:${piece.name}:`);
  if (piece.type === "user") return textObject({ type: "mrkdwn", text: `<@${piece.user_id}>` }, where.context);
  if (piece.type === "channel") return textObject({ type: "mrkdwn", text: `<#${piece.channel_id}>` }, where.context);
  if (piece.type === "link") {
    return /^https?:/i.test(piece.url)
      ? h("a", { href: piece.url, target: "_blank", rel: "noopener noreferrer" }, piece.text || piece.url)
      : piece.text || piece.url;
  }
  return "";
}

function rich(block, where) {
  const tags = { rich_text_quote: "blockquote", rich_text_preformatted: "pre", rich_text_section: "p" };
  const draw = (part) => part.type === "rich_text_list"
    ? h(part.style === "ordered" ? "ol" : "ul", {}, part.elements.map((item) => h("li", {}, item.elements.map((e) => richPiece(e, where)))))
    : h(tags[part.type] ?? "p", {}, (part.elements ?? []).map((piece) => richPiece(piece, where)));
  return h("div", { class: "block rich" }, block.elements.map(draw));
}

const DRAW = {
  section,
  context,
  input,
  rich_text: rich,
  divider: () => h("hr", { class: "block" }),
  header: (block, where) => h("h3", { class: "block header" }, textObject(block.text, where.context)),
  image: (block) => h("div", { class: "block" }, image(block)),
  actions: (block, where) => h("div", { class: "block actions" },
    block.elements.map((element) => drawElement(element, block, where))),
};

/** Nodes for blocks. `where`: {context, values, errors, act, draft, confirm, suggest, testPrefix}. */
export function drawBlocks(blocks, where) {
  return blocks.map((block) => {
    const drawn = DRAW[block.type]?.(block, where) ?? h("p", { class: "block quiet" }, `A ${block.type} block`);
    drawn.dataset.blockId = block.block_id;
    return drawn;
  });
}
