// Interactive elements. Each reports what was picked as a raw value: a string, a list of strings, or an option object.

import { h, newId } from "./dom.js";
import { textObject } from "./mrkdwn.js";

const rawOf = {
  static_select: (v) => v?.selected_option?.value ?? "",
  external_select: (v) => v?.selected_option ?? null,
  radio_buttons: (v) => v?.selected_option?.value ?? "",
  checkboxes: (v) => (v?.selected_options ?? []).map((o) => o.value),
  multi_static_select: (v) => (v?.selected_options ?? []).map((o) => o.value),
  users_select: (v) => v?.selected_user ?? "",
  channels_select: (v) => v?.selected_channel ?? "",
  conversations_select: (v) => v?.selected_conversation ?? "",
  multi_users_select: (v) => v?.selected_users ?? [],
  multi_channels_select: (v) => v?.selected_channels ?? [],
  multi_conversations_select: (v) => v?.selected_conversations ?? [],
  datepicker: (v) => v?.selected_date ?? "",
  timepicker: (v) => v?.selected_time ?? "",
  datetimepicker: (v) => v?.selected_date_time ?? "",
};

/** What an element holds now: the draft on this page, else what the workspace knows. */
function current(element, block, where) {
  const draft = where.draft?.get(`${block.block_id}/${element.action_id}`);
  if (draft !== undefined) return draft;
  const known = where.values?.[block.block_id]?.[element.action_id];
  return (rawOf[element.type] ?? ((v) => v?.value ?? ""))(known);
}

/** Keep a value; and tell the app, unless this is an input that waits for the submission. */
async function picked(element, block, where, value, control) {
  if (element.type !== "button" && element.type !== "overflow") {
    where.draft?.set(`${block.block_id}/${element.action_id}`, value);
  }
  if (block.type === "input" && !block.dispatch_action) return;
  if (element.confirm && !(await where.confirm(element.confirm))) {
    where.draft?.delete(`${block.block_id}/${element.action_id}`);
    where.redraw?.();
    return;
  }
  control?.setAttribute("aria-busy", "true");
  control?.classList.add("busy");
  await where.act(block, element, value);
  control?.removeAttribute("aria-busy");
  control?.classList.remove("busy");
}

const testId = (element, suffix = "") => `action-${element.action_id}${suffix}`;

function common(element, block, where) {
  return {
    id: where.inputId ?? null,
    "data-testid": testId(element),
    "data-block-id": block.block_id,
    "aria-label": where.inputId ? null : element.placeholder?.text ?? element.accessibility_label ?? element.action_id,
    "aria-describedby": where.described,
    "aria-invalid": where.invalid ? "true" : null,
    "aria-required": where.inputId && !block.optional ? "true" : null,
  };
}

function button(element, block, where) {
  const control = h("button", {
    type: "button",
    class: `btn ${element.style ?? ""}`,
    "data-testid": testId(element),
    "data-block-id": block.block_id,
    "aria-label": element.accessibility_label,
    onclick: () => {
      if (control.classList.contains("busy")) return;
      if (element.url && /^https?:/i.test(element.url)) window.open(element.url, "_blank", "noopener");
      picked(element, block, where, element.value ?? null, control);
    },
  }, textObject(element.text, where.context));
  return control;
}

function overflow(element, block, where) {
  const menu = h("div", { class: "menu", role: "menu", hidden: true });
  const close = (back) => {
    menu.hidden = true;
    opener.setAttribute("aria-expanded", "false");
    document.removeEventListener("click", outside, true);
    if (back) opener.focus();
  };
  const outside = (event) => { if (!holder.contains(event.target)) close(false); };
  const opener = h("button", {
    type: "button", class: "btn dots", "aria-haspopup": "menu", "aria-expanded": "false", "aria-label": "More actions",
    "data-testid": testId(element),
    onclick: () => {
      if (!menu.hidden) { close(false); return; }
      menu.hidden = false;
      opener.setAttribute("aria-expanded", "true");
      document.addEventListener("click", outside, true);
      menu.firstElementChild?.focus();
    },
  }, "•••");
  element.options.forEach((option, index) => {
    menu.append(h("button", {
      type: "button", role: "menuitem", "data-testid": testId(element, `-option-${index}`),
      onclick: () => { close(true); picked(element, block, where, option.value, opener); },
    }, textObject(option.text, where.context)));
  });
  menu.addEventListener("keydown", (event) => {
    const items = [...menu.children];
    const at = items.indexOf(document.activeElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) { event.preventDefault(); items[(at + step + items.length) % items.length].focus(); }
    if (event.key === "Escape") { event.preventDefault(); event.stopPropagation(); close(true); }
  });
  const holder = h("span", { class: "overflow" }, opener, menu);
  return holder;
}

function choicesOf(element, where) {
  const { people, channels } = where.context;
  if (/users_select$/.test(element.type)) {
    return [...people.values()].filter((p) => !p.deleted && !p.app).map((p) => [p.id, p.name]);
  }
  if (/(channels|conversations)_select$/.test(element.type)) {
    return [...channels.values()].map((channel) => [channel.id, `#${channel.name}`]);
  }
  return null;
}

function select(element, block, where) {
  const several = element.type.startsWith("multi_");
  const now = current(element, block, where);
  const chosen = several ? now : [now];
  const option = ([value, label]) => h("option", { value, selected: chosen.includes(value) }, label);
  const texts = (list) => list.map((o) => option([o.value, o.text.text]));
  const own = choicesOf(element, where);
  const options = own ? own.map(option)
    : element.option_groups ? element.option_groups.map((g) => h("optgroup", { label: g.label.text }, texts(g.options)))
      : texts(element.options);
  const placeholder = !several && h("option", { value: "", selected: !now }, element.placeholder?.text ?? "Choose");
  const control = h("select", {
    ...common(element, block, where),
    multiple: several,
    size: several ? Math.min(6, Math.max(2, options.length)) : null,
    onchange: () => {
      const values = [...control.selectedOptions].map((o) => o.value).filter(Boolean);
      if (several) picked(element, block, where, values, control);
      else if (values.length || block.type === "input") picked(element, block, where, values[0] ?? null, control);
    },
  }, placeholder, options);
  return control;
}

