// A finger that comes down on a slider to scroll the page does not move the slider: browsers set it at the first touch.

const SLOP = 8; // pixels of a finger that rests

/** Hold the sliders of the page back until a touch is known to be theirs, from now on. */
export function holdSliders() {
  let touch = null; // of a slider: {slider, value before it, x, isHeld: the page has not heard of the new value}

  const release = () => {
    const {slider, isHeld} = touch;
    touch = null;
    if (isHeld) slider.dispatchEvent(new Event('input', {bubbles: true}));
  };
  const on = (kind, act) => addEventListener(kind, (event) => {
    if (touch && event.target === touch.slider) act(event);
  }, true);

  addEventListener('pointerdown', ({target, pointerType, clientX}) => {
    const isSlider = target instanceof HTMLInputElement && target.type === 'range' && pointerType === 'touch';
    touch = isSlider ? {slider: target, value: target.value, x: clientX, isHeld: false} : null;
  }, true);
  on('input', (event) => {
    event.stopImmediatePropagation();
    touch.isHeld = true;
  });
  on('pointermove', ({clientX}) => { if (Math.abs(clientX - touch.x) > SLOP) release(); });
  on('pointerup', release);
  on('pointercancel', () => { // the browser scrolls
    touch.slider.value = touch.value;
    touch = null;
  });
}
