// The page of the web service follows the theme that was chosen, or that of the system.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => root.classList.toggle("dark-mode", (root.dataset.bsTheme || (system.matches ? "dark" : "")) === "dark");
  system.addEventListener("change", follow);
  follow();
})();
