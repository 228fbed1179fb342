// An address such as #practice?seed=7&n=5 opens the tab that it is for, once that is there.
(() => {
  const tabFor = () => /^#practice\b/.test(location.hash)
    && [...document.querySelectorAll('[role="tab"]')].find((one) => one.textContent.trim() === 'Practice');
  let tries = 150;
  const wait = setInterval(() => {
    const tab = tabFor();
    // a click before the page listens is lost: it counts once the tab is selected
    if (tab === false || tab?.getAttribute('aria-selected') === 'true' || !--tries) clearInterval(wait);
    else tab?.click();
  }, 200);
  addEventListener('hashchange', () => tabFor() && tabFor().click());
})();
