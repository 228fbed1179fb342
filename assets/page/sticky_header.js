// How high is what stays in sight: the tabs stick below it.

/** Tell the style sheet, from now on, as --top in pixels. */
export function measureTop(tries = 200) {
  const top = document.querySelector('#top');
  if (!top) {
    if (tries) setTimeout(() => measureTop(tries - 1), 50);
    return;
  }
  const tell = () => document.documentElement.style.setProperty('--top', `${Math.round(top.getBoundingClientRect().height)}px`);
  new ResizeObserver(tell).observe(top);
  tell();
}
