// When the browser has drawn what the page shows.

const LONGEST = 250; // ms: a tab of the browser that is not seen draws no frames

/** Resolves after the next frame. @returns {Promise<void>} */
export const afterFrame = () => new Promise((done) => {
  setTimeout(done, LONGEST);
  requestAnimationFrame(() => setTimeout(done));
});
