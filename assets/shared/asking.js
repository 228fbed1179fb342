// Questions to the server, one at a time: two answers at once would be one value of the component.

const PATIENCE = 180_000; // milliseconds until a question that nobody answers is given up: others may be before us

/**
 * A question that the server lets fall (too many wait, say) is told by an event `mat-unanswered` of the window, with a
 * selector of the component that asked.
 * @param {function(string, object): void} trigger Gradio's @param {function(): string} silent says that nobody answers
 * @param {?Element} element of the component
 * @returns {{ask: function(string, object): Promise<object>, hear: function(string): void}} an answer may be {error}
 */
export function questions(trigger, silent, element = null) {
  let tickets = 0;
  let waiting = null;
  let line = Promise.resolve();

  function ask(event, question) {
    line = line.then(() => new Promise((answered) => {
      const ticket = ++tickets;
      const timer = setTimeout(() => waiting?.settle({error: silent()}), PATIENCE);
      waiting = {ticket, settle: (answer) => { clearTimeout(timer); waiting = null; answered(answer); }};
      trigger(event, {...question, ticket});
    }));
    return line;
  }

  function hear(text) {
    let answer = null;
    try {
      answer = JSON.parse(text);
    } catch {
      return;
    }
    if (waiting && answer?.ticket === waiting.ticket) waiting.settle(answer);
  }

  globalThis.addEventListener?.('mat-unanswered', ({detail}) => {
    if (element?.closest(detail)) waiting?.settle({error: silent()});
  });
  return {ask, hear};
}
