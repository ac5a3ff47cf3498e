/* Small helps of the admin's pages, each of which works without them.

   data-live        a part that htmx asks for again and again
   data-copy="id"   a button that copies the text of the element with that id
   data-confirm     a form that asks before it is sent */
"use strict";

(() => {
  const isLive = (element) => element.closest && element.closest("[data-live]");

  document.addEventListener("htmx:configRequest", (event) => {
    const token = document.querySelector('meta[name="csrf-token"]');
    if (token && event.detail.verb !== "get") {
      event.detail.headers["X-CSRFToken"] = token.content;
    }
  });

  // A tab that nobody sees asks for nothing.
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (document.hidden && isLive(event.detail.elt)) event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden || !window.htmx) return;
    document.querySelectorAll("[data-live]").forEach((part) => window.htmx.trigger(part, "refresh"));
  });

  const stale = (is) => document.documentElement.classList.toggle("is-stale", is);
  ["htmx:responseError", "htmx:sendError"].forEach((name) =>
    document.addEventListener(name, (event) => { if (isLive(event.detail.elt)) stale(true); }));
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.successful && isLive(event.detail.elt)) stale(false);
  });

  const copied = async (source) => {
    const text = (source.value === undefined ? source.textContent : source.value).trim();
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    // Without HTTPS, and not on this machine, there is no clipboard: copy a selection.
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) throw new Error("not copied");
  };
  const copy = async (button) => {
    button.dataset.words ||= button.textContent;
    const source = document.getElementById(button.dataset.copy);
    try {
      await copied(source);
      button.textContent = "Copied";
    } catch {
      window.getSelection().selectAllChildren(source);
      button.textContent = "Marked: copy by hand";
    }
    const says = document.getElementById("live-says");
    if (says) says.textContent = button.textContent;
    window.setTimeout(() => { button.textContent = button.dataset.words; }, 2000);
  };
  // Without this file there is nothing to press.
  const show = () => document.querySelectorAll("[data-copy]").forEach((each) => { each.hidden = false; });
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", show);
  else show();
  document.addEventListener("htmx:afterSettle", show);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
  });

  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.confirm;
    if (question && !window.confirm(question)) event.preventDefault();
  });

  // A conversation begins where it ends.
  const toEnd = () => {
    const talk = document.querySelector("[data-begin-at-end]");
    if (talk) talk.scrollTop = talk.scrollHeight;
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", toEnd);
  else toEnd();
})();
