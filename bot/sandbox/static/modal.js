// Modals of the app, and the confirmation dialogs of its buttons. Both are <dialog>: focus stays inside, Escape closes.

import { drawBlocks } from "./blocks.js";
import { h, replace } from "./dom.js";
import { textObject } from "./mrkdwn.js";
import * as api from "./api.js";

/** Drafts as {block_id: {action_id: raw}}, for elements that are still there. */
export function collect(draft, blocks) {
  const values = {};
  for (const block of blocks) {
    for (const element of [block.element, block.accessory, ...(block.elements ?? [])]) {
      const key = `${block.block_id}/${element?.action_id}`;
      if (draft.has(key)) (values[block.block_id] ??= {})[element.action_id] = draft.get(key);
    }
  }
  return values;
}

/** Ask "are you sure": resolves to true or false. */
export function confirmDialog(object, context) {
  const dialog = document.getElementById("confirm");
  return new Promise((resolve) => {
    let sure = false;
    const close = (answer) => { sure = answer; dialog.close(); };
    replace(dialog,
      h("header", { class: "modal-head" }, h("h2", { id: "confirm-title" }, textObject(object.title, context))),
      h("div", { class: "modal-body" }, h("p", {}, textObject(object.text, context))),
      h("footer", { class: "modal-foot" },
        h("button", { type: "button", class: "btn", "data-testid": "confirm-deny", onclick: () => close(false) },
          textObject(object.deny, context)),
        h("button", { type: "button", class: `btn ${object.style ?? "primary"}`, "data-testid": "confirm-accept", onclick: () => close(true) },
          textObject(object.confirm, context))));
    dialog.onclose = () => resolve(sure);
    dialog.showModal();
  });
}

/** The modal that the chosen person has in front of them. */
export class Modals {
  constructor(page) {
    this.page = page;
    this.dialog = document.getElementById("modal");
    this.drafts = new Map();
    this.errors = {};
    this.failure = null;
    this.shown = null;
    this.depth = 0;
    this.busy = false;
    this.dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      if (this.shown && event.target === this.dialog) this.close(false);
    });
  }

  /** Show the top of the stack, or nothing. */
  show(stack) {
    const view = stack.at(-1) ?? null;
    const before = this.shown;
    const changed = view?.id !== before?.id;
    if (!changed && view?.hash === before?.hash && this.depth === stack.length) return;
    this.depth = stack.length;
    this.shown = view;
    if (changed) {
      this.errors = {};
      this.failure = null;
      for (const id of [...this.drafts.keys()]) if (!stack.some((v) => v.id === id)) this.drafts.delete(id);
    }
    if (view === null) {
      if (this.dialog.open) this.dialog.close();
      return;
    }
    this.draw(changed);
  }

  draft() {
    if (!this.drafts.has(this.shown.id)) this.drafts.set(this.shown.id, new Map());
    return this.drafts.get(this.shown.id);
  }

  draw(fresh) {
    const { shown: view, page } = this;
    const context = page.context();
    const focused = this.dialog.contains(document.activeElement) ? document.activeElement.dataset.testid : null;
    const where = {
      context,
      values: view.state.values,
      errors: this.errors,
      draft: this.draft(),
      confirm: (object) => confirmDialog(object, context),
      redraw: () => this.draw(false),
      act: (block, element, value) => this.act(block, element, value),
      suggest: async (block, element, typed) => (await api.post("suggest", {
        user: page.me, view_id: view.id, block_id: block.block_id, action_id: element.action_id, typed,
      })).options ?? [],
    };
    const form = h("form", { class: "modal-form", novalidate: true, onsubmit: (event) => { event.preventDefault(); this.submit(); } },
      h("header", { class: "modal-head" },
        h("h2", { id: "modal-title", "data-testid": "modal-title" }, textObject(view.title, context)),
        h("button", { type: "button", class: "btn icon", "aria-label": "Close", "data-testid": "modal-dismiss", onclick: () => this.close(true) }, "✕")),
      h("div", { class: "modal-body" }, drawBlocks(view.blocks, where),
        this.failure && h("p", { class: "error", role: "alert", "data-testid": "modal-failure" }, this.failure)),
      h("footer", { class: "modal-foot" },
        (view.close || this.depth > 1 || view.submit) && h("button", { type: "button", class: "btn", "data-testid": "modal-close", onclick: () => this.close(false) },
          view.close ? textObject(view.close, context) : this.depth > 1 ? "Back" : "Cancel"),
        view.submit && h("button", { type: "submit", class: "btn primary", "data-testid": "modal-submit" }, textObject(view.submit, context))));
    form.addEventListener("input", (event) => this.forgive(event.target));
    replace(this.dialog, form);
    if (!this.dialog.open) this.dialog.showModal();
    const wrong = this.dialog.querySelector("[aria-invalid=true]");
    const first = this.dialog.querySelector(".modal-body input, .modal-body select, .modal-body textarea");
    if (wrong) wrong.focus();
    else if (fresh) (first ?? this.dialog.querySelector(".modal-foot .primary") ?? this.dialog.querySelector("button")).focus();
    else if (focused) this.dialog.querySelector(`[data-testid="${CSS.escape(focused)}"]`)?.focus();
  }

  /** What is being mended is no longer called wrong. */
  forgive(control) {
    const input = control.closest(".input.wrong");
    if (!input) return;
    delete this.errors[input.dataset.testid.replace(/^input-/, "")];
    input.classList.remove("wrong");
    input.querySelector(".error")?.remove();
    control.removeAttribute("aria-invalid");
  }

  values() {
    return collect(this.draft(), this.shown.blocks);
  }

  async act(block, element, value) {
    const result = await api.post("act", {
      user: this.page.me, view_id: this.shown.id, block_id: block.block_id, action_id: element.action_id, value, values: this.values(),
    });
    await this.after(result);
  }

  async submit() {
    if (this.busy) return;
    this.busy = true;
    const button = this.dialog.querySelector("[data-testid=modal-submit]");
    button?.classList.add("busy");
    const told = { user: this.page.me, view_id: this.shown.id, values: this.values() };
    const result = await api.post("submit", told);
    this.busy = false;
    button?.classList.remove("busy");
    await this.after(result);
  }

  async close(everything) {
    await api.post("close", { user: this.page.me, view_id: this.shown.id, everything: everything && this.depth > 1 });
    await this.page.refreshViews();
  }

  async after(result) {
    const view = this.shown;
    this.errors = result.errors ?? {};
    this.failure = result.error ?? null;
    await this.page.refreshViews();
    if (this.shown && this.shown.id === view?.id && (this.failure || Object.keys(this.errors).length)) this.draw(false);
  }
}
