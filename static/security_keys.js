// Pages with a security key: say so when the key did not answer, and let Enter do what the button does.
(() => {
  document.addEventListener("allauth.error", (event) => {
    const words = document.querySelector("[data-key-failed]");
    if (!words) return;
    event.preventDefault();
    words.hidden = false;
    words.focus();
  });
  document.addEventListener("submit", (event) => {
    const button = event.target.querySelector("[data-asks-key]");
    if (!button || event.submitter === button) return;
    event.preventDefault();
    button.click();
  });
})();
