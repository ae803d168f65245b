// The keyboard: shortcuts of the page, movement in lists.

import { app, go, visiblePanes, hasFeature } from "./app.js";
import { openHelp, openData, closeDialog, dialogOpen } from "./dialogs.js";
import { switchTheme } from "./shell.js";

export function listenToKeys(refresh) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || dialogOpen()) return;
    const typing = event.target.closest?.("input, textarea, select");
    if (typing) {
      if (event.key === "Escape") typing.blur();
      else if (event.key === "ArrowDown" && typing.type === "search") moveRow("first") && event.preventDefault();
      return;
    }
    if (act(event, refresh)) event.preventDefault();
  });
}

function act(event, refresh) {
  if (app.pane?.key?.(event)) return true;
  const moves = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, Home: "first", End: "last" };
  if (event.key in moves) return moveRow(moves[event.key]);
  const pane = /^[1-7]$/.test(event.key) && visiblePanes()[Number(event.key) - 1];
  if (pane) return go(pane.id), true;
  const actions = {
    "/": focusSearch, "?": openHelp, t: switchTheme, x: openData, r: refresh, Escape: goUp,
    c: () => hasFeature("trends") && go("changed"),
  };
  if (!(event.key in actions)) return false;
  actions[event.key]();
  return true;
}

function focusSearch() {
  const input = document.querySelector("#pane input[type=search]");
  input?.focus();
  input?.select();
}

function goUp() {
  if (!closeDialog() && app.route.id) go(app.route.pane);
}

/** Move the focus among the rows of the list on the page. */
function moveRow(move) {
  const rows = [...document.querySelectorAll("#pane [data-row]")];
  if (rows.length === 0) return false;
  const at = rows.indexOf(document.activeElement.closest?.("[data-row]"));
  const target = move === "first" ? 0 : move === "last" ? rows.length - 1 : at < 0 ? 0 : at + move;
  const row = rows[Math.max(0, Math.min(rows.length - 1, target))];
  row.focus();
  row.scrollIntoView({ block: "nearest" });
  return true;
}