function externalSelect(element, block, where) {
  const listId = newId("suggestions");
  const chosen = current(element, block, where);
  const list = h("div", { class: "menu suggestions", role: "listbox", id: listId, hidden: true });
  const least = element.min_query_length ?? 3;
  let asked = 0;
  const take = (option) => {
    list.hidden = true;
    field.value = option.text.text;
    field.setAttribute("aria-expanded", "false");
    picked(element, block, where, option, field);
  };
  const ask = async () => {
    if (field.value.length < least) { list.hidden = true; return; }
    const mine = (asked += 1);
    const options = await where.suggest(block, element, field.value);
    if (mine !== asked) return;
    list.replaceChildren(...options.map((option, index) => h("button", {
      type: "button", role: "option", "data-testid": testId(element, `-option-${index}`), onclick: () => take(option),
    }, textObject(option.text, where.context))));
    if (!options.length) list.append(h("p", { class: "quiet" }, "Nothing found"));
    list.hidden = false;
    field.setAttribute("aria-expanded", "true");
  };
  let timer;
  const field = h("input", {
    ...common(element, block, where),
    type: "text", role: "combobox", autocomplete: "off", "aria-controls": listId, "aria-expanded": "false",
    placeholder: element.placeholder?.text ?? "Search", value: chosen?.text?.text ?? "",
    oninput: () => { clearTimeout(timer); timer = setTimeout(ask, 150); },
    onfocus: () => { if (least === 0) ask(); },
    onkeydown: (event) => {
      if (event.key === "ArrowDown" && !list.hidden) { event.preventDefault(); list.querySelector("button")?.focus(); }
      if (event.key === "Escape" && !list.hidden) { event.preventDefault(); event.stopPropagation(); list.hidden = true; }
    },
  });
  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
    if (step) { event.preventDefault(); (document.activeElement[step] ?? field).focus(); }
    if (event.key === "Escape") { event.preventDefault(); event.stopPropagation(); list.hidden = true; field.focus(); }
  });
  return h("span", { class: "combo" }, field, list);
}

function choices(element, block, where) {
  const radio = element.type === "radio_buttons";
  const name = newId("choice");
  const now = current(element, block, where);
  const boxes = element.options.map((option, index) => h("input", {
    type: radio ? "radio" : "checkbox", name, value: option.value, "data-testid": testId(element, `-option-${index}`),
    checked: radio ? now === option.value : now.includes(option.value),
    onchange: () => {
      const values = boxes.filter((box) => box.checked).map((box) => box.value);
      picked(element, block, where, radio ? values[0] : values, null);
    },
  }));
  return h("div", { class: "choices", "data-testid": testId(element), role: radio ? "radiogroup" : "group", "aria-describedby": where.described },
    element.options.map((option, index) => h("label", { class: "choice" }, boxes[index], h("span", {},
      textObject(option.text, where.context),
      option.description && h("small", { class: "quiet" }, textObject(option.description, where.context))))));
}

function field(element, block, where) {
  const kinds = { datepicker: "date", timepicker: "time", email_text_input: "email", url_text_input: "url" };
  const long = element.type === "plain_text_input" && element.multiline;
  const now = current(element, block, where);
  const date = element.type === "datepicker" || element.type === "timepicker";
  const keep = (dispatch) => {
    const value = control.value === "" ? null : control.value;
    if (dispatch) picked(element, block, where, value, control);
    else where.draft?.set(`${block.block_id}/${element.action_id}`, value);
  };
  const control = h(long ? "textarea" : "input", {
    ...common(element, block, where),
    type: long ? null : kinds[element.type] ?? "text",
    rows: long ? 4 : null,
    value: now ?? "",
    placeholder: element.placeholder?.text,
    inputmode: element.type === "number_input" ? "decimal" : null,
    oninput: () => keep(false),
    onchange: () => { if (date) keep(true); },
    onkeydown: (event) => {
      if (event.key === "Enter" && block.dispatch_action && !long) { event.preventDefault(); keep(true); }
    },
  });
  return control;
}

function dateTime(element, block, where) {
  const now = current(element, block, where);
  const local = now ? new Date(now * 1000).toISOString().slice(0, 16) : "";
  const control = h("input", {
    ...common(element, block, where), type: "datetime-local", value: local,
    onchange: () => picked(element, block, where,
      control.value ? Math.floor(Date.parse(`${control.value}Z`) / 1000) : null, control),
  });
  return h("span", {}, control, h("small", { class: "quiet" }, " UTC"));
}

export function drawElement(element, block, where) {
  if (element.type === "button") return button(element, block, where);
  if (element.type === "overflow") return overflow(element, block, where);
  if (element.type === "external_select") return externalSelect(element, block, where);
  if (element.type === "radio_buttons" || element.type === "checkboxes") return choices(element, block, where);
  if (element.type === "datetimepicker") return dateTime(element, block, where);
  if (/^(static|users|channels|conversations|multi_static|multi_users|multi_channels|multi_conversations)_select$/.test(element.type)) {
    return select(element, block, where);
  }
  if (/_input$|picker$/.test(element.type)) return field(element, block, where);
  return h("span", { class: "quiet" }, `A ${element.type}`);
}
