// The little that pages do better with script. Everything works without it.
(() => {
  const root = document.documentElement;
  const remembered = () => {
    try { return localStorage.getItem("theme") || ""; } catch { return ""; }
  };
  const applyTheme = (theme) => {
    if (theme === "light" || theme === "dark") root.dataset.bsTheme = theme;
    else delete root.dataset.bsTheme;
  };
  applyTheme(remembered());

  const boxes = (form) => [...form.querySelectorAll("tbody input[type=checkbox]")];

  const showSelection = (form) => {
    const all = boxes(form);
    const ticked = all.filter((box) => box.checked).length;
    const words = form.querySelector("[data-selected]");
    if (words) {
      const pattern = ticked === 1 ? words.dataset.selectedOne || words.dataset.selected : words.dataset.selected;
      words.textContent = pattern.replace("{n}", ticked.toLocaleString(root.lang));
    }
    const bar = form.querySelector(".bulk");
    if (bar) bar.hidden = ticked === 0;
    const everything = form.querySelector("[data-select-all]");
    if (everything) {
      everything.checked = ticked > 0 && ticked === all.length;
      everything.indeterminate = ticked > 0 && ticked < all.length;
    }
  };
  const showSelections = () => document.querySelectorAll("form[data-bulk]").forEach(showSelection);

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("[data-needs-script]").forEach((element) => { element.hidden = false; });
    document.querySelectorAll("[data-theme-choice]").forEach((choice) => { choice.value = remembered(); });
    showSelections();
  });
  window.addEventListener("pageshow", showSelections);
  document.addEventListener("htmx:afterSwap", showSelections);

  document.addEventListener("keydown", (event) => {
    if (event.key !== " " || !event.target.matches("a[role=button]")) return;
    event.preventDefault();
    event.target.click();
  });

  document.addEventListener("change", ({ target }) => {
    if (target.matches("[data-theme-choice]")) {
      try { localStorage.setItem("theme", target.value); } catch { /* the choice then lasts for this page */ }
      applyTheme(target.value);
      return;
    }
    const form = target.closest("form[data-bulk]");
    if (!form) return;
    if (target.matches("[data-select-all]")) boxes(form).forEach((box) => { box.checked = target.checked; });
    showSelection(form);
  });
})();
