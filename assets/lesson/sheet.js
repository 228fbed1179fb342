// The open lesson on paper: asked of the server, saved by the browser.

import {download, fileOf} from '../shared/saving.js';

/**
 * Make the button in `panel` work. @param {{asked: function(): object, ask: function, say: function, status: function,
 * fail: function}} panel asked: which lesson, in which language; status and fail say how it goes
 */
export function printing(button, {asked, ask, say, status, fail}) {
  button.addEventListener('click', async () => {
    button.disabled = true;
    fail('');
    status(say('sheet-making'));
    const paper = await ask('click', {ask: 'paper', ...asked()});
    button.disabled = false;
    status(paper.error ? '' : say('sheet-made'));
    if (paper.error) fail(paper.error);
    else download(fileOf(paper.uri), paper.name);
  });
}
