// Calls to the server through a component's events, one at a time: Gradio answers by setting the component's value.

const TIMEOUT = 180_000; // milliseconds: other visitors' calls may come first

/**
 * A call that the server drops (queue full, say) is reported by a window event `mat-unanswered`, whose detail is a
 * selector of the component.
 * @param {function(string, object): void} trigger Gradio's @param {function(): string} timeoutMessage
 * @param {?Element} element of the component
 */
export function rpcClient(trigger, timeoutMessage, element = null) {
  let tickets = 0;
  let pending = null;
  let queue = Promise.resolve();
  const fail = () => pending?.settle({error: timeoutMessage()});

  /** The answer, which may be {error}. @param {string} event @param {object} request @returns {Promise<any>} */
  function call(event, request) {
    queue = queue.then(() => new Promise((resolve) => {
      const ticket = ++tickets;
      const timer = setTimeout(fail, TIMEOUT);
      pending = {ticket, settle: (answer) => { clearTimeout(timer); pending = null; resolve(answer); }};
      trigger(event, {...request, ticket});
    }));
    return queue;
  }

  /** Take a new value of the component. @param {string} text JSON */
  function receive(text) {
    try {
      const answer = JSON.parse(text);
      if (pending && answer?.ticket === pending.ticket) pending.settle(answer);
    } catch {
      // the component's empty value
    }
  }

  globalThis.addEventListener?.('mat-unanswered', (event) => {
    if (element?.closest(/** @type {CustomEvent} */ (event).detail)) fail();
  });
  return {call, receive};
}

/** For the failure of a component's event: no answer will come. @param {string} selector of the component */
export const unanswered = (selector) => { dispatchEvent(new CustomEvent('mat-unanswered', {detail: selector})); };
