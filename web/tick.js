// The clock of v86's loop, as a worker: browsers slow the timers of a page that isn't looked at, not those of its workers.

let timer;
globalThis.onmessage = ({ data: { t, tick } }) => {
  clearTimeout(timer);
  if (t < 1) postMessage(tick);
  else timer = setTimeout(() => postMessage(tick), t);
};
